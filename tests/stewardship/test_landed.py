"""Files of the landing zone, record by record."""

from __future__ import annotations

import csv
import io

from learning_warehouse.stewardship.landed import lines_of, records_of


def test_a_quote_that_nothing_closes_takes_no_other_record_with_it() -> None:
    def fits(record: bytes) -> bool:
        return len(next(csv.reader([record.decode()]))) == 3

    stray, plain, begun, ended = b'1,"a,b\n', b"2,a,b\n", b'3,"a\n', b'b",c\n'
    for lines, records in (
        ([stray, plain, begun, ended], [stray, plain, begun + ended]),
        ([plain, stray, plain], [plain, stray, plain]),
        ([begun, ended, stray], [begun + ended, stray]),
        ([], []),
    ):
        assert list(records_of(iter(lines), fits)) == records


def test_lines_may_end_in_any_of_three_ways() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        content = b"a" + end + b"b" + end + b"c"
        assert list(lines_of(io.BytesIO(content))) == [b"a" + end, b"b" + end, b"c"]
        assert list(lines_of(io.BytesIO(content + end)))[-1] == b"c" + end
    assert list(lines_of(io.BytesIO(b""))) == []
