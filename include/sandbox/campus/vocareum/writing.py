"""How Vocareum writes a record, a value, a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from include.sandbox.campus import Person

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def header(names: Iterable[str], delimiter: str) -> str:
    """The line of names, those with a blank in quotes."""
    return delimiter.join(f'"{name}"' if " " in name else name for name in names)


def record(values: Iterable[Any], delimiter: str) -> str:
    """One line of a file."""
    return delimiter.join(map(value_text, values))


def content(lines: Iterable[str]) -> bytes:
    """A file of these lines."""
    return ("\n".join(lines) + "\n").encode()


def value_text(value: Any) -> str:
    """A value as a file has it: texts other than plain words in quotes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return f'"{vendor_time(value)}"'
    text = str(value)
    if not isinstance(value, str) or text.replace("-", "").replace("@", "").isalnum():
        return text
    return '"' + text.replace('"', '""') + '"'


def vendor_time(time: datetime) -> str:
    """As in the document: ``Feb-23-2022 9:40:20 pm UTC``, whatever the locale."""
    half = "am" if time.hour < 12 else "pm"
    clock = f"{(time.hour - 1) % 12 + 1}:{time:%M:%S}"
    return f"{MONTHS[time.month - 1]}-{time:%d-%Y} {clock} {half} UTC"


def masked(person: Person) -> str:
    """The id of a person as the vendor shows it to strangers."""
    return f"{person.number // 100}xxx"
