"""Encrypted logs, with a real gpg and keys of the test's own."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from learning_warehouse.edx import gpg
from learning_warehouse.errors import PermanentFailure, TransientFailure
from tests.edx.bucket import (
    MIXED,
    gz,
    load_logs,
    log,
    names,
    skip_and_replay,
    tar,
    together,
    zst,
)
from tests.edx.keys import Owner, connection, new_owner
from tests.edx.loading import column, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learning_warehouse.warehouse.connection import Connection
    from tests.edx.bucket import Bucket

pytestmark = pytest.mark.skipif(
    shutil.which("gpg") is None, reason="there is no gpg here: nothing can be decrypted"
)

PASSPHRASE = "correct horse: battery äöü"
PLAIN = "2013-10-20-UniversityA-tracking.tar"
LATER = "2013-10-27-UniversityA-tracking.tar"
DAILY = "universitya/prod/events/2014/UniversityA-edx-events-2014-05-09.log.gz.gpg"
SEALED = "prod-edx-001/2013-10-20-UniversityA.log.gz.gpg"
OPEN = "prod-edx-001/2013-10-20-UniversityA.log.gz"


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner]:
    yield from new_owner(PASSPHRASE)


@pytest.fixture(scope="module")
def other() -> Iterator[Owner]:
    yield from new_owner("")


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where homes are made, and have to be gone from afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="m-"))
    monkeypatch.setattr(gpg, "MEMORY", folder)
    yield folder
    assert list(folder.iterdir()) == []
    folder.rmdir()


def give(monkeypatch: pytest.MonkeyPatch, key: gpg.Key) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_EDX_GPG", json.dumps(connection(key)))


def content_of(sealed: bytes, key: gpg.Key) -> bytes:
    with gpg.opened(io.BytesIO(sealed), key) as message:
        content = message.read(100_000_000)
        message.finish()
        return content or b""


IN_MEMORY = gpg.MEMORY


def test_the_key_lies_in_memory_or_nowhere(
    owner: Owner, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without such a folder it lay on a disk, and nothing said so."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    assert [str(IN_MEMORY), "tmpfs"] in mounts
    with gpg.opened(io.BytesIO(owner.seal(b"content")), owner.key) as message:
        assert len(list(memory.glob("gpg-*"))) == 1
        message.finish()
    monkeypatch.setattr(gpg, "MEMORY", memory / "missing")
    with pytest.raises(PermanentFailure, match="private key would be written to a disk"):
        content_of(owner.seal(b"content"), owner.key)


# --- gpg ------------------------------------------------------------------------------------------


def test_a_message_is_opened(owner: Owner) -> None:
    content = os.urandom(3_000_000)
    assert content_of(owner.seal(content), owner.key) == content
    assert content_of(owner.seal(b"short", "--armor"), owner.key) == b"short"
    assert content_of(owner.seal(b""), owner.key) == b""


def test_a_key_without_a_passphrase(other: Owner) -> None:
    assert content_of(other.seal(b"content"), other.key) == b"content"


def test_what_was_compressed_by_whoever_encrypted_it(owner: Owner) -> None:
    content = b"line\n" * 500_000
    assert content_of(owner.seal(content, "--compress-algo", "bzip2"), owner.key) == content


def test_a_wrong_passphrase_is_told(owner: Owner) -> None:
    wrong = gpg.Key("edx_gpg", owner.key.armoured, "wrong")
    with pytest.raises(gpg.Sealed, match="'edx_gpg' does not open with its password"):
        content_of(owner.seal(b"content"), wrong)


def test_a_wrong_key_is_told(owner: Owner, other: Owner) -> None:
    with pytest.raises(gpg.Sealed, match="for another key than that of the connection 'edx_gpg'"):
        content_of(owner.seal(b"content"), other.key)


@pytest.mark.parametrize("armoured", ["no key", "public"])
def test_what_is_no_private_key_is_told(owner: Owner, armoured: str) -> None:
    if armoured == "public":
        armoured = owner.gpg("--armor", "--export").decode()
    with pytest.raises(PermanentFailure, match="'edx_gpg' holds no private key"):
        content_of(b"", gpg.Key("edx_gpg", armoured, ""))


def test_a_damaged_message_is_told(owner: Owner) -> None:
    whole = owner.seal(os.urandom(100_000))
    for damaged in (
        whole[:50_000],
        whole[:50_000] + b"damage" + whole[50_006:],
        whole[:-10],
        b"no message at all",
        b"",
    ):
        with pytest.raises(gpg.Sealed, match="it is no whole encrypted message"):
            content_of(damaged, owner.key)


def test_a_message_that_is_left_in_the_middle(owner: Owner) -> None:
    with gpg.opened(io.BytesIO(owner.seal(os.urandom(5_000_000))), owner.key) as message:
        assert message.read(10)


def test_what_breaks_on_the_way_to_gpg_is_what_fails(owner: Owner) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise TransientFailure("S3 does not answer")

    with (
        pytest.raises(TransientFailure, match="S3 does not answer"),
        gpg.opened(Broken(), owner.key) as message,  # type: ignore[arg-type]
    ):
        message.finish()


def test_neither_key_nor_passphrase_is_seen(
    owner: Owner, memory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import psutil

    key = owner.key
    with gpg.opened(io.BytesIO(owner.seal(os.urandom(5_000_000))), key) as message:
        assert message.read(10)
        (home,) = memory.iterdir()
        assert home.stat().st_mode & 0o777 == 0o700
        running = psutil.process_iter(["cmdline"])
        commands = [part for one in running for part in one.info["cmdline"] or []]
        assert str(home) in commands
        assert not [part for part in commands if part == key.passphrase]
    assert key.passphrase not in repr(key) + caplog.text
    assert key.armoured not in repr(key)


def test_without_gpg_a_sentence_says_what_to_install(
    owner: Owner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = owner.key
    for name in ("sh", "rm"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentFailure, match=r"install gnupg .*packages\.txt"):
        content_of(b"", key)


KILLED = """
import io, pathlib, signal, sys
from learning_warehouse.edx import gpg

signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's background has it ignored.
gpg.MEMORY = pathlib.Path(sys.argv[1])
key = gpg.Key("edx_gpg", open(sys.argv[2]).read(), sys.stdin.readline().rstrip("\\n"))
with gpg.opened(open(sys.argv[3], "rb"), key) as message:
    message.read(10)
    print("reading", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_key_is_gone_when_the_process_is(
    owner: Owner, memory: Path, tmp_path: Path, how: signal.Signals
) -> None:
    (tmp_path / "key").write_text(owner.key.armoured)
    (tmp_path / "sealed").write_bytes(owner.seal(os.urandom(5_000_000)))
    given = [str(memory), str(tmp_path / "key"), str(tmp_path / "sealed")]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": "plugins"},
        text=True,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(owner.passphrase + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "reading\n"
    (home,) = memory.iterdir()
    with_it = [*psutil.Process(process.pid).children(recursive=True), *agents(home)]
    process.send_signal(how)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    psutil.wait_procs(with_it, timeout=10)
    assert not home.exists()
    assert agents(home) == []


def agents(home: Path) -> list[psutil.Process]:
    """The processes that have a folder in their arguments."""
    running = psutil.process_iter(["cmdline"])
    return [one for one in running if str(home) in (one.info["cmdline"] or [])]


def test_a_signature_of_somebody_unknown_does_no_harm(owner: Owner, other: Owner) -> None:
    signed = other.gpg("--sign", given=b"content")
    assert content_of(owner.seal(signed), owner.key) == signed


# --- the connection -------------------------------------------------------------------------------


def test_without_a_connection_there_is_no_key() -> None:
    assert gpg.key_of() is None


@pytest.mark.parametrize("extra", [{}, {"private_key": ""}])
def test_a_connection_without_a_key_is_as_good_as_none(
    monkeypatch: pytest.MonkeyPatch, extra: dict[str, str]
) -> None:
    fields = {"conn_type": "generic", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_EDX_GPG", json.dumps(fields))
    assert gpg.key_of() is None


def test_the_key_of_a_connection_is_masked(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.common.compat import sdk

    masked: list[str] = []
    monkeypatch.setattr(sdk, "mask_secret", masked.append, raising=False)
    give(monkeypatch, owner.key)
    assert gpg.key_of() == owner.key
    assert masked == [owner.key.armoured, owner.passphrase]


# --- the three places -----------------------------------------------------------------------------


def fill(bucket: Bucket, owner: Owner, end: str = "") -> None:
    sealed = {SEALED: owner.seal(log(1)), "prod-edx-001/tracking.log.gpg": owner.seal(line(2))}
    bucket.put(PLAIN + end, tar({**sealed, OPEN: log(3)}, end))
    bucket.put(DAILY, owner.seal(log(4)))


def walked(conn: Connection) -> int:
    return len(conn.execute("SELECT FROM edx.tracking_log_tar").fetchall())


@pytest.mark.usefixtures("connections")
@pytest.mark.parametrize("end", ["", ".gz", ".zst"])
def test_encrypted_logs_are_loaded_where_there_is_a_key(
    warehouse: Connection,
    bucket: Bucket,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    fill(bucket, owner, end)
    assert names(warehouse, bucket.unpack()) == {OPEN}
    assert walked(warehouse) == 0
    give(monkeypatch, owner.key)
    ids = bucket.unpack()
    assert names(warehouse, ids) == {OPEN, SEALED, "prod-edx-001/tracking.log.gpg", DAILY}
    assert walked(warehouse) == 1
    load_logs(ids)
    assert sorted(column(warehouse, "session")) == ["1", "2", "3", "4"]
    assert bucket.unpack() == []


@pytest.mark.usefixtures("connections")
def test_an_encrypted_log_is_known_again_by_its_encrypted_bytes(
    warehouse: Connection, bucket: Bucket, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, owner.key)
    logs = {f"prod-edx-001/tracking.log{end}.gpg": owner.seal(pack(line(1))) for end, pack in (
        ("", bytes), (".gz", gz), (".zst", zst),
    )}  # fmt: skip
    bucket.put(PLAIN, tar(logs))
    load_logs(bucket.unpack())
    assert column(warehouse, "session") == ["1"]
    bucket.put(LATER + ".gz", tar(logs, ".gz"))
    assert bucket.unpack() == []


@pytest.mark.usefixtures("connections")
def test_a_wrong_passphrase_holds_back_nothing_but_what_is_encrypted(
    warehouse: Connection, bucket: Bucket, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket, owner)
    give(monkeypatch, gpg.Key("edx_gpg", owner.key.armoured, "wrong"))
    ids = bucket.unpack()
    with pytest.raises(PermanentFailure, match=r"3 failed: .*does not open with its password"):
        load_logs(ids)
    give(monkeypatch, owner.key)
    again = bucket.unpack()
    load_logs(again)
    assert sorted(column(warehouse, "session")) == ["1", "2", "3", "4"]


@pytest.mark.usefixtures("connections")
def test_a_damaged_message_fails_alone(
    warehouse: Connection, bucket: Bucket, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, owner.key)
    whole = owner.seal(os.urandom(100_000))
    bucket.put(PLAIN + ".gz", tar({SEALED: whole[:-50], OPEN: log(1)}, ".gz"))
    with pytest.raises(PermanentFailure, match=rf"^{SEALED} in s3://.* cannot be decrypted and "):
        load_logs(bucket.unpack())
    assert column(warehouse, "session") == ["1"]


@pytest.mark.usefixtures("connections")
def test_a_good_message_with_a_damaged_log_says_which_of_the_two(
    warehouse: Connection, bucket: Bucket, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, owner.key)
    bucket.put(DAILY, owner.seal(log(1)[:-12]))
    with pytest.raises(PermanentFailure, match=rf"^{DAILY} in s3://.* is damaged \("):
        load_logs(bucket.unpack())


@pytest.mark.usefixtures("connections")
def test_encrypted_logs_wait_when_the_key_is_taken_away(
    warehouse: Connection, bucket: Bucket, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket, owner)
    give(monkeypatch, owner.key)
    ids = bucket.unpack()
    monkeypatch.delenv("AIRFLOW_CONN_EDX_GPG")
    assert names(warehouse, bucket.unpack()) == {OPEN}
    with pytest.raises(PermanentFailure, match="no connection 'edx_gpg' holds a key any more"):
        load_logs(ids)
    assert together(bucket.pushed)


@pytest.mark.usefixtures("connections")
def test_heartbeats_are_skipped_and_rejects_replayed_of_encrypted_logs(
    warehouse: Connection, bucket: Bucket, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, owner.key)
    bucket.put(PLAIN + ".gz", tar({SEALED: owner.seal(gz(MIXED))}, ".gz"))
    skip_and_replay(warehouse, bucket, monkeypatch)
