"""Streams of bytes on their way: what passes is remembered, and unpacked as it passes.

Knows compressions; knows neither what the bytes mean nor where they lie.
"""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import lzma
import re
import zlib
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from isal import igzip_lib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = logging.getLogger(__name__)

BLOCK = 256 * 1024

LARGEST_DICTIONARY = 128 * 1024 * 1024
"""Bytes of memory to unpack an .xz with; ``xz -9`` wants half of it."""

PROBE = 4096
"""Bytes at each end of a stream that are remembered."""

BEHIND = "%s: bytes behind the end of what is gzipped are ignored, as gzip does."

_GZ = b"\x1f\x8b"
_BZ2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_ZST = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")


class Damaged(Exception):
    """Compressed bytes cannot be unpacked to their end."""


class Watched(io.RawIOBase):
    """A stream that remembers of what passed: its size, its first bytes and its last."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0
        self.head = self.tail = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seen = self._stream.read(len(buffer))
        buffer[: len(seen)] = seen
        self.size += len(seen)
        self.head += seen[: PROBE - len(self.head)]
        self.tail = seen[-PROBE:] if len(seen) >= PROBE else (self.tail + seen)[-PROBE:]
        return len(seen)

    def drain(self) -> None:
        """Let pass what has not passed yet."""
        while self.read(BLOCK):
            pass


class Unpacked:
    """What a stream holds once it is unpacked; it cannot be sought in."""

    def __init__(self, read: Callable[[int], bytes], faults: tuple[type[Exception], ...]) -> None:
        self._read = read
        self._faults = faults

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end.

        :raises Damaged: they cannot be unpacked.
        """
        try:
            return self._read(size)
        except self._faults as fault:
            raise Damaged(str(fault)) from None


def unpacked(stream: io.RawIOBase, name: str, *, to_the_last: bool = False) -> Unpacked:
    """``stream``, unpacked if its first bytes say that it is a .gz, .bz2, .xz or .zst.

    Its name does not count: it may be wrong, or missing.

    :param name: what the log calls it.
    :param to_the_last: of damaged bytes give all that lies before the damage, in smaller pieces.
    """
    buffered = io.BufferedReader(stream, BLOCK)
    opened, *faults = _open(cast(BinaryIO, buffered), buffered.peek(16), name, to_the_last)
    return Unpacked(opened.read1 if to_the_last else opened.read, (EOFError, *faults))


def _open(
    packed: Any, head: bytes, name: str, to_the_last: bool
) -> tuple[Any, *tuple[type[Exception], ...]]:
    """A file that unpacks, and what it raises when it cannot."""
    if head.startswith(_GZ):
        if to_the_last:
            # The quicker one gives nothing of a piece at whose end the damage is.
            return _SlowGz(packed, name), gzip.BadGzipFile, zlib.error
        return _buffered(_Gz(packed, name)), igzip_lib.error
    if _BZ2.match(head):
        return bz2.BZ2File(packed), OSError
    if head.startswith(b"\xfd7zXZ\0"):
        # LZMAFile knows no bound of its memory.
        begin = partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, memlimit=LARGEST_DICTIONARY)
        return _buffered(_Members(packed, begin)), lzma.LZMAError
    if _ZST.match(head):
        from backports import zstd

        return zstd.ZstdFile(packed), zstd.ZstdError
    return (packed,)


class _Members(io.RawIOBase):
    """What a packed file holds, which may be several in a row, with zeros between them."""

    def __init__(self, packed: BinaryIO, begin: Callable[[], Any]) -> None:
        """:param begin: makes what unpacks one of them."""
        self._packed = packed
        self._begin = begin
        self._decompressor = begin()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = b""
        while not content:
            block = b""
            if self._decompressor.eof:
                block = self._following()
                if not block:
                    return 0
                self._decompressor = self._begin()
            elif self._decompressor.needs_input:
                block = self._packed.read(BLOCK)
                if not block:
                    raise EOFError("it ends before its end mark")
            content = self._decompressor.decompress(block, len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _following(self) -> bytes:
        """The first bytes behind the zeros that may follow one of them."""
        block: bytes = self._decompressor.unused_data.lstrip(b"\0")
        while len(block) < len(_GZ) and (read := self._packed.read(BLOCK)):
            block = (block + read).lstrip(b"\0")
        return block


class _Gz(_Members):
    """IGzipFile takes bytes behind the end for a file that is cut off."""

    def __init__(self, packed: BinaryIO, name: str) -> None:
        super().__init__(packed, partial(igzip_lib.IgzipDecompressor, flag=igzip_lib.DECOMP_GZIP))
        self._name = name

    def _following(self) -> bytes:
        block = super()._following()
        if block and not block.startswith(_GZ):
            log.warning(BEHIND, self._name)
            return b""
        return block


class _SlowGz(gzip.GzipFile):
    """Gives all that lies before the damage."""

    def __init__(self, packed: Any, name: str) -> None:
        super().__init__(fileobj=packed)
        self._called = name

    def read1(self, size: int = -1) -> bytes:
        try:
            return super().read1(size)
        except gzip.BadGzipFile as fault:
            if str(fault).startswith("Not a gzipped file"):  # Its first member was one.
                log.warning(BEHIND, self._called)
                return b""
            raise


def decompressed(stream: BinaryIO, name: str) -> BinaryIO:
    """``stream``, gunzipped where its first bytes say that it is gzipped, whatever its name.

    :param name: what the log calls it.
    """
    buffered = stream if isinstance(stream, io.BufferedReader) else _buffered(stream)
    if buffered.peek(2).startswith(_GZ):
        return cast(BinaryIO, _buffered(_Gz(buffered, name)))
    return cast(BinaryIO, buffered)


def _buffered(stream: Any) -> io.BufferedReader:
    return io.BufferedReader(stream, BLOCK)


def as_file(blocks: Iterator[bytes]) -> io.BufferedReader:
    """A file of blocks, none of them empty."""
    return _buffered(_BlockReader(blocks))


class _BlockReader(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = next(self._blocks, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
