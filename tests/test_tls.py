"""Servers with a certificate that nobody vouches for are refused; going without is never quiet."""

from __future__ import annotations

import io
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from learning_warehouse import landing, s3
from learning_warehouse.echo360.assets import open_asset
from learning_warehouse.echo360.hook import Echo360Hook
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.vocareum.credentials import account, request_credentials
from learning_warehouse.warehouse.connection import connect
from tests.certificates import self_signed, tls_with

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres

UNTRUSTED = r"its certificate is not trusted: self[- ]signed certificate"
ANSWER = {
    "access_token": "token",
    "reports": [],
    "Credentials": {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T"},
}
ELSEWHERE = "127.0.0.2"
"""This machine by an address that passes for another's."""


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
        open_asset(f"{host}/asset.csv?Signature=abc", ["localhost"])
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(certificate))
    with pytest.raises(TransientFailure, match="is empty"):
        Echo360Hook(attempts=1).reports()
    with open_asset(f"{host}/asset.csv?Signature=abc", ["localhost"]) as asset:
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
    s3.s3_hook("landing_zone")
    for conn_id, where in (
        ("vocareum", "vendor.example"),
        ("echo360", "vendor.example"),
        ("landing_zone", "s3.example"),
    ):
        assert f"The connection '{conn_id}' goes to {where} without TLS" in caplog.text


# --- the warehouse --------------------------------------------------------------------------------


class PostgresWithTLS(socketserver.ThreadingTCPServer):
    """Speaks TLS before a server that does not, as PostgreSQL begins it."""

    daemon_threads = True

    def __init__(self, port: int, certificate: Path) -> None:
        super().__init__((ELSEWHERE, 0), _Front)
        self.behind = port
        self.tls = tls_with(certificate)


class _Front(socketserver.BaseRequestHandler):
    server: PostgresWithTLS
    TLS = 80877103

    def handle(self) -> None:
        """Take what the client requests first; only TLS is granted."""
        while struct.unpack("!II", self.request.recv(8, socket.MSG_WAITALL))[1] != self.TLS:
            self.request.sendall(b"N")
        self.request.sendall(b"S")
        try:
            client = self.server.tls.wrap_socket(self.request, server_side=True)
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", self.server.behind)) as server:
            threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()
            _pass_on(client, server)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    try:
        while block := source.recv(65536):
            sink.sendall(block)
        sink.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


@contextmanager
def postgres_with_tls(postgres: EmbeddedPostgres, certificate: Path) -> Iterator[int]:
    with PostgresWithTLS(postgres.port, certificate) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield front.server_address[1]
        front.shutdown()


def modes_of_connections(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The ``sslmode`` of each connection that is opened from now on."""
    modes: list[str | None] = []
    original = psycopg.connect

    def connecting(*args: Any, **kwargs: Any) -> Any:
        conn = original(*args, **kwargs)
        modes.append(conn.info.get_parameters().get("sslmode"))
        return conn

    monkeypatch.setattr(psycopg, "connect", connecting)
    return modes


def test_the_warehouse(
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    tmp_path: Path,
    configure: Configure,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate = self_signed(tmp_path, ELSEWHERE)
    modes = modes_of_connections(monkeypatch)
    fields = {"conn_type": "postgres", "login": "airflow", "schema": warehouse_name}
    with postgres_with_tls(postgres, certificate) as port:
        there = {**fields, "host": ELSEWHERE, "port": port}
        configure("learning_warehouse", **there)
        with pytest.raises(TransientFailure, match=r"certificate verify failed.*sslrootcert"):
            connect()
        configure("learning_warehouse", **there, extra={"sslrootcert": str(certificate)})
        with closing(connect()) as conn:
            modes.clear()
            conn.execute("DELETE FROM ops._yoyo_migration WHERE migration_id = '0007_readers'")
        assert modes == [], "none was opened"
        connect().close()
        assert len(modes) > 1, "the migrations have a connection of their own"
        assert set(modes) == {"verify-full"}
        assert "pose as the server" not in caplog.text
        configure("learning_warehouse", **there, extra={"sslmode": "require"})
        connect().close()
    assert "The connection 'learning_warehouse' goes to the warehouse with sslmode require" in (
        caplog.text
    )


def test_a_certificate_of_another_host(
    postgres: EmbeddedPostgres, tmp_path: Path, configure: Configure
) -> None:
    certificate = self_signed(tmp_path, "localhost")
    with postgres_with_tls(postgres, certificate) as port:
        configure(
            "learning_warehouse",
            conn_type="postgres",
            host=ELSEWHERE,
            port=port,
            extra={"sslrootcert": str(certificate)},
        )
        with pytest.raises(TransientFailure, match="does not match host name"):
            connect()


def test_a_warehouse_without_tls_is_refused_unless_it_is_named_so(configure: Configure) -> None:
    """Nothing falls back to clear text on its own."""

    class InClear(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(8, socket.MSG_WAITALL)
            self.request.sendall(b"N")

    with socketserver.TCPServer((ELSEWHERE, 0), InClear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        configure("learning_warehouse", conn_type="postgres", host=ELSEWHERE, port=port)
        with pytest.raises(TransientFailure, match="set the extra sslmode to disable"):
            connect()
        server.shutdown()
