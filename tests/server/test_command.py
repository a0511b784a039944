"""`motet server` and `motet token` as commands."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from tests.server.process import ServerProcess

from motet.cli.main import main


def test_elsewhere_than_here_it_starts_only_once_somebody_has_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["server", "--host", "0.0.0.0", "--port", "0"]) == 2
    assert "motet token create" in capsys.readouterr().err


def test_what_cannot_be_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for given in (["--tls-cert", "none.pem"], ["--port", "70000"], ["--host", "no.such.host.invalid"]):
        assert main(["server", *given]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 2


def test_without_its_extra_it_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['uvicorn'] = None\nfrom motet.cli.main import main\nsys.exit(main(['server']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'motet[server]'" in done.stderr


def test_tokens_are_made_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "create", "ada", "--role", "viewer", "--for", "12h"]) == 0
    text = capsys.readouterr().out.strip()
    assert text.startswith("motet_")
    assert main(["token", "ls"]) == 0
    listed = capsys.readouterr().out
    assert "ada" in listed
    assert text.rpartition("_")[2] not in listed
    assert main(["token", "revoke", "ada"]) == 0
    capsys.readouterr()
    assert main(["token", "revoke", "ada"]) == 2
    assert main(["token", "create"]) == 2
    assert main(["token", "create", "--role", "viewer", "eve"]) == 0
    assert main(["token", "revoke", "--json", "eve", "bob"]) == 2


def test_it_speaks_tls(motet_home: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key),
         "-out", str(cert)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    with ServerProcess(motet_home, "--tls-cert", str(cert), "--tls-key", str(key)) as server:
        assert server.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(cert))
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context)
        connection.request("GET", "/api/v1/me", headers=server.headers)
        assert connection.getresponse().status == 200
        connection.close()
