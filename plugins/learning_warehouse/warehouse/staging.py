"""From a delivery's bytes to an UNLOGGED table with the target's own types.

Two paths, one result. The fast one hands the bytes to COPY as they are, straight into the types.
Whatever it refuses, or would read otherwise than the vendor means, goes down the careful one: the
csv module finds the records and keeps each one's line and raw text, and the casts of ``ops.try_*``
either take a record or set it aside with its reason. Both casts are PostgreSQL's own, so the two
paths agree wherever the fast one accepts.

Knows tables and bytes; knows neither the vendor nor where the bytes lie.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import logging
import re
import secrets
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from isal import igzip, isal_zlib

from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.progress import Progress
from learning_warehouse.streams import BLOCK, as_file, decompressed
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.catalogue import Column, Match, Table, read_table
from learning_warehouse.warehouse.connection import open_another
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

PIECE = 4 * 1024 * 1024
"""Bytes of a file, cut after a record, that the fast path hands to one COPY."""

LANES = 2
"""Connections over which the pieces of a large file go; the server parses each on its own core."""

DELIMITERS = ",\t|"
MOST_COLUMNS = 1000
LONGEST_RECORD = 8 * 1024 * 1024
"""Characters; what is longer is rejected, and its beginning kept."""

UNPADDED = ("identifier", "email", "role")
WORDS = (b"now", b"today", b"tomorrow", b"yesterday")
WORD = re.compile(rb"(?<![a-z])(?:now|today|tomorrow|yesterday)(?![a-z])")


class _FastPathRefused(Exception):
    """The bytes are not to be taken as they are; the careful path takes them."""


class _Layout(NamedTuple):
    """What the first block of a file tells about the rest of it."""

    delimiter: str
    spaced: bool
    match: Match


# --- tables ---------------------------------------------------------------------------------------


def create_staging_table(conn: Connection, table: Table, delivery: Delivery) -> str:
    """Create the UNLOGGED table of one attempt to stage ``delivery``, and its line.

    It has the target's columns, types and NOT NULLs; of the lineage, ``_origin`` and ``_delivery``
    fill themselves, and ``_row`` counts from 1 unless given. To be called inside a transaction.

    :returns: its name in the schema ``staging``.
    """
    from psycopg import sql

    name = f"{table.name[:24]}_{delivery.delivery_id}_{secrets.token_hex(4)}"
    conn.execute(
        statement("staging/create").format(
            staging=staging_table(name),
            target=table.identifier,
            origin=sql.Literal(delivery.origin),
            delivery_id=sql.Literal(delivery.delivery_id),
        )
    )
    conn.execute(
        statement("staging/begin"), {"delivery_id": delivery.delivery_id, "table_name": name}
    )
    return name


def create_rejected_table(conn: Connection, table_name: str) -> None:
    """Create the table beside ``table_name`` for ``_row, line, raw, reason`` of rejected rows."""
    conn.execute(statement("staging/create_rejected").format(rejected=rejected_table(table_name)))


def record_staged(
    conn: Connection,
    *,
    delivery: Delivery,
    table_name: str,
    rows_read: int,
    rows_rejected: int,
    rows_filtered: int = 0,
) -> int:
    """Write what an attempt staged into its LOGGED line, once its table is filled.

    :returns: the line's id, which is what a merge needs.
    """
    row = conn.execute(
        statement("staging/record"),
        {
            "table_name": table_name,
            "rows_read": rows_read,
            "rows_rejected": rows_rejected,
            "rows_filtered": rows_filtered,
        },
    ).fetchone()
    assert row is not None
    log.info(
        "Staged %s: %d rows read, %d rejected, %d filtered",
        delivery.name, rows_read, rows_rejected, rows_filtered,
    )  # fmt: skip
    return cast(int, row["staged_id"])


def sign(conn: Connection, staged_id: int, task: str) -> None:
    """Write down which task staged a delivery whole.

    :param task: the run, and the task's id in it.
    """
    conn.execute(statement("staging/sign"), {"staged_id": staged_id, "task": task})


def unsign(conn: Connection, task: str) -> None:
    """Forget what a task staged, which has handed all of it on: cleared, it stages anew."""
    conn.execute(statement("staging/unsign"), {"task": task})


def staged_by(conn: Connection, task: str, *, since: datetime | None) -> dict[int, int]:
    """What earlier tries of a task staged whole and nobody merged: delivery → line.

    :param since: when the run was started, or started again; None if nobody knows.
    """
    rows = conn.execute(statement("staging/staged_by"), {"task": task, "since": since})
    return {row["delivery_id"]: row["staged_id"] for row in rows}


def drop_staged(conn: Connection, table_name: str) -> None:
    """Drop the tables of an attempt; it does not matter whether they are still there."""
    conn.execute(
        statement("staging/drop").format(
            staging=staging_table(table_name), rejected=rejected_table(table_name)
        )
    )


def sweep(conn: Connection, *, age: str = "2 days") -> int:
    """Drop what attempts older than ``age`` (an interval) left behind.

    :returns: how many attempts.
    """
    swept = 0
    while True:
        with conn.transaction():
            leftover = conn.execute(statement("staging/leftover"), {"age": age}).fetchone()
            if leftover is None:
                return swept
            _forget(conn, leftover["table_name"])
        log.info("Dropped staging.%s, which nobody merged", leftover["table_name"])
        swept += 1


def _forget(conn: Connection, table_name: str) -> None:
    drop_staged(conn, table_name)
    conn.execute(statement("staging/forget"), {"table_name": table_name})


def staging_table(table_name: str) -> Any:
    """The quoted name of an attempt's table."""
    from psycopg import sql

    return sql.Identifier("staging", table_name)


def rejected_table(table_name: str) -> Any:
    """The quoted name of the table of an attempt's rejected rows."""
    from psycopg import sql

    return sql.Identifier("staging", f"{table_name}_rejected")


# --- delimited text -------------------------------------------------------------------------------


def stage_csv(
    conn: Connection,
    delivery: Delivery,
    dataset: Dataset,
    open_bytes: Callable[[], BinaryIO],
    *,
    careful: bool = False,
) -> int:
    """Stage a delivery of delimited text (comma, tab or pipe; gzipped or not) with a header.

    :param open_bytes: opens the delivery's bytes from their beginning; may be called twice.
    :param careful: go down the careful path without trying the fast one.
    :returns: the id of the line in ``ops.staged``.
    :raises PermanentFailure: two headers mean one column, a required column is missing, there is no
        header, or the bytes are damaged.
    :raises TransientFailure: the warehouse's server gave up; of its words only the first line is
        told, for the others may quote a row.
    """
    from psycopg import Error

    table = read_table(conn, dataset.table)
    try:
        if not careful:
            try:
                return _stage(conn, delivery, dataset, table, open_bytes, _take_as_it_is)
            except _FastPathRefused as refused:
                log.info("%s is read record by record: %s", delivery.name, refused)
        return _stage(conn, delivery, dataset, table, open_bytes, _take_record_by_record)
    except (EOFError, gzip.BadGzipFile, zlib.error, isal_zlib.error) as damage:
        raise PermanentFailure(
            f"{delivery.name} cannot be gunzipped to its end ({damage}), nothing of it was loaded: "
            "look at it in the landing zone and ask the vendor."
        ) from None
    except Error as error:
        raise TransientFailure(
            f"{delivery.name} could not be staged ({str(error).splitlines()[0]}): look at the "
            "warehouse's server; the next try stages it from its beginning."
        ) from None


def _stage(
    conn: Connection,
    delivery: Delivery,
    dataset: Dataset,
    table: Table,
    open_bytes: Callable[[], BinaryIO],
    path: Callable[[_File], tuple[int, int]],
) -> int:
    with open_bytes() as stored:
        stream = decompressed(stored)
        head = stream.read(BLOCK)
        layout = _layout(head, table, delivery)
        _check_header(layout, table, dataset, delivery)
        with conn.transaction():
            table_name = create_staging_table(conn, table, delivery)
            if dataset.strategy == "snapshot":
                _set_day(conn, table_name, dataset, delivery)
        file = _File(
            conn, delivery, dataset, table, table_name, layout, head, stream, _is_recent(delivery)
        )
        try:
            rows_read, rows_rejected = path(file) if layout.match.headers else (0, 0)
        except Exception:
            if not conn.broken:
                _forget(conn, table_name)
            raise
    with conn.transaction():
        new = layout.match.unknown
        ledger.note_schema_changes(
            conn, delivery, new=new, missing=_missing(layout, table, dataset)
        )
        return record_staged(
            conn,
            delivery=delivery,
            table_name=table_name,
            rows_read=rows_read,
            rows_rejected=rows_rejected,
        )


@dataclass(frozen=True)
class _File:
    """One file on its way into its staging table."""

    conn: Connection
    delivery: Delivery
    dataset: Dataset
    table: Table
    table_name: str
    layout: _Layout
    head: bytes
    stream: BinaryIO
    is_recent: bool

    def blocks(self) -> Iterator[bytes]:
        """The file's bytes, from its beginning."""
        is_compressed = isinstance(self.stream, igzip.IGzipFile)
        size = None if is_compressed else self.delivery.size
        progress = Progress(f"Staging {self.delivery.name}", size)
        block = self.head
        while block:
            yield block
            progress.add(len(block))
            block = self.stream.read(BLOCK)


def _layout(head: bytes, table: Table, delivery: Delivery) -> _Layout:
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    header = re.split(r"\r\n|\n|\r", text, maxsplit=1)[0]
    delimiter = max(DELIMITERS, key=header.count)
    reason = _unstorable(header) if header or not text.strip() else "its first line is empty"
    if len(head) >= BLOCK and header == text:
        reason = f"its first line is longer than {len(head)} bytes"
    elif header.count(delimiter) >= MOST_COLUMNS:
        reason = f"its first line has more than {MOST_COLUMNS} columns"
    csv.field_size_limit(LONGEST_RECORD)
    reader = csv.reader([header], delimiter=delimiter, skipinitialspace=True, strict=True)
    headers: list[str] = []
    try:
        headers = next(reader, headers)
    except csv.Error as error:
        reason = reason or f"its first line is not readable as delimited text: {error}"
    if reason:
        raise PermanentFailure(
            f"{delivery.name} has no header that can be read ({reason}): look at it in the landing "
            "zone and ask the vendor, nothing of the file was loaded."
        )
    match = table.match(headers, where=delivery.name)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    sample = list(itertools.islice(records, 20))
    return _Layout(delimiter, _is_spaced(sample, match), match)


def _is_spaced(sample: list[list[str]], match: Match) -> bool:
    """Whether the vendor writes a blank after each delimiter, which is then no part of a value."""
    if any(header.startswith(" ") for header in itertools.chain(*sample[:1])):
        return True
    ids = {i for i, c in enumerate(match.columns) if c and c.type in UNPADDED}
    return any(
        value.startswith(' "') or (i in ids and value.startswith(" "))
        for record in sample[1:]
        for i, value in enumerate(record)
    )


def _check_header(layout: _Layout, table: Table, dataset: Dataset, delivery: Delivery) -> None:
    if not layout.match.headers:
        return
    given = {c.name for c in layout.match.columns if c}
    if not given:
        raise PermanentFailure(
            f"{delivery.name} has no column of {dataset.table} in its first line, "
            f"{', '.join(layout.match.headers)[:500]}: look whether its header is missing or it is "
            "another file, nothing of it was loaded."
        )
    filled = {dataset.clock} if dataset.strategy == "snapshot" else set()
    missing = [c.name for c in table.columns if c.required and c.name not in given | filled]
    if missing:
        raise PermanentFailure(
            f"{delivery.name} has no column {', '.join(missing)}, which {dataset.table} requires; "
            f"its header is {', '.join(layout.match.headers)[:500]}: compare it with the vendor's "
            "document, nothing of the file was loaded."
        )


def _missing(layout: _Layout, table: Table, dataset: Dataset) -> list[str]:
    given = {c.name for c in layout.match.columns if c} | {dataset.clock}
    return [c.name for c in table.columns if c.name not in given] if layout.match.headers else []


def _set_day(conn: Connection, table_name: str, dataset: Dataset, delivery: Delivery) -> None:
    from psycopg import sql

    assert dataset.clock is not None
    conn.execute(
        statement("staging/set_day").format(
            staging=staging_table(table_name),
            clock=sql.Identifier(dataset.clock),
            day=sql.Literal(delivery.first_day),
        )
    )


# --- the fast path --------------------------------------------------------------------------------


def _take_as_it_is(file: _File) -> tuple[int, int]:
    if len(file.layout.match.headers) == 1:
        raise _FastPathRefused("a blank line would be a row of its only column")
    targets = _gather_extras(file)
    _doubt(file)
    pieces = _pieces(file)
    first = list(itertools.islice(pieces, 2))
    with _Lanes(file, targets, is_large=len(first) > 1) as lanes:
        for piece in itertools.chain(first, pieces):
            lanes.take(piece)
        return lanes.finish(), 0


def _pieces(file: _File) -> Iterator[bytes]:
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
            raise _FastPathRefused("no record of it ends")
    if held:
        yield _as_meant(bytes(held), file) or bytes(held)


def _as_meant(records: bytes, file: _File) -> bytes | None:
    """The records without the blanks that a vendor writes after delimiters.

    :returns: None if the last of them goes on after the line end, which a quote encloses.
    :raises _FastPathRefused: COPY would take them otherwise than they are meant. A quote inside a
        field that does not begin with one: COPY drops it, and takes all up to the next into the
        field. A line ``\\.``: an older COPY stops there. Words such as today: it makes them a time.
    """
    delimiter = file.layout.delimiter.encode()
    if b"\0" in records:
        raise _FastPathRefused("it holds a NUL byte")
    if file.layout.spaced:
        records = _unpadded(records, delimiter)
    if not _well_quoted(delimiter).fullmatch(records):
        if records.count(b'"') % 2:
            return None
        raise _FastPathRefused("a quote stands in the middle of a field")
    if b"\\" in records and re.search(rb"^\\\.\r?$", records, re.MULTILINE):
        raise _FastPathRefused(r"it has a line \.")
    if file.is_recent:
        lower = records.lower()
        if any(word in lower for word in WORDS) and WORD.search(lower):
            raise _FastPathRefused("it has words that PostgreSQL reads as a time")
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


def _days_of_words() -> tuple[date, date]:
    """The days that now, yesterday, today and tomorrow may mean while a file is staged."""
    today = datetime.now(UTC).date()
    return today - timedelta(days=1), today + timedelta(days=3)


def _is_recent(delivery: Delivery) -> bool:
    """Whether it may tell of the days that words such as today mean."""
    return delivery.end_day is None or delivery.end_day >= _days_of_words()[0]


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


class _Lanes:
    """The connections over which a file is copied: its own, and for a large one another.

    The other fills a table that inherits from the staging table, so that together they are it: a
    piece's rows are numbered from where it lies in the file, by the default of its lane's table.
    The tables of a large file are filled in a transaction each, frozen: whoever reads a row first
    need not look up whether it was committed and note that on its page, to be written again.
    """

    def __init__(self, file: _File, targets: list[str], *, is_large: bool) -> None:
        self._file = file
        self._targets = targets
        self._is_large = is_large
        self._lanes = [(file.conn, file.table_name)]
        self._free = SimpleQueue[tuple["Connection", str]]()
        self._pool = ThreadPoolExecutor(LANES)
        self._taken = deque[tuple[Future[int], int]]()
        self._pieces = self._lines = self._rows = 0
        self._opened = ExitStack()

    def __enter__(self) -> _Lanes:
        with ExitStack() as opened:
            if self._is_large:
                for _ in range(LANES - 1):
                    self._open_another(opened)
                for conn, name in self._lanes:
                    opened.enter_context(conn.transaction())
                    conn.execute(statement("staging/fill").format(lane=staging_table(name)))
            opened.callback(self._pool.shutdown, cancel_futures=True)
            self._opened = opened.pop_all()
        for lane in self._lanes:
            self._free.put(lane)
        return self

    def __exit__(self, *failed: Any) -> None:
        self._opened.__exit__(*failed)

    def take(self, records: bytes) -> None:
        """Copy a piece as soon as a lane is free; returns when not too many wait for one."""
        lines = records.count(b"\n") + (not records.endswith(b"\n"))
        copied = self._pool.submit(self._copy, records, self._lines + 1)
        self._taken.append((copied, lines))
        self._pieces += 1
        self._lines += lines
        if len(self._taken) > LANES:
            self._count(*self._taken.popleft())

    def finish(self) -> int:
        """Wait for all pieces.

        :returns: the number of records.
        """
        while self._taken:
            self._count(*self._taken.popleft())
        return self._rows

    def _open_another(self, opened: ExitStack) -> None:
        from psycopg import OperationalError

        try:
            conn = opened.enter_context(closing(open_another(self._file.conn)))
        except OperationalError as refused:
            log.info("The file goes over %d connection: %s", len(self._lanes), refused)
            return
        name = f"{self._file.table_name}_lane{len(self._lanes)}"
        conn.execute(
            statement("staging/create_lane").format(
                lane=staging_table(name), staging=staging_table(self._file.table_name)
            )
        )
        self._lanes.append((conn, name))

    def _copy(self, records: bytes, first_row: int) -> int:
        from psycopg import sql
        from psycopg.errors import DataError, IntegrityError, ProgramLimitExceeded

        conn, name = self._free.get()
        copy_in = statement("staging/copy").format(
            staging=staging_table(name),
            columns=sql.SQL(", ").join(map(sql.Identifier, self._targets)),
            delimiter=sql.Literal(self._file.layout.delimiter),
            freeze=sql.Literal(self._is_large),
        )
        try:
            conn.execute(
                statement("staging/number"), {"table": f"staging.{name}", "row": first_row}
            )
            with conn.cursor() as cursor:
                with cursor.copy(copy_in) as copy:
                    copy.write(records)
                return cursor.rowcount
        except (DataError, IntegrityError, ProgramLimitExceeded) as refused:
            raise _FastPathRefused(str(refused).splitlines()[0]) from None
        finally:
            self._free.put((conn, name))

    def _count(self, copied: Future[int], lines: int) -> None:
        rows = copied.result()
        if rows != lines and self._is_large:
            raise _FastPathRefused("it is large, and some of its records have more than one line")
        self._rows += rows


def _gather_extras(file: _File) -> list[str]:
    """The staging table's columns in the order of the header, one made for each unknown header."""
    from psycopg import sql

    match = file.layout.match
    extras = [f"_extra_{i}" for i in range(len(match.unknown))]
    if extras:
        columns = [sql.SQL("ADD COLUMN {} text").format(sql.Identifier(e)) for e in extras]
        file.conn.execute(
            statement("staging/gather_extras").format(
                staging=staging_table(file.table_name),
                extra_columns=sql.SQL(", ").join(columns),
                extra_names=sql.SQL(", ").join(map(sql.Identifier, extras)),
                headers=sql.Literal(match.unknown),
            )
        )
    unnamed = iter(extras)
    return [column.name if column else next(unnamed) for column in match.columns]


def _without_header(blocks: Iterator[bytes]) -> Iterator[bytes]:
    head = next(blocks)
    end = re.search(rb"\r\n|\n|\r", head)
    if end:
        yield head[end.end() :]
    yield from blocks


def _doubt(file: _File) -> None:
    """Let COPY refuse what it would take otherwise than it is meant, for the careful path to see.

    An id with blanks around it, a time that PostgreSQL made of a word (today, infinity) or of a
    number of seconds (the year 164582), a number that is none, a time outside of the delivery's
    window.
    """
    from psycopg import sql

    doubts: list[Any] = []
    for column in file.table.columns:
        name = sql.Identifier(column.name)
        if column.type in ("timestamptz", "date"):
            doubts.append(sql.SQL("{0} > 'epoch' AND {0} < '10000-01-01'").format(name))
            if not file.is_recent:
                first, end = map(sql.Literal, _days_of_words())
                doubts.append(sql.SQL("{0} < {1} OR {0} >= {2}").format(name, first, end))
        if column.type in UNPADDED:
            doubts.append(sql.SQL("{0} NOT LIKE ' %' AND {0} NOT LIKE '% '").format(name))
        if column.type in ("numeric", "float8"):
            doubts.append(sql.SQL("{0} > '-Infinity' AND {0} < 'Infinity'").format(name))
    if file.dataset.strategy == "replace_window":
        assert file.dataset.clock is not None
        doubts.append(
            sql.SQL("{0} >= {1}::timestamptz AND {0} < {2}::timestamptz").format(
                sql.Identifier(file.dataset.clock),
                sql.Literal(file.delivery.first_day),
                sql.Literal(file.delivery.end_day),
            )
        )
    if doubts:
        file.conn.execute(
            statement("staging/doubt").format(
                staging=staging_table(file.table_name),
                nothing_doubtful=sql.SQL("\n    AND ").join(
                    sql.SQL("({})").format(doubt) for doubt in doubts
                ),
            )
        )


# --- the careful path -----------------------------------------------------------------------------


def _take_record_by_record(file: _File) -> tuple[int, int]:
    from psycopg import sql

    columns = [c for c in file.layout.match.columns if c]
    identifiers = [sql.Identifier(c.name) for c in columns]
    with file.conn.transaction():
        file.conn.execute(
            statement("staging/create_raw").format(
                columns=sql.SQL(", ").join(sql.SQL("{} text").format(i) for i in identifiers)
            )
        )
        with file.conn.cursor() as cursor, cursor.copy(statement("staging/copy_raw")) as copy:
            for record in _records(file):
                copy.write_row(record)
        create_rejected_table(file.conn, file.table_name)
        counts = file.conn.execute(
            statement("staging/cast").format(
                staging=staging_table(file.table_name),
                rejected=rejected_table(file.table_name),
                columns=sql.SQL(", ").join(identifiers),
                casts=sql.SQL(",\n        ").join(map(_cast, columns)),
                refusals=sql.SQL(",\n        ").join([sql.NULL, *_refusals(file, columns)]),
            )
        ).fetchone()
    assert counts is not None
    return counts["rows_read"], counts["rows_rejected"]


def _cast(column: Column) -> Any:
    from psycopg import sql

    value = sql.Identifier("raw", column.name)
    return sql.SQL("{}({}) AS {}").format(_try(column), value, sql.Identifier(column.name))


def _try(column: Column) -> Any:
    from psycopg import sql

    return sql.Identifier("ops", f"try_{column.type}")


def _refusals(file: _File, columns: list[Column]) -> Iterator[Any]:
    """SQL expressions, each NULL where all is well, else the reason to reject the record."""
    from psycopg import sql

    for column in columns:
        value = sql.Identifier("raw", column.name)
        names = {"value": value, "try": _try(column), "column": sql.Literal(column.name)}
        if column.type != "text":
            yield sql.SQL(
                "CASE WHEN btrim({value}) <> '' AND {try}({value}) IS NULL THEN {column} || ': ' "
                "|| quote_literal(left({value}, 100)) || ' is no ' || {type} END"
            ).format(**names, type=sql.Literal(column.type))
        if column.required:
            yield sql.SQL(
                "CASE WHEN coalesce(btrim({value}), '') = '' AND raw._reason IS NULL "
                "THEN {column} || ' is missing' END"
            ).format(**names)
        if file.dataset.strategy == "replace_window" and column.name == file.dataset.clock:
            first, end = file.delivery.first_day, file.delivery.end_day
            yield sql.SQL(
                "CASE WHEN {try}({value}) < {first}::timestamptz "
                "OR {try}({value}) >= {end}::timestamptz "
                "THEN {column} || ': ' || {value} || {outside} END"
            ).format(
                **names,
                first=sql.Literal(first),
                end=sql.Literal(end),
                outside=sql.Literal(f" is outside the window from {first} to before {end}"),
            )


def _records(file: _File) -> Iterator[list[object]]:
    """The rows of ``raw_record``: ordinal, line, raw text, reason, extras, then the fields."""
    layout = file.layout
    lines = _Lines(_text(file.blocks()))
    reader = csv.reader(
        lines, delimiter=layout.delimiter, skipinitialspace=layout.spaced, strict=True
    )
    next(reader)
    lines.take()
    width = sum(c is not None for c in layout.match.columns)
    ordinal = 0
    while True:
        reason = None
        fields: list[str] = []
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = f"not readable as delimited text: {error}"
        line, raw = lines.take()
        if not raw.strip() and layout.delimiter not in raw:
            continue
        ordinal += 1
        placed: dict[str, str] = {}
        extras: dict[str, object] = {}
        if reason is None:
            reason = _unstorable(raw)
        if reason is None:
            placed, extras, reason = _fit(fields, layout.match, file.dataset)
        values = [placed.get(c.name) or None for c in layout.match.columns if c]
        yield [
            ordinal,
            line,
            _storable(raw.rstrip("\r\n")),
            reason,
            json.dumps(extras) if extras else None,
            *(values if reason is None else [None] * width),
        ]


def _text(blocks: Iterator[bytes]) -> Iterator[str]:
    """The lines of the file with their ends; bytes that are no UTF-8 become lone surrogates.

    Of a line that is too long for a record, what follows is left out.
    """
    with io.TextIOWrapper(
        as_file(blocks),
        encoding="utf-8-sig",
        errors="surrogateescape",
        newline="",
    ) as text:
        while line := text.readline(LONGEST_RECORD + 1):
            yield line
            while len(line) > LONGEST_RECORD and not line.endswith(("\n", "\r")):
                line = text.readline(LONGEST_RECORD + 1)


class _Lines:
    """Hands lines to the csv module and remembers those of the record that it is reading.

    A record that is too long ends there, and the next begins with the next line.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._taken = 0
        self._first = 1
        self._record = io.StringIO()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken += 1
        self._record.write(line)
        if self._record.tell() > LONGEST_RECORD:
            raise csv.Error(f"it is longer than {LONGEST_RECORD} characters")
        return line

    def take(self) -> tuple[int, str]:
        """The number of the line at which the last record began, and its raw text."""
        first, raw = self._first, self._record.getvalue()
        self._first = self._taken + 1
        self._record = io.StringIO()
        return first, raw[:LONGEST_RECORD]


def _unstorable(raw: str) -> str | None:
    if "\0" in raw:
        return "it holds a NUL byte, which text cannot"
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        return f"not valid UTF-8 at character {error.start + 1}"
    return None


def _storable(raw: str) -> str:
    octets = raw.encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "backslashreplace").replace("\0", r"\x00")


def _fit(
    fields: list[str], match: Match, dataset: Dataset
) -> tuple[dict[str, str], dict[str, object], str | None]:
    """Place the fields of a record under the headers.

    A short record is placed only where the registry says what its vendor leaves out and exactly
    one placement makes sense; it is never padded on the right. A loose tail has to have begun:
    else the value before it may be cut off.

    :returns: values by column, what the table has no column for, and the reason to reject it.
    """
    headers = match.headers
    short = len(headers) - len(fields)
    if short == 0:
        return (*_place(fields, match), None)
    if short > 0:
        optional = [i for i, c in enumerate(match.columns) if c and c.name in dataset.left_out]
        placements = [
            _place(aligned, match)
            for gaps in itertools.combinations(optional, short)
            if _makes_sense(aligned := _with_gaps(fields, gaps), match)
        ]
        if len(placements) == 1:
            return (*placements[0], None)
        tail = [i for i, c in enumerate(match.columns) if c and c.name in dataset.loose_tail]
        if tail and tail[-1] == len(headers) - 1 and len(fields) > tail[0]:
            leftover = fields[tail[0] :]
            placed, extras = _place(fields[: tail[0]], match)
            extras["_leftover"] = leftover
            extras["_note"] = (
                f"{short} of the last {len(tail)} values are missing, it is not known which: "
                f"{', '.join(headers[tail[0] :])} stay empty"
            )
            return placed, extras, None
    return {}, {}, f"it has {len(fields)} fields where the header has {len(headers)}"


def _place(fields: list[str], match: Match) -> tuple[dict[str, str], dict[str, object]]:
    placed: dict[str, str] = {}
    extras: dict[str, object] = {}
    for value, column, header in zip(fields, match.columns, match.headers, strict=False):
        if column:
            placed[column.name] = value
        elif value:
            extras[header] = value
    return placed, extras


def _with_gaps(fields: list[str], gaps: tuple[int, ...]) -> list[str]:
    rest = iter(fields)
    return ["" if i in gaps else next(rest) for i in range(len(fields) + len(gaps))]


_LOOKS_LIKE = {
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "role": re.compile(r"[^\W\d][^\d@]*"),
    "int4": re.compile(r"[+-]?\d+(\.0*)?"),
    "int8": re.compile(r"[+-]?\d+(\.0*)?"),
    "numeric": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE),
    "bool": re.compile(r"[01]|true|false|t|f|yes|no", re.IGNORECASE),
    "timestamptz": re.compile(r".*\d{4}.*"),
}


def _makes_sense(fields: list[str], match: Match) -> bool:
    """Whether each value looks like its column's type."""
    for value, column in zip(fields, match.columns, strict=True):
        pattern = _LOOKS_LIKE.get(column.type) if column else None
        if pattern and value.strip() and not pattern.fullmatch(value.strip()):
            return False
    return True
