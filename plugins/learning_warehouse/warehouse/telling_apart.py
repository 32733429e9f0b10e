"""A stretch that COPY refused: its sound records are separated from the odd ones.

The sound ones go to COPY with their ordinals, the odd ones to the careful path. So do the few of
the sound ones that COPY refuses by their values: it names the line, and the rest goes on. A record
that lacks some of the values that its vendor leaves out at its end is sound, too.

Knows bytes, shapes and COPY; what an odd record means, the careful path knows.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from functools import cache
from itertools import accumulate
from operator import methodcaller
from typing import TYPE_CHECKING, Any

from learning_warehouse.warehouse.careful_path import RecordReader
from learning_warehouse.warehouse.copy_text import is_as_meant, refusals, unpadded
from learning_warehouse.warehouse.pieces import lines_in
from learning_warehouse.warehouse.placing import leftover, loose_tail
from learning_warehouse.warehouse.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from learning_warehouse.warehouse.careful_path import RawRecords
    from learning_warehouse.warehouse.delimited import DelimitedFile
    from learning_warehouse.warehouse.pieces import Pieces, Place
    from learning_warehouse.warehouse.staging_table import StagingTable

LARGEST_MEMO = 10_000
RECORDS_A_TRY = 256
MOST_REFUSED = 8
"""Where COPY refuses more of the records of a try, the rest of them are read carefully."""

Sound = tuple[int, bytes]
"""A record of the usual shape: its ordinal; and for COPY its ordinal, ``_extras`` and values."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BLANK_LINES = re.compile(rb"[\r\n]+")


class TellingApart:
    """Reads a file of which COPY has refused something, from there on."""

    def __init__(
        self,
        file: DelimitedFile,
        staging: StagingTable,
        pieces: Pieces,
        raw: RawRecords,
        place: Place,
    ) -> None:
        from psycopg import sql

        self._file = file
        self._conn = staging.conn
        self._pieces = pieces
        self._raw = raw
        self._place = place
        self._name = staging.name
        self._delimiter = file.layout.delimiter.encode()
        match = file.layout.match
        self._width = len(match.headers)
        # Of one with unknown columns, COPY could not fill _extras from both.
        self._tail = None if match.unknown else loose_tail(match, file.dataset)
        self._missing = self._width - (self._tail or 0)
        self._shape = shape_of(self._delimiter, file.layout.spaced, self._width, self._tail)
        self._leftovers: dict[bytes, bytes] = {}
        columns = [*map(sql.Identifier, ("_row", "_extras")), *staging.columns_for(file)]
        self._copy_in = statement("staging/fast", "copy").format(
            rows=staging.rows,
            columns=sql.SQL(", ").join(columns),
            delimiter=sql.Literal(file.layout.delimiter),
        )
        self._text = b""
        self._counted = 0, 0
        """A place in the text, and how many lines are before it."""
        self._runs: list[tuple[int, int]] = []
        """Sound records that follow each other, a line each: the first one's ordinal and place."""
        self._is_usual = True

    def take(self) -> bool:
        """Take the next piece, and what follows where its last record goes on.

        :returns: whether COPY would have refused any record of it.
        """
        self._text = self._pieces.take()
        self._counted = 0, 0
        self._runs = []
        self._is_usual = True
        sound, odd = self._told_apart()
        for ordinal in self._copy(sound):
            row, _ = self._read_carefully(self._place_of(ordinal), ordinal)
            odd.append(row)
        if odd:
            self._raw.take(odd)
        self._place.line += lines_in(self._text)
        return bool(odd) or not self._is_usual

    # --- told apart -------------------------------------------------------------------------------

    def _told_apart(self) -> tuple[list[Sound], list[Any]]:
        """:returns: the sound records, and the rows of ``raw_record`` for the odd ones."""
        sound: list[Sound] = []
        odd: list[Any] = []
        at = 0
        while at < len(self._text):
            if b"\r" in self._text or b"\0" in self._text:
                at = self._take_one(at, sound, odd)
                continue
            lines = self._text[at:].removesuffix(b"\n").split(b"\n")
            is_short, suspects = self._suspects(lines)
            done = 0
            for suspect in (*suspects, len(lines)):
                if suspect < done:
                    continue
                run = lines[done:suspect]
                if is_short:
                    sound += self._short(
                        [line.rpartition(self._delimiter)[::2] for line in run], at
                    )
                else:
                    sound += self._whole(run, at)
                at += sum(map(len, run)) + len(run)
                if suspect == len(lines):
                    break
                done, ended = suspect, at
                at = self._take_one(at, sound, odd)
                while ended < at and done < len(lines):
                    ended += len(lines[done]) + 1
                    done += 1
                if ended != at:
                    break
        return sound, odd

    def _take_one(self, at: int, sound: list[Sound], odd: list[Any]) -> int:
        """Take the record, or the blank lines, that begin there.

        :returns: where they end.
        """
        if blank := _BLANK_LINES.match(self._text, at):
            return blank.end()
        found = self._shape.match(self._text, at)
        if found is None:
            row, at = self._read_carefully(at, self._place.records + 1)
            if row:
                self._place.records += 1
                odd.append(row)
            return at
        if found.lastgroup == "left":
            head = self._text[at : found.start("left")]
            sound += self._short([(head, found["left"][1:])], at)
        else:
            sound += self._whole([found[0].rstrip(b"\r\n")], at)
        return found.end()

    def _suspects(self, lines: list[bytes]) -> tuple[bool, list[int]]:
        """Those lines that may not be a whole record, or not of the usual number of fields.

        The others may turn out to be none, too.

        :returns: whether it is usual here that of the values that may be missing only one is there;
            and the places of the lines.
        """
        marks = [*map(methodcaller("count", self._delimiter), lines)]
        quotes = map(methodcaller("count", b'"'), lines)
        is_short = self._tail is not None and marks.count(self._tail) > len(marks) / 2
        usual = self._tail if is_short else self._width - 1
        return is_short, [
            place
            for place, (mark, quote) in enumerate(zip(marks, quotes, strict=True))
            if mark != usual
            or quote % 2
            or (is_short and lines[place].rfind(b'"') > lines[place].rfind(self._delimiter))
        ]

    def _whole(self, run: list[bytes], at: int) -> Iterator[Sound]:
        """Records that follow each other, with all of their values."""
        ordinals = self._next_ordinals(len(run), at)
        form = b"%d" + 2 * self._delimiter + b"%b\n"
        texts = map(form.__mod__, zip(ordinals, self._unpadded(run), strict=True))
        return zip(ordinals, texts, strict=True)

    def _short(self, run: list[tuple[bytes, bytes]], at: int) -> Iterator[Sound]:
        """Records that follow each other, without some of their last values.

        :param run: of each what is before these values, and what there is of them.
        """
        self._is_usual = False
        ordinals = self._next_ordinals(len(run), at)
        form = self._delimiter.join((b"%d", b"%b", b"%b" + self._delimiter * self._missing + b"\n"))
        known, extras = self._leftovers, self._leftover
        heads = self._unpadded([head for head, _ in run])
        texts = [
            form % (ordinal, known.get(left) or extras(left), head)
            for ordinal, head, (_, left) in zip(ordinals, heads, run, strict=True)
        ]
        return zip(ordinals, texts, strict=True)

    def _unpadded(self, run: list[bytes]) -> list[bytes]:
        """Records without the blanks after delimiters; of several, each is a line."""
        if not (run and self._file.layout.spaced):
            return run
        text = unpadded(b"\n".join(run), self._delimiter)
        return text.split(b"\n") if len(run) > 1 else [text]

    def _next_ordinals(self, number: int, at: int) -> range:
        first = self._place.records + 1
        self._runs.append((first, at))
        self._place.records += number
        return range(first, first + number)

    def _leftover(self, left: bytes) -> bytes:
        """The ``_extras`` of a record of whose last values only these are there."""
        values = left.decode("utf-8", "surrogateescape").split(self._file.layout.delimiter)
        if self._file.layout.spaced:
            values = [value.lstrip(" ") for value in values]
        said = json.dumps(leftover(values, self._file.layout.match.headers[self._tail :]))
        extras = b'"%b"' % said.replace('"', '""').encode()
        if len(self._leftovers) < LARGEST_MEMO:
            self._leftovers[left] = extras
        return extras

    # --- the odd ones -----------------------------------------------------------------------------

    def _place_of(self, ordinal: int) -> int:
        """Where a sound record begins."""
        first, at = self._runs[bisect_right(self._runs, (ordinal, len(self._text))) - 1]
        for _ in range(ordinal - first):
            at = self._text.index(b"\n", at) + 1
        return at

    def _read_carefully(self, at: int, ordinal: int) -> tuple[list[object] | None, int]:
        """:returns: a record's row of ``raw_record``, None for a blank line; and where it ends."""
        ends: list[int] = []
        line = self._place.line + self._lines_before(at)
        reader = RecordReader(self._file, self._lines(at, ends), line=line, ordinal=ordinal - 1)
        row = reader.read()
        return row, ends[reader.line - line - 1]

    def _lines_before(self, at: int) -> int:
        place, lines = self._counted
        if at < place:
            place, lines = 0, 0
        self._counted = at, lines + lines_in(self._text[place:at])
        return self._counted[1]

    def _lines(self, at: int, ends: list[int]) -> Iterator[str]:
        """The lines from there on; their ends are noted."""
        while True:
            if at == len(self._text):
                self._text += self._pieces.take()
                if at == len(self._text):
                    return
            found = _LINE_END.search(self._text, at)
            end = found.end() if found else len(self._text)
            ends.append(end)
            yield self._text[at:end].decode("utf-8", "surrogateescape")
            at = end

    # --- the sound ones ---------------------------------------------------------------------------

    def _copy(self, sound: list[Sound]) -> list[int]:
        """Copy records.

        :returns: the ordinals of those that COPY refuses, or would misread.
        """
        odd: list[int] = []
        text = _joined(sound)
        if not is_as_meant(text, self._file):
            odd = [one[0] for one in sound if not is_as_meant(_joined([one]), self._file)]
            misread = set(odd)
            sound = [one for one in sound if one[0] not in misread]
            text = _joined(sound)
        if self._first_wrong(sound, text) is not None:
            for first in range(0, len(sound), RECORDS_A_TRY):
                odd += self._copy_few(sound[first : first + RECORDS_A_TRY])
        return odd

    def _copy_few(self, few: list[Sound]) -> list[int]:
        """Copy records one of which COPY may refuse, as ``_copy`` does.

        Where it refuses many, the rest counts as refused, too: they take longer one after the other
        than all of them by the careful path.
        """
        refused: list[int] = []
        while few and (wrong := self._first_wrong(few, _joined(few))) is not None:
            before = few[:wrong]
            if len(refused) == MOST_REFUSED or (
                before and self._first_wrong(before, _joined(before)) is not None
            ):
                return refused + [ordinal for ordinal, _ in few]
            refused.append(few[wrong][0])
            few = few[wrong + 1 :]
        return refused

    def _first_wrong(self, sound: list[Sound], text: bytes) -> int | None:
        """Copy records; nothing is taken where one is refused.

        :param text: that of all of them.
        :returns: the place of the first that COPY refuses, which it names by its last line.
        """
        try:
            with (
                self._conn.transaction(),
                self._conn.cursor() as cursor,
                cursor.copy(self._copy_in) as copy,
            ):
                copy.write(text)
        except refusals() as refused:
            context = refused.diag.context or ""
            named = re.search(rf"{re.escape(self._name)}\D+(\d+)", context)
            if named is None:
                return 0
            lines = accumulate(text.count(b"\n") for _, text in sound)
            return next((n for n, line in enumerate(lines) if line >= int(named[1])), 0)
        return None


def _joined(sound: Sequence[Sound]) -> bytes:
    return b"".join([text for _, text in sound])


@cache
def shape_of(delimiter: bytes, spaced: bool, fields: int, tail: int | None) -> re.Pattern[bytes]:
    """A record as the csv module reads it, of so many fields, with its line end.

    :param tail: the place of the first field of which the vendor leaves out some: then a record may
        have fewer from there on, without quotes, which are ``left``.
    """
    mark = re.escape(delimiter)
    plain = rb'[^"\0\r\n%b]*+' % mark
    field = rb'%b(?:"[^"\0]*+(?:""[^"\0]*+)*+"|%b)' % (b" *+" if spaced else b"", plain)
    end = rb"(?:\r?\n|\Z)"
    if tail is None:
        record = rb"%b(?:%b%b){%d}%b" % (field, mark, field, fields - 1, end)
    else:
        few = rb"(?P<left>(?:%b%b){1,%d})%b" % (mark, plain, fields - tail - 1, end)
        all_of_them = rb"(?:%b%b){%d}%b" % (mark, field, fields - tail, end)
        head = rb"%b(?:%b%b){%d}" % (field, mark, field, tail - 1)
        record = rb"%b(?:%b|%b)" % (head, all_of_them, few)
    return re.compile(record)
