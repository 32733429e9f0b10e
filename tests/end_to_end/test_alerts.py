"""A failed task of a real run tells of itself, once, through the notifier that the file names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.server import ROOT, Sandbox
from tests.end_to_end.deployment import deploy, run_dags

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres

ALERTS = """
[failure]
notifier = "notifier.FileNotifier"
path = "{path}"
text = "{{{{ ti.task_id }}}} | {{{{ alert }}}}"
"""


@pytest.mark.timeout(600)
def test_a_failed_task(postgres: EmbeddedPostgres, sandbox: Sandbox, tmp_path: Path) -> None:
    postgres.create_database("alerts")
    home, told = tmp_path / "home", tmp_path / "told.jsonl"
    deploy(home)
    shutil.copy(ROOT / "tests" / "notifier.py", home / "plugins")
    (home / "include" / "alerts.toml").write_text(ALERTS.format(path=told))
    connections: dict[str, Any] = sandbox.airflow_connections(postgres.url("alerts"))
    connections["vocareum"]["password"] = "no-such-token"
    dag_id = "vocareum_lab_analytics"
    assert run_dags(home, connections, {dag_id: {}}) == {dag_id: "failed"}
    (line,) = told.read_text().splitlines()
    text = json.loads(line)
    assert text.startswith(f"credentials | {dag_id} manual__")
    assert "credentials failed: " in text
    assert "no-such-token" not in text
