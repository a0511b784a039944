"""Who else can get at files and folders, and that what Motet makes is its user's alone."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from motet import private

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


@pytest.fixture(params=[0o000, 0o002, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> object:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_folders_and_files_are_this_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    private.make_folder(str(deep))
    private.make_folder(str(deep))  # is there
    with open(deep / "file", "w", opener=private.opener) as file:
        file.write("x")
    for folder in (deep, deep.parent, deep.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((deep / "file").stat().st_mode) == 0o600


def test_what_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private.make_folder(str(tmp_path))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        private.make_folder(str(tmp_path / "file"))
    with pytest.raises(NotADirectoryError):
        private.make_folder(str(tmp_path / "file" / "below"))


def test_many_make_the_same_folders_at_once(tmp_path: Path) -> None:
    """Each with all that is above it, which another is making too."""
    for n in range(50):
        deep = str(tmp_path / str(n) / "a" / "b" / "c")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(private.make_folder, [deep] * 8))
        assert os.path.isdir(deep)


@pytest.mark.parametrize("place", ["/proc/x/y", ""])
def test_where_nothing_can_be_made(place: str) -> None:
    with pytest.raises(OSError, match="No such file"):
        private.make_folder(place)


def test_who_may_write(tmp_path: Path) -> None:
    for mode, who in ((0o700, ""), (0o755, ""), (0o757, private.EVERYBODY), (0o1777, private.EVERYBODY)):
        tmp_path.chmod(mode)
        assert private.writers(str(tmp_path)) == who, oct(mode)
    assert private.writers(str(tmp_path / "missing")) == ""


@needs_root
def test_a_group_of_several_and_another_owner_are_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    assert private.writers(str(tmp_path)) == ""  # root's own group
    os.chown(tmp_path, 0, 1)
    assert private.writers(str(tmp_path)).startswith("the group ")
    tmp_path.chmod(0o750)
    assert private.writers(str(tmp_path)) == ""
    os.chown(tmp_path, 65534, 0)
    assert private.writers(str(tmp_path)).startswith(private.ANOTHER)
    assert private.owner(str(tmp_path)) in ("nobody", "65534")


def test_what_stands_in_a_home_counts_only_where_others_can_enter_it(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch(0o600)
    (tmp_path / "logs").mkdir(0o700)
    (tmp_path / "logs").chmod(0o777)
    tmp_path.chmod(0o700)
    assert list(private.open_to_others(str(tmp_path))) == []
    tmp_path.chmod(0o711)
    assert list(private.open_to_others(str(tmp_path))) == [(str(tmp_path / "logs"), "everybody may write to")]
    (tmp_path / "logs").chmod(0o755)
    assert list(private.open_to_others(str(tmp_path))) == [(str(tmp_path / "logs"), "everybody may read")]
    (tmp_path / "logs").chmod(0o700)
    assert list(private.open_to_others(str(tmp_path))) == []
