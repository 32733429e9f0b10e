"""Merging: the strategies, and that any merge may be repeated, killed, doubled or late."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING

import pytest

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse import staging
from learning_warehouse.warehouse.merging import merge
from tests.conftest import open_database
from tests.warehouse.roads import (
    ASSET,
    ENROLLMENT,
    VIDEOVIEW,
    delivered,
    load,
    rows,
    stager,
)

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.merging import Merged

HEADER = b"userid,courseid,name\n"
WEEK = (date(2026, 1, 5), date(2026, 1, 12))


def enrolled(*names: str) -> bytes:
    """An enrollment file with these names."""
    return HEADER + b"".join(f"{i},2,{name}\n".encode() for i, name in enumerate(names))


def viewed(*days: int, minutes: int = 50) -> bytes:
    """A videoview report with a beat on each of these days of January."""
    return b"event_timestamp,duration_Minute\n" + b"".join(
        f"2026-01-{day:02} 10:00:00,{minutes}\n".encode() for day in days
    )


def names(conn: Connection) -> list[str]:
    """The names that stand."""
    return [name for (name,) in rows(conn, "vocareum.enrollment", "name")]


def beats(conn: Connection) -> list[tuple[int, int]]:
    """Day of January and duration of each beat that stands."""
    day = "extract(day FROM event_timestamp)::int"
    return [(d, m) for d, m in rows(conn, "echo360.videoview", f"{day} AS d, duration_minute::int")]


def ledger_adds_up(conn: Connection) -> None:
    """No staging is left behind, and every delivery's counts add up (as its CHECK has it)."""
    assert rows(conn, "pg_tables WHERE schemaname = 'staging'", "tablename") == []
    assert rows(conn, "ops.staged WHERE merged_at IS NULL") == []


def test_the_newest_version_of_a_file_stands(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    assert load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2).rows_merged == 2
    assert names(warehouse) == ["Al", "Cy"]
    assert rows(warehouse, "ops.delivery", "version, superseded_by") == [("1", 2), ("2", None)]
    ledger_adds_up(warehouse)


def test_an_older_delivery_merged_after_a_newer_one_changes_nothing(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    late = load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    assert (late.rows_merged, late.rows_superseded, late.changed) == (0, 2, False)
    assert names(warehouse) == ["Al", "Cy"]
    assert ("1", 1) in rows(warehouse, "ops.delivery", "version, superseded_by")


def test_an_unchanged_file_is_not_rewritten(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    again = load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 3)
    assert (again.rows_duplicate, again.changed) == (2, False)
    assert set(rows(warehouse, "vocareum.enrollment", "_delivery")) == {(1,)}
    between = load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    assert between.rows_superseded == 2, "what confirmed the rows is newer than this one"
    assert names(warehouse) == ["Al", "Bo"]


def test_reload_alone_may_go_back(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1)
    load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    assert load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1).rows_merged == 2
    assert names(warehouse) == ["Al", "Cy"], "merged before, and not asked to reload"
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo"), 1, reload=True)
    assert names(warehouse) == ["Al", "Bo"]
    assert rows(warehouse, "ops.delivery", "version, superseded_by") == [("1", None), ("2", 1)]


def test_a_file_that_would_shrink_by_more_than_half_is_held(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo", "Cy"), 1)
    with pytest.raises(PermanentFailure, match=r"shrink file from 3 to 1 rows.*accept_shrink"):
        load(warehouse, ENROLLMENT, enrolled("Al"), 2)
    assert names(warehouse) == ["Al", "Bo", "Cy"]
    assert rows(warehouse, "ops.delivery", "version, status") == [("1", "merged"), ("2", "held")]
    load(warehouse, ENROLLMENT, enrolled("Al"), 2, accept_shrink=True)
    assert names(warehouse) == ["Al"]


def test_a_reload_that_would_shrink_leaves_its_line_as_it_was(warehouse: Connection) -> None:
    load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    load(warehouse, ENROLLMENT, enrolled("Al", "Bo", "Cy"), 2)
    with pytest.raises(
        PermanentFailure, match="alone with the Params of this run and accept_shrink"
    ):
        load(warehouse, ENROLLMENT, enrolled("Al"), 1, reload=True)
    assert rows(warehouse, "ops.delivery", "version, status") == [("1", "merged"), ("2", "merged")]
    load(warehouse, ENROLLMENT, enrolled("Al"), 1, reload=True, accept_shrink=True)
    assert names(warehouse) == ["Al"]


def test_a_day_that_would_shrink_names_what_to_run_again(warehouse: Connection) -> None:
    load(warehouse, VIDEOVIEW, viewed(5, 6, 6, 6), 1, days=WEEK)
    again = "accept_shrink, reload, first_day 2026-01-06, last_day 2026-01-06"
    with pytest.raises(PermanentFailure, match=f"run again for videoview alone with {again}"):
        load(warehouse, VIDEOVIEW, viewed(5, 6), 2, days=WEEK)


def test_days_are_replaced_one_by_one_with_their_multiplicity(warehouse: Connection) -> None:
    load(warehouse, VIDEOVIEW, viewed(5, 5, 6, 7), 1, days=WEEK, name="week")
    one_day = (date(2026, 1, 6), date(2026, 1, 7))
    load(warehouse, VIDEOVIEW, viewed(6, minutes=20), 2, days=one_day, name="day")
    late = load(warehouse, VIDEOVIEW, viewed(6, minutes=10), 1, days=one_day, name="late")
    assert late.rows_superseded == 1
    assert beats(warehouse) == [(5, 50), (5, 50), (6, 20), (7, 50)]
    week = load(warehouse, VIDEOVIEW, viewed(5, 5, 6, 7), 3, days=WEEK, name="week")
    assert (week.rows_merged, week.rows_duplicate) == (1, 3)
    assert beats(warehouse) == [(5, 50), (5, 50), (6, 50), (7, 50)]


def test_days_that_stand_are_compared_and_new_ones_are_not(warehouse: Connection) -> None:
    one_day = (date(2026, 1, 6), date(2026, 1, 7))
    day = load(warehouse, VIDEOVIEW, viewed(6, 6), 1, days=one_day, name="day")
    week = load(warehouse, VIDEOVIEW, viewed(5, 6, 6, 7), 2, days=WEEK, name="week")
    assert (day.rows_merged, week.rows_merged, week.rows_duplicate) == (2, 2, 2)
    assert beats(warehouse) == [(5, 50), (6, 50), (6, 50), (7, 50)]


def test_a_day_without_rows_stands_too(warehouse: Connection) -> None:
    one_day = (date(2026, 1, 6), date(2026, 1, 7))
    load(warehouse, VIDEOVIEW, viewed(), 2, days=one_day, name="empty")
    late = load(warehouse, VIDEOVIEW, viewed(6), 1, days=one_day, name="late")
    assert late.rows_superseded == 1
    assert beats(warehouse) == []


def test_the_newest_snapshot_of_a_day_stands(warehouse: Connection) -> None:
    def snapshot(day: int, version: int, *videos: str) -> Merged:
        content = b"video_name\n" + "".join(f"{video}\n" for video in videos).encode()
        days = (date(2026, 1, day), date(2026, 1, day + 1))
        return load(warehouse, ASSET, content, version, name=f"asset {version}", days=days)

    snapshot(5, 1, "a", "b")
    snapshot(5, 3, "a", "c")
    snapshot(5, 2, "a", "d")
    snapshot(6, 4, "a")
    assert rows(warehouse, "echo360.asset", "extract(day FROM snapshot_day)::int, video_name") == [
        (5, "a"),
        (5, "c"),
        (6, "a"),
    ]


@pytest.mark.parametrize("versions", [(1, 1), (1, 2)])
def test_two_replaces_of_the_same_day_at_once(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str, versions: list[int]
) -> None:
    """Without a lock taken before the DELETE, the second would not see the first one's rows."""
    content = viewed(*[5] * 500)
    stage = stager(VIDEOVIEW, content)
    staged = [
        stage(warehouse, delivered(warehouse, VIDEOVIEW, version, days=WEEK))
        for version in versions
    ]
    start = threading.Barrier(2)
    failures: list[BaseException] = []

    def run(staged_id: int) -> None:
        try:
            with closing(open_database(postgres, warehouse_name)) as conn:
                start.wait()
                merge(conn, staged_id, VIDEOVIEW, stage)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(staged_id,)) for staged_id in staged]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert beats(warehouse) == [(5, 50)] * 500
    ledger_adds_up(warehouse)


def test_postgres_killed_between_stage_and_merge(
    postgres: EmbeddedPostgres, warehouse: Connection, warehouse_name: str
) -> None:
    """The crash empties the staging table; its LOGGED line tells, and it is staged again."""
    stage = stager(ENROLLMENT, enrolled("Al", "Bo"))
    staged_id = stage(warehouse, delivered(warehouse, ENROLLMENT, 1))
    warehouse.execute("CHECKPOINT")
    postgres.kill()
    postgres.restart()
    with closing(open_database(postgres, warehouse_name)) as conn:
        for _ in range(2):
            assert merge(conn, staged_id, ENROLLMENT, stage).rows_merged == 2
        assert names(conn) == ["Al", "Bo"]
        ledger_adds_up(conn)


def test_a_migration_between_stage_and_merge(warehouse: Connection) -> None:
    """The staging table lacks the new column, so that the delivery is staged again."""
    stage = stager(ENROLLMENT, b"userid,courseid,name,pronouns\n1,2,Al,he\n")
    staged_id = stage(warehouse, delivered(warehouse, ENROLLMENT, 1))
    warehouse.execute("ALTER TABLE vocareum.enrollment ADD COLUMN pronouns text")
    for _ in range(2):
        assert merge(warehouse, staged_id, ENROLLMENT, stage).rows_merged == 1
    assert rows(warehouse, "vocareum.enrollment", "name, pronouns") == [("Al", "he")]
    ledger_adds_up(warehouse)


def test_a_cleared_merge_that_had_committed(warehouse: Connection) -> None:
    stage = stager(ENROLLMENT, enrolled("Al", "Bo"))
    staged_id = stage(warehouse, delivered(warehouse, ENROLLMENT, 1))
    first = merge(warehouse, staged_id, ENROLLMENT, stage)
    load(warehouse, ENROLLMENT, enrolled("Al", "Cy"), 2)
    again = merge(warehouse, staged_id, ENROLLMENT, stage)
    assert again.rows_merged == first.rows_merged == 2
    assert again.changed, "killed after its commit, it has told nobody yet"
    assert names(warehouse) == ["Al", "Cy"]


def test_staged_twice_merged_twice(warehouse: Connection) -> None:
    """A retried stage: the second merge finds the delivery merged, and its table goes too."""
    stage = stager(ENROLLMENT, enrolled("Al", "Bo"))
    delivery = delivered(warehouse, ENROLLMENT, 1)
    staged = [stage(warehouse, delivery), stage(warehouse, delivery)]
    counts = [merge(warehouse, staged_id, ENROLLMENT, stage).rows_merged for staged_id in staged]
    assert counts == [2, 2]
    assert names(warehouse) == ["Al", "Bo"]
    ledger_adds_up(warehouse)


def test_what_was_never_merged_is_swept_by_age(warehouse: Connection) -> None:
    stage = stager(ENROLLMENT, enrolled("Al", "Bo"))
    stage(warehouse, delivered(warehouse, ENROLLMENT, 1))
    assert staging.sweep(warehouse) == 0
    assert staging.sweep(warehouse, age="-1 hour") == 1
    ledger_adds_up(warehouse)


def test_the_ledger_refuses_counts_that_do_not_add_up(warehouse: Connection) -> None:
    from psycopg.errors import CheckViolation

    load(warehouse, ENROLLMENT, enrolled("Al"), 1)
    with pytest.raises(CheckViolation):
        warehouse.execute("UPDATE ops.delivery SET rows_read = 9")


def test_many_first_steps_at_once_migrate_once(postgres: EmbeddedPostgres) -> None:
    postgres.create_database("migrated_at_once")
    failures: list[BaseException] = []

    def run() -> None:
        try:
            open_database(postgres, "migrated_at_once").close()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
