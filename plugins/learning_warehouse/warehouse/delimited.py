"""A file of delimited text: its header, matched to a table, and the bytes after it.

Knows tables and bytes; knows neither the vendor nor where the bytes lie.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.progress import Progress
from learning_warehouse.streams import decompressed
from learning_warehouse.warehouse.column_types import (
    SHORT_DATE,
    TIMES,
    UNPADDED,
    UUID_IN_CAPITALS,
    days_of_words,
    is_read_as_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.catalogue import Column, Match, Table
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery

BLOCK = 256 * 1024
DELIMITERS = ",\t|"
MOST_COLUMNS = 1000
LONGEST_RECORD = 8 * 1024 * 1024
"""Characters; what is longer is rejected, and its beginning kept."""


class Layout(NamedTuple):
    """What the first block of a file tells about the rest of it.

    :param spaced: whether a blank follows each delimiter, which is no part of a value.
    :param odd: what of its first records COPY would take otherwise than it is meant.
    :param as_text: the columns of times in which it has seconds since 1970, or words for no time.
    """

    delimiter: str
    spaced: bool
    odd: str | None
    match: Match
    as_text: tuple[Column, ...]


class DelimitedFile:
    """A delivery of delimited text, read up to its first block.

    :param stored: its bytes, gzipped or not.
    :raises PermanentFailure: two headers mean one column, a required column is missing, or there is
        no header.
    """

    def __init__(
        self, delivery: Delivery, dataset: Dataset, table: Table, stored: BinaryIO
    ) -> None:
        self.delivery = delivery
        self.dataset = dataset
        self.table = table
        self.size = 0
        self.is_recent = delivery.end_day is None or delivery.end_day >= days_of_words()[0]
        """Whether it may tell of the days that words such as today mean."""
        self._stored = stored
        self._stream = decompressed(stored, delivery.name)
        self._head = self._stream.read(BLOCK)
        self.layout = layout_of(self._head, table, delivery)
        check_header(self.layout, table, dataset, delivery)

    @property
    def whole(self) -> bytes | None:
        """All of its bytes, unpacked; None where there may be more than the first block."""
        return self._head if len(self._head) < BLOCK else None

    @property
    def as_text(self) -> list[Column]:
        """The columns that COPY is to take as text, for a cast at the merge."""
        is_needed = {self.dataset.clock, *(c.name for c in self.table.columns if c.required)}
        return [column for column in self.layout.as_text if column.name not in is_needed]

    @property
    def missing(self) -> list[str]:
        """The table's columns that it lacks."""
        match = self.layout.match
        given = {c.name for c in match.columns if c} | {self.dataset.clock}
        return [c.name for c in self.table.columns if c.name not in given] if match.headers else []

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, unpacked, from the beginning."""
        is_as_stored = self._stream is self._stored
        progress = Progress(
            f"Staging {self.delivery.name}", self.delivery.size if is_as_stored else None
        )
        block = self._head
        while block:
            yield block
            progress.add(len(block))
            self.size = progress.done
            block = self._stream.read(BLOCK) if self.whole is None else b""


def layout_of(head: bytes, table: Table, delivery: Delivery) -> Layout:
    """Read the header in the first block of a file."""
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    header = re.split(r"\r\n|\n|\r", text, maxsplit=1)[0]
    delimiter = max(DELIMITERS, key=header.count)
    reason = unstorable(header) if header or not text.strip() else "its first line is empty"
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
            "zone and ask the vendor; nothing of the file was loaded."
        )
    records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    sample = list(itertools.islice(records, 20))
    match = table.match(_as_wide_as(sample[1:], headers), where=delivery.name)
    return Layout(
        delimiter, _is_spaced(sample, match), _oddity(sample, match), match, _as_text(sample, match)
    )


def _as_wide_as(sample: list[list[str]], headers: list[str]) -> list[str]:
    """The headers, made even with a delimiter at the end of all records or of the header alone."""
    records = [record for record in sample if any(record)]
    widths = {len(record) for record in records}
    if widths and not headers[-1].strip() and max(widths) < len(headers):
        return headers[:-1]
    if widths == {len(headers) + 1} and not any(record[-1].strip() for record in records):
        return [*headers, ""]
    return headers


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


def _oddity(sample: list[list[str]], match: Match) -> str | None:
    if any(SHORT_DATE.match(value) for _, value in _values(sample, match, TIMES)):
        return "it has dates with a year of two digits"
    ids = _values(sample, match, ("identifier",))
    if any(UUID_IN_CAPITALS.fullmatch(value.strip()) for _, value in ids):
        return "it has UUIDs in capitals"
    return None


def _as_text(sample: list[list[str]], match: Match) -> tuple[Column, ...]:
    found = {
        column.name: column
        for column, value in _values(sample, match, TIMES)
        if is_read_as_text(value)
    }
    return tuple(found.values())


def _values(
    sample: list[list[str]], match: Match, types: tuple[str, ...]
) -> Iterator[tuple[Column, str]]:
    """The values of the columns of some types, after the header."""
    for place, column in enumerate(match.columns):
        if column and column.type in types:
            for record in sample[1:]:
                if place < len(record):
                    yield column, record[place]


def check_header(layout: Layout, table: Table, dataset: Dataset, delivery: Delivery) -> None:
    """See that a file has the columns that it needs.

    What its first line says is not repeated: where a header is missing, it is a row.

    :raises PermanentFailure: it has no column of the table, or a required one is missing.
    """
    if not layout.match.headers:
        return
    given = {c.name for c in layout.match.columns if c}
    if not given:
        raise PermanentFailure(
            f"{delivery.name} has no column of {dataset.table} in its first line, among "
            f"{len(layout.match.headers)}: check whether its header is missing or it is another "
            "file; nothing of it was loaded."
        )
    filled = {dataset.clock} if dataset.strategy == "snapshot" else set()
    missing = [c.name for c in table.columns if c.required and c.name not in given | filled]
    if missing:
        raise PermanentFailure(
            f"{delivery.name} has no column {', '.join(missing)}, which {dataset.table} requires; "
            f"of the {len(layout.match.headers)} in its first line these are known: "
            f"{', '.join(sorted(given))}; compare it with the vendor's document. Nothing of the "
            "file was loaded."
        )


def unstorable(raw: str) -> str | None:
    """Why PostgreSQL's text cannot hold this; None if it can."""
    if "\0" in raw:
        return "it holds a NUL byte, which text cannot"
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        return f"not valid UTF-8 at character {error.start + 1}"
    return None
