"""What answers in place of an API and means ill: it never ends, is gigabytes, or is nested deep."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile import reading

if TYPE_CHECKING:
    from tests.hostile.bounded import Bounded

DEPTH = 1_000_000
PIECE = 1024 * 1024
TOKEN = "/oauth2/access_token"


class Endless(ThreadingHTTPServer):
    """Answers with a body in pieces, which may have no end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pieces: Any = None
        self.encoding: str | None = None
        self.also_the_token = False


class _Handler(BaseHTTPRequestHandler):
    server: Endless
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer for as long as somebody listens."""
        self.send_response(200)
        if self.server.encoding:
            self.send_header("Content-Encoding", self.server.encoding)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in self.server.pieces():
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        """Answer as to a GET; to who asks for a token, with one."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != TOKEN or self.server.also_the_token:
            self.do_GET()
            return
        body = b'{"access_token": "token"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endless]:
    """A server that both vendors' connections point to."""
    with Endless() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        fields = {"conn_type": "http", "host": server.url, "login": "client", "password": "secret"}
        monkeypatch.setenv("AIRFLOW_CONN_ECHO360", json.dumps(fields))
        extra = {"org_id": "9"}
        monkeypatch.setenv("AIRFLOW_CONN_VOCAREUM", json.dumps({**fields, "extra": extra}))
        yield server
        server.shutdown()


def ask(bounded: Bounded, what: str) -> tuple[str | None, str]:
    """Ask as the tasks do; what the failure is, and its sentence."""
    if what == "vocareum":
        outcome = bounded(reading.ask_vocareum)
    else:
        outcome = bounded(reading.ask_echo360, what)
    return outcome.raised, str(outcome.said)


def forever(piece: bytes) -> Any:
    def pieces() -> Iterator[bytes]:
        while True:
            yield piece

    return pieces


every_question = pytest.mark.parametrize("what", ["vocareum", "requests", "submit"])


@every_question
def test_an_answer_without_an_end(bounded: Bounded, api: Endless, what: str) -> None:
    api.pieces = forever(b" " * PIECE)
    raised, sentence = ask(bounded, what)
    assert raised == ("OutcomeUnknown" if what == "submit" else "Endless")
    assert "does not end within" in sentence
    assert "check the host of the connection" in sentence


@every_question
def test_gigabytes_that_are_sent_as_megabytes(bounded: Bounded, api: Endless, what: str) -> None:
    packed = gzip.compress(bytes(50 * PIECE))
    api.encoding, api.pieces = "gzip", forever(packed)
    raised, sentence = ask(bounded, what)
    assert raised == ("OutcomeUnknown" if what == "submit" else "Endless")
    assert "does not end within" in sentence


@every_question
def test_an_answer_byte_by_byte(bounded: Bounded, api: Endless, what: str) -> None:
    """Each comes within the time in which one must; all together never do."""
    waiting = threading.Event()

    def pieces() -> Iterator[bytes]:
        while not waiting.wait(0.05):
            yield b" "

    api.pieces = pieces
    outcome = bounded(reading.ask_who_drips, what)
    waiting.set()
    assert outcome.raised == ("OutcomeUnknown" if what == "submit" else "Endless")


def test_a_token_without_an_end(bounded: Bounded, api: Endless) -> None:
    api.also_the_token, api.pieces = True, forever(b" " * PIECE)
    raised, sentence = ask(bounded, "reports")
    assert raised == "Endless"
    assert TOKEN in sentence


NESTED = {
    "lists": b"[" * DEPTH + b"]" * DEPTH,
    "objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "hundreds of objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "empty lists": b"[" + b"[]," * 8_000_000 + b"[]]",
    "keys": b"{" + b",".join(b'"%07d":1' % n for n in range(2_000_000)) + b"}",
    "words": b"[" + b'"ab",' * 5_000_000 + b'""]',
}


@pytest.mark.parametrize("what", ["vocareum", "requests"])
@pytest.mark.parametrize("nested", NESTED)
def test_an_answer_that_is_nested_or_of_countless_parts(
    bounded: Bounded, api: Endless, what: str, nested: str
) -> None:
    api.pieces = lambda: iter([NESTED[nested]])
    raised, sentence = ask(bounded, what)
    assert raised in ("TransientFailure", "PermanentFailure", "OutcomeUnknown"), sentence
    assert ": " in sentence


def test_a_listing_that_always_has_another_page(bounded: Bounded, api: Endless) -> None:
    asked = iter(range(10**9))

    def pieces() -> Iterator[bytes]:
        page = {"requests": [], "has_more": True, "next": f"?page={next(asked)}"}
        yield json.dumps(page).encode()

    api.pieces = pieces
    outcome = bounded(reading.ask_for_pages)
    assert outcome.raised == "TransientFailure"
    assert "does not end" in outcome.said
