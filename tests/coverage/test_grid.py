"""What the map says of a known ledger, and the commands that load its days again."""

from __future__ import annotations

import json
import runpy
import shlex
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.coverage import sources
from learning_warehouse.coverage.commands import commands_for
from learning_warehouse.coverage.grid import DAYS, Row, State, read_deliveries, read_rows
from learning_warehouse.coverage.sources import SOURCES
from learning_warehouse.warehouse.sql import statement
from tests.coverage.known import BEGUN, HOST, ORG, SITE, KnownLedger

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
YESTERDAY = date(2026, 11, 20)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rows(warehouse: Connection) -> dict[str, Row]:
    """The map of the known ledger, by the dataset's name."""
    KnownLedger(warehouse, NOW).fill()
    return {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}


def days_in(row: Row, state: State) -> list[int]:
    """How many days before yesterday a row's days of that state are."""
    return [(YESTERDAY - cell.day).days for cell in reversed(row.cells) if cell.state is state]


def command(warehouse: Connection, row: Row, before: int) -> dict[str, Any]:
    """The Params of the command for a day, so many days before yesterday."""
    cell = row.cell(YESTERDAY - timedelta(days=before))
    assert cell is not None
    deliveries = read_deliveries(warehouse, row, cell.day, limit=20)
    (chosen,) = commands_for(row, cell, deliveries, yesterday=YESTERDAY)
    words = shlex.split(str(chosen))
    assert words[:3] == ["airflow", "dags", "trigger"]
    assert (words[3],) == row.source.dag_ids
    assert words[4] == "--conf"
    conf: dict[str, Any] = json.loads(words[5])
    return conf


def test_the_map_has_a_row_for_each_dataset_of_each_origin(rows: dict[str, Row]) -> None:
    assert {row.dataset.table for row in rows.values()} == {
        table for source in SOURCES for table in source.tables
    }
    assert {row.origin for row in rows.values()} == {ORG, HOST, SITE}
    assert all(len(row.cells) == DAYS for row in rows.values())
    assert rows["videoview"].cells[-1].day == YESTERDAY


def test_a_report_is_provisional_until_it_was_made_when_the_day_was_complete(
    rows: dict[str, Row],
) -> None:
    assert days_in(rows["videoview"], State.PROVISIONAL) == [0, 1, 5]
    assert days_in(rows["viewsessions"], State.PROVISIONAL) == [0, 1]


def test_a_gap_lies_between_loaded_days(rows: dict[str, Row]) -> None:
    assert days_in(rows["videoview"], State.GAP) == [10, 11]
    assert days_in(rows["asset"], State.GAP) == [25, 35]
    assert days_in(rows["lab_sessions"], State.GAP) == [14, 15]
    assert days_in(rows["videoview"], State.NONE) == list(range(BEGUN + 1, DAYS))
    assert days_in(rows["polling"], State.NONE) == list(range(DAYS))


def test_a_file_is_provisional_while_scheduled_runs_look_at_it(rows: dict[str, Row]) -> None:
    assert days_in(rows["azure_cost"], State.PROVISIONAL) == list(range(8))
    october = [31 + 19 - 31 + n for n in range(1, 32)]
    november = list(range(20))
    assert days_in(rows["service_spend"], State.PROVISIONAL) == november + october


def test_files_without_a_date_have_days_on_which_they_were_written(rows: dict[str, Row]) -> None:
    assert days_in(rows["enrollment"], State.LOADED) == list(range(2, BEGUN + 1, 3))
    assert days_in(rows["enrollment"], State.GAP) == []
    assert days_in(rows["grades"], State.GAP) == [4], "only that of course2 has no later version"


def test_logs_are_shown_on_the_day_in_their_name(rows: dict[str, Row]) -> None:
    event = rows["event"]
    assert days_in(event, State.GAP) == [7, 9], "one of two is not merged; none was delivered"
    assert days_in(event, State.NONE) == [0, 1, 2, *range(BEGUN + 1, DAYS)]
    assert days_in(event, State.REJECTS) == [16]
    assert event.cells[-4].loaded == 2


def test_what_has_landed_and_is_not_merged_is_a_gap(rows: dict[str, Row]) -> None:
    assert days_in(rows["notes"], State.GAP) == [0, 43, 44], "later ones are current for 40 to 42"
    assert 35 in days_in(rows["asset"], State.GAP)
    assert days_in(rows["aws_cost"], State.GAP) == [0, 21], "22 has a later version"
    gap = rows["notes"].cell(date(2026, 10, 8))
    assert gap is not None
    assert (gap.loaded, gap.waiting) == (1, 1)
    assert gap.made_at == datetime(2026, 10, 11, 6, tzinfo=UTC), "that of what is loaded"


def test_what_waits_alone_is_no_beginning(warehouse: Connection) -> None:
    known = KnownLedger(warehouse, NOW)
    table, first = "vocareum.service_spend", known.day(DAYS + 5)
    known.deliver(
        table, ORG, "early", NOW, status="landed", days=(first, first + timedelta(days=31))
    )
    known.deliver(table, ORG, "late", NOW, parts=("late",), days=(known.day(2), known.day(0)))
    rows = {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}
    assert days_in(rows["service_spend"], State.GAP) == list(range(65, DAYS))


def test_what_was_undone_is_not_loaded(warehouse: Connection) -> None:
    known = KnownLedger(warehouse, NOW)
    day = known.day(0)
    days = (day, day + timedelta(days=1))
    bad = []
    for table, origin, covered in (
        ("vocareum.grades", ORG, None),
        ("vocareum.aws_cost", ORG, days),
        ("echo360.notes", HOST, days),
    ):
        part = str(day) if origin == HOST else "file"
        for before in (9, 6, 3):
            made_at = NOW - timedelta(days=before)
            version = known.deliver(
                table, origin, "file", made_at, parts=(part,), days=covered, rejects=before % 2
            )
        bad.append(version)
    table = "vocareum.enrollment"
    known.deliver(table, ORG, "file", NOW - timedelta(days=4), parts=("file",))
    held = known.deliver(
        table, ORG, "file", NOW - timedelta(days=3), status="held", details={"shrinks": ["file"]}
    )
    for delivery in (*bad, held):
        warehouse.execute("SELECT FROM ops.undo(%s)", [delivery])
    rows = {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}
    assert days_in(rows["grades"], State.GAP) == [5, 8]
    assert days_in(rows["aws_cost"], State.GAP) == days_in(rows["notes"], State.GAP) == [0]
    for name in ("grades", "aws_cost", "notes"):
        assert not any(cell.loaded or cell.rejects for cell in rows[name].cells), name
    assert days_in(rows["enrollment"], State.LOADED) == [3], "what was held has been let go"
    (told,) = read_deliveries(warehouse, rows["enrollment"], known.day(2), limit=20)
    assert (told["delivery_id"], told["status"]) == (held, "undone")


def test_rejects_and_what_is_held_are_shown(rows: dict[str, Row]) -> None:
    assert days_in(rows["viewsessions"], State.REJECTS) == [20]
    assert days_in(rows["aws_cost"], State.REJECTS) == [33]
    assert days_in(rows["presentation"], State.HELD) == [30]


def test_what_was_held_is_over_once_a_later_version_is_loaded(warehouse: Connection) -> None:
    known = KnownLedger(warehouse, NOW)
    known.fill()
    day = known.day(30)
    assert [line["name"] for line in waits(warehouse)] == [f"presentation {day}"]
    known.deliver(
        "echo360.presentation", HOST, "later", NOW, parts=(str(day),),
        days=(day, day + timedelta(days=1)),
    )  # fmt: skip
    rows = {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}
    assert days_in(rows["presentation"], State.HELD) == []
    assert waits(warehouse) == []


def waits(conn: Connection) -> list[dict[str, Any]]:
    """What docs/operations.md finds that waits and is held."""
    text = (ROOT / "docs" / "operations.md").read_text()
    query: Any = text.split("What waits?\n\n```sql\n")[1].split("```")[0]
    return [line for line in conn.execute(query) if line["status"] == "held"]


def test_what_was_loaded_before_the_map_begins_its_range(warehouse: Connection) -> None:
    known = KnownLedger(warehouse, NOW)
    for before in (200, 3):
        day = known.day(before)
        days = (day, day + timedelta(days=1))
        known.deliver("echo360.notes", HOST, f"notes {day}", NOW, parts=(str(day),), days=days)
        known.deliver("vocareum.aws_cost", ORG, f"{day}", NOW, parts=(f"{day}",), days=days)
        known.deliver("edx.event", SITE, f"prod-edx-001/tracking.log-{day:%Y%m%d}-17.gz", NOW)
    rows = {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}
    for name in ("notes", "aws_cost", "event"):
        assert days_in(rows[name], State.GAP) == list(range(4, DAYS)), name
        assert days_in(rows[name], State.NONE) == [0, 1, 2], name


def test_the_last_load_is_the_last_merge(rows: dict[str, Row]) -> None:
    last_load = rows["videoview"].last_load
    assert last_load is not None
    assert last_load["merged_at"] == datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert rows["videoview"].newest_day == YESTERDAY
    assert rows["polling"].last_load is None
    assert rows["event"].newest_day == YESTERDAY - timedelta(days=3)


def test_an_empty_ledger_has_no_rows(warehouse: Connection) -> None:
    assert read_rows(warehouse, SOURCES, now=NOW) == []


def test_a_day_that_is_done_is_loaded_again_by_reload_alone(
    warehouse: Connection, rows: dict[str, Row]
) -> None:
    day = str(YESTERDAY - timedelta(days=50))
    whole = {"first_day": day, "last_day": day, "reports": ["videoview"], "reload": True}
    assert command(warehouse, rows["videoview"], 50) == whole
    assert "reload" not in command(warehouse, rows["videoview"], 1)
    assert "reload" not in command(warehouse, rows["videoview"], 10)
    assert command(warehouse, rows["viewsessions"], 20)["reload"] is True
    assert command(warehouse, rows["presentation"], 30)["accept_shrink"] is True
    assert command(warehouse, rows["lab_sessions"], 14)["datasets"] == ["lab_sessions"]
    assert command(warehouse, rows["lab_sessions"], 40)["reload"] is True
    assert command(warehouse, rows["lab_sessions"], 2)["reload"] is True, "its file is known"


def test_what_has_no_date_is_asked_for_as_it_is(
    warehouse: Connection, rows: dict[str, Row]
) -> None:
    assert command(warehouse, rows["asset"], 25) == {"reports": ["asset"]}
    assert "reload" not in command(warehouse, rows["enrollment"], 3)
    assert command(warehouse, rows["enrollment"], 5)["reload"] is True


def test_logs_are_looked_for_where_they_were_delivered(
    warehouse: Connection, rows: dict[str, Row]
) -> None:
    sunday, log_day = date(2026, 10, 25), date(2026, 10, 21)
    before = (YESTERDAY - log_day).days
    loaded = {"first_day": str(sunday), "last_day": str(sunday), "reload": True}
    assert command(warehouse, rows["event"], before) == loaded
    gap = command(warehouse, rows["event"], 9)
    assert gap == {"first_day": "2026-11-11", "last_day": str(YESTERDAY)}
    rejects = command(warehouse, rows["event"], 16)
    assert rejects == {
        "first_day": "2026-11-08", "last_day": "2026-11-08", "replay_rejects": True,
    }  # fmt: skip


def test_rejects_of_logs_that_were_delivered_today_are_replayed_with_all_others(
    warehouse: Connection,
) -> None:
    known = KnownLedger(warehouse, NOW)
    log = f"prod-edx-001/{YESTERDAY}-{SITE}.log.gz"
    delivery = known.deliver("edx.event", SITE, log, NOW, rejects=2)
    rows = {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}
    assert days_in(rows["event"], State.REJECTS) == [0]
    assert command(warehouse, rows["event"], 0) == {"replay_rejects": True}
    all_days = {"dataset": "edx.event", "first_day": None, "end_day": None}
    replayed = warehouse.execute(statement("edx/replay"), all_days)
    assert [line["delivery_id"] for line in replayed] == [delivery]


def test_a_log_that_was_delivered_today_is_loaded_again_tomorrow(warehouse: Connection) -> None:
    today = YESTERDAY + timedelta(days=1)
    log = f"prod-edx-001/{YESTERDAY}-{SITE}.log.gz"
    tar = {"tar": f"s3://logs/{today}-{SITE}-tracking.tar"}
    KnownLedger(warehouse, NOW).deliver("edx.event", SITE, log, NOW, details=tar)
    (row,) = read_rows(warehouse, SOURCES, now=NOW)
    cell = row.cells[-1]
    deliveries = read_deliveries(warehouse, row, cell.day, limit=20)
    (said,) = commands_for(row, cell, deliveries, yesterday=YESTERDAY)
    assert said.conf == {"first_day": str(today), "last_day": str(today), "reload": True}
    assert said.notes[-1] == "edX delivered it today: the run can be started tomorrow (UTC)."


def test_of_several_dags_each_has_its_command(
    rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "origins", lambda source: {"one": "here", "another": "there"})
    row = next(iter(rows.values()))
    said = commands_for(row, row.cells[-1], [], yesterday=YESTERDAY)
    assert [command.dag_id for command in said] == ["one", "another"]
    assert said[0].conf == said[1].conf


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.title)
def test_the_dag_takes_the_params_of_every_command(
    source: Any, warehouse: Connection, rows: dict[str, Row]
) -> None:
    (dag_id,) = source.dag_ids
    (dag,) = runpy.run_path(str(ROOT / "dags" / f"{dag_id}.py"))["DAGS"]
    for row in (row for row in rows.values() if row.source is source):
        for before in range(DAYS):
            for name, value in command(warehouse, row, before).items():
                dag.params.get_param(name).resolve(value)
