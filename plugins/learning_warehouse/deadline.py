"""A time by which an exchange over a network must be over, whatever the other side sends.

A time-out is one of silence: who sends a byte now and then, in its headers as well, never meets it.

Knows sockets; knows no protocol.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType


class Deadline:
    """Breaks off the connections that it watches when the time is over.

    :param seconds: the time from now; ``until`` may be moved on later.
    """

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.passed = False
        self._over = threading.Event()
        self._sockets: list[socket.socket] = []
        self._keeper = threading.Thread(target=self._keep, name="deadline", daemon=True)
        self._keeper.start()

    def watch(self, connected: socket.socket) -> socket.socket:
        """:returns: the same socket; TLS may take it over."""
        # A socket of our own on the same connection: TLS empties the one that it is given.
        self._sockets.append(connected.dup())
        if self.passed:
            self._break_off()
        return connected

    def _keep(self) -> None:
        while (left := self.until - time.monotonic()) > 0:
            if self._over.wait(left):
                return
        self.passed = True
        self._break_off()

    def _break_off(self) -> None:
        for connected in self._sockets:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Watch no longer."""
        self._over.set()
        self._keeper.join()
        for connected in self._sockets:
            connected.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
