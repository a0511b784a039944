"""Workflows in Yadage's language: stages that add steps (packtivities), or nested workflows, when their time has come.

reader      a workflow, checked, with a place for every fault; relations how its stages hang together
spec        what it was found to be: plain data
selectors   which steps a text means, and which part of a result
values      what parameters come to; scatter spreads them over steps
growing     the graph that grows: which steps come next, once others have ended
program     the same as a program of the engine; asking the steps in which users' jq runs
inputs      what a run is begun with; workdirs the folder that it has
packtivity  one step: its process, environment and publisher
"""
