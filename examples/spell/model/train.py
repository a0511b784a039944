"""Counts which character follows which few before it; says how surprised it is by the last tenth of the text."""

import argparse
import collections
import json
import math
import os

from spell.metrics import send_metric

parser = argparse.ArgumentParser()
parser.add_argument("--data_dir", default=".")
parser.add_argument("--order", type=int, default=3, help="how many characters it looks back")
parser.add_argument("--smooth", type=float, default=0.1, help="what a character counts that was not seen there")
options = parser.parse_args()

with open(os.path.join(options.data_dir, "input.txt"), encoding="utf-8") as file:
    text = file.read()
seen, unseen = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]
characters = sorted(set(text))
counts = {}

for order in range(options.order + 1):  # of those that begin nowhere, one looks back less far
    for at in range(order, len(seen)):
        before = seen[at - order : at]
        counts.setdefault(before, collections.Counter())[seen[at]] += 1
    surprise = 0.0
    for at in range(options.order, len(unseen)):
        found = counts.get(unseen[at - order : at], {})
        share = (found.get(unseen[at], 0) + options.smooth) / (sum(found.values()) + options.smooth * len(characters))
        surprise -= math.log(share)
    loss = surprise / max(1, len(unseen) - options.order)
    print(f"order {order}: loss {loss:.3f}")
    send_metric("loss", loss, index=order)

os.makedirs("save", exist_ok=True)
with open(os.path.join("save", "model.json"), "w", encoding="utf-8") as file:
    json.dump({"order": options.order, "counts": counts}, file)
