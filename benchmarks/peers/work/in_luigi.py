"""Luigi with its local scheduler. What a task has done is a file."""

from __future__ import annotations

import itertools
import os
import tempfile

import luigi
from timing import ARRAY_FLOATS, Clock, carry_out, check

clock = Clock()
fresh = itertools.count()


class Nothing(luigi.Task):
    folder = luigi.Parameter()
    number = luigi.IntParameter()

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(os.path.join(self.folder, str(self.number)))

    def run(self) -> None:
        with self.output().open("w") as file:
            file.write(str(self.number))


class After(Nothing):
    def requires(self) -> list[luigi.Task]:
        return [After(self.folder, self.number - 1)] if self.number else []


class Make(Nothing):
    def run(self) -> None:
        import numpy as np

        with open(self.output().path, "wb") as file:
            np.save(file, np.random.default_rng(self.number).random(ARRAY_FLOATS))


class Length(Nothing):
    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(os.path.join(self.folder, f"length-{self.number}"))

    def requires(self) -> luigi.Task:
        return Make(self.folder, self.number)

    def run(self) -> None:
        import numpy as np

        check(len(np.load(self.input().path)), ARRAY_FLOATS)
        super().run()


def build(*tasks: luigi.Task) -> None:
    check(luigi.build(tasks, local_scheduler=True, log_level="ERROR"), True)


def folder() -> str:
    return tempfile.mkdtemp(dir=".")


def hello(size: int) -> float:
    build(Nothing(folder(), 0))
    return 0.0


def inline(size: int) -> float:
    place = folder()
    with clock.running():
        for number in range(size):
            build(Nothing(place, number))
    return clock.seconds


def submit(size: int) -> float:
    place = folder()
    with clock.running():
        build(*(Nothing(place, number) for number in range(size)))
    return clock.seconds


def chain(size: int) -> float:
    place = folder()
    with clock.running():
        build(After(place, size - 1))
    return clock.seconds


def cached(size: int) -> float:
    place = os.path.join(os.getcwd(), "kept")
    if not os.path.isdir(place):
        os.mkdir(place)
    tasks = [Nothing(place, number) for number in range(size)]
    with clock.running():
        build(*tasks)
    return clock.seconds


def array(size: int) -> float:
    place = folder()
    with clock.running():
        build(*(Length(place, next(fresh)) for _ in range(size)))
    return clock.seconds


if __name__ == "__main__":
    carry_out(
        {
            "hello": hello,
            "inline": inline,
            "submit": submit,
            "map": submit,
            "chain": chain,
            "cached": cached,
            "array": array,
        }
    )
