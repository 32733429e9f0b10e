"""A warehouse that was lost, filled again without the vendors, against real servers."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.campus import Campus
from include.sandbox.demo import TABLES
from include.sandbox.postgres import binaries
from include.sandbox.rebuild import drop
from include.sandbox.server import EDX_BUCKET
from include.sandbox.truth import changes, contents, differences
from learning_warehouse import s3
from learning_warehouse.edx.operators import EdxLogTarOperator
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.landing import LandingZone
from learning_warehouse.vocareum.files import REGISTRY
from tests.conftest import context, open_database
from tests.echo360.runs import Run
from tests.edx.bucket import load_logs, log, tar, together
from tests.edx.loading import line
from tests.edx.loading import load as load_log
from tests.landed import (
    COURSE,
    empty_landing_zone,
    enrolled,
    land,
    load,
    names,
    run_dag,
)
from tests.vocareum.conftest import credentials
from tests.vocareum.conftest import load as load_vocareum
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VIDEOVIEW
from tests.warehouse.roads import load as load_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

FIRST_DAY = datetime.now(UTC).date() - timedelta(days=30)
LAST_DAY = FIRST_DAY + timedelta(days=4)
CAMPUS: dict[str, Any] = {
    "first_day": FIRST_DAY, "days": 5, "students": 8, "courses": 2
}  # fmt: skip
ALL_DAYS = {"first_day": str(FIRST_DAY), "last_day": str(LAST_DAY)}
IN_A_COMPRESSED_TAR = f"{FIRST_DAY}-UniversityA-tracking.tar.gz"


@pytest.fixture
def vendors(
    tmp_path: Path,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sandbox]:
    """A sandbox of the test's own with a campus, and Airflow's connections to it."""
    from include.sandbox.server import Sandbox

    server = Sandbox(tmp_path, **CAMPUS)
    server.start()
    server.set_faults(echo360_build_seconds=0)
    for conn_id, fields in server.airflow_connections(postgres.url(warehouse_name)).items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))
    s3._client.cache_clear()
    yield server
    s3._client.cache_clear()
    server.stop()


def load_edx() -> None:
    """What is new in edX's bucket."""
    given = context(earliest=True)
    EdxLogTarOperator(task_id="unpack").execute(given)
    deliveries = together(given["ti"].pushed)
    if deliveries:
        load_logs(deliveries)


def scheduled(vendors: Sandbox, day: date) -> Counter[str]:
    """The scheduled run of a day; how often each request was made in it."""
    before = asked(vendors)
    vendors.set_clock(f"{day + timedelta(days=1)}T08:00:00Z")
    run = Run(f"scheduled__{day}", run_type="scheduled", day=day).execute()
    assert not run.failures
    return asked(vendors) - before


def asked(vendors: Sandbox) -> Counter[str]:
    start = "echo360 submitted "
    counts = vendors.counts().items()
    return Counter({what.removeprefix(start): n for what, n in counts if what.startswith(start)})


@pytest.mark.timeout(900)
def test_all_of_it_comes_back_without_the_vendors(
    vendors: Sandbox, postgres: EmbeddedPostgres, warehouse_name: str, warehouse: Connection
) -> None:
    url = postgres.url(warehouse_name)
    sealed = credentials()
    for files in REGISTRY:
        load_vocareum(files, sealed=sealed, **ALL_DAYS)
    scheduled(vendors, LAST_DAY)
    vendors.set_clock(f"{LAST_DAY + timedelta(days=4)}T08:00:00Z")
    assert not Run("all", **ALL_DAYS).execute().failures
    load_edx()
    with_days = [table for table in TABLES if table != "echo360.asset"]
    assert differences(url, Campus(**CAMPUS), with_days) == []
    client = vendors.client()
    compressed = tar({"prod-edx-001/2012-01-01-UniversityA.log.gz": log(1, 2)}, ".gz")
    client.put_object(Bucket=EDX_BUCKET, Key=IN_A_COMPRESSED_TAR, Body=compressed)
    load_edx()
    client.delete_object(Bucket=EDX_BUCKET, Key=IN_A_COMPRESSED_TAR)
    before = contents(url, TABLES)

    vendors.set_faults(vendors_off=True)
    drop(url)
    assert run_dag("warehouse_rebuild")
    load_edx()
    assert changes(before, contents(url, TABLES)) == []
    assert vendors.counts().get("asked in vain", 0) == 0

    assert run_dag("warehouse_rebuild") == {}, "nothing changes in a warehouse that lacks nothing"
    assert changes(before, contents(url, TABLES)) == []

    vendors.set_faults(vendors_off=False)
    next_day = LAST_DAY + timedelta(days=6)
    undone = {"end": f"{next_day + timedelta(days=1)}", "start": f"{LAST_DAY + timedelta(days=1)}"}
    made = scheduled(vendors, next_day)
    views = {what: times for what, times in made.items() if what.startswith("videoview")}
    assert views == {f"videoview {json.dumps(undone)}": 1}, "what is missing, and nothing else"
    assert load_vocareum(REGISTRY[0], sealed=credentials(), **ALL_DAYS) == []


# --- what a rebuild must not get wrong ------------------------------------------------------------


@pytest.fixture
def landing_zone(connections: dict[str, Any], sandbox: Sandbox) -> LandingZone:
    """An empty one."""
    sandbox.reset()
    empty_landing_zone()
    return LandingZone()


def reopened(server: EmbeddedPostgres, name: str) -> Connection:
    """The same warehouse, after its loss."""
    drop(server.url(name))
    return open_database(server, name)


def test_the_newest_version_is_current_in_whatever_order_they_were_loaded(
    landing_zone: LandingZone,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
) -> None:
    for day, name in ((3, "Cy"), (1, "Al"), (2, "Bo")):
        load(land(warehouse, enrolled(name), day))
    with reopened(postgres, warehouse_name) as conn:
        run_dag("warehouse_rebuild", "vocareum.enrollment")
        assert names(conn) == ["Cy"]


def test_of_two_versions_of_one_second_the_later_etag_is_loaded(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    load(land(warehouse, enrolled("Al"), 1))
    land(warehouse, enrolled("Bo"), 2)
    for table in ("delivery", "current_part"):
        warehouse.execute(f"UPDATE ops.{table} SET made_at = '2026-01-06T06:00Z'".encode())
    run_dag("warehouse_rebuild", "vocareum.enrollment")
    assert names(warehouse) == ["Bo"]


def test_what_was_accepted_is_held_once_more(
    landing_zone: LandingZone,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
) -> None:
    load(land(warehouse, enrolled("Al", "Bo", "Cy"), 1))
    load(land(warehouse, enrolled("Al"), 2), accept_shrink=True)
    with reopened(postgres, warehouse_name) as conn:
        with pytest.raises(PermanentFailure, match=r"is held.*from 3 to 1 rows"):
            run_dag("warehouse_rebuild", "vocareum.enrollment")
        assert names(conn) == ["Al", "Bo", "Cy"]
        run_dag("warehouse_rebuild", "vocareum.enrollment", accept_shrink=True)
        assert names(conn) == ["Al"]


def test_what_had_not_landed_whole_is_left_alone(
    landing_zone: LandingZone,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
) -> None:
    load(land(warehouse, enrolled("Al"), 1))
    landing_zone.put(f"vocareum/enrollment/{COURSE}/2", enrolled("Al", "Bo"))
    with reopened(postgres, warehouse_name) as conn:
        run_dag("warehouse_rebuild", "vocareum.enrollment")
        assert names(conn) == ["Al"]


def test_what_landed_before_there_were_notes_gets_one(
    landing_zone: LandingZone,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
) -> None:
    load(land(warehouse, enrolled("Al"), 1))
    landing_zone.remove(f"{landing_zone.url}ledger/")
    assert run_dag("warehouse_rebuild", "vocareum.enrollment") == {}
    with reopened(postgres, warehouse_name) as conn:
        run_dag("warehouse_rebuild", "vocareum.enrollment")
        assert names(conn) == ["Al"]


def test_what_landed_after_a_backup_is_added(
    landing_zone: LandingZone,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
    tmp_path: Path,
) -> None:
    dump, url = str(tmp_path / "warehouse.dump"), postgres.url(warehouse_name)
    load(land(warehouse, enrolled("Al"), 1))
    run_program("pg_dump", "--format=custom", f"--file={dump}", url)
    load(land(warehouse, enrolled("Bo"), 2))
    drop(url)
    run_program("pg_restore", f"--dbname={url}", dump)
    assert names(warehouse) == ["Al"]
    run_dag("warehouse_rebuild", "vocareum.enrollment")
    assert names(warehouse) == ["Bo"]


def run_program(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs."""
    subprocess.run([str(binaries() / program), *arguments], check=True)


def test_only_the_tables_that_were_asked_for(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    land(warehouse, enrolled("Al"), 1)
    assert run_dag("warehouse_rebuild", datasets=["vocareum.grades"]) == {}
    assert names(warehouse) == []


# --- what is undone -------------------------------------------------------------------------------


def undo(conn: Connection, version: str) -> list[str]:
    """Undo the delivery of that version; the versions that are to be loaded again."""
    query = """
        SELECT again.version
        FROM ops.delivery AS d
        CROSS JOIN LATERAL ops.undo(d.delivery_id) AS again
        WHERE d.version = %s
        ORDER BY again.made_at
    """
    return [row["version"] for row in conn.execute(query, [version])]


def test_the_version_before_is_current_again(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    for day, name in ((1, "Al"), (2, "Bo")):
        load(land(warehouse, enrolled(name), day))
    third = land(warehouse, enrolled("Oh"), 3)
    load(third)
    assert undo(warehouse, "etag03") == ["etag01", "etag02"]
    assert names(warehouse) == []
    run_dag("warehouse_rebuild", "vocareum.enrollment")
    assert names(warehouse) == ["Bo"]
    assert undo(warehouse, "etag02") == ["etag01"], "what was undone stays so"
    run_dag("warehouse_rebuild", "vocareum.enrollment")
    assert names(warehouse) == ["Al"]
    load(third, reload=True)
    assert names(warehouse) == ["Oh"]
    load(land(warehouse, enrolled("Di"), 4))
    assert names(warehouse) == ["Di"]
    assert undo(warehouse, "etag04") == ["etag01", "etag03"], "the third was current again"


def test_what_is_held_is_let_go(landing_zone: LandingZone, warehouse: Connection) -> None:
    load(land(warehouse, enrolled("Al", "Bo", "Cy"), 1))
    land(warehouse, enrolled("Al"), 2)
    with pytest.raises(PermanentFailure, match="is held"):
        run_dag("warehouse_rebuild", "vocareum.enrollment")
    held = "UPDATE ops.delivery SET rows_read = 1, rows_held = 1 WHERE status = 'held'"
    assert warehouse.execute(held).rowcount == 1
    assert undo(warehouse, "etag02") == []
    assert names(warehouse) == ["Al", "Bo", "Cy"]
    run_dag("warehouse_rebuild", "vocareum.enrollment")
    assert names(warehouse) == ["Al", "Bo", "Cy"]
    assert run_dag("warehouse_rebuild", "vocareum.enrollment") == {}


def test_days_of_a_report_are_current_again_as_they_were(warehouse: Connection) -> None:
    header = b"event_timestamp,duration_Minute\n"

    def load(version: int, first: int, end: int) -> None:
        days = date(2026, 1, first), date(2026, 1, end)
        rows = [b"2026-01-%02d 10:00:00,%d\n" % (day, version) for day in range(first, end)]
        load_report(
            warehouse, VIDEOVIEW, header + b"".join(rows), version, name=str(days), days=days
        )

    def found() -> list[Any]:
        query = "SELECT duration_minute FROM echo360.videoview ORDER BY event_timestamp"
        return [int(row["duration_minute"]) for row in warehouse.execute(query)]

    load(1, 5, 8)
    load(2, 7, 9)
    load(3, 6, 8)
    assert found() == [1, 3, 3, 2]
    assert undo(warehouse, "3") == ["1", "2"]
    assert found() == [1, 2]
    load(1, 5, 8)
    load(2, 7, 9)
    assert found() == [1, 1, 2, 2]
    load(1, 5, 8)
    assert found() == [1, 1, 2, 2]


def test_two_are_undone_before_anything_is_loaded_again(warehouse: Connection) -> None:
    def load(version: int, first: int, end: int) -> None:
        days = date(2026, 1, first), date(2026, 1, end)
        rows = [b"2026-01-%02d 10:00:00\n" % day for day in range(first, end)]
        content = b"event_timestamp\n" + b"".join(rows)
        load_report(warehouse, VIDEOVIEW, content, version, name=str(days), days=days)

    load(1, 5, 8)
    load(2, 7, 9)
    load(3, 8, 10)
    assert undo(warehouse, "3") == ["2"]
    assert undo(warehouse, "2") == ["1"], "its seventh was still current"


def test_the_only_file_of_a_table_is_undone_twice(warehouse: Connection) -> None:
    for version in (1, 2, 3):
        load_report(warehouse, ENROLLMENT, b"userid,courseid\n%d,2\n" % version, version)
    assert undo(warehouse, "3") == ["1", "2"]
    assert undo(warehouse, "2") == [], "it is current nowhere"
    assert undo(warehouse, "1") == []


def test_an_undo_waits_for_the_lock_of_its_table_alone(
    warehouse: Connection, postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    from psycopg.errors import LockNotAvailable

    load_report(warehouse, ENROLLMENT, b"userid,courseid\n1,2\n", 1)
    load_report(warehouse, LAB_SESSIONS, b"User ID\nu\n", 2)
    table = [ENROLLMENT.table]
    warehouse.execute("INSERT INTO ops.dataset_lock VALUES (%s) ON CONFLICT DO NOTHING", table)
    warehouse.execute("SET lock_timeout = '200ms'")
    with closing(open_database(postgres, warehouse_name)) as rival, rival.transaction():
        rival.execute("SELECT FROM ops.dataset_lock WHERE dataset = %s FOR UPDATE", table)
        with pytest.raises(LockNotAvailable):
            undo(warehouse, "1")
        assert undo(warehouse, "2") == []
    assert undo(warehouse, "1") == []
    counts = "SELECT sum(rows_merged) AS merged, sum(rows_filtered) AS filtered FROM ops.delivery"
    assert warehouse.execute(counts).fetchone() == {"merged": 0, "filtered": 2}


def test_events_are_not_undone(warehouse: Connection) -> None:
    from psycopg.errors import RaiseException

    load_log(warehouse, line(1))
    with pytest.raises(RaiseException, match=r"edx\.event: delete its rows by hand"):
        warehouse.execute("SELECT * FROM ops.undo(1)")
