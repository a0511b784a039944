"""Scripts, loaded for the workflows that they define: the files of a snapshot, in the folder where it lies."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType

from motet import mains
from motet.dialects.aiflow import serving
from motet.dialects.aiflow.model.workflow import Workflow, WorkflowContextManager
from motet.errors import NotServed, TargetError
from motet.values.errors import encode_error


def stem_of(file: str) -> str:
    """What the module of a script is called."""
    return os.path.splitext(os.path.basename(file))[0]


@cache
def workflows_in(file: str) -> tuple[Workflow, ...]:
    """The workflows that the script defines at its top, in order. Its module has the name of the file; what stands
    below `if __name__ == "__main__":` does not run. Files beside it can be imported. It is loaded once a process.

    Raises TargetError where it cannot be loaded, or defines none.
    """
    module = _loaded(os.path.abspath(file))
    found = {id(each): each for each in vars(module).values() if isinstance(each, Workflow)}
    if not found:
        raise TargetError(f"{os.path.basename(file)} defines no workflow.", _cure(module))
    return tuple(found.values())


def workflow_of(file: str, namespace: str, name: str) -> Workflow:
    """The workflow of that name in the script. Raises TargetError."""
    for each in workflows_in(file):
        if (each.namespace, each.name) == (namespace, name):
            return each
    raise TargetError(f"{os.path.basename(file)} defines no workflow {namespace}.{name}.", "Upload it anew.")


def run(file: str) -> bool:
    """Run the script as Python does, with the names of the original in place. Gives whether it has workflows."""
    module, source = mains.module_of(mains.main_of(file))
    with serving.standing_in():
        exec(mains.compiled(source, file, whole=True), vars(module))
    return any(isinstance(each, Workflow) for each in vars(module).values())


def _cure(module: ModuleType) -> str:
    if any(type(each).__module__.startswith("ai_flow.") for each in vars(module).values()):
        return "It imports an ai_flow that is installed beside Motet: uninstall that one."
    return "Write `with Workflow(name=...):` at its top."


def _loaded(file: str) -> ModuleType:
    name = stem_of(file)
    module = ModuleType(name)
    module.__file__ = file
    module.__spec__ = ModuleSpec(name, SourceFileLoader(name, file), origin=file)
    module.__loader__ = module.__spec__.loader
    sys.modules.setdefault(name, module)
    mains.put_first(os.path.dirname(file))
    with serving.standing_in():
        _execute(module, file)
    return module


def _execute(module: ModuleType, file: str) -> None:
    """Run the module. Raises TargetError, with the script's own traceback."""
    source = mains.read(file)
    try:
        code = compile(source, file, "exec", dont_inherit=True)
        exec(code, vars(module))
    except NotServed as error:
        raise TargetError(f"{os.path.basename(file)}: {error.what}", error.cure) from error
    except ModuleNotFoundError as error:
        raise TargetError(
            f"{os.path.basename(file)} needs the module {error.name}, which {sys.executable} does not have.\n"
            + encode_error(error)["traceback"],
            f"Install it there: {sys.executable} -m pip install ...; or name another Python: "
            'Workflow(..., interpreter="/path/to/python").',
        ) from error
    except (Exception, SystemExit) as error:
        said = encode_error(error)["traceback"]
        raise TargetError(f"{os.path.basename(file)} cannot be loaded.\n{said}", "Put that right.") from error
    finally:
        WorkflowContextManager.pop_context_managed_workflow()  # one that an error has left open
