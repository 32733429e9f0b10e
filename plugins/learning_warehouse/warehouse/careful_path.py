"""The careful path: the csv module finds the records, and the casts of ``ops.try_*`` take each one
or set it aside with its reason.

It keeps each record's line and raw text. Both paths' casts are PostgreSQL's own, so that they agree
wherever the fast one accepts.
"""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from learning_warehouse.streams import as_file
from learning_warehouse.warehouse.column_types import NO_VALUE, TIMES, tolerant_cast
from learning_warehouse.warehouse.delimited import LONGEST_RECORD, unstorable
from learning_warehouse.warehouse.placing import fit
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learning_warehouse.warehouse.catalogue import Column
    from learning_warehouse.warehouse.delimited import DelimitedFile
    from learning_warehouse.warehouse.staging_table import StagingTable


def take_record_by_record(file: DelimitedFile, staging: StagingTable) -> tuple[int, int]:
    """Cast a file's records one by one.

    :returns: how many there are, and how many of them were rejected.
    """
    with staging.filling(file.delivery):
        raw = RawRecords(file, staging)
        reader = RecordReader(file, _text(file.blocks()))
        reader.skip_header()
        return raw.take(reader.rows()), raw.cast()


class RawRecords:
    """Records of a file as text, on their way through the casts of ``ops.try_*``."""

    def __init__(self, file: DelimitedFile, staging: StagingTable) -> None:
        self._file = file
        self._staging = staging
        self._columns = [c for c in file.layout.match.columns if c]
        self._is_made = False

    def take(self, records: Iterable[list[object]]) -> int:
        """Put records into the table of raw ones.

        :returns: how many there were.
        """
        from psycopg import sql

        conn = self._staging.conn
        if not self._is_made:
            names = [sql.Identifier(column.name) for column in self._columns]
            conn.execute(
                statement("staging/careful", "create").format(
                    columns=sql.SQL(", ").join(sql.SQL("{} text").format(i) for i in names)
                )
            )
            self._is_made = True
        with conn.cursor() as cursor:
            with cursor.copy(statement("staging/careful", "copy")) as copy:
                for record in records:
                    copy.write_row(record)
            return cursor.rowcount

    def cast(self) -> int:
        """Put those that the casts take into the staging table, and the others with their reasons
        into that for rejected rows.

        :returns: how many were rejected.
        """
        from psycopg import sql

        if not self._is_made:
            return 0
        staging, columns = self._staging, self._columns
        staging.conn.execute(statement("staging/careful", "is_cast"))
        names = [sql.Identifier(column.name) for column in columns]
        cast = staging.conn.execute(
            statement("staging/careful", "cast").format(
                rows=staging.rows,
                rejected=staging.rejected,
                columns=sql.SQL(", ").join(names),
                casts=sql.SQL(",\n        ").join(map(_cast, columns)),
                refusals=sql.SQL(",\n        ").join([sql.NULL, *_refusals(self._file, columns)]),
            )
        )
        return cast.rowcount


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


class RecordReader:
    """Reads the records of a file by the csv module.

    A record over several lines that fits the header in no way began with a quote that nothing
    closes: its first line is rejected, and reading goes on with its second.

    :param lines: with their ends; bytes that are no UTF-8 are lone surrogates.
    :param line: the number of the first of them.
    :param ordinal: how many records there are before it.
    """

    def __init__(
        self, file: DelimitedFile, lines: Iterator[str], *, line: int = 1, ordinal: int = 0
    ) -> None:
        layout = file.layout
        self._layout = layout
        self._dataset = file.dataset
        self._ordinal = ordinal
        self._lines = _Lines(lines, line)
        self._reader = csv.reader(
            self._lines, delimiter=layout.delimiter, skipinitialspace=layout.spaced, strict=True
        )

    @property
    def line(self) -> int:
        """The number of the line that is read next."""
        return self._lines.first

    def skip_header(self) -> None:
        """Pass the first record by."""
        next(self._reader)
        self._lines.take()

    def rows(self) -> Iterator[list[object]]:
        """The rest of them, as rows of ``raw_record``."""
        with suppress(StopIteration):
            while True:
                if row := self.read():
                    yield row

    def read(self) -> list[object] | None:
        """The next row of ``raw_record``: ordinal, line, raw text, reason, extras, then the fields.

        :returns: None for a blank line, which is no record.
        :raises StopIteration: there is none.
        """
        match = self._layout.match
        placed: dict[str, str] = {}
        extras: dict[str, object] = {}
        unreadable = misfit = None
        try:
            fields = next(self._reader)
        except csv.Error as error:
            unreadable = f"not readable as delimited text: {error}"
        else:
            if not fields:
                self._lines.take()
                return None
            placed, extras, misfit = fit(fields, match, self._dataset, self._lines.ended)
        beyond = ""
        if self._lines.many and (unreadable or misfit):
            self._lines.leave_the_first()
            beyond = ", read to the end of a quote that is open at the end of this line"
        line, raw = self._lines.take()
        if not raw.strip() and self._layout.delimiter not in raw:
            return None
        self._ordinal += 1
        reason = unreadable or unstorable(raw) or misfit
        values = [placed.get(c.name) or None for c in match.columns if c]
        return [
            self._ordinal,
            line,
            _storable(raw.rstrip("\r\n")),
            reason and reason + beyond,
            json.dumps(extras) if extras and reason is None else None,
            *(values if reason is None else [None] * len(values)),
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

    def __init__(self, lines: Iterator[str], first: int) -> None:
        """:param first: the number of the first line."""
        self.first = first
        self._lines = lines
        self._record: list[str] = []
        self._again: list[str] = []
        """Lines that are to be read again, the last of them first."""
        self._size = 0

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
        first, raw = self.first, "".join(self._record)
        self.first += len(self._record)
        self._record = []
        self._size = 0
        return first, raw[:LONGEST_RECORD]


def _storable(raw: str) -> str:
    octets = raw.encode("utf-8", "surrogateescape")
    return octets.decode("utf-8", "backslashreplace").replace("\0", r"\x00")
