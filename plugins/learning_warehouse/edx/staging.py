"""From a member of a tar on S3 to a staging table of ``edx.event``, in bounded memory.

The bytes are read in place by their range, gunzipped, cut into lines, and their rows handed to
COPY while the next are made. A stretch of lines that PostgreSQL refuses is read again, carefully;
a row that it refuses even then is rejected with PostgreSQL's own reason.

Knows members and staging tables; what a line means is the affair of ``events``.
"""

from __future__ import annotations

import io
import logging
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from learning_warehouse.edx.tar import PROBE, probe
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.landing import open_uri
from learning_warehouse.progress import Progress
from learning_warehouse.warehouse import ledger, staging
from learning_warehouse.warehouse.catalogue import read_table
from learning_warehouse.warehouse.dataset import Dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learning_warehouse.edx.events import Care, EventReader, Rejected
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

EDX_CONN_ID = "edx_tracking_logs"

EVENTS = Dataset(name="event", table="edx.event", strategy="append_once", clock="time")

BLOCK = 256 * 1024
BLOCKS_A_COPY = 32


def stage_member(conn: Connection, delivery: Delivery, *, conn_id: str = EDX_CONN_ID) -> int:
    """Stage a tracking log that lies in a plain tar.

    :param delivery: its line of the ledger; ``details["offset"]`` says where in the tar it begins.
    :param conn_id: the Airflow connection of the bucket.
    :returns: the id of the line in ``ops.staged``.
    :raises PermanentFailure: its bytes are damaged, or no longer those that were delivered.
    """
    with open_uri(
        delivery.uri, conn_id=conn_id, offset=delivery.details["offset"], size=delivery.size
    ) as stored:
        return stage_log(conn, delivery, stored)


def stage_log(conn: Connection, delivery: Delivery, stored: BinaryIO) -> int:
    """Stage a tracking log from its bytes, gzipped or not; see :func:`stage_member`."""
    from learning_warehouse.edx.events import EventReader

    with conn.transaction():
        table_name = staging.create_staging_table(conn, read_table(conn, EVENTS.table), delivery)
        reader = EventReader(_kinds(conn))
        load = _Load(conn, reader, table_name)
        load.take(_lines(delivery, stored))
        ledger.note_schema_changes(conn, delivery, new=sorted(reader.unknown_fields), missing=())
        return staging.record_staged(
            conn,
            delivery=delivery,
            table_name=table_name,
            rows_read=load.records,
            rows_rejected=load.rejected,
        )


def _kinds(conn: Connection) -> dict[tuple[str | None, str], str]:
    aliases = conn.execute(statement("edx/kinds"))
    return {(a["event_source"], a["event_type"]): a["event_kind"] for a in aliases}


# --- from bytes to lines --------------------------------------------------------------------------


def _lines(delivery: Delivery, stored: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a log, block by block.

    :raises PermanentFailure: after the last block that could be read.
    """
    from learning_warehouse.edx.events import LONGEST_LINE

    progress = Progress(f"Staging {delivery.name}")
    watched = _Watched(stored)
    rest = b""
    damage: Exception | None = None
    try:
        stream = staging.decompressed(cast(BinaryIO, watched))
        while block := stream.read(BLOCK):
            progress.add(len(block))
            lines = block.split(b"\n")
            lines[0] = rest + lines[0]
            rest = lines.pop()[: LONGEST_LINE + 1]
            yield lines
    except staging.GZIP_DAMAGE as error:
        damage = error
        watched.readall()
    found = probe(delivery.name, watched.head, watched.tail)
    if watched.size != delivery.size or not delivery.version.endswith(f"-{found}"):
        raise PermanentFailure(
            f"{delivery.name} is no longer what it was when {delivery.uri} was walked, another tar "
            "lies there now: clear the task unpack, which walks it again."
        )
    if damage is not None:
        raise PermanentFailure(
            f"{delivery.name} in {delivery.uri} is damaged ({damage}), nothing of it was loaded: "
            "ask edX to deliver it again."
        )
    yield [rest]


class _Watched(io.RawIOBase):
    """A stream that remembers of what passed: its size, its first bytes and its last."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0
        self.head = self.tail = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        seen = self._stream.read(len(buffer))
        buffer[: len(seen)] = seen
        self.size += len(seen)
        self.head += seen[: PROBE - len(self.head)]
        self.tail = seen[-PROBE:] if len(seen) >= PROBE else (self.tail + seen)[-PROBE:]
        return len(seen)


# --- from lines to the table ----------------------------------------------------------------------


class _Load:
    """The staging table of one log, as it fills."""

    def __init__(self, conn: Connection, reader: EventReader, table_name: str) -> None:
        from psycopg import errors, sql

        from learning_warehouse.edx.events import COLUMNS

        self.records = 0
        self.rejected = 0
        self._lines = 0
        self._conn = conn
        self._reader = reader
        self._table_name = table_name
        self._refused = (
            errors.DataError, errors.ProgramLimitExceeded, errors.StatementTooComplex
        )  # fmt: skip
        self._copy = statement("edx/copy").format(
            staging=staging.staging_table(table_name),
            columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        )

    def take(self, blocks: Iterator[list[bytes]]) -> None:
        """Load lines, stretch by stretch: each is kept until PostgreSQL has taken it."""
        more = True
        while more:
            stretch: list[list[bytes]] = []
            try:
                self._take(_kept(islice(blocks, BLOCKS_A_COPY), stretch), care="none")
            except self._refused as refusal:
                log.debug("Careful from line %d on: %s", self._lines + 1, _first_line(refusal))
                self._take_with_care(stretch)
            more = len(stretch) == BLOCKS_A_COPY

    def _take_with_care(self, stretch: list[list[bytes]]) -> None:
        cares: tuple[Care, ...] = ("suspects", "all")
        for care in cares:
            try:
                return self._take(stretch, care=care)
            except self._refused as refusal:
                log.debug("More careful from there on: %s", _first_line(refusal))
        for lines in stretch:
            for content in lines:
                self._take_alone(content)

    def _take_alone(self, content: bytes) -> None:
        from learning_warehouse.edx.events import Rejected, as_text

        try:
            self._take([[content]], care="all")
        except self._refused as refusal:
            self.records += 1
            self._lines += 1
            self._reject(
                [Rejected(self.records, self._lines, as_text(content), _first_line(refusal))]
            )

    def _take(self, stretch: Iterable[list[bytes]], *, care: Care) -> None:
        """Copy the rows of some lines; what PostgreSQL refuses leaves no trace."""
        lines_before, records = self._lines, self.records
        rejected: list[Rejected] = []
        with self._conn.transaction():
            with self._conn.cursor() as cursor, cursor.copy(self._copy) as copy:
                for lines in stretch:
                    block = self._reader.read(
                        lines, line=lines_before + 1, row=records + 1, care=care
                    )
                    copy.write("".join(block.rows))
                    lines_before += len(lines)
                    records += block.records
                    rejected += block.rejected
            self._reject(rejected)
        self._lines, self.records = lines_before, records

    def _reject(self, rejected: list[Rejected]) -> None:
        if not rejected:
            return
        if not self.rejected:
            staging.create_rejected_table(self._conn, self._table_name)
        copy_rejected = statement("edx/copy_rejected").format(
            rejected=staging.rejected_table(self._table_name)
        )
        with self._conn.cursor() as cursor, cursor.copy(copy_rejected) as copy:
            for row in rejected:
                copy.write_row(row)
        self.rejected += len(rejected)


def _kept(blocks: Iterable[list[bytes]], stretch: list[list[bytes]]) -> Iterator[list[bytes]]:
    for lines in blocks:
        stretch.append(lines)
        yield lines


def _first_line(refusal: Exception) -> str:
    return str(refusal).splitlines()[0]
