"""Walking a tar by its headers: all kinds of headers, all kinds of members, and little read."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from learning_warehouse.edx.tar import Member, Walk, pass_through, walk
from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

URI = "s3://course-data/2013-10-27-UniversityA-tracking.tar"
MTIME = 1382832000


class Tar:
    """A tar in memory that counts what is read of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.requests: list[tuple[int, int]] = []
        self.seen = Walk(URI, len(content))

    def fetch(self, offset: int, size: int) -> bytes:
        self.requests.append((offset, size))
        assert offset + size <= len(self.content)
        return self.content[offset : offset + size]

    def walk(self) -> list[Member]:
        return list(walk(self.seen, self.fetch))

    def names(self) -> list[str]:
        return [member.name for member in self.walk()]

    def names_as_it_passes(self) -> list[str]:
        packed = io.BytesIO(gzip.compress(self.content))
        return [one.name for one in pass_through(self.seen, packed)]  # type: ignore[arg-type]


def tar_of(members: Mapping[str, bytes], *, layout: int = tarfile.GNU_FORMAT) -> Tar:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=layout) as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            info.mtime = MTIME
            tar.addfile(info, io.BytesIO(body))
    return Tar(content.getvalue())


@pytest.mark.parametrize(
    "name",
    [
        "prod-edx-001/2013-10-27-UniversityA.log",
        "prod-edge-001/2013-10-27_UniversityA.log.gz",
        "prod-edxapp-004/tracking.log-20140318",
        "prod-edxapp-004/tracking.log-20140318.gz",
        "prod-edxapp-004/tracking.log-20140319-1395256622.gz",
        "2012-prod-edx-003/tracking_14602.log.gz",
        "prod-edge-edxapp-001/tracking.log.gz",
        "prod-edx-001/2013-10-27-UniversityA.log.bz2",
        "prod-edxapp-004/tracking.log-20140318.zst",
        "2012-prod-edx-003/tracking_14602.log.xz",
        "2014/UniversityA-edx-events-2014-05-09.log.gz",
    ],
)
def test_tracking_logs_are_known_by_their_names(name: str) -> None:
    assert tar_of({name: b"x"}).names() == [name]


@pytest.mark.parametrize(
    "name",
    [
        "nginx/prod-edx-001/error.log.34.gz",
        "exclude.txt",
        "prod-edx-001/0000-tracking.log-20170711.gz",
        "prod-edx-001/tracking.log.1",
        "prod-edx-001/2013-10-27.log.gz",
        "events.log",
    ],
)
def test_what_no_name_tells_is_not_told(name: str) -> None:
    tar = tar_of({name: b"x", "prod-edx-001/tracking.log": b"y"})
    assert [(one.name, one.is_told) for one in tar.walk()] == [
        (name, False),
        ("prod-edx-001/tracking.log", True),
    ]
    assert (tar.seen.members, tar.seen.junk) == (1, 0)


@pytest.mark.parametrize(
    "name",
    [
        "prod-edx-001/.tracking_17438.log.gz.JscfpA",
        "prod-edx-001/2013-10-27-UniversityA.log.gz.part",
        "secrets.gpg",
        "2013-10-27-UniversityA-tracking.tar",
        "2013-10-27-UniversityA-tracking.tgz",
    ],
)
def test_junk_is_left_alone_and_counted(name: str) -> None:
    tar = tar_of({name: b"x", "prod-edx-001/tracking.log": b"y"})
    assert tar.names() == ["prod-edx-001/tracking.log"]
    assert (tar.seen.members, tar.seen.junk) == (1, 1)


def test_an_empty_member_that_no_name_tells_is_junk() -> None:
    tar = tar_of({"exclude.txt": b""})
    assert tar.walk() == []
    assert tar.seen.junk == 1


def test_directories_and_links_are_junk() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as writer:
        for name, kind in (("prod-edx-001", tarfile.DIRTYPE), ("tracking.log", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "elsewhere"
            writer.addfile(info)
    tar = Tar(content.getvalue())
    assert tar.walk() == []
    assert tar.seen.junk == 2


@pytest.mark.parametrize("name", ["2013-10-27-UniversityA.log.gpg", "a/2013-10-27-U.log.gz.gpg"])
def test_encrypted_logs_are_counted(name: str) -> None:
    tar = tar_of({name: b"x"})
    assert tar.walk() == []
    assert tar.seen.encrypted == 1


@pytest.mark.parametrize("end", [".log.gpg", ".log.gz.gpg", ".log.zst.gpg"])
def test_encrypted_logs_are_logs_where_there_is_a_key(end: str) -> None:
    tar = tar_of({f"a/2013-10-27-U{end}": b"x" * 100})
    tar.seen.readable = True
    (member,) = tar.walk()
    assert member.version.startswith("100-")
    assert (tar.seen.members, tar.seen.encrypted) == (1, 0)


@pytest.mark.parametrize("layout", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names(layout: int) -> None:
    name = "a-very-long-name-of-a-server/" * 9 + "2013-10-27-Universität.log"
    tar = tar_of({name: b"first", "prod-edx-001/tracking.log": b"second"}, layout=layout)
    first, second = tar.walk()
    assert first.name == name
    assert tar.content[first.offset :][: first.size] == b"first"
    assert tar.content[second.offset :][: second.size] == b"second"


def test_a_leading_dot_is_no_part_of_a_name() -> None:
    assert tar_of({"./prod-edx-001/tracking.log": b"x"}).names() == ["prod-edx-001/tracking.log"]


def test_a_name_that_is_no_utf8() -> None:
    tar = tar_of({"prod-edx-001/2013-10-27-XX.log": b"x"})
    tar.content = tar.content.replace(b"XX.log", b"\xe9X.log", 1)
    header = tarfile.TarInfo.frombuf  # the checksum has to be right again
    block = bytearray(tar.content[:512])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    tar.content = bytes(block) + tar.content[512:]
    assert header(bytes(block), "utf-8", "surrogateescape").size == 1
    assert tar.names() == ["prod-edx-001/2013-10-27-\ufffdX.log"]


# --- versions -------------------------------------------------------------------------------------


def version(body: bytes, name: str = "prod-edx-001/tracking.log") -> str:
    (member,) = tar_of({name: body}).walk()
    return member.version


def test_a_gzipped_log_is_known_by_its_ends_and_not_by_when_it_was_packed() -> None:
    name = "prod-edx-001/tracking.log.gz"
    once, again = gzip.compress(b"a" * 999, mtime=1), gzip.compress(b"a" * 999, mtime=2)
    assert version(once, name) == version(again, name)
    assert version(once, name).startswith(f"{len(once)}-{MTIME}-")
    assert version(gzip.compress(b"b" * 999), name) != version(once, name)


@pytest.mark.parametrize("end", [".gz", "", ".gz.gpg"])
def test_gzipped_logs_of_several_members_that_differ_early_are_told_apart(end: str) -> None:
    name = "prod-edx-001/tracking.log" + end
    first, second = (gzip.compress(bytes([97, number]) * 99, mtime=0) for number in (98, 99))
    rest = gzip.compress(bytes(range(256)) * 99, mtime=0) * 9
    assert len(first) == len(second)
    content = [tar_of({name: member + rest}) for member in (first, second)]
    for tar in content:
        tar.seen.readable = True
    (one,), (other,) = (tar.walk() for tar in content)
    assert one.version != other.version


def test_a_plain_log_is_known_by_its_ends() -> None:
    body = b"a" * 4096 + b"m" * 100_000 + b"z" * 4096
    assert version(body) == version(body.replace(b"mm", b"nn"))
    assert version(body) != version(b"b" + body[1:])
    assert version(body) != version(body[:-1] + b"y")
    assert version(b"") != version(b"a")


# --- what is read ---------------------------------------------------------------------------------


def test_bodies_are_skipped() -> None:
    log = gzip.compress(b"x")
    body = log + bytes(5_000_000) + log
    tar = tar_of({f"prod-edx-00{i}/tracking.log.gz": body for i in range(5)})
    assert len(tar.walk()) == 5
    assert len(tar.requests) == 6
    assert sum(size for _, size in tar.requests) < 0.005 * len(tar.content)


def test_both_ends_of_a_plain_log_cost_no_request_of_their_own() -> None:
    tar = tar_of({f"prod-edx-00{i}/tracking.log": bytes(5_000_000) for i in range(5)})
    assert len(tar.walk()) == 5
    assert len(tar.requests) == 6


def test_many_small_members_share_a_request() -> None:
    tar = tar_of({f"prod-edx-{i}/tracking.log": bytes(3000) for i in range(2000)})
    assert len(tar.walk()) == 2000
    assert len(tar.requests) < 15


# --- damage ---------------------------------------------------------------------------------------


def two_logs() -> Tar:
    return tar_of({"a/tracking.log": bytes(1000), "b/tracking.log": bytes(1000)})


def test_a_damaged_header_is_named_with_its_place() -> None:
    tar = two_logs()
    second = 512 + 1024
    tar.content = tar.content[:second] + b"garbage!" + tar.content[second + 8 :]
    members = walk(tar.seen, tar.fetch)
    assert next(members).name == "a/tracking.log"
    with pytest.raises(PermanentFailure, match=f"{URI} cannot be read from byte {second} on "):
        next(members)


@pytest.mark.parametrize("size", [512 + 1024 + 512 + 100, 512 + 1024 + 100, 512 + 100, 100, 0])
def test_a_tar_that_is_cut_off(size: int) -> None:
    tar = Tar(two_logs().content[:size])
    with pytest.raises(PermanentFailure, match="cannot be read from byte"):
        tar.walk()


def test_a_tar_without_an_end_mark_is_whole() -> None:
    assert Tar(two_logs().content[: 2 * (512 + 1024)]).names() == [
        "a/tracking.log",
        "b/tracking.log",
    ]


def test_a_compressed_tar_is_no_plain_one() -> None:
    with pytest.raises(PermanentFailure, match="cannot be read from byte 0 on"):
        Tar(gzip.compress(two_logs().content)).walk()


def test_a_header_that_claims_to_be_huge() -> None:
    content = io.BytesIO()
    long_name = tarfile.TarInfo("././@LongLink")
    long_name.type = tarfile.GNUTYPE_LONGNAME
    long_name.size = 10**10
    content.write(long_name.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(PermanentFailure, match="a header of 10000000000 bytes"):
        Tar(content.getvalue()).walk()


# --- tars behind a tar ----------------------------------------------------------------------------

TARS = [tar_of({f"{place}/tracking.log": bytes(1000)}).content for place in "abc"]
THREE = ["a/tracking.log", "b/tracking.log", "c/tracking.log"]


@pytest.mark.parametrize("gap", [0, 512, 512 * 41])
def test_members_behind_an_end_mark_are_read(gap: int) -> None:
    content = bytes(gap).join(TARS)
    assert Tar(content).names() == THREE
    assert Tar(content).names_as_it_passes() == THREE


def test_a_tar_behind_a_bare_end_mark_is_read() -> None:
    content = b"".join(tar[: 512 + 1024 + 1024] for tar in TARS)
    assert Tar(content).names() == THREE
    assert Tar(content).names_as_it_passes() == THREE


def test_a_damaged_tar_behind_an_end_mark_is_named() -> None:
    tar = Tar(TARS[0] + b"damage" + TARS[1][6:])
    with pytest.raises(
        PermanentFailure, match=f"{URI} cannot be read from byte 1536 on .*checksum"
    ):
        tar.walk()
    with pytest.raises(PermanentFailure, match="cannot be unpacked to its end"):
        tar.names_as_it_passes()


@pytest.mark.parametrize("size", [1_000_001, 40_000_000])
def test_zeros_behind_a_tar_are_passed_over(size: int) -> None:
    assert Tar(TARS[0] + bytes(size)).names() == ["a/tracking.log"]
    assert Tar(TARS[0] + bytes(size)).names_as_it_passes() == ["a/tracking.log"]


# --- logs that cannot be taken --------------------------------------------------------------------


def sparse_by_pax() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as writer:
        info = tarfile.TarInfo("s/tracking.log")
        info.size = 3
        info.pax_headers = {"GNU.sparse.map": "0,3", "GNU.sparse.size": "3"}
        writer.addfile(info, io.BytesIO(b"abc"))
    return content.getvalue()[:2048]


def sparse_of_the_old_kind(name: str = "s/tracking.log") -> bytes:
    info = tarfile.TarInfo(name)
    info.type = tarfile.GNUTYPE_SPARSE
    info.size = 100
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(512)


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (sparse_by_pax(), "s/tracking.log is a sparse file"),
        (sparse_of_the_old_kind(), "s/tracking.log is a sparse file"),
        (sparse_of_the_old_kind("s/events"), "s/events is a sparse file"),
        (
            tar_of({"d" * 1001 + "/tracking.log": b"x"}).content[:2560],
            f"{'d' * 100}... has a name of 1014 characters",
        ),
        (
            tar_of({"ü" * 501 + "/events": b"x"}).content[:2560],
            f"{'ü' * 100}... has a name of 508 characters",
        ),
    ],
)
def test_a_log_that_cannot_be_taken_is_named_and_the_walk_goes_on(member: bytes, says: str) -> None:
    for read in (Tar.names, Tar.names_as_it_passes):
        tar = Tar(TARS[0][:1536] + member + TARS[1])
        assert read(tar) == ["a/tracking.log", "b/tracking.log"]
        assert tar.seen.untaken == [says]
        assert tar.seen.members == 2


# --- names that forge -----------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028", "\x1b[2K"])
def test_no_name_holds_a_line_end(end: str) -> None:
    name = f"s{end}ERROR all is lost/2013-10-27-U.log"
    assert [one.isprintable() for one in tar_of({name: b"x"}).names()] == [True]
    tar = tar_of({name: b"x"})
    assert [one.isprintable() for one in tar.names_as_it_passes()] == [True]


def test_an_empty_tar() -> None:
    assert tar_of({}).walk() == []
