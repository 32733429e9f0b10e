"""The institution's bucket: where the vendors' bytes are kept, unchanged.

Knows S3 through the provider's hook; knows neither vendors nor the warehouse.
"""

from __future__ import annotations

import hashlib
import io
import logging
from contextlib import contextmanager
from functools import cache
from os.path import commonpath
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote, urlencode, urlsplit

from learning_warehouse.conn_ids import LANDING_CONN_ID
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.progress import Progress
from learning_warehouse.tls import reason, warn_of_plain_http

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

log = logging.getLogger(__name__)

for _name in ("botocore.auth", "botocore.endpoint"):
    # At DEBUG they say each call's headers, the session token of temporary keys among them.
    logging.getLogger(_name).setLevel(logging.INFO)

BLOCK = 256 * 1024
LONGEST_PART = 400


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
            '{"s3": {"bucket_name": "..."}}: mend it.'
        ) from None
    warn_of_plain_http(conn_id, str(endpoint or ""))
    if hook.verify is not None and not hook.verify:
        log.warning(
            "The connection '%s' has verify: false, so that whoever is on the way can pose as S3, "
            "read its data and change them; remove it, or let it name the file of your CA.",
            conn_id,
        )
    return hook


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


@contextmanager
def s3_sentences(what: str) -> Iterator[None]:
    """Turn boto's errors into one sentence that says what to do.

    :param what: what was tried, as in ``reading s3://bucket/key``.
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
        if code in ("404", "NoSuchKey", "NoSuchBucket"):
            raise PermanentFailure(sentence + "check the bucket and the key.") from None
        if status in (401, 403) or code in ("InvalidAccessKeyId", "SignatureDoesNotMatch"):
            raise PermanentFailure(
                sentence + "check the keys of the connection and what the bucket's policy allows."
            ) from None
        raise TransientFailure(sentence + "the next try may find it mended.") from None
    except (BotoCoreError, Boto3Error, HTTPError) as error:
        raise TransientFailure(
            f"S3 did not answer to {what} ({reason(error, trust='AWS_CA_BUNDLE')}): check the "
            "endpoint and the network; the next try starts from the beginning of the object."
        ) from None
    except ValueError as error:
        raise PermanentFailure(
            f"S3 cannot be asked for {what} ({error}): check the extras of the connection."
        ) from None


def key_part(text: str) -> str:
    """A text that is its writer's, as one part of a key: quoted, and cut where it is too long."""
    quoted = quote(text, safe="")
    if len(quoted) > LONGEST_PART:
        quoted = f"{quoted[:LONGEST_PART]}-{digest(text)}"
    return quoted


def digest(text: str) -> str:
    """What stands for a text where there is no room for it."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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

    bucket, key = _bucket_and_key(uri)
    wanted = {}
    if offset is not None and size is not None:
        if size == 0:
            return io.BytesIO()
        wanted["Range"] = f"bytes={offset}-{offset + size - 1}"
    if etag is not None:
        wanted["IfMatch"] = etag
    with s3_sentences(f"reading {uri}"):
        try:
            body = _client(conn_id).get_object(Bucket=bucket, Key=key, **wanted)["Body"]
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 412:
                raise PermanentFailure(
                    f"{uri} is no longer what it was when it was listed: clear the run's first "
                    "task, which lists it again."
                ) from None
            raise
    return cast(BinaryIO, io.BufferedReader(_Body(body, uri), BLOCK))


def _bucket_and_key(uri: str) -> tuple[str, str]:
    """Of ``s3://bucket/key``; a key may hold any character, also those that mean much in a URL."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


@cache
def _client(conn_id: str) -> Any:
    """One for all that a process reads: to build it takes longer than to read a small object."""
    return s3_hook(conn_id).get_conn()


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


class LandingZone:
    """The landing bucket.

    :param conn_id: an Airflow connection of type ``aws`` whose ``service_config`` names the bucket.
    """

    def __init__(self, conn_id: str = LANDING_CONN_ID) -> None:
        self.hook = s3_hook(conn_id)
        self.bucket = bucket_of(self.hook)

    def address(self, uris: Iterable[str]) -> str:
        """Where Amazon's console shows an object, or the folder that several have in common.

        :returns: empty where the bucket is not Amazon's: another store's own address answers nobody
            without a signature, and where its console stands it does not say.
        """
        from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink

        keys = {uri.removeprefix(self.url) for uri in uris if uri.startswith(self.url)}
        client: Any = self.hook.get_conn()
        endpoint = str(urlsplit(client.meta.endpoint_url).hostname)
        domain = BaseAwsLink.get_aws_domain(client.meta.partition)
        if not (keys and domain and endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn"))):
            return ""
        key = keys.pop() if len(keys) == 1 else f"{commonpath(keys)}/"
        kind = "buckets" if key.endswith("/") else "object"
        query = {"region": client.meta.region_name, "prefix": key}
        query_string = urlencode(query, quote_via=quote, safe="")
        return f"https://console.{domain}/s3/{kind}/{self.bucket}?{query_string}"

    @property
    def url(self) -> str:
        """What the URIs of its objects begin with."""
        return f"s3://{self.bucket}/"

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with ``prefix``."""
        with s3_sentences(f"listing {self.url}{prefix}"):
            for listed in self.hook.iter_file_metadata(prefix=prefix, bucket_name=self.bucket):
                yield listed["Key"]

    def get(self, key: str) -> bytes:
        """A small object."""
        client: Any = self.hook.get_conn()
        with s3_sentences(f"reading {self.url}{key}"):
            content: bytes = client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def put(self, key: str, content: bytes) -> None:
        """Write a small object."""
        client: Any = self.hook.get_conn()
        with s3_sentences(f"writing {self.url}{key}"):
            client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def holds(self, uri: str, size: int | None) -> bool:
        """Whether an object of that size lies there, and it lies in this bucket."""
        from botocore.exceptions import ClientError

        bucket, key = _bucket_and_key(uri)
        if bucket != self.bucket:
            return False
        client: Any = self.hook.get_conn()
        with s3_sentences(f"looking for {uri}"):
            try:
                found = client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return False
                raise
        return bool(found["ContentLength"] == size)

    def remove(self, uri: str) -> None:
        """Remove an object; where the URI ends in ``/``, all objects below it.

        It does not matter whether they are there.
        """
        prefix = uri.removeprefix(self.url)
        client: Any = self.hook.get_conn()
        for key in list(self.keys(prefix)) if prefix.endswith("/") else [prefix]:
            with s3_sentences(f"removing {self.url}{key}"):
                client.delete_object(Bucket=self.bucket, Key=key)

    def put_stream(self, key: str, body: BinaryIO, *, size: int | None = None) -> tuple[str, int]:
        """Write a stream to the bucket as it comes, without the worker's disk.

        An object of the same key is replaced at once when the whole stream is there.

        :param size: bytes in all, where known, for the log.
        :returns: the object's ``s3://bucket/key`` and its bytes.
        """
        from boto3.s3.transfer import TransferConfig

        uri = f"s3://{self.bucket}/{key}"
        progress = Progress(f"Landing {key}", size)
        with s3_sentences(f"writing {uri}"):
            client: Any = self.hook.get_conn()
            client.upload_fileobj(
                body,
                self.bucket,
                key,
                Callback=progress.add,
                Config=TransferConfig(use_threads=False),
            )
        log.info("Landed %s: %d bytes", uri, progress.done)
        return uri, progress.done
