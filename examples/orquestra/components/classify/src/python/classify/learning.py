"""Two small classifiers of points with labels 0 and 1."""

import random


def make_points(kind, count, seed):
    """Points in a square, with the label of what they are on: one side of a line, or a ring."""
    draw = random.Random(seed)
    points = [[draw.uniform(-1, 1), draw.uniform(-1, 1)] for _ in range(count)]
    on = {"line": lambda x, y: x + 2 * y > 0.1, "ring": lambda x, y: 0.2 < x * x + y * y < 0.8}[kind]
    return points, [int(on(x, y)) for x, y in points]


def perceptron(points, labels, rounds):
    """Weights of a line between the labels, as far as there is one."""
    weights = [0.0, 0.0, 0.0]
    for _ in range(rounds):
        for (x, y), label in zip(points, labels, strict=True):
            error = label - int(weights[0] * x + weights[1] * y + weights[2] > 0)
            weights = [weights[0] + error * x, weights[1] + error * y, weights[2] + error]
    return {"kind": "perceptron", "weights": weights}


def neighbour(points, labels, rounds):
    """All points: the nearest one decides."""
    return {"kind": "neighbour", "points": points, "labels": labels}


MODELS = {"perceptron": perceptron, "neighbour": neighbour}


def predict(model, points):
    """The labels that the model gives."""
    if model["kind"] == "perceptron":
        a, b, c = model["weights"]
        return [int(a * x + b * y + c > 0) for x, y in points]
    return [model["labels"][nearest(model["points"], point)] for point in points]


def nearest(points, to):
    return min(range(len(points)), key=lambda i: (points[i][0] - to[0]) ** 2 + (points[i][1] - to[1]) ** 2)
