"""The step that removes the rows of days that are kept no longer, and what landed of these days.

For each table ``ops.kept_since`` moves forward first, and a copy of it in the landing zone: from
then on nothing of an earlier day is loaded, neither late nor again, nor into a warehouse that is
rebuilt. What is interrupted is done again. Knows the warehouse and the landing zone; knows no
vendor.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse.conn_ids import LANDING_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.errors import Failures, TransientFailure
from learning_warehouse.steps.housekeeping import remove_bytes
from learning_warehouse.warehouse.connection import connected
from learning_warehouse.warehouse.locks import lock_dataset
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.landing import LandingZone
    from learning_warehouse.steps.housekeeping import Retention
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset

FOLDER = "kept_since/"
COUNTED = ("rows", "rejected", "landed")


class PastDaysOperator(BaseOperator):
    """Removes the days of each table that ``include/retention.toml`` keeps no longer.

    With the Param ``dry_run`` it only counts. A table that cannot be dealt with fails alone.

    XCom: for each table that has a line the first day that is kept, and how many ``rows``,
    ``rejected`` rows and ``landed`` deliveries of earlier days were removed, or would be.

    :param datasets: the tables that are loaded; one that is partitioned has whole months.
    :param marts: the tables of activity, and the sources from which each is computed.
    """

    def __init__(
        self,
        *,
        retention: Retention,
        datasets: Sequence[Dataset],
        marts: Mapping[str, Sequence[str]],
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.retention = retention
        self.datasets = {dataset.table: dataset for dataset in datasets}
        self.marts = marts
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, dict[str, Any]]:
        """Go through the tables."""
        from learning_warehouse.landing import LandingZone

        today = datetime.now(UTC).date()
        due = {
            table: first_day
            for table in (*self.datasets, *self.marts)
            if (first_day := self.retention.first_day(table, today))
        }
        if not due:
            raise AirflowSkipException(
                "Kept for ever: include/retention.toml has no line for a table."
            )
        dry_run = bool(context["params"].get("dry_run"))
        zone = LandingZone(self.landing_conn_id)
        removed: dict[str, dict[str, Any]] = {}
        failures = Failures()
        with connected(self.warehouse_conn_id) as warehouse:
            for table, first_day in due.items():
                with failures.apart(table):
                    past = _PastDays(
                        warehouse(), zone, table, first_day, dataset=self.datasets.get(table)
                    )
                    sources = self.marts.get(table) or [table.partition(".")[0]]
                    locks = [table, *(f"activity {source}" for source in sources)]
                    counts = past.count() if dry_run else past.remove(locks)
                    removed[table] = {"kept_since": str(past.first_day)}
                    removed[table] |= {what: counts[what] for what in COUNTED}
                    self.log.info(
                        "%s %s before %s: %d rows, %d rejected rows, %d deliveries in the landing "
                        "zone", "A dry run: would remove of" if dry_run else "Removed of", table,
                        past.first_day, counts["rows"], counts["rejected"], counts["landed"],
                    )  # fmt: skip
        failures.raise_any()
        return removed


class _PastDays:
    """The days of a table that are kept no longer.

    :param dataset: how the table is loaded; None for one that is computed.
    """

    def __init__(
        self,
        conn: Connection,
        zone: LandingZone,
        table: str,
        first_day: date,
        *,
        dataset: Dataset | None,
    ) -> None:
        from psycopg import sql

        self._conn = conn
        self._zone = zone
        self._table = table
        self._by_month = dataset is not None and dataset.strategy == "append_once"
        clock = (dataset.clock if dataset else "day") or ""
        self._names: dict[str, Any] = {
            "target": sql.Identifier(*table.split(".")),
            "clock": sql.Identifier(clock),
        }
        rule = statement("ops/kept_since", "by_clock" if clock else "by_file")
        self._names["is_too_old"] = rule.format(**self._names)
        self._values = {"dataset": table, "first_day": first_day, "place": zone.url}
        known = self._run("first_day").fetchone()
        self.first_day = max(first_day, known["first_day"]) if known else first_day
        self._values["first_day"] = self.first_day

    def remove(self, locks: Sequence[str]) -> Counter[str]:
        """Remove them.

        :param locks: what has to wait meanwhile: a merge that finds a part of a day would hold what
            follows it.
        """
        note = {"dataset": self._table, "first_day": str(self.first_day)}
        self._zone.put(f"{FOLDER}{self._table}.json", json.dumps(note).encode())
        counts: Counter[str] = Counter()
        with self._conn.transaction():
            for name in locks:
                lock_dataset(self._conn, name)
            self._run("raise")
            self._run("forget_refresh")
            if not self._by_month:
                counts["rows"] = self._run("delete").rowcount
        for partition in self._partitions():
            counts += self._remove_landed("landed_of_partition", partition)
            counts["rows"] += self._count(partition["name"])
            self._drop(partition)
        counts += self._remove_landed("landed")
        counts["rejected"] += self._run("rejected").rowcount
        return counts

    def count(self) -> Counter[str]:
        """How many :meth:`remove` would remove; nothing of it is committed."""
        counts: Counter[str] = Counter()
        with self._conn.transaction(force_rollback=True):
            self._run("raise")
            if not self._by_month:
                counts["rows"] = self._count(self._names["target"])
            for partition in self._partitions():
                counts += self._remove_landed("landed_of_partition", partition, dry_run=True)
                counts["rows"] += self._count(partition["name"])
            counts += self._remove_landed("landed", dry_run=True)
            counts["rejected"] += self._run("rejected").rowcount
        return counts

    def _count(self, table: Any) -> int:
        (counted,) = self._run("count", target=table).fetchall()
        rows: int = counted["rows"]
        return rows

    def _partitions(self) -> list[dict[str, Any]]:
        """Those of months that are over, the oldest first."""
        from psycopg import sql

        if not self._by_month:
            return []
        schema = self._table.partition(".")[0]
        found = self._run("partitions").fetchall()
        return [{**one, "name": sql.Identifier(schema, one["name"])} for one in found]

    def _drop(self, partition: dict[str, Any]) -> None:
        """Detach a partition, which no reader waits for, and drop it.

        :raises TransientFailure: a statement has been reading the table for too long.
        """
        from psycopg.errors import LockNotAvailable

        name = partition["name"]
        try:
            if partition["is_attached"]:
                self._run("finalize" if partition["is_pending"] else "detach", partition=name)
            self._run("drop", partition=name)
        except LockNotAvailable:
            raise TransientFailure(
                f"A month of {self._table} could not be removed, because another session is "
                "reading the table: end its statement (pg_stat_activity); the next try continues."
            ) from None

    def _remove_landed(
        self, section: str, partition: dict[str, Any] | None = None, *, dry_run: bool = False
    ) -> Counter[str]:
        """Remove deliveries from the landing zone; the bytes go before the ledger says so."""
        from learning_warehouse.warehouse.ledger import Delivery

        names = {"partition": partition["name"]} if partition else {}
        counts: Counter[str] = Counter()
        while True:
            with self._conn.transaction():
                found = [Delivery(**row) for row in self._run(section, **names)]
                if not found:
                    return counts
                if not dry_run:
                    remove_bytes(self._zone, found)
                self._values["deliveries"] = [delivery.delivery_id for delivery in found]
                self._run("note_removed")
                counts["rejected"] += self._run("rejected_of").rowcount
            counts["landed"] += len(found)

    def _run(self, section: str, **names: Any) -> Any:
        query = statement("ops/kept_since", section).format(**{**self._names, **names})
        return self._conn.execute(query, self._values)


def restore_kept_since(conn: Connection, zone: LandingZone) -> None:
    """Let ``ops.kept_since`` be as late as the landing zone says: nothing that was removed is to
    come back into a warehouse that is rebuilt.
    """
    for key in zone.keys(FOLDER):
        note: dict[str, str] = json.loads(zone.get(key))
        conn.execute(statement("ops/kept_since", "raise"), note)
