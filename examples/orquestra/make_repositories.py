"""Make a bare git repository of each folder in `components`, and a git configuration that finds them under their URLs.

python make_repositories.py FOLDER
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMPONENTS = Path(__file__).resolve().parent / "components"


def git(where: Path, *words: str) -> None:
    """Run git in a folder, apart from the user's own configuration."""
    names = {f"GIT_{who}_{what}": "example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **names}
    subprocess.run(["git", *words], cwd=where, env=env, check=True, stdout=subprocess.DEVNULL)


def main(folder: Path) -> None:
    """Write FOLDER/motet/NAME.git for each component, and FOLDER/gitconfig."""
    folder = folder.resolve()
    for component in sorted(COMPONENTS.iterdir()):
        work, bare = folder / "work" / component.name, folder / "motet" / f"{component.name}.git"
        shutil.copytree(component, work, ignore=shutil.ignore_patterns("__pycache__"))
        git(work, "init", "-q", "-b", "main")
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", f"The component {component.name}")
        git(work, "tag", "v1")
        git(work, "clone", "-q", "--bare", str(work), str(bare))
    (folder / "gitconfig").write_text(f'[url "file://{folder}/"]\n\tinsteadOf = git@git.example:\n')
    print(f"export GIT_CONFIG_GLOBAL={folder}/gitconfig")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
