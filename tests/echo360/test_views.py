"""The views over Echo360's tables."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.warehouse.roads import rows

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

ADA, ZOE = str(UUID(int=1)), str(UUID(int=2))
FILM, QUIZ = str(UUID(int=11)), str(UUID(int=12))
ORG, UK = "echo360.org", "echo360.org.uk"
MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)


def at(time: str, day: date = MONDAY) -> datetime:
    """A UTC time of a day."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


def insert(conn: Connection, table: str, *records: dict[str, Any]) -> None:
    """Put rows into a table, numbered from 1, of echo360.org unless they say otherwise."""
    for number, record in enumerate(records, start=1):
        row = {"_origin": ORG, "_delivery": 1, "_row": number, **record}
        query: Any = (
            f"INSERT INTO echo360.{table} ({', '.join(row)}) "
            f"VALUES ({', '.join(f'%({name})s' for name in row)})"
        )
        conn.execute(query, row)


# --- viewing time ---------------------------------------------------------------------------------

TIMES = "_origin, day, user_id, media_id, seconds_from_beats, seconds_from_intervals, seconds"


def beat(time: datetime, user: str | None = ADA, **more: Any) -> dict[str, Any]:
    """Half a minute of the film."""
    return {
        "event_timestamp": time,
        "user_id": user,
        "video_id": FILM,
        "video_name": "Film",
        **more,
    }


def state(time: datetime, status: str, played: Any = None, **more: Any) -> dict[str, Any]:
    """A state of Ada's session with the quiz."""
    return {
        "event_timestamp": time,
        "session_id": "s1",
        "session_status": f"SESSION_{status}",
        "user_id": ADA,
        "media_id": QUIZ,
        "media_name": "Quiz",
        "intervals_played": None if played is None else json.dumps(played),
        **more,
    }


def test_each_beat_is_half_a_minute(warehouse: Connection) -> None:
    """Equal ones, too; a day is one of UTC."""
    insert(
        warehouse,
        "videoview",
        beat(at("10:00:00")),
        beat(at("10:00:00")),
        beat(at("23:59:59.999999")),
        beat(at("00:00:00", TUESDAY)),
        beat(at("10:00:00"), user=ZOE),
        beat(at("10:00:00"), user=None),
        beat(at("10:00:00"), _origin=UK),
    )
    warehouse.execute("SET TIME ZONE 'America/New_York'")
    assert rows(warehouse, "echo360.viewing_time", TIMES) == [
        (ORG, MONDAY, ADA, FILM, 90, Decimal(0), Decimal(90)),
        (ORG, MONDAY, ZOE, FILM, 30, Decimal(0), Decimal(30)),
        (ORG, MONDAY, None, FILM, 30, Decimal(0), Decimal(30)),
        (ORG, TUESDAY, ADA, FILM, 30, Decimal(0), Decimal(30)),
        (UK, MONDAY, ADA, FILM, 30, Decimal(0), Decimal(30)),
    ]


def test_a_session_counts_as_it_last_stood(warehouse: Connection) -> None:
    """Each state tells all that was played until then."""
    insert(
        warehouse,
        "viewsessions",
        state(at("10:10:00"), "STALE", [[0, 80_000], [120_000, 160_000]]),
        state(at("10:00:00"), "BEGIN"),
        state(at("10:05:00"), "END", [[0, 60_000]]),
        state(at("11:00:00"), "BEGIN", session_id="s2"),
        state(at("11:05:00"), "END", [[0, 5_500]], session_id="s2"),
        state(at("11:05:00"), "END", [[0, 1_000]], session_id="s2", media_id=FILM),
        state(at("12:00:00"), "BEGIN", session_id="s3", user_id=ZOE),
        state(at("10:05:00"), "END", [[0, 7_000]], _origin=UK),
    )
    assert rows(warehouse, "echo360.viewing_time", TIMES) == [
        (ORG, MONDAY, ADA, FILM, 0, Decimal(1), Decimal(1)),
        (ORG, MONDAY, ADA, QUIZ, 0, Decimal("125.5"), Decimal("125.5")),
        (UK, MONDAY, ADA, QUIZ, 0, Decimal(7), Decimal(7)),
    ]


def test_a_session_counts_on_the_day_on_which_it_began(warehouse: Connection) -> None:
    insert(
        warehouse,
        "viewsessions",
        state(at("23:50:00"), "BEGIN"),
        state(at("00:10:00", date(2026, 1, 8)), "STALE", [[0, 60_000]]),
        state(at("00:10:00", TUESDAY), "END", [[0, 30_000]], session_id="beginning not loaded"),
    )
    assert rows(warehouse, "echo360.viewing_time", "day, seconds") == [
        (MONDAY, Decimal(60)),
        (TUESDAY, Decimal(30)),
    ]


def test_of_states_at_one_time_the_last_row_counts(warehouse: Connection) -> None:
    ends = [state(at("10:00:00"), "END", [[0, seconds * 1000]]) for seconds in (3, 1, 2)]
    insert(warehouse, "viewsessions", *ends, {**ends[0], "_delivery": 0, "_row": 9})
    assert rows(warehouse, "echo360.viewing_time", "seconds") == [(Decimal(2),)]


def test_a_blank_state_takes_nothing_back(warehouse: Connection) -> None:
    insert(
        warehouse,
        "viewsessions",
        state(at("10:00:00"), "END", [[0, 4_000]]),
        state(at("11:00:00"), "STALE"),
    )
    assert rows(warehouse, "echo360.viewing_time", "seconds") == [(Decimal(4),)]


def test_sessions_without_an_id_are_sessions_of_their_own(warehouse: Connection) -> None:
    ends = [state(at("10:00:00"), "END", [[0, 4_000]], session_id=None)] * 2
    insert(warehouse, "viewsessions", *ends)
    assert rows(warehouse, "echo360.viewing_time", "seconds") == [(Decimal(8),)]


def test_beats_and_intervals_of_a_day_add_up(warehouse: Connection) -> None:
    insert(
        warehouse,
        "videoview",
        beat(at("10:00:00"), video_name="Film"),
        beat(at("10:00:30"), video_name="Final film"),
        beat(at("10:00:00"), video_id=None, video_name=None),
    )
    insert(
        warehouse,
        "viewsessions",
        state(at("11:00:00"), "END", [[0, 12_345]], media_id=FILM, media_name="Film, embedded"),
        state(at("11:00:00"), "END", [[0, 1_000]], session_id="s2", media_id=None, media_name=None),
    )
    columns = "media_id, media_name, seconds_from_beats, seconds_from_intervals, seconds"
    assert rows(warehouse, "echo360.viewing_time", columns) == [
        (FILM, "Final film", 60, Decimal("12.345"), Decimal("72.345")),
        (None, None, 30, Decimal(1), Decimal(31)),
    ]


@pytest.mark.parametrize(
    ("played", "seconds"),
    [
        ([[0, 80_000], [120_000, 160_000]], "120"),
        ([[0, 80_000], [60_000, 90_000]], "90"),
        ([[60_000, 90_000], [0, 80_000], [10_000, 20_000], [90_000, 91_000]], "91"),
        ([[0, 1_000], [0, 1_000]], "1"),
        ([[0.5, 1_000.5]], "1"),
        ([[0, 1]], "0.001"),
        ([[1_000, 1_000], [3_000, 2_000], [0, 500]], "0.5"),
        ([], "0"),
    ],
    ids=str,
)
def test_what_intervals_cover_counts_once(warehouse: Connection, played: Any, seconds: str) -> None:
    assert seconds_played(warehouse, json.dumps(played)) == Decimal(seconds)


@pytest.mark.parametrize(
    "played",
    [
        "null",
        "true",
        "80000",
        '"[[0,80000]]"',
        "{}",
        '{"0": 80000}',
        "[0, 80000]",
        "[[0]]",
        "[[]]",
        "[[0, 1, 2]]",
        "[[[0, 80000]]]",
        "[[0, [80000]]]",
        '[["0", "80000"]]',
        "[[0, null]]",
        "[null]",
        '[{"start": 0, "end": 80000}]',
        '[[0, 80000], "x"]',
        '["x", [0, 80000]]',
        "[[0, 80000], [1]]",
    ],
)
def test_what_is_no_array_of_pairs_of_numbers_counts_nothing(
    warehouse: Connection, played: str
) -> None:
    assert seconds_played(warehouse, played) == 0
    insert(
        warehouse,
        "viewsessions",
        {**state(at("10:00:00"), "END"), "intervals_played": played},
        state(at("10:00:00"), "END", [[0, 1_000]], session_id="s2"),
    )
    assert rows(warehouse, "echo360.viewing_time", "seconds") == [(Decimal(1),)]


def seconds_played(conn: Connection, played: str) -> Decimal:
    query = "SELECT echo360.seconds_played(%(played)s::jsonb) AS seconds"
    row = conn.execute(query, {"played": played}).fetchone()
    assert row is not None
    seconds: Decimal = row["seconds"]
    return seconds


# --- polls ----------------------------------------------------------------------------------------


def response(answer_id: int | None, action: str, time: str, answer: str, **more: Any) -> Any:
    """An action on a response to a poll."""
    return {
        "answer_id": None if answer_id is None else str(UUID(int=answer_id)),
        "action": action,
        "event_timestamp": at(time),
        "answer": answer,
        "email": "ada@example.org",
        "poll_content": '{"choices": []}',
        **more,
    }


def test_a_poll_response_stands_as_its_newest_action_left_it(warehouse: Connection) -> None:
    insert(
        warehouse,
        "pollingv2",
        response(1, "Updated", "10:02:00", "third"),
        response(1, "Created", "10:00:00", "first"),
        response(1, "Updated", "10:01:00", "second"),
        response(2, "Created", "10:00:00", "gone"),
        response(2, "Deleted", "10:05:00", "gone"),
        response(3, "DELETED", "10:00:00", "gone, whenever it was created"),
        response(4, "Created", "10:00:00", "only"),
        response(2, "Created", "10:00:00", "another host's", _origin=UK),
        response(5, "Created", "10:06:00", "back again"),
        response(5, "Deleted", "10:05:00", "gone"),
    )
    columns = "_origin, answer, first_answered_at, last_changed_at, actions, email"
    ada = "ada@example.org"
    assert rows(warehouse, "echo360.poll_response", columns) == sorted(
        [
            (ORG, "third", at("10:00:00"), at("10:02:00"), 3, ada),
            (ORG, "only", at("10:00:00"), at("10:00:00"), 1, ada),
            (ORG, "back again", at("10:05:00"), at("10:06:00"), 2, ada),
            (UK, "another host's", at("10:00:00"), at("10:00:00"), 1, ada),
        ],
        key=repr,
    )


def test_of_poll_actions_at_one_time_the_later_step_stands(warehouse: Connection) -> None:
    insert(
        warehouse,
        "pollingv2",
        response(1, "Updated", "10:00:00", "changed"),
        response(1, "Created", "10:00:00", "first"),
        response(2, "Deleted", "10:00:00", "gone"),
        response(2, "Updated", "10:00:00", "changed"),
        response(3, "Updated", "10:00:00", "earlier row"),
        response(3, "Updated", "10:00:00", "later row"),
        response(4, "Updated", "10:00:00", "later delivery", _delivery=2),
        response(4, "Updated", "10:00:00", "earlier delivery", _delivery=1),
        response(5, "Created", "10:00:00", "known word"),
        response(5, "Looked at", "10:00:00", "unknown word"),
    )
    assert rows(warehouse, "echo360.poll_response", "answer") == [
        ("changed",), ("known word",), ("later delivery",), ("later row",)
    ]  # fmt: skip


def test_poll_responses_without_an_id_are_rows_of_their_own(warehouse: Connection) -> None:
    insert(
        warehouse,
        "pollingv2",
        response(None, "Created", "10:00:00", "yes"),
        response(None, "Created", "10:00:00", "yes"),
        response(None, "Deleted", "10:00:00", "gone"),
    )
    assert rows(warehouse, "echo360.poll_response", "answer, actions") == [("yes", 1)] * 2


# --- questions ------------------------------------------------------------------------------------


def asked(question: int, action: str, time: str, text: str, **more: Any) -> dict[str, Any]:
    """An action on a question."""
    return {
        "entity": "Question",
        "action": action,
        "question_id": str(UUID(int=question)),
        "question": text,
        "question_email": "ada@example.org",
        "event_timestamp": at(time),
        **more,
    }


def answered(
    question: int, answer: int | None, action: str, time: str, text: str, **more: Any
) -> dict[str, Any]:
    """An action on a response, which repeats the question as it was then."""
    return {
        **asked(question, action, time, "as it was"),
        "entity": "Response",
        "answer_id": None if answer is None else str(UUID(int=answer)),
        "answer": text,
        "answer_email": "zoe@example.org",
        **more,
    }


def test_questions_with_their_responses(warehouse: Connection) -> None:
    insert(
        warehouse,
        "qanda2",
        asked(1, "Created", "10:00:00", "Why?"),
        asked(1, "Updated", "10:10:00", "Why so?"),
        answered(1, 11, "Created", "10:01:00", "Because"),
        answered(1, 11, "Updated", "10:02:00", "Because of this"),
        answered(1, 12, "Created", "10:03:00", "No idea"),
        answered(1, 13, "Created", "10:04:00", "gone"),
        answered(1, 13, "Deleted", "10:05:00", "gone"),
        asked(2, "Created", "10:00:00", "Anybody?"),
        answered(2, 21, "Created", "10:04:00", "gone"),
        answered(2, 21, "Deleted", "10:05:00", "gone"),
        asked(3, "Created", "10:00:00", "gone with its response"),
        answered(3, 31, "Created", "10:01:00", "gone with its question"),
        asked(3, "Deleted", "10:02:00", "gone with its response"),
        asked(4, "Created", "10:00:00", "Hello?"),
        answered(5, 51, "Created", "10:00:00", "to a question that is not loaded"),
        asked(1, "Created", "10:00:00", "of another host", _origin=UK),
    )
    columns = (
        "_origin, question, asked_at, question_changed_at, question_actions, question_email, "
        "answer, answered_at, answer_changed_at, answer_actions, answer_email"
    )
    first, changed, ada, zoe = at("10:00:00"), at("10:10:00"), "ada@example.org", "zoe@example.org"
    why = (ORG, "Why so?", first, changed, 2, ada)
    nothing = (None,) * 5
    assert rows(warehouse, "echo360.question_response", columns) == sorted(
        [
            (*why, "Because of this", at("10:01:00"), at("10:02:00"), 2, zoe),
            (*why, "No idea", at("10:03:00"), at("10:03:00"), 1, zoe),
            (ORG, "Anybody?", first, first, 1, ada, *nothing),
            (ORG, "Hello?", first, first, 1, ada, *nothing),
            (
                *(ORG, "as it was", None, None, None, ada),
                *("to a question that is not loaded", first, first, 1, zoe),
            ),
            (UK, "of another host", first, first, 1, ada, *nothing),
        ],
        key=repr,
    )


def test_of_actions_on_questions_at_one_time_the_later_step_stands(warehouse: Connection) -> None:
    insert(
        warehouse,
        "qanda2",
        asked(1, "Updated", "10:00:00", "changed"),
        asked(1, "Created", "10:00:00", "first"),
        answered(1, 11, "Updated", "10:00:00", "changed"),
        answered(1, 11, "Created", "10:00:00", "first"),
        asked(2, "Deleted", "10:00:00", "gone"),
        asked(2, "Created", "10:00:00", "gone"),
    )
    found = rows(warehouse, "echo360.question_response", "question, answer")
    assert found == [("changed", "changed")]


def test_responses_without_an_id_are_rows_of_their_own(warehouse: Connection) -> None:
    insert(
        warehouse,
        "qanda2",
        asked(1, "Created", "10:00:00", "Why?"),
        answered(1, None, "Created", "10:00:00", "Because"),
        answered(1, None, "Created", "10:00:00", "Because"),
    )
    found = rows(warehouse, "echo360.question_response", "question, answer, answer_actions")
    assert found == [("Why?", "Because", 1)] * 2


# --- assets ---------------------------------------------------------------------------------------


def test_the_newest_snapshot_of_each_host(warehouse: Connection) -> None:
    insert(
        warehouse,
        "asset",
        {"snapshot_day": TUESDAY, "media_id": FILM, "view_count": 5},
        {"snapshot_day": TUESDAY, "media_id": FILM, "view_count": 5},
        {"snapshot_day": MONDAY, "media_id": FILM, "view_count": 4},
        {"snapshot_day": MONDAY, "media_id": QUIZ, "view_count": 9},
        {"snapshot_day": MONDAY, "media_id": QUIZ, "view_count": 3, "_origin": UK},
    )
    columns = "_origin, snapshot_day, media_id, view_count"
    assert rows(warehouse, "echo360.newest_asset", columns) == [
        (ORG, TUESDAY, FILM, 5),
        (ORG, TUESDAY, FILM, 5),
        (UK, MONDAY, QUIZ, 3),
    ]


# --- what they say of themselves ------------------------------------------------------------------


def test_each_view_and_column_says_what_it_is(warehouse: Connection) -> None:
    silent = warehouse.execute(
        """
        SELECT c.relname, a.attname
        FROM pg_class AS c
        INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'echo360'::regnamespace
            AND c.relkind IN ('r', 'v')
            AND (obj_description(c.oid) IS NULL OR col_description(c.oid, a.attnum) IS NULL)
        """
    )
    assert silent.fetchall() == []
