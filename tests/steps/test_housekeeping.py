"""What housekeeping removes, and what it must not, against real servers."""

from __future__ import annotations

import io
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from include.sandbox.rebuild import drop
from learning_warehouse.edx.replay import ReplayRejectsOperator
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.landing import LandingZone
from learning_warehouse.s3 import open_uri
from learning_warehouse.steps.housekeeping import (
    Retention,
    RetentionOperator,
    remove_landed_versions,
    remove_rejected_rows,
    retention,
)
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.warehouse.locks import lock_deliveries
from learning_warehouse.warehouse.staging import csv_reader
from tests.conftest import context, open_database, run_load
from tests.edx.bucket import Bucket, load_logs, log, tar
from tests.edx.loading import line
from tests.edx.loading import load as load_edx
from tests.landed import (
    COURSE,
    ENROLLMENT,
    empty_landing_zone,
    enrolled,
    grow_old,
    land,
    load,
    names,
    run_dag,
)
from tests.warehouse.roads import VIDEOVIEW
from tests.warehouse.roads import load as load_report

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

DAYS = 400


@pytest.fixture
def landing_zone(connections: dict[str, Any], sandbox: Sandbox) -> LandingZone:
    """An empty one."""
    sandbox.reset()
    empty_landing_zone()
    return LandingZone()


def removed(conn: Connection) -> list[int]:
    """Remove what is too old; the days of January of which versions are gone, by the ledger."""
    grow_old(conn, DAYS + 1)
    remove_landed_versions(conn, DAYS)
    gone = conn.execute("SELECT made_at FROM ops.delivery WHERE removed_at > '-infinity'")
    return sorted(row["made_at"].day for row in gone)


def lie_there(zone: LandingZone) -> tuple[int, int]:
    """How many objects there are, and how many notes."""
    keys = list(zone.keys(""))
    folders = [key.partition("/")[0] for key in keys]
    return len(keys) - folders.count("ledger"), folders.count("ledger")


# --- landed versions ------------------------------------------------------------------------------


def test_old_versions_go_and_the_newest_stays(
    landing_zone: LandingZone,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
) -> None:
    for day, name in enumerate(("Al", "Bo", "Cy"), start=1):
        load(land(warehouse, enrolled(name), day))
    remove_landed_versions(warehouse, DAYS)
    assert lie_there(landing_zone) == (3, 3), "they are not old yet"
    assert removed(warehouse) == [1, 2]
    assert lie_there(landing_zone) == (1, 1)
    assert remove_landed_versions(warehouse, DAYS) == {}
    drop(postgres.url(warehouse_name))
    with open_database(postgres, warehouse_name) as conn:
        run_dag("warehouse_rebuild", "vocareum.enrollment")
        assert names(conn) == ["Cy"]


def test_many_go_at_once(landing_zone: LandingZone, warehouse: Connection) -> None:
    versions = [
        land(warehouse, enrolled(f"{day}"), day, f"{COURSE}{n}", landing_zone)
        for day in (1, 2)
        for n in range(101)
    ]
    load(*versions)
    grow_old(warehouse, DAYS + 1)
    assert remove_landed_versions(warehouse, DAYS) == {"vocareum.enrollment": 101}
    assert lie_there(landing_zone) == (101, 101)


def test_what_is_current_stays_however_old(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    for day, name in ((1, "Al"), (2, "Bo"), (3, "Bo"), (4, "Bo")):
        load(land(warehouse, enrolled(name), day))
    assert removed(warehouse) == [1, 3], "the second brought the rows, the fourth confirmed them"
    fifth, sixth = (land(warehouse, enrolled(name), day) for day, name in ((5, "Di"), (6, "Ed")))
    load(fifth)
    load(sixth)
    load(fifth, reload=True)
    assert names(warehouse) == ["Di"]
    assert removed(warehouse) == [1, 2, 3, 4], (
        "the fifth is current by a reload, the sixth is newest"
    )


def test_what_waits_stays(landing_zone: LandingZone, warehouse: Connection) -> None:
    load(land(warehouse, enrolled("Al", "Bo", "Cy"), 1))
    held = land(warehouse, enrolled("Al"), 2)
    with pytest.raises(PermanentFailure, match="is held"):
        load(held)
    assert removed(warehouse) == []


def test_what_a_merge_has_stays(
    landing_zone: LandingZone,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
) -> None:
    """It may be about to become current again, by a reload."""
    first = land(warehouse, enrolled("Al"), 1)
    load(first)
    load(land(warehouse, enrolled("Bo"), 2))
    grow_old(warehouse, DAYS + 1)
    with closing(open_database(postgres, warehouse_name)) as merging, merging.transaction():
        lock_deliveries(merging, [first.delivery_id])
        assert remove_landed_versions(warehouse, DAYS) == {}
    assert remove_landed_versions(warehouse, DAYS) == {"vocareum.enrollment": 1}


def test_what_goes_while_it_is_staged_does_not_become_current_again(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    """A warehouse that is rebuilt would lack it."""
    first = land(warehouse, enrolled("Al"), 1)
    load(first)
    load(land(warehouse, enrolled("Bo"), 2))
    grow_old(warehouse, DAYS + 1)

    def read_and_remove(delivery: Delivery) -> BinaryIO:
        content = open_uri(delivery.uri).read()
        assert remove_landed_versions(warehouse, DAYS) == {"vocareum.enrollment": 1}
        return io.BytesIO(content)

    operator = LoadOperator(
        task_id="load",
        dataset=ENROLLMENT,
        deliveries=[first.delivery_id],
        reader=lambda _: csv_reader(ENROLLMENT, read_and_remove),
    )
    with pytest.raises(PermanentFailure, match=r"made on 2026-01-01 was removed .*/retention.toml"):
        run_load(operator, reload=True)
    assert names(warehouse) == ["Bo"]


def test_a_report_stays_while_a_day_of_it_is_current(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    header = b"event_timestamp,duration_Minute\n"
    week, late = (date(2026, 1, 5), date(2026, 1, 8)), (date(2026, 1, 6), date(2026, 1, 8))
    first_day = (date(2026, 1, 5), date(2026, 1, 6))

    def load(version: int, days: tuple[date, date]) -> None:
        rows = [
            b"2026-01-%02d 10:00:00,%d\n" % (day, version)
            for day in range(days[0].day, days[1].day)
        ]
        content = header + b"".join(rows)
        load_report(warehouse, VIDEOVIEW, content, version, name=str(days), days=days)
        warehouse.execute(
            "UPDATE ops.delivery SET uri = %s || version", [f"{landing_zone.url}echo360/"]
        )

    for version, days in ((1, week), (2, week), (3, late)):
        load(version, days)
    assert len(removed(warehouse)) == 1
    load(4, first_day)
    assert len(removed(warehouse)) == 2, "for each day of the second another window's is current"
    found = warehouse.execute("SELECT version FROM ops.delivery WHERE removed_at IS NULL")
    assert sorted(row["version"] for row in found) == ["3", "4"]


def test_a_past_state_that_is_gone_is_named(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    first = land(warehouse, enrolled("Al"), 1)
    load(first)
    load(land(warehouse, enrolled("Bo"), 2))
    assert removed(warehouse) == [1]
    with pytest.raises(PermanentFailure, match=r"made on 2026-01-01 was removed .*/retention.toml"):
        load(first, reload=True)


def test_logs_of_edx_and_what_lies_elsewhere_stay(
    landing_zone: LandingZone, warehouse: Connection, sandbox: Sandbox
) -> None:
    bucket = Bucket(sandbox.client())
    name = "prod-edx-001/2013-10-20-UniversityA.log.gz"
    for key, content in (("2013-10-20", log(1)), ("2013-10-27", log(1, 2))):
        bucket.put(f"{key}-UniversityA-tracking.tar.gz", tar({name: content}, ".gz"))
        load_logs(bucket.unpack())
    assert lie_there(landing_zone) == (2, 2)
    for day in (1, 2):
        load(land(warehouse, enrolled(f"{day}"), day))
    warehouse.execute("UPDATE ops.delivery SET uri = 's3://elsewhere/' WHERE origin = 'org123'")
    grow_old(warehouse, DAYS + 1)
    assert remove_landed_versions(warehouse, DAYS) == {}


# --- rejected rows --------------------------------------------------------------------------------


def test_old_rejects_go_and_are_counted_on(
    connections: dict[str, Any], warehouse: Connection
) -> None:
    load_edx(warehouse, b"\n".join([line(1), b"no event"]))
    assert remove_rejected_rows(warehouse, 365) == {}
    grow_old(warehouse, 366)
    load_edx(warehouse, b"\n".join([line(2), b"nor this"]), name="prod-edx-001/tracking_2.log")
    assert remove_rejected_rows(warehouse, 365) == {"edx.event": 1}
    (left,) = warehouse.execute("SELECT raw FROM ops.rejected_row").fetchall()
    assert left == {"raw": "nor this"}
    counts = warehouse.execute("SELECT rows_read, rows_merged, rows_rejected FROM ops.delivery")
    assert [tuple(row.values()) for row in counts] == [(2, 1, 1)] * 2
    replay = ReplayRejectsOperator(task_id="replay")
    with pytest.raises(AirflowSkipException, match="1 rejected lines would be read again"):
        replay.execute(context(replay_rejects=True, dry_run=True))


# --- the settings ---------------------------------------------------------------------------------


def test_landed_versions_are_kept_unless_the_file_says_otherwise(
    landing_zone: LandingZone, warehouse: Connection
) -> None:
    assert retention() == Retention(days={"rejected_rows": 365}, months={})
    for day in (1, 2):
        load(land(warehouse, enrolled(f"{day}"), day))
    grow_old(warehouse, 10_000)
    assert run_dag("warehouse_housekeeping") == {"rejected_rows": {}}
    assert lie_there(landing_zone) == (2, 2)


def test_a_dry_run_says_what_would_go(landing_zone: LandingZone, warehouse: Connection) -> None:
    for day, name in enumerate(("Al", "Bo"), start=1):
        load(land(warehouse, enrolled(name), day))
    load_edx(warehouse, b"\n".join([line(1), b"no event"]))
    grow_old(warehouse, 500)

    def steps(*, dry_run: bool) -> list[dict[str, int]]:
        removers = (remove_rejected_rows, remove_landed_versions)
        tasks = [RetentionOperator(task_id="task", remove=one, days=400) for one in removers]
        return [task.execute(context(dry_run=dry_run)) for task in tasks]

    would = steps(dry_run=True)
    assert lie_there(landing_zone) == (2, 2)
    assert steps(dry_run=False) == would == [{"edx.event": 1}, {"vocareum.enrollment": 1}]
    assert lie_there(landing_zone) == (1, 1)


def test_what_the_file_must_say(tmp_path: Path) -> None:
    path = tmp_path / "retention.toml"
    with pytest.raises(ValueError, match=r"retention.toml is missing: deploy include/"):
        retention(path=path)
    wrong = ("staging = 2", "rejects = 2", "rejected_rows = 0", "rejected_rows = true")
    for text in ("", *(f"[days]\n{setting}" for setting in wrong)):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"retention.toml does not say .* 'rejected_rows = 3"):
            retention(path=path)
    path.write_text("[days]\nlanded_versions = 400")
    assert retention(path=path).days == {"landed_versions": 400}


def test_what_it_must_say_of_tables(tmp_path: Path) -> None:
    path = tmp_path / "retention.toml"
    tables: dict[str, Any] = {"by_day": ["echo360.notes"], "by_month": ["edx.event"]}
    for text, says in (
        ('[days]\n"edx.event" = 90', r"\"edx.event\" may not be below \[days\]"),
        ("[months]\necho360 = 3", r"echo360 may not be below \[months\]"),
        ("[days]\necho360.notes = 30", "the number of echo360 is not one from 1 to 9999"),
        ("[days]\necho360 = 10_000", "the number of echo360 is not one from 1 to 9999"),
        ("[years]\necho360 = 1", r"there is no 'years', only \[days\] and \[months\]"),
        ("echo360 = 1", r"there is no 'echo360', only \[days\]"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=says):
            retention(path=path, **tables)
    path.write_text('[days]\necho360 = 30\n"echo360.notes" = 7\n[months]\nedx = 14')
    kept = retention(path=path, **tables)
    today = date(2026, 1, 31)
    days = {
        table: str(kept.first_day(table, today))
        for table in ("echo360.notes", "echo360.videoview", "edx.event", "activity.video")
    }
    assert days == {
        "echo360.notes": "2026-01-24",
        "echo360.videoview": "2026-01-01",
        "edx.event": "2024-11-01",
        "activity.video": "None",
    }
