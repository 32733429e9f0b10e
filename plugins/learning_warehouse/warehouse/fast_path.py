"""The fast path: a file's bytes go to COPY as they are, straight into the table's types.

Whatever COPY refuses, or would read otherwise than the vendor means, is left to the careful path.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import server_said
from learning_warehouse.warehouse.column_types import (
    certainties,
    holds_padding,
    holds_words,
)
from learning_warehouse.warehouse.delimited import LONGEST_RECORD
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.delimited import DelimitedFile
    from learning_warehouse.warehouse.staging_table import StagingTable

PIECE = 1024 * 1024
"""Bytes of a file, cut after a record, that are looked at together."""


class Refused(Exception):
    """The bytes are not to be taken as they are."""


def take_as_it_is(file: DelimitedFile, staging: StagingTable) -> int:
    """Copy a file.

    :returns: the number of its records.
    :raises Refused: it is for the careful path; nothing of it is in the staging table.
    """
    from psycopg import sql
    from psycopg.errors import DataError, IntegrityError, ProgramLimitExceeded

    match = file.layout.match
    if len(match.headers) == 1:
        raise Refused("a blank line would be a row of its only column")
    if file.layout.odd:
        raise Refused(file.layout.odd)
    unknown = iter(staging.unknown_columns)
    columns = [column.name if column else next(unknown) for column in match.columns]
    copy_in = statement("staging/fast", "copy").format(
        rows=staging.rows,
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        delimiter=sql.Literal(file.layout.delimiter),
    )
    staging.refuse_unless(_certain(file))
    try:
        with staging.filling(file.delivery), staging.conn.cursor() as cursor:
            with cursor.copy(copy_in) as copy:
                for piece in _pieces(file):
                    copy.write(piece)
            return cursor.rowcount
    except (DataError, IntegrityError, ProgramLimitExceeded) as refused:
        raise Refused(server_said(refused, header=1)) from None


def _certain(file: DelimitedFile) -> Any:
    """The SQL expression that is true for a row which COPY has read as it is meant."""
    from psycopg import sql

    certain = [
        expression
        for column in file.table.columns
        for expression in certainties(column, is_recent=file.is_recent)
    ]
    if file.dataset.strategy == "replace_window":
        assert file.dataset.clock is not None
        certain.append(
            sql.SQL("{0} >= {1}::timestamptz AND {0} < {2}::timestamptz").format(
                sql.Identifier(file.dataset.clock),
                sql.Literal(file.delivery.first_day),
                sql.Literal(file.delivery.end_day),
            )
        )
    return sql.SQL("\n    AND ").join(map(sql.SQL("({})").format, certain)) if certain else None


def _pieces(file: DelimitedFile) -> Iterator[bytes]:
    """The records in pieces, as COPY is to take them."""
    held = bytearray()
    for block in _without_header(file.blocks()):
        held += block
        if len(held) < PIECE:
            continue
        end = held.rfind(b"\n") + 1
        piece = _as_meant(bytes(memoryview(held)[:end]), file)
        if piece:
            yield piece
            del held[:end]
        elif len(held) > PIECE + LONGEST_RECORD:
            raise Refused("no record of it ends")
    if held:
        yield _as_meant(bytes(held), file) or bytes(held)


def _without_header(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = next(blocks)
    end = re.search(rb"\r\n|\n|\r", head)
    if end:
        yield head[end.end() :]
    yield from blocks


def _as_meant(records: bytes, file: DelimitedFile) -> bytes | None:
    """The records without the blanks that a vendor writes after delimiters.

    :returns: None if the last of them goes on after the line end, which a quote encloses.
    :raises Refused: COPY would take them otherwise than they are meant. A quote inside a field that
        does not begin with one: COPY drops it, and takes all up to the next into the field. A line
        ``\\.``: an older COPY stops there. Words such as today: it makes them a time.
    """
    delimiter = file.layout.delimiter.encode()
    if b"\0" in records:
        raise Refused("it holds a NUL byte")
    if file.layout.spaced:
        records = _unpadded(records, delimiter)
    if not _well_quoted(delimiter).fullmatch(records):
        if records.count(b'"') % 2:
            return None
        raise Refused("a quote stands in the middle of a field")
    if b"\\" in records and re.search(rb"^\\\.\r?$", records, re.MULTILINE):
        raise Refused(r"it has a line \.")
    if holds_padding(records, delimiter):
        raise Refused("it has odd blanks around a value")
    if file.is_recent and holds_words(records):
        raise Refused("it has words that PostgreSQL reads as a time")
    return records


def _unpadded(records: bytes, delimiter: bytes) -> bytes:
    between_quotes = records.split(b'"')
    outside = b"\0".join(between_quotes[::2])
    if delimiter + b"  " in outside:
        outside = re.sub(re.escape(delimiter) + rb" +", delimiter, outside)
    outside = outside.replace(delimiter + b" ", delimiter)
    if b"\n " in outside or b"\r " in outside:
        outside = re.sub(rb"([\r\n]) +", rb"\1", outside)
    between_quotes[::2] = outside.lstrip(b" ").split(b"\0")
    return b'"'.join(between_quotes)


@cache
def _well_quoted(delimiter: bytes) -> re.Pattern[bytes]:
    """Text in which a quote opens after an edge and closes before one.

    Of two quotes that mean one, each has the other for its edge. A quote that closes, a delimiter
    or a line end, and a quote that opens are taken at once, only because that is faster.
    """
    mark = re.escape(delimiter)
    edge = rb'"\r\n%b' % mark
    return re.compile(
        rb'(?:[^"]*+(?<![^%b])"(?:[^"]*+"[%b\n]")*+[^"]*+"(?![^%b]))*+[^"]*+' % (edge, mark, edge)
    )
