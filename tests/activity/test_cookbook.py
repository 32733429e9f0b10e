"""The queries of the cookbook, on the campus's data."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from include.sandbox.campus.people import roster
from learning_warehouse.vocareum.files import REGISTRY
from tests.activity.events import bring_up_to_date
from tests.activity.test_course_day import CAMPUS, COURSES, REPORT_NAMES, ROSTER, log, report
from tests.warehouse.roads import load
from tools.cookbook import QUERY, answered
from tools.docs import DOCS

if TYPE_CHECKING:
    from pathlib import Path

    from learning_warehouse.warehouse.connection import Connection


def load_campus(conn: Connection) -> None:
    """Load all that the campus's people did, and its list of them."""
    load(conn, ROSTER, roster(CAMPUS), name="roster/people.csv")
    header = "course,edx course id,echo360 course identifier,vocareum course id\n"
    lines = (
        f'"{c.name}",course-v1:UniversityA+C{c.number}+Fall,C{c.number},{c.number}\n'
        for c in CAMPUS.courses
    )
    load(conn, COURSES, (header + "".join(lines)).encode(), name="courses/courses.csv")
    for day in CAMPUS.days:
        log(conn, day)
    for name in REPORT_NAMES:
        report(conn, name, CAMPUS.days[0], CAMPUS.days[-1])
    for key, content in CAMPUS.vocareum_files():
        org, _, name = key.partition("/")
        if org == f"org{CAMPUS.org_id}":
            (files,) = (f for f in REGISTRY if re.fullmatch(f.prefix + f.pattern, name))
            covered = files.covers(name)
            days = (covered.first_day, covered.end_day) if covered else None
            load(conn, files.dataset, content, name=name, days=days)
    bring_up_to_date(conn)


def test_each_query_gives_the_rows_that_are_shown(warehouse: Connection, tmp_path: Path) -> None:
    load_campus(warehouse)
    page = (DOCS / "cookbook.md").read_text()
    right = tmp_path / "cookbook.md"
    right.write_text(answered(warehouse, page))
    assert page == right.read_text(), f"Copy {right} to docs/."
    assert len(QUERY.findall(page)) == 20
    (example,) = QUERY.findall((DOCS.parent / "README.md").read_text())
    of_a_week = example[1].replace("current_date - 7", "DATE '2026-01-05'")
    assert of_a_week in [textwrap.dedent(query) for _, query in QUERY.findall(page)]
