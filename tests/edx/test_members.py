"""Members of a tar that are neighbours come by one request, and each has its own bytes."""

from __future__ import annotations

import io
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse import s3
from learning_warehouse.conn_ids import EDX_CONN_ID
from learning_warehouse.edx import members
from learning_warehouse.edx.members import TarMembers
from learning_warehouse.warehouse.ledger import Delivery
from tests.edx.bucket import Bucket, tar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from include.sandbox.server import Sandbox

pytestmark = pytest.mark.usefixtures("connections")
KEY = "2026-01-05-UniversityA-tracking.tar"


@pytest.fixture
def bucket(sandbox: Sandbox) -> Bucket:
    return Bucket(sandbox.client())


@pytest.fixture
def requests(connections: dict[str, Any]) -> Iterator[list[str]]:
    """The ranges that are requested from S3."""
    s3._client.cache_clear()
    asked: list[str] = []

    def note(request: Any, **_: Any) -> None:
        asked.append(request.headers["Range"].decode())

    events = s3._client(EDX_CONN_ID).meta.events
    events.register("before-send.s3.GetObject", note)
    yield asked
    events.unregister("before-send.s3.GetObject", note)


def delivered(bucket: Bucket, bodies: dict[str, bytes], key: str = KEY) -> list[Delivery]:
    """The members of a tar in the bucket, as the ledger has them."""
    content = tar(bodies)
    bucket.put(key, content)
    with tarfile.open(fileobj=io.BytesIO(content)) as reader:
        places = {info.name: (info.offset_data, info.size) for info in reader}
    return [
        Delivery(
            delivery_id=hash((key, name)),
            dataset="edx.event",
            origin="UniversityA",
            name=name,
            version="1",
            made_at=datetime(2026, 1, 5, tzinfo=UTC),
            first_day=None,
            end_day=None,
            uri=f"s3://{bucket.name}/{key}",
            size=size,
            details={"offset": offset},
            status="landed",
            problem=None,
            removed_at=None,
        )
        for name, (offset, size) in places.items()
    ]


def read_all(deliveries: list[Delivery]) -> dict[str, bytes]:
    """The bytes of each, by name."""
    opened = TarMembers(deliveries, EDX_CONN_ID)
    found = {}
    for delivery in deliveries:
        with opened.open(delivery) as stored:
            found[delivery.name] = stored.read()
    return found


def test_small_neighbours_come_by_one_request(bucket: Bucket, requests: list[str]) -> None:
    bodies = {f"server/log-{n}": f"line {n}\n".encode() * n for n in range(50)}
    assert read_all(delivered(bucket, bodies)) == bodies
    assert len(requests) == 1


def test_what_was_loaded_before_is_left_out(bucket: Bucket, requests: list[str]) -> None:
    bodies = {f"server/log-{n}": f"line {n}\n".encode() for n in range(9)}
    new = delivered(bucket, bodies)[::3]
    assert read_all(new) == {one.name: bodies[one.name] for one in new}
    assert len(requests) == 1


def test_a_large_member_is_streamed(
    bucket: Bucket, requests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "LONGEST_SPAN", 4096)
    bodies = {"a": b"a", "b": b"b", "large": b"l" * 10_000, "c": b"c", "d": b"d"}
    assert read_all(delivered(bucket, bodies)) == bodies
    assert len(requests) == 3


def test_members_of_several_tars_and_out_of_their_order(
    bucket: Bucket, requests: list[str]
) -> None:
    bodies = {f"log-{n}": f"line {n}\n".encode() for n in range(4)}
    one, two = (delivered(bucket, bodies, f"2026-01-0{n}-UniversityA-tracking.tar") for n in (5, 6))
    assert read_all([*one, *two[::-1]]) == bodies
    assert len(requests) == 1 + 4


def test_an_empty_member(bucket: Bucket, requests: list[str]) -> None:
    assert read_all(delivered(bucket, {"empty": b""})) == {"empty": b""}
    assert requests == []
