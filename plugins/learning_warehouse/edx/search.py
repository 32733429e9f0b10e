"""The search for logs that the warehouse does not have yet, in tars and by themselves.

Of a plain tar no more is read than its headers and the ends of its members, and nothing of a log
that lies in the bucket by itself. Knows the bucket and the ledger; which keys are looked at,
``operators`` say.
"""

from __future__ import annotations

import logging
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from learning_warehouse import delivery_notes
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.edx.tar import Walk, pass_through, walk
from learning_warehouse.errors import Failures, PermanentFailure
from learning_warehouse.landing import LandingZone, digest, key_part
from learning_warehouse.progress import Progress
from learning_warehouse.s3 import open_uri, s3_client, s3_sentences
from learning_warehouse.streams import Watched
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Generator

    from learning_warehouse.edx.found import Found
    from learning_warehouse.edx.tar import Fetch, Member, Passing
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

QUOTES = '"'


class Search:
    """The search for logs that have to be loaded.

    ``sizes`` has the bytes of each delivery that is to be loaded, by its id, or in a dry run by a
    number that stands for it; ``looked``, tar by tar, what was found in it; ``landed``, of each log
    that landed, from which tar.

    :param failures: where a tar that cannot be gone through is noted.
    :param reload: those that were loaded have to be loaded again.
    :param dry_run: nothing lands, and the ledger is only read.
    :param aws_conn_id: the connection of the bucket in which the tars lie.
    :param readable: there is a key that opens encrypted logs.
    """

    def __init__(
        self,
        conn: Connection,
        failures: Failures,
        *,
        reload: bool,
        dry_run: bool,
        readable: bool,
        aws_conn_id: str,
        landing_conn_id: str,
    ) -> None:
        self.sizes: dict[int, int] = {}
        self.looked: list[dict[str, Any]] = []
        self.landed: dict[str, str] = {}
        self._conn = conn
        self._aws_conn_id = aws_conn_id
        self._failures = failures
        self._reload = reload
        self._dry_run = dry_run
        self._would: dict[tuple[str, str, str], int] = {}
        self._readable = readable
        self._landing_conn_id = landing_conn_id

    def look_into(self, found: list[Found]) -> None:
        """Collect the logs that are to be loaded."""
        self._take_loose([one for one in found if one.kind == "log"])
        tars = [one for one in found if one.kind != "log"]
        walked = {} if self._reload else self._walked(tars)
        waiting = self._unmerged(tars)
        lost = {row["delivery_id"] for row in waiting if row["tar_uri"] is None}
        if lost:
            log.info(
                "%d logs that are not loaded were found in tars that are not at hand: plain tars "
                "are walked again, for they may hold them too", len(lost),
            )  # fmt: skip
            walked = {tar: seen for tar, seen in walked.items() if tar.kind != "tar"}
        self._take_unmerged(walked, waiting)
        for tar in tars:
            if tar not in walked:
                with self._failures.apart(tar.uri):
                    if tar.kind == "tar":
                        self._walk(tar)
                    else:
                        self._unpack(tar)
        self._give_up(lost - self.sizes.keys())

    def landed_at(self) -> str:
        """Where the console shows what landed; empty where nothing did."""
        return self._zone.address(self.landed) if self.landed else ""

    def _is_done(self, before: Delivery | None) -> bool:
        """Whether nothing is to be done for a log: it was loaded, or is among ``sizes``.

        One that was damaged where it lay is to be taken from wherever else it is found.
        """
        if before is None:
            return False
        if before.delivery_id in self.sizes:
            return self._dry_run or not before.problem
        return before.status in ("merged", "replaced") and not self._reload

    def _take_loose(self, logs: list[Found]) -> None:
        """Register logs that lie in the bucket by themselves; they are read where they lie."""
        with self._conn.transaction():
            for site in sorted({one.site for one in logs}):
                self._take_loose_of(site, [one for one in logs if one.site == site])

    def _take_loose_of(self, site: str, logs: list[Found]) -> None:
        readable = [one for one in logs if self._readable or not one.key.endswith(".gpg")]
        seen = Walk(
            f"logs by themselves, of {site}",
            sum(one.size for one in logs),
            self._readable,
            members=len(readable),
            encrypted=len(logs) - len(readable),
        )
        before = set(self.sizes)
        known = ledger.versions(
            self._conn,
            dataset=EVENTS.table,
            origin=site,
            names=[one.key for one in readable],
        )
        for one in readable:
            version = f"{one.size}-{one.etag.strip(QUOTES)}"
            if not self._is_done(known.get((one.key, version))):
                self._deliver(
                    one, one.key, version, uri=one.uri, size=one.size, details={"etag": one.etag}
                )
        self._say(seen, before)

    def _deliver(
        self, found: Found, name: str, version: str, *, uri: str, size: int, details: dict[str, Any]
    ) -> None:
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
            delivery_notes.write(self._zone, delivery)
        self.sizes[delivery.delivery_id] = size

    def _walked(self, tars: list[Found]) -> dict[Found, Walk]:
        rows = self._conn.execute(
            statement("edx/search", "known_tars"), {"uris": [tar.uri for tar in tars]}
        ).fetchall()
        known = {(row["uri"], row["version"]): row for row in rows}
        walked = {}
        for tar in tars:
            row = known.get((tar.uri, tar.etag))
            if row is not None:
                walked[tar] = Walk(
                    tar.uri, tar.size, self._readable, members=row["members"], junk=row["junk"]
                )
        return walked

    def _unmerged(self, tars: list[Found]) -> list[dict[str, Any]]:
        """Logs that an earlier run found and none has merged, each with its tar.

        It is None where the tar is not at hand. A tar is cumulative: another may hold the log as
        well, though the ledger names but one.
        """
        values = {
            "dataset": EVENTS.table,
            "sites": sorted({tar.site for tar in tars}),
            "uris": [tar.uri for tar in tars],
            "etags": [tar.etag for tar in tars],
        }
        return self._conn.execute(statement("edx/search", "unmerged"), values).fetchall()

    def _give_up(self, lost: set[int]) -> None:
        """Write down of logs that no tar at hand holds them: they are not looked for again."""
        if lost and not self._dry_run:
            log.warning("%d of them are in none of these tars; ops.delivery names them", len(lost))
            problem = "No tar at hand held it any more when it was looked for again."
            values = {"deliveries": list(lost), "problem": problem}
            self._conn.execute(statement("edx/search", "note_lost"), values)

    def _take_unmerged(self, walked: dict[Found, Walk], waiting: list[dict[str, Any]]) -> None:
        taken = len(self.sizes)
        for tar, seen in walked.items():
            before = set(self.sizes)
            for row in (row for row in waiting if row["tar_uri"] == tar.uri):
                if self._readable or not row["name"].endswith(".gpg"):
                    self.sizes[row["delivery_id"]] = row["size"]
                else:
                    seen.members -= 1
                    seen.encrypted += 1
            self._look(seen, before)
        if walked:
            log.info(
                "%d tars were walked before; %d of their members are not loaded yet",
                len(walked), len(self.sizes) - taken,
            )  # fmt: skip

    def _walk(self, tar: Found) -> None:
        """Register the members of one tar in one transaction; of a damaged one, those before it."""
        seen = Walk(tar.uri, tar.size, readable=self._readable)
        members: list[Member] = []
        damage: PermanentFailure | None = None
        progress = Progress(f"Walking {tar.uri}", tar.size)
        before = set(self.sizes)
        try:
            for member in walk(seen, self._fetch(tar)):
                members.append(member)
                progress.add(member.offset + member.size - progress.done)
        except PermanentFailure as found:
            damage = found
        with self._conn.transaction():
            self._register(tar, members)
            if damage is None:
                self._note(tar, seen)
        self._say(seen, before)
        if damage is not None:
            raise damage

    def _say(self, seen: Walk, before: set[int]) -> None:
        new = self._look(seen, before)
        log.info(
            "%s (%.1f MB): %d tracking logs, of which %d (%.1f MB) are to be loaded, %d junk",
            seen.uri, seen.size / 1e6, seen.members, len(new), sum(new) / 1e6, seen.junk,
        )  # fmt: skip
        if seen.encrypted:
            log.warning("%s: %d encrypted logs are left alone", seen.uri, seen.encrypted)

    def _look(self, seen: Walk, before: set[int]) -> list[int]:
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

    def _register(self, tar: Found, members: list[Member]) -> None:
        """Enter what has to be loaded into the ledger."""
        known = ledger.versions(
            self._conn,
            dataset=EVENTS.table,
            origin=tar.site,
            names=[member.name for member in members],
        )
        for member in members:
            if not self._is_done(known.get((member.name, member.version))):
                self._deliver(
                    tar, member.name, member.version, uri=tar.uri, size=member.size,
                    details={"offset": member.offset, "etag": tar.etag},
                )  # fmt: skip

    def _unpack(self, tar: Found) -> None:
        """Read a compressed tar; each of its logs that is new lands, and is registered at once.

        Whether a log is known cannot be seen before it has passed. One that seems to be, by its
        name, size and mtime, is let pass; if its probe says that it is another one, the tar is read
        a second time for its sake.
        """
        seen = Walk(tar.uri, tar.size, readable=self._readable)
        before = set(self.sizes)
        mistaken: set[int] = set()
        damage: PermanentFailure | None = None
        try:
            with closing(self._passing(tar, seen)) as passings:
                for passing in passings:
                    if self._dry_run:
                        self._let_pass(tar, passing)
                        continue
                    if not (alike := self._alike(tar, passing)):
                        self._land(tar, passing)
                        continue
                    passing.body.drain()
                    if known := alike.get(passing.version()):
                        self._take_again(tar, known)
                    else:
                        mistaken.add(passing.offset)
        except PermanentFailure as found:
            damage = found
        if mistaken:
            again = Walk(tar.uri, tar.size, readable=self._readable)
            with closing(self._passing(tar, again)) as passings:
                while mistaken:
                    passing = next(passings)
                    if passing.offset in mistaken:
                        self._land(tar, passing)
                        mistaken.remove(passing.offset)
        if damage is None:
            self._note(tar, seen)
        self._say(seen, before)
        if damage is not None:
            raise damage

    def _let_pass(self, tar: Found, passing: Passing) -> None:
        """Count a log that would land; its version is known for certain once it has passed."""
        passing.body.drain()
        version = passing.version()
        known = ledger.versions(
            self._conn, dataset=EVENTS.table, origin=tar.site, names=[passing.name]
        )
        if not self._is_done(known.get((passing.name, version))):
            self._deliver(tar, passing.name, version, uri=tar.uri, size=passing.size, details={})

    def _passing(self, tar: Found, seen: Walk) -> Generator[Passing, None, None]:
        progress = Progress(f"Reading {tar.uri}", tar.size)
        with open_uri(tar.uri, conn_id=self._aws_conn_id, etag=tar.etag) as stored:
            stream = Watched(stored)
            for passing in pass_through(seen, stream):
                yield passing
                progress.add(stream.size - progress.done)

    def _alike(self, tar: Found, passing: Passing) -> dict[str, Delivery]:
        """What is at hand of that name, size and mtime, by its version."""
        known = ledger.versions(
            self._conn, dataset=EVENTS.table, origin=tar.site, names=[passing.name]
        )
        begins = f"{passing.size}-{passing.mtime}-"
        return {
            before.version: before
            for before in known.values()
            if before.version.startswith(begins)
            and (self._is_done(before) or self._has_landed(before))
        }

    def _has_landed(self, before: Delivery) -> bool:
        if before.problem or "landed" not in before.details:
            return False
        return self._zone.holds(before.uri, before.size)

    def _take_again(self, tar: Found, before: Delivery) -> None:
        """Load what landed before, from where it lies, unless nothing is to be done for it."""
        if not self._is_done(before):
            self._deliver_landed(tar, before.name, before.version, before.uri, before.size or 0)

    def _land(self, tar: Found, passing: Passing) -> None:
        uri, size = self._zone.put_stream(
            landing_key(tar, passing), cast("BinaryIO", passing.body), size=passing.size
        )
        self.landed[uri] = tar.uri
        self._deliver_landed(tar, passing.name, passing.version(), uri, size)

    def _deliver_landed(self, tar: Found, name: str, version: str, uri: str, size: int) -> None:
        details = {"landed": True, "tar": tar.uri, "etag": tar.etag}
        with self._conn.transaction():
            self._deliver(tar, name, version, uri=uri, size=size, details=details)

    @cached_property
    def _zone(self) -> LandingZone:
        return LandingZone(self._landing_conn_id)

    def _note(self, tar: Found, seen: Walk) -> None:
        """Remember that a tar was gone through, unless something in it waits for a key."""
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
            },
        )

    @cached_property
    def _client(self) -> Any:
        return s3_client(self._aws_conn_id)

    def _fetch(self, tar: Found) -> Fetch:
        """Reads a range of a tar, as it was when it was listed."""

        def fetch(offset: int, size: int) -> bytes:
            with s3_sentences(f"reading {tar.uri} at byte {offset}"):
                answer = self._client.get_object(
                    Bucket=tar.bucket,
                    Key=tar.key,
                    Range=f"bytes={offset}-{offset + size - 1}",
                    IfMatch=tar.etag,
                )
                content: bytes = answer["Body"].read()
                return content

        return fetch


def landing_key(tar: Found, passing: Passing) -> str:
    """Where in the landing zone a log of a compressed tar lands.

    A member's name is its writer's: it is quoted, so that it is one part of the key, and cut where
    it is longer than a key may be. The probe is not known yet; the tar and the place in it stand
    for it.
    """
    version = f"{passing.size}-{passing.mtime}-{digest(f'{tar.uri} {tar.etag} {passing.offset}')}"
    return f"edx/{EVENTS.name}/{key_part(tar.site)}/{key_part(passing.name)}/{version}"
