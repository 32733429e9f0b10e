"""Erased people in the landing zone: each object that names one is written again without them.

An object keeps its key, and its delivery the vendor's version; size and note say what lies there
now. What is killed is done again: an object without erased people is left as it is. Knows CSV files
and tracking logs as lines; knows no source.
"""

from __future__ import annotations

import csv
import gzip
import io
import logging
from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from learning_warehouse.errors import Failures, PermanentFailure
from learning_warehouse.s3 import open_uri
from learning_warehouse.streams import BLOCK, Damaged, as_file, unpacked
from learning_warehouse.warehouse.catalogue import read_table
from learning_warehouse.warehouse.delimited import DELIMITERS, LONGEST_RECORD
from learning_warehouse.warehouse.erasing import ROW, named_in
from learning_warehouse.warehouse.sql import statement
from learning_warehouse.warehouse.tombstones import Identity, named_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learning_warehouse.landing import LandingZone
    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.erasing import LookUp

log = logging.getLogger(__name__)

RECORDS_AT_A_TIME = 5000
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
SEALED = ".gpg"
LOGS = "edx.event"
"""The table whose files have a JSON object in each line."""


class _Column(NamedTuple):
    identifies: str
    side: str


def erase(conn: Connection, zone: LandingZone, look_up: LookUp, tables: list[str]) -> Counter[str]:
    """Write again what landed of these tables, where it names erased people, and remove the
    versions that the bucket keeps of it.

    :returns: how many records went, or lost a mention, by table.
    :raises PermanentFailure: a file could not be read; the others are done.
    """
    removed: Counter[str] = Counter()
    sealed = 0
    failures = Failures()
    for line in conn.execute(
        statement("stewardship/landed", "deliveries"), {"tables": tables, "place": zone.url}
    ).fetchall():
        if line["name"].endswith(SEALED):
            sealed += 1
            continue
        with failures.apart(line["name"]):
            uris = line["details"].get("assets") or [line["uri"]]
            files = [_File(conn, zone, look_up, line, uri) for uri in uris]
            removed[line["dataset"]] += sum(file.clean() for file in files)
            size = sum(file.size for file in files)
            if line["size"] not in (None, size):
                _note(conn, zone, line, size)
    if sealed:
        log.warning(
            "%d encrypted logs in %s are not looked into: remove them there once their events are "
            "loaded, if erased people may be in them.", sealed, zone.url,
        )  # fmt: skip
    failures.raise_any()
    return +removed


def _note(conn: Connection, zone: LandingZone, line: dict[str, Any], size: int) -> None:
    """What lies there now, in the ledger and in the note of the delivery."""
    from psycopg.types.json import Jsonb

    from learning_warehouse import delivery_notes

    details = {**line["details"], "rewritten": True}
    delivery_notes.write(zone, {**line, "size": size, "details": details})
    conn.execute(
        statement("stewardship/landed", "note"),
        {"delivery_id": line["delivery_id"], "size": size, "details": Jsonb(details)},
    )


class _File:
    """An object of a delivery."""

    def __init__(
        self, conn: Connection, zone: LandingZone, look_up: LookUp, line: dict[str, Any], uri: str
    ) -> None:
        self._conn = conn
        self._zone = zone
        self._look_up = look_up
        self._table: str = line["dataset"]
        self._origin: str = line["origin"]
        self._source = self._table.partition(".")[0]
        self._uri = uri
        self.size = zone.size_of(uri)

    def clean(self) -> int:
        """Write it again, if it names erased people.

        :returns: how many records were changed.
        """
        if not self.size:
            return 0
        changed = sum(before != after for before, after in self._records())
        if changed:
            blocks = (after for _, after in self._records() if after)
            packed = self._is_packed()
            body = as_file(_gzipped(blocks) if packed else blocks)
            key = self._uri.removeprefix(self._zone.url)
            _, self.size = self._zone.put_stream(key, body)
        self._zone.remove_older(self._uri.removeprefix(self._zone.url))
        return changed

    def _is_packed(self) -> bool:
        with open_uri(self._uri) as stored:
            return stored.read(8).startswith(PACKED)

    def _records(self) -> Iterator[tuple[bytes, bytes]]:
        """Each record as it is, and as it may stay; nothing in place of one that goes."""
        with open_uri(self._uri) as stored:
            lines = lines_of(unpacked(stored, self._uri))  # type: ignore[arg-type]
            try:
                yield from self._of_log(lines) if self._table == LOGS else self._of_csv(lines)
            except Damaged as damage:
                raise PermanentFailure(
                    f"{self._uri} is damaged ({damage}), so that erased people cannot be taken out "
                    "of it: look at it, and remove it if its rows are loaded."
                ) from None

    def _of_csv(self, lines: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
        header = next(lines, b"")
        text = header.decode("utf-8-sig", "replace")
        delimiter = max(DELIMITERS, key=text.count)
        headers = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True), [])
        columns = self._columns(read_table(self._conn, self._table), headers)
        is_told = columns is not None
        if columns is None:  # What is no header is a record, too.
            columns = []
            lines = chain([header], lines)
        else:
            yield header, header

        def values(record: bytes) -> list[str]:
            return next(csv.reader([record.decode("utf-8", "replace")], delimiter=delimiter), [])

        records = records_of(lines, lambda record: len(values(record)) == len(headers))
        while some := list(islice(records, RECORDS_AT_A_TIME)):
            rows = [values(record) for record in some]
            names = [
                [
                    named_by(column.identifies, self._source, self._origin, value)
                    for column, value in zip(columns, row, strict=False)
                    if column and column.identifies
                ]
                for row in rows
            ]
            found = self._look_up({one for row in names for of in row for one in of})
            odd = {
                n: r.decode("utf-8", "replace")
                for n, (r, row) in enumerate(zip(some, rows, strict=True))
                if not is_told or len(row) != len(headers)
            }
            dropped = named_in(self._look_up, self._table, self._origin, odd)
            for n, (record, row) in enumerate(zip(some, rows, strict=True)):
                yield (
                    record,
                    b"" if n in dropped else self._kept(record, row, columns, found, delimiter),
                )

    def _kept(
        self, record: bytes, row: list[str], columns: list[_Column | None],
        found: dict[Identity, str], delimiter: str,
    ) -> bytes:  # fmt: skip
        sides = {
            column.side
            for column, value in zip(columns, row, strict=False)
            if column
            and found.keys() & named_by(column.identifies, self._source, self._origin, value)
        }
        if ROW in sides:
            return b""
        if not sides:
            return record
        emptied = [
            "" if column and column.side in sides else value
            for value, column in zip(row, [*columns, *[None] * len(row)], strict=False)
        ]
        written = io.StringIO()
        end = record[len(record.rstrip(b"\r\n")) :].decode()
        csv.writer(written, delimiter=delimiter, lineterminator=end).writerow(emptied)
        return written.getvalue().encode()

    def _columns(self, table: Table, headers: list[str]) -> list[_Column | None] | None:
        """Of each header whom it names, and on which side; those that are emptied with it too.

        :returns: None for headers of which none means a column, or two mean the same.
        """
        said = {
            row["name"]: _Column(row["identifies"] or "", row["side"])
            for row in self._conn.execute(
                statement("stewardship/people", "columns"), {"table": self._table}
            )
        }
        try:
            matched = table.match(headers, where=self._uri).columns
        except PermanentFailure:
            return None
        if not any(matched):
            return None
        return [said.get(column.name) if column else None for column in matched]

    def _of_log(self, lines: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
        while some := list(islice(lines, RECORDS_AT_A_TIME)):
            names: list[set[Identity]] = []
            odd: dict[int, str] = {}
            for n, content in enumerate(some):
                try:
                    event = _event(content)
                    whom = {
                        *named_by("username", self._source, self._origin, event.username),
                        *named_by("user_id", self._source, self._origin, event.user_id),
                    }
                except (ValueError, RecursionError):
                    whom = set()
                    odd[n] = content.decode("utf-8", "replace")
                names.append(whom)
            found = self._look_up({one for whom in names for one in whom})
            dropped = named_in(self._look_up, self._table, self._origin, odd)
            for n, content in enumerate(some):
                yield content, b"" if n in dropped or names[n] & found.keys() else content


class _Context(msgspec.Struct):
    user_id: int | str | None = None


class _Event(msgspec.Struct):
    username: str | None = None
    context: _Context | str | None = None

    @property
    def user_id(self) -> int | str | None:
        return self.context.user_id if isinstance(self.context, _Context) else None


_event = msgspec.json.Decoder(_Event).decode


def lines_of(stream: Any) -> Iterator[bytes]:
    """Lines with their ends, which some files write as CR alone."""
    rest = block = stream.read(BLOCK)
    end = b"\n" if b"\n" in block else b"\r"
    while block:
        *lines, rest = rest.split(end)
        yield from (line + end for line in lines)
        block = stream.read(BLOCK)
        rest += block
    if rest:
        yield rest


def records_of(lines: Iterator[bytes], fits: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Records: a line, or several where a value in quotes has line ends.

    As in loading, several lines that do not fit together began with a quote that nothing closes:
    the first of them is a record, and reading goes on with the second.

    :param fits: whether a record has as many values as the header.
    """
    again: list[bytes] = []
    record: list[bytes] = []
    size, is_open = 0, False
    while True:
        line = again.pop() if again else next(lines, b"")
        if not (line or record):
            return
        record.append(line)
        size += len(line)
        is_open ^= line.count(b'"') % 2 == 1
        if is_open and line and size <= LONGEST_RECORD:
            continue
        whole = b"".join(record)
        if len(record) > 1 and (is_open or not fits(whole)):
            again += (one for one in reversed(record[1:]) if one)
            whole = record[0]
        yield whole
        record, size, is_open = [], 0, False


def _gzipped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as writer:
        for block in blocks:
            writer.write(block)
            if packed.tell() > 1024 * 1024:
                yield packed.getvalue()
                packed.seek(0)
                packed.truncate()
    yield packed.getvalue()
