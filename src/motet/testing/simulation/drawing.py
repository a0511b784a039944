"""From a seed to a plan."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from motet import rules
from motet.kernel.policy import Policy
from motet.kernel.program import Action, AddStep, Finish, StopStep
from motet.testing.simulation.plan import RUN, Chances, Disturbance, Op, Plan, Pool, Said
from motet.testing.simulation.programs import Graph, Growing, Reflex, Rules

MANNERS = ("graph", "growing", "rules", "script")


def draw(seed: int) -> Plan:
    """The plan of that seed."""
    rng = random.Random(f"motet/{seed}")
    limits = {name: float(rng.randrange(1, 4)) for name in ("gpu", "database")}
    pools = {
        name: Pool(name, rng.randrange(1, 5), rng.choice((0, 0, 1, 3)), rng.random() < 0.5) for name in ("near", "far")
    }
    plan = Plan(seed, MANNERS[seed % 4], limits, pools, _chances(rng))
    plan.checkpoint_events = rng.choice((5, 20, 60, 10_000))
    plan.reopenings = rng.choice((0, 0, 1, 2))
    policies = [_policy(rng, pools) for _ in range(rng.randrange(1, 5))]
    _DRAW[plan.manner](plan, rng, policies)
    plan.disturbances = _disturbances(rng, ending=plan.endless)
    asking = random.Random(f"motet/{seed}/asking")
    plan.asked_s = [asking.uniform(0.0, 30.0) for _ in range(asking.choice((0, 0, 1, 3)))]
    return plan


def _chances(rng: random.Random) -> Chances:
    calm = rng.random() < 0.3
    return Chances(
        fail=rng.choice((0.0, 0.05, 0.2, 0.5)),
        refuse=rng.choice((0.0, 0.1)),
        lose=0.0 if calm else rng.choice((0.0, 0.1, 0.3)),
        repeat=0.0 if calm else rng.choice((0.0, 0.1, 0.3)),
        break_=rng.choice((0.0, 0.0, 0.03)),
        lost=rng.choice((0.0, 0.0, 0.2)),
        coarse=rng.choice((0.0, 0.5, 1.0)),
        edited=rng.choice((0.0, 0.0, 0.5)),
        longest_s=rng.choice((1.0, 5.0, 20.0)),
        keep=rng.choice((0.0, 0.3, 0.6)),
    )


def _policy(rng: random.Random, pools: dict[str, Pool], executor: str | None = None) -> Policy:
    demands: dict[str, float] = {}
    for name in ("gpu", "database"):
        if rng.random() < 0.3:
            demands[name] = rng.choice((0.3, 1.0, 1.0, 2.0, 5.0))
    delays = [rng.choice((0.0, 0.5, 2.0, 10.0)) for _ in range(rng.randrange(3))]
    return Policy(
        retries=rng.choice((0, 0, 1, 2, 3)),
        delays_s=tuple(delays),
        backoff=rng.choice((1.0, 2.0)),
        max_delay_s=rng.choice((15.0, 86400.0)),
        jitter=rng.choice((0.0, 0.5)),
        timeout_s=rng.choice((None, None, 0.5, 3.0, 15.0)) if executor is None else None,
        grace_s=rng.choice((0.0, 1.0)),
        demands=demands,
        executor=rng.choice(list(pools)) if executor is None else executor,
    )


_KINDS = ("crash", "crash", "pause", "pause", "pause", "clock", "clock", "rival", "full", "resend")


def _disturbances(rng: random.Random, *, ending: bool) -> list[Disturbance]:
    many = rng.choice((0, 1, 2, 3, 5))
    kinds = [rng.choice(_KINDS) for _ in range(many)]
    if rng.random() < 0.25:
        kinds.insert(rng.randrange(many + 1), rng.choice(("stop", "stop", "cancel")))
    farthest = rng.choice((10, 30, 100))
    disturbances = [_disturbance(rng, kind, 1 + int(farthest * rng.random())) for kind in kinds]
    if rng.random() < (0.4 if ending else 0.2):
        when = rng.choice(("ending", "cancelling")) if ending else "cancelling"
        disturbances.append(Disturbance("crash", 1 + rng.randrange(3), when=when))
    elif rng.random() < 0.2:
        disturbances.append(Disturbance("stop", 1, when="last"))
    return disturbances


def _disturbance(rng: random.Random, kind: str, gap: int) -> Disturbance:
    if kind == "clock":
        amount = rng.choice((1.0, 20.0, 100.0)) * rng.choice((-1.0, 1.0)) * rng.random()
        return Disturbance(kind, gap, amount)
    amount = rng.choice((0.5, 5.0, 40.0)) * rng.random()
    return Disturbance(kind, gap, amount, rng.choice(("", "forced", "polite")))


# ---------------------------------------------------------------- graphs


def _graph(plan: Plan, rng: random.Random, policies: Sequence[Policy]) -> None:
    steps: list[AddStep] = []
    for index in range(rng.randrange(2, 14) if rng.random() < 0.9 else rng.randrange(14, 30)):
        steps.append(_step(rng, steps, policies, index))
    reactions: dict[tuple[str, str], list[Action]] = {}
    if rng.random() < 0.3:
        first, second = rng.choice(steps).key, rng.choice(steps).key
        status = rng.choice(("succeeded", "failed"))
        action = Finish(rng.choice(("succeeded", "failed"))) if rng.random() < 0.3 else StopStep(second)
        reactions[first, status] = [action]
    retires = rng.random() < 0.4
    steps = _waiting_among(plan, steps)
    plan.program = lambda: Graph(steps, reactions, retires=retires)


def _step(rng: random.Random, before: Sequence[AddStep], policies: Sequence[Policy], index: int) -> AddStep:
    task = f"t{rng.randrange(3)}"
    needs = [_subject(rng, each) for each in _some(rng, before, 2)]
    after = [_subject(rng, each) for each in _some(rng, before, 1)]
    size: int | None = None
    each: tuple[str, ...] = ()
    if rng.random() < 0.35:
        size = rng.randrange(9) if rng.random() < 0.9 else rng.randrange(9, 40)
        upstream = [it.key for it in before if it.size is not None and it.size >= size]
        if upstream and rng.random() < 0.7:
            each = tuple(rng.sample(upstream, min(len(upstream), rng.choice((1, 1, 2)))))
            needs = [key for key in needs if rng.random() < 0.3]
    return AddStep(f"{task}-{index}", task, needs=needs, after=after, each=each, size=size, policy=rng.choice(policies))


def _waiting_among(plan: Plan, steps: Sequence[AddStep]) -> list[AddStep]:
    """The steps, some of them such as wait for a rule; then something is published, too."""
    rng = random.Random(f"motet/{plan.seed}/waits")
    if rng.random() < 0.5:
        return list(steps)
    plan.said = [_said(rng, index) for index in range(rng.randrange(2, 12))]
    return [_waiting(rng, each) if each.size is None and rng.random() < 0.3 else each for each in steps]


def _waiting(rng: random.Random, step: AddStep) -> AddStep:
    policy = Policy(timeout_s=rng.choice((3.0, 15.0, 60.0)))
    return replace(step, until=_awaited(rng), since=rng.choice((None, 1)), policy=policy)


def _awaited(rng: random.Random) -> rules.Rule:
    return rules.After(rng.choice((2.0, 20.0))) if rng.random() < 0.1 else _rule(rng, rng.choice((0, 0, 1)))


def _some(rng: random.Random, before: Sequence[AddStep], most: int) -> list[AddStep]:
    return rng.sample(before, min(len(before), rng.randrange(most + 1)))


def _subject(rng: random.Random, step: AddStep) -> str:
    """The step, or now and then one element of it."""
    return f"{step.key}[{rng.randrange(step.size)}]" if step.size and rng.random() < 0.3 else step.key


def _growing(plan: Plan, rng: random.Random, policies: Sequence[Policy]) -> None:
    roots = [AddStep(f"grow-{n}", "grow", policy=rng.choice(policies)) for n in range(rng.randrange(1, 4))]
    depth, seed = rng.choice((1, 2)), plan.seed
    plan.program = lambda: Growing(seed, roots, policies, depth)


# ---------------------------------------------------------------- rules

_KEYS = ("red", "green", "blue")


def _rules(plan: Plan, rng: random.Random, policies: Sequence[Policy]) -> None:
    first = [AddStep("first-0", "first", policy=rng.choice(policies))]
    reflexes = [_reflex(rng, f"w{index}", policies, nested=True) for index in range(rng.randrange(1, 5))]
    end: rules.Rule = rules.OnEvent("end")
    if rng.random() < 0.3:
        end = rules.AnyOf((end, rules.Absence(rules.OnEvent("red"), rng.choice((10.0, 40.0)))))
    last = Reflex("end", end, False, "finish", first[0])
    own = random.Random(f"motet/{plan.seed}/waits")
    reflexes = [
        replace(each, step=_waiting(own, each.step)) if own.random() < 0.3 and each.kind != "stop" else each
        for each in reflexes
    ]
    retires = rng.random() < 0.5
    plan.program = lambda: Rules([*reflexes, last], first, retires=retires)
    plan.endless = True
    plan.said = [_said(rng, index) for index in range(rng.randrange(0, 16))]
    plan.said.append(Said(rng.uniform(20.0, 90.0), "end", client_key="end"))


def _reflex(rng: random.Random, name: str, policies: Sequence[Policy], *, nested: bool) -> Reflex:
    kind = rng.choice(("start", "start", "restart", "restart", "stop", "unlisten", "listen" if nested else "start"))
    step = AddStep("first-0", f"task-{name}", policy=rng.choice(policies))
    other = _reflex(rng, f"{name}x", policies, nested=False) if kind == "listen" else None
    return Reflex(name, _rule(rng, 2), rng.random() < 0.7, kind, step, rng.randrange(1, 5), other)


def _rule(rng: random.Random, depth: int) -> rules.Rule:
    kind = rng.choice(("event", "event", "status", "several", "count", "absence")) if depth else "event"
    if kind == "event":
        if rng.random() < 0.2:
            return rules.OnEvent(rng.choice(("*e*", "re*", "*n", "*")), pattern=True)
        named = rng.choice((None, None, None, "artifact", "mine")), rng.choice((None, None, 1))
        return rules.OnEvent(rng.choice(_KEYS), *named, run=rng.choice((None, None, None, RUN, "another")))
    if kind == "status":
        return rules.OnStatus(rng.choice(("succeeded", "failed", "running")), rng.choice(("", "first-0")), "first")
    if kind == "count":
        times, within_s = rng.randrange(1, 4), rng.choice((None, 20.0))
        return rules.Count(_rule(rng, depth - 1), times, within_s, rng.random() < 0.7)
    if kind == "absence":
        return rules.Absence(_rule(rng, depth - 1), rng.choice((3.0, 15.0)))
    parts = tuple(_rule(rng, depth - 1) for _ in range(rng.randrange(1, 4)))
    within_s = rng.choice((None, 20.0))
    several = rules.AllOf(parts, within_s, rng.random() < 0.7), rules.Sequence(parts, within_s), rules.AnyOf(parts)
    return rng.choice(several)


def _said(rng: random.Random, index: int) -> Said:
    named = rng.random() < 0.7
    again = [rng.uniform(0.0, 60.0) for _ in range(rng.randrange(3))] if named else []
    return Said(
        rng.uniform(0.0, 60.0), rng.choice(_KEYS), rng.choice((None, 1, 2)), rng.choice(("", "mine", "artifact")),
        f"said-{index}" if named else "", rng.choice(("", "", RUN, "another")), again,
    )  # fmt: skip


# ---------------------------------------------------------------- scripts


def _script(plan: Plan, rng: random.Random, policies: Sequence[Policy]) -> None:
    here = [_policy(rng, plan.pools, "") for _ in range(2)]
    plan.script = _body(rng, here, policies, 2)
    plan.policy = replace(here[0], demands={})
    plan.said = [_said(rng, index) for index in range(rng.randrange(4))]
    plan.script = _hearing(random.Random(f"motet/{plan.seed}/waits"), plan.script)


def _hearing(rng: random.Random, ops: Sequence[Op]) -> list[Op]:
    """The statements, some of the calls such as wait for a rule."""
    made = []
    for op in ops:
        op = replace(op, body=_hearing(rng, op.body))
        if op.kind in ("call", "submit") and rng.random() < 0.2:
            policy = Policy(timeout_s=rng.choice((3.0, 15.0, 60.0)))
            op = replace(op, until=_awaited(rng), policy=policy)
        made.append(op)
    return made


_STATEMENTS = ("call", "call", "submit", "submit", "map", "map", "flow", "loop", "wait", "sleep", "publish", "limit")


def _body(rng: random.Random, here: Sequence[Policy], there: Sequence[Policy], depth: int) -> list[Op]:
    ops: list[Op] = []
    for _ in range(rng.randrange(1, 7 if depth == 2 else 4)):
        kind = rng.choice(_STATEMENTS)
        steps = [n for n, op in enumerate(ops) if op.kind in ("call", "submit", "map", "flow")]
        needs = rng.sample(steps, min(len(steps), rng.randrange(3)))
        if kind in ("flow", "loop") and not depth:
            kind = "call"
        if kind in ("wait", "loop") and not steps:
            kind = "submit"
        body = _body(rng, here, there, depth - 1) if kind in ("flow", "loop") else []
        size, each = None, []
        if kind == "map":
            size = rng.randrange(7)
            maps = [n for n in steps if ops[n].kind == "map" and (ops[n].size or 0) >= size]
            each = rng.sample(maps, min(len(maps), rng.randrange(2)))
        policy = rng.choice(here if kind == "flow" or (kind == "call" and rng.random() < 0.7) else there)
        if kind == "flow":
            policy = replace(policy, demands={})  # what its steps demand must not be held by the flow around them
        ops.append(
            Op(
                kind, f"s{rng.randrange(3)}", policy, needs, each, size,
                rng.random() < 0.6, rng.uniform(0.0, 5.0), body,
            )
        )  # fmt: skip
    return ops


_DRAW = {"graph": _graph, "growing": _growing, "rules": _rules, "script": _script}
