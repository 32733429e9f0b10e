"""The page as Airflow's API server answers it: who gets what, and that its numbers are right."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from html import escape, unescape
from typing import Any
from urllib.parse import quote_plus

import psycopg
import pytest
import requests

from tests.activity_page.known import CHEMISTRY, MORE
from tests.api_server import Server
from tests.coverage.known import SITE
from tests.tags import Tags

PAGE = "/learning_warehouse/activity/"
PHYSICS = "//Physics"
LEARNERS = {"course": PHYSICS, "learners": "show"}


def page(server: Server, user: str = "admin", **query: Any) -> str:
    """The page, for somebody who may read it."""
    answer = server.session(user).get(f"{server.url}{PAGE}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


def monday(before: int) -> date:
    """That of the week so many weeks before this one."""
    today = datetime.now(UTC).date()
    return today - timedelta(days=today.weekday(), weeks=before)


def numbers(text: str) -> list[list[str]]:
    """The first table of a page, without its header and the weeks that are all zeros."""
    body = text.partition("<tbody>")[2].partition("</tbody>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S) for row in body.split("<tr>")[1:]]
    plain = [[re.sub(r"<[^>]*>", "", cell) for cell in row] for row in rows]
    return [row for row in plain if set(row[1:]) != {"0"}]


def test_it_is_for_those_who_may_read_the_dags(server: Server) -> None:
    for path in ("", "page.css", "activity.css", "icon.svg"):
        answer = requests.get(f"{server.url}{PAGE}{path}", timeout=60)
        assert answer.status_code == 401
        assert "Physics" not in answer.text
    answer = server.session("nobody").get(f"{server.url}{PAGE}", timeout=60)
    assert answer.status_code == 403
    assert "Physics" not in answer.text


@pytest.mark.parametrize("query", [{}, LEARNERS, {"course": "//nothing"}, {"course": "edx"}])
def test_it_is_well_formed_and_nothing_comes_from_elsewhere(
    server: Server, query: dict[str, str]
) -> None:
    answer = server.session().get(f"{server.url}{PAGE}", params=query, timeout=60)
    assert answer.status_code == 200
    tags = Tags(answer.text)
    assert tags.open == []
    ids = [attrs["id"] for _, attrs in tags.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    found = [tag for tag, _ in tags.found]
    assert found.count("caption") == found.count("table")
    assert found.count("desc") == found.count("figure")
    scripts = [attrs.get("src") for tag, attrs in tags.found if tag == "script"]
    assert scripts == ["page.js"]
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert not re.findall(r"""(?:src|href)="(?:https?:)?//""", answer.text)
    assert " style=" not in answer.text


def test_active_learners_by_week_and_source(server: Server) -> None:
    text = page(server)
    assert numbers(text) == [
        [str(monday(3)), str(MORE), "0", "0", str(MORE)],
        [str(monday(2)), "1", "0", "0", "1"],
        [str(monday(1)), "3", "1", "1", "3"],
        [f"{monday(0)} so far", "1", "0", "0", "1"],
    ], "all sources, Vocareum, Echo360, edX; no staff"
    assert text.count("<g><title>") == 4 * 12
    assert re.findall(r"Most, (\d+), in the week of", text) == [str(MORE), "1", "1", str(MORE)]
    links = re.findall(r'<th scope="row"><a href="\?course=([^"]*)">(.*?)</a>', text)
    assert links == [
        ("%2F%2FPhysics", "Physics"),
        (quote_plus(f"edx/{SITE}/{CHEMISTRY}"), escape(CHEMISTRY)),
    ]


def test_a_week_of_a_course(server: Server) -> None:
    text = page(server, course=PHYSICS, week=monday(1))
    assert numbers(text) == [
        [str(monday(3)), str(MORE), "0", "0", "0", "0", "0"],
        [str(monday(2)), "0", "0", "0", "0", "0", "5"],
        [str(monday(1)), "2", "1.5", "20", "14", "2.5", "7.5"],
        [f"{monday(0)} so far", "1", "0", "10", "4", "0", "0"],
    ], "learners, hours watched, attempts, correct, hours of labs, cost"
    assert "14 correct (70 %)" in text
    assert f"Physics, week of {monday(1)}<" in text
    assert f"Physics, week of {monday(0)} so far" in page(server, course=PHYSICS)
    assert f"week of {monday(2)}" in page(server, course=f"edx/{SITE}/{CHEMISTRY}", weeks=4)
    for course in ("//Chemistry", f"/{SITE}/{CHEMISTRY}", "edx", "'; --/%/%"):
        assert "Nobody was active in this course" in page(server, course=course)


def test_the_busiest_hours_of_a_course(server: Server) -> None:
    text = page(server, course=PHYSICS)
    dots = re.findall(r'<circle[^>]*r="([^"]*)"><title>(.*?)</title>', text)
    assert dots == [("0.45", "Monday, 9:00: 2"), ("0.318", "Wednesday, 23:00: 1")]
    assert "Most, 2, on Monday from 9:00 UTC." in text
    assert "Monday, 9:00: 1<" in page(server, course=f"edx/{SITE}/{CHEMISTRY}")


@pytest.mark.parametrize("query", [{}, LEARNERS])
def test_the_sql_beside_a_chart_makes_its_numbers(server: Server, query: dict[str, str]) -> None:
    text = page(server, **query)
    statements = [unescape(one) for one in re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.S)]
    counts = [len(list(read(server, one))) for one in statements]
    assert counts == ([3, 2, 2, 25] if query else [10, 2])
    if query:
        assert [row[:2] for row in read(server, statements[0])[1:]] == [
            (monday(1), 2),
            (monday(0), 1),
        ]


def read(server: Server, statement: str) -> list[tuple[Any, ...]]:
    """What a statement finds that somebody has copied."""
    with psycopg.connect(server.warehouse_url()) as conn:
        return conn.execute(statement.encode()).fetchall()


def test_learners_are_shown_to_editors_who_ask_and_logged(server: Server) -> None:
    said = "reads the learners of the course '//Physics'"
    before = server.log.read_text().count(said)
    asked = page(server, course=PHYSICS)
    assert "Show them one by one" in asked
    viewed = page(server, "viewer", **LEARNERS)
    assert "They are shown to those who may edit" in viewed
    for text in (asked, viewed):
        assert "e-ada" not in text
        assert 'class="trend"' not in text
    assert server.log.read_text().count(said) == before
    first = page(server, **LEARNERS)
    assert f"1 to 25 of {MORE + 2}" in first
    assert re.findall(r">(bob|ada|learner \d+) <", first)[:3] == ["ada", "bob", "learner 26"]
    assert "e-ada <" in first
    (line, *_) = re.findall(r'<polyline points="([^"]*)"', first)
    assert line.endswith("9,10 10,0 11,3.33"), "1.5 hours in the week before, 1 in this one"
    last = page(server, **LEARNERS, page=2)
    assert f"26 to {MORE + 2} of {MORE + 2}" in last
    assert "There are no more" in page(server, **LEARNERS, page=3)
    assert server.log.read_text().count(f"'admin' {said}") == before + 3


def test_accounts_are_shown_if_the_login_of_the_page_may_read_them(server: Server) -> None:
    with psycopg.connect(server.warehouse_url(), autocommit=True) as conn:
        conn.execute("DROP ROLE IF EXISTS activity_reader")
        conn.execute("CREATE ROLE activity_reader LOGIN IN ROLE learning_warehouse_reader")
    try:
        server.connect("learning_warehouse_reader", login="activity_reader")
        text = page(server, **LEARNERS)
    finally:
        server.disconnect("learning_warehouse_reader")
    assert text.count('class="trend"') == 25
    assert "e-ada" not in text
    assert "which this page's login may not read" in unescape(text)


@pytest.mark.parametrize(
    "query", ["course=%00", "weeks=13", "week=" + "a" * 501, "&".join(["page=1"] * 21)]
)
def test_an_odd_query_is_answered_with_a_sentence(server: Server, query: str) -> None:
    answer = server.session().get(f"{server.url}{PAGE}?{query}", timeout=60)
    assert answer.status_code == 400
    assert Tags(answer.text).open == []
    assert "<p>Th" in answer.text


def test_it_tells_of_no_source_but_those_that_one_may_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learning_warehouse.activity_page.asked import Asked
    from learning_warehouse.activity_page.reading import read_page
    from learning_warehouse.pages.sources import SOURCES

    fields = {"conn_type": "postgres", **server.warehouse}
    monkeypatch.setenv("AIRFLOW_CONN_LEARNING_WAREHOUSE", json.dumps(fields))
    echo360 = [source for source in SOURCES if source.schema == "echo360"]
    now = datetime.now(UTC)
    overview = read_page(echo360, Asked(), now=now)
    assert [panel.name for panel in overview["active"]["panels"]] == ["Echo360"]
    assert [(one.key, number) for one, number in overview["courses"]["rows"]] == [(PHYSICS, 1)]
    course = read_page(echo360, Asked(course=PHYSICS, learners=True), now=now)
    at_a_glance = course["at_a_glance"]
    assert {panel.name: sum(panel.values) for panel in at_a_glance["panels"]} == {
        "Learners": 1, "Videos": 1.5, "Problems": 0, "Labs": 0,
    }  # fmt: skip
    accounts = [account for one in course["learners"]["accounts"].values() for account in one]
    assert [account["value"] for account in accounts] == ["e-ada"]
    theirs = read_page(echo360, Asked(course=f"edx/{SITE}/{CHEMISTRY}"), now=now)
    assert theirs["at_a_glance"] is None
