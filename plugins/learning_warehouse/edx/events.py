"""From a line of a tracking log to a row of ``edx.event``, in the text format of COPY.

Two ways, one result. The quick one takes a line as edX writes it: the common fields are decoded,
``event`` and ``context`` pass as the bytes they are. Whatever it does not take at sight goes the
careful way: the line is rescued and repaired until JSON and PostgreSQL can hold it, and what was
done is noted in ``repairs``; or it is rejected with its reason.

Knows edX's lines and the columns of a row; what a field means, ``fields`` knows, and how a line is
repaired, ``repair``. Knows neither where lines come from nor the database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from learning_warehouse.edx.courses import course_of, org_of
from learning_warehouse.edx.fields import (
    AHEAD,
    EARLIEST,
    Context,
    context_of,
    event_of,
    inner_event,
    json_fields,
    json_text,
    moment_of,
    string,
    user_id_of,
)
from learning_warehouse.edx.repair import Unreadable, is_json, mended_line, rescued

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    "course_from",
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

IMPLICIT = "implicit"

LONGEST_TRUSTED_LINE = 16 * 1024
LARGEST_MEMO = 10_000
LONGEST_NAME = 200
LONGEST_USERNAME = 255
"""Characters; edX's own has 150 at most. The index by user name holds no more than 2,704 bytes."""
MOST_UNKNOWN_FIELDS = 100

Care = Literal["none", "suspects", "all"]
"""Of the lines that the quick way takes, those that are read carefully all the same."""

# What the quick way lets through and COPY may refuse.
_SUSPECT = re.compile(rb"\\u0000|\\[nrt]|\t")

# A number far beyond a double's range, which COPY takes: jsonb writes it as thousands of digits. To
# search each line for it takes as long as to read the line; most are let off by their shape.
_SHAPE = bytes(
    ord("0" if chr(n).isdigit() else "e" if chr(n) in "eE" else "+" if chr(n) in "+-" else " ")
    for n in range(128)
) + bytes(128)
_LARGE_NUMBER = re.compile(r"[\s:,\[-]\d+(?:\.\d+)?[eE][+-]?\d{3}").search

# A time that PostgreSQL reads as Python does: not so 2017-05-25+03:17:07, or seven decimals.
_PLAIN_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:\+00:00|Z)?", re.ASCII
).fullmatch

# In COLUMNS, event_source and event_type are neighbours.
_HEARTBEAT = "\tserver\t/heartbeat\t"

NULL = r"\N"


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


_line = msgspec.json.Decoder(_Line).decode
_context = msgspec.json.Decoder(Context | None).decode


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
            inner = json_text(written)
            if inner[:1] == "{" and is_json(inner):
                event, status = inner, "json_string"
            else:
                repairs: list[str] = []
                event, status, text = inner_event(inner, repairs)
                if repairs:
                    return None
                if text is not None:
                    event_text = _escape(text)
        elif written[0] == "{":
            status = "object"
        else:
            return None

        if event is not None and _holds_large_number(event):
            return None
        course_id = org_id = user_id = None
        if context is None:
            context_json = NULL
        elif _holds_large_number(context_json):
            return None
        else:
            course_id, org_id, user_id = context.course_id, context.org_id, context.user_id
            if user_id.__class__ is str:
                user_id = user_id_of(user_id)
            context_json = context_json.replace("\\", r"\\")
        event_type, page, source, name = e.event_type, e.page, e.event_source, e.name
        course_id, course_from = course_of(course_id, page, event_type, event)
        if course_id and not org_id:
            org_id = org_of(course_id)

        username = None if e.username is None else e.username.strip()
        if username is not None and len(username) > LONGEST_USERNAME:
            return None
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
            f"\t{course_from or NULL}"
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
        body = rescued(content, repairs)
        fields = json_fields(mended_line(body, repairs))
        text = {name: string(fields.get(name)) for name in TEXT_FIELDS}
        time = moment_of(fields.get("time"), latest=self._latest)
        event, status, event_text = event_of(fields.get("event"), repairs)
        context, in_context = context_of(fields.get("context"), repairs)
        course_id, course_from = course_of(
            in_context.get("course_id"), text["page"], text["event_type"], event
        )
        user_id = user_id_of(in_context.get("user_id"))
        extras: dict[str, Any] = {
            name: value for name, value in fields.items() if name not in FIELDS
        }
        room = MOST_UNKNOWN_FIELDS - len(self.unknown_fields)
        self.unknown_fields.update(name[:LONGEST_NAME] for name in islice(extras, max(0, room)))
        if text["username"] is not None:
            text["username"] = text["username"].strip()
            if len(text["username"]) > LONGEST_USERNAME:
                extras["username"], text["username"] = text["username"], None
                repairs.append("username")
        row: dict[str, str | None] = {
            **text,
            "_row": str(ordinal),
            "event_hash": sha256(body).hexdigest()[:32],
            "time": time.isoformat(),
            "event_status": status,
            "event_kind": self._kind(text["event_source"], text["event_type"], text["name"]),
            "user_id": None if user_id is None else str(user_id),
            "course_id": course_id,
            "course_from": course_from,
            "org_id": in_context.get("org_id") or (org_of(course_id) if course_id else None),
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


def _holds_large_number(text: str) -> bool:
    """Whether JSON may have an exponent of three digits or more."""
    shape = text.encode().translate(_SHAPE)
    return (b"0e000" in shape or b"0e+000" in shape) and _LARGE_NUMBER(text) is not None


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
