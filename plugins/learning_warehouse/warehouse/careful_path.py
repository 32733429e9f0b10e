"""The careful path: the csv module finds the records, and the casts of ``ops.try_*`` take each one
or set it aside with its reason.

It keeps each record's line and raw text. Both paths' casts are PostgreSQL's own, so that they agree
wherever the fast one accepts.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from typing import TYPE_CHECKING, Any

from learning_warehouse.streams import as_file
from learning_warehouse.warehouse.column_types import NO_VALUE, TIMES, looks_like, tolerant_cast
from learning_warehouse.warehouse.delimited import LONGEST_RECORD, unstorable
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.catalogue import Column, Match
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.delimited import DelimitedFile
    from learning_warehouse.warehouse.staging_table import StagingTable


def take_record_by_record(file: DelimitedFile, staging: StagingTable) -> tuple[int, int]:
    """Cast a file's records one by one.

    :returns: how many there are, and how many of them were rejected.
    """
    from psycopg import sql

    conn = staging.conn
    columns = [c for c in file.layout.match.columns if c]
    identifiers = [sql.Identifier(c.name) for c in columns]
    staging.refuse_unless(None)
    with staging.filling(file.delivery):
        conn.execute(
            statement("staging/careful", "create").format(
                columns=sql.SQL(", ").join(sql.SQL("{} text").format(i) for i in identifiers)
            )
        )
        with conn.cursor() as cursor, cursor.copy(statement("staging/careful", "copy")) as copy:
            for record in _records(file):
                copy.write_row(record)
        counts = conn.execute(
            statement("staging/careful", "cast").format(
                rows=staging.rows,
                rejected=staging.rejected,
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
    return sql.SQL("{}({}) AS {}").format(tolerant_cast(column), value, sql.Identifier(column.name))


def _refusals(file: DelimitedFile, columns: list[Column]) -> Iterator[Any]:
    """SQL expressions, each NULL where all is well, else the reason to reject the record."""
    from psycopg import sql

    for column in columns:
        value = sql.Identifier("raw", column.name)
        names = {"value": value, "try": tolerant_cast(column), "column": sql.Literal(column.name)}
        if column.type != "text":
            is_none: Any = sql.SQL("")
            if column.type in TIMES and not column.required:
                marks = sql.SQL(", ").join(map(sql.Literal, NO_VALUE))
                is_none = sql.SQL(" AND lower(btrim({})) NOT IN ({})").format(value, marks)
            yield sql.SQL(
                "CASE WHEN btrim({value}) <> '' AND {try}({value}) IS NULL{but} THEN {column} "
                "|| ': ' || quote_literal(left({value}, 100)) || {reason} END"
            ).format(**names, but=is_none, reason=sql.Literal(f" is no {column.type}"))
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


def _records(file: DelimitedFile) -> Iterator[list[object]]:
    """The rows of ``raw_record``: ordinal, line, raw text, reason, extras, then the fields.

    A record over several lines that fits the header in no way began with a quote that nothing
    closes: its first line is rejected, and reading goes on with its second.
    """
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
        placed: dict[str, str] = {}
        extras: dict[str, object] = {}
        unreadable = misfit = None
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            unreadable = f"not readable as delimited text: {error}"
        else:
            if not fields:
                lines.take()
                continue
            placed, extras, misfit = _fit(fields, layout.match, file.dataset, lines.ended)
        beyond = ""
        if lines.many and (unreadable or misfit):
            lines.leave_the_first()
            beyond = ", read to the end of a quote that is open at the end of this line"
        line, raw = lines.take()
        if not raw.strip() and layout.delimiter not in raw:
            continue
        ordinal += 1
        reason = unreadable or unstorable(raw) or misfit
        if reason:
            reason += beyond
        values = [placed.get(c.name) or None for c in layout.match.columns if c]
        yield [
            ordinal,
            line,
            _storable(raw.rstrip("\r\n")),
            reason,
            json.dumps(extras) if extras and reason is None else None,
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

    A record that is too long ends there.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._record: list[str] = []
        self._again: list[str] = []
        """Lines that are to be read again, the last of them first."""
        self._size = 0
        self._first = 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self._record.append(line)
        self._size += len(line)
        if self._size > LONGEST_RECORD:
            raise csv.Error(f"it is longer than {LONGEST_RECORD} characters")
        return line

    @property
    def many(self) -> bool:
        """Whether the record has more than one line."""
        return len(self._record) > 1

    @property
    def ended(self) -> bool:
        """Whether a line end ends the record: else its last value may be cut off."""
        return self._record[-1].endswith(("\n", "\r"))

    def leave_the_first(self) -> None:
        """Let the record be its first line, and read the others again."""
        self._again += reversed(self._record[1:])
        del self._record[1:]

    def take(self) -> tuple[int, str]:
        """The number of the line at which the last record began, and its raw text."""
        first, raw = self._first, "".join(self._record)
        self._first += len(self._record)
        self._record = []
        self._size = 0
        return first, raw[:LONGEST_RECORD]


def _storable(raw: str) -> str:
    octets = raw.encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "backslashreplace").replace("\0", r"\x00")


def _fit(
    fields: list[str], match: Match, dataset: Dataset, ended: bool
) -> tuple[dict[str, str], dict[str, object], str | None]:
    """Place the fields of a record under the headers.

    :param ended: whether a line end follows, so that the last value is whole.
    :returns: values by column, what the table has no column for, and the reason to reject it.
    """
    short = len(match.headers) - len(fields)
    if short == 0:
        return (*_place(fields, match), None)
    reason = f"it has {len(fields)} fields where the header has {len(match.headers)}"
    if short < 0:
        return {}, {}, reason
    tail = _loose_tail(match, dataset)
    if tail is None:
        return _place_in_one_way(fields, match, dataset, ended, reason)
    if len(fields) <= tail:
        # It has not begun, so that the value before it may be cut off.
        return {}, {}, reason
    headers = match.headers[tail:]
    placed, extras = _place(fields[:tail], match)
    extras["_leftover"] = fields[tail:]
    extras["_note"] = (
        f"{short} of the last {len(headers)} values are missing, it is not known "
        f"which: {', '.join(headers)} stay empty"
    )
    return placed, extras, None


def _loose_tail(match: Match, dataset: Dataset) -> int | None:
    """Where the columns begin of which the vendor leaves out some; None if the file has none."""
    loose = [i for i, c in enumerate(match.columns) if c and c.name in dataset.loose_tail]
    if loose and all(c is None or c.name in dataset.loose_tail for c in match.columns[loose[0] :]):
        return loose[0]
    return None


def _place_in_one_way(
    fields: list[str], match: Match, dataset: Dataset, ended: bool, reason: str
) -> tuple[dict[str, str], dict[str, object], str | None]:
    """Place a short record where exactly one reading makes sense.

    It may lack what the registry says that its vendor leaves out, or its end, or both. No more than
    one value may be missing at the end: else it was cut off, perhaps in the middle of a value.
    """
    headers = match.headers
    readings: dict[object, tuple[tuple[int, ...], int, list[str]]] = {}
    for gaps, cut in _readings(match, dataset, len(headers) - len(fields)):
        missing = (*gaps, *range(len(headers) - cut, len(headers)))
        aligned = _with_gaps(fields, missing)
        if _makes_sense(aligned, match):
            filled = tuple((h, v) for h, v in zip(headers, aligned, strict=True) if v.strip())
            readings.setdefault(filled, (missing, cut, aligned))
    if len(readings) > 1:
        lacking = " or ".join(
            " and ".join(headers[i] for i in missing) for missing, _, _ in readings.values()
        )
        return {}, {}, f"{reason}: what is missing may be {lacking}"
    for _, cut, aligned in readings.values():
        if cut == 0 or (cut == 1 and (ended or not fields[-1].strip())):
            placed, extras = _place(aligned, match)
            if cut:
                extras["_note"] = f"it ends before {headers[-1]}, which stays empty"
            return placed, extras, None
    return {}, {}, reason


def _readings(match: Match, dataset: Dataset, short: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """What a record may lack that is so many values short.

    :returns: the columns that its vendor leaves out, and how many values are missing at the end.
    """
    optional = [i for i, c in enumerate(match.columns) if c and c.name in dataset.left_out]
    for number in range(min(short, len(optional)) + 1):
        cut = short - number
        for gaps in itertools.combinations(optional, number):
            if all(gap < len(match.headers) - cut for gap in gaps):
                yield gaps, cut


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


def _makes_sense(fields: list[str], match: Match) -> bool:
    """Whether each value looks like its column's type."""
    return all(
        looks_like(value, column) for value, column in zip(fields, match.columns, strict=True)
    )
