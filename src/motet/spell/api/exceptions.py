"""What the client raises, by the names that scripts catch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from motet.errors import MotetError, NotFound, UsageError

__all__ = [
    "BadRequest", "ClientException", "ConflictRequest", "JsonDecodeError", "ServerError", "UnauthorizedClient",
    "UnauthorizedRequest", "WaitError",
]  # fmt: skip


class ClientException(MotetError):
    """What was asked of the client could not be done. `message` says why."""

    def __init__(self, msg: str = "", response: Any = None, exception: BaseException | None = None) -> None:
        super().__init__(msg)
        self.message = msg
        self.response = response
        self.exception = exception


class BadRequest(ClientException):
    """What was asked is wrong: no such run, no such resource."""


class UnauthorizedRequest(ClientException):
    """The token is not one that may ask."""


class ConflictRequest(ClientException):
    """Somebody else was first."""


class ServerError(ClientException):
    """The other side failed."""


class JsonDecodeError(ClientException):
    """What came back could not be read."""


class WaitError(ClientException):
    """What was waited for can no longer come."""


class UnauthorizedClient(MotetError):
    """There is no token."""


@contextmanager
def told() -> Iterator[None]:
    """What Motet refuses within it is raised by the names above: BadRequest for what was asked wrongly."""
    try:
        yield
    except ClientException:
        raise
    except (NotFound, UsageError) as error:
        raise BadRequest(str(error), exception=error) from error
    except MotetError as error:
        raise ClientException(str(error), exception=error) from error
