"""The two ways in which a step can fail, and how a run ends then.

A message is one sentence, says what to do, and never holds a secret.

Knows sentences; knows neither vendors nor tables.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from traceback import format_tb
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)


def without_value(said: str) -> str:
    """Of what PostgreSQL says the first line, without the value at its end; the others may quote a
    row.
    """
    return said.partition("\n")[0].partition(': "')[0]


class TransientFailure(AirflowException):
    """Something that a later try may find mended: a host that does not answer, a lock held."""


class PermanentFailure(AirflowFailException):
    """Something that no retry mends: a missing connection, a wrong token, a malformed file."""


class StepsFailed(PermanentFailure):
    """The end of a run whose steps failed, each of which has said so itself."""


class Failures:
    """Lets a step that handles a list go on past a bad item, and fail at its end naming each."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._lasting = True

    @contextmanager
    def apart(self, item: str) -> Iterator[None]:
        """Handle one item: what goes wrong inside is logged and kept for the end.

        Of what is no sentence of ours only so much is said as quotes no row.

        :param item: what the item is called.
        """
        try:
            yield
        except PermanentFailure as failure:
            log.error("%s: %s", item, failure)
            self._sentences.append(str(failure))
        except Exception as failure:
            self._lasting = False
            said = without_value(str(failure)) or type(failure).__name__
            log.error("%s: %s\n%s", item, said, "".join(format_tb(failure.__traceback__)))
            self._sentences.append(f"{item}: {said}")

    def raise_any(self) -> None:
        """:raises PermanentFailure: items failed, and no retry would mend one of them.
        :raises TransientFailure: items failed, and a retry may mend one of them.
        """
        if not self._sentences:
            return
        kind = PermanentFailure if self._lasting else TransientFailure
        count = len(self._sentences)
        raise kind((f"{count} failed: " if count > 1 else "") + " | ".join(self._sentences))
