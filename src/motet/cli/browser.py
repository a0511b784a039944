"""`motet open`: a run, or all, in the browser: by the server that there is, or by one that is started for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import webbrowser
from urllib.parse import quote, urlencode

from motet import app, owners, private
from motet.cli.terminal import Terminal, tell
from motet.errors import UsageError
from motet.typed import TYPE_CHECKING
from motet.views import lookup

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

_IDLE = "30m"
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
"""With none of these, a browser could only be one in the terminal, which nobody means."""


def open_arguments(parser: ArgumentParser) -> None:
    """What is to be seen."""
    parser.add_argument("run", metavar="RUN", nargs="?", default="", help="its name or id (default: the list of all)")
    parser.add_argument("--no-browser", action="store_true", help="print the link, and open nothing")


def open(options: Namespace, terminal: Terminal) -> int:  # noqa: A001
    """Print a link that lets one browser in, once, and open it where there is a display."""
    run = lookup.find_run(app.store(), options.run).name if options.run else ""
    link = link_to(run)
    terminal.say(link)
    if options.json:
        terminal.json({"url": link})
    if not options.no_browser:
        show(link)
    return 0


def link_to(run: str) -> str:
    """A link to the run's page, "" for all runs, that lets one browser in. Raises UsageError."""
    to = f"/runs/{quote(run, safe='')}" if run else "/runs"
    if app.server():
        path = app.remote().ask("POST", "/api/v1/links")["path"]
        return f"{app.server()}{path}&{urlencode({'to': to})}"
    from motet.server import tokens

    home = app.home()
    found = owners.servers(home)
    address = found[0] if found else _started(home)
    code = tokens.link_code(app.store(), private.user(), tokens.Role.ADMIN)
    return f"{address}/login?{urlencode({'code': code, 'to': to})}"


def show(link: str) -> None:
    """Open it in the user's browser, where there is a display to show that on."""
    if sys.platform != "darwin" and not any(os.environ.get(each) for each in _DISPLAYS):
        return
    if not webbrowser.open(link):
        tell("motet: no browser could be opened: follow the link in one.")


def _started(home: str) -> str:
    """The address of a server that is started now, and ends by itself when nobody looks for a while."""
    command = [sys.executable, "-P", "-m", "motet.cli", "server", "--port", "0", "--until-idle", _IDLE, "--json"]
    env = {**os.environ, "MOTET_HOME": home, "MOTET_SERVER": ""}
    os.makedirs(home, mode=0o700, exist_ok=True)  # the server works there, also before the first run
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
            start_new_session=True, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        told = next((line for line in process.stdout if line.startswith("{")), "{}")
        process.stdout.close()
        found = json.loads(told)
        if "url" not in found:
            process.wait()
            said.seek(0)
            raise UsageError(f"The server could not be started: {said.read().strip()[-1000:]}", "Try: motet server")
    process.returncode = 0  # it goes on without this process, which is not to wait for it
    return str(found["url"])
