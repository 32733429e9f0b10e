"""Goes through the tracking logs of a tar; of a plain one only the headers are read.

tarfile does the parsing (ustar, GNU and PAX long names, sizes beyond 8 GiB). A plain tar is walked
where it lies, by range reads: tarfile seeks from header to header, and but for a few bytes of each
body the bodies in between are never read. A compressed tar is read once, from its first byte to its
last. Behind an end mark another tar may begin, as ``cat`` joins them. What tarfile takes for the
end of a tar, and is none, is an error here; so are headers that would have it read for ever, go
backwards, or keep more than a header can mean.

Knows tars; what their members are, ``telling`` knows. Knows neither S3 nor the ledger.
"""

from __future__ import annotations

import hashlib
import logging
import posixpath
import re
import tarfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from learning_warehouse.edx.telling import by_content, by_name
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.streams import BLOCK, PROBE, Damaged, Watched, unpacked

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from learning_warehouse.edx.telling import Kind

    Fetch = Callable[[int, int], bytes]

log = logging.getLogger(__name__)

SMALLEST_READ = 16 * 1024
LARGEST_READ = 1024 * 1024
SMALL_GAP = 256 * 1024

LARGEST_HEADER = 64 * 1024
"""Bytes of a header's own body: a long name, a list of PAX records."""

MOST_HEADERS = 8
"""How many headers one member may have."""

MOST_GLOBALS = 100

MOST_ZEROS = 16 * 1024 * 2
"""Blocks behind an end mark: more of them are the end, whatever comes then."""

MOST_UNTAKEN = 1000
LARGEST_MEMBER = 2**37
LONGEST_NAME = 1000
"""Bytes; S3 has no longer keys, and the ledger's index no room for much more."""


@dataclass(frozen=True)
class Member:
    """A tracking log in a tar, or what may be one.

    :param name: its server (the directory) and file: ``prod-edx-001/2013-10-27-UniversityA.log``.
    :param offset: where in the tar its bytes begin.
    :param size: its bytes.
    :param version: tells it from another file of that name: size, mtime and a probe of its bytes.
    :param is_told: its name tells that it is a log; if not, its content has to tell what it is.
    """

    name: str
    offset: int
    size: int
    version: str
    is_told: bool


@dataclass(frozen=True)
class Passing:
    """A tracking log in a compressed tar, as it passes.

    :param offset: where in the unpacked tar its bytes begin.
    :param body: its bytes, which can be read until the next one passes.
    """

    name: str
    offset: int
    size: int
    mtime: int
    body: Watched

    def version(self) -> str:
        """The version that it has in a plain tar as well; its body has to have been read."""
        return version_of(self.size, self.mtime, self.body.head, self.body.tail)


@dataclass
class Walk:
    """What a walk has seen of a tar so far.

    :param readable: whether there is a key that opens encrypted logs.
    :param junk: members that are no tracking logs, directories too.
    :param encrypted: tracking logs that are skipped, because they are encrypted.
    :param untaken: of each log that cannot be taken, why.
    """

    uri: str
    size: int
    readable: bool = False
    members: int = 0
    junk: int = 0
    encrypted: int = 0
    untaken: list[str] = field(default_factory=list)

    def count(self, kind: Kind) -> bool:
        """Count a member of that kind; whether it is a log that can be read."""
        if kind == "encrypted" and not self.readable:
            self.encrypted += 1
        elif kind in ("log", "encrypted"):
            self.members += 1
            return True
        else:
            self.junk += 1
        return False


def walk(seen: Walk, fetch: Fetch) -> Iterator[Member]:
    """The tracking logs of a plain tar, in its order, and what may be some.

    :param seen: which tar; its counts are kept up, but for what is not told by its name.
    :param fetch: ``fetch(offset, size)`` gives so many bytes of the tar, fewer only at its end.
    :raises PermanentFailure: a header is damaged, or the tar is cut off; the members before it
        have been given.
    """
    window = Window(fetch, seen.size)
    offset = 0
    try:
        tar: Any = _Tar.open(fileobj=cast(BinaryIO, window), mode="r:", ignore_zeros=True)
        while info := tar.next():
            offset = info.offset
            name = _plain(info.name)
            if info.size < 0 or info.offset_data + info.size > seen.size:
                raise tarfile.ReadError(f"{name} ends beyond the end of the tar")
            kind = _by_header(name, info)
            if (kind == "junk" or _can_be_taken(name, info, seen)) and (
                kind is None or seen.count(kind)
            ):
                yield _member(name, info, window, is_told=kind is not None)
            offset = tar.offset
            tar.members.clear()
        if not window.at(offset, tarfile.BLOCKSIZE):
            log.warning("%s has no end mark: it may have been cut off after a member", seen.uri)
    except (tarfile.TarError, ValueError, OverflowError) as fault:
        raise PermanentFailure(
            f"{seen.uri} cannot be read from byte {offset} on ({fault}). The members before that "
            "are taken; ask edX to deliver the tar again."
        ) from None


def pass_through(seen: Walk, stream: io.RawIOBase) -> Iterator[Passing]:
    """The tracking logs of a compressed tar, in its order; what is not read of one is skipped.

    :param seen: which tar; its counts are kept up.
    :param stream: its bytes.
    :raises PermanentFailure: the tar or a log in it is damaged, or the tar is cut off; the members
        before it have been given.
    """
    content = unpacked(stream, seen.uri, to_the_last=True)
    place = 0
    try:
        packed = cast(BinaryIO, content)
        tar: Any = _Tar.open(fileobj=packed, mode="r|", bufsize=BLOCK, ignore_zeros=True)
        while info := tar.next():
            place = info.offset
            name = _plain(info.name)
            if not 0 <= info.size <= LARGEST_MEMBER:
                raise tarfile.ReadError(f"{name} claims a size that no log has")
            kind = _by_header(name, info)
            body = _Body(tar, info, seen)
            if (kind == "junk" or _can_be_taken(name, info, seen)) and seen.count(
                kind or by_content(body.peek)
            ):
                watched = Watched(cast(BinaryIO, body))
                yield Passing(name, info.offset_data, info.size, int(info.mtime), watched)
            place = tar.offset
            tar.members.clear()
        while content.read(BLOCK):
            pass
    except (Damaged, tarfile.TarError, ValueError, OverflowError) as fault:
        raise _cut_off(seen, place, fault) from None


def version_of(size: int, mtime: float, head: bytes, tail: bytes) -> str:
    """The version of a member; see :func:`probe`."""
    return f"{size}-{int(mtime)}-{probe(head, tail)}"


def probe(head: bytes, tail: bytes) -> str:
    """What tells a file from another of its name and size.

    Its last bytes are not enough: a .gz may be several that were joined, and ends in the CRC-32 and
    the length of the last of them. When a .gz was packed is left out.

    :param head: its first ``PROBE`` bytes.
    :param tail: its last ``PROBE`` bytes.
    """
    if head.startswith(b"\x1f\x8b"):
        head = head[:4] + head[8:]
        if len(tail) < PROBE:
            tail = head
    return hashlib.sha256(head + tail).hexdigest()[:16]


def _member(name: str, info: tarfile.TarInfo, window: Window, *, is_told: bool) -> Member:
    ends = min(info.size, PROBE)
    head = window.at(info.offset_data, ends)
    tail = window.at(info.offset_data + info.size - ends, ends)
    version = version_of(info.size, info.mtime, head, tail)
    return Member(name, info.offset_data, info.size, version, is_told)


def _by_header(name: str, info: tarfile.TarInfo) -> Kind | None:
    """What a member is by its header; None if only its content can tell."""
    if not info.isreg():
        return "junk"
    kind = by_name(posixpath.basename(name))
    if kind in ("log", "encrypted") or (kind is None and info.size):
        return kind
    return "junk"


def _can_be_taken(name: str, info: tarfile.TarInfo, seen: Walk) -> bool:
    """Whether a log can be read and named; ``seen`` keeps why not."""
    if info.issparse():
        why = "is a sparse file"
    elif len(name.encode()) > LONGEST_NAME:
        why = f"has a name of {len(name)} characters"
    else:
        return True
    sentence = f"{name[:100]}{'...' if len(name) > 100 else ''} {why}"
    log.warning("%s: %s, and is skipped", seen.uri, sentence)
    seen.untaken.append(sentence)
    if len(seen.untaken) > MOST_UNTAKEN:
        raise tarfile.ReadError(f"more than {MOST_UNTAKEN} logs that cannot be taken")
    return False


def _plain(name: str) -> str:
    """A member's path without ``./``, in characters that text can hold and a line of a log."""
    decoded = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return UNPRINTABLE.sub("\ufffd", posixpath.normpath(decoded).lstrip("/"))


def _cut_off(seen: Walk, place: int, fault: Exception) -> PermanentFailure:
    return PermanentFailure(
        f"{seen.uri} cannot be unpacked to its end: from byte {place} of its content on it is "
        f"damaged or cut off ({fault}). The members before that are taken; ask edX to deliver the "
        "tar again."
    )


_WITH_A_HEADER_FOR_BODY = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that end a line of a log, or steer a terminal."""

_PAX_RECORD = re.compile(rb"(\d{1,6}) ([^=\n]+)=")


class _Header(tarfile.TarInfo):
    """A header: what is wrong with it is said at once, and it takes no more than its own bytes."""

    sparse: Any

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Any:
        if 0 < len(buf) < tarfile.BLOCKSIZE and not any(buf):
            raise cast(Any, tarfile).EmptyHeaderError("the last zeros fill no block")
        known: Any = super()
        return known.frombuf(buf, encoding, errors)

    @classmethod
    def fromtarfile(cls, tar: Any) -> _Header:
        errors: Any = tarfile
        try:
            return super().fromtarfile(tar)
        except errors.EmptyHeaderError:
            raise
        except errors.EOFHeaderError:
            tar.zeros += 1
            if tar.zeros > MOST_ZEROS:
                raise errors.EmptyHeaderError("nothing but zeros") from None
            raise
        except tarfile.HeaderError as fault:
            raise tarfile.ReadError(str(fault)) from None

    def _proc_member(self, tar: Any) -> Any:
        known: Any = super()
        tar.zeros = 0
        if self.type not in _WITH_A_HEADER_FOR_BODY:
            tar.headers_in_a_row = 0
            return known._proc_member(tar)
        tar.headers_in_a_row += 1
        if tar.headers_in_a_row > MOST_HEADERS:
            raise tarfile.ReadError(f"more than {MOST_HEADERS} headers in a row")
        if not 0 <= self.size <= LARGEST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return known._proc_member(tar)

    def _proc_pax(self, tar: Any) -> Any:
        """Apply PAX records to the member that follows, or to all that do.

        tarfile's own reading of them may take minutes for some kilobytes, as Python 3.11.7 has it.
        """
        known: Any = self
        headers = tar.pax_headers if self.type == tarfile.XGLTYPE else dict(tar.pax_headers)
        headers.update(_pax_records(tar.fileobj.read(known._block(self.size))))
        if len(tar.pax_headers) > MOST_GLOBALS:
            raise tarfile.ReadError(f"more than {MOST_GLOBALS} global headers")
        try:
            member: Any = self.fromtarfile(tar)
        except tarfile.HeaderError as fault:
            raise tarfile.ReadError(str(fault)) from None
        if self.type != tarfile.XGLTYPE:
            member._apply_pax_info(headers, tar.encoding, tar.errors)
            if "size" in headers and (member.isreg() or member.type not in tarfile.SUPPORTED_TYPES):
                tar.offset = member.offset_data + member._block(member.size)
            member.offset = self.offset
        if any(keyword.startswith(_SPARSE) for keyword in headers):
            member.sparse = []
        return member

    def _proc_sparse(self, tar: Any) -> Any:
        """Pass over the map of a sparse file; such a log is not read."""
        known: Any = self
        _, is_extended, _ = known._sparse_structs
        while is_extended:
            block = tar.fileobj.read(tarfile.BLOCKSIZE)
            if len(block) < tarfile.BLOCKSIZE:
                raise tarfile.ReadError("unexpected end of data")
            is_extended = block[504] != 0
        self.sparse = []
        return known._proc_builtin(tar)


_SPARSE = "GNU.sparse."
_ABOUT_THE_FILE_IN_FULL = (f"{_SPARSE}size", f"{_SPARSE}realsize")


def _pax_records(body: bytes) -> dict[str, str]:
    """The records ``LENGTH KEYWORD=VALUE`` of a PAX header, as far as they are some."""
    records = {}
    place = 0
    while found := _PAX_RECORD.match(body, place):
        end = place + int(found[1])
        if end <= found.end():
            raise tarfile.ReadError("a PAX header whose records have no length")
        keyword = found[2].decode("utf-8", "surrogateescape")
        if keyword not in _ABOUT_THE_FILE_IN_FULL:
            records[keyword] = body[found.end() : end - 1].decode("utf-8", "surrogateescape")
        place = end
    return records


class _Tar(tarfile.TarFile):
    """A tar of such headers."""

    tarinfo = _Header
    headers_in_a_row = 0
    zeros = 0


class _Body:
    """The bytes of a log in a compressed tar, with a sentence for what may be wrong with them."""

    def __init__(self, tar: Any, info: tarfile.TarInfo, seen: Walk) -> None:
        self._tar = tar
        self._info = info
        self._seen = seen
        self._before = seen.members
        self._peeked = b""

    @cached_property
    def _stored(self) -> Any:
        return self._tar.extractfile(self._info)

    def peek(self, size: int) -> bytes:
        """Its first bytes, which are read again."""
        self._peeked = self.read(size)
        return self._peeked

    def read(self, size: int) -> bytes:
        peeked, self._peeked = self._peeked[:size], self._peeked[size:]
        try:
            content: bytes = peeked + self._stored.read(size - len(peeked))
        except (Damaged, tarfile.TarError) as fault:
            self._seen.members = self._before
            raise _cut_off(self._seen, self._info.offset, fault) from None
        return content


class Window:
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
