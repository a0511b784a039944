"""Runs as Python objects: `motet.runs`, `motet.resume`, `motet.fork`.

    run = motet.runs["forty"]
    run.status, run.params, run.result
    run.steps["evaluate-0"].elements[3].result
    run.artifacts["scores"].value
    run.metrics["loss"]
    print(run.logs)

What is read is what the store has at that moment; nothing is run. Values are loaded as they were recorded, so their
classes must be importable.
"""

from motet.history.artifacts import Artifact as Artifact
from motet.history.artifacts import Artifacts as Artifacts
from motet.history.reading import Results as Results
from motet.history.reading import Run as Run
from motet.history.reading import Runs as Runs
from motet.history.reading import Step as Step
from motet.history.reading import Steps as Steps
from motet.history.reading import fork as fork
from motet.history.reading import resume as resume
from motet.history.reading import runs as runs

__all__ = ["runs", "resume", "fork", "Runs", "Run", "Steps", "Step", "Results", "Artifacts", "Artifact"]
