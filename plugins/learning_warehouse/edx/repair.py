"""Lines that are no JSON as they came: repaired until jsonb can hold them, or refused.

Knows JSON and what PostgreSQL takes of it; knows no field of a line.
"""

from __future__ import annotations

import re

import msgspec

LONGEST_LINE = 8 * 1024 * 1024
LONGEST_MENDED = 2 * 1024 * 1024
"""Characters: repairing a text takes a hundred times its size in memory."""

LARGEST_EXPONENT = 400

_raw = msgspec.json.Decoder(msgspec.Raw).decode


class Unreadable(ValueError):
    """A line is no event, for the reason that the message gives."""


def rescued(content: bytes, repairs: list[str]) -> bytes:
    """The object that a line holds, by edX's own rule: ``^.*?(\\{.*\\})\\s*$``."""
    if len(content) > LONGEST_LINE:
        raise Unreadable(f"it is longer than {LONGEST_LINE} bytes; what follows them is not kept")
    if b"\0" in content:
        content = content.replace(b"\0", b"")
        repairs.append("nul")
    before, brace, rest = content.partition(b"{")
    if not brace:
        raise Unreadable("it holds no JSON object")
    body = brace + rest.rstrip()
    if not body.endswith(b"}"):
        raise Unreadable(f"it is cut off after {len(content)} bytes: its JSON object does not end")
    if before.strip():
        repairs.append("prefix")
    return body


def mended_line(body: bytes, repairs: list[str]) -> str:
    """A line's object as JSON that jsonb can hold.

    :raises Unreadable: it cannot be repaired.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
        repairs.append("utf-8")
    mended = mend(text, repairs)
    if mended is None:
        raise Unreadable(f"it is no JSON: {_fault(text)}")
    return mended


def _fault(text: str) -> str:
    try:
        _raw(text)
    except msgspec.DecodeError as fault:
        return str(fault)
    except RecursionError:
        return "its values are nested too deep"
    return f"PostgreSQL cannot hold it, and it is longer than {LONGEST_MENDED} characters"


def is_json(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        _raw(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


# What is valid JSON, and jsonb refuses, or holds and writes as thousands of digits: a NUL, and
# numbers far beyond a double's range.
_SPELLED_OUT_NUL = r"\u0000"
_LARGE_EXPONENT = re.compile(r"\d[eE][+-]?\d{3}").search

# A string that does not end is a token too: else each quote in it would be tried in turn.
_TOKEN = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?P<end>"|\\?\Z)'
    r"|[-+]?(?:NaN|Infinity)"
    r"|-?\d+(?:\.\d+)?(?:[eE](?P<exponent>[+-]?\d+))?",
    re.DOTALL,
)
_IN_STRING = re.compile(
    r"(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<surrogate>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|(?P<nul>\\u0000)"
    r'|(?P<sound>\\u[0-9a-fA-F]{4}|\\["\\/bfnrt])'
    r"|(?P<escape>\\)"
    r"|(?P<control>[\x00-\x1f])"
)
REPLACEMENT = r"\ufffd"


def mend(text: str, repairs: list[str]) -> str | None:
    """``text`` as JSON that jsonb can hold; None if it cannot be repaired."""
    if is_json(text) and not (_SPELLED_OUT_NUL in text or _LARGE_EXPONENT(text)):
        return text
    if len(text) > LONGEST_MENDED:
        return None
    done: list[str] = []

    def in_string(match: re.Match[str]) -> str:
        what = match.lastgroup
        if what in ("pair", "sound"):
            return match[0]
        assert what is not None
        done.append(what)
        if what == "escape":
            return r"\\"
        return f"\\u{ord(match[0]):04x}" if what == "control" else REPLACEMENT

    def token(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] == '"':
            if "\\" not in found and found.isprintable():
                return found
            return _IN_STRING.sub(in_string, found)
        exponent = match["exponent"]
        if found[-1].isdigit() and (
            exponent is None or (len(exponent) < 9 and abs(int(exponent)) <= LARGEST_EXPONENT)
        ):
            return found
        done.append("number")
        return f'"{found}"'

    mended = _TOKEN.sub(token, text)
    if not is_json(mended):
        return None
    repairs += done
    return mended


def is_cut_off(text: str) -> bool:
    """Whether ``text`` begins like JSON and ends inside of a string, an object or a list."""
    if len(text) > LONGEST_MENDED:
        return False
    bare = _TOKEN.sub(lambda token: "" if token["end"] in ('"', None) else '"', text)
    opened = bare.count("{") + bare.count("[")
    return '"' in bare or opened > bare.count("}") + bare.count("]")
