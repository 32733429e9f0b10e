"""Every form of a line that tracking logs are known to have, and what becomes of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from learning_warehouse.edx.events import COLUMNS, Block, Care, EventReader
from learning_warehouse.edx.repair import LONGEST_LINE

NOW = datetime(2026, 1, 31, tzinfo=UTC)
KINDS = {
    ("server", "problem_check"): "problem_check",
    ("browser", "problem_check"): "problem_check_browser",
    (None, "seq_goto"): "seq_goto",
    (None, "edx.ui.lms.sequence.tab_selected"): "seq_goto",
    (None, "show_answer"): "showanswer",
}

LINE: dict[str, Any] = {
    "username": "ada",
    "event_type": "seq_goto",
    "ip": "10.0.0.1",
    "agent": "Mozilla/5.0",
    "host": "courses.edx.org",
    "referer": "https://courses.edx.org/dashboard",
    "accept_language": "en",
    "session": "a" * 32,
    "event": '{"id": "i4x://MITx/6.00x/sequential/s1", "old": 1, "new": 2}',
    "event_source": "browser",
    "context": {"course_id": "course-v1:MITx+6.00x+2017", "org_id": "MITx", "user_id": 7},
    "time": "2017-05-25T03:17:07.424101+00:00",
    "page": "https://courses.edx.org/courses/course-v1:MITx+6.00x+2017/courseware",
    "name": "seq_goto",
}


def line(**changes: Any) -> bytes:
    return json.dumps({**LINE, **changes}).encode()


def without(*fields: str) -> bytes:
    return json.dumps({name: v for name, v in LINE.items() if name not in fields}).encode()


def read(*lines: bytes, care: Care = "none") -> Block:
    return EventReader(KINDS, now=NOW).read(lines, care=care)


def row(content: bytes, *, care: Care = "none") -> dict[str, str | None]:
    """The row of the one line that ``content`` is."""
    block = read(content, care=care)
    assert [r.reason for r in block.rejected] == []
    (copied,) = block.rows
    assert copied.endswith("\n")
    return dict(zip(COLUMNS, map(unescaped, copied[:-1].split("\t")), strict=True))


def row_carefully(content: bytes) -> dict[str, str | None]:
    return row(content, care="suspects")


def unescaped(value: str) -> str | None:
    if value == r"\N":
        return None
    escapes = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
    parts = iter(value)
    return "".join(escapes[next(parts)] if part == "\\" else part for part in parts)


def event(content: bytes) -> Any:
    written = row(content)["event"]
    return written and json.loads(written)


def reason(content: bytes) -> str:
    block = read(content)
    assert block.rows == []
    (rejected,) = block.rejected
    return rejected.reason


def test_a_line_as_edx_writes_it() -> None:
    assert row(line()) == {
        "_row": "1",
        "event_hash": row(line())["event_hash"],
        "time": "2017-05-25T03:17:07.424101+00:00",
        "event_status": "json_string",
        "event_kind": "seq_goto",
        "username": "ada",
        "user_id": "7",
        "session": "a" * 32,
        "course_id": "course-v1:MITx+6.00x+2017",
        "course_from": "context",
        "org_id": "MITx",
        "event_source": "browser",
        "event_type": "seq_goto",
        "name": "seq_goto",
        "page": LINE["page"],
        "referer": LINE["referer"],
        "ip": "10.0.0.1",
        "agent": "Mozilla/5.0",
        "accept_language": "en",
        "host": "courses.edx.org",
        "event": LINE["event"],
        "event_text": None,
        "context": json.dumps(LINE["context"]),
        "repairs": None,
        "_extras": None,
    }


# Both ways must give the same row wherever the quick one takes a line.
@pytest.mark.parametrize(
    "content",
    [
        line(),
        line(event={"POST": {}, "note": 'a "quoted" \\ word'}),
        line(event='{"answer": "C:\\\\temp"}'),
        line(event=""),
        line(event='{"cut": "of'),
        line(event="input_1=a&input_2[]=b"),
        line(event="5"),
        line(event='"{\\"id\\": 1}"'),
        line(context={}),
        line(context=None),
        line(context={"course_id": "", "user_id": "12"}),
        line(username=" ada\n"),
        line(username="", page=None, session=None),
        line(agent="汉字 ü"),
        line(agent="DOMAIN\\user"),
        line(agent="a\tb\nc\rd"),
        line(event_type="/courses/MITx/6.00x/2012_Fall/info", context={}, page=None),
        without("name", "context", "session"),
    ],
)
def test_both_ways_agree(content: bytes) -> None:
    quick, careful = read(content).rows, read(content, care="all").rows
    assert quick == careful


# --- what the field event holds -------------------------------------------------------------------


def test_an_event_may_be_an_object() -> None:
    content = line(event={"problem_id": "p1", "attempts": 1})
    assert event(content) == {"problem_id": "p1", "attempts": 1}
    assert row(content)["event_status"] == "object"


def test_an_event_is_mostly_a_string_that_encodes_an_object() -> None:
    assert event(line(event='{"id": 1}')) == {"id": 1}
    assert row(line(event='{"id": 1}'))["event_status"] == "json_string"


def test_an_event_may_be_encoded_twice() -> None:
    content = line(event=json.dumps(json.dumps({"id": 1})))
    assert event(content) == {"id": 1}
    assert row(content)["event_status"] == "doubly_encoded"


def test_an_event_may_be_a_list() -> None:
    graded = ["input_1=choice_2", "<h3>"]
    for content in (line(event=graded), line(event=json.dumps(graded))):
        assert event(content) == graded
        assert row(content)["event_status"] == "list"


@pytest.mark.parametrize("quoted", [False, True])
def test_an_event_may_be_get_parameters(quoted: bool) -> None:
    sent = "input_p1_2_1=choice_2&input_p1_3_1%5B%5D=a&input_p1_3_1%5B%5D=b&input_p1_4_1[]=c&x="
    content = line(event=json.dumps(sent) if quoted else sent)
    assert event(content) == {
        "input_p1_2_1": "choice_2",
        "input_p1_3_1[]": ["a", "b"],
        "input_p1_4_1[]": ["c"],
        "x": "",
    }
    assert row(content)["event_status"] == "key_value"
    assert row(content)["event_text"] == sent


@pytest.mark.parametrize(
    ("sent", "parameters"),
    [
        ("x=He hadn't seen", {"x": "He hadn't seen"}),
        ("x=one\ntwo, three&y[]= 4", {"x": "one\ntwo, three", "y[]": [" 4"]}),
        ("x=[1, 2", {"x": "[1, 2"}),
        ("[]=a&[]=b", {"[]": ["a", "b"]}),
        ("[x]=a b", {"[x]": "a b"}),
        ("x=" + "a b" * 50_000, {"x": "a b" * 50_000}),
    ],
    ids=["blank", "line feed", "value in brackets", "no name", "name in brackets", "long"],
)
def test_get_parameters_may_have_raw_blanks_and_brackets(
    sent: str, parameters: dict[str, Any]
) -> None:
    assert event(line(event=sent)) == parameters
    assert row(line(event=sent))["event_status"] == "key_value"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("he said x=1", "string"),
        ("x=1 {y", "string"),
        ('["x=1", "y', "truncated"),
        ("[1, 2", "truncated"),
        ('["x=1"]', "list"),
        ("=x", "string"),
    ],
)
def test_not_everything_with_an_equals_sign_is_parameters(text: str, status: str) -> None:
    assert row(line(event=text))["event_status"] == status


def test_an_event_of_get_parameters_may_hold_a_nul() -> None:
    content = line(event="input_1=a%00b")
    assert event(content) == {"input_1": "a\ufffdb"}
    assert row(content)["repairs"] == "{nul}"


def test_an_event_may_be_cut_off_at_512_characters() -> None:
    cut = json.dumps({"POST": {"answer": "x" * 600}, "GET": {}})[:512]
    content = line(event=cut, event_type="/courses/c/save")
    assert row(content)["event_status"] == "truncated"
    assert row(content)["event"] is None
    assert row(content)["event_text"] == cut


def test_an_event_may_be_cut_off_inside_of_an_escape() -> None:
    assert row(line(event='{"answer": "\\u4e'))["event_status"] == "truncated"
    assert row(line(event='{"answer": "a\\'))["event_status"] == "truncated"


@pytest.mark.parametrize("text", ["hello world", "{'python': 'repr'}", "5", "true"])
def test_an_event_may_be_any_text(text: str) -> None:
    assert row(line(event=text))["event_status"] == "string"
    assert row(line(event=text))["event_text"] == text


def test_an_event_may_be_a_number() -> None:
    assert row(line(event=5))["event_status"] == "string"
    assert row(line(event=5))["event_text"] == "5"


@pytest.mark.parametrize("content", [line(event=""), line(event=None), without("event")])
def test_an_event_may_be_empty(content: bytes) -> None:
    assert row(content)["event_status"] == "empty"
    assert row(content)["event"] is None


# --- what has to be rescued -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix",
    [
        b"Sep  9 00:00:48 localhost ",
        b"2023-05-23 13:53:13,461 INFO 20 [tracking] [user None] [ip None] logger.py:41 - ",
        b"tracking.log-20130722.gz:",
        b":",
        b"\xef\xbb\xbf",
    ],
)
def test_a_prefix_is_cut_off_and_the_event_stays_the_same_event(prefix: bytes) -> None:
    rescued = row(prefix + line() + b"  \r")
    assert rescued["repairs"] == "{prefix}"
    assert rescued["event_hash"] == row(line())["event_hash"]


def test_leading_nuls_are_taken_out() -> None:
    rescued = row(b"\0" * 826 + line())
    assert rescued["repairs"] == "{nul}"
    assert rescued["event_hash"] == row(line())["event_hash"]


def test_blanks_around_a_line_are_no_repair() -> None:
    assert row(b"  " + line() + b"\r")["repairs"] is None
    assert row(b"  " + line() + b"\r")["event_hash"] == row(line())["event_hash"]


def test_bytes_that_are_no_utf8() -> None:
    rescued = row(line(agent="AGENT").replace(b"AGENT", b"caf\xe9"))
    assert rescued["agent"] == "caf\ufffd"
    assert rescued["repairs"] == "{utf-8}"
    assert row(line(event={"a": "X"}).replace(b"X", b"\xe9"))["repairs"] == "{utf-8}"


# Lines that the quick way takes and COPY refuses are suspects then.


def test_a_nul_that_json_spells_out() -> None:
    assert row_carefully(line(agent="a\0b"))["agent"] == "a\ufffdb"
    assert row_carefully(line(event='{"a": "\\u0000"}'))["event"] == r'{"a": "\ufffd"}'
    assert row_carefully(line(event={"a\0": 1}))["event"] == r'{"a\ufffd": 1}'
    assert row_carefully(line(event={"a\0": 1}))["repairs"] == "{nul}"


def test_a_backslash_before_u0000_is_no_nul() -> None:
    content = line(event={"path": "C:\\u0000"})
    assert row_carefully(content)["repairs"] is None
    assert event(content) == {"path": "C:\\u0000"}


def test_lone_surrogates() -> None:
    assert row(line(agent="a\ud800b"))["agent"] == "a\ufffdb"
    assert row(line(event={"a": "\udfff"}))["event"] == r'{"a": "\ufffd"}'
    assert row(line(event='{"a": "\\ud83d"}'))["event"] == r'{"a": "\ufffd"}'
    assert row(line(event='{"a": "\\ud83d"}'))["repairs"] == "{surrogate}"
    assert row(line(event={"a": "😀"}))["repairs"] is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_know(number: str) -> None:
    for content in (
        line(event={"currentTime": float(number)}),
        line(event=json.dumps({"currentTime": float(number)})),
    ):
        assert event(content) == {"currentTime": number}
        assert row(content)["repairs"] == "{number}"


def test_a_number_that_postgres_does_not_hold() -> None:
    content = line(event={"n": 1}).replace(b'"n": 1', b'"n": 1e999999')
    assert row_carefully(content)["event"] == '{"n": "1e999999"}'


@pytest.mark.parametrize(
    "number",
    [b"1e999", b"-1.5E+131000", b"[0,1E-999]", b"1e0000401", b"1e400", b'"5e999"', b"9e99"],
)
def test_a_large_number_is_stored_the_same_whatever_care_is_taken(number: bytes) -> None:
    """COPY takes it, so that no refusal calls for care."""
    for content in (
        line(event={"n": "NUMBER"}).replace(b'"NUMBER"', number),
        line(context={"n": "NUMBER"}).replace(b'"NUMBER"', number),
        line(event='{"n": NUMBER}').replace(b"NUMBER", number.replace(b'"', rb"\"")),
        line(event='{"n": NUMBER}').replace(b"NUMBER", rb"\u0031e999"),
        line(event={"n": 1}, context={"path": "block-c0ffee1e999"}),
    ):
        assert row(content) == row(content, care="all")
    assert row_carefully(line(event={"n": [1.5e10, 1.7e308], "id": "3e99999"}))["repairs"] is None


def test_control_characters_and_escapes_that_json_does_not_allow() -> None:
    rescued = row(line(agent="AGENT").replace(b"AGENT", rb"a\xb" + b"\x01\t"))
    assert rescued["agent"] == "a\\xb\x01\t"
    assert rescued["repairs"] == "{escape,control}"


# --- what is rejected -----------------------------------------------------------------------------


def test_a_line_that_was_cut_off() -> None:
    cut = line(event="x" * 12_000)[:10_000]
    assert reason(cut) == "it is cut off after 10000 bytes: its JSON object does not end"


def test_a_line_without_an_object() -> None:
    assert reason(b"Traceback (most recent call last):") == "it holds no JSON object"
    assert reason(b"\0\0\0") == "it holds no JSON object"


def test_a_line_that_is_no_json() -> None:
    assert reason(b'{"time": "2017-05-25", oops}').startswith("it is no JSON: JSON is malformed")


def test_values_nested_too_deep() -> None:
    deep = b'{"event": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert reason(deep) == "it is no JSON: its values are nested too deep"


def test_a_line_longer_than_memory_should_hold() -> None:
    assert reason(b"{" + b" " * LONGEST_LINE + b"}").startswith("it is longer than 8388608 bytes")


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("2010-12-31T23:59:59.999999+00:00", "is before 2011"),
        ("2026-02-02T00:00:00+00:00", "is more than 2 days ahead"),
        ("9999-01-01T00:00:00", "is more than 2 days ahead"),
        (0, "is no time"),
        ("yesterday", "is no time"),
        ("infinity", "is no time"),
        ("2017-02-30T00:00:00", "is no time"),
        ("1000000000", "is before 2011"),
    ],
)
def test_a_time_that_cannot_be(time: Any, why: str) -> None:
    assert reason(line(time=time)).endswith(why)


def test_a_line_without_a_time() -> None:
    assert reason(without("time")) == "time is missing"
    assert reason(line(time=None)) == "time is missing"
    assert reason(line(time="")) == "time is missing"


def test_a_rejected_line_is_kept_as_it_came() -> None:
    block = read(line(), b"", b"  ", b"\xffbad\0", line())
    (rejected,) = block.rejected
    assert rejected == (2, 4, r"\xffbad\x00", "it holds no JSON object")
    assert block.records == 3
    assert [copied.split("\t")[0] for copied in block.rows] == ["1", "3"]


# --- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "time",
    [
        "2013-09-09T04:00:48.123456",
        "2013-09-09T04:00:48.123456+00:00",
        "2013-09-09T04:00:48.123456Z",
        "2013-09-09 04:00:48.123456",
        "2013-09-09T06:00:48.123456+02:00",
        1378699248.123456,
        1378699248123456,
        "1378699248.123456",
    ],
)
def test_a_time_may_be_written_in_many_ways(time: Any) -> None:
    written = row(line(time=time))["time"]
    assert written is not None
    moment = datetime.fromisoformat(written)
    expected = datetime(2013, 9, 9, 4, 0, 48, 123456, tzinfo=UTC)
    assert moment.replace(tzinfo=moment.tzinfo or UTC) == expected


def test_a_time_in_seconds_and_milliseconds_since_1970() -> None:
    assert row(line(time=1378699248))["time"] == "2013-09-09T04:00:48+00:00"
    assert row(line(time="1378699248000"))["time"] == "2013-09-09T04:00:48+00:00"


def test_a_leap_second() -> None:
    assert row(line(time="2016-12-31T23:59:60+00:00"))["time"] == "2017-01-01T00:00:00+00:00"


def test_a_user_name_may_end_in_a_line_feed() -> None:
    assert row(line(username="ada\n"))["username"] == "ada"


def test_an_anonymous_user_has_an_empty_name() -> None:
    assert row(line(username=""))["username"] == ""
    assert row(line(username="\U0001f600" * 255))["username"] == "\U0001f600" * 255
    too_long = row(line(username="a" * 256))
    assert (too_long["username"], too_long["repairs"]) == (None, "{username}")
    assert json.loads(too_long["_extras"]) == {"username": "a" * 256}


@pytest.mark.parametrize(
    ("user_id", "column"),
    [(7, "7"), ("7", "7"), ("", None), (None, None), ("x", None), (10**30, None), (True, None)],
)
def test_a_users_id_may_be_a_number_a_string_or_nothing(user_id: Any, column: str | None) -> None:
    assert row(line(context={"user_id": user_id}), care="all")["user_id"] == column


MIT = "MITx/6.00x/2012_Fall"
ABC = "course-v1:A+B+C"


@pytest.mark.parametrize(
    ("page", "event_type", "course_id", "course_from"),
    [
        (f"https://x.org/courses/{MIT}/info", "page_close", MIT, "page"),
        (None, f"/courses/{MIT}/modx/i4x://MITx/6.00x", MIT, "event_type"),
        (None, f"/courses/{ABC}/xblock/block-v1:A+B+C", ABC, "event_type"),
        ("http://x.org/courses/course-v1%3AA%2BB%2BC?x=1", "page_close", ABC, "page"),
        # Prefixes before /courses/, the learning MFE, Studio, blocks, custom courses.
        (None, f"/lms/courses/{MIT}/info", MIT, "event_type"),
        (f"https://x.org/lms/courses/{ABC}", "seq_goto", ABC, "page"),
        (f"https://learning.x.org/learning/course/{ABC}/home", "seq_goto", ABC, "page"),
        (f"https://studio.x.org/course/{ABC}", "page_close", ABC, "page"),
        (None, "/xblock/block-v1:A+B+C+type@vertical+block@1", ABC, "event_type"),
        ("https://x.org/preview/xblock/block-v1%3AA+B+C+type@html+block@2", "p", ABC, "page"),
        (None, "/courses/ccx-v1:A+B+C+ccx@7/info", "ccx-v1:A+B+C+ccx@7", "event_type"),
        (None, "/xblock/ccb-v1:A+B+C+ccx@7+type@html+block@2", "ccx-v1:A+B+C+ccx@7", "event_type"),
        # A blank was a plus sign.
        ("https://x.org/courses/course-v1:A B C/info", "page_close", ABC, "page"),
        ("https://x.org/courses/course-v1:A%20B%20C/", "page_close", ABC, "page"),
        # What an API's path holds between slashes is no old id.
        (None, f"/api/courses/v1/courses/{ABC}", ABC, "event_type"),
        (None, "/api/courses/v1/blocks/", None, None),
        (None, "/api/courses/v1/blocks/x/y", None, None),
        (None, "/api" + "/courses/x/y/z" * 70_000, None, None),
        (None, "/courses/course-v1:" * 50_000, None, None),
        # Neither a page's parameters nor its fragment.
        (f"https://x.org/login?next=/courses/{ABC}/info", "page_close", None, None),
        (f"https://x.org/login#/courses/{MIT}/info", "page_close", None, None),
        (None, "/courses/" + "x" * 300 + "/y/z", None, None),
        (None, "/courses/course-v1:A%00B/", None, None),
        (None, "/courses/course-v1:A+B/", None, None),
        (None, "/courses/library-v1:A+B", None, None),
        (None, "/dashboard", None, None),
    ],
)
@pytest.mark.parametrize("context", [None, {}, {"course_id": ""}, {"course_id": "x" * 300}])
def test_the_course_is_found_in_the_urls_where_the_context_names_none(
    page: str | None, event_type: str, course_id: str | None, course_from: str | None, context: Any
) -> None:
    found = row(line(page=page, event_type=event_type, context=context))
    assert (found["course_id"], found["course_from"]) == (course_id, course_from)
    assert found["org_id"] == {None: None, MIT: "MITx"}.get(course_id, "A")


@pytest.mark.parametrize(
    ("event_type", "event", "course_id", "course_from"),
    [
        ("edx.bookmark.added", {"course_id": ABC}, ABC, "event"),
        ("change-email-settings", {"course": MIT}, MIT, "event"),
        ("problem_rescore", {"course": "a course"}, None, None),
        ("edx.bookmark.added", {"course_id": 7, "course": ["x"]}, None, None),
        ("/change_enrollment", {"POST": {"course_id": [ABC]}, "GET": {}}, ABC, "request"),
        ("/search", {"POST": {}, "GET": {"course_id": ["course-v1:A B C"]}}, ABC, "request"),
        ("/search", {"POST": {}, "GET": {"course_id": [ABC, MIT]}}, None, None),
        ("/search", {"POST": None, "GET": [{"course_id": ABC}]}, None, None),
        (f"/courses/{ABC}/", {"course_id": MIT}, ABC, "event_type"),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_the_course_that_the_event_names_or_a_parameter_of_the_request(
    event_type: str, event: Any, course_id: str | None, course_from: str | None, as_text: bool
) -> None:
    written = line(
        event_type=event_type,
        event=json.dumps(event) if as_text else event,
        page=None,
        referer=f"https://x.org/courses/{MIT}/info",
        context={},
    )
    for found in (row(written), row_carefully(written)):
        assert (found["course_id"], found["course_from"]) == (course_id, course_from)


@pytest.mark.parametrize(
    ("written", "course_id"),
    [
        (f" {ABC}\n", ABC),
        ("course-v1:A B C", ABC),
        ("course-v1%3AA%2BB%2BC", ABC),
        (f"{MIT} ", MIT),
        ("something else", "something else"),
    ],
)
def test_the_course_that_the_context_names_is_written_as_an_id(
    written: str, course_id: str
) -> None:
    found = row(line(context={"course_id": written}))
    assert (found["course_id"], found["course_from"]) == (course_id, "context")


def test_there_was_no_context_before_october_2013() -> None:
    assert row(without("context", "name"))["context"] is None


def test_a_context_may_be_a_string() -> None:
    assert row(line(context=json.dumps({"course_id": "A/B/C"})))["course_id"] == "A/B/C"
    assert row(line(context=""))["context"] is None


@pytest.mark.parametrize(
    ("time", "read"),
    [
        ("2017-05-25+03:17:07", "2017-05-25T03:17:07+00:00"),
        ("2017-05-25 03:17:07.1234569", "2017-05-25T03:17:07.123456+00:00"),
    ],
)
def test_a_time_that_postgres_would_read_otherwise_is_written_as_it_was_read(
    time: str, read: str
) -> None:
    assert row(line(time=time))["time"] == read


def test_fields_of_another_type_are_kept_as_they_are_written() -> None:
    assert row(line(session=5, ip=["a"], username=12))["session"] == "5"
    assert row(line(session=5, ip=["a"], username=12))["ip"] == '["a"]'


def test_fields_that_the_table_lacks() -> None:
    reader = EventReader(KINDS, now=NOW)
    (copied,) = reader.read([line(label="x", nonInteraction=1)]).rows
    extras = unescaped(copied[:-1].split("\t")[COLUMNS.index("_extras")])
    assert json.loads(extras or "") == {"label": "x", "nonInteraction": 1}
    assert reader.unknown_fields == {"label", "nonInteraction"}


@pytest.mark.parametrize(
    ("source", "event_type", "name", "kind"),
    [
        ("server", "problem_check", None, "problem_check"),
        ("browser", "problem_check", "problem_check", "problem_check_browser"),
        ("browser", "seq_goto", "edx.ui.lms.sequence.tab_selected", "seq_goto"),
        ("browser", "unheard.of", "edx.ui.lms.sequence.tab_selected", "seq_goto"),
        ("mobile", None, "show_answer", "showanswer"),
        ("server", "/courses/x", "seq_goto", "implicit"),
        ("server", "unheard.of", None, None),
    ],
)
def test_the_kind_is_by_event_type_first_and_by_name_second(
    source: str, event_type: str | None, name: str | None, kind: str | None
) -> None:
    content = line(event_source=source, event_type=event_type, name=name)
    assert row(content)["event_kind"] == kind


def test_events_that_differ_in_anything_are_two() -> None:
    assert row(line())["event_hash"] != row(line(event='{"id": 2}'))["event_hash"]


# --- the heartbeat --------------------------------------------------------------------------------

HEARTBEAT: dict[str, Any] = {
    "username": "",
    "event_source": "server",
    "event_type": "/heartbeat",
    "event": '{"POST": {}, "GET": {}}',
    "agent": "ELB-HealthChecker/1.0",
    "page": None,
}


@pytest.mark.parametrize("care", ["none", "all"])
@pytest.mark.parametrize(
    ("changes", "is_one"),
    [
        ({}, True),
        ({"agent": "curl/8.0", "name": "/heartbeat"}, True),
        ({"event_source": "browser"}, False),
        ({"event_type": "/heartbeats"}, False),
        ({"event_type": "/courses/A/B/C/heartbeat", "page": "/heartbeat"}, False),
        ({"event_type": "page_close", "agent": "server\t/heartbeat\t"}, False),
    ],
)
def test_the_heartbeat_is_left_out_where_that_is_asked_for(
    changes: dict[str, Any], is_one: bool, care: Care
) -> None:
    content = line(**{**HEARTBEAT, **changes})
    asked = EventReader(KINDS, now=NOW, skip_heartbeat=True).read([content, line()], care=care)
    assert (asked.records, asked.filtered, len(asked.rows)) == (2, is_one, 2 - is_one)
    assert len(read(content, line(), care=care).rows) == 2
