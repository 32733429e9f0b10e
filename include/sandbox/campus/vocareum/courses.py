"""What Vocareum writes of courses: who is enrolled, their grades, what was made from what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from include.sandbox.campus.vocareum.writing import content, header, masked, record

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

ENROLLMENT = (
    "userid", "courseid", "role", "name", "email", "client_key", "client_userid", "dropped",
    "organization_terms_agreed", "organization_terms_agreed_date_utc",
)  # fmt: skip
GRADES = (
    "courseid", "coursename", "asnid", "asnname", "ispeerreviewon", "maxscore", "userid",
    "partnerid", "asnscore", "isoverride", "partid", "partname", "partscore", "rubricid",
    "rubricname", "rubricscore", "graderid",
)  # fmt: skip
SUBMISSION = ("submission", "submission_time")
COURSE_MAPPING = (
    "org_id", "org_name", "course_id", "course_name", "create_method", "parent_course_id",
)  # fmt: skip
ASN_MAPPING = (
    "org_id", "course_id", "assignment_id", "assignment_name", "part_id", "part_name",
    "parent_assignment_id", "parent_part_id",
)  # fmt: skip
ORG_NAME = 'University A, "the" example'
RUBRICS = (("Score", 10), ('Style, "clean" and short', 4))
TOO_LONG = ",".join("x" * 25)


class Part(NamedTuple):
    """A part of a course's work; each assignment has one."""

    id: str
    name: str
    assignment_id: str
    assignment_name: str


def parts(course_number: int) -> list[Part]:
    """The parts of a course's work."""
    first = 760000 + (course_number - 20100) * 10
    names = ("assignment-part", "assignment-part", 'the "assignment", part')
    return [
        Part(str(first + n), name, str(first + n - 3), f"lab-{n:02}-api")
        for n, name in enumerate(names)
    ]


def files(campus: Campus) -> Iterator[tuple[str, bytes]]:
    """Keys, without the org, and contents."""
    for course in campus.courses:
        yield f"enrollment/course{course.number}/enrollment.csv", _enrollment_file(campus, course)
    for course in campus.courses:
        yield f"grades/course{course.number}/grades.csv", _grades_file(campus, course)
    yield "course-asn_mapping/course_mapping.csv", _course_mapping_file(campus)
    yield "course-asn_mapping/asn_mapping.csv", _asn_mapping_file(campus)


def true_enrollment(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each person of each course."""
    for course in campus.courses:
        for person in course.people:
            yield _enrolled(campus, course, person)


def rejected_enrollment(campus: Campus) -> Iterator[str]:
    """A record without a user in every second course."""
    for course in campus.courses:
        if course.number % 2:
            yield _nobody(course)


def true_grades(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each rubric of what somebody handed in."""
    for course in campus.courses:
        untold = {} if _tells_submission(course) else dict.fromkeys(SUBMISSION)
        for grade in _grades(campus, course):
            yield {k: v for k, v in grade.items() if k != "short"} | untold


def rejected_grades(campus: Campus) -> Iterator[str]:
    """A record whose score is a word, and one that is too long, in every third course."""
    for course in campus.courses:
        yield from _wrong_grades(course)


def true_course_mapping(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each course."""
    for course in campus.courses:
        parent = _parent(course)
        method = "Clone by Reference" if course.number % 2 else "Clone by Copy"
        yield {
            "org_id": campus.org_id,
            "org_name": ORG_NAME,
            "course_id": str(course.number),
            "course_name": course.name,
            "create_method": method if parent else None,
            "parent_course_id": parent,
        }


def rejected_course_mapping(campus: Campus) -> Iterator[str]:
    """A record without a course, and one that is too long."""
    yield from (f"{campus.org_id},x,,x,,", TOO_LONG)


def true_asn_mapping(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each part of each course."""
    for course in campus.courses:
        parent = _parent(course)
        known = parent is not None and parent.isdigit()
        for n, part in enumerate(parts(course.number)):
            origin = parts(int(parent))[n] if parent and known else None
            hidden = f"{part.id[:2]}xxxx" if parent else None
            yield {
                "org_id": campus.org_id,
                "course_id": str(course.number),
                "assignment_id": part.assignment_id,
                "assignment_name": part.assignment_name,
                "part_id": part.id,
                "part_name": part.name,
                "parent_assignment_id": origin.assignment_id if origin else hidden,
                "parent_part_id": origin.id if origin else hidden,
            }


def rejected_asn_mapping(campus: Campus) -> Iterator[str]:
    """A record without an assignment, and one that is too short."""
    yield from (f"{campus.org_id},20150,,x,1,x,,", f"{campus.org_id},20150,190155")


# --- facts ----------------------------------------------------------------------------------------


def _enrolled(campus: Campus, course: Course, person: Person) -> dict[str, Any]:
    chance = campus.chance("enrolled", course.number, person.number)
    agreed = chance.random() < 0.5
    day = campus.days[0] - timedelta(days=chance.randrange(90))
    return {
        "userid": str(person.number),
        "courseid": str(course.number),
        "role": "teacher" if person == course.people[0] else "student",
        "name": None if chance.random() < 0.1 else person.name,
        "email": person.email,
        "client_key": "demokey",
        "client_userid": str(person.number * 7),
        "dropped": chance.random() < 0.1,
        "organization_terms_agreed": True if agreed else None,
        "organization_terms_agreed_date_utc": _at_nine(day) if agreed else None,
    }


def _at_nine(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def _grades(campus: Campus, course: Course) -> Iterator[dict[str, Any]]:
    """The grades of a course's students; ``short`` where the partner is left out of the record."""
    for person in course.people[1:]:
        chance = campus.chance("grades", course.number, person.number)
        for part in parts(course.number):
            if chance.random() < 0.5:
                yield from _graded(campus, course, person, part, chance)


def _graded(
    campus: Campus, course: Course, person: Person, part: Part, chance: Random
) -> Iterator[dict[str, Any]]:
    rubrics = RUBRICS[: chance.choice((1, 2))]
    scores = [Decimal(chance.randrange(2 * most + 1)) / 2 for _, most in rubrics]
    partner = chance.choice(course.people) if chance.random() < 0.2 else None
    overridden = chance.random() < 0.1
    highest = sum(most for _, most in rubrics)
    common = {
        "courseid": str(course.number),
        "coursename": course.name,
        "asnid": part.assignment_id,
        "asnname": part.assignment_name,
        "ispeerreviewon": chance.random() < 0.1,
        "maxscore": highest,
        "userid": masked(person) if chance.random() < 0.02 else str(person.number),
        "partnerid": str(partner.number) if partner else None,
        "asnscore": highest if overridden else sum(scores),
        "isoverride": overridden,
        "partid": part.id,
        "partname": part.name,
        "partscore": sum(scores),
    }
    submission = {
        "submission": chance.randrange(1, 4),
        "submission_time": _at_nine(chance.choice(campus.days))
        + timedelta(seconds=chance.randrange(50_000)),
    }
    grader = course.people[0].number if chance.random() < 0.7 else None
    for n, ((name, _), score) in enumerate(zip(rubrics, scores, strict=True)):
        yield {
            **common,
            "rubricid": str(int(part.id) - 200_000 + n),
            "rubricname": name,
            "rubricscore": score,
            "graderid": str(grader) if grader else None,
            **submission,
            "short": partner is None and chance.random() < 0.3,
        }


def _parent(course: Course) -> str | None:
    """The course that it is a clone of: the one before it, one that is not told, or none."""
    if course.number % 2:
        return str(course.number - 1)
    return f"{course.number // 100}xx" if course.number % 4 else None


# --- files ----------------------------------------------------------------------------------------


def _delimiter(course: Course) -> str:
    return ", " if course.number % 2 == 0 else ","


def _enrollment_file(campus: Campus, course: Course) -> bytes:
    delimiter = _delimiter(course)
    lines = [header(ENROLLMENT, delimiter)]
    for person in course.people:
        row = _enrolled(campus, course, person)
        if row["name"] is None:
            del row["name"]
        lines.append(record(row.values(), delimiter))
    if course.number % 2:
        lines.append(_nobody(course))
    return content(lines)


def _nobody(course: Course) -> str:
    return f",{course.number},student,Nobody,nobody@university.example,demokey,0,0,,"


def _tells_submission(course: Course) -> bool:
    return course.number % 4 in (1, 2)


def _grades_file(campus: Campus, course: Course) -> bytes:
    delimiter = _delimiter(course)
    names = GRADES + SUBMISSION if _tells_submission(course) else GRADES
    short = [name for name in names if name != "partnerid"]
    lines = [header(names, delimiter)]
    for grade in _grades(campus, course):
        lines.append(record((grade[k] for k in (short if grade["short"] else names)), delimiter))
    return content(lines + _wrong_grades(course))


def _wrong_grades(course: Course) -> list[str]:
    if course.number % 3:
        return []
    tail = ",," if _tells_submission(course) else ""
    word = f"{course.number},x,412074,x,0,14,173100,,ten,0,412075,x,10,551636,Score,10,173101{tail}"
    return [word, TOO_LONG]


def _course_mapping_file(campus: Campus) -> bytes:
    lines = [header(COURSE_MAPPING, ", ")]
    lines += [record(row.values(), ", ") for row in true_course_mapping(campus)]
    return content([*lines, *rejected_course_mapping(campus)])


def _asn_mapping_file(campus: Campus) -> bytes:
    lines = [header(ASN_MAPPING, ",")]
    lines += [record(row.values(), ",") for row in true_asn_mapping(campus)]
    return content([*lines, *rejected_asn_mapping(campus)])
