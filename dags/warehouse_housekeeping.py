"""Housekeeping: removes what is no longer needed, after as many days as retention.toml says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from learning_warehouse.dag_files import DEFAULT_ARGS
from learning_warehouse.steps.housekeeping import (
    RetentionOperator,
    remove_landed_versions,
    remove_rejected_rows,
    retention,
)
from learning_warehouse.timetable import UTCDays

DOC = """
### Housekeeping

Removes each day what is no longer needed. After how many days says `include/retention.toml`; what
has no line there is kept for ever, and its task is skipped. Each task says in its log what it
removed.

* **`rejected_rows`**: old rows of `ops.rejected_row`. Their number stays in `ops.delivery`.
* **`landed_versions`**: in the landing zone, old versions of files and reports that newer ones have
  replaced. The newest version of each file is kept, and so is every version that is
  current: reloading and `warehouse_rebuild` go on to work. Logs of edX are never removed.
* **Connections**: `learning_warehouse`; `landing_zone`, whose keys must be allowed to delete.
"""

REMOVERS = {
    "rejected_rows": remove_rejected_rows,
    "landed_versions": remove_landed_versions,
}


def housekeeping() -> DAG:
    """The DAG, with a task for each kind of thing."""
    days = retention()
    with DAG(
        "warehouse_housekeeping",
        description="Removes what the warehouse no longer needs",
        doc_md=DOC,
        schedule=UTCDays(start_after=timedelta(hours=12)),
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["learning warehouse"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        for name, remove in REMOVERS.items():
            RetentionOperator(task_id=name, remove=remove, days=days.get(name))
    return dag


DAGS = [housekeeping()]
