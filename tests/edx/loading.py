"""Short ways to write lines, to load them as a log, and to look at what came of them."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.edx.replay import replay
from learning_warehouse.edx.staging import IncomingLog
from learning_warehouse.edx.tar import probe
from learning_warehouse.streams import PROBE
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.staging_table import StagingTable
from tests.warehouse.roads import load_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from learning_warehouse.warehouse.catalogue import Table
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery
    from learning_warehouse.warehouse.merging import Merged
    from learning_warehouse.warehouse.staging_table import Reader


def line(number: int = 0, **fields: Any) -> bytes:
    event = {"event_type": "page_close", "event_source": "browser", "event": "", "session": number}
    return json.dumps(
        {"time": "2017-05-25T03:17:07+00:00", "username": "ada", **event, **fields}
    ).encode()


def deliver(conn: Connection, content: bytes, name: str = "prod-edx-001/tracking.log") -> Delivery:
    version = f"{len(content)}-0-{probe(content[:PROBE], content[-PROBE:])}"
    return ledger.deliver(
        conn,
        dataset="edx.event",
        origin="UniversityA",
        name=name,
        version=version,
        made_at=datetime(2017, 6, 1, tzinfo=UTC),
        uri="s3://course-data/2017-06-01-UniversityA-tracking.tar",
        size=len(content),
        details={"offset": 512},
    )


def load(
    conn: Connection,
    content: bytes,
    name: str = "prod-edx-001/tracking.log",
    *,
    skip_heartbeat: bool = False,
    **options: bool,
) -> Merged:
    read = reader({name: content}, skip_heartbeat=skip_heartbeat)
    (merged,) = load_all(conn, [deliver(conn, content, name)], EVENTS, read, **options)
    return merged


def reader(logs: Mapping[str, bytes], *, skip_heartbeat: bool = False) -> Reader:
    """Reads the logs of these names."""

    @contextmanager
    def read(table: Table, delivery: Delivery) -> Iterator[IncomingLog]:
        stored = io.BytesIO(logs[delivery.name])
        yield IncomingLog(delivery, stored, skip_heartbeat=skip_heartbeat)

    return read


def replayed(conn: Connection, delivery_id: int, *, skip_heartbeat: bool = False) -> Merged:
    """Read a log's rejected lines again, by a task of its own."""
    return replay(StagingTable(conn, EVENTS), delivery_id, skip_heartbeat=skip_heartbeat)


def counts(merged: Merged) -> tuple[int, int, int, int]:
    return merged.rows_read, merged.rows_merged, merged.rows_duplicate, merged.rows_rejected


def rows(conn: Connection, columns: str = "*", order: str = "_row") -> list[dict[str, Any]]:
    return conn.execute(f"SELECT {columns} FROM edx.event ORDER BY {order}").fetchall()


def column(conn: Connection, name: str) -> list[Any]:
    return [row[name] for row in rows(conn, name)]
