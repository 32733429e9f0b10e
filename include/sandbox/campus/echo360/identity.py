"""Who did something and in which course: the columns that most reports share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

COURSE = {
    "sectionId": "section_id", "sectionNumber": "section_number", "courseId": "course_id",
    "courseIdentifier": "course_identifier", "courseName": "course_name",
}  # fmt: skip
SHARED_ADDRESS = "front-desk@university.example"
USER = {
    "userid": "user_id", "firstname": "first_name", "lastname": "last_name", "email": "email",
    "role": "role",
}  # fmt: skip
PLAYER_USER = {
    "userId": "user_id", "firstName": "first_name", "lastName": "last_name",
    "userEmail": "user_email", "userRole": "user_role",
}  # fmt: skip


def course_facts(campus: Campus, course: Course) -> dict[str, Any]:
    """The columns of ``COURSE``."""
    return {
        "section_id": campus.uuid("section", course.number),
        "section_number": f"{course.number}-A",
        "course_id": campus.uuid("course", course.number),
        "course_identifier": f"C{course.number}",
        "course_name": course.name,
    }


def no_course() -> dict[str, Any]:
    """The columns of ``COURSE`` of what happened outside of any."""
    return dict.fromkeys(COURSE.values())


def user_facts(campus: Campus, course: Course, person: Person) -> dict[str, Any]:
    """The columns of ``USER``."""
    return {
        "user_id": campus.uuid("person", person.number),
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.echo360_email,
        "role": "Instructor" if person == course.people[0] else "Student",
    }


def player_user_facts(campus: Campus, course: Course, person: Person) -> dict[str, Any]:
    """The columns of ``PLAYER_USER``."""
    facts = user_facts(campus, course, person)
    return dict(zip(PLAYER_USER.values(), facts.values(), strict=True))


def prefixed(prefix: str, facts: dict[str, Any]) -> dict[str, Any]:
    """The same facts of one of several people in a row."""
    return {f"{prefix}_{column}": value for column, value in facts.items()}
