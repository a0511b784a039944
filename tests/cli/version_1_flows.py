import os

from motet import flow, task


def count(word):
    with open(os.environ["COUNT"], "a") as file:
        file.write(f"{word}\n")


def helper(x):
    return x + 1


class Point:
    def __init__(self, x):
        self.x = x


@task
def load(x):
    count(f"load-{x}")
    return Point(helper(x))


@task
def use(point, words, by=2):
    count("use")
    return point.x * by + len(words)


@task
def scale(x):
    count(f"scale-{x}")
    return x * 10


@task
def last(x):
    count("last")
    if not os.path.exists("well"):
        raise ValueError("not yet")
    return x


@flow
def below(x):
    return scale(x)


@flow
def main(x: int = 1):
    point = load(x)
    used = use(point, {"a", "b"}, by=3)
    scaled = scale.map([1, 2, 3]).result()
    return last(used + sum(scaled) + below(4))


renamed = main.with_options(name="sweep")
