"""The campus as Vocareum writes it: eight datasets, each by day, by month, by course or whole.

With what its files are known for: a blank after each delimiter in some of them, records short at
the tail or in the middle, masked ids, columns that only some files have, counters that start again,
a session that runs over midnight in the files of both days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from include.sandbox.campus.vocareum import costs, courses, labs

if TYPE_CHECKING:
    from include.sandbox.campus import Campus

TRUTHS: dict[str, Callable[[Campus], Iterator[dict[str, Any]]]] = {
    "vocareum.lab_sessions": labs.true_lab_sessions,
    "vocareum.aws_cost": costs.true_aws_cost,
    "vocareum.azure_cost": costs.true_azure_cost,
    "vocareum.service_spend": costs.true_service_spend,
    "vocareum.grades": courses.true_grades,
    "vocareum.enrollment": courses.true_enrollment,
    "vocareum.course_mapping": courses.true_course_mapping,
    "vocareum.asn_mapping": courses.true_asn_mapping,
}
REJECTS: dict[str, Callable[[Campus], Iterator[str]]] = {
    "vocareum.lab_sessions": labs.rejected_lab_sessions,
    "vocareum.aws_cost": costs.rejected_aws_cost,
    "vocareum.azure_cost": costs.rejected_azure_cost,
    "vocareum.service_spend": costs.rejected_service_spend,
    "vocareum.grades": courses.rejected_grades,
    "vocareum.enrollment": courses.rejected_enrollment,
    "vocareum.course_mapping": courses.rejected_course_mapping,
    "vocareum.asn_mapping": courses.rejected_asn_mapping,
}


def files(campus: Campus) -> Iterator[tuple[str, bytes]]:
    """All files of the org, and some of its neighbour, whose number begins like its own."""
    root = f"org{campus.org_id}"
    for source in (labs.files, courses.files, costs.files):
        for key, content in source(campus):
            yield f"{root}/{key}", content
            if key.startswith("enrollment/"):
                yield f"{root}4/{key}", content
