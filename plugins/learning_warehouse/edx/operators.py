"""The task that finds what is new in the bucket of tracking logs.

Knows the bucket and the ledger; reads no more of a tar than its headers and the ends of its
members.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from learning_warehouse.edx.staging import EDX_CONN_ID, EVENTS
from learning_warehouse.edx.tar import Walk, walk
from learning_warehouse.errors import Failures, PermanentFailure
from learning_warehouse.landing import bucket_of, s3_hook, s3_sentences
from learning_warehouse.progress import Progress
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.connection import WAREHOUSE_CONN_ID, connect
from learning_warehouse.warehouse.sql import statement
from learning_warehouse.window import days_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.edx.tar import Fetch, Member
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.window import Days

log = logging.getLogger(__name__)

TAR_KEY = r"(?:^|/)(?P<date>\d{4}-\d\d-\d\d)-(?P<site>[^/]+)-tracking\.tar$"
LOOK_BACK = 35


def lane_names(lanes: int) -> list[str]:
    """The XCom keys of the lanes, which are the names of their task groups too."""
    return [f"lane_{number}" for number in range(1, lanes + 1)]


@dataclass(frozen=True)
class Tar:
    """A tar in the bucket.

    :param site: the edX site that its members are from.
    :param day: the date in its key: when it was made, not when its events were.
    :param etag: as S3 gives it, in quotes.
    """

    bucket: str
    key: str
    site: str
    day: date
    etag: str
    size: int
    last_modified: datetime

    @property
    def uri(self) -> str:
        """Where it lies."""
        return f"s3://{self.bucket}/{self.key}"


class EdxLogTarOperator(BaseOperator):
    """Finds the tracking logs that the warehouse does not have yet, in the tars of a run's days.

    A tar is cumulative: it holds again what the ones before it held. Its headers are walked by
    range reads, and each member is known by its server, name, size, mtime and a probe of its
    bytes; one that was loaded is left out, whatever tar it was loaded from. A tar that was walked
    to its end is not walked again until it changes.

    XCom ``lane_1``, ``lane_2``, …: for each lane the ids of its deliveries, dealt out evenly by
    bytes. A damaged tar holds back neither the others nor its own members before the damage: the
    lanes are pushed, then the task fails and names it.

    :param bucket_name: the bucket; by default that of the connection's ``service_config``.
    :param prefix: keys begin with it.
    :param pattern: a regular expression that finds the tars among the keys, with a group ``date``
        (YYYY-MM-DD) and, where the connection names no site, a group ``site``.
    :param lanes: how many lists the members are dealt out to.
    :param look_back: days before the interval of a scheduled run whose tars it also looks at.
    :param aws_conn_id: connection of the bucket. Its extra ``site`` names the edX site; without
        it, the group ``site`` of the key does, or else the bucket.
    :param warehouse_conn_id: connection of the warehouse.
    """

    template_fields: Sequence[str] = ("bucket_name", "prefix", "pattern")

    def __init__(
        self,
        *,
        bucket_name: str | None = None,
        prefix: str = "",
        pattern: str = TAR_KEY,
        lanes: int = 2,
        look_back: int = LOOK_BACK,
        aws_conn_id: str = EDX_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bucket_name = bucket_name
        self.prefix = prefix
        self.pattern = pattern
        self.lanes = lanes
        self.look_back = look_back
        self.aws_conn_id = aws_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> None:
        """Find, register and deal out what the warehouse does not have."""
        hook = s3_hook(self.aws_conn_id)
        tars = self._tars(hook, days_of(context, look_back=self.look_back))
        failures = Failures()
        with connect(self.warehouse_conn_id) as conn:
            search = _Search(conn, hook, failures, reload=bool(context["params"].get("reload")))
            search.look_into(tars)
        lanes = deal(search.sizes, self.lanes)
        for name, ids in zip(lane_names(self.lanes), lanes, strict=True):
            size = sum(search.sizes[delivery_id] for delivery_id in ids)
            self.log.info("%s: %d members, %.1f MB", name, len(ids), size / 1e6)
            context["ti"].xcom_push(key=name, value=ids)
        failures.raise_any()

    def _tars(self, hook: S3Hook, days: Days) -> list[Tar]:
        """The tars of these days, the latest first: it holds what the others hold."""
        bucket = self.bucket_name or bucket_of(hook)
        pattern = self._compiled_pattern()
        site = hook.conn_config.extra_config.get("site")
        tars = []
        with s3_sentences(f"listing s3://{bucket}/{self.prefix}"):
            keys = list(hook.iter_file_metadata(prefix=self.prefix, bucket_name=bucket))
        for listed in keys:
            found = pattern.search(listed["Key"])
            if not found:
                continue
            groups = found.groupdict()
            if site and groups.get("site") not in (None, site):
                self.log.info("%s is left alone: it is not of the site %s", listed["Key"], site)
                continue
            try:
                day = date.fromisoformat(groups["date"])
            except ValueError:
                self.log.warning("%s is left alone: it bears no date", listed["Key"])
                continue
            if day in days:
                tars.append(
                    Tar(
                        bucket=bucket,
                        key=listed["Key"],
                        site=site or groups.get("site") or bucket,
                        day=day,
                        etag=listed["ETag"],
                        size=listed["Size"],
                        last_modified=listed["LastModified"],
                    )
                )
        self.log.info("%d tars of %s in s3://%s/%s", len(tars), days, bucket, self.prefix)
        return sorted(tars, key=lambda tar: (tar.day, tar.key), reverse=True)

    def _compiled_pattern(self) -> re.Pattern[str]:
        try:
            pattern = re.compile(self.pattern)
        except re.error as error:
            raise PermanentFailure(
                f"The Param pattern is no regular expression ({error}): {self.pattern}"
            ) from None
        if "date" not in pattern.groupindex:
            raise PermanentFailure(
                "The Param pattern has no group (?P<date>...) that says where in a key the date "
                f"stands: {self.pattern}"
            )
        return pattern


class _Search:
    """The search for members that have to be loaded.

    :param failures: where a tar that cannot be walked is noted.
    :param reload: those that were loaded have to be loaded again.
    """

    def __init__(self, conn: Connection, hook: S3Hook, failures: Failures, *, reload: bool) -> None:
        self.sizes: dict[int, int] = {}
        self._conn = conn
        self._hook = hook
        self._failures = failures
        self._reload = reload

    def look_into(self, tars: list[Tar]) -> None:
        """Collect the members of these tars in ``sizes``, delivery id → bytes."""
        walked = set() if self._reload else self._walked(tars)
        self._add_unmerged([tar for tar in tars if tar in walked])
        for tar in tars:
            if tar not in walked:
                with self._failures.apart(tar.uri):
                    self._walk(tar)

    def _walked(self, tars: list[Tar]) -> set[Tar]:
        rows = self._conn.execute(
            statement("edx/known_tars"), {"uris": [tar.uri for tar in tars]}
        ).fetchall()
        known = {(row["uri"], row["version"]) for row in rows}
        return {tar for tar in tars if (tar.uri, tar.etag) in known}

    def _add_unmerged(self, tars: list[Tar]) -> None:
        rows = self._conn.execute(
            statement("edx/unmerged"),
            {
                "dataset": EVENTS.table,
                "uris": [tar.uri for tar in tars],
                "etags": [tar.etag for tar in tars],
            },
        ).fetchall()
        self.sizes.update({row["delivery_id"]: row["size"] for row in rows})
        if tars:
            log.info(
                "%d tars were walked before; %d of their members are not loaded yet",
                len(tars), len(rows),
            )  # fmt: skip

    def _walk(self, tar: Tar) -> None:
        """Register the members of one tar in one transaction; of a damaged one, those before it."""
        seen = Walk(tar.uri, tar.size)
        members: list[Member] = []
        damage: PermanentFailure | None = None
        progress = Progress(f"Walking {tar.uri}", tar.size)
        try:
            for member in walk(seen, self._fetch(tar)):
                members.append(member)
                progress.add(member.offset + member.size - progress.done)
        except PermanentFailure as found:
            damage = found
        with self._conn.transaction():
            new = self._register(tar, members)
            if damage is None and not seen.encrypted:
                self._note(tar, seen)
        log.info(
            "%s (%.1f MB): %d tracking logs, of which %d (%.1f MB) are to be loaded, %d junk",
            tar.uri, tar.size / 1e6, seen.members, len(new), sum(new.values()) / 1e6, seen.junk,
        )  # fmt: skip
        if seen.encrypted:
            log.warning("%s: %d encrypted logs are left alone", tar.uri, seen.encrypted)
        self.sizes.update(new)
        if damage is not None:
            raise damage

    def _register(self, tar: Tar, members: list[Member]) -> dict[int, int]:
        """Enter what has to be loaded into the ledger: delivery id → bytes."""
        known = ledger.versions(
            self._conn,
            dataset=EVENTS.table,
            origin=tar.site,
            names=[member.name for member in members],
        )
        new: dict[int, int] = {}
        for member in members:
            before = known.get((member.name, member.version))
            if before is not None and (
                before.delivery_id in self.sizes or (before.status == "merged" and not self._reload)
            ):
                continue
            delivery = ledger.deliver(
                self._conn,
                dataset=EVENTS.table,
                origin=tar.site,
                name=member.name,
                version=member.version,
                made_at=tar.last_modified,
                uri=tar.uri,
                size=member.size,
                details={"offset": member.offset, "etag": tar.etag},
            )
            new[delivery.delivery_id] = member.size
        return new

    def _note(self, tar: Tar, seen: Walk) -> None:
        self._conn.execute(
            statement("edx/note_tar"),
            {
                "uri": tar.uri,
                "version": tar.etag,
                "size": tar.size,
                "made_at": tar.last_modified,
                "members": seen.members,
                "junk": seen.junk,
            },
        )

    def _fetch(self, tar: Tar) -> Fetch:
        """Reads a range of a tar, as it was when it was listed."""
        client: Any = self._hook.get_conn()

        def fetch(offset: int, size: int) -> bytes:
            with s3_sentences(f"reading {tar.uri} at byte {offset}"):
                answer = client.get_object(
                    Bucket=tar.bucket,
                    Key=tar.key,
                    Range=f"bytes={offset}-{offset + size - 1}",
                    IfMatch=tar.etag,
                )
                content: bytes = answer["Body"].read()
                return content

        return fetch


def deal(sizes: dict[int, int], lanes: int) -> list[list[int]]:
    """Deal out deliveries to lanes, evenly by bytes; the ids of a lane stay in their order."""
    dealt: list[list[int]] = [[] for _ in range(lanes)]
    loads = [0] * lanes
    for delivery_id in sorted(sizes, key=lambda id_: (-sizes[id_], id_)):
        lightest = loads.index(min(loads))
        dealt[lightest].append(delivery_id)
        loads[lightest] += sizes[delivery_id]
    return [sorted(ids) for ids in dealt]
