"""A million lab sessions, as Vocareum writes a day of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from random import Random

from benchmarks.beside_copy import DAY, Subject, main
from include.sandbox.campus.vocareum.labs import LAB_SESSIONS
from include.sandbox.campus.vocareum.writing import vendor_time


def records(chance: Random, rows: int) -> Iterator[str]:
    """The lines of the file."""
    moments = [f'"{vendor_time(DAY + timedelta(seconds=s))}"' for s in range(2 * 86400)]
    kinds = ("Cloud", "Container", "Databricks", "VM")
    log = '" START successful; CFN creation successful; END successful (Session Timer Expires)"'
    for _ in range(rows):
        person, course = chance.randrange(20_000), chance.randrange(400)
        part = 760_000 + course * 10 + chance.randrange(3)
        user = f"{person // 100}xxx" if person % 20 == 0 else 1_700_000 + person
        name = '"the ""assignment"", part"' if chance.random() < 0.1 else "assignment-part"
        launched, wait = chance.randrange(86400), chance.randrange(3, 240)
        length = min(int(chance.expovariate(1 / 4500)) + 30, 80_000)
        started = launched + wait
        yield (
            f'{user},"person{person}@university.example",{50_000 + course},"Course {course}: Data '
            f'and Society",{part - 3},lab-{part % 10:02}-api,{part},{name},{kinds[person % 4]},'
            f"{moments[started]},{moments[started + length]},{length / 60:.11f},{log},,"
            f"{moments[launched]},{moments[started + 2]},{(wait + 2) / 60:.15f},"
            f"{chance.randrange(5)},{chance.randrange(3)},{chance.randrange(20, 400)}\n"
        )


SUBJECT = Subject(
    called="lab sessions",
    table="vocareum.lab_sessions",
    origin="org123",
    headers=tuple(LAB_SESSIONS),
    records=records,
    rows=1_000_000,
)

if __name__ == "__main__":
    sys.exit(main(SUBJECT))
