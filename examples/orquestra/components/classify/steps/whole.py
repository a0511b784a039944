"""Two steps: make data, then train, predict and measure."""

from classify.files import load, save
from classify.learning import MODELS, make_points, predict


def generate(kind, count):
    points, labels = make_points(kind, count, seed=1)
    save("features", features=points)
    save("labels", labels=labels)


def train_and_test(features, labels, model, rounds):
    points, known = load(features)["features"], load(labels)["labels"]
    half = len(points) // 2
    trained = MODELS[model](points[:half], known[:half], rounds)
    found = predict(trained, points[half:])
    right = sum(a == b for a, b in zip(found, known[half:], strict=True))
    print(f"{model}: {right} of {len(found)} right")
    save("result", predictions=found, accuracy=[right / len(found)])
