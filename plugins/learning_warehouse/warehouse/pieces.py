"""A file of delimited text after its header, in pieces that end after a record.

Knows bytes, quotes and line ends; knows no table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from learning_warehouse.warehouse.delimited import LONGEST_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PIECE = 1024 * 1024
"""Bytes of a file that are looked at together."""

MOST_LINES_BACK = 8
"""How many line ends are tried that a quote may enclose."""


class Refused(Exception):
    """The bytes are not to be taken as they are."""


@dataclass
class Place:
    """How far a file is read: its records so far, and the line at which the next one begins."""

    records: int = 0
    line: int = 2


class Pieces:
    """The pieces of a file, one after the other.

    Where the quotes do not say where a record ends, a piece ends after any line.

    :param blocks: the bytes of the file, from its header on.
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = _without_header(blocks)
        self._held = bytearray()
        self._again: list[bytes] = []
        self._is_read = False

    @property
    def is_over(self) -> bool:
        """Whether none is left."""
        return self._is_read and not self._again

    def take(self) -> bytes:
        """The next piece; nothing where there is none.

        :raises Refused: it has no line end.
        """
        if self._again:
            return self._again.pop(0)
        for block in self._blocks:
            self._held += block
            if len(self._held) < PIECE:
                continue
            if end := _end_of_records(self._held):
                piece = bytes(memoryview(self._held)[:end])
                del self._held[:end]
                return piece
            if len(self._held) > PIECE + LONGEST_RECORD:
                raise Refused("no record of it ends")
        self._is_read = True
        piece = bytes(self._held)
        self._held.clear()
        return piece

    def put_back(self, pieces: Sequence[bytes]) -> None:
        """Let these come again, before all others."""
        self._again[:0] = pieces


def lines_in(records: bytes, end: int | None = None) -> int:
    """How many line ends there are in its first bytes, as the csv module counts them."""
    line_feeds = records.count(b"\n", 0, end)
    if b"\r" not in records:
        return line_feeds
    return line_feeds + records.count(b"\r", 0, end) - records.count(b"\r\n", 0, end)


def _without_header(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = next(blocks)
    end = re.search(rb"\r\n|\n|\r", head)
    if end:
        yield head[end.end() :]
    yield from blocks


def _end_of_records(held: bytearray) -> int:
    """Where the last whole record ends; of one quote too many, where the last line does."""
    last = end = held.rfind(b"\n") + 1
    for _ in range(MOST_LINES_BACK):
        if held.count(b'"', 0, end) % 2 == 0:
            return end or (last if len(held) > 2 * PIECE else 0)
        end = held.rfind(b"\n", 0, held.rfind(b'"', 0, end)) + 1
    return last
