"""edX tracking logs: find what is new, then for each lane load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, Param, TaskGroup

from learning_warehouse.dag_files import DEFAULT_ARGS, origins
from learning_warehouse.edx.kinds import unknown_kinds
from learning_warehouse.edx.logs import EVENTS, logs_of
from learning_warehouse.edx.operators import (
    FINDINGS,
    LOGS_KEY,
    WOULD_LOAD,
    EdxLogTarOperator,
    lane_names,
)
from learning_warehouse.edx.replay import ReplayRejectsOperator
from learning_warehouse.params import params, refuse_wrong_params
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.timetable import UTCDays

LANES = 2

DOC = """
### edX tracking logs

Finds the tracking logs in edX's bucket, in tars (`{date}-{site}-tracking.tar`, also `.tar.gz`,
`.tgz`, `.tar.bz2`, `.tar.xz`, `.tar.zst`) and as single files
(`{org}-{site}-events-{date}.log.gz`, also with `.gpg`), and adds their events to `edx.event`, each
event once, however often it is delivered. A log may be plain or a `.gz`, `.bz2`, `.xz` or `.zst`,
and encrypted or not. Where a name does not say what a file is, its first bytes do, and they are
read once. Hidden files and unfinished copies (`.part`, `.tmp`) are skipped. A tar that holds no
log is named in the log of `summarise`.

* **What it does**: `unpack` reads the headers of plain tars where they are; nothing is downloaded.
  A compressed tar is read once, and what is new in it is copied to the landing zone. A log that is
  a single file stays where it is. What is not loaded yet is shared out among the lanes, evenly by
  bytes; an empty lane is skipped, and where nothing is new, `unpack` too. Each lane loads its
  logs from where they are. A line that is no event goes to `ops.rejected_row` with its reason.
* **Schedule**: 06:00 UTC, for the day before. edX writes a tar once a week, so a run also looks at
  the tars and logs of the 35 days before its own; a tar that was read to its end is not read again
  until it changes. A run by hand without days does the same; a backfill looks at its day alone.
* **By hand**: `first_day` and `last_day` choose tars and logs by the date in their names, which is
  when they were made (for a file without one, the day of its last change): the events in them are
  older. Each tar repeats what the ones before it had, so the last one has everything. `earliest`
  takes all of them; `reload` loads logs again that were loaded before.
* **To see what a run would do**: with `dry_run`, `unpack` lists for each tar, and for the single
  files, what would be loaded, in its log and in that of `summarise`; nothing is loaded. A
  compressed tar is read to its end for it.
* **Rejected lines**: after an upgrade that understands more lines, run `replay_rejects`. It rereads
  all rejected lines or, with `first_day` and `last_day`, those from logs that arrived in the bucket
  on those days. Lines that are now valid move to `edx.event`. To read all lines of a log again, use
  `reload`.
* **Kinds**: `summarise` lists with their counts the events whose type `edx.event_alias` does not
  know. Add lines there, then run `warehouse_housekeeping` with `name_events`.
* **Heartbeat**: with `skip_heartbeat`, the servers' own requests for `/heartbeat` are not loaded
  and count as filtered; `reload` without it loads them.
* **Encrypted logs** (`.gpg`) are skipped and counted until a connection `edx_gpg` holds the private
  key (extra `private_key`, password: its passphrase). They are decrypted as they are read.
* **Connections**: `CONN_ID` (its extra `site` names the edX site, else the keys do),
  `learning_warehouse`; for compressed tars `landing_zone`; for encrypted logs `edx_gpg`.
* **When it fails**: the last line of the task's log says what to do; then clear the task. Nothing
  is loaded twice. A damaged tar or log stops nothing else: the logs in a tar before the damage
  are loaded.
"""


def tracking_logs(dag_id: str, conn_id: str) -> DAG:
    """The DAG of one site, from the connection of its bucket."""
    with DAG(
        dag_id,
        description="Loads edX's tracking logs into the warehouse",
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
            pre_execute=refuse_wrong_params,
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
        replay = ReplayRejectsOperator(task_id="replay", pre_execute=refuse_wrong_params)
        SummaryOperator(
            task_id="summarise",
            loads=[*loads, replay.output],
            schemas=["edx"],
            would_load=unpack.output[WOULD_LOAD],  # type: ignore[index]
            remark=unknown_kinds,
            findings=unpack.output[FINDINGS],  # type: ignore[index]
        )
    # Last, for each operator would copy those that the DAG has when it is made.
    dag.params.update(
        {
            **{name: param for name, param in params().items() if name != "accept_shrink"},
            "first_day": Param(
                None,
                type=["null", "string"],
                format="date",
                description="Load tars and logs whose name, or else last change, has this UTC date "
                "or a later one. Empty, and last_day too: those of the 36 days before the run's "
                "logical date.",
            ),
            "bucket": Param(
                None,
                type=["null", "string"],
                description="The bucket of the tars and logs. Empty: the one of the connection.",
            ),
            "prefix": Param(
                None,
                type=["null", "string"],
                description="Look only at keys that begin with this. Empty: all keys.",
            ),
            "pattern": Param(
                LOGS_KEY,
                type="string",
                description="A regular expression that finds the keys of tars and logs. Its group "
                "date (YYYY-MM-DD or YYYYMMDD) is the day of the file; where it finds none, the "
                "day of its last change is. Its group site is the origin of the events.",
            ),
            "skip_heartbeat": Param(
                False,
                type="boolean",
                description="Do not load the servers' own requests for /heartbeat; they count as "
                "filtered. A reload without this loads them.",
            ),
            "replay_rejects": Param(
                False,
                type="boolean",
                description="Read rejected lines again, after an upgrade that understands more "
                "lines: all of them or, with first_day and last_day, those from logs that arrived "
                "in the bucket on those days.",
            ),
            "dry_run": Param(
                False,
                type="boolean",
                description="Load nothing; list what would be loaded in the logs of unpack and "
                "summarise.",
            ),
        }
    )
    return dag


DAGS = [tracking_logs(dag_id, conn_id) for dag_id, conn_id in origins("edx").items()]
