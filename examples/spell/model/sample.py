"""Writes what might come next, a character after another."""

import argparse
import json
import os
import random

parser = argparse.ArgumentParser()
parser.add_argument("--length", type=int, default=200)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()

with open(os.path.join("save", "model.json"), encoding="utf-8") as file:
    model = json.load(file)
chance = random.Random(options.seed)
text = ""
while len(text) < options.length:
    before = text[-model["order"] :]
    while before not in model["counts"]:
        before = before[1:]
    follow = model["counts"][before]
    text += chance.choices(list(follow), weights=list(follow.values()))[0]
print(text)
