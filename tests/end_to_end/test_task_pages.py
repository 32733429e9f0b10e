"""What a task's page shows besides its log: links that lead somewhere, days in its fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.server import Sandbox
from include.sandbox.stack import AIRFLOW_2, week_until
from tests.end_to_end.deployment import RUN_DAGS, deploy, run_python

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres

PAGES = """
import airflow.serialization.serialized_objects as serialized
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.utils.session import create_session

kind = getattr(serialized, "DagSerialization", None) or serialized.SerializedDAG
for run in runs:
    dag = kind.from_dict(kind.to_dict(bag.dags[run.dag_id]))
    for ti in run.get_task_instances():
        task = dag.get_task(ti.task_id)
        with create_session() as session:
            fields = RenderedTaskInstanceFields.get_templated_fields(ti, session=session)
        links = {name: task.get_extra_links(ti, name) for name in task.extra_links}
        page = {"state": ti.state, "links": links, "fields": fields}
        print("PAGE", json.dumps([run.dag_id, ti.task_id, page], default=str))
"""
SECRET = ("X-Amz", "Signature", "AWSAccessKeyId", "password", "token")


@pytest.mark.timeout(900)
def test_each_link_of_a_run_leads_somewhere(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = week_until(2)
    postgres.create_database("task_pages")
    deploy(tmp_path / "home")
    days = {"first_day": str(last), "last_day": str(last)}
    confs = {
        "vocareum_lab_analytics": {**days, "datasets": ["lab_sessions", "grades"]},
        "echo360_reports": {**days, "reports": ["videoview"], "poll_interval": 5},
        "edx_tracking_logs": {**days},
    }
    sandbox = Sandbox(
        tmp_path / "sandbox", first_day=first, days=7, students=20, courses=2, seed=7
    ).start()
    try:
        connections = sandbox.airflow_connections(postgres.url("task_pages"))
        script = RUN_DAGS + PAGES
        said = run_python(tmp_path / "home", connections, script, json.dumps(confs))
        pages = read_pages(said)
    finally:
        sandbox.stop()
    check_links(pages)
    warehouse = json.dumps(connections["learning_warehouse"])
    monkeypatch.setenv("AIRFLOW_CONN_LEARNING_WAREHOUSE", warehouse)
    if not AIRFLOW_2:
        check_pages_of_the_ledger(pages)

    vocareum, echo360 = pages["vocareum_lab_analytics"], pages["echo360_reports"]
    day = f"{last} to {last}"
    assert vocareum["lab_sessions.land"]["fields"]["days"] == day
    assert pages["edx_tracking_logs"]["unpack"]["fields"]["days"] == day
    assert echo360["plan"]["fields"]["days"] == day
    for task in ("submit", "wait"):
        assert str(last) in str(echo360[f"videoview.{task}"]["fields"]["windows"])


def read_pages(said: str) -> dict[str, dict[str, Any]]:
    """What the script printed: DAG → task → what its page has."""
    pages: dict[str, dict[str, Any]] = {}
    for line in said.splitlines():
        if line.startswith("PAGE "):
            dag_id, task_id, page = json.loads(line.removeprefix("PAGE "))
            pages.setdefault(dag_id, {})[task_id] = page
    return pages


def check_links(pages: dict[str, dict[str, Any]]) -> None:
    """Who has none shows none; no secret is in any."""
    vocareum, echo360 = pages["vocareum_lab_analytics"], pages["echo360_reports"]
    for of_dag, task_id in ((vocareum, "lab_sessions.land"), (echo360, "videoview.land")):
        assert not of_dag[task_id]["links"]["Landed"], "the sandbox's buckets are not Amazon's"
    for skipped in (vocareum["enrollment.land"], echo360["asset.submit"]):
        assert skipped["state"] == "skipped"
        assert not any(skipped["links"].values())
    for of_dag in pages.values():
        for page in of_dag.values():
            assert not any(word in str(page["links"]) for word in SECRET)


def check_pages_of_the_ledger(pages: dict[str, dict[str, Any]]) -> None:
    """Each address of the ledger's is a page that has these lines."""
    from fastapi.testclient import TestClient

    from learning_warehouse.coverage.app import create_app
    from learning_warehouse.pages.guard import Editor, editor_for, sources_for
    from learning_warehouse.pages.sources import SOURCES
    from learning_warehouse.steps.links import ADDRESS, FRAMED

    app = create_app()
    app.dependency_overrides[sources_for] = lambda: list(SOURCES)
    app.dependency_overrides[editor_for] = lambda: Editor("nobody", frozenset())
    client = TestClient(app)

    def look(dag_id: str, task_id: str, link: str) -> str:
        address = pages[dag_id][task_id]["links"][link]
        assert address.startswith(f"{FRAMED}?"), address
        assert address.startswith(ADDRESS)
        answer = client.get(f"/{address.removeprefix(FRAMED)}")
        assert answer.status_code == 200
        return answer.text

    for task_id in ("lab_sessions.land", "lab_sessions.load"):
        text = look("vocareum_lab_analytics", task_id, "Ledger")
        assert "of ops.delivery: vocareum.lab_sessions of org123" in text
        assert "<p>merged: " in text
    for task_id in ("unpack", "lane_1.load"):
        text = look("edx_tracking_logs", task_id, "Ledger")
        assert "of ops.delivery: edx.event of UniversityA" in text
    for task_id in ("videoview.submit", "videoview.wait", "videoview.land"):
        text = look("echo360_reports", task_id, "Requests")
        assert "Requests for videoview" in text
        assert "Available" in text
    text = look("echo360_reports", "videoview.land", "Ledger")
    assert "of ops.delivery: echo360.videoview" in text
