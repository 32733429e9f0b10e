"""What the map says of a known ledger, and the commands that load its days again."""

from __future__ import annotations

import json
import runpy
import shlex
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.coverage.commands import Advice, advice_for, advice_for_gaps
from learning_warehouse.coverage.grid import (
    DAYS,
    Rejects,
    Row,
    State,
    read_deliveries,
    read_rows,
)
from learning_warehouse.pages import sources
from learning_warehouse.pages.sources import SOURCES
from learning_warehouse.warehouse.sql import statement
from tests.conftest import open_database
from tests.coverage.known import BEGUN, HOST, ORG, SITE, KnownLedger

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
YESTERDAY = date(2026, 11, 20)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedPostgres) -> Iterator[Connection]:
    """A warehouse with the known ledger; who writes to it rolls back."""
    postgres.create_database("known_ledger")
    with closing(open_database(postgres, "known_ledger")) as conn:
        KnownLedger(conn, NOW).fill()
        yield conn


@pytest.fixture(scope="module")
def rows(filled: Connection) -> dict[str, Row]:
    """The map of the known ledger, by the dataset's name."""
    return {row.dataset.name: row for row in read_rows(filled, SOURCES, now=NOW)}


def days_in(row: Row, state: State) -> list[int]:
    """How many days before yesterday a row's days of that state are."""
    return [(YESTERDAY - cell.day).days for cell in reversed(row.cells) if cell.state is state]


def rejected_in(row: Row, kind: Rejects) -> list[int]:
    """How many days before yesterday a row's days with so many rejects are."""
    return [(YESTERDAY - cell.day).days for cell in reversed(row.cells) if cell.rejected is kind]


def advice(warehouse: Connection, row: Row, before: int) -> list[Advice]:
    """What to do about a day, so many days before yesterday."""
    cell = row.cell(YESTERDAY - timedelta(days=before))
    assert cell is not None
    deliveries = read_deliveries(warehouse, row, cell.day, limit=20)
    return advice_for(row, cell, deliveries, yesterday=YESTERDAY)


def command(warehouse: Connection, row: Row, before: int) -> dict[str, Any]:
    """The Params of the only command for a day, so many days before yesterday."""
    (chosen,) = [said for one in advice(warehouse, row, before) for said in one.commands]
    words = shlex.split(str(chosen))
    assert words[:3] == ["airflow", "dags", "trigger"]
    assert (words[3],) == row.source.dag_ids
    assert words[4] == "--conf"
    conf: dict[str, Any] = json.loads(words[5])
    return conf


def notes(warehouse: Connection, row: Row, before: int) -> str:
    """The sentences on a day for which there is no command."""
    said = advice(warehouse, row, before)
    assert [one.commands for one in said] == [()] * len(said)
    return " ".join(note for one in said for note in one.notes)


def test_the_map_has_a_row_for_each_dataset_of_each_origin(rows: dict[str, Row]) -> None:
    assert {row.dataset.table for row in rows.values()} == {
        table for source in SOURCES for table in source.tables
    }
    assert {row.origin for row in rows.values()} == {ORG, HOST, SITE}
    assert all(len(row.cells) == DAYS for row in rows.values())
    assert rows["videoview"].cells[-1].day == YESTERDAY + timedelta(days=1), "today"


def test_a_report_is_provisional_until_it_was_made_when_the_day_was_complete(
    rows: dict[str, Row],
) -> None:
    assert days_in(rows["videoview"], State.PROVISIONAL) == [0, 1, 5]
    assert days_in(rows["viewsessions"], State.PROVISIONAL) == [0, 1]


def test_a_gap_lies_between_loaded_days(rows: dict[str, Row]) -> None:
    assert days_in(rows["videoview"], State.GAP) == [10, 11]
    assert days_in(rows["asset"], State.GAP) == [], "a past snapshot cannot be had again"
    assert days_in(rows["asset"], State.NONE)[0] == 25
    assert days_in(rows["lab_sessions"], State.GAP) == [14, 15]
    assert days_in(rows["videoview"], State.NONE) == [-1, *range(BEGUN + 1, DAYS - 1)]
    assert days_in(rows["polling"], State.NONE) == list(range(-1, DAYS - 1))


def test_a_file_is_provisional_while_scheduled_runs_look_at_it(rows: dict[str, Row]) -> None:
    assert days_in(rows["azure_cost"], State.PROVISIONAL) == list(range(8))
    october = [31 + 19 - 31 + n for n in range(1, 32)]
    november = list(range(-1, 20))
    assert days_in(rows["service_spend"], State.PROVISIONAL) == november + october


def test_files_without_a_date_have_days_on_which_they_were_written(rows: dict[str, Row]) -> None:
    assert days_in(rows["enrollment"], State.LOADED) == list(range(2, BEGUN + 1, 3))
    assert days_in(rows["enrollment"], State.GAP) == []
    assert days_in(rows["grades"], State.GAP) == [4], "of course2 nothing is loaded"
    assert days_in(rows["grades"], State.NEWER) == [1], "of course1 an older version is"


def test_logs_are_shown_on_the_day_in_their_name(rows: dict[str, Row]) -> None:
    event = rows["event"]
    assert days_in(event, State.GAP) == [7, 9], "one of two is not merged; none was delivered"
    assert days_in(event, State.NONE) == [-1, 0, 1, 2, *range(BEGUN + 1, DAYS - 1)]
    assert rejected_in(event, Rejects.FEW) == [16]
    assert event.cells[-5].loaded == 2


def test_today_is_a_day_of_the_map_and_no_gap(filled: Connection, rows: dict[str, Row]) -> None:
    assert days_in(rows["course_mapping"], State.LOADED)[0] == -1
    assert rows["course_mapping"].last_day == YESTERDAY + timedelta(days=1)
    assert -1 in days_in(rows["asset"], State.LOADED)
    known = KnownLedger(filled, NOW)
    log = f"prod-edx-001/{known.day(-2)}-{SITE}.log.gz"
    with filled.transaction(force_rollback=True):
        known.deliver("edx.event", SITE, log, NOW)
        again = read_rows(filled, SOURCES, now=NOW)
    assert not any(row.cells[-1].state is State.GAP for row in again)


def test_what_has_landed_and_is_not_merged_is_a_gap_where_nothing_is_current(
    rows: dict[str, Row],
) -> None:
    assert days_in(rows["notes"], State.GAP) == [0]
    assert days_in(rows["aws_cost"], State.GAP) == [0]


def test_a_newer_version_that_is_not_loaded_has_a_state_of_its_own(rows: dict[str, Row]) -> None:
    assert days_in(rows["notes"], State.NEWER) == [43, 44], "newer ones are current for 40 to 42"
    assert days_in(rows["asset"], State.NEWER) == [35]
    assert days_in(rows["aws_cost"], State.NEWER) == [21], "22 has a newer one, 23 is replaced"
    waits = rows["notes"].cell(date(2026, 10, 8))
    assert waits is not None
    assert (waits.loaded, waits.waiting, waits.behind) == (1, 0, 1)
    assert waits.made_at == datetime(2026, 10, 11, 6, tzinfo=UTC), "that of what is loaded"


def test_of_a_held_delivery_the_days_that_do_not_shrink_have_a_newer_version(
    warehouse: Connection,
) -> None:
    known = KnownLedger(warehouse, NOW)
    for before in (4, 3):
        day = known.day(before)
        days = (day, day + timedelta(days=1))
        made_at = NOW - timedelta(days=2)
        known.deliver("echo360.notes", HOST, f"notes {day}", made_at, parts=(f"{day}",), days=days)
    known.deliver(
        "echo360.notes", HOST, "notes of two days", NOW, status="held",
        days=(known.day(4), known.day(2)), details={"shrinks": [str(known.day(4))]},
    )  # fmt: skip
    rows = {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}
    assert days_in(rows["notes"], State.HELD) == [4]
    assert days_in(rows["notes"], State.NEWER) == [3]


def test_what_waits_alone_is_no_beginning(warehouse: Connection) -> None:
    known = KnownLedger(warehouse, NOW)
    table, first = "vocareum.service_spend", known.day(DAYS + 5)
    known.deliver(
        table, ORG, "early", NOW, status="landed", days=(first, first + timedelta(days=31))
    )
    known.deliver(table, ORG, "late", NOW, parts=("late",), days=(known.day(2), known.day(0)))
    rows = {row.dataset.name: row for row in read_rows(warehouse, SOURCES, now=NOW)}
    assert days_in(rows["service_spend"], State.GAP) == list(range(65, DAYS - 1))


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
    assert rejected_in(rows["viewsessions"], Rejects.FEW) == [20]
    assert rejected_in(rows["aws_cost"], Rejects.FEW) == [33]
    assert rejected_in(rows["lab_sessions"], Rejects.MANY) == [18], "5 % of its rows"
    assert rejected_in(rows["azure_cost"], Rejects.MANY) == [3]
    assert 3 in days_in(rows["azure_cost"], State.PROVISIONAL), "it keeps its state"
    assert {cell.letters for cell in rows["azure_cost"].cells} == {"", "P", "PR", "•"}
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
    query: Any = text.split("What is waiting?\n\n```sql\n")[1].split("```")[0]
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
        assert days_in(rows[name], State.GAP) == list(range(4, DAYS - 1)), name
        assert days_in(rows[name], State.NONE) == [-1, 0, 1, 2], name
        assert rows[name].last_day == known.day(3), name


def test_the_last_load_is_the_last_merge(rows: dict[str, Row]) -> None:
    last_load = rows["videoview"].last_load
    assert last_load is not None
    assert last_load["merged_at"] == datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert rows["videoview"].last_day == YESTERDAY
    assert rows["polling"].last_load is None
    assert rows["polling"].last_day is None
    assert rows["event"].last_day == YESTERDAY - timedelta(days=3)


def test_counts_are_totals_of_what_is_current(filled: Connection, rows: dict[str, Row]) -> None:
    def total(name: str) -> tuple[int, int]:
        found = rows[name].total
        assert found is not None
        return found["rows_merged"], found["rows_rejected"]

    assert total("videoview") == (1000 * (BEGUN + 1 - 2), 0)
    assert total("aws_cost") == (1000 * BEGUN - 1, 1), "not what waits, nor what was replaced"
    assert total("enrollment") == (1000, 0), "of one file the newest version"
    assert total("event") == (2000 * 77 - 1000 - 2, 2)
    assert rows["polling"].total is None

    known = KnownLedger(filled, NOW)
    week = (known.day(6), known.day(-1))
    parts = tuple(str(known.day(before)) for before in (2, 1, 0))
    with filled.transaction(force_rollback=True):
        known.deliver("echo360.polling", HOST, "polling of a week", NOW, parts=parts, days=week)
        (row,) = read_rows(filled, SOURCES, now=NOW, table="echo360.polling")
    assert row.total is not None
    assert row.total["rows_merged"] == 429, "three of its seven days are current"
    assert [round(cell.rows) for cell in row.cells[-5:]] == [0, 143, 143, 143, 0]


def test_the_map_can_be_longer_and_for_one_dataset(warehouse: Connection) -> None:
    known = KnownLedger(warehouse, NOW)
    day = known.day(200)
    days = (day, day + timedelta(days=1))
    for origin in (HOST, "echo360.org.au"):
        known.deliver("echo360.notes", origin, f"notes {day}", NOW, parts=(f"{day}",), days=days)
    (row,) = read_rows(
        warehouse, SOURCES, now=NOW, number=365, table="echo360.notes", origin="echo360.org.au"
    )
    assert (row.origin, len(row.cells)) == ("echo360.org.au", 365)
    assert days_in(row, State.LOADED) == [200]


def test_an_empty_ledger_has_no_rows(warehouse: Connection) -> None:
    assert read_rows(warehouse, SOURCES, now=NOW) == []


def test_a_day_that_is_done_is_loaded_again_by_reload_alone(
    filled: Connection, rows: dict[str, Row]
) -> None:
    day = str(YESTERDAY - timedelta(days=50))
    whole = {"first_day": day, "last_day": day, "reports": ["videoview"], "reload": True}
    assert command(filled, rows["videoview"], 50) == whole
    assert "reload" not in command(filled, rows["videoview"], 1)
    assert "reload" not in command(filled, rows["videoview"], 10)
    assert command(filled, rows["presentation"], 30)["accept_shrink"] is True
    assert command(filled, rows["lab_sessions"], 14)["datasets"] == ["lab_sessions"]
    assert command(filled, rows["lab_sessions"], 40)["reload"] is True
    assert command(filled, rows["lab_sessions"], 2)["reload"] is True, "its file is known"


def test_what_has_no_date_is_asked_for_as_it_is(filled: Connection, rows: dict[str, Row]) -> None:
    assert "cannot be loaded any more" in notes(filled, rows["asset"], 25)
    assert "warehouse_rebuild" in notes(filled, rows["asset"], 35)
    assert command(filled, rows["asset"], -1) == {"reports": ["asset"]}
    assert "reload" not in command(filled, rows["enrollment"], 3)
    assert command(filled, rows["enrollment"], 5)["reload"] is True
    assert command(filled, rows["course_mapping"], -1) == {"datasets": ["course_mapping"]}


def test_no_command_is_for_a_day_that_is_not_over(filled: Connection, rows: dict[str, Row]) -> None:
    for name in ("videoview", "aws_cost", "service_spend", "event"):
        assert "not over (UTC)" in notes(filled, rows[name], -1), name


def test_a_newer_version_is_tried_again_and_not_what_is_loaded(
    filled: Connection, rows: dict[str, Row]
) -> None:
    assert "reload" not in command(filled, rows["aws_cost"], 21)
    assert "reload" not in command(filled, rows["grades"], 1)
    assert command(filled, rows["notes"], 43)["reload"] is True, "Echo360 makes another"


def test_no_command_would_reject_the_same_rows_again(
    filled: Connection, rows: dict[str, Row]
) -> None:
    for name, before in (("viewsessions", 20), ("lab_sessions", 18), ("azure_cost", 3)):
        said = notes(filled, rows[name], before)
        assert "would reject the same rows" in said
        assert "to deliver them correctly" in said
        assert "with reload" in said


def test_the_gaps_of_a_choice_have_a_command_for_each_dag(
    filled: Connection, rows: dict[str, Row]
) -> None:
    gaps = advice_for_gaps(rows.values(), yesterday=YESTERDAY)
    assert [one.heading for one in gaps] == ["Vocareum: 4 gaps", "Echo360: 3 gaps", "edX: 2 gaps"]
    vocareum, echo360, edx = [command for one in gaps for command in one.commands]
    day = KnownLedger(filled, NOW).day
    assert set(vocareum.conf.pop("datasets")) == {"aws_cost", "lab_sessions", "grades"}
    assert vocareum.conf == {"first_day": str(day(15)), "last_day": str(day(0))}
    assert set(echo360.conf.pop("reports")) == {"videoview", "notes"}
    assert echo360.conf == {"first_day": str(day(11)), "last_day": str(day(0))}
    assert edx.conf == {"first_day": str(day(9)), "last_day": str(day(0))}
    for one, source in zip((vocareum, echo360, edx), SOURCES[:3], strict=True):
        assert (one.dag_id,) == source.dag_ids
    (chosen,) = advice_for_gaps([rows["lab_sessions"]], yesterday=YESTERDAY)
    assert chosen.commands[0].conf == {
        "first_day": str(day(15)), "last_day": str(day(14)), "datasets": ["lab_sessions"],
    }  # fmt: skip
    assert advice_for_gaps([rows["enrollment"]], yesterday=YESTERDAY) == []


def test_logs_are_looked_for_where_they_were_delivered(
    filled: Connection, rows: dict[str, Row]
) -> None:
    sunday, log_day = date(2026, 10, 25), date(2026, 10, 21)
    before = (YESTERDAY - log_day).days
    loaded = {"first_day": str(sunday), "last_day": str(sunday), "reload": True}
    assert command(filled, rows["event"], before) == loaded
    gap = command(filled, rows["event"], 9)
    assert gap == {"first_day": "2026-11-11", "last_day": str(YESTERDAY)}
    rejects = command(filled, rows["event"], 16)
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
    assert rejected_in(rows["event"], Rejects.FEW) == [0]
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
    (said,) = advice(warehouse, row, 0)
    assert said.commands[0].conf == {
        "first_day": str(today),
        "last_day": str(today),
        "reload": True,
    }
    assert said.notes[-1] == "edX delivered it today: the run can be started tomorrow (UTC)."


def test_of_several_dags_each_has_its_command(
    rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "origins", lambda source: {"one": "here", "another": "there"})
    row = next(iter(rows.values()))
    (said,) = advice_for(row, row.cells[-2], [], yesterday=YESTERDAY)
    assert [command.dag_id for command in said.commands] == ["one", "another"]
    assert said.commands[0].conf == said.commands[1].conf


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.title)
def test_the_dag_takes_the_params_of_every_command(
    source: Any, filled: Connection, rows: dict[str, Row]
) -> None:
    (dag_id,) = source.dag_ids
    (dag,) = runpy.run_path(str(ROOT / "dags" / f"{dag_id}.py"))["DAGS"]
    for row in (row for row in rows.values() if row.source is source):
        said = [one for before in range(-1, DAYS - 1) for one in advice(filled, row, before)]
        for one in (*said, *advice_for_gaps([row], yesterday=YESTERDAY)):
            for said_command in one.commands:
                for name, value in said_command.conf.items():
                    dag.params.get_param(name).resolve(value)
