"""A small project whose one task reaches code in every way that people write, for edits to be made to."""

from __future__ import annotations

FILES = {
    "pipe.py": '''
import json
import math
from functools import lru_cache, partial, singledispatch, wraps

import config
import helpers
from helpers import scaled, shifted as moved
from motet import task
from models import Kind, Linear, Settings
from pack import deep
from pack.deep import floor_of


def logged(fn):
    @wraps(fn)
    def around(*args, **kwargs):
        return fn(*args, **kwargs) + EXTRA
    return around


EXTRA = 10
UNUSED = 99
WORDS = {"one": 1, "two": 2}
STEPS = [lambda x: x + 3, lambda x: x * 2]


@lru_cache
def remembered(x):
    return x + 5


@singledispatch
def shown(value):
    return 1


@shown.register
def _(value: int):
    return value + 7


def factory(rate):
    def inner(x):
        return x * rate
    return inner


times = factory(4)
powered = partial(pow, exp=2)


def recursive(n):
    return 1 if n <= 1 else n * recursive(n - 1)


class Adder:
    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return x + self.by


add = Adder(6)


def unused(x):
    return x - 1000


@task
@logged
def work(x, y=2, *, z=3):
    """What it does."""
    from pack import lazy

    total = scaled(x) + moved(x) + helpers.clipped(x) + config.RATE + config.settings.lr + deep.twice(x)
    total += remembered(x) + shown(x) + times(x) + powered(3) + recursive(4) + add(x) + lazy.lazily(x)
    for step in STEPS:
        total = step(total)
    if total in {1, 2, 3}:
        total = -total
    try:
        total += WORDS["one" if x > 0 else "two"]
    except KeyError:
        total = 0
    model = Linear(2)
    total += model.predict(x) + model.size + Linear.made(1).weight + Kind.BIG.factor() + Settings().depth
    parts = [each + y for each in range(3) if each != 1]
    total += sum(parts) + floor_of(2.5) + math.floor(1.5) + len(json.dumps(parts)) + z

    def last(value: int, more: int = 8) -> int:
        return value + more

    return last(total)
''',
    "helpers.py": """
LIMIT = 50
OTHER = 77


def scaled(x):
    return _by(x, 3)


def _by(x, factor):
    return x * factor


def shifted(x):
    return x - 4


def clipped(x, limit=LIMIT):
    return min(x, limit, LIMIT + 1)


def nobody_calls_me(x):
    return x
""",
    "config.py": """
RATE = 0.5
NOT_READ = 12


class _Settings:
    def __init__(self):
        self.lr = 0.25


settings = _Settings()
""",
    "models.py": """
import enum
from dataclasses import dataclass, field


class Base:
    offset = 9

    def predict(self, x):
        return self.weigh(x) + self.offset

    def weigh(self, x):
        return x


class Linear(Base):
    def __init__(self, weight):
        self.weight = weight

    def weigh(self, x):
        return super().weigh(x) * self.weight

    @property
    def size(self):
        return 11

    @classmethod
    def made(cls, weight):
        return cls(weight + 1)


class Kind(enum.Enum):
    SMALL = 1
    BIG = 2

    def factor(self):
        return self.value * 5


@dataclass
class Settings:
    depth: int = 6
    names: list = field(default_factory=lambda: ["a"])


class Unrelated:
    def nothing(self):
        return 123
""",
    "pack/__init__.py": "",
    "pack/deep.py": """
from math import floor


def twice(x):
    return x + x


def floor_of(x):
    return floor(x) + FLOOR


FLOOR = 1
""",
    "pack/lazy.py": """
from pack import lower


def lazily(x):
    return lower.lowest(x) + LAZY


LAZY = 2
""",
    "pack/lower.py": """
def lowest(x):
    return x - 6
""",
}
"""Its files, by their paths."""
