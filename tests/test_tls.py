"""Servers with a certificate that nobody vouches for are refused; going without is never quiet."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse import landing
from learning_warehouse.echo360.hook import Echo360Hook
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.vocareum.credentials import account, request_credentials
from tests.certificates import self_signed, tls_with

if TYPE_CHECKING:
    pass

UNTRUSTED = r"its certificate is not trusted: self[- ]signed certificate"
ANSWER = {
    "access_token": "token",
    "reports": [],
    "Credentials": {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"},
}


class Configure:
    """Writes Airflow's connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, conn_id: str, **fields: Any) -> None:
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Configure:
    return Configure(monkeypatch)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer anything with what satisfies everybody who asks here."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b"" if self.command == "PUT" else json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def host(certificate: Path) -> Iterator[str]:
    """An HTTPS server of localhost with this certificate."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        server.socket = tls_with(certificate).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()


def test_vocareum(
    host: str, certificate: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("vocareum", conn_type="http", host=host, password="t", extra={"org_id": "1"})
    with pytest.raises(TransientFailure, match=UNTRUSTED):
        request_credentials(account("vocareum"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert request_credentials(account("vocareum")).access_key_id == "A"


def test_echo360(
    host: str, certificate: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("echo360", conn_type="http", host=host, login="client", password="secret")
    with pytest.raises(TransientFailure, match=UNTRUSTED):
        Echo360Hook(attempts=1).reports()
    with pytest.raises(TransientFailure, match=UNTRUSTED):
        Echo360Hook().open_asset(f"{host}/asset.csv?Signature=abc")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(certificate))
    with pytest.raises(TransientFailure, match="is empty"):
        Echo360Hook(attempts=1).reports()
    with Echo360Hook().open_asset(f"{host}/asset.csv?Signature=abc") as asset:
        assert json.loads(asset.read()) == ANSWER


@pytest.mark.parametrize("extra", [{"verify": False}, {"verify_ssl": "false"}, {"verify": "/ca"}])
def test_a_vendor_is_always_verified(configure: Configure, extra: dict[str, Any]) -> None:
    sentence = r"has the extra verify(_ssl)?, but the vendor's certificate is always verified"
    fields = {"conn_type": "http", "host": "https://vendor.example", "password": "secret"}
    configure("vocareum", **fields, extra={"org_id": "1", **extra})
    with pytest.raises(PermanentFailure, match=sentence):
        account("vocareum")
    configure("echo360", **fields, login="client", extra=extra)
    with pytest.raises(PermanentFailure, match=sentence):
        Echo360Hook().reports()


def test_a_bucket(
    host: str, certificate: Path, configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    """An institution's own S3 may go unverified, but each task says so."""
    extra = {
        "endpoint_url": host,
        "region_name": "us-west-2",
        "service_config": {"s3": {"bucket_name": "landing"}},
        "config_kwargs": {"retries": {"max_attempts": 0}, "s3": {"addressing_style": "path"}},
    }
    fields = {"conn_type": "aws", "login": "key", "password": "secret"}
    configure("landing_zone", **fields, extra=extra)
    with pytest.raises(TransientFailure, match=UNTRUSTED):
        landing.LandingZone().put_stream("key", io.BytesIO(b"content"))
    configure("landing_zone", **fields, extra={**extra, "verify": str(certificate)})
    landing.LandingZone().put_stream("key", io.BytesIO(b"content"))
    assert "pose as S3" not in caplog.text
    configure("landing_zone", **fields, extra={**extra, "verify": False})
    landing.LandingZone().put_stream("key", io.BytesIO(b"content"))
    assert "The connection 'landing_zone' has verify: false" in caplog.text


def test_plain_http_is_warned_of(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    fields = {"conn_type": "http", "password": "secret"}
    configure("vocareum", **fields, host="http://127.0.0.1:1", extra={"org_id": "1"})
    configure("echo360", **fields, host="https://vendor.example", login="client")
    account("vocareum")
    assert Echo360Hook().origin == "vendor.example"
    assert "without TLS" not in caplog.text
    configure("vocareum", **fields, host="http://vendor.example", extra={"org_id": "1"})
    configure("echo360", **fields, host="http://vendor.example", login="client")
    configure("landing_zone", conn_type="aws", extra={"endpoint_url": "http://s3.example"})
    account("vocareum")
    assert Echo360Hook().origin == "vendor.example"
    landing.s3_hook("landing_zone")
    for conn_id, where in (
        ("vocareum", "vendor.example"),
        ("echo360", "vendor.example"),
        ("landing_zone", "s3.example"),
    ):
        assert f"The connection '{conn_id}' goes to {where} without TLS" in caplog.text
