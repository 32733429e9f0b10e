"""Files of the landing zone, record by record."""

from __future__ import annotations

import csv

from learning_warehouse.stewardship.landed import records_of


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
