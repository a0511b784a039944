"""The engine: sessions own runs, drivers connect them with executors, timers and the store. Knows ports only."""
