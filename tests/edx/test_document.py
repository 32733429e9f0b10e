"""Every row of the tables of edX's document, and every further event, from a line to its column.

``Field`` is one such row. Its line goes through the loader, as an object and as a string, and the
value is looked for in the view, under the document's name of the event and under those of logs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.edx.loading import line, load

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

NUMBERS = count()
PROBLEM = "i4x://MITx/6.00x/problem/L15:L15_Problem_2"
RESPONSE = "i4x-MITx-6_00x-problem-L15_L15_Problem_2_2_1"
SEQUENCE = "i4x://MITx/6.00x/sequential/Lecture_15"
VIDEO = "i4x-HarvardX-PH207x-video-Simple_Random_Sample"
YOUTUBE = "FU3fCJNs94Y"
PAGE = "https://courses.edx.org/courses/MITx/6.00x/2012_Fall/courseware/Week_8/L15/"
SESSION = "bc8eb0f4b3a44a2c8f3c2b4e6f4a1d20"

ANSWERS = {RESPONSE: "choice_2", "i4x-MITx-6_00x-problem-L15_3_1": ["choice_1", "choice_3"]}
CORRECT_MAP = {
    RESPONSE: {
        "hint": "",
        "hintmode": None,
        "correctness": "correct",
        "npoints": None,
        "msg": "",
        "queuestate": None,
    }
}
STATE = {
    "seed": 1,
    "done": True,
    "student_answers": ANSWERS,
    "correct_map": CORRECT_MAP,
    "input_state": {RESPONSE: {}},
}


@dataclass(frozen=True)
class Field:
    """A field of an event, and where it is found.

    :param names: the spellings of the event.
    :param given: what the event of a line says of the field.
    :param view: the view with the event, ``column`` its column if that is not called ``name``.
    :param value: what the column has then.
    :param beside: other fields of the event.
    """

    names: tuple[str, ...]
    name: str
    given: Any
    view: str
    value: Any
    column: str = ""
    beside: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A field under one name of its event, from one source."""

    given: Field
    event_type: str
    event_source: str
    session: str = field(default_factory=lambda: f"case {next(NUMBERS)}")

    def lines(self) -> list[bytes]:
        """Its lines: the event as an object, and as a string."""
        event = {**self.given.beside, self.given.name: self.given.given}
        return [
            line(
                event_type=self.event_type,
                event_source=self.event_source,
                session=self.session,
                event=written,
            )
            for written in (event, json.dumps(event))
        ]


def each(fields: list[Field], *sources: str) -> list[Any]:
    """A case for each field, name of its event and source."""
    return [
        pytest.param(
            Case(given, event_type, source),
            id=f"{source}-{event_type}-{given.column or given.name}",
        )
        for given in fields
        for event_type in given.names
        for source in sources
    ]


def read(conn: Connection, view: str, columns: str, *lines: bytes) -> list[dict[str, Any]]:
    """Load lines and read of the view what came of them."""
    merged = load(conn, b"\n".join(lines))
    assert merged.rows_merged == len(lines)
    return conn.execute(
        f"""
        SELECT {columns} FROM edx.{view}
        WHERE (time, event_hash) IN (
            SELECT e.time, e.event_hash FROM edx.event AS e WHERE e._delivery = %(delivery_id)s
        )
        """,  # type: ignore[arg-type]
        {"delivery_id": merged.delivery_id},
    ).fetchall()


def one(conn: Connection, view: str, column: str, **fields: Any) -> Any:
    """Load one line and read of the view the one row that came of it."""
    (row,) = read(conn, view, column, line(next(NUMBERS), **fields))
    return row[column]


def same(found: Any, expected: Any) -> bool:
    """Whether both value and type are the same."""
    return found == expected and type(found) is type(expected)


@pytest.fixture(scope="module")
def filled_warehouse(shared_warehouse: Connection) -> Connection:
    """The warehouse, with the lines of all cases in it."""
    cases: list[Case] = [parameters.values[0] for parameters in (*DOCUMENT, *TODAY, *AFTER)]
    lines = [written for case in cases for written in case.lines()]
    assert load(shared_warehouse, b"\n".join(lines)).rows_merged == len(lines)
    return shared_warehouse


def assert_found(conn: Connection, case: Case) -> None:
    """Look for the value of a case in its column, once for each of its lines."""
    column = case.given.column or case.given.name
    found = conn.execute(
        f"SELECT {column}, event_type FROM edx.{case.given.view} WHERE session = %(session)s",  # type: ignore[arg-type]
        {"session": case.session},
    ).fetchall()
    assert [row["event_type"] for row in found] == [case.event_type] * 2
    for row in found:
        assert same(row[column], case.given.value), row


# --- common fields --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("username", "ada", "ada"),
        ("username", "", ""),
        ("session", SESSION, SESSION),
        ("session", None, None),
        ("time", "2012-10-09T14:33:12.123456", datetime(2012, 10, 9, 14, 33, 12, 123456, UTC)),
        ("ip", "18.9.22.69", "18.9.22.69"),
        ("agent", "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("page", PAGE, PAGE),
        ("event_source", "browser", "browser"),
        ("event_source", "server", "server"),
        ("event_type", "seq_goto", "seq_goto"),
        ("event", {"id": SEQUENCE}, {"id": SEQUENCE}),
        ("event", json.dumps({"id": SEQUENCE}), {"id": SEQUENCE}),
    ],
)
def test_a_common_field(shared_warehouse: Connection, name: str, given: Any, value: Any) -> None:
    said = {"session": f"common {next(NUMBERS)}", name: given}
    assert same(one(shared_warehouse, "event", name, **said), value)


# --- the document's events ------------------------------------------------------------------------

SHOW_ANSWER = ("show_answer", "showanswer")
CHECK = ("save_problem_check", "problem_check")
RESET = ("reset_problem",)
SERVER = [
    Field(SHOW_ANSWER, "problem_id", PROBLEM, "shown_answer", PROBLEM),
    Field(CHECK, "problem_id", PROBLEM, "problem_attempt", PROBLEM),
    Field(CHECK, "success", "correct", "problem_attempt", "correct"),
    Field(CHECK, "success", "incorrect", "problem_attempt", "incorrect"),
    Field(CHECK, "attempts", 3, "problem_attempt", 3),
    Field(CHECK, "correct_map", CORRECT_MAP, "problem_attempt", CORRECT_MAP),
    Field(CHECK, "correct_map", json.dumps(CORRECT_MAP), "problem_attempt", CORRECT_MAP),
    Field(CHECK, "state", STATE, "problem_attempt", STATE),
    Field(CHECK, "state", json.dumps(STATE), "problem_attempt", STATE),
    Field(CHECK, "answers", ANSWERS, "problem_attempt", ANSWERS),
    Field(CHECK, "answers", json.dumps(ANSWERS), "problem_attempt", ANSWERS),
    Field(RESET, "problem_id", PROBLEM, "problem_reset", PROBLEM),
]

GOTO = ("seq_goto", "edx.ui.lms.sequence.tab_selected")
NEXT = ("seq_next", "edx.ui.lms.sequence.next_selected")
PREV = ("seq_prev", "edx.ui.lms.sequence.previous_selected")
PLAY = ("play_video", "edx.video.played")
PAUSE = ("pause_video", "edx.video.paused")
SPEEDS = (
    ("0.75", Decimal("0.75")),
    ("1.0", Decimal("1.0")),
    ("1.25", Decimal("1.25")),
    ("1.50", Decimal("1.50")),
)
GOTOPAGE, NEXTPAGE = {"type": "gotopage"}, {"type": "nextpage"}
GRADINGS = ("oe", "peer_grading", "staff_grading")
BROWSER = [
    Field(("book",), "type", "gotopage", "book_navigation", "gotopage"),
    Field(("book",), "old", 2, "book_navigation", 2, beside=GOTOPAGE),
    Field(("book",), "new", 25, "book_navigation", 25, beside=GOTOPAGE),
    Field(("book",), "type", "nextpage", "book_navigation", "nextpage"),
    Field(("book",), "new", 10, "book_navigation", 10, beside=NEXTPAGE),
    *(
        wanted
        for names in (PLAY, PAUSE)
        for wanted in (
            Field(names, "id", VIDEO, "video_interaction", VIDEO),
            Field(names, "code", YOUTUBE, "video_interaction", YOUTUBE),
            Field(
                names, "currentTime", 1.264, "video_interaction", Decimal("1.264"), "currenttime"
            ),
            *(Field(names, "speed", text, "video_interaction", speed) for text, speed in SPEEDS),
        )
    ),
    Field(("problem_show",), "problem", PROBLEM, "shown_problem", PROBLEM),
    Field(GOTO, "id", SEQUENCE, "sequence_navigation", SEQUENCE),
    Field(GOTO, "old", 3, "sequence_navigation", 3),
    Field(GOTO, "new", 5, "sequence_navigation", 5),
    Field(NEXT, "id", SEQUENCE, "sequence_navigation", SEQUENCE),
    Field(NEXT, "old", 4, "sequence_navigation", 4),
    Field(NEXT, "new", 6, "sequence_navigation", 6),
    Field(("rubric_select",), "location", PROBLEM, "rubric_selection", PROBLEM),
    Field(("rubric_select",), "category", 0, "rubric_selection", 0),
    Field(("rubric_select",), "value", 2, "rubric_selection", 2),
    *(
        Field(
            (f"{grading}_{action}_problem", f"{grading}_{action}_question"),
            "location",
            PROBLEM,
            "prompt_display",
            PROBLEM,
        )
        for action in ("show", "hide")
        for grading in GRADINGS
    ),
    Field(("oe_feedback_response_selected",), "value", 5, "feedback_interaction", 5),
]


DOCUMENT = [*each(SERVER, "server"), *each(BROWSER, "browser")]


@pytest.mark.parametrize("case", DOCUMENT)
def test_a_field_of_the_document(filled_warehouse: Connection, case: Case) -> None:
    assert_found(filled_warehouse, case)


@pytest.mark.parametrize(
    ("event_type", "view"),
    [
        ("page_close", "closed_page"),
        ("oe_show_full_feedback", "feedback_interaction"),
        ("oe_show_respond_to_feedback", "feedback_interaction"),
    ],
)
@pytest.mark.parametrize("event", ["", "{}", {}, None], ids=repr)
def test_an_empty_event_tells_its_page(
    shared_warehouse: Connection, event_type: str, view: str, event: Any
) -> None:
    (row,) = read(
        shared_warehouse,
        view,
        "page, event_kind",
        line(next(NUMBERS), event_type=event_type, page=PAGE, event=event),
    )
    assert row == {"page": PAGE, "event_kind": event_type}


@pytest.mark.parametrize("grading", GRADINGS)
@pytest.mark.parametrize("action", ["show", "hide"])
@pytest.mark.parametrize("noun", ["problem", "question"])
def test_a_prompt_says_where_it_was_shown_or_hidden(
    shared_warehouse: Connection, grading: str, action: str, noun: str
) -> None:
    event_type = f"{grading}_{action}_{noun}"
    (row,) = read(
        shared_warehouse,
        "prompt_display",
        "grading, action, event_type",
        line(next(NUMBERS), event_type=event_type, event={"location": PROBLEM}),
    )
    assert row == {"grading": grading, "action": action, "event_type": event_type}


@pytest.mark.parametrize(
    "event",
    [
        "input_a_2_1=choice_2&input_a_3_1%5B%5D=choice_1&input_a_3_1%5B%5D=choice_3"
        "&input_a_4_1=x%2B1+%3D+2&input_a_5_1[]=only&input_a_6_1=",
        json.dumps(
            {
                "input_a_2_1": "choice_2",
                "input_a_3_1[]": ["choice_1", "choice_3"],
                "input_a_4_1": "x+1 = 2",
                "input_a_5_1[]": ["only"],
                "input_a_6_1": "",
            }
        ),
    ],
    ids=["get", "json"],
)
@pytest.mark.parametrize("quoted", [False, True], ids=["", "quoted"])
def test_a_check_has_a_row_for_each_input(
    shared_warehouse: Connection, event: str, quoted: bool
) -> None:
    checked = line(
        next(NUMBERS), event_type="problem_check", event=json.dumps(event) if quoted else event
    )
    inputs = read(shared_warehouse, "problem_input", "input, id, values", checked)
    assert sorted(tuple(row.values()) for row in inputs) == [
        ("input_a_2_1", "a_2_1", ["choice_2"]),
        ("input_a_3_1[]", "a_3_1", ["choice_1", "choice_3"]),
        ("input_a_4_1", "a_4_1", ["x+1 = 2"]),
        ("input_a_5_1[]", "a_5_1", ["only"]),
        ("input_a_6_1", "a_6_1", [""]),
    ]


def test_a_check_is_one_row_with_all_inputs(shared_warehouse: Connection) -> None:
    text = f"input_{RESPONSE}=choice_2"
    (row,) = read(
        shared_warehouse,
        "browser_problem_check",
        "inputs, event_text, event_kind",
        line(next(NUMBERS), event_type="problem_check", event=text),
    )
    assert row == {
        "inputs": {f"input_{RESPONSE}": "choice_2"},
        "event_text": text,
        "event_kind": "problem_check_browser",
    }


@pytest.mark.parametrize("event", ["{}", "", None])
def test_a_check_without_inputs_has_no_rows_for_them(
    shared_warehouse: Connection, event: str | None
) -> None:
    checked = line(next(NUMBERS), event_type="problem_check", event=event)
    assert read(shared_warehouse, "problem_input", "id", checked) == []
    checked = line(next(NUMBERS), event_type="problem_check", event=event)
    assert len(read(shared_warehouse, "browser_problem_check", "inputs", checked)) == 1


# --- correct_map ----------------------------------------------------------------------------------

QUEUED = {"key": "2b8f1c", "time": "20130909040048"}


@pytest.mark.parametrize(
    ("name", "given", "column", "value"),
    [
        ("hint", "try again", "hint", "try again"),
        ("hintmode", True, "hintmode", "true"),
        ("hintmode", "on_request", "hintmode", "on_request"),
        ("hintmode", "always", "hintmode", "always"),
        ("hintmode", None, "hintmode", None),
        ("correctness", "correct", "correctness", "correct"),
        ("correctness", "incorrect", "correctness", "incorrect"),
        ("npoints", 2, "npoints", Decimal(2)),
        ("npoints", None, "npoints", None),
        ("msg", "almost", "msg", "almost"),
        ("queuestate", QUEUED, "queuestate_key", QUEUED["key"]),
        ("queuestate", QUEUED, "queuestate_time", QUEUED["time"]),
        ("queuestate", json.dumps(QUEUED), "queuestate_key", QUEUED["key"]),
        ("queuestate", json.dumps(QUEUED), "queuestate_time", QUEUED["time"]),
        ("queuestate", None, "queuestate_key", None),
        ("answervariable", "$x", "answervariable", "$x"),
        ("answervariable", None, "answervariable", None),
    ],
)
@pytest.mark.parametrize("encoded", [False, True], ids=["object", "string"])
@pytest.mark.parametrize("event_type", CHECK)
def test_a_detail_of_correct_map(
    shared_warehouse: Connection,
    name: str,
    given: Any,
    column: str,
    value: Any,
    encoded: bool,
    event_type: str,
) -> None:
    correct_map: Any = {RESPONSE: {**CORRECT_MAP[RESPONSE], name: given}}
    event = {"correct_map": json.dumps(correct_map) if encoded else correct_map}
    found = one(
        shared_warehouse,
        "problem_response",
        column,
        event_type=event_type,
        event_source="server",
        event=event,
    )
    assert same(found, value), found


# --- what logs have beyond the document -----------------------------------------------------------

FAIL = ("problem_check_fail", "save_problem_check_fail")
RESETS = ("reset_problem", "reset_problem_fail")
ENROLLMENT = tuple(
    f"edx.course.enrollment.{what}" for what in ("activated", "deactivated", "mode_changed")
)
GRADE = ("edx.grades.problem.submitted",)
COURSE = "course-v1:MITx+6.00x+2017"
PARTS = (
    ("state_seed", 1),
    ("state_done", True),
    ("state_student_answers", ANSWERS),
    ("state_correct_map", CORRECT_MAP),
    ("state_input_state", {RESPONSE: {}}),
)
SERVER_TODAY = [
    Field(CHECK, "attempts", "3", "problem_attempt", 3),
    Field(CHECK, "grade", 0.5, "problem_attempt", Decimal("0.5")),
    Field(CHECK, "max_grade", 3, "problem_attempt", Decimal(3)),
    Field(CHECK, "submission", {RESPONSE: {}}, "problem_attempt", {RESPONSE: {}}),
    *(Field(CHECK, "state", STATE, "problem_attempt", value, part) for part, value in PARTS),
    Field(FAIL, "problem_id", PROBLEM, "problem_check_failure", PROBLEM),
    Field(FAIL, "failure", "closed", "problem_check_failure", "closed"),
    Field(FAIL, "failure", "unreset", "problem_check_failure", "unreset"),
    Field(FAIL, "answers", ANSWERS, "problem_check_failure", ANSWERS),
    Field(FAIL, "answers", json.dumps(ANSWERS), "problem_check_failure", ANSWERS),
    Field(FAIL, "state", STATE, "problem_check_failure", STATE),
    *(Field(FAIL, "state", STATE, "problem_check_failure", value, part) for part, value in PARTS),
    Field(RESETS, "problem_id", PROBLEM, "problem_reset", PROBLEM),
    Field(RESETS, "old_state", STATE, "problem_reset", STATE),
    Field(RESETS, "new_state", json.dumps(STATE), "problem_reset", STATE),
    Field(("reset_problem_fail",), "failure", "closed", "problem_reset", "closed"),
    Field(ENROLLMENT, "course_id", COURSE, "enrollment_change", COURSE, "event_course_id"),
    Field(ENROLLMENT, "user_id", 26, "enrollment_change", 26, "event_user_id"),
    Field(ENROLLMENT, "mode", "honor", "enrollment_change", "honor"),
    Field(GRADE, "weighted_earned", 0.5, "submitted_grade", Decimal("0.5")),
    Field(GRADE, "weighted_possible", 2, "submitted_grade", Decimal(2)),
    Field(GRADE, "problem_id", PROBLEM, "submitted_grade", PROBLEM),
    Field(GRADE, "user_id", "77", "submitted_grade", 77, "event_user_id"),
    Field(GRADE, "course_id", COURSE, "submitted_grade", COURSE, "event_course_id"),
    Field(GRADE, "event_transaction_id", "9653e130", "submitted_grade", "9653e130"),
    Field(GRADE, "event_transaction_type", GRADE[0], "submitted_grade", GRADE[0]),
]

VIDEOS = (
    *("load_video", "edx.video.loaded"),
    *("stop_video", "edx.video.stopped"),
    *("seek_video", "edx.video.position.changed"),
    *("show_transcript", "edx.video.transcript.shown"),
    *("hide_transcript", "edx.video.transcript.hidden"),
)
SEEK = ("seek_video", "edx.video.position.changed")
SPEED = ("speed_change_video", "edx.video.speed.changed")
SEQUENCES = (*GOTO, *NEXT, *PREV)
LINKS = ("link_clicked", "edx.ui.lms.link_clicked")
OUTLINE = ("outline.selected", "edx.ui.lms.outline.selected")
BROWSER_TODAY = [
    Field(PREV, "id", SEQUENCE, "sequence_navigation", SEQUENCE),
    Field(PREV, "old", 4, "sequence_navigation", 4),
    Field(PREV, "new", 3, "sequence_navigation", 3),
    Field(SEQUENCES, "current_tab", 1, "sequence_navigation", 1),
    Field(SEQUENCES, "tab_count", 3, "sequence_navigation", 3),
    Field(SEQUENCES, "widget_placement", "top", "sequence_navigation", "top"),
    Field(GOTO, "target_tab", 3, "sequence_navigation", 3),
    Field(("book",), "type", "prevpage", "book_navigation", "prevpage"),
    Field(("book",), "chapter", "ch1.pdf", "book_navigation", "ch1.pdf"),
    Field(("book",), "name", "textbook.pdf", "book_navigation", "textbook.pdf", "event_name"),
    Field(VIDEOS, "id", VIDEO, "video_interaction", VIDEO),
    Field(VIDEOS, "code", YOUTUBE, "video_interaction", YOUTUBE),
    Field(VIDEOS, "currentTime", 7, "video_interaction", Decimal(7), "currenttime"),
    Field(VIDEOS, "speed", "1.25", "video_interaction", Decimal("1.25")),
    Field(SEEK, "old_time", 5, "video_interaction", Decimal(5)),
    Field(SEEK, "new_time", 10.25, "video_interaction", Decimal("10.25")),
    Field(SEEK, "type", "onSlideSeek", "video_interaction", "onSlideSeek"),
    Field(SPEED, "current_time", 3.5, "video_interaction", Decimal("3.5"), "currenttime"),
    Field(SPEED, "old_speed", "1.0", "video_interaction", Decimal("1.0")),
    Field(SPEED, "new_speed", "0.75", "video_interaction", Decimal("0.75")),
    Field(("rubric_select",), "selection", "1", "rubric_selection", 1, "value"),
    Field(("rubric_select",), "category", "0", "rubric_selection", 0),
    Field(("oe_feedback_response_selected",), "value", "5", "feedback_interaction", 5),
    *(
        Field(names, name, PAGE, "link_click", PAGE)
        for names in (LINKS, OUTLINE)
        for name in ("current_url", "target_url")
    ),
    Field(OUTLINE, "target_name", "Week 8", "link_click", "Week 8"),
    Field(OUTLINE, "widget_placement", "accordion", "link_click", "accordion"),
]


TODAY = [*each(SERVER_TODAY, "server"), *each(BROWSER_TODAY, "browser", "mobile")]


@pytest.mark.parametrize("case", TODAY)
def test_a_field_that_logs_have(filled_warehouse: Connection, case: Case) -> None:
    assert_found(filled_warehouse, case)


@pytest.mark.parametrize(
    ("name", "given", "column", "value"),
    [
        ("question", "Which?", "question", "Which?"),
        ("answer", "one", "submission_answer", "one"),
        ("answer", ["one", "two"], "submission_answer", ["one", "two"]),
        ("response_type", "choiceresponse", "response_type", "choiceresponse"),
        ("input_type", "checkboxgroup", "input_type", "checkboxgroup"),
        ("correct", True, "correct", True),
        ("correct", None, "correct", None),
        ("variant", 4, "variant", "4"),
        ("group_label", "Group", "group_label", "Group"),
    ],
)
@pytest.mark.parametrize("encoded", [False, True], ids=["object", "string"])
def test_a_detail_of_a_submission(
    shared_warehouse: Connection, name: str, given: Any, column: str, value: Any, encoded: bool
) -> None:
    submission: Any = {RESPONSE: {name: given}}
    found = one(
        shared_warehouse,
        "problem_response",
        column,
        event_type="problem_check",
        event_source="server",
        event={"submission": json.dumps(submission) if encoded else submission},
    )
    assert same(found, value), found


@pytest.mark.parametrize(
    "view", ["problem_attempt", "problem_check_failure", "shown_answer", "problem_reset"]
)
def test_the_block_of_a_problem_is_in_the_context(shared_warehouse: Connection, view: str) -> None:
    event_type = {
        "problem_attempt": "problem_check",
        "problem_check_failure": "problem_check_fail",
        "shown_answer": "showanswer",
        "problem_reset": "reset_problem",
    }[view]
    (row,) = read(
        shared_warehouse,
        view,
        "module_display_name, module_usage_key",
        line(
            next(NUMBERS),
            event_type=event_type,
            event_source="server",
            event={},
            context={"module": {"display_name": "Problem 2", "usage_key": PROBLEM}},
        ),
    )
    assert row == {"module_display_name": "Problem 2", "module_usage_key": PROBLEM}


@pytest.mark.parametrize("encoded", [False, True], ids=["list", "string"])
def test_a_graded_problem_is_a_list(shared_warehouse: Connection, encoded: bool) -> None:
    event: Any = [f"input_{RESPONSE}=choice_2", "<section>…</section>"]
    (row,) = read(
        shared_warehouse,
        "graded_problem",
        "answers, html",
        line(
            next(NUMBERS),
            event_type="problem_graded",
            event=json.dumps(event) if encoded else event,
        ),
    )
    assert [row["answers"], row["html"]] == event


@pytest.mark.parametrize(
    ("path", "course_id", "usage_key", "handler", "suffix"),
    [
        (
            "/courses/MITx/6.00x/2012_Fall/xblock/i4x:;_;_MITx;_6.00x;_problem;_L15/handler/"
            "xmodule_handler/problem_check",
            "MITx/6.00x/2012_Fall",
            "i4x://MITx/6.00x/problem/L15",
            "xmodule_handler",
            "problem_check",
        ),
        (
            f"/courses/{COURSE}/xblock/block-v1:MITx+6.00x+2017+type@poll+block@1/handler/vote/",
            COURSE,
            "block-v1:MITx+6.00x+2017+type@poll+block@1",
            "vote",
            None,
        ),
        (
            f"/courses/{COURSE}/xblock/block-v1:MITx+6.00x+2017+type@lti+block@1/handler_noauth/"
            "lti_2_0/user/5",
            COURSE,
            "block-v1:MITx+6.00x+2017+type@lti+block@1",
            "lti_2_0",
            "user/5",
        ),
        (
            "/courses/MITx/6.00x/2012_Fall/modx/i4x://MITx/6.00x/problem/L15/problem_get",
            "MITx/6.00x/2012_Fall",
            "i4x://MITx/6.00x/problem/L15",
            "problem_get",
            None,
        ),
        (
            f"/courses/MITx/6.00x/2012_Fall/xblock/{PROBLEM}/handler/xmodule_handler/problem_check",
            "MITx/6.00x/2012_Fall",
            PROBLEM,
            "xmodule_handler",
            "problem_check",
        ),
        (
            "/courses/MITx/6.00x/2012_Fall/xblock/i4x://MITx/6.00x/lti/a/handler_noauth/grade",
            "MITx/6.00x/2012_Fall",
            "i4x://MITx/6.00x/lti/a",
            "grade",
            None,
        ),
        (
            "/courses/MITx/6.00x/2012_Fall/xblock/i4x://MITx/6.00x/html/a/handler/x/y/handler/z/",
            "MITx/6.00x/2012_Fall",
            "i4x://MITx/6.00x/html/a",
            "x",
            "y/handler/z",
        ),
        ("/xblock/" + "/xblock/" * 5000, None, None, None, None),
        ("/modx/" + "a/" * 9000 + "b/", None, "a/" * 8999 + "a", "b", None),
        (f"/courses/{COURSE}/info", COURSE, None, None, None),
        ("/", None, None, None, None),
    ],
)
def test_a_request_has_its_course_and_handler_in_its_path(
    shared_warehouse: Connection,
    path: str,
    course_id: str | None,
    usage_key: str | None,
    handler: str | None,
    suffix: str | None,
) -> None:
    parameters = {"POST": {"position": ["2"]}, "GET": {"next": ["/", "/home"]}}
    (row,) = read(
        shared_warehouse,
        "implicit_request",
        "path, course_id, usage_key, handler, suffix, get, post",
        line(next(NUMBERS), event_type=path, event_source="server", event=json.dumps(parameters)),
    )
    assert row == {
        "path": path,
        "course_id": course_id,
        "usage_key": usage_key,
        "handler": handler,
        "suffix": suffix,
        "get": parameters["GET"],
        "post": parameters["POST"],
    }


def test_a_request_that_was_cut_off_keeps_its_text(shared_warehouse: Connection) -> None:
    text = json.dumps({"POST": {"answer": ["x" * 600]}, "GET": {}})[:512]
    (row,) = read(
        shared_warehouse,
        "implicit_request",
        "event_status, get, post, event_text",
        line(next(NUMBERS), event_type="/event", event_source="server", event=text),
    )
    assert row == {"event_status": "truncated", "get": None, "post": None, "event_text": text}


def test_an_event_may_be_known_by_its_name_only(shared_warehouse: Connection) -> None:
    found = one(
        shared_warehouse,
        "sequence_navigation",
        "event_kind",
        event_type="unheard_of",
        name="edx.ui.lms.sequence.next_selected",
        event={},
    )
    assert found == "seq_next"


# --- events that came after the document ----------------------------------------------------------

THREAD = ("edx.forum.thread.created", "edx.forum.thread.viewed", "edx.forum.response.voted")
SUBSECTION = ("edx.grades.subsection.grade_calculated",)
COURSE_GRADE = ("edx.grades.course.grade_calculated",)
PASSED = tuple(
    f"edx.course.grade.{what}" for what in ("passed.first_time", "now_passed", "now_failed")
)
RESCORED = ("edx.grades.problem.rescored", "edx.grades.problem.score_overridden")
EXAM = (
    "edx.special_exam.proctored.attempt.created",
    "edx.special_exam.timed.attempt.submitted",
    "edx.special_exam.practice.attempt.started",
)
SAVE = ("save_problem_success", "save_problem_fail")
DROPPED = ("edx.drag_and_drop_v2.item.dropped",)
BOOKMARKS = tuple(f"edx.bookmark.{what}" for what in ("accessed", "added", "listed", "removed"))
NOON = "2017-05-30 12:00:00.5+00:00"
NOON_TIME = datetime(2017, 5, 30, 12, 0, 0, 500000, UTC)
HINT, FEEDBACK = ((f"edx.problem.hint.{what}_displayed",) for what in ("demandhint", "feedback"))
ASSESSMENT = tuple(f"openassessmentblock.{who}_assess" for who in ("peer", "self", "staff"))
SUBMITTED = ("openassessmentblock.create_submission",)
FOUND, CHANGED = ("textbook.pdf.search.executed",), ("edx.user.settings.changed",)
COMPLETED = ("edx.completion.block_completion.changed",)
AFTER_SERVER = [
    Field(SAVE, "problem_id", PROBLEM, "saved_problem", PROBLEM),
    Field(SAVE, "answers", json.dumps(ANSWERS), "saved_problem", ANSWERS),
    Field(SAVE, "state", STATE, "saved_problem", STATE),
    Field(("save_problem_fail",), "failure", "done", "saved_problem", "done"),
    Field(("problem_rescore",), "new_score", 2, "rescored_problem", Decimal(2)),
    Field(("problem_rescore",), "orig_total", "3", "rescored_problem", Decimal(3)),
    Field(("problem_rescore",), "correct_map", CORRECT_MAP, "rescored_problem", CORRECT_MAP),
    Field(("problem_rescore",), "student", "ada", "rescored_problem", "ada"),
    Field(("problem_rescore_fail",), "failure", "unanswered", "rescored_problem", "unanswered"),
    Field(HINT, "hint_index", 0, "hint_display", 0),
    Field(HINT, "hint_len", 2, "hint_display", 2),
    Field(HINT, "hint_text", "Look", "hint_display", "Look"),
    Field((*HINT, *FEEDBACK), "module_id", PROBLEM, "hint_display", PROBLEM),
    Field(FEEDBACK, "correctness", True, "hint_display", True),
    Field(FEEDBACK, "hints", [{"text": "Yes"}], "hint_display", [{"text": "Yes"}]),
    Field(FEEDBACK, "student_answer", ["choice_1"], "hint_display", ["choice_1"]),
    Field(SUBMITTED, "answer", {"parts": []}, "open_assessment", {"parts": []}),
    Field(SUBMITTED, "submitted_at", NOON, "open_assessment", NOON_TIME),
    Field(SUBMITTED, "attempt_number", 1, "open_assessment", 1),
    Field(SUBMITTED, "submission_uuid", "eea7", "open_assessment", "eea7"),
    Field(
        ("openassessmentblock.save_submission",),
        "saved_response",
        '{"parts": []}',
        "open_assessment",
        {"parts": []},
    ),
    Field(
        ("openassessmentblock.get_peer_submission",),
        "course_id",
        COURSE,
        "open_assessment",
        COURSE,
        "event_course_id",
    ),
    Field(ASSESSMENT, "score_type", "PE", "open_assessment", "PE"),
    Field(ASSESSMENT, "parts", [{"option": 1}], "open_assessment", [{"option": 1}]),
    Field(
        ASSESSMENT, "rubric", {"contenthash": "f0"}, "open_assessment", "f0", "rubric_contenthash"
    ),
    Field(
        ("openassessmentblock.submit_feedback_on_assessments",),
        "options",
        ["fair", "kind"],
        "open_assessment",
        ["fair", "kind"],
    ),
    Field(
        ("openassessment.student_training_assess_example",),
        "options_selected",
        {"Ideas": "Fair"},
        "open_assessment",
        {"Ideas": "Fair"},
    ),
    Field(("openassessment.upload_file",), "fileSize", 7, "open_assessment", 7, "filesize"),
    Field(SUBSECTION, "weighted_graded_earned", 1.5, "grade_change", Decimal("1.5")),
    Field(SUBSECTION, "first_attempted", NOON, "grade_change", NOON_TIME),
    Field(
        SUBSECTION, "subtree_edited_on", NOON, "grade_change", NOON_TIME, "subtree_edited_timestamp"
    ),
    Field(COURSE_GRADE, "percent_grade", 0.82, "grade_change", Decimal("0.82")),
    Field(COURSE_GRADE, "percent", 0.82, "grade_change", Decimal("0.82"), "percent_grade"),
    Field(COURSE_GRADE, "letter_grade", "B", "grade_change", "B"),
    Field(PASSED, "user_id", "77", "grade_change", 77, "event_user_id"),
    Field(PASSED, "course_id", COURSE, "grade_change", COURSE, "event_course_id"),
    Field(RESCORED, "new_weighted_earned", 3, "grade_change", Decimal(3)),
    Field(RESCORED, "only_if_higher", None, "grade_change", None),
    Field(COMPLETED, "completion", 1.0, "block_completion", Decimal("1.0")),
    Field(COMPLETED, "block_id", PROBLEM, "block_completion", PROBLEM),
    Field(COMPLETED, "block_type", "problem", "block_completion", "problem"),
    Field(("edx.done.toggled",), "done", True, "block_completion", True),
    Field(THREAD, "commentable_id", "6b64", "forum_action", "6b64"),
    Field(THREAD, "user_forums_roles", ["Student"], "forum_action", ["Student"]),
    Field(THREAD, "user_course_roles", [], "forum_action", []),
    Field(THREAD, "discussion", {"id": "591e"}, "forum_action", "591e", "discussion_id"),
    Field(THREAD, "options", {"followed": False}, "forum_action", False, "followed"),
    Field(("edx.forum.thread.followed",), "followed", True, "forum_action", True),
    Field(
        ("edx.forum.comment.created",), "response", {"id": "5"}, "forum_action", "5", "response_id"
    ),
    Field(("edx.forum.response.voted",), "undo_vote", False, "forum_action", False),
    Field(("edx.forum.searched",), "page", 2, "forum_action", 2, "event_page"),
    Field(CHANGED, "table", "auth_user", "setting_action", "auth_user", "setting_table"),
    Field(CHANGED, "old", False, "setting_action", False),
    Field(CHANGED, "truncated", ["old"], "setting_action", ["old"]),
    Field(DROPPED, "is_correct", True, "drag_and_drop", True),
    Field(DROPPED, "location_id", 1, "drag_and_drop", 1),
    Field(EXAM, "attempt_allowed_time_limit_mins", 90, "special_exam", Decimal(90)),
    Field(EXAM, "attempt_started_at", NOON, "special_exam", NOON_TIME),
    Field(EXAM, "exam_is_proctored", False, "special_exam", False),
]

CAPTIONS = (
    *("edx.video.closed_captions.shown", "edx.video.closed_captions.hidden"),
    *("complete_video", "edx.video.completed"),
    *("video_show_cc_menu", "edx.video.language_menu.shown"),
    *("video_hide_cc_menu", "edx.video.language_menu.hidden"),
)
UPDATE = ("edx.course.home.course_update.toggled",)
TOOL = ("edx.course.tool.accessed",)
GOAL = ("edx.course.goal.added", "edx.course.goal.updated")
AFTER_BROWSER = [
    Field(("problem_save", "problem_reset"), "input_a_2_1", "x", "problem_input", ["x"], "values"),
    Field((*VIDEOS, *CAPTIONS), "duration", 194.5, "video_interaction", Decimal("194.5")),
    Field(CAPTIONS, "current_time", 3, "video_interaction", Decimal(3), "currenttime"),
    Field(SEEK, "seek_type", "slide", "video_interaction", "slide"),
    Field(SEEK, "requested_skip_interval", -30, "video_interaction", Decimal(-30)),
    Field(CAPTIONS[-2:], "language", "en", "video_interaction", "en"),
    Field(FOUND, "query", "entropy", "book_navigation", "entropy"),
    Field(FOUND, "caseSensitive", False, "book_navigation", False, "casesensitive"),
    Field(FOUND, "highlightAll", True, "book_navigation", True, "highlightall"),
    Field(("textbook.pdf.page.navigated",), "page", 4, "book_navigation", 4, "event_page"),
    Field(("textbook.pdf.zoom.menu.changed",), "amount", "0.75", "book_navigation", "0.75"),
    Field(BOOKMARKS, "bookmark_id", "ada,x", "bookmark_action", "ada,x"),
    Field(BOOKMARKS, "course_id", COURSE, "bookmark_action", COURSE, "event_course_id"),
    Field(BOOKMARKS, "bookmarks_count", 3, "bookmark_action", 3),
    Field(UPDATE, "action", "show", "course_home_action", "show"),
    Field(UPDATE, "publish_date", NOON, "course_home_action", NOON_TIME),
    Field(TOOL, "tool_name", "edx.updates", "course_home_action", "edx.updates"),
    Field(GOAL, "days_per_week", 3, "course_home_action", 3),
]

AFTER = [*each(AFTER_SERVER, "server"), *each(AFTER_BROWSER, "browser", "mobile")]


@pytest.mark.parametrize("case", AFTER)
def test_a_field_that_came_after_the_document(filled_warehouse: Connection, case: Case) -> None:
    assert_found(filled_warehouse, case)


@pytest.mark.parametrize(
    ("event_type", "exam_type"),
    [
        ("edx.special_exam.proctored.option-presented", "proctored"),
        ("edx.special_exam.practice.attempt.error", "practice"),
        ("edx.special_exam.timed.allowance.deleted", "timed"),
    ],
)
def test_an_exam_says_of_which_type_it_is(
    shared_warehouse: Connection, event_type: str, exam_type: str
) -> None:
    found = one(shared_warehouse, "special_exam", "exam_type", event_type=event_type, event={})
    assert found == exam_type


@pytest.mark.parametrize("event_type", ["problem_save", "problem_reset"])
def test_a_saved_problem_has_the_inputs_as_they_came(
    shared_warehouse: Connection, event_type: str
) -> None:
    (row,) = read(
        shared_warehouse,
        "browser_problem_change",
        "inputs, event_text, event_kind",
        line(next(NUMBERS), event_type=event_type, event="input_a_2_1=x+y&input_b[]=1"),
    )
    assert row["inputs"] == {"input_a_2_1": "x y", "input_b[]": ["1"]}
    assert row["event_text"] == "input_a_2_1=x+y&input_b[]=1"
    assert row["event_kind"] == event_type
