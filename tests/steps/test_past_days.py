"""Days that are kept no longer: what goes, what stays, and that nothing comes back."""

from __future__ import annotations

import io
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.rebuild import drop
from learning_warehouse import delivery_notes
from learning_warehouse.activity.refreshing import TABLES, mark_all
from learning_warehouse.edx import events, fields
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.landing import LandingZone
from learning_warehouse.steps.housekeeping import Retention
from learning_warehouse.steps.past_days import PastDaysOperator
from learning_warehouse.steps.rebuild import RebuildOperator
from learning_warehouse.warehouse import connection, ledger
from tests.activity.events import bring_up_to_date, log
from tests.conftest import context, open_database
from tests.edx import loading
from tests.edx.bucket import Bucket, gz, load_logs, tar
from tests.landed import COURSE, empty_landing_zone, enrolled
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VIDEOVIEW, load_all, reader, rows

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.batches import Merged
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset
    from learning_warehouse.warehouse.ledger import Delivery

TODAY = datetime.now(UTC).date()
MARTS = {"activity.course_day": tuple(TABLES), "activity.session": ("edx",)}
IS_KEPT = "SELECT count(*) FILTER (WHERE removed_at IS NULL) AS here, count(*) FROM ops.delivery"


@pytest.fixture
def zone(connections: dict[str, Any], sandbox: Sandbox) -> LandingZone:
    """An empty one."""
    sandbox.reset()
    empty_landing_zone()
    return LandingZone()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def land(
    conn: Connection,
    dataset: Dataset,
    content: bytes,
    *,
    made: date,
    name: str,
    days: tuple[date, date] | None = None,
) -> Delivery:
    """Land a delivery with its note; of one name each has another day on which it was made."""
    zone = LandingZone()
    uri, size = zone.put_stream(f"{dataset.table}/{name}/{made}", io.BytesIO(content))
    first_day, end_day = days or (None, None)
    delivery = ledger.deliver(
        conn,
        dataset=dataset.table,
        origin="here",
        name=name,
        version=str(made),
        made_at=datetime.combine(made, time(12), UTC),
        uri=uri,
        size=size,
        first_day=first_day,
        end_day=end_day,
    )
    delivery_notes.write(zone, vars(delivery))
    return delivery


def loaded(
    conn: Connection, dataset: Dataset, content: bytes, *, reload: bool = False, **landed: Any
) -> Merged:
    """Land and load."""
    delivery = land(conn, dataset, content, **landed)
    (merged,) = load_all(conn, [delivery], dataset, reader(dataset, content), reload=reload)
    return merged


def remove(
    *datasets: Dataset,
    days: dict[str, int] | None = None,
    months: int | None = None,
    marts: dict[str, Any] | None = None,
    dry_run: bool = False,
) -> dict[str, dict[str, Any]]:
    """Execute the task.

    :param days: the lines below ``[days]``.
    :param months: the line of ``edx.event`` below ``[months]``.
    """
    operator = PastDaysOperator(
        task_id="past_days",
        retention=Retention(days or {}, {"edx.event": months} if months else {}),
        datasets=datasets,
        marts=marts or {},
    )
    return operator.execute(context(dry_run=dry_run))


def objects(zone: LandingZone) -> list[str]:
    """The keys of what landed, notes apart."""
    return sorted(key for key in zone.keys("") if key.split("/")[0] not in ("ledger", "kept_since"))


def fail_at(conn: Connection, table: str, event: str) -> None:
    """Let each statement of that kind fail, as if the task were killed there."""
    conn.execute(
        "CREATE OR REPLACE FUNCTION pg_temp_fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'killed'; END $$"
    )
    conn.execute(
        f"CREATE TRIGGER fails BEFORE {event} ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION pg_temp_fail()"
    )


# --- by days --------------------------------------------------------------------------------------

OLD, STRADDLING = (ago(20), ago(13)), (ago(13), ago(6))


def views(days: tuple[date, date], shift: int = 0) -> bytes:
    """Two views of each day and a row that is rejected."""
    length = (days[1] - days[0]).days
    lines = [
        f"{days[0] + timedelta(days=n)} 10:00:00,{minutes + shift}"
        for n in range(length)
        for minutes in (1, 2)
    ]
    return "\n".join(["event_timestamp,duration_Minute", *lines, "soon,1", ""]).encode()


def test_days_of_a_report_go_and_nothing_brings_them_back(
    zone: LandingZone, postgres: EmbeddedPostgres, warehouse_name: str, warehouse: Connection
) -> None:
    for days in (OLD, STRADDLING):
        loaded(warehouse, VIDEOVIEW, views(days), made=ago(5), name=f"{days[0]}", days=days)
    told = {"kept_since": str(ago(10)), "rows": 20, "rejected": 1, "landed": 1}
    assert remove(VIDEOVIEW, dry_run=True, days={"echo360": 10}) == {"echo360.videoview": told}
    assert len(objects(zone)) == 2
    assert len(rows(warehouse, "echo360.videoview")) == 28

    for table, event in (
        ("echo360.videoview", "DELETE"),
        ("ops.delivery", "UPDATE"),
        ("ops.rejected_row", "DELETE"),
    ):
        fail_at(warehouse, table, event)
        with pytest.raises(TransientFailure, match="killed"):
            remove(VIDEOVIEW, days={"echo360": 10})
        warehouse.execute(f"DROP TRIGGER fails ON {table}")
    remove(VIDEOVIEW, days={"echo360": 10})

    left = [(str(ago(n)), 2) for n in range(10, 6, -1)]
    a_day = "event_timestamp::date::text AS day, count(*)"
    by_day = "echo360.videoview GROUP BY 1"
    assert rows(warehouse, by_day, a_day) == left
    assert objects(zone) == [f"echo360.videoview/{STRADDLING[0]}/{ago(5)}"]
    assert len(list(zone.keys("ledger/"))) == 1
    assert rows(warehouse, "ops.rejected_row", "count(*)") == [(1,)]
    counts = "rows_read, rows_merged, rows_rejected, removed_at IS NULL"
    assert rows(warehouse, "ops.delivery", counts) == [(15, 14, 1, False), (15, 14, 1, True)]
    assert rows(warehouse, "ops.current_part", "count(*)") == [(14,)], "no day is requested again"
    assert remove(VIDEOVIEW, days={"echo360": 10}) == {
        "echo360.videoview": {**told, **dict.fromkeys(("rows", "rejected", "landed"), 0)}
    }

    again = loaded(warehouse, VIDEOVIEW, views(OLD, 5), made=ago(1), name=f"{OLD[0]}", days=OLD)
    assert (again.rows_merged, again.rows_filtered, again.rows_rejected) == (0, 14, 1)
    again = loaded(
        warehouse, VIDEOVIEW, views(STRADDLING), made=ago(5), name=f"{STRADDLING[0]}",
        days=STRADDLING, reload=True,
    )  # fmt: skip
    assert (again.rows_merged, again.rows_filtered) == (8, 6)
    longer = remove(VIDEOVIEW, days={"echo360": 1000})["echo360.videoview"]
    assert (longer["kept_since"], longer["rows"]) == (str(ago(10)), 0), "what is gone is gone"
    assert rows(warehouse, by_day, a_day) == left

    drop(postgres.url(warehouse_name))
    with closing(open_database(postgres, warehouse_name)) as conn:
        RebuildOperator(task_id="rebuild", dataset=VIDEOVIEW).execute(context())
        assert rows(conn, by_day, a_day) == left
        assert rows(conn, "ops.kept_since") == [("echo360.videoview", ago(10))]


def test_files_go_with_their_last_day_and_those_without_days_by_their_last_version(
    zone: LandingZone, warehouse: Connection
) -> None:
    lab = b"user_id,launch_time\n1,%s 10:00:00\n"
    for days in (20, 3):
        content = lab % str(ago(days)).encode()
        loaded(
            warehouse, LAB_SESSIONS, content, made=ago(2), name=f"labs {days}",
            days=(ago(days), ago(days - 1)),
        )  # fmt: skip
    for course, made in (("confirmed", 30), ("confirmed", 5), ("over", 30), ("shrunk", 30)):
        content = enrolled("Al", "Bo", "Cy")
        loaded(warehouse, ENROLLMENT, content, made=ago(made), name=f"{COURSE} {course}")
    with pytest.raises(PermanentFailure, match="is held"):
        loaded(warehouse, ENROLLMENT, enrolled("Al"), made=ago(29), name=f"{COURSE} shrunk")

    removed = remove(LAB_SESSIONS, ENROLLMENT, days={"vocareum": 10, "vocareum.enrollment": 20})
    assert removed["vocareum.lab_sessions"]["kept_since"] == str(ago(10))
    assert [(one["rows"], one["landed"]) for one in removed.values()] == [(1, 1), (6, 3)]
    assert rows(warehouse, "vocareum.lab_sessions", "_day") == [(ago(3),)]
    left = "vocareum.enrollment INNER JOIN ops.delivery AS d ON _delivery = delivery_id"
    assert rows(warehouse, left, "DISTINCT d.name") == [(f"{COURSE} confirmed",)]
    waiting = "ops.delivery WHERE status <> 'merged' OR rows_held > 0"
    assert rows(warehouse, waiting) == []

    newest = ledger.newest(warehouse, dataset=ENROLLMENT.table, origin="here", made_before=None)
    assert [line.name for line in newest] == [f"{COURSE} confirmed"], "a reload asks for no other"
    late = loaded(warehouse, ENROLLMENT, enrolled("Di"), made=ago(25), name=f"{COURSE} late")
    assert (late.rows_merged, late.rows_filtered) == (0, 1)
    new = loaded(warehouse, ENROLLMENT, enrolled("Di"), made=ago(1), name=f"{COURSE} over")
    assert new.rows_merged == 1, "Vocareum wrote it again"


# --- by months ------------------------------------------------------------------------------------


def month(back: int) -> datetime:
    """Noon of the tenth day of the month so many months ago."""
    number = TODAY.year * 12 + TODAY.month - 1 - back
    return datetime(number // 12, number % 12 + 1, 10, 12, tzinfo=UTC)


def lines(*times: datetime) -> bytes:
    return b"\n".join(loading.line(n, time=at.isoformat()) for n, at in enumerate(times))


def partitions(conn: Connection) -> list[str]:
    found = conn.execute(
        "SELECT relname FROM pg_class WHERE relname ~ '^event_\\d{4}_\\d\\d$' ORDER BY relname"
    )
    return [row["relname"] for row in found]


def test_months_of_events_go_and_late_lines_do_not_bring_them_back(
    zone: LandingZone,
    sandbox: Sandbox,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    warehouse: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket = Bucket(sandbox.client())
    logs = {
        "prod-edx-001/old.log.gz": gz(lines(month(5), month(4)) + b"\nnone"),
        "prod-edx-001/both.log.gz": gz(lines(month(3), month(2), month(0))),
    }
    bucket.put(f"{ago(1)}-UniversityA-tracking.tar.gz", tar(logs, ".gz"))
    load_logs(bucket.unpack())
    assert len(objects(zone)) == 2
    months = [f"event_{month(n):%Y_%m}" for n in (5, 4, 3, 2, 0)]
    assert partitions(warehouse) == months
    told = {"kept_since": f"{month(2):%Y-%m-01}", "rows": 3, "rejected": 1, "landed": 1}
    assert remove(EVENTS, dry_run=True, months=2) == {"edx.event": told}
    assert partitions(warehouse) == months
    assert len(objects(zone)) == 2

    warehouse.execute(f"ALTER TABLE edx.event DETACH PARTITION edx.{months[1]}")
    with closing(open_database(postgres, warehouse_name)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM edx.event")
        with monkeypatch.context() as patch:
            patch.setattr(connection, "LIMITS", "-c lock_timeout=200ms")
            with pytest.raises(TransientFailure, match="another session is reading the table"):
                remove(EVENTS, months=2)
        assert len(rows(warehouse, "edx.event")) == 3, "the month is gone for new readers"
    assert remove(EVENTS, months=2)["edx.event"]["rows"] == 3
    assert partitions(warehouse) == months[3:]
    (left,) = objects(zone)
    assert "both.log" in left
    assert rows(warehouse, "ops.rejected_row") == []

    late = loading.load(warehouse, lines(month(4), month(1)))
    assert (late.rows_merged, late.rows_filtered) == (1, 1)
    (both,) = rows(warehouse, "ops.delivery WHERE name ~ 'both'", "delivery_id")
    (again,) = load_logs(list(both), reload=True)
    assert (again["rows_merged"], again["rows_filtered"]) == (2, 1)
    refused = loading.load(warehouse, lines(datetime(2005, 1, 10, tzinfo=UTC)), "early.log")
    assert refused.rows_rejected == 1
    for module in (events, fields):
        monkeypatch.setattr(module, "EARLIEST", datetime(2000, 1, 1, tzinfo=UTC))
    replayed = loading.replayed(warehouse, refused.delivery_id)
    assert (replayed.rows_merged, replayed.rows_rejected) == (0, 1)
    assert partitions(warehouse) == [f"event_{month(n):%Y_%m}" for n in (2, 1, 0)]


# --- tables of activity ---------------------------------------------------------------------------


def test_tables_of_activity_have_lines_of_their_own(
    zone: LandingZone, warehouse: Connection
) -> None:
    old, young = month(4), datetime.combine(ago(20), time(12), UTC)
    log(warehouse, [{"time": old.isoformat()}, {"time": young.isoformat()}])
    bring_up_to_date(warehouse)
    assert len(rows(warehouse, "activity.session")) == 2

    removed = remove(EVENTS, months=2, marts=MARTS, days={"activity": 400, "activity.session": 10})
    assert {table: one["rows"] for table, one in removed.items()} == {
        "edx.event": 1,
        "activity.course_day": 0,
        "activity.session": 2,
    }
    mark_all(warehouse)
    log(warehouse, [{"time": (young + timedelta(hours=1)).isoformat()}])
    bring_up_to_date(warehouse)
    assert rows(warehouse, "activity.course_day", "events, day") == [
        (1, old.date()),
        (2, young.date()),
    ]
    assert rows(warehouse, "activity.session") == []
