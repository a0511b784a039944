"""Pages of the documentation as what they are to a reader: files to write, commands to type, code to paste.

A fence's language says what a block is:

python    with a first line `# NAME.py` a file of that name (yaml likewise), else pasted into one session for the page
sh        commands, which stop at the first that fails
console   commands after `$ `, and what they print; `...` stands for anything
text ...  everything else is for the eye
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from motet.owners import is_dead
from motet.stores.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parents[2]

PAGES = sorted((ROOT / "docs").rglob("*.md"))

LANGUAGES = {"python", "sh", "console", "text", "yaml"}

_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (\S+\.(?:py|yaml))\n")
_COMMAND = re.compile(r"^\$ (.*)\n", re.MULTILINE)
_BEGAN = re.compile(r"^motet: [\d:]{8} \S+ began: .*\n", re.MULTILINE)
"""What a reader at a terminal does not see: there the run itself is shown."""


PATIENCE_S = 300.0
"""No measure of speed: what takes this long hangs."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where it begins."""

    language: str
    text: str
    place: str

    @property
    def file(self) -> str | None:
        """The file that it is, by its first line."""
        named = _FILE.match(self.text) if self.language in ("python", "yaml") else None
        return named.group(1) if named else None


def blocks(page: Path) -> list[Block]:
    """All blocks of the page in their order."""
    text = page.read_text()
    return [
        Block(each.group(2), each.group(3), f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, each.start()) + 1}")
        for each in _FENCE.finditer(text)
    ]


class Reader:
    """Somebody who does all that a page says, in a folder, with a home folder of their own."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.home = folder, home
        bin_folder = Path(sys.executable).parent
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MOTET_")}
        self.env = {
            **kept, "HOME": str(home), "PATH": f"{bin_folder}{os.pathsep}{kept['PATH']}", "COLUMNS": "120",
            "MPLCONFIGDIR": str(home / "matplotlib"), "MPLBACKEND": "agg", "PYTHON_COLORS": "0",
        }  # fmt: skip
        self.told = ""
        self._session: subprocess.Popen[str] | None = None

    def do(self, block: Block) -> None:
        """What the block asks for. Raises AssertionError if it does not do as it stands there."""
        if block.file is not None:
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.language == "python":
            self._paste(block)
        elif block.language == "sh":
            code, printed = self._type(block.text)
            assert code == 0, f"{block.place}\n{block.text}\nended with {code}:\n{printed}"
        elif block.language == "console":
            self._follow(block)

    def _type(self, commands: str) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-e", "-c", commands], cwd=self.folder, env=self.env, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S,
        )  # fmt: skip
        printed = _BEGAN.sub("", done.stdout)
        self.told += printed
        return done.returncode, printed

    def _follow(self, block: Block) -> None:
        start, *rest = _COMMAND.split(block.text)
        assert not start, f"{block.place} does not begin with a command"
        for command, expected in zip(rest[::2], rest[1::2], strict=True):
            _, printed = self._type(command)
            assert fits(expected, printed), f"{block.place}\n$ {command}\nprinted\n{printed}\nand not\n{expected}"

    def _paste(self, block: Block) -> None:
        if self._session is None:
            self._session = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("cells.py"))], cwd=self.folder, text=True,
                env={**self.env, "PYTHONPATH": str(self.folder)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._session.stdin is not None and self._session.stdout is not None
        print(json.dumps(block.text), file=self._session.stdin, flush=True)
        answer = self._session.stdout.readline()
        assert answer, f"{block.place}: the process has ended"
        printed, failed = json.loads(answer)
        self.told += printed
        assert not failed, f"{block.place}\n{block.text}\n{failed}"

    def close(self) -> None:
        """Leave no process behind."""
        if self._session is not None:
            self._session.communicate()
        for store in self.home.glob("**/store.db"):
            with closing(SqliteStore(str(store.parent))) as opened:
                owners = [row.owner for row in opened.runs(limit=1000) if row.owner is not None]
            for owner in owners:
                if not is_dead(owner):
                    os.kill(owner.pid, signal.SIGKILL)


def fits(expected: str, printed: str) -> bool:
    """Whether that was printed; `...` stands for anything, and blanks at the end of lines for nothing."""
    parts = [re.escape(part) for part in _trimmed(expected).split("...")]
    return re.fullmatch(".*".join(parts), _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
