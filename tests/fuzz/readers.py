"""What Hypothesis makes for each reader, and how it is read.

What must hold of each input: it is read, or refused with a failure that says what to do; nothing
else is raised, nothing is lost, and it takes neither long nor much memory.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import tarfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from learning_warehouse.days import days_of
from learning_warehouse.edx.events import COLUMNS, EventReader
from learning_warehouse.edx.operators import LOGS_KEY, EdxLogTarOperator
from learning_warehouse.edx.tar import Walk, pass_through, walk
from learning_warehouse.errors import PermanentFailure, TransientFailure
from learning_warehouse.s3 import bucket_of, s3_hook
from learning_warehouse.streams import BLOCK, Damaged, unpacked
from learning_warehouse.vocareum.credentials import account, request_credentials
from learning_warehouse.warehouse.catalogue import read_table
from learning_warehouse.warehouse.delimited import check_header, layout_of
from tests.edx.bucket import PACKERS
from tests.edx.campaign import MORSELS, VALUES, damaged_lines
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VIDEOVIEW, delivered, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from learning_warehouse.warehouse.connection import Connection

REFUSED = (PermanentFailure, TransientFailure)


@dataclass(frozen=True)
class Reader:
    """A reader and its inputs.

    :param share: how many of a thousand inputs are its.
    :param read: reads what ``inputs`` makes; how many inputs that was.
    :param batch: how many that is about, on average.
    """

    name: str
    share: int
    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], int]
    batch: int = 1


def _once(read: Callable[[Any], Any]) -> Callable[[Any], int]:
    """One input, which may be refused."""

    def refused_or_read(given: Any) -> int:
        try:
            read(given)
        except REFUSED as failure:
            assert ": " in str(failure) or ":" in str(failure), failure
        return 1

    return refused_or_read


# --- bytes ----------------------------------------------------------------------------------------

MORSEL = st.sampled_from(MORSELS) | st.binary(max_size=8)


@st.composite
def damaged(draw: st.DrawFn, sound: st.SearchStrategy[bytes]) -> bytes:
    """Sound bytes with some bits flipped, pieces put in, taken out, said twice, or cut off."""
    content = bytearray(draw(sound))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        how = draw(st.integers(0, 4))
        if how == 0 and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif how == 1:
            content[at:at] = draw(MORSEL)
        elif how == 2:
            del content[at : at + draw(st.integers(1, 64))]
        elif how == 3:
            content[at:at] = content[at : at + draw(st.integers(1, 600))]
        else:
            del content[at:]
    return bytes(content)


packed = st.builds(
    lambda end, content, times: PACKERS[end](content) * times,
    st.sampled_from(list(PACKERS)),
    st.binary(max_size=300) | st.sampled_from([bytes(100_000), b"line\n" * 5000]),
    st.integers(1, 3),
)


def read_stream(content: bytes) -> None:
    """As a log, in both ways, and as a delimited file."""
    for to_the_last in (False, True):
        try:
            stream = unpacked(io.BytesIO(content), "a log", to_the_last=to_the_last)  # type: ignore[arg-type]
            while stream.read(BLOCK):
                pass
        except Damaged:
            pass


# --- tars -----------------------------------------------------------------------------------------

NUMBERS = st.sampled_from(
    [b"", b"0", b"7", b"777", b"00000000012", b"99999999999", b"7zz", b"-1", b" 12 ", b"\0\0\0\1"]
) | st.integers(-(2**87), 2**87).map(
    lambda n: (b"\x80" if n >= 0 else b"\xff") + (n % 2**88).to_bytes(11, "big")
)
KINDS = st.sampled_from([bytes([kind]) for kind in b"0\0123456gxLKSVMNDX7Z"]) | st.binary(
    min_size=1, max_size=1
)
NAMES = st.sampled_from(
    ["prod-edx-001/tracking.log", "a/tracking.log.gz", "junk", "", "../../x", "a" * 100, "\ud800"]
) | st.text(max_size=30)
PAX_VALUES = st.sampled_from(
    [b"1", b"-512", b"inf", b"nan", b"1e400", b"9" * 300, b"", b"0,1,2", b"\xff", b"a/tracking.log"]
) | st.binary(max_size=20)
PAX_KEYS = st.sampled_from(
    [b"path", b"size", b"mtime", b"linkpath", b"GNU.sparse.map", b"GNU.sparse.major", b"hdrcharset",
     b"GNU.sparse.minor", b"GNU.sparse.name", b"GNU.sparse.size", b"GNU.sparse.realsize", b"uid"]
)  # fmt: skip


@st.composite
def tar_header(draw: st.DrawFn) -> bytes:
    """A header with what it needs behind it, or not."""
    info = tarfile.TarInfo(draw(NAMES))
    kind = draw(KINDS)
    body = draw(st.binary(max_size=40))
    if kind in b"xg":
        records = draw(st.lists(st.tuples(PAX_KEYS, PAX_VALUES), max_size=4))
        lie = draw(st.sampled_from([0, 0, 0, 1, -5, 10**6]))
        body = b"".join(
            b"%d %b=%b\n" % (max(0, len(k) + len(v) + 3 + 2 + lie), k, v) for k, v in records
        )
    info.size = len(body)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogatepass")[-512:])
    block[156:157] = kind
    if draw(st.integers(0, 3)) == 0:
        field = draw(st.sampled_from([slice(124, 136), slice(136, 148), slice(386, 398)]))
        block[field] = draw(NUMBERS)[:12].ljust(12, b"\0")
    if draw(st.integers(0, 9)) == 0:
        block[482] = draw(st.integers(0, 1))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + body + bytes(-len(body) % 512)


tars = damaged(
    st.builds(
        lambda headers, end: b"".join(headers) + bytes(end),
        st.lists(tar_header(), max_size=5),
        st.sampled_from([1024, 1024, 512, 0, 10240]),
    )
)


def read_tar(content: bytes) -> None:
    """As a plain tar and as a packed one."""
    plain = Walk("s3://course-data/a.tar", len(content))
    fetch = lambda start, size: content[start : start + size]  # noqa: E731
    try:
        names = [one.name for one in walk(plain, fetch)]
        assert all(name.encode() for name in names)
    except REFUSED:
        pass
    compressed = Walk("s3://course-data/a.tar.gz", len(content))
    for passing in pass_through(compressed, io.BytesIO(content)):  # type: ignore[arg-type]
        passing.body.drain()
        passing.version()


# --- edX lines ------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["time", "username", "session", "event_source", "event_type", "name", "page", "referer", "ip",
     "agent", "accept_language", "host", "event", "context", "label"]
)  # fmt: skip
made_line = st.dictionaries(FIELDS, JSON | JSON.map(json.dumps), max_size=5).map(
    lambda fields: json.dumps({"time": "2017-05-25T03:17:07+00:00", **fields}).encode()
)
odd_line = st.builds(
    lambda name, value: b'{"time": "2017-05-25T03:17:07", "%b": %b}' % (name.encode(), value),
    FIELDS,
    st.sampled_from([value for value in VALUES if len(value) < 20_000]),
)
known_lines = st.integers(0, 2**32).flatmap(lambda seed: st.just(list(damaged_lines(seed, 40))))
lines = st.lists(damaged(made_line) | odd_line | st.binary(max_size=60), min_size=1, max_size=40)

reader = EventReader({}, now=datetime(2026, 6, 1, tzinfo=UTC))


def read_lines(contents: list[bytes]) -> int:
    """Each line is a row for COPY, or rejected."""
    given = [content.replace(b"\n", b" ") for content in contents]
    records = sum(bool(content.strip()) for content in given)
    for care in ("none", "all"):
        block = reader.read(given, care=care)  # type: ignore[arg-type]
        assert block.records == records == len(block.rows) + len(block.rejected)
    for row in block.rows:
        assert row.count("\t") == len(COLUMNS) - 1
        assert row.endswith("\n")
        assert row.count("\n") == 1
        row.encode()
    for rejected in block.rejected:
        assert "\0" not in rejected.raw
        rejected.raw.encode()
    return len(given)


# --- delimited files ------------------------------------------------------------------------------

HOSTILE_TEXT = st.sampled_from(
    ['x"; DROP SCHEMA vocareum CASCADE; --', "%s", "%(a)s", "{}", "'", '"', "\\", "\\.", "\r", "\n",
     "\0", "\ud800", "now", "today", "infinity", "NaN", "1e400", " 1", "1 ", "", " ", "\ufeff",
     "Feb-23-2022 9:40:20 pm UTC", "1645823566", "2026-01-05", "true", "x" * 300, "a, b", "ü"]
)  # fmt: skip
VALUE = HOSTILE_TEXT | st.text(max_size=12) | st.integers().map(str) | st.floats().map(str)
DELIMITER = st.sampled_from([",", ",", ",", "\t", "|", ", "])
KNOWN = {
    ENROLLMENT: ["userid", "courseid", "role", "name", "email"],
    LAB_SESSIONS: ["User ID", "User Email", "Course ID", "Part ID", "Start Time", "Duration (min)"],
    VIDEOVIEW: ["event_timestamp", "user email", "media name", "section id"],
}
DAYS = (date(2026, 1, 5), date(2026, 1, 12))


def _written(rows: list[list[str]], delimiter: str, quoting: int, ends: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter[0], quoting=quoting, lineterminator=ends)  # type: ignore[arg-type]
    writer.writerows(rows)
    written = text.getvalue()
    return written.encode("utf-8", "surrogatepass")


@st.composite
def delimited(draw: st.DrawFn, *, rows: int) -> tuple[Any, bytes]:
    """A file of a dataset, encoded, quoted and damaged in some way."""
    dataset = draw(st.sampled_from(list(KNOWN)))
    header = list(KNOWN[dataset])
    header[draw(st.integers(0, 9)) :] = draw(st.lists(VALUE, max_size=4)) or header[99:]
    header += draw(st.lists(VALUE, max_size=2))
    count = draw(st.integers(0, rows))
    width = st.integers(0, 2).map(lambda short: max(1, len(header) - short))
    chance = draw(st.randoms(use_true_random=False))
    pool = draw(st.lists(VALUE, min_size=1, max_size=40))
    made = [
        [chance.choice(pool) for _ in range(draw(width) if n < 3 else len(header))]
        for n in range(count)
    ]
    content = _written(
        [header, *made],
        draw(DELIMITER),
        draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        draw(st.sampled_from(["\n", "\n", "\r\n", "\r"])),
    )
    encoding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "latin-1"]))
    if encoding != "utf-8":
        content = content.decode("utf-8", "replace").encode(encoding, "replace")
    if draw(st.integers(0, 2)) == 0:
        content = draw(damaged(st.just(content)))
    if draw(st.integers(0, 4)) == 0:
        content = draw(damaged(st.just(gzip.compress(content))))
    return dataset, content


class Files:
    """Reads delimited files: their headers alone, or all of them on their way to the tables."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._tables = {dataset: read_table(conn, dataset.table) for dataset in KNOWN}
        self._delivery = delivered(conn, ENROLLMENT, 1)
        self._number = 0

    def read_header(self, given: tuple[Any, bytes]) -> None:
        """The first block of a file, as it is looked at."""
        dataset, content = given
        layout = layout_of(content[:BLOCK], self._tables[dataset], self._delivery)
        check_header(layout, self._tables[dataset], dataset, self._delivery)

    def load(self, given: tuple[Any, bytes]) -> int:
        """A file, down both paths: what is refused leaves nothing behind, and both agree."""
        dataset, content = given
        rows = max(1, content.count(b"\n"))
        ends = [self._outcome(dataset, content, careful=careful) for careful in (True, False)]
        assert ends[0] == ends[1], ends
        return rows

    def _outcome(self, dataset: Any, content: bytes, *, careful: bool) -> Any:
        self._number += 1
        name = f"file {self._number}"
        days = DAYS if dataset is VIDEOVIEW else None
        self._conn.execute("DISCARD TEMP")  # A task makes them once, and not for each file.
        try:
            merged = load(
                self._conn, dataset, content, careful=careful, name=name, days=days,
                accept_shrink=True, reload=True,
            )  # fmt: skip
        except PermanentFailure as failure:  # What breaks unawares would be called transient.
            return str(failure).replace(name, "file").split("(")[0]
        accounted = merged.rows_merged + merged.rows_duplicate + merged.rows_superseded
        assert accounted + merged.rows_rejected == merged.rows_read, merged
        return merged.rows_read, merged.rows_rejected


# --- APIs -----------------------------------------------------------------------------------------

WORD = HOSTILE_TEXT | st.text(max_size=10)
ODD = JSON | WORD | st.sampled_from([2**70, -1, 1e308, "9999-12-31T23:59:59-10:00", [], {}])
request_told = st.fixed_dictionaries(
    {
        "requestId": WORD | ODD,
        "status": st.sampled_from(["Pending", "Available", "Failed"]) | ODD,
        "reportName": st.just("videoview") | ODD,
        "parameters": st.just({"start": "2026-01-05", "end": "2026-01-12"}) | ODD,
        "created": st.sampled_from(
            ["2026-01-14T00:00:00.000Z", "0001-01-01T00:00:00+10:00", "2026-01-14"]
        ) | ODD,
        "signedAssets": st.just(["http://127.0.0.1:1/a.csv"]) | st.lists(ODD, max_size=3) | ODD,
    }
)  # fmt: skip
page = st.fixed_dictionaries(
    {
        "requests": st.lists(request_told | ODD, max_size=3) | ODD,
        "has_more": st.booleans() | ODD,
        "next": st.sampled_from(["?page=2", "http://[", "//elsewhere", "http://x/\n"]) | ODD,
    }
)
reports_told = st.fixed_dictionaries(
    {
        "reports": st.lists(
            st.fixed_dictionaries(
                {"name": WORD | ODD, "parameters": st.lists(st.fixed_dictionaries(
                    {"name": WORD | ODD, "required": ODD}) | ODD, max_size=2) | ODD}
            ) | ODD,
            max_size=3,
        ) | ODD
    }
)  # fmt: skip
credentials_told = st.fixed_dictionaries(
    {
        "AccessKeyId": WORD | ODD,
        "SecretAccessKey": WORD | ODD,
        "SessionToken": WORD | ODD,
        "Expiration": st.sampled_from(["2026-01-05T12:30:00Z", "0001-01-01"]) | ODD,
    }
)
ANSWERS = st.one_of(
    page, reports_told, request_told, credentials_told, st.fixed_dictionaries({"s3_labs": ODD}), ODD
).map(lambda told: json.dumps(told, ensure_ascii=True).encode())


class Api:
    """A server whose answer to everything is what was last laid there, and who asks it."""

    def __init__(self) -> None:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                body = b'{"access_token": "token"}' if "oauth2" in self.path else api.body
                status = 200 if "oauth2" in self.path else api.status
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.body, self.status = b"", 200
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        fields = {
            "conn_type": "http",
            "host": f"http://127.0.0.1:{server.server_port}",
            "login": "client",
            "password": "secret",
            "extra": {"org_id": "9"},
        }
        for conn_id in ("FUZZED_ECHO360", "FUZZED_VOCAREUM"):
            os.environ[f"AIRFLOW_CONN_{conn_id}"] = json.dumps(fields)

        from learning_warehouse.echo360.hook import Echo360Hook

        self._hook = Echo360Hook("fuzzed_echo360", attempts=1)
        self._account = account("fuzzed_vocareum")

    def ask(self, given: tuple[bytes, int, str]) -> None:
        """Ask one of the questions that the tasks ask."""
        from learning_warehouse.echo360.assets import open_asset
        from learning_warehouse.echo360.hook import Refused

        self.body, self.status, question = given
        if question == "credentials":
            request_credentials(self._account).seal(self._account.origin)
            return
        ask: dict[str, Callable[[], Any]] = {
            "reports": self._hook.reports,
            "requests": self._hook.requests,
            "request": lambda: self._hook.request("a"),
            "submit": lambda: self._hook.submit("videoview", {}, {}),
        }
        try:
            told = ask[question]()
        except Refused as refusal:
            assert "\0" not in refusal.text
            return
        for one in told if isinstance(told, list) else [told]:
            for link in getattr(one, "links", ()):
                with suppress(*REFUSED):
                    open_asset(link, ["127.0.0.1"]).close()


answered = st.tuples(
    ANSWERS | damaged(ANSWERS) | st.binary(max_size=40),
    st.sampled_from([200] * 9 + [201, 204, 400, 404, 429, 500]),
    st.sampled_from(["credentials", "reports", "requests", "request", "submit"]),
)


# --- Params and connections -----------------------------------------------------------------------

DAY = (
    st.dates().map(str) | st.sampled_from(["2026-02-30", "20260105", "2026-W01-1", None, ""]) | ODD
)
PATTERN = st.just(LOGS_KEY) | st.sampled_from(
    ["(?P<date>", "(?P<date>x)?", r"(?P<date>\d{4})", r"(?P<date>\d{4}-\d\d-\d\d)-(?P<site>.*)",
     "a{99999999999999999999}", "(" * 5000, "(?P<date>.*)", "[", "\\", "\0", "(?P<date>\ud800)"]
) | st.text(max_size=12).map(lambda text: f"(?P<date>{text})")  # fmt: skip
params = st.fixed_dictionaries(
    {}, optional={"first_day": DAY, "last_day": DAY, "earliest": ODD, "pattern": PATTERN}
)


def read_params(given: dict[str, Any]) -> None:
    """The days that a run is for, and where it looks for logs."""
    days = days_of({"params": given})
    assert days.first_day <= days.last_day
    operator = EdxLogTarOperator(task_id="unpack", pattern=given.get("pattern", LOGS_KEY))
    found = operator._compiled_pattern().search("2026-01-05-UniversityA-tracking.tar")
    if found:
        found.groupdict()


HOST = (
    st.sampled_from(["127.0.0.1:1", "http://127.0.0.1:1", "http://[", "a b", "\n", "ü", ""]) | WORD
)
connection = st.fixed_dictionaries(
    {
        "conn_type": st.sampled_from(["http", "aws"]),
        "host": HOST,
        "login": WORD,
        "password": WORD,
        "extra": st.dictionaries(
            st.sampled_from(
                ["org_id", "bucket", "region_name", "endpoint_url", "service_config", "site"]
            ),
            ODD | st.just({"s3": {"bucket_name": "b"}}) | st.fixed_dictionaries({"s3": ODD}),
            max_size=6,
        ),
    },
    optional={"port": st.integers(0, 99999), "schema": WORD},
)


def read_connection(fields: dict[str, Any]) -> None:
    """What the sources take from their connections.

    Airflow covers every secret that a process has met by one pattern, for ever: a task meets few.
    """
    from airflow.sdk._shared.secrets_masker import reset_secrets_masker

    from learning_warehouse.echo360.hook import Echo360Hook

    reset_secrets_masker()
    written = json.dumps(fields)
    if "\0" in written:
        return
    os.environ["AIRFLOW_CONN_FUZZED"] = written
    for take in (
        lambda: account("fuzzed"),
        lambda: Echo360Hook("fuzzed").origin,
        lambda: bucket_of(s3_hook("fuzzed")),
    ):
        with suppress(*REFUSED):
            take()


def readers(conn: Connection) -> list[Reader]:
    """All of them; the shares make a thousand."""
    files, api = Files(conn), Api()
    return [
        Reader("packed streams", 150, damaged(packed), _once(read_stream)),
        Reader("tar headers", 150, tars, _once(read_tar)),
        Reader("edX lines", 400, lines | known_lines, read_lines, batch=20),
        Reader("headers of files", 100, delimited(rows=2), _once(files.read_header)),
        Reader("rows of files", 150, delimited(rows=400), files.load, batch=80),
        Reader("API answers", 38, answered, _once(api.ask)),
        Reader("DAG Params", 10, params, _once(read_params)),
        Reader("connections", 2, connection, _once(read_connection)),
    ]
