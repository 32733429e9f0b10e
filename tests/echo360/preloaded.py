"""What the processes of ``test_processes`` are forked from has imported this: all that they need,
with what boto reads for a client.
"""

from __future__ import annotations

import boto3

from tests.clients import read_descriptions_once
from tests.echo360 import runs, test_processes

__all__ = ["runs", "test_processes"]

read_descriptions_once()
boto3.client("s3", region_name="us-west-2")
