"""The command line: `motet` and its commands, one module each, imported when it is asked for."""
