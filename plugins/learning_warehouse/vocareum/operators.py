"""The tasks that fetch: credentials from the API, and new versions of files from the bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from learning_warehouse.errors import Failures
from learning_warehouse.landing import LANDING_CONN_ID, LandingZone, s3_sentences
from learning_warehouse.operators import hand_on
from learning_warehouse.vocareum.credentials import (
    VOCAREUM_CONN_ID,
    Credentials,
    account,
    bucket_client,
    request_credentials,
)
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.connection import WAREHOUSE_CONN_ID, connect
from learning_warehouse.window import days_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from learning_warehouse.vocareum.credentials import Account
    from learning_warehouse.vocareum.files import Files
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.window import Days

LOOK_BACK = 7


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
        credentials = request_credentials(account(self.vocareum_conn_id))
        self.log.info("Credentials for the bucket, good until %s", credentials.expires_at)
        return credentials.seal()


class LandVocareumFilesOperator(BaseOperator):
    """Copies the files of a dataset that are new or changed to the landing zone.

    A file whose ETag the ledger has merged is left alone. XCom: the ids of the deliveries.

    :param files: which files.
    :param credentials: what VocareumCredentialsOperator gave.
    :param look_back: days before the interval of a scheduled run whose files it also looks at, for
        the vendor rewrites them.
    """

    template_fields: Sequence[str] = ("credentials",)

    def __init__(
        self,
        *,
        files: Files,
        credentials: XComArg | str,
        look_back: int = LOOK_BACK,
        vocareum_conn_id: str = VOCAREUM_CONN_ID,
        landing_conn_id: str = LANDING_CONN_ID,
        warehouse_conn_id: str = WAREHOUSE_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.files = files
        self.credentials = credentials
        self.look_back = look_back
        self.vocareum_conn_id = vocareum_conn_id
        self.landing_conn_id = landing_conn_id
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context: Context) -> list[int]:
        """Land each new version, one by one."""
        given = context["params"]
        name = self.files.dataset.name
        if name not in given.get("datasets", [name]):
            raise AirflowSkipException(f"The run was not asked for {name}.")
        days = days_of(context, look_back=self.look_back)
        org = account(self.vocareum_conn_id)
        source = bucket_client(org, Credentials.unseal(str(self.credentials)))
        zone = LandingZone(self.landing_conn_id)
        deliveries: list[int] = []
        failures = Failures()
        with connect(self.warehouse_conn_id) as conn:
            listed = list(self._listed(source, org, days))
            due = self._due(conn, org, listed, reload=bool(given.get("reload")))
            self.log.info("%s for %s: %d files, %d new", name, days, len(listed), len(due))
            for file in due:
                with failures.apart(file["Key"]):
                    deliveries.append(self._land(conn, org, source, zone, file))
        return hand_on(context, deliveries, failures)

    def _listed(self, source: Any, org: Account, days: Days) -> Iterator[dict[str, Any]]:
        """The files that the run is for, as S3 lists them."""
        root = f"{org.origin}/"
        prefix = root + self.files.prefix
        with s3_sentences(f"listing s3://{org.bucket}/{prefix}"):
            pages = source.get_paginator("list_objects_v2").paginate(
                Bucket=org.bucket, Prefix=prefix
            )
            for page in pages:
                for file in page.get("Contents", ()):
                    if self.files.wanted(file["Key"].removeprefix(root), days):
                        yield file

    def _due(
        self, conn: Connection, org: Account, listed: list[dict[str, Any]], *, reload: bool
    ) -> list[dict[str, Any]]:
        """Those of which the ledger has not merged this version."""
        known = ledger.versions(
            conn,
            dataset=self.files.dataset.table,
            origin=org.origin,
            names=[file["Key"] for file in listed],
        )
        merged = {version for version, delivery in known.items() if delivery.status == "merged"}
        return [f for f in listed if reload or (f["Key"], _version(f)) not in merged]

    def _land(
        self, conn: Connection, org: Account, source: Any, zone: LandingZone, file: dict[str, Any]
    ) -> int:
        """Copy one version of a file, unchanged, and enter it into the ledger."""
        key, modified = file["Key"], file["LastModified"]
        self.log.info("Landing s3://%s/%s", org.bucket, key)
        with s3_sentences(f"reading s3://{org.bucket}/{key}"):
            body = source.get_object(Bucket=org.bucket, Key=key, IfMatch=file["ETag"])["Body"]
        version = f"{modified:%Y%m%dT%H%M%SZ}-{_version(file)}"
        uri, size = zone.put_stream(f"vocareum/{key}/{version}", body, size=file["Size"])
        return ledger.deliver(
            conn,
            dataset=self.files.dataset.table,
            origin=org.origin,
            name=key,
            version=_version(file),
            made_at=modified,
            uri=uri,
            size=size,
        ).delivery_id


def _version(file: dict[str, Any]) -> str:
    return str(file["ETag"]).strip('"')
