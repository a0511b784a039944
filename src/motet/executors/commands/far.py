"""The program of a Python process in another environment: calls functions there, one after the other.

It is run as a file, by an interpreter that need not know Motet: only the standard library, Python 3.6 or later.

    far.py FD                   serve calls over the socket FD until it is closed
    far.py --once CALL ANSWER   carry out the call in the file CALL, write the answer to the file ANSWER
    far.py --can-show PATH      tell by the exit status whether functions here can see their folder at that path

Messages are framed as in `executors.messages`, and JSON: here comes ["call", call]; from here goes ["ready"], once, and
then ["success", answer, false] or ["failure", answer, false] for each, with what the call took.

    call    {"paths", "name", "kwargs", "cwd", "env", "returns", "files", "given", "seen_at"}
    answer  {"value"}, or {"error": {"type", "module", "message", "traceback"}} with {"missing": name} for a module
            that cannot be found, {"exit": status} for SystemExit
"""

import ctypes
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import time
import traceback
from typing import Any

_MAGIC = b"\x93M5>"
_PREFIX = len(_MAGIC) + 8
_NEWNS, _NEWUSER = 0x20000, 0x10000000
_BIND, _REC, _SLAVE, _DETACH = 4096, 16384, 1 << 19, 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(os.uname().machine, 41)
_OLD = "/.motet-old"

_libc = ctypes.CDLL(None, use_errno=True)
_loaded = {}  # type: Any
"""Modules made of files: path -> (its time and size, module)."""


def main(arguments: Any) -> None:
    """Serve, or carry out one call."""
    sys.path[:1] = []  # the folder of this file
    if arguments[0] == "--can-show":
        sys.exit(0 if _tried(arguments[1]) else 1)
    if arguments[0] == "--once":
        with open(arguments[1], encoding="utf-8") as file:
            call = json.load(file)
        answer = _carry_out(call)
        with open(arguments[2], "w", encoding="utf-8") as file:
            json.dump(answer, file)
        sys.exit(1 if "error" in answer else 0)
    _serve(int(arguments[0]))


def _serve(fd: Any) -> None:
    os.set_inheritable(fd, False)
    own, home = os.getpid(), os.getcwd()
    signal.signal(signal.SIGTERM, _on_sigterm)
    _send(fd, ["ready"])
    while True:
        call = _receive(fd)
        if call is None:
            os.killpg(own, signal.SIGKILL)
        _under_way.append(True)
        before = _spent()
        answer = _carry_out(call[1])
        peak_bytes = _peak_bytes()
        usage = {"cpu_s": round(_spent() - before, 6), "memory_bytes": peak_bytes}
        del _under_way[:]
        if os.getpid() != own:  # a fork that the function has made and not ended
            os._exit(1)
        if _asked_to_end:
            _flush()
            os._exit(128 + _asked_to_end[0])
        if _handler(signal.SIGTERM) is not _on_sigterm:
            signal.signal(signal.SIGTERM, _on_sigterm)
        os.chdir(home)
        if call[1]["seen_at"]:
            _libc.umount2(call[1]["seen_at"].encode(), _DETACH)
        _flush()
        leaving = not _can_write()
        _send(fd, ["failure" if "error" in answer else "success", answer, leaving, usage])
        if leaving:
            os._exit(0)


def _spent() -> Any:
    """The processor time of this process and those that it has waited for. From here on the peak is measured anew."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _peak_bytes() -> Any:
    with open("/proc/self/status", "rb") as file:
        found = file.read().partition(b"VmHWM:")[2].split()
    return int(found[0]) * 1024 if found else 0


def _can_write() -> Any:
    """Whether the next function can print: this one may have closed or replaced the streams."""
    try:
        for stream, first, number in ((sys.stdout, sys.__stdout__, 1), (sys.stderr, sys.__stderr__, 2)):
            if stream is not first or getattr(stream, "closed", True):
                return False
            os.fstat(number)
    except OSError:
        return False
    return True


_handler = getattr(sys.modules.get("_signal"), "getsignal", signal.getsignal)
"""Without the detour by which `signal` looks for names of handlers, which takes as long as a call does."""

_own = dict(os.environ._data)  # type: ignore[attr-defined]
"""The variables of this process, as they are kept: that is much faster to compare than `os.environ`."""


def _set_environment(change: Any) -> None:
    """Have the variables of this process, with a change (None: removed), and no others."""
    wanted = dict(_own)
    for name, value in change.items():
        if value is None:
            wanted.pop(os.fsencode(name), None)
        else:
            wanted[os.fsencode(name)] = os.fsencode(value)
    now = os.environ._data  # type: ignore[attr-defined]
    for name in [each for each in now if each not in wanted]:
        del os.environ[os.fsdecode(name)]
    for name, value in wanted.items():
        if now.get(name) != value:
            os.environ[os.fsdecode(name)] = os.fsdecode(value)


_under_way = []  # type: Any
"""Not empty while a function is being called."""

_asked_to_end = []  # type: Any
"""The signal, once this process was asked to end: then it ends with the call that it has in hand."""


def _on_sigterm(number: Any, frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not _under_way:
        os.kill(os.getpid(), number)
    _asked_to_end.append(number)
    raise SystemExit(128 + number)


def _receive(fd: Any) -> Any:
    """The next message; None when there will be none."""
    content = os.read(fd, 1 << 16)
    while content and len(content) < _PREFIX:
        content += os.read(fd, 1 << 16) or b"\0" * _PREFIX
    if content[: len(_MAGIC)] != _MAGIC:
        return None
    count = _PREFIX + int.from_bytes(content[len(_MAGIC) : _PREFIX], "little") - len(content)
    parts = [content[_PREFIX:]]
    while count > 0:
        parts.append(os.read(fd, min(count, 1 << 20)))
        if not parts[-1]:
            return None
        count -= len(parts[-1])
    return json.loads(b"".join(parts).decode())


def _send(fd: Any, message: Any) -> None:
    content = json.dumps(message).encode()
    content = _MAGIC + len(content).to_bytes(8, "little") + content
    while content:
        content = content[os.write(fd, content) :]


def _carry_out(call: Any) -> Any:
    for each in reversed(call["paths"]):
        if each not in sys.path:
            sys.path.insert(0, each)
    unseen = ""
    try:
        _set_environment(call["env"])
        cwd = call["cwd"] or os.getcwd()
        if call["seen_at"]:
            cwd = os.environ["PWD"] = _seen(cwd, call["seen_at"], call["paths"])
            unseen = call["seen_at"] if cwd != call["seen_at"] else ""
        os.chdir(cwd)
        kwargs = dict(call["kwargs"])
        for name, path in call["files"].items():
            kwargs[name] = os.path.join(cwd, path)
        given = {os.path.join(cwd, place): _laid(path, place) for place, path in call["given"].items()}
        value = _find(call["name"])(**kwargs)
        answer = {"value": _plain(value) if call["returns"] else None}
        _take_away(given)
        return answer
    except BaseException as error:  # noqa: BLE001 - boundary: the user's code ends here
        answer = _failed(error)
        if unseen and isinstance(error, OSError) and str(error.filename).startswith(unseen):
            answer["error"]["message"] += _UNSEEN.format(unseen)
        return answer


def _laid(path: Any, place: Any) -> Any:
    """Let the file be found at a second place, too; gives what tells whether it is written to."""
    try:
        os.link(path, place)
    except OSError:  # a file system without hard links
        os.symlink(path, place)
    before = int((time.time() - 1) * 1e9)  # a change within one tick of the clock would have the time of the copy
    os.utime(place, ns=(before, before))
    return _state(place)


def _state(path: Any) -> Any:
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _take_away(given: Any) -> None:
    """Remove those of the files that are as they were."""
    for path, before in given.items():
        try:
            if _state(path) == before:
                os.unlink(path)
        except OSError:
            continue  # the function has removed it


_UNSEEN = " (the step's folder cannot be seen as {} here: use relative paths; `motet doctor` tells of namespaces)"


# -- a folder seen at a path of its own


_places = {}  # type: Any
"""The paths at which folders can be seen in this process: path -> whether that can be had."""


def _seen(folder: Any, place: Any, paths: Any) -> Any:
    """Let this process and all that it starts see the folder at the path `place`; gives where it is seen.

    That is the folder itself where the system allows no namespaces, and where what is at that path is needed. First
    asked before any code of the user's has run: a process with threads gets no namespace of users.
    """
    needed = [folder, sys.prefix, sys.base_prefix, os.path.abspath(__file__), *sys.path, *paths]
    if any((each + "/").startswith(place + "/") for each in needed):
        return folder
    if place not in _places:
        _places[place] = _tried(place) and _opened(place)
    if not _places[place] or _libc.mount(folder.encode(), place.encode(), None, _BIND, None):
        return folder
    return place


def _tried(place: Any) -> Any:
    """Whether a child could do it: half done, it could not be undone here."""
    child = os.fork()
    if not child:
        try:
            os._exit(0 if _opened(place) else 1)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _opened(place: Any) -> Any:
    """Give this process mounts of its own, in which there is a folder at `place`; gives whether that went well."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        if _libc.unshare(_NEWNS):  # without privileges, a namespace of users comes on top
            _call("unshare", _NEWNS | _NEWUSER)
            for name, text in (("setgroups", "deny"), ("uid_map", "{0} {0} 1"), ("gid_map", "{1} {1} 1")):
                with open("/proc/self/" + name, "w") as file:
                    file.write(text.format(uid, gid))
        _call("mount", b"none", b"/", None, _REC | _SLAVE, None)
        if not os.path.isdir(place):
            _enter_copy_of_root()
            os.mkdir(place)
    except OSError:
        return False
    return True


def _enter_copy_of_root() -> None:
    """Make an empty folder the root, in which all is seen that the old one holds: there a folder can be made."""
    _call("mount", b"none", b"/tmp", b"tmpfs", 0, b"mode=755")
    os.mkdir("/tmp" + _OLD)
    if _libc.syscall(_PIVOT_ROOT, b"/tmp", ("/tmp" + _OLD).encode()):
        raise OSError(ctypes.get_errno(), "pivot_root")
    os.chdir("/")
    for entry in os.listdir(_OLD):
        source, target = "{}/{}".format(_OLD, entry), "/" + entry  # noqa: UP032
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
            continue
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
        _call("mount", source.encode(), target.encode(), None, _BIND | _REC, None)
    _call("umount2", _OLD.encode(), _DETACH)
    os.rmdir(_OLD)


def _call(name: Any, *arguments: Any) -> None:
    if getattr(_libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


# -- finding and telling


def _find(name: Any) -> Any:
    place, _, qualname = name.rpartition(":")
    found = _from_file(place) if place.endswith(".py") else _import(place)
    for part in qualname.split("."):
        found = getattr(found, part)
    return getattr(found, "fn", found)


def _import(name: Any) -> Any:
    found = sys.modules.get(name)
    if found is None:
        importlib.invalidate_caches()
        found = importlib.import_module(name)
    return found


def _from_file(path: Any) -> Any:
    found = os.stat(path)
    state = found.st_mtime_ns, found.st_size
    if _loaded.get(path, (None,))[0] != state:
        name = os.path.splitext(os.path.basename(path))[0]
        spec = importlib.util.spec_from_file_location(name, path)  # type: Any
        module = importlib.util.module_from_spec(spec)
        kept = sys.modules.get(name)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name)
            if kept is not None:
                sys.modules[name] = kept
            raise
        _loaded[path] = state, module
    return _loaded[path][1]


def _plain(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=True)
    except (TypeError, ValueError) as error:
        message = "it returned {}, which is no JSON ({}): return plain values, or write the rest to files".format(  # noqa: UP032
            type(value).__name__, error
        )
        raise TypeError(message) from None
    return value


def _failed(error: Any) -> Any:
    cls = type(error)
    lines = traceback.format_exception(cls, error, error.__traceback__)
    own = 'File "{}"'.format(__file__)  # noqa: UP032
    text, skip = [], False
    for line in lines:
        skip = line.lstrip().startswith(own)
        if not skip:
            text.append(line)
    record = {
        "type": getattr(cls, "__qualname__", cls.__name__),
        "module": cls.__module__,
        "message": str(error)[:4096],
        "traceback": "".join(text)[-16384:].rstrip("\n"),
    }
    answer = {"error": record}  # type: Any
    if isinstance(error, ImportError) and getattr(error, "name", None):
        answer["missing"] = error.name
    if isinstance(error, SystemExit):
        code = error.code
        if code is None or code == 0:
            return {"value": None}
        if not isinstance(code, int):  # as Python itself does at the end of a program
            sys.stderr.write("{}\n".format(code))  # noqa: UP032
        answer["exit"] = code if isinstance(code, int) else 1
    return answer


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # somebody has closed it, or put something else there
            continue
    _libc.fflush(None)


if __name__ == "__main__":
    main(sys.argv[1:])
