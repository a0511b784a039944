"""How executions of workflows run: as programs of tasks and rules, each task in a process of its snapshot."""
