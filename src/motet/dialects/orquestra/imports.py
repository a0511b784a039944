"""What a workflow imports: git repositories, Python requirements and, beyond the original, local folders."""

from __future__ import annotations

import re

from motet.dialects.orquestra.places import Place, told
from motet.dialects.orquestra.spec import Import, nearest
from motet.environments.requirements import fault

_KINDS = ("git", "python-requirements", "local")
_REF_KINDS = ("branch", "tag", "commit")
_NAME = re.compile(r"[\w][\w.-]*")
_HOSTILE_REF = re.compile(r"^-|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|\.lock$|/$|^/|//")
_ANCESTOR = re.compile(r"(?<=.)([~^][0-9]*)+$")
_HOSTILE_URL = re.compile(r"^-|[\x00-\x1f\x7f]|^\w+::")


def read_import(place: Place) -> Import:
    """One of `imports`, checked; what is wrong is told to its problems."""
    place.only(("name", "type", "parameters"))
    found = Import(place.text("name"), place.text("type", cure="Write type: git."), place.path)
    if found.name and not _NAME.fullmatch(found.name):
        place.problems.error(
            (*place.path, "name"), f"{found.name!r} cannot be a folder's name.", "Use letters, digits, '-', '_', '.'."
        )
    if found.kind and found.kind not in _KINDS:
        place.problems.error(
            (*place.path, "type"), f"found {found.kind!r}, expected 'git'.", nearest(found.kind, _KINDS)
        )
        return found
    parameters = place.within("parameters", f"parameters of {place.called}")
    if parameters is None or not parameters.value:
        return found
    if found.kind == "git":
        _read_git(parameters, found)
    elif found.kind == "local":
        parameters.only(("path",))
        found.repository = parameters.text("path")
    elif found.kind == "python-requirements":
        parameters.only(("requirements",))
        found.requirements = _requirements(parameters)
    return found


def _read_git(place: Place, found: Import) -> None:
    place.only(("repository", "url", *_REF_KINDS))
    name = "url" if "url" in place.value and "repository" not in place.value else "repository"
    found.repository = place.text(name, cure='Write repository: "git@github.com:owner/name.git".')
    if _HOSTILE_URL.search(found.repository):
        place.problems.error(
            (*place.path, name), f"{found.repository!r} is not taken as a repository.", "Write its plain URL or path."
        )
    given = [each for each in _REF_KINDS if each in place.value]
    if not given:
        place.missing("branch", "Please specify either a branch or a tag (or a commit).")
    elif len(given) > 1:
        place.problems.error(
            (*place.path, given[1]), f"found {' and '.join(given)}, expected one of them in {place.called}.",
            "Please specify only the branch or only the tag.", key=True,
        )  # fmt: skip
    else:
        found.ref_kind = given[0]
        found.ref = place.text(given[0])
        name = _ANCESTOR.sub("", found.ref) if given[0] == "commit" else found.ref
        if _HOSTILE_REF.search(name):
            place.problems.error(
                (*place.path, given[0]), f"{found.ref!r} is no name of a {given[0]}.", "Write it as git shows it."
            )


def _requirements(place: Place) -> list[str]:
    value = place.value.get("requirements")
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = "\n".join(value)
    if not isinstance(value, str):
        if "requirements" not in place.value:
            place.missing("requirements")
        else:
            place.problems.error(
                (*place.path, "requirements"), f"found {told(value)}, expected one requirement a line."
            )
        return []
    lines = [line.partition(" #")[0].strip() for line in value.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    for line in found:
        wrong = "is an option, not a requirement" if line.startswith("-") else fault(line)
        if wrong:
            place.problems.error(
                (*place.path, "requirements"), f"{line!r} {wrong}.", "Write for example numpy==1.26.4."
            )
    return found
