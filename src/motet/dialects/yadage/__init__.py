"""Workflows in Yadage's language: stages that add steps (packtivities), or nested workflows, when their time has come.

documents   YAML and JSON files with the place of each value; `$ref`s, and where they may lead
"""
