"""Homes: who may write there, since values are kept as pickles, whose loading runs code; on which file system they are,
as it must not be one that several hosts mount; and room kept in reserve.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from motet import private
from motet.errors import StoreUnavailable


def refuse_open_home(*paths: str) -> None:
    """Raise StoreUnavailable where everybody may replace one of the paths, or what stands in it. Say so where a group
    may, or another user whose it is, or everybody may put something beside what is there: that may be meant, as in a
    container.
    """
    for path in paths:
        who = private.writers(path)
        if who == private.EVERYBODY and not os.stat(path).st_mode & stat.S_ISVTX:
            raise StoreUnavailable(
                f"Everybody may write to {path}, so that anybody could have code of theirs run here.",
                f"Close it with `chmod -R go-rwx {path}`, or set MOTET_HOME to a folder of your own.",
            )
        if who:
            import logging

            logging.getLogger("motet.stores").warning(
                "%s%s may write to %s, and could have code of theirs run here: see `motet doctor`.",
                who[0].upper(), who[1:], path,
            )  # fmt: skip
            return


RESERVE_BYTES = 1 << 20
RESERVE = "reserve"


def keep_reserve(home: str) -> None:
    """Keep some room on the disk for `prune` and `stop`, which have to write so that some can be freed; not where there
    is little.
    """
    path = os.path.join(home, RESERVE)
    with suppress(OSError):
        if os.path.exists(path):
            return
        room = os.statvfs(home)
        if room.f_bavail * room.f_frsize < 2 * RESERVE_BYTES:
            return
        fd = private.opener(path, os.O_WRONLY | os.O_CREAT)
        try:
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
        finally:
            os.close(fd)


def make_room(home: str) -> None:
    """Use that room now, if nothing more can be written."""
    with suppress(OSError):
        room = os.statvfs(home)
        if room.f_bavail * room.f_frsize < RESERVE_BYTES:
            give_up_reserve(home)


def give_up_reserve(home: str) -> None:
    """Use that room now."""
    with suppress(OSError):
        os.unlink(os.path.join(home, RESERVE))


NETWORK = frozenset(
    """nfs nfs4 cifs smb2 smb3 smbfs ncpfs afs auristorfs coda ceph lustre gpfs beegfs fhgfs panfs wekafs
    orangefs pvfs2 gfs2 ocfs2 acfs davfs vboxsf fuse.sshfs fuse.ceph fuse.ceph-fuse fuse.glusterfs
    fuse.gpfs fuse.nfs fuse.smbnetfs fuse.s3fs fuse.goofys fuse.gcsfuse fuse.mount-s3 fuse.rclone fuse.davfs
    fuse.davfs2 fuse.juicefs fuse.JuiceFS fuse.blobfuse fuse.blobfuse2 fuse.curlftpfs fuse.dbxfs fuse.moosefs
    fuse.mfs fuse.lizardfs fuse.seaweedfs fuse.alluxio-fuse fuse.hadoop fuse.fuse_dfs fuse.orangefs
    fuse.cvmfs2 fuse.xtreemfs fuse.afp""".split()  # noqa: SIM905
)
"""File system types on which locks or shared memory do not hold between hosts (or, for vboxsf, at all)."""


def network_file_system(path: str, mountinfo: str) -> str | None:
    """The type of the network file system that `path` is on; None if it is on a local one. See `file_system`."""
    kind = file_system(path, mountinfo)
    return kind if kind in NETWORK or kind == "drvfs" else None


def file_system(path: str, mountinfo: str) -> str:
    """The type of the file system that `path` (absolute, no links) is on; empty if it is not known.

    `mountinfo` is the text of /proc/self/mountinfo. Of mounts on the same folder the last one counts.
    """
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        places, source = before.split(), after.split()
        if len(places) < 5 or len(source) < 2:
            continue
        point = _unescape(places[4])
        if len(point) >= best and _within(path, point):
            best = len(point)
            kind = "drvfs" if source[0] == "9p" and "drvfs" in after else source[0]
    return kind


def mountinfo() -> str:
    """The system's table of mounts, empty where there is none."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _unescape(text: str) -> str:
    """A mount point as it is: the table writes blanks and backslashes as octal escapes."""
    if "\\" not in text:
        return text
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text
