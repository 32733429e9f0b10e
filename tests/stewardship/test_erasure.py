"""A person is erased, and stays so, whichever way the vendors bring the rows back."""

from __future__ import annotations

import gzip
import io
import json
import logging
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import OperationalError

from include.sandbox.postgres import binaries
from learning_warehouse import delivery_notes
from learning_warehouse.edx import events
from learning_warehouse.edx.tar import probe
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.landing import LandingZone
from learning_warehouse.stewardship.operators import FinishErasuresOperator
from learning_warehouse.streams import PROBE
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.locks import lock_dataset
from tests.activity.events import bring_up_to_date
from tests.conftest import context, open_database
from tests.edx import loading
from tests.landed import empty_landing_zone, run_dag
from tests.warehouse.roads import VOCAREUM, load, rows

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

DAY = (date(2026, 1, 5), date(2026, 1, 6))
STEPS = ("record", "erase_tables", "erase_landed")
FORM = {"dry_run": False, "people": None, "days": 30, "vacuum": False}
CANARY = ("canary", "4711077", "Canary.Bird@Example.org", "0f0f0f0f-1111-4222-8333-444455556666")
"""A user name at edX with its id, an address, an id at Echo360."""


@pytest.fixture(autouse=True)
def key(connections: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the tombstones, and an empty landing zone."""
    fields = {"conn_type": "generic", "password": "a key of thirty-two characters or more"}
    monkeypatch.setenv("AIRFLOW_CONN_STEWARDSHIP_KEY", json.dumps(fields))
    empty_landing_zone()


def ask(content: str = "institution_id\nS-1\n") -> dict[str, Any]:
    """Put a request into the landing zone.

    :returns: the form as it opens.
    """
    LandingZone().put("erasure/requests/request.csv", content.encode())
    return {**FORM, "dry_run": True}


def erase(content: str = "institution_id\nS-1\n") -> dict[str, Any]:
    """Erase whom a request names, as the DAG does."""
    ask(content)
    done = run_dag("warehouse_erasure", *STEPS, **FORM)
    FinishErasuresOperator(task_id="finish", erasures=done["record"]).execute(context(**FORM))
    return done


FILES = {
    "lab_sessions": (
        "User ID,User Email,Course ID,Part ID,Start Time\n"
        "901,{mail},C1,P1,Jan-05-2026 9:40:20 am UTC\n"
        "902,ada@example.org,C1,P1,Jan-05-2026 9:41:20 am UTC\n"
    ),
    "enrollment": (
        "userid,courseid,role,name,email\n"
        "901,C1,student,Canary Bird,{mail}\n902,C1,student,Ada,ada@example.org\n"
    ),
    "grades": (
        "courseid,userid,partnerid,partid,graderid,partscore\n"
        "C1,901,902,P1,7,1\nC1,902,901,P1,8,2\nC1,903,902,P1,901,3\n"
    ),
    "videoview": (
        "event_timestamp,duration_minute,user_id,first_name,last_name,email\n"
        "2026-01-05 10:00:00,5,{echo},Canary,Bird,{mail}\n"
        "2026-01-05 10:01:00,6,aaaaaaaa-1111-4222-8333-444455556666,Ada,B,ada@example.org\n"
    ),
    "qanda": (
        "question_id,question,question_user_id,question_first_name,question_email,"
        "answer_id,answer,answer_user_id,answer_first_name,answer_email,event_timestamp\n"
        "q1,what?,{echo},Canary,{mail},a1,that,u2,Ada,ada@example.org,2026-01-05 10:00:00\n"
        "q2,why?,u2,Ada,ada@example.org,a2,because,{echo},Canary,{mail},2026-01-05 10:00:00\n"
        "q3,alone?,{echo},Canary,{mail},,,,,,2026-01-05 10:00:00\n"
    ),
    "asset": "video_name,owner_name,media_id\nLecture,Canary Bird,m1\nLab,Ada B,m2\n",
    "roster": (
        "institution_id,email,name,edx_username,vocareum_user_id\n"
        "S-1,{mail},Canary Bird,Canary,901\nS-2,ada@example.org,Ada,ada,902\n"
    ),
}  # fmt: skip
"""Of each dataset a file with the canary, and with others."""
EVENTS = [
    loading.line(1),
    loading.line(2, username="canary", context={"user_id": 4711077, "course_id": "a/b/c"}),
    loading.line(3, username="", context={"user_id": 4711077}),
    b'{"username": "canary", "time": "never"}',
    b'{"username": "ada", "time": "never"}',
]


def datasets() -> dict[str, Any]:
    """By their names, those of ``FILES``."""
    from learning_warehouse.echo360.reports import REPORTS
    from learning_warehouse.people.lists import REGISTRY as LISTS

    known = {**VOCAREUM, **{name: report.dataset for name, report in REPORTS.items()}}
    return known | {one.dataset.name: one.dataset for one in LISTS}


def fill(conn: Connection, version: int = 1, **options: Any) -> dict[str, Any]:
    """Load all that there is of the canary and of others, over the roads of the sources."""
    known = datasets()
    merged: dict[str, Any] = {}
    for name, content in FILES.items():
        text = content.format(mail=CANARY[2], echo=CANARY[3])
        days = DAY if known[name].table.startswith("echo360") else None
        merged[name] = load(
            conn, known[name], text.encode(), version, name=name, days=days, **options
        )
    merged["event"] = loading.load(conn, b"\n".join(EVENTS), f"log {version}", **options)
    return merged


def everything(conn: Connection) -> dict[str, list[str]]:
    """Each row of each table, as text."""
    tables = conn.execute(
        "SELECT DISTINCT c.relation AS name FROM stewardship.column_class AS c "
        "INNER JOIN pg_class AS r ON r.oid = c.relation::regclass WHERE r.relkind IN ('r', 'p')"
    ).fetchall()
    return {
        table["name"]: sorted(
            row["row"]
            for row in conn.execute(
                f"SELECT to_jsonb(t)::text AS row FROM {table['name']} AS t".encode()
            )
        )
        for table in tables
    }


def is_canary(text: str) -> bool:
    """Whether a text has anything of the canary."""
    words = ("canary", "4711077", CANARY[3], '"901"')
    return any(word in text.lower() for word in words)


def seen(conn: Connection) -> dict[str, int]:
    """In which tables the canary is, and in how many rows."""
    found = {
        table: sum(map(is_canary, lines))
        for table, lines in everything(conn).items()
        if table != "stewardship.column_class"
    }
    return {table: rows for table, rows in found.items() if rows}


def dump(server: EmbeddedPostgres, name: str) -> str:
    """All that a backup of the warehouse has."""
    command = [f"{binaries()}/pg_dump", "--inserts", server.url(name)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def test_a_person_is_erased_and_others_are_not(
    warehouse: Connection, postgres: EmbeddedPostgres, warehouse_name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    fill(warehouse)
    bring_up_to_date(warehouse)
    assert is_canary(dump(postgres, warehouse_name)), "the search finds what is there"
    before = everything(warehouse)
    there = seen(warehouse)
    assert there.keys() >= {
        "vocareum.lab_sessions", "vocareum.enrollment", "vocareum.grades", "echo360.videoview",
        "echo360.qanda", "echo360.asset", "edx.event", "people.roster", "people.account",
        "ops.rejected_row",
    }  # fmt: skip

    assert run_dag("warehouse_erasure", "record", **ask()) == {}
    assert seen(warehouse) == there, "a dry run erases nobody"
    zone = LandingZone()
    inventory = {key: zone.get(key).decode() for key in zone.keys("erasure/inventories/")}
    assert {key.split("/")[-1].removesuffix(".jsonl") for key in inventory} >= {
        "vocareum.grades", "echo360.qanda", "edx.event", "people.roster"
    }  # fmt: skip
    assert all(is_canary(line) for text in inventory.values() for line in text.splitlines())

    caplog.set_level(logging.DEBUG)
    done = erase()
    assert not is_canary(caplog.text + str(done))
    assert not is_canary(dump(postgres, warehouse_name))
    assert seen(warehouse) == {}
    assert warehouse.execute("SELECT FROM stewardship.erasure WHERE done_at IS NULL").rowcount == 0
    assert list(zone.keys("erasure/inventories/")) == list(zone.keys("erasure/requests/")) == []
    assert done["erase_tables"]["edx.event"] == 2
    after = everything(warehouse)
    theirs = {json.loads(one)["account_id"] for one in before["people.account"] if is_canary(one)}
    for table, lines in before.items():
        if not table.startswith(("ops.", "stewardship.")):
            others = {
                line
                for line in lines
                if not is_canary(line) and json.loads(line).get("account_id") not in theirs
            }
            assert others <= set(after[table]), table
            assert len(after[table]) <= len(lines), table
    assert rows(warehouse, "vocareum.grades", "userid, partnerid, graderid") == [
        ("902", None, "8"), ("903", "902", None)
    ]  # fmt: skip
    assert rows(warehouse, "echo360.qanda", "question_id, question, answer") == [
        ("q1", None, "that"), ("q2", "why?", None)
    ]  # fmt: skip
    assert rows(warehouse, "echo360.asset", "media_id, owner_name") == [
        ("m1", None),
        ("m2", "Ada B"),
    ]
    (report,) = [zone.get(k) for k in zone.keys("erasure/reports/") if k.endswith(".json")]
    assert not is_canary(report.decode())
    assert json.loads(report)["counts"]["edx.event"] == 2

    rows_of = {table: lines for table, lines in after.items() if not table.startswith("steward")}
    erase()
    again = everything(warehouse)
    assert {table: again[table] for table in rows_of} == rows_of, (
        "what is done again changes nothing"
    )


def test_no_way_back(warehouse: Connection) -> None:
    fill(warehouse)
    bring_up_to_date(warehouse)
    erase()
    erased = everything(warehouse)

    again = fill(warehouse, 2, reload=True)
    assert seen(warehouse) == {}
    assert {name: one.rows_erased for name, one in again.items()} == {
        "lab_sessions": 1, "enrollment": 1, "grades": 1, "videoview": 1, "qanda": 1, "asset": 0,
        "roster": 1, "event": 3,
    }  # fmt: skip
    for one in again.values():
        assert one.rows_read == (
            one.rows_merged + one.rows_duplicate + one.rows_erased + one.rows_rejected
        )
    bring_up_to_date(warehouse)
    assert seen(warehouse) == {}
    now = everything(warehouse)
    for table in ("vocareum.grades", "echo360.qanda", "people.roster", "activity.course_day"):
        assert without_place(now[table]) == without_place(erased[table]), table


QUOTED = "Canary.Bird%40example.org"
MENTIONS = [
    {"event_type": "/courses/a/b/c/instructor/api/students_update_enrollment", "event": json.dumps(
        {"POST": {"identifiers": ["ada@x.org,Canary.Bird@Example.org\ncanary", "bob"]}, "GET": {}}
    )},
    {"event_type": "/u/canary", "page": "https://edx/u/canary?x=1", "referer": "/u/canary/x"},
    {"event_type": "/user_api/v1/x", "referer": f"https://edx/?email={QUOTED}&next=/u/ada"},
    {"event_type": "problem_rescore", "event": {"student": "canary", "success": "correct"}},
    {"event_type": "edx.course.enrollment.activated", "event": {"user_id": 4711077, "mode": "x"}},
    {"event_type": "edx.forum.thread.viewed", "event": {"target_username": "canary", "n": 1.50}},
    {"event_type": "edx.forum.comment.created", "event": {"body": f"ask {CANARY[2]}, or ada"}},
    {"event_type": "edx.team.learner_added", "event": {"user_id": "4711077", "team_id": "t"}},
    {"event_type": "x.unknown", "event": '{"username": "canary", "rest": "cut of'},
    {"event_type": "x.unknown", "event": "username=canary&mode=audit"},
]  # fmt: skip
"""Of events of others, what mentions the canary."""
INNOCENT = [
    {"event_type": "/u/ada", "page": "https://edx/u/ada", "event": {"user_id": 4711078}},
    {"event_type": "edx.forum.thread.viewed", "event": {"target_username": "canar", "n": 1.50}},
    {"event_type": "problem_rescore", "event": {"student": "ada", "attempts": 4711079}},
]


def test_mentions_in_events_of_others_are_taken_out(warehouse: Connection) -> None:
    """Of what is there, and of what comes later, in the same way."""
    lines = [loading.line(n, **{"username": "ada", **m}) for n, m in enumerate(MENTIONS + INNOCENT)]
    fill(warehouse)
    loading.load(warehouse, b"\n".join(lines), "mentions.log")
    columns = "event_hash, session, event, event_type, page, event_text, referer"
    before = loading.rows(warehouse, columns)
    innocent = [row for row in before if row["event_type"] in ("/u/ada",)]
    erase()
    left = [row for row in everything(warehouse)["edx.event"] if is_canary(row)]
    assert (left, seen(warehouse)) == ([], {})
    after = loading.rows(warehouse, columns)
    assert {row["event_hash"] for row in after} <= {row["event_hash"] for row in before}
    for row in innocent:
        assert row.items() <= next(o for o in after if o["event_hash"] == row["event_hash"]).items()
    of = {row["session"]: row for row in after}
    assert of["0"]["event"]["POST"]["identifiers"] == ["ada@x.org,erased\nerased", "bob"]
    assert of["1"]["page"] == "https://edx/u/erased?x=1"
    assert of["3"]["event"] == {"student": "erased", "success": "correct"}
    assert of["4"]["event"] == {"user_id": None, "mode": "x"}
    assert of["6"]["event"] == {"body": "ask erased, or ada"}
    assert of["11"]["event"] == {"target_username": "canar", "n": 1.5}

    again = loading.load(warehouse, b"\n".join(lines), "mentions.log", reload=True)
    assert again.rows_merged == len(lines)
    assert seen(warehouse) == {}
    assert loading.rows(warehouse, columns) == after


def test_the_landing_zone_is_written_again_without_them(
    warehouse: Connection, connections: dict[str, Any], sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Plain and packed files and logs, with the versions that a bucket keeps; and a rebuilding."""
    client = sandbox.client()
    bucket = f"landing-{secrets.token_hex(4)}"
    client.create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    fields = {**connections["landing_zone"]}
    extra = {**fields["extra"], "service_config": {"s3": {"bucket_name": bucket}}}
    monkeypatch.setenv("AIRFLOW_CONN_LANDING_ZONE", json.dumps({**fields, "extra": extra}))
    zone = LandingZone()
    loading.load(warehouse, b"\n".join(EVENTS), "log in edx's bucket")
    files = {
        "vocareum.grades": FILES["grades"].encode(),
        "people.roster": FILES["roster"].format(mail=CANARY[2]).encode(),
        "echo360.videoview": gzip.compress(
            FILES["videoview"].format(mail=CANARY[2], echo=CANARY[3]).encode()
        ),
        "edx.event": gzip.compress(b"\n".join(EVENTS)),
    }
    for table, content in files.items():
        zone.put(f"landed/{table}", b"an older version of canary")
        uri, size = zone.put_stream(f"landed/{table}", io.BytesIO(content))
        is_report = table.startswith("echo360")
        delivery = ledger.deliver(
            warehouse, dataset=table, origin="UniversityA" if table == "edx.event" else "here",
            name=table, version=f"{size}-0-{probe(content[:PROBE], content[-PROBE:])}",
            made_at=datetime(2026, 1, 6, tzinfo=UTC), uri=uri, size=size,
            first_day=DAY[0] if is_report else None, end_day=DAY[1] if is_report else None,
            details={"assets": [uri]} if is_report else {"landed": True},
        )  # fmt: skip
        delivery_notes.write(zone, vars(delivery))
    rebuild = ("vocareum.grades", "people.roster", "echo360.videoview", "edx.event")
    run_dag("warehouse_rebuild", *rebuild, datasets=[*files])
    assert seen(warehouse).keys() >= files.keys()

    erase()
    assert seen(warehouse) == {}
    left = {}
    for one in client.list_object_versions(Bucket=bucket)["Versions"]:
        there = client.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
        left[one["Key"]] = there["Body"].read()
    for name, content in left.items():
        text = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        assert not is_canary(text.decode()), name
    assert left["landed/people.roster"] == (
        b"institution_id,email,name,edx_username,vocareum_user_id\nS-2,ada@example.org,Ada,ada,902\n"
    )
    assert left["landed/vocareum.grades"] == (
        b"courseid,userid,partnerid,partid,graderid,partscore\nC1,902,,P1,8,2\nC1,903,902,P1,,3\n"
    )
    assert gzip.decompress(left["landed/edx.event"]) == EVENTS[0] + b"\n" + EVENTS[4]
    assert b"log in edx's bucket" in left["erasure/reports/edx_logs.csv"]

    for table in files:
        warehouse.execute(f"DELETE FROM {table}".encode())
    warehouse.execute("TRUNCATE ops.delivery, ops.current_part, stewardship.erasure CASCADE")
    run_dag("warehouse_rebuild", *rebuild, datasets=[*files])
    assert seen(warehouse) == {}
    assert [len(rows(warehouse, table)) for table in files] == [2, 1, 1, 1]
    known = warehouse.execute("SELECT FROM stewardship.tombstone").rowcount
    assert known > 5, "a warehouse from nothing has the tombstones"


def test_an_erasure_that_is_killed_goes_on(
    warehouse: Connection, postgres: EmbeddedPostgres, warehouse_name: str
) -> None:
    """Its session is ended while it waits, with some tables done and others not."""
    fill(warehouse)
    bring_up_to_date(warehouse)
    ask()
    waiting = """
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    with (
        ThreadPoolExecutor() as pool,
        closing(open_database(postgres, warehouse_name)) as rival,
        rival.transaction(),
    ):
        lock_dataset(rival, "people")
        killed = pool.submit(run_dag, "warehouse_erasure", *STEPS, **FORM)
        while not (found := warehouse.execute(waiting).fetchone()):
            assert not killed.done()
        warehouse.execute("SELECT pg_terminate_backend(%s)", [found["pid"]])
        with pytest.raises(OperationalError):
            killed.result()
    left = seen(warehouse).keys()
    assert {"people.account"} <= left
    assert not {"edx.event", "vocareum.grades"} & left
    done = run_dag("warehouse_erasure", *STEPS, **FORM)
    assert len(done["record"]) == 1, "it is open still"
    assert seen(warehouse) == {}


def test_a_file_that_cannot_be_read_stops_no_other(
    warehouse: Connection, connections: dict[str, Any]
) -> None:
    """One that is damaged, one without a header, one whose headers mean one column twice."""
    zone = LandingZone()
    others = b"C1,9020,,P1,8,2\n"
    canary = b"C1,9010,,P1,8,2\n"
    files = {
        "damaged": b"\x1f\x8b no gzip",
        "no header": canary + others,
        "twice": b"courseid,userid,user id,partid,graderid,partscore\n" + canary + others,
    }
    for name, content in files.items():
        uri, size = zone.put_stream(f"landed/{name}", io.BytesIO(content))
        ledger.deliver(
            warehouse, dataset="vocareum.grades", origin="here", name=name, version="1",
            made_at=datetime(2026, 1, 6, tzinfo=UTC), uri=uri, size=size,
        )  # fmt: skip
    ask("vocareum_user_id\n9010\n")
    with pytest.raises(PermanentFailure, match="damaged"):
        run_dag("warehouse_erasure", *STEPS, **FORM)
    assert zone.get("landed/damaged") == files["damaged"]
    assert zone.get("landed/no header") == others
    assert zone.get("landed/twice") == files["twice"].replace(canary, b"")


def test_what_waited_does_not_bring_them_back(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that were rejected, a delivery that was held, one that is undone, an old backup."""
    ahead = {"username": "canary", "time": "2100-01-01T00:00:00Z", "context": {"user_id": 4711077}}
    content = loading.line(1) + b"\n" + loading.line(2, **ahead)
    first = loading.load(warehouse, content)
    fill(warehouse)
    bring_up_to_date(warehouse)
    erase()
    assert warehouse.execute("SELECT FROM ops.rejected_row WHERE raw ~ 'canary'").rowcount == 0

    loading.load(warehouse, content, "again.log")
    line = {"delivery": first.delivery_id, "raw": content.splitlines()[1].decode()}
    warehouse.execute("INSERT INTO ops.rejected_row VALUES (%(delivery)s, 2, 2, %(raw)s, '')", line)
    warehouse.execute(
        "UPDATE ops.delivery SET rows_rejected = 1, rows_erased = 0 "
        "WHERE delivery_id = %(delivery)s", line,
    )  # fmt: skip
    monkeypatch.setattr(events, "AHEAD", timedelta(days=365 * 100))
    again = loading.replayed(warehouse, first.delivery_id)
    assert (again.rows_merged, again.rows_erased) == (0, 1)
    assert seen(warehouse) == {}

    dataset = datasets()["enrollment"]
    short = FILES["enrollment"].format(mail=CANARY[2])
    long = short + "".join(f"{n},C1,student,N,n{n}@example.org\n" for n in range(10, 20))
    load(warehouse, dataset, long.encode(), 3, name="other")
    with pytest.raises(PermanentFailure, match="from 11 to 1 rows"):
        load(warehouse, dataset, short.encode(), 4, name="other")
    accepted = load(warehouse, dataset, short.encode(), 4, name="other", accept_shrink=True)
    assert (accepted.rows_merged, accepted.rows_erased) == (1, 1)
    back = warehouse.execute("SELECT * FROM ops.undo(%s)", [accepted.delivery_id]).fetchall()
    assert [one["version"] for one in back] == ["3"]
    restored = load(warehouse, dataset, long.encode(), 3, name="other")
    assert (restored.rows_merged, restored.rows_erased) == (11, 1)
    assert seen(warehouse) == {}

    # As an old backup has it: rows without tombstones.
    warehouse.execute("DELETE FROM stewardship.erasure")
    fill(warehouse, 5, reload=True)
    assert seen(warehouse)
    grow_late()
    with pytest.raises(PermanentFailure, match="1 erasures are not done"):
        run_dag("warehouse_housekeeping", "erasures")
    done = run_dag("warehouse_erasure", *STEPS, **FORM)
    assert len(done["record"]) == 1
    assert seen(warehouse) == {}


def grow_late() -> None:
    """Let the erasures have been due a long time ago."""
    zone = LandingZone()
    for key in list(zone.keys("erasure/tombstones/")):
        note = json.loads(zone.get(key))
        zone.put(key, json.dumps({**note, "due_at": "2026-01-01T00:00:00+00:00"}).encode())


def test_requests_that_cannot_be_meant_are_refused_in_one_sentence(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(warehouse)
    for content, says in (
        ("shoe size\n41\n", r"column 1"),
        ("name\nCanary\n", r"does not say what identifies people"),
        ("email,name\n,Canary\n", r"Line 2 of .* names nobody"),
    ):
        with pytest.raises(PermanentFailure, match=says):
            run_dag("warehouse_erasure", "record", **{**ask(content), "dry_run": False})
    bring_up_to_date(warehouse)
    nobody = {**ask(), "people": ["00000000-0000-4000-8000-000000000000"]}
    with pytest.raises(PermanentFailure, match=r"in no row of people\.link"):
        run_dag("warehouse_erasure", "record", **nobody)
    somebody = rows(
        warehouse, "people.link INNER JOIN people.account USING (account_id)", "person_id, value"
    )
    LandingZone().remove(f"{LandingZone().url}erasure/requests/request.csv")
    people = [str(person) for person, value in somebody if value == "canary"]
    run_dag("warehouse_erasure", "record", **{**FORM, "dry_run": True, "people": people})
    assert len(list(LandingZone().keys("erasure/inventories/"))) > 5
    partner = (
        "user_id,original_username,original_email,original_name,deletion_completed\n"
        f"4711077,canary,{CANARY[2]},Canary Bird,2026-01-01\n"
    )
    erase(partner)
    assert "edx.event" not in seen(warehouse)
    monkeypatch.setenv("AIRFLOW_CONN_STEWARDSHIP_KEY", json.dumps({"conn_type": "generic"}))
    with pytest.raises(PermanentFailure, match=r"no key .*'stewardship_key'"):
        fill(warehouse, 2)
    other = {"conn_type": "generic", "password": "another key of thirty-two characters"}
    monkeypatch.setenv("AIRFLOW_CONN_STEWARDSHIP_KEY", json.dumps(other))
    with pytest.raises(PermanentFailure, match="is not the one with which people were erased"):
        fill(warehouse, 2)
    with pytest.raises(PermanentFailure, match="is not the one with which people were erased"):
        erase()


def without_place(lines: list[str]) -> list[dict[str, Any]]:
    """Rows without the delivery that brought them."""
    return [{**json.loads(line), "_delivery": None} for line in lines]
