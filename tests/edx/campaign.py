"""Damaged lines, made by chance from sound ones, on their whole way into edx.event.

Every kind of line that logs are known to have is damaged in every way that bytes, encodings, JSON
and PostgreSQL give reason to fear; the lines go in logs through staging and merging, and are
delivered again. What must hold: no log fails or takes too long, each of its lines is accounted
for, what was delivered before is known again, and every view can be read.

``python -m tests.edx.campaign --lines 1000000 --seed 1``
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import logging
import random
import shutil
import tarfile
import tempfile
import time
from collections import Counter
from contextlib import closing
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.sandbox.campus import Campus
from include.sandbox.postgres import EmbeddedPostgres
from tests.conftest import open_database
from tests.edx.loading import line, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.merging import Merged

    Damage = Callable[[random.Random, bytes, bytes], bytes]

LOG = 10_000
LOGS_BETWEEN_VIEWS = 20
LONGEST_LOG = 120.0
"""Seconds that a log may take, on a machine that is busy with other things too."""

VIEWS = """
SELECT format('%I.%I', schemaname, viewname) AS name
FROM pg_views
WHERE schemaname = 'edx'
ORDER BY name
"""


# --- sound lines ----------------------------------------------------------------------------------


@cache
def sound_lines() -> list[bytes]:
    """Lines of the sandbox's campus, and one of each other form that is known."""
    campus = Campus(first_day=date(2026, 1, 5), students=20, days=3)
    lines: list[bytes] = []
    for _, content in list(campus.edx_tars())[-1:]:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if member.isfile() and name.startswith("2026") and name.endswith(".log"):
                    body = tar.extractfile(member)
                    assert body is not None
                    lines += body.read().splitlines()
    return lines[:2000] + list(_known_forms()) * 10


def _known_forms() -> Iterator[bytes]:
    event = {"id": "video1", "currentTime": 1.5, "answers": {"p_2_1": ["a", "汉字 😀"]}, "n": -1e-7}
    inner = json.dumps(event)
    check = {
        "problem_id": "i4x://MITx/6.00x/problem/L15",
        "attempts": 2,
        "answers": {"p_2_1": "choice_1"},
        "correct_map": {"p_2_1": {"correctness": "correct", "queuestate": {"key": "k"}}},
        "submission": {"p_2_1": {"question": "Which?", "correct": True}},
        "grade": 1,
        "success": "correct",
    }
    for kind in ("play_video", "seek_video", "speed_change_video", "rubric_select", "book"):
        yield line(event_type=kind, event=inner)
    yield line(event=event)
    yield line(event=json.dumps(inner))
    yield line(event=json.dumps(json.dumps(inner)))
    yield line(event=["input_1=a", "<h3>"])
    yield line(event="input_p1_2_1=choice_2&input_p1_3_1%5B%5D=a%00&input_p1_3_1%5B%5D=%ed%a0%80")
    yield line(event=json.dumps({"POST": {"a": "x" * 600}})[:512], event_type="/courses/a/b/c/save")
    yield line(event_type="problem_check", event_source="server", event=check)
    yield line(event_type="problem_check", event_source="server", event=json.dumps(check))
    yield line(event_type="save_problem_check", event_source="server", time="2013-07-01T00:00:00")
    yield line(event_type="/heartbeat", event_source="server", event='{"POST": {}, "GET": {}}')
    yield line(event_type="/courses/course-v1:A+B+C/xblock", context={"user_id": "", "path": "/x"})
    yield line(context={"course_id": "A/B/C", "org_id": "A", "user_id": 7, "module": {"a": None}})
    yield line(context=json.dumps({"course_id": "A/B/C", "user_id": 12}))
    yield line(page="https://x.org/courses/MITx/6.00x/2012_Fall/info", username="ada\n")
    yield line(label="x", nonInteraction=1, agent='C:\\dir\t"x"', host=None)
    for moment in ("2013-09-09 04:00:48.12", "2013-09-09T06:00:48+02:00", 1378699248.5, "soon"):
        yield line(time=moment)


# --- damages --------------------------------------------------------------------------------------


def _flipped_bits(chance: random.Random, content: bytes, other: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 4))):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _cut(chance: random.Random, content: bytes, other: bytes) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] if chance.random() < 0.7 else content[at:]


def _hole(chance: random.Random, content: bytes, other: bytes) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + content[at + chance.randrange(1, 40) :]


def _splice(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return content[: chance.randrange(len(content))] + other[chance.randrange(len(other)) :]


def _woven(chance: random.Random, content: bytes, other: bytes) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + other + content[at:]


def _glued(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return content + chance.choice((b"", b" ", b",", b"\r", b"\0")) + other


def _inserted(chance: random.Random, content: bytes, other: bytes) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(MORSELS) * chance.choice((1, 1, 1, 30)) + content[at:]


MORSELS = (
    b"\0", b"\r", b"\n", b"\r\n", b"\t", b"\x0b", b"\x1f", b"\x7f", b"\x85", b"\xff", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"\xc2\x85",
    b"\xef\xbb\xbf", b"\xef\xbf\xbe", b"\xf0\x9f\x98", b"\\", b"\\\\", b'"', b'\\"', b"\\u0000",
    b"\\ud800", b"\\udfff", b"\\ud83d\\ude00", b"\\u", b"\\u12", b"\\x00", b"\\N", b"\\.", b"{",
    b"}", b"[", b"]", b":", b",", b"NaN", b"-Infinity", b"null", b"1e400", b"\xa0", b"%00", b"%",
)  # fmt: skip


def _odd_value(chance: random.Random, content: bytes, other: bytes) -> bytes:
    """A value of the line, or of the event in it, becomes another one, written as it is."""
    try:
        fields = json.loads(content)
        inside = isinstance(fields.get("event"), dict) and fields["event"] and chance.random() < 0.5
        changed = fields["event"] if inside else fields
        name = chance.choice(sorted(changed))
    except (ValueError, AttributeError, IndexError, RecursionError):
        return _inserted(chance, content, other)
    changed[name] = "\x02VALUE\x02"
    try:
        written = json.dumps(fields)
    except RecursionError:
        return content
    return written.encode("utf-8", "surrogatepass").replace(
        b'"\\u0002VALUE\\u0002"', chance.choice(VALUES)
    )


VALUES = (
    b"NaN", b"Infinity", b"-Infinity", b"+1", b"01", b"1.", b".5", b"-", b"-0", b"0e0", b"1e5",
    b"1e308", b"1e309", b"1e400", b"1E+9999", b"1e-9999", b"1e99999", b"-1e131073", b"1e-16384",
    b"1e999999999999", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809",
    b"1" * 30, b"-" + b"1" * 400, b"1" * 5000, b"0." + b"0" * 17000 + b"1", b"1" * 132_000,
    b"null", b"true", b"false", b"{}", b"[]", b'""', b'" "', b'"\\u0000"', b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\\u00e9\\n\\t\\r"', b'"\\\\N"', b'"\\\\."', b"[" * 50 + b"]" * 50,
    b"[" * 900 + b"]" * 900, b"[" * 5000 + b"]" * 5000, b'{"a":' * 300 + b"1" + b"}" * 300,
    b'{"a":1,"a":2}', b'{"":1}', b'{"\\u0000":1}', b'["\\u0000",NaN]', b'"{\\"a\\": NaN}"',
    b'"{\\"a\\": \\"\\\\u0000\\"}"', b'"{\\"a\\": \\"\\\\ud83d\\"}"', b'"[1,2"',
    b'"a=1&a=2&a[]=%00"', b'"\\"\\\\\\"{\\\\\\\\\\\\\\"a\\\\\\\\\\\\\\":1}\\\\\\"\\""',
    b'"\\"\\""', b'"\\"\\\\\\"\\\\\\"\\""', b'"2017-05-25"', b'"2017-W21-4"',
    b'"20170525T031707Z"', b'"2017-05-25+03:17:07"', b'"2017-05-25T24:00:00"',
    b'"2017-05-25T03:17:07.1234567+00:00"', b'"2017-05-25T03:17:07,5"', b'"2017-05-25T03"',
    b'"2017-05-25T03:17:60"', b'"2017-05-25T03:17:07+23:59:59.9"', b'"infinity"', b'"1e9"', b"-1",
    b'"2017-05-25 03:17:07 America/New_York"', b'"0001-01-01T00:00:00+10:00"',
    b'"9999-12-31T23:59:59-10:00"', b"1378699248", b"1378699248123456789", b'"/courses/a%00/b/c"',
    b'"' + b"x" * 9000 + b'"', b'"' + b"/courses/" * 2000 + b'"', b'"/courses/a/b/%ED%A0%80"',
    b'"/courses/course-v1:' + b"x" * 300 + b'"', b'"' + b"\\\\" * 300 + b'"', b'"\\x"', b"\xa0",
    '"汉字 ü 😀 \u2028\u0085"'.encode(), b'"\xff\xfe"', b'"\xed\xa0\x80"',
)  # fmt: skip


def _re_encoded(chance: random.Random, content: bytes, other: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    encoding = chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"))
    return text.encode(encoding, "replace")


def _encoded_again(chance: random.Random, content: bytes, other: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    for _ in range(chance.randrange(1, 4)):
        text = json.dumps(text, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.5:
        return text.encode()
    return b'{"time": "2017-05-25T03:17:07", "event_type": "x", "event": %b}' % text.encode()


def _prefixed(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return chance.choice(PREFIXES) + content + chance.choice((b"", b"", b" \r", b"\0", b"}", b"]"))


PREFIXES = (
    b"\0" * 826, b"Sep  9 00:00:48 localhost ", b"tracking.log-20130722.gz:", b":", b"\xef\xbb\xbf",
    b"2023-05-23 13:53:13,461 INFO 20 [tracking] [user None] [ip None] logger.py:41 - ", b"{", b"[",
    b"{} ", b"\x1f\x8b", b"\xff\xfe", b"\x1b[31m", b'"', b"'", b"}", b"{{", b'{"a":',
)  # fmt: skip


def _very_long(chance: random.Random, content: bytes, other: bytes) -> bytes:
    filling = chance.choice((b"x", b"\\n", b"\\\\", b"\\u0000", b"\xc3\xa9", b"{", b"\0", b"\xff"))
    (size,) = chance.choices((20_000, 200_000, 1_000_000, 9 * 1024 * 1024), (60, 30, 9, 1))
    at = content.find(b'": "') + 4 if chance.random() < 0.7 else chance.randrange(len(content))
    return content[:at] + filling * (size // len(filling)) + content[at:]


def _requoted(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return content.replace(b'"', chance.choice((b"'", b'\\"', b'""', b"", b"\xe2\x80\x9d")))


def _unescaped(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return content.replace(b"\\", b"") if chance.random() < 0.5 else content.replace(b"\\", b"\\\\")


def _sound(chance: random.Random, content: bytes, other: bytes) -> bytes:
    return content


DAMAGES: dict[Damage, int] = {
    _sound: 150,
    _flipped_bits: 100,
    _cut: 80,
    _hole: 80,
    _splice: 60,
    _woven: 20,
    _glued: 40,
    _inserted: 150,
    _odd_value: 250,
    _re_encoded: 30,
    _encoded_again: 50,
    _prefixed: 50,
    _requoted: 20,
    _unescaped: 20,
    _very_long: 1,
}
"""Each damage, and how often it is done beside the others."""


def damaged_lines(seed: int, count: int) -> Iterator[bytes]:
    """So many lines, each damaged up to three times; the same ones for the same seed."""
    chance = random.Random(seed)
    sound = sound_lines()
    damages, weights = list(DAMAGES), list(DAMAGES.values())
    for _ in range(count):
        content = chance.choice(sound)
        for damage in chance.choices(damages, weights, k=chance.choice((1, 1, 1, 1, 2))):
            content = damage(chance, content, chance.choice(sound)) or b" "
        yield content


# --- the campaign ---------------------------------------------------------------------------------


class Fault(AssertionError):
    """Something that must hold does not."""


def run(
    conn: Connection, *, seed: int, lines: int, log: int = LOG, said: Any = print
) -> Counter[str]:
    """Load damaged lines, log by log, and deliver each log again in another way.

    :param log: lines of a log.
    :returns: what became of the records.
    :raises Fault: something that must hold does not; the message names the log.
    """
    totals: Counter[str] = Counter()
    for number, first in enumerate(range(0, lines, log)):
        chance = random.Random(f"{seed}/{number}")
        name = f"prod-edx-{number:03d}/tracking.log"
        made = list(damaged_lines(chance.randrange(2**32), min(log, lines - first)))
        content = chance.choice((b"\n", b"\n", b"\r\n")).join([line(), *made])
        begun = time.monotonic()
        try:
            _deliver_and_again(conn, content, name, chance, totals)
        except Exception as failure:
            raise Fault(f"seed {seed}, log {number} ({name}): {failure}") from failure
        seconds = time.monotonic() - begun
        totals["lines"] += len(made)
        totals["bytes"] += len(content)
        totals["slowest log, ms"] = max(totals["slowest log, ms"], int(seconds * 1000))
        said(f"seed {seed}, log {number}: {len(made)} lines, {seconds:.1f} s", flush=True)
        if seconds > LONGEST_LOG:
            raise Fault(f"seed {seed}, log {number}: it took {seconds:.0f} s")
        if (number + 1) % LOGS_BETWEEN_VIEWS == 0:
            read_views(conn)
    totals.update({f"rows of {name}": rows for name, rows in read_views(conn).items()})
    return totals


def _deliver_and_again(
    conn: Connection, content: bytes, name: str, chance: random.Random, totals: Counter[str]
) -> None:
    records = sum(bool(line.strip()) for line in content.split(b"\n"))
    first = load(conn, gzip.compress(content, 1) if chance.random() < 0.5 else content, name)
    _check(conn, first, records)
    head, *shuffled = content.split(b"\n")
    chance.shuffle(shuffled)
    again = load(conn, b"\n".join([head, *shuffled]), f"{name}-again")
    _check(conn, again, records)
    if again.rows_merged or again.rows_rejected != first.rows_rejected:
        raise Fault(f"delivered again, it is not what it was: {first} {again}")
    before = conn.execute("SELECT count(*) AS n FROM edx.event").fetchall()
    if chance.random() < 0.2:
        reloaded = load(conn, content, f"{name}-again-{chance.random()}", reload=True)
        _check(conn, reloaded, records)
        if conn.execute("SELECT count(*) AS n FROM edx.event").fetchall() != before:
            raise Fault("a reload changed the events")
    for merged in (first, again):
        for count in ("read", "merged", "duplicate", "rejected", "filtered"):
            totals[count] += getattr(merged, f"rows_{count}")


def _check(conn: Connection, merged: Merged, records: int) -> None:
    """Each record of a delivery is in one place, and the ledger says so."""
    if merged.rows_read != records:
        raise Fault(f"{records} records were delivered, {merged.rows_read} were read")
    accounted = (
        merged.rows_merged + merged.rows_duplicate + merged.rows_rejected + merged.rows_filtered
    )
    if accounted != merged.rows_read:
        raise Fault(f"{merged.rows_read} records were read, {accounted} are accounted for")
    ledger: Any = conn.execute(
        "SELECT (SELECT count(*) FROM edx.event WHERE _delivery = %(id)s) AS merged, "
        "(SELECT count(*) FROM ops.rejected_row WHERE delivery_id = %(id)s) AS rejected, "
        "(SELECT count(*) FROM (SELECT _row FROM edx.event WHERE _delivery = %(id)s INTERSECT "
        "SELECT _row FROM ops.rejected_row WHERE delivery_id = %(id)s) AS r) AS both",
        {"id": merged.delivery_id},
    ).fetchone()
    if ledger != {"merged": merged.rows_merged, "rejected": merged.rows_rejected, "both": 0}:
        raise Fault(f"the tables hold {ledger} of {merged}")


def read_views(conn: Connection) -> dict[str, int]:
    """Read every column of every row of the table and its views; how many rows each has."""
    names = ["edx.event", *(row["name"] for row in conn.execute(VIEWS).fetchall())]
    rows = {}
    for name in names:
        query: Any = f"SELECT count(*) AS n, max(length(v::text)) FROM {name} AS v"
        row = conn.execute(query).fetchone()
        assert row is not None
        rows[name] = row["n"]
    return rows


def main() -> None:
    """Run the campaign on a PostgreSQL server of its own, and print what came of it."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--lines", type=int, default=1_000_000)
    given.add_argument("--seed", type=int, default=1)
    asked = given.parse_args()
    logging.disable(logging.WARNING)
    state = Path(tempfile.mkdtemp(prefix="campaign-"))
    begun = time.monotonic()
    try:
        with EmbeddedPostgres(state / "postgres") as server:
            server.create_database("warehouse")
            with closing(open_database(server, "warehouse")) as conn:
                totals = run(conn, seed=asked.seed, lines=asked.lines)
    finally:
        shutil.rmtree(state, ignore_errors=True)
    print(f"seed {asked.seed}: {time.monotonic() - begun:.0f} s")
    for what, count in totals.items():
        print(f"{what:>32} {count:>14,}")


if __name__ == "__main__":
    main()
