"""Windows: adjacent, none longer than the vendor allows, none of a day twice."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest

from learning_warehouse.days import Days
from learning_warehouse.echo360.reports import REPORTS
from learning_warehouse.echo360.windows import Window, windows_of


@pytest.mark.parametrize("length", [1, 6, 7, 8, 14, 365, 366])
def test_windows_cover_each_day_once(length: int) -> None:
    days = Days(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=length - 1))
    windows = windows_of(REPORTS["videoview"], days)
    assert windows[0].first_day == days.first_day
    assert windows[-1].end_day == days.end_day
    for earlier, later in itertools.pairwise(windows):
        assert earlier.end_day == later.first_day
    assert all(1 <= window.days <= 7 for window in windows)
    assert len(windows) == -(-length // 7)


def test_days_that_stand_alone_cut_a_window() -> None:
    days = Days(date(2026, 1, 1), date(2026, 1, 14))
    alone = [date(2026, 1, 1), date(2026, 1, 4), date(2026, 1, 9), date(2026, 1, 10)]
    windows = windows_of(REPORTS["videoview"], days, done=[date(2026, 1, 12)], alone=alone)
    assert [(w.first_day.day, w.end_day.day) for w in windows] == [
        (1, 2), (2, 4), (4, 5), (5, 8), (8, 9), (9, 10), (10, 11), (11, 15)
    ]  # fmt: skip


def test_a_day_that_is_done_and_stands_alone_is_left_out_and_cuts_a_window() -> None:
    days, kept = Days(date(2026, 1, 1), date(2026, 1, 7)), [date(2026, 1, 4)]
    windows = windows_of(REPORTS["videoview"], days, done=kept, alone=kept)
    assert [(w.first_day.day, w.end_day.day) for w in windows] == [(1, 4), (5, 8)]


def test_a_year_is_53_requests() -> None:
    year = Days(date(2025, 1, 1), date(2025, 12, 31))
    assert len(windows_of(REPORTS["videoview"], year)) == 53


def test_days_that_are_done_are_left_out_at_the_edges_of_a_window() -> None:
    days = Days(date(2026, 1, 1), date(2026, 1, 21))
    done = [*Days(date(2026, 1, 1), date(2026, 1, 7)), date(2026, 1, 8), date(2026, 1, 10)]
    assert windows_of(REPORTS["videoview"], days, done=done) == [
        Window(date(2026, 1, 9), date(2026, 1, 15)),
        Window(date(2026, 1, 15), date(2026, 1, 22)),
    ]


@pytest.mark.parametrize("length", range(1, 8))
def test_parts_cover_their_window(length: int) -> None:
    window = Window(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=length))
    parts = list(window.parts())
    if length == 1:
        assert parts == []
        return
    assert [window.first_day, *(p.end_day for p in parts)] == [
        *(p.first_day for p in parts),
        window.end_day,
    ]
    assert all(part.days < length for part in parts)


def test_a_week_is_split_into_three_and_four_days() -> None:
    week = Window(date(2026, 1, 5), date(2026, 1, 12))
    assert [part.days for part in week.parts()] == [3, 4]
    assert [part.days for half in week.parts() for part in half.parts()] == [1] * 7
