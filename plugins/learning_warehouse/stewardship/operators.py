"""The tasks of an erasure. No name goes through XCom, a log or a Param.

Knows tasks; what is done, the modules beside this one know.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse.conn_ids import LANDING_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.errors import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.landing import LandingZone
    from learning_warehouse.stewardship.requests import Request
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.tombstones import Identity, Key

INVENTORIES = "erasure/inventories/"
REPORTS = "erasure/reports/"
FOR_OWNER = "erasure/reports/edx_logs.csv"

DAYS = 30
"""Within which a request has to be done, unless the run says otherwise. Source: one month, Article
12 (3) of the GDPR."""
NOTICE = 7
"""Days before that, from which on it is told."""


class _StewardOperator(BaseOperator):
    """A task that has the warehouse, the landing zone and the key."""

    def __init__(
        self,
        *,
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id


class RecordErasuresOperator(_StewardOperator):
    """Finds out who the requests are about; with ``dry_run`` lists what there is, else records the
    erasures: from then on nothing of these people is loaded.

    XCom: the ids of the open erasures. Reads the Params ``people``, ``dry_run`` and ``days``.
    """

    def execute(self, context: Context) -> list[str]:
        """List, or record."""
        from learning_warehouse.landing import LandingZone
        from learning_warehouse.stewardship import notes, requests
        from learning_warehouse.stewardship.resolving import identities
        from learning_warehouse.warehouse.connection import connect
        from learning_warehouse.warehouse.sql import statement
        from learning_warehouse.warehouse.tombstones import key_of

        given = context["params"]
        key = key_of()
        zone = LandingZone(self.landing_conn_id)
        keys = [file["Key"] for file in requests.objects(zone)]
        asked = [request for name in keys for request in requests.read(zone, name)]
        asked += [requests.Request(people=frozenset([one])) for one in given["people"] or ()]
        with connect(self.warehouse_conn_id) as conn:
            if known := notes.read_into_warehouse(conn, zone):
                self.log.info("%d erasures of the landing zone were new to the warehouse.", known)
            found = {_id_of(key, one): identities(conn, one) for one in asked}
            rows = conn.execute(statement("stewardship/erasure", "known"))
            if {n for n, whom in found.items() if not whom} - {row["erasure_id"] for row in rows}:
                raise PermanentFailure(
                    "An id in the Param people is in no row of people.link: look it up there, or "
                    "in people.merged if it has become another, and trigger the DAG again."
                )
            if given["dry_run"]:
                self._list(conn, zone, found)
                raise AirflowSkipException("A dry run erases nobody.")
            due_at = datetime.now(UTC) + timedelta(days=given["days"])
            for erasure_id, of_person in found.items():
                self._record(conn, zone, key, erasure_id, of_person, due_at)
            for name in keys:
                zone.remove_for_good(name)
            open_ones = [
                row["erasure_id"] for row in conn.execute(statement("stewardship/erasure", "open"))
            ]
        self.log.info("%d erasures are recorded, %d are open.", len(found), len(open_ones))
        return open_ones

    def _list(self, conn: Connection, zone: LandingZone, found: dict[str, set[Identity]]) -> None:
        """Write what there is of each person, a file for each table."""
        from learning_warehouse.stewardship.tables import listed, tables
        from learning_warehouse.streams import as_file

        for erasure_id, of_person in found.items():
            counts: dict[str, int] = {}
            for table in tables(conn):
                there = listed(conn, partial(_known, dict.fromkeys(of_person, erasure_id)), table)
                if there is not None:
                    counts[table], lines = there
                    key = f"{INVENTORIES}{erasure_id}/{table}.jsonl"
                    zone.put_stream(key, as_file(lines))
            self.log.info(
                "%s: %s. The rows are in %s%s%s/", erasure_id,
                ", ".join(f"{n} of {table}" for table, n in counts.items()) or "no rows",
                zone.url, INVENTORIES, erasure_id,
            )  # fmt: skip

    def _record(
        self, conn: Connection, zone: LandingZone, key: Key, erasure_id: str,
        of_person: set[Identity], due_at: datetime,
    ) -> None:  # fmt: skip
        """Into the landing zone first: a warehouse never knows more than that."""
        from learning_warehouse.stewardship import notes
        from learning_warehouse.warehouse.locks import lock_dataset
        from learning_warehouse.warehouse.sql import statement
        from learning_warehouse.warehouse.tombstones import LOCK, erased, is_anybody_erased

        hashes = {key.check, *(key.digest(*one) for one in of_person)}
        with conn.transaction():
            if is_anybody_erased(conn):
                erased(conn, key, of_person)  # Refuses another key.
        now = datetime.now(UTC)
        notes.write(zone, erasure_id, now, due_at, hashes)
        with conn.transaction():
            lock_dataset(conn, LOCK)
            values = {"erasure_id": erasure_id, "requested_at": now, "due_at": due_at}
            conn.execute(statement("stewardship/erasure", "enter"), values)
            notes.bury(conn, erasure_id, hashes)
        zone.remove_for_good(f"{INVENTORIES}{erasure_id}/")


class EraseTablesOperator(_StewardOperator):
    """Removes erased people from all tables, or empties what mentions them.

    XCom: how many rows, by table. Reads the Param ``vacuum``.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Remove."""
        from learning_warehouse.stewardship.tables import erase, settle
        from learning_warehouse.warehouse.connection import connect
        from learning_warehouse.warehouse.tombstones import erased, is_anybody_erased, key_of

        with connect(self.warehouse_conn_id) as conn:
            with conn.transaction():
                if not is_anybody_erased(conn):
                    raise AirflowSkipException("Nobody was ever erased.")
            removed = erase(conn, partial(erased, conn, key_of()))
            if context["params"]["vacuum"]:
                settle(conn)
        for table, rows in removed.items():
            self.log.info("%s: %d rows", table, rows)
        return dict(removed)


class EraseLandedOperator(_StewardOperator):
    """Takes erased people out of the landing zone, and lists the logs of edX's own bucket that they
    are in, for its owner.

    XCom: how many records, by table.
    """

    def execute(self, context: Context) -> dict[str, int]:
        """Write again what names them."""
        import csv
        import io

        from learning_warehouse.landing import LandingZone
        from learning_warehouse.stewardship import landed
        from learning_warehouse.stewardship.tables import tables
        from learning_warehouse.warehouse.connection import connect
        from learning_warehouse.warehouse.sql import statement
        from learning_warehouse.warehouse.tombstones import erased, is_anybody_erased, key_of

        zone = LandingZone(self.landing_conn_id)
        with connect(self.warehouse_conn_id) as conn:
            with conn.transaction():
                if not is_anybody_erased(conn):
                    raise AirflowSkipException("Nobody was ever erased.")
            removed = landed.erase(conn, zone, partial(erased, conn, key_of()), tables(conn))
            rows = conn.execute(
                statement("stewardship/landed", "elsewhere"), {"place": zone.url}
            ).fetchall()
        if rows:
            text = io.StringIO()
            csv.writer(text).writerows([("uri", "name"), *(row.values() for row in rows)])
            zone.put(FOR_OWNER, text.getvalue().encode())
            self.log.warning(
                "%d logs of edX's own bucket have lines of erased people: ask its owner to remove "
                "them; they are in %s%s.", len(rows), zone.url, FOR_OWNER,
            )  # fmt: skip
        for table, records in removed.items():
            self.log.info("%s: %d records in the landing zone", table, records)
        return dict(removed)


class FinishErasuresOperator(_StewardOperator):
    """Closes erasures, and writes a report on each, without a name.

    :param erasures: their ids.
    """

    template_fields: Sequence[str] = ("erasures",)

    def __init__(self, *, erasures: XComArg | list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.erasures: Any = erasures

    def execute(self, context: Context) -> None:
        """Close and report."""
        import json

        from learning_warehouse.landing import LandingZone
        from learning_warehouse.warehouse.connection import connect
        from learning_warehouse.warehouse.sql import statement

        zone = LandingZone(self.landing_conn_id)
        with connect(self.warehouse_conn_id) as conn:
            closed = conn.execute(
                statement("stewardship/erasure", "close"), {"erasures": self.erasures}
            )
            for line in closed.fetchall():
                said = json.dumps(line, indent=1, default=lambda time: time.isoformat())
                zone.put(f"{REPORTS}{line['erasure_id']}.json", said.encode())
                self.log.info("%s is done: %s", line["erasure_id"], line["counts"] or "no rows")


class WatchErasuresOperator(_StewardOperator):
    """Fails while an erasure or a request is late, or will be within a week."""

    def execute(self, context: Context) -> None:
        """Look at the warehouse and at the landing zone."""
        from learning_warehouse.landing import LandingZone
        from learning_warehouse.stewardship import notes, requests
        from learning_warehouse.warehouse.connection import connect
        from learning_warehouse.warehouse.sql import statement

        zone = LandingZone(self.landing_conn_id)
        with connect(self.warehouse_conn_id) as conn:
            notes.read_into_warehouse(conn, zone)
            late = conn.execute(
                statement("stewardship/erasure", "late"), {"days": NOTICE}
            ).fetchone()
        if late and late["erasures"]:
            raise PermanentFailure(
                f"{late['erasures']} erasures are not done, the first is due on "
                f"{late['due_at']:%Y-%m-%d}: trigger warehouse_erasure without dry_run, which "
                "finishes them."
            )
        oldest = min((file["LastModified"] for file in requests.objects(zone)), default=None)
        if oldest and oldest < datetime.now(UTC) - timedelta(days=DAYS - NOTICE):
            raise PermanentFailure(
                f"A request has been in {requests.FOLDER} of the landing zone since "
                f"{oldest:%Y-%m-%d}: trigger warehouse_erasure without dry_run."
            )


def _id_of(key: Key, request: Request) -> str:
    return str(UUID(bytes=key.digest("request", *request.parts)[:16]))


def _known(known: dict[Identity, str], asked: Any) -> dict[Identity, str]:
    return {one: known[one] for one in asked if one in known}
