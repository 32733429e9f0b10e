"""The fields of a line: what its time, its event and its context say.

Knows what edX writes into them, and that some of it has to be repaired; knows neither lines nor
rows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec

from learning_warehouse import days
from learning_warehouse.edx.repair import Unreadable, is_cut_off, mend

if TYPE_CHECKING:
    from msgspec import Raw

EARLIEST = datetime.combine(days.EARLIEST, time(), UTC)
AHEAD = timedelta(days=2)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LONGEST_PARAMETERS = 512 * 1024
DEEPEST_ENCODING = 5
LARGEST_BIGINT = 2**63 - 1

json_text = msgspec.json.Decoder(str).decode
json_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Context(msgspec.Struct, gc=False):
    """What the columns take out of ``context``."""

    course_id: str | None = None
    org_id: str | None = None
    user_id: int | str | None = None


def string(value: Raw | None) -> str | None:
    """A field as text: a string's content, any other JSON as it is written."""
    if value is None:
        return None
    text = str(value, "utf-8")
    if text[0] == '"':
        return json_text(text)
    return None if text == "null" else text


def moment_of(value: Raw | None, *, latest: datetime) -> datetime:
    """The time of an event: ISO 8601 with or without a zone, or seconds or more since 1970."""
    text = (string(value) or "").strip()
    if not text:
        raise Unreadable("time is missing")
    try:
        if re.fullmatch(r"\d{9,17}(\.\d+)?", text):
            moment = _since_1970(float(text) if "." in text else int(text))
        else:
            leap = re.fullmatch(r"(.{10}.\d\d:\d\d:)60(.*)", text)
            moment = datetime.fromisoformat(f"{leap[1]}59{leap[2]}" if leap else text)
            if leap:
                moment += timedelta(seconds=1)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"time: {text[:100]!r} is no time") from None
    if moment < EARLIEST:
        raise Unreadable(f"time: {text[:100]!r} is before {EARLIEST.year}")
    if moment >= latest:
        raise Unreadable(f"time: {text[:100]!r} is more than {AHEAD.days} days ahead")
    return moment


def _since_1970(number: float) -> datetime:
    """The time that is ``number`` seconds, milliseconds or microseconds after 1970 began."""
    for unit, limit in (("seconds", 1e11), ("milliseconds", 1e14), ("microseconds", 1e17)):
        if number < limit:
            return EPOCH + timedelta(**{unit: number})
    raise OverflowError(number)


def event_of(value: Raw | None, repairs: list[str]) -> tuple[str | None, str, str | None]:
    """The columns event, event_status and event_text of a line's field ``event``."""
    text = "null" if value is None else str(value, "utf-8")
    if text[0] == "{":
        return text, "object", None
    if text[0] == "[":
        return text, "list", None
    if text[0] == '"':
        return inner_event(json_text(text), repairs)
    return (None, "empty", None) if text == "null" else (None, "string", text)


# edX's rule: a = and no {. Blanks may stand in a value as they are, but in no name: prose is none.
_KEY_VALUE = re.compile(r"[\w.%+:@\[\]-]+=(?:[^{]*|\S*)")


def inner_event(
    text: str, repairs: list[str], *, depth: int = 1
) -> tuple[str | None, str, str | None]:
    """The columns of an ``event`` that is a string.

    :param depth: how many strings lie around ``text``.
    """
    stripped = text.strip()
    if not stripped:
        return None, "empty", None
    if len(stripped) <= LONGEST_PARAMETERS and _KEY_VALUE.fullmatch(stripped):
        return _parameters(stripped, repairs), "key_value", text
    if stripped[0] in '{["':
        mended = mend(stripped, repairs)
        if mended is None:
            return None, "truncated" if is_cut_off(stripped) else "string", text
        if stripped[0] == "{":
            return mended, "json_string" if depth == 1 else "doubly_encoded", None
        if stripped[0] == "[":
            return mended, "list", None
        if depth < DEEPEST_ENCODING:
            return inner_event(json_text(mended), repairs, depth=depth + 1)
    return None, "string", text


def _parameters(text: str, repairs: list[str]) -> str:
    """GET parameters as a JSON object; a name that ends in [] or occurs twice has a list."""
    parameters: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        known = parameters.get(name)
        if isinstance(known, list):
            known.append(value)
        elif known is not None:
            parameters[name] = [known, value]
        else:
            parameters[name] = [value] if name.endswith("[]") else value
    mended = mend(msgspec.json.encode(parameters).decode(), repairs)
    assert mended is not None
    return mended


def context_of(value: Raw | None, repairs: list[str]) -> tuple[str | None, dict[str, str | None]]:
    """The column context, and those of its fields that have a column of their own."""
    if value is None:
        return None, {}
    text = str(value, "utf-8")
    if text[0] == '"':
        mended = mend(json_text(text), repairs)
        if mended is not None and mended[0] == "{":
            text = mended
    if text[0] != "{":
        return None if text in ("null", '""') else text, {}
    fields = json_fields(text)
    return text, {name: string(fields.get(name)) for name in Context.__struct_fields__}


def user_id_of(value: int | str | None) -> int | None:
    """A user's id as a bigint; None if it is none."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\s*\d{1,19}\s*", value, re.ASCII) else None
    return value if value is not None and value <= LARGEST_BIGINT else None
