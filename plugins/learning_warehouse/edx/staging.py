"""From a tracking log on S3 to a staging table of ``edx.event``, in bounded memory.

The bytes are read where they lie, decrypted, unpacked, cut into lines, and their rows handed to
COPY while the next are made. A stretch of lines that PostgreSQL refuses is read again, carefully;
a row that it refuses even then is rejected with PostgreSQL's own reason.

Knows logs and staging tables; what a line means is known to ``events``.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, cast

from learning_warehouse.conn_ids import EDX_CONN_ID, GPG_CONN_ID, LANDING_CONN_ID
from learning_warehouse.edx import gpg
from learning_warehouse.edx.members import TarMembers
from learning_warehouse.edx.tar import probe
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.progress import Progress
from learning_warehouse.s3 import open_uri
from learning_warehouse.streams import BLOCK, Damaged, Watched, unpacked
from learning_warehouse.warehouse.sql import statement
from learning_warehouse.warehouse.staging_table import Staged

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from learning_warehouse.edx.events import Care, EventReader, Rejected
    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader, StagingTable

    Kinds = dict[tuple[str | None, str], str]
    """(event source or None for any, spelling) to event kind."""

log = logging.getLogger(__name__)

BLOCKS_A_COPY = 32

LINES_A_BLOCK = 8192
"""More lines than these are so short that they are worth more than their bytes in memory."""


class LogDamaged(PermanentFailure):
    """A log whose bytes cannot be unpacked, now or later."""


def log_reader(
    deliveries: Sequence[Delivery],
    *,
    skip_heartbeat: bool = False,
    conn_id: str = EDX_CONN_ID,
    landing_conn_id: str = LANDING_CONN_ID,
    gpg_conn_id: str = GPG_CONN_ID,
) -> Reader:
    """Reads tracking logs from where they lie.

    The ``details`` of a delivery say where that is: with ``offset``, in a plain tar from that byte
    on; with ``landed``, in the landing zone; else it is an object of its own, with that ``etag``.

    :param deliveries: what is going to be read, in that order.
    :param skip_heartbeat: leave out the servers' own requests for ``/heartbeat``.
    :param conn_id: the Airflow connection of edX's bucket.
    :param landing_conn_id: that of the landing zone.
    :param gpg_conn_id: the one that holds the key of encrypted logs.
    """
    members = TarMembers(deliveries, conn_id)
    kinds = cache(kinds_of)

    @contextmanager
    def read(table: Table, delivery: Delivery) -> Iterator[IncomingLog]:
        details = delivery.details
        if "offset" in details:
            stored = members.open(delivery)
        elif "landed" in details:
            stored = open_uri(delivery.uri, conn_id=landing_conn_id)
        else:
            stored = open_uri(delivery.uri, conn_id=conn_id, etag=details["etag"])
        with stored:
            yield IncomingLog(
                delivery, stored, skip_heartbeat=skip_heartbeat, gpg_conn_id=gpg_conn_id,
                kinds=kinds,
            )  # fmt: skip

    return read


class IncomingLog:
    """A tracking log on its way into a staging table.

    :param stored: its bytes, packed, encrypted or not.
    """

    unknown_headers = ()
    small = None

    def __init__(
        self,
        delivery: Delivery,
        stored: BinaryIO,
        *,
        skip_heartbeat: bool = False,
        gpg_conn_id: str = GPG_CONN_ID,
        kinds: Callable[[Connection], Kinds] | None = None,
    ) -> None:
        self._delivery = delivery
        self._stored = stored
        self._skip_heartbeat = skip_heartbeat
        self._gpg_conn_id = gpg_conn_id
        self._kinds = kinds or kinds_of

    def stage(self, staging: StagingTable) -> Staged:
        """Put its events into the staging table.

        :raises PermanentFailure: its bytes are damaged, cannot be decrypted, or are no longer those
            that were delivered.
        """
        from learning_warehouse.edx.events import EventReader

        kinds = self._kinds(staging.conn)
        load = _Load(staging, EventReader(kinds, skip_heartbeat=self._skip_heartbeat))
        try:
            with (
                staging.filling(self._delivery),
                closing(_lines(self._delivery, self._stored, self._gpg_conn_id)) as lines,
            ):
                load.take(lines)
        except LogDamaged as damage:
            staging.conn.execute(
                statement("edx/staging", "note_problem"),
                {"deliveries": [self._delivery.delivery_id], "problem": str(damage)},
            )
            raise
        return load.staged(self._delivery)


def stage_rejects(
    staging: StagingTable, delivery: Delivery, *, skip_heartbeat: bool = False
) -> Staged:
    """Stage those of a log's rejected lines that are events by the rules of today.

    They have the ``_row`` that they have in the log. What cannot be read again: of a line that was
    too long only the beginning was kept, and of some lines the bytes cannot be told for certain
    (see :func:`learning_warehouse.edx.events.as_bytes`).
    """
    from learning_warehouse.edx.events import EventReader, as_bytes

    conn = staging.conn
    load = _Load(staging, EventReader(kinds_of(conn), skip_heartbeat=skip_heartbeat))
    with staging.filling(delivery):
        numbers: list[int] = []
        lines: list[bytes] = []
        size = 0
        with conn.cursor("rejected_lines") as cursor:
            cursor.itersize = 20
            cursor.execute(
                statement("edx/staging", "rejected_lines"), {"delivery_id": delivery.delivery_id}
            )
            for row in cursor:
                numbers.append(row["_row"])
                lines.append(as_bytes(row["raw"]))
                size += len(lines[-1])
                if size > BLOCK * BLOCKS_A_COPY:
                    load.take(iter([lines]))
                    lines, size = [], 0
        load.take(iter([lines]))
        number = statement("edx/staging", "number").format(rows=staging.rows)
        conn.execute(number, {"numbers": numbers})
    return load.staged(delivery)


def kinds_of(conn: Connection) -> Kinds:
    """How the event kinds are spelled: ``edx.event_alias``."""
    aliases = conn.execute(statement("edx/staging", "kinds"))
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
            stream = unpacked(message or watched, delivery.name)
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
            f"{delivery.name} has changed since it was found, {delivery.uri} has other bytes now: "
            "clear the task unpack, which looks again."
        )
    if isinstance(damage, gpg.Sealed):
        raise PermanentFailure(
            f"{delivery.name} in {delivery.uri} cannot be decrypted and was not loaded: {damage}."
        )
    if damage is not None:
        raise LogDamaged(
            f"{delivery.name} in {delivery.uri} is damaged ({damage}) and was not loaded: ask edX "
            "to deliver it again."
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
    if not {"offset", "landed"} & delivery.details.keys() or "rewritten" in delivery.details:
        return True
    return delivery.version.endswith(f"-{probe(watched.head, watched.tail)}")


# --- from lines to the table ----------------------------------------------------------------------


class _Load:
    """A log's lines, as they go into the staging table."""

    def __init__(self, staging: StagingTable, reader: EventReader) -> None:
        from psycopg import errors, sql

        from learning_warehouse.edx.events import COLUMNS

        self.records = 0
        self.rejected = 0
        self.filtered = 0
        self.size = 0
        self._lines = 0
        self._conn = staging.conn
        self._reader = reader
        self._refused = (
            errors.DataError, errors.ProgramLimitExceeded, errors.StatementTooComplex
        )  # fmt: skip
        self._copy = statement("edx/staging", "copy").format(
            rows=staging.rows, columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        )
        self._copy_rejected = statement("edx/staging", "copy_rejected").format(
            rejected=staging.rejected
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

    def staged(self, delivery: Delivery) -> Staged:
        """What was read, once it is all there."""
        return Staged(
            delivery=delivery,
            rows_read=self.records,
            rows_rejected=self.rejected,
            rows_filtered=self.filtered,
            size=self.size,
            new=sorted(self._reader.unknown_fields),
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
        size = self.size
        rejected: list[Rejected] = []
        with self._conn.transaction():
            with self._conn.cursor() as cursor, cursor.copy(self._copy) as copy:
                for lines in stretch:
                    size += sum(map(len, lines))
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
        self.size = size

    def _reject(self, rejected: list[Rejected]) -> None:
        if not rejected:
            return
        with self._conn.cursor() as cursor, cursor.copy(self._copy_rejected) as copy:
            for row in rejected:
                copy.write_row(row)
        self.rejected += len(rejected)


def _kept(blocks: Iterable[list[bytes]], stretch: list[list[bytes]]) -> Iterator[list[bytes]]:
    for lines in blocks:
        stretch.append(lines)
        yield lines


def _first_line(refusal: Exception) -> str:
    return str(refusal).splitlines()[0]
