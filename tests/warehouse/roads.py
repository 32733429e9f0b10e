"""A delivery of one's own through the warehouse, without a vendor or a bucket."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.warehouse import ledger, staging
from learning_warehouse.warehouse.dataset import Dataset
from learning_warehouse.warehouse.merging import Merged, merge

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.merging import Stage

VOCAREUM = {files.dataset.name: files.dataset for files in REGISTRY}
LAB_SESSIONS, ENROLLMENT = VOCAREUM["lab_sessions"], VOCAREUM["enrollment"]
VIDEOVIEW = Dataset(
    name="videoview",
    table="echo360.videoview",
    strategy="replace_window",
    clock="event_timestamp",
)
ASSET = Dataset(name="asset", table="echo360.asset", strategy="snapshot", clock="snapshot_day")


def delivered(
    conn: Connection,
    dataset: Dataset,
    version: int,
    *,
    name: str = "file",
    days: tuple[date, date] | None = None,
) -> Delivery:
    """Enter a delivery that the vendor made at ``version`` o'clock."""
    first_day, end_day = days or (None, None)
    return ledger.deliver(
        conn,
        dataset=dataset.table,
        origin="here",
        name=name,
        version=str(version),
        made_at=datetime(2026, 1, 1, version, tzinfo=UTC),
        uri=f"s3://landing/{name}/{version}",
        size=None,
        first_day=first_day,
        end_day=end_day,
    )


def stager(dataset: Dataset, content: bytes, *, careful: bool = False) -> Stage:
    """Stages ``content``, whatever the delivery."""

    def stage(conn: Connection, delivery: Delivery) -> int:
        return staging.stage_csv(
            conn, delivery, dataset, lambda: io.BytesIO(content), careful=careful
        )

    return stage


def load(
    conn: Connection,
    dataset: Dataset,
    content: bytes,
    version: int = 1,
    *,
    careful: bool = False,
    name: str = "file",
    days: tuple[date, date] | None = None,
    **options: bool,
) -> Merged:
    """Deliver, stage and merge ``content``."""
    stage = stager(dataset, content, careful=careful)
    delivery = delivered(conn, dataset, version, name=name, days=days)
    return merge(conn, stage(conn, delivery), dataset, stage, **options)


def rows(conn: Connection, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    """A table's rows, sorted as text."""
    query: Any = f"SELECT {columns} FROM {table}"
    return sorted((tuple(row.values()) for row in conn.execute(query)), key=repr)
