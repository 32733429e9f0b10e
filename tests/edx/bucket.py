"""A bucket of tracking logs, and short ways to fill it and to load what is in it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import secrets
import tarfile
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from learning_warehouse.conn_ids import EDX_CONN_ID
from learning_warehouse.edx import events
from learning_warehouse.edx.logs import EVENTS, logs_of
from learning_warehouse.edx.operators import EdxLogTarOperator
from learning_warehouse.steps.loading import LoadOperator
from learning_warehouse.warehouse import ledger
from tests.conftest import context, run_load
from tests.edx.loading import column, line, replayed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from learning_warehouse.warehouse.connection import Connection


class Bucket:
    """A bucket of the test's own."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.name = f"course-data-{secrets.token_hex(6)}"
        client.create_bucket(
            Bucket=self.name,
            CreateBucketConfiguration={"LocationConstraint": "us-west-2"},
        )

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def etag(self, key: str) -> str:
        """As S3 gives it, in quotes."""
        etag: str = self.client.head_object(Bucket=self.name, Key=key)["ETag"]
        return etag

    def unpack(self, **params: Any) -> list[int]:
        """Run the task; what it dealt out, lane by lane."""
        return together(self.lanes(**params))

    def lanes(self, **params: Any) -> dict[str, list[int]]:
        given = context(**{"earliest": True, **params})
        try:
            with suppress(AirflowSkipException):  # Nothing is new.
                self.operator().execute(given)
        finally:
            self.findings: list[str] = given["ti"].pushed.pop("findings", [])
            self.pushed: dict[str, list[int]] = given["ti"].pushed
        return self.pushed

    def operator(self, **options: Any) -> EdxLogTarOperator:
        return EdxLogTarOperator(task_id="unpack", bucket_name=self.name, **options)


def together(lanes: dict[str, list[int]]) -> list[int]:
    return [delivery_id for lane in lanes.values() for delivery_id in lane]


def zst(content: bytes) -> bytes:
    """With a checksum, as the program zstd writes it."""
    from backports import zstd

    return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})


def gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


ROAD: Any = {
    "task_id": "load",
    "dataset": EVENTS,
    "reader": logs_of(EDX_CONN_ID),
    "reader_params": ("skip_heartbeat",),
}
"""How the lanes load."""

MIXED = b"\n".join(
    [
        line(1),
        line(2, event_source="server", event_type="/heartbeat"),
        line(3, time="2100-01-01T00:00:00+00:00"),
    ]
)
"""An event, a heartbeat, and an event whose time is ahead."""

PACKERS = {"": bytes, ".gz": gz, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zst}
"""By the end of a file's name, how its content is packed."""


def tar(members: Mapping[str, bytes], end: str = "") -> bytes:
    """A tar of these members, packed as the end of its name says."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as writer:
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            writer.addfile(info, io.BytesIO(body))
    return PACKERS[end](content.getvalue())


def log(*numbers: int) -> bytes:
    return gz(b"\n".join(map(line, numbers)))


def names(conn: Connection, ids: list[int]) -> set[str]:
    return {ledger.find(conn, delivery_id).name for delivery_id in ids}


def load_logs(ids: list[int], **params: Any) -> list[dict[str, Any]]:
    """Load deliveries as the lanes do."""
    return run_load(LoadOperator(deliveries=ids, **ROAD), **params)


def skip_and_replay(conn: Connection, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load the ``MIXED`` lines that the bucket holds, first without those that can be left out."""
    (delivery_id,) = bucket.unpack()
    (told,) = load_logs([delivery_id], skip_heartbeat=True)
    assert (told["rows_merged"], told["rows_filtered"], told["rows_rejected"]) == (1, 1, 1)
    monkeypatch.setattr(events, "AHEAD", timedelta(days=365 * 100))
    again = replayed(conn, delivery_id)
    assert (again.rows_merged, again.rows_rejected) == (1, 0)
    assert column(conn, "session") == ["1", "3"]
