"""The lines of runs in files: by several processes at once, after a kill, and on a full disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from motet.ports import LogFilter, LogLine, LogStore
from motet.stores.logs import FileLogs, reading, windows
from motet.testing.log_suite import CHECKS


def line(text: str, key: str = "k") -> LogLine:
    return LogLine(1.5, key, 1, "stdout", text)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("segment_bytes", [4 * 2**20, 30_000, 700])
def test_they_do_what_the_port_promises(
    check: Callable[[LogStore, Random], None], segment_bytes: int, tmp_path: Path, rng: Random
) -> None:
    check(FileLogs(str(tmp_path / "logs"), segment_bytes=segment_bytes), rng)


@pytest.mark.parametrize("window_bytes", [32, 1000])
def test_blocks_are_found_however_small_the_windows(
    window_bytes: int, tmp_path: Path, rng: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "FIRST_BYTES", window_bytes)
    monkeypatch.setattr(windows, "MOST_BYTES", 2 * window_bytes)
    for number, check in enumerate(CHECKS[:2]):
        check(FileLogs(str(tmp_path / str(number)), segment_bytes=30_000), rng)


def test_one_call_looks_at_so_much_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for what is rare is told where to go on."""
    monkeypatch.setattr(windows, "FIRST_BYTES", 200)
    monkeypatch.setattr(windows, "MOST_BYTES", 200)
    monkeypatch.setattr(reading, "_MOST_BYTES", 1000)
    logs = FileLogs(str(tmp_path), segment_bytes=3000)
    for number in range(500):
        logs.write("r", [line(f"{number}")])
    of = LogFilter(text="250")
    for read in (logs.read, logs.read_back):
        page, calls = read("r", of=of), 1
        assert page.more
        assert not page.lines
        while page.more and not page.lines:
            page, calls = read("r", page.position, of=of), calls + 1
        assert [each.text for each in page.lines] == ["250"]
        assert calls > 3
    assert [each.text for each in logs.read("r", skip=400, limit=1).lines] == ["400"], "counting has no such limit"


def test_segments_without_lines_of_the_step_are_passed_over(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path), segment_bytes=2000)
    for number in range(1000):
        logs.write("r", [line(f"{number}", "f/rare-0[2]" if number == 70 else "f/often-0")])
    full = sorted((tmp_path / "r.more").glob("*.lines"), key=lambda path: int(path.stem))[3:-1]
    assert len(full) > 3
    for path in full:
        path.write_bytes(path.read_bytes().replace(b"f/often-0", b"f/rare--0"))  # so that reading it would show
    for step, count in (("f/rare-0[2]", 1), ("f/rare-0", 1), ("f/rare--0", 0)):
        found = logs.read("r", limit=10**6, of=LogFilter(step=step)).lines
        assert len(found) == count, step
        assert logs.read_back("r", limit=10**6, of=LogFilter(step=step)).lines == found
    with open(full[0], "ab") as late:  # a process that had it open still
        late.write(b"\xfff/rare-0[2]\xfe1 1.0 stdout\xfelate\n")
    assert [each.text for each in logs.read("r", of=LogFilter(step="f/rare-0")).lines] == ["70", "late"]


def test_what_the_last_version_wrote_is_read_and_gone_on_with(tmp_path: Path) -> None:
    lines = [line(text, key) for key in ("f/a-0", "f/b-0") for text in ("one", "ä €", 'a "quote"', "\ud800", "\0")]
    rows = [json.dumps([each.at, each.key, each.attempt, each.stream, each.text]) + "\n" for each in lines]
    (tmp_path / "r.more").mkdir()
    (tmp_path / "r.jsonl").write_text("".join(rows[:4]))
    (tmp_path / "r.more" / "1.jsonl").write_text("".join(rows[4:]) + "[1.0,")
    logs = FileLogs(str(tmp_path))
    logs.write("r", [line("new", "f/b-0")])
    lines.append(line("new", "f/b-0"))
    assert logs.runs() == ["r"]
    assert logs.read("r").lines == logs.read_back("r").lines == lines
    assert logs.read("r", of=LogFilter(step="f/b-0")).lines == lines[5:]
    assert logs.read_back("r", limit=2, of=LogFilter(text="one")).lines == [lines[0], lines[5]]
    page = logs.read("r", limit=3)
    assert logs.read("r", page.position).lines == lines[3:]
    assert logs.remove("r") > 0
    assert list(tmp_path.iterdir()) == []


def test_many_runs_need_few_open_files(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(2):
        for number in range(100):
            logs.write(f"r{number}", [line(str(turn))])
    assert len(os.listdir("/proc/self/fd")) - before < 50
    assert [each.text for each in logs.read("r7").lines] == ["0", "1"]


WRITER = """
import sys
from motet.ports import LogLine
from motet.stores.logs import FileLogs
logs = FileLogs(sys.argv[1], segment_bytes=20_000)
for number in range(int(sys.argv[3])):
    logs.write("r", [LogLine(1.0, sys.argv[2], 1, "stdout", f"{number} " + "x" * (number % int(sys.argv[4])))] * 2)
"""


def test_several_processes_and_threads_at_once(tmp_path: Path) -> None:
    """Lines of one write stand together and are whole, whoever else writes."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    processes = [subprocess.Popen([*command, f"p{number}", "500", "3000"]) for number in range(3)]
    logs = FileLogs(str(tmp_path), segment_bytes=20_000)

    def write(name: str) -> None:
        for number in range(500):
            logs.write("r", [line(f"{number} ", name)] * 2)

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for each in [*threads]:
        each.join()
    assert [process.wait(300) for process in processes] == [0, 0, 0]
    found = logs.read("r", limit=10**9).lines
    assert len(found) == 6 * 1000
    assert all(
        first.key == second.key and first.text == second.text
        for first, second in zip(found[::2], found[1::2], strict=True)
    )
    for key in {each.key for each in found}:
        numbers = [int(each.text.split()[0]) for each in found[::2] if each.key == key]
        assert numbers == list(range(500))


@pytest.mark.parametrize(
    "torn",
    [b"\xff", b"\xffk\xfe1 1.0 std", b"\xffk\xfe1 1.0 stdout\xfe", b"\xffk\xfe1 1.0 stdout\xfehalf a \xc3", b"\0" * 99],
)
def test_a_torn_last_line_costs_nobody_elses(tmp_path: Path, torn: bytes) -> None:
    """A process that is killed in the middle of a write leaves half a line: only that one is passed over."""
    logs = FileLogs(str(tmp_path))
    logs.write("r", [line("whole")])
    with open(tmp_path / "r.lines", "ab") as file:
        file.write(torn)
    assert [each.text for each in logs.read("r").lines] == ["whole"]
    FileLogs(str(tmp_path)).write("r", [line("after"), line("and more")])
    assert [each.text for each in logs.read("r").lines] == ["whole", "after", "and more"]


def test_killed_writers(tmp_path: Path) -> None:
    """Also of those that were about to begin another segment."""
    for turn in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f"p{turn}", "1000000", "3000"])
        while len(FileLogs(str(tmp_path)).read("r", limit=10**9).lines) < 100 * (turn + 1):
            assert process.poll() is None
        process.kill()
        process.wait()
    found = FileLogs(str(tmp_path)).read("r", limit=10**9).lines
    for key in {each.key for each in found}:
        numbers = [int(each.text.split()[0]) for each in found if each.key == key]
        assert numbers == [number // 2 for number in range(len(numbers))], "every line but perhaps the last"


def test_one_who_follows_gets_all_lines_in_order_over_many_segments(tmp_path: Path) -> None:
    """Another process writes a hundred thousand lines meanwhile."""
    logs = FileLogs(str(tmp_path))
    with closing(logs.follow()) as written:
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "p", "50000", "100"])
        numbers: list[int] = []
        position = 0
        while len(numbers) < 100_000:
            page = logs.read("r", position)
            found, position = page.lines, page.position
            numbers += [int(each.text.split()[0]) for each in found]
            if not found:
                assert written.wait(60), "nothing was written for a minute"
        assert process.wait(60) == 0
    assert numbers == [number // 2 for number in range(100_000)]
    assert len(list((tmp_path / "r.more").iterdir())) > 100
    assert logs.remove("r") > 100_000
    assert not (tmp_path / "r.more").exists()


def test_the_oldest_lines_but_the_first_go_beyond_the_limit(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path), segment_bytes=1000, limit_bytes=5000)
    lines = [line(f"{number:04}") for number in range(1000)]
    position = 0
    for each in lines:
        logs.write("r", [each])
        position = position or logs.read("r").position
    kept = logs.read("r", limit=10**9).lines
    at = next(at for at, each in enumerate(kept) if not each.key)
    assert "MOTET_LOG_LIMIT" in kept[at].text
    assert kept[:at] == lines[:at] and at > 20
    assert kept[at + 1 :] == lines[at + 1 - len(kept) :]
    assert 3000 < sum(path.stat().st_size for path in tmp_path.rglob("*.lines")) < 7000
    slow = logs.read("r", position, limit=at + 3)  # who had read one line before, in pieces
    assert slow.lines == kept[1 : at + 4]
    assert logs.read("r", slow.position, limit=10**9).lines == kept[at + 4 :]


def test_one_who_has_slept_goes_on_where_the_others_are(tmp_path: Path) -> None:
    first, second = (FileLogs(str(tmp_path), segment_bytes=500, limit_bytes=2000) for _ in range(2))
    first.write("r", [line("first")])
    for number in range(200):
        second.write("r", [line(str(number))])
    first.write("r", [line("last")])
    assert [each.text for each in first.read("r").lines][-3:] == ["198", "199", "last"]


def test_a_segment_that_another_process_has_just_let_go_costs_no_line(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path), segment_bytes=500, limit_bytes=2000)
    (tmp_path / "r.more").mkdir()
    (tmp_path / "r.more" / "1.lines").symlink_to(tmp_path / "gone")  # listed, and not there when it is looked at
    (tmp_path / "r.more" / "2.lines").touch()
    written = [str(number) for number in range(30)]
    for text in written:
        logs.write("r", [line(text)])
    assert [each.text for each in logs.read("r", limit=10**9).lines if each.key] == written


def test_a_forked_child_writes_too(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path))
    logs.write("r", [line("before")])
    logs._lock.acquire()  # as if another thread were writing at the moment of the fork
    child = os.fork()
    if child == 0:
        try:
            logs.write("r", [line("child")])
        finally:
            os._exit(0)
    logs._lock.release()
    os.waitpid(child, 0)
    logs.write("r", [line("parent")])
    assert [each.text for each in logs.read("r").lines] == ["before", "child", "parent"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_fails_nobody_and_is_told_afterwards(small_disk: Path) -> None:
    logs = FileLogs(str(small_disk))
    for number in range(200):
        logs.write("r", [line(f"{number} " + "x" * 1000)])
    kept = [int(each.text.split()[0]) for each in logs.read("r", limit=10**9).lines]
    assert kept == list(range(len(kept)))
    assert 0 < len(kept) < 200
    subprocess.run(["mount", "-o", "remount,size=256k", str(small_disk)], check=True)
    logs.write("r", [line("room again")])
    *_, told, last = logs.read("r", limit=10**9).lines
    assert f"{200 - len(kept)} lines" in told.text
    assert last == line("room again")
    assert logs.remove("r") > 0, "which lets go of the file"


def test_a_folder_that_cannot_be_made_fails_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    logs = FileLogs(str(tmp_path / "file" / "logs"))
    logs.write("r", [line("lost")])
    (tmp_path / "file").unlink()
    logs.write("r", [line("kept")])
    assert [each.text for each in logs.read("r").lines][-1] == "kept"
    assert "1 line" in logs.read("r").lines[0].text


def test_the_last_state_of_a_line_without_an_end_is_kept_though_nobody_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who follows later sees it, of each line; and no state of one that has ended comes after its end."""
    monkeypatch.setattr("motet.stores.logs._UNHEARD_S", 0.2)
    logs = FileLogs(str(tmp_path / "logs"))
    for text in ("1%", "2%", "3%"):
        for key in ("a", "b", "c"):
            logs.write("r", [LogLine(1.5, key, 1, "stderr", text, ended=False)])
    logs.write("r", [LogLine(1.5, "c", 1, "stderr", "done")])
    of = LogFilter(unended=True)
    while not {("a", "3%"), ("b", "3%")} <= {(each.key, each.text) for each in logs.read("r", of=of).lines}:
        time.sleep(0.01)
    assert [each.text for each in logs.read("r", of=of).lines if each.key == "c"] == ["done"]
    assert [each.text for each in logs.read("r").lines] == ["done"]


def test_a_file_that_gets_lines_too_makes_room_when_it_is_full(tmp_path: Path) -> None:
    logs, also = FileLogs(str(tmp_path / "logs"), copy_bytes=100), tmp_path / "stream.log"
    for number in range(30):
        logs.write("run", [LogLine(float(number), "s", 1, "stdout", f"line {number:03}")], str(also))
    both = [(tmp_path / f"stream.log{end}").read_text() for end in (".1", "")]
    assert all(len(each) <= 100 + len("line 000\n") for each in both)
    assert "".join(both).splitlines() == [f"line {number:03}" for number in range(12, 30)]
