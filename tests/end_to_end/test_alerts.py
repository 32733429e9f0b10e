"""Failed tasks of real runs tell of themselves, once, through the notifier that the file names."""

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
def test_failed_tasks(postgres: EmbeddedPostgres, sandbox: Sandbox, tmp_path: Path) -> None:
    postgres.create_database("alerts")
    home, told = tmp_path / "home", tmp_path / "told.jsonl"
    deploy(home)
    shutil.copy(ROOT / "tests" / "notifier.py", home / "plugins")
    (home / "include" / "alerts.toml").write_text(ALERTS.format(path=told))
    connections: dict[str, Any] = sandbox.airflow_connections(postgres.url("alerts"))
    connections["vocareum"]["password"] = "no-such-token"
    confs: dict[str, Any] = {
        "vocareum_lab_analytics": {},
        "edx_tracking_logs": {"earlyest": True},
    }
    assert run_dags(home, connections, confs) == dict.fromkeys(confs, "failed")
    texts = [json.loads(line) for line in told.read_text().splitlines()]
    credentials, *others = texts
    assert credentials.startswith("credentials | vocareum_lab_analytics manual__")
    assert "credentials failed: Vocareum refuses the token" in credentials
    assert "no-such-token" not in credentials
    # The lanes find that there is nothing for them, and the summary tells of nothing new.
    assert sorted(text.partition(" | ")[0] for text in others) == ["replay", "unpack"]
    for text in others:
        assert "This DAG has no Param 'earlyest': did you mean 'earliest'?" in text
