"""Code as it is kept: the files of a folder, of a commit, of a repository elsewhere, as one artifact."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Sequence

from motet.environments.plain import PlainRunner
from motet.environments.sources import Sources
from motet.environments.spec import Git
from motet.errors import MotetError, UsageError
from motet.kernel.events import Json
from motet.ports import ArtifactStore
from motet.values.snapshots import packed

_LEFT_OUT = frozenset((".git", "__pycache__"))


def snapshot(
    artifacts: ArtifactStore, folder: str, *, uncommitted: bool = False, untracked: bool = False, ref: str = ""
) -> Json:  # fmt: skip
    """The code of a folder as a record: {"artifact", "size_bytes", "commit", "root_commit", "repository", ...}.

    Of what is git's: the commit `ref` (HEAD), or with `uncommitted` all that it tracks as it is now, with `untracked`
    also what it neither tracks nor ignores. Of any other folder: all files. Submodules are named, and left out. Raises
    UsageError.
    """
    try:
        return _snapshot(artifacts, folder, uncommitted=uncommitted or untracked, untracked=untracked, ref=ref)
    except OSError as error:
        raise UsageError(f"The code of {folder} cannot be taken along: {error}.", "Make its files readable.") from None


def _snapshot(artifacts: ArtifactStore, folder: str, *, uncommitted: bool, untracked: bool, ref: str) -> Json:
    if not os.path.isdir(folder):
        raise UsageError(f"{folder} is no folder.", "Name the folder with the code.")
    root = _asked(folder, "rev-parse", "--show-toplevel")
    if root is None:
        if os.path.realpath(folder) in ("/", os.path.realpath(os.path.expanduser("~"))):
            raise UsageError(
                f"All of {os.path.abspath(folder)} would be taken along as code.",
                "Name the folder of the code alone.",
            )
        return kept(artifacts, folder, {"repository": os.path.basename(os.path.abspath(folder))})
    commit = _asked(root, "rev-parse", "--verify", f"{ref or 'HEAD'}^{{commit}}")
    if commit is None:
        cure = "Commit something first, or name another commit."
        raise UsageError(f"The repository {root} has no commit {ref or 'HEAD'}.", cure)
    told: dict[str, Json] = {
        "commit": commit, "root_commit": (_asked(root, "rev-list", "--max-parents=0", commit) or "").split("\n")[-1],
        "repository": os.path.basename(root), "description": _asked(root, "log", "-1", "--format=%s", commit) or "",
        "uncommitted": uncommitted,
    }  # fmt: skip
    if submodules := [line.split("\t", 1)[1] for line in _index(root) if line.startswith("160000 ")]:
        told["submodules"] = submodules
    with tempfile.TemporaryDirectory(prefix="motet-code-") as place:
        if uncommitted:
            _copied(root, _listed(root, untracked=untracked), place)
        else:
            _checked_out(root, commit, place)
        return kept(artifacts, place, told)


def kept(artifacts: ArtifactStore, folder: str, told: Json) -> Json:
    """A record of all files of the folder but those of git, and compiled ones."""
    with tempfile.TemporaryDirectory(prefix="motet-code-") as place:
        if any(name in _LEFT_OUT for _, names, _ in os.walk(folder) for name in names):
            copy = os.path.join(place, "code")
            shutil.copytree(folder, copy, symlinks=True, ignore=_left_out)
            folder = copy
        stored = artifacts.put_stream(packed("", None, folder))
    return {"artifact": stored.digest, "size_bytes": stored.size_bytes, **told}


def _left_out(place: str, names: Iterable[str]) -> set[str]:
    """What of a folder is no code, or no file that could be copied: pipes, sockets."""
    return {name for name in names if name in _LEFT_OUT or not _is_plain(os.path.join(place, name))}


def _is_plain(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def fetched(artifacts: ArtifactStore, url: str, ref: str, shared: str) -> Json:
    """A record of the code of a repository elsewhere. Raises UsageError for one that cannot be had."""
    sources, wanted = Sources(shared, PlainRunner()), Git("github", url, ref or "HEAD").checked()
    try:
        commit = sources.commit(wanted)
        folder = sources.checkout(Git("github", url, commit))
    except MotetError as error:
        raise UsageError(f"{url} cannot be had: {error.what}", error.cure) from None
    name = url.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return kept(artifacts, folder, {"commit": commit, "repository": name, "url": url, "ref": ref})


def _index(root: str) -> Sequence[str]:
    """What the index has of submodules and files; nothing where there is no file of submodules."""
    if not os.path.exists(os.path.join(root, ".gitmodules")):
        return ()
    return (_asked(root, "ls-files", "-z", "--stage") or "").split("\0")


def _listed(root: str, *, untracked: bool) -> Iterable[str]:
    more = ["--others", "--exclude-standard"] if untracked else []
    said = _asked(root, "ls-files", "-z", "--cached", *more) or ""
    return filter(None, said.split("\0"))


def _copied(root: str, paths: Iterable[str], place: str) -> None:
    for path in paths:
        source, target = os.path.join(root, path), os.path.join(place, path)
        is_folder = os.path.isdir(source) and not os.path.islink(source)
        if os.path.lexists(source) and not is_folder:  # it was not removed, and is no submodule
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _checked_out(root: str, commit: str, place: str) -> None:
    """Put the files of the commit there, whatever stands in the index and the tree of the repository."""
    with tempfile.TemporaryDirectory(prefix="motet-code-") as beside:
        environ = {**os.environ, "GIT_INDEX_FILE": os.path.join(beside, "index")}
        words = ["git", "-C", root, "--work-tree", place, "checkout", "--force", "--quiet", commit, "--", "."]
        done = subprocess.run(words, env=environ, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"The files of commit {commit} of {root} cannot be had: {said}", "`git fsck` says more.")


def _asked(folder: str, *words: str) -> str | None:
    """What git says; None where it knows nothing of that."""
    try:
        said = subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False)
    except OSError:
        return None
    return said.stdout.decode("utf-8", "surrogateescape").rstrip("\n") if said.returncode == 0 else None
