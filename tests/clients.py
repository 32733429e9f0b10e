"""Clients of S3 that are made quickly."""

from __future__ import annotations

from functools import cache


def read_descriptions_once() -> None:
    """Boto reads a megabyte of descriptions for each client; from now on it does so once."""
    from botocore.loaders import JSONFileLoader

    once = cache(JSONFileLoader().load_file)
    JSONFileLoader.load_file = lambda self, path: once(path)
