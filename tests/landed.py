"""Deliveries that have landed, with their notes, without a vendor; and the DAG that loads them."""

from __future__ import annotations

import io
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse import delivery_notes
from learning_warehouse.landing import LandingZone
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.warehouse import ledger
from tests.conftest import context, run_load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

ROOT = Path(__file__).resolve().parents[1]
ENROLLMENT = next(files.dataset for files in REGISTRY if files.dataset.name == "enrollment")
HEADER = b"userid,courseid,role,name,email\n"
COURSE = "org123/enrollment/course1/enrollment.csv"


def enrolled(*names: str) -> bytes:
    """A course's file with these people."""
    return HEADER + b"".join(f"{name},1,student,{name},a@b\n".encode() for name in names)


def land(
    conn: Connection,
    content: bytes,
    day: int,
    name: str = COURSE,
    zone: LandingZone | None = None,
) -> Delivery:
    """Land a version of a file that Vocareum made on that day of January."""
    zone = zone or LandingZone()
    uri, size = zone.put_stream(f"vocareum/enrollment/{name}/{day}", io.BytesIO(content))
    with conn.transaction():
        delivery = ledger.deliver(
            conn,
            dataset=ENROLLMENT.table,
            origin="org123",
            name=name,
            version=f"etag{day:02}",
            made_at=datetime(2026, 1, day, 12, tzinfo=UTC),
            uri=uri,
            size=size,
        )
        delivery_notes.write(zone, vars(delivery))
    return delivery


def load(*deliveries: Delivery, **params: Any) -> None:
    """Load them."""
    ids = [delivery.delivery_id for delivery in deliveries]
    run_load(LoadOperator(task_id="load", dataset=ENROLLMENT, deliveries=ids), **params)


def names(conn: Connection) -> list[str]:
    """Who is enrolled."""
    found = conn.execute("SELECT userid FROM vocareum.enrollment ORDER BY userid")
    return [row["userid"] for row in found]


def empty_landing_zone() -> None:
    """Remove all that earlier tests landed."""
    zone = LandingZone()
    for key in list(zone.keys("")):
        zone.remove(zone.url + key)


def grow_old(conn: Connection, days: int) -> None:
    """Let all that has happened in the warehouse have happened so many days earlier."""
    age = timedelta(days=days)
    conn.execute("UPDATE ops.delivery SET landed_at = landed_at - %s", [age])
    conn.execute("UPDATE ops.rejected_row SET rejected_at = rejected_at - %s", [age])


def run_dag(dag_id: str, *tasks: str, **params: Any) -> dict[str, Any]:
    """Execute tasks of a DAG of upkeep, or all that change something, one after another.

    :returns: the XCom of each that has one.
    """
    (dag,) = runpy.run_path(str(ROOT / "dags" / f"{dag_id}.py"))["DAGS"]
    results = {}
    for task in dag.tasks:
        if task.task_id in ("plan", "summarise") or (tasks and task.task_id not in tasks):
            continue
        try:
            results[task.task_id] = task.execute(context(**params))
        except AirflowSkipException:
            continue
    return {task: xcom for task, xcom in results.items() if xcom is not None}
