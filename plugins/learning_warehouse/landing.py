"""The institution's bucket: where the vendors' bytes are kept, unchanged.

Knows its own objects and what their keys may be; knows neither vendors nor the warehouse.
"""

from __future__ import annotations

import hashlib
import logging
from functools import cached_property
from os.path import commonpath
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from learning_warehouse.conn_ids import LANDING_CONN_ID
from learning_warehouse.progress import Progress
from learning_warehouse.s3 import (
    bucket_and_key,
    bucket_of,
    listed,
    s3_client,
    s3_hook,
    s3_sentences,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

log = logging.getLogger(__name__)

LONGEST_PART = 400


def key_part(text: str) -> str:
    """A text that is its writer's, as one part of a key: quoted, and cut where it is too long."""
    quoted = quote(text, safe="")
    if len(quoted) > LONGEST_PART:
        quoted = f"{quoted[:LONGEST_PART]}-{digest(text)}"
    return quoted


def digest(text: str) -> str:
    """A short text in place of one that is too long."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class LandingZone:
    """The landing bucket.

    :param conn_id: an Airflow connection of type ``aws`` whose ``service_config`` names the bucket.
    """

    def __init__(self, conn_id: str = LANDING_CONN_ID) -> None:
        self._conn_id = conn_id
        self.bucket = bucket_of(s3_hook(conn_id))

    def address(self, uris: Iterable[str]) -> str:
        """Where Amazon's console shows an object, or the folder that several have in common.

        :returns: empty where the bucket is not Amazon's: another store's own address needs a
            signature, and the address of its console is not known.
        """
        from airflow.providers.amazon.aws.links.base_aws import BaseAwsLink

        keys = {uri.removeprefix(self.url) for uri in uris if uri.startswith(self.url)}
        if not keys:
            return ""
        endpoint = str(urlsplit(self._client.meta.endpoint_url).hostname)
        domain = BaseAwsLink.get_aws_domain(self._client.meta.partition)
        if not (domain and endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn"))):
            return ""
        key = keys.pop() if len(keys) == 1 else f"{commonpath(keys)}/"
        kind = "buckets" if key.endswith("/") else "object"
        query = {"region": self._client.meta.region_name, "prefix": key}
        query_string = urlencode(query, quote_via=quote, safe="")
        return f"https://console.{domain}/s3/{kind}/{self.bucket}?{query_string}"

    @cached_property
    def _client(self) -> Any:
        return s3_client(self._conn_id)

    @property
    def url(self) -> str:
        """What the URIs of its objects begin with."""
        return f"s3://{self.bucket}/"

    def objects(self, prefix: str) -> Iterator[dict[str, Any]]:
        """What S3 says of each object whose key begins with ``prefix``."""
        with s3_sentences(f"listing {self.url}{prefix}"):
            yield from listed(self._client, self.bucket, prefix)

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with ``prefix``."""
        for found in self.objects(prefix):
            yield found["Key"]

    def get(self, key: str) -> bytes:
        """A small object."""
        with s3_sentences(f"reading {self.url}{key}"):
            content: bytes = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def put(self, key: str, content: bytes) -> None:
        """Write a small object."""
        with s3_sentences(f"writing {self.url}{key}"):
            self._client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def holds(self, uri: str, size: int | None) -> bool:
        """Whether an object of that size lies there, and it lies in this bucket."""
        from botocore.exceptions import ClientError

        bucket, key = bucket_and_key(uri)
        if bucket != self.bucket:
            return False
        with s3_sentences(f"looking for {uri}"):
            try:
                found = self._client.head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return False
                raise
        return bool(found["ContentLength"] == size)

    def size_of(self, uri: str) -> int:
        """Bytes of an object of this bucket; 0 where it is not there."""
        key = uri.removeprefix(self.url)
        return next((int(o["Size"]) for o in self.objects(key) if o["Key"] == key), 0)

    def remove(self, uri: str) -> None:
        """Remove an object; where the URI ends in ``/``, all objects below it.

        It does not matter whether they are there.
        """
        prefix = uri.removeprefix(self.url)
        for key in list(self.keys(prefix)) if prefix.endswith("/") else [prefix]:
            with s3_sentences(f"removing {self.url}{key}"):
                self._client.delete_object(Bucket=self.bucket, Key=key)

    def remove_for_good(self, key: str) -> None:
        """Remove an object with all versions that the bucket keeps of it; where the key ends in
        ``/``, all objects below it.

        It does not matter whether they are there. Needs ``s3:ListBucketVersions`` and
        ``s3:DeleteObjectVersion``.
        """
        self._remove_versions(key, of=lambda one: key.endswith("/") or one["Key"] == key)

    def remove_older(self, key: str) -> None:
        """Remove the versions of an object that are not current. Needs the same rights."""
        self._remove_versions(key, of=lambda one: one["Key"] == key and not one["IsLatest"])

    def _remove_versions(self, prefix: str, *, of: Callable[[dict[str, Any]], bool]) -> None:
        with s3_sentences(f"removing versions of {self.url}{prefix}"):
            pages = self._client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
                for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                    if of(one):
                        self._client.delete_object(
                            Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"]
                        )

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
            self._client.upload_fileobj(
                body,
                self.bucket,
                key,
                Callback=progress.add,
                Config=TransferConfig(use_threads=False),
            )
        log.info("Landed %s: %d bytes", uri, progress.done)
        return uri, progress.done
