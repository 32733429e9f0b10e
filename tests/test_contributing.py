"""What CONTRIBUTING.md says is needed to add a report, a file and an event is enough."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.pages import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from include.sandbox.postgres import EmbeddedPostgres

TEXT = (ROOT / "CONTRIBUTING.md").read_text()

LOAD = """
import json, runpy, sys
from datetime import date
from psycopg.conninfo import conninfo_to_dict
from learning_warehouse.pages.sources import SOURCES
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.vocareum.files import REGISTRY
from learning_warehouse.warehouse.connection import open_warehouse
from tests.edx.loading import line, load as load_log
from tests.warehouse.roads import load, rows

conn = open_warehouse(dict(conninfo_to_dict(sys.argv[1])), called="the scratch copy")
report = REPORTS["reactions"]
beat = b"mediaID,Reaction,event_timestamp,user email\\nm,wow,2026-01-05 10:00:00,a@b\\n"
load(conn, report.dataset, beat, days=(date(2026, 1, 5), date(2026, 1, 6)))
(files,) = [files for files in REGISTRY if files.dataset.name == "attendance"]
assert files.wanted("attendance/course7/attendance.csv", days=None)
load(conn, files.dataset, b"User ID,Course ID,Attended At\\n1,7,Feb-23-2022 9:40:20 pm UTC\\n")
opened = {"event_type": "edx.whiteboard.opened", "event": {"board_id": "b", "page_number": "2"}}
load_log(conn, line(1, **opened))
dags = [
    dag.task_ids
    for name in ("echo360_reports", "vocareum_lab_analytics", "warehouse_rebuild")
    for dag in runpy.run_path(f"dags/{name}.py")["DAGS"]
]
print("FOUND", json.dumps({
    "report": rows(conn, "echo360.reactions", "reaction, email"),
    "file": rows(conn, "vocareum.attendance", "userid, courseid, attended_at::text"),
    "event": rows(conn, "edx.whiteboard_opening", "username, board_id, page_number"),
    "steps": [
        "reactions.load" in dags[0], "attendance.load" in dags[1],
        {"echo360.reactions", "vocareum.attendance"} <= set(dags[2]),
    ],
    "covered": sorted(
        dataset.table for source in SOURCES for dataset in source.datasets
        if dataset.name in ("reactions", "attendance")
    ),
}))
"""


def section(heading: str) -> str:
    """The text under a heading."""
    return TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def patch(path: Path, diff: str) -> None:
    """Apply a diff to the only place in a file that it fits."""
    lines = diff.splitlines()
    before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    text = path.read_text()
    assert text.count(before) == 1, path
    path.write_text(text.replace(before, "\n".join(line[1:] for line in lines)))


def test_a_report_a_file_and_an_event(
    postgres: EmbeddedPostgres, warehouse_name: str, tmp_path: Path
) -> None:
    """All three in one scratch copy, whose warehouse has had its tables before."""
    for folder in ("dags", "plugins", "include"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for heading in ("Add a report", "Add a file", "Add an event"):
        (name,) = re.findall(r"include/sql/migrations/(\w+\.sql)", section(heading))
        (migration,) = blocks(section(heading), "sql")
        (tmp_path / "include" / "sql" / "migrations" / name).write_text(migration)
    package = tmp_path / "plugins" / "learning_warehouse"
    (report,) = blocks(section("Add a report"), "diff")
    patch(package / "echo360" / "reports.py", report)
    (files,) = blocks(section("Add a file"), "diff")
    patch(package / "vocareum" / "files.py", files)

    done = subprocess.run(
        [sys.executable, "-c", LOAD, postgres.url(warehouse_name)],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "AIRFLOW_HOME": str(tmp_path / "home"),
                           "PYTHONPATH": f"{package.parent}:{tmp_path}:{ROOT}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    (found,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert json.loads(found.removeprefix("FOUND ")) == {
        "report": [["wow", "a@b"]],
        "file": [["1", "7", "2022-02-23 21:40:20+00"]],
        "event": [["ada", "b", 2]],
        "steps": [True, True, True],
        "covered": ["echo360.reactions", "vocareum.attendance"],
    }
