"""Telling a network file system from the table of mounts."""

from __future__ import annotations

import pytest

from motet.stores.homes import mountinfo, network_file_system

TABLE = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:40 / /home rw,relatime shared:7 master:1 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/ann/scratch rw,relatime - xfs /dev/vdb rw
32 27 0:42 / /net/with\040blank rw - cifs //server/share rw
33 27 0:43 / /sshfs rw - fuse.sshfs me@host: rw
34 27 0:44 / /fast rw - lustre 10.0.0.1@tcp:/fast rw
35 27 0:45 / /mnt/c rw - 9p C:\134 rw,aname=drvfs;path=C:\;uid=0,trans=fd
36 27 0:46 / /sandbox rw - 9p none rw,trans=fd
37 27 0:47 / /twice rw - nfs server:/twice rw
38 27 0:48 / /twice rw - tmpfs tmpfs rw
39 27 0:49 / /box rw - overlay overlay rw,lowerdir=/a
40 27 0:50 / /ceph rw - ceph mon:/ rw
41 27 0:51 / /local rw - fuse.ntfs-3g /dev/sdb1 rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/motet", None),
        ("/home", "nfs4"),
        ("/home/ann/.motet", "nfs4"),
        ("/home/ann/scratch", None),
        ("/home/ann/scratch/.motet", None),
        ("/home/ann/scratchy", "nfs4"),
        ("/homely", None),
        ("/net/with blank/x", "cifs"),
        ("/sshfs/x", "fuse.sshfs"),
        ("/fast/x", "lustre"),
        ("/ceph/x", "ceph"),
        ("/mnt/c/Users", "drvfs"),
        ("/sandbox/x", None),
        ("/twice/x", None),
        ("/box/x", None),
        ("/local/x", None),
    ],
)
def test_the_nearest_mount_counts(path: str, kind: str | None) -> None:
    assert network_file_system(path, TABLE) == kind


def test_without_a_table_nothing_is_refused() -> None:
    assert network_file_system("/anything", "") is None


def test_the_systems_own_table_is_understood(tmp_path: object) -> None:
    """Where tests run, temporary files are on a local disk, and the table says so."""
    assert network_file_system(str(tmp_path), mountinfo()) is None
