"""What a source's registry says of a dataset; everything else is in its CREATE TABLE.

Read whenever a DAG file is parsed, so it imports nothing.
"""

from __future__ import annotations

from typing import Literal

Strategy = Literal["replace_window", "replace_file", "snapshot", "append_once"]


class Dataset:
    """One line of a source's registry.

    :param name: the vendor's name of it, such as ``videoview``.
    :param table: the table with its schema, such as ``echo360.videoview``.
    :param strategy: what a new delivery means for the rows that are there:
        ``replace_window`` the newest delivery's rows of a UTC day are current,
        ``replace_file`` the newest version's rows of a file are current,
        ``snapshot`` the newest delivery of a day is current,
        ``append_once`` rows whose key is not there yet are added.
    :param clock: for ``replace_window`` the column whose UTC day decides; for ``snapshot`` the
        column that is given the delivery's day.
    :param left_out: columns that the vendor is known to leave out of the middle of a row.
    :param loose_tail: the last columns, of which the vendor leaves out some without saying which.
    """

    def __init__(
        self,
        *,
        name: str,
        table: str,
        strategy: Strategy,
        clock: str | None = None,
        left_out: tuple[str, ...] = (),
        loose_tail: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.table = table
        self.strategy = strategy
        self.clock = clock
        self.left_out = left_out
        self.loose_tail = loose_tail
