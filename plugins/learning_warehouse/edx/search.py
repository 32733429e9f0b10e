"""The search for logs that the warehouse does not have yet, in tars and as single files.

Of a plain tar no more is read than its headers, the ends of its members and, once, the first bytes
of those that no name tells; of a single log in the bucket, no more than these. Knows the bucket and
the ledger; which keys are looked at, ``operators`` say.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from learning_warehouse.edx import verdicts
from learning_warehouse.edx.finds import Finds
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.edx.tar import Walk, Window, pass_through, walk
from learning_warehouse.errors import Failures, PermanentFailure
from learning_warehouse.landing import digest, key_part
from learning_warehouse.progress import Progress
from learning_warehouse.s3 import insist_on_range, open_uri, s3_client, s3_sentences
from learning_warehouse.streams import Watched
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from learning_warehouse.edx.found import Found
    from learning_warehouse.edx.tar import Fetch, Member, Passing
    from learning_warehouse.edx.telling import Kind
    from learning_warehouse.edx.verdicts import File
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

log = logging.getLogger(__name__)

TARS = ("tar", "compressed tar")

MEMBERS_AT_ONCE = 1000


class Search:
    """The search for logs that have to be loaded.

    ``finds`` has what it found; ``landed``, of each log that landed, from which tar.

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
        self.finds = Finds(conn, reload=reload, dry_run=dry_run, landing_conn_id=landing_conn_id)
        self.landed: dict[str, str] = {}
        self._conn = conn
        self._aws_conn_id = aws_conn_id
        self._failures = failures
        self._reload = reload
        self._dry_run = dry_run
        self._readable = readable

    def look_into(self, found: list[Found]) -> None:
        """Collect the logs that are to be loaded.

        The latest tar comes first, because it contains what the others contain; the compressed ones
        come after the plain ones, so that nothing lands that can be read in place.
        """
        found = self._told(sorted(found, key=lambda one: (one.day, one.key), reverse=True))
        self._take_loose([one for one in found if one.kind not in TARS])
        tars = [one for kind in TARS for one in found if one.kind == kind]
        walked = {} if self._reload else self._walked(tars)
        waiting = self._unmerged(tars)
        lost = {row["delivery_id"] for row in waiting if row["tar_uri"] is None}
        if lost:
            log.info(
                "%d logs that are not loaded were found in tars that this run does not see: plain "
                "tars are read again, because they may contain them too", len(lost),
            )  # fmt: skip
            walked = {tar: seen for tar, seen in walked.items() if tar.kind != "tar"}
        self._take_unmerged(walked, waiting)
        for tar in tars:
            if tar not in walked and not self.finds.is_full:
                with self._failures.apart(tar.uri):
                    if tar.kind == "tar":
                        self._walk(tar)
                    else:
                        self._unpack(tar)
        if self.finds.is_full:
            self.finds.warn_of_more()
        else:
            self._give_up(lost - self.finds.sizes.keys())

    def landed_at(self) -> str:
        """Where the console shows what landed; empty where nothing did."""
        return self.finds.zone.address(self.landed) if self.landed else ""

    def _told(self, found: list[Found]) -> list[Found]:
        """What was found, each with its kind; without those that could not be looked into."""
        told = []
        for one in found:
            if one.kind is not None:
                told.append(one)
                continue
            with self._failures.apart(one.uri):
                file = (one.key, one.version)
                read = partial(self._fetch(one), 0)
                (kind,) = self._kinds(one.site, {file: read}).values()
                told.append(replace(one, kind=kind))
        return told

    def _kinds(self, site: str, files: dict[File, Callable[[int], bytes]]) -> dict[File, Kind]:
        return verdicts.told(self._conn, site, files, remember=not self._dry_run)

    def _take_loose(self, logs: list[Found]) -> None:
        """Register single logs in the bucket; they are read where they are."""
        for site in sorted({one.site for one in logs}):
            self._take_loose_of(site, [one for one in logs if one.site == site])

    def _take_loose_of(self, site: str, found: list[Found]) -> None:
        logs = [one for one in found if one.kind != "junk"]
        seen = Walk(f"single logs, of {site}", sum(one.size for one in logs), self._readable)
        readable = [one for one in found if one.kind and seen.count(one.kind)]
        before = set(self.finds.sizes)
        known = ledger.versions(
            self._conn,
            dataset=EVENTS.table,
            origin=site,
            names=[one.key for one in readable],
        )
        with self.finds.together(known.values()):
            for one in readable:
                if not self.finds.is_done(known.get((one.key, one.version))):
                    details = {"etag": one.etag}
                    self.finds.deliver(
                        one, one.key, one.version, uri=one.uri, size=one.size, details=details
                    )
        self.finds.say(seen, before)

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
                    tar.uri,
                    tar.size,
                    self._readable,
                    members=row["members"],
                    junk=row["junk"],
                    untaken=row["untaken"],
                )
        return walked

    def _unmerged(self, tars: list[Found]) -> list[dict[str, Any]]:
        """Logs that an earlier run found and none has merged, each with its tar.

        The tar is None where this run does not see it. Tars are cumulative: another may contain the
        log too, although the ledger names only one.
        """
        values = {
            "dataset": EVENTS.table,
            "sites": sorted({tar.site for tar in tars}),
            "uris": [tar.uri for tar in tars],
            "etags": [tar.etag for tar in tars],
        }
        return self._conn.execute(statement("edx/search", "unmerged"), values).fetchall()

    def _give_up(self, lost: set[int]) -> None:
        """Note in the ledger that no tar of this run contains these logs: they are not looked for
        again."""
        if lost and not self._dry_run:
            log.warning("%d of them are in none of these tars; ops.delivery names them", len(lost))
            problem = "No tar of the run contained it when it was looked for again."
            values = {"deliveries": list(lost), "problem": problem}
            self._conn.execute(statement("edx/search", "note_lost"), values)

    def _take_unmerged(self, walked: dict[Found, Walk], waiting: list[dict[str, Any]]) -> None:
        taken = len(self.finds.sizes)
        for tar, seen in walked.items():
            before = set(self.finds.sizes)
            for row in (row for row in waiting if row["tar_uri"] == tar.uri):
                if self._readable or not row["name"].endswith(".gpg"):
                    self.finds.sizes[row["delivery_id"]] = row["size"]
                else:
                    seen.members -= 1
                    seen.encrypted += 1
            self.finds.look(seen, before)
            self.finds.warn_of(seen)
        if walked:
            log.info(
                "%d tars were read before; %d of their members are not loaded yet",
                len(walked), len(self.finds.sizes) - taken,
            )  # fmt: skip

    def _walk(self, tar: Found) -> None:
        """Register the members of one tar, batch by batch; of a damaged one, those before it.

        A tar that fills the run is not noted, so that the next run goes on with it.
        """
        seen = Walk(tar.uri, tar.size, readable=self._readable)
        batch: list[Member] = []
        damage: PermanentFailure | None = None
        is_cut = False
        progress = Progress(f"Walking {tar.uri}", tar.size)
        before = set(self.finds.sizes)
        try:
            for member in walk(seen, self._fetch(tar)):
                if is_cut := self.finds.is_full:
                    break
                batch.append(member)
                progress.add(member.offset + member.size - progress.done)
                if len(batch) == MEMBERS_AT_ONCE:
                    self._register(tar, seen, batch)
                    batch = []
        except PermanentFailure as found:
            damage = found
        self._register(tar, seen, batch)
        if damage is None and not is_cut:
            self.finds.note(tar, seen)
        self.finds.say(seen, before)
        if damage is not None:
            raise damage

    def _register(self, tar: Found, seen: Walk, members: list[Member]) -> None:
        """Enter what has to be loaded into the ledger, in one transaction."""
        logs = self._logs_among(tar, seen, members)
        known = ledger.versions(
            self._conn,
            dataset=EVENTS.table,
            origin=tar.site,
            names=[member.name for member in logs],
        )
        with self.finds.together(known.values()):
            for member in logs:
                before = known.get((member.name, member.version))
                if not self.finds.is_done(before):
                    self.finds.new_members += before is None
                    self.finds.deliver(
                        tar, member.name, member.version, uri=tar.uri, size=member.size,
                        details={"offset": member.offset, "etag": tar.etag},
                    )  # fmt: skip

    def _logs_among(self, tar: Found, seen: Walk, members: list[Member]) -> list[Member]:
        """Those of a tar's members that are logs; those that no name told are counted."""
        window = Window(self._fetch(tar), tar.size)
        kinds = self._kinds(
            tar.site,
            {
                (one.name, one.version): partial(_beginning, window, one)
                for one in members
                if not one.is_told
            },
        )
        return [one for one in members if one.is_told or seen.count(kinds[one.name, one.version])]

    def _unpack(self, tar: Found) -> None:
        """Read a compressed tar; each of its logs that is new lands, and is registered at once.

        Whether a log is known cannot be seen before it has passed. One that seems to be, by its
        name, size and mtime, is let pass; if its probe says that it is another one, the tar is read
        a second time for its sake.
        """
        seen = Walk(tar.uri, tar.size, readable=self._readable)
        before = set(self.finds.sizes)
        mistaken: set[int] = set()
        damage: PermanentFailure | None = None
        is_cut = False
        try:
            with closing(self._passing(tar, seen)) as passings:
                for passing in passings:
                    if self._dry_run:
                        self._let_pass(tar, passing)
                        continue
                    if not (alike := self._alike(tar, passing)):
                        if is_cut := self.finds.is_full:
                            break
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
        if damage is None and not is_cut:
            self.finds.note(tar, seen)
        self.finds.say(seen, before)
        if damage is not None:
            raise damage

    def _let_pass(self, tar: Found, passing: Passing) -> None:
        """Count a log that would land; its version is known for certain once it has passed."""
        passing.body.drain()
        version = passing.version()
        known = ledger.versions(
            self._conn, dataset=EVENTS.table, origin=tar.site, names=[passing.name]
        )
        if not self.finds.is_done(known.get((passing.name, version))):
            self.finds.deliver(
                tar, passing.name, version, uri=tar.uri, size=passing.size, details={}
            )

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
            and (self.finds.is_done(before) or self._has_landed(before))
        }

    def _has_landed(self, before: Delivery) -> bool:
        if before.problem or "landed" not in before.details:
            return False
        return self.finds.zone.holds(before.uri, before.size)

    def _take_again(self, tar: Found, before: Delivery) -> None:
        """Load what landed before, from where it is, unless nothing is to be done."""
        if not self.finds.is_done(before):
            self._deliver_landed(tar, before.name, before.version, before.uri, before.size or 0)

    def _land(self, tar: Found, passing: Passing) -> None:
        uri, size = self.finds.zone.put_stream(
            landing_key(tar, passing), cast("BinaryIO", passing.body), size=passing.size
        )
        self.landed[uri] = tar.uri
        self.finds.new_members += 1
        self._deliver_landed(tar, passing.name, passing.version(), uri, size)

    def _deliver_landed(self, tar: Found, name: str, version: str, uri: str, size: int) -> None:
        details = {"landed": True, "tar": tar.uri, "etag": tar.etag}
        with self._conn.transaction():
            self.finds.deliver(tar, name, version, uri=uri, size=size, details=details)

    @cached_property
    def _client(self) -> Any:
        return s3_client(self._aws_conn_id)

    def _fetch(self, tar: Found) -> Fetch:
        """Reads a range of an object, as it was when it was listed."""

        def fetch(offset: int, size: int) -> bytes:
            if not tar.size:
                return b""
            with s3_sentences(f"reading {tar.uri} at byte {offset}"):
                answer = self._client.get_object(
                    Bucket=tar.bucket,
                    Key=tar.key,
                    Range=f"bytes={offset}-{offset + size - 1}",
                    IfMatch=tar.etag,
                )
                insist_on_range(answer, offset, size)
                content: bytes = answer["Body"].read()
                return content

        return fetch


def _beginning(window: Window, member: Member, size: int) -> bytes:
    return window.at(member.offset, min(member.size, size))


def landing_key(tar: Found, passing: Passing) -> str:
    """Where in the landing zone a log of a compressed tar lands.

    A member's name is its writer's: it is quoted, so that it is one part of the key, and cut where
    it is longer than a key may be. The probe is not known yet; the tar and the place in it stand
    for it.
    """
    version = f"{passing.size}-{passing.mtime}-{digest(f'{tar.uri} {tar.etag} {passing.offset}')}"
    return f"edx/{EVENTS.name}/{key_part(tar.site)}/{key_part(passing.name)}/{version}"
