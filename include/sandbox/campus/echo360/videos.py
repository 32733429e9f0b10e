"""Recorded lectures: a row for every 30 seconds watched, and each video with its totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.echo360 import media
from include.sandbox.campus.echo360.identity import COURSE, USER, course_facts, user_facts

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course

VIDEOVIEW = {
    "videoId": "video_id", "videoName": "video_name", **COURSE,
    "event_timestamp": "event_timestamp", "duration_Minute": "duration_minute", **USER,
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
BEAT = timedelta(seconds=30)


def videoview(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """Every beat of a day; some are told twice and count twice."""
    for course in campus.courses:
        videos = media.videos(campus, course)
        where = course_facts(campus, course)
        for person, begun in campus.active(course, day, "video"):
            chance = campus.chance("watch", course.number, day, person.number)
            video = videos[chance.randrange(len(videos))]
            who = user_facts(campus, course, person)
            for beat in range(chance.randrange(1, 60)):
                at = begun + beat * BEAT
                if at.date() != day:
                    break
                row = {
                    "video_id": video.id,
                    "video_name": video.name,
                    **where,
                    "event_timestamp": at,
                    "duration_minute": video.size,
                    **who,
                }
                yield row
                if chance.random() < 0.02:
                    yield dict(row)


def counted(
    campus: Campus, beats: Iterable[dict[str, Any]], days: list[date]
) -> Iterator[dict[str, Any]]:
    """Each video with what these beats of these days add up to."""
    seen: dict[str, list[datetime]] = defaultdict(list)
    for beat in beats:
        seen[beat["video_id"]].append(beat["event_timestamp"])
    for course in campus.courses:
        for video in media.videos(campus, course):
            yield _asset(campus, course, video, seen[video.id], days)


def _asset(
    campus: Campus, course: Course, video: media.Medium, seen: list[datetime], days: list[date]
) -> dict[str, Any]:
    is_capture = video.number % 2 == 0
    made = datetime(2026, 1, 5, 9, video.number, tzinfo=UTC)
    return {
        "video_name": video.name,
        "create_date": made,
        "section_number": f"{course.number}-A",
        "owner_name": course.people[0].name,
        "media_id": video.id,
        "scheduled": is_capture,
        "course_identifier": f"C{course.number}",
        "organization_name": "University A",
        "department_name": None,
        "room_name": "Room 1" if is_capture else None,
        "building_name": "Main",
        "campus_name": "City",
        "term_name": "Fall",
        "transcribed": video.number != 1,
        "device": "Pod" if is_capture else "Zoom",
        "video_duration_in_minutes": video.size,
        "last_view": max(seen, default=None),
        "view_count": len(seen),
        "downloads": sum(campus.chance("downloads", video.id, d).randrange(3) for d in days),
        "view_duration_in_minutes": len(seen) / 2,
        "public": 0,
        "private": len(seen),
        "live": 0,
        "on_demand": len(seen),
        "published_date": made,
    }
