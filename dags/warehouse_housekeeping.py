"""Housekeeping: removes what is no longer needed, after as many days as retention.toml says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, TriggerRule

from learning_warehouse.activity.refreshing import TABLES
from learning_warehouse.dag_files import DEFAULT_ARGS
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.edx.kinds import NameEventsOperator
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.params import refuse_wrong_params
from learning_warehouse.people import lists
from learning_warehouse.steps.housekeeping import (
    RetentionOperator,
    remove_landed_versions,
    remove_rejected_rows,
    retention,
)
from learning_warehouse.steps.past_days import PastDaysOperator
from learning_warehouse.stewardship.operators import WatchErasuresOperator
from learning_warehouse.timetable import UTCDays
from learning_warehouse.vocareum.files import REGISTRY

DOC = """
### Housekeeping

Removes what is no longer needed or may be kept no longer, each day at 12:00 UTC.
`include/retention.toml` says after how long; what has no line there is kept for ever, and its task
is skipped. Each task lists in its log what it removed.

* **`rejected_rows`**: old rows of `ops.rejected_row`. Their number stays in `ops.delivery`.
* **`landed_versions`**: in the landing zone, old versions of files and reports that newer ones have
  replaced. The newest version of each file is kept, and so is every version that is
  current: `reload` and `warehouse_rebuild` keep working. edX's logs are not removed.
* **`past_days`**: rows of tables, by their UTC days; of `edx.event` whole months; with them what
  landed of these days and their rejected rows. They do not come back: what arrives for these days
  later counts as filtered, also in a reload or a rebuild. `ops.kept_since` has the first day of
  each table that is kept.
* **To see what a run would remove**: set `dry_run`, and read the logs.
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
DATASETS = [
    *(files.dataset for files in REGISTRY),
    *(report.dataset for report in REPORTS.values()),
    EVENTS,
    *(one.dataset for one in lists.REGISTRY),
]
MARTS = {
    f"activity.{table}": [source for source in TABLES if table in TABLES[source]]
    for table in sorted({table for tables in TABLES.values() for table in tables})
}


def housekeeping() -> DAG:
    """The DAG, with a task for each kind of thing."""
    kept = retention(
        by_day=[*(dataset.table for dataset in DATASETS if dataset is not EVENTS), *MARTS],
        by_month=[EVENTS.table],
    )
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
                task_id=name,
                remove=remove,
                days=kept.days.get(name),
                pre_execute=refuse_wrong_params,
            )
        past_days = PastDaysOperator(
            task_id="past_days",
            retention=kept,
            datasets=DATASETS,
            marts=MARTS,
            pre_execute=refuse_wrong_params,
        )
        names = NameEventsOperator(task_id="name_events", trigger_rule=TriggerRule.NONE_FAILED)
        past_days >> names
        names >> WatchErasuresOperator(task_id="erasures", trigger_rule=TriggerRule.ALL_DONE)
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            "name_events": Param(
                False,
                type="boolean",
                description="Give the events that are already in edx.event the kinds that "
                "edx.event_alias has now.",
            ),
            "dry_run": Param(
                False,
                type="boolean",
                description="Remove nothing: say in the logs what would be removed.",
            ),
        }
    )
    return dag


DAGS = [housekeeping()]
