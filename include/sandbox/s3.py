"""A real S3 server (moto's), behind a front that counts, checks the vendor's keys, and fails.

What it counts are requests (``s3 GET object BUCKET``), the actions that AWS would ask a policy for
(``s3:GetObject BUCKET``) and bytes.

Faults: ``s3_500``, ``s3_skewed`` and ``s3_cut`` (times): a GET of an object is answered with 500,
or as if the clocks differed, or ends in its middle. ``s3_refusal``: the HTTP status and the code
with which it is answered; ``s3_ignores_range``: with the whole object. ``vendor_keys_last``
(requests): after so many, the keys that the vendor gave have expired. ``vendors_off``: the vendors'
buckets answer nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

from include.sandbox.world import World

VENDOR_BUCKET = "vocareum-us-west-2-lab-analytics"
ASSET_BUCKET = "echo360-assets"
ACCESS_KEY = "sandbox"
SECRET_KEY = "sandbox-secret"
SIGNATURE = "a/signature+with=odd%characters"
"""Of the links to Echo360's assets."""

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def front(application: Application, world: World) -> Application:
    """Put the checks, the counts and the faults before an S3 application."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
        method = environ["REQUEST_METHOD"]
        query = parse_qs(environ.get("QUERY_STRING", ""))
        if bucket == VENDOR_BUCKET:
            world.wear_out_keys()
        if bucket in (VENDOR_BUCKET, ASSET_BUCKET) and world.faults.get("vendors_off"):
            world.count("asked in vain")
            return _error(start_response, "503 Service Unavailable", "ServiceUnavailable")
        refusal = _refusal(world, environ, bucket, query)
        if refusal:
            return _error(start_response, *refusal)
        reads_object = method == "GET" and bool(key)
        world.count(f"s3 {method} {'object' if key else 'bucket'} {bucket}")
        world.count(f"{_action(method, key, query)} {bucket}")
        if reads_object and world.strikes("s3_500"):
            return _error(start_response, "500 Internal Server Error", "InternalError")
        if reads_object and world.strikes("s3_skewed"):
            return _error(start_response, "403 Forbidden", "RequestTimeTooSkewed")
        if reads_object and world.faults.get("s3_refusal"):
            return _error(start_response, *world.faults["s3_refusal"])
        if reads_object and world.faults.get("s3_ignores_range"):
            environ.pop("HTTP_RANGE", None)
        if bucket == ASSET_BUCKET and method == "GET":
            environ["QUERY_STRING"] = ""

        def begin(status: str, *headers: Any) -> Any:
            if status.startswith("404"):
                world.count(f"s3:ListBucket {bucket}")
            return start_response(status, *headers)

        body = application(environ, begin)
        return _sent(world, bucket, body) if reads_object else body

    return answer


def _action(method: str, key: str, query: dict[str, list[str]]) -> str:
    """What AWS asks a policy to allow for a request; of others than these the sandbox sees none.

    Of an object that is not there AWS says so only to whom it lets list the bucket.
    """
    if not key:
        return "s3:ListBucket" if method in ("GET", "HEAD") else "s3:CreateBucket"
    if method in ("GET", "HEAD"):
        return "s3:GetObject"
    if method == "DELETE":
        return "s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"
    return "s3:PutObject"


def _refusal(
    world: World, environ: Environ, bucket: str, query: dict[str, list[str]]
) -> tuple[str, str] | None:
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if bucket == ASSET_BUCKET and environ["REQUEST_METHOD"] == "GET" and "Expires" in query:
        if authorization:
            return "400 Bad Request", "InvalidArgument"
        if float(query["Expires"][0]) < world.now().timestamp():
            return "403 Forbidden", "AccessDenied"
        if query.get("Signature") != [SIGNATURE]:
            return "403 Forbidden", "SignatureDoesNotMatch"
        return None
    signed = re.search(r"Credential=([^/]+)/", authorization)
    access_key = signed[1] if signed else ""
    if access_key == ACCESS_KEY:
        return None
    good_until = world.issued.get(access_key)
    if good_until is None or bucket != VENDOR_BUCKET:
        return "403 Forbidden", "InvalidAccessKeyId" if good_until is None else "AccessDenied"
    if good_until < world.now():
        world.count("fault expired_key")
        return "400 Bad Request", "ExpiredToken"
    return None


def _error(start_response: StartResponse, status: str, code: str) -> Iterable[bytes]:
    body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
    start_response(
        status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    )
    return [body]


def _sent(world: World, bucket: str, body: Iterable[bytes]) -> Iterator[bytes]:
    cut = world.strikes("s3_cut")
    for block in body:
        if cut:
            yield block[: len(block) // 2]
            return
        world.count(f"s3 bytes {bucket}", len(block))
        yield block
