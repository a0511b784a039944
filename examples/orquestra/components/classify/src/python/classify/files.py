"""Artifacts are JSON files with a key `schema`."""

import json


def save(name, **content):
    with open(f"{name}.json", "w") as file:
        json.dump({**content, "schema": "example-v1"}, file)


def load(path):
    with open(path) as file:
        return json.load(file)
