"""Running scripts as a user does: a fresh interpreter, its output taken apart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

LISTING = Path(__file__).with_name("listing.txt").read_text()
"""A pipeline of three tasks as it was written for the beta, the first of which fails by chance."""

DRIVER = """
import ast, random, runpy, sys

outcomes = iter(sys.argv[1].split(",")) if sys.argv[1] else None
if outcomes is not None:
    random.choice = lambda choices: choices[int(next(outcomes))]
how, *argv = sys.argv[2:]
if how == "motet":
    from motet.cli.main import main
    sys.exit(main(argv))
# As a notebook does: what the last line gives is shown.
tree = ast.parse(open(argv[0]).read())
last = tree.body.pop()
exec(compile(tree, argv[0], "exec"))
print(repr(eval(compile(ast.Expression(last.value), argv[0], "eval"))))
"""


@dataclass
class Done:
    """A process that has ended. `said` holds, for each one that log lines are about, what these say."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        who = ""
        for line in self.err.splitlines():
            told = re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} \| (INFO   |ERROR  ) \| (.*?) - (.*)", line)
            if told is not None:
                who = told[2]
                found[who].append(f"{told[1].strip()} {told[3]}")
            else:
                found[who].append(line)
        return dict(found)


def run(*argv: str, draws: str = "", how: str = "notebook") -> Done:
    """Run a file as a notebook cell, or a command of `motet`; `draws` are the places that random.choice gives."""
    command = [sys.executable, "-c", DRIVER, draws, how, *argv]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"})
    # The command says first that the run began; all else is said as the beta says it.
    said = re.sub(r"\Amotet: [\d:]{8} \S+ began: \S+ \(\w+\)\n", "", done.stderr)
    return Done(done.returncode, done.stdout, said)
