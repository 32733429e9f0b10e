"""Unpacking by what the bytes say, and what is said of damaged ones."""

from __future__ import annotations

import gzip
import io
import random

import pytest

from learning_warehouse.streams import BLOCK, PROBE, Damaged, Watched, decompressed, unpacked
from tests.edx.bucket import PACKERS, zst

PACKED = [end for end in PACKERS if end]


def content_of(stored: bytes, *, to_the_last: bool = False) -> bytes:
    stream = unpacked(io.BytesIO(stored), "a.gz", to_the_last=to_the_last)  # type: ignore[arg-type]
    return b"".join(iter(lambda: stream.read(BLOCK), b""))


@pytest.mark.parametrize("to_the_last", [False, True])
@pytest.mark.parametrize("end", PACKERS)
@pytest.mark.parametrize("content", [b"", b"x", b"line\n" * 200_000])
def test_what_was_packed_comes_out(end: str, content: bytes, to_the_last: bool) -> None:
    assert content_of(PACKERS[end](content), to_the_last=to_the_last) == content


@pytest.mark.parametrize("end", PACKED)
def test_several_packed_streams_in_a_row(end: str) -> None:
    assert content_of(PACKERS[end](b"one ") + PACKERS[end](b"two")) == b"one two"


def test_a_zst_that_begins_with_a_frame_to_be_skipped() -> None:
    assert content_of(b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zst(b"content")) == b"content"


@pytest.mark.parametrize(
    "content", [b"BZh is how this line begins\n", b"\0\0\0{}", b"(\xb5", b"\x1f"]
)
def test_what_only_looks_packed_is_plain(content: bytes) -> None:
    assert content_of(content) == content


@pytest.mark.parametrize("to_the_last", [False, True])
@pytest.mark.parametrize("behind", [b"garbage", b"g", b"\0\0\0x", b"\x1f", b"\0" * 600_000])
def test_bytes_behind_a_gzipped_file_are_ignored(
    caplog: pytest.LogCaptureFixture, behind: bytes, to_the_last: bool
) -> None:
    """As by ``gzip -dc``; zeros are no more than padding."""
    content = random.Random(1).randbytes(400_000)
    stored = gzip.compress(content[:100]) + b"\0" + gzip.compress(content[100:]) + behind
    assert content_of(stored, to_the_last=to_the_last) == content
    assert ("a.gz: bytes behind the end" in caplog.text) is bool(behind.strip(b"\0"))
    if not to_the_last:
        assert decompressed(io.BytesIO(stored), "a.gz").read() == content


@pytest.mark.parametrize("kept", [5, 12, -8, -1])
def test_a_second_gzipped_file_that_is_cut_off_is_told(kept: int) -> None:
    packed = gzip.compress(b"x" * 1000)
    with pytest.raises(EOFError, match="ends before its end mark"):
        decompressed(io.BytesIO(packed + packed[:kept]), "a.gz").read()


@pytest.mark.parametrize("end", PACKED)
def test_what_is_cut_off_or_changed_is_damaged(end: str) -> None:
    packed = PACKERS[end](bytes(range(256)) * 1000)
    middle = len(packed) // 2
    for damaged in (packed[:-3], packed[:middle] + b"damage!!" + packed[middle + 8 :]):
        with pytest.raises(Damaged):
            content_of(damaged)


def test_both_ends_of_what_passed_are_remembered() -> None:
    content = bytes(range(256)) * 100
    watched = Watched(io.BytesIO(content))
    assert watched.read(10) == content[:10]
    watched.drain()
    assert (watched.size, watched.head, watched.tail) == (
        len(content), content[:PROBE], content[-PROBE:],
    )  # fmt: skip
