"""What is done in the process of ``bounded``: each reads as the tasks do.

Input comes packed, and is unpacked there as a task would unpack it.
"""

from __future__ import annotations

import gzip
import io
from contextlib import closing
from typing import TYPE_CHECKING, Any

from psycopg.conninfo import conninfo_to_dict

from learning_warehouse import answers
from learning_warehouse.echo360 import hook
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.staging import assets_of
from learning_warehouse.edx.tar import Walk, pass_through, walk
from learning_warehouse.steps.loading import landed
from learning_warehouse.streams import BLOCK, unpacked
from learning_warehouse.vocareum.credentials import account, request_credentials
from learning_warehouse.warehouse import ledger
from learning_warehouse.warehouse.connection import open_warehouse
from tests.edx import loading
from tests.warehouse.roads import ENROLLMENT, load_all

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.staging_table import Reader


def opened(url: str) -> Connection:
    return open_warehouse(dict(conninfo_to_dict(url)), called="the test")


def unpack(packed: bytes, to_the_last: bool) -> int:
    """How many bytes a packed log holds."""
    stream = unpacked(io.BytesIO(packed), "a log", to_the_last=to_the_last)  # type: ignore[arg-type]
    return sum(map(len, iter(lambda: stream.read(BLOCK), b"")))


def names_in_tar(content: bytes) -> list[str]:
    """The logs of a plain tar, which comes gzipped."""
    content = gzip.decompress(content)
    seen = Walk("s3://course-data/a.tar", len(content))
    members = walk(seen, lambda start, size: content[start : start + size])
    return [one.name for one in members if one.is_told]


def names_in_packed_tar(packed: bytes) -> list[str]:
    """The logs of a gzipped tar."""
    seen = Walk("s3://course-data/a.tar.gz", len(packed))
    return [one.name for one in pass_through(seen, io.BytesIO(packed))]  # type: ignore[arg-type]


def load_log(url: str, packed: bytes) -> tuple[tuple[int, int, int, int], list[tuple[int, str]]]:
    """What became of a log's lines, and the first few rejects: bytes kept and reason."""
    with closing(opened(url)) as conn:
        merged = loading.load(conn, packed)
        return loading.counts(merged), _rejects(conn, merged.delivery_id)


def load_vocareum(url: str, uri: str) -> tuple[int, list[tuple[int, str]]]:
    """How many rows of an enrollment file that landed were merged, and its first rejects."""
    with closing(opened(url)) as conn:
        delivery = loading_delivery(conn, ENROLLMENT.table, uri, {})
        return _merged(conn, delivery, ENROLLMENT, landed(ENROLLMENT)([delivery]))


def load_echo360(url: str, *uris: str) -> tuple[int, list[tuple[int, str]]]:
    """The same of a report's assets."""
    report = REPORTS["videoview"]
    with closing(opened(url)) as conn:
        delivery = loading_delivery(conn, report.dataset.table, uris[0], {"assets": list(uris)})
        return _merged(conn, delivery, report.dataset, assets_of(report)([delivery]))


def loading_delivery(
    conn: Connection, table: str, uri: str, details: dict[str, Any]
) -> ledger.Delivery:
    from datetime import UTC, date, datetime

    return ledger.deliver(
        conn,
        dataset=table,
        origin="here",
        name="file",
        version=uri,
        made_at=datetime(2026, 1, 14, tzinfo=UTC),
        uri=uri,
        size=None,
        first_day=date(2026, 1, 5),
        end_day=date(2026, 1, 12),
        details=details,
    )


def _merged(
    conn: Connection, delivery: ledger.Delivery, dataset: Any, read: Reader
) -> tuple[int, list[tuple[int, str]]]:
    (merged,) = load_all(conn, [delivery], dataset, read)
    return merged.rows_merged, _rejects(conn, delivery.delivery_id)


def _rejects(conn: Connection, delivery_id: int) -> list[tuple[int, str]]:
    rows = conn.execute(
        "SELECT length(raw) AS size, reason FROM ops.rejected_row "
        "WHERE delivery_id = %s ORDER BY _row LIMIT 3",
        [delivery_id],
    )
    return [(row["size"], row["reason"]) for row in rows]


# --- APIs -----------------------------------------------------------------------------------------


def ask_vocareum() -> str:
    return request_credentials(account("vocareum")).expires_at


def ask_echo360(what: str) -> int:
    api = hook.Echo360Hook(attempts=2, longest_pause=0.01)
    if what == "submit":
        api.submit("videoview", {"start": "2026-01-05", "end": "2026-01-12"}, {})
        return 1
    return len(getattr(api, what)())


def ask_for_pages() -> int:
    """Ask for a listing that may have few pages."""
    hook.MOST_PAGES = 20
    return ask_echo360("requests")


def ask_who_drips(what: str) -> Any:
    """Ask with less patience for an answer that comes byte by byte."""
    answers.LONGEST = 1.0
    return ask_vocareum() if what == "vocareum" else ask_echo360(what)
