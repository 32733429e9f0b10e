"""What researchers see of learners, and what they must not: with logins of their own."""

from __future__ import annotations

import re
import secrets
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from learning_warehouse.people.pseudonyms import PseudonymsOperator
from tests.activity.events import bring_up_to_date, event, video
from tests.conftest import context
from tests.edx import loading
from tests.warehouse.roads import ENROLLMENT, VIDEOVIEW, load, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import Connection

ROOT = Path(__file__).resolve().parents[2]
FOR_A_PURPOSE, A_QUERY = re.findall(
    r"```sql\n(.*?)```", (ROOT / "docs/research.md").read_text(), re.S
)
"""What the page tells an administrator to do, and a query of a researcher's."""
DAY = (date(2026, 1, 5), date(2026, 1, 6))
COURSE = "course-v1:UniversityA+C1+2026"
CANARIES = ("canary", "192.0.2.7", "Mozilla", "@")
RELATIONS = """
    SELECT format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_class AS c INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
    WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v') ORDER BY 1
"""
OURS = ["vocareum", "echo360", "edx", "people", "activity", "stewardship", "ops"]


class Study:
    """A purpose, its role, and a login that is a member of it."""

    def __init__(self, conn: Connection, name: str) -> None:
        self.purpose = f"{name}_{secrets.token_hex(4)}"
        self.login = f"{self.purpose}_ada"
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(self.login)))
        told = re.sub(r"\bada\b", self.login, FOR_A_PURPOSE.replace("dropout_study", self.purpose))
        conn.execute(told.replace("DATABASE warehouse", f'DATABASE "{conn.info.dbname}"').encode())

    def pseudonyms(self, conn: Connection) -> dict[Any, Any]:
        """Person → pseudonym."""
        where = f"stewardship.pseudonym WHERE purpose = '{self.purpose}'"
        return dict(rows(conn, where, "person_id, pseudonym"))


def task(**params: Any) -> dict[str, int]:
    return PseudonymsOperator(task_id="pseudonyms").execute(context(**params))


def did(conn: Connection, *names: str) -> None:
    """Load what these people did at edX on a day, each of them a lab enrollment too."""
    lines = [
        {
            **one,
            "username": name,
            "ip": "192.0.2.7",
            "agent": "Mozilla/5.0 canary",
            "context": {"course_id": COURSE, "user_id": 1},
        }
        for name in names
        for one in (
            video("10:00:00", "play_video", currentTime=0),
            video("10:00:20", "pause_video", currentTime=20),
            event("10:01:00", "problem_check", problem_id="p", success="correct"),
            event("10:02:00", "edx.forum.thread.created", title="canary", body="canary"),
        )
    ]
    content = b"\n".join(loading.line(n, **line) for n, line in enumerate(lines))
    loading.load(conn, content, f"{names}.log")
    bring_up_to_date(conn)


@pytest.fixture
def study(connections: dict[str, Any], warehouse: Connection) -> Iterator[Study]:
    """A purpose with three learners."""
    did(warehouse, "canary1", "canary2", "canary3")
    one = Study(warehouse, "study")
    assert task(open_purpose=one.purpose) == {one.purpose: 3}
    yield one


@pytest.fixture
def researcher(
    study: Study, postgres: EmbeddedPostgres, warehouse_name: str
) -> Iterator[psycopg.Connection]:
    """A researcher's connection."""
    url = postgres.url(warehouse_name)
    with closing(psycopg.connect(url, user=study.login, autocommit=True)) as conn:
        yield conn


def test_a_researcher_sees_pseudonyms_and_nothing_else(
    study: Study, researcher: psycopg.Connection, warehouse: Connection
) -> None:
    beat = b"event_timestamp,user_id,first_name,email\n2026-01-05 11:00:00,u,canary,canary@b\n"
    load(warehouse, VIDEOVIEW, beat, name="w", days=DAY)
    load(warehouse, ENROLLMENT, b"userid,courseid,name,email\n1,C1,canary,canary@b\n")
    bring_up_to_date(warehouse)
    assert task() == {study.purpose: 4}

    views = [row["name"] for row in warehouse.execute(RELATIONS, [["research"]])]
    seen = {name: researcher.execute(f"SELECT * FROM {name}".encode()).fetchall() for name in views}
    people = [row for name in views for row in seen[name]]
    assert len(seen["research.course_day"]) == 4
    assert seen["research.session"]
    assert seen["research.video"]
    assert seen["research.problem"]
    assert not [canary for canary in CANARIES if canary in str(people)]
    known = study.pseudonyms(warehouse)
    pseudonyms = {row[1] for row in seen["research.course_day"]}
    assert pseudonyms <= set(known.values())
    ids = {one for row in rows(warehouse, "people.account", "own_person_id") for one in row}
    assert not pseudonyms & (known.keys() | ids)
    asked = A_QUERY.replace("dropout_study", study.purpose)
    assert len(researcher.execute(asked.encode()).fetchall()) == 4

    for relation in warehouse.execute(RELATIONS, [OURS]):
        with pytest.raises(InsufficientPrivilege):
            researcher.execute(f"SELECT * FROM {relation['name']} LIMIT 1".encode())
    for statement in (
        "CALL stewardship.let_research('public')",
        "CALL ops.let_read('public')",
        "CREATE TABLE research.mine ()",
        "TRUNCATE stewardship.pseudonym",
        f"SET ROLE {warehouse.info.user}",
        "SET ROLE learning_warehouse_reader",
    ):
        with pytest.raises(InsufficientPrivilege):
            researcher.execute(statement.encode())
    theirs = "SELECT FROM pg_stats WHERE schemaname = ANY(%s)"
    warehouse.execute("ANALYZE stewardship.pseudonym, people.account")
    assert researcher.execute(theirs, [OURS]).fetchall() == []


def test_what_a_view_of_research_is_made_of(warehouse: Connection) -> None:
    """By the class of each column: no text, and of people only who they are for the pseudonym."""
    read = warehouse.execute(
        "SELECT DISTINCT k.relation, k.name, k.class FROM pg_rewrite AS r "
        "INNER JOIN pg_class AS v ON r.ev_class = v.oid "
        "INNER JOIN pg_depend AS d ON d.objid = r.oid AND d.refobjsubid > 0 "
        "INNER JOIN pg_class AS c ON d.refobjid = c.oid AND c.oid <> v.oid "
        "INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND d.refobjsubid = a.attnum "
        "INNER JOIN stewardship.column_class AS k "
        "ON c.oid = k.relation::regclass AND a.attname = k.name "
        "WHERE v.relnamespace = 'research'::regnamespace"
    ).fetchall()
    assert len(read) > 60
    assert {row["name"] for row in read if row["class"] == "direct"} == {"person_id"}
    assert not [row for row in read if row["class"] == "free text"]
    shown = warehouse.execute(
        "SELECT name, class FROM stewardship.column_class WHERE relation LIKE 'research.%'"
    ).fetchall()
    assert {row["class"] for row in shown} == {"none", "indirect"}
    assert not {row["name"] for row in shown} & {"_delivery", "_row", "event_hash", "account_id"}


def test_a_purpose_sees_neither_the_rows_nor_the_pseudonyms_of_another(
    study: Study, researcher: psycopg.Connection, warehouse: Connection
) -> None:
    other = Study(warehouse, "other")
    assert task(open_purpose=other.purpose) == {study.purpose: 3, other.purpose: 3}
    mine, theirs = study.pseudonyms(warehouse), other.pseudonyms(warehouse)
    assert mine.keys() == theirs.keys()
    assert not set(mine.values()) & set(theirs.values())

    told: list[str] = []
    researcher.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
    researcher.execute(
        "CREATE FUNCTION pg_temp.tell(pseudonym uuid) RETURNS boolean LANGUAGE plpgsql COST 0.01 "
        "AS $$ BEGIN RAISE NOTICE '%', pseudonym; RETURN TRUE; END $$"
    )
    researcher.execute("SELECT FROM research.course_day WHERE pg_temp.tell(pseudonym)")
    assert set(told) == set(map(str, mine.values()))


def test_small_cells_are_left_out(
    study: Study, researcher: psycopg.Connection, warehouse: Connection
) -> None:
    def told(view: str, columns: str) -> list[Any]:
        return researcher.execute(f"SELECT {columns} FROM research.{view}".encode()).fetchall()

    columns = "learners, edx_learners, echo360_learners, attempts, polls"
    assert told("course_week", columns) == told("video_segment", "viewers") == []
    task(open_purpose=study.purpose, smallest_cell=4)
    assert told("course_week", columns) == told("video_segment", "viewers") == []
    task(open_purpose=study.purpose, smallest_cell=3)
    assert told("course_week", columns) == [(3, 3, None, 3, None)]
    assert told("video_segment", "viewers") == [(3,)] * 4


def test_a_mapping_that_is_discarded_is_nowhere(
    study: Study, researcher: psycopg.Connection, warehouse: Connection, postgres: EmbeddedPostgres
) -> None:
    before = study.pseudonyms(warehouse)
    did(warehouse, "canary4")
    assert task() == task() == {study.purpose: 4}
    assert before.items() < study.pseudonyms(warehouse).items(), "each keeps the pseudonym"
    other = Study(warehouse, "other")
    task(open_purpose=other.purpose)
    pseudonyms = [pseudonym.bytes for pseudonym in study.pseudonyms(warehouse).values()]

    def found() -> int:
        """How many of the pseudonyms are in the table's files or the statistics."""
        warehouse.execute("CHECKPOINT")
        (path,) = rows(warehouse, "pg_relation_filepath('stewardship.pseudonym')")
        content = (postgres.data_dir / path[0]).read_bytes()
        stats = str(rows(warehouse, "pg_stats WHERE tablename = 'pseudonym'"))
        return sum(one in content or str(UUID(bytes=one)) in stats for one in pseudonyms)

    warehouse.execute("ANALYZE stewardship.pseudonym")
    assert found() == 4
    assert task(discard_purpose=study.purpose) == {other.purpose: 4}
    assert found() == 0
    assert researcher.execute("SELECT FROM research.course_day").fetchall() == []
    assert task(discard_purpose=study.purpose) == {other.purpose: 4}, "as a retry does"

    again = task(discard_purpose=study.purpose, open_purpose=study.purpose)
    assert again == {study.purpose: 4, other.purpose: 4}
    new = study.pseudonyms(warehouse)
    assert not set(new.values()) & set(before.values())
    assert task(discard_purpose=study.purpose) == {other.purpose: 4}
    with pytest.raises(AirflowSkipException, match="no purpose"):
        task(discard_purpose=other.purpose)


def test_a_reader_sees_no_schema_that_is_not_named(warehouse: Connection) -> None:
    """Neither those for research and stewardship, nor one that is made later."""
    warehouse.execute("CREATE SCHEMA later")
    warehouse.execute("CREATE TABLE later.secret ()")
    warehouse.execute("CREATE TABLE stewardship.later ()")
    readable = warehouse.execute(
        "SELECT DISTINCT n.nspname FROM pg_class AS c "
        "INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid "
        "WHERE has_any_column_privilege('learning_warehouse_reader', c.oid, 'SELECT') "
        "AND c.relkind IN ('r', 'p', 'v') "
        "AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    )
    found = sorted(row["nspname"] for row in readable)
    assert found == ["activity", "echo360", "edx", "ops", "vocareum"]
