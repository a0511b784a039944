"""Messages on their way: to a program, to a mail server, to an address of the web. Whatever goes wrong is raised."""

from __future__ import annotations

import json
import os
import re
import smtplib
import ssl
import subprocess
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from motet.errors import CommandFailed, UsageError
from motet.kernel.events import Json
from motet.values.secrets import VARIABLES, Secrets

TIMEOUT_S = 30.0
_SECRET = re.compile(r"\{secret:([\w-]+)\}")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+")
_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+[ \t]*:[\t -~\xa0-\xff]*", re.ASCII)
_SUBMISSION = 587


def check(alert: Any) -> None:
    """Raise UsageError for an address that cannot be one, and for a header that no request may have."""
    if alert.hook and not _is_address(alert.hook, "http", "https"):
        raise UsageError(
            f"{alert.hook!r} is no address of the web.", "Write https://HOST/..., in ASCII without blanks."
        )
    for each in filter(None, (alert.mail, alert.sender)):
        if not _is_mail(each):
            raise UsageError(f"{each!r} is no mail address.", "Write name@example.org.")
    if alert.mail and not _is_address(alert.smtp, "smtp", "smtps"):
        raise UsageError(f"{alert.smtp!r} is no mail server.", "Write smtp://HOST:PORT or smtps://HOST, in ASCII.")
    for each in alert.headers:
        if not _HEADER.fullmatch(_SECRET.sub("1", each)):
            raise UsageError(f"{each!r} is no header.", "Write 'NAME: VALUE'.")


def _is_address(text: str, *schemes: str) -> bool:
    """Whether the text can be an address with a host, whatever the secrets in it are."""
    text = _SECRET.sub("1", text)
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of the host or the port
        return False
    return is_whole and text.isascii() and text.isprintable() and " " not in text


def _is_mail(text: str) -> bool:
    """Whether the text can be an address, or several with commas between them, with people's names or without."""
    return text.isprintable() and all(_MAIL.fullmatch(address) for _, address in getaddresses([text]))


def deliver(alert: Any, message: Json, home: str) -> None:
    """Tell the message by the alert's way. Raises what goes wrong."""
    if alert.command:
        _by_command(alert, message)
    elif alert.mail:
        _by_mail(alert, message, home)
    else:
        _by_hook(alert, message, home)


def _filled(text: str, home: str) -> str:
    """The text with the values of the secrets that it names. Raises UsageError for one that is not there."""
    secrets = Secrets(home)
    return _SECRET.sub(lambda found: secrets(found[1]), text)


def _by_command(alert: Any, message: Json) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLES)}
    told = {"MOTET_ALERT": alert.name, "MOTET_ALERT_KIND": message["kind"], "MOTET_ALERT_RUN": message["run"]["id"]}
    done = subprocess.run(
        list(alert.command), input=json.dumps(message), text=True, capture_output=True, timeout=TIMEOUT_S, check=False,
        env={**own, **told},
    )  # fmt: skip
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise CommandFailed(f"{alert.command[0]} ended with status {done.returncode}. {said}")


def _by_mail(alert: Any, message: Json, home: str) -> None:
    place = urlsplit(alert.smtp)
    letter = EmailMessage()
    letter["Subject"] = " ".join(str(message["title"]).split())
    letter["From"] = alert.sender or f"motet@{os.uname().nodename}"
    letter["To"] = alert.mail
    letter.set_content(str(message["text"]))
    host = place.hostname or "localhost"
    secure = ssl.create_default_context()
    server: smtplib.SMTP
    if place.scheme == "smtps":
        server = smtplib.SMTP_SSL(host, place.port or 0, timeout=TIMEOUT_S, context=secure)
    else:
        server = smtplib.SMTP(host, place.port or 0, timeout=TIMEOUT_S)
    with server:
        if place.scheme == "smtp" and place.port == _SUBMISSION:
            server.starttls(context=secure)
        if place.username:
            server.login(_filled(unquote(place.username), home), _filled(unquote(place.password or ""), home))
        server.send_message(letter)


def _by_hook(alert: Any, message: Json, home: str) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "motet"}
    for each in alert.headers:
        name, _, value = _filled(each, home).partition(":")
        headers[name.strip()] = value.strip()
    request = Request(_filled(alert.hook, home), json.dumps(message).encode(), headers, method="POST")
    with urlopen(request, timeout=TIMEOUT_S) as answer:
        answer.read(1)
