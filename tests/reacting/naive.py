"""What a plan of tasks and rules comes to, read naively: all that ever happened is kept, and nothing is clever."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

EVENTS = ("a", "b", "c")


class Naive:
    """Executions by task: each [status, cause], status one of waiting, running, stopping, succeeded, failed, cancelled.

    heard    by rule, which of its keys it has met since it fired last (for good, unless it starts afresh)
    answers  what came of each firing, as the program words it
    """

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.runs: dict[str, list[list[Any]]] = {name: [] for name in plan["tasks"]}
        self.after: dict[tuple[str, int], list[tuple[str, int]]] = {}
        self.heard: dict[str, list[str]] = {each["id"]: [] for each in plan["rules"]}
        self.answers: list[tuple[str, str]] = []
        for name, task in plan["tasks"].items():
            if task["starts"]:
                self.start(name, None, behind=[])

    def start(self, task: str, cause: Any, behind: Sequence[int]) -> str:
        self.runs[task].append(["waiting", cause])
        number = len(self.runs[task])
        self.after[task, number] = [(task, each) for each in behind]
        self.settle()
        return f"{task}#{number}"

    def settle(self) -> None:
        for (task, number), after in self.after.items():
            run = self.runs[task][number - 1]
            ended = all(self.runs[name][each - 1][0] in ("succeeded", "failed", "cancelled") for name, each in after)
            if run[0] == "waiting" and ended:
                run[0] = "running"

    def publish(self, key: str) -> None:
        self.signal(lambda rule: self.on_event(rule, key))

    def end(self, task: str, number: int, status: str) -> None:
        self.runs[task][number - 1][0] = status
        self.settle()
        self.signal(lambda rule: (task, status) in [*(rule.get("latest") or {}).items()])

    def crash(self) -> None:
        """What was to stop is gone with its engine."""
        for runs in self.runs.values():
            for run in runs:
                run[0] = "cancelled" if run[0] == "stopping" else run[0]
        self.settle()

    def signal(self, fires: Any) -> None:
        firing = [rule for rule in self.plan["rules"] if fires(rule)]
        done: set[str] = set()
        for rule in firing:
            task = rule["task"]
            if task in done:
                self.answers.append((rule["id"], "ignored"))
                continue
            cause: Any = [rule["id"], None]
            if rule.get("latest"):
                cause[1] = {name: len(self.runs[name]) for name in rule["latest"]}
                right = all(self.runs[name] and self.runs[name][-1][0] == s for name, s in rule["latest"].items())
                if not right or (self.runs[task] and self.runs[task][-1][1] == cause):
                    self.answers.append((rule["id"], "ignored"))
                    continue
            done.add(task)
            self.answers.append((rule["id"], self.do(rule, task, cause)))

    def on_event(self, rule: dict[str, Any], key: str) -> bool:
        """Rules over events: {"any": keys}, or {"all": keys, "reset": bool}, which the plan has beside their JSON."""
        keys = rule.get("keys", ())
        if key not in keys:
            return False
        if rule["kind"] == "any":
            return True
        heard = self.heard[rule["id"]]
        heard.append(key)
        if not set(keys) <= set(heard):
            return False
        if rule["reset"]:
            heard.clear()
        return True

    def do(self, rule: dict[str, Any], task: str, cause: Any) -> str:
        runs, deed = self.runs[task], rule["do"]
        how = rule["while_alive"] or self.plan["tasks"][task]["while_alive"]
        alive = [n for n, run in enumerate(runs, 1) if run[0] in ("waiting", "running", "stopping")]
        going = [n for n in alive if runs[n - 1][0] != "stopping"]
        if deed == "stop" or deed == "restart" or (deed == "start" and going and how == "restart"):
            for n in going:
                runs[n - 1][0] = "stopping" if runs[n - 1][0] == "running" else "cancelled"
            if deed == "stop":
                return "stopped" if going else "ignored"
            return f"started {self.start(task, cause, behind=[n for n in alive if runs[n - 1][0] == 'stopping'])} anew"
        if not going or how == "another":
            return f"started {self.start(task, cause, behind=[n for n in alive if n not in going])}"
        if how == "ignore":
            return "ignored"
        if runs[-1][0] == "waiting":
            return "joined"
        return f"queued {self.start(task, cause, behind=alive)}"


def drawn(rng: random.Random) -> dict[str, Any]:
    """A plan of some tasks and rules over events and ends, with what the naive reading needs beside it."""
    tasks = {
        name: {"starts": rng.random() < 0.3, "while_alive": rng.choice(("ignore", "queue", "another", "restart"))}
        for name in ("load", "train1", "check", "serve")[: rng.randint(1, 4)]
    }
    rules: list[dict[str, Any]] = []
    for n in range(rng.randint(1, 6)):
        each: dict[str, Any] = {
            "id": f"r{n}",
            "task": rng.choice([*tasks]),
            "do": rng.choice(("start", "start", "start", "restart", "stop")),
            "while_alive": rng.choice(("", "", "ignore", "queue", "another", "restart")),
        }
        keys = sorted(rng.sample(EVENTS, rng.randint(1, 3)))
        parts = [{"rule": "event", "key": key} for key in keys]
        kind = rng.choice(("any", "any", "all", "latest"))
        if kind == "any":
            each |= {"kind": "any", "keys": keys, "when": {"rule": "any", "rules": parts}}
        elif kind == "all":
            reset = rng.random() < 0.5
            each |= {"kind": "all", "keys": keys, "reset": reset}
            each["when"] = {"rule": "all", "rules": parts, "reset": reset}
        else:
            latest = {
                name: rng.choice(("succeeded", "failed")) for name in rng.sample([*tasks], rng.randint(1, len(tasks)))
            }
            heeded = [{"rule": "status", "status": status, "task": name} for name, status in latest.items()]
            each |= {"kind": "latest", "latest": latest, "when": {"rule": "any", "rules": heeded}}
        rules.append(each)
    return {"tasks": tasks, "rules": rules, "ends": False}
