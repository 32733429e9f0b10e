"""What a run finds: the logs that it takes, entered into the ledger, and what else it has to say.

Knows the ledger; where logs lie, ``search`` knows.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from learning_warehouse import delivery_notes
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.landing import LandingZone
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.locks import lock_dataset, lock_deliveries
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learning_warehouse.edx.found import Found
    from learning_warehouse.edx.tar import Walk
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

MOST_NEW = 20_000
"""New members of tars that a run takes, and no further batch: a small tar can hold any number."""

MOST_NAMED = 3
"""How many logs a sentence names."""


class Finds:
    """What a run finds.

    ``sizes`` has the bytes of each delivery that is to be loaded, by its id, or in a dry run by a
    number that stands for it; ``looked``, tar by tar, what was found in it; ``findings``, sentences
    for the end of the run.

    :param reload: those that were loaded have to be loaded again.
    :param dry_run: nothing lands, and the ledger is only read.
    """

    def __init__(
        self, conn: Connection, *, reload: bool, dry_run: bool, landing_conn_id: str
    ) -> None:
        self.sizes: dict[int, int] = {}
        self.looked: list[dict[str, Any]] = []
        self.findings: list[str] = []
        self.new_members = 0
        self._conn = conn
        self._reload = reload
        self._dry_run = dry_run
        self._would: dict[tuple[str, str, str], int] = {}
        self._landing_conn_id = landing_conn_id

    @cached_property
    def zone(self) -> LandingZone:
        """Where logs of compressed tars land."""
        return LandingZone(self._landing_conn_id)

    @property
    def is_full(self) -> bool:
        """Whether a run has taken all the new members that it may."""
        return self.new_members >= MOST_NEW

    def warn_of_more(self) -> None:
        """Tell that the run has stopped before the end."""
        sentence = (
            f"This run took {self.new_members} new logs of tars, the most that one run takes: "
            "trigger the DAG again with the same Params until this sentence is gone."
        )
        log.warning("%s", sentence)
        self.findings.append(sentence)

    def is_done(self, before: Delivery | None) -> bool:
        """Whether nothing is to be done for a log: it was loaded, or is among ``sizes``.

        One that was damaged where it lay is to be taken from wherever else it is found.
        """
        if before is None:
            return False
        if before.delivery_id in self.sizes:
            return self._dry_run or not before.problem
        return before.status in ("merged", "replaced") and not self._reload

    @contextmanager
    def together(self, before: Iterable[Delivery]) -> Iterator[None]:
        """One transaction, of which nothing is taken where it fails.

        Lines of the ledger are locked in one order by all: by one search at a time, and those that
        are there by their ids, as merges do.

        :param before: the lines that may be written again.
        """
        sizes, new_members = dict(self.sizes), self.new_members
        try:
            with self._conn.transaction():
                if not self._dry_run:
                    lock_dataset(self._conn, f"logs for {EVENTS.table}")
                    due = [line.delivery_id for line in before if not self.is_done(line)]
                    lock_deliveries(self._conn, due)
                yield
        except BaseException:
            self.sizes, self.new_members = sizes, new_members
            raise

    def deliver(
        self, found: Found, name: str, version: str, *, uri: str, size: int, details: dict[str, Any]
    ) -> None:
        """Take a log; in a dry run only count it."""
        if self._dry_run:
            log_of_it = (found.site, name, version)
            self.sizes[self._would.setdefault(log_of_it, -1 - len(self._would))] = size
            return
        delivery = ledger.deliver(
            self._conn,
            dataset=EVENTS.table,
            origin=found.site,
            name=name,
            version=version,
            made_at=found.last_modified,
            uri=uri,
            size=size,
            details=details,
        )
        if "landed" in details:
            delivery_notes.write(self.zone, vars(delivery))
        self.sizes[delivery.delivery_id] = size

    def say(self, seen: Walk, before: set[int]) -> None:
        """Write down what was found, and log it."""
        new = self.look(seen, before)
        log.info(
            "%s (%.1f MB): %d tracking logs, of which %d (%.1f MB) are to be loaded, %d junk",
            seen.uri, seen.size / 1e6, seen.members, len(new), sum(new) / 1e6, seen.junk,
        )  # fmt: skip
        if seen.encrypted:
            log.warning("%s: %d encrypted logs are skipped", seen.uri, seen.encrypted)

    def look(self, seen: Walk, before: set[int]) -> list[int]:
        """Write down what was found.

        :param before: the ids that were among ``sizes`` when the search came to this tar.
        :returns: the bytes of each log that is to be loaded of it.
        """
        new = [size for delivery_id, size in self.sizes.items() if delivery_id not in before]
        self.looked.append(
            {
                "where": seen.uri,
                "bytes": seen.size,
                "members": seen.members,
                "new": len(new),
                "new_bytes": sum(new),
                "known": seen.members - len(new),
                "junk": seen.junk,
                "encrypted": seen.encrypted,
            }
        )
        return new

    def note(self, tar: Found, seen: Walk) -> None:
        """Remember that a tar was gone through, unless something in it waits for a key."""
        self.warn_of(seen)
        if seen.encrypted or self._dry_run:
            return
        self._conn.execute(
            statement("edx/search", "note_tar"),
            {
                "uri": tar.uri,
                "version": tar.etag,
                "size": tar.size,
                "made_at": tar.last_modified,
                "members": seen.members,
                "junk": seen.junk,
                "untaken": seen.untaken,
            },
        )

    def warn_of(self, seen: Walk) -> None:
        """Tell of a tar that was gone through and holds no log, or some that cannot be taken."""
        sentences = []
        if seen.junk and not (seen.members or seen.encrypted or seen.untaken):
            sentences.append(
                f"{seen.uri} holds no tracking log: none of its {seen.junk} members is one, by its "
                "name or its content; look into it."
            )
        if seen.untaken:
            sentences.append(
                f"{seen.uri} holds {len(seen.untaken)} logs that cannot be taken "
                f"({'; '.join(seen.untaken[:MOST_NAMED])}): ask edX to deliver them again; "
                "edx.tracking_log_tar names them all."
            )
        for sentence in sentences:
            log.warning("%s", sentence)
        self.findings += sentences
