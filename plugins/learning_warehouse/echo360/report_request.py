"""A request for a report, as Echo360 tells of it, and what can be believed of its words.

Knows the vendor's answers; requests nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

LONGEST_WORD = 200

NOT_UNDERSTOOD = (TypeError, KeyError, ValueError, AttributeError, OverflowError)
"""What reading an answer raises that is not what the document says."""


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """A request for a report, as Echo360 tells of it.

    :param parameters: all that it has; ``start`` and ``end`` for a report with dates.
    :param created: None where it does not say so in a way that can be read.
    :param assets: how many files it says that it has.
    :param links: the signed links; only the answer to a single request has them.
    """

    request_id: str
    status: str
    report: str
    parameters: dict[str, str]
    created: datetime | None
    assets: int = 0
    links: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ReportRequest:
        """Read what ``/requests`` and ``/request/<requestId>`` answer.

        :raises TypeError, KeyError, ValueError, AttributeError: it is no such answer.
        """
        parameters = value.get("parameters") or {}
        return cls(
            request_id=word(value["requestId"]),
            status=word(value.get("status") or ""),
            report=word(value.get("reportName") or ""),
            parameters={
                str(name): str(given)
                for name, given in parameters.items()
                if given is not None and given != ""
            },
            created=_time(value.get("created")),
            assets=len(value.get("assets") or ()),
            links=tuple(map(str, value.get("signedAssets") or ())),
        )

    def asks_for(self, parameters: dict[str, str]) -> bool:
        """Whether it has these parameters and no other.

        :param parameters: ``start`` and ``end`` as days, or none. A timestamp is one of these days
            only at its very beginning.
        """
        return self.parameters.keys() == parameters.keys() and all(
            _time(self.parameters[name]) == _time(day) for name, day in parameters.items()
        )


def word(value: Any) -> str:
    """An id or a name of the vendor's, as a database and a sentence can hold it.

    :raises ValueError: it is none.
    """
    if not _is_word(value):
        raise ValueError("it is no word")
    return str(value)


def _is_word(value: Any) -> bool:
    if not isinstance(value, (str, int)):
        return False
    text = str(value)
    return len(text) <= LONGEST_WORD and text.isprintable()


def _time(value: Any) -> datetime | None:
    """A timestamp of the API's, which is in UTC; None where it is none."""
    try:
        made = datetime.fromisoformat(str(value))
        return made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
