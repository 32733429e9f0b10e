"""The protocol against the sandbox: each request once, three in flight, whatever happens."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString

import pytest

from learning_warehouse.days import Days
from learning_warehouse.echo360 import protocol, request_lines, slots
from learning_warehouse.echo360.hook import Echo360Hook
from learning_warehouse.echo360.progress import Progress
from learning_warehouse.echo360.protocol import advance
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.windows import Window, windows_of
from learning_warehouse.errors import TransientFailure
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.locks import lock_dataset

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

WEEK = Window(date(2026, 1, 5), date(2026, 1, 12))
FIVE_WEEKS = windows_of(REPORTS["videoview"], Days(date(2026, 1, 5), date(2026, 2, 8)))
NO_LAG = timedelta(0)
FOREVER = 3600


def go(
    *windows: Window,
    report: str = "videoview",
    run: str = "echo360_reports one",
    pause: timedelta = timedelta(0),
    **given: Any,
) -> Progress:
    hook = Echo360Hook(longest_pause=0.01)
    return advance(hook, REPORTS[report], windows or (WEEK,), run=run, pause=pause, **given)


def submissions(sandbox: Sandbox) -> int:
    return sum(n for what, n in sandbox.counts().items() if what.startswith("echo360 submitted "))


def submit_as_somebody_else(window: Window = WEEK, **more: str) -> str:
    parameters = {"start": str(window.first_day), "end": str(window.end_day), **more}
    return Echo360Hook().submit("videoview", parameters, {"delimiter": "|"}).request_id


def test_a_window_is_asked_for_once(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=FOREVER)
    first, second = go(), go()
    assert first.pending == second.pending
    assert submissions(echo360) == 1
    echo360.set_faults(echo360_build_seconds=0)
    ready = go()
    assert (ready.available, ready.is_open) == (first.pending, False)


def test_three_are_in_flight(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=FOREVER)
    progress = go(*FIVE_WEEKS)
    assert (len(progress.pending), len(progress.waiting)) == (3, 2)
    assert go(report="asset", run="echo360_reports two").waiting == [WEEK]
    echo360.set_faults(echo360_build_seconds=0)
    while (progress := go(*FIVE_WEEKS)).is_open:
        assert not progress.lost
    assert len(progress.available) == 5
    assert submissions(echo360) == 5
    assert echo360.counts()["echo360 most in flight"] == 3


def test_requests_of_others_hold_slots(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=FOREVER)
    for week in FIVE_WEEKS[1:4]:
        submit_as_somebody_else(week)
    attempted = echo360.counts()["echo360 submissions"]
    assert go().waiting == [WEEK]
    assert echo360.counts()["echo360 submissions"] == attempted


def test_slots_go_round_reports_and_runs(
    echo360: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A report of many windows took each slot that one of its own requests had left."""
    caplog.set_level("INFO")
    echo360.set_clock("2026-03-01T00:00:00Z")
    echo360.set_faults(echo360_build_seconds=60)
    assert len(go(*FIVE_WEEKS).pending) == 3
    two, three = ({"report": r, "run": f"echo360_reports {r}"} for r in ("notes", "confused"))
    for other in (two, three):
        assert len(go(*FIVE_WEEKS[:2], **other).waiting) == 2
    assert "6 windows of all reports and runs wait for one of 3 slots" in caplog.text
    echo360.set_clock("2026-03-01T00:01:01Z")
    progress = go(*FIVE_WEEKS)
    assert (len(progress.pending), len(progress.waiting)) == (1, 1)
    assert len(go(*FIVE_WEEKS[:2], **three).pending) == 1
    assert len(go(*FIVE_WEEKS[:2], **two).pending) == 1
    echo360.set_clock("2026-03-01T00:02:02Z")
    monkeypatch.setattr(slots, "TURN", timedelta(0))
    assert len(go(FIVE_WEEKS[4]).pending) == 1, "two waits and does not come"
    assert submissions(echo360) == 7


def test_a_failure_is_followed_by_pauses_that_grow(echo360: Sandbox, warehouse: Connection) -> None:
    """Three attempts within seconds gave a day up that an outage of a minute had broken."""
    echo360.set_faults(echo360_build_seconds=0, status_of={"videoview": "Failed"}, status_times=3)
    for attempt, left in ((1, 9), (2, 59)):
        while not (pauses := go(pause=timedelta(minutes=10)).pauses):
            pass
        assert submissions(echo360) == attempt
        assert timedelta(minutes=left) < pauses[0] < timedelta(minutes=left + 2)
        warehouse.execute("UPDATE ops.report_request SET written_at = now() - interval '61 min'")
    while (progress := go(pause=timedelta(minutes=10))).is_open:
        assert not progress.pauses
    assert submissions(echo360) == 5, "the week thrice, then its halves"


def test_a_refusal_while_all_slots_are_taken_costs_no_attempt(
    echo360: Sandbox, warehouse: Connection
) -> None:
    """The listing lags, so that the slots of others do not show before the submission."""
    echo360.set_clock("2026-02-20T00:00:00Z")
    echo360.set_faults(echo360_build_seconds=FOREVER, listing_lag_seconds=30)
    for week in FIVE_WEEKS[1:4]:
        submit_as_somebody_else(week)
    attempted = echo360.counts()["echo360 submissions"]
    for _ in range(2):
        assert go().waiting == [WEEK]
    assert echo360.counts()["echo360 submissions"] == attempted + 1
    echo360.set_clock("2026-02-20T00:00:31Z")
    assert go(lag=NO_LAG).waiting == [WEEK]
    line = warehouse.execute(
        "SELECT attempt, submissions, problem FROM ops.report_request"
    ).fetchone()
    assert line == {"attempt": 1, "submissions": 0, "problem": None}


@pytest.mark.parametrize("lag", [NO_LAG, timedelta(minutes=1)])
def test_a_submission_whose_answer_was_lost_is_found(echo360: Sandbox, lag: timedelta) -> None:
    echo360.set_faults(submit_500_after=1, echo360_build_seconds=FOREVER)
    assert go(lag=lag).unknown == [WEEK]
    assert len(go(lag=lag).pending) == 1
    assert submissions(echo360) == 1


def test_a_lost_submission_is_not_repeated_before_the_lag_is_over(echo360: Sandbox) -> None:
    echo360.set_faults(submit_500_before=1, echo360_build_seconds=FOREVER)
    assert go().unknown == [WEEK]
    assert go().unknown == [WEEK]
    assert submissions(echo360) == 0
    assert len(go(lag=NO_LAG).pending) == 1
    assert submissions(echo360) == 1


def test_a_worker_whose_clock_is_ahead_repeats_no_lost_submission(
    echo360: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lag is over by the warehouse's clock alone: it once was by each worker's own."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(hours=2)

    echo360.set_faults(submit_500_before=1, echo360_build_seconds=FOREVER)
    assert go().unknown == [WEEK]
    for module in (protocol, request_lines):
        monkeypatch.setattr(module, "datetime", Ahead, raising=False)
    assert go().unknown == [WEEK]
    assert submissions(echo360) == 0


def test_a_process_that_died_in_its_submission_is_taken_over(
    echo360: Sandbox, warehouse: Connection
) -> None:
    echo360.set_faults(echo360_build_seconds=FOREVER)
    (request_id,) = go().pending
    warehouse.execute(
        "UPDATE ops.report_request SET request_id = NULL, status = NULL, created = NULL, "
        "answered_at = NULL, submitting_since = now()"
    )
    assert go().pending == [request_id]
    assert submissions(echo360) == 1


def test_an_older_request_is_not_taken_for_a_lost_one(echo360: Sandbox) -> None:
    echo360.set_clock("2026-01-12T00:00:00Z")
    theirs = submit_as_somebody_else()
    echo360.set_faults(submit_500_after=1)
    assert go().unknown == [WEEK]
    progress = go()
    assert progress.pending + progress.available != [theirs]
    assert submissions(echo360) == 2


def test_a_request_of_somebody_else_is_adopted(echo360: Sandbox) -> None:
    theirs = submit_as_somebody_else()
    progress = go()
    assert progress.pending + progress.available == [theirs]
    assert submissions(echo360) == 1


@pytest.mark.parametrize(
    "parameters",
    [{"sectionId": "7"}, {"start": "2026-01-05T12:00:00Z"}, {"end": "2026-01-12T00:00:00.001Z"}],
    ids=["another parameter", "half a day less", "a moment more"],
)
def test_a_request_for_something_else_is_not_adopted(
    echo360: Sandbox, parameters: dict[str, str]
) -> None:
    """Each served a whole week."""
    echo360.set_faults(any_parameters=True, echo360_build_seconds=FOREVER)
    theirs = submit_as_somebody_else(**parameters)
    assert theirs not in go().pending
    assert submissions(echo360) == 2


def test_midnight_and_a_parameter_without_a_value_change_nothing(echo360: Sandbox) -> None:
    echo360.set_faults(any_parameters=True, echo360_build_seconds=FOREVER)
    theirs = submit_as_somebody_else(start="2026-01-05T00:00:00.000Z", sectionId="")
    assert go().pending == [theirs]


def test_a_request_made_before_the_data_was_complete_is_not_adopted(echo360: Sandbox) -> None:
    echo360.set_clock("2026-01-13T23:59:59Z")
    theirs = submit_as_somebody_else()
    progress = go()
    assert theirs not in progress.pending + progress.available
    assert submissions(echo360) == 2


def test_another_run_asks_again_for_what_was_not_complete(echo360: Sandbox) -> None:
    echo360.set_clock("2026-01-12T08:00:00Z")
    go()
    echo360.set_clock("2026-01-12T09:00:00Z")
    (early,) = go().available
    echo360.set_clock("2026-01-20T08:00:00Z")
    go(run="echo360_reports two")
    echo360.set_clock("2026-01-20T09:00:00Z")
    (late,) = go(run="echo360_reports two").available
    assert late != early
    assert go().available == [early]
    assert go(run="echo360_reports three").available == [late]
    assert submissions(echo360) == 2


def test_what_a_dead_run_left_pending_is_not_taken_for_complete(echo360: Sandbox) -> None:
    """Its line still says Pending, and Echo360 made the report before the data was complete."""
    echo360.set_clock("2026-01-12T08:00:00Z")
    (early,) = go().pending
    echo360.set_clock("2026-01-20T08:00:00Z")
    (late,) = go(run="echo360_reports two").pending
    assert late != early
    assert go().available == [early]


def deliver(warehouse: Connection, request_id: str) -> int:
    """Enter the report of a request into the ledger, as its landing does."""
    origin = Echo360Hook().origin
    _, created, _ = request_lines.find(warehouse, origin, request_id)
    return ledger.deliver(
        warehouse,
        dataset="echo360.videoview",
        origin=origin,
        name=f"videoview {WEEK}",
        version=request_id,
        made_at=created,
        uri="s3://landing-zone/report",
        size=1,
        first_day=WEEK.first_day,
        end_day=WEEK.end_day,
    ).delivery_id


def test_what_has_landed_does_not_expire(echo360: Sandbox, warehouse: Connection) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    assert go().is_open is False
    (request_id,) = go().available
    deliver(warehouse, request_id)
    echo360.set_clock(f"{datetime.now(UTC) + timedelta(days=15)}")
    assert go().available == [request_id]
    assert go(run="echo360_reports two").available == [request_id]
    assert submissions(echo360) == 1


def test_what_is_to_be_deleted_soon_is_told_until_it_has_landed(
    echo360: Sandbox, warehouse: Connection
) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    assert go().aging == []
    echo360.reset()
    warehouse.execute("TRUNCATE ops.report_request")
    echo360.set_faults(echo360_build_seconds=0)
    echo360.set_clock(f"{datetime.now(UTC) - timedelta(days=8)}")
    (request_id,) = go().available
    assert go().aging == [request_id]
    deliver(warehouse, request_id)
    assert go().aging == []


@pytest.mark.parametrize(
    "change",
    [
        "status = 'held'",
        "status = 'merged', details = '{\"undone\": true}'",
        "status = 'merged', removed_at = now()",
    ],
    ids=["held", "undone", "removed"],
)
def test_another_run_asks_again_for_what_is_held_undone_or_removed(
    echo360: Sandbox, warehouse: Connection, change: LiteralString
) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    while (first := go()).is_open:
        pass
    deliver(warehouse, *first.available)
    assert go(run="echo360_reports two").available == first.available
    warehouse.execute(f"UPDATE ops.delivery SET {change}")
    assert go(run="echo360_reports two").available == first.available
    while (third := go(run="echo360_reports three")).is_open:
        pass
    assert third.available != first.available
    assert go().available == first.available
    assert submissions(echo360) == 2


@pytest.mark.parametrize("status", ["Failed", "Missing", "Expired"])
def test_what_failed_is_asked_for_again(echo360: Sandbox, status: str) -> None:
    echo360.set_faults(echo360_build_seconds=0, status_of={"videoview": status}, status_times=2)
    while (progress := go()).is_open:
        assert not progress.lost
    assert len(progress.available) == 1
    assert submissions(echo360) == 3


def test_a_window_that_keeps_failing_is_split(echo360: Sandbox, warehouse: Connection) -> None:
    echo360.set_faults(echo360_build_seconds=0, status_of={"videoview": "Failed"}, status_times=3)
    while (progress := go()).is_open:
        pass
    windows = [
        warehouse.execute(
            "SELECT first_day, end_day FROM ops.report_request WHERE request_id = %s", [request]
        ).fetchone()
        for request in progress.available
    ]
    assert windows == [
        {"first_day": date(2026, 1, 5), "end_day": date(2026, 1, 8)},
        {"first_day": date(2026, 1, 8), "end_day": date(2026, 1, 12)},
    ]
    assert submissions(echo360) == 5


def test_a_day_that_keeps_failing_is_given_up_and_named(
    echo360: Sandbox, warehouse: Connection
) -> None:
    day = Window(date(2026, 1, 5), date(2026, 1, 6))
    echo360.set_faults(echo360_build_seconds=0, status_of={"videoview": "Failed"}, status_times=99)
    while (progress := go(day)).is_open:
        pass
    last = warehouse.execute(
        "SELECT request_id FROM ops.report_request WHERE attempt = 3"
    ).fetchone()
    assert last is not None
    assert last["request_id"] in progress.lost[0]
    assert not progress.available
    assert go(day).lost == progress.lost
    assert submissions(echo360) == 3


def test_an_unknown_status_is_waited_for(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=0, status_of={"videoview": "Resting"}, status_times=1)
    go()
    assert len(go().pending) == 1


def test_a_refusal_that_comes_again_with_free_slots_is_permanent(echo360: Sandbox) -> None:
    fortnight = Window(date(2026, 1, 1), date(2026, 1, 15))
    progress = go(fortnight, WEEK)
    assert progress.waiting == [fortnight]
    assert len(progress.pending) == 1
    assert "7 days at most" in go(fortnight, WEEK, lag=NO_LAG).lost[0]
    attempted = echo360.counts()["echo360 submissions"]
    assert "7 days at most" in go(fortnight, WEEK).lost[0]
    assert echo360.counts()["echo360 submissions"] == attempted
    assert go(fortnight, WEEK, afresh=True).waiting == [fortnight]


def test_nothing_is_submitted_while_the_listing_cannot_be_read(echo360: Sandbox) -> None:
    echo360.set_faults(api_429=99)
    with pytest.raises(TransientFailure):
        go()
    assert "echo360 submissions" not in echo360.counts()


def test_snapshots_of_one_day_are_shared_and_of_two_days_are_not(echo360: Sandbox) -> None:
    today = datetime.now(UTC).date()
    yesterday = Window(today - timedelta(days=1), today)
    echo360.set_faults(echo360_build_seconds=0)
    go(yesterday, report="asset")
    (mine,) = go(yesterday, report="asset").available
    assert go(yesterday, report="asset", run="echo360_reports two").available == [mine]
    assert submissions(echo360) == 1


# --- loading again --------------------------------------------------------------------------------


def test_a_reload_asks_once_more_and_only_once(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    go()
    (first,) = go().available
    go(run="echo360_reports two", reload=True)
    (second,) = go(run="echo360_reports two", reload=True).available
    assert second != first
    assert submissions(echo360) == 2
    assert go().available == [first]
    assert go(run="echo360_reports three").available == [second]


def test_a_plan_that_is_made_again_asks_again_for_what_was_not_final(echo360: Sandbox) -> None:
    """The run has the same id when it is cleared or reprocessed: nothing was requested again."""
    echo360.set_faults(echo360_build_seconds=0)
    echo360.set_clock("2026-01-12T08:00:00Z")
    while (early := go(plan="first")).is_open:
        pass
    echo360.set_clock("2026-01-20T08:00:00Z")
    assert go(plan="first").available == early.available
    while (late := go(plan="second")).is_open:
        pass
    assert late.available != early.available
    assert go(plan="third").available == late.available
    while (anew := go(plan="fourth", reload=True)).is_open:
        pass
    assert anew.available != late.available
    assert go(plan="fourth", reload=True).available == anew.available
    assert submissions(echo360) == 3


def test_a_reload_adopts_nothing_that_was_made_before(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=0)
    theirs = submit_as_somebody_else()
    go(reload=True)
    (mine,) = go(reload=True).available
    assert mine != theirs


def test_a_reload_finds_its_own_lost_submission(echo360: Sandbox) -> None:
    echo360.set_faults(submit_500_after=1, echo360_build_seconds=FOREVER)
    assert go(reload=True).unknown == [WEEK]
    assert len(go(reload=True).pending) == 1
    assert submissions(echo360) == 1


def test_a_reload_shares_what_is_being_made(echo360: Sandbox) -> None:
    echo360.set_faults(echo360_build_seconds=FOREVER)
    (theirs,) = go().pending
    assert go(run="echo360_reports two", reload=True).pending == [theirs]


# --- what may be otherwise than the document says -------------------------------------------------


def test_a_report_is_asked_for_by_the_name_that_is_offered(echo360: Sandbox) -> None:
    echo360.set_faults(reports_are=[{"name": "qandav2"}], echo360_build_seconds=FOREVER)
    (mine,) = go(report="qanda2").pending
    (listed,) = Echo360Hook().requests()
    assert (listed.request_id, listed.report) == (mine, "qandav2")


def test_a_request_by_the_other_name_is_adopted(echo360: Sandbox) -> None:
    echo360.set_faults(reports_are=[{"name": "qandav2"}], echo360_build_seconds=FOREVER)
    window = {"start": str(WEEK.first_day), "end": str(WEEK.end_day)}
    theirs = Echo360Hook().submit("qandav2", window, {}).request_id
    assert go(report="qanda2").pending == [theirs]
    assert submissions(echo360) == 1


def test_a_request_that_does_not_say_when_it_was_made(echo360: Sandbox) -> None:
    """One of anybody's stopped everybody; one of ours is known by its id."""
    echo360.set_faults(echo360_build_seconds=FOREVER)
    theirs = submit_as_somebody_else()
    echo360.set_faults(undated=True)
    (mine,) = go().pending
    assert mine != theirs
    assert go().pending == [mine]


def test_a_listing_of_many_pages_is_read_to_its_end(echo360: Sandbox) -> None:
    echo360.set_faults(page_size=2, echo360_build_seconds=0)
    progress = go(*FIVE_WEEKS)
    while progress.is_open:
        progress = go(*FIVE_WEEKS)
    assert len(progress.available) == 5
    assert submissions(echo360) == 5


def test_a_poisoned_day_stands_alone(echo360: Sandbox, warehouse: Connection) -> None:
    echo360.set_faults(echo360_build_seconds=0, poisoned_day="2026-01-09")
    while (progress := go()).is_open:
        pass
    windows = [
        warehouse.execute(
            "SELECT end_day - first_day AS days FROM ops.report_request WHERE request_id = %s",
            [request_id],
        ).fetchone()
        for request_id in progress.available
    ]
    assert [window["days"] for window in windows if window] == [3, 1, 1, 1]
    (sentence,) = progress.lost
    assert "2026-01-09/2026-01-10" in sentence
    poisoned = [r for r in Echo360Hook().requests() if r.request_id in sentence]
    assert [r.parameters["start"] for r in poisoned] == ["2026-01-09"]
    assert submissions(echo360) == 3 * 3 + 1 + 3, "a week, four days, one day: thrice; four: once"


def test_a_process_that_submits_for_too_long_is_not_waited_for(
    echo360: Sandbox, warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_lines, "LOCK_PATIENCE", timedelta(milliseconds=100))
    with warehouse.transaction():
        lock_dataset(warehouse, f"ops.report_request {Echo360Hook().origin}")
        with pytest.raises(TransientFailure, match="Other tasks have been submitting"):
            go()
    assert len(go().pending) == 1


def test_a_run_whose_line_gave_way_and_expired_goes_by_the_current_one(echo360: Sandbox) -> None:
    """It was told the deleted report for ever."""
    echo360.set_clock("2026-02-01T00:00:00Z")
    echo360.set_faults(echo360_build_seconds=0)
    go()
    (first,) = go().available
    echo360.set_clock("2026-02-10T00:00:00Z")
    go(run="echo360_reports two", reload=True)
    (second,) = go(run="echo360_reports two").available
    assert go().available == [first]
    echo360.set_clock("2026-02-16T00:00:00Z")
    assert go().available == [second]
