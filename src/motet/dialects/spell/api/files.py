"""Files: what there is at a path, as lines and as a tar archive; links; and models, which are names of files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from motet.dialects.spell.api import asked
from motet.dialects.spell.api.houses import house_of, shelf_of
from motet.dialects.spell.api.streams import LINES, line, parts
from motet.dialects.spell.api.wire import date, dated, user
from motet.errors import NotFound, UsageError
from motet.kernel.events import Json
from motet.ports.routes import OPERATE, READ, Call, Content, Stream, delete, get, post, put
from motet.shelves import Shelf

_TAR = "application/x-tar"
_OUT_OF_NAMES = frozenset('/."\\[]:;|=,')


def listed(call: Call, owner: str, path: str) -> Content:
    """What is at the path, an object a line; where it goes through a link, that is told in a header."""
    house = house_of(call, owner)
    found = house.ls(path)
    told: list[Json] = [
        {"path": each.path, "size": each.size_bytes, "date": date(each.at), "link_target": each.link_target or None}
        for each in found
    ]
    first, links = path.strip("/").partition("/")[0], house.links()
    header = {"Resource-Link": json.dumps({"resource_link": _link(first, links[first])})} if first in links else {}
    return Content(b"".join(map(line, told)), media_type=LINES, headers=header)


def copied(call: Call, owner: str, path: str) -> Stream:
    """The file at the path, or all that is in the folder, as a tar archive."""
    found = house_of(call, owner).tar(path)
    first = next(found, b"")  # what there is not is refused before anything is sent

    async def all_parts() -> AsyncIterator[bytes]:
        yield first
        async for each in parts(found):
            yield each

    return Stream(all_parts())


# ---------------------------------------------------------------- links


def _link(alias: str, path: str) -> dict[str, Json]:
    return {"alias": alias, "resource_path": path, "created_at": "1970-01-01T00:00:00+00:00"}


def links(call: Call, owner: str) -> Json:
    """The links."""
    return {"resource_links": [_link(alias, path) for alias, path in house_of(call, owner).links().items()]}


def link_kept(call: Call, owner: str, body: asked.Link) -> Json:
    """Let a name stand for a path."""
    alias, path = body.get("alias", ""), body.get("resource_path", "")
    if not alias or set(alias) & _OUT_OF_NAMES or alias in ("runs", "uploads", "public"):
        raise UsageError(f"{alias!r:.80} cannot be a link.", 'Choose a name without / . " \\ [ ] : ; | = ,')
    house_of(call, owner).link(alias, path)
    return {"resource_link": _link(alias, path)}


def link(call: Call, owner: str, alias: str) -> Json:
    """A link; nothing where there is none."""
    path = house_of(call, owner).links().get(alias)
    return {"resource_link": {} if path is None else _link(alias, path)}


def link_removed(call: Call, owner: str, alias: str) -> Json:
    """Remove a link."""
    house_of(call, owner).unlink(alias)
    return {}


# ---------------------------------------------------------------- models


def _models(call: Call, owner: str) -> Shelf:
    return shelf_of(call, house_of(call, owner).owner, "model")


def _model(call: Call, owner: str, name: str) -> dict[str, Any]:
    found = _models(call, owner).get(name)
    if found is None:
        raise NotFound(f"There is no model {name!r}.", "`spell model list` lists them.")
    return found


def _version(call: Call, owner: str, model: dict[str, Any], version: dict[str, Any]) -> Json:
    shown = version["name"] or f"v{version['version']}"
    told = {**version, "model_id": model["id"], "model_name": model["name"], "formatted_version": shown}
    return dated(told, creator=user(call, owner))


def _as_model(call: Call, owner: str, model: dict[str, Any]) -> Json:
    versions = [_version(call, owner, model, each) for each in model["kept"]]
    told = {name: each for name, each in model.items() if name != "kept"}
    return dated(told, creator=user(call, owner), model_versions=versions)


def models(call: Call, owner: str) -> Json:
    """The models, with their versions."""
    return {"models": [_as_model(call, owner, each) for each in _models(call, owner).every().values()]}


def model(call: Call, owner: str, name: str) -> Json:
    """A model, with its versions."""
    return {"model": _as_model(call, owner, _model(call, owner, name))}


def model_kept(call: Call, owner: str, body: asked.Model) -> Json:
    """Keep files as the next version of a model, which is made if there is none of that name."""
    house, name, resource = house_of(call, owner), str(body.get("name") or ""), str(body.get("resource") or "")
    house.ls(resource)
    shelf, wanted = _models(call, owner), body.get("version") or ""
    begun = shelf.get(name) or shelf.add(name, {"name": name, "kept": [], "last": 0})

    def with_version(found: dict[str, Any]) -> dict[str, Any]:
        if any(wanted and wanted in (each["name"], f"v{each['version']}") for each in found["kept"]):
            raise UsageError(f"The model {name!r} has a version {wanted!r} already.", "Choose another name for it.")
        number = found["last"] + 1
        made = {
            "id": number, "version": number, "name": str(wanted), "resource": resource,
            "files": body.get("files") or [], "description": body.get("description") or "",
            "created_at": call.site.now(),
        }  # fmt: skip
        return {"kept": [*found["kept"], made], "last": number}

    changed = shelf.change(begun["id"], with_version)
    return {"model_version": _version(call, owner, changed, changed["kept"][-1])}


def model_removed(call: Call, owner: str, name: str) -> Json:
    """Remove a model, with all of its versions. The files stay where they are."""
    _models(call, owner).remove(name)
    return {}


def _at(kept: Sequence[dict[str, Any]], version: str) -> int:
    for at, each in enumerate(kept):
        if version in (each["name"], f"v{each['version']}"):
            return at
    raise NotFound(f"There is no version {version!r}.", "`spell model describe` lists them.")


def model_version(call: Call, owner: str, name: str, version: str) -> Json:
    """A version of a model."""
    found = _model(call, owner, name)
    return {"model_version": _version(call, owner, found, found["kept"][_at(found["kept"], version)])}


def model_version_described(call: Call, owner: str, name: str, version: str, body: asked.Model) -> Json:
    """Give a version another description."""

    def described(found: dict[str, Any]) -> dict[str, Any]:
        at = _at(found["kept"], version)
        found["kept"][at]["description"] = body.get("description", "")
        return {"kept": found["kept"]}

    _models(call, owner).change(_model(call, owner, name)["id"], described)
    return {}


def model_version_removed(call: Call, owner: str, name: str, version: str) -> Json:
    """Remove a version of a model."""

    def without(found: dict[str, Any]) -> dict[str, Any]:
        at = _at(found["kept"], version)
        return {"kept": [*found["kept"][:at], *found["kept"][at + 1 :]]}

    _models(call, owner).change(_model(call, owner, name)["id"], without)
    return {}


_LS, _CP = "/v1/resources/{owner}/ls", "/v1/resources/{owner}/cp"
_LINKS, _MODELS = "/v1/links/{owner}", "/v1/model/{owner}"
_VERSION = f"{_MODELS}/{{name}}/version/{{version}}"

ROUTES = (
    get(f"{_LS}/{{path:path}}", READ, listed, by_runs=True, produces=LINES),
    get(f"{_CP}/{{path:path}}", READ, copied, by_runs=True, produces=_TAR),
    get(_LINKS, READ, links, by_runs=True),
    post(_LINKS, OPERATE, link_kept),
    get(f"{_LINKS}/{{alias}}", READ, link, by_runs=True),
    delete(f"{_LINKS}/{{alias}}", OPERATE, link_removed),
    get(_MODELS, READ, models, by_runs=True),
    post(_MODELS, OPERATE, model_kept),
    get(f"{_MODELS}/{{name}}", READ, model, by_runs=True),
    delete(f"{_MODELS}/{{name}}", OPERATE, model_removed),
    get(_VERSION, READ, model_version, by_runs=True),
    put(_VERSION, OPERATE, model_version_described),
    delete(_VERSION, OPERATE, model_version_removed),
)
