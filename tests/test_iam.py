"""The policies of SECURITY.md, beside what the roads ask S3 for; and that its tests are there."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from include.sandbox.s3 import VENDOR_BUCKET
from include.sandbox.server import LANDING_BUCKET
from learning_warehouse.landing import LandingZone
from tests.echo360.runs import Run
from tests.edx.bucket import Bucket, load_logs
from tests.edx.bucket import tar as tar_of
from tests.edx.loading import line
from tests.vocareum import conftest as vocareum

if TYPE_CHECKING:
    from include.sandbox.server import Sandbox
    from learning_warehouse.warehouse.connection import Connection

ROOT = Path(__file__).resolve().parents[1]
SECURITY = (ROOT / "SECURITY.md").read_text()
DAY = {"first_day": "2026-01-05", "last_day": "2026-01-05"}
LARGE = bytes(20 * 1024 * 1024)
"""Written in several parts."""


def allowed(bucket: str) -> dict[str, set[str]]:
    """Resource → the actions that the policy of a bucket allows."""
    found: dict[str, set[str]] = {}
    for policy in map(json.loads, re.findall(r"```json\n(.*?)```", SECURITY, re.S)):
        for statement in policy["Statement"]:
            actions, resources = statement["Action"], statement["Resource"]
            assert statement.keys() <= {"Effect", "Action", "Resource", "Principal", "Condition"}
            for resource in [resources] if isinstance(resources, str) else resources:
                if statement["Effect"] == "Allow" and bucket in resource:
                    found.setdefault(resource, set()).update(
                        [actions] if isinstance(actions, str) else actions
                    )
    return found


def asked(sandbox: Sandbox, bucket: str) -> dict[str, set[str]]:
    """Resource → the actions that were requested, as S3 tells which is of what."""
    words = [what.split() for what in sandbox.counts() if what.startswith("s3:")]
    actions = {action for action, where in words if where == bucket}
    of_bucket = actions & {"s3:ListBucket"}
    return {"": of_bucket, "/*": actions - of_bucket}


def test_the_policies_allow_what_the_roads_ask_for_and_no_more(
    sandbox: Sandbox, connections: dict[str, Any], warehouse: Connection
) -> None:
    client = sandbox.client()
    key = "org123/enrollment/course1/enrollment.csv"
    client.put_object(Bucket=VENDOR_BUCKET, Key=key, Body=vocareum.HEADER + b"1,1,s,Al,a@b\n")
    bucket = Bucket(client)
    for end in ("", ".gz"):
        content = tar_of({f"prod{end}/tracking.log": line(1)}, end)
        bucket.put(f"2026-01-05-UniversityA-tracking.tar{end}", content)
    bucket.put("UniversityA-edx-events-2026-01-05.log", line(2))

    sandbox.reset()
    vocareum.load(**DAY)
    sandbox.set_faults(echo360_build_seconds=0)
    assert Run("a run", **DAY).execute("videoview").failures == {}
    bucket.unpack(**DAY)
    load_logs(bucket.unpack(**DAY, reload=True))
    zone = LandingZone()
    zone.put_stream("large", io.BytesIO(LARGE))
    with pytest.raises(OSError, match="the source broke off"):
        zone.put_stream("large", Broken())
    assert not zone.holds(f"s3://{LANDING_BUCKET}/nothing", 0)

    arn = "arn:aws:s3:::"
    for place, name in ((LANDING_BUCKET, "LANDING-ZONE"), (bucket.name, "COURSE-DATA")):
        expected = {f"{arn}{name}{part}": these for part, these in asked(sandbox, place).items()}
        assert allowed(name) == expected
    of_vendor = asked(sandbox, VENDOR_BUCKET)
    assert of_vendor == {"": {"s3:ListBucket"}, "/*": {"s3:GetObject"}}


class Broken(io.RawIOBase):
    """A stream that breaks off after more than a part."""

    def __init__(self) -> None:
        self._left = io.BytesIO(LARGE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Give what is left, then fail."""
        size = self._left.readinto(buffer)
        if not size:
            raise OSError("the source broke off")
        return size


def test_every_test_that_security_names_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", SECURITY)
    assert len(named) > 20
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(), test
    promises = SECURITY.partition("## What is not")[0]
    rows = [row for row in promises.splitlines() if row.startswith("| ")][1:]
    assert all("::test_" in row for row in rows)
