"""The steps that take a list: each piece by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from learning_warehouse.errors import TransientFailure
from learning_warehouse.steps.loading import StageOperator
from learning_warehouse.warehouse.merging import merge
from tests.conftest import context
from tests.warehouse.roads import ENROLLMENT, delivered, rows, stager

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery


@pytest.mark.usefixtures("connections")
def test_a_connection_that_breaks_costs_one_piece(warehouse: Connection) -> None:
    pids: list[int] = []

    def stage(conn: Connection, delivery: Delivery) -> int:
        pids.append(conn.info.backend_pid)
        if delivery.name == "second":
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return stager(ENROLLMENT, b"userid,courseid,name\n1,2,Ana\n")(conn, delivery)

    names = ("first", "second", "third", "fourth")
    ids = [delivered(warehouse, ENROLLMENT, 1, name=name).delivery_id for name in names]
    given = context()
    operator = StageOperator(task_id="stage", dataset=ENROLLMENT, deliveries=ids, stage=stage)
    with pytest.raises(Exception, match=f"delivery {ids[1]}.*terminating connection"):
        operator.execute(given)
    assert len(given["ti"].pushed["return_value"]) == 3
    staged = rows(warehouse, "ops.staged", "delivery_id")
    assert [delivery_id for (delivery_id,) in staged] == [ids[0], ids[2], ids[3]]
    assert pids[0] == pids[1] != pids[2] == pids[3]


@pytest.mark.usefixtures("connections")
def test_a_further_try_takes_up_what_was_staged(warehouse: Connection) -> None:
    """It once staged everything anew, beside the tables of the tries before."""
    tried: list[str] = []

    def stage(conn: Connection, delivery: Delivery) -> int:
        tried.append(delivery.name)
        if tried == ["first", "second"]:
            raise TransientFailure("the network broke off")
        return stager(ENROLLMENT, b"userid,courseid,name\n1,2,Ana\n")(conn, delivery)

    def execute(started: datetime) -> list[int]:
        run = SimpleNamespace(dag_id="dag", run_id="manual__one", start_date=started)
        operator = StageOperator(task_id="stage", dataset=ENROLLMENT, deliveries=ids, stage=stage)
        return operator.execute({**context(), "dag_run": run})

    names = ("first", "second", "third")
    ids = [delivered(warehouse, ENROLLMENT, 1, name=name).delivery_id for name in names]
    started = datetime.now(UTC) - timedelta(minutes=1)
    with pytest.raises(TransientFailure, match="broke off"):
        execute(started)
    staged = execute(started)
    assert tried == ["first", "second", "third", "second"]
    assert len(rows(warehouse, "ops.staged", "table_name")) == len(staged) == 3
    assert [merge(warehouse, s, ENROLLMENT, stage).rows_merged for s in staged] == [1, 1, 1]
    execute(started)
    assert tried[4:] == list(names), "what had succeeded and is cleared stages anew"


@pytest.mark.usefixtures("connections")
def test_a_row_that_the_server_quotes_is_not_told(warehouse: Connection) -> None:
    def stage(conn: Connection, delivery: Delivery) -> int:
        conn.execute("INSERT INTO vocareum.enrollment (name) VALUES ('Ana')")
        return 0

    ids = [delivered(warehouse, ENROLLMENT, 1).delivery_id]
    operator = StageOperator(task_id="stage", dataset=ENROLLMENT, deliveries=ids, stage=stage)
    with pytest.raises(Exception, match="violates not-null constraint") as failure:
        operator.execute(context())
    assert "Ana" not in str(failure.value)
