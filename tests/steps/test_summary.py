"""What a run says at its end."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from learning_warehouse.errors import StepsFailed
from learning_warehouse.steps.summary import SummaryOperator
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.batches import Merged
from tests.warehouse.roads import LAB_SESSIONS, VIDEOVIEW, load

if TYPE_CHECKING:
    from pathlib import Path

    from learning_warehouse.warehouse.connection import Connection

HEADER = b"event_timestamp,duration_Minute\n"
RUN = SimpleNamespace(
    dag_id="echo360_reports",
    run_id="manual__1",
    run_type="manual",
    conf={},
    start_date=datetime(2026, 1, 9, tzinfo=UTC),
)

SCHEDULED = SimpleNamespace(
    dag_id="echo360_reports",
    run_id="scheduled__1",
    run_type="scheduled",
    conf=None,
    start_date=datetime(2026, 1, 9, tzinfo=UTC),
)


class Tasks:
    """Says of the run's tasks how they ended, and what those said that failed."""

    def __init__(self, states: dict[str, str], said: dict[str, str]) -> None:
        self._states = states
        self._said = said

    def xcom_pull(self, task_ids: str, key: str) -> str | None:
        assert key == "failure"
        return self._said.get(task_ids)

    def get_task_states(self, **_: Any) -> dict[str, dict[str, str]]:
        return {RUN.run_id: self._states}


def summarised(
    loads: list[Any],
    run: Any = RUN,
    params: dict[str, Any] | None = None,
    said: dict[str, str] | None = None,
    **states: str,
) -> list[dict[str, Any]]:
    ti = Tasks(states, said or {})
    context: Any = {"dag_run": run, "ti": ti, "params": params or {}}
    context["dag"] = DAG(run.dag_id, schedule=None)
    return SummaryOperator(
        task_id="summarise", loads=loads, schemas=["echo360", "vocareum"]
    ).execute(context)


pytestmark = pytest.mark.usefixtures("connections")


def test_it_tells_days_requests_and_rows(warehouse: Connection) -> None:
    loads = []
    for version, day in ((1, 5), (2, 7)):
        days = (date(2026, 1, day), date(2026, 1, day + 2))
        rows = f"2026-01-{day:02} 10:00:00,50\nnever,50\n".encode()
        merged = load(warehouse, VIDEOVIEW, HEADER + rows, version, name=str(days), days=days)
        loads.append([asdict(merged)])
        warehouse.execute(
            "INSERT INTO ops.report_request (origin, report, first_day, end_day, runs, request_id)"
            " VALUES ('here', 'videoview', %s, %s, %s, %s)",
            (*days, ["echo360_reports manual__1"], f"request {version}"),
        )
    (row_of_it,) = summarised([*loads, None])
    assert row_of_it == {
        "dataset": "echo360.videoview",
        "first_day": "2026-01-05",
        "last_day": "2026-01-08",
        "requests": 2,
        "deliveries": 2,
        "rows_read": 4,
        "rows_merged": 2,
        "rows_duplicate": 0,
        "rows_superseded": 0,
        "rows_filtered": 0,
        "rows_rejected": 2,
    }


def test_a_run_names_the_steps_that_failed_themselves_with_their_sentences() -> None:
    states = {
        "plan": "success",
        "videoview.wait": "failed",
        "videoview.load": "upstream_failed",
        "polling.wait": "failed",
        "qanda.load": "failed",
        "asset.land": "skipped",
    }
    said = {
        "videoview.wait": "Echo360 refuses the login: check it.",
        "polling.wait": "Echo360 refuses the login: check it.",
    }
    with pytest.raises(StepsFailed) as failure:
        summarised([None], said=said, **states)
    assert str(failure.value) == (
        "polling.wait, videoview.wait failed: Echo360 refuses the login: check it. | qanda.load "
        "failed: it was killed: see its log. After fixing that, clear the failed tasks. Nothing "
        "was loaded."
    )


def test_a_run_with_wrong_params_is_to_be_triggered_again_not_cleared() -> None:
    wrong = SimpleNamespace(**{**vars(RUN), "conf": {"report": ["videoview"]}})
    said = "This DAG has no Param 'report': did you mean 'reports'? Trigger it again with that."
    with pytest.raises(StepsFailed) as failure:
        summarised([None], run=wrong, said={"plan": said}, plan="failed")
    assert str(failure.value) == f"plan failed: {said} Nothing was loaded."


def test_a_failed_run_says_that_the_rest_is_loaded_where_it_is(warehouse: Connection) -> None:
    merged = [day_of(warehouse, date(2026, 1, 5))]
    with pytest.raises(StepsFailed, match=r"Everything else of this run is loaded\.$"):
        summarised([merged], **{"videoview.wait": "failed"})


def test_the_days_of_logs_are_those_in_their_names(warehouse: Connection) -> None:
    merged = []
    for day in ("20260103", "20260105"):
        line = ledger.deliver(
            warehouse,
            dataset="edx.event",
            origin="here",
            name=f"edx-1/tracking.log-{day}-1.gz",
            version="1",
            made_at=datetime(2026, 1, 9, tzinfo=UTC),
            uri="s3://here/tar",
            size=1,
        )
        merged.append(asdict(Merged(delivery_id=line.delivery_id, dataset="edx.event", name="")))
    (row_of_it,) = summarised([merged])
    assert (row_of_it["first_day"], row_of_it["last_day"]) == ("2026-01-03", "2026-01-05")


def test_the_table_shows_what_was_rejected_near_its_left_edge(
    warehouse: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    summarised([[day_of(warehouse, date(2026, 1, 5), rows=b"never,50\n")]])
    table = capsys.readouterr().out.partition("What this run merged")[2]
    assert table.splitlines()[1].split() == [
        "dataset", "read", "merged", "rejected", "duplicate", "superseded", "filtered",
        "deliveries", "first_day", "last_day", "requests",
    ]  # fmt: skip


def test_nothing_new(warehouse: Connection) -> None:
    assert summarised([None, []]) == []


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to which every kind of alert is written."""
    told, alerts = tmp_path / "told.jsonl", tmp_path / "alerts.toml"
    told.touch()
    tables = [
        f'[{kind}]\nnotifier = "tests.notifier.FileNotifier"\npath = "{told}"\n'
        f'text = "{kind} in {{{{ dag.dag_id }}}}: {{{{ alert }}}}"\n'
        for kind in ("failure", "rejects", "schema_change", "gap")
    ]
    alerts.write_text("".join(tables))
    monkeypatch.setattr("learning_warehouse.steps.alerts.ALERTS", alerts)
    return told


def texts(told: Path, kind: str) -> list[str]:
    """The alerts of one kind, each without the run that it begins with."""
    lines = map(json.loads, told.read_text().splitlines())
    return [line.partition("__1: ")[2] for line in lines if line.startswith(f"{kind} in ")]


def day_of(warehouse: Connection, day: date, version: int = 1, rows: bytes = b"") -> dict[str, Any]:
    """Load the report of a day."""
    days = (day, day + timedelta(days=1))
    return asdict(load(warehouse, VIDEOVIEW, HEADER + rows, version, name=str(day), days=days))


def test_rejects_above_the_share_are_told(warehouse: Connection, told: Path) -> None:
    rows = b"".join(b"2026-01-05 10:00:%02d,50\n" % n for n in range(48)) + b"never,50\n" * 2
    merged = [day_of(warehouse, date(2026, 1, 5), rows=rows)]
    summarised([merged], params={"reject_share": 0.04})
    assert texts(told, "rejects") == []
    summarised([merged])
    assert texts(told, "rejects") == [
        "echo360.videoview: 2 of 50 rows were rejected; ops.rejected_row says why."
    ]
    assert '"rejects in echo360_reports: echo360_reports manual__1: ' in told.read_text()


def test_a_file_above_the_share_is_told_though_its_table_is_below(
    warehouse: Connection, told: Path
) -> None:
    good = b"".join(b"2026-01-05 10:00:%02d,50\n" % (n % 60) for n in range(400))
    merged = [
        day_of(warehouse, date(2026, 1, 5), rows=good),
        day_of(warehouse, date(2026, 1, 6), rows=b"never,50\n" * 3 + b"2026-01-06 10:00:00,50\n"),
    ]
    summarised([merged])
    assert texts(told, "rejects") == [
        "echo360.videoview: 3 of 404 rows were rejected (2026-01-06: 3 of 4); ops.rejected_row "
        "says why."
    ]


def test_a_change_of_a_schema_is_told_by_the_run_that_saw_it(
    warehouse: Connection, told: Path
) -> None:
    header = b"User Id,Device Model\n"
    merged = [asdict(load(warehouse, LAB_SESSIONS, header + b"u,phone\n", 1))]
    later = SimpleNamespace(**{**vars(RUN), "start_date": datetime.now(UTC) + timedelta(hours=1)})
    summarised([merged], run=later)
    assert texts(told, "schema_change") == []
    summarised([merged])
    summarised([None])
    found = texts(told, "schema_change")
    assert len(found) == 2, "whether any of it was merged or not"
    for text in found:
        assert "vocareum.lab_sessions of here: the column 'Device Model' is new." in text
        assert "the columns 'assignment_id', 'assignment_name', " in text
        assert "'user_email' are missing." in text


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("report", "Echo360 offers this report, which has no table here."),
        ("parameter zone", "Echo360 requires the parameter zone, which is not known here."),
    ],
)
def test_a_report_or_parameter_that_is_not_known_is_told(
    warehouse: Connection, told: Path, header: str, says: str
) -> None:
    changes = {(header, "new"): None}
    ledger.note_schema_changes(warehouse, dataset="echo360.x", origin="here", changes=changes)
    summarised([None])
    assert texts(told, "schema_change") == [f"echo360.x of here: {says}"]


def test_a_scheduled_run_tells_once_of_the_days_that_it_leapt_over(
    warehouse: Connection, told: Path
) -> None:
    first = date(2026, 1, 1)
    summarised([[day_of(warehouse, first)]], run=SCHEDULED)
    assert texts(told, "gap") == [], "nothing was loaded before"
    leapt = [day_of(warehouse, first + timedelta(days=n)) for n in (4, 5)]
    summarised([leapt], run=RUN)
    assert texts(told, "gap") == [], (
        "a run by hand, or a backfill, is for the days that it was given"
    )
    summarised([leapt], run=SCHEDULED)
    (text,) = texts(told, "gap")
    assert text.startswith(
        "echo360.videoview of here: nothing was loaded for 2026-01-02 to 2026-01-04, though"
    )
    summarised([[day_of(warehouse, first + timedelta(days=6))]], run=SCHEDULED)
    summarised([[day_of(warehouse, first + timedelta(days=2))]], run=SCHEDULED)
    assert len(texts(told, "gap")) == 1


def test_what_is_found_is_told_of_a_failed_run_too(warehouse: Connection, told: Path) -> None:
    merged = [day_of(warehouse, date(2026, 1, 5), rows=b"never,50\n")]
    with pytest.raises(StepsFailed):
        summarised([merged], **{"videoview.wait": "failed"})
    assert len(texts(told, "rejects")) == 1


def test_nobody_is_told_unless_the_file_says_so(
    warehouse: Connection, told: Path, caplog: pytest.LogCaptureFixture
) -> None:
    merged = [day_of(warehouse, date(2026, 1, 5), rows=b"never,50\n")]
    (told.parent / "alerts.toml").unlink()
    summarised([merged])
    assert "The alert was not sent" not in caplog.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[rejects", "TOMLDecodeError"),
        ("[rejcts]", "there is no alert rejcts, only failure, rejects"),
        ("[rejects]", "it has no line notifier ="),
        ('[rejects]\nnotifier = "no.such.Class"', "No module named"),
        ('[rejects]\nnotifier = "tests.notifier.FileNotifier"', "TypeError"),
        (
            '[rejects]\nnotifier = "tests.notifier.FileNotifier"\npath = "/no/where"\ntext = ""',
            "No such file",
        ),
        ('[rejects]\nnotifier = "tests.notifier.Webhook"\nurl = "hush"', "RuntimeError"),
    ],
)
def test_an_alert_that_cannot_be_sent_is_one_warning(
    warehouse: Connection, told: Path, caplog: pytest.LogCaptureFixture, text: str, says: str
) -> None:
    (told.parent / "alerts.toml").write_text(text)
    merged = [day_of(warehouse, date(2026, 1, 5), rows=b"never,50\n")]
    assert len(summarised([merged])) == 1
    said = [r.getMessage() for r in caplog.records if "The alert was not sent" in r.getMessage()]
    (warning,) = [sentence for sentence in said if "correct [rejects] in" in sentence]
    assert says in warning
    assert "hush" not in caplog.text, "Airflow logs what a notifier raises"
