"""The families of events as tables, and that no value makes a query fail."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.edx.loading import line, load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

RESPONSE = "i4x-MITx-6_00x-problem-L15_2_1"
CHECK = {
    "problem_id": "i4x://MITx/6.00x/problem/L15",
    "success": "incorrect",
    "attempts": 2,
    "grade": 1,
    "max_grade": 3,
    "answers": {RESPONSE: ["choice_1", "choice_2"], "other": "4"},
    "correct_map": {
        RESPONSE: {
            "correctness": "incorrect",
            "npoints": 0.5,
            "msg": "almost",
            "hint": "look",
            "hintmode": "always",
            "queuestate": {"key": "k1", "time": "20130909040048"},
            "answervariable": "$x",
        }
    },
    "submission": {
        RESPONSE: {
            "question": "Which?",
            "answer": ["one", "two"],
            "response_type": "choiceresponse",
            "input_type": "checkboxgroup",
            "correct": False,
            "variant": "",
            "group_label": "",
        }
    },
    "state": {"seed": 1},
}


def view(conn: Connection, name: str, *lines: bytes) -> list[dict[str, Any]]:
    """Load lines and read the view."""
    load(conn, b"\n".join(lines))
    return conn.execute(f"SELECT * FROM edx.{name} ORDER BY time, event_hash").fetchall()


# --- videos ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("load_video", "load_video"),
        ("edx.video.loaded", "load_video"),
        ("play_video", "play_video"),
        ("edx.video.played", "play_video"),
        ("pause_video", "pause_video"),
        ("edx.video.paused", "pause_video"),
        ("stop_video", "stop_video"),
        ("edx.video.stopped", "stop_video"),
        ("seek_video", "seek_video"),
        ("edx.video.position.changed", "seek_video"),
        ("speed_change_video", "speed_change_video"),
        ("show_transcript", "show_transcript"),
        ("edx.video.transcript.shown", "show_transcript"),
        ("hide_transcript", "hide_transcript"),
        ("edx.video.transcript.hidden", "hide_transcript"),
    ],
)
def test_a_video_has_old_names_and_new(warehouse: Connection, event_type: str, kind: str) -> None:
    fields = {"id": "v1", "code": "mobile", "currentTime": 1.264, "speed": "1.50"}
    (row,) = view(warehouse, "video_interaction", line(event_type=event_type, event=fields))
    assert row["event_kind"] == kind
    assert (row["id"], row["code"]) == ("v1", "mobile")
    assert (row["currenttime"], row["speed"]) == (Decimal("1.264"), Decimal("1.50"))


def test_a_seek_and_a_change_of_speed(warehouse: Connection) -> None:
    seek = {"id": "v1", "old_time": 5, "new_time": 10.25, "type": "onSlideSeek"}
    speed = {"id": "v1", "current_time": 3.5, "old_speed": "1.0", "new_speed": "0.75"}
    rows = view(
        warehouse,
        "video_interaction",
        line(event_type="seek_video", event=json.dumps(seek)),
        line(event_type="speed_change_video", event=json.dumps(speed)),
    )
    by_kind = {row["event_kind"]: row for row in rows}
    assert (by_kind["seek_video"]["old_time"], by_kind["seek_video"]["new_time"]) == (
        5,
        Decimal("10.25"),
    )
    assert by_kind["seek_video"]["type"] == "onSlideSeek"
    assert by_kind["speed_change_video"]["currenttime"] == Decimal("3.5")
    assert by_kind["speed_change_video"]["new_speed"] == Decimal("0.75")


# --- problems -------------------------------------------------------------------------------------


def check(number: int = 0, **fields: Any) -> bytes:
    return line(number, **{"event_type": "problem_check", "event_source": "server", **fields})


@pytest.mark.parametrize("event_type", ["problem_check", "save_problem_check"])
def test_an_attempt_under_both_names(warehouse: Connection, event_type: str) -> None:
    (row,) = view(warehouse, "problem_attempt", check(event_type=event_type, event=CHECK))
    assert row["problem_id"] == CHECK["problem_id"]
    assert (row["success"], row["attempts"]) == ("incorrect", 2)
    assert (row["grade"], row["max_grade"]) == (1, 3)
    for field in ("answers", "correct_map", "submission", "state"):
        assert row[field] == CHECK[field]
    assert row["emitted_twice"] is False


def test_the_browsers_problem_check_is_no_attempt(warehouse: Connection) -> None:
    sent = line(event_type="problem_check", event="input_1=a")
    assert view(warehouse, "problem_attempt", sent) == []


def test_fields_may_be_json_in_strings(warehouse: Connection) -> None:
    encoded = {**CHECK, "answers": json.dumps(CHECK["answers"]), "attempts": "2"}
    (row,) = view(warehouse, "problem_attempt", check(event=encoded))
    assert row["answers"] == CHECK["answers"]
    assert row["attempts"] == 2


def test_an_attempt_has_a_row_for_each_response(warehouse: Connection) -> None:
    rows = view(warehouse, "problem_response", check(event=CHECK))
    by_id = {row["id"]: row for row in rows}
    assert set(by_id) == {RESPONSE, "other"}
    assert by_id["other"]["answer"] == "4"
    assert by_id["other"]["correctness"] is None
    said = {name: by_id[RESPONSE][name] for name in by_id[RESPONSE]}
    assert (
        said.items()
        >= {
            "correctness": "incorrect",
            "npoints": Decimal("0.5"),
            "msg": "almost",
            "hint": "look",
            "hintmode": "always",
            "queuestate_key": "k1",
            "queuestate_time": "20130909040048",
            "answervariable": "$x",
            "question": "Which?",
            "response_type": "choiceresponse",
            "input_type": "checkboxgroup",
            "correct": False,
            "variant": "",
            "group_label": "",
        }.items()
    )
    assert said["answer"] == ["choice_1", "choice_2"]
    assert said["submission_answer"] == ["one", "two"]


def test_an_attempt_that_was_emitted_twice_is_kept_and_flagged(warehouse: Connection) -> None:
    def at(time: str, event_type: str, **fields: Any) -> bytes:
        return check(time=time, event_type=event_type, event={**CHECK, **fields})

    rows = view(
        warehouse,
        "problem_attempt",
        at("2013-06-01T10:00:00.1", "problem_check"),
        at("2013-06-01T10:00:00.2", "save_problem_check"),
        at("2013-06-01T10:00:00.3", "save_problem_check", problem_id="p2"),
        at("2013-07-16T10:00:00.1", "problem_check"),
        at("2013-07-16T10:00:00.2", "save_problem_check"),
    )
    assert [row["emitted_twice"] for row in rows] == [True, True, False, False, False]


@pytest.mark.parametrize(
    "odd",
    [None, "", "x", "NaN", "1e99999", "Infinity", -1, 1.5, 10**40, True, [], [1], {}, {"a": 1}],
)
def test_no_value_makes_a_query_fail(warehouse: Connection, odd: Any) -> None:
    video = dict.fromkeys(
        ("id", "code", "currentTime", "speed", "old_time", "new_time", "type", "old_speed"), odd
    )
    fields = dict.fromkeys(CHECK, odd)
    in_map = dict.fromkeys(CHECK["correct_map"][RESPONSE], odd)  # type: ignore[index]
    in_submission = dict.fromkeys(CHECK["submission"][RESPONSE], odd)  # type: ignore[index]
    deeper = {"correct_map": {"r": in_map}, "submission": {"r": in_submission}}
    odd_map = {"answers": {"r": odd}, "correct_map": {"r": odd}, "submission": {"r": odd}}
    load(
        warehouse,
        b"\n".join(
            [
                line(1, event_type="seek_video", event=video),
                line(2, event_type="seek_video", event=odd),
                check(3, event=fields),
                check(4, event=deeper),
                check(5, event=odd_map),
                check(6, event=odd, context=odd),
            ]
        ),
    )
    for name, rows in (("video_interaction", 2), ("problem_attempt", 4)):
        assert len(warehouse.execute(f"SELECT * FROM edx.{name}").fetchall()) == rows
    warehouse.execute("SELECT * FROM edx.problem_response").fetchall()


# --- the data dictionary --------------------------------------------------------------------------


def test_every_table_view_and_column_has_a_comment(warehouse: Connection) -> None:
    uncommented = warehouse.execute(
        """
        SELECT c.relname, a.attname
        FROM pg_class AS c
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum >= 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'edx'::regnamespace
            AND c.relkind IN ('r', 'p', 'v')
            AND left(a.attname, 1) <> '_'
            AND (
                col_description(c.oid, a.attnum) IS NULL
                OR obj_description(c.oid, 'pg_class') IS NULL
            )
        """
    ).fetchall()
    assert uncommented == []


def test_the_documents_names_are_known(warehouse: Connection) -> None:
    aliases = warehouse.execute("SELECT event_type, event_kind FROM edx.event_alias").fetchall()
    kinds = {alias["event_type"]: alias["event_kind"] for alias in aliases}
    assert kinds["show_answer"] == kinds["showanswer"] == "showanswer"
    assert kinds["save_problem_check"] == "problem_check"
    for area in ("oe", "peer_grading", "staff_grading"):
        for shown in ("show", "hide"):
            assert kinds[f"{area}_{shown}_problem"] == f"{area}_{shown}_question"
    assert kinds["edx.ui.lms.sequence.tab_selected"] == kinds["seq_goto"] == "seq_goto"
