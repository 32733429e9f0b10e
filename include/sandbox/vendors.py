"""Both vendors' HTTP APIs, as their documents describe them, and the control of the sandbox.

Knows the campus by ``echo360_header`` and ``echo360_rows`` only.

Faults of Vocareum: ``vocareum_shape`` (list, flat, sts, html), ``vocareum_status`` (an HTTP status
with which it answers); ``vocareum_429``, ``vocareum_500``, ``vocareum_html`` (times). Of Echo360:
``echo360_build_seconds``; ``submit_500_before``, ``submit_500_after``, ``api_401``, ``api_429``,
``api_500``, ``api_html``, ``api_redirect`` with a long body (times);
``outage`` (all calls answer 503);
``listing_lag_seconds``; ``page_size`` of the listing; ``status_of`` ({report: status} for requests
that would be Available, with ``status_times`` how many of them); ``poisoned_day`` (requests over it
fail); ``reports_are`` (what ``/reports`` lists); ``assets`` (into how many a report is cut);
``bad_links`` (times a request is answered with links whose signature is wrong), ``no_links`` (times
it is answered without any), ``any_parameters`` (requests are not checked), ``undated`` (their
``created`` is null). Of both: ``vendors_off``, their buckets too; what is asked all the same counts
as ``asked in vain``.
"""

from __future__ import annotations

import gzip
import json
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from include.sandbox.s3 import ASSET_BUCKET, SECRET_KEY, SIGNATURE
from include.sandbox.world import World

TOKEN = "vocareum-token"
ORGS = ("123", "1234")
CLIENT = ("echo360-client", "echo360-secret")
LIMIT = 3
WINDOW = timedelta(days=7)
DATED = (
    "assetbydate", "presentation", "videoview", "liveviews", "viewsessions",
    "viewsessiondetails", "confused", "polling", "pollingv2", "qanda", "qanda2", "notes",
)  # fmt: skip
SAME = {"qandav2": "qanda2"}
"""Another name that a report may be listed by."""
DOWN = "<html><body>Down for maintenance</body></html>"
PUT = Callable[[str, bytes], None]
Answer = Callable[[Request], Awaitable[Response]]


class Campus(Protocol):
    """What Echo360's reports are made of."""

    def echo360_header(self, report: str) -> list[str]:
        """The columns of a report."""

    def echo360_rows(
        self, report: str, first_day: date | None, end_day: date | None, now: datetime
    ) -> Iterable[dict[str, Any]]:
        """The rows of a report."""


def application(world: World, campus: Campus, put_asset: PUT, s3_url: str) -> FastAPI:
    """Both APIs and the control, as one application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def switched_off(request: Request, answer: Answer) -> Response:
        if world.faults.get("vendors_off") and not request.url.path.startswith("/control"):
            world.count("asked in vain")
            return JSONResponse({"message": "Switched off"}, status_code=503)
        return await answer(request)

    app.include_router(vocareum(world))
    app.include_router(echo360(world, campus, put_asset, s3_url))
    app.include_router(control(world))
    return app


# --- Vocareum -------------------------------------------------------------------------------------


def vocareum(world: World) -> APIRouter:
    """``GET /api/v2/orgs/{orgid}/s3_labs``."""
    router = APIRouter()

    @router.get("/api/v2/orgs/{org_id}/s3_labs")
    def s3_labs(org_id: str, request: Request) -> Response:
        world.count("vocareum s3_labs")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        status = world.faults.get("vocareum_status")
        for strike in (429, 500):
            status = strike if world.strikes(f"vocareum_{strike}") else status
        if world.strikes("vocareum_html"):
            return HTMLResponse(DOWN)
        if status:
            return _vocareum_error(int(status), "Something went wrong")
        if scheme != "Token":
            return _vocareum_error(400, "Missing Token")
        if token != TOKEN:
            return _vocareum_error(400, "Invalid Token")
        if org_id not in ORGS:
            return _vocareum_error(403, "Access Forbidden (permission denied)")
        access_key = f"ASIA{secrets.token_hex(8).upper()}"
        world.issue(access_key, timedelta(hours=1))
        secret, session = secrets.token_urlsafe(30), secrets.token_urlsafe(60)
        world.secrets |= {access_key, secret, session}
        return _credentials(world.faults.get("vocareum_shape", "list"), access_key, secret, session)

    return router


def _vocareum_error(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status_code=status)


def _credentials(shape: str, access_key: str, secret: str, session: str) -> Response:
    flat = {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": session,
    }
    sts = dict(zip(("AccessKeyId", "SecretAccessKey", "SessionToken"), flat.values(), strict=True))
    bodies: dict[str, Any] = {
        "list": {"status": "success", "s3_labs": [flat], "total_records": 1},
        "flat": flat,
        "sts": {"Credentials": sts},
        "html": flat,
    }
    if shape == "page":
        return HTMLResponse(DOWN)
    if shape == "html":
        return HTMLResponse(json.dumps(flat))
    return JSONResponse(bodies[shape])


# --- Echo360 --------------------------------------------------------------------------------------


def echo360(world: World, campus: Campus, put_asset: PUT, s3_url: str) -> APIRouter:
    """The reporting API."""
    router = APIRouter()
    base = "/public/api/v1/reporting"
    tokens: set[str] = set()

    @router.post("/oauth2/access_token")
    async def access_token(request: Request) -> Response:
        world.count("echo360 access_token")
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        given = {**request.query_params, **form}
        if (given.get("client_id"), given.get("client_secret")) != CLIENT:
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        token, refresh = secrets.token_urlsafe(20), secrets.token_urlsafe(20)
        tokens.add(token)
        world.secrets |= {token, refresh}
        return JSONResponse(
            {"token_type": "Bearer", "access_token": token, "expires_in": 3600,
             "refresh_token": refresh}
        )  # fmt: skip

    def refused(request: Request) -> Response | None:
        world.count("echo360 calls")
        if world.faults.get("outage"):
            return JSONResponse({"message": "Down for maintenance"}, status_code=503)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if world.strikes("api_401") or token not in tokens:
            return JSONResponse({"message": "Unauthorized"}, status_code=401)
        if world.strikes("api_429"):
            return JSONResponse({"message": "Slow down"}, 429, headers={"Retry-After": "1"})
        if world.strikes("api_500"):
            return JSONResponse({"message": "Internal error"}, status_code=500)
        if world.strikes("api_html"):
            return HTMLResponse(DOWN)
        if world.strikes("api_redirect"):
            return Response(bytes(5_000_000), 302, headers={"Location": "/control/counts"})
        return None

    @router.get(f"{base}/reports")
    def reports(request: Request) -> Response:
        listed = world.faults.get("reports_are") or [_report(name) for name in ("asset", *DATED)]
        return refused(request) or JSONResponse(listed)

    @router.post(base + "/requests/{report}")
    async def submit(report: str, request: Request) -> Response:
        body = await request.json()
        return refused(request) or _submit(world, report, body)

    @router.get(f"{base}/requests")
    def requests(request: Request) -> Response:
        world.count("echo360 listings")
        lag = timedelta(seconds=float(world.faults.get("listing_lag_seconds", 0)))
        seen = [
            _shown(world, r) for r in world.requests.values() if r["created"] + lag <= world.now()
        ]
        if len(seen) < len(world.requests):
            world.count("fault listing_lag")
        size = int(world.faults.get("page_size", 0)) or len(seen) or 1
        first = int(request.query_params.get("from", 0))
        page: dict[str, Any] = {"requests": seen[first : first + size]}
        if first + size < len(seen):
            page.update(has_more=True, next=f"?from={first + size}")
        return refused(request) or JSONResponse(page)

    @router.get(base + "/request/{request_id}")
    def one_request(request_id: str, request: Request) -> Response:
        refusal = refused(request)
        if refusal:
            return refusal
        if request_id not in world.requests:
            return JSONResponse({"message": "Not found"}, status_code=404)
        known = world.requests[request_id]
        shown = _shown(world, known)
        if shown["status"] == "Available":
            _build(world, campus, put_asset, known)
            expires = int((world.now() + timedelta(days=7)).timestamp())
            signature = SIGNATURE + "spoiled" * world.strikes("bad_links")
            query = f"Expires={expires}&Signature={quote(signature, safe='')}"
            assets = shown.pop("assets")
            if not world.strikes("no_links"):
                shown["signedAssets"] = [f"{s3_url}/{ASSET_BUCKET}/{n}?{query}" for n in assets]
        return JSONResponse(shown)

    return router


def _report(name: str) -> dict[str, Any]:
    dates = [{"name": n, "datatype": "date", "required": True} for n in ("start", "end")]
    return {
        "name": name,
        "description": f"{name} report",
        "note": "",
        "parameters": dates if name in DATED else [],
    }


def _submit(world: World, report: str, body: dict[str, Any]) -> Response:
    world.count("echo360 submissions")
    if world.strikes("submit_500_before"):
        return JSONResponse({"message": "Internal error"}, status_code=500)
    known = {"asset", *DATED} | {r["name"] for r in world.faults.get("reports_are") or ()}
    if report not in known:
        return JSONResponse({"message": f"Unknown report {report}"}, status_code=404)
    parameters = body.get("parameters") or {}
    is_checked = report in DATED and not world.faults.get("any_parameters")
    if is_checked and not _is_window(parameters):
        return JSONResponse({"message": "start and end: 7 days at most"}, status_code=400)
    with world.lock:
        pending = sum(_status(world, r) == "Pending" for r in world.requests.values())
        if pending >= LIMIT:
            return JSONResponse({"message": "Too many reports in flight"}, status_code=400)
        request_id = str(uuid.uuid4())
        world.requests[request_id] = {
            "requestId": request_id,
            "reportName": report,
            "parameters": parameters,
            "output": body.get("output") or {},
            "created": world.now(),
        }
        world.count(f"echo360 submitted {report} {json.dumps(parameters, sort_keys=True)}")
        world.counts["echo360 most in flight"] = max(
            world.counts["echo360 most in flight"], pending + 1
        )
    if world.strikes("submit_500_after"):
        return JSONResponse({"message": "Internal error"}, status_code=500)
    return JSONResponse(_shown(world, world.requests[request_id]), status_code=201)


def _is_window(parameters: dict[str, str]) -> bool:
    try:
        start, end = (date.fromisoformat(parameters[name]) for name in ("start", "end"))
    except (KeyError, ValueError, TypeError):
        return False
    return timedelta(0) < end - start <= WINDOW


def _status(world: World, request: dict[str, Any]) -> str:
    age = world.now() - request["created"]
    if age > timedelta(days=14):
        return "Expired"
    if age < timedelta(seconds=float(world.faults.get("echo360_build_seconds", 1))):
        return "Pending"
    if "status" not in request:
        wanted = world.faults.get("status_of", {}).get(request["reportName"])
        fails = wanted is not None and world.strikes("status_times")
        poisoned = world.faults.get("poisoned_day")
        window = request["parameters"]
        if poisoned and window and window["start"] <= poisoned < window["end"]:
            wanted = "Failed"
            fails = True
        request["status"] = wanted if fails else "Available"
    return str(request["status"])


def _shown(world: World, request: dict[str, Any]) -> dict[str, Any]:
    status = _status(world, request)
    shown = {
        "requestId": request["requestId"],
        "status": status,
        "reportName": request["reportName"],
        "parameters": request["parameters"],
        "created": f"{request['created']:%Y-%m-%dT%H:%M:%S}.{request['created']:%f}"[:23] + "Z",
    }
    if world.faults.get("undated"):
        shown["created"] = None
    if status == "Available":
        ending = ".csv" if request["output"].get("compression") is False else ".csv.gz"
        count = int(world.faults.get("assets", 1))
        shown["assets"] = [f"{request['requestId'][:-3]}{456 + n}{ending}" for n in range(count)]
    return shown


def _build(world: World, campus: Campus, put_asset: PUT, request: dict[str, Any]) -> None:
    with world.building:
        if request.get("built"):
            return
        request["built"] = True
        first, end = (
            date.fromisoformat(request["parameters"][name]) if request["parameters"] else None
            for name in ("start", "end")
        )
        report = SAME.get(request["reportName"], request["reportName"])
        output = request["output"]
        rows = list(campus.echo360_rows(report, first, end, request["created"]))
        header = campus.echo360_header(report)
        assets = _shown(world, request)["assets"]
        for ordinal, name in enumerate(assets):
            part = rows[ordinal :: len(assets)]
            content = "".join(_lines(header, part, output.get("delimiter", ","))).encode()
            if output.get("compression") is not False:
                content = gzip.compress(content, mtime=0)
            put_asset(name, content)


def _lines(header: list[str], rows: Iterable[dict[str, Any]], delimiter: str) -> Iterator[str]:
    yield delimiter.join(map(_field, header)) + "\n"
    for row in rows:
        yield delimiter.join(_field(row[name]) for name in header) + "\n"


def _field(value: Any) -> str:
    """RFC 4180 as in the document's example: strings quoted, numbers bare."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return '"' + str(value).replace('"', '""') + '"'
    return str(value)


# --- the control ----------------------------------------------------------------------------------


def control(world: World) -> APIRouter:
    """How tests move the clock, let things go wrong, and see what was asked."""
    router = APIRouter(prefix="/control")

    @router.post("/clock")
    async def clock(request: Request) -> dict[str, str]:
        world.set_clock((await request.json()).get("now"))
        return {"now": world.now().isoformat()}

    @router.post("/faults")
    async def faults(request: Request) -> dict[str, Any]:
        world.faults.update(await request.json())
        return world.faults

    @router.get("/secrets")
    def all_secrets() -> list[str]:
        return sorted({TOKEN, CLIENT[1], SECRET_KEY, SIGNATURE, *world.secrets})

    @router.get("/counts")
    def counts() -> dict[str, int]:
        return dict(world.counts)

    @router.post("/reset")
    def reset() -> dict[str, str]:
        world.reset()
        return {}

    return router
