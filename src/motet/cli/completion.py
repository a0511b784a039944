"""`motet completion`: what a shell needs to complete commands, options, runs, steps and artifacts.

The shell asks `motet complete WORD...` for what may stand in place of the last word; nothing of this is loaded else.
"""

from __future__ import annotations

from argparse import REMAINDER, Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

from motet import app
from motet.cli.terminal import Terminal
from motet.errors import MotetError
from motet.ports import RunFilter, Store
from motet.values.published import published
from motet.views import lookup

_RUNS = 100
_SCRIPTS = {
    "bash": """_motet() {
    local IFS=$'\\n'
    COMPREPLY=($(motet complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    [ ${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -o nosort -F _motet motet
""",
    "zsh": """#compdef motet
_motet() {
    local -a found
    found=("${(@f)$(motet complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "$found" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _motet motet
""",
    "fish": """complete -c motet -a '(motet complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
""",
}


def completion_arguments(parser: ArgumentParser) -> None:
    """The shell."""
    parser.add_argument("shell", choices=sorted(_SCRIPTS), help="for which shell")


def completion(options: Namespace, terminal: Terminal) -> int:
    """Print what the shell is to read at its start: `eval "$(motet completion bash)"` in ~/.bashrc."""
    if options.json:
        terminal.json({"shell": options.shell, "script": _SCRIPTS[options.shell]})
    else:
        terminal.write(_SCRIPTS[options.shell])
    return 0


# ---------------------------------------------------------------- words


def complete_arguments(parser: ArgumentParser) -> None:
    """The words so far; the last one is the one to complete."""
    parser.add_argument("words", nargs=REMAINDER)


def complete(options: Namespace, terminal: Terminal) -> int:
    """Print what may stand in place of the last word, one on each line; nothing where a file may."""
    *before, last = options.words or [""]
    try:
        found = list(_candidates(before, last))
    except MotetError:
        found = []  # a shell that completes is no place for complaints
    terminal.write("".join(f"{each}\n" for each in found if each.startswith(last) and "\n" not in each))
    return 0


def _candidates(before: Sequence[str], last: str) -> Iterable[str]:
    from motet.cli.main import COMMANDS, listed, module_of

    if not before:
        return listed()
    command = before[0]
    if command not in COMMANDS:
        return ()
    parser = ArgumentParser(add_help=False)
    parser.add_argument("--home")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--help", action="store_true")
    getattr(import_module(f"motet.cli.{module_of(command)}"), f"{command}_arguments")(parser)
    return _values(parser, before[1:], last)


def _values(parser: ArgumentParser, before: Sequence[str], last: str) -> Iterable[str]:
    """What may come after these words of a command."""
    flags = {flag: action for action in parser._actions for flag in action.option_strings}
    waiting: Action | None = None
    given: list[str] = []
    for word in before:
        if waiting is not None:
            waiting = None
        elif word in flags:
            waiting = flags[word] if flags[word].nargs != 0 else None
        else:
            given.append(word)
    if waiting is None and last.startswith("-"):
        return sorted(flags)
    places = [action for action in parser._actions if not action.option_strings]
    if waiting is None and places:
        waiting = places[min(len(given), len(places) - 1)]
        if len(given) >= len(places) and waiting.nargs not in ("*", "+"):
            return ()
    if waiting is None:
        return ()
    if waiting.choices is not None:
        return map(str, waiting.choices)
    find = _KINDS.get(waiting.metavar if isinstance(waiting.metavar, str) else "")
    return find(app.store(), given) if find is not None else ()


def _runs(store: Store, given: Sequence[str]) -> Iterable[str]:
    rows = store.run_page(RunFilter(), limit=_RUNS).runs
    return dict.fromkeys(row.id if " " in row.name else row.name for row in rows)


def _steps(store: Store, given: Sequence[str]) -> Iterable[str]:
    run = lookup.find_run(store, given[0])
    return dict.fromkeys(step.key.rpartition("/")[2] for step in store.steps(run.id) if step.form != "element")


def _artifacts(store: Store, given: Sequence[str]) -> Iterable[str]:
    return dict.fromkeys(each.key for each in published(store, lookup.find_run(store, given[0]).id))


_KINDS: dict[str, Callable[[Store, Sequence[str]], Iterable[str]]] = {"RUN": _runs, "STEP": _steps, "KEY": _artifacts}
