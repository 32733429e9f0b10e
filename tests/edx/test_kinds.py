"""Events without a kind are listed, and those that are already there get the kinds of today."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowSkipException
from psycopg.errors import CheckViolation

from learning_warehouse.edx.kinds import MOST_KINDS, NameEventsOperator, name_events, unknown_kinds
from learning_warehouse.steps.summary import SummaryOperator
from tests.edx.loading import column, line, load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

# Every way to a kind: by type, by name, by source, not at all; over three months.
EVENTS = [
    {"event_type": "problem_check", "event_source": "server"},
    {"event_type": "problem_check", "event_source": "browser"},
    {"event_type": "problem_check", "event_source": "mobile"},
    {"event_type": "unheard_of", "name": "edx.ui.lms.sequence.next_selected"},
    {"event_type": "seq_goto", "name": "seq_next"},
    {"event_type": None, "name": "seq_prev", "event_source": None},
    {"event_type": "unheard_of", "name": None},
    {"event_type": "", "name": ""},
    {"event_type": None, "name": None, "event_source": "server"},
    {"event_type": "/courses/x/y/z", "name": "seq_next", "event_source": "server"},
]
LINES = [
    line(number, **fields, time=f"2017-{month:02}-05T03:17:07+00:00")
    for month in (5, 6, 7)
    for number, fields in enumerate(EVENTS, start=month * 100)
]


@pytest.fixture
def kinds(warehouse: Connection) -> list[str | None]:
    """The kinds that a load gives, by row; the warehouse has the lines."""
    load(warehouse, b"\n".join(LINES))
    return column(warehouse, "event_kind")


def forget(conn: Connection) -> None:
    conn.execute("UPDATE edx.event SET event_kind = NULL WHERE event_kind <> 'implicit'")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE edx.event SET event_kind = NULL WHERE event_kind <> 'implicit'",
        "UPDATE edx.event SET event_kind = 'old' WHERE event_kind IS DISTINCT FROM 'implicit'",
        "UPDATE edx.event SET event_kind = 'old' WHERE event_kind = 'seq_next'",
    ],
)
def test_events_get_the_kinds_that_a_load_gives(
    warehouse: Connection, kinds: list[str | None], change: Any
) -> None:
    warehouse.execute(change)
    assert set(name_events(warehouse)) == {f"event_2017_0{month}" for month in (5, 6, 7)}
    assert column(warehouse, "event_kind") == kinds
    assert name_events(warehouse) == {}, "there is nothing more to do"


def test_a_new_alias_reaches_the_events_that_are_there(
    warehouse: Connection, kinds: list[str | None]
) -> None:
    warehouse.execute("INSERT INTO edx.event_alias VALUES (NULL, 'unheard_of', 'heard')")
    # By its type first: it had the kind of its name.
    assert name_events(warehouse) == {f"event_2017_0{month}": 2 for month in (5, 6, 7)}
    assert column(warehouse, "event_kind").count("heard") == 6


@pytest.mark.parametrize("month", [5, 6, 7])
def test_what_was_stopped_is_gone_on_with(
    warehouse: Connection, kinds: list[str | None], month: int
) -> None:
    forget(warehouse)
    partition = f"edx.event_2017_0{month}"
    fault = f"ALTER TABLE {partition} ADD CONSTRAINT stop CHECK (event_kind <> 'seq_prev')"
    warehouse.execute(fault)  # type: ignore[arg-type]
    with pytest.raises(CheckViolation):
        name_events(warehouse)
    # A month is done or is not.
    assert column(warehouse, "event_kind").count("seq_goto") == month - 5
    warehouse.execute(f"ALTER TABLE {partition} DROP CONSTRAINT stop")  # type: ignore[arg-type]
    assert len(name_events(warehouse)) == 8 - month
    assert column(warehouse, "event_kind") == kinds


@pytest.mark.usefixtures("connections")
@pytest.mark.parametrize("params", [{}, {"name_events": False}])
def test_it_is_done_only_where_it_is_asked_for(
    warehouse: Connection, kinds: list[str | None], params: dict[str, bool]
) -> None:
    forget(warehouse)
    asked: Any = {"params": params}
    with pytest.raises(AirflowSkipException):
        NameEventsOperator(task_id="name_events").execute(asked)
    asked = {"params": {"name_events": True}}
    assert sum(NameEventsOperator(task_id="name_events").execute(asked).values()) == 15


# --- events without a kind ------------------------------------------------------------------------


def test_unknown_kinds_are_listed_with_their_counts(warehouse: Connection) -> None:
    known = load(warehouse, line(1), "known.log")
    assert unknown_kinds(warehouse, [known.delivery_id]) is None
    lines = [line(number, event_type="one" if number % 3 else "two") for number in range(9)]
    merged = load(warehouse, b"\n".join([*lines, line(event_type=None, name="three")]), "new.log")
    said = unknown_kinds(warehouse, [known.delivery_id, merged.delivery_id])
    assert said == (
        "10 events have no kind: edx.event_alias does not know their types\n"
        "        6 'one'\n        3 'two'\n        1 'three'"
    )


def test_of_many_unknown_kinds_the_most_frequent_are_listed(warehouse: Connection) -> None:
    lines = [line(number, event_type=f"{number} {'x' * 300}\n") for number in range(MOST_KINDS + 2)]
    said = unknown_kinds(warehouse, [load(warehouse, b"\n".join(lines)).delivery_id])
    assert said is not None
    assert len(said.splitlines()) == MOST_KINDS + 2
    assert said.endswith("and 2 more")


@pytest.mark.usefixtures("connections")
def test_the_last_step_of_a_run_says_them(
    warehouse: Connection, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    merged = load(warehouse, line(event_type="unheard_of"))
    run = SimpleNamespace(
        dag_id="edx", run_id="manual__1", start_date=None, get_task_instances=list
    )
    context: Any = {
        "dag_run": run,
        "ti": SimpleNamespace(),
        "params": {},
        "dag": DAG("edx", schedule=None),
    }
    with caplog.at_level("INFO"):
        SummaryOperator(
            task_id="summarise", loads=[[asdict(merged)]], schemas=["edx"], remark=unknown_kinds
        ).execute(context)
    assert "1 'unheard_of'" in caplog.text + capsys.readouterr().out
