"""What lies in edX's bucket: a tar of logs or a single log, as S3's listing has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

    from learning_warehouse.edx.telling import Kind


@dataclass(frozen=True)
class Found:
    """An object in the bucket.

    :param site: the edX site that its logs are from.
    :param day: the date in its key, else that of its ``last_modified``: when it was made, not when
        its events were.
    :param etag: as S3 gives it, in quotes.
    :param kind: what it is; None if no name tells.
    """

    bucket: str
    key: str
    site: str
    day: date
    etag: str
    size: int
    last_modified: datetime
    kind: Kind | None

    @property
    def uri(self) -> str:
        """Where it lies."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def version(self) -> str:
        """Tells it from another object of its key."""
        return "{}-{}".format(self.size, self.etag.strip('"'))
