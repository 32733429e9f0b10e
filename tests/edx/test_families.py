"""What holds for every view of events: no value breaks it, no kind lacks one, the index serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.edx.loading import line, load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

RESPONSE = "i4x-MITx-6_00x-problem-L15_2_1"
REQUEST = "/courses/MITx/6.00x/2012_Fall/xblock/i4x:;_;_MITx;_6.00x;_problem;_L15/handler/x/y"
RAW = "raw number "
"""What begins so is written into the lines as a number, which Python could not write."""

DEEP = 20_000
"""Deeper than PostgreSQL can parse with its default max_stack_depth."""

LONG = 2000
"""Values beyond that many characters are tried in one place at a time."""

HOSTILE: dict[str, list[Any]] = {
    "null": [None],
    "boolean": [True, False],
    "number": [
        *(0, -1, 1.5, -0.0, 1e308, 2**31, 2**63, 10**40, 10**400),
        *(float("nan"), float("inf"), float("-inf")),
        *(f"{RAW}{number}" for number in ("1e9999", "-1e-9999", "1e99999999", "1E+400", "7.0e2")),
    ],
    "string": [
        *("", " ", "x", "NaN", "nan", "-Infinity", "infinity", "1e99999", "1e400", "12.0", " 7 "),
        *("1_000", "0x1F", "0b1", "+5", "١٢", "2147483648", "9223372036854775808", "9" * 5000),
        *("true", "maybe", "null", "now", "{", "[1", '"', '{"a": NaN}', '{"seed": 1e99999}'),
        *("a=b&a=c&=d&%ff=%00", "%", "&&&", "=", "\\", "\\u0000", "'", "$1", "line\nline\r\t"),
        *("\x00", "a\x00b", "\ud800", "\udc00\ud800", "\ufffe", "𝄞", "\x7f\x1b"),
        *("[" * DEEP, "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP),
        *('"' + '\\"' * 500 + '"', json.dumps(json.dumps(json.dumps({"seed": [1]})))),
    ],
    "list": [
        *([], [None], [[]], [{}], [1, [2, [3, [4]]]], [True, "x", None, {"": [""]}]),
        ["[", "\x00", float("nan"), 10**40],
        json.loads("[" * 400 + "]" * 400),
    ],
    "object": [
        *(
            {},
            {"": ""},
            {"": None},
            {" ": {"": {}}},
            {"[]": ["[]"]},
            {"input_": "", "input_[]": []},
        ),
        *(
            {"a\x00b": 1},
            {"\ud800": 1},
            {"input_x": 1, "input_x[]": [2]},
            {"'": '"', "%s": "%(a)s"},
        ),
        *({"key": [1], "time": {}}, {"seed": {}, "done": [], "student_answers": 1}),
        {"k" * 5000: "v"},
        json.loads('{"a":' * 400 + "1" + "}" * 400),
    ],
}


@pytest.fixture
def views(warehouse: Connection) -> dict[str, str]:
    """The views over the events, and how they are defined."""
    rows = warehouse.execute(
        """
        SELECT c.relname, pg_get_viewdef(c.oid) AS definition
        FROM pg_class AS c
        WHERE c.relnamespace = 'edx'::regnamespace AND c.relkind = 'v'
        """
    )
    return {row["relname"]: row["definition"] for row in rows}


def fields_by_kind(conn: Connection, views: dict[str, str]) -> dict[str, set[str]]:
    """The keys that its views read, at any depth, of one event kind for each set of views."""
    aliases = conn.execute("SELECT DISTINCT event_kind FROM edx.event_alias").fetchall()
    kinds = [alias["event_kind"] for alias in aliases]
    read: dict[frozenset[str], tuple[str, set[str]]] = {}
    for kind in (*kinds, "implicit"):
        showing = {view for view, definition in views.items() if f"'{kind}'" in definition}
        if "problem_attempt" in showing:
            showing.add("problem_response")
        keys = {key for view in showing for key in re.findall(r"->>? '([^']+)'", views[view])}
        read[frozenset(showing)] = kind, keys
    return dict(read.values())


def spellings(conn: Connection) -> dict[str, tuple[str, str]]:
    """Of each event kind, an event source and a spelling."""
    aliases = conn.execute("SELECT * FROM edx.event_alias").fetchall()
    known = {a["event_kind"]: (a["event_source"] or "browser", a["event_type"]) for a in aliases}
    return {**known, "implicit": ("server", REQUEST)}


def events(odd: Any, fields: set[str]) -> Iterator[Any]:
    """Events with an odd value in every place that a view may look at."""
    flat = dict.fromkeys(fields, odd)
    if len(json.dumps(odd)) > LONG:
        yield flat
        return
    maps = [flat, {RESPONSE: odd, "": odd}, {RESPONSE: flat, "": odd}]
    maps.append({RESPONSE: {"queuestate": flat}})
    inputs = {"input_x": odd, "input_x[]": [odd, odd], "input_": odd, "[]": odd, "": odd}
    for event in (odd, [odd, odd], [[odd], {"": odd}], inputs, flat):
        yield event
        yield json.dumps(event)
    yield json.dumps(json.dumps(flat))
    for inner in maps:
        yield dict.fromkeys(fields, inner)
        yield dict.fromkeys(fields, json.dumps(inner))


def raw_numbers(content: bytes) -> bytes:
    """A line with the raw numbers in it."""
    return re.sub(rb'(?:\\*")%b([^"\\]+)(?:\\*")' % RAW.encode(), rb"\1", content)


def hostile_lines(odds: list[Any], conn: Connection, views: dict[str, str]) -> Iterator[bytes]:
    """Lines with odd values in every field of every view, each of a time of its own."""
    moment = datetime(2013, 6, 20, tzinfo=UTC)
    known = spellings(conn)
    for kind, fields in fields_by_kind(conn, views).items():
        source, event_type = known[kind]
        for odd in odds:
            contexts = (odd, {"module": odd}, {"module": {"display_name": odd, "usage_key": odd}})
            for number, event in enumerate(events(odd, fields)):
                moment += timedelta(milliseconds=900)
                yield raw_numbers(
                    line(
                        event_type=event_type,
                        event_source=source,
                        event=event,
                        context=contexts[number % 3],
                        time=moment.isoformat(),
                    )
                )


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_value_makes_a_view_fail(
    warehouse: Connection, views: dict[str, str], kind: str
) -> None:
    lines = list(hostile_lines(HOSTILE[kind], warehouse, views))
    merged = load(warehouse, b"\n".join(lines))
    assert merged.rows_merged == len(lines)
    warehouse.execute("ANALYZE edx.event")
    for view in views:
        query = f"SELECT count(v::text) AS rows, sum(length(v::text)) AS size FROM edx.{view} AS v"
        (read,) = warehouse.execute(query).fetchall()  # type: ignore[arg-type]
        assert read["rows"], view


# --- kinds ----------------------------------------------------------------------------------------


def test_every_spelling_is_in_a_view(warehouse: Connection, views: dict[str, str]) -> None:
    aliases = warehouse.execute("SELECT * FROM edx.event_alias").fetchall()
    for number, alias in enumerate(aliases):
        alias["session"] = f"session {number}"
    lines = [
        line(
            session=alias["session"],
            event_type=alias["event_type"],
            event_source=alias["event_source"] or "browser",
            event={"input_x": "y"},
        )
        for alias in aliases
    ]
    load(warehouse, b"\n".join([*lines, line(event_type="/", session="request")]))
    shown = {
        row["session"]
        for view in views
        if view != "problem_response"
        for row in warehouse.execute(f"SELECT session FROM edx.{view}").fetchall()  # type: ignore[arg-type]
    }
    assert shown == {*(alias["session"] for alias in aliases), "request"}


# --- the planner ----------------------------------------------------------------------------------

FILL = """
INSERT INTO edx.event (
    time, event_hash, username, course_id, event_type, event_kind, event_status, event,
    _origin, _delivery, _row
)
SELECT
    '2013-05-01T00:00:00Z'::timestamptz + number * interval '2 minutes',
    md5(number::text)::uuid,
    'ada',
    'course ' || number / 7 % 5,
    k.event_kind,
    k.event_kind,
    'object',
    '{"problem_id": "p", "answers": {"r": 1}}',
    'UniversityA',
    1,
    number
FROM generate_series(0, 60000) AS number
INNER JOIN (
    SELECT
        event_kind,
        row_number() OVER (ORDER BY event_kind) - 1 AS place,
        count(*) OVER () AS places
    FROM (SELECT DISTINCT event_kind FROM edx.event_alias UNION ALL SELECT 'implicit') AS a
) AS k ON number % k.places = k.place
"""
FILL_JUNE = """
INSERT INTO edx.event (
    time, event_hash, username, course_id, event_type, event_kind, event_status, event,
    _origin, _delivery, _row
)
SELECT
    '2013-06-01T00:00:00Z'::timestamptz + number * interval '1 minute',
    md5(number::text)::uuid,
    'user ' || number % 1000,
    'course 3',
    k.event_kind,
    k.event_kind,
    'object',
    '{"problem_id": "p"}',
    'UniversityA',
    1,
    number
FROM generate_series(0, 40000) AS number
CROSS JOIN LATERAL (
    SELECT (ARRAY['play_video', 'problem_check', 'implicit'])[number / 1000 % 3 + 1] AS event_kind
) AS k
"""
USER_INDEX = "username_time"
KIND_INDEX = "event_kind_course_id_time"
WEEK = "course_id = 'course 3' AND time >= '2013-06-10T00:00:00Z' AND time < '2013-06-17T00:00:00Z'"


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The nodes of a plan that were carried out."""
    if plan["Actual Loops"]:
        yield plan
        for below in plan.get("Plans", []):
            yield from nodes(below)


def test_a_week_of_a_course_is_found_by_the_index(
    warehouse: Connection, views: dict[str, str]
) -> None:
    months = [
        line(time=f"2013-{month}-01T00:00:00", event_type="x") for month in ("05", "06", "07")
    ]
    load(warehouse, b"\n".join(months))
    warehouse.execute(FILL)
    warehouse.execute("ANALYZE edx.event")
    for view in views:
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM edx.{view} WHERE {WEEK}"
        (row,) = warehouse.execute(explain).fetchall()  # type: ignore[arg-type]
        done = list(nodes(row["QUERY PLAN"][0]["Plan"]))
        assert {n["Relation Name"] for n in done if "Relation Name" in n} == {"event_2013_06"}, view
        if view == "implicit_request":
            continue
        assert not [n for n in done if n["Node Type"] == "Seq Scan"], view
        conditions = [n["Index Cond"] for n in done if KIND_INDEX in n.get("Index Name", "")]
        assert any(
            all(name in condition for name in ("event_kind", "course_id", '"time"'))
            for condition in conditions
        ), view


@pytest.mark.parametrize(
    "relation", ["video_interaction", "problem_attempt", "event AS e"], ids=lambda name: name[:5]
)
def test_a_week_of_a_user_is_found_by_the_index(warehouse: Connection, relation: str) -> None:
    load(warehouse, line(time="2013-06-01T00:00:00", event_type="x"))
    warehouse.execute(FILL_JUNE)
    warehouse.execute("ANALYZE edx.event")
    explain = f"""
        EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM edx.{relation}
        WHERE username = 'user 7'
            AND time >= '2013-06-10T00:00:00Z' AND time < '2013-06-17T00:00:00Z'
            {"AND event_kind <> 'implicit'" if relation == "event AS e" else ""}
    """
    (row,) = warehouse.execute(explain).fetchall()  # type: ignore[arg-type]
    done = list(nodes(row["QUERY PLAN"][0]["Plan"]))
    assert not [n for n in done if n["Node Type"] == "Seq Scan"]
    conditions = [n["Index Cond"] for n in done if USER_INDEX in n.get("Index Name", "")]
    assert any("user 7" in condition and '"time"' in condition for condition in conditions)
