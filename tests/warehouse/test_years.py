"""A ledger that has grown for years: what scheduled steps ask is found by an index."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.sql import SQL_DIRECTORY, statement

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

FILL: Any = """
INSERT INTO ops.delivery (
    dataset, origin, name, version, made_at, first_day, end_day, uri, status, details
)
SELECT
    (ARRAY['vocareum.grades', 'echo360.videoview', 'edx.event', 'vocareum.lab_sessions'])[
        1 + mod(n, 4)
    ],
    'here',
    CASE mod(n, 4)
        WHEN 0 THEN 'here/grades/course' || mod(n / 4, 300) || '/grades.csv'
        WHEN 1 THEN 'videoview ' || n
        WHEN 2 THEN 'prod/' || to_char(day, 'YYYY-MM-DD') || '-' || n || '.log.gz'
        ELSE 'here/lab_sessions/lab_sessions_' || day || '.csv'
    END,
    'v' || n,
    timestamptz '2021-01-01' + n * interval '1 hour',
    CASE WHEN mod(n, 2) = 1 THEN day END,
    CASE WHEN mod(n, 2) = 1 THEN day + 1 END,
    's3://landing/' || n,
    'merged',
    '{"tar": "s3://edx/tar", "offset": 0}'
FROM generate_series(1, %(rows)s) AS n
CROSS JOIN LATERAL (SELECT date '2021-01-01' + mod(n, 1800) AS day) AS made
"""
NAMES = [f"here/grades/course{n}/grades.csv" for n in range(300)]
VALUES: dict[str, Any] = {
    "dataset": "vocareum.grades",
    "origin": "here",
    "origins": ["here"],
    "sites": ["here"],
    "names": NAMES,
    "versions": ["v1"] * len(NAMES),
    "uris": ["s3://edx/tar"],
    "etags": ["etag"],
    "deliveries": [4001, 4002, 4003, 4004],
    "delivery_id": 4001,
    "changed": [4001],
    "days": [date(2026, 1, 1)],
    "run": "dag run",
    "share": 0.01,
    "report": "videoview",
    "first_day": date(2026, 1, 1),
    "end_day": date(2026, 1, 6),
    "attempts": 3,
    "failed": ["Failed"],
    "is_appended": False,
    "problem": "lost",
    "lines": '[{"dataset": "vocareum.grades", "origin": "here", "name": "name"}]',
    "parts": ["name"],
    "replaced": [4001],
    "successors": [4005],
    "dag_id": "dag",
    "run_id": "run",
    "task_id": "load",
    "accounts": None,
    **{f"rows_{count}": [1] * 4 for count in ("read", "merged", "duplicate", "superseded")},
    **{f"rows_{count}": [0] * 4 for count in ("filtered", "erased", "rejected")},
}
ONE_DELIVERY = {name: 0 for name in VALUES if name.startswith("rows_")} | {"rows_good": 0}

BY_HAND = {
    "ops/by_table": "the demo, at its end",
    "ops/ledger newest": "a run with reload",
    "ops/ledger landed": "a rebuild",
    "ops/housekeeping outdated": "housekeeping, if include/retention.toml asks for it",
    "ops/housekeeping rejected_rows": "housekeeping: it joins what is removed to its deliveries",
    "ops/kept_since landed": "housekeeping, if include/retention.toml has a line for the table",
    "ops/kept_since landed_of_partition": "the same, for each month that goes",
    "edx/replay": "a run with replay_rejects",
}
"""What no scheduled step of a source runs."""


def statements() -> dict[str, str]:
    """The statements that name the ledger, those of the page of coverage, of migrations and of an
    erasure, which looks at all, apart.
    """
    found = {}
    for path in sorted(SQL_DIRECTORY.rglob("*.sql")):
        folder = path.parent.name
        if folder in ("migrations", "coverage", "stewardship"):
            continue
        name = f"{folder}/{path.stem}"
        whole, *sections = re.split(r"^\s*-- section: (.*)$", path.read_text(), flags=re.MULTILINE)
        parts = dict(zip(sections[::2], sections[1::2], strict=True)) or {"": whole}
        for section, text in parts.items():
            if "ops.delivery" in text:
                found[f"{name} {section}".strip()] = text
    return found


def test_no_scheduled_step_reads_all_of_the_ledger(warehouse: Connection) -> None:
    warehouse.execute(FILL, {"rows": 40_000})
    warehouse.execute("ANALYZE ops.delivery")
    named = statements()
    assert BY_HAND.keys() <= named.keys()
    scanned = []
    for name in named.keys() - BY_HAND.keys():
        file, _, section = name.partition(" ")
        values = VALUES
        if name in ("merge/ledger held", "merge/ledger replayed"):
            values = VALUES | ONE_DELIVERY
        query: Any = "EXPLAIN " + statement(file, section or None).as_string(warehouse)
        with warehouse.transaction():
            if file.startswith("activity/"):
                warehouse.execute(statement(file, "prepare"))
            plan = "\n".join(row["QUERY PLAN"] for row in warehouse.execute(query, values))
        if "Seq Scan on delivery" in plan:
            scanned.append(f"{name}\n{plan}")
    assert not scanned, "\n".join(scanned)
