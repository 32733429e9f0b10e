"""Delimited files, landed gzipped, that unpack to more than there is room for, or never end."""

from __future__ import annotations

import gzip
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.server import LANDING_BUCKET
from tests.hostile import reading

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection
    from tests.hostile.bounded import Bounded

BOMB = 160_000_000
"""Bytes: as text, and again as a field, more than a worker may have."""
HEADERS = {
    reading.load_vocareum: b"userid,courseid,role,name,email\n",
    reading.load_echo360: b"event_timestamp,user email,media name\n",
}
ROWS = {
    reading.load_vocareum: b"1,2,student,Ada,ada@example.org\n",
    reading.load_echo360: b"2026-01-05 10:00:00,ada@example.org,Film\n",
}
both = pytest.mark.parametrize("load", list(HEADERS), ids=["vocareum", "echo360"])


@pytest.fixture
def land(sandbox: Sandbox, connections: dict[str, Any]) -> Any:
    """Lays bytes into the landing zone."""

    def put(content: bytes) -> str:
        key = f"hostile/{secrets.token_hex(8)}.csv.gz"
        sandbox.client().put_object(Bucket=LANDING_BUCKET, Key=key, Body=content)
        return f"s3://{LANDING_BUCKET}/{key}"

    return put


@pytest.fixture
def warehouse_url(postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str) -> str:
    return postgres.url(warehouse_name)


def bomb(part: bytes, size: int = BOMB) -> bytes:
    """So many bytes of the same, gzipped."""
    return gzip.compress(part * (size // len(part) // 20)) * 20


ENDLESS = {
    "letters": b"a",
    "delimiters": b",",
    "values": b"ab,",
    "wide characters": "\N{GRINNING FACE}".encode(),
    "bytes that are no UTF-8": b"\xff",
    "NULs": b"\0",
}


@pytest.mark.parametrize("endless", ENDLESS)
def test_an_endless_line(bounded: Bounded, land: Any, warehouse_url: str, endless: str) -> None:
    """It is rejected, and what came before it is loaded."""
    load = reading.load_echo360 if endless == "letters" else reading.load_vocareum
    content = gzip.compress(HEADERS[load] + ROWS[load]) + bomb(ENDLESS[endless])
    merged, rejects = bounded(load, warehouse_url, land(content)).said
    assert merged == 1
    (reject,) = rejects
    assert reject[1] == "not readable as delimited text: it is longer than 8388608 characters"


def test_old_line_ends_without_end(bounded: Bounded, land: Any, warehouse_url: str) -> None:
    load = reading.load_vocareum
    content = gzip.compress(HEADERS[load] + ROWS[load]) + bomb(b"\r", 4_000_000)
    assert bounded(load, warehouse_url, land(content)).said == (1, [])


@pytest.mark.parametrize(
    "part", [b"a" * 60 + b"\n", b'\n"' + b"a" * 60 + b'"', b'""'], ids=["lines", "quotes", "marks"]
)
def test_an_endless_quoted_field(
    bounded: Bounded, land: Any, warehouse_url: str, part: bytes
) -> None:
    load = reading.load_vocareum
    content = gzip.compress(HEADERS[load] + ROWS[load] + b'"') + bomb(part, 10_000_000)
    merged, rejects = bounded(load, warehouse_url, land(content)).said
    assert merged == 1
    assert rejects[0][1].startswith("not readable as delimited text: ")


@both
@pytest.mark.parametrize("endless", [b"a", b"a,", b'"', b" "], ids=repr)
def test_an_endless_header(
    bounded: Bounded, land: Any, warehouse_url: str, load: Any, endless: bytes
) -> None:
    outcome = bounded(load, warehouse_url, land(bomb(endless)))
    assert outcome.raised == "PermanentFailure", outcome
    assert "first line" in outcome.said
    assert "nothing of the" in outcome.said


@both
def test_a_hundred_thousand_columns(
    bounded: Bounded, land: Any, warehouse_url: str, load: Any
) -> None:
    """Of two letters each, so that they fit into a header that is read."""
    header = HEADERS[load].rstrip() + b",x" * 100_000 + b"\n"
    outcome = bounded(load, warehouse_url, land(gzip.compress(header + ROWS[load])))
    assert outcome.raised == "PermanentFailure", outcome
    assert "more than 1000 columns" in outcome.said


@both
def test_as_many_columns_as_may_be(
    bounded: Bounded, land: Any, warehouse_url: str, load: Any
) -> None:
    """More than a row of PostgreSQL holds one by one; together they are its extras."""
    extra = b"".join(b",%b%d" % (b"x" * 150, n) for n in range(900))
    header, row = HEADERS[load].rstrip() + extra + b"\n", ROWS[load].rstrip() + extra + b"\n"
    assert bounded(load, warehouse_url, land(gzip.compress(header + row * 50))).said[0] == 50


@both
def test_a_bomb_of_good_rows_is_loaded(
    bounded: Bounded, land: Any, warehouse_url: str, load: Any
) -> None:
    content = gzip.compress(HEADERS[load]) + bomb(ROWS[load], 20_000_000)
    merged, _ = bounded(load, warehouse_url, land(content)).said
    assert merged == 20_000_000 // len(ROWS[load]) // 20 * 20


@both
@pytest.mark.parametrize("damage", ["cut off", "changed"])
def test_a_damaged_gzip_is_told(
    bounded: Bounded, land: Any, warehouse_url: str, load: Any, damage: str
) -> None:
    content = gzip.compress(HEADERS[load] + b"".join(ROWS[load] + b"%d\n" % n for n in range(9999)))
    middle = len(content) // 2
    rest = content[middle + 8 :] if damage == "changed" else b""
    outcome = bounded(load, warehouse_url, land(content[:middle] + b"damage!!" + rest))
    assert outcome.raised == "PermanentFailure", outcome
    assert "cannot be gunzipped to its end" in outcome.said


def test_the_second_of_two_assets_has_an_endless_header(
    bounded: Bounded, land: Any, warehouse_url: str
) -> None:
    load = reading.load_echo360
    uris = land(HEADERS[load] + ROWS[load]), land(bomb(b"a"))
    outcome = bounded(load, warehouse_url, *uris)
    assert outcome.raised == "PermanentFailure", outcome
    assert uris[1] in outcome.said
