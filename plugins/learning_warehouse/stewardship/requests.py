"""Who is to be erased: the files below ``erasure/requests/`` in the landing zone.

A name in a Param would stay in Airflow's database and logs, so it comes in a file, which goes when
the erasure is recorded. A row is a person. Its columns are those of the roster, or those of the
report that Open edX's retirement writes for partners. Knows the files; knows no table.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse.catalogue import plain

if TYPE_CHECKING:
    from learning_warehouse.landing import LandingZone

FOLDER = "erasure/requests/"

COLUMNS = {
    "institution_id": ("institutionid", "studentid", "personid"),
    "email": ("email", "mail", "emailaddress", "originalemail", "otheremails"),
    "name": ("name", "originalname"),
    "edx username": ("edxusername", "username", "originalusername"),
    "edx user_id": ("edxuserid", "userid"),
    "vocareum user_id": ("vocareumuserid",),
    "echo360 user_id": ("echo360userid",),
    "origin": ("origin", "site"),
}
"""What identifies, and its headers, without case and punctuation. Source: ``people.roster``; the
partner report of edx-platform (``user_retirement_partner_report``)."""
IDLE = {"deletioncompleted", "role"}
"""Headers of these files that name nobody."""


@dataclass
class Request:
    """What a request says of one person.

    :param said: values by what they identify, in small letters.
    :param origin: the site, org or host of the accounts, where it is given.
    :param people: ids of ``people.link`` that are this person.
    """

    said: dict[str, set[str]] = field(default_factory=dict)
    origin: str | None = None
    people: frozenset[str] = frozenset()

    @property
    def parts(self) -> list[str]:
        """What makes it the same request."""
        said = [f"{kind}={value}" for kind, values in self.said.items() for value in values]
        return sorted([*said, *self.people, self.origin or ""])


def objects(zone: LandingZone) -> list[dict[str, Any]]:
    """What S3 says of the requests that wait."""
    return [file for file in zone.objects(FOLDER) if file["Size"]]


def read(zone: LandingZone, key: str) -> list[Request]:
    """The people of a file.

    :raises PermanentFailure: it is no CSV file with such a header, or a row names nobody.
    """
    try:
        text = zone.get(key).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PermanentFailure(f"{key} is not in UTF-8: save it as CSV in UTF-8.") from None
    rows = [row for row in csv.reader(io.StringIO(text)) if any(value.strip() for value in row)]
    if not rows:
        raise PermanentFailure(f"{key} is empty: give it a header, and a row for each person.")
    kinds = {of: kind for kind, headers in COLUMNS.items() for of in headers}
    header = [kinds.get(plain(name)) for name in rows[0]]
    unknown = [
        number
        for number, (name, kind) in enumerate(zip(rows[0], header, strict=True), start=1)
        if kind is None and plain(name) not in IDLE
    ]
    if unknown or not set(header) - {None, "name", "origin"}:
        raise PermanentFailure(
            f"The header of {key} does not say what identifies people (column "
            f"{unknown[0] if unknown else 1}): its columns are those of people.roster, or those of "
            "Open edX's partner report."
        )
    return [_request(key, line, header, row) for line, row in enumerate(rows[1:], start=2)]


def _request(key: str, line: int, header: list[str | None], row: list[str]) -> Request:
    request = Request()
    for kind, value in zip(header, row, strict=False):
        text = " ".join(value.split())
        if not text or kind is None:
            continue
        if kind == "origin":
            request.origin = text
            continue
        values = text.replace(",", " ").replace(";", " ").split() if kind == "email" else [text]
        request.said.setdefault(kind, set()).update(one.lower() for one in values)
    if not request.said.keys() - {"name"}:
        raise PermanentFailure(
            f"Line {line} of {key} names nobody: fill in an id, a user name or an address."
        )
    return request
