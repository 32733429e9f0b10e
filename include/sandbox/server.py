"""The sandbox as one process: both vendors' APIs, and the S3 server with all buckets.

Run as ``python -m include.sandbox.server --state DIR``; it writes ``DIR/sandbox.json`` with its
addresses when it is ready, and ends with the process that started it.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from include.sandbox.s3 import ACCESS_KEY, ASSET_BUCKET, SECRET_KEY, VENDOR_BUCKET, front
from include.sandbox.vendors import CLIENT, TOKEN, Campus, application
from include.sandbox.world import World

EDX_BUCKET = "course-data"
ORG_ID, SITE = "123", "UniversityA"
LANDING_BUCKET = "landing-zone"
STEWARDSHIP_KEY = "sandbox-stewardship-key-of-no-use-elsewhere"
BUCKETS = (VENDOR_BUCKET, EDX_BUCKET, LANDING_BUCKET, ASSET_BUCKET)
ROOT = Path(__file__).resolve().parents[2]


class Sandbox:
    """The process, as the one that starts it sees it.

    :param state: a folder for its addresses and its log.
    :param empty: without a campus: buckets are empty, reports have a header only.
    :param stay: whether it outlives the process that starts it.
    :param campus: what the campus is made of, as in ``Campus``.
    """

    def __init__(
        self, state: Path, *, empty: bool = False, stay: bool = False, **campus: Any
    ) -> None:
        self.state = Path(state)
        self.stay = stay
        self.empty = empty
        self.campus = campus
        self.api_url = self.s3_url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Sandbox:
        """Start it, and wait until it answers."""
        self.state.mkdir(parents=True, exist_ok=True)
        ready = self.state / "sandbox.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "include.sandbox.server", "--state", str(self.state)]
        command += ["--empty"] * self.empty + ["--stay"] * self.stay
        for name, value in self.campus.items():
            given = [] if value is True else [str(value)]
            command += [f"--{name.replace('_', '-')}", *given]
        log = self.state / "sandbox.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The sandbox did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        urls = json.loads(ready.read_text())
        self.api_url, self.s3_url = urls["api_url"], urls["s3_url"]
        return self

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The process, which leads a session of its own."""
        assert self._process is not None
        return self._process.pid

    def client(self) -> Any:
        """A boto3 client of its S3 server that may do everything."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.s3_url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name="us-west-2",
        )

    def set_clock(self, now: str | None) -> None:
        """Stop its clock at an ISO 8601 time, or let it run again."""
        self._control("clock", {"now": now})

    def set_faults(self, **faults: Any) -> None:
        """Let things go wrong; see ``vendors`` and ``s3`` for what can."""
        self._control("faults", faults)

    def counts(self) -> dict[str, int]:
        """How often each thing was requested since the last reset."""
        counted: dict[str, int] = self._control("counts")
        return counted

    def secrets(self) -> list[str]:
        """What must not be written anywhere: keys, tokens, the signature of links; also those it
        gave."""
        known: list[str] = self._control("secrets")
        return [*known, STEWARDSHIP_KEY]

    def reset(self) -> None:
        """Let nothing go wrong, forget all report requests, and count from zero again."""
        self._control("reset", {})

    def _control(self, what: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(
            f"{self.api_url}/control/{what}", data, {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def airflow_connections(self, warehouse_url: str) -> dict[str, dict[str, Any]]:
        """Airflow's connections to it, and to a warehouse.

        :param warehouse_url: ``postgresql://user@host:port/database``.
        """
        from urllib.parse import urlsplit

        postgres = urlsplit(warehouse_url)

        def bucket(name: str, **extra: Any) -> dict[str, Any]:
            return {
                "conn_type": "aws",
                "login": ACCESS_KEY,
                "password": SECRET_KEY,
                "extra": {
                    "endpoint_url": self.s3_url,
                    "region_name": "us-west-2",
                    "service_config": {"s3": {"bucket_name": name}},
                    **extra,
                },
            }

        return {
            "vocareum": {
                "conn_type": "http",
                "host": self.api_url,
                "password": TOKEN,
                "extra": {"org_id": self.campus.get("org_id", ORG_ID), "endpoint_url": self.s3_url},
            },
            "echo360": {
                "conn_type": "http",
                "host": self.api_url,
                "login": CLIENT[0],
                "password": CLIENT[1],
            },
            "edx_tracking_logs": bucket(EDX_BUCKET, site=self.campus.get("site", SITE)),
            "landing_zone": bucket(LANDING_BUCKET),
            "learning_warehouse": {
                "conn_type": "postgres",
                "host": postgres.hostname,
                "port": postgres.port,
                "login": postgres.username,
                "schema": postgres.path.lstrip("/"),
            },
            "stewardship_key": {"conn_type": "generic", "password": STEWARDSHIP_KEY},
        }


class NoCampus:
    """A campus where nothing happens."""

    def echo360_header(self, report: str) -> list[str]:
        """A header that every report may have."""
        return ["video_name"] if report in ("asset", "assetbydate") else ["event_timestamp"]

    def echo360_rows(self, *_: Any) -> list[dict[str, Any]]:
        """No rows."""
        return []


def serve(state: Path, campus: Any) -> None:
    """Serve until killed; the buckets are filled before the addresses are written."""
    import uvicorn
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    world = World()
    s3 = make_server("127.0.0.1", 0, front(create_backend_app("s3"), world), threaded=True)
    threading.Thread(target=s3.serve_forever, daemon=True).start()
    sandbox = Sandbox(state)
    sandbox.s3_url = f"http://127.0.0.1:{s3.server_port}"
    client = sandbox.client()
    _fill(client, campus)

    def put_asset(name: str, content: bytes) -> None:
        client.put_object(Bucket=ASSET_BUCKET, Key=name, Body=content, ACL="public-read")

    known: Campus = campus
    app = application(world, known, put_asset, sandbox.s3_url)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False)
    )
    threading.Thread(target=_announce, args=(state, server, sandbox.s3_url)).start()
    server.run()


def _fill(client: Any, campus: Any) -> None:
    for bucket in BUCKETS:
        client.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
    if isinstance(campus, NoCampus):
        return
    for key, content in campus.vocareum_files():
        client.put_object(Bucket=VENDOR_BUCKET, Key=key, Body=content)
    for key, content in campus.edx_tars():
        client.put_object(Bucket=EDX_BUCKET, Key=key, Body=content)


def _announce(state: Path, server: Any, s3_url: str) -> None:
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    urls = {"api_url": f"http://127.0.0.1:{port}", "s3_url": s3_url, "pid": os.getpid()}
    unfinished = state / "sandbox.json.new"
    unfinished.write_text(json.dumps(urls))
    unfinished.rename(state / "sandbox.json")


def die_with_parent() -> None:
    """Ask the kernel to end this process when the one that started it ends (Linux)."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--empty", action="store_true")
    parser.add_argument("--stay", action="store_true", help="outlive the process that started it")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--students", type=int, default=60)
    parser.add_argument("--courses", type=int, default=4)
    parser.add_argument("--first-day", type=date.fromisoformat)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--activity", type=float, default=1.0)
    parser.add_argument("--org-id", default=ORG_ID)
    parser.add_argument("--site", default=SITE)
    parser.add_argument("--late", action="store_true", help="Echo360 knows some rows late")
    given = parser.parse_args()
    if not given.stay:
        die_with_parent()
    if given.empty:
        serve(given.state, NoCampus())
        return
    from include.sandbox.campus import Campus as GeneratedCampus

    serve(
        given.state,
        GeneratedCampus(
            seed=given.seed,
            students=given.students,
            courses=given.courses,
            first_day=given.first_day,
            days=given.days,
            activity=given.activity,
            late=given.late,
            org_id=given.org_id,
            site=given.site,
        ),
    )


if __name__ == "__main__":
    main()
