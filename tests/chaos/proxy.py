"""A TCP proxy before each server, in one process, that resets connections in mid-stream, or lets
what a server sends pass byte by byte.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from include.sandbox.server import die_with_parent

BLOCK = 8192
DRIP = 0.05
"""Seconds between two bytes."""
DRIPPING_BLOCKS = 2
RESET_AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing a socket then sends a RST."""


class Proxies:
    """One for each server.

    :param servers: the port of each on 127.0.0.1, by its name.
    """

    def __init__(self, servers: Mapping[str, int]) -> None:
        forked = multiprocessing.get_context("fork")
        self.due = {name: forked.Value("q", 0) for name in servers}
        self.resets = {name: forked.Value("q", 0) for name in servers}
        self.drips = {name: forked.Value("q", 0) for name in servers}
        self.dripped = {name: forked.Value("q", 0) for name in servers}
        listeners = {name: socket.create_server(("127.0.0.1", 0)) for name in servers}
        self.ports = {name: listener.getsockname()[1] for name, listener in listeners.items()}
        self._process = forked.Process(target=self._serve, args=(servers, listeners), daemon=True)
        self._process.start()
        for listener in listeners.values():
            listener.close()

    def stop(self) -> None:
        """End them."""
        self._process.kill()
        self._process.join()

    @contextmanager
    def resetting(self, name: str, after: int) -> Iterator[None]:
        """Reset the connection to a server that carries the byte ``after``, counted from now."""
        self.due[name].value = after
        try:
            yield
        finally:
            self.due[name].value = 0

    @contextmanager
    def dripping(self, name: str) -> Iterator[None]:
        """Let what a server sends next pass byte by byte, so many blocks of it."""
        self.drips[name].value = DRIPPING_BLOCKS
        try:
            yield
        finally:
            self.drips[name].value = 0

    def _serve(self, servers: Mapping[str, int], listeners: Mapping[str, socket.socket]) -> None:
        die_with_parent()

        async def serve() -> None:
            for name, listener in listeners.items():
                counts = (self.due, self.resets, self.drips, self.dripped)
                carry = _carrier(servers[name], *(of[name] for of in counts))
                await asyncio.start_server(carry, sock=listener, limit=BLOCK)
            await asyncio.Event().wait()

        asyncio.run(serve())


def _carrier(port: int, due: Any, resets: Any, drips: Any, dripped: Any) -> Any:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, server_writer)

        async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while block := await source.read(BLOCK):
                    if _is_due(due, resets, len(block)):
                        for end in ends:
                            end.get_extra_info("socket").setsockopt(
                                socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE
                            )
                            end.transport.abort()
                        return
                    if drips.value and target is writer:
                        dripped.value += 1
                        drips.value -= 1
                        for byte in block:
                            if target.transport.is_closing():
                                break
                            target.write(bytes((byte,)))
                            await asyncio.sleep(DRIP)
                        continue
                    target.write(block)
                    await target.drain()
            for end in ends:
                end.close()

        await asyncio.gather(forward(reader, server_writer), forward(server_reader, writer))

    return carry


def _is_due(due: Any, resets: Any, size: int) -> bool:
    with due.get_lock():
        if due.value <= 0:
            return False
        due.value = max(0, due.value - size)
        if due.value:
            return False
        resets.value += 1
        return True
