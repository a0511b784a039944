"""The same in four steps, so that parts can be shared and exchanged."""

from classify.files import load, save
from classify.learning import MODELS, make_points, predict


def generate(kind, count):
    points, labels = make_points(kind, count, seed=1)
    save("table", rows=[[*point, label] for point, label in zip(points, labels, strict=True)])


def preprocess(table):
    rows = load(table)["rows"]
    save("features", features=[row[:2] for row in rows])
    save("labels", labels=[row[2] for row in rows])


def train_predict(features, labels, model, rounds):
    points, known = load(features)["features"], load(labels)["labels"]
    half = len(points) // 2
    save("predictions", predictions=predict(MODELS[model](points[:half], known[:half], rounds), points[half:]))


def accuracy(predictions, labels):
    found, known = load(predictions)["predictions"], load(labels)["labels"]
    known = known[-len(found) :]
    save("accuracy", accuracy=[sum(a == b for a, b in zip(found, known, strict=True)) / len(found)])
