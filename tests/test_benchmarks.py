"""Each benchmark runs, with little to do and without its promises: one that nothing runs rots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".venv-bench" / "bin"
SMALL = ("--runs", "1", "--no-promises")


def run(python: str | Path, module: str, *arguments: object) -> str:
    """Run a benchmark to its end.

    :returns: what it prints.
    """
    done = subprocess.run(
        [python, "-m", f"benchmarks.{module}", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "plugins"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def found(results: Path, name: str) -> list[str]:
    """The figures that a benchmark has written down: their names."""
    figures = json.loads((results / f"{name}.json").read_text())
    return [row["name"] for row in figures] if isinstance(figures, list) else list(figures)


@pytest.mark.parametrize("subject", ["lab_sessions", "videoview"])
def test_a_file_beside_a_bare_copy(tmp_path: Path, subject: str) -> None:
    results = tmp_path / "results"
    said = run(
        sys.executable, subject, "--state", tmp_path, "--results", results, "--rows", 1000, *SMALL
    )
    assert "Ratio of the medians" in said
    assert {"loads", "copy_seconds", "small"} <= set(found(results, subject))


def test_what_institutions_have(tmp_path: Path) -> None:
    said = run(
        sys.executable, "real_files", "--state", tmp_path, "--results", tmp_path / "results",
        "--rows", 500, "--files", 5, "--ledger", 100, *SMALL,
    )  # fmt: skip
    assert "sessions, 1 % odd beside sessions" in said
    assert "The machine: the same work took" in said


def test_tracking_logs_beside_what_else_loads_them(tmp_path: Path) -> None:
    results = tmp_path / "results"
    run(
        sys.executable, "edx_logs", "--state", tmp_path, "--results", results, "--tools", TOOLS,
        "--lines", 1000, "--large", 2000, *SMALL,
    )  # fmt: skip
    names = set(found(results, "edx_logs"))
    assert {"copy", "edx_tar_to_merged", "dlt", "large_tar_again", "a_week_of_a_course"} <= names
    picture = Path(run(TOOLS / "python", "picture", results).strip())
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_day_of_activity_beside_its_load(tmp_path: Path) -> None:
    said = run(
        sys.executable, "activity", "--state", tmp_path, "--results", tmp_path / "results",
        "--lines", 500, *SMALL,
    )  # fmt: skip
    assert "a day beside its load: " in said


def test_what_airflow_costs_by_itself(tmp_path: Path) -> None:
    results = tmp_path / "results"
    run(
        sys.executable, "airflow_runs", "--state", tmp_path, "--results", results,
        "--readings", 1, "--dags", "edx_tracking_logs", *SMALL,
    )  # fmt: skip
    assert {"edx_tracking_logs", "edx_tracking_logs.py"} <= set(found(results, "airflow_runs"))
