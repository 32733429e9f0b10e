"""The tasks that fetch: credentials from the API, and new versions of files from the bucket.

Knows tasks, the ledger and the landing zone; what a row means, the tables know.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse import delivery_notes
from learning_warehouse.conn_ids import LANDING_CONN_ID, VOCAREUM_CONN_ID, WAREHOUSE_CONN_ID
from learning_warehouse.days import HEALED_DAYS, days_of
from learning_warehouse.errors import Failures
from learning_warehouse.landing import LandingZone
from learning_warehouse.steps.links import LANDED, LEDGER, shown
from learning_warehouse.steps.loading import DaysOperator, hand_on
from learning_warehouse.vocareum.bucket import VocareumBucket
from learning_warehouse.vocareum.credentials import Credentials, account, request_credentials
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.days import Days
    from learning_warehouse.vocareum.credentials import Account
    from learning_warehouse.vocareum.files import Files
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.ledger import Delivery

MOST_FILES, MOST_BYTES = 100, 64 * 1024 * 1024
"""How many files, or bytes, are copied before their lines are entered into the ledger."""

SECOND = "%Y%m%dT%H%M%SZ"


class VocareumCredentialsOperator(BaseOperator):
    """Takes credentials for the analytics bucket, good for one hour.

    XCom: the credentials, sealed with Airflow's Fernet key. Without such a key the task refuses.

    :param vocareum_conn_id: connection of the org.
    """

    def __init__(self, *, vocareum_conn_id: str = VOCAREUM_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocareum_conn_id = vocareum_conn_id

    def execute(self, context: Context) -> str:
        """Ask the API, and seal what it gives."""
        org = account(self.vocareum_conn_id)
        credentials = request_credentials(org)
        self.log.info("Credentials for the bucket, valid until %s", credentials.expires_at)
        return credentials.seal(org.origin)


class LandVocareumFilesOperator(DaysOperator):
    """Copies the files of a dataset that are new or changed to the landing zone.

    A file whose ETag is that of its last version in the ledger is not read again; one that has come
    back to an earlier content is a version of its own. A scheduled run also loads the files of days
    that earlier ones missed, since the first that one has loaded. XCom: the ids of the deliveries
    to load, which are those that were not merged yet; with the Param ``reload`` the newest of each
    file that the run is for, whether Vocareum still has it or not. Where there are none, the task
    ends skipped, and Airflow skips ``load`` without starting it.

    :param files: which files.
    :param credentials: what VocareumCredentialsOperator gave.
    """

    template_fields: Sequence[str] = (*DaysOperator.template_fields, "credentials")
    operator_extra_links = shown(LANDED, LEDGER)

    def __init__(
        self,
        *,
        files: Files,
        credentials: XComArg | str,
        vocareum_conn_id: str = VOCAREUM_CONN_ID,
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(look_back=files.look_back, **kwargs)
        self.files = files
        self.credentials = credentials
        self.vocareum_conn_id = vocareum_conn_id
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id
        self._landed: dict[str, str] = {}

    def execute(self, context: Context) -> list[int]:
        """Land each new version."""
        given = context["params"]
        name = self.files.dataset.name
        if name not in given.get("datasets", [name]):
            raise AirflowSkipException(f"The Params of this run leave out {name}.")
        days = self.days_of(context)
        reach = days_of(context, look_back=HEALED_DAYS)
        org = account(self.vocareum_conn_id)
        bucket = VocareumBucket(org, Credentials.unseal(str(self.credentials), org.origin))
        zone = LandingZone(self.landing_conn_id)
        root = f"{org.origin}/"

        def wanted(key: str, days: Days = days) -> bool:
            return self.files.wanted(key.removeprefix(root), days, given.get("courses") or ())

        failures = Failures()
        with connect(self.warehouse_conn_id) as conn:
            listed = self._newest(
                f for f in bucket.files(root + self.files.prefix) if wanted(f["Key"], reach)
            )
            known = self._known(conn, org, listed)
            last = ledger.latest(known.values())
            undone = self._undone(conn, org, listed, last)
            listed = [f for f in listed if wanted(f["Key"]) or f["Name"] in undone]
            versions = {file["Name"]: _version(file, known, last) for file in listed}
            new = [file for file in listed if (file["Name"], versions[file["Name"]]) not in known]
            self.log.info("%s for %s: %d files, %d new", name, days, len(listed), len(new))
            due: list[Delivery] = []
            for some in _in_batches(new):
                lines = []
                for file in some:
                    with failures.apart(file["Key"]):
                        lines.append(self._land(org, bucket, zone, file, versions[file["Name"]]))
                with failures.apart(f"the ledger's lines of {len(lines)} files"):
                    due += ledger.deliver_all(conn, lines)
            due += _not_merged(versions, known)
            if given.get("reload"):
                as_of = self._as_of(given, days)
                newest = ledger.newest(
                    conn, dataset=self.files.dataset.table, origin=org.origin, made_before=as_of
                )
                due = [delivery for delivery in newest if wanted(delivery.name)]
                self.log.info("Loading %d files again, as of %s", len(due), as_of or "now")
        ids = [delivery.delivery_id for delivery in due]
        LEDGER.say_lines(self, context, ids)
        LANDED.say(self, context, zone.address([delivery.uri for delivery in due]))
        hand_on(context, ids, failures)
        if not ids:
            raise AirflowSkipException(f"Nothing new for {self.files.dataset.table}.")
        return ids

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: Vocareum's files, and their copies."""
        from learning_warehouse.steps.lineage import lineage, objects

        return lineage(inputs=objects(self._landed), outputs=objects(self._landed.values()))

    def _as_of(self, given: dict[str, Any], days: Days) -> datetime | None:
        """Before which a version must have been made to be loaded again; None for the newest.

        Files of the present state have earlier versions, which a run for given days loads; the file
        of a day or a month has later and better versions only.
        """
        if self.files.dated or not given.get("last_day"):
            return None
        return datetime.combine(days.end_day, time(), UTC)

    def _newest(self, listed: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The files with their names in the ledger; of those with one name the newest."""
        files: dict[str, dict[str, Any]] = {}
        for file in sorted(listed, key=lambda file: file["LastModified"]):
            name = self.files.name_of(file["Key"])
            files[name] = {**file, "Name": name}
        return list(files.values())

    def _known(
        self, conn: Connection, org: Account, listed: list[dict[str, Any]]
    ) -> dict[tuple[str, str], Delivery]:
        """What the ledger knows of the files that are listed, as far as it matters."""
        return ledger.of_listed(
            conn,
            dataset=self.files.dataset.table,
            origin=org.origin,
            listed={file["Name"]: _etag(file) for file in listed},
        )

    def _undone(
        self,
        conn: Connection,
        org: Account,
        listed: list[dict[str, Any]],
        last: dict[str, Delivery],
    ) -> set[str]:
        """The files of days that earlier runs missed, since the first that one has loaded."""
        begun = ledger.first_day(conn, dataset=self.files.dataset.table, origin=org.origin)
        undone = set()
        for name in (file["Name"] for file in listed):
            covered = self.files.covers(name.removeprefix(f"{org.origin}/"))
            is_done = name in last and last[name].status != "landed"
            if begun and covered and covered.first_day >= begun and not is_done:
                undone.add(name)
        return undone

    def _land(
        self,
        org: Account,
        bucket: VocareumBucket,
        zone: LandingZone,
        file: dict[str, Any],
        version: str,
    ) -> dict[str, Any]:
        """Copy one version of a file, unchanged, with its note.

        :returns: its line, which is not in the ledger yet.
        """
        key, modified = file["Key"], file["LastModified"]
        self.log.info("Landing %s/%s", bucket.url, key)
        uri, size = zone.put_stream(
            f"vocareum/{self.files.dataset.name}/{key}/{modified:{SECOND}}-{_etag(file)}",
            bucket.open(file),
            size=file["Size"],
        )
        self._landed[f"{bucket.url}/{key}"] = uri
        covered = self.files.covers(key.removeprefix(f"{org.origin}/"))
        line = {
            "dataset": self.files.dataset.table,
            "origin": org.origin,
            "name": file["Name"],
            "version": version,
            "made_at": modified,
            "first_day": covered.first_day if covered else None,
            "end_day": covered.end_day if covered else None,
            "uri": uri,
            "size": size,
            "details": {},
        }
        delivery_notes.write(zone, line)
        return line


def _in_batches(files: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Listed files, so many or so large that a kill may cost what was copied of them."""
    batch: list[dict[str, Any]] = []
    for file in files:
        batch.append(file)
        if len(batch) == MOST_FILES or sum(one["Size"] for one in batch) > MOST_BYTES:
            yield batch
            batch = []
    if batch:
        yield batch


def _etag(file: dict[str, Any]) -> str:
    return str(file["ETag"]).strip('"')


def _version(
    file: dict[str, Any], known: dict[tuple[str, str], Delivery], last: dict[str, Delivery]
) -> str:
    """A listed file's ETag; where another version came between, with the time of its return."""
    name, modified, etag = file["Name"], file["LastModified"], _etag(file)
    before = last.get(name)
    if before and before.version.partition(".")[0] == etag:
        return before.version
    if before and (name, etag) in known and modified > before.made_at:
        return f"{etag}.{modified:{SECOND}}"
    return etag


def _not_merged(versions: dict[str, str], known: dict[tuple[str, str], Delivery]) -> list[Delivery]:
    """The versions of these files that have to be merged still, the newest first.

    One that Vocareum has replaced since it landed is loaded too, unless it was held or a later one
    is merged.
    """
    outdated = ledger.outdated(known.values())
    lines = [
        line
        for line in known.values()
        if line.name in versions
        and line.status in ("landed", "held")
        and (
            line.version == versions[line.name]
            or (line.status == "landed" and line.delivery_id not in outdated)
        )
    ]
    return sorted(lines, key=lambda line: line.made_at, reverse=True)
