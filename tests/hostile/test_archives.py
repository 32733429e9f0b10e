"""Packed logs and tars that claim, or unpack to, more than anybody has."""

from __future__ import annotations

import gzip
import lzma
import struct
import tarfile
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.edx.bucket import PACKERS
from tests.edx.loading import line
from tests.hostile import reading

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection
    from tests.hostile.bounded import Bounded

BOMB = 640_000_000
"""Bytes, more than a worker may have."""

LOG = "prod-edx-001/tracking.log"
DAMAGED = "PermanentFailure"


@pytest.fixture
def warehouse_url(postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str) -> str:
    return postgres.url(warehouse_name)


# --- what unpacks to more than there is room for --------------------------------------------------


@pytest.mark.parametrize("to_the_last", [False, True])
@pytest.mark.parametrize("end", [end for end in PACKERS if end])
def test_a_bomb_is_unpacked_piece_by_piece(bounded: Bounded, end: str, to_the_last: bool) -> None:
    bomb = PACKERS[end](bytes(BOMB // 20)) * 20
    assert bounded(reading.unpack, bomb, to_the_last).said == BOMB


def test_an_xz_that_wants_four_gigabytes_for_its_dictionary(bounded: Bounded) -> None:
    packed = lzma.compress(b"line\n" * 1000)
    size = 4 * (packed[12] + 1)
    header = bytearray(packed[12 : 12 + size - 4])
    header[header.index(b"\x21\x01") + 2] = 40
    greedy = packed[:12] + header + struct.pack("<I", zlib.crc32(header)) + packed[12 + size :]
    outcome = bounded(reading.unpack, greedy, False)
    assert (outcome.raised, outcome.said) == ("Damaged", "Memory usage limit exceeded")


@pytest.mark.parametrize("content", [b"a", b"{", b"\\", b"\0", b'{"event": "\\"'])
def test_a_log_of_one_endless_line(bounded: Bounded, warehouse_url: str, content: bytes) -> None:
    size = BOMB // 2
    bomb = b"".join(
        gzip.compress(part)
        for part in (line() + b"\n", *[content * (size // len(content) // 20)] * 20)
    )
    counts, rejects = bounded(reading.load_log, warehouse_url, bomb).said
    assert counts == (2, 1, 0, 1)
    assert "longer than" in rejects[0][1]


def test_a_log_of_nothing_but_tiny_lines(bounded: Bounded, warehouse_url: str) -> None:
    lines = 1_700_000
    content = b"ab\n{}\n" * (lines // 2)
    counts, _ = bounded(reading.load_log, warehouse_url, gzip.compress(content)).said
    assert counts == (lines, 0, 0, lines)


# --- tars that lie --------------------------------------------------------------------------------


def header(name: str = LOG, *, size: bytes = b"", kind: bytes = b"0", magic: bytes = b"") -> bytes:
    """A header with any size in its field of 12 bytes."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = size.ljust(12, b"\0") if size else block[124:136]
    block[257:265] = magic or block[257:265]
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def with_body(kind: bytes, body: bytes, name: str = "x") -> bytes:
    """A header of a header, with its body."""
    return header(name, size=b"%011o" % len(body), kind=kind) + padded(body)


def padded(body: bytes) -> bytes:
    return body + bytes(-len(body) % 512)


def base_256(number: int) -> bytes:
    return (b"\x80" if number >= 0 else b"\xff") + (number % 2**88).to_bytes(11, "big")


def record(keyword: bytes, value: bytes) -> bytes:
    body = b" %b=%b\n" % (keyword, value)
    length = len(body)
    while length != len(body) + len(b"%d" % length):
        length = len(body) + len(b"%d" % length)
    return b"%d" % length + body


FIRST = header("prod-edx-000/tracking.log", size=b"00000000005") + padded(b"first")
LAST = header("prod-edx-999/tracking.log", size=b"00000000004") + padded(b"last")
END = bytes(1024)
PETABYTE = 10**15

LIES = {
    "a petabyte": header(size=base_256(PETABYTE)),
    "a petabyte of junk": header("junk", size=base_256(PETABYTE)),
    "an exabyte of something unknown": header("junk", size=base_256(2**60), kind=b"Z"),
    "nearly all there can be": header("junk", size=base_256(2**87)),
    "minus one header": header(size=base_256(-512)),
    "minus one header of junk": header("junk", size=base_256(-512)),
    "minus all there can be": header("junk", size=base_256(-(2**87))),
    "a size that is no number": header(size=b"99999999999"),
    "a size of blanks and letters": header(size=b"  7zz"),
    "a petabyte by PAX": with_body(b"x", record(b"size", b"%d" % PETABYTE)) + header("junk"),
    "minus one header by PAX": with_body(b"x", record(b"size", b"-512")) + header("junk"),
    "a size of 4000 digits": with_body(b"x", record(b"size", b"9" * 4000)) + header("junk"),
    "a long name of minus one header": header("x", size=base_256(-512), kind=b"L") + header(),
    "long names in a row": with_body(b"L", b"name\0") * 2000 + header(),
    "long names without any": header("x", kind=b"L") * 2000 + header(),
    "PAX headers in a row": with_body(b"x", record(b"a", b"b")) * 2000 + header(),
    "global headers in a row": with_body(b"g", record(b"a", b"b")) * 2000 + header(),
    "a header of a megabyte": with_body(b"x", record(b"a", b"b" * 1_000_000)) + header(),
    "a record that goes back": with_body(b"x", b"1 path=elsewhere\n") + header(),
    "a modification at infinity": with_body(b"x", record(b"mtime", b"inf")) + header(),
    "a modification at no number": with_body(b"x", record(b"mtime", b"nan")) + header(),
    "thousands of sparse files": header(kind=b"S") * 2000,
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("lie", LIES)
def test_a_tar_that_lies(bounded: Bounded, lie: str, packed: bool) -> None:
    """It fails with a sentence that names the tar."""
    tar = gzip.compress(FIRST + LIES[lie] + LAST + END)
    read = reading.names_in_packed_tar if packed else reading.names_in_tar
    outcome = bounded(read, tar)
    assert outcome.raised == DAMAGED, outcome
    assert "s3://course-data/a.tar" in outcome.said
    assert "ask edX to deliver the tar again" in outcome.said


ODDITIES = {
    "digits that are no length": with_body(b"x", b"9" * 60_000) + header(),
    "digits that are nearly a charset": with_body(b"g", b"1 " + b"9" * 60_000) + header(),
    "records without a value": with_body(b"x", b"9 abc\n" * 9000) + header(),
    "sparse junk of the old kind": header("junk", kind=b"S") + header(),
    "sparse junk": with_body(b"x", record(b"GNU.sparse.map", b"1," * 9000))
    + header("j")
    + header(),
    "a name of nothing": header("") + header(),
    "an unknown type": header("junk", kind=b"\xff") + header(),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_odd_header_holds_nothing_back(bounded: Bounded, oddity: str, packed: bool) -> None:
    tar = gzip.compress(FIRST + ODDITIES[oddity] + LAST + END)
    read = reading.names_in_packed_tar if packed else reading.names_in_tar
    names = bounded(read, tar).said
    assert names == ["prod-edx-000/tracking.log", LOG, "prod-edx-999/tracking.log"]


UNTAKEN = {
    "a name of 60,000 characters": with_body(b"L", LOG.encode().rjust(60_000, b"d")) + header(),
    "a sparse file of the old kind": header(kind=b"S"),
    "a sparse file of version 1.0": with_body(
        b"x", record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.minor", b"0")
    ) + header(size=b"00000001000") + padded(b"999999999\n" + b"1\n" * 251),
}  # fmt: skip


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("log", UNTAKEN)
def test_a_log_that_cannot_be_taken_holds_nothing_back(
    bounded: Bounded, log: str, packed: bool
) -> None:
    tar = gzip.compress(FIRST + UNTAKEN[log] + LAST + END)
    read = reading.names_in_packed_tar if packed else reading.names_in_tar
    assert bounded(read, tar).said == ["prod-edx-000/tracking.log", "prod-edx-999/tracking.log"]


def test_global_headers_before_each_member(bounded: Bounded) -> None:
    """They are for all members that follow, and so are kept."""
    pairs = b"".join(
        with_body(b"g", b"".join(record(b"k%d.%d" % (i, j), b"v") for j in range(90))) + header()
        for i in range(20)
    )
    outcome = bounded(reading.names_in_packed_tar, gzip.compress(pairs + END))
    assert outcome.raised == DAMAGED
    assert "global headers" in outcome.said


def test_an_endless_map_of_a_sparse_file(bounded: Bounded) -> None:
    begin = bytearray(header("junk", kind=b"S"))
    begin[482] = 1
    begin[148:156] = b" " * 8
    begin[148:156] = b"%06o\0 " % sum(begin)
    entry = (b"00000000001\0" * 42) + b"\1" + bytes(7)
    packed = gzip.compress(bytes(begin)) + gzip.compress(entry * 20_000) * 10
    assert bounded(reading.names_in_packed_tar, packed).raised == DAMAGED


def test_an_endless_map_within_a_sparse_file(bounded: Bounded) -> None:
    begin = with_body(
        b"x", record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.minor", b"0")
    ) + header("junk", size=base_256(10**11))
    packed = gzip.compress(begin + b"999999999\n") + gzip.compress(b"1\n" * 10_000_000) * 10
    assert bounded(reading.names_in_packed_tar, packed).raised == DAMAGED
