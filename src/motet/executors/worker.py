"""The program of a worker process: carries out one attempt after the other, and dies with its engine.

The attempt's code runs in the main thread. File descriptors 1 and 2 are pipes that the engine reads. The
process leads a group of its own, to which all that its attempts start belongs.

What this module imports decides how fast a worker starts.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from motet import forks, standins
from motet.errors import StaleAttempt, UsageError
from motet.executors import current, messages, references
from motet.executors.messages import STOP
from motet.executors.usage import OwnUsage
from motet.executors.whole import whole
from motet.values import files, pickle
from motet.values.records import encode

if TYPE_CHECKING:
    from types import FrameType

    from motet.kernel.events import Json
    from motet.ports import ArtifactStore, Stored

_IOLBF = 1
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def main(control: int, engine: int) -> NoReturn:
    """Serve the engine with process id `engine` over the socket `control` until it says so or is gone."""
    libc = _bind_to(engine)
    os.set_inheritable(control, False)
    worker = _Worker(control, _Streams(libc))
    forks.own(control)
    signal.signal(STOP, worker.on_stop)
    try:
        worker.serve()
    except ConnectionError:
        worker.die()
    except OSError as error:
        with suppress(OSError):
            os.write(2, f"motet: a task has closed the worker's file descriptors ({error})\n".encode())
        os._exit(1)
    except SystemExit:
        pass
    sys.exit(0)


def _bind_to(engine: int) -> Any:
    """Have the system kill this process when the engine ends. Gives the C library, if there is need of it."""
    libc = None
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None)
        libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, _IOLBF, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NAME, b"motet-worker", 0, 0, 0)
    if os.getppid() != engine:  # it ended before the system was asked
        os._exit(0)
    return libc


class _Streams:
    """Standard output and error: whatever an attempt does to them, the next one finds them whole."""

    def __init__(self, libc: Any) -> None:
        import faulthandler

        self._libc = libc
        self._saved = [(1, os.dup(1)), (2, os.dup(2))]
        self._out, self._err = self._open(1), self._open(2)
        self._put_in_place()
        faulthandler.enable(file=self._saved[1][1])

    def _open(self, fd: int) -> TextIO:
        # Line by line, so that output can be read while the attempt runs.
        return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """What is written meanwhile goes nowhere."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        for fd, _ in self._saved:
            os.dup2(nothing, fd)
        os.close(nothing)
        try:
            yield
        finally:
            self.settle()

    def settle(self) -> None:
        """Push out all that was written, and undo what was done to the streams."""
        for stream in {id(each): each for each in (sys.stdout, sys.stderr, self._out, self._err)}.values():
            with suppress(Exception):  # boundary: a stream may be the user's own
                stream.flush()
        if self._libc is not None:
            self._libc.fflush(None)
        for fd, saved in self._saved:
            os.dup2(saved, fd)
        if self._out.closed or self._err.closed:
            self._out, self._err = self._open(1), self._open(2)
        self._put_in_place()

    def _put_in_place(self) -> None:
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[assignment, misc]
        sys.stderr = sys.__stderr__ = self._err  # type: ignore[assignment, misc]


class _Artifacts:
    """The artifact store, opened when the first large result needs it."""

    def __init__(self, factory: Callable[[], ArtifactStore]) -> None:
        self._factory = factory
        self._store: ArtifactStore | None = None

    def put(self, parts: Sequence[pickle.Part]) -> Stored:
        return self.store.put(parts)

    @property
    def store(self) -> ArtifactStore:
        if self._store is None:
            self._store = self._factory()
        return self._store


class _Worker:
    """What the worker knows: its channel, its settings, whether it is to leave."""

    def __init__(self, control: int, streams: _Streams) -> None:
        self._control = control
        self._streams = streams
        self._pid = os.getpid()
        self._usage = OwnUsage()
        self._artifacts: Any = None
        self._limit_bytes = 0
        self._cwd: str | None = None
        self._main: tuple[str, str, str] | None = None
        self._leaving = False
        self._interruptible = False
        self._asking = Lock()

    def on_stop(self, number: int, frame: FrameType | None) -> None:
        """End what is running in an orderly way: what it has started gets SIGTERM, and so does a handler of the
        attempt's own; without one, its `finally` blocks run. The engine kills what does not end.
        """
        self._leaving = True
        own = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(self._pid, signal.SIGTERM)
        signal.signal(signal.SIGTERM, own)
        if callable(own):
            own(signal.SIGTERM, frame)
        elif self._interruptible and own == signal.SIG_DFL:
            self._interruptible = False
            raise SystemExit("asked to end")

    def serve(self) -> None:
        while not self._leaving:
            self._interruptible = True
            content = messages.receive(self._control)
            self._interruptible = False
            if content is None:
                self.die()
            try:
                kind, *rest = pickle.loads(content)
            except BaseException as error:  # noqa: BLE001 - boundary: arguments load with the user's code
                self._send("failure", _error(error, _UNLOADABLE), self._leaving)
                continue
            del content
            if kind == "close":
                return
            getattr(self, f"_on_{kind}")(*rest)

    @property
    def artifacts(self) -> ArtifactStore:
        """See `current.Keeper`."""
        return self._artifacts.store  # type: ignore[no-any-return]

    def keep(self, made: Mapping[str, Json]) -> int:
        """See `current.Keeper`: tell the engine, and wait until it has it."""
        if os.getpid() != self._pid:
            raise UsageError(
                "A process that the task has forked cannot keep checkpoints.", "Let the task itself do it."
            )
        with self._asking:
            self._send("checkpoint", dict(made))
            content = messages.receive(self._control)
        if content is None:
            self.die()
        _, number, refused = pickle.loads(content)
        if refused is not None:
            raise StaleAttempt(*refused)
        return int(number)

    def die(self) -> NoReturn:
        """Take all that attempts have started along: the engine that would have seen to it is gone."""
        if os.getpid() == self._pid and os.getpgrp() == self._pid:
            os.killpg(self._pid, signal.SIGKILL)
        os._exit(1)

    def _send(self, *content: Any) -> None:
        messages.send(self._control, messages.message(*content))

    def _on_boot(self, factory: Any, limit_bytes: int, argv: list[str]) -> None:
        self._artifacts = None if factory is None else _Artifacts(factory)
        if factory is not None:
            files.artifacts.append(factory)
        self._limit_bytes = limit_bytes
        sys.argv[:] = argv
        self._send("ready")

    def _on_settings(
        self, cwd: str | None, path: list[str], variables: dict[bytes, bytes], main: tuple[str, str, str] | None
    ) -> None:  # fmt: skip
        for name in [each for each in os.environb if each not in variables]:
            del os.environb[name]
        os.environb.update(variables)
        if standins.INHERITED in os.environ:
            standins.inherit()
        self._cwd = cwd
        if sys.path != path:  # it was started with guarded folders last
            self._mains().guard(path[0] if path else "")
        sys.path[:] = path
        self._return_home()
        if main is not None and main != self._main:
            self._main = main
            self._define(main)

    def _define(self, main: tuple[str, str, str]) -> None:
        """Load the engine's main script, so that what is of it is found here, and what it sets up is set up here."""
        mains = self._mains()
        with self._streams.quiet():
            mains.define(mains.Main(*main))

    def _mains(self) -> Any:
        from motet import mains

        return mains

    def _return_home(self) -> None:
        try:
            if self._cwd is not None and os.getcwd() != self._cwd:
                os.chdir(self._cwd)
        except OSError:  # the folder is gone: stay where this is
            self._cwd = None

    def _on_call(
        self,
        reference: str | None,
        function: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        context: Mapping[str, Json],
        environ: Mapping[str, str | None],
    ) -> None:
        pickle.adopt_main()
        if reference is not None:
            try:
                function = references.find(reference)
            except (ImportError, AttributeError) as error:
                self._streams.settle()
                self._send("unknown", _error(error))
                return
        before: dict[str, str | None] = {}
        self._usage.begin()
        here = current.Current(context)
        here.keeper = self
        token = current.running.set(here)
        raised: BaseException | None = None
        try:
            self._interruptible = True
            _set_environ(environ, before)
            value = whole(function(*args, **kwargs))
            for conclude in current.concluding:
                value = conclude(value)
            answer = "success", encode(value, self._artifacts, limit_bytes=self._limit_bytes)
            self._interruptible = False
        except BaseException as error:  # noqa: BLE001 - boundary: the user's code ends here
            self._interruptible = False
            raised, answer = error, ("failure", _error(error))
        if os.getpid() != self._pid:  # a fork that the task has made and not ended
            forks.leave(raised)
        here.keeper = None  # for threads that are left of it
        current.running.reset(token)
        _set_environ(before, {})
        usage = self._usage.end()
        self._clean_up()
        self._send(*answer, self._leaving, usage)

    def _clean_up(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(STOP, self.on_stop)
        self._return_home()
        self._streams.settle()


_UNLOADABLE = "The arguments (or the function) cannot be loaded in the worker process: "


def _error(error: BaseException, preface: str = "") -> Json:
    from motet.values.errors import encode_error

    record = encode_error(error)
    if preface:
        record["message"] = preface + record["message"]
        record.pop("pickle", None)
    return record


def _set_environ(change: Mapping[str, str | None], before: dict[str, str | None]) -> None:
    """Set (None: remove) environment variables, and note in `before` what they were."""
    for name, value in change.items():
        before[name] = os.environ.get(name)
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
