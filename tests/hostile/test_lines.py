"""Lines of tracking logs that are written to cost much: nested, escaped, of countless parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from learning_warehouse.edx.repair import LONGEST_LINE, LONGEST_MENDED
from tests.edx.loading import line
from tests.hostile import reading

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection
    from tests.hostile.bounded import Bounded

DEPTH = 1_000_000


def written(field: bytes, value: bytes) -> bytes:
    """A line with a value as it is written here."""
    return line(**{field.decode(): "VALUE"}).replace(b'"VALUE"', value)


def text(value: bytes) -> bytes:
    """A JSON string that holds it."""
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def filled(room: int, begin: bytes, part: bytes, end: bytes = b"") -> bytes:
    """As long as ``room``, of the same part."""
    return begin + part * ((room - len(begin) - len(end)) // len(part)) + end


def numbered(room: int, form: bytes, begin: bytes, end: bytes) -> bytes:
    """As long as ``room``, of parts of which no two are the same."""
    parts = b"".join(form % n for n in range(room // len(form % 10**6)))
    return begin + parts + end


NESTED = {
    "lists": b"[" * DEPTH + b"]" * DEPTH,
    "objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "lists that do not end": b"[" * DEPTH,
    "objects that do not end": b'{"a":' * DEPTH,
}


def heavy_values(room: int) -> dict[str, bytes]:
    """Values as long as ``room``."""
    return {
        "quotes in a string that does not end": filled(room, b'"{"', b'\\"'),
        "quotes in a string within a string": text(filled(room, b'{"a": "', b'\\"')[: room // 3]),
        "escapes and a NUL": filled(room, b'{"a": "\\u0000', b"\\n", b'"}'),
        "escapes and a NUL in a string": filled(
            room, b'"{\\"a\\": \\"\\\\u0000', b"\\\\n", b'\\"}"'
        ),
        "controls": filled(room, b'{"a": "', b"\x01", b'"}'),
        "bytes that are no UTF-8": filled(room, b'{"a": "', b"\xff", b'"}'),
        "one wide character": filled(room, '{"a": "\N{GRINNING FACE}\\u0000'.encode(), b"x", b'"}'),
        "numbers that are none": filled(room, b"[", b"NaN,", b"1]"),
        "numbers and one that is none": filled(room, b"[NaN,", b"11,", b"1]"),
        "GET parameters": filled(room, b'"a=', b"&b=1", b'"'),
        "GET parameters, each another": numbered(room, b"&p%06d=", b'"a=', b'"'),
        "keys": numbered(room, b'"p%06d":1,', b"{", b'"z":1}'),
        "slashes": filled(room, b'"/courses/', b"/", b'"'),
        "percent signs": filled(room, b'"a=', b"%41", b'"'),
        "backslashes": filled(room, b'"', b"\\\\", b'"'),
        "braces": filled(room, b'"', b"{", b'"'),
    }


ROOMS = {"a line": LONGEST_LINE - 1000, "what is mended": LONGEST_MENDED - 1000}
HEAVY = {of: heavy_values(room) for of, room in ROOMS.items()}


@pytest.fixture
def warehouse_url(postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str) -> str:
    return postgres.url(warehouse_name)


def check(bounded: Bounded, url: str, content: bytes) -> None:
    """It is one record, merged or rejected, and the line after it is read."""
    outcome = bounded(reading.load_log, url, content + b"\n" + line(1))
    assert outcome.raised is None, outcome
    (read, merged, duplicate, rejected), rejects = outcome.said
    assert (read, merged + duplicate + rejected) == (2, 2)
    assert rejected < 2, rejects


@pytest.mark.parametrize("field", [b"event", b"context", b"time"])
@pytest.mark.parametrize("nested", NESTED)
def test_a_million_deep(bounded: Bounded, warehouse_url: str, nested: str, field: bytes) -> None:
    check(bounded, warehouse_url, written(field, NESTED[nested]))
    check(bounded, warehouse_url, written(field, text(NESTED[nested])))


@pytest.mark.parametrize("of", ROOMS)
@pytest.mark.parametrize("heavy", HEAVY["a line"])
def test_a_value_as_long_as(bounded: Bounded, warehouse_url: str, heavy: str, of: str) -> None:
    check(bounded, warehouse_url, written(b"event", HEAVY[of][heavy]))


def test_a_line_of_countless_fields(bounded: Bounded, warehouse_url: str) -> None:
    begin = b'{"time": "2017-05-25T03:17:07",'
    fields = numbered(ROOMS["a line"], b'"p%06d":1,', begin, b'"event": ""}')
    check(bounded, warehouse_url, fields)
