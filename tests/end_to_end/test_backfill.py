"""Backfills and triggered runs by Airflow's own commands, on the Airflow that is installed.

The commands differ between 3.3 and 2.11; what they must do does not. One stack serves all.
"""

from __future__ import annotations

import gzip
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from include.sandbox.campus import Campus
from include.sandbox.demo import OVER, TABLES
from include.sandbox.s3 import VENDOR_BUCKET
from include.sandbox.server import EDX_BUCKET, LANDING_BUCKET, SITE
from include.sandbox.stack import AIRFLOW_2, Stack, running, week_until
from include.sandbox.truth import differences
from learning_warehouse.days import Days
from tests.edx.keys import Owner, connection, new_owner
from tests.edx.loading import line
from tests.searching import dump_bucket, dump_database, leaks

pytestmark = pytest.mark.timeout(3600)

VOCAREUM = "vocareum_lab_analytics"
ECHO360 = "echo360_reports"
EDX = "edx_tracking_logs"
EVERYTHING: dict[str, dict[str, Any]] = {VOCAREUM: {}, ECHO360: {"poll_interval": 5}, EDX: {}}
"""What to backfill: the DAGs and the Params of their runs."""
OF_EACH: dict[str, dict[str, Any]] = {
    VOCAREUM: {"datasets": ["lab_sessions"]},
    ECHO360: {"reports": ["videoview"], "poll_interval": 5},
    EDX: {},
}
TABLES_OF_EACH = ("vocareum.lab_sessions", "echo360.videoview", "edx.event")
SETTLED = ("ops.delivery", "ops.rejected_row", "ops.report_request")
"""What nothing adds to that finds everything loaded."""
PASSWORD = "the warehouse's password"
PASSPHRASE = "correct horse: battery äöü"


class SecretiveStack(Stack):
    """With a password of the warehouse, for which its server does not ask, and a key for edX."""

    owner: Owner | None = None

    def connections(self) -> dict[str, dict[str, Any]]:
        """As every stack has them, and these."""
        connections = super().connections()
        connections["learning_warehouse"]["password"] = PASSWORD
        if self.owner is not None:
            connections["edx_gpg"] = connection(self.owner.key)
        return connections

    def environment(self) -> dict[str, str]:
        """As every stack has it, and this."""
        environment = super().environment()
        if AIRFLOW_2:
            # As docs/running.md says: with it, tasks and backfill deadlock in Airflow's database.
            environment["AIRFLOW__SCHEDULER__SCHEDULE_AFTER_TASK_EXECUTION"] = "False"
        return environment

    def secrets(self) -> list[str]:
        """All that nobody may write down."""
        known = [*self.sandbox.secrets(), PASSWORD, self.environment()["AIRFLOW__CORE__FERNET_KEY"]]
        if self.owner is not None:
            armour = self.owner.key.armoured.splitlines()
            known += [PASSPHRASE, *(line for line in armour if len(line) > 60)]
        return known


@pytest.fixture(scope="module")
def days(request: pytest.FixtureRequest) -> Days:
    """The days that are backfilled: nothing of them changes at the vendors any more."""
    _, last = week_until(4)
    return Days(last - timedelta(days=request.config.getoption("backfill_days") - 1), last)


@pytest.fixture
def month(request: pytest.FixtureRequest) -> Days:
    """Thirty days, of each of which the vendors are ready."""
    if request.config.getoption("backfill_days") < 7:
        pytest.skip("a month takes Airflow half an hour: make test-backfill")
    _, last = week_until(2)
    return Days(last - timedelta(days=29), last)


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner | None]:
    """For whom edX encrypts; nobody where there is no gpg."""
    if shutil.which("gpg") is None:
        yield None
    else:
        yield from new_owner(PASSPHRASE)


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, days: Days, owner: Owner | None
) -> Iterator[SecretiveStack]:
    """A running Airflow, and a campus of these days."""
    state = tmp_path_factory.mktemp("backfill") / "stack"
    stack = SecretiveStack(state, first_day=days.first_day, days=len(list(days)))
    stack.owner = owner
    with running(stack):
        yield stack


def test_days_of_every_dataset_and_the_last_of_them_again(stack: Stack, days: Days) -> None:
    """Of a single day one dataset of each source is loaded again, else all.

    Echo360's snapshots are of no day: a backfill leaves them out, a triggered run has them.
    """
    succeeded = {dag_id: ["success"] * len(list(days)) for dag_id in EVERYTHING}
    assert backfill(stack, EVERYTHING, days) == succeeded
    assert trigger(stack, ECHO360, reports=["asset"], poll_interval=5) == ["success"]
    assert differences(stack.warehouse_url, Campus(**stack.campus), TABLES) == []

    loaded = contents(stack)
    again = EVERYTHING if len(list(days)) > 1 else OF_EACH
    last = Days(days.last_day, days.last_day)
    assert backfill(stack, again, last) == {dag_id: ["success"] for dag_id in again}
    assert contents(stack) == loaded


def test_a_run_with_a_failed_step_ends_failed(stack: Stack, days: Days) -> None:
    """A file that lost nearly all of its rows is held; what was loaded of it stays."""
    last = days.last_day
    key = f"org123/lab_sessions/lab_sessions_{last.year}-{last.month}-{last.day}.csv"
    bucket = stack.sandbox.client()
    whole = bucket.get_object(Bucket=VENDOR_BUCKET, Key=key)["Body"].read()
    header_and_one = b"".join(whole.splitlines(keepends=True)[:2])
    bucket.put_object(Bucket=VENDOR_BUCKET, Key=key, Body=header_and_one)

    before = contents(stack)
    assert backfill(stack, {VOCAREUM: {}}, Days(last, last)) == {VOCAREUM: ["failed"]}
    after = contents(stack)
    assert {table for table in TABLES if after[table] != before[table]} == set()
    assert failed_tasks(stack) == ["lab_sessions.load", "summarise"]


def test_no_secret_is_written_down(stack: SecretiveStack, days: Days, tmp_path: Path) -> None:
    """Neither by the runs before, nor by one of each DAG that fails."""
    last = str(days.last_day)
    conf = {"first_day": last, "last_day": last}
    bucket = stack.sandbox.client()
    if stack.owner is not None:
        sealed = stack.owner.seal(gzip.compress(line(1)))
        name = f"{SITE}-edx-events-{last}.log.gz.gpg"
        bucket.put_object(Bucket=EDX_BUCKET, Key=name, Body=sealed)
        assert trigger(stack, EDX, **conf) == ["success"]
    name = f"damaged/{last}-{SITE}-tracking.tar"
    bucket.put_object(Bucket=EDX_BUCKET, Key=name, Body=b"no tar" * 1000)
    stack.sandbox.set_faults(vocareum_status=403, api_401=1000)
    for dag_id in EVERYTHING:
        assert "failed" in trigger(stack, dag_id, **conf), dag_id

    left = tmp_path / "left"
    left.mkdir()
    dump_database(stack.metadata_url, left / "airflow")
    dump_database(stack.warehouse_url, left / "warehouse")
    dump_bucket(bucket, LANDING_BUCKET, left / "landing")
    home, logs = stack.logs.parent, [*stack.state.glob("*.log"), *stack.state.glob("*/*.log")]
    assert leaks(stack.secrets(), left, home, *logs) == {}

    student = "@university.example"
    assert leaks([student], left / "airflow", home) == {}, "what a row says"
    assert leaks([student], left / "warehouse")

    sealed_credentials = "gAAAAA"
    found = leaks([sealed_credentials], left / "airflow")
    assert found.keys() >= {"public.xcom", "public.rendered_task_instance_fields"}
    assert leaks(["Credentials for the bucket, valid until"], home)
    assert leaks([f"s3://{LANDING_BUCKET}/"], left / "warehouse").keys() == {"ops.delivery"}
    assert any((left / "landing").iterdir())


def test_a_month_of_one_dataset_of_each_source(tmp_path: Path, month: Days) -> None:
    days = len(list(month))
    with running(Stack(tmp_path / "stack", first_day=month.first_day, days=days)) as stack:
        succeeded = {dag_id: ["success"] * days for dag_id in OF_EACH}
        assert backfill(stack, OF_EACH, month) == succeeded
        assert differences(stack.warehouse_url, Campus(**stack.campus), TABLES_OF_EACH) == []


def backfill(stack: Stack, confs: Mapping[str, dict[str, Any]], days: Days) -> dict[str, list[str]]:
    """Backfill DAGs beside each other, again where they have runs, and wait.

    :param confs: the DAGs, and the Params of their runs.
    :returns: how each one's runs of these days ended, the oldest first.
    """
    first, last = days.first_day, days.last_day
    begun = {}
    for dag_id, conf in confs.items():
        command = (
            f"dags backfill -s {first} -e {last} --reset-dagruns --yes --conf"
            if AIRFLOW_2
            else f"backfill create --dag-id {dag_id} --from-date {first} --to-date {last}"
            " --max-active-runs 7 --reprocess-behavior completed --dag-run-conf"
        )
        arguments = [*command.split(), json.dumps(conf), *([dag_id] if AIRFLOW_2 else [])]
        begun[dag_id] = stack.launch(f"backfill-{dag_id}", *arguments)
    for dag_id, process in begun.items():
        process.wait()
        # That of 2.11 waits for its runs, and fails as they do.
        assert AIRFLOW_2 or process.returncode == 0, stack.tail(f"backfill-{dag_id}")
    if not AIRFLOW_2:
        await_none(stack, "SELECT FROM backfill WHERE completed_at IS NULL")
    day = "execution_date" if AIRFLOW_2 else "logical_date"
    query = (
        "SELECT state FROM dag_run WHERE run_type = 'backfill' AND dag_id = %s"
        f" AND {day} BETWEEN %s AND %s ORDER BY {day}"
    )
    return {
        dag_id: [state for (state,) in metadata(stack, query, dag_id, first, last)]
        for dag_id in confs
    }


def trigger(stack: Stack, dag_id: str, **conf: Any) -> list[str]:
    """Trigger a DAG and wait; returns how its triggered runs ended."""
    command = stack.launch("trigger", "dags", "trigger", dag_id, "--conf", json.dumps(conf))
    assert command.wait() == 0, stack.tail("trigger")
    of_dag = "FROM dag_run WHERE run_type = 'manual' AND dag_id = %s"
    await_none(stack, f"SELECT {of_dag} AND state <> ALL (%s)", dag_id, list(OVER))
    return [state for (state,) in metadata(stack, f"SELECT state {of_dag}", dag_id)]


def await_none(stack: Stack, query: str, *parameters: Any) -> None:
    """Wait until a query of Airflow's database finds nothing."""
    while metadata(stack, query, *parameters):
        stack.check()
        time.sleep(0.5)


def failed_tasks(stack: Stack) -> list[str]:
    """The tasks of all runs that ended failed."""
    query = "SELECT task_id FROM task_instance WHERE state = 'failed' ORDER BY task_id"
    return [task_id for (task_id,) in metadata(stack, query)]


def metadata(stack: Stack, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What Airflow's own database answers; days are of UTC."""
    with psycopg.connect(stack.metadata_url, options="-c timezone=UTC") as conn:
        return conn.execute(query.encode(), parameters).fetchall()


def contents(stack: Stack) -> dict[str, str]:
    """A digest of all rows of each of the tables, but for which plans share a request."""
    digest = sql.SQL(
        "SELECT md5(string_agg(line, '' ORDER BY line)) "
        "FROM (SELECT (to_jsonb(t) - 'plans')::text AS line FROM {} AS t) AS lines"
    )
    with psycopg.connect(stack.warehouse_url) as conn:
        found = {}
        for table in (*TABLES, *SETTLED):
            (found[table],) = conn.execute(
                digest.format(sql.Identifier(*table.split(".")))
            ).fetchall()[0]
        return found
