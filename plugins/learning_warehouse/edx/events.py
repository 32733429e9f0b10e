"""From a line of a tracking log to a row of ``edx.event``, in the text format of COPY.

Two ways, one result. The quick one takes a line as edX writes it: the common fields are decoded,
``event`` and ``context`` pass as the bytes they are. Whatever it does not take at sight goes the
careful way: the line is rescued and repaired until JSON and PostgreSQL can hold it, and what was
done is noted in ``repairs``; or it is rejected with its reason.

Knows edX's lines; knows neither where they lie nor the database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from msgspec import Raw

COLUMNS = (
    "_row",
    "event_hash",
    "time",
    "event_status",
    "event_kind",
    "username",
    "user_id",
    "session",
    "course_id",
    "org_id",
    "event_source",
    "event_type",
    "name",
    "page",
    "referer",
    "ip",
    "agent",
    "accept_language",
    "host",
    "event",
    "event_text",
    "context",
    "repairs",
    "_extras",
)
"""The columns of a row, in its order."""

EARLIEST = datetime(2011, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=2)
IMPLICIT = "implicit"

LONGEST_LINE = 8 * 1024 * 1024
LONGEST_MENDED = 2 * 1024 * 1024
"""Characters: to mend a text takes a hundred times its size in memory."""

LONGEST_PARAMETERS = 512 * 1024
LONGEST_COURSE_ID = 255
DEEPEST_ENCODING = 5
LARGEST_BIGINT = 2**63 - 1
LARGEST_EXPONENT = 400
LONGEST_TRUSTED_LINE = 16 * 1024
LARGEST_MEMO = 10_000
LONGEST_NAME = 200
MOST_UNKNOWN_FIELDS = 100

Care = Literal["none", "suspects", "all"]
"""Of the lines that the quick way takes, those that are read carefully all the same."""

# What the quick way lets through and COPY may refuse.
_SUSPECT = re.compile(rb"\\u0000|\\[nrt]|\t|\d[eE][+-]?\d{3}")

# A time that PostgreSQL reads as Python does: not so 2017-05-25+03:17:07, or seven decimals.
_PLAIN_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:\+00:00|Z)?", re.ASCII
).fullmatch

# Of COLUMNS, event_source and event_type stand side by side.
_HEARTBEAT = "\tserver\t/heartbeat\t"

NULL = r"\N"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A line with the common fields and no other."""

    time: str
    username: str | None = None
    session: str | None = None
    event_source: str | None = None
    event_type: str | None = None
    name: str | None = None
    page: str | None = None
    referer: str | None = None
    ip: str | None = None
    agent: str | None = None
    accept_language: str | None = None
    host: str | None = None
    event: msgspec.Raw = msgspec.Raw(b"null")
    context: msgspec.Raw = msgspec.Raw(b"null")


class _Context(msgspec.Struct, gc=False):
    """What the columns take out of ``context``."""

    course_id: str | None = None
    org_id: str | None = None
    user_id: int | str | None = None


_line = msgspec.json.Decoder(_Line).decode
_context = msgspec.json.Decoder(_Context | None).decode
_text = msgspec.json.Decoder(str).decode
_raw = msgspec.json.Decoder(msgspec.Raw).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Rejected(NamedTuple):
    """A record that is no event.

    :param row: its ordinal among the records, from 1.
    :param line: its line, from 1.
    :param raw: the line as it came; bytes that text cannot hold are written as ``\\xNN``.
    """

    row: int
    line: int
    raw: str
    reason: str


class Unreadable(ValueError):
    """A line is no event, for the reason that the message gives."""


@dataclass
class Block:
    """What became of some lines.

    :param rows: rows for COPY, with their line feeds.
    :param records: how many records the lines held; blank lines are none.
    :param filtered: how many of them were left out because the reader was asked to.
    """

    rows: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    records: int = 0
    filtered: int = 0


class EventReader:
    """Reads the lines of a tracking log.

    :param kinds: (event source or None for any, spelling) → event kind: ``edx.event_alias``.
    :param now: the time from which ``AHEAD`` is reckoned.
    :param skip_heartbeat: leave out the servers' own requests for ``/heartbeat``.
    """

    def __init__(
        self,
        kinds: Mapping[tuple[str | None, str], str],
        *,
        now: datetime | None = None,
        skip_heartbeat: bool = False,
    ) -> None:
        self.unknown_fields: set[str] = set()
        self._kinds = kinds
        self._memo: dict[tuple[str | None, str | None, str | None], str | None] = {}
        self._skip_heartbeat = skip_heartbeat
        self._latest = (now or datetime.now(UTC)) + AHEAD

    def read(
        self, lines: Sequence[bytes], *, line: int = 1, first: int = 1, care: Care = "none"
    ) -> Block:
        """Read lines, given without their line feeds.

        :param line: the number of the first of them.
        :param first: the ordinal of the first record among them.
        :param care: which lines may not go the quick way, even if it would take them.
        """
        block = Block()
        for number, content in enumerate(lines, start=line):
            if not content or content.isspace():
                continue
            ordinal = first + block.records
            block.records += 1
            careful = care == "all" or (care == "suspects" and _SUSPECT.search(content))
            row = None if careful else self._quick(content, ordinal)
            if row is None:
                try:
                    row = self._careful(content, ordinal)
                except Unreadable as reason:
                    block.rejected.append(Rejected(ordinal, number, as_text(content), str(reason)))
                    continue
            if self._skip_heartbeat and _HEARTBEAT in row:
                block.filtered += 1
            else:
                block.rows.append(row)
        return block

    def _quick(self, content: bytes, ordinal: int) -> str | None:
        """The row of a line as edX writes it; None leaves the line to the careful way.

        Carriage returns, NULs and, in ``event``, tabs and line feeds that a JSON string spells out
        come through here unescaped, and no line is searched for them: COPY refuses each of them,
        and then such lines are read again, carefully.
        """
        if content[0] != 0x7B or content[-1] != 0x7D:
            return None
        if len(content) > LONGEST_TRUSTED_LINE and _SUSPECT.search(content):
            return None
        try:
            e = _line(content)
            if not _PLAIN_TIME(e.time):
                return None
            moment = datetime.fromisoformat(e.time)
            context = _context(e.context)
            written = str(e.event, "utf-8")
            context_json = str(e.context, "utf-8")
        except (ValueError, RecursionError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        if not EARLIEST <= moment < self._latest:
            return None

        event: str | None = written
        event_text = NULL
        if written[0] == '"':
            inner = _text(written)
            if inner[:1] == "{" and _is_json(inner):
                event, status = inner, "json_string"
            else:
                repairs: list[str] = []
                event, status, text = _inner(inner, repairs)
                if repairs:
                    return None
                if text is not None:
                    event_text = _escape(text)
        elif written[0] == "{":
            status = "object"
        else:
            return None

        course_id = org_id = user_id = None
        if context is None:
            context_json = NULL
        else:
            course_id, org_id, user_id = context.course_id, context.org_id, context.user_id
            if user_id.__class__ is str:
                user_id = _number(user_id)
            context_json = context_json.replace("\\", r"\\")
        event_type, page, source, name = e.event_type, e.page, e.event_source, e.name
        if not course_id or len(course_id) > LONGEST_COURSE_ID:
            course_id = _course_in(page) or _course_in(event_type)

        username = None if e.username is None else e.username.strip()
        session, referer, ip = e.session, e.referer, e.ip
        agent, accept_language, host = e.agent, e.accept_language, e.host
        texts = (
            f"{username}{session}{course_id}{org_id}{source}{event_type}{name}"
            f"{page}{referer}{ip}{agent}{accept_language}{host}"
        )
        if "\\" in texts or "\t" in texts or "\n" in texts:
            return None
        return (
            f"{ordinal}\t{sha256(content).hexdigest()[:32]}\t{e.time}\t{status}"
            f"\t{self._kind(source, event_type, name) or NULL}"
            f"\t{NULL if username is None else username}"
            f"\t{NULL if user_id is None else user_id}"
            f"\t{NULL if session is None else session}"
            f"\t{course_id or NULL}"
            f"\t{org_id or NULL}"
            f"\t{NULL if source is None else source}"
            f"\t{NULL if event_type is None else event_type}"
            f"\t{NULL if name is None else name}"
            f"\t{NULL if page is None else page}"
            f"\t{NULL if referer is None else referer}"
            f"\t{NULL if ip is None else ip}"
            f"\t{NULL if agent is None else agent}"
            f"\t{NULL if accept_language is None else accept_language}"
            f"\t{NULL if host is None else host}"
            f"\t{NULL if event is None else event.replace(BACKSLASH, BACKSLASHES)}"
            f"\t{event_text}\t{context_json}\t{NULL}\t{NULL}\n"
        )

    def _careful(self, content: bytes, ordinal: int) -> str:
        """The row of any line that can be made one.

        :raises Unreadable: it cannot.
        """
        repairs: list[str] = []
        body = _rescued(content, repairs)
        fields = _fields(_mended_line(body, repairs))
        text = {name: _string(fields.get(name)) for name in TEXT_FIELDS}
        time = _moment(fields.get("time"), latest=self._latest)
        event, status, event_text = _event(fields.get("event"), repairs)
        context, in_context = _context_of(fields.get("context"), repairs)
        course_id = in_context.get("course_id")
        if not course_id or len(course_id) > LONGEST_COURSE_ID:
            course_id = _course_in(text["page"]) or _course_in(text["event_type"])
        user_id = _number(in_context.get("user_id"))
        extras = {name: value for name, value in fields.items() if name not in FIELDS}
        room = MOST_UNKNOWN_FIELDS - len(self.unknown_fields)
        self.unknown_fields.update(name[:LONGEST_NAME] for name in islice(extras, max(0, room)))
        if text["username"] is not None:
            text["username"] = text["username"].strip()
        row: dict[str, str | None] = {
            **text,
            "_row": str(ordinal),
            "event_hash": sha256(body).hexdigest()[:32],
            "time": time.isoformat(),
            "event_status": status,
            "event_kind": self._kind(text["event_source"], text["event_type"], text["name"]),
            "user_id": None if user_id is None else str(user_id),
            "course_id": course_id,
            "org_id": in_context.get("org_id") or None,
            "event": event,
            "event_text": event_text,
            "context": context,
            "repairs": "{" + ",".join(dict.fromkeys(repairs)) + "}" if repairs else None,
            "_extras": msgspec.json.encode(extras).decode() if extras else None,
        }
        return "\t".join(_escape(row[column]) for column in COLUMNS) + "\n"

    def _kind(self, source: str | None, event_type: str | None, name: str | None) -> str | None:
        """The kind of an event: by its event type first, by its name second."""
        if event_type is not None and event_type[:1] == "/":
            return IMPLICIT
        asked = (source, event_type, name)
        if asked in self._memo:
            return self._memo[asked]
        kind = None
        for spelling in (event_type, name):
            if kind is None and spelling is not None:
                kind = self._kinds.get((source, spelling)) or self._kinds.get((None, spelling))
        if len(self._memo) < LARGEST_MEMO:
            self._memo[asked] = kind
        return kind


TEXT_FIELDS = (
    "username",
    "session",
    "event_source",
    "event_type",
    "name",
    "page",
    "referer",
    "ip",
    "agent",
    "accept_language",
    "host",
)
FIELDS = frozenset(_Line.__struct_fields__)

BACKSLASH, BACKSLASHES = "\\", r"\\"


def _escape(value: str | None) -> str:
    if value is None:
        return NULL
    if "\\" in value:
        value = value.replace("\\", r"\\")
    if value.isprintable():
        return value
    return value.replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")


def as_text(content: bytes) -> str:
    """A line as a text column can hold it; bytes that it cannot are written as ``\\xNN``."""
    return content.decode("utf-8", "backslashreplace").replace("\0", r"\x00")


_WRITTEN_OUT = re.compile(rb"(?<!\\)((?:\\\\)*)\\x(00|[89a-f][0-9a-f])")


def as_bytes(text: str) -> bytes:
    """The line that ``as_text`` made ``text`` of.

    Not every text tells. A line that spelled out ``\\xNN`` itself looks as if it had held that
    byte, and is taken for one that did; but not behind another backslash, which JSON wants there,
    nor where the bytes are UTF-8 together, for then they would not have been written so.
    """
    written = text.encode()
    content = _WRITTEN_OUT.sub(lambda found: found[1] + bytes.fromhex(found[2].decode()), written)
    return content if as_text(content) == text else written


# --- rescue and repair ----------------------------------------------------------------------------


def _rescued(content: bytes, repairs: list[str]) -> bytes:
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


def _mended_line(body: bytes, repairs: list[str]) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("utf-8", "replace")
        repairs.append("utf-8")
    mended = _mended(text, repairs)
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


def _is_json(text: str) -> bool:
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


def _mended(text: str, repairs: list[str]) -> str | None:
    """``text`` as JSON that jsonb can hold; None if it is not to be mended."""
    if _is_json(text) and not (_SPELLED_OUT_NUL in text or _LARGE_EXPONENT(text)):
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
    if not _is_json(mended):
        return None
    repairs += done
    return mended


# --- fields ---------------------------------------------------------------------------------------


def _string(value: Raw | None) -> str | None:
    """A field as text: a string's content, any other JSON as it is written."""
    if value is None:
        return None
    text = str(value, "utf-8")
    if text[0] == '"':
        return _text(text)
    return None if text == "null" else text


def _moment(value: Raw | None, *, latest: datetime) -> datetime:
    """The time of an event: ISO 8601 with or without a zone, or seconds or more since 1970."""
    text = (_string(value) or "").strip()
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


def _event(value: Raw | None, repairs: list[str]) -> tuple[str | None, str, str | None]:
    """The columns event, event_status and event_text of a line's field ``event``."""
    text = "null" if value is None else str(value, "utf-8")
    if text[0] == "{":
        return text, "object", None
    if text[0] == "[":
        return text, "list", None
    if text[0] == '"':
        return _inner(_text(text), repairs)
    return (None, "empty", None) if text == "null" else (None, "string", text)


_KEY_VALUE = re.compile(r"[\w.%+:@\[\]-]+=\S*")


def _inner(text: str, repairs: list[str], *, depth: int = 1) -> tuple[str | None, str, str | None]:
    """The columns of an ``event`` that is a string.

    :param depth: how many strings lie around ``text``.
    """
    stripped = text.strip()
    if not stripped:
        return None, "empty", None
    if stripped[0] in '{["':
        mended = _mended(stripped, repairs)
        if mended is None:
            return None, "truncated" if _is_cut_off(stripped) else "string", text
        if stripped[0] == "{":
            return mended, "json_string" if depth == 1 else "doubly_encoded", None
        if stripped[0] == "[":
            return mended, "list", None
        if depth < DEEPEST_ENCODING:
            return _inner(_text(mended), repairs, depth=depth + 1)
    elif len(stripped) <= LONGEST_PARAMETERS and _KEY_VALUE.fullmatch(stripped):
        return _parameters(stripped, repairs), "key_value", text
    return None, "string", text


def _is_cut_off(text: str) -> bool:
    """Whether ``text`` begins like JSON and ends inside of a string, an object or a list."""
    if len(text) > LONGEST_MENDED:
        return False
    bare = _TOKEN.sub(lambda token: "" if token["end"] in ('"', None) else '"', text)
    opened = bare.count("{") + bare.count("[")
    return '"' in bare or opened > bare.count("}") + bare.count("]")


def _parameters(text: str, repairs: list[str]) -> str:
    """GET parameters as a JSON object; a name that ends in [] or stands twice has a list."""
    parameters: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        known = parameters.get(name)
        if isinstance(known, list):
            known.append(value)
        elif known is not None:
            parameters[name] = [known, value]
        else:
            parameters[name] = [value] if name.endswith("[]") else value
    mended = _mended(msgspec.json.encode(parameters).decode(), repairs)
    assert mended is not None
    return mended


def _context_of(value: Raw | None, repairs: list[str]) -> tuple[str | None, dict[str, str | None]]:
    """The column context, and those of its fields that have a column of their own."""
    if value is None:
        return None, {}
    text = str(value, "utf-8")
    if text[0] == '"':
        mended = _mended(_text(text), repairs)
        if mended is not None and mended[0] == "{":
            text = mended
    if text[0] != "{":
        return None if text in ("null", '""') else text, {}
    fields = _fields(text)
    return text, {name: _string(fields.get(name)) for name in _Context.__struct_fields__}


def _number(value: int | str | None) -> int | None:
    """A user's id as a bigint; None if it is none."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\s*\d{1,19}\s*", value, re.ASCII) else None
    return value if value is not None and value <= LARGEST_BIGINT else None


_COURSE = re.compile(
    r"(?:https?://[^/?#]*)?/courses/"
    r"(course-v1(?::|%3[aA])[^/?#]+|[^/?#:]+/[^/?#:]+/[^/?#]+)"
)


def _course_in(url: str | None) -> str | None:
    """The course in the address of one of its pages."""
    if url is None or "/courses/" not in url:
        return None
    found = _COURSE.match(url)
    if not found or len(found[1]) > LONGEST_COURSE_ID:
        return None
    course_id = unquote(found[1])
    return course_id if course_id.isprintable() else None
