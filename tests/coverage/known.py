"""A ledger of ninety days whose every flaw is known."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from learning_warehouse.pages.sources import SOURCES
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

ORG, HOST, SITE = "org20150", "echo360.org", "UniversityA"
RUN = "echo360_reports manual__1"
BEGUN = 80
"""How many days before yesterday loading began."""

RUN_ID = "scheduled__2026-11-20T07:00:00+00:00"
"""The run that loaded everything, or tried to."""

UNREADABLE = "cost.csv cannot be read <i>: ask Vocareum for it"

DAG_IDS = {"vocareum": "vocareum_lab_analytics", "echo360": "echo360_reports"}
REJECTS = {("aws_cost", 33): 1, ("lab_sessions", 18): 50, ("azure_cost", 3): 12}
"""How many of a file's 1000 rows were rejected, by its name and its days before yesterday."""

HOSTILE = '<img src=x onerror="alert(1)"></pre><script>alert(2)</script>'


class KnownLedger:
    """Writes the ledger; ``self.day(3)`` is the day three days before yesterday."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self._conn = conn
        self._yesterday = now.astimezone(UTC).date() - timedelta(days=1)

    def day(self, before: int) -> date:
        """So many days before yesterday."""
        return self._yesterday - timedelta(days=before)

    def fill(self) -> None:
        """Write all of it."""
        with self._conn.transaction():
            for source in SOURCES:
                for dataset in source.datasets:
                    getattr(self, f"_{dataset.kind}")(dataset.name, dataset.table)
            self._new_column()
            self._requests()

    def deliver(
        self,
        table: str,
        origin: str,
        name: str,
        made_at: datetime,
        *,
        parts: tuple[str, ...] = (),
        days: tuple[date, date] | None = None,
        status: str = "merged",
        rejects: int = 0,
        uri: str = "s3://landing/file",
        details: dict[str, Any] | None = None,
    ) -> int:
        """Enter a delivery with 1000 rows; ``parts`` are those for which it is current."""
        first_day, end_day = days or (None, None)
        delivery = ledger.deliver(
            self._conn,
            dataset=table,
            origin=origin,
            name=name,
            version=f"{made_at:%s}",
            made_at=made_at,
            uri=uri,
            size=1000,
            first_day=first_day,
            end_day=end_day,
            details=details,
        ).delivery_id
        values = {
            "delivery_id": delivery,
            "status": status,
            "rejects": rejects,
            "merged_at": made_at + timedelta(hours=3) if status == "merged" else None,
            "dag_id": DAG_IDS.get(table.split(".")[0], "edx_tracking_logs"),
            "run_id": RUN_ID,
            "task_id": f"{table.split('.')[1]}.load",
        }
        if status not in ("merged", "held"):
            values.update(dict.fromkeys(("dag_id", "run_id", "task_id")))
        self._conn.execute(
            """
            UPDATE ops.delivery
            SET status = %(status)s, merged_at = %(merged_at)s, rows_read = 1000,
            rows_merged = 1000 - %(rejects)s, rows_rejected = %(rejects)s,
            dag_id = %(dag_id)s, run_id = %(run_id)s, task_id = %(task_id)s
            WHERE delivery_id = %(delivery_id)s
            """,
            values,
        )
        self._conn.execute(
            """
            INSERT INTO ops.rejected_row (delivery_id, _row, line, raw, reason, rejected_at)
            SELECT %(delivery_id)s, k, k + 1, %(raw)s || ' ' || k,
            'event_timestamp: not a time: <b>' || k || '</b>', %(merged_at)s
            FROM generate_series(1, %(rejects)s) AS k
            """,
            {**values, "raw": HOSTILE},
        )
        if parts:
            self._conn.execute(
                statement("merge/replace", "make_current"),
                {
                    "dataset": table,
                    "origin": origin,
                    "parts": list(parts),
                    "deliveries": [delivery] * len(parts),
                    "made_at": [made_at] * len(parts),
                    "versions": [f"{made_at:%s}"] * len(parts),
                },
            )
        return delivery

    def fail(self, delivery: int, *sentences: str, task_id: str = "aws_cost.load") -> None:
        """Enter failed tries to load a delivery, a minute apart, the last one just now."""
        for before, sentence in enumerate(reversed(sentences)):
            self._conn.execute(
                """
                INSERT INTO ops.failed_try
                (delivery_id, sentence, failed_at, dag_id, run_id, task_id)
                SELECT %s, %s, now() - make_interval(mins => %s), %s, %s, %s
                """,
                (delivery, sentence, before, "vocareum_lab_analytics", RUN_ID, task_id),
            )

    def _day(self, name: str, table: str) -> None:
        """Reports of Echo360, made when the day was complete, but for the last two."""
        if name in ("polling", "qanda"):
            return
        for before in range(BEGUN, -1, -1):
            day = self.day(before)
            made_at = _at(day, days=min(3, before + 1))
            if (name, before) == ("notes", 0):
                continue
            if name == "videoview":
                if before in (10, 11):
                    continue
                if before == 5:
                    made_at = _at(day, days=1)
            self.deliver(
                table, HOST, f"{name} {day}/{day + timedelta(days=1)}", made_at,
                parts=(str(day),), days=(day, day + timedelta(days=1)),
                rejects=3 if (name, before) == ("viewsessions", 20) else 0,
            )  # fmt: skip
        if name == "notes":
            for days in ((self.day(44), self.day(39)), (self.day(0), self.day(-1))):
                lost = f"{name} {days[0]}/{days[1]}"
                self.deliver(table, HOST, lost, _at(days[1]), status="landed", days=days)
        if name == "presentation":
            day = self.day(30)
            held = self.deliver(
                table, HOST, f"{name} {day}", _at(day, days=20), status="held",
                days=(day, day + timedelta(days=1)), details={"shrinks": [str(day)]},
            )  # fmt: skip
            self._conn.execute(
                "UPDATE ops.delivery SET problem = 'it would shrink <i>' WHERE delivery_id = %s",
                (held,),
            )

    def _snapshot(self, name: str, table: str) -> None:
        for before in range(BEGUN, -2, -1):
            day = self.day(before)
            if before != 25:
                self.deliver(
                    table, HOST, f"{name} {day}", _at(day), parts=(str(day),),
                    days=(day, day + timedelta(days=1)),
                )  # fmt: skip
        day = self.day(35)
        self.deliver(
            table, HOST, f"{name} {day}", _at(day) + timedelta(hours=1), status="landed",
            days=(day, day + timedelta(days=1)),
        )  # fmt: skip

    def _file(self, name: str, table: str) -> None:
        if name == "service_spend":
            first = self.day(BEGUN).replace(day=1)
            while first <= self.day(0):
                end = (first + timedelta(days=31)).replace(day=1)
                key = f"{ORG}/{name}/{name}_{first:%Y-%m}.csv"
                made_at = _at(min(end, self.day(-1)))
                self.deliver(table, ORG, key, made_at, parts=(key,), days=(first, end))
                first = end
            return
        for before in range(BEGUN, -1, -1):
            day = self.day(before)
            if (name, before) not in (("lab_sessions", 15), ("lab_sessions", 14), ("aws_cost", 0)):
                key = f"{ORG}/{name}/{name}_{day}.csv"
                self.deliver(
                    table, ORG, key, _at(day, days=1), parts=(key,),
                    days=(day, day + timedelta(days=1)),
                    rejects=REJECTS.get((name, before), 0),
                )  # fmt: skip
        if name == "aws_cost":
            for before, made_after, status in (
                (0, 1, "landed"), (21, 2, "landed"), (22, 0, "landed"), (23, 2, "replaced"),
            ):  # fmt: skip
                day = self.day(before)
                late = self.deliver(
                    table, ORG, f"{ORG}/{name}/{name}_{day}.csv", _at(day, days=made_after),
                    status=status, days=(day, day + timedelta(days=1)),
                )  # fmt: skip
                if before == 21:
                    self.fail(late, "the first try", UNREADABLE)

    def _state(self, name: str, table: str) -> None:
        for before in range(BEGUN, -1, -3):
            key = f"{ORG}/{name}/course1/{name}.csv"
            self.deliver(table, ORG, key, _at(self.day(before)), parts=(key,))
        if name == "course_mapping":
            key = f"{ORG}/{name}/course1/{name}.csv"
            self.deliver(table, ORG, key, _at(self.day(-1)), parts=(key,))
        if name == "grades":
            again = f"{ORG}/{name}/course1/{name}.csv"
            self.deliver(table, ORG, again, _at(self.day(1)), status="landed")
            lost = f"{ORG}/{name}/course1/{name}.csv"
            self.deliver(table, ORG, lost, _at(self.day(6)), status="landed")
            left = f"{ORG}/{name}/course2/{name}.csv"
            self.deliver(table, ORG, left, _at(self.day(4)), status="landed")

    def _log(self, name: str, table: str) -> None:
        """Logs of two servers, in weekly tars."""
        for before in range(BEGUN, 2, -1):
            if before == 9:
                continue
            day = self.day(before)
            tar = min(day + timedelta(days=6 - day.weekday()), self.day(0))
            for server in (1, 2):
                self.deliver(
                    table, SITE, f"prod-edx-00{server}/{day}-{SITE}.log.gz", _at(tar),
                    status="landed" if (server, before) == (2, 7) else "merged",
                    rejects=2 if (server, before) == (1, 16) else 0,
                    uri=f"s3://course-data/{tar}-{SITE}-tracking.tar",
                )  # fmt: skip

    def _new_column(self) -> None:
        delivery = self._conn.execute("SELECT max(delivery_id) AS id FROM ops.delivery").fetchone()
        assert delivery
        headers = (("Device <u>Model</u>", "new"), ("latency_time_ms", "missing"))
        ledger.note_schema_changes(
            self._conn,
            dataset="vocareum.lab_sessions",
            origin=ORG,
            changes=dict.fromkeys(headers, delivery["id"]),
        )

    def _requests(self) -> None:
        """Two windows of one report, of which the second one failed."""
        for before, status in ((13, "Available"), (6, "Failed")):
            self._conn.execute(
                """
                INSERT INTO ops.report_request
                (origin, report, first_day, end_day, runs, request_id, status, problem)
                VALUES (%s, 'videoview', %s, %s, %s, %s, %s, %s)
                """,
                (
                    HOST, self.day(before), self.day(before - 7), [RUN], f"request {status}",
                    status, HOSTILE if status == "Failed" else None,
                ),
            )  # fmt: skip


def _at(day: date, *, days: int = 0) -> datetime:
    """Six o'clock, some days later."""
    return datetime.combine(day + timedelta(days=days), time(6), UTC)
