"""Who is who: by the roster, by e-mail address, and never by guessing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from learning_warehouse.people.accounts import enter_accounts, match
from learning_warehouse.people.lists import REGISTRY
from tests.edx import loading as edx
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VIDEOVIEW, load, rows

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

ROSTER = REGISTRY[0].dataset
DAY = (date(2026, 1, 5), date(2026, 1, 6))
ALONE = "alone"


def labs(conn: Connection, *people: tuple[str, str], version: int = 1) -> None:
    """Lab sessions of these user ids with these addresses."""
    lines = [f"{user},{email},2026-01-05 09:00:00\n" for user, email in people]
    content = "User ID,User Email,Launch Time\n" + "".join(lines)
    load(conn, LAB_SESSIONS, content.encode(), version, days=DAY, accept_shrink=True)


def views(conn: Connection, *people: tuple[str, str], version: int = 1) -> None:
    """Video views of these user ids with these addresses."""
    lines = [f"{user},{email},2026-01-05 10:00:00\n" for user, email in people]
    content = "userid,email,event_timestamp\n" + "".join(lines)
    load(conn, VIDEOVIEW, content.encode(), version, days=DAY, accept_shrink=True)


def events(conn: Connection, *names: str | None, user_id: int | None = None) -> None:
    """Events of these users."""
    lines = [
        edx.line(n, username=name, time="2026-01-05T10:00:00Z", context={"user_id": user_id})
        for n, name in enumerate(names)
    ]
    edx.load(conn, b"\n".join(lines), f"{names}{user_id}.log")


def roster(conn: Connection, header: str, *lines: str, version: int = 1) -> None:
    """A version of the roster."""
    content = "\n".join([header, *lines, ""]).encode()
    load(conn, ROSTER, content, version, name="roster/all.csv", accept_shrink=True)


def people(conn: Connection) -> set[tuple[frozenset[str], frozenset[str]]]:
    """Enter and match: of each person the accounts, and what matched them."""
    enter_accounts(conn)
    match(conn)
    found = conn.execute(
        "SELECT array_agg(a.value) AS accounts, array_agg(l.evidence) AS evidence "
        "FROM people.account AS a INNER JOIN people.link AS l USING (account_id) "
        "GROUP BY l.person_id"
    )
    return {(frozenset(row["accounts"]), frozenset(row["evidence"])) for row in found}


def person(*accounts: str, by: str) -> tuple[frozenset[str], frozenset[str]]:
    """A person with these accounts."""
    return frozenset(accounts), frozenset(by.split())


def ids(conn: Connection) -> dict[str, Any]:
    """The person of each account."""
    linked = "people.account INNER JOIN people.link USING (account_id)"
    return dict(rows(conn, linked, "value, person_id"))


def conflicts(conn: Connection) -> list[tuple[str, str]]:
    """What was ambiguous."""
    return [(reason, value) for reason, value in rows(conn, "people.conflict", "reason, value")]


def test_an_address_matches_where_it_is_one_person_s(warehouse: Connection) -> None:
    labs(
        warehouse,
        ("1", "Ada@uni.example "),
        ("1731xxx", "ada@UNI.example"),
        ("2", "shared@uni.example"),
        ("3", ""),
        ("4", ""),
    )
    views(
        warehouse,
        ("e-ada", "ada@uni.example"),
        ("e-bo", "shared@uni.example"),
        ("e-cy", "shared@uni.example"),
        ("", "guest@uni.example"),
    )
    assert people(warehouse) == {
        person("1", "ada@uni.example", "e-ada", by="email"),
        *(person(value, by=ALONE) for value in ("2", "3", "4", "e-bo", "e-cy")),
        person("guest@uni.example", by=ALONE),
    }, "empty addresses are nobody's in common"
    assert conflicts(warehouse) == [("shared address", "shared@uni.example")]
    before = ids(warehouse)
    assert people(warehouse)
    assert ids(warehouse) == before, "a person's id does not change"


def test_the_roster_joins_all_three_sources_and_can_be_taken_back(warehouse: Connection) -> None:
    labs(warehouse, ("1", "ada@old.example"), ("2", "bo@uni.example"))
    views(warehouse, ("E-ADA", "ada@new.example"), ("e-bo", "bo@uni.example"))
    events(warehouse, "Ada", "bo", "", user_id=7)
    alone = people(warehouse)
    assert person("7", by=ALONE) in alone, "an event without a name, of a user who is known by id"
    assert person("bo", by=ALONE) in alone, "a tracking log tells no address"
    before = ids(warehouse)
    header = "Student ID,email,other emails,edx_username,vocareum_user_id,note"
    ada = "s1,ada@new.example,ada@old.example; a@x.example,ADA,,first"
    roster(warehouse, header, ada, "s2,,,bo,2,")
    assert people(warehouse) == {
        person("1", "E-ADA", "Ada", by="roster email"),
        person("2", "e-bo", "bo", by="roster email"),
        person("7", by=ALONE),
    }
    assert ids(warehouse)["Ada"] == before["1"], "that of the smallest account"
    merged = rows(warehouse, "people.merged", "from_person_id, into_person_id")
    assert (before["Ada"], before["1"]) in merged
    assert len(merged) == 4
    roster(warehouse, header, version=2)
    people(warehouse)
    assert ids(warehouse)["Ada"] == before["Ada"], "it is its own person again"


def test_what_is_ambiguous_is_listed_and_not_used(warehouse: Connection) -> None:
    labs(warehouse, ("1", "a@uni.example"), ("2", "b@uni.example"))
    views(
        warehouse,
        ("e1", "a@uni.example"),
        ("e2", "b@uni.example"),
        ("e3", "c@uni.example"),
    )
    events(warehouse, "twice")
    views(warehouse, ("e1", "x@uni.example"), ("e3", "c@uni.example"), version=2)
    header = "institution_id,email,edx_username,vocareum_user_id,echo360_user_id"
    roster(
        warehouse,
        header,
        "p1,,twice,1,",
        "p2,,twice,,e1",
        "p3,c@uni.example,,,",
        "p4,c@uni.example,,,",
        "p5,b@uni.example,,,",
    )
    enter_accounts(warehouse)
    assert people(warehouse) == {
        person("1", by="roster"),
        person("e1", by="roster"),
        person("2", by="email"),
        person("e3", by=ALONE),
        person("twice", by=ALONE),
    }
    assert conflicts(warehouse) == [
        ("account claimed twice", "edx username twice"),
        ("shared address", "c@uni.example"),
    ]


def test_addresses_that_lead_to_two_people_of_the_roster_fuse_nobody(
    warehouse: Connection,
) -> None:
    labs(warehouse, ("1", "a@uni.example"))
    views(warehouse, ("e1", "a@uni.example"))
    enter_accounts(warehouse)
    labs(warehouse, ("1", "b@uni.example"), version=2)
    views(warehouse, ("e2", "b@uni.example"), version=2)
    roster(warehouse, "institution_id,echo360_user_id", "p1,e1", "p2,e2")
    assert people(warehouse) == {
        person("1", by=ALONE),
        person("e1", by="roster"),
        person("e2", by="roster"),
    }
    assert conflicts(warehouse) == [
        ("people disagree", "a@uni.example"),
        ("people disagree", "b@uni.example"),
    ]


def test_accounts_have_the_days_of_their_rows(warehouse: Connection) -> None:
    events(warehouse, "ada")
    late = edx.line(9, username="ada", time="2026-01-02T23:59:59Z")
    people(warehouse)
    edx.load(warehouse, late, "late.log")
    load(warehouse, ENROLLMENT, b"userid,courseid,email\n9,2,z@uni.example\n")
    people(warehouse)
    assert rows(warehouse, "people.account", "value, first_seen, last_seen") == [
        ("9", None, None),
        ("ada", date(2026, 1, 2), date(2026, 1, 5)),
    ]
    assert rows(warehouse, "ops.changed_day") == []
    left = rows(warehouse, "ops.to_refresh", "what")
    assert not [what for (what,) in left if what.startswith("people.account")]
    known = rows(warehouse, "pg_class WHERE oid = 'people.account'::regclass", "reltuples::int")
    assert known == [(2,)], "the planner knows how many there are"


def test_an_export_of_auth_user_is_a_roster_without_its_passwords(warehouse: Connection) -> None:
    events(warehouse, "ada")
    views(warehouse, ("e1", "ada@uni.example"))
    header = "id\tusername\tfirst_name\tlast_name\temail\tpassword\tis_staff"
    roster(warehouse, header, "7\tAda\tAda\tAbel\tada@uni.example\tpbkdf2_sha256$1$hash\t0")
    assert people(warehouse) == {person("ada", "e1", by="roster email")}
    ((said,),) = rows(warehouse, "people.roster", "to_jsonb(roster)::text")
    assert "Abel" in said
    assert "hash" not in said
