"""Runs as small live pictures in notebooks: `motet.watch("quiet-otter")`; `motet.watch(pipeline)` for a flow's newest.

No server and no network: each picture is an HTML file of its own in a frame, with the policy that `motet show --html`
writes, and is put in place of the last one through the notebook's own channel until the run ends.
"""

from __future__ import annotations

import threading
import time
from importlib import import_module
from typing import Any

from motet import app
from motet.errors import NotFound
from motet.kernel import transitions as st
from motet.ports import RunFilter, RunRow, Store
from motet.views import drawing, lookup

EVERY_S = 1.0


def watch(of: Any, *, every_s: float = EVERY_S) -> Watched:
    """A run as a picture that a notebook shows, and goes on showing as the run goes on.

    `of` is a run's name or id, or a flow, of which the newest run is shown. Raises NotFound for no such run.
    """
    return Watched(of, every_s)


class Watched:
    """What `watch` gives. Elsewhere than in a notebook it is shown as one line of text."""

    def __init__(self, of: Any, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._store = app.store()
        self._run = _run_of(self._store, of).id

    def __repr__(self) -> str:
        run = self._store.run(self._run)
        return f"{run.name}: {lookup.status_of(run)}, {drawing.counted(run)}"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.html()}

    def _ipython_display_(self) -> None:
        shown = import_module("IPython.display").display(self._repr_mimebundle_(), raw=True, display_id=True)
        if self._is_going():
            threading.Thread(target=self._follow, args=(shown,), name="motet-watch", daemon=True).start()

    def _follow(self, shown: Any) -> None:
        going = True
        while going:
            time.sleep(self._every_s)
            going = self._is_going()  # asked before the picture is made: the last one shows the end
            shown.update(self._repr_mimebundle_(), raw=True)

    def _is_going(self) -> bool:
        return lookup.status_of(self._store.run(self._run)) not in {*st.ENDED, "crashed"}

    def html(self) -> str:
        """The picture as it stands now, in a frame of 720 by 280 pixels."""
        return drawing.card(self._store, self._store.run(self._run))


def _run_of(store: Store, of: Any) -> RunRow:
    if isinstance(of, str):
        return lookup.find_run(store, of)
    name = str(getattr(of, "name", of))
    found = store.run_page(RunFilter(workflow=name), limit=1).runs
    if not found:
        raise NotFound(f"{name} has no run yet.", "Call it first, or name a run.")
    return found[0]


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext motet.notebook`: flows are shown as the picture of their newest run."""
    formats = shell.display_formatter.formatters["text/html"]
    formats.for_type_by_name("motet.dialects.python.flows", "Flow", _flow_html)


def _flow_html(flow: Any) -> str | None:
    try:
        return watch(flow).html()
    except NotFound:
        return None
