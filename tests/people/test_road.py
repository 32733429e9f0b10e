"""The institution's lists from the landing zone into the warehouse, by the DAG's own tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.landing import LandingZone
from learning_warehouse.people.lists import REGISTRY
from learning_warehouse.people.operators import LandListsOperator, MatchPeopleOperator
from learning_warehouse.steps.loading import LoadOperator
from tests.conftest import context, run_load
from tests.landed import empty_landing_zone, run_dag
from tests.warehouse.roads import rows

if TYPE_CHECKING:
    from learning_warehouse.people.lists import Lists
    from learning_warehouse.warehouse.connection import Connection

ROSTER, COURSES = REGISTRY


@pytest.fixture(autouse=True)
def zone(connections: dict[str, Any]) -> LandingZone:
    """The landing zone, empty."""
    empty_landing_zone()
    return LandingZone()


def load(lists: Lists = ROSTER, **params: Any) -> list[int]:
    """Land and load; the deliveries that were to be loaded."""
    ids = LandListsOperator(task_id="land", lists=lists).execute(context(**params))
    if ids:
        loading = LoadOperator(task_id="load", dataset=lists.dataset, deliveries=ids)
        run_load(loading, **params)
    return ids


def emails(conn: Connection) -> list[str]:
    """The addresses of the roster."""
    return [email for (email,) in rows(conn, "people.roster", "email")]


def grow_older(conn: Connection) -> None:
    """Let the lists that are there be a day older: S3 tells seconds only."""
    for table in ("ops.delivery", "ops.current_part"):
        conn.execute(f"UPDATE {table} SET made_at = made_at - interval '1 day'")


def test_a_list_is_loaded_when_it_is_new_or_changed(
    warehouse: Connection, zone: LandingZone
) -> None:
    assert load() == []
    zone.put("roster/", b"")
    zone.put("roster/staff/2026.csv", b"email,name,shoe size\na@b,A,41\n,B,\n,,42\n")
    zone.put("roster/all.csv", b"mail,x\n,7\n")
    assert len(load()) == 2
    assert load() == [], "nothing has changed"
    assert sorted(map(str, emails(warehouse))) == ["None", "None", "None", "a@b"]
    grow_older(warehouse)
    zone.put("roster/staff/2026.csv", b"email\nb@b\nc@b\n")
    (newer,) = load()
    assert sorted(map(str, emails(warehouse))) == ["None", "b@b", "c@b"]
    (found,) = rows(warehouse, f"ops.delivery WHERE delivery_id = {newer}", "uri")
    assert found[0].startswith(f"{zone.url}people/roster/roster/staff/2026.csv/")
    assert len(load(reload=True)) == 2
    zone.put("courses/list.csv", b"Course,Course Name,Start Date\nC1,Physics,2026-01-05\n")
    assert load(COURSES)
    assert rows(warehouse, "people.course", "course, title, starts::text") == [
        ("C1", "Physics", "2026-01-05")
    ]


def test_lists_are_rebuilt_from_the_landing_zone(warehouse: Connection, zone: LandingZone) -> None:
    zone.put("roster/all.csv", b"email\na@b\n")
    load()
    grow_older(warehouse)
    zone.put("roster/all.csv", b"email\nb@b\n")
    load()
    warehouse.execute("TRUNCATE people.roster, ops.delivery CASCADE")
    results = run_dag("warehouse_rebuild", "people.roster", "people.courses")
    assert [counts["rows_merged"] for counts in results["people.roster"]] == [1, 1]
    assert emails(warehouse) == ["b@b"]


def test_the_people_are_counted_and_so_are_conflicts(
    warehouse: Connection, zone: LandingZone
) -> None:
    zone.put("roster/all.csv", b"institution_id,edx_username\n1,ada\n2,ada\n")
    load()
    warehouse.execute(
        "INSERT INTO people.account (source, _origin, kind, value) "
        "VALUES ('edx', 'here', 'username', 'ada')"
    )
    counts = MatchPeopleOperator(task_id="people").execute(context())
    assert (counts["accounts"], counts["people"], counts["conflicts"]) == (1, 1, 1)
