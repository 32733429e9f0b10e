"""Every rule about one column type: what its values look like, which cast takes them, and what the
fast path may not take as it is.

A type has PostgreSQL's short name, or that of a domain of ``ops``. Knows no file and no table.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.catalogue import Column

UNPADDED = ("identifier", "email", "role")
"""The types whose values have no blanks around them."""

TIMES = ("timestamptz", "date")
NUMBERS = ("numeric", "float8")

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
ROLES = (
    "administrator", "admin", "assistant", "auditor", "designer", "faculty", "grader", "guest",
    "instructor", "learner", "lead teacher", "observer", "organization admin", "owner", "peer",
    "professor", "reviewer", "staff", "student", "ta", "teacher", "teaching assistant", "tutor",
)  # fmt: skip
"""The roles that distinguish a short row from one that lacks its role; others are loaded, too."""

LOOKS_LIKE = {
    "email": ADDRESS,
    "role": re.compile("|".join(ROLES), re.IGNORECASE),
    "int4": re.compile(r"[+-]?\d+(\.0*)?"),
    "int8": re.compile(r"[+-]?\d+(\.0*)?"),
    "numeric": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE),
    "bool": re.compile(r"[01]|true|false|t|f|yes|no", re.IGNORECASE),
    "timestamptz": re.compile(r".*?\d{4}.*", re.DOTALL),
}

SHORT_DATE = re.compile(r"\s*\d{1,2}([-/.])\d{1,2}\1\d{1,2}(?!\d)")
"""A date whose year has two digits: nothing tells it from the day."""

NO_VALUE = ("n/a", "null", "-", "0000-00-00 00:00:00", "0000-00-00")
"""What vendors write for no time, in lower case."""

UUID_IN_CAPITALS = re.compile(r"(?=[0-9-]*[A-F])[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")

ODD_BLANKS = (
    (b"\t", rb"\t"),
    (b"\xc2", rb"\xc2\xa0"),
    (b"\xe2", rb"\xe2\x80[\x80-\x8b\xa8\xa9\xaf]"),
    (b"\xe2", rb"\xe2\x81\x9f"),
    (b"\xe3", rb"\xe3\x80\x80"),
    (b"\xef", rb"\xef\xbb\xbf"),
)
"""The first byte and the pattern, in UTF-8, of what ops.without_blanks takes off but blanks."""

WORDS = {
    word: re.compile(rb"%b(?<![a-z]%b)(?![a-z])" % (word, word))
    for word in (b"now", b"today", b"tomorrow", b"yesterday")
}
"""What PostgreSQL reads as a time, and its pattern: one that begins with its letters is quick."""


def looks_like(value: str, column: Column | None) -> bool:
    """Whether a value may be meant for that column; an empty one may be for any.

    An address is for a column of addresses only.
    """
    value = value.strip()
    if not value:
        return True
    pattern = LOOKS_LIKE.get(column.type) if column else None
    if pattern is None:
        return not ADDRESS.fullmatch(value)
    return bool(pattern.fullmatch(value))


def tolerant_cast(column: Column) -> Any:
    """The SQL function that gives NULL where the column's type refuses a text."""
    from psycopg import sql

    return sql.Identifier("ops", f"try_{column.type}")


def certainties(column: Column, *, is_recent: bool) -> Iterator[Any]:
    """SQL expressions that are true where COPY has read a value as it is meant.

    False for an id with blanks around it, for a time that PostgreSQL made of a word (today,
    infinity) or of a number of seconds (the year 164582), and for a number that is none.

    :param is_recent: whether values may be of the days that words such as today mean; the bytes
        have been searched for these words then.
    """
    from psycopg import sql

    name = sql.Identifier(column.name)
    if column.type in TIMES:
        yield sql.SQL("{0} > 'epoch' AND {0} < '10000-01-01'").format(name)
        if not is_recent:
            first, end = map(sql.Literal, days_of_words())
            yield sql.SQL("{0} < {1} OR {0} >= {2}").format(name, first, end)
    if column.type in UNPADDED:
        yield sql.SQL("{0} NOT LIKE ' %' AND {0} NOT LIKE '% '").format(name)
    if column.type in NUMBERS:
        yield sql.SQL("{0} > '-Infinity' AND {0} < 'Infinity'").format(name)


SECONDS = re.compile(r"[1-9]\d{8,9}(?:\.\d+)?|[1-9]\d{12}")
"""Since 1970, or thousandths of them."""


def is_read_as_text(value: str) -> bool:
    """Whether a value of a column of times is one that PostgreSQL does not read as it is meant."""
    value = value.strip()
    return value.lower() in NO_VALUE or SECONDS.fullmatch(value) is not None


def text_column(column: Column) -> Any:
    """The column of a staging table that holds the text of values of that one."""
    from psycopg import sql

    return sql.Identifier(f"_text_{column.name}")


def value_of_text(column: Column) -> Any:
    """The SQL expression of a value that was staged as it is, or as a text."""
    from psycopg import sql

    return sql.SQL("coalesce({}, {}({}))").format(
        sql.Identifier(column.name), tolerant_cast(column), text_column(column)
    )


def certainty_of_text(column: Column) -> Any:
    """The SQL expression that is true where the cast takes a text, or it means that there is no
    time."""
    from psycopg import sql

    return sql.SQL("{cast}({text}) IS NOT NULL OR lower({text}) IN ({none})").format(
        cast=tolerant_cast(column),
        text=text_column(column),
        none=sql.SQL(", ").join(map(sql.Literal, NO_VALUE)),
    )


def holds_padding(records: bytes, delimiter: bytes) -> bool:
    """Whether a field begins or ends with a blank other than the usual one."""
    is_ascii = records.isascii()
    return any(
        lead in records and pattern.search(records)
        for lead, pattern in _padding(delimiter)
        if not is_ascii or lead.isascii()
    )


@cache
def _padding(delimiter: bytes) -> list[tuple[bytes, re.Pattern[bytes]]]:
    """For each odd blank its first byte, which is quickly looked for, and its pattern."""
    inner = rb'[^"\r\n%b]' % re.escape(delimiter)
    return [
        (lead, re.compile(rb"%b(?:(?!%b)|(?<!%b%b))" % (blank, inner, inner, blank)))
        for lead, blank in ODD_BLANKS
        if lead != delimiter
    ]


def days_of_words() -> tuple[date, date]:
    """The days that now, yesterday, today and tomorrow may mean while a file is staged."""
    today = datetime.now(UTC).date()
    return today - timedelta(days=1), today + timedelta(days=3)


def holds_words(records: bytes) -> bool:
    """Whether there is a word that PostgreSQL reads as a time."""
    lower = records.lower()
    return any(word in lower and pattern.search(lower) for word, pattern in WORDS.items())
