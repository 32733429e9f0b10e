"""All that names a person, from what a request says of them.

The roster, the accounts that are matched, and what the rows have together. Careful: an address
that somebody else's account has too is not taken for this person's, unless the request names it.
Knows ``people``; knows no file.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from learning_warehouse.errors import PermanentFailure
from learning_warehouse.warehouse.sql import statement
from learning_warehouse.warehouse.tombstones import Identity, named_by

if TYPE_CHECKING:
    from learning_warehouse.stewardship.requests import Request
    from learning_warehouse.warehouse.connection import Connection

OF_ROSTER = (
    "institution_id", "email", "name", "edx username", "edx user_id", "vocareum user_id",
    "echo360 user_id",
)  # fmt: skip

MASKED = re.compile(r"xx+")
"""In an id that Vocareum has masked, which many people share."""


def identities(conn: Connection, request: Request) -> set[Identity]:
    """What names the person of a request, in all sources.

    :raises PermanentFailure: the roster has several people of that description, or an account may
        be one of several sites.
    """
    said = {kind: set(request.said.get(kind, ())) for kind in OF_ROSTER}
    _add_roster(conn, said)
    ids = [(kind, value) for kind in OF_ROSTER for value in said[kind] if " " in kind]
    accounts = conn.execute(
        statement("stewardship/erasure", "accounts"),
        {
            "kinds": [kind for kind, _ in ids],
            "values": [value for _, value in ids],
            "email": sorted(said["email"]),
            "people": sorted(request.people),
            "origin": request.origin,
        },
    ).fetchall()
    found: set[Identity] = set()
    for one in accounts:
        found |= named_by(one["kind"], one["source"], one["_origin"], one["value"])
        for address in one["addresses"]:
            found |= named_by("email", "", "", address)
    found |= _as_said(conn, request, said, found)
    found |= _of_edx(conn, found)
    found |= _names(conn, found)
    for kind in OF_ROSTER:
        for value in said[kind]:
            found |= named_by(kind, "", "", value)
    # The institution's lists do not say of which site an account is.
    found |= {one._replace(origin="*") for one in found if one.kind in ("user_id", "username")}
    return {one for one in found if not (one.kind == "user_id" and MASKED.search(one.value))}


def _add_roster(conn: Connection, said: dict[str, set[str]]) -> None:
    given = len(said["institution_id"])
    known = -1
    while known != (known := sum(map(len, said.values()))):
        values = {kind: sorted(values) for kind, values in said.items()}
        for row in conn.execute(statement("stewardship/erasure", "roster"), values):
            for kind in OF_ROSTER:
                if row[kind]:
                    said[kind].add(" ".join(row[kind].split()).lower())
            said["email"].update((row["other_emails"] or "").lower().replace(";", ",").split(","))
        said["email"] = {one for text in said["email"] for one in text.split()}
    if len(said["institution_id"]) > max(given, 1):
        raise PermanentFailure(
            "A request leads to several people of the roster, because they share an id or an "
            "address: name the person by institution_id alone, or mend the roster."
        )


def _as_said(
    conn: Connection, request: Request, said: dict[str, set[str]], found: set[Identity]
) -> set[Identity]:
    """The accounts that a request or the roster names, whether or not they were matched."""
    origins: dict[str, list[str]] = {}
    for row in conn.execute(statement("stewardship/erasure", "origins")):
        origins.setdefault(row["source"], []).append(row["origin"])
    known = {(one.source, one.kind, one.value) for one in found}
    named: set[Identity] = set()
    for kind in OF_ROSTER:
        source, _, of_kind = kind.rpartition(" ")
        for value in said[kind] if source else ():
            several = origins.get(source, [])
            if request.origin in several:
                several = [str(request.origin)]
            if len(several) <= 1:
                for origin in several:
                    named |= named_by(of_kind, source, origin, value)
            elif (source, of_kind, value) not in known and value in request.said.get(kind, ()):
                raise PermanentFailure(
                    f"A request names an account of {source} that may be one of several sites "
                    f"({', '.join(sorted(several))}): say which in a column origin."
                )
    return named


def _of_edx(conn: Connection, found: set[Identity]) -> set[Identity]:
    """The ids and the user names that events have together."""
    more: set[Identity] = set()
    for section, kind, other in (
        ("edx_names", "user_id", "username"),
        ("edx_ids", "username", "user_id"),
    ):
        of_kind = [o for o in found | more if o.source == "edx" and o.kind == kind]
        if not of_kind:
            continue
        values = {"origins": [o.origin for o in of_kind], "values": [o.value for o in of_kind]}
        for row in conn.execute(statement("stewardship/erasure", section), values):
            more |= named_by(other, "edx", row["_origin"], row["value"])
    return more


def _names(conn: Connection, found: set[Identity]) -> set[Identity]:
    """The names with which rows of the person came: owners of media are known by nothing else."""
    ids = [one for one in found if one.kind == "user_id"]
    values = {"origins": [one.origin for one in ids], "values": [one.value for one in ids]}
    names: set[Identity] = set()
    for row in conn.execute(statement("stewardship/erasure", "names"), values):
        names |= named_by("name", "", "", row["name"])
    return names
