"""Logins of a PostgreSQL server that have to give a password, and are no superusers."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from include.sandbox.postgres import EmbeddedPostgres

ASKED = "host all +asked_for_a_password 127.0.0.1/32 scram-sha-256\n"
PASSWORD = "hush: a password/with+odd=characters"


def new_login(server: EmbeddedPostgres) -> str:
    """Make a login that may log in with ``PASSWORD``, and no more; returns its name."""
    login = f"login_{secrets.token_hex(6)}"
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(login)))
    ask_for_password(server, login)
    return login


def ask_for_password(server: EmbeddedPostgres, login: str) -> None:
    """From now on let a login in only with ``PASSWORD``."""
    with psycopg.connect(server.url(), autocommit=True) as conn:
        rules = server.data_dir / "pg_hba.conf"
        before = rules.read_text()
        if not before.startswith(ASKED):
            conn.execute("CREATE ROLE asked_for_a_password")
            rules.write_text(ASKED + before)
            conn.execute("SELECT pg_reload_conf()")
        role = sql.Identifier(login)
        password = sql.Literal(PASSWORD)
        conn.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
        conn.execute(sql.SQL("GRANT asked_for_a_password TO {}").format(role))
    while _lets_in(server, login, "another"):
        pass  # the server has not read its rules yet


def _lets_in(server: EmbeddedPostgres, login: str, password: str) -> bool:
    try:
        psycopg.connect(server.url(), user=login, password=password).close()
    except psycopg.OperationalError:
        return False
    return True
