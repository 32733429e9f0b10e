"""Who may see what of a page, by Airflow's own permissions.

Every answer is for people who are logged in and may read the DAGs of at least one source; they see
what is of these sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import get_user, requires_access_dag
from fastapi import Depends, HTTPException, Request

from learning_warehouse.pages.sources import SOURCES, Source

User = Annotated[BaseUser, Depends(get_user)]


def sources_for(request: Request, user: User) -> list[Source]:
    """The sources whose DAGs a user may read.

    :raises HTTPException: 403, there is none.
    """
    sources = [source for source in SOURCES if _may("GET", source, request, user)]
    if not sources:
        raise HTTPException(403, "This page is for users who may read the DAGs that it shows.")
    return sources


Sources = Annotated[list[Source], Depends(sources_for)]


@dataclass(frozen=True)
class Editor:
    """Who asks, and which DAGs they may edit.

    :param name: as Airflow calls them.
    :param schemas: those of the sources all of whose DAGs they may edit.
    """

    name: str
    schemas: frozenset[str]


def editor_for(request: Request, user: User) -> Editor:
    """Who asks; most readers may edit nothing."""
    editable = [source.schema for source in SOURCES if _may("PUT", source, request, user)]
    return Editor(user.get_name(), frozenset(editable))


MayEdit = Annotated[Editor, Depends(editor_for)]


def _may(method: Any, source: Source, request: Request, user: BaseUser) -> bool:
    """Whether a user may do so with all DAGs of a source: it has some."""
    try:
        for dag_id in source.dag_ids:
            requires_access_dag(method, param_dag_id=dag_id)(request, user)
    except HTTPException:
        return False
    return bool(source.dag_ids)
