"""Says in the log how far a long piece of work is: bytes, rate, and what is left.

Knows bytes; knows neither what they are nor where they go.
"""

from __future__ import annotations

import logging
import time

log = logging.getLogger(__name__)


class Progress:
    """Counts bytes, and logs a line when the last one is some seconds old.

    :param what: what is being worked on, as the log should name it.
    :param total: bytes in all, where known.
    :param every: seconds between two lines.
    """

    def __init__(self, what: str, total: int | None = None, *, every: float = 10.0) -> None:
        self.what = what
        self.total = total
        self.every = every
        self.done = 0
        self._started = self._said = time.monotonic()

    def add(self, size: int) -> None:
        """Count ``size`` bytes more."""
        self.done += size
        now = time.monotonic()
        if now - self._said < self.every:
            return
        self._said = now
        rate = self.done / (now - self._started)
        if self.total and self.total >= self.done:
            left = (self.total - self.done) / rate
            log.info(
                "%s: %.1f of %.1f MB, %.1f MB/s, %.0f s left",
                self.what, self.done / 1e6, self.total / 1e6, rate / 1e6, left,
            )  # fmt: skip
        else:
            log.info("%s: %.1f MB, %.1f MB/s", self.what, self.done / 1e6, rate / 1e6)
