"""Who is who at the campus: its list of people, and whose each account is.

With what such lists are known for: addresses that changed, an address that several share, people
who have no account at a source, and guests whom the list does not know.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from include.sandbox.campus.echo360.identity import SHARED_ADDRESS

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Person

HEADER = (
    "institution_id", "name", "email", "other_emails", "role", "edx_username", "edx_user_id",
    "echo360_user_id",
)  # fmt: skip


def is_guest(person: Person) -> bool:
    """Whether the list does not know them."""
    return person.number % 11 == 3


def roster(campus: Campus) -> bytes:
    """The list of people, as the institution puts it into the landing zone."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADER)
    teachers = {course.people[0] for course in campus.courses}
    for person in campus.people:
        if is_guest(person):
            continue
        address = person.echo360_email
        old = address if address not in (person.email, SHARED_ADDRESS) else ""
        told = campus.uuid("person", person.number) if person.number % 20 == 7 else ""
        role = "staff" if person in teachers else "student"
        name = person.username.upper()
        writer.writerow(
            [f"s{person.number}", person.name, person.email, old, role, name, person.edx_id, told]
        )
    return text.getvalue().encode()


def true_people(campus: Campus) -> dict[tuple[str, str], str]:
    """Whose each possible account is: (source, name, id or address) → a word for the person."""
    found: dict[tuple[str, str], str] = {}
    for person in campus.people:
        known = f"{person.number}"
        guest = is_guest(person)
        stray = person.number % 20 == 8 or (guest and person.echo360_email != person.email)
        found["vocareum", str(person.number)] = found["vocareum", person.email] = known
        found["echo360", campus.uuid("person", person.number)] = (
            f"{known} at Echo360" if stray else known
        )
        found["edx", person.username] = f"{known} at edX" if guest else known
        found["edx", str(person.edx_id)] = f"{known} at edX by id" if guest else known
    return found
