"""Commands that end at random moments, in every way that is no success: what they had put out by then is not lost.

    python -m tests.faults.endings --count 200 --seed 1

A command counts in files of its folder, and says in a ledger of the campaign what is certainly written. It is stopped,
killed, or out of time; its engine gets Ctrl-C or `kill -9`, or that while it stops the command. Then the files as they
were, or as the next count would have left them, stand in the journal of the run; they are there after `prune`; and a
later step reads them: that of the flow which caught the failure, else one of another run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from motet import Mount, app, command, flow
from motet.errors import CommandFailed, TimedOut
from motet.executors.commands.spec import Sandbox
from motet.ports import RunRow
from motet.stores.sqlite import SqliteStore
from motet.values.files import File

ROOT = Path(__file__).resolve().parents[2]
HOWS = ("stop", "interrupt", "kill", "timeout", "engine", "stop-engine")
"""By `motet stop`, by Ctrl-C of the engine, by a `kill -9` of the command, by the step's time, by a `kill -9` of the
engine, and by that while it stops the command."""

MOTET = (sys.executable, "-m", "motet.cli")
PATIENCE_S = 120.0
COUNTING = """
n=0; ledger={ledger}.{element}
while [ ! -e {ledger}.enough ]; do
  n=$((n+1)); echo $n > deep/next; mv deep/next deep/last; echo $n > out.next; mv out.next out
  echo $n > $ledger.next; mv $ledger.next $ledger
  echo $$ > $ledger.pid; sleep 0.01
done
"""


@flow
def study(how: str, place: str, ledger: str, elements: int, after_s: float) -> list[str]:
    """Count in so many commands at once; gives what a later step finds in the files of those that failed."""
    folder = os.path.dirname(ledger)
    mounts = [Mount("deep", f"{folder}/source", "cow")]
    if place == "sandbox":
        mounts.append(Mount(folder, folder, "rw"))
    work = command(
        COUNTING, name="work", outputs=["out", "deep"], mounts=mounts, grace_seconds=0.2,
        place=Sandbox() if place == "sandbox" else "host", timeout_seconds=after_s if how == "timeout" else None,
    )  # fmt: skip
    read = command("cat {file}", name="read")
    found = []
    for each in [work.submit(ledger=ledger, element=element) for element in range(elements)]:
        try:
            each.result()
        except (CommandFailed, TimedOut) as error:
            found += [f"{file.path} {read(file).stdout}" for file in error.outputs]
    return found


class Campaign:
    """So many endings. `run` raises AssertionError, naming seed and trial, where something is lost."""

    def __init__(self, seed: str, folder: Path, count: int) -> None:
        self.tally: Counter[str] = Counter()
        self._seed, self._folder, self._count = seed, folder, count
        self._rng = random.Random(seed)
        self._home = Path(os.environ["MOTET_HOME"])
        (folder / "source").mkdir()

    def run(self) -> Counter[str]:
        """End commands; look at the journal, after pruning too."""
        trials = []
        for number in range(self._count):
            name = f"trial-{number}"
            how, place = HOWS[number % len(HOWS)], self._rng.choice(("host", "sandbox"))
            elements = self._rng.choice((1, 1, 2))
            where = f"seed {self._seed}, {name}: {how} in {place}, {elements} at once"
            self._end(name, how, place, elements, where)
            trials.append((name, how, elements, where))
            if number % 20 == 19 or number == self._count - 1:
                self._prune()
                for each in trials:
                    self._check(*each)
                trials.clear()
        return self.tally

    def _motet(self, *args: str) -> subprocess.Popen[bytes]:
        with open(self._folder / "said", "ab") as said:
            return subprocess.Popen([*MOTET, *args], cwd=ROOT, stdout=said, stderr=said)

    def _end(self, name: str, how: str, place: str, elements: int, where: str) -> None:
        ledger, after_s = self._folder / name, self._rng.uniform(0.0, 0.6)
        given = {"how": how, "place": place, "ledger": ledger, "elements": elements, "after_s": 0.02 + after_s}
        options = [part for key, value in given.items() for part in ("-p", f"{key}={value}")]
        engine = self._motet("run", f"{__file__}:study", "--name", name, *options)
        self._strike(name, how, engine, after_s)
        if "engine" in how and self._run(name) is not None:
            Path(f"{ledger}.enough").touch()  # what is not stopped comes to its end
            engine = self._motet("resume", name)
        try:
            engine.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            said = subprocess.run([*MOTET, "show", name], capture_output=True, text=True, check=False).stdout
            engine.kill()
            raise AssertionError(f"{where}: hangs: {said}") from None

    def _strike(self, name: str, how: str, engine: subprocess.Popen[bytes], after_s: float) -> None:
        """End the commands, or their engine, at that moment after one has begun: at times before it has."""
        ledger = self._folder / f"{name}.0"
        waits = self._rng.random() < 0.95
        while waits and engine.poll() is None and not ledger.exists():
            time.sleep(0.01)
        if how == "timeout":
            return
        time.sleep(after_s)
        if how == "kill":
            self._kill_commands(name, engine)
        elif how == "interrupt":
            engine.send_signal(signal.SIGINT)
        elif how.startswith("stop"):
            stopping = self._motet("stop", name)
            if how == "stop":
                if stopping.wait(PATIENCE_S):  # there was no run yet
                    Path(f"{self._folder / name}.enough").touch()
                return
            while stopping.poll() is None and engine.poll() is None and not self._is_stopping(name):
                time.sleep(0.01)
            time.sleep(self._rng.uniform(0.0, 0.3))
            stopping.kill()
            stopping.wait()
        if how.endswith("engine"):
            engine.kill()
            engine.wait()

    def _kill_commands(self, name: str, engine: subprocess.Popen[bytes]) -> None:
        killed: set[int] = set()
        while engine.poll() is None:
            for path in self._folder.glob(f"{name}.?"):
                for pid in _counting(path):
                    if pid not in killed:
                        killed.add(pid)
                        os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def _prune(self) -> None:
        old = time.time() - 3 * 86400
        for path in (self._home / "artifacts").rglob("*"):
            os.utime(path, (old, old))
        assert self._motet("prune", "--older-than", "1d").wait(PATIENCE_S) == 0

    def _run(self, name: str) -> RunRow | None:
        if not (self._home / "store.db").exists():
            return None
        with closing(SqliteStore(str(self._home))) as store:
            return next((each for each in store.runs(limit=1000) if each.name == name), None)

    def _is_stopping(self, name: str) -> bool:
        row = self._run(name)
        with closing(SqliteStore(str(self._home))) as store:
            return row is not None and any(each["event"] == "run.cancelling" for each in store.history(row.id))

    def _check(self, name: str, how: str, elements: int, where: str) -> None:
        """Each count that the ledger holds is in the journal, and can be read."""
        row = self._run(name)
        written = {
            n: int(_text(self._folder / f"{name}.{n}")) for n in range(elements) if _text(self._folder / f"{name}.{n}")
        }
        if not written:
            self.tally["ended before they had begun"] += 1
            return
        assert row is not None, where
        with closing(SqliteStore(str(self._home))) as store:
            events = list(store.history(row.id))
        for n, count in written.items():
            recorded = list(_files(events, f"study/work-{n}"))
            for path in ("out", "deep/last"):
                contents = [self._content(file) for file in recorded if file["path"] == path]
                assert {f"{count}\n", f"{count + 1}\n"} & {*contents}, (
                    f"{where}: {path} is {contents}, {count} was written"
                )
            self.tally[how] += 1
        if how in ("kill", "timeout"):
            told = json.loads(subprocess.run(
                [*MOTET, "show", name, "--json"], check=True, capture_output=True, cwd=ROOT
            ).stdout)["result"]  # fmt: skip
            assert len([each for each in told if each.startswith("out ")]) == len(written), f"{where}: {told}"
        else:
            self._read_later([each for n in written for each in _files(events, f"study/work-{n}")], where)

    def _content(self, file: dict[str, Any]) -> str:
        digest: str = file["artifact"]
        return Path(self._home, "artifacts", digest[:2], digest[2:]).read_text()

    def _read_later(self, files: list[dict[str, Any]], where: str) -> None:
        """A step of another run can have them."""
        given = [File(each["path"], each["artifact"], each["size_bytes"], each["mode"], "", "") for each in files]
        wanted = [self._content(each).strip() for each in files]
        assert later(given) == wanted, where


@flow
def later(files: list[File]) -> list[str]:
    """What a command reads in each of them."""
    read = command("cat {file}", name="read")
    return [each.stdout for each in read.map(files).result()]


def _counting(ledger: Path) -> Iterator[int]:
    """The processes of this host that count for that ledger: their own number for themselves is another one."""
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                said = Path(entry.path, "cmdline").read_bytes()
            except OSError:
                continue
            if said.startswith(b"/bin/sh\0") and f"ledger={ledger.parent / ledger.stem}.".encode() in said:
                yield int(entry.name)


def _files(events: list[dict[str, Any]], step: str) -> Iterator[dict[str, Any]]:
    """What the events tell of files that the step has put out without having succeeded."""
    for event in events:
        if event.get("key") == step and event["event"] != "step.succeeded":
            yield from _files_in(event)


def _files_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "artifact" in value and "path" in value:
            yield value
        for each in value.values():
            yield from _files_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _files_in(each)


def _text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def main() -> None:
    """The whole campaign, in a home of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=200, metavar="N", help="so many endings (default: 200)")
    parser.add_argument("--seed", default=str(time.time_ns()), help="repeats a campaign, but for its moments")
    options = parser.parse_args()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start jobs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["MOTET_HOME"] = os.path.join(folder, "home")
        tally = Campaign(options.seed, Path(folder), options.count).run()
        app.hosts.close()
        print(
            "  nothing was lost of commands that ended so:", ", ".join(f"{n} {how}" for how, n in sorted(tally.items()))
        )


if __name__ == "__main__":
    main()
