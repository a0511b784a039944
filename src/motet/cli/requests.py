"""What a command line asks of the runs that it begins: parameters and a name."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from motet import app
from motet.cli.live import Watch
from motet.cli.targets import ProgramTarget, check_program
from motet.cli.terminal import tell
from motet.dialects.python.binding.parameters import Written
from motet.dialects.python.flows import Flow
from motet.engine.driver import Driver
from motet.engine.host import Host
from motet.errors import ParameterError, UsageError
from motet.ports import NewRun
from motet.values.naming import checked, new_id, new_name

if TYPE_CHECKING:
    from motet.dialects.orquestra.voice import Asked


def arguments(parser: ArgumentParser) -> None:
    """The target, its parameters, the run's name."""
    parser.add_argument(
        "target", metavar="TARGET",
        help="file.py, file.py:flow, package.module, module:flow, module:program or workflow.yaml; what stands last, "
        "after --, are arguments of a script",
    )  # fmt: skip
    parameters(parser)
    workflow_inputs(parser)


def parameters(parser: ArgumentParser) -> None:
    """The run's parameters and name."""
    parser.add_argument(
        "-p", "--param", action="append", default=[], metavar="NAME=VALUE", dest="param",
        help="a parameter; the value is JSON if it can be read so, else text",
    )  # fmt: skip
    parser.add_argument("--params", metavar="FILE", help="a JSON file with an object of parameters; -p goes first")
    parser.add_argument("--name", default="", metavar="NAME", help="what the run is called (default: two words)")


def plain(parser: ArgumentParser) -> None:
    """Whether the terminal is left as it is."""
    parser.add_argument("--plain", action="store_true", help="no live view, even on a terminal")


def door(parser: ArgumentParser) -> None:
    """Which voice `import prefect` speaks."""
    parser.add_argument(
        "--door", choices=("orion",), default="",
        help="serve `import prefect` from motet.orion, even where Prefect itself is installed",
    )  # fmt: skip


def workflow_inputs(parser: ArgumentParser) -> None:
    """What can be asked of a workflow file."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="STEP.INPUT=VALUE", dest="sets",
        help="workflow files: give an input of a step another value",
    )  # fmt: skip
    parser.add_argument(
        "--matrix",
        action="append",
        default=[],
        metavar="STEP.INPUT=A,B,C",
        help="workflow files: give it several values; the step, and what comes after it, runs with each",
    )
    parser.add_argument("--no-cache", action="store_true", help="workflow files: run steps whose results are kept, too")


def asked_of_workflow(options: Namespace) -> Asked:
    """The values of these options. Raises UsageError."""
    from motet.dialects.orquestra.variants import parse, parse_set, value_of, values_of
    from motet.dialects.orquestra.voice import Asked

    sets = dict(parse_set(each) for each in options.sets)
    matrix = dict(parse(each, "--matrix") for each in options.matrix)
    return Asked(
        {axis: value_of(text) for axis, text in sets.items()},
        {axis: values_of(text) for axis, text in matrix.items()},
        not options.no_cache,
    )


class Request:
    """Parameters and name for runs, in place of those that a program itself gives when it calls its flows.

    `begun` are the ids of the runs that were begun so; `watch` is told of the driver of each.
    """

    def __init__(self, options: Namespace) -> None:
        """Raises UsageError for options that cannot be read."""
        self.params = {**_from_file(options.params), **given(options.param)}
        self.name: str = checked(options.name, "--name")
        self._options = options
        self.begun: list[str] = []
        self.watch: Watch | None = None

    def take_up(
        self, flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Driver, Mapping[str, Any]]:
        """A new run of the flow that was called so, to be driven, and the values of its parameters."""
        host = app.hosts.current()
        values = self.values(flow, args, kwargs)
        run = new_id(host.clock.now())
        self.begun.append(run)
        driver, given = flow.created(host, values, name=self.name, run=run)
        if self.watch is not None:
            self.watch(driver)
        return driver, given

    def run(self, flow: Flow[..., Any]) -> None:
        """Drive a run of the flow to its end."""
        flow.drive(*self.take_up(flow, (), {}))

    def values(self, flow: Flow[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the flow's parameters. Raises ParameterError."""
        try:
            return flow.parameters.bind_with(args, kwargs, self.params)
        except ParameterError as error:
            if args or kwargs:
                raise
            raise ParameterError(error.what, f"{error.cure} Parameters are given as -p NAME=VALUE.") from None

    def workflow(self, host: Host, path: str) -> NewRun:
        """A run of a workflow file, checked and not yet begun. What is odd in the file is told on stderr."""
        from motet import workflows

        if self.params:
            raise ParameterError("A workflow file takes no -p.", "Set an input of a step: --set STEP.INPUT=VALUE.")
        new = workflows.new_run(host, path, asked_of_workflow(self._options), name=self.name, warn=warn)
        self.begun.append(new.id)
        return new

    def program(self, host: Host, target: ProgramTarget) -> NewRun:
        """A run of a declarative program, not yet begun."""
        from motet.dialects.declared.voice import new_run

        params = {name: value.read() if isinstance(value, Written) else value for name, value in self.params.items()}
        check_program(target, params)
        run = new_id(host.clock.now())
        self.begun.append(run)
        return new_run(host, run, target.target, params, name=self.name or new_name())


def refuse_arguments(file: str) -> None:
    """Raise UsageError if arguments were given after `--`, which a workflow file does not take."""
    import sys

    if sys.argv[1:]:
        raise UsageError(f"{file} takes no arguments after --.", "Set an input of a step: --set STEP.INPUT=VALUE.")


def warn(text: str) -> None:
    """Tell the user of something odd that does not hinder."""
    tell(f"motet: warning: {text}")


def given(params: list[str]) -> dict[str, Any]:
    """The values of `-p NAME=VALUE`, as they were written. Raises UsageError."""
    found = {}
    for each in params:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise UsageError(f"-p {each}: this is no NAME=VALUE.", "Write for example -p count=3.")
        found[name] = Written(text)
    return found


def _from_file(path: str | None) -> dict[str, Any]:
    if path is None:
        return {}
    import json

    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise UsageError(f"--params {path}: {error.strerror}.", "Check the path.") from None
    except ValueError as error:
        raise UsageError(
            f"--params {path} is not JSON: {error}.", 'It should hold an object, {"name": value}.'
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"--params {path} holds {type(found).__name__}, not an object.", 'Write {"name": value, ...}.')
    return found
