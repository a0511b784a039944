"""What the folder of artifacts promises beyond the port."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from motet.artifacts import digests
from motet.artifacts.files import FileArtifacts
from motet.errors import ArtifactDamaged, StoreFull, StoreUnavailable
from motet.ports import Stored

PUT_FOR_EVER = """
import os, sys
from motet.artifacts.files import FileArtifacts
store = FileArtifacts(sys.argv[1])
while True:
    print(store.put([os.urandom(3_000_000)]).digest, flush=True)
"""

PUT_THE_SAME = """
import sys
from motet.artifacts.files import FileArtifacts
store = FileArtifacts(sys.argv[1])
for i in range(100):
    content = bytes([i]) * 70_000
    assert bytes(store.get(store.put([content]).digest)) == content
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; where mounting is not permitted the test is skipped."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def files(folder: Path) -> list[str]:
    """All files below the folder but the lock."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def test_content_stands_under_its_sha256(tmp_path: Path) -> None:
    digest = FileArtifacts(str(tmp_path)).put([b"abc"]).digest
    assert digest == hashlib.sha256(b"abc").hexdigest()
    assert files(tmp_path) == [f"{digest[:2]}/{digest[2:]}"]


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    store = FileArtifacts(str(tmp_path))
    path = Path(store.path(store.put([b"x" * 100_000]).digest))
    os.utime(path, (1.0, 1.0))
    before = path.stat()
    store.put([b"x" * 50_000, b"x" * 50_000])
    after = path.stat()
    assert (before.st_ino, before.st_size) == (after.st_ino, after.st_size)
    assert after.st_mtime > before.st_mtime


def test_content_is_protected_from_writing(tmp_path: Path) -> None:
    store = FileArtifacts(str(tmp_path))
    path = Path(store.path(store.put([b"x" * 100_000]).digest))
    assert path.stat().st_mode & 0o222 == 0


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """What `put` has returned is whole; what it left unfinished has no digest, and a sweep removes it."""
    told: list[str] = []
    for _ in range(5):
        command = [sys.executable, "-c", PUT_FOR_EVER, str(tmp_path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told.append(process.stdout.readline().strip())
        time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        told += process.communicate()[0].split("\n")[:-1]
    store = FileArtifacts(str(tmp_path))
    for digest in told:
        assert hashlib.sha256(store.get(digest)).hexdigest() == digest
    for name in files(tmp_path):
        if not name.endswith(".part"):
            assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == name.replace("/", "")
    unfinished = tmp_path / told[0][:2] / f"{told[0][2:]}.0123456789ab.part"
    unfinished.write_bytes(b"half")
    assert store.sweep(lambda digest: True, time.time() - 3600).freed_bytes == 0
    store.sweep(lambda digest: True, time.time() + 3600)
    assert not [name for name in files(tmp_path) if name.endswith(".part")]
    assert all(store.get(digest) for digest in told)


def test_processes_that_put_the_same(tmp_path: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", PUT_THE_SAME, str(tmp_path)]) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    assert len(files(tmp_path)) == 100


def test_a_sweep_leaves_other_files_alone(tmp_path: Path) -> None:
    store = FileArtifacts(str(tmp_path))
    digest = store.put([b"abc"]).digest
    for name in ("notes.txt", "ab/notes.txt", f"{digest[:2]}/short"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert store.sweep(lambda digest: False, time.time() + 3600).artifacts == 1
    assert files(tmp_path) == sorted(["notes.txt", "ab/notes.txt", f"{digest[:2]}/short"])
    assert FileArtifacts(str(tmp_path / "none")).sweep(lambda digest: False, time.time()).artifacts == 0


def test_a_full_disk(small_disk: Path) -> None:
    """It is told, what was put before stays, and nothing half is left to take room."""
    store = FileArtifacts(str(small_disk / "artifacts"))
    kept = store.put([b"a" * 500_000])
    for _ in range(3):
        with pytest.raises(StoreFull, match="no room") as raised:
            store.put([b"b" * 800_000])
        assert "prune" in raised.value.cure
    assert bytes(store.get(kept.digest)) == b"a" * 500_000
    assert files(small_disk / "artifacts") == [f"{kept.digest[:2]}/{kept.digest[2:]}"]
    assert store.put([b"c" * 300_000]).size_bytes == 300_000


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="Not a directory") as raised:
        FileArtifacts(str(tmp_path / "file" / "artifacts")).put([b"a"])
    assert str(tmp_path / "file") in raised.value.what
    assert "MOTET_HOME" in raised.value.cure


def test_the_cost_of_a_large_array(tmp_path: Path) -> None:
    """Prints it beside hashing once and writing once; asserts only that the content is there."""
    content = os.urandom(10 << 20)
    floors, puts, digests = [], [], []
    store = FileArtifacts(str(tmp_path))
    for turn in range(7):
        part = memoryview(content)[turn:]
        began = time.perf_counter()
        hashlib.sha256(part).hexdigest()
        with open(tmp_path / f"floor{turn}", "wb", buffering=0) as file:
            file.write(part)
        between = time.perf_counter()
        digests.append(store.put([part]).digest)
        floors.append(between - began)
        puts.append(time.perf_counter() - between)
    print(f"hash and write {min(floors) * 1e3:.2f} ms, put {min(puts) * 1e3:.2f} ms")
    assert [len(store.get(digest)) for digest in digests] == [len(content) - turn for turn in range(7)]


DAMAGES = {
    "a flipped bit": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "a truncation": lambda content: content[: len(content) // 2],
    "nothing left": lambda content: b"",
    "more behind it": lambda content: content + b"\0",
}


def damage(path: Path, content: bytes) -> None:
    """Put other content in its place, as a disk might: the time of change may stay as it was."""
    path.chmod(0o600)
    path.write_bytes(content)


@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_content_is_never_given_and_is_put_right_by_the_next_put(tmp_path: Path, how: str, size: int) -> None:
    content = os.urandom(size)
    writer = FileArtifacts(str(tmp_path))
    digest = writer.put([content]).digest
    path = tmp_path / digest[:2] / digest[2:]
    damage(path, DAMAGES[how](content))
    for store in (FileArtifacts(str(tmp_path)), writer):
        with pytest.raises(ArtifactDamaged, match=digest):
            store.get(digest)
        with pytest.raises(ArtifactDamaged, match=digest):
            store.path(digest)
        store.put([content[: size // 3], memoryview(content)[size // 3 :]])
        assert bytes(store.get(digest)) == path.read_bytes() == content
        damage(path, DAMAGES[how](content))
    writer.put([content])
    assert files(tmp_path) == [f"{digest[:2]}/{digest[2:]}"]


def test_what_cannot_be_read_is_damaged_and_put_right(tmp_path: Path) -> None:
    store = FileArtifacts(str(tmp_path))
    digest = store.put([b"abc"]).digest
    path = tmp_path / digest[:2] / digest[2:]
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(ArtifactDamaged):
        store.get(digest)
    store.put([b"abc"])
    assert bytes(store.get(digest)) == b"abc"
    assert not path.is_symlink()


def test_content_is_hashed_once_while_its_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = FileArtifacts(str(tmp_path)).put([b"abc" * 50_000]).digest
    hashed: list[int] = []

    def stored(parts: Sequence[bytes | memoryview]) -> Stored:
        hashed.append(1)
        return digests.stored(parts)

    monkeypatch.setattr("motet.artifacts.files.stored", stored)
    store = FileArtifacts(str(tmp_path))
    for _ in range(3):
        store.get(digest)
        store.path(digest)
    assert len(hashed) == 1
    os.utime(tmp_path / digest[:2] / digest[2:])
    store.get(digest)
    assert len(hashed) == 2


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_artifacts_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        digest = FileArtifacts(str(tmp_path / "artifacts")).put([b"abc"]).digest
    finally:
        os.umask(before)
    folder = tmp_path / "artifacts"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, folder / digest[:2])] == [0o700, 0o700]
    assert stat.S_IMODE((folder / digest[:2] / digest[2:]).stat().st_mode) == 0o400
