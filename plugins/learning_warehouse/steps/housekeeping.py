"""The steps that remove what is no longer needed, and after how many days.

What a step removes is gone for good, so each of them asks the ledger, and says what it removed.
Knows the warehouse and the landing zone; knows no vendor.
"""

from __future__ import annotations

import logging
import tomllib
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.places import settings_file
from learning_warehouse.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.warehouse.connection import Connection

log = logging.getLogger(__name__)

RETENTION = settings_file("retention.toml")
KEPT = ("rejected_rows", "landed_versions")


def retention(*, path: Path = RETENTION) -> dict[str, int]:
    """For how many days is kept what is no longer needed; what is not named is kept for ever.

    :raises ValueError: the file does not say so.
    """
    try:
        days = tomllib.loads(path.read_text()).get("days")
    except FileNotFoundError:
        raise ValueError(
            f"{path} is missing: deploy include/ beside dags/ and plugins/, or what "
            "make package builds."
        ) from None
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{path} is not valid TOML ({fault}): correct that line.") from None
    if (
        not isinstance(days, dict)
        or not days.keys() <= set(KEPT)
        or not all(type(number) is int and number > 0 for number in days.values())
    ):
        raise ValueError(
            f"{path} does not say for how many days to keep data: below [days], write lines such "
            f"as 'rejected_rows = 365' for {', '.join(KEPT)}; what has no line is kept for ever."
        )
    return days


class RetentionOperator(BaseOperator):
    """Removes of one kind what is older than so many days; skipped where it is kept for ever.

    XCom: how many were removed, by what they were of.

    :param remove: removes what is older than ``days``, and tells how many, by what they were of.
    :param days: how many; None to keep all.
    """

    def __init__(
        self,
        *,
        remove: Callable[[Connection, int], dict[str, int]],
        days: int | None,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.remove = remove
        self.days = days
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Remove what is too old."""
        if self.days is None:
            raise AirflowSkipException(
                f"Kept for ever: include/retention.toml has no line {self.task_id}."
            )
        with connect(self.warehouse_conn_id) as conn:
            removed = self.remove(conn, self.days)
        for what, count in removed.items():
            self.log.info("Removed, older than %d days: %d of %s", self.days, count, what)
        if not removed:
            self.log.info("There is nothing older than %d days to remove.", self.days)
        return removed


def remove_rejected_rows(conn: Connection, days: int) -> dict[str, int]:
    """Delete rejected rows; the ledger goes on to count them."""
    from learning_warehouse.warehouse.sql import statement

    forgotten = conn.execute(statement("ops/housekeeping", "rejected_rows"), {"days": days})
    return {row["dataset"]: row["rows"] for row in forgotten}


def remove_landed_versions(conn: Connection, days: int) -> dict[str, int]:
    """Remove from the landing zone what neither the warehouse nor a rebuilding of it needs.

    The bytes go before the ledger says so: what is interrupted is done again.
    """
    from learning_warehouse import delivery_notes
    from learning_warehouse.landing import LandingZone
    from learning_warehouse.warehouse import ledger
    from learning_warehouse.warehouse.sql import statement

    zone = LandingZone()
    removed: Counter[str] = Counter()
    while True:
        with conn.transaction():
            due = {"place": zone.url, "days": days}
            rows = conn.execute(statement("ops/housekeeping", "outdated"), due)
            locked = {row["delivery_id"] for row in rows}
            if not locked:
                return dict(removed)
            # Asked again: a merge may have committed between the first look and its locks.
            rows = conn.execute(statement("ops/housekeeping", "outdated"), due)
            outdated = [ledger.Delivery(**row) for row in rows if row["delivery_id"] in locked]
            for delivery in outdated:
                zone.remove(zone.url + delivery_notes.key_of(vars(delivery)))
                zone.remove(delivery.uri)
                log.info(
                    "Removed %s, %s as it was made at %s",
                    delivery.uri, delivery.name, delivery.made_at,
                )  # fmt: skip
            conn.execute(
                statement("ops/housekeeping", "note_removed"),
                {"deliveries": [delivery.delivery_id for delivery in outdated]},
            )
        removed.update(delivery.dataset for delivery in outdated)
