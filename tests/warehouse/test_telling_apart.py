"""A file of which COPY refuses some records: loaded both ways, it leaves the same behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from learning_warehouse.warehouse import pieces, telling_apart
from tests.warehouse.roads import ENROLLMENT, LAB_SESSIONS, VOCAREUM, load, rows
from tests.warehouse.test_staging import DOCUMENT_LAB_SESSIONS

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection
    from learning_warehouse.warehouse.dataset import Dataset

HEADER, SESSION = DOCUMENT_LAB_SESSIONS.splitlines(keepends=True)
COSTS = (
    b"AWS Account ID, User ID, User Email, Part ID, Part Name, Cost, File Updated Time\n",
    b"8622xxxx, 1731xxxx, user@vocareum.com, 760084, assignment-part, 0.038598, ",
)
ENROLLED = b"userid,courseid,role,name,email\n"


def sessions() -> bytes:
    """Lab sessions as the document writes them, short and whole, and some that are odd."""
    whole = SESSION.replace(b" 180\n", b' 1, 2, "180"\n')
    lines = [SESSION] * 40 + [whole, SESSION.replace(b" 180", b" 1, 180")] * 10
    lines[3] = SESSION.replace(b", 180", b"")
    lines[5] = SESSION.replace(b"Feb-23-2022 9:40:20 pm UTC", b"Feb-30-2022 9:40:20 pm UTC")
    lines[7] = SESSION.replace(b"lab-04-api", b'"lab\n04, api"')
    lines[9] = SESSION.replace(b"lab-04-api", b'5" lab')
    lines[11] = SESSION.replace(b"180", 'ü, "1'.encode())
    lines[13] = SESSION.replace(b"180", b"\xff")
    lines[15] = SESSION.replace(b"1731xxx", b"\t1731xxx").replace(b", Cloud", b', "Cl, oud"')
    lines[17] = b" \n" + SESSION.replace(b"Kevin", b"K\0evin")
    lines[19] = SESSION.replace(b" 180", b' "180"')
    lines[21] = SESSION.replace(b" 180", b"").replace(b"0.08", b"today 0.08")
    return HEADER + b"".join(lines)


def costs() -> bytes:
    """Costs with seconds since 1970, words for no time, and what is neither."""
    times = [b"1645823566", b"N/A", b"", b"-", b"1645823566123", b"1645823566.5", b" 1645823567"]
    times += [b"Feb-23-2022 9:40:20 pm UTC", b'"n/a"', b"soon", b"1e9", b"0x62191e0e", b"164582356"]
    return COSTS[0] + b"".join(COSTS[1] + time + b"\n" for time in times * 3)


def enrolled() -> bytes:
    """People in windows' lines, of whom every ninth is refused by its values or by its quotes."""
    lines = [b"%d,2,student,Al,a@b\r\n" % n for n in range(200)]
    lines[::9] = [b",2,student,Al,a@b\r\n"] * len(lines[::9])
    lines[4::90] = [
        b'1,2,"stu"dent,Al,a@b\r\n',
        b'1,2,student,"Al\r\n\r\nBo\rCy",a@b\r\n',
        b"1,2\n",
    ]
    return ENROLLED + b"".join(lines) + b'7,2,student,"Al'


FILES = {
    "lab_sessions": (LAB_SESSIONS, sessions),
    "aws_cost": (VOCAREUM["aws_cost"], costs),
    "enrollment": (ENROLLMENT, enrolled),
    "a quote too many": (ENROLLMENT, lambda: enrolled() + b'\r\n"' + enrolled()),
}


def left_behind(conn: Connection, dataset: Dataset, content: bytes, **how: Any) -> list[Any]:
    """What a load leaves: rows, rejected rows, and the counts of the ledger."""
    merged = load(conn, dataset, content, **how)
    found: list[Any] = []
    for table in (dataset.table, "ops.rejected_row"):
        query: Any = f"SELECT to_jsonb(t) AS row FROM {table} AS t ORDER BY _row"
        found.append([row["row"] for row in conn.execute(query)])
        for row in found[-1]:
            for changing in {"_delivery", "delivery_id", "rejected_at"} & row.keys():
                del row[changing]
    truncate: Any = f"TRUNCATE {dataset.table}, ops.delivery CASCADE"
    conn.execute(truncate)
    return [*found, merged.rows_read, merged.rows_merged, merged.rows_rejected]


@pytest.mark.parametrize("file", FILES)
def test_both_ways_leave_the_same(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    dataset, made = FILES[file]
    content = made()
    meant = left_behind(warehouse, dataset, content, careful=True)
    assert meant[-1] > 0
    for piece, records in ((pieces.PIECE, 256), (1500, 256), (700, 16)):
        monkeypatch.setattr(pieces, "PIECE", piece)
        monkeypatch.setattr(telling_apart, "RECORDS_A_TRY", records)
        assert left_behind(warehouse, dataset, content) == meant


def test_only_the_odd_records_are_read_carefully(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 1,000 records, in one piece; two are short, one is refused by its value."""
    read: list[int] = []
    careful = telling_apart.RecordReader.read

    def counted(self: telling_apart.RecordReader) -> list[object] | None:
        read.append(self.line)
        return careful(self)

    monkeypatch.setattr(telling_apart.RecordReader, "read", counted)
    lines = [b"%d,2,student,Al,a@b\n" % n for n in range(1000)]
    lines[10] = lines[700] = b"1,2\n"
    lines[400] = b",2,student,Al,a@b\n"
    merged = load(warehouse, ENROLLMENT, ENROLLED + b"".join(lines))
    assert (merged.rows_merged, merged.rows_rejected, sorted(read)) == (997, 3, [12, 402, 702])
    assert rows(warehouse, "ops.rejected_row", "line") == [(12,), (402,), (702,)]
    read.clear()
    load(warehouse, LAB_SESSIONS, HEADER + SESSION * 300, name="as the document has it")
    load(
        warehouse, VOCAREUM["aws_cost"], COSTS[0] + (COSTS[1] + b"1645823566\n") * 300, name="costs"
    )
    assert read == []
