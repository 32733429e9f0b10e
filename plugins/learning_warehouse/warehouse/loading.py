"""Loads deliveries of one table: each is staged, and what has gathered is merged as a batch.

A delivery that cannot be staged, or is held, fails alone. Knows neither vendors nor bytes.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import (
    PermanentFailure,
    TransientFailure,
    sentence_of,
    server_said,
)
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.batches import Removed
from learning_warehouse.warehouse.merging import all_merged_before, merge, parts_of
from learning_warehouse.warehouse.small_files import copy_together
from learning_warehouse.warehouse.staging_table import StagingTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from learning_warehouse.errors import Failures
    from learning_warehouse.warehouse.batches import Merged, NotMerged, Outcome
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery, Task
    from learning_warehouse.warehouse.staging_table import Reader, SmallFile, Staged

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024 * 1024
"""Unpacked bytes after which a batch is merged. As rows they take more, and should find room in the
server's memory for TEMP tables (``temp_buffers``)."""

MOST_DEADLOCKS = 3
"""How often a batch is merged again that met another task in a deadlock."""

MOST_DELIVERIES = 500
"""How many deliveries make a batch, however small they are."""

MOST_TOGETHER = 1024 * 1024
"""Unpacked bytes of small files after which they are copied."""


def load(
    warehouse: Callable[[], Connection],
    deliveries: Sequence[Delivery],
    dataset: Dataset,
    read: Reader,
    *,
    by: Task,
    failures: Failures,
    reload: bool = False,
    accept_shrink: bool = False,
) -> list[Merged]:
    """Load deliveries in their order; one that was merged before is only counted.

    :param warehouse: gives the open warehouse, a new one where the last has broken.
    :param by: the task that loads.
    :param failures: takes what goes wrong with a delivery.
    :param reload: load them even if they were merged before, or a newer delivery is current.
    :param accept_shrink: load them even if a day or file loses more than half of its rows.
    :returns: what became of each that is merged.
    """
    known = [d.delivery_id for d in deliveries if d.status == "merged" and not reload]
    merged = all_merged_before(warehouse(), dataset, known, by=by)
    before = {one.delivery_id for one in merged}
    due = [delivery for delivery in deliveries if delivery.delivery_id not in before]
    if due:
        batches = _Batches(
            warehouse, dataset, read, failures, by=by, reload=reload, accept_shrink=accept_shrink
        )
        for delivery in due:
            batches.take(delivery)
        merged += batches.finish()
    replaced = _note_replaced(warehouse, deliveries, dataset)
    if not reload:
        failures.forgive(replaced)
    return merged


def _note_replaced(
    warehouse: Callable[[], Connection], deliveries: Sequence[Delivery], dataset: Dataset
) -> set[int]:
    """The ids of versions that will never be merged; where they cannot be noted, the next load
    notes them.
    """
    from psycopg import Error

    try:
        replaced = ledger.note_replaced(
            warehouse(),
            dataset=dataset.table,
            origins={delivery.origin for delivery in deliveries},
            is_appended=dataset.strategy == "append_once",
        )
    except (Error, TransientFailure) as error:
        log.warning("Replaced versions could not be marked in the ledger: %s", server_said(error))
        return set()
    for line in replaced:
        log.info("%s is replaced: a newer version is merged.", line["name"])
    return {line["delivery_id"] for line in replaced}


class _Batches:
    """Deliveries on their way: those that are staged make a batch until it is merged."""

    def __init__(
        self,
        warehouse: Callable[[], Connection],
        dataset: Dataset,
        read: Reader,
        failures: Failures,
        **how: Any,
    ) -> None:
        self._warehouse = warehouse
        self._dataset = dataset
        self._read = read
        self._failures = failures
        self._how = how
        self._staging: StagingTable | None = StagingTable(warehouse(), dataset)
        self._merged: list[Merged] = []
        self._begin()

    def _begin(self) -> None:
        self._batch: dict[int, Staged] = {}
        self._small: list[SmallFile] = []
        """Those of the batch that are not in the staging table yet."""
        self._small_size = 0
        self._parts: set[str] = set()
        self._size = 0

    def take(self, delivery: Delivery) -> None:
        """Stage a delivery, and merge what has gathered where it may not join it."""
        parts = parts_of(delivery, self._dataset)
        if not self._has_room_for(delivery, parts):
            self._merge()
        with self._apart([delivery]):
            if delivery.removed_at:
                raise Removed(delivery, delivery.removed_at)
            with self._read(self._table().table, delivery) as incoming:
                unknown = tuple(incoming.unknown_headers)
                if unknown != self._table().unknown_headers:
                    self._merge()
                    self._table().take_unknown(unknown)
                if small := incoming.small:
                    self._small.append(small)
                    self._small_size += len(small.records)
                staged = small.staged if small else incoming.stage(self._table())
            self._batch[delivery.delivery_id] = staged
            self._parts |= parts
            self._size += staged.size
        if self._small_size >= MOST_TOGETHER:
            self._copy_small(self._table())

    def finish(self) -> list[Merged]:
        """Merge the rest.

        :returns: what became of all that is merged.
        """
        self._merge()
        return self._merged

    def _has_room_for(self, delivery: Delivery, parts: set[str]) -> bool:
        if not self._batch:
            return True
        first = next(iter(self._batch.values()))
        return (
            len(self._batch) < MOST_DELIVERIES
            and self._size + (delivery.size or 0) < MOST_BYTES
            and delivery.origin == first.delivery.origin
            and not parts & self._parts
        )

    def _table(self) -> StagingTable:
        """The staging table; a batch that lay in that of a broken connection is lost."""
        conn = self._warehouse()
        if self._staging is None or self._staging.conn is not conn:
            for one in self._batch.values():
                with self._apart([one.delivery]):
                    raise TransientFailure(
                        "the connection to the warehouse broke before it was merged; the next try "
                        "loads it."
                    )
            self._begin()
            self._staging = StagingTable(conn, self._dataset)
        return self._staging

    def _copy_small(self, staging: StagingTable) -> None:
        """Copy the small files that have gathered; one that COPY refuses is staged by itself."""
        small, self._small, self._small_size = self._small, [], 0
        if not small:
            return
        deliveries = [one.staged.delivery for one in small]
        lost = {delivery.delivery_id for delivery in deliveries}
        with self._apart(deliveries):
            refused = copy_together(small, staging)
            lost = {one.staged.delivery.delivery_id for one in refused}
            for one in refused:
                delivery = one.staged.delivery
                with self._apart([delivery]):
                    self._batch[delivery.delivery_id] = one.incoming.stage(staging)
                    lost.remove(delivery.delivery_id)
        for delivery_id in lost:
            del self._batch[delivery_id]

    def _merge(self) -> None:
        if self._staging:
            self._copy_small(self._staging)
        batch, staging = list(self._batch.values()), self._staging
        if not batch or staging is None:
            return
        self._begin()
        self._staging = None
        with self._apart([one.delivery for one in batch]):
            try:
                self._note_schema_changes(staging.conn, batch)
                self._merge_together(staging, batch)
            finally:
                if not staging.conn.closed:
                    staging.empty()
                    self._staging = staging

    def _note_schema_changes(self, conn: Connection, batch: list[Staged]) -> None:
        changes: dict[tuple[str, str], int | None] = {}
        for one in batch:
            for change, headers in (("new", one.new), ("missing", one.missing)):
                for header in headers:
                    changes.setdefault((header, change), one.delivery.delivery_id)
        table, origin = self._dataset.table, batch[0].delivery.origin
        for header, change in ledger.note_schema_changes(
            conn, dataset=table, origin=origin, changes=changes
        ):
            log.warning("Schema change: %s column %r in %s of %s", change, header, table, origin)

    def _merge_together(self, staging: StagingTable, batch: list[Staged]) -> None:
        from psycopg.errors import DataError, IntegrityError, ProgramLimitExceeded

        try:
            outcome = self._merge_patiently(staging, batch)
        except (DataError, IntegrityError, ProgramLimitExceeded):
            if len(batch) == 1:
                raise
            for one in batch:
                with self._apart([one.delivery]):
                    self._merge_together(staging, [one])
            return
        self._merged += outcome.merged
        failed: list[NotMerged] = [*outcome.held, *outcome.removed]
        for failure in failed:
            with self._apart([failure.delivery]):
                raise failure

    def _merge_patiently(self, staging: StagingTable, batch: list[Staged]) -> Outcome:
        """Merge, again where it met another task in a deadlock: what is staged stays."""
        from psycopg.errors import DeadlockDetected

        for _ in range(MOST_DEADLOCKS):
            with suppress(DeadlockDetected):
                return merge(staging, batch, **self._how)
            log.warning("The merge was in a deadlock with another task: merging again.")
        return merge(staging, batch, **self._how)

    @contextmanager
    def _apart(self, deliveries: Sequence[Delivery]) -> Iterator[None]:
        """Keep what goes wrong with deliveries for the end, and write it into the ledger."""
        first, *others = deliveries
        names = first.name + (f" and {len(others)} more" if others else "")
        key = None if others else first.delivery_id
        with self._failures.apart(names, key=key):
            try:
                with _told(names):
                    yield
            except Exception as failure:
                with suppress(Exception):
                    ledger.note_failed_try(
                        self._warehouse(),
                        [delivery.delivery_id for delivery in deliveries],
                        sentence_of(failure),
                        by=self._how["by"],
                    )
                raise


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn the server's errors into a sentence, without what it quotes of a row.

    :raises PermanentFailure: the staging table is gone, though its session is not over, or the
        table refuses the rows.
    :raises TransientFailure: the server gave up.
    """
    from psycopg import Error
    from psycopg.errors import DataError, IntegrityError, InvalidSchemaName, UndefinedTable

    try:
        yield
    except Error as error:
        said = server_said(error)
        if isinstance(error, UndefinedTable | InvalidSchemaName) and "pg_temp" in said:
            raise PermanentFailure(
                f"{name} was not loaded, because its staging table is gone: a pooler between "
                "Airflow and the warehouse changes the session with each transaction. Point the "
                "connection to the server itself, or set the pooler to session pooling (pool_mode "
                "= session)."
            ) from None
        if isinstance(error, DataError | IntegrityError):
            raise PermanentFailure(
                f"{name} was not loaded, because the table refuses its rows ({said}): compare them "
                "with the table's constraints, then clear this task."
            ) from None
        raise TransientFailure(
            f"could not be loaded ({said}): look at the warehouse's server; the next try loads it "
            "from its beginning."
        ) from None
