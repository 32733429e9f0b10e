"""How Echo360 writes a row and a value."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

IN_WORDS = ("transcriptActive", "ccActive")
"""What is TRUE or FALSE; of other columns it is 1 or 0."""


def written(row: dict[str, Any], header: dict[str, str]) -> dict[str, Any]:
    """A row by the names of a report's header."""
    return {name: _value(name, row[column]) for name, column in header.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03}Z"
    if isinstance(value, bool):
        return str(value).upper() if name in IN_WORDS else int(value)
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return value
