"""The voices: under which name runs of each are kept, how a file in one is told, which module speaks it.

A further voice is a package in `dialects` and a line in `VOICES`: nothing else lists them. Its module has

    carry_on(host, row, *, reopen, rerun, rerun_changed, begun)
                                                           drives a run on from where it stands; or, where that is done
                                                           as for any declared program,
    program_of(host, row, home)                            the program of the run

and that of a voice of files has as well

    Asked(sets, matrix)                                    what is asked of a run beside its file
    new_run(host, file, home, asked, *, name, warn)        a run of the file, checked and not yet begun
    values(host, row)                                      {step: {output: content}} of what it has put out so far
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from motet.errors import TargetError, UsageError
from motet.records import Record

if TYPE_CHECKING:
    from motet.ports import RunRow

_ENDINGS = (".yaml", ".yml", ".json")
_MOST_CHARS = 4 * 1024 * 1024


class Voice(Record, frozen=True):
    """A language that workflows are written in.

    name    as the program of its runs has it
    module  what speaks it, loaded when it is asked for
    signs   a pattern that is found in the text of each of its files, with `^` for the beginning of any line; "" for a
            voice that has no files
    told    what such a file has, for those who wrote one that is not known
    """

    name: str
    module: str
    signs: str = ""
    told: str = ""

    def speaker(self) -> Any:
        """The module."""
        from importlib import import_module

        return import_module(self.module)


VOICES: Mapping[str, Voice] = {
    each.name: each
    for each in (
        Voice("python", "motet.dialects.python.voice"),
        Voice("program", "motet.dialects.declared.voice"),
        Voice(
            "orquestra", "motet.dialects.orquestra.voice",
            r"""^["']?(apiVersion["']?\s*:\s*["']?io\.orquestra\.workflow|ZapOSApiVersion)"""
            r"""|"apiVersion"\s*:\s*"io\.orquestra\.workflow"""
            r"""|\A(?=[\s\S]*^imports\s*:)(?=[\s\S]*^steps\s*:)""",
            "An Orquestra workflow has a line `apiVersion: io.orquestra.workflow/1.0.0`.",
        ),
    )
}  # fmt: skip


def of_run(row: RunRow) -> Voice:
    """The voice of a run. Raises UsageError for one that is not spoken here."""
    found = VOICES.get(row.program.get("voice", ""))
    if found is None:
        raise UsageError(
            f"Run {row.name} is written in {row.program.get('voice')!r}, which this Motet does not speak.",
            "Update Motet.",
        )
    return found


def may_be_workflow(path: str) -> bool:
    """Whether the file may be a workflow, by its name."""
    return path.endswith(_ENDINGS)


def of_text(text: str) -> Voice | None:
    """The voice that the text is written in, by a look at it that reads no YAML; None if none is known."""
    import re

    return next((each for each in VOICES.values() if each.signs and re.search(each.signs, text, re.M)), None)


def of_file(path: str) -> Voice:
    """The voice that the file is written in. Raises TargetError for a file that is no workflow known here."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        text = file.read(_MOST_CHARS)
    found = of_text(text)
    if found is None:
        plain = "It is no UTF-8 text: save it as that." if "\0" in text else ""
        raise TargetError(
            f"{path} is no workflow that is known here.",
            plain or " ".join(each.told for each in VOICES.values() if each.told),
        )
    return found
