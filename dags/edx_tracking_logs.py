"""
### edX tracking logs

Takes the tracking logs out of the tars in edX's `course-data` bucket
(`{date}-{site}-tracking.tar`) and adds their events to `edx.event`, each event once, however often
it is delivered.

`unpack` → for each lane `stage` → `merge` → `summarise`

**unpack** looks at the tars of the run's days, and a scheduled run also at those of the 35 days
before. It reads their headers where they lie: nothing is downloaded. The logs that were not loaded
yet are dealt out to the lanes, evenly by bytes; a lane that has none is skipped.
**stage** reads each log from its place in the tar into a table of its own; a line that is no event
goes to `ops.rejected_row` with its reason. **merge** adds what is not there yet.

The days are those in the names of the tars: when they were made. The events in them may be of any
time. A tar holds again what the ones before it held, so that the last one brings everything.

#### Params
| Param | Meaning |
|---|---|
| `first_day`, `last_day` | the tars of these days, both included; empty: those of the run's own day |
| `earliest` | all tars up to the last day |
| `reload` | take logs again that were loaded before |
| `accept_shrink` | has no meaning here: events are only ever added |
| `bucket` | another bucket than the one that the connection `edx_tracking_logs` names |
| `prefix` | only keys that begin with it |
| `pattern` | a regular expression that finds the tars by their keys, with the groups `date` and `site` |

#### When it fails
The log of the failed task ends in one sentence that says what to do. Every task may be cleared and
run again: what was loaded is known, and nothing is loaded twice. A damaged tar or log holds back
nothing but itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.common.compat.sdk import DAG, Param, task_group
from learning_warehouse.edx.operators import TAR_KEY, EdxLogTarOperator, lane_names
from learning_warehouse.edx.staging import EVENTS, stage_member
from learning_warehouse.operators import MergeOperator, StageOperator, SummaryOperator
from learning_warehouse.timetable import UTCDays
from learning_warehouse.window import params

LANES = 2

with DAG(
    dag_id="edx_tracking_logs",
    doc_md=__doc__,
    schedule=UTCDays(start_after=timedelta(hours=6)),
    start_date=datetime(2013, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "learning-analytics",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=30),
    },
    params={
        **params(),
        "bucket": Param(
            None,
            type=["null", "string"],
            title="Bucket",
            description="Empty: the bucket of the connection edx_tracking_logs.",
        ),
        "prefix": Param("", type="string", title="Prefix", description="Keys begin with it."),
        "pattern": Param(
            TAR_KEY,
            type="string",
            title="Pattern of the tars' keys",
            description="A regular expression with the groups date (YYYY-MM-DD) and site.",
        ),
    },
    tags=["edx", "learning-warehouse"],
):
    unpack = EdxLogTarOperator(
        task_id="unpack",
        bucket_name="{{ params.bucket or '' }}",
        prefix="{{ params.prefix }}",
        pattern="{{ params.pattern }}",
        lanes=LANES,
    )

    merges = []
    for name in lane_names(LANES):

        @task_group(group_id=name)
        def lane(name: str = name):
            stage = StageOperator(
                task_id="stage",
                dataset=EVENTS,
                deliveries=unpack.output[name],
                stage=stage_member,
            )
            return MergeOperator(
                task_id="merge", dataset=EVENTS, staged=stage.output, stage=stage_member
            )

        merges.append(lane().output)

    SummaryOperator(task_id="summarise", merges=merges)
