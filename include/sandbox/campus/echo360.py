"""The campus as Echo360 reports it: a row for every 30 seconds of video, each video with totals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

VIDEOVIEW = {
    "videoId": "video_id", "videoName": "video_name", "sectionId": "section_id",
    "sectionNumber": "section_number", "courseId": "course_id",
    "courseIdentifier": "course_identifier", "courseName": "course_name",
    "event_timestamp": "event_timestamp", "duration_Minute": "duration_minute",
    "userid": "user_id", "firstname": "first_name", "lastname": "last_name", "email": "email",
    "role": "role",
}  # fmt: skip
ASSET = {
    "video_name": "video_name", "create_date": "create_date", "section_number": "section_number",
    "owner_name": "owner_name", "mediaid": "media_id", "scheduled": "scheduled",
    "course_identifier": "course_identifier", "organization_name": "organization_name",
    "department_name": "department_name", "room_name": "room_name",
    "building_name": "building_name", "campus_name": "campus_name", "term_name": "term_name",
    "transcribed": "transcribed", "device": "device",
    "video_duration_in_minutes": "video_duration_in_minutes", "last_view": "last_view",
    "view_count": "view_count", "downloads": "downloads",
    "view_duration_in_minutes": "view_duration_in_minutes", "public": "public",
    "private": "private", "live": "live", "on_demand": "on_demand",
    "published_date": "published_date",
}  # fmt: skip
HEADERS = {"videoview": list(VIDEOVIEW), "asset": list(ASSET)}
VIDEOS = 3
BEAT = timedelta(seconds=30)


def rows(
    campus: Campus, report: str, first_day: date | None, end_day: date | None
) -> Iterable[dict[str, Any]]:
    """A report's rows as Echo360 writes them."""
    if report == "videoview" and first_day is not None and end_day is not None:
        days = [day for day in campus.days if first_day <= day < end_day]
        return (_written(row, VIDEOVIEW) for day in days for row in _beats(campus, day))
    if report == "asset":
        return (_written(row, ASSET) for row in true_asset(campus))
    return ()


def true_videoview(campus: Campus) -> Iterator[dict[str, Any]]:
    """Every beat of every day."""
    for day in campus.days:
        yield from _beats(campus, day)


def true_asset(campus: Campus) -> Iterator[dict[str, Any]]:
    """Each video with its totals over all days."""
    for course in campus.courses:
        beats: dict[str, list[datetime]] = {}
        for day in campus.days:
            for beat in _course_beats(campus, course, day):
                beats.setdefault(beat["video_id"], []).append(beat["event_timestamp"])
        for number in range(VIDEOS):
            yield _asset(campus, course, number, beats)


def _asset(
    campus: Campus, course: Course, number: int, beats: dict[str, list[datetime]]
) -> dict[str, Any]:
    media_id = campus.uuid("video", course.number, number)
    seen = beats.get(media_id, [])
    made = datetime(2026, 1, 5, 9, number, tzinfo=UTC)
    return {
        "video_name": _video_name(number),
        "create_date": made,
        "section_number": f"{course.number}-A",
        "owner_name": course.people[0].name,
        "media_id": media_id,
        "scheduled": number % 2 == 0,
        "course_identifier": f"C{course.number}",
        "organization_name": "University A",
        "department_name": None,
        "room_name": "Room 1" if number % 2 == 0 else None,
        "building_name": "Main",
        "campus_name": "City",
        "term_name": "Fall",
        "transcribed": number != 1,
        "device": "Zoom" if number % 2 else "Pod",
        "video_duration_in_minutes": 50 + number,
        "last_view": max(seen, default=None),
        "view_count": len(seen),
        "downloads": number,
        "view_duration_in_minutes": len(seen) / 2,
        "public": 0,
        "private": len(seen),
        "live": 0,
        "on_demand": len(seen),
        "published_date": made,
    }


def _beats(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    for course in campus.courses:
        yield from _course_beats(campus, course, day)


def _course_beats(campus: Campus, course: Course, day: date) -> Iterator[dict[str, Any]]:
    for person, begun in campus.active(course, day, "video"):
        chance = campus.chance("watch", course.number, day, person.number)
        number = chance.randrange(VIDEOS)
        for beat in range(chance.randrange(1, 60)):
            at = begun + beat * BEAT
            if at.date() != day:
                break
            row = _beat(campus, course, person, number, at)
            yield row
            if chance.random() < 0.02:
                yield dict(row)


def _beat(
    campus: Campus, course: Course, person: Person, number: int, at: datetime
) -> dict[str, Any]:
    return {
        "video_id": campus.uuid("video", course.number, number),
        "video_name": _video_name(number),
        "section_id": campus.uuid("section", course.number),
        "section_number": f"{course.number}-A",
        "course_id": campus.uuid("course", course.number),
        "course_identifier": f"C{course.number}",
        "course_name": course.name,
        "event_timestamp": at,
        "duration_minute": 50 + number,
        "user_id": campus.uuid("person", person.number),
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "role": "Instructor" if person == course.people[0] else "Student",
    }


def _video_name(number: int) -> str:
    return ("Welcome", 'What is "learning", really?', "Now and today,\nin one lecture")[number]


def _written(row: dict[str, Any], header: dict[str, str]) -> dict[str, Any]:
    return {name: _value(row[column]) for name, column in header.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    if isinstance(value, bool):
        return int(value)
    return value
