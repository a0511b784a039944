"""Commands as attempts: shell text, argument lists, and Python functions in other environments.

`spec.Command` is what a voice asks for, `spec.Finished` what it gets, `executor.CommandExecutor` what runs it.
"""
