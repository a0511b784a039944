"""Workflows in `io.orquestra.workflow/1.0.0`, the YAML of Zapata's Quantum Engine (2020 to 2022).

reader      the text of a workflow, checked, with a place for every fault; templates become such texts
components  what the workflow imports, fetched by git and pinned
preflight   what of it can be known to fail before any step runs; probe asks the step's interpreter
program     the workflow as a program of the engine; voice makes and drives its runs
contract    one step, where it runs: its folder, its function, its artifacts
results     what a run gives, in the formats that the engine wrote
"""
