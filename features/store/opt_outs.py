"""Who has switched personal lists off: a person's own word, which stands against what platforms deliver of them."""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection


def set_opt_out(connection: Connection, platform_num: int, user_id: str, *, is_out: bool) -> None:
    """Remembers that a person has switched personal lists off, or on again."""
    statement = (
        "INSERT INTO opt_outs VALUES (%s, %s) ON CONFLICT DO NOTHING"
        if is_out
        else "DELETE FROM opt_outs WHERE platform_num = %s AND user_id = %s"
    )
    connection.exec_driver_sql(statement, (platform_num, user_id))


def hold_staged(connection: Connection, platform_num: int, stage: str) -> None:
    """Staged users who have opted out stay so, whatever was delivered."""
    connection.exec_driver_sql(
        f"UPDATE {stage} s SET personalised = false FROM opt_outs o WHERE o.platform_num = %s"
        " AND o.user_id = s.user_id AND s.personalised IS DISTINCT FROM false",
        (platform_num,),
    )


def hold(connection: Connection, platform_num: int, users: pl.DataFrame) -> pl.DataFrame:
    """Live rows of `users`, those of who have opted out saying so."""
    out = connection.exec_driver_sql(
        "SELECT user_id FROM opt_outs WHERE platform_num = %s AND user_id = ANY(%s)",
        (platform_num, users["user_id"].to_list()),
    )
    is_out = pl.col("user_id").is_in(list(out.scalars()))
    return users.with_columns(personalised=pl.when(is_out).then(pl.lit(False)).otherwise("personalised"))
