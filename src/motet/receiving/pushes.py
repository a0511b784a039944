"""Repositories to which code is pushed, by git's own protocol over HTTP: `git http-backend` answers.

Nothing of what comes is carried out, nothing can be fetched, and git sees one repository with settings of its own. Who
needs the files of a commit takes them, and keeps them elsewhere: a repository may be removed whenever nobody pushes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from typing import IO

from motet import private
from motet.errors import NotFound, UsageError
from motet.ports.routes import Content, Refused

SERVICE = "git-receive-pack"
PUSHED = "application/x-git-receive-pack-request"
TOLD = "application/x-git-receive-pack-advertisement"
ANSWERED = "application/x-git-receive-pack-result"
"""What git asks for, and the kinds of bodies in which a push, what it asks before, and the answer come."""

MOST_BYTES = 2**30
"""So large a push may be."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_PATIENCE_S = 600.0
_SETTINGS = {
    "core.hooksPath": os.devnull, "gc.auto": "0", "http.receivepack": "true", "receive.fsckObjects": "true",
    "receive.fsck.badTimezone": "ignore", "receive.fsck.missingSpaceBeforeDate": "ignore",
    "receive.fsck.zeroPaddedFilemode": "ignore", "receive.maxInputSize": str(MOST_BYTES),
}  # fmt: skip
"""How pushes are taken: checked as they come. What old histories are known to have is let in."""


class Repository:
    """A bare repository in that folder, made at first use."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        if not os.path.isdir(folder):
            self._make()
        os.utime(folder)  # it is in use: not to be pruned soon

    def _make(self) -> None:
        private.make_folder(os.path.dirname(self._folder))
        part = tempfile.mkdtemp(prefix=".git-", dir=os.path.dirname(self._folder))
        _git(part, "init", "--quiet", "--bare", "--template=")
        for name, value in _SETTINGS.items():
            _git(part, "config", name, value)
        try:
            os.rename(part, self._folder)
        except OSError:  # somebody else has made it
            shutil.rmtree(part)

    def refs(self, service: str, user: str) -> Content:
        """What it has, as git asks for it before a push. Raises Refused for who wants to fetch."""
        if service != SERVICE:
            raise Refused(403, "Nothing can be fetched from here.", "Code is pushed here.")
        return self._answered("info/refs", user, {"REQUEST_METHOD": "GET", "QUERY_STRING": f"service={SERVICE}"}, None)

    def take(self, user: str, body: IO[bytes], encoding: str) -> Content:
        """Take a push by the user, whose body is encoded so. Raises UsageError."""
        asked = {
            "REQUEST_METHOD": "POST", "QUERY_STRING": "", "CONTENT_TYPE": PUSHED, "HTTP_CONTENT_ENCODING": encoding,
            "CONTENT_LENGTH": str(os.fstat(body.fileno()).st_size),
        }  # fmt: skip
        return self._answered(SERVICE, user, asked, body)

    def _answered(self, what: str, user: str, asked: dict[str, str], body: IO[bytes] | None) -> Content:
        given = {
            **_surroundings(), **asked, "GIT_PROJECT_ROOT": self._folder, "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{what}", "REMOTE_USER": user,
        }  # fmt: skip
        call, stdin = ["git", "http-backend"], subprocess.DEVNULL if body is None else body
        try:
            done = subprocess.run(
                call, env=given, stdin=stdin, capture_output=True, timeout=_PATIENCE_S, check=False
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageError(f"git cannot take the push: {error}.", "Is git installed where the server runs?") from None
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        told = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
        if done.returncode or "Content-Type" not in told:
            raise UsageError(f"git has not taken the push: {done.stderr.decode(errors='replace')[-500:]}", "Push anew.")
        return Content(answer, media_type=told["Content-Type"], status=int(told.get("Status", "200").split()[0]))

    def check_out(self, commit: str, folder: str) -> None:
        """Put the files of the commit into the folder, as they are kept. Raises NotFound where it was not pushed."""
        with tempfile.TemporaryDirectory(prefix="motet-git-") as place:
            index = {"GIT_INDEX_FILE": os.path.join(place, "index")}
            try:
                _git(self._folder, "read-tree", commit_named(commit), **index)
            except UsageError as error:
                raise NotFound(f"Commit {commit} was not pushed: {error.what}", error.cure) from None
            _git(self._folder, "--work-tree", folder, "checkout-index", "--all", **index)


def commit_named(text: object) -> str:
    """The hash of a commit. Raises UsageError for what is none."""
    if not isinstance(text, str) or not _COMMIT.fullmatch(text):
        raise UsageError(f"{text!r:.80} is no commit.", "Give the hash of one, in full.")
    return text


def _surroundings() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip


def _git(folder: str, *words: str, **more: str) -> None:
    """Have git do that with the repository. Raises UsageError."""
    call, given = ["git", "--git-dir", folder, *words], {**_surroundings(), **more}
    done = subprocess.run(call, env=given, capture_output=True, timeout=_PATIENCE_S, check=False)
    if done.returncode:
        raise UsageError(f"git {words[0]} failed: {done.stderr.decode(errors='replace')[-500:]}", "Push the code anew.")
