"""Where Amazon's console shows what landed."""

from __future__ import annotations

import json

import pytest

from learning_warehouse.landing import LandingZone

KEY = "vocareum/grades/org1/grades/course 1/grades.csv/20260105T060000Z-abc"
OTHER = "vocareum/grades/org1/grades/course 2/grades.csv/20260105T060000Z-abc"


def zone(monkeypatch: pytest.MonkeyPatch, **extra: str) -> LandingZone:
    """A landing zone that nobody asks anything."""
    connection = {
        "conn_type": "aws",
        "login": "AKIATHEKEY",
        "password": "the secret",
        "extra": {"service_config": {"s3": {"bucket_name": "ours"}}, **extra},
    }
    monkeypatch.setenv("AIRFLOW_CONN_LANDING_ZONE", json.dumps(connection))
    return LandingZone()


@pytest.mark.parametrize(
    ("extra", "console"),
    [
        ({"region_name": "eu-west-1"}, "console.aws.amazon.com"),
        ({"region_name": "cn-north-1"}, "console.amazonaws.cn"),
        ({"region_name": "us-gov-west-1"}, "console.amazonaws-us-gov.com"),
    ],
)
def test_amazons_console(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, str], console: str
) -> None:
    there = zone(monkeypatch, **extra)
    region = f"region={extra['region_name']}"
    prefix = "vocareum%2Fgrades%2Forg1%2Fgrades%2F"
    assert there.address([f"s3://ours/{KEY}"]) == (
        f"https://{console}/s3/object/ours?{region}&prefix={prefix}course%201%2Fgrades.csv%2F"
        "20260105T060000Z-abc"
    )
    both = [f"s3://ours/{KEY}", f"s3://ours/{OTHER}", f"s3://ours/{OTHER}"]
    assert there.address(both) == f"https://{console}/s3/buckets/ours?{region}&prefix={prefix}"


def test_an_endpoint_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    there = zone(monkeypatch, endpoint_url="https://minio.example.edu:9000")
    assert there.address([f"s3://ours/{KEY}"]) == ""


@pytest.mark.parametrize("uris", [[], ["s3://course-data/2026-01-11-tracking.tar"]])
def test_nothing_that_landed_here(monkeypatch: pytest.MonkeyPatch, uris: list[str]) -> None:
    assert zone(monkeypatch, region_name="eu-west-1").address(uris) == ""
