"""The command line: `motet` and its commands. A module of them is imported when one of its commands is asked for."""
