"""What Vocareum writes of money: counters by day of AWS and Azure, and AWS services by month."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.vocareum.courses import TOO_LONG, Part, parts
from include.sandbox.campus.vocareum.writing import content, header, masked, record

if TYPE_CHECKING:
    from include.sandbox.campus import Campus, Course, Person

AWS_COST = (
    "AWS Account ID", "User ID", "User Email", "Part ID", "Part Name", "Cost", "File Updated Time",
)  # fmt: skip
STATUS = ("deactivation_date", "status_code")
AZURE_COST = (
    "User ID", "User Email", "Part ID", "Part Name", "Month", "Year", "Monthly-cost-to-date",
)  # fmt: skip
SERVICE_SPEND = (
    "AWS Account ID", "User Id", "User Email", "Course ID", "Part ID", "Service", "Cost",
)  # fmt: skip
SERVICES = (
    "Amazon Elastic Compute Cloud", "Amazon Simple Storage Service", "AWSLambda",
    "EC2 - Other, data transfer",
)  # fmt: skip
IMPOSSIBLE = "1.2.3"
DOLLAR = 1_000_000
"""An AWS counter counts millionths of it."""


@dataclass
class Counted:
    """An AWS account's counter for one part, with its present value."""

    account: str
    course: Course
    person: Person
    part: Part
    user_id: str
    cost: int = 0
    deactivated: datetime | None = None


def files(campus: Campus) -> Iterator[tuple[str, bytes]]:
    """Keys, without the org, and contents."""
    for day, rows in _aws_days(campus):
        yield f"cloud_spend/aws_cost_{_ymd(day)}.csv", _aws_file(day, rows)
    for day, rows in _azure_days(campus):
        yield f"cloud_spend/azure/azure_cost_{_ymd(day)}.csv", _azure_file(day, rows)
    for (year, month), rows in _service_months(campus).items():
        yield f"service_spend/service_spend_{year}-{month}.csv", _service_file(month, rows)


def true_aws_cost(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each counter on each day since its account was opened."""
    for day, rows in _aws_days(campus):
        untold = {} if _tells_status(day) else dict.fromkeys(STATUS)
        for row in rows:
            yield row | untold


def rejected_aws_cost(campus: Campus) -> Iterator[str]:
    """A record with an impossible cost, and one that is too long, on every third day."""
    for day in campus.days:
        yield from _wrong_aws(day)


def true_azure_cost(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each counter on each day since its person began."""
    for _, rows in _azure_days(campus):
        yield from rows


def rejected_azure_cost(campus: Campus) -> Iterator[str]:
    """A record of a month with a name on every third day."""
    for day in campus.days:
        yield from _wrong_azure(day)


def true_service_spend(campus: Campus) -> Iterator[dict[str, Any]]:
    """One row for each service that an account used in a month."""
    for rows in _service_months(campus).values():
        yield from rows


def rejected_service_spend(campus: Campus) -> Iterator[str]:
    """A record with an impossible cost, and one that is too short, each month."""
    for _, month in _months(campus):
        yield from _wrong_services(month)


# --- facts ----------------------------------------------------------------------------------------


def _uses_aws(course: Course) -> bool:
    return course.number % 2 == 0


def _uses_azure(course: Course) -> bool:
    return course.number % 4 == 3


def _aws_spending(campus: Campus) -> Iterator[tuple[date, list[tuple[Counted, int, Random]]]]:
    """Each day with the counters at its end, what was spent on it, and its chance.

    The counters go on counting when the next day is requested.
    """
    open_for: dict[int, list[Counted]] = {}
    for day in campus.days:
        spending = []
        for course in filter(_uses_aws, campus.courses):
            counters = open_for.setdefault(course.number, [])
            for person in campus.newcomers.get((course.number, day), ()):
                counters += _opened(campus, course, person)
            chance = campus.chance("aws", course.number, day)
            spending += [(counted, _spend(counted, day, chance), chance) for counted in counters]
        yield day, spending


def _opened(campus: Campus, course: Course, person: Person) -> list[Counted]:
    """The counters of a new account."""
    chance = campus.chance("account", course.number, person.number)
    account = f"{chance.randrange(10**12):012}"
    user_id = masked(person) if chance.random() < 0.03 else str(person.number)
    used = chance.sample(parts(course.number), 2 if chance.random() < 0.25 else 1)
    return [Counted(account, course, person, part, user_id) for part in used]


def _spend(counted: Counted, day: date, chance: Random) -> int:
    """Let a counter count for a day; it may begin a new period, or its account be deactivated."""
    if counted.deactivated or chance.random() < 0.4:
        return 0
    if counted.cost > DOLLAR and chance.random() < 0.1:
        counted.cost = 0
        spent = chance.randrange(1, DOLLAR // 10)
    else:
        spent = int(chance.expovariate(1 / DOLLAR)) + 1
    counted.cost += spent
    if chance.random() < 0.01:
        seconds = chance.randrange(86400)
        counted.deactivated = _midnight(day) + timedelta(seconds=seconds)
    return spent


def _aws_days(campus: Campus) -> Iterator[tuple[date, list[dict[str, Any]]]]:
    """Each day with the rows of its file, the columns that it may not have among them."""
    for day, spending in _aws_spending(campus):
        updated = _midnight(day) + timedelta(
            hours=30, seconds=campus.chance("updated", day).randrange(600)
        )
        yield (
            day,
            [
                {
                    "aws_account_id": counted.account,
                    "user_id": counted.user_id,
                    "user_email": counted.person.email,
                    "part_id": counted.part.id,
                    "part_name": counted.part.name,
                    "cost": Decimal(counted.cost).scaleb(-6),
                    "file_updated_time": updated,
                    "deactivation_date": counted.deactivated,
                    "status_code": "5" if counted.deactivated else "1",
                }
                for counted, _, _ in spending
            ],
        )


def _service_months(campus: Campus) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """The rows of each month: what the AWS counters counted in it, by service."""
    spent_in: dict[tuple[int, int], Counter[tuple[str, ...]]] = {
        month: Counter() for month in _months(campus)
    }
    for day, spending in _aws_spending(campus):
        in_month = spent_in[day.year, day.month]
        for counted, spent, chance in spending:
            if spent:
                who = (counted.account, counted.user_id, counted.person.email)
                where = (str(counted.course.number), counted.part.id)
                in_month[*who, *where, chance.choice(SERVICES)] += spent
    names = ("aws_account_id", "user_id", "user_email", "course_id", "part_id", "service")
    return {
        month: [
            {**dict(zip(names, key, strict=True)), "cost": Decimal(spent).scaleb(-6)}
            for key, spent in in_month.items()
        ]
        for month, in_month in spent_in.items()
    }


def _azure_days(campus: Campus) -> Iterator[tuple[date, list[dict[str, Any]]]]:
    """Each day with the rows of its file."""
    begun_by: dict[int, list[tuple[Person, Part]]] = {}
    cents: Counter[tuple[int, int]] = Counter()
    month = 0
    for day in campus.days:
        if day.month != month:
            cents.clear()
            month = day.month
        rows = []
        for course in filter(_uses_azure, campus.courses):
            begun = begun_by.setdefault(course.number, [])
            chance = campus.chance("azure", course.number, day)
            for person in campus.newcomers.get((course.number, day), ()):
                begun.append((person, chance.choice(parts(course.number))))
            for person, part in begun:
                counter = (course.number, person.number)
                cents[counter] += int(chance.expovariate(1 / 40)) if chance.random() < 0.6 else 0
                rows.append(
                    {
                        "user_id": str(person.number),
                        "user_email": person.email,
                        "part_id": part.id,
                        "part_name": part.name,
                        "month": day.month,
                        "year": day.year,
                        "monthly_cost_to_date": Decimal(cents[counter]).scaleb(-2),
                    }
                )
        yield day, rows


def _months(campus: Campus) -> list[tuple[int, int]]:
    return list(dict.fromkeys((day.year, day.month) for day in campus.days))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


# --- files ----------------------------------------------------------------------------------------


def _ymd(day: date) -> str:
    return f"{day.year}-{day.month}-{day.day}"


def _tells_status(day: date) -> bool:
    return day.toordinal() % 4 < 2


def _aws_file(day: date, rows: list[dict[str, Any]]) -> bytes:
    delimiter = ", " if day.toordinal() % 2 else ","
    names = AWS_COST + STATUS if _tells_status(day) else AWS_COST
    lines = [header(names, delimiter)]
    for row in rows:
        values = row | {"file_updated_time": int(row["file_updated_time"].timestamp())}
        lines.append(record(list(values.values())[: len(names)], delimiter))
    return content(lines + _wrong_aws(day))


def _wrong_aws(day: date) -> list[str]:
    if day.toordinal() % 3:
        return []
    tail = ",," if _tells_status(day) else ""
    impossible = f"862200000000,1731,a@university.example,1,x,{IMPOSSIBLE},1645823566{tail}"
    return [impossible, TOO_LONG]


def _azure_file(day: date, rows: list[dict[str, Any]]) -> bytes:
    delimiter = ", " if day.toordinal() % 3 == 0 else ","
    lines = [header(AZURE_COST, delimiter)]
    lines += [record(row.values(), delimiter) for row in rows]
    return content(lines + _wrong_azure(day))


def _wrong_azure(day: date) -> list[str]:
    if day.toordinal() % 3 != 1:
        return []
    return [f"1731,a@university.example,1,x,October,{day.year},0.07"]


def _service_file(month: int, rows: list[dict[str, Any]]) -> bytes:
    delimiter = ", " if month % 2 else ","
    lines = [header(SERVICE_SPEND, delimiter)]
    lines += [record(row.values(), delimiter) for row in rows]
    return content(lines + _wrong_services(month))


def _wrong_services(month: int) -> list[str]:
    start = f"862200000000,1731,a@university.example,20150,{month}"
    return [f"{start},AWSLambda,{IMPOSSIBLE}", start]
