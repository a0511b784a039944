"""Workflows of Spell, and `kill -9` of the engine or of the master's script.

    python -m tests.faults.spell --moments 100 --ends 50 --seed 1

A script asks for three runs, two of them at once from threads of its own. Its engine, or the script, is killed at a
random moment, and the run resumed, until it ends. Then each worker has one number and one end, all that it has put out
is there, files of what was lost with an engine included, and no process is alive. Then runs are stopped and killed at
random moments: each file that one had told of is kept, is there after a pruning, and can be mounted.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

from motet.dialects.spell.requests import RunRequest
from motet.kernel.transitions import ENDED, SUCCEEDED
from motet.ports import RunRow
from motet.stores.sqlite import SqliteStore

SCRIPT = """
import threading
from motet.dialects.spell import house
from motet.dialects.spell.requests import RunRequest
from motet.dialects.spell.words import FINAL

house = house.current()


def done(name, **mounts):
    command = f"echo part > part-$MOTET_ATTEMPT; sleep 0.1; cat m/* > {name}; echo {name} >> {name}; echo {name}"
    made = house.new(RunRequest(command, attached_resources=mounts))
    house.wait(made.number, FINAL)
    ended = house.get(made.number)
    assert (ended.status, ended.user_exit_code) == ("complete", 0), ended
    return made.number


first = house.new(RunRequest("mkdir m; echo first > m/first"))
house.wait(first.number, FINAL)
numbers = {}
threads = [
    threading.Thread(target=lambda name=name: numbers.update({name: done(name, **{f"runs/{first.number}/m": "m"})}))
    for name in ("second", "third")
]
for each in threads:
    each.start()
for each in threads:
    each.join()
print("all", sorted(numbers))
"""

BEGIN = """
import sys
from motet.dialects.spell import house
from motet.dialects.spell.requests import RunRequest

place = house.current()
place.workflow(RunRequest(sys.executable + " -P script.py", code=place.snapshot(sys.argv[1])))
"""

PATIENCE_S = 300.0


class Trial:
    """One workflow in a home of its own, killed now and then."""

    def __init__(self, folder: Path, rng: random.Random, most: int = 0) -> None:
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "script.py").write_text(SCRIPT)
        self._folder = folder
        self._home = str(folder / "home")
        self._rng = rng
        self._env = {**os.environ, "MOTET_HOME": self._home}
        self._most = most or rng.randrange(1, 5)
        self.kills = 0

    def run(self) -> int:
        """Until the workflow is complete; gives how often something was killed. Raises AssertionError."""
        subprocess.run([sys.executable, "-P", "-c", BEGIN, str(self._folder / "code")], env=self._env, check=True)
        until = time.monotonic() + PATIENCE_S
        while (row := self._master()).status != SUCCEEDED:
            assert time.monotonic() < until, row
            if row.status in ENDED or not _alive(self._home):
                words = [sys.executable, "-P", "-m", "motet.cli", "resume", row.id]
                subprocess.Popen(words, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self.kills < self._most:
                time.sleep(self._rng.random() * 1.5)
                self.kills += self._kill(row.id)
            else:
                time.sleep(0.1)
        self._check(row)
        return self.kills

    def _kill(self, master: str) -> bool:
        """Kill the engine, or the script in its sandbox; gives whether there was one."""
        alive = _alive(self._home)
        script = [pid for pid, environ in alive.items() if f"MOTET_RUN={master}\0".encode() in environ]
        engines = [pid for pid, environ in alive.items() if b"MOTET_RUN=" not in environ]
        chosen = script if script and self._rng.random() < 0.5 else engines
        for pid in chosen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return bool(chosen)

    def _master(self) -> RunRow:
        with closing(SqliteStore(self._home)) as store:
            return next(row for row in store.runs(limit=1000) if not row.parent)

    def _check(self, master: RunRow) -> None:
        from motet import app
        from motet.dialects.spell.house import House
        from motet.dialects.spell.runs import outputs_of

        os.environ["MOTET_HOME"] = self._home
        house = House(app.hosts.current(), lambda run: None)
        workers = house.find_workflow(1).runs
        assert len(workers) == 3, workers
        found = {}
        for number in workers:
            row = house.row(number)
            history = list(house.host.store.history(row.id))
            ends = [each for each in history if each["event"] == "step.succeeded"]
            assert (row.status, len(ends)) == (SUCCEEDED, 1), (row, history)
            lost = {file["path"] for each in history for left in each.get("left", ()) for file in left["outputs"]}
            paths = set(outputs_of(house.host, row))
            assert lost <= paths, (lost, paths)
            found[max(paths - {path for path in paths if path.startswith("part-")}, default="")] = number
        assert sorted(found) == ["m/first", "second", "third"], found
        said = [each.log for each in house.logs(master.program["number"])]
        assert "all ['second', 'third']" in said, said  # a script that was killed as it ended says it again
        assert said[-1] == f"Run {master.program['number']} complete", said
        assert not [each for each in said if "was asked for before" in each], said
        app.hosts.close()
        until = time.monotonic() + PATIENCE_S
        while alive := list(_alive(self._home)):
            assert time.monotonic() < until, f"still alive: {alive}"
            time.sleep(0.05)


def ends(home: str, moments: int, rng: random.Random) -> int:
    """Stop or kill so many runs at random moments; gives how many files they had told of. Raises AssertionError."""
    from tests.spell.conftest import Driven

    from motet import app
    from motet.cli.main import main as command

    os.environ["MOTET_HOME"] = home
    house, told = Driven(), {}
    for _ in range(moments):
        loop = "i=0; while :; do i=$((i+1)); echo $i > f$i; echo $i; sleep 0.01; done"
        number = house.new(RunRequest(loop)).number
        time.sleep(rng.random())
        (house.stop if rng.random() < 0.5 else house.kill)([number])
        assert house.over(number).status in ("stopped", "killed")
        told[number] = house.lines(number)
    long_ago = time.time() - 3 * 86400
    for path in Path(home, "artifacts").rglob("*"):
        os.utime(path, (long_ago, long_ago))
    assert command(["prune", "--older-than", "1d"]) == 0
    for number, lines in told.items():
        if lines:
            run = house.done(
                "cd got; cat " + " ".join(f"f{each}" for each in lines), attached_resources={f"runs/{number}": "got"}
            )
            assert house.lines(run.number) == lines, (number, lines)
    app.hosts.close()
    return sum(map(len, told.values()))


def _alive(home: str) -> dict[int, bytes]:
    """The processes whose home that is, with their environment."""
    found = {}
    for each in os.listdir("/proc"):
        if each.isdigit() and int(each) != os.getpid():
            with suppress(OSError):
                environ = Path("/proc", each, "environ").read_bytes()
                if f"MOTET_HOME={home}\0".encode() in environ:
                    found[int(each)] = environ
    return found


def main() -> int:
    """The campaign."""
    parser = argparse.ArgumentParser(description="Workflows of Spell and kill -9.")
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--ends", type=int, default=50)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    rng = random.Random(f"spell {options.seed}")
    kills = trials = 0
    with tempfile.TemporaryDirectory() as folder:
        while kills < options.moments:
            kills += Trial(Path(folder) / str(trials), rng).run()
            trials += 1
            print(f"{kills} kills in {trials} workflows", flush=True)
        print(f"{kills} kills in {trials} workflows of 3 runs each: none lost, repeated or left alive")
        files = ends(f"{folder}/ends", options.ends, rng)
        print(f"{options.ends} runs stopped or killed: {files} files kept, none lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
