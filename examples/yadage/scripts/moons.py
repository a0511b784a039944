"""Two moons: `prepare COUNT DATA`, `train DATA CLASSIFIER MODEL`, `plot DATA PICTURE MODEL...`. Files are JSON."""

import json
import sys


def prepare(count, data):
    from sklearn.datasets import make_moons

    points, labels = make_moons(int(count), noise=0.25, random_state=0)
    with open(data, "w") as file:
        json.dump({"points": points.tolist(), "labels": labels.tolist()}, file)


def classifiers():
    from sklearn.gaussian_process import GaussianProcessClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    return {
        "neighbours": KNeighborsClassifier(3),
        "linear": SVC(kernel="linear", C=0.025),
        "rbf": SVC(gamma=2, C=1),
        "gaussian": GaussianProcessClassifier(),
        "tree": DecisionTreeClassifier(max_depth=5, random_state=0),
    }


def train(data, name, model):
    import numpy as np
    from sklearn.model_selection import cross_val_score

    with open(data) as file:
        moons = json.load(file)
    classifier = classifiers()[name]
    points, labels = np.array(moons["points"]), np.array(moons["labels"])
    score = float(cross_val_score(classifier, points, labels, cv=5).mean())
    grid = np.stack(np.meshgrid(np.linspace(-2, 3, 60), np.linspace(-1.5, 2, 60)), axis=-1)
    sides = classifier.fit(points, labels).predict(grid.reshape(-1, 2)).reshape(60, 60)
    with open(model, "w") as file:
        json.dump({"name": name, "score": score, "sides": sides.tolist()}, file)
    print(f"{name}: {score:.2f}")


def plot(data, picture, *models):
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    with open(data) as file:
        moons = json.load(file)
    figure, rows = pyplot.subplots(1, len(models), figsize=(3 * len(models), 3), squeeze=False)
    for axes, path in zip(rows[0], models, strict=True):
        with open(path) as file:
            model = json.load(file)
        axes.imshow(model["sides"], extent=(-2, 3, -1.5, 2), origin="lower", cmap="coolwarm", alpha=0.5)
        axes.scatter(*zip(*moons["points"], strict=True), c=moons["labels"], cmap="coolwarm", s=9, edgecolors="black")
        axes.set_title(f"{model['name']} {model['score']:.2f}")
    figure.savefig(picture)


if __name__ == "__main__":
    {"prepare": prepare, "train": train, "plot": plot}[sys.argv[1]](*sys.argv[2:])
