"""`spell ls`, `cp`, `upload`, `rm`, `link`, `unlink`."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from motet.dialects.spell.commands import formats
from motet.dialects.spell.commands.grammar import Entry
from motet.dialects.spell.fetching import fetch
from motet.dialects.spell.house import House
from motet.errors import NotFound, UsageError
from motet.ports.voice import Desk


def _ls_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", default="", metavar="PATH")
    parser.add_argument("-h", dest="human", action="store_true", help="sizes for people")
    parser.add_argument("--help", action="help", help="show this message and exit")


def _ls(options: Namespace, desk: Desk, house: House) -> int:
    found = house.ls(options.path.rstrip("/"))
    if desk.terminal.as_json:
        desk.terminal.json([{name: getattr(each, name) for name in each.__match_args__} for each in found])
        return 0
    for each in found:
        size = "-" if each.size_bytes is None else str(each.size_bytes)
        shown = formats.size(each.size_bytes) if options.human and each.size_bytes is not None else size
        link = f" → {each.link_target}" if each.link_target else ""
        desk.terminal.say(f"{shown:8} {formats.day(each.at):14} {each.path}{link}")
    return 0


def _cp_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source_path", metavar="SOURCE_PATH")
    parser.add_argument("local_dir", nargs="?", default=".", metavar="LOCAL_DIR")
    parser.add_argument("-f", "--force", action="store_true", help="replace files that are there")
    parser.add_argument("-i", "--ignore", action="store_true", help="leave files that are there as they are")


def _cp(options: Namespace, desk: Desk, house: House) -> int:
    def wanted(name: str) -> bool:
        if options.force or options.ignore:
            return bool(options.force)
        if not sys.stdin.isatty():
            there = os.path.join(options.local_dir, name)
            raise UsageError(f"{there} is there already.", "-f replaces such files, -i leaves them as they are.")
        sys.stderr.write(f"{name} is there already. Replace it? [y/N]: ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    copied = list(fetch(house, options.source_path.rstrip("/"), options.local_dir, wanted))
    if desk.terminal.as_json:
        desk.terminal.json({"copied": copied})
    return 0


def _upload_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("-n", "--name", default="", help="what it is called; without, as the file or folder is")
    parser.add_argument("-c", "--compress", action="store_true", help="taken: nothing has to be sent")
    parser.add_argument("--cluster-name", help="taken: it is kept here")


def _upload(options: Namespace, desk: Desk, house: House) -> int:
    path = os.path.abspath(options.path)
    if not os.path.exists(path):
        raise UsageError(f"There is nothing at {options.path}.", "Check the path, and the folder that you are in.")
    name = options.name or os.path.basename(path)
    desk.terminal.say(f"Total upload size: {formats.size(_size_bytes(path))}")
    desk.terminal.say(f"Uploading to uploads/{name}")
    files = house.put_upload(name, path)
    desk.terminal.say(f"Upload of {name} ({options.path}) to 'uploads/{name}' complete.")
    if desk.terminal.as_json:
        desk.terminal.json({"path": f"uploads/{name}", "files": files})
    return 0


def _size_bytes(path: str) -> int:
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(
        os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(path) for name in names
    )  # fmt: skip


def _rm_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("resources", nargs="+", metavar="uploads/NAME")


def _rm(options: Namespace, desk: Desk, house: House) -> int:
    names = []
    for each in options.resources:
        kind, _, name = each.strip("/").partition("/")
        if kind != "uploads" or not name:
            raise UsageError("You must specify an uploaded resource.", "Name it: spell rm uploads/NAME")
        names.append(name)
    for name in names:
        house.remove_upload(name)
    if desk.terminal.as_json:
        desk.terminal.json({"removed": options.resources})
    return 0


def _link_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("alias", nargs="?", metavar="ALIAS")
    parser.add_argument("resource_path", nargs="?", metavar="RESOURCE_PATH")


def _link(options: Namespace, desk: Desk, house: House) -> int:
    if options.resource_path:
        if set(options.alias) & set('/."\\[]:;|=,'):
            raise UsageError(f"{options.alias!r:.80} is no alias.", 'It must have none of / . " \\ [ ] : ; | = ,')
        house.link(options.alias, options.resource_path.rstrip("/"))
        desk.terminal.say("Successfully created symlink:")
    links = house.links()
    if options.alias is not None:
        if options.alias not in links:
            raise NotFound(f"There is no link {options.alias!r:.80}.", "`spell link` lists the links.")
        links = {options.alias: links[options.alias]}
    if desk.terminal.as_json:
        desk.terminal.json(dict(links))
    for alias, path in links.items():
        desk.terminal.say(f"{alias} → {path}")
    return 0


def _unlink_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("alias", metavar="ALIAS")


def _unlink(options: Namespace, desk: Desk, house: House) -> int:
    house.unlink(options.alias)
    desk.terminal.say(f"Successfully removed link with alias {options.alias}.")
    if desk.terminal.as_json:
        desk.terminal.json({"removed": options.alias})
    return 0


COMMANDS: Mapping[str, Entry] = {
    "ls": Entry("list files of runs, uploads and links", _ls, _ls_arguments),
    "cp": Entry("copy a file, or what is in a folder, here", _cp, _cp_arguments),
    "upload": Entry("keep a file or folder, to be mounted", _upload, _upload_arguments),
    "rm": Entry("remove uploads", _rm, _rm_arguments),
    "link": Entry("list links, or let a name stand for a path", _link, _link_arguments),
    "unlink": Entry("remove a link", _unlink, _unlink_arguments),
}
