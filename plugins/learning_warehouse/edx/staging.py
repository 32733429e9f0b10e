"""From a tracking log on S3 to a staging table of ``edx.event``, in bounded memory.

The bytes are read where they lie, decrypted, unpacked, cut into lines, and their rows handed to
COPY while the next are made. A stretch of lines that PostgreSQL refuses is read again, carefully;
a row that it refuses even then is rejected with PostgreSQL's own reason.

Knows logs and staging tables; what a line means is the affair of ``events``.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, cast

from learning_warehouse.conn_ids import EDX_CONN_ID, GPG_CONN_ID, LANDING_CONN_ID
from learning_warehouse.edx import gpg
from learning_warehouse.edx.tar import probe
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.progress import Progress
from learning_warehouse.s3 import open_uri
from learning_warehouse.streams import BLOCK, Damaged, Watched, unpacked
from learning_warehouse.warehouse import ledger, staging
from learning_warehouse.warehouse.catalogue import read_table
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    import io
    from collections.abc import Generator, Iterable, Iterator

    from learning_warehouse.edx.events import Care, EventReader, Rejected
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

BLOCKS_A_COPY = 32

LINES_A_BLOCK = 8192
"""More lines than these are so short that they are worth more than their bytes in memory."""


class LogDamaged(PermanentFailure):
    """A log whose bytes cannot be unpacked, now or later."""


def stage_member(
    conn: Connection,
    delivery: Delivery,
    *,
    skip_heartbeat: bool = False,
    conn_id: str = EDX_CONN_ID,
    landing_conn_id: str = LANDING_CONN_ID,
    gpg_conn_id: str = GPG_CONN_ID,
) -> int:
    """Stage a tracking log from where it lies.

    :param delivery: its line of the ledger. Its ``details`` say where it lies: with ``offset``, in
        a plain tar from that byte on; with ``landed``, in the landing zone; else it is an object
        by itself, with that ``etag``.
    :param skip_heartbeat: leave out the servers' own requests for ``/heartbeat``.
    :param conn_id: the Airflow connection of edX's bucket.
    :param landing_conn_id: that of the landing zone.
    :param gpg_conn_id: the one that holds the key of encrypted logs.
    :returns: the id of the line in ``ops.staged``.
    :raises PermanentFailure: its bytes are damaged, cannot be decrypted, or are no longer those
        that were delivered.
    """
    details = delivery.details
    if "offset" in details:
        stored = open_uri(
            delivery.uri, conn_id=conn_id, offset=details["offset"], size=delivery.size
        )
    elif "landed" in details:
        stored = open_uri(delivery.uri, conn_id=landing_conn_id)
    else:
        stored = open_uri(delivery.uri, conn_id=conn_id, etag=details["etag"])
    with stored:
        try:
            return stage_log(
                conn, delivery, stored, skip_heartbeat=skip_heartbeat, gpg_conn_id=gpg_conn_id
            )
        except LogDamaged as damage:
            conn.execute(
                statement("edx/note_problem"),
                {"deliveries": [delivery.delivery_id], "problem": str(damage)},
            )
            raise


def stage_log(
    conn: Connection,
    delivery: Delivery,
    stored: BinaryIO,
    *,
    skip_heartbeat: bool = False,
    gpg_conn_id: str = GPG_CONN_ID,
) -> int:
    """Stage a tracking log from its bytes, packed, encrypted or not; see :func:`stage_member`."""
    with conn.transaction():
        load = _begin(conn, delivery, skip_heartbeat=skip_heartbeat)
        with closing(_lines(delivery, stored, gpg_conn_id)) as lines:
            load.take(lines)
        return load.finish(delivery)


def stage_rejects(conn: Connection, delivery: Delivery, *, skip_heartbeat: bool = False) -> int:
    """Stage those of a log's rejected lines that are events by the rules of today.

    They have the ``_row`` that they have in the log. What cannot be read again: of a line that was
    too long only the beginning was kept, and of some lines the bytes cannot be told for certain
    (see :func:`learning_warehouse.edx.events.as_bytes`).

    :returns: the id of the line in ``ops.staged``.
    """
    from learning_warehouse.edx.events import as_bytes

    with conn.transaction():
        load = _begin(conn, delivery, skip_heartbeat=skip_heartbeat)
        numbers: list[int] = []
        lines: list[bytes] = []
        size = 0
        with conn.cursor("rejected_lines") as cursor:
            cursor.itersize = 20
            cursor.execute(statement("edx/rejected_lines"), {"delivery_id": delivery.delivery_id})
            for row in cursor:
                numbers.append(row["_row"])
                lines.append(as_bytes(row["raw"]))
                size += len(lines[-1])
                if size > BLOCK * BLOCKS_A_COPY:
                    load.take(iter([lines]))
                    lines, size = [], 0
        load.take(iter([lines]))
        load.number(numbers)
        return load.finish(delivery)


def _begin(conn: Connection, delivery: Delivery, *, skip_heartbeat: bool) -> _Load:
    from learning_warehouse.edx.events import EventReader

    table_name = staging.create_staging_table(conn, read_table(conn, delivery.dataset), delivery)
    reader = EventReader(_kinds(conn), skip_heartbeat=skip_heartbeat)
    return _Load(conn, reader, table_name)


def _kinds(conn: Connection) -> dict[tuple[str | None, str], str]:
    aliases = conn.execute(statement("edx/kinds"))
    return {(a["event_source"], a["event_type"]): a["event_kind"] for a in aliases}


# --- from bytes to lines --------------------------------------------------------------------------


def _lines(
    delivery: Delivery, stored: BinaryIO, gpg_conn_id: str
) -> Generator[list[bytes], None, None]:
    """The lines of a log, block by block.

    :raises PermanentFailure: after the last block that could be read.
    """
    from learning_warehouse.edx.repair import LONGEST_LINE

    progress = Progress(f"Staging {delivery.name}")
    watched = Watched(stored)
    rest = b""
    damage: Exception | None = None
    with ExitStack() as stack:
        message = _message(delivery, watched, gpg_conn_id, stack)
        try:
            stream = unpacked(message or watched)
            while block := stream.read(BLOCK):
                progress.add(len(block))
                lines = block.split(b"\n")
                if len(rest) <= LONGEST_LINE:
                    lines[0] = (rest + lines[0])[: LONGEST_LINE + 1]
                else:
                    lines[0] = rest
                rest = lines.pop()
                for first in range(0, len(lines) or 1, LINES_A_BLOCK):
                    yield lines[first : first + LINES_A_BLOCK]
        except Damaged as found:
            damage = found
        if message:
            try:
                message.finish()
            except gpg.Sealed as found:
                damage = found
    watched.drain()
    if not _is_as_found(delivery, watched):
        raise PermanentFailure(
            f"{delivery.name} is no longer what it was when it was found, other bytes lie at "
            f"{delivery.uri} now: clear the task unpack, which looks again."
        )
    if isinstance(damage, gpg.Sealed):
        raise PermanentFailure(
            f"{delivery.name} in {delivery.uri} cannot be decrypted, nothing of it was loaded: "
            f"{damage}."
        )
    if damage is not None:
        raise LogDamaged(
            f"{delivery.name} in {delivery.uri} is damaged ({damage}), nothing of it was loaded: "
            "ask edX to deliver it again."
        )
    yield [rest]


def _message(
    delivery: Delivery, sealed: io.RawIOBase, gpg_conn_id: str, stack: ExitStack
) -> gpg.Message | None:
    """The content of a log that its name says is encrypted."""
    if not delivery.name.endswith(".gpg"):
        return None
    key = gpg.key_of(gpg_conn_id)
    if key is None:
        raise PermanentFailure(
            f"{delivery.name} is encrypted, and no connection '{gpg_conn_id}' holds a key any "
            "more: add it again, then clear this task."
        )
    return stack.enter_context(gpg.opened(cast(BinaryIO, sealed), key))


def _is_as_found(delivery: Delivery, watched: Watched) -> bool:
    """Whether the bytes that passed are those that were delivered; of an object S3 sees to it."""
    if watched.size != delivery.size:
        return False
    if not {"offset", "landed"} & delivery.details.keys():
        return True
    return delivery.version.endswith(f"-{probe(delivery.name, watched.head, watched.tail)}")


# --- from lines to the table ----------------------------------------------------------------------


class _Load:
    """The staging table of one log, as it fills."""

    def __init__(self, conn: Connection, reader: EventReader, table_name: str) -> None:
        from psycopg import errors, sql

        from learning_warehouse.edx.events import COLUMNS

        self.records = 0
        self.rejected = 0
        self.filtered = 0
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

    def number(self, numbers: list[int]) -> None:
        """Give each row the number that stands at its place in ``numbers``."""
        query = statement("edx/number").format(staging=staging.staging_table(self._table_name))
        self._conn.execute(query, {"numbers": numbers})

    def finish(self, delivery: Delivery) -> int:
        """Write down what was loaded.

        :returns: the id of the line in ``ops.staged``.
        """
        new = sorted(self._reader.unknown_fields)
        ledger.note_schema_changes(self._conn, delivery, new=new, missing=())
        return staging.record_staged(
            self._conn,
            delivery=delivery,
            table_name=self._table_name,
            rows_read=self.records,
            rows_rejected=self.rejected,
            rows_filtered=self.filtered,
        )

    def _take_with_care(self, stretch: list[list[bytes]]) -> None:
        cares: tuple[Care, ...] = ("suspects", "all")
        for care in cares:
            try:
                return self._take(stretch, care=care)
            except self._refused as refusal:
                log.debug("More careful from there on: %s", _first_line(refusal))
        self._take_by_halves([content for lines in stretch for content in lines])

    def _take_by_halves(self, lines: list[bytes]) -> None:
        """Load lines down to the single ones that PostgreSQL refuses."""
        from learning_warehouse.edx.events import Rejected, as_text

        middle = len(lines) // 2
        for half in (lines[:middle], lines[middle:]):
            try:
                self._take([half], care="all")
            except self._refused as refusal:
                if len(half) > 1:
                    self._take_by_halves(half)
                    continue
                self.records += 1
                self._lines += 1
                self._reject(
                    [Rejected(self.records, self._lines, as_text(half[0]), _first_line(refusal))]
                )

    def _take(self, stretch: Iterable[list[bytes]], *, care: Care) -> None:
        """Copy the rows of some lines; what PostgreSQL refuses leaves no trace."""
        lines_before, records, filtered = self._lines, self.records, self.filtered
        rejected: list[Rejected] = []
        with self._conn.transaction():
            with self._conn.cursor() as cursor, cursor.copy(self._copy) as copy:
                for lines in stretch:
                    block = self._reader.read(
                        lines, line=lines_before + 1, first=records + 1, care=care
                    )
                    copy.write("".join(block.rows))
                    lines_before += len(lines)
                    records += block.records
                    filtered += block.filtered
                    rejected += block.rejected
            self._reject(rejected)
        self._lines, self.records, self.filtered = lines_before, records, filtered

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
