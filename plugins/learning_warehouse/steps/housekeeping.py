"""The steps that remove what is no longer needed, and after how many days.

What a step removes is gone for good, so each of them asks the ledger, and says what it removed.
Knows the warehouse and the landing zone; knows no vendor.
"""

from __future__ import annotations

import logging
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse.conn_ids import WAREHOUSE_CONN_ID
from learning_warehouse.places import settings_file
from learning_warehouse.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.landing import LandingZone
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

RETENTION = settings_file("retention.toml")
KEPT = ("rejected_rows", "landed_versions")


@dataclass(frozen=True)
class Retention:
    """For how long is kept what ``include/retention.toml`` names; the rest is kept for ever.

    :param days: by the lines below ``[days]``: what is named, a table, or a schema for those of its
        tables that have no line.
    :param months: the same by the lines below ``[months]``.
    """

    days: dict[str, int]
    months: dict[str, int]

    def first_day(self, table: str, today: date) -> date | None:
        """The first day of a table that is kept; None to keep all.

        :param table: its name, with its schema.
        """
        schema = table.partition(".")[0]
        for name in (table, schema):
            if name in self.days:
                return today - timedelta(days=self.days[name])
            if name in self.months:
                month = today.year * 12 + today.month - 1 - self.months[name]
                return date(month // 12, month % 12 + 1, 1)
        return None


def retention(
    *, path: Path = RETENTION, by_day: Sequence[str] = (), by_month: Sequence[str] = ()
) -> Retention:
    """What ``include/retention.toml`` says.

    :param by_day: the tables whose rows may be kept for some days, with their schemas.
    :param by_month: the same for months.
    :raises ValueError: the file does not say it.
    """
    try:
        said = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(
            f"{path} is missing: deploy include/ beside dags/ and plugins/, or what "
            "make package builds."
        ) from None
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{path} is not valid TOML ({fault}): correct that line.") from None
    names = {"days": [*KEPT, *_with_schemas(by_day)], "months": _with_schemas(by_month)}
    if wrong := _wrong(said, names):
        raise ValueError(
            f"{path} does not say for how long to keep data ({wrong}): below [days], write lines "
            f"such as 'rejected_rows = 365' for {', '.join(map(_written, names['days']))}; below "
            f"[months] for {', '.join(map(_written, names['months']))}. What has no line is kept "
            "for ever."
        )
    return Retention(said.get("days", {}), said.get("months", {}))


def _wrong(said: dict[str, Any], names: dict[str, list[str]]) -> str:
    if not said:
        return "it has neither [days] nor [months]"
    for section, lines in said.items():
        if section not in names or not isinstance(lines, dict):
            return f"there is no {section!r}, only [days] and [months]"
        for name, number in lines.items():
            if name not in names[section]:
                return f"{_written(name)} may not be below [{section}]"
            if type(number) is not int or not 0 < number < 10_000:
                return f"the number of {_written(name)} is not one from 1 to 9999"
    return ""


def _with_schemas(tables: Sequence[str]) -> list[str]:
    """The tables, each schema before those that it has."""
    return list(dict.fromkeys(name for t in tables for name in (t.partition(".")[0], t)))


def _written(name: str) -> str:
    """A name as TOML has it: one with a dot in quotes."""
    return f'"{name}"' if "." in name else name


class RetentionOperator(BaseOperator):
    """Removes of one kind what is older than so many days; skipped where it is kept for ever.

    With the Param ``dry_run`` it only counts.

    XCom: how many were removed, or would be, by what they were of.

    :param remove: removes what is older than ``days``, and tells how many, by what they were of;
        with ``dry_run``, in a transaction that is not committed, what cannot be taken back stays.
    :param days: how many; None to keep all.
    """

    def __init__(
        self,
        *,
        remove: Callable[..., dict[str, int]],
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
        dry_run = bool(context["params"].get("dry_run"))
        with connect(self.warehouse_conn_id) as conn:
            if dry_run:
                with conn.transaction(force_rollback=True):
                    removed = self.remove(conn, self.days, dry_run=True)
            else:
                removed = self.remove(conn, self.days)
        did = "A dry run: would remove" if dry_run else "Removed"
        for what, count in removed.items():
            self.log.info("%s, older than %d days: %d of %s", did, self.days, count, what)
        if not removed:
            self.log.info("There is nothing older than %d days to remove.", self.days)
        return removed


def remove_rejected_rows(conn: Connection, days: int, *, dry_run: bool = False) -> dict[str, int]:
    """Delete rejected rows; the ledger goes on to count them."""
    from learning_warehouse.warehouse.sql import statement

    forgotten = conn.execute(statement("ops/housekeeping", "rejected_rows"), {"days": days})
    return {row["dataset"]: row["rows"] for row in forgotten}


def remove_landed_versions(conn: Connection, days: int, *, dry_run: bool = False) -> dict[str, int]:
    """Remove from the landing zone what neither the warehouse nor a rebuilding of it needs.

    The bytes go before the ledger says so: what is interrupted is done again.
    """
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
            if not dry_run:
                remove_bytes(zone, outdated)
            conn.execute(
                statement("ops/housekeeping", "note_removed"),
                {"deliveries": [delivery.delivery_id for delivery in outdated]},
            )
        removed.update(delivery.dataset for delivery in outdated)


def remove_bytes(zone: LandingZone, deliveries: Iterable[Delivery]) -> None:
    """Remove deliveries from the landing zone, each with its note."""
    from learning_warehouse import delivery_notes

    for delivery in deliveries:
        zone.remove(zone.url + delivery_notes.key_of(vars(delivery)))
        zone.remove(delivery.uri)
        log.info(
            "Removed %s, %s as it was made at %s", delivery.uri, delivery.name, delivery.made_at
        )
