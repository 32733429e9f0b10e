"""A delivery of one's own through the warehouse, without a vendor or a bucket."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import Failures
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.warehouse import ledger, staging
from learning_warehouse.warehouse.batches import Merged
from learning_warehouse.warehouse.dataset import Dataset
from learning_warehouse.warehouse.loading import load as load_deliveries

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.staging_table import Reader

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


BY = ledger.Task("dag", "run", "load")


def reader(dataset: Dataset, content: bytes, *, careful: bool = False) -> Reader:
    """Reads ``content``, whatever the delivery."""
    return staging.csv_reader(dataset, lambda _: io.BytesIO(content), careful=careful)


def load_all(
    conn: Connection,
    deliveries: list[Delivery],
    dataset: Dataset,
    read: Reader,
    *,
    by: ledger.Task = BY,
    **options: bool,
) -> list[Merged]:
    """Load deliveries by a task of its own.

    :raises Exception: what went wrong with one of them.
    """
    failures = Failures()
    merged = load_deliveries(
        lambda: conn, deliveries, dataset, read, by=by, failures=failures, **options
    )
    failures.raise_any()
    return merged


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
    """Deliver and load ``content``."""
    delivery = delivered(conn, dataset, version, name=name, days=days)
    read = reader(dataset, content, careful=careful)
    (merged,) = load_all(conn, [delivery], dataset, read, **options)
    return merged


def rows(conn: Connection, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    """A table's rows, sorted as text."""
    query: Any = f"SELECT {columns} FROM {table}"
    return sorted((tuple(row.values()) for row in conn.execute(query)), key=repr)
