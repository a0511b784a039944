"""The plainest voice: a function that gives a `Program`, named as module:function. Other voices are built like it."""
