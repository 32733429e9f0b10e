"""Tells what a file of edX's is: by its name or, where no name tells, by how it begins.

Knows names, and how tars, logs and their lines look; knows neither S3 nor what lies in a tar.
"""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING, Literal, cast

from learning_warehouse.edx.fields import json_fields
from learning_warehouse.edx.repair import Unreadable, mended_line, rescued
from learning_warehouse.streams import Damaged, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    Kind = Literal["log", "encrypted", "tar", "compressed tar", "junk"]

LOOKED_AT = 64 * 1024
"""Bytes of a file, and of what it holds once it is unpacked, that tell what it is."""

LARGEST_BZ2_BLOCK = 1024 * 1024
"""Bytes: a .bz2 gives nothing before the end of its first block."""

# As the data packages of the course-data bucket name them, and as edX's servers do:
#   prod-edx-001/2013-10-27-UniversityA.log.gz   prod-edge-001/2013-10-27_UniversityA.log
#   prod-edxapp-004/tracking.log-20140319-1395256622.gz   prod-edxapp-004/tracking.log.gz
#   2012-prod-edx-003/tracking_14602.log.gz   UniversityA-edx-events-2014-05-09.log.gz.gpg
_TRACKING_LOG = re.compile(
    r"(?:\d{4}-\d\d-\d\d[-_].+\.log|tracking\.log(?:-\d{8}(?:-\d+)?)?|tracking_\d+\.log"
    r"|.+-events-\d{4}-\d\d-\d\d\.log)"
    r"(?:\.(?:gz|bz2|xz|zst))?(?P<encrypted>\.gpg)?"
)
_COMPRESSED_TAR = re.compile(r"\.(?:tar\.(?:gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)\Z")

# What a copy is called until it is whole.
_UNFINISHED = (".part", ".partial", ".filepart", ".tmp")


def by_name(file: str) -> Kind | None:
    """What a file is by its name, without its folder; None if only its content can tell.

    Hidden files and unfinished copies are skipped, and what is encrypted and bears no name of
    a log.
    """
    if file.startswith("."):
        return "junk"
    if found := _TRACKING_LOG.fullmatch(file):
        return "encrypted" if found["encrypted"] else "log"
    if file.endswith((".gpg", *_UNFINISHED)):
        return "junk"
    if _COMPRESSED_TAR.search(file):
        return "compressed tar"
    return "tar" if file.endswith(".tar") else None


def by_content(read: Callable[[int], bytes]) -> Kind:
    """What a file is by how it begins: a tar has a header, a log an event.

    :param read: ``read(size)`` gives its first bytes, fewer only if it has no more.
    """
    head = read(LOOKED_AT)
    if _is_tar(head):
        return "tar"
    if head.startswith(b"BZh"):
        head = read(LARGEST_BZ2_BLOCK)
    content = _unpacked(head)
    if _is_tar(content):
        return "compressed tar"
    return "log" if any(map(_is_event, content.split(b"\n"))) else "junk"


def _is_tar(content: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(content[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError, OverflowError):
        return False
    return True


def _unpacked(head: bytes) -> bytes:
    """The first ``LOOKED_AT`` bytes that a file holds, as far as its first bytes have them."""
    content = b""
    try:
        packed = cast("io.RawIOBase", io.BytesIO(head))
        stream = unpacked(packed, "A file of unknown kind", to_the_last=True)
        while block := stream.read(LOOKED_AT - len(content)):
            content += block
    except Damaged:
        pass
    return content


def _is_event(line: bytes) -> bool:
    """Whether a line holds an event of a tracking log, once it is rescued.

    The JSON lines of a web server's log have a time as well, but no event type.
    """
    if b"event_type" not in line.replace(b"\0", b""):
        return False
    repairs: list[str] = []
    try:
        fields = json_fields(mended_line(rescued(line, repairs), repairs))
    except Unreadable:
        return False
    return "event_type" in fields and "time" in fields
