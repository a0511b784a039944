"""Which file system a folder is on: a store's files must not be on one that several hosts mount."""

from __future__ import annotations

import os

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
