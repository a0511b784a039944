"""Further protocols, by entry point."""

from __future__ import annotations

import pytest
from tests.server.conftest import Served

from motet.errors import UsageError
from motet.server.serving import asked_for


def test_a_protocol_is_found_and_opens_its_port(served: Served) -> None:
    pytest.importorskip("grpc")
    ((protocol, options),) = asked_for(["notification=127.0.0.1:0"])
    close = protocol.start(served.site, options)
    close()


def test_one_that_is_not_installed_is_told(served: Served) -> None:
    with pytest.raises(UsageError, match="no protocol 'notifications'"):
        asked_for(["notifications"])
