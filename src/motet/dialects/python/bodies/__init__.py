"""How functions of each kind are carried out as steps: plain ones, coroutines, generators, async generators."""
