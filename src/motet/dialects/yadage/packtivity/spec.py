"""A packtivity as its file has it: read, checked, with defaults filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from motet.errors import UsageError, did_you_mean
from motet.executors.commands.engines import check
from motet.executors.commands.spec import Container
from motet.values.documents import KINDS, Checks, Node, Problems, told
from motet.values.placeholders import checked, texts_of
from motet.values.quantities import quantity

if TYPE_CHECKING:
    from motet.kernel.events import Json


class Key(NamedTuple):
    """A key of a mapping: the kinds of value that it takes, and its default; it must be given if that is `REQUIRED`."""

    kinds: tuple[type, ...]
    default: Any = ...


REQUIRED = ...
_TEXT, _FLAG, _MAPPING, _LIST = (str,), (bool,), (dict,), (list,)
_ANY = (dict, list, str, bool, int, float)

PROCESSES: Mapping[str, Mapping[str, Key]] = {
    "string-interpolated-cmd": {"cmd": Key(_TEXT)},
    "interpolated-script-cmd": {"script": Key(_TEXT), "interpreter": Key(_TEXT, "sh")},
    "manual-instructions-proc": {"instructions": Key(_TEXT)},
}
ENVIRONMENTS: Mapping[str, Mapping[str, Key]] = {
    "docker-encapsulated": {
        "image": Key(_TEXT), "imagetag": Key(_TEXT, "latest"), "resources": Key(_LIST, []), "envscript": Key(_TEXT, ""),
        "env": Key(_MAPPING, {}), "workdir": Key((str, type(None)), None), "par_mounts": Key(_LIST, []),
    },
    "localproc-env": {},
    "noop-env": {},
}  # fmt: skip
PUBLISHERS: Mapping[str, Mapping[str, Key]] = {
    "constant-pub": {"publish": Key(_MAPPING)},
    "frompar-pub": {"outputmap": Key(_MAPPING)},
    "interpolated-pub": {"publish": Key(_ANY), "glob": Key(_FLAG, False), "relative_paths": Key(_FLAG, False)},
    "fromparjq-pub": {
        "script": Key(_TEXT, "."), "tryExact": Key(_FLAG, True), "glob": Key(_FLAG, False),
        "relative_paths": Key(_FLAG, False),
    },
    "fromglob-pub": {"globexpression": Key(_TEXT), "outputkey": Key(_TEXT)},
    "fromyaml-pub": {"yamlfile": Key(_TEXT)},
}  # fmt: skip
_PARTS = {"process": PROCESSES, "environment": ENVIRONMENTS, "publisher": PUBLISHERS}
_BY_HAND = "A person would have to do that by hand while the workflow runs; let a command do it."

RESOURCES = ("CVMFS", "GRIDProxy", "KRB5Auth")
"""What a container may ask for by a word."""

LIMITS = (
    "kerberos", "kubernetes_cpu_limit", "kubernetes_cpu_request", "kubernetes_job_timeout", "kubernetes_memory_limit",
    "kubernetes_memory_request", "kubernetes_uid", "c4p_cpu_cores", "c4p_memory_limit",
)  # fmt: skip
"""What it may ask for by a mapping, and what is honoured here; `environments` says what each comes to."""

_ELSEWHERE = (
    "compute_backend", "unpacked_img", "voms_proxy", "rucio", "htcondor_max_runtime", "htcondor_accounting_group",
    "htcondor_request_cpus", "htcondor_request_memory", "htcondor_request_disk", "htcondor_requirements",
    "slurm_partition", "slurm_time", "c4p_additional_requirements",
)  # fmt: skip


def read(node: Node, problems: Problems) -> Json:
    """The packtivity with all that it may leave out: {"process", "environment", "publisher"}, as plain JSON.

    {} where something is wrong with it, which `problems` is told.
    """
    before = len(problems.errors)
    if not isinstance(node.value, dict):
        cure = "Give it `process`, `environment` and `publisher`."
        problems.error(node.where, f"found {told(node.value)}, expected a mapping for a step.", cure)
        return {}
    Checks(problems).only(node, tuple(_PARTS), "a step")
    found = {name: _part(node, name, kinds, problems) for name, kinds in _PARTS.items()}
    if len(problems.errors) > before:
        return {}
    if found["process"] is not None and found["environment"] is None:
        problems.error(node.where, "the step has a process and no environment.", "localproc-env runs it on this host.")
        return {}
    return found


def _part(node: Node, name: str, kinds: Mapping[str, Mapping[str, Key]], problems: Problems) -> Json:
    """One of the three parts."""
    part = node.get(name)
    if part is None:
        otherwise = "Write null if there is none." if name != "publisher" else "Without outputs: constant-pub."
        problems.error(node.where, f"{name!r} is missing in the step.", otherwise)
        return None
    if part.value is None and name != "publisher":
        return None
    if not isinstance(part.value, dict):
        cure = f"Write {name}_type and its keys below it; there are {', '.join(kinds)}."
        problems.error(part.where, f"found {told(part.value)}, expected a mapping for {name!r}.", cure)
        return None
    kind = _kind(part, f"{name}_type", kinds, problems)
    if not kind:
        return None
    keys = kinds[kind]
    Checks(problems).only(part, [f"{name}_type", *keys], kind)
    found = {f"{name}_type": kind, **{key: _value(part, key, keys[key], kind, problems) for key in keys}}
    _check(part, kind, found, problems)
    return found


def _kind(part: Node, key: str, kinds: Mapping[str, Any], problems: Problems) -> str:
    node = part.get(key)
    known = f"There are: {', '.join(kinds)}."
    if node is None:
        problems.error(part.where, f"{key!r} is missing.", known)
        return ""
    kind = node.value
    if isinstance(kind, str) and kind in kinds:
        return kind
    if isinstance(kind, str) and kind.startswith("manual-"):
        problems.error(node.where, f"{kind} cannot be had.", _BY_HAND)
    else:
        named = told(kind) if not isinstance(kind, str) else repr(kind)
        problems.error(node.where, f"there is no {key} {named}.", did_you_mean(str(kind), kinds, known))
    return ""


def _value(part: Node, name: str, key: Key, kind: str, problems: Problems) -> Json:
    node = part.get(name)
    if node is None:
        if key.default is REQUIRED:
            Checks(problems).missing(part, name, kind)
            return None
        return key.default
    value = node.plain()
    is_odd_flag = isinstance(value, bool) and bool not in key.kinds
    if not isinstance(value, key.kinds) or is_odd_flag:
        wanted = " or ".join(dict.fromkeys(KINDS[each] for each in key.kinds))
        quote = "Write it in quotes." if key.kinds == _TEXT and isinstance(value, int | float) else ""
        problems.error(node.where, f"found {told(value)}, expected {wanted} for {name!r}.", quote)
        return None
    return value


def _check(part: Node, kind: str, found: Mapping[str, Any], problems: Problems) -> None:
    """What can be seen of single values before anything runs."""
    for name in ("cmd", "script"):
        text = found.get(name)
        if isinstance(text, str):
            _check_braces(part, name, text, repr(name), problems)
    if kind == "interpolated-script-cmd" and found["interpreter"] is not None and not found["interpreter"].strip():
        problems.error(_where(part, "interpreter"), "'interpreter' is empty.", "Leave it out for sh.")
    if kind == "interpolated-pub":
        for text in texts_of(found["publish"]):
            _check_braces(part, "publish", text, f"{text!r:.60}", problems)
    if kind == "docker-encapsulated" and found["image"] is not None and found["imagetag"] is not None:
        _check_container(part, found, problems)


def _check_braces(part: Node, name: str, text: str, told: str, problems: Problems) -> None:
    if wrong := checked(text):
        problems.error(_where(part, name), f"a brace in {told} is no placeholder: {wrong}.", "Double it: {{ and }}.")


def _check_container(part: Node, found: Mapping[str, Any], problems: Problems) -> None:
    try:
        check(Container(image_of(found)))
    except UsageError as error:
        problems.error(_where(part, "image"), error.what, error.cure)
    for name, value in (found["env"] or {}).items():
        if not isinstance(value, str | int | float):
            problems.error(_where(part, "env"), f"the variable {name} cannot be {told(value)}.", "Give it text.")
    for each in found["par_mounts"] or ():
        if not isinstance(each, dict) or each.keys() != {"mountpath", "jqscript"}:
            cure = "Write {mountpath: /path/in/the/container, jqscript: .parameter}."
            problems.error(_where(part, "par_mounts"), f"found {told(each)}, expected a mount of parameters.", cure)
        elif not str(each["mountpath"]).startswith("/"):
            problems.error(
                _where(part, "par_mounts"), f"{each['mountpath']!r} is no absolute path.", "Begin it with a slash."
            )
    for each in found["resources"] or ():
        for name, amount in each.items() if isinstance(each, dict) else ((each, None),):
            _check_resource(part, name, amount, problems)


def _check_resource(part: Node, name: Json, amount: Json, problems: Problems) -> None:
    if name in LIMITS and name != "kerberos":
        try:
            quantity(amount)
        except (UsageError, AttributeError):
            cure = "Write a number, or for example 500m, 4Gi."
            problems.error(_where(part, "resources"), f"{name} cannot be {amount!r}.", cure)
    if name in RESOURCES or name in LIMITS:
        return
    if name in _ELSEWHERE:
        what, cure = f"the resource {name} means nothing on this machine, and is passed over.", ""
    else:
        what = f"there is no resource {name!r}; it is passed over."
        cure = did_you_mean(str(name), (*RESOURCES, *LIMITS, *_ELSEWHERE))
    problems.warn(_where(part, "resources"), f"{what} {cure}".rstrip())


def _where(part: Node, name: str) -> str:
    node = part.get(name)
    return part.where if node is None else node.where


def image_of(environment: Mapping[str, Any]) -> str:
    """The name of its image, with the tag; one that is named by digest, or has a tag already, as it is."""
    image, tag = str(environment["image"]), str(environment["imagetag"])
    if "@" in image or not tag or (tag == "latest" and ":" in image.rpartition("/")[2]):
        return image
    return f"{image}:{tag}"


def identity(spec: Json) -> str:
    """A digest of what counts of a packtivity: all that its file says of it."""
    from hashlib import sha256

    return sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
