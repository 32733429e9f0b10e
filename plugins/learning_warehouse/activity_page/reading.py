"""Everything that the page says, read in one transaction.

Knows what to read; knows nothing of HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.activity_page.asked import RANGES, Asked
from learning_warehouse.activity_page.charts import Hours, Panel, top_of
from learning_warehouse.pages.readers import open_reader, opened
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from psycopg import sql

    from learning_warehouse.pages.sources import Source
    from learning_warehouse.warehouse.connection import Connection

MOST_COURSES = 500
LEARNERS = 25
"""How many learners a page of the table has."""

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Course:
    """A course that can be chosen.

    :param name: as the institution's list calls it, or else the source's own id.
    :param source: the source that calls it so; empty for one of the list.
    :param origin: the origin of that source.
    """

    name: str
    source: str
    origin: str

    @classmethod
    def of(cls, key: str) -> Course:
        """The course that a query calls so."""
        source, origin, name = (*key.split("/", 2), "", "")[:3]
        return cls(name, source, origin)

    @property
    def key(self) -> str:
        """What a query calls it: neither a source nor an origin has a slash."""
        return f"{self.source}/{self.origin}/{self.name}"

    @property
    def section(self) -> str:
        """Of ``activity_page/course.sql``, the condition that its rows meet."""
        return "own" if self.source else "listed"


@dataclass(frozen=True)
class Answer:
    """What a statement found, and the statement itself with the values in it."""

    rows: list[dict[str, Any]]
    sql: str


class Reader:
    """Asks the warehouse of these weeks.

    :param conn: within a transaction.
    :param sources: which sources to tell of, by their schemas.
    :param weeks: the Mondays of the weeks.
    """

    def __init__(self, conn: Connection, sources: Sequence[str], weeks: Sequence[date]) -> None:
        self._conn = conn
        self._values: dict[str, Any] = {
            "sources": list(sources),
            "first_day": weeks[0],
            "end_day": weeks[-1] + WEEK,
        }
        self.known = self.ask("sources").rows
        for name in ("source", "origin"):
            self._values[f"{name}s"] = sorted({line[name] for line in self.known})

    def ask(
        self, name: str, section: str | None = None, *, course: Course | None = None, **more: Any
    ) -> Answer:
        """Execute a statement of ``include/sql/activity_page``.

        :param course: whose rows it reads.
        :param more: values that it needs besides the sources and the days.
        """
        from psycopg import ClientCursor

        template = statement(f"activity_page/{name}", section)
        query: sql.SQL | sql.Composed = template
        values = {**self._values, **more}
        if course:
            query = template.format(course=statement("activity_page/course", course.section))
            values |= {"course": course.name, "source": course.source, "origin": course.origin}
        text = ClientCursor(self._conn).mogrify(query, values)
        return Answer(self._conn.execute(query, values).fetchall(), text.strip())


def read_page(sources: list[Source], asked: Asked, *, now: datetime) -> dict[str, Any]:
    """Everything that the page says: of all courses, or of one.

    :param sources: which sources to tell of.
    :param now: decides which week is the last one.
    :raises PermanentFailure: the warehouse is not configured, or has no tables.
    :raises TransientFailure: the warehouse does not answer.
    """
    weeks = weeks_until(now, asked.weeks)
    titles = {source.schema: source.title for source in sources}
    said = {"asked": asked, "ranges": RANGES, "weeks": weeks, "titles": titles}
    with opened(open_reader) as conn:
        reader = Reader(conn, list(titles), weeks)
        said["known"] = reader.known
        if not asked.course:
            return {
                **said,
                "course": None,
                "active": _read_active(reader, titles, weeks),
                "courses": _read_courses(reader),
            }
        course = Course.of(asked.course)
        return {
            **said,
            "course": course,
            "at_a_glance": _read_course(reader, course, titles, weeks, asked),
            "hours": _read_hours(reader, course),
            "learners": _read_learners(reader, course, weeks, asked) if asked.learners else None,
        }


def weeks_until(now: datetime, number: int) -> list[date]:
    """The Mondays of so many weeks, of which that of now (UTC) is the last one."""
    today = now.astimezone(UTC).date()
    monday = today - timedelta(days=today.weekday())
    return [monday - before * WEEK for before in range(number - 1, -1, -1)]


def _read_active(
    reader: Reader, titles: Mapping[str, str], weeks: Sequence[date]
) -> dict[str, Any]:
    """How many learners were active, by source, and over all of them; the latest week is chosen."""
    answer = reader.ask("active")
    found: dict[str | None, dict[date, float]] = {}
    for row in answer.rows:
        found.setdefault(row["source"], {})[row["week"]] = row["learners"]
    known = {line["source"] for line in reader.known}
    named: dict[str | None, str] = {s: title for s, title in titles.items() if s in known}
    if len(named) > 1:
        named = {None: "All sources", **named}
    top = top_of([value for by_week in found.values() for value in by_week.values()])
    panels = [
        Panel(name=name, unit="learners", values=_by_week(found.get(key, {}), weeks), top=top)
        for key, name in named.items()
    ]
    latest = max((row["week"] for row in answer.rows), default=weeks[-1])
    return {"panels": panels, "statements": [answer.sql], "chosen": weeks.index(latest)}


def _read_courses(reader: Reader) -> dict[str, Any]:
    """The courses that may be chosen, and how many learners each has."""
    found = reader.ask("courses", limit=MOST_COURSES)
    rows = [
        (Course(row["course"], row["source"] or "", row["origin"] or ""), row["learners"])
        for row in found.rows
    ]
    return {"rows": rows, "most": MOST_COURSES, "statements": [found.sql]}


def _read_course(
    reader: Reader, course: Course, titles: Container[str], weeks: Sequence[date], asked: Asked
) -> dict[str, Any] | None:
    """A course's weeks, one of them chosen; None where there is nothing in them."""
    done = reader.ask("weeks", course=course)
    if not done.rows:
        return None
    by_name = {
        name: _by_week({row["week"]: row[name] for row in done.rows}, weeks)
        for name in ("learners", "video_hours", "attempts", "correct", "lab_hours")
    }
    statements = [done.sql]

    def panel(name: str, unit: str, column: str, filled: str | None = None) -> Panel:
        return Panel(
            name=name,
            unit=unit,
            values=by_name[column],
            top=top_of(by_name[column]),
            filled=by_name[filled] if filled else None,
        )

    panels = [
        panel("Learners", "active", "learners"),
        panel("Videos", "hours watched", "video_hours"),
        panel("Problems", "attempts", "attempts", "correct"),
        panel("Labs", "hours", "lab_hours"),
    ]
    if "vocareum" in titles and course.source in ("", "vocareum"):
        cost = reader.ask("cost", course=course)
        statements.append(cost.sql)
        by_name["cost"] = _by_week({row["week"]: row["cost"] for row in cost.rows}, weeks)
        panels.append(panel("Cost of labs", "dollars", "cost"))
    latest = done.rows[-1]["week"]
    chosen = next((week for week in weeks if str(week) == asked.week), latest)
    return {"panels": panels, "statements": statements, "chosen": weeks.index(chosen)}


def _read_hours(reader: Reader, course: Course) -> dict[str, Any] | None:
    """When sessions of a course begin; None where there is none."""
    found = reader.ask("hours", course=course)
    if not found.rows:
        return None
    counts = [[0] * 24 for _ in range(7)]
    for row in found.rows:
        counts[row["weekday"] - 1][row["hour"]] = row["sessions"]
    return {"chart": Hours(counts=counts), "statements": [found.sql]}


def _read_learners(
    reader: Reader, course: Course, weeks: Sequence[date], asked: Asked
) -> dict[str, Any]:
    """The learners of a course, a page of them."""
    found = reader.ask(
        "learners", "page", course=course, limit=LEARNERS, offset=LEARNERS * (asked.page - 1)
    )
    for row in found.rows:
        hours = dict(zip(row["weeks"], row["hours_by_week"], strict=True))
        row["hours_by_week"] = [float(hours.get(week, 0)) for week in range(len(weeks))]
    (may,) = reader.ask("learners", "may_read_accounts").rows
    accounts: dict[Any, list[dict[str, Any]]] = {}
    if may["may"]:
        people = [row["person_id"] for row in found.rows]
        for account in reader.ask("learners", "accounts", people=people).rows:
            accounts.setdefault(account["person_id"], []).append(account)
    return {
        "rows": found.rows,
        "number": found.rows[0]["learners"] if found.rows else 0,
        "first": LEARNERS * (asked.page - 1) + 1,
        "accounts": accounts,
        "statements": [found.sql],
    }


def _by_week(found: Mapping[date, Any], weeks: Iterable[date]) -> list[float]:
    """A number for each week, 0 where nothing was found."""
    return [float(found.get(week, 0)) for week in weeks]
