"""edX tracking logs: find what is new, then for each lane load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, TaskGroup

from learning_warehouse.dag_files import DEFAULT_ARGS, origins
from learning_warehouse.edx.logs import EVENTS, logs_of
from learning_warehouse.edx.operators import LOGS_KEY, EdxLogTarOperator, lane_names
from learning_warehouse.edx.replay import ReplayRejectsOperator
from learning_warehouse.params import params
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.timetable import UTCDays

LANES = 2

DOC = """
### edX tracking logs

Takes the tracking logs in edX's bucket, in tars (`{date}-{site}-tracking.tar`, also `.tar.gz`,
`.tgz`, `.tar.bz2`, `.tar.xz`, `.tar.zst`) and by themselves
(`{org}-{site}-events-{date}.log.gz`, also with `.gpg`), and adds their events to `edx.event`, each
event once, however often it is delivered. A log may be plain or a `.gz`, `.bz2`, `.xz` or `.zst`,
and encrypted or not.

* **What it does**: `unpack` reads the headers of plain tars where they lie; nothing is downloaded.
  A compressed tar is read once, and what is new in it is copied to the landing zone. A log by
  itself stays where it is. What was not loaded yet is dealt out to the lanes, evenly by bytes; an
  empty lane is skipped. Each lane loads its logs from where they lie. A line that
  is no event goes to `ops.rejected_row` with its reason.
* **Schedule**: each UTC day, six hours after its close. A scheduled run also looks at the tars and
  logs of the 35 days before; a tar that was gone through is left alone until it changes.
* **By hand**: `first_day` and `last_day` choose tars and logs by the date in their names, which is
  when they were made: the events in them are older. A tar holds again what the ones before it held,
  so that the last one brings everything. `earliest` takes all of them, `reload` takes logs again
  that were loaded before.
* **To see what a run would do**: with `dry_run`, `unpack` says of each tar, and of the logs by
  themselves, what would be loaded, in its log and in that of `summarise`; nothing else happens. A
  compressed tar is read to its end for it.
* **Rejected lines**: with `replay_rejects`, `replay` reads them again with the rules of today; what
  is an event now is loaded as if it had been one then. Without days, all that are left; with days,
  those of the logs that edX put into the bucket in these days, in a tar or by themselves. To read
  all lines of a log again, use `reload`.
* **Heartbeat**: with `skip_heartbeat`, the servers' own requests for `/heartbeat` are not loaded
  and count as filtered; `reload` without it loads them.
* **Encrypted logs** (`.gpg`) are left alone and counted, until a connection `edx_gpg` holds the
  private key (extra `private_key`, password: its passphrase). They are decrypted as they are read.
* **Connections**: `CONN_ID` (its extra `site` names the edX site, else the keys do),
  `learning_warehouse`; for compressed tars `landing_zone`; for encrypted logs `edx_gpg`.
* **When it fails**: the last line of the task's log says what to do; then clear the task. Nothing
  is loaded twice. A damaged tar or log holds back nothing but itself: of a tar, what lies before
  the damage is loaded.
"""


def tracking_logs(dag_id: str, conn_id: str) -> DAG:
    """The DAG of one site, from the connection of its bucket."""
    with DAG(
        dag_id,
        description="edX's tracking logs, loaded into the warehouse",
        doc_md=DOC.replace("CONN_ID", conn_id),
        schedule=UTCDays(start_after=timedelta(hours=6)),
        start_date=datetime(2012, 1, 1, tzinfo=UTC),
        catchup=False,
        tags=["learning warehouse", "edx"],
        default_args=DEFAULT_ARGS,
    ) as dag:
        unpack = EdxLogTarOperator(
            task_id="unpack",
            bucket_name="{{ params.bucket or '' }}",
            prefix="{{ params.prefix or '' }}",
            pattern="{{ params.pattern }}",
            lanes=LANES,
            aws_conn_id=conn_id,
        )
        loads = []
        for lane in lane_names(LANES):
            with TaskGroup(lane):
                load = LoadOperator(
                    task_id="load",
                    dataset=EVENTS,
                    # An XComArg can be indexed, which its type does not say.
                    deliveries=unpack.output[lane],  # type: ignore[index]
                    reader=logs_of(conn_id),
                    reader_params=("skip_heartbeat",),
                )
                loads.append(load.output)
        replay = ReplayRejectsOperator(task_id="replay")
        SummaryOperator(
            task_id="summarise",
            loads=[*loads, replay.output],
            schemas=["edx"],
            would_load=unpack.output,
        )
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            **{name: param for name, param in params().items() if name != "accept_shrink"},
            "bucket": Param(
                None,
                type=["null", "string"],
                title="Bucket",
                description="Where tars and logs lie. Empty: the bucket of the connection.",
            ),
            "prefix": Param(
                None,
                type=["null", "string"],
                title="Prefix",
                description="Only keys that begin with it. Empty: all keys.",
            ),
            "pattern": Param(
                LOGS_KEY,
                type="string",
                title="Pattern of the keys",
                description="A regular expression that finds tars and logs, with a group date "
                "(YYYY-MM-DD) and a group site, which is kept as the origin of the events.",
            ),
            "skip_heartbeat": Param(
                False,
                type="boolean",
                title="Skip the heartbeat",
                description="Leave out the servers' own requests for /heartbeat; they count as "
                "filtered. Load again without it to have them.",
            ),
            "replay_rejects": Param(
                False,
                type="boolean",
                title="Replay rejected lines",
                description="Read rejected lines again with the rules of today: all that are left, "
                "or with days those of the logs that edX put into the bucket in these days.",
            ),
            "dry_run": Param(
                False,
                type="boolean",
                title="Dry run",
                description="Only say what would be loaded, in the logs of unpack and summarise.",
            ),
        }
    )
    return dag


DAGS = [tracking_logs(dag_id, conn_id) for dag_id, conn_id in origins("edx").items()]
