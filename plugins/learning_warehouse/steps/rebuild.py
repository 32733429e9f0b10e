"""The step that fills a warehouse from the landing zone, whatever has become of the vendor.

Knows the landing zone and the ledger; what a source has to restore besides, it is given.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowSkipException,
    Asset,
    BaseOperator,
)

from learning_warehouse.conn_ids import LANDING_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.errors import Failures
from learning_warehouse.steps.loading import hand_on_counts, landed, task_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader

    Remember = Callable[[Connection, Sequence[Delivery]], None]


class RebuildPlanOperator(BaseOperator):
    """Says what a run loads: the first step, so that a run with wrong Params fails once.

    XCom: the tables. Reads the Param ``datasets``.
    """

    def execute(self, context: Context) -> list[str]:
        """Tell the tables."""
        tables: list[str] = context["params"]["datasets"]
        self.log.info("This run loads %s.", ", ".join(tables))
        return tables


class RebuildOperator(BaseOperator):
    """Loads what landed of a dataset and is not merged, from the landing zone alone.

    The deliveries are loaded in the order in which the vendor made them, by the rules that held
    when they were first loaded: one that would shrink a day or file by more than half is held,
    unless the Param ``accept_shrink`` is set. What is merged already, or replaced by what is, is
    left alone, so that the step may be tried again, and changes nothing in a warehouse that lacks
    nothing. Reads the Param ``datasets`` too.

    XCom: for each delivery the counts that the ledger has.

    :param dataset: what the deliveries are.
    :param reader: makes, for the deliveries, what reads them; by default as delimited text from the
        landing zone.
    :param remember: restores what else the warehouse should know of all of them.
    """

    def __init__(
        self,
        *,
        dataset: Dataset,
        reader: Callable[..., Reader] | None = None,
        remember: Remember | None = None,
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        self.asset = Asset(dataset.table)
        super().__init__(outlets=[self.asset], **kwargs)
        self.dataset = dataset
        self.reader = reader or landed(dataset)
        self.remember = remember
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Enter what the notes tell into the ledger, then load it, without erased people."""
        from learning_warehouse.delivery_notes import read_into_ledger
        from learning_warehouse.landing import LandingZone
        from learning_warehouse.steps.past_days import restore_kept_since
        from learning_warehouse.stewardship.notes import read_into_warehouse
        from learning_warehouse.warehouse import ledger
        from learning_warehouse.warehouse.connection import connected
        from learning_warehouse.warehouse.loading import load

        given = context["params"]
        table = self.dataset.table
        if table not in given.get("datasets", [table]):
            raise AirflowSkipException(f"The Params of this run leave out {table}.")
        zone = LandingZone(self.landing_conn_id)
        failures = Failures()
        with connected(self.warehouse_conn_id) as warehouse:
            conn = warehouse()
            restore_kept_since(conn, zone)
            read_into_warehouse(conn, zone)
            there, new = read_into_ledger(conn, zone, table)
            if self.remember is not None:
                self.remember(conn, there)
            later = set() if self.dataset.strategy == "append_once" else ledger.outdated(there)
            due = [
                delivery
                for delivery in there
                if delivery.status in ("landed", "held") and delivery.delivery_id not in later
            ]
            self.log.info(
                "%s: %d deliveries are in %s, %d of them new to the ledger; %d are to be loaded",
                table, len(there), zone.url, new, len(due),
            )  # fmt: skip
            merged = load(
                warehouse,
                due,
                self.dataset,
                self.reader(due),
                by=task_of(self, context),
                failures=failures,
                accept_shrink=bool(given.get("accept_shrink")),
            )
        return hand_on_counts(context, self.asset, [asdict(counts) for counts in merged], failures)
