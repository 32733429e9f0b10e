"""Mentions of people in texts and JSON: found, and taken out.

What is looked at is a declared list: the values of some keys, segments of URLs and parameters that
hold a user, and e-mail addresses anywhere. The rest of free text is not searched: its words are too
many, and most are no names. Knows texts; knows no table and no tombstone.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    Is = Callable[[str, str], bool]
    """Whether a value, of the kind ``user_id``, ``username`` or ``email``, is to be taken out."""

ERASED = "erased"

IDS = {"user_id", "student_id", "instructor_id", "userid", "target_user_id"}
NAMES = {
    "username", "user", "users", "user_name", "student", "students", "target_username", "email",
    "emails", "identifiers", "unique_student_identifier", "email_or_username", "login", "author",
    "invited_user", "added_by", "removed_by", "usernames", "new_email", "old_email",
}  # fmt: skip
"""Keys of JSON, and parameters of GET and POST, whose values name people. Sources: edX's Research
Guide, "Events in the Tracking Logs"; the instructor API of edx-platform."""

_ADDRESS = r"(?<![\w.+'-])(?:[\w.+'-]|%2[bB]){1,64}(?:@|%40)[\w-]+(?:\.[\w-]+)+"
_SEGMENT = r"(?<=/u/)|(?<=/user_dashboard/)|(?<=/users/)|(?<=/user/)|(?<=/accounts/)"
_SEGMENT += r"|(?<=/preferences/)|(?<=/progress/)"
_PARAMETERS = "|".join(sorted(IDS | NAMES))
_PLACES = re.compile(
    rf"(?P<segment>(?:{_SEGMENT})[^/?#&\s\"\\]+)"
    rf"|(?P<parameter>(?<![\w])(?:{_PARAMETERS})=[^&#\s\"\\]+)"
    rf"|(?P<field>\\?\"(?:{_PARAMETERS})\\?\":\s*(?:\[\s*)?\\?\"?[^\"\\,\]}}]+)"
    rf"|(?P<address>{_ADDRESS})"
)
_WORDS = re.compile(r"[^\s,;]+")

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def without_mentions(text: str, is_json: bool, is_erased: Is) -> str:
    """A text without those whom ``is_erased`` knows; the same where it mentions none of them.

    :param is_json: whether it is JSON, whose keys say what a value is.
    """
    if not is_json:
        return _in_text(text, is_erased)
    content = _decode(text)
    cleaned = _in_json(content, None, is_erased)
    return text if cleaned == content else _encode(cleaned).decode()


def _in_json(value: Any, key: str | None, is_erased: Is) -> Any:
    if isinstance(value, dict):
        return {
            _in_text(name, is_erased): _in_json(inner, name.lower(), is_erased)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_in_json(inner, key, is_erased) for inner in value]
    if key in IDS or key in NAMES:
        if isinstance(value, int) and not isinstance(value, bool):
            return None if is_erased("user_id", str(value)) else value
        if isinstance(value, str):
            value = _WORDS.sub(lambda word: _word(word[0], is_erased), value)
    if isinstance(value, str):
        return _in_text(value, is_erased)
    return value


def _word(word: str, is_erased: Is) -> str:
    """A word that is a name, an id or an address, quoted or not; or what replaces it."""
    plain = unquote_plus(word).strip("\"'")
    kinds = ("user_id", "username", "email")
    return ERASED if any(is_erased(kind, plain) for kind in kinds) else word


def _in_text(text: str, is_erased: Is) -> str:
    def cleaned(found: re.Match[str]) -> str:
        whole = found[0]
        if found["parameter"]:
            name, _, value = whole.partition("=")
            return f"{name}={_word(value, is_erased)}"
        if found["field"]:
            value = re.split(r"[\s\"\\\[:]+", whole)[-1]
            return whole[: len(whole) - len(value)] + _word(value, is_erased)
        return _word(whole, is_erased)

    return _PLACES.sub(cleaned, text)
