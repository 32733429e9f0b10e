"""The data dictionary, and the diagrams of how tables belong together, from the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.markdown import GENERATED, table

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

SCHEMAS = ("vocareum", "echo360", "edx", "people", "activity", "research", "stewardship", "ops")
_SQL = (Path(__file__).parent / "dictionary.sql").read_text()
STATEMENTS: dict[str, Any] = dict(part.split("\n", 1) for part in _SQL.split("-- section: ")[1:])

JOINS = (
    ("vocareum.course_mapping", "vocareum.asn_mapping", "course_id"),
    ("vocareum.course_mapping", "vocareum.enrollment", "course_id = courseid"),
    ("vocareum.enrollment", "vocareum.grades", "courseid, userid"),
    ("vocareum.asn_mapping", "vocareum.grades", "part_id = partid"),
    ("vocareum.asn_mapping", "vocareum.lab_sessions", "part_id"),
    ("vocareum.asn_mapping", "vocareum.aws_cost", "part_id"),
    ("vocareum.asn_mapping", "vocareum.azure_cost", "part_id"),
    ("vocareum.asn_mapping", "vocareum.service_spend", "part_id"),
    ("echo360.asset", "echo360.assetbydate", "media_id"),
    ("echo360.asset", "echo360.videoview", "media_id = video_id"),
    ("echo360.asset", "echo360.viewsessions", "media_id"),
    ("echo360.asset", "echo360.liveviews", "media_id"),
    ("echo360.asset", "echo360.pollingv2", "media_id"),
    ("echo360.viewsessions", "echo360.viewsessiondetails", "session_id"),
    ("echo360.presentation", "echo360.confused", "presentation_id"),
    ("echo360.presentation", "echo360.notes", "presentation_id"),
    ("echo360.presentation", "echo360.polling", "presentation_id"),
    ("edx.event_alias", "edx.event", "event_kind"),
    ("people.account", "people.link", "account_id"),
    ("activity.course_day", "people.link", "account_id"),
    ("activity.video", "people.link", "account_id"),
    ("activity.problem_day", "people.link", "account_id"),
    ("activity.session", "people.link", "account_id"),
    ("activity.lab", "people.link", "account_id"),
    ("ops.delivery", "vocareum.lab_sessions", "delivery_id = _delivery"),
    ("ops.delivery", "echo360.videoview", "delivery_id = _delivery"),
    ("ops.delivery", "edx.event", "delivery_id = _delivery"),
)
"""Pairs of tables that join without a foreign key, and by what.

Of two columns of different names the first one is the first table's.
"""


class Catalogue:
    """What a migrated database knows of its tables.

    :param conn: a connection to it.
    """

    def __init__(self, conn: Connection) -> None:
        self._read = {
            name: conn.execute(statement, {"schemas": list(SCHEMAS)}).fetchall()
            for name, statement in STATEMENTS.items()
        }

    def pages(self) -> dict[str, str]:
        """The pages of the data dictionary, by their names."""
        return {"README.md": self._index(), **{f"{s}.md": self._page(s) for s in SCHEMAS}}

    def diagrams(self) -> str:
        """How the tables of each schema belong together, for Mermaid.

        :raises LookupError: a join names a column that is not there.
        """
        columns = {(f"{c['schema']}.{c['relation']}", c["name"]) for c in self._read["columns"]}
        lines: dict[str, list[str]] = {}
        for left, right, by in JOINS:
            for pair in by.split(", "):
                first, _, second = pair.partition(" = ")
                if not {(left, first), (right, second or first)} <= columns:
                    raise LookupError(f"{left} and {right} do not join by {pair}.")
            line = f'    "{left}" }}o..o{{ "{right}" : "{by}"'
            lines.setdefault(left.partition(".")[0], []).append(line)
        for key in self._read["foreign_keys"]:
            line = f'    "{key["parent"]}" ||--o{{ "{key["child"]}" : "{key["name"]}"'
            lines.setdefault(key["parent"].partition(".")[0], []).append(line)
        return "\n\n".join(
            "\n".join(["```mermaid", "erDiagram", "    direction LR", *lines[schema], "```"])
            for schema in SCHEMAS
            if schema in lines
        )

    def _relations(self, schema: str) -> list[dict[str, Any]]:
        return [row for row in self._read["relations"] if row["schema"] == schema]

    def _index(self) -> str:
        rows = []
        for schema in self._read["schemas"]:
            kinds = [row["kind"] for row in self._relations(schema["name"])]
            counts = f"{kinds.count('table')} tables, {kinds.count('view')} views"
            link = f"[`{schema['name']}`]({schema['name']}.md)"
            rows.append([link, counts, schema["comment"] or ""])
        return (
            f"# Data dictionary\n\n{GENERATED}\n\n"
            "Every table, view and column of the warehouse, from the catalogue of an empty one. "
            "The comments use the vendors' own words. What a column says of people is explained at "
            "[`stewardship.column_class`](stewardship.md#column_class). How the tables belong "
            "together: [warehouse](../warehouse.md).\n\n"
            + table(["schema", "has", "what it is"], rows)
        )

    def _page(self, schema: str) -> str:
        (about,) = [row for row in self._read["schemas"] if row["name"] == schema]
        relations = self._relations(schema)
        contents = table(
            ["name", "kind"],
            [[f"[`{row['name']}`](#{row['name']})", row["kind"]] for row in relations],
        )
        parts = [f"# Schema `{schema}`\n\n{GENERATED}\n\n{about['comment'] or ''}\n\n{contents}"]
        for relation in relations:
            rows = [
                [f"`{c['name']}`", self._type(c), c["class"] or "", c["comment"] or ""]
                for c in self._read["columns"]
                if (c["schema"], c["relation"]) == (schema, relation["name"])
            ]
            parts.append(
                f"## {relation['name']}\n\n{relation['kind'].capitalize()}. "
                f"{relation['comment'] or ''}\n\n"
                + table(["column", "type", "says of people", "comment"], rows)
            )
        types = [
            [f"`{t['name']}`", t["type"], t["comment"] or ""]
            for t in self._read["types"]
            if t["name"].startswith(f"{schema}.")
        ]
        if types:
            parts.append("## Types\n\n" + table(["type", "is", "comment"], types))
        return "\n".join(parts)

    @staticmethod
    def _type(column: dict[str, Any]) -> str:
        said = [f"{column['type']}"]
        if column["is_key"]:
            said.append("key")
        elif column["required"]:
            said.append("required")
        return ", ".join(said)
