"""The course of an event: which of its fields names it, and how its id is written.

As edX's own code derives it: the context names the course, else the path of the page or of the
request does. Beyond that, the event itself or the parameters of the request may; the referer, the
page before, never does. Source: Open edX, ``openedx/core/lib/request_utils.py``, and its opaque
keys.

Knows ids and paths; knows neither lines nor rows.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec

LONGEST = 255
"""Characters of a course's id, as in edX's database."""

_PART = r"[\w.~:-]+"
_OPAQUE = re.compile(
    rf"(?P<kind>course|block|ccx|ccb)-v1:(?P<course>{_PART}\+{_PART}\+{_PART})(?P<rest>\+.*)?"
)
_CCX = re.compile(r"\+ccx@\d+")
_OLD = re.compile(r"[\w.~-]+/[\w.~-]+/[\w.~-]+")
_IN_PATH = re.compile(
    r"(?=/(?P<key>(?:course|block|ccx|ccb)-v1(?::|%3[aA])[^/]+)"
    r"|/courses/(?P<old>[^/:]+/[^/:]+/[^/:]+)(?:/|$))"
)
_PLAIN_ID = re.compile(r"[\w.~:+@/-]+").fullmatch


class _Naming(msgspec.Struct, gc=False):
    """The fields of an event that may name its course."""

    course_id: Any = None
    course: Any = None
    GET: Any = None
    POST: Any = None


_naming = msgspec.json.Decoder(_Naming).decode


def course_of(
    in_context: str | None, page: str | None, event_type: str | None, event: str | None
) -> tuple[str | None, str | None]:
    """The course of an event, and the field that names it.

    :param in_context: ``context.course_id``.
    :param event: the event as JSON; None where it is none.
    :returns: the id, and one of context, page, event_type, event and request (its parameters); None
        and None where nothing names a course.
    """
    if in_context and len(in_context) <= LONGEST:
        if _PLAIN_ID(in_context):
            return in_context, "context"
        stripped = in_context.strip()
        if stripped:
            return as_id(stripped) or stripped, "context"
    if page and (found := _in_url(page)):
        return found, "page"
    if event_type and event_type[0] == "/" and (found := _in_url(event_type)):
        return found, "event_type"
    if event and '"course' in event and event[0] == "{":
        try:
            naming = _naming(event)
        except (msgspec.DecodeError, RecursionError):
            return None, None
        for name in (naming.course_id, naming.course):
            if found := as_id(name):
                return found, "event"
        for parameters in (naming.POST, naming.GET):
            if isinstance(parameters, dict):
                name = parameters.get("course_id")
                if found := as_id(name[0] if isinstance(name, list) and len(name) == 1 else name):
                    return found, "request"
    return None, None


def org_of(course_id: str) -> str | None:
    """The organization in a course's id."""
    org = re.match(r"(?:course-v1:|ccx-v1:)?([^/+:]+)[/+]", course_id)
    return org[1] if org else None


def as_id(text: Any) -> str | None:
    """A course's id, of one or of a usage key however it is encoded; None for anything else.

    A blank in an opaque id is a ``+`` that was decoded.
    """
    return _as_id(text) if isinstance(text, str) and len(text) <= 3 * LONGEST else None


@lru_cache(maxsize=4096)
def _as_id(text: str) -> str | None:
    plain = unquote(text).strip()
    opaque = _OPAQUE.fullmatch(plain.replace(" ", "+"))
    if opaque:
        kind, course, rest = opaque["kind"], opaque["course"], opaque["rest"] or ""
        ccx = _CCX.match(rest)
        if kind in ("ccx", "ccb"):
            found = f"ccx-v1:{course}{ccx[0]}" if ccx else None
        else:
            found = f"course-v1:{course}" if kind == "block" or not rest else None
    else:
        found = plain if _OLD.fullmatch(plain) else None
    return found if found and len(found) <= LONGEST else None


def _in_url(url: str) -> str | None:
    """The course that the path of a URL names first.

    What an API's path holds between slashes are names of its own, no old id: ``/api/courses/v1/…``.
    """
    if "/courses/" not in url and "-v1" not in url:
        return None
    path = url.split("?", 1)[0].split("#", 1)[0]
    api = path.find("/api/")
    for found in _IN_PATH.finditer(path):
        if found["old"] and 0 <= api < found.start():
            continue
        if course_id := as_id(found["key"] or found["old"]):
            return course_id
    return None
