"""What a row says is in no log, no sentence and no alert, whatever becomes of the row.

A canary stands in each column of each dataset; here nothing masks the log.
"""

from __future__ import annotations

import json
import logging
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.errors import PermanentFailure, TransientFailure, server_said
from learning_warehouse.steps.alerts import tell_of_failure
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.warehouse.catalogue import Column, read_table
from tests.conftest import XComs
from tests.edx import loading
from tests.warehouse.roads import ENROLLMENT, VIDEOVIEW, load, rows

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset

CANARY = "canary@students.example"
DATASETS = [files.dataset for files in REGISTRY] + [r.dataset for r in REPORTS.values()]
DAY = (date(2026, 1, 5), date(2026, 1, 6))
VALUES = {
    "timestamptz": "2026-01-05 10:00:00",
    "date": "2026-01-05",
    "bool": "true",
    "role": "student",
}


def value_of(column: Column) -> str:
    """The canary where the column takes it, else something that it takes."""
    takes_it = column.type in ("text", "identifier", "email")
    return CANARY if takes_it else VALUES.get(column.type, "1")


def told(
    conn: Connection, dataset: Dataset, content: str, caplog: pytest.LogCaptureFixture, version: int
) -> str:
    """All that is said of loading a file, wherever it is said."""
    said = ""
    try:
        load(conn, dataset, content.encode(), version, name=f"{dataset.name} {version}", days=DAY)
    except (PermanentFailure, TransientFailure) as failure:
        ti = XComs()
        ti.dag_id = ti.run_id = ti.task_id = "one"  # type: ignore[attr-defined]
        tell_of_failure({"exception": failure, "ti": ti})
        said = f"{failure}{ti.pushed}"
    for table, columns in (("failed_try", "sentence"), ("delivery", "problem, details")):
        said += str(rows(conn, f"ops.{table}", columns))
    return said + caplog.text


def test_a_canary_in_each_column_of_each_dataset(
    warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for dataset in DATASETS:
        columns = [
            column
            for column in read_table(warehouse, dataset.table).columns
            if column.name != dataset.clock or dataset.strategy != "snapshot"
        ]
        header = ",".join(column.name for column in columns)
        good = ",".join(map(value_of, columns))
        bad = ",".join([CANARY] * len(columns))
        files = {
            "a good row": f"{header}\n{good}\n",
            "a bad row": f"{header}\n{good}\n{bad}\n",
            "no header": f"{good}\n{good}\n",
            "no header, other values": f"a{bad.replace(',', ',b')}\n{good}\n",
            "another header": f"{header},{header}\n{good},{good}\n",
        }
        for version, (what, content) in enumerate(files.items(), start=1):
            said = told(warehouse, dataset, content, caplog, version)
            assert "canary" not in said, (dataset.table, what)
        loaded = rows(warehouse, dataset.table)
        kept = rows(warehouse, "ops.rejected_row", "raw")
        assert CANARY in str(loaded) + str(kept), dataset.table
    assert CANARY in str(rows(warehouse, "ops.rejected_row", "raw"))


@pytest.mark.parametrize(
    "refusal",
    [
        "CHECK (name <> '{}')",
        "EXCLUDE (name WITH =)",
    ],
)
def test_a_canary_that_the_table_refuses(
    warehouse: Connection, caplog: pytest.LogCaptureFixture, refusal: str
) -> None:
    warehouse.execute(f"ALTER TABLE vocareum.enrollment ADD {refusal.format(CANARY)}".encode())
    content = f"userid,courseid,name\n1,2,{CANARY}\n2,2,{CANARY}\n"
    said = told(warehouse, ENROLLMENT, content, caplog, 1)
    assert "the table refuses its rows" in said
    assert "canary" not in said


def test_a_canary_in_a_log_of_edx(warehouse: Connection, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    event = json.loads(loading.line(1))
    lines = [json.dumps({**event, name: CANARY}) for name in event]
    lines += [lines[0][:-30], f"{CANARY} ", json.dumps(CANARY)]
    loading.load(warehouse, "\n".join(lines).encode())
    assert "canary" not in caplog.text
    assert CANARY in str(rows(warehouse, "ops.rejected_row", "raw"))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT '{}'::boolean", "invalid input syntax for type boolean"),
        ("SELECT '9{}'::text::integer", "invalid input syntax for type integer"),
        ("SELECT '{{\"{}'::text::jsonb", "invalid input syntax for type json"),
        ("SELECT '99999999999'::text::integer", "value ... is out of range for type integer"),
        ("SELECT to_date('{}', 'YYYY')", "invalid value"),
    ],
)
def test_no_value_of_what_postgresql_says(warehouse: Connection, query: str, said: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        warehouse.execute(query.format(CANARY).encode())
    assert server_said(error.value).startswith(said)
    assert "canary" not in server_said(error.value)


def test_the_line_and_the_column_of_what_copy_refuses(
    warehouse: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    content = (
        f"event_timestamp,duration_minute\n2026-01-05 10:00:00,1\n2026-01-05 10:00:00,{CANARY}\n"
    )
    load(warehouse, VIDEOVIEW, content.encode(), days=DAY)
    assert "type numeric, column duration_minute, line 3" in caplog.text


def test_what_is_no_sentence_of_ours_is_not_repeated() -> None:
    ti: Any = XComs()
    ti.dag_id = ti.run_id = ti.task_id = "one"
    error = psycopg.errors.UniqueViolation(f"Key (email)=({CANARY}) already exists.")
    tell_of_failure({"exception": error, "ti": ti, "dag": SimpleNamespace(dag_id="one")})
    assert ti.pushed == {"failure": "UniqueViolation: see its log."}
