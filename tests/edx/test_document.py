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
    cases: list[Case] = [parameters.values[0] for parameters in (*DOCUMENT, *TODAY)]
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
