"""Commands as tasks: `motet.command` gives what a flow calls, submits and maps like any task."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from motet.commands.checks import check
from motet.dialects.python import hosting, scope
from motet.dialects.python.options import TASK_OPTIONS, TaskOptions
from motet.dialects.python.tasks import Task
from motet.environments.spec import Built, Environment
from motet.errors import EnvironmentFailed, TimedOut, UsageError, did_you_mean
from motet.executors.commands.spec import (
    AT_ONCE,
    Command,
    Container,
    Finished,
    Function,
    Host,
    Limits,
    Mount,
    Place,
    Sandbox,
    checked_env,
)
from motet.ports import Attempt, Failure, Success
from motet.values.files import File
from motet.values.quantities import quantity

if TYPE_CHECKING:
    from inspect import Signature
    from threading import Event

    from motet.kernel.events import Json
    from motet.kernel.policy import Policy
    from motet.ports import Outcome

_HOLE = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|(?<!\$)\{([A-Za-z_]\w*)\}")
_ENFORCED = ("cpu", "memory", "pids", "disk")
_PLACES: Mapping[str, Callable[[], Place]] = {"host": Host, "sandbox": Sandbox}


class CommandOptions(TaskOptions, total=False):
    """What `motet.command` takes beside the options of a task, and beside those that `resources` has there.

    resources    also enforced: {"cpu": 2, "memory": "1Gi", "pids": 100, "disk": "5Gi"}; disk is the step's folder
    script       text for the standard input of the command, such as a script for its interpreter; with {names} too
    cwd          where in its folder the command begins
    folder       its folder; by default a fresh one, removed after a success
    env          environment variables beside those of this process; None removes one
    secrets      environment variables by the name of a secret: {"TOKEN": "github"}
    outputs      files to keep: paths and globs relative to the folder
    changed      keep every file that is new or changed
    mounts       Mount(...), or {"target": "source"} for copies
    place        "host", "sandbox", Sandbox(...) or Container(image)
    accept       exit statuses that are a success, (0,); () for all
    environment  Environment(...): the interpreter of a function, and what is found first by a command
    """

    script: str
    cwd: str
    folder: str
    env: Mapping[str, str | None]
    secrets: Mapping[str, str]
    outputs: Sequence[str]
    changed: bool
    mounts: Sequence[Mount] | Mapping[str, str | File]
    place: str | Place
    accept: Sequence[int]
    environment: Environment


class _Fixed(TypedDict, total=False):
    """The options that are fields of every `Command` of a task, as they are."""

    cwd: str
    folder: str
    secrets: Mapping[str, str]
    outputs: tuple[str, ...]
    changed: bool
    accept: tuple[int, ...]
    place: Place
    limits: Limits


_OWN = CommandOptions.__optional_keys__ - TASK_OPTIONS


class Maker:
    """Makes the `Command` of a call from its arguments. It has the signature that the command's {names} make."""

    def __init__(self, run: str | Sequence[str] | Callable[..., Any], name: str, options: Mapping[str, Any]) -> None:
        self.run = run
        self.options = options
        self.__name__ = self.__qualname__ = name
        self.__doc__ = f"The command {name}."
        check(name, options)
        checked_env(options.get("env", {}))
        self._fixed = _Fixed(
            cwd=options.get("cwd", ""), folder=options.get("folder", ""), secrets=options.get("secrets", {}),
            outputs=tuple(options.get("outputs", ())), changed=options.get("changed", False),
            accept=tuple(options.get("accept", (0,))), place=_place(options.get("place", "host")),
            limits=_limits(options.get("resources", {})),
        )  # fmt: skip
        self.target = _target(run)
        self.names = () if self.target else _names(run, options)  # type: ignore[arg-type]

    def __content__(self) -> object:
        """What the result depends on beside the arguments. Resources and what any task has are not of it."""
        return self.run, {name: self.options[name] for name in _OWN & self.options.keys()}

    @property
    def at_any_moment(self) -> Mapping[str, Json] | None:
        """What tells an executor that this may be called at any moment; None where something may have to be built."""
        return {AT_ONCE: True} if self.target and "environment" not in self.options else None

    @property
    def __signature__(self) -> Signature:
        from inspect import Parameter, Signature

        if self.target:
            return Signature([Parameter("arguments", Parameter.VAR_KEYWORD)])
        return Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in self.names])

    def __call__(self, *args: Any, **kwargs: Any) -> Command:
        """The command of a call. Runs where the attempt does: an environment may have to be built."""
        given = kwargs if self.target else self.__signature__.bind(*args, **kwargs).arguments
        files = _Files()
        plain = {name: files.told(name, value, as_path=bool(self.target)) for name, value in given.items()}
        built = self._built()
        env = dict(self.options.get("env", {}))
        run: Any
        if self.target:
            run = Function(self.target, plain, python=built.python if built else "", paths=built.paths if built else ())
        else:
            run = self._filled(plain)
            if built is not None:
                env = {**_activated(built), **env}
        mounts = (*_mounts(self.options.get("mounts", ())), *files.mounts)
        script = _fill(self.options.get("script", ""), plain, str)
        facts = {"environment": {"digest": built.digest, "commits": dict(built.commits)}} if built else {}
        return Command(run, script, env=env, mounts=mounts, facts=facts, **self._fixed)

    def _built(self) -> Built | None:
        environment = self.options.get("environment")
        if environment is None:
            return None
        from motet.environments.build import Environments
        from motet.executors.commands.tools import tools

        mine = tools()
        assert mine is not None
        try:
            return Environments(mine.shared, mine).ready(environment)
        except (EnvironmentFailed, UsageError) as error:
            title = Command(Function(self.target) if self.target else self.run).title  # type: ignore[arg-type]
            raise type(error)(f"{error.what}\n  command: {title}", error.cure) from None

    def _filled(self, given: Mapping[str, Any]) -> str | list[str]:
        if isinstance(self.run, str):
            return _fill(self.run, given, lambda value: shlex.quote(str(value)))
        return [_fill(each, given, str) for each in self.run]  # type: ignore[union-attr]


class CommandTask(Task[..., Finished]):
    """A command that a flow runs as a recorded step; called outside of any flow, it runs at once.

    Its value is a `Finished`: exit_code, stdout (the last of it), outputs (files, which can be passed to other
    commands), value (of a function).
    """

    fn: Maker  # type: ignore[assignment]  # it makes the command, whose end is the value

    def __call__(self, *args: Any, **kwargs: Any) -> Finished:  # type: ignore[override]
        """Run the command, and wait for its end.

        Raises CommandFailed or TimedOut, naming step, command, log and cure.
        """
        if scope.current.get() is None:
            return _run_here(self.name, lambda: self.fn(*args, **kwargs), self.policy)
        finished: Finished = super().__call__(*args, **kwargs)
        return finished

    def bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name."""
        if self.fn.target and args:
            raise UsageError(f"{self.name} takes its arguments by name.", "Write name=value for each.")
        return super().bound(args, kwargs)


def command(run: str | Sequence[str] | Callable[..., Any] | None = None, /, **options: Any) -> CommandTask:
    """A task that runs a command: shell text, an argument list, or a function in another environment.

        train = motet.command("python train.py --rate {rate} --out model.pkl", outputs=["model.pkl"], retries=2)
        lines = motet.command(["wc", "-l", "{text}"])
        score = motet.command(function="metrics.f1:score", environment=Environment(requirements=["scikit-learn"]))

    {name} is a parameter of the task. In shell text its value is quoted: write no quotes around it. A `File`, or
    the `Finished` of another command, is placed in the folder, and the name stands for its path. ${name}
    stays as it is, as do other braces; {{name}} gives {name}. A function gets the arguments as JSON.

    For the options see `CommandOptions` and `TaskOptions`. Raises UsageError for what makes no sense.
    """
    function = options.pop("function", None)
    if (run is None) == (function is None):
        raise UsageError("motet.command was given no command.", "Give shell text, a list, or function=...")
    if isinstance(function, str) and not _target(f"{function}()"):
        raise UsageError(f"{function!r} is no function.", 'Name its module, too: "module:function".')
    if not (run is None or callable(run) or isinstance(run, str | list | tuple)):
        raise UsageError(f"{run!r} is no command.", "Give shell text, or a list of texts.")
    run = run if function is None else f"{function}()" if isinstance(function, str) else function
    unknown = options.keys() - TASK_OPTIONS - _OWN
    if unknown:
        known = sorted(_OWN | TASK_OPTIONS)
        cure = did_you_mean(min(unknown), known, f"It takes: {', '.join(known)}.")
        raise UsageError(f"motet.command has no option {min(unknown)!r}.", cure)
    assert run is not None
    name = options.get("name") or _name(run)
    resources = {key: each for key, each in options.get("resources", {}).items() if key not in ("pids", "disk")}
    kept = {key: each for key, each in options.items() if key in TASK_OPTIONS}
    fixed = {**kept, "name": name, "resources": resources, "executor": "commands"}
    return CommandTask(cast("Any", Maker(run, name, options)), cast("TaskOptions", fixed))


# ---------------------------------------------------------------- what is asked for


def _target(run: Any) -> str:
    """The name of the function to call; "" for a command."""
    if callable(run):
        from inspect import getsourcefile

        module, name = getattr(run, "__module__", ""), getattr(run, "__qualname__", "")
        if "<" in name or not module:
            raise UsageError(f"{run!r} cannot be called in another environment.", "Give a function of a module.")
        file = getsourcefile(run)
        return f"{os.path.abspath(file)}:{name}" if module == "__main__" and file else f"{module}:{name}"
    if isinstance(run, str) and run.endswith("()"):
        name = run[:-2]
        if ":" in name and not any(each.isspace() for each in name):
            return name
    return ""


def _name(run: Any) -> str:
    if _target(run):
        return _target(run).rpartition(":")[2]
    words = (run if isinstance(run, str) else " ".join(map(str, run))).split()
    return re.sub(r"[^\w.-]", "-", os.path.basename(words[0])) if words else "command"


def _names(run: str | Sequence[str], options: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters, in the order of their first use."""
    texts = [run] if isinstance(run, str) else list(run)
    if any(not isinstance(each, str) for each in texts) or not "".join(texts).strip():
        raise UsageError(f"{run!r} is no command.", "Give shell text, or a list of texts.")
    found = (match[2] for text in (*texts, options.get("script", "")) for match in _HOLE.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name))


def _fill(text: str, given: Mapping[str, Any], quoted: Callable[[Any], str]) -> str:
    return _HOLE.sub(lambda match: f"{{{match[1]}}}" if match[1] else quoted(given[match[2]]), text)


def _place(place: Any) -> Place:
    if isinstance(place, str):
        if place not in _PLACES:
            raise UsageError(f"There is no place {place!r}.", 'Choose "host", "sandbox", or Container(image).')
        return _PLACES[place]()
    if not isinstance(place, Host | Sandbox | Container):
        raise UsageError(f"{place!r} is no place.", 'Choose "host", "sandbox", Sandbox(...), or Container(image).')
    return place


def _limits(resources: Mapping[str, Any]) -> Limits:
    wanted = {name: quantity(resources[name]) for name in _ENFORCED if name in resources}
    for name, count in wanted.items():
        if count < 0:
            raise UsageError(f"A command cannot have {count:g} of {name}.", "Give a quantity above 0.")
    pids = wanted.get("pids")
    return Limits(wanted.get("memory"), wanted.get("cpu"), None if pids is None else int(pids), wanted.get("disk"))


def _mounts(mounts: Any) -> tuple[Mount, ...]:
    if isinstance(mounts, Mapping):
        return tuple(Mount(target, source) for target, source in mounts.items())
    return tuple(mounts)


class _Files:
    """Files among the arguments: where they are placed in the folder."""

    def __init__(self) -> None:
        self.mounts: list[Mount] = []

    def told(self, name: str, value: Any, *, as_path: bool) -> Any:
        """The argument as the command gets it: the path of a file, text or JSON of all else."""
        if isinstance(value, File):
            return self._placed(f"{name}/{os.path.basename(value.path)}", value)
        if isinstance(value, Finished):
            paths = [self._placed(f"{name}/{each.path}", each) for each in value.outputs]
            return paths[0] if len(paths) == 1 else name
        if isinstance(value, list | tuple) and any(isinstance(each, File | Finished) for each in value):
            paths = [self.told(f"{name}/{at}", each, as_path=as_path) for at, each in enumerate(value)]
            return paths if as_path else " ".join(map(str, paths))
        return value

    def _placed(self, target: str, file: File) -> str:
        self.mounts.append(Mount(target, file))
        return target


def _activated(built: Built) -> dict[str, str | None]:
    """The variables that let a command find the interpreter and the components first."""
    folder = os.path.dirname(built.python)
    path = os.pathsep.join((*built.paths, *filter(None, (os.environ.get("PYTHONPATH"),))))
    return {
        "PATH": os.pathsep.join((folder, os.environ.get("PATH", os.defpath))), "VIRTUAL_ENV": os.path.dirname(folder),
        "PYTHONPATH": path or None, "PYTHONHOME": None,
    }  # fmt: skip


def _run_here(name: str, make: Callable[[], Command], policy: Policy) -> Finished:
    """Run a command outside of any flow: once, within its time limit; nothing is recorded."""
    import threading

    from motet.values.errors import decode_error, with_outputs

    ended = threading.Event()
    told: list[Outcome] = []

    def report(attempt: Attempt, outcome: Outcome) -> None:
        told.append(outcome)
        ended.set()

    executor = hosting.host().executor("commands")
    run = f"plain-{os.urandom(6).hex()}"
    attempt = Attempt(run, name, 1, make, (), {}, report, task=name, grace_s=policy.grace_s)
    executor.start(attempt)
    reason = "interrupted"
    try:
        if not _ended_in_time(ended, attempt, policy.timeout_s):
            reason = "timeout"
    finally:
        if not ended.is_set():
            executor.stop(run, name, -1, 1, reason)
            ended.wait()
    outcome = told[0]
    if isinstance(outcome, Success):
        finished: Finished = outcome.value
        return finished
    if isinstance(outcome, Failure):
        raise outcome.exception or decode_error(outcome.error)
    if outcome.reason == "timeout":
        late = f"{name} ran longer than its limit of {policy.timeout_s:g} s and was stopped.{outcome.details}"
        raise with_outputs(TimedOut(late), outcome.record)
    raise UsageError(f"{name} was stopped: {outcome.reason}.", "Run it again.")


def _ended_in_time(ended: Event, attempt: Attempt, limit_s: float | None) -> bool:
    """Wait for its end, until its limit has passed since its command has begun."""
    from time import monotonic

    left_s = limit_s
    while not ended.wait(left_s):
        assert limit_s is not None
        left_s = limit_s if attempt.began_at is None else attempt.began_at + limit_s - monotonic()
        if left_s <= 0:
            return False
    return True
