# ruff: noqa: E501 - programs as texts
"""Pipelines of the kind that people write. Run as `python -m tests.identity.pipelines FOLDER`, it runs all that are written
there, and prints for each how many steps of tasks there were, how many came from the cache, and what was said.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

HEAD = """
from motet import INPUTS, TASK_SOURCE, flow
from motet import task as plain_task
def task(fn): return plain_task(cache_policy=INPUTS + TASK_SOURCE)(fn)
"""

BODIES = {
    "sklearn_train": """
import numpy as np
from sklearn.linear_model import LogisticRegression
SEED = 3
@task
def load(n):
    rng = np.random.default_rng(SEED)
    return rng.normal(size=(n, 3)), rng.integers(0, 2, n)
@task
def fit(data, c):
    x, y = data
    return LogisticRegression(C=c).fit(x, y)
@task
def score(model, data): return float(model.score(*data))
@flow
def main():
    data = load(40)
    return [score(fit(data, c), data) for c in (0.1, 1.0)]
""",
    "sklearn_estimator_argument": """
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import Ridge
@task
def fit(model, x, y): return clone(model).fit(x, y).predict(x).round(6)
@flow
def main():
    x = np.arange(12.0).reshape(6, 2)
    return [fit(make_pipeline(StandardScaler(), Ridge(alpha=a)), x, x[:, 0]).tolist() for a in (1, 2)]
""",
    "sklearn_grid": """
from sklearn.model_selection import ParameterGrid, KFold
import numpy as np
X = np.arange(20.0)
@task
def fold(train, test, depth): return float(X[train].mean() - X[test].mean()) * depth
@flow
def main():
    return [fold(a, b, p["depth"]) for p in ParameterGrid({"depth": [1, 2]}) for a, b in KFold(2).split(X)]
""",
    "pandas_etl": """
import pandas as pd
RENAMES = {"a": "first", "b": "second"}
@task
def extract(): return pd.DataFrame({"a": [1, 2, None], "b": ["x", "y", "z"]})
@task
def clean(df): return df.dropna().rename(columns=RENAMES)
@task
def total(df, column="first"): return float(df[column].sum())
@flow
def main(): return total(clean(extract()))
""",
    "pandas_global_frame": """
import pandas as pd
FRAME = pd.DataFrame({"k": list("aabb") * 3000, "v": range(12000)})
@task
def per_group(key): return int(FRAME[FRAME.k == key].v.sum())
@flow
def main(): return per_group.map(["a", "b"]).result()
""",
    "pandas_method_chain": """
import pandas as pd
from functools import reduce
STEPS = [lambda d: d.assign(c=d.a * 2), lambda d: d[d.c > 2], lambda d: d.sort_values("c", ascending=False)]
@task
def run(df): return reduce(lambda d, step: step(d), STEPS, df).c.tolist()
@flow
def main(): return run(pd.DataFrame({"a": [1, 2, 3]}))
""",
    "torch_like_module": """
import numpy as np
class Parameter:
    def __init__(self, data): self.data, self.grad = data, None
class Module:
    def __init__(self): self._parameters, self.training = {}, True
    def __setattr__(self, name, value):
        if isinstance(value, Parameter): self._parameters[name] = value
        else: object.__setattr__(self, name, value)
    def __getattr__(self, name):
        if name in self.__dict__.get("_parameters", {}): return self._parameters[name]
        raise AttributeError(name)
class Linear(Module):
    def __init__(self, n):
        super().__init__()
        self.weight = Parameter(np.ones(n))
    def __call__(self, x): return float(x @ self.weight.data)
@task
def evaluate(model, x): return model(x)
@flow
def main():
    model = Linear(3)
    return [evaluate(model, np.full(3, v)) for v in (1.0, 2.0)]
""",
    "torch_like_trainer": """
import logging, threading
log = logging.getLogger("trainer")
class Optimiser:
    def __init__(self, lr): self.lr, self.state = lr, {}
class Trainer:
    def __init__(self, lr): self.optimiser, self.lock, self.log = Optimiser(lr), threading.Lock(), log
    @task
    def epoch(self, n):
        with self.lock: log.info("epoch %s", n)
        return n * self.optimiser.lr
@flow
def main():
    trainer = Trainer(0.5)
    return [trainer.epoch(n) for n in range(3)]
""",
    "dataclass_config": """
from dataclasses import dataclass, field
@dataclass(frozen=True)
class Model: depth: int = 3
@dataclass
class Config:
    lr: float = 0.1
    model: Model = field(default_factory=Model)
    tags: set = field(default_factory=lambda: {"a", "b"})
@task
def train(config, seed): return config.lr * config.model.depth + seed
@flow
def main(): return [train(Config(), s) for s in range(3)]
""",
    "pydantic_config": """
from pydantic import BaseModel, Field, field_validator
class Config(BaseModel):
    lr: float = Field(0.1, gt=0)
    names: list[str] = ["a"]
    @field_validator("names")
    @classmethod
    def lower(cls, value): return [each.lower() for each in value]
@task
def train(config): return config.lr, config.names
@flow
def main(): return [train(Config(names=["A", "b"])), train(Config(lr=1))]
""",
    "module_settings": """
import settings_module as settings
@task
def train(seed): return settings.LR * seed + settings.options.depth
@flow
def main(): return [train(s) for s in range(3)]
""",
    "dict_config": """
CONFIG = {"lr": 0.1, "layers": [3, 4], "act": "relu"}
def layer(n): return n * CONFIG["lr"]
@task
def train(seed): return sum(layer(n) for n in CONFIG["layers"]) + seed
@flow
def main(): return [train(s) for s in range(3)]
""",
    "closure_factory": """
def scaler(rate):
    @task
    def scale(x): return x * rate
    return scale
@flow
def main(): return [scaler(rate)(7) for rate in (2, 3, 5)]
""",
    "task_in_flow": """
@flow
def main(rate: float = 0.1):
    @task
    def train(fold): return fold * rate
    return [train(k) for k in (1, 2)]
""",
    "partials": """
from functools import partial
def power(exponent, x): return x ** exponent
square, cube = task(partial(power, 2)), task(partial(power, 3))
@flow
def main(): return [square(3), cube(3)]
""",
    "callables": """
class Scale:
    def __init__(self, by): self.by = by
    def __call__(self, x): return x * self.by
double = task(Scale(2))
@flow
def main(): return [double(1), double(2)]
""",
    "decorated": """
import functools, time
def timed(fn):
    @functools.wraps(fn)
    def around(*args, **kwargs):
        began = time.perf_counter()
        try: return fn(*args, **kwargs)
        finally: assert time.perf_counter() >= began
    return around
@task
@timed
def work(x): return x + 1
@flow
def main(): return [work(x) for x in range(3)]
""",
    "lru_cached": """
from functools import cache
@cache
def table(n): return [i * i for i in range(n)]
@task
def look(i): return table(10)[i]
@flow
def main(): return [look(i) for i in range(3)]
""",
    "enums_and_matches": """
from enum import Enum
class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"
@task
def run(mode, x):
    match mode:
        case Mode.FAST: return x
        case Mode.SLOW: return -x
@flow
def main(): return [run(m, 1) for m in Mode]
""",
    "regex_text": """
import re
WORD = re.compile(r"[a-z]+")
STOP = {"the", "a", "of", "in"}
@task
def tokens(text): return [w for w in WORD.findall(text.lower()) if w not in STOP]
@task
def count(words): return {w: words.count(w) for w in sorted(set(words))}
@flow
def main(): return count(tokens("The cat of the house in a house"))
""",
    "paths": """
from pathlib import Path
ROOT = Path("data")
@task
def name(path): return (ROOT / path).suffix
@flow
def main(): return [name(Path("a.csv")), name(Path("b.txt"))]
""",
    "subflows": """
@task
def square(x): return x * x
@flow
def below(n): return [square(i) for i in range(n)]
@flow
def main(): return below(2), below(3)
""",
    "maps": """
from motet import unmapped
@task
def add(x, by): return x + by
@flow
def main(): return add.map(add.map([1, 2, 3], unmapped(1)), 2).result()
""",
    "submits": """
@task
def load(i): return list(range(i))
@task
def total(values, extra=0): return sum(values) + extra
@flow
def main(): return [total.submit(load.submit(i), extra=i).result() for i in range(3)]
""",
    "coroutines": """
import asyncio
@task
async def fetch(x):
    await asyncio.sleep(0)
    return x * 2
@flow
async def main(): return await asyncio.gather(*[fetch(x) for x in range(3)])
""",
    "inheritance": """
from abc import ABC, abstractmethod
class Step(ABC):
    @abstractmethod
    def run(self, x): ...
class Add(Step):
    amount = 2
    def run(self, x): return x + self.amount
class AddMore(Add):
    amount = 5
    def run(self, x): return super().run(x) + 1
@task
def apply(step, x): return step.run(x)
@flow
def main(): return [apply(Add(), 1), apply(AddMore(), 1)]
""",
    "registry": """
REGISTRY = {}
def register(fn):
    REGISTRY[fn.__name__] = fn
    return fn
@register
def one(x): return x + 1
@register
def two(x): return x + 2
@task
def run(name, x): return REGISTRY[name](x)
@flow
def main(): return [run(n, 1) for n in ("one", "two")]
""",
    "arrays": """
import numpy as np
from numpy.linalg import norm
@task
def make(n): return np.eye(n)
@task
def size(a, order=None): return float(norm(a, order))
@flow
def main(): return [size(make(3)), size(np.ones(4)), size(np.float32([1, 2]))]
""",
    "bootstrap": """
import random
import statistics as st
@task
def resample(values, seed): return random.Random(seed).choices(values, k=5)
@task
def mean(values): return st.mean(values)
@flow
def main(): return [mean(resample([1, 2, 3, 4], s)) for s in range(4)]
""",
    "named_tuples": """
from collections import namedtuple, Counter, defaultdict
from typing import NamedTuple
Point = namedtuple("Point", "x y")
class Box(NamedTuple):
    low: Point
    high: Point
    def area(self): return (self.high.x - self.low.x) * (self.high.y - self.low.y)
@task
def area(box, seen): return box.area() + sum(seen.values())
@flow
def main(): return [area(Box(Point(0, 0), Point(n, n)), Counter("aab")) for n in (1, 2)]
""",
    "lazy_imports": """
@task
def run(x):
    import math
    from settings_module import LR
    return math.sqrt(x) * LR
@flow
def main(): return [run(4), run(9)]
""",
    "clients": """
from motet import means
@means
class Client:
    def __init__(self): self.stream = (each for each in "abc")
    def get(self, key): return key.upper()
client = Client()
@task
def ask(key): return client.get(key)
@task
def ask_by(given, key): return given.get(key)
@flow
def main(): return ask("a"), ask_by(client, "b")
""",
}
"""By name: what follows `HEAD`."""

SETTINGS = "LR = 0.1\nclass Options:\n    def __init__(self): self.depth = 3\noptions = Options()\n"


def write(folder: Path, comment: str = "") -> None:
    """Write all of them, and what they import."""
    (folder / "settings_module.py").write_text(comment + SETTINGS)
    for name, body in BODIES.items():
        (folder / f"{name}.py").write_text(comment + HEAD + body.replace("\n@task", f"\n{comment}@task"))


def run(folder: Path) -> dict[str, Any]:
    """Run all that are written there: for each its result, its steps of tasks, those from the cache, what was said."""
    import motet.app  # noqa: F401 - it puts the parts together
    from motet.dialects.python.finding.loading import load_module
    from motet.dialects.python.hosting import host

    sys.path.insert(0, str(folder))
    logging.basicConfig(stream=sys.stderr)
    told: dict[str, Any] = {}
    for name in BODIES:
        flow = load_module(name).main
        state = flow.start(host(), flow.parameters.bind((), {})).state
        row = host().store.runs()[0]
        steps = [each for each in host().store.steps(row.id) if each.form != "flow"]
        told[name] = [repr(state.result()), sum(each.size or 1 for each in steps), sum(each.cached for each in steps)]
    return told


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
