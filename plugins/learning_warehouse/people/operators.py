"""The tasks that take up the institution's lists, and find out which accounts are one person.

Knows tasks, the landing zone and the ledger; who is who, the statements of ``include/sql/people``
know.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse import delivery_notes
from learning_warehouse.activity.refreshing import mark_all
from learning_warehouse.conn_ids import LANDING_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.errors import Failures
from learning_warehouse.landing import LandingZone
from learning_warehouse.people.accounts import enter_accounts, match
from learning_warehouse.people.lists import ORIGIN
from learning_warehouse.steps.links import LEDGER, shown
from learning_warehouse.steps.loading import DaysOperator, hand_on
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.connection import connect

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from learning_warehouse.people.lists import Lists
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

SECOND = "%Y%m%dT%H%M%SZ"


class LandListsOperator(DaysOperator):
    """Enters the institution's lists into the ledger, those that are new or changed.

    The institution may overwrite a list, so each version is copied to a key of its own. XCom: the
    ids of the deliveries to load; with the Param ``reload`` the newest version of each list, or
    that of the end of ``last_day``. Reads the Param ``datasets`` too.

    :param lists: which lists.
    """

    operator_extra_links = shown(LEDGER)

    def __init__(
        self,
        *,
        lists: Lists,
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lists = lists
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[int]:
        """Land each new version, one by one."""
        given = context["params"]
        dataset = self.lists.dataset
        if dataset.name not in given.get("datasets", [dataset.name]):
            raise AirflowSkipException(f"The run was not asked for {dataset.name}.")
        zone = LandingZone(self.landing_conn_id)
        files = [file for file in zone.objects(self.lists.folder) if file["Size"]]
        failures = Failures()
        with connect(self.warehouse_conn_id) as conn:
            known = ledger.versions(
                conn, dataset=dataset.table, origin=ORIGIN, names=[file["Key"] for file in files]
            )
            due: list[Delivery] = []
            for file in files:
                with failures.apart(file["Key"]):
                    line = known.get((file["Key"], _version(file)))
                    due.append(line or self._land(conn, zone, file))
            due = [line for line in due if line.status in ("landed", "held")]
            if given.get("reload"):
                end = given.get("last_day") and self.days_of(context).end_day
                due = ledger.newest(
                    conn,
                    dataset=dataset.table,
                    origin=ORIGIN,
                    made_before=datetime.combine(end, time(), UTC) if end else None,
                )
        self.log.info("%s: %d files, %d to load", dataset.name, len(files), len(due))
        ids = [line.delivery_id for line in due]
        LEDGER.say_lines(self, context, ids)
        return hand_on(context, ids, failures)

    def _land(self, conn: Connection, zone: LandingZone, file: dict[str, Any]) -> Delivery:
        """Keep one version of a list, unchanged, and enter it into the ledger."""
        from learning_warehouse.s3 import open_uri

        key, version = file["Key"], _version(file)
        name = self.lists.dataset.name
        uri, size = zone.put_stream(
            f"people/{name}/{key}/{version}",
            open_uri(zone.url + key, conn_id=self.landing_conn_id, etag=file["ETag"]),
            size=file["Size"],
        )
        with conn.transaction():
            delivery = ledger.deliver(
                conn,
                dataset=self.lists.dataset.table,
                origin=ORIGIN,
                name=key,
                version=version,
                made_at=file["LastModified"],
                uri=uri,
                size=size,
            )
            delivery_notes.write(zone, vars(delivery))
        return delivery


def _version(file: dict[str, Any]) -> str:
    """When a file was put there, and its ETag: an earlier content that comes back is a new one."""
    etag = str(file["ETag"]).strip('"')
    return f"{file['LastModified']:{SECOND}}-{etag}"


class MatchPeopleOperator(BaseOperator):
    """Enters the accounts of changed days, then finds out which accounts are one person.

    With the Param ``rebuild`` all days count as changed.

    XCom: how many accounts there are, how many people, and what matched them.
    """

    def __init__(self, *, warehouse_conn_id: str = WAREHOUSE_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Enter and match."""
        with connect(self.warehouse_conn_id) as conn:
            if context["params"].get("rebuild"):
                mark_all(conn)
            days = enter_accounts(conn)
            counts = match(conn)
        self.log.info(
            "Of %d changed days the accounts were looked at. %d accounts are %d people: %d matched "
            "by the roster, %d by e-mail address.", days, counts["accounts"], counts["people"],
            counts["by_roster"], counts["by_email"],
        )  # fmt: skip
        if counts["conflicts"]:
            self.log.warning(
                "%d matches are ambiguous and were not made: look at people.conflict, and mend "
                "the roster.", counts["conflicts"],
            )  # fmt: skip
        return counts
