"""The home, whose contents are its user's alone: folders are made 0700 and files 0600, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FILE = 0o600
"""The mode of a file that Motet makes in a home."""

FOLDER = 0o700
"""The mode of a folder there."""

EVERYBODY, ANOTHER = "everybody", "the user "


def home() -> str:
    """The folder that everything is kept in: $MOTET_HOME, else ~/.motet."""
    return os.path.abspath(os.path.expanduser(os.environ.get("MOTET_HOME") or "~/.motet"))


SERVER_FILE = "server.url"
"""The file of a home that names the server whose runs commands are about, where MOTET_SERVER does not."""


def server(home: str) -> str:
    """The address of the server whose runs commands show and steer: $MOTET_SERVER, else what was set for the home; ""
    where they are about the home's own.
    """
    if "MOTET_SERVER" in os.environ:
        return os.environ["MOTET_SERVER"]
    try:
        with open(os.path.join(home, SERVER_FILE), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def set_server(home: str, url: str) -> None:
    """Set that for the home; "" for none. Raises OSError."""
    path = os.path.join(home, SERVER_FILE)
    if not url:
        with suppress(FileNotFoundError):
            os.unlink(path)
        return
    make_folder(home)
    with replacing(path) as part, open(part, "w", encoding="utf-8", opener=opener) as file:
        file.write(f"{url}\n")


def machine(home: str) -> str:
    """Where processes see who has what of this machine: $MOTET_MACHINE, which homes may share, else below `home`."""
    return os.environ.get("MOTET_MACHINE") or os.path.join(home, "machine", os.uname().nodename)


def make_folder(path: str) -> None:
    """Make the folder, and those above it that are missing; one that is there keeps its mode. Raises OSError."""
    try:
        os.mkdir(path, FOLDER)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    except FileNotFoundError:
        above = os.path.dirname(path)
        if above in ("", path):
            raise
        make_folder(above)
        with suppress(FileExistsError):  # another may be quicker
            os.mkdir(path, FOLDER)  # which raises where nothing can be made, as in /proc


@contextmanager
def replacing(path: str) -> Iterator[str]:
    """A place beside `path` to write to, which takes its place at the end, at once: nobody ever sees half of it.

    After an exception nothing is left of it. Raises OSError.
    """
    part = f"{path}.{os.urandom(6).hex()}.part"
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise


def opener(path: str, flags: int) -> int:
    """Opens a file for `open(..., opener=opener)`: one that is made is this user's alone."""
    return os.open(path, flags | os.O_CLOEXEC, FILE)


def sync(path: str) -> None:
    """Bring a file, or the names in a folder, to the disk. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def writers(path: str) -> str:
    """Who may write there besides this user and root: EVERYBODY, "the group ...", ANOTHER with the name of its owner;
    empty for nobody, and for what is not there.
    """
    return _who(path, stat.S_IWOTH, stat.S_IWGRP)


def open_to_others(home: str) -> Iterator[tuple[str, str]]:
    """The home and what stands in it, as far as others can get at it: each with what they may, in words."""
    if who := writers(home):
        yield home, f"{who} may write to"
    if not _who(home, stat.S_IXOTH, stat.S_IXGRP):
        return
    for path in parts(home):
        if who := writers(path):
            yield path, f"{who} may write to"
        elif who := _who(path, stat.S_IROTH | stat.S_IXOTH, stat.S_IRGRP | stat.S_IXGRP):
            yield path, f"{who} may read"


def parts(home: str) -> list[str]:
    """What stands in a home, as paths; nothing where this user may not look."""
    try:
        return sorted(os.path.join(home, name) for name in os.listdir(home))
    except OSError:
        return []


def owner(path: str) -> str:
    """The name of the user whose it is."""
    return _name(os.stat(path).st_uid)


def user() -> str:
    """The name of the user whose process this is; the number where it has none."""
    return _name(os.geteuid())


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _who(path: str, others: int, group: int) -> str:
    """Who besides this user and root has one of these rights."""
    try:
        found = os.stat(path)
    except OSError:
        return ""
    if found.st_mode & others:
        return EVERYBODY
    if found.st_uid not in (0, os.geteuid()):
        return f"{ANOTHER}{owner(path)}"
    if found.st_mode & group and not _is_own(found.st_gid):
        return f"the group {_group(found.st_gid)}"
    return ""


def _is_own(gid: int) -> bool:
    """Whether the group is that of this user alone, as many systems give one to each."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and not [name for name in group.gr_mem if name != user.pw_name]


def _group(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
