"""The third door: scripts written for Prefect 2 and 3 as they stand. `names` says what each module of Prefect's is
here, `signs` in whose manner a script is written.
"""
