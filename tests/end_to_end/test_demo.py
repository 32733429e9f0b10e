"""`make demo` from the outside: it succeeds, says what it did, and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"edx", "echo360", "vocareum"}
TABLES = (
    *("lab_sessions", "aws_cost", "azure_cost", "service_spend", "grades", "enrollment"),
    *("course_mapping", "asn_mapping", "asset", "assetbydate", "presentation", "videoview"),
    *("liveviews", "viewsessions", "viewsessiondetails", "confused", "polling", "pollingv2"),
    *("qanda", "qanda2", "notes", "event"),
)


@pytest.mark.timeout(2400)
def test_the_demo_succeeds_and_leaves_nothing_running(tmp_path: Path) -> None:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW", "MAKE", "MFLAGS"))
    }
    done = subprocess.run(
        ["make", "-s", "demo", f"STATE={tmp_path}"],
        cwd=ROOT,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    (header,) = [line for line in lines if line[:3] == ["source", "table", "deliveries"]]
    rows = {line[1]: line for line in lines if len(line) == len(header)}
    for table in TABLES:
        counts = dict(zip(header, rows[table], strict=True))
        kinds = ("merged", "duplicate", "superseded", "filtered", "held", "rejected")
        assert int(counts["read"]) == sum(int(counts[kind]) for kind in kinds), table
        assert int(counts["merged"]) > 0, table
    (header,) = [line for line in lines if line[:3] == ["person", "source", "account"]]
    people = [line[:2] for line in lines if len(line) == len(header) and line[1] in SOURCES]
    assert {source for _, source in people} == SOURCES
    sources_of = Counter(person for person, _ in people)
    assert set(sources_of.values()) == {1, 2, 3}
    assert "the warehouse equals the truth" in done.stdout
    assert processes_of(tmp_path) == []


def processes_of(state: Path) -> list[str]:
    """The processes that work in a folder or were told of it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            command = " ".join(process.cmdline())
            if str(state) in command or process.cwd().startswith(str(state)):
                found.append(f"{process.pid} {command}")
    return found
