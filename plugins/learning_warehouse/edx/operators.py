"""The task that finds what is new in the bucket of tracking logs, and deals it out to the lanes.

Knows the names of tars and logs; what is new in them, ``search`` finds out.
"""

from __future__ import annotations

import re
from datetime import UTC, date
from math import ceil
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.conn_ids import EDX_CONN_ID, GPG_CONN_ID, LANDING_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.days import HEALED_DAYS
from learning_warehouse.edx.logs import EVENTS
from learning_warehouse.errors import Failures, PermanentFailure
from learning_warehouse.s3 import bucket_of, listed, s3_client, s3_hook, s3_sentences
from learning_warehouse.steps.links import LANDED, LEDGER, shown
from learning_warehouse.steps.loading import DaysOperator
from learning_warehouse.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.days import Days
    from learning_warehouse.edx.found import Found

# Any file that is not hidden. 2013-10-27-UniversityA-tracking.tar, .tar.gz … and
# UniversityA-edx-events-2014-05-09.log.gz … name their site; tracking.log-20140318.gz has a date.
LOGS_KEY = (
    r"(?:^|/)(?!\.)(?=(?:[^/]*?(?<!\d)(?P<date>\d{4}-\d\d-\d\d|\d{8})(?!\d))?)"
    r"(?:(?:\d{4}-\d\d-\d\d-)?(?P<site>[^/]+?)"
    r"-(?:tracking\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|tgz)"
    r"|[^/-]+-events-\d{4}-\d\d-\d\d\.log(?:\.(?:gz|bz2|xz|zst))?(?:\.gpg)?)|[^/]+)$"
)

WOULD_LOAD = "would_load"
"""The XCom of a dry run."""

FINDINGS = "findings"
"""The XCom of what a run's end has to say: sentences."""


def lane_names(lanes: int) -> list[str]:
    """The XCom keys of the lanes, which are the names of their task groups too."""
    return [f"lane_{number}" for number in range(1, lanes + 1)]


class EdxLogTarOperator(DaysOperator):
    """Finds the tracking logs that the warehouse does not have yet, among a run's days.

    A tar is cumulative: it holds again what the ones before it held. The headers of a plain one are
    walked by range reads; a compressed one is read once to its end, and what is new in it lands in
    the landing zone. A member is known by its server, name, size, mtime and a probe of its bytes;
    one that was loaded is left out, whatever tar it was loaded from. A tar that was gone through to
    its end is skipped until it changes. A log that is a single file in the bucket is known by its
    key, size and ETag, and stays where it is.

    XCom ``lane_1``, ``lane_2``, …: for each lane the ids of its deliveries, dealt out as
    neighbours, evenly by bytes; where all are empty, the task ends skipped, and Airflow skips the
    lanes without starting them. A damaged tar holds back neither the others nor its own members
    before the damage: the lanes are pushed, then the task fails and names it.

    With the Param ``dry_run`` nothing lands or is registered, and there are no lanes; the XCom
    ``would_load`` says of each tar, and of a site's single files, what would be loaded of it. The
    XCom ``findings`` has a sentence for each tar that holds no log; it is there if there is one.

    :param bucket_name: the bucket; by default that of the connection's ``service_config``.
    :param prefix: keys begin with it.
    :param pattern: a regular expression that finds tars and logs among the keys, with a group
        ``date`` (YYYY-MM-DD or YYYYMMDD) and, where the connection names no site, a group ``site``.
        Both may find nothing: the day is then that of the object's last change.
    :param lanes: how many lists the members are dealt out to.
    :param look_back: days before its own at whose tars and logs a run also looks, unless it is a
        backfill or its Params name days: a tar is written once a week.
    :param aws_conn_id: connection of the bucket. Its extra ``site`` names the edX site; without
        it, the group ``site`` of the key does, or else the bucket.
    :param landing_conn_id: connection of the landing zone; only needed for compressed tars.
    :param gpg_conn_id: connection with the key of encrypted logs; without it they are skipped.
    :param warehouse_conn_id: connection of the warehouse.
    """

    template_fields: Sequence[str] = (
        *DaysOperator.template_fields,
        "bucket_name",
        "prefix",
        "pattern",
    )
    operator_extra_links = shown(LANDED, LEDGER)
    looks_back_by_hand = True

    def __init__(
        self,
        *,
        bucket_name: str | None = None,
        prefix: str = "",
        pattern: str = LOGS_KEY,
        lanes: int = 2,
        look_back: int = HEALED_DAYS,
        aws_conn_id: str = EDX_CONN_ID,
        landing_conn_id: str = LANDING_CONN_ID,
        gpg_conn_id: str = GPG_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        # With multiple outputs, a lane of which nothing was said is None where it is read.
        super().__init__(look_back=look_back, multiple_outputs=True, **kwargs)
        self.bucket_name = bucket_name
        self.prefix = prefix
        self.pattern = pattern
        self.lanes = lanes
        self.aws_conn_id = aws_conn_id
        self.landing_conn_id = landing_conn_id
        self.gpg_conn_id = gpg_conn_id
        self.warehouse_conn_id = warehouse_conn_id
        self._landed: dict[str, str] = {}

    def execute(self, context: Context) -> None:
        """Find, register and deal out what the warehouse does not have."""
        from learning_warehouse.edx.gpg import key_of
        from learning_warehouse.edx.search import Search

        given = context["params"]
        found = self._find(self.days_of(context))
        failures = Failures()
        with connect(self.warehouse_conn_id) as conn:
            search = Search(
                conn,
                failures,
                reload=bool(given.get("reload")),
                dry_run=bool(given.get("dry_run")),
                readable=key_of(self.gpg_conn_id) is not None,
                aws_conn_id=self.aws_conn_id,
                landing_conn_id=self.landing_conn_id,
            )
            search.look_into(found)
        if search.finds.findings:
            context["ti"].xcom_push(key=FINDINGS, value=search.finds.findings)
        if given.get("dry_run"):
            self._tell(context, search.finds.looked, failures)
            return
        sizes = search.finds.sizes
        LEDGER.say_lines(self, context, list(sizes))
        LANDED.say(self, context, search.landed_at())
        self._landed = search.landed
        lanes = deal(sizes, self.lanes)
        for name, ids in zip(lane_names(self.lanes), lanes, strict=True):
            size = sum(sizes[delivery_id] for delivery_id in ids)
            self.log.info("%s: %d members, %.1f MB", name, len(ids), size / 1e6)
            context["ti"].xcom_push(key=name, value=ids)
        failures.raise_any()
        if not sizes:
            raise AirflowSkipException(f"Nothing new for {EVENTS.table}.")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: the compressed tars, and what landed of them."""
        from learning_warehouse.steps.lineage import lineage, objects

        return lineage(inputs=objects(self._landed.values()), outputs=objects(self._landed))

    def _tell(self, context: Context, looked: list[dict[str, Any]], failures: Failures) -> None:
        """Say what would be loaded."""
        import pandas as pd

        if looked:
            new, size = (sum(row[count] for row in looked) for count in ("new", "new_bytes"))
            table = pd.DataFrame(looked).to_string(index=False)
            self.log.info("A dry run: %d logs, %.1f MB, to load of\n%s", new, size / 1e6, table)
        else:
            self.log.info("A dry run: there are no tars or logs of these days")
        context["ti"].xcom_push(key=WOULD_LOAD, value=looked)
        failures.raise_any()

    def _find(self, days: Days) -> list[Found]:
        """What lies in the bucket of these days, and the pattern finds."""
        from learning_warehouse.edx.found import Found
        from learning_warehouse.edx.tar import UNPRINTABLE
        from learning_warehouse.edx.telling import by_name

        hook = s3_hook(self.aws_conn_id)
        bucket = self.bucket_name or bucket_of(hook)
        pattern = self._compiled_pattern()
        site = str(hook.conn_config.extra_config.get("site") or "")
        of_these_days = []
        of_other_sites = 0
        with s3_sentences(f"listing s3://{bucket}/{self.prefix}"):
            objects = list(listed(s3_client(self.aws_conn_id), bucket, self.prefix))
        for each in objects:
            found = pattern.search(each["Key"])
            if not found:
                continue
            if UNPRINTABLE.search(each["Key"]):
                self.log.warning(
                    "%a is skipped: such a name could forge lines of a log; rename it",
                    each["Key"],
                )
                continue
            groups = found.groupdict()
            if site and groups.get("site") not in (None, site):
                of_other_sites += 1
                continue
            try:
                day = date.fromisoformat(groups["date"])
            except (ValueError, TypeError):
                day = each["LastModified"].astimezone(UTC).date()
            if day in days:
                of_these_days.append(
                    Found(
                        bucket=bucket,
                        key=each["Key"],
                        site=site or groups.get("site") or bucket,
                        day=day,
                        etag=each["ETag"],
                        size=each["Size"],
                        last_modified=each["LastModified"],
                        kind=by_name(each["Key"].rpartition("/")[2]),
                    )
                )
        if of_other_sites:
            self.log.info(
                "%d tars and logs are skipped: they are not of the site %s, which the connection "
                "names", of_other_sites, site,
            )  # fmt: skip
        self.log.info("%d files of %s in s3://%s/%s", len(of_these_days), days, bucket, self.prefix)
        return of_these_days

    def _compiled_pattern(self) -> re.Pattern[str]:
        try:
            pattern = re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise PermanentFailure(
                f"The Param pattern is no regular expression ({error}): {self.pattern}"
            ) from None
        if "date" not in pattern.groupindex:
            raise PermanentFailure(
                "The Param pattern has no group (?P<date>...) that finds the date in a key: "
                f"{self.pattern}"
            )
        return pattern


def deal(sizes: dict[int, int], lanes: int) -> list[list[int]]:
    """Deal out deliveries to lanes as neighbours, in the order of their ids, evenly by bytes."""
    dealt: list[list[int]] = [[] for _ in range(lanes)]
    total = sum(sizes.values()) or 1
    before = 0
    for delivery_id in sorted(sizes):
        middle = before + sizes[delivery_id] / 2
        dealt[max(ceil(middle * lanes / total) - 1, 0)].append(delivery_id)
        before += sizes[delivery_id]
    return dealt
