"""The player: sessions of public, embedded and interactive media, and the beacons of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.echo360 import media
from include.sandbox.campus.echo360.identity import PLAYER_USER, player_user_facts

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

STATE = {
    "intervalsPlayed": "intervals_played", "playbackSpeed": "playback_speed",
    "playbackVolume": "playback_volume", "playbackPosition": "playback_position",
    "transcriptActive": "transcript_active", "ccActive": "cc_active",
}  # fmt: skip
PLACE = {
    "lmsCourseName": "lms_course_name", "courseId": "course_id", "courseCode": "course_code",
    "courseName": "course_name", "sectionId": "section_id", "sectionNumber": "section_number",
    "lessonId": "lesson_id", "lessonName": "lesson_name",
}  # fmt: skip
VIEWSESSIONS = {
    "eventTimestamp": "event_timestamp", "sessionId": "session_id",
    "sessionStatus": "session_status", "mediaId": "media_id", "mediaName": "media_name",
    "mediaDuration": "media_duration", **PLACE, **PLAYER_USER, **STATE,
}  # fmt: skip
VIEWSESSIONDETAILS = {
    "eventTimestamp": "event_timestamp", "sessionId": "session_id", "mediaId": "media_id",
    "mediaName": "media_name", "userId": "user_id", **STATE,
}  # fmt: skip
DAYS = 3
"""On how many days after its first a session may still tell of itself: it grows stale in two."""

BEAT = timedelta(seconds=30)
STALE_AFTER = timedelta(hours=48)
Interval = list[int]


@dataclass(frozen=True)
class Beacon:
    """What the player tells while it is open."""

    at: datetime
    played: list[Interval]
    speed: int
    volume: int
    position: int
    transcript: bool
    captions: bool

    def state(self, played: list[Interval] | None) -> dict[str, Any]:
        """The columns of ``STATE``, with the intervals that count in the report."""
        values = (played, self.speed, self.volume, self.position, self.transcript, self.captions)
        return dict(zip(STATE.values(), values, strict=True))


@dataclass(frozen=True)
class Session:
    """A time for which somebody had a medium in their player."""

    id: str
    medium: media.Medium
    begun: datetime
    start: int
    place: dict[str, Any]
    who: dict[str, Any]
    is_stale: bool
    beacons: list[Beacon] = field(default_factory=list)

    @property
    def over(self) -> datetime:
        """When it was ended, or given up."""
        last = self.beacons[-1].at if self.beacons else self.begun
        return last + (STALE_AFTER if self.is_stale else timedelta(milliseconds=4321))


def viewsessions(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """The begin and the end of the sessions of a day."""
    for session in _sessions(campus, day):
        begin = Beacon(session.begun, [], 100, 100, session.start, False, False)
        last = session.beacons[-1] if session.beacons else begin
        played = _merged(interval for beacon in session.beacons for interval in beacon.played)
        end = "SESSION_STALE" if session.is_stale else "SESSION_END"
        for at, status, state in (
            (session.begun, "SESSION_BEGIN", begin.state(None)),
            (session.over, end, last.state(played)),
        ):
            yield {
                "event_timestamp": at,
                "session_id": session.id,
                "session_status": status,
                "media_id": session.medium.id,
                "media_name": session.medium.name,
                "media_duration": session.medium.size + 0.25,
                **session.place,
                **session.who,
                **state,
            }


def viewsessiondetails(campus: Campus, day: date) -> Iterator[dict[str, Any]]:
    """The beacons of the sessions of a day."""
    for session in _sessions(campus, day):
        for beacon in session.beacons:
            yield {
                "event_timestamp": beacon.at,
                "session_id": session.id,
                "media_id": session.medium.id,
                "media_name": session.medium.name,
                "user_id": session.who["user_id"],
                **beacon.state(beacon.played),
            }


def _sessions(campus: Campus, day: date) -> Iterator[Session]:
    for course in campus.courses:
        for person, begun in campus.active(course, day, "player"):
            chance = campus.chance("session", course.number, day, person.number)
            first = _session(campus, course, person, begun, chance)
            yield first
            if first.is_stale:
                yield _reloaded(campus, first, chance)


def _session(
    campus: Campus, course: Course, person: Person, begun: datetime, chance: Random
) -> Session:
    door = chance.choice(("public", "embedded", "details", "details"))
    shown = media.videos if door == "public" else media.interactive
    medium = chance.choice(shown(campus, course))
    who = player_user_facts(campus, course, person)
    start = chance.choice((0, 0, 0, chance.randrange(medium.size * 60_000)))
    return Session(
        campus.uuid("session", course.number, person.number, begun),
        medium,
        begun,
        start,
        _place(campus, course, medium, door),
        dict.fromkeys(who) if door == "public" and chance.random() < 0.7 else who,
        chance.random() < 0.08,
        list(_beacons(begun, medium, start, chance.randrange(40), chance)),
    )


def _reloaded(campus: Campus, stale: Session, chance: Random) -> Session:
    """The session that begins where a stale one was left, when its page wakes up."""
    start = stale.beacons[-1].position if stale.beacons else stale.start
    return Session(
        campus.uuid("reloaded", stale.id),
        stale.medium,
        stale.over,
        start,
        stale.place,
        stale.who,
        False,
        list(_beacons(stale.over, stale.medium, start, 5, chance)),
    )


def _place(campus: Campus, course: Course, medium: media.Medium, door: str) -> dict[str, Any]:
    place: dict[str, Any] = dict.fromkeys(PLACE.values())
    if door == "public":
        return place
    place |= {
        "course_id": campus.uuid("course", course.number),
        "course_code": f"C{course.number}",
        "course_name": course.name,
        "section_id": campus.uuid("section", course.number),
        "section_number": f"{course.number}-A",
    }
    if door == "embedded":
        return place | {"lms_course_name": f"{course.name} (LMS)"}
    return place | {
        "lesson_id": campus.uuid("lesson", course.number, medium.number),
        "lesson_name": f'Lesson {medium.number + 1}, "{course.name}"',
    }


def _beacons(
    begun: datetime, medium: media.Medium, position: int, most: int, chance: Random
) -> Iterator[Beacon]:
    """A beacon every 30 seconds until the end of the medium; in some nothing was played."""
    length = medium.size * 60_000
    speed = chance.choice((100, 100, 100, 50, 125, 150, 200))
    volume = chance.choice((100, 100, 80, 35, 0))
    transcript, captions = chance.random() < 0.2, chance.random() < 0.3
    step = 300 * speed
    for number in range(1, most + 1):
        if position >= length:
            return
        played: list[Interval] = []
        deed = chance.random()
        if deed > 0.05:
            played.append([position, min(position + step, length)])
        if deed > 0.93:
            target = chance.randrange(length)
            played = [
                [position, min(position + step // 2, length)],
                [target, min(target + step // 2, length)],
            ]
        if played:
            position = played[-1][1]
        at = begun + number * BEAT + timedelta(milliseconds=chance.randrange(90))
        yield Beacon(at, played, speed, volume, position, transcript, captions)


def _merged(played: Iterable[Interval]) -> list[Interval]:
    """The same time in the medium, without overlap and in order."""
    merged: list[Interval] = []
    for start, end in sorted(played):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(end, merged[-1][1])
        else:
            merged.append([start, end])
    return merged
