"""Housekeeping: removes what is no longer needed, after as many days as retention.toml says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, TriggerRule

from learning_warehouse.dag_files import DEFAULT_ARGS
from learning_warehouse.edx.kinds import NameEventsOperator
from learning_warehouse.params import refuse_wrong_params
from learning_warehouse.steps.housekeeping import (
    RetentionOperator,
    remove_landed_versions,
    remove_rejected_rows,
    retention,
)
from learning_warehouse.stewardship.operators import WatchErasuresOperator
from learning_warehouse.timetable import UTCDays

DOC = """
### Housekeeping

Removes what is no longer needed, each day at 12:00 UTC. `include/retention.toml` says after how
many days; what has no line there is kept for ever, and its task is skipped. Each task lists in its
log what it removed.

* **`rejected_rows`**: old rows of `ops.rejected_row`. Their number stays in `ops.delivery`.
* **`landed_versions`**: in the landing zone, old versions of files and reports that newer ones have
  replaced. The newest version of each file is kept, and so is every version that is
  current: `reload` and `warehouse_rebuild` keep working. edX's logs are never removed.
* **`name_events`**: only in a run by hand with the Param of that name: gives the events that are
  already in `edx.event` the kinds that `edx.event_alias` has now, a month at a time. Loads of
  edX's logs wait meanwhile. It may be stopped and run again.
* **`erasures`**: fails while the erasure of a person is late, or will be within a week, and says
  what to do.
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
            RetentionOperator(
                task_id=name, remove=remove, days=days.get(name), pre_execute=refuse_wrong_params
            )
        names = NameEventsOperator(task_id="name_events", pre_execute=refuse_wrong_params)
        names >> WatchErasuresOperator(task_id="erasures", trigger_rule=TriggerRule.ALL_DONE)
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params["name_events"] = Param(
        False,
        type="boolean",
        description="Give the events that are already in edx.event the kinds that edx.event_alias "
        "has now.",
    )
    return dag


DAGS = [housekeeping()]
