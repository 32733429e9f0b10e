"""Delimited text as COPY is to take it: what it would read otherwise than the vendor means.

Knows bytes and COPY; knows no table.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.column_types import holds_padding, holds_words
from learning_warehouse.warehouse.pieces import Refused

if TYPE_CHECKING:
    from learning_warehouse.warehouse.delimited import DelimitedFile


def as_meant(records: bytes, file: DelimitedFile) -> bytes:
    """The records without the blanks that a vendor writes after delimiters.

    :raises Refused: COPY would take them otherwise than they are meant.
    """
    delimiter = file.layout.delimiter.encode()
    if b"\0" in records:
        raise Refused("it holds a NUL byte")
    if file.layout.spaced:
        records = unpadded(records, delimiter)
    if reason := _misread(records, file):
        raise Refused(reason)
    return records


def is_as_meant(records: bytes, file: DelimitedFile) -> bool:
    """Whether COPY reads records as they are meant, if it takes them."""
    return _misread(records, file) is None


@cache
def well_quoted(delimiter: bytes) -> re.Pattern[bytes]:
    """Text in which a quote opens after an edge and closes before one.

    Of two quotes that mean one, each has the other for its edge. A quote that closes, a delimiter
    or a line end, and a quote that opens are taken at once, only because that is faster.
    """
    mark = re.escape(delimiter)
    edge = rb'"\r\n%b' % mark
    return re.compile(
        rb'(?:[^"]*+(?<![^%b])"(?:[^"]*+"[%b\n]")*+[^"]*+"(?![^%b]))*+[^"]*+' % (edge, mark, edge)
    )


def refusals() -> tuple[Any, ...]:
    """What the server raises where COPY does not take a value."""
    from psycopg.errors import DataError, IntegrityError, ProgramLimitExceeded

    return DataError, IntegrityError, ProgramLimitExceeded


def _misread(records: bytes, file: DelimitedFile) -> str | None:
    """Why COPY would read records otherwise than they are meant; None if it would not.

    A quote inside a field that does not begin with one: COPY drops it, and takes all up to the next
    into the field. A line ``\\.``: an older COPY stops there. Words such as today: it makes them a
    time.
    """
    if not well_quoted(file.layout.delimiter.encode()).fullmatch(records):
        return "there is a quote in the middle of a field"
    if b"\\" in records and re.search(rb"^\\\.\r?$", records, re.MULTILINE):
        return r"it has a line \."
    if holds_padding(records, file.layout.delimiter.encode()):
        return "it has odd blanks around a value"
    if file.is_recent and holds_words(records):
        return "it has words that PostgreSQL reads as a time"
    return None


def unpadded(records: bytes, delimiter: bytes) -> bytes:
    """Records without the blanks after their delimiters."""
    between_quotes = records.split(b'"')
    outside = b"\0".join(between_quotes[::2])
    if delimiter + b"  " in outside:
        outside = re.sub(re.escape(delimiter) + rb" +", delimiter, outside)
    outside = outside.replace(delimiter + b" ", delimiter)
    if b"\n " in outside or b"\r " in outside:
        outside = re.sub(rb"([\r\n]) +", rb"\1", outside)
    between_quotes[::2] = outside.lstrip(b" ").split(b"\0")
    return b'"'.join(between_quotes)
