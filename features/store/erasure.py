"""Erased accounts in the store: as salted digests, never by their ids."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from sqlalchemy import Connection

from features.intake.cleaning import as_text
from features.intake.erasure import ErasedAccounts, digest_of


def erased_accounts(connection: Connection, platform_num: int, rows: pl.DataFrame | None = None) -> ErasedAccounts:
    """Erased accounts of a platform; where rows are given, only those that may be needed for these."""
    if rows is not None and "user_id" not in rows.columns:
        return ErasedAccounts(b"", {})
    salt = _salt(connection)
    query = "SELECT digest, erased_until, is_back FROM erased_accounts WHERE platform_num = %s"
    if rows is None:
        found = connection.exec_driver_sql(query, (platform_num,)).all()
    else:
        digests = [digest_of(user, salt) for user in as_text(rows["user_id"]).drop_nulls().unique()]
        found = connection.exec_driver_sql(query + " AND digest = ANY(%s)", (platform_num, digests)).all()
    until = {digest: time for digest, time, _ in found}
    return ErasedAccounts(salt, until, {digest for digest, _, is_back in found if is_back})


def is_erased(connection: Connection, platform_num: int, user_id: str) -> bool:
    """Whether an account was erased and has not signed up anew."""
    erased = erased_accounts(connection, platform_num, pl.DataFrame({"user_id": [user_id]}))
    return bool(erased.until) and not erased.back


def remember_erased(connection: Connection, platform_num: int, user_id: str, until: datetime) -> None:
    """Remembers that what an account did before an instant is erased, and that it is not back."""
    connection.exec_driver_sql(
        "INSERT INTO erased_accounts VALUES (%s, %s, %s) ON CONFLICT (platform_num, digest)"
        " DO UPDATE SET erased_until = greatest(erased_accounts.erased_until, EXCLUDED.erased_until), is_back = false",
        (platform_num, digest_of(user_id, _salt(connection)), until),
    )


def remember_back(connection: Connection, platform_num: int, erased: ErasedAccounts) -> None:
    """Remembers who has signed up anew."""
    if erased.back:
        connection.exec_driver_sql(
            "UPDATE erased_accounts SET is_back = true WHERE platform_num = %s AND digest = ANY(%s) AND NOT is_back",
            (platform_num, list(erased.back)),
        )


def _salt(connection: Connection) -> bytes:
    return bytes(connection.exec_driver_sql("SELECT salt FROM store_state").scalar_one())
