"""Where the files of the package are that are no Python: its SQL and its settings.

In the package itself, if ``make package`` put them there for a platform that takes nothing beside
``plugins/``; else in ``include/`` beside ``plugins/``. Knows folders, and reads no file.
"""

from __future__ import annotations

from pathlib import Path

from airflow.providers.common.compat.sdk import conf

PACKAGE = Path(__file__).resolve().parent


def _include() -> Path:
    inside = PACKAGE / "include"
    return inside if inside.is_dir() else PACKAGE.parents[1] / "include"


INCLUDE = _include()


def settings_file(name: str) -> Path:
    """Where a file of settings is.

    In the folder that Airflow's own configuration names, ``[learning_warehouse] settings_folder``;
    else with the package.

    :param name: such as ``origins.cfg``.
    :raises ValueError: there is no such folder.
    """
    configured = conf.get("learning_warehouse", "settings_folder", fallback="")
    if not configured:
        return INCLUDE / name
    folder = Path(configured)
    if not folder.is_dir():
        raise ValueError(
            f"[learning_warehouse] settings_folder of Airflow's configuration names {folder}, "
            "which is not a folder: create it, or remove that line."
        )
    return folder / name if (folder / name).exists() else INCLUDE / name
