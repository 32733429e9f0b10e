"""What the vendors and the bucket share: the clock, the faults, and the counts of requests."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass
class World:
    """The state of the sandbox.

    :param faults: what is to go wrong, by name; see the functions that look for each.
    :param counts: how often each thing was requested.
    :param issued: the vendor's access keys, and until when each is good.
    :param secrets: what was handed out and must not be written anywhere.
    """

    faults: dict[str, Any] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    issued: dict[str, datetime] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    building: threading.Lock = field(default_factory=threading.Lock)
    _frozen: datetime | None = None

    def now(self) -> datetime:
        """The sandbox's time; the fault ``clock_ahead_seconds`` lets it run ahead."""
        ahead = timedelta(seconds=float(self.faults.get("clock_ahead_seconds", 0)))
        return (self._frozen or datetime.now(UTC)) + ahead

    def set_clock(self, now: str | None) -> None:
        """Stop the clock at an ISO 8601 time, or let it run again."""
        self._frozen = datetime.fromisoformat(now).astimezone(UTC) if now else None

    def count(self, what: str, by: int = 1) -> None:
        """Count a request for something."""
        with self.lock:
            self.counts[what] += by

    def strikes(self, fault: str) -> bool:
        """Whether a fault happens now; each time uses up one of the times it was set for."""
        with self.lock:
            left = int(self.faults.get(fault, 0))
            if left > 0:
                self.faults[fault] = left - 1
                self.counts[f"fault {fault}"] += 1
            return left > 0

    def wear_out_keys(self) -> None:
        """Count a request to the vendor's bucket; let its keys expire after the set number."""
        with self.lock:
            if "vendor_keys_last" in self.faults and not self.strikes("vendor_keys_last"):
                del self.faults["vendor_keys_last"]
                self.issued = dict.fromkeys(self.issued, self.now() - timedelta(seconds=1))

    def reset(self) -> None:
        """Let nothing go wrong, and count from zero again."""
        with self.lock:
            self.faults.clear()
            self.counts.clear()
            self.requests.clear()
            self._frozen = None

    def issue(self, access_key: str, lifetime: timedelta) -> datetime:
        """Make an access key of the vendor's bucket good for a while."""
        self.issued[access_key] = self.now() + lifetime
        return self.issued[access_key]
