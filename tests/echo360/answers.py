"""An Echo360 that answers what a test lays there."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


def configure(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    fields = {"conn_type": "http", "login": "echo360-client", "password": "echo360-secret"}
    monkeypatch.setenv("AIRFLOW_CONN_ECHO360", json.dumps({**fields, **changes}))


class Answers(ThreadingHTTPServer):
    """A server that answers each path with what a test lays there, and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: dict[str, Any] = {"/oauth2/access_token": {"access_token": "token"}}
        self.leads_on: dict[str, str] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.breaks_off = self.drips = self.drips_body = self.long_redirect = False
        self.redirect_sent = 0
        self.is_over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_GET(self) -> None:
        """Answer with the path's body, or 404, or with where it leads on to."""
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.server.drips:
            self._drip(b"HTTP/1.1 200 OK\r\n")
            return
        if self.server.drips_body:
            self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            return
        if self.path in self.server.leads_on:
            self.send_response(302)
            self.send_header("Location", self.server.leads_on[self.path])
            self.end_headers()
            self._tell_a_long_story()
            return
        body = self.server.bodies.get(self.path)
        content = json.dumps(body if body is not None else {"message": "Not found"}).encode()
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        """Answer as to a GET."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.breaks_off:
            socket.socket(fileno=os.dup(self.connection.fileno())).sendall(b"no TLS record" * 9)
            return
        self.do_GET()

    def _drip(self, begins: bytes) -> None:
        """A byte now and then, for as long as somebody listens."""
        with suppress(OSError):
            self.wfile.write(begins)
            while not self.server.is_over.wait(0.05):
                self.wfile.write(b"a")

    def _tell_a_long_story(self) -> None:
        """The body of a redirect, of two gigabytes."""
        with suppress(OSError):
            for _ in range(2000 * self.server.long_redirect):
                self.wfile.write(bytes(1_000_000))
                self.server.redirect_sent += 1_000_000

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test's output clean."""
