"""What lies in edX's bucket: a tar of logs or a log by itself, as its key and S3's listing tell.

Knows names; reads no bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

COMPRESSED_TAR = re.compile(r"\.(?:tar\.(?:gz|bz2|xz|zst)|tgz|tbz2?|txz|tzst)$")
LOOSE_LOG = re.compile(r"\.log(?:-\d[\d-]*)?(?:\.(?:gz|bz2|xz|zst))?(?:\.gpg)?$")


@dataclass(frozen=True)
class Found:
    """An object in the bucket: a tar of logs, or a log by itself.

    :param site: the edX site that its logs are from.
    :param day: the date in its key: when it was made, not when its events were.
    :param etag: as S3 gives it, in quotes.
    """

    bucket: str
    key: str
    site: str
    day: date
    etag: str
    size: int
    last_modified: datetime

    @property
    def uri(self) -> str:
        """Where it lies."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def kind(self) -> Literal["tar", "compressed tar", "log"]:
        """What it is, by its name."""
        if COMPRESSED_TAR.search(self.key):
            return "compressed tar"
        return "log" if LOOSE_LOG.search(self.key) else "tar"
