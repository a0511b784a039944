"""Packtivities: single steps, each a process in an environment with a publisher.

`spec` reads and checks one, `step` runs it as a step of a run, `commands` by itself. `placeholders` fills braces in,
`given` reads parameters as people type them.
"""
