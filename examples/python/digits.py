"""Find a good classifier for handwritten digits: a baseline, a small search in parallel, a table and a plot.

    motet run examples/python/digits.py
    motet run examples/python/digits.py -p folds=3 -p output=/tmp/digits

Everything is offline: the 1,797 images of 8 x 8 pixels come with scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import matplotlib
import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.svm import SVC

from motet import flow, task, unmapped

matplotlib.use("Agg")  # draws into files; needs no screen
from matplotlib import pyplot as plt  # after the choice above

OUTPUT = Path(__file__).resolve().parent / "output"
MARGINS = (0.1, 1.0, 10.0, 100.0)
WIDTHS = (0.003, 0.01, 0.03)


@dataclass
class Digits:
    """Images as rows of 64 numbers with the digits they show: some to learn from, some held out."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


@dataclass
class Trial:
    """A model and its mean accuracy in cross-validation."""

    name: str
    options: dict[str, Any]
    accuracy: float


@task
def load() -> tuple[np.ndarray, np.ndarray]:
    """The images (n, 64), pixels from 0 to 16, and the digits (n,)."""
    return load_digits(return_X_y=True)


@task
def hold_out(images: np.ndarray, labels: np.ndarray, seed: int) -> Digits:
    """A quarter held out for the last word, with the same share of each digit."""
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.25, stratify=labels, random_state=seed
    )
    return Digits(train_x, train_y, test_x, test_y)


@task
def scale(digits: Digits) -> Digits:
    """Pixels centred on the mean of the training images, in units of their common spread."""
    mean, spread = digits.train_x.mean(axis=0), digits.train_x.std()
    return Digits((digits.train_x - mean) / spread, digits.train_y, (digits.test_x - mean) / spread, digits.test_y)


@flow
def preprocess(seed: int) -> Digits:
    """From nothing to numbers that a model can learn from."""
    images, labels = load()
    return scale(hold_out(images, labels, seed))


def build(name: str, options: dict[str, Any]) -> ClassifierMixin:
    """The untrained model of that name."""
    models = {"logistic regression": LogisticRegression, "support vectors": SVC}
    return models[name](**options)


@task(retries=1)
def evaluate(digits: Digits, name: str, options: dict[str, Any], folds: int) -> Trial:
    """How well such a model does on images that it has not seen, by cross-validation."""
    scores = cross_val_score(build(name, options), digits.train_x, digits.train_y, cv=folds)
    return Trial(name, options, float(scores.mean()))


@task
def train(digits: Digits, trial: Trial) -> ClassifierMixin:
    """The model, trained on all the training images."""
    return build(trial.name, trial.options).fit(digits.train_x, digits.train_y)


@task
def score(digits: Digits, model: ClassifierMixin) -> float:
    """The model's accuracy on the images that were held out."""
    return float(model.score(digits.test_x, digits.test_y))


@task
def save_model(model: ClassifierMixin, output: Path) -> Path:
    """The model in a file; `joblib.load` reads it."""
    path = output / "best-model.joblib"
    joblib.dump(model, path)
    return path


@task
def write_table(trials: list[Trial], output: Path) -> pd.DataFrame:
    """All trials, best first; also in `trials.csv`."""
    rows = [{"model": each.name, **each.options, "cv_accuracy": round(each.accuracy, 4)} for each in trials]
    table = pd.DataFrame(rows).sort_values("cv_accuracy", ascending=False, ignore_index=True)
    table.to_csv(output / "trials.csv", index=False)
    return table


@task
def plot(trials: list[Trial], baseline: Trial, digits: Digits, model: ClassifierMixin, output: Path) -> Path:
    """The search beside the best model's mistakes on the images that were held out."""
    figure, (search, mistakes) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for width in WIDTHS:
        line = [each for each in trials if each.options["gamma"] == width]
        search.plot(
            [each.options["C"] for each in line],
            [each.accuracy for each in line],
            marker="o",
            label=f"gamma {width:g}",
        )
    search.axhline(baseline.accuracy, linestyle="--", color="grey", label=baseline.name)
    search.set(xscale="log", xlabel="C", ylabel="accuracy in cross-validation", title="The search")
    search.legend()
    ConfusionMatrixDisplay.from_estimator(
        model, digits.test_x, digits.test_y, ax=mistakes, cmap="Blues", colorbar=False
    )
    mistakes.set_title("The best model on images held out")
    path = output / "digits.png"
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


@flow
def find_classifier(output: Path = OUTPUT, folds: int = 5, seed: int = 0) -> dict[str, Any]:
    """Preprocess, compare, pick the best by cross-validation, and judge it on images nobody has seen."""
    output.mkdir(parents=True, exist_ok=True)
    prepared = preprocess(seed)

    baseline = evaluate.submit(prepared, "logistic regression", {"max_iter": 500}, folds)
    grid = [{"C": margin, "gamma": width} for width, margin in product(WIDTHS, MARGINS)]
    search = evaluate.map(unmapped(prepared), unmapped("support vectors"), grid, unmapped(folds))
    trials = [each.result() for each in search]

    best = max(trials, key=lambda trial: trial.accuracy)
    model = train(prepared, best)
    table = write_table([baseline.result(), *trials], output)
    plot(trials, baseline.result(), prepared, model, output)
    save_model(model, output)
    accuracy = score(prepared, model)

    print(table.to_string(index=False))
    print(f"The best recognises {accuracy:.1%} of the images that were held out. Files are in {output}.")
    return {"best": best.options, "test_accuracy": round(accuracy, 4), "output": str(output)}


if __name__ == "__main__":
    find_classifier()
