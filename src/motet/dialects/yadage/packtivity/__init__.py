"""Packtivities: single steps, each a process in an environment with a publisher.

`spec` reads and checks one, `step` runs it as a step of a run, `commands` by itself. `given` reads what people
give it, and fills the names of folders in.
"""
