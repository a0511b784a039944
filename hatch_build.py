"""Builds the page into what is packed: a wheel or an archive has it, and who installs that needs no Node."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `scripts/page` before files are packed. Raises RuntimeError where the page is not built and cannot be."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless the checkout itself is installed, for which `scripts/setup` does, or an unpacked
        archive, which has it.
        """
        built = os.path.join(self.root, "src", "motet", "server", "built", "index.html")
        is_archive = os.path.isfile(os.path.join(self.root, "PKG-INFO"))
        if version == "editable" or (is_archive and os.path.exists(built)):
            return
        done = subprocess.run([os.path.join(self.root, "scripts", "page")], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"The page cannot be built, which a wheel of Motet contains:\n{done.stderr[-2000:]}\n"
                "Install Node 20.19 or later, or run scripts/setup here first, which brings one."
            )
