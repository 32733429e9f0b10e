"""Opens what edX encrypted for the institution, as it streams by, with the system's gpg.

The key lies in a folder of its own on a memory file system, for as long as one log is read.

Knows gpg; knows neither logs nor where bytes lie.
"""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import tempfile
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from learning_warehouse.conn_ids import GPG_CONN_ID
from learning_warehouse.errors import PermanentFailure
from learning_warehouse.streams import BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

MEMORY = Path("/dev/shm")

AGENT = "s2k-count 65536\n"
"""By default the agent spends a second on hardening a key that is there for moments."""

STATUS = "[GNUPG:] "

SWEEPER = """
read _
gpgconf --homedir "$1" --kill all
gpgconf --homedir "$1" --remove-socketdir
rm -rf "$1"
"""
"""Waits until the process that started it closes the pipe or is gone, however it ended."""


class Sealed(Exception):
    """An encrypted message cannot be opened; the text says why."""


@dataclass(frozen=True)
class Key:
    """A private key.

    :param conn_id: where it comes from.
    :param armoured: as ``gpg --armor --export-secret-keys`` writes it.
    """

    conn_id: str
    armoured: str = field(repr=False)
    passphrase: str = field(repr=False)


def key_of(conn_id: str = GPG_CONN_ID) -> Key | None:
    """The key of an Airflow connection; None where there is no such connection, or no key in it.

    :param conn_id: its extra ``private_key`` is the key, its password the key's passphrase.
    """
    from airflow.providers.common.compat.sdk import (
        AirflowNotFoundException,
        BaseHook,
        mask_secret,
    )

    try:
        configured = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return None
    armoured = configured.extra_dejson.get("private_key")
    if not armoured:
        log.warning(
            "The connection '%s' has no extra private_key: encrypted logs are skipped", conn_id
        )
        return None
    passphrase = configured.password or ""
    for secret in (armoured, passphrase):
        if secret:
            mask_secret(secret)
    return Key(conn_id, str(armoured), passphrase)


@contextmanager
def opened(sealed: BinaryIO, key: Key) -> Iterator[Message]:
    """What an encrypted stream holds; gpg reads the one while the other is read.

    :raises PermanentFailure: gpg is not installed, the key is none, or there is no folder in memory
        to lay it into.
    """
    with ExitStack() as stack:
        home = stack.enter_context(_home())
        _import(home, key)
        with _told(key.passphrase) as passphrase:
            options = ("--pinentry-mode", "loopback", "--passphrase-fd", str(passphrase))
            process = _start(home, *options, "--decrypt", told=passphrase)
        message = Message(process, sealed, key)
        stack.callback(message.close)
        yield message


class Message(io.RawIOBase):
    """The content of an encrypted stream."""

    def __init__(self, process: subprocess.Popen[bytes], sealed: BinaryIO, key: Key) -> None:
        self._process = process
        self._sealed = sealed
        self._key = key
        self._said = b""
        self._broken: BaseException | None = None
        self._threads = [threading.Thread(target=self._feed), threading.Thread(target=self._listen)]
        for thread in self._threads:
            thread.start()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        content = cast(BinaryIO, self._process.stdout).read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def finish(self) -> None:
        """Let the rest pass, and hear what gpg says of the whole.

        Content that was read before is worth nothing where this fails.

        :raises Sealed: it was for another key, or is damaged.
        """
        while self.read(BLOCK):
            pass
        for thread in self._threads:
            thread.join()
        self._process.wait()
        if self._broken is not None:
            raise self._broken
        reason = _verdict(self._said.decode("utf-8", "replace"), self._key)
        if reason:
            raise Sealed(reason)

    def close(self) -> None:
        """End gpg, whatever it is doing."""
        if not self.closed:
            self._process.kill()
            for thread in self._threads:
                thread.join()
            self._process.wait()
            for pipe in (self._process.stdout, self._process.stderr):
                cast(BinaryIO, pipe).close()
        super().close()

    def _feed(self) -> None:
        try:
            with suppress(BrokenPipeError), closing(cast(BinaryIO, self._process.stdin)) as pipe:
                while block := self._sealed.read(BLOCK):
                    pipe.write(block)
        except BaseException as error:
            self._broken = error

    def _listen(self) -> None:
        pipe = cast(BinaryIO, self._process.stderr)
        while line := pipe.readline(BLOCK):
            self._said = (self._said + line)[-BLOCK:]


def _verdict(said: str, key: Key) -> str | None:
    """Why a message could not be opened, from gpg's status lines; None if it was, to its end."""
    status = {tuple(line.split()[1:3]) for line in said.splitlines() if line.startswith(STATUS)}
    keywords = {word for word, *_ in status}
    if "DECRYPTION_OKAY" in keywords and "DECRYPTION_FAILED" not in keywords:
        return None
    if ("ERROR", "pkdecrypt_failed") in status:
        return (
            f"the private key of the connection '{key.conn_id}' does not open with its password, "
            "correct it there"
        )
    if "NO_SECKEY" in keywords and "DECRYPTION_KEY" not in keywords:
        return (
            f"it is encrypted for another key than that of the connection '{key.conn_id}', put "
            "the right one there"
        )
    return "it is no whole encrypted message, ask edX to deliver it again"


def _import(home: Path, key: Key) -> None:
    process = _start(home, "--import")
    _, said = process.communicate(key.armoured.encode())
    imported = [int(code) for code in re.findall(rb"\[GNUPG:\] IMPORT_OK (\d+)", said)]
    if not any(code & 16 for code in imported):
        raise PermanentFailure(
            f"The connection '{key.conn_id}' holds no private key that gpg can read: put what "
            "gpg --armor --export-secret-keys writes into its extra private_key."
        )


def _start(home: Path, *options: str, told: int | None = None) -> subprocess.Popen[bytes]:
    """Start gpg; its status lines go to stderr.

    :param told: a file descriptor that it shall have.
    """
    command = [
        "gpg", "--homedir", str(home), "--no-options", "--batch", "--no-tty", "--disable-dirmngr",
        "--status-fd", "2", *options,
    ]  # fmt: skip
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=() if told is None else (told,),
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": str(home)},
        )
    except FileNotFoundError:
        raise PermanentFailure(
            "gpg is not installed where this task runs: install gnupg there (it is in "
            "packages.txt), then clear this task."
        ) from None


@contextmanager
def _told(secret: str) -> Iterator[int]:
    """A file descriptor from which a child may read one line."""
    reader, writer = os.pipe()
    try:
        with open(writer, "wb") as pipe:
            pipe.write(secret.encode() + b"\n")
        yield reader
    finally:
        os.close(reader)


@contextmanager
def _home() -> Iterator[Path]:
    """A folder for a key, open to no other user; it is removed when this process ends."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        raise PermanentFailure(
            f"There is no folder in memory at {MEMORY} where this task runs, so the private key "
            "would be written to a disk: mount a writable one there (tmpfs), then clear this task."
        )
    home = tempfile.mkdtemp(prefix="gpg-", dir=MEMORY)
    sweeper = subprocess.Popen(
        ["sh", "-c", SWEEPER, "sh", home],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        (Path(home) / "gpg-agent.conf").write_text(AGENT)
        yield Path(home)
    finally:
        sweeper.communicate()
