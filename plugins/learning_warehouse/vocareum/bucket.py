"""The vendor's bucket, read with credentials that end after an hour.

What takes longer goes on: in the middle of a listing or a file new credentials are taken, and a
stream that breaks off is taken up at the byte where it ended, as long as the file is the same.

Knows S3 and the credentials; knows neither datasets nor the ledger.
"""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from learning_warehouse.errors import TransientFailure
from learning_warehouse.s3 import BLOCK, client_of, insist_on_range, s3_sentences
from learning_warehouse.vocareum.credentials import request_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.vocareum.credentials import Account, Credentials

log = logging.getLogger(__name__)

CHECK = (
    "the connection's extras bucket and org_id: the keys come from Vocareum's API, and they open "
    "only the folder of their org"
)
"""What to check after a refusal: these keys are not in a connection."""

ATTEMPTS = 5
"""How often in a row a stream may break off without a byte."""


class VocareumBucket:
    """The files of an org.

    :param account: the org.
    :param credentials: with which to begin.
    """

    def __init__(self, account: Account, credentials: Credentials) -> None:
        self.account = account
        self.url = f"s3://{account.bucket}"
        self._take(credentials)

    def files(self, prefix: str) -> Iterator[dict[str, Any]]:
        """The files whose keys begin with ``prefix``, as S3 lists them.

        :raises PermanentFailure: S3 refuses.
        :raises TransientFailure: S3 does not answer.
        """
        where: dict[str, str] = {"Prefix": prefix}
        while True:
            with s3_sentences(f"listing {self.url}/{prefix}", check=CHECK):
                page = self._call("list_objects_v2", **where)
            yield from page.get("Contents", ())
            if not page["IsTruncated"]:
                return
            where["ContinuationToken"] = page["NextContinuationToken"]

    def open(self, file: dict[str, Any]) -> BinaryIO:
        """Stream a file as it was when it was listed.

        :param file: what ``files`` gave.
        :raises TransientFailure: S3 does not answer, or the file was replaced since.
        """
        return cast(BinaryIO, io.BufferedReader(_Body(self, file), BLOCK))

    def body(self, file: dict[str, Any], offset: int) -> Any:
        """What S3 sends of a file from a byte on; raises boto's errors."""
        rest = {"Range": f"bytes={offset}-"} if offset else {}
        answer = self._call("get_object", Key=file["Key"], IfMatch=file["ETag"], **rest)
        if rest:
            insist_on_range(answer, offset)
        return answer["Body"]

    def _call(self, operation: str, **wanted: str) -> dict[str, Any]:
        from botocore.exceptions import ClientError

        if datetime.now(UTC) >= self._good_until:
            self._renew()
        wanted["Bucket"] = self.account.bucket
        try:
            return cast("dict[str, Any]", getattr(self._client, operation)(**wanted))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExpiredToken":
                raise
            self._renew()
            return cast("dict[str, Any]", getattr(self._client, operation)(**wanted))

    def _renew(self) -> None:
        log.info("Renewing Vocareum's credentials")
        self._take(request_credentials(self.account))

    def _take(self, credentials: Credentials) -> None:
        import boto3
        from botocore.config import Config

        self._good_until = datetime.fromisoformat(credentials.expires_at)
        with s3_sentences(self.url):
            self._client = client_of(
                boto3.Session(),
                region_name=self.account.region,
                endpoint_url=self.account.endpoint_url,
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token,
                config=Config(retries={"mode": "standard", "max_attempts": 5}),
            )


class _Body(io.RawIOBase):
    """A file's bytes, over as many streams as it takes."""

    def __init__(self, bucket: VocareumBucket, file: dict[str, Any]) -> None:
        self._bucket = bucket
        self._file = file
        self._done = 0
        self._stream: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._done == self._file["Size"]:
            return 0
        with s3_sentences(f"reading {self._bucket.url}/{self._file['Key']}", check=CHECK):
            block = self._read(len(buffer))
        buffer[: len(block)] = block
        self._done += len(block)
        return len(block)

    def _read(self, size: int) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        for attempt in range(1, ATTEMPTS + 1):
            try:
                if self._stream is None:
                    self._stream = self._bucket.body(self._file, self._done)
                return cast(bytes, self._stream.read(size))
            except ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
                raise TransientFailure(
                    f"{self._file['Key']} was replaced while it was read: the next try takes the "
                    "new version."
                ) from None
            except BotoCoreError as error:
                if attempt == ATTEMPTS:
                    raise
                log.warning("%s broke off at byte %d: %s", self._file["Key"], self._done, error)
                self._stream = None
        raise AssertionError("unreachable")

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        super().close()
