"""Four weeks of activity of which every number is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.coverage.known import HOST, ORG, SITE

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

PHYSICS = "course-v1:UniversityA+C20150+Fall"
CHEMISTRY = "UniversityA/Chem <script>/2026"
ORIGINS = {"edx": SITE, "echo360": HOST, "vocareum": ORG}
MORE = 27
"""Learners who were active in the first week alone, each a minute longer than the one before."""


class KnownActivity:
    """Writes it; ``self.week(1)`` is the Monday of the week before this one.

    Ada is one person with three accounts, Bob and Cy have one each, and Teacher is staff.
    """

    def __init__(self, conn: Connection, now: datetime) -> None:
        self._conn = conn
        today = now.astimezone(UTC).date()
        self._monday = today - timedelta(days=today.weekday())

    def week(self, before: int) -> date:
        """The Monday so many weeks before this one's."""
        return self._monday - timedelta(weeks=before)

    def fill(self) -> None:
        """Write all of it."""
        self._conn.execute(
            """
            INSERT INTO people.course
            (course, edx_course_id, echo360_course_identifier, vocareum_course_id,
                _origin, _delivery, _row)
            VALUES ('Physics', %s, 'C20150', '7', 'institution', 1, 1)
            """,
            [PHYSICS],
        )
        ada = self.account("edx", "ada")
        ada_watches = self.account("echo360", "e-ada", same_as=ada)
        ada_labs = self.account("vocareum", "1", same_as=ada)
        bob, cy = self.account("edx", "bob"), self.account("edx", "cy")
        teacher = self.account("echo360", "teacher")
        for week in (0, 1):
            self.do(ada, PHYSICS, week, active_seconds=3600, attempts=10, correct=4)
        self.do(ada_watches, "C20150", 1, active_seconds=1800, video_seconds=5400)
        self.do(ada_labs, "7", 1, lab_seconds=9000)
        self.do(bob, PHYSICS, 1, active_seconds=7200, attempts=10, correct=10)
        self.do(cy, CHEMISTRY, 2, active_seconds=60)
        self.do(cy, None, 1, active_seconds=60)
        self.do(teacher, "C20150", 1, active_seconds=60, role="Instructor")
        for account, course, begun in (
            (ada, PHYSICS, "0 09:10"), (ada, PHYSICS, "7 09:50"), (bob, PHYSICS, "2 23:59"),
            (cy, CHEMISTRY, "0 09:00"),
        ):  # fmt: skip
            self.sit(account, course, begun)
        for number in range(MORE):
            one = self.account("edx", f"learner {number}")
            self.do(one, PHYSICS, 3, active_seconds=60 * (number + 1))
        self._conn.execute(
            """
            INSERT INTO vocareum.asn_mapping
            (course_id, assignment_id, part_id, _origin, _delivery, _row)
            VALUES ('7', '70', '700', %s, 1, 1)
            """,
            [ORG],
        )
        for week, cost in ((2, 5), (1, 12.5)):
            self._conn.execute(
                """
                INSERT INTO vocareum.aws_cost
                (aws_account_id, user_id, part_id, cost, _origin, _delivery, _row)
                SELECT 'a', '1', '700', %s, %s, min(delivery_id), 1 FROM ops.delivery
                WHERE dataset = 'vocareum.aws_cost' AND status = 'merged' AND first_day = %s
                """,
                [cost, ORG, self.week(week)],
            )

    def account(self, source: str, value: str, *, same_as: int | None = None) -> int:
        """Enter an account, of a person of its own or of that of another account."""
        made = self._conn.execute(
            """
            INSERT INTO people.account (source, _origin, kind, value)
            VALUES (%s, %s, 'user_id', %s) RETURNING account_id
            """,
            [source, ORIGINS[source], value],
        ).fetchone()
        assert made
        self._conn.execute(
            """
            INSERT INTO people.link (account_id, person_id, evidence)
            SELECT %s, own_person_id, 'roster' FROM people.account WHERE account_id = %s
            """,
            [made["account_id"], same_as or made["account_id"]],
        )
        return int(made["account_id"])

    def do(self, account: int, course: str | None, week: int, **what: Any) -> None:
        """Enter what an account did in a course on the Monday of a week."""
        columns = ("active_seconds", "video_seconds", "attempts", "correct", "lab_seconds")
        values = {name: what.get(name, 0) for name in columns}
        self._conn.execute(
            """
            INSERT INTO activity.course_day
            (account_id, course, day, events, active_seconds, video_seconds, attempts, correct,
                answers_shown, lab_seconds, polls, posts, slides, role, source, _origin)
            SELECT account_id, %(course)s, %(day)s, 1, %(active_seconds)s, %(video_seconds)s,
                %(attempts)s, %(correct)s, 0, %(lab_seconds)s, 0, 0, 0, %(role)s, source, _origin
            FROM people.account WHERE account_id = %(account)s
            """,
            {
                **values,
                "account": account,
                "course": course,
                "day": self.week(week),
                "role": what.get("role"),
            },
        )

    def sit(self, account: int, course: str, begun: str) -> None:
        """Enter a session: so many days and hours after the Monday of the week before this one."""
        days, _, at = begun.partition(" ")
        start = datetime.fromisoformat(f"{self.week(1) + timedelta(days=int(days))}T{at}+00:00")
        self._conn.execute(
            """
            INSERT INTO activity.session
            (account_id, course, day, begun, ended, events, active_seconds, source, _origin)
            VALUES (%(account)s, %(course)s, %(day)s, %(begun)s, %(begun)s, 1, 0, 'edx', %(site)s)
            """,
            {
                "account": account,
                "course": course,
                "day": start.date(),
                "begun": start,
                "site": SITE,
            },
        )
