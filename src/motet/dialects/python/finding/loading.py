"""Finding flows: in a file, in a module, again on resume. Definitions are loaded without running any flow."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from motet.dialects.python.flows import Flow
from motet.errors import MotetError, TargetError
from motet.kernel.events import Json
from motet.mains import Main, compiled, defining, is_program, is_there, module_of, put_first
from motet.typed import Any
from motet.values.errors import encode_error


def load_main(main: Main, wanted: str = "", *, variable: str = "") -> ModuleType:
    """The definitions of a program, as the module `__main__`: so what it pickled as a script can be read again.

    What it guards by `if __name__ == "__main__"` does not run, nor do the flows that it calls; nor what comes after a
    call of the flow whose function is `wanted`, once the name `variable` is there. Raises TargetError.
    """
    with defining(""), explained(main.module or main.file):
        module, source = module_of(main)
    code = compiled(source, module.__file__ or "", whole=False)
    is_there = lambda: not variable or variable in vars(module)  # noqa: E731 - two names for one thing otherwise
    with explained(main.file or main.module), defining(wanted, is_there):
        exec(code, vars(module))
    return module


def run_main(main: Main) -> ModuleType:
    """Run a program as Python does; a package without a program in it is only loaded. Raises TargetError."""
    if not is_program(main):
        return load_module(main.module)
    module, source = module_of(main)
    exec(compiled(source, module.__file__ or "", whole=True), vars(module))
    return module


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Whatever loading the user's code raises becomes a TargetError that says where."""
    try:
        yield
    except MotetError:
        raise
    except Exception as error:
        said = encode_error(error)["traceback"]
        raise TargetError(f"{where} cannot be loaded.\n{said}", "Put that right, then try again.") from error


def load_module(name: str, path: str = "") -> ModuleType:
    """The module of that name. Raises TargetError."""
    # The path comes to be the first: a module that was moved may be in both.
    for each in ("" if os.environ.get("PYTHONSAFEPATH") else os.getcwd(), path):
        if each and each not in sys.path:
            put_first(each)
    try:
        with explained(f"Module {name}"), defining(""):
            __import__(name)
            return sys.modules[name]
    except TargetError as error:
        missing = error.__cause__.name if isinstance(error.__cause__, ModuleNotFoundError) else None
        if missing and (name == missing or name.startswith(missing + ".")):
            cure = "Check the name, and the current folder. If it was moved, a run of it takes --at FOLDER."
            raise TargetError(f"There is no module {name}.", cure) from None
        raise


def flows_of(module: ModuleType) -> dict[str, Flow[..., Any]]:
    """The flows that the module itself defines, by the names they have in it."""
    own = module.__name__
    return {
        name: value for name, value in vars(module).items() if isinstance(value, Flow) and value.fn.__module__ == own
    }


def pick(module: ModuleType, name: str, where: str, known_as: str = "") -> Flow[..., Any]:
    """The flow of that name, or else that which is `known_as` so; without a name, the only one.

    Raises TargetError, naming those that there are.
    """
    flows = flows_of(module)
    told = ", ".join(flows) or "none"
    if name:
        found: Any = module
        for part in name.split("."):
            found = getattr(found, part, None)
        if isinstance(found, Flow):
            return found
        by_name = [each for each in flows.values() if each.name in (name, known_as)]
        if by_name:
            return by_name[0]
        raise TargetError(f"{where} has no flow {name!r}.", f"Its flows: {told}.")
    if len(flows) != 1:
        what = "defines no flow" if not flows else f"defines {len(flows)} flows"
        cure = f"Name one, as in {where}:{next(iter(flows))}. There are: {told}." if flows else "Put @flow above one."
        raise TargetError(f"{where} {what}.", cure)
    return next(iter(flows.values()))


def find_again(spec: Json, known_as: str = "") -> Flow[..., Any]:
    """The flow that a run was made of, from the code on disk as it is now. Raises TargetError.

    `known_as` is what its runs are called, which tells it where the name of its function does not.
    """
    name, qualname = spec.get("variable", ""), spec["qualname"]
    if "<locals>" in qualname and not name:
        raise TargetError(
            f"Flow {qualname} was defined inside a function, where it cannot be found again.",
            "Move it to the top of its module, or give what the function returns a name there.",
        )
    sys.argv[1:] = spec.get("args", [])
    sys.path[1:1] = [each for each in spec.get("search", []) if each not in sys.path]
    if spec["module"] == "__main__":
        if spec["file"] is None:
            defined = getattr(sys.modules["__main__"], name or qualname, None)  # by this session itself?
            if isinstance(defined, Flow):
                return defined
            raise TargetError(
                "The flow was defined in an interactive session, which cannot be loaded again.",
                "Carry on from the session, with motet.resume; or write it to a file and run that.",
            )
        if not is_there(spec["file"]):
            raise TargetError(
                f"{spec['file']}, which the run was begun from, is not there.",
                "If it was moved or renamed, say where it is now: --at FILE.",
            )
        main = Main(spec["file"], spec.get("main", ""), spec.get("path", ""))
        module, where = load_main(main, qualname, variable=name), spec["file"]
    else:
        module, where = load_module(spec["module"], spec.get("path", "")), spec["module"]
    return pick(module, name or qualname, where, known_as)
