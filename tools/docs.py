"""Writes the generated pages of ``docs/``: ``python -m tools.docs``."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tools import dag_pages, errors
from tools.dictionary import Catalogue

if TYPE_CHECKING:
    from learning_warehouse.warehouse.connection import Connection

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- diagrams: written by `make docs` -->\n", "<!-- end of the diagrams -->"


def generated(conn: Connection) -> dict[Path, str]:
    """The pages as they ought to be.

    :param conn: an empty warehouse.
    """
    catalogue = Catalogue(conn)
    warehouse = DOCS / "warehouse.md"
    before, _, rest = warehouse.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return {
        warehouse: f"{before}{BEGIN}\n{catalogue.diagrams()}\n\n{END}{after}",
        DOCS / "errors.md": errors.page(),
        **{DOCS / "dags" / name: text for name, text in dag_pages.pages().items()},
        **{DOCS / "data-dictionary" / name: text for name, text in catalogue.pages().items()},
    }


def main() -> None:
    """Write them, with an embedded PostgreSQL."""
    from psycopg.conninfo import conninfo_to_dict

    from include.sandbox.postgres import EmbeddedPostgres
    from learning_warehouse.warehouse.connection import open_warehouse

    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "data", fsync=False) as server,
    ):
        server.create_database("warehouse")
        fields = dict(conninfo_to_dict(server.url("warehouse")))
        with closing(open_warehouse(fields, called="the docs")) as conn:
            pages = generated(conn)
    for path, text in pages.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
