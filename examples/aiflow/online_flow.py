"""Online learning as a flow in Python: the same tasks and rules as in `online_digits.py`."""

import os
import time

import numpy as np
from joblib import dump, load
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from motet import flow, publish, task
from motet.events import listen
from motet.reactions import react, start

WORK = os.environ.get("WORK", "online")
PAUSE_S = 1.0
BATCH = 40


def digits(part):
    """Images and what they show: "train" (1,000 of them), "validate" or "unseen"."""
    images, shown = load_digits(return_X_y=True)
    order = np.random.RandomState(7).permutation(len(images))
    chosen = {"train": order[:1000], "validate": order[1000:1400], "unseen": order[1400:]}[part]
    return images[chosen] / 16, shown[chosen]


def place(name):
    """A file of the run."""
    os.makedirs(WORK, exist_ok=True)
    return os.path.join(WORK, name)


@task
def collect():
    images, shown = digits("train")
    for size in range(BATCH, len(images) + 1, BATCH):
        np.savez(place("part.npz"), images=images[:size], shown=shown[:size])
        os.replace(place("part.npz"), place("seen.npz"))
        publish("digits/batch_ready", size)
        time.sleep(PAUSE_S)
    while True:
        time.sleep(PAUSE_S)


@task
def train():
    with np.load(place("seen.npz")) as seen:
        model = LogisticRegression(max_iter=200).fit(seen["images"], seen["shown"])
    dump(model, place("part.joblib"))
    os.replace(place("part.joblib"), place("trained.joblib"))


@task
def validate():
    model = load(place("trained.joblib"))
    score = f"{model.score(*digits('validate')):.4f}"
    best = max((each for each in os.listdir(WORK) if each.startswith("better-")), default="better-")
    print(score, "after", best)
    if f"better-{score}" > best:
        dump(model, place(f"better-{score}"))
        publish("digits/model_better", f"better-{score}")


@task
def read():
    images, shown = digits("unseen")

    def use(event):
        right = load(place(event.value)).score(images, shown)
        with open(place("read.txt"), "a") as file:
            file.write(f"{event.value}: {right:.3f} of the unseen digits are read right\n")

    with listen(use, "digits/model_better") as listener:
        listener.join()


@flow
def online():
    react(
        start(collect),
        start(read),
        start(train, on="digits/batch_ready", while_alive="queue"),
        start(validate, after=train),
    )
