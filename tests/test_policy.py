"""What holds for every DAG, and what reading a DAG file may cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import DAG

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "dags").glob("*.py"))
SOURCES = (
    "echo360_reports",
    "edx_tracking_logs",
    "learning_activity",
    "vocareum_lab_analytics",
)
UPKEEP = ("warehouse_erasure", "warehouse_housekeeping", "warehouse_rebuild")
HEAVY = ("pandas", "boto3", "psycopg", "requests", "aiohttp", "msgspec")

READ = """
import importlib.util, json, sys, warnings
import airflow
from airflow.providers.common.compat.sdk import (
    DAG, Asset, AssetAlias, AirflowSkipException, BaseOperator, BaseSensorOperator, Param,
    TaskGroup, TriggerRule,
)
from airflow.timetables.base import Timetable
from airflow.triggers.base import BaseTrigger

before = set(sys.modules)
spec = importlib.util.spec_from_file_location("read", sys.argv[1])
module = importlib.util.module_from_spec(spec)
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    spec.loader.exec_module(module)
print(json.dumps({
    "modules": sorted(set(sys.modules) - before),
    "warnings": [f"{w.filename}:{w.lineno} {w.message}" for w in warned],
}))
"""


def dags_of(path: Path) -> list[DAG]:
    """The DAGs of a file."""
    import runpy

    dags: list[DAG] = runpy.run_path(str(path))["DAGS"]
    return dags


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def dag(request: pytest.FixtureRequest) -> DAG:
    """The DAG of a file that has its name."""
    (found,) = (dag for dag in dags_of(request.param) if dag.dag_id == request.param.stem)
    return found


def test_there_is_a_dag_file_for_each_source_and_each_kind_of_upkeep() -> None:
    assert [path.stem for path in FILES] == [*SOURCES, *UPKEEP]


def test_a_dag_says_what_it_is_and_does_not_catch_up(dag: DAG) -> None:
    from learning_warehouse.timetable import UTCDays

    assert dag.doc_md
    assert dag.description
    assert dag.tags
    assert dag.catchup is False
    if dag.dag_id in SOURCES:
        assert {"first_day", "last_day", "earliest", "reload", "reject_share"} <= set(dag.params)
    if dag.dag_id in ("warehouse_erasure", "warehouse_rebuild"):
        assert not dag.timetable.can_be_scheduled
    else:
        assert isinstance(dag.timetable, UTCDays)


def test_the_trigger_form_can_be_submitted_as_it_opens(dag: DAG) -> None:
    """Airflow takes an empty field, of text or of a list, for a required one that is missing."""
    for name in dag.params:
        schema = dag.params.get_param(name).schema
        assert dag.params[name] not in ("", []) or "null" in schema["type"], name


def test_every_task_has_an_owner_and_may_be_tried_again(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.owner == "learning-analytics", task.task_id
        assert task.retries is not None
        assert task.retries >= 2, task.task_id
        assert task.retry_exponential_backoff, task.task_id


def test_whoever_fails_tells_of_it(dag: DAG) -> None:
    from learning_warehouse.steps.alerts import tell_of_failure

    for task in dag.tasks:
        told: Any = task.on_failure_callback
        assert tell_of_failure in (told if isinstance(told, (list, tuple)) else [told])


def test_why_a_task_failed_is_said_last_in_its_log(dag: DAG) -> None:
    from learning_warehouse.steps.alerts import say_failure

    for task in dag.tasks:
        told: Any = task.on_retry_callback
        assert say_failure in (told if isinstance(told, (list, tuple)) else [told])


def test_the_first_tasks_refuse_params_that_the_dag_does_not_have(dag: DAG) -> None:
    first = [task for task in dag.tasks if not task.upstream_task_ids]
    assert 1 <= len(first) <= 3, "each of them fails and tells of it"
    for task in first:
        said = refusal(dag, task, {"report": ["videoview"]})
        assert said.startswith("This DAG has no Param 'report'"), task.task_id


def refusal(dag: DAG, task: Any, conf: dict[str, Any]) -> str:
    """What the first task of a run with these Params says before it begins; empty if nothing."""
    from learning_warehouse.errors import PermanentFailure

    run = SimpleNamespace(conf=conf, run_type="manual")
    params: dict[str, Any] = {**dag.params, **conf}
    try:
        task._pre_execute_hook({"dag": dag, "dag_run": run, "params": params})
    except PermanentFailure as failure:
        return str(failure)
    return ""


@pytest.mark.parametrize(
    ("dag_id", "conf", "says"),
    [
        ("echo360_reports", {}, ""),
        ("echo360_reports", {"reports": ["videoview"], "reload": True}, ""),
        ("echo360_reports", {"report": ["videoview"], "reload": True}, "did you mean 'reports'?"),
        ("vocareum_lab_analytics", {"dataset": ["grades"]}, "did you mean 'datasets'?"),
        ("vocareum_lab_analytics", {"zzzz": 1}, "only first_day, last_day, earliest,"),
        (
            "vocareum_lab_analytics",
            {"first_day": "2026-01-01", "earliest": True},
            "The Params earliest and first_day contradict each other",
        ),
        ("vocareum_lab_analytics", {"last_day": "2026-01-01", "earliest": True}, ""),
        (
            "vocareum_lab_analytics",
            {"first_day": "2026-01-02", "last_day": "2026-01-01"},
            "is before the first day",
        ),
        ("edx_tracking_logs", {"accept_shrink": True}, "This DAG has no Param 'accept_shrink'"),
        ("edx_tracking_logs", {"replay_rejects": True, "reload": True}, "contradict each other"),
        ("edx_tracking_logs", {"replay_rejects": True, "dry_run": True}, ""),
        (
            "warehouse_housekeeping",
            {"days": 3},
            "This DAG has no Param 'days', only name_events, dry_run: trigger it again",
        ),
        ("warehouse_housekeeping", {"name_events": True}, ""),
    ],
)
def test_params_that_cannot_be_meant_are_refused_in_one_sentence(
    dag_id: str, conf: dict[str, Any], says: str
) -> None:
    (dag,) = dags_of(ROOT / "dags" / f"{dag_id}.py")
    said = refusal(dag, next(task for task in dag.tasks if not task.upstream_task_ids), conf)
    assert (says in said) if says else said == ""


def test_the_schedule_reads_as_a_person_writes_it() -> None:
    summaries = {
        dag.dag_id: dag.timetable.summary
        for path in FILES
        for dag in dags_of(path)
        if dag.dag_id not in ("warehouse_erasure", "warehouse_rebuild")
    }
    assert summaries == {
        "echo360_reports": "08:00 UTC, for the day before",
        "edx_tracking_logs": "06:00 UTC, for the day before",
        "learning_activity": "10:00 UTC, for the day before",
        "vocareum_lab_analytics": "07:00 UTC, for the day before",
        "warehouse_housekeeping": "12:00 UTC, for the day before",
    }


def test_the_label_of_a_param_in_the_form_is_its_name(dag: DAG) -> None:
    for name in dag.params:
        param = dag.params.get_param(name)
        assert "title" not in param.schema
        assert param.description


def test_every_template_field_is_an_attribute(dag: DAG) -> None:
    for task in dag.tasks:
        for field in task.template_fields:
            assert hasattr(task, field), f"{task.task_id}: {field}"


def test_a_dag_is_static(dag: DAG) -> None:
    """`airflow dags backfill` of Airflow 2.11 hangs on mapped task groups."""
    assert not [task.task_id for task in dag.tasks if task.get_needs_expansion()]


def test_no_task_names_an_asset_through_an_alias(dag: DAG) -> None:
    """Of two tasks that are the first to do so at once, Airflow 3.3 fails one for good."""
    from airflow.providers.common.compat.sdk import Asset

    assert {type(outlet) for task in dag.tasks for outlet in task.outlets} <= {Asset}


def test_a_run_ends_with_its_summary(dag: DAG) -> None:
    if dag.dag_id in ("warehouse_erasure", "warehouse_housekeeping"):
        pytest.skip("its tasks say what they did themselves")
    leaves: list[Any] = [task for task in dag.tasks if not task.downstream_task_ids]
    assert [task.task_id for task in leaves] == ["summarise"]
    assert leaves[0].trigger_rule == "all_done"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_file_is_read_without_heavy_modules_and_without_warnings(path: Path) -> None:
    found = read(path)
    heavy = [
        module
        for module in found["modules"]
        if module.split(".")[0] in HEAVY or (".hooks." in module and "providers" in module)
    ]
    assert not heavy
    assert not [warning for warning in found["warnings"] if warning.startswith(str(ROOT))]


def read(path: Path) -> dict[str, list[str]]:
    """What is imported beyond Airflow, and warned of, when a process reads a DAG file."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found
