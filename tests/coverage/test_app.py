"""The page as Airflow's API server answers it: who gets it, what it says, what it never does."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import requests

from learning_warehouse.steps.links import FRAMED
from tests.api_server import Server
from tests.coverage.known import HOST, ORG, RUN, RUN_ID, UNREADABLE
from tests.tags import Tags

PAGE = "/learning_warehouse/coverage/"


def day(before: int) -> str:
    """So many days before yesterday."""
    return str(datetime.now(UTC).date() - timedelta(days=1 + before))


def page(server: Server, user: str = "admin", **query: Any) -> str:
    """The page, for somebody who may read it."""
    answer = server.session(user).get(f"{server.url}{PAGE}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("path", ["", "page.css", "coverage.js", "icon.svg", "openapi.json"])
def test_nobody_gets_anything_without_a_login(server: Server, path: str) -> None:
    answer = requests.get(f"{server.url}{PAGE}{path}", timeout=60)
    assert answer.status_code in (401, 404)
    assert "videoview" not in answer.text


def test_an_anonymous_visitor_is_told_to_log_in(server: Server) -> None:
    answer = requests.get(f"{server.url}{PAGE}", timeout=60)
    assert answer.status_code == 401
    assert "log in to Airflow" in answer.text


@pytest.mark.parametrize("query", [{}, {"dag_id": "echo360_reports"}])
def test_who_may_not_read_dags_is_refused(server: Server, query: dict[str, str]) -> None:
    answer = server.session("nobody").get(f"{server.url}{PAGE}", params=query, timeout=60)
    assert answer.status_code == 403
    assert "videoview" not in answer.text


def test_the_cookie_of_the_ui_is_a_login(server: Server) -> None:
    session = server.session()
    del session.headers["Authorization"]
    assert session.get(f"{server.url}{PAGE}", timeout=60).status_code == 200


def test_the_page_is_well_formed_and_its_tables_have_headers(server: Server) -> None:
    tags = Tags(page(server))
    assert tags.open == []
    scopes = [attrs.get("scope") for tag, attrs in tags.found if tag == "th"]
    assert set(scopes) == {"col", "colgroup", "row", "rowgroup"}
    captions = [tag for tag, _ in tags.found if tag == "caption"]
    assert len(captions) == len([tag for tag, _ in tags.found if tag == "table"]) == 4
    ids = [attrs["id"] for _, attrs in tags.found if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_nothing_comes_from_elsewhere(server: Server) -> None:
    answer = server.session().get(f"{server.url}{PAGE}", timeout=60)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert not re.findall(r"""(?:src|href)="(?:https?:)?//""", answer.text)
    assert " style=" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_a_vendor_sent_is_text(server: Server) -> None:
    query = {"dataset": "echo360.viewsessions", "origin": HOST, "day": day(20)}
    text = page(server, **query, rejected="show")
    assert "&lt;script&gt;alert(2)" in text
    tags = Tags(text)
    assert {"img", "b", "u"}.isdisjoint(tag for tag, _ in tags.found)
    scripts = [attrs.get("src") for tag, attrs in tags.found if tag == "script"]
    assert scripts == ["page.js", "coverage.js"]


def test_a_cell_says_what_is_the_matter_and_how_to_load_it(server: Server) -> None:
    text = page(server, dataset="echo360.videoview", origin=HOST, day=day(10))
    assert f"videoview, {day(10)}: gap" in text
    assert "airflow dags trigger echo360_reports --conf" in text
    assert f"&#34;first_day&#34;: &#34;{day(10)}&#34;" in text
    assert 'href="../../dags/echo360_reports"' in text
    assert text.count('aria-current="true"') == 1


@pytest.mark.parametrize(
    ("table", "before", "sentence"),
    [
        ("echo360.videoview", 0, "has not completed the day yet"),
        ("echo360.videoview", 5, "no later one was requested"),
        (
            "echo360.viewsessions",
            20,
            "3 of 1\N{NARROW NO-BREAK SPACE}000 rows that were read (0.3 %)",
        ),
        ("echo360.viewsessions", 20, "would reject the same rows"),
        ("vocareum.azure_cost", 3, "provisional, many rejects"),
        ("vocareum.aws_cost", 21, "cost.csv cannot be read &lt;i&gt;: ask Vocareum for it"),
        ("vocareum.aws_cost", 21, "2 failed tries"),
        ("vocareum.course_mapping", -1, "loaded"),
        ("echo360.videoview", -1, "The day is not over (UTC)"),
        ("echo360.asset", 25, "a past day cannot be loaded any more"),
        ("echo360.presentation", 30, "it would shrink &lt;i&gt;"),
        ("echo360.polling", 4, "not between days that were loaded"),
        ("vocareum.aws_cost", 2, "may still rewrite the file"),
        ("vocareum.grades", 4, "1 delivery has landed and is not merged"),
        ("vocareum.aws_cost", 0, "1 delivery has landed and is not merged"),
        ("echo360.notes", 43, "a newer version came, and is not loaded"),
        ("echo360.notes", 43, "no try has failed yet"),
        ("vocareum.enrollment", 3, "No new version of this day"),
        ("edx.event", 16, "replay_rejects"),
    ],
)
def test_each_state_is_explained(server: Server, table: str, before: int, sentence: str) -> None:
    origins = {"echo360": HOST, "vocareum": "org20150", "edx": "UniversityA"}
    origin = origins[table.split(".")[0]]
    assert sentence in page(server, dataset=table, origin=origin, day=day(before))


def test_lines_of_the_ledger(server: Server) -> None:
    with psycopg.connect(server.warehouse_url()) as conn:
        query = "SELECT delivery_id FROM ops.delivery WHERE name = ANY(%s) ORDER BY name"
        names = [f"presentation {day(30)}", f"viewsessions {day(20)}/{day(19)}"]
        (held,), (flawed,) = conn.execute(query, (names,)).fetchall()
    text = page(server, delivery=[held, flawed, 10**17, "1e9", "--"])
    assert Tags(text).open == []
    assert f"Line {held} of ops.delivery: echo360.presentation of {HOST}, {day(30)}" in text
    assert "it would shrink &lt;i&gt;" in text
    assert "997 merged" in text
    assert "3 rejected" in text
    assert "s3://landing/file" in text
    assert f"day={day(20)}&amp;days=90#cell" in text
    run = f"../../dags/echo360_reports/runs/{quote(RUN_ID, safe='')}"
    assert f'href="{run}/tasks/viewsessions.load"' in text


@pytest.mark.parametrize("query", [{"delivery": "0"}, {"run": "nobody's", "report": "videoview"}])
def test_what_is_asked_for_and_not_there(server: Server, query: dict[str, str]) -> None:
    text = page(server, **query)
    assert "or they are of a source that you may not see" in text
    assert Tags(text).open == []


def test_the_requests_of_a_run(server: Server) -> None:
    text = page(server, run=RUN, report="videoview")
    assert Tags(text).open == []
    assert "Requests for videoview" in text
    assert f"{day(13)} to {day(7)}" in text
    assert "request Available" in text
    assert "Failed" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    "query",
    [
        {"dataset": "echo360.videoview", "origin": HOST, "day": "yesterday"},
        {"dataset": "echo360.videoview", "origin": HOST, "day": "2001-01-01"},
        {"dataset": "pg_catalog.pg_authid", "origin": "'; --", "day": "2026-01-01"},
    ],
)
def test_a_cell_that_is_not_on_the_map_is_left_out(server: Server, query: dict[str, str]) -> None:
    text = page(server, **query)
    assert 'id="cell"' not in text
    assert "videoview" in text


def test_without_a_warehouse_the_page_says_what_to_do(server: Server) -> None:
    try:
        server.connect(port=1)
        unreachable = server.session().get(f"{server.url}{PAGE}", timeout=60)
        server.connect(schema="postgres")
        empty = server.session().get(f"{server.url}{PAGE}", timeout=60)
        server.disconnect()
        missing = server.session().get(f"{server.url}{PAGE}", timeout=60)
    finally:
        server.connect()
    assert [a.status_code for a in (unreachable, empty, missing)] == [503, 503, 503]
    assert "check that the server runs" in unreachable.text
    assert "trigger one of the DAGs" in empty.text
    assert "add one of type postgres" in missing.text


def test_the_page_writes_nothing(server: Server) -> None:
    """Not even a migration: the empty database stays empty."""
    try:
        server.connect(schema="postgres")
        server.session().get(f"{server.url}{PAGE}", timeout=60)
    finally:
        server.connect()
    with psycopg.connect(server.warehouse_url("postgres")) as conn:
        found = conn.execute("SELECT to_regnamespace('ops') IS NULL").fetchone()
    assert found == (True,)


def test_a_delivery_names_its_run_and_its_failed_tries(server: Server) -> None:
    text = page(server, dataset="vocareum.aws_cost", origin=ORG, day=day(21))
    run = f"../../dags/vocareum_lab_analytics/runs/{quote(RUN_ID, safe='')}"
    assert text.count(f'href="{run}/tasks/aws_cost.load"') == 3, "a version, two tries"
    assert f'href="{run}"' in text
    assert text.count(UNREADABLE.replace("<i>", "&lt;i&gt;")) == 2, "as the reason, and as a try"
    assert "the first try" in text


SHOWN = {"dataset": "echo360.viewsessions", "origin": HOST, "day": "", "rejected": "show"}


def test_what_rejected_rows_say_is_shown_to_editors_who_ask_and_logged(server: Server) -> None:
    query = {**SHOWN, "day": day(20)}
    asked = page(server, **{**query, "rejected": ""})
    assert "Rejected rows: line 2, line 3, line 4." in asked
    assert "Show what they say" in asked
    assert "not a time" not in asked
    before = server.log.read_text().count("reads rejected rows")
    shown = page(server, **query)
    assert shown.count("event_timestamp: not a time: &lt;b&gt;") == 3
    said = [line for line in server.log.read_text().splitlines() if "reads rejected rows" in line]
    assert len(said) == before + 1
    with psycopg.connect(server.warehouse_url()) as conn:
        name = f"viewsessions {day(20)}/{day(19)}"
        found = conn.execute("SELECT delivery_id FROM ops.delivery WHERE name = %s", (name,))
        (delivery,) = found.fetchone() or ()
    assert f"'admin' reads rejected rows of the deliveries [{delivery}]" in said[-1]


def test_what_rejected_rows_say_is_not_shown_to_who_may_only_read(server: Server) -> None:
    before = server.log.read_text().count("reads rejected rows")
    text = page(server, "viewer", **{**SHOWN, "day": day(20)})
    assert "Rejected rows: line 2, line 3, line 4." in text
    assert "What they say is shown to those who may edit the DAG." in text
    assert "not a time" not in text
    assert "alert(2)" not in text
    assert server.log.read_text().count("reads rejected rows") == before


def test_the_map_is_read_by_the_reader_and_rejected_text_by_the_loader(server: Server) -> None:
    with psycopg.connect(server.warehouse_url(), autocommit=True) as conn:
        conn.execute("DROP ROLE IF EXISTS page_reader")
        conn.execute("CREATE ROLE page_reader LOGIN IN ROLE learning_warehouse_reader")
    query = {**SHOWN, "day": day(20)}
    try:
        server.connect("learning_warehouse_reader", login="page_reader")
        text = page(server, **query)
        server.connect(port=1)
        asked = page(server, **{**query, "rejected": ""})
        refused = server.session().get(f"{server.url}{PAGE}", params=query, timeout=60)
    finally:
        server.disconnect("learning_warehouse_reader")
        server.connect()
    assert text.count("event_timestamp: not a time") == 3
    assert "viewsessions" in asked, "without the loader's connection"
    assert refused.status_code == 503


@pytest.mark.parametrize(
    "query",
    [
        "run=%00&report=videoview",
        "dataset=%00",
        "origin=a%00b",
        "day=%ED%A0%80",
        "only_origin=%ED%B2%80",
        "only_dataset=%FF",
        "delivery=%00",
        "unknown=%00",
        "%00=1",
        "report=" + "a" * 501,
        "days=1",
        "days=" + "9" * 400,
        "&".join("delivery=1" for _ in range(101)),
    ],
)
def test_an_odd_query_is_answered_with_a_sentence(server: Server, query: str) -> None:
    answer = server.session().get(f"{server.url}{PAGE}?{query}", timeout=60)
    assert answer.status_code == 400
    assert Tags(answer.text).open == []
    assert "<p>Th" in answer.text


def test_the_map_can_be_filtered(server: Server) -> None:
    text = page(server, only_source="echo360", only_dataset="echo360.videoview", days=30)
    assert text.count('aria-label="videoview of ') == 30 + 1, "the days, and the trend"
    assert 'aria-label="notes of' not in text
    kept = "only_source=echo360&amp;only_dataset=echo360.videoview&amp;days=30"
    cell = f"dataset=echo360.videoview&amp;origin={HOST}&amp;day={day(3)}#cell"
    assert f"?{kept}&amp;{cell}" in text, "a chosen day keeps the choice"
    assert "Echo360: 2 gaps" in text
    assert "No dataset fits" in page(server, only_source="edx", only_dataset="echo360.videoview")
    longest = page(server, only_dataset="echo360.videoview", days=365)
    assert longest.count('aria-label="videoview of ') == 366


def test_few_connections_serve_all_readers(server: Server) -> None:
    session = server.session()
    most = 0
    with (
        psycopg.connect(server.warehouse_url(), autocommit=True) as conn,
        ThreadPoolExecutor(60) as people,
    ):

        def get(_: int) -> requests.Response:
            return requests.get(
                f"{server.url}{PAGE}", headers=session.headers, timeout=300, stream=False
            )

        answers = [people.submit(get, n) for n in range(60)]
        while not all(answer.done() for answer in answers):
            count = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'learning_warehouse'"
            ).fetchone()
            most = max(most, *(count or (0,)))
    assert 1 <= most <= 4
    for answer in (answer.result() for answer in answers):
        assert answer.status_code in (200, 503)
        if answer.status_code == 503:
            assert "Too many people are reading this page" in answer.text


def test_a_link_from_a_task_leads_into_the_frame(server: Server) -> None:
    answer = server.session().get(
        f"{server.url}/{FRAMED}?delivery=1&delivery=2", timeout=60, allow_redirects=False
    )
    assert answer.status_code == 307
    assert answer.headers["Location"] == f"/plugin/coverage{PAGE}?delivery=1&delivery=2"


def test_each_dataset_has_the_trend_of_its_rows(server: Server) -> None:
    text = page(server, only_dataset="echo360.videoview")
    (line,) = re.findall(r'<polyline points="([^"]*)"', text)
    points = [tuple(map(float, point.split(","))) for point in line.split()]
    assert [x for x, _ in points] == list(range(90))
    empty = [88 - x for x, y in points if y == 10]
    assert {10, 11} < set(empty), "the gaps"
    assert {y for _, y in points} == {0, 10}, "a thousand rows or none"
    assert "rows a day, 1\N{NARROW NO-BREAK SPACE}000 at most" in text
