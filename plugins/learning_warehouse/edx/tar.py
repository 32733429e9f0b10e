"""Walks a plain tar where it lies: its headers and a few bytes of each body, by range reads.

tarfile does the parsing (ustar, GNU and PAX long names, sizes beyond 8 GiB); it seeks from header
to header, so that the bodies in between are never read. What tarfile takes for the end of a tar,
and is none, is an error here.

Knows tars and the names of tracking logs; knows neither S3 nor the ledger.
"""

from __future__ import annotations

import hashlib
import logging
import posixpath
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fetch = Callable[[int, int], bytes]

log = logging.getLogger(__name__)

PROBE = 4096
"""Bytes at each end of a member by which it is known again."""

SMALLEST_READ = 16 * 1024
LARGEST_READ = 1024 * 1024
SMALL_GAP = 256 * 1024

# As the data packages of the course-data bucket name them, and as edX's servers do:
#   prod-edx-001/2013-10-27-UniversityA.log.gz   prod-edge-001/2013-10-27_UniversityA.log
#   prod-edxapp-004/tracking.log-20140319-1395256622.gz   prod-edxapp-004/tracking.log.gz
#   2012-prod-edx-003/tracking_14602.log.gz
_TRACKING_LOG = re.compile(
    r"(?:\d{4}-\d\d-\d\d[-_].+\.log|tracking\.log(?:-\d{8}(?:-\d+)?)?|tracking_\d+\.log)"
    r"(?:\.gz)?(?P<encrypted>\.gpg)?"
)


@dataclass(frozen=True)
class Member:
    """A tracking log in a tar.

    :param name: its server (the directory) and file: ``prod-edx-001/2013-10-27-UniversityA.log``.
    :param offset: where in the tar its bytes begin.
    :param size: its bytes.
    :param version: tells it from another file of that name: size, mtime and a probe of its bytes.
    """

    name: str
    offset: int
    size: int
    version: str


@dataclass
class Walk:
    """What a walk has seen of a tar so far.

    :param junk: members that are no tracking logs, directories too.
    :param encrypted: tracking logs that are encrypted.
    """

    uri: str
    size: int
    members: int = 0
    junk: int = 0
    encrypted: int = 0


def walk(seen: Walk, fetch: Fetch) -> Iterator[Member]:
    """The tracking logs of a plain tar, in its order.

    :param seen: which tar; its counts are kept up.
    :param fetch: ``fetch(offset, size)`` gives so many bytes of the tar, fewer only at its end.
    :raises PermanentFailure: a header is damaged, a log is sparse, or the tar is cut off; the
        members before it have been given.
    """
    window = _Window(fetch, seen.size)
    offset = 0
    try:
        tar = tarfile.open(fileobj=window, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115
        while info := tar.next():
            offset = info.offset
            name = _plain(info.name)
            kind = _kind_of(name) if info.isreg() else "junk"
            if info.offset_data + info.size > seen.size:
                raise tarfile.ReadError(f"{name} ends beyond the end of the tar")
            if kind == "junk":
                seen.junk += 1
            elif kind == "encrypted":
                seen.encrypted += 1
            elif info.issparse():
                raise tarfile.ReadError(f"{name} is a sparse file")
            else:
                seen.members += 1
                yield _member(name, info, window)
            offset = tar.offset
            tar.members.clear()
        beyond = window.at(offset, tarfile.BLOCKSIZE)
        if any(beyond):
            raise tarfile.ReadError("no valid header")
        if not beyond:
            log.warning("%s has no end mark: it may have been cut off after a member", seen.uri)
    except (tarfile.TarError, ValueError) as fault:
        raise PermanentFailure(
            f"{seen.uri} cannot be read on from byte {offset} ({fault}); the members before it are "
            "taken: ask edX to deliver the tar again."
        ) from None


def probe(name: str, head: bytes, tail: bytes) -> str:
    """What tells a file from another of its name and size.

    :param head: its first ``PROBE`` bytes.
    :param tail: its last ``PROBE`` bytes; a .gz ends in the CRC-32 and the length of its content.
    """
    if name.endswith(".gz"):
        return tail[-8:].hex()
    return hashlib.sha256(head + tail).hexdigest()[:16]


def _member(name: str, info: tarfile.TarInfo, window: _Window) -> Member:
    ends = min(info.size, PROBE)
    head = b"" if name.endswith(".gz") else window.at(info.offset_data, ends)
    tail = window.at(info.offset_data + info.size - ends, ends)
    version = f"{info.size}-{int(info.mtime)}-{probe(name, head, tail)}"
    return Member(name, info.offset_data, info.size, version)


def _plain(name: str) -> str:
    """A member's path without ``./``, in characters that text can hold."""
    decoded = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return posixpath.normpath(decoded).lstrip("/")


def _kind_of(name: str) -> Literal["log", "encrypted", "junk"]:
    found = _TRACKING_LOG.fullmatch(posixpath.basename(name))
    if not found:
        return "junk"
    return "encrypted" if found["encrypted"] else "log"


class _Window:
    """A tar as a file, of which one stretch at a time is fetched.

    Where the next read lies close behind, the members are small, and the stretches grow: one then
    holds many headers. Where it lies far behind, a small stretch does: from the end of one body
    over the next header to the first bytes of the next body.
    """

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._position = 0
        self._start = 0
        self._stretch = b""
        self._ahead = SMALLEST_READ

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        self._position = position
        return position

    def read(self, size: int) -> bytes:
        found = self.at(self._position, size)
        self._position += len(found)
        return found

    def at(self, position: int, size: int) -> bytes:
        """So many bytes from ``position``, fewer only at the end of the tar."""
        if size > LARGEST_READ:
            raise tarfile.ReadError(f"a header of {size} bytes")
        size = min(size, self._size - position)
        if size <= 0:
            return b""
        end = self._start + len(self._stretch)
        if not self._start <= position <= position + size <= end:
            near = self._start <= position <= end + SMALL_GAP
            self._ahead = min(2 * self._ahead, LARGEST_READ) if near else SMALLEST_READ
            wanted = min(max(self._ahead, size), self._size - position)
            self._stretch = self._fetch(position, wanted)
            self._start = position
        return self._stretch[position - self._start :][:size]
