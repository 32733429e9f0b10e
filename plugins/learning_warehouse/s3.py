"""Any bucket of S3: its connection, its objects as streams, and what its errors mean.

Knows S3 through the provider's hook; knows neither vendors, nor the institution's own bucket, nor
the warehouse.
"""

from __future__ import annotations

import io
import logging
import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from learning_warehouse.conn_ids import LANDING_CONN_ID
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.tls import reason, warn_of_plain_http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from boto3 import Session
    from botocore.loaders import Loader

log = logging.getLogger(__name__)

for _name in ("botocore.auth", "botocore.endpoint"):
    # At DEBUG they say each call's headers, the session token of temporary keys among them.
    logging.getLogger(_name).setLevel(logging.INFO)

BLOCK = 256 * 1024


def s3_hook(conn_id: str) -> S3Hook:
    """The provider's hook, once it is certain that its connection exists.

    :raises PermanentFailure: it does not (the hook itself would go on with no credentials).
    """
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

    try:
        BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise PermanentFailure(
            f"There is no Airflow connection '{conn_id}': add one of type aws for its bucket "
            "(Admin, Connections)."
        ) from None
    hook = S3Hook(aws_conn_id=conn_id)
    try:
        endpoint = hook.conn_config.get_service_endpoint_url("s3")
    except AttributeError:
        raise PermanentFailure(
            f"The extra service_config of the connection '{conn_id}' is not of the form "
            '{"s3": {"bucket_name": "..."}}: correct it.'
        ) from None
    warn_of_plain_http(conn_id, str(endpoint or ""))
    if hook.verify is not None and not hook.verify:
        log.warning(
            "The connection '%s' has verify: false, so that others on the network can pose as S3, "
            "and read and change the data; remove it, or set it to the file of your CA.",
            conn_id,
        )
    return hook


def s3_client(conn_id: str) -> Any:
    """A client of boto's with the settings of a connection.

    The provider's own client is the same but for the operator's name in its user agent. To find
    that name it reads the source of each function on the call stack, as long as the rest takes.

    :raises PermanentFailure: there is no such connection.
    """
    hook = s3_hook(conn_id)
    return client_of(
        hook.get_session(),
        endpoint_url=hook.conn_config.get_service_endpoint_url("s3"),
        config=hook.config,
        verify=hook.verify,
    )


def client_of(session: Session, **settings: Any) -> Any:
    """A client of S3 that reads nothing which another one of this process has read.

    :param settings: as ``Session.client`` takes them.
    """
    session._session.register_component("data_loader", descriptions())
    return session.client("s3", **settings)


@cache
def descriptions() -> Loader:
    """Boto's descriptions of S3 and its regions, which each session would read again (0.1 s)."""
    from botocore.loaders import create_loader

    return create_loader()


def listed(client: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """What S3 says of each object of a bucket whose key begins with ``prefix``."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", ())


def bucket_of(hook: S3Hook) -> str:
    """The bucket that the connection names in its ``service_config``.

    :raises PermanentFailure: it names none.
    """
    bucket = hook.service_config.get("bucket_name")
    if not bucket:
        raise PermanentFailure(
            f"The connection '{hook.aws_conn_id}' names no bucket: give it the extra "
            '{"service_config": {"s3": {"bucket_name": "..."}}}.'
        )
    return str(bucket)


CHECK = "the keys of the connection and what the bucket's policy allows"

REGION = "give the connection the bucket's region, in its extra region_name."
KEY = "check the bucket and the key."
SHRUNK = "it is shorter than it was when it was listed: clear the run's first task (of edX "
SHRUNK += "'unpack'), which lists it again."
WHAT_TO_DO = {
    "NoSuchBucket": "check the bucket that the connection names.",
    "NoSuchKey": KEY,
    "404": KEY,
    "InvalidObjectState": "it is archived: restore it in S3, then clear this task.",
    "InvalidRange": SHRUNK,
    "416": SHRUNK,
    "PermanentRedirect": REGION,
    "301": REGION,
    "AuthorizationHeaderMalformed": REGION,
    "NotImplemented": "the store behind the connection's endpoint_url lacks a feature that this "
    'needs. If it lacks checksums, set the extra config_kwargs {"request_checksum_calculation": '
    '"when_required", "response_checksum_validation": "when_required"}.',
}
"""What to do about S3's refusals for which no retry helps, by their code."""

WHAT_WILL_BE = {
    "RequestTimeTooSkewed": "set the worker's clock, which differs from S3's; the next try may "
    "succeed.",
    "SlowDown": "it gets more requests than it can handle; the next try may succeed.",
}
"""The same of refusals that may be over when it is tried again."""


@contextmanager
def s3_sentences(what: str, *, check: str = CHECK) -> Iterator[None]:
    """Turn boto's errors into one sentence that says what to do.

    :param what: what was tried, as in ``reading s3://bucket/key``.
    :param check: what to check where S3 refuses it.
    """
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "?")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        sentence = f"S3 refused {what} ({code}): "
        if code in WHAT_TO_DO:
            raise PermanentFailure(sentence + WHAT_TO_DO[code]) from None
        if code in WHAT_WILL_BE:
            raise TransientFailure(sentence + WHAT_WILL_BE[code]) from None
        if status in (401, 403) or code in ("InvalidAccessKeyId", "SignatureDoesNotMatch"):
            raise PermanentFailure(f"{sentence}check {check}.") from None
        raise TransientFailure(sentence + "the next try may succeed.") from None
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise TransientFailure(
            f"S3 did not answer to {what} ({reason(error, trust='AWS_CA_BUNDLE')}): check the "
            "endpoint and the network; the next try starts from the beginning of the object."
        ) from None
    except ValueError as error:
        raise PermanentFailure(
            f"S3 could not be used for {what} ({error}): check the extras of the connection."
        ) from None


def open_uri(
    uri: str,
    *,
    conn_id: str = LANDING_CONN_ID,
    offset: int | None = None,
    size: int | None = None,
    etag: str | None = None,
) -> BinaryIO:
    """Stream an object, or ``size`` bytes of it from ``offset``, as they lie there.

    :param uri: ``s3://bucket/key``.
    :param etag: only if this still is its ETag.
    :raises PermanentFailure: it is not there, may not be read, or has another ETag.
    :raises TransientFailure: S3 does not answer.
    """
    from botocore.exceptions import ClientError

    bucket, key = bucket_and_key(uri)
    wanted = {}
    if offset is not None and size is not None:
        if size == 0:
            return io.BytesIO()
        wanted["Range"] = f"bytes={offset}-{offset + size - 1}"
    if etag is not None:
        wanted["IfMatch"] = etag
    with s3_sentences(f"reading {uri}"):
        try:
            answer = _client(conn_id).get_object(Bucket=bucket, Key=key, **wanted)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 412:
                raise PermanentFailure(
                    f"{uri} has changed since it was listed: clear the run's first task, which "
                    "lists it again."
                ) from None
            raise
    if offset is not None and size is not None:
        insist_on_range(answer, offset, size)
    return cast(BinaryIO, io.BufferedReader(_Body(answer["Body"], uri), BLOCK))


def insist_on_range(answer: dict[str, Any], offset: int, size: int | None = None) -> None:
    """Check that S3 sends the bytes that were requested.

    :param answer: boto's, to a ``get_object`` with a ``Range``.
    :param size: how many at most; None: all to the end.
    :raises PermanentFailure: the store sends others, or does not say which.
    """
    sent = re.match(r"bytes (\d+)-(\d+)/", answer.get("ContentRange", ""))
    first, last = map(int, sent.groups()) if sent else (None, 0)
    if first != offset or (size is not None and last >= offset + size):
        answer["Body"].close()
        raise PermanentFailure(
            f"The store behind S3's endpoint should send the bytes from {offset} on, but sends "
            f"{answer.get('ContentRange') or 'the whole object'}: check the connection's "
            "endpoint_url, and that no proxy on the way drops the header Range."
        )


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Of ``s3://bucket/key``; a key may hold any character, also those that mean much in a URL."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@cache
def _client(conn_id: str) -> Any:
    """One for all that a process reads: to build it takes longer than to read a small object."""
    return s3_client(conn_id)


class _Body(io.RawIOBase):
    """A body that S3 sends, with sentences for what may happen to it on the way."""

    def __init__(self, body: Any, uri: str) -> None:
        self._body = body
        self._uri = uri

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with s3_sentences(f"reading {self._uri}"):
            block = self._body.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._body.close()
        super().close()
