"""What the docs show of SQL does what it says, on a warehouse with some deliveries."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.warehouse import migrations
from tests.conftest import open_database
from tests.edx.loading import line
from tests.edx.loading import load as load_log
from tests.pages import PAGES, blocks
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VIDEOVIEW, load, rows
from tools.docs import DOCS

if TYPE_CHECKING:
    from pathlib import Path

    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection

BLOCKS = blocks((DOCS / "operations.md").read_text(), "sql")
QUERIES = [
    text
    for page in PAGES
    for text in blocks(page.read_text(), "sql")
    if text.lstrip().startswith("SELECT") and "ops.undo" not in text
]
VIEWS = b"event_timestamp,duration_Minute\n"
PEOPLE = b"userid,courseid,role,name,mail address,Pronouns\n1,7,student,Al,a@b,he\n"


@pytest.fixture
def filled(warehouse: Connection) -> Connection:
    """A warehouse with a gap, a rejected row, a held delivery and unknown columns."""
    for version, day in ((1, 5), (2, 7)):
        days = date(2026, 1, day), date(2026, 1, day + 1)
        views = f"2026-01-{day:02} 10:00:00,50\nnever,50\n".encode()
        load(warehouse, VIDEOVIEW, VIEWS + views, version, name=f"views {day}", days=days)
        load(warehouse, LAB_SESSIONS, b"User ID\nu\n", version, name=f"labs {day}", days=days)
    load(warehouse, ENROLLMENT, PEOPLE)
    load_log(warehouse, b"\n".join([line(1), line(2)]))
    return warehouse


def block(word: str) -> Any:
    """The one block that has this word."""
    (found,) = [text for text in BLOCKS if word in text]
    return found


def number(conn: Connection, name: str) -> str:
    """The id of a delivery."""
    found = conn.execute("SELECT delivery_id FROM ops.delivery WHERE name = %s", [name]).fetchone()
    assert found
    return str(found["delivery_id"])


def test_every_query_can_be_asked(filled: Connection) -> None:
    assert len(QUERIES) >= 16
    for query in QUERIES:
        asked: Any = query
        filled.execute(asked)


def test_the_gaps_are_found(filled: Connection) -> None:
    for word in ("vocareum.aws_cost", "min(part::date)"):
        gaps = filled.execute(block(word)).fetchall()
        assert [gap["day"] for gap in gaps] == [date(2026, 1, 6)]


def test_a_new_column_takes_its_values_out_of_the_extras(
    filled: Connection,
    postgres: EmbeddedPostgres,
    warehouse_name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path in migrations.MIGRATIONS.glob("*.sql"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "9001_pronouns.sql").write_text(block("pronouns"))
    (tmp_path / "9002_mail.sql").write_text(block("Also: mail address"))
    monkeypatch.setattr(migrations, "MIGRATIONS", tmp_path)
    with open_database(postgres, warehouse_name) as conn:
        assert rows(conn, "vocareum.enrollment", "pronouns, _extras") == [
            ("he", {"mail address": "a@b"})
        ]
        load(conn, ENROLLMENT, PEOPLE, 2)
        assert rows(conn, "vocareum.enrollment", "pronouns, email, _extras") == [
            ("he", "a@b", None)
        ]


def test_events_are_taken_back_by_hand(filled: Connection) -> None:
    name = "prod-edx-001/tracking.log"
    filled.execute(block("DELETE FROM edx.event").replace("42", number(filled, name)))
    assert rows(filled, "edx.event") == []
    counts = filled.execute("SELECT rows_filtered FROM ops.delivery WHERE name = %s", [name])
    assert counts.fetchall() == [{"rows_filtered": 2}]


def test_what_is_dropped_comes_back_empty(
    filled: Connection, postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    filled.execute(block("DROP SCHEMA"))
    with open_database(postgres, warehouse_name) as conn:
        assert rows(conn, "ops.delivery") == []
