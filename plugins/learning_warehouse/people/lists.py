"""The institution's own lists, of people and of courses, and where they are put.

Read whenever a DAG file is parsed, so it imports nothing else.
"""

from __future__ import annotations

from learning_warehouse.warehouse.dataset import Dataset

ORIGIN = "institution"
"""The ``_origin`` of the rows of all lists."""


class Lists:
    """The lists of one kind.

    :param name: the dataset's name.
    :param folder: the folder of the landing zone in which the institution puts the files.
    """

    def __init__(self, *, name: str, table: str, folder: str) -> None:
        self.dataset = Dataset(name=name, table=table, strategy="replace_file")
        self.folder = folder


REGISTRY = (
    Lists(name="roster", table="people.roster", folder="roster/"),
    Lists(name="courses", table="people.course", folder="courses/"),
)
