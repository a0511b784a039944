"""The lines of runs in files: by several processes at once, after a kill, and on a full disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from motet.ports import LogLine
from motet.stores.logs import FileLogs


def line(text: str, key: str = "k") -> LogLine:
    return LogLine(1.5, key, 1, "stdout", text)


def test_lines_come_back_as_they_were(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path / "logs"))
    lines = [line(text) for text in ("plain", "ä €", "\ud800 lone", 'tab\t quote" back\\', "", "x" * 100_000, "\0")]
    logs.write("r", lines[:3])
    logs.write("r", lines[3:])
    found, position = logs.read("r")
    assert found == lines
    assert logs.read("r", position) == ([], position)
    logs.write("r", [line("later")])
    assert logs.read("r", position)[0] == [line("later")]


def test_reading_in_pieces(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path))
    logs.write("r", [line(str(number)) for number in range(10)])
    position, texts = 0, []
    while True:
        found, position = logs.read("r", position, limit=3)
        assert len(found) <= 3
        if not found:
            break
        texts += [each.text for each in found]
    assert texts == [str(number) for number in range(10)]


def test_runs_and_removing(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path / "logs"))
    assert logs.runs() == []
    assert logs.read("r") == ([], 0)
    assert logs.remove("r") == 0
    for run in ("a", "b"):
        logs.write(run, [line(run)])
    assert sorted(logs.runs()) == ["a", "b"]
    assert logs.remove("a") > 0
    assert logs.runs() == ["b"]
    logs.write("a", [line("again")])
    assert logs.read("a")[0] == [line("again")]


def test_many_runs_need_few_open_files(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(2):
        for number in range(100):
            logs.write(f"r{number}", [line(str(turn))])
    assert len(os.listdir("/proc/self/fd")) - before < 50
    assert [each.text for each in logs.read("r7")[0]] == ["0", "1"]


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
    found, _ = logs.read("r", limit=10**9)
    assert len(found) == 6 * 1000
    assert all(
        first.key == second.key and first.text == second.text
        for first, second in zip(found[::2], found[1::2], strict=True)
    )
    for key in {each.key for each in found}:
        numbers = [int(each.text.split()[0]) for each in found[::2] if each.key == key]
        assert numbers == list(range(500))


def test_a_torn_last_line_costs_nobody_elses(tmp_path: Path) -> None:
    """A process that is killed in the middle of a write leaves half a line: only that one is passed over."""
    logs = FileLogs(str(tmp_path))
    logs.write("r", [line("whole")])
    with open(tmp_path / "r.jsonl", "ab") as file:
        file.write(b'[1.0,"k",1,"stdo')
    assert [each.text for each in logs.read("r")[0]] == ["whole"]
    FileLogs(str(tmp_path)).write("r", [line("after"), line("and more")])
    assert [each.text for each in logs.read("r")[0]] == ["whole", "after", "and more"]


def test_killed_writers(tmp_path: Path) -> None:
    """Also of those that were about to begin another segment."""
    for turn in range(5):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f"p{turn}", "1000000", "3000"])
        while len(FileLogs(str(tmp_path)).read("r", limit=10**9)[0]) < 100 * (turn + 1):
            assert process.poll() is None
        process.kill()
        process.wait()
    found, _ = FileLogs(str(tmp_path)).read("r", limit=10**9)
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
            found, position = logs.read("r", position)
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
        position = position or logs.read("r")[1]
    kept = logs.read("r", limit=10**9)[0]
    at = next(at for at, each in enumerate(kept) if not each.key)
    assert "MOTET_LOG_LIMIT" in kept[at].text
    assert kept[:at] == lines[:at] and at > 20
    assert kept[at + 1 :] == lines[at + 1 - len(kept) :]
    assert 3000 < sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl")) < 7000
    slow, position = logs.read("r", position, limit=at + 3)  # who had read one line before, in pieces
    assert slow == kept[1 : at + 4]
    assert logs.read("r", position, limit=10**9)[0] == kept[at + 4 :]


def test_one_who_has_slept_goes_on_where_the_others_are(tmp_path: Path) -> None:
    first, second = (FileLogs(str(tmp_path), segment_bytes=500, limit_bytes=2000) for _ in range(2))
    first.write("r", [line("first")])
    for number in range(200):
        second.write("r", [line(str(number))])
    first.write("r", [line("last")])
    assert [each.text for each in first.read("r")[0]][-3:] == ["198", "199", "last"]


def test_a_segment_that_another_process_has_just_let_go_costs_no_line(tmp_path: Path) -> None:
    logs = FileLogs(str(tmp_path), segment_bytes=500, limit_bytes=2000)
    (tmp_path / "r.more").mkdir()
    (tmp_path / "r.more" / "1.jsonl").symlink_to(tmp_path / "gone")  # listed, and not there when it is looked at
    (tmp_path / "r.more" / "2.jsonl").touch()
    written = [str(number) for number in range(30)]
    for text in written:
        logs.write("r", [line(text)])
    assert [each.text for each in logs.read("r", limit=10**9)[0] if each.key] == written


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
    assert [each.text for each in logs.read("r")[0]] == ["before", "child", "parent"]


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
    kept = [int(each.text.split()[0]) for each in logs.read("r", limit=10**9)[0]]
    assert kept == list(range(len(kept)))
    assert 0 < len(kept) < 200
    subprocess.run(["mount", "-o", "remount,size=256k", str(small_disk)], check=True)
    logs.write("r", [line("room again")])
    *_, told, last = logs.read("r", limit=10**9)[0]
    assert f"{200 - len(kept)} lines" in told.text
    assert last == line("room again")
    assert logs.remove("r") > 0, "which lets go of the file"


def test_a_folder_that_cannot_be_made_fails_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    logs = FileLogs(str(tmp_path / "file" / "logs"))
    logs.write("r", [line("lost")])
    (tmp_path / "file").unlink()
    logs.write("r", [line("kept")])
    assert [each.text for each in logs.read("r")[0]][-1] == "kept"
    assert "1 line" in logs.read("r")[0][0].text
