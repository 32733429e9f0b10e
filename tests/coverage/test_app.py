"""The page as Airflow's API server answers it: who gets it, what it says, what it never does."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
import requests

from tests.coverage.conftest import PAGE, Server
from tests.coverage.known import HOST, RUN


class Tags(HTMLParser):
    """The elements of a page, and whether each that was opened was closed."""

    VOID = ("meta", "link", "br", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """It closes the one that was opened last."""
        assert self.open.pop() == tag


def day(before: int) -> str:
    """So many days before yesterday."""
    return str(datetime.now(UTC).date() - timedelta(days=1 + before))


def page(server: Server, **query: Any) -> str:
    """The page, for somebody who may read it."""
    answer = server.session().get(f"{server.url}{PAGE}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("path", ["", "coverage.css", "coverage.js", "icon.svg", "openapi.json"])
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
    assert len(captions) == len([tag for tag, _ in tags.found if tag == "table"]) == 3
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
    tags = Tags(page(server, dataset="echo360.viewsessions", origin=HOST, day=day(20)))
    assert {"img", "b", "u"}.isdisjoint(tag for tag, _ in tags.found)
    assert [attrs.get("src") for tag, attrs in tags.found if tag == "script"] == ["coverage.js"]


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
        ("echo360.videoview", 5, "not asked for since"),
        ("echo360.viewsessions", 20, "event_timestamp: not a time"),
        ("echo360.presentation", 30, "it would shrink &lt;i&gt;"),
        ("echo360.polling", 4, "not between days that were loaded"),
        ("vocareum.aws_cost", 2, "may still rewrite the file"),
        ("vocareum.grades", 4, "1 delivery has landed and is not merged"),
        ("vocareum.aws_cost", 0, "1 delivery has landed and is not merged"),
        ("echo360.notes", 43, "1 delivery has landed and is not merged"),
        ("vocareum.enrollment", 3, "No new version of this day"),
        ("edx.event", 16, "replay_rejects"),
    ],
)
def test_each_state_is_explained(server: Server, table: str, before: int, sentence: str) -> None:
    origins = {"echo360": HOST, "vocareum": "org20150", "edx": "UniversityA"}
    origin = origins[table.split(".")[0]]
    assert sentence in page(server, dataset=table, origin=origin, day=day(before))


def test_lines_of_the_ledger(server: Server) -> None:
    import psycopg

    where = server.warehouse
    url = f"postgresql://{where['login']}@{where['host']}:{where['port']}/{where['schema']}"
    with psycopg.connect(url) as conn:
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
    assert f"day={day(20)}#cell" in text


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
    import psycopg

    where = server.warehouse
    url = f"postgresql://{where['login']}@{where['host']}:{where['port']}/postgres"
    try:
        server.connect(schema="postgres")
        server.session().get(f"{server.url}{PAGE}", timeout=60)
    finally:
        server.connect()
    with psycopg.connect(url) as conn:
        found = conn.execute("SELECT to_regnamespace('ops') IS NULL").fetchone()
    assert found == (True,)
