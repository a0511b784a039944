"""`motet server`: the store over HTTP."""

from __future__ import annotations

import os
import socket
from argparse import ArgumentParser, Namespace
from math import inf

from motet import private
from motet.cli.terminal import Terminal, tell
from motet.errors import UsageError
from motet.views import human

PORT = 4200
_LOCAL = ("127.0.0.1", "::1", "localhost")


def server_arguments(parser: ArgumentParser) -> None:
    """Where it listens, and by which names it goes."""
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="where to listen (default: this machine)"
    )
    parser.add_argument("--port", type=human.whole("--port", 0), default=PORT, metavar="N", help="default: 4200")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a further name that it goes by, behind a proxy",
    )
    parser.add_argument(
        "--protocol",
        action="append",
        default=[],
        metavar="NAME[=ADDRESS]",
        help="also answer a further protocol, there",
    )
    parser.add_argument(
        "--until-idle", type=human.seconds_of, default=inf, metavar="TIME",
        help='end when nobody has looked or asked for so long, such as "30m"',
    )  # fmt: skip
    parser.add_argument("--tls-cert", default="", metavar="FILE", help="speak TLS with this certificate, PEM")
    parser.add_argument("--tls-key", default="", metavar="FILE", help="and this key")


def server(options: Namespace, terminal: Terminal) -> int:
    """Answer until SIGTERM or Ctrl-C. Elsewhere than on this machine only where somebody has a token."""
    try:
        from motet.server import serving
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "pydantic"):
            raise
        raise UsageError(
            f"The server needs {error.name}, which is not installed.", "pip install 'motet[server]'"
        ) from None
    tls = _tls(options)
    names = [*options.allow_host, options.host, socket.gethostname(), socket.getfqdn()]
    os.environ["MOTET_SERVER"] = ""  # what it starts works at its home, wherever commands of this shell would go
    place = serving.Place(options.host, options.port, names, tls, options.until_idle)
    made = serving.Server(private.home(), place, serving.asked_for(options.protocol))
    if made.host not in _LOCAL and not made.has_users():
        raise UsageError(
            f"At {made.host} others can reach the server, and nobody has a token.",
            "Make one first: motet token create NAME --role admin",
        )

    if made.host not in _LOCAL and tls is None:
        tell("motet: warning: without TLS tokens can be read on the way (--tls-cert, --tls-key, or a proxy before it).")

    def ready() -> None:
        terminal.say(f"Motet is at {terminal.paint(made.url, 'bold')} (process {os.getpid()}). Ctrl-C ends it.")
        terminal.say(f"For a browser, once: {made.link()}")
        terminal.say(f"For programs: Authorization: Bearer TOKEN, with the token in {made.token_file}")
        if options.json:
            terminal.json({"url": made.url, "pid": os.getpid(), "token_file": made.token_file})
        terminal.flush()

    made.serve(ready)
    return 0


def _tls(options: Namespace) -> tuple[str, str] | None:
    """The files of certificate and key. Raises UsageError where they cannot be read."""
    given = options.tls_cert, options.tls_key
    if not any(given):
        return None
    for flag, path in zip(("--tls-cert", "--tls-key"), given, strict=True):
        if not path or not os.access(path, os.R_OK):
            raise UsageError(f"{flag} {path}: there is no such file that can be read.", "TLS needs both.")
    return given
