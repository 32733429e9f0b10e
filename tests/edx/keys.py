"""Owners of keys, for whom others encrypt, with the system's gpg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learning_warehouse.edx import gpg

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Owner:
    """Somebody who has a key; others encrypt for them."""

    home: Path
    passphrase: str

    def gpg(self, *options: str, given: bytes = b"") -> bytes:
        command = [
            "gpg", "--homedir", str(self.home), "--batch", "--quiet", "--trust-model", "always",
            "--pinentry-mode", "loopback", "--passphrase", self.passphrase, *options,
        ]  # fmt: skip
        return subprocess.run(command, input=given, capture_output=True, check=True).stdout

    def seal(self, content: bytes, *options: str) -> bytes:
        return self.gpg(
            "--encrypt", "--recipient", "warehouse@example.org", *options, given=content
        )

    @cached_property
    def key(self) -> gpg.Key:
        armoured = self.gpg("--armor", "--export-secret-keys").decode()
        return gpg.Key("edx_gpg", armoured, self.passphrase)


def connection(key: gpg.Key) -> dict[str, Any]:
    """The Airflow connection that holds a key."""
    return {
        "conn_type": "generic",
        "password": key.passphrase,
        "extra": {"private_key": key.armoured},
    }


def new_owner(passphrase: str) -> Iterator[Owner]:
    home = Path(tempfile.mkdtemp(prefix="owner-"))
    (home / "gpg-agent.conf").write_text(gpg.AGENT)
    one = Owner(home, passphrase)
    try:
        one.gpg("--quick-gen-key", "warehouse@example.org", "default", "default", "never")
        yield one
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)
