"""The two ways in which a step can fail, and how a run ends then.

A message is one sentence, says what to do, and never holds a secret.

Knows sentences; knows neither vendors nor tables.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from textwrap import fill
from traceback import format_tb
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

log = logging.getLogger(__name__)


MOST_SENTENCES = 10
"""How many of its failures a step repeats at its end."""


WIDTH = 100
"""Characters of a line that Airflow's page of a log shows whole on a screen of 1440 pixels."""


def in_lines(sentence: str) -> str:
    """A sentence as Airflow's page of a log can show it, which does not wrap lines by default."""
    return fill(sentence, WIDTH, break_long_words=False, break_on_hyphens=False)


def unfold() -> None:
    """End the group of lines that Airflow's page of a log folds away: what follows is seen."""
    log.info("::endgroup::")


def without_value(said: str) -> str:
    """Of what PostgreSQL says the first line, without the value at its end; the others may quote a
    row.
    """
    return said.partition("\n")[0].partition(': "')[0]


DATA, BAD_COPY = "22", "22P04"
"""SQLSTATEs: of values, which PostgreSQL's messages quote; of the form of what is copied, where
they name columns."""

SERVER_SAID = {
    "55P03": (
        "a lock was not free in time: look in pg_stat_activity which session holds it, and "
        "end that session"
    ),
    "57014": "a statement was canceled, by somebody or by the statement timeout",
    "25P03": "the session was ended, because one of its transactions had been idle for too long: "
    "see what kept the task waiting",
    "40P01": "it was in a deadlock with another task, several times",
}
"""What PostgreSQL's errors mean that come of the limits of a session, by their SQLSTATE."""


QUOTED = re.compile(r': ".*|".*"', re.S)
COPIED = re.compile(r"^COPY \S+, line (\d+)(?:, column ([^:\n]+))?", re.M)


def server_said(error: BaseException, *, header: int | None = None) -> str:
    """What an error of PostgreSQL means, without a value that it quotes.

    :param header: lines of a file before the first that was copied, where its lines were.
    """
    state = getattr(error, "sqlstate", None) or ""
    if state in SERVER_SAID:
        return SERVER_SAID[state]
    diag = getattr(error, "diag", None)
    if diag is None or diag.message_primary is None:
        return without_value(str(error))
    said = str(diag.message_primary)
    if state.startswith(DATA) and state != BAD_COPY:
        said = QUOTED.sub("...", said).removesuffix("...").strip()
    if place := COPIED.search(diag.context or ""):
        line, column = place.groups()
        said += f", column {column}" if column else ""
        said += f", line {int(line) + header}" if header is not None else ""
    return said


class TransientFailure(AirflowException):
    """A failure that the next try may not meet: a host that does not answer, a lock held."""


class PermanentFailure(AirflowFailException):
    """A failure that no retry removes: a missing connection, a wrong token, a malformed file."""


class StepsFailed(PermanentFailure):
    """The end of a run whose steps failed, each of which has said so itself."""


def sentence_of(failure: BaseException) -> str:
    """What a failure says; of what is no sentence of ours, only so much as quotes no row."""
    if isinstance(failure, PermanentFailure):
        return str(failure)
    return server_said(failure) or type(failure).__name__


class Failures:
    """Lets a step that handles a list go on past a bad item, and fail at its end naming each."""

    def __init__(self) -> None:
        self._failed: list[tuple[Any, str, Exception]] = []

    @contextmanager
    def apart(self, item: str, *, key: Any = None) -> Iterator[None]:
        """Handle one item: what goes wrong inside is logged and kept for the end.

        A traceback is logged only of what is no sentence of ours.

        :param item: what the item is called.
        :param key: by which it may be forgiven.
        """
        try:
            yield
        except Exception as failure:
            is_ours = isinstance(failure, PermanentFailure | TransientFailure)
            trace = "" if is_ours else "\n" + "".join(format_tb(failure.__traceback__))
            log.error("%s: %s%s", item, sentence_of(failure), trace)
            self._failed.append((key, item, failure))

    def forgive(self, keys: Collection[Any]) -> None:
        """Do not fail for the items of these keys."""
        self._failed = [one for one in self._failed if one[0] not in keys]

    def raise_any(self) -> None:
        """:raises PermanentFailure: items failed, and no retry would help.
        :raises TransientFailure: items failed, and a retry may help.
        """
        if not self._failed:
            return
        lasting = [isinstance(failure, PermanentFailure) for _, _, failure in self._failed]
        sentences = [
            sentence_of(failure) if lasts else f"{item}: {sentence_of(failure)}"
            for lasts, (_, item, failure) in zip(lasting, self._failed, strict=True)
        ]
        count = len(sentences)
        if count > MOST_SENTENCES:
            rest = f"{count - MOST_SENTENCES} more, each named above in this log."
            sentences = [*sentences[:MOST_SENTENCES], rest]
        kind = PermanentFailure if all(lasting) else TransientFailure
        raise kind((f"{count} failed: " if count > 1 else "") + " | ".join(sentences))
