"""Workspaces: repositories of git to which clients push the code of runs, told apart by their first commit.

What a run is made of is taken from there, and kept as an artifact. So the repository itself, below the home's
`results`, may be pruned at any time: a client pushes again before each run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import quote

from motet.dialects.spell.api import asked
from motet.dialects.spell.api.houses import house_of, shelf_of
from motet.dialects.spell.api.wire import Telling
from motet.dialects.spell.house import House
from motet.environments import code
from motet.errors import Conflict
from motet.kernel.events import Json
from motet.ports.routes import OPERATE, READ, Call, Content, delete, get, post, put
from motet.ports.voice import PACKED
from motet.receiving import pushes
from motet.receiving.pushes import Repository
from motet.shelves import Shelf

_PUSH_S = 3600.0


def workspaces(call: Call, owner: str, name: str | None = None) -> Json:
    """The workspaces: all, or those of that name."""
    house = house_of(call, owner)
    tell, found = Telling(call, house), _shelf(call, house).every().values()
    return {"workspaces": [tell.workspace(each) for each in found if name in (None, each["name"])]}


def workspace_made(call: Call, owner: str, body: asked.Workspace) -> Json:
    """The workspace of the repository that begins so, and where to push to, with a token for just that."""
    house, root = house_of(call, owner), pushes.commit_named(body.get("root_commit"))
    shelf = _shelf(call, house)
    told = {"root_commit": root, "name": str(body.get("name")), "description": str(body.get("description") or "")}
    try:
        found = shelf.get(root) or shelf.add(root, told)
    except Conflict:  # somebody pushes the same at once
        return workspace_made(call, owner, body)
    note, only = f"push to {found['name']}"[:80], f"/v1/git/{owner}/{found['id']}/"
    token = call.site.issue(call.caller, note, _PUSH_S, only)
    scheme, host = "https" if call.is_secure else "http", call.headers.get("host", "localhost")
    url = f"{scheme}://git:{token}@{host}/v1/git/{quote(owner, safe='')}/{found['id']}"
    return {"workspace": Telling(call, house).workspace(found, url)}


def workspace(call: Call, owner: str, workspace: int) -> Json:
    """A workspace."""
    house = house_of(call, owner)
    return {"workspace": Telling(call, house).workspace(_shelf(call, house).numbered(workspace)[1])}


def workspace_removed(call: Call, owner: str, workspace: int) -> Json:
    """Forget a workspace. Runs keep the code that they were made of."""
    shelf = _shelf(call, house_of(call, owner))
    shelf.remove(shelf.numbered(workspace)[0])
    return {}


def _shelf(call: Call, house: House) -> Shelf:
    return shelf_of(call, house.owner, "workspace")


def refs(call: Call, owner: str, workspace: int, service: str) -> Content:
    """What the repository has, as git asks for it before a push."""
    return _repository(call, house_of(call, owner), workspace).refs(service, owner)


def pushed(call: Call, owner: str, workspace: int, body: IO[bytes]) -> Content:
    """Take a push."""
    encoding = call.headers.get("content-encoding", "")
    return _repository(call, house_of(call, owner), workspace).take(owner, body, encoding)


def _repository(call: Call, house: House, workspace: int) -> Repository:
    _shelf(call, house).numbered(workspace)
    name = f"spell-git-{quote(house.owner, safe='')}-{workspace}"
    return Repository(os.path.join(call.site.home, PACKED, name))


def code_of(call: Call, house: House, spec: Mapping[str, Any]) -> Json:
    """The code that was pushed, as a record for a run: that of `uncommitted_hash`, if it has one, else of the commit.
    Raises NotFound, UsageError.
    """
    _, found = _shelf(call, house).numbered(int(spec["workspace_id"]))
    commit = pushes.commit_named(spec.get("git_commit_hash") or spec.get("commit_hash"))
    taken = spec.get("uncommitted_hash") or commit
    told = {"commit": commit, "root_commit": found["root_commit"], "repository": found["name"]}
    with tempfile.TemporaryDirectory(prefix="motet-spell-") as tree:
        _repository(call, house, found["id"]).check_out(taken, tree)
        more = {"workspace": found["id"], "uncommitted": taken != commit}
        return code.kept(house.host.artifacts, tree, {**told, **more})


_OF_OWNER = "/v1/workspaces/{owner}"
_GIT = "/v1/git/{owner}/{workspace}"

ROUTES = (
    get(_OF_OWNER, READ, workspaces, by_runs=True),
    put(_OF_OWNER, OPERATE, workspace_made),
    get(f"{_OF_OWNER}/{{workspace}}", READ, workspace, by_runs=True),
    delete(f"{_OF_OWNER}/{{workspace}}", OPERATE, workspace_removed),
    get(f"{_GIT}/info/refs", OPERATE, refs, by_password=True, produces=pushes.TOLD),
    post(
        f"{_GIT}/git-receive-pack", OPERATE, pushed, by_password=True, consumes=pushes.PUSHED, in_file=True,
        most_bytes=pushes.MOST_BYTES, produces=pushes.ANSWERED, is_long=True,
    ),
)  # fmt: skip
