"""Wheels of what is installed here, so that an installation can be tried without a network."""

from __future__ import annotations

import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

_LEFT_OUT = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")


def needed(*names: str) -> dict[str, Distribution]:
    """These packages, and all that they need here, by name."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower()
        if name not in found:
            found[name] = distribution(name)
            for each in map(Requirement, found[name].requires or ()):
                if each.marker is None or each.marker.evaluate({"extra": ""}):
                    waiting.append(each.name)
    return found


def pack(package: Distribution, folder: Path) -> None:
    """Write the wheel that the package was installed from, but for its scripts, into the folder."""
    (tag, *_) = [line[5:] for line in (package.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: ")]
    files = [
        each
        for each in package.files or ()
        if ".." not in each.parts and each.suffix != ".pyc" and each.name not in _LEFT_OUT
    ]
    (about,) = {each.parts[0] for each in files if each.parts[0].endswith(".dist-info")}
    stem = about.removesuffix(".dist-info")
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
        for each in files:
            wheel.write(package.locate_file(each), str(each))
        record = f"{about}/RECORD"
        wheel.writestr(record, "".join(f"{each},,\n" for each in [*files, record]))
