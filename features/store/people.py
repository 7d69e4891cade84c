"""One person's rows: reading, exporting, settings, erasure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import pandas as pd
from psycopg import sql
from sqlalchemy import Connection

from features.intake.erasure import HAPPENED
from features.store.erasure import remember_erased
from features.store.frames import read_few
from features.store.opt_outs import set_opt_out
from recsys.schema import TABLES

Touched = Literal["sessions", "activities"]

_OF_USER = tuple(name for name, table in TABLES.items() if "user_id" in table.column_names)

# A row with a wrong number of values is kept as the line it was: nobody knows which value is whose id, so one that
# holds the id as any of its values, quoted as CSV has it or not, is the user's.
_QUARANTINED = (
    "platform_num = %(platform_num)s AND (\"row\"->>'user_id' = %(user_id)s OR missing_table = 'users'"
    " AND missing_id = %(user_id)s OR position(%(quoted)s IN ',' || (\"row\"->>'raw') || ',') > 0"
    " OR position(%(bare)s IN ',' || translate(\"row\"->>'raw', E'\"\\r\\n', '') || ',') > 0)"
)


def _in_quarantine(platform_num: int, user_id: str) -> dict[str, object]:
    """Parameters of `_QUARANTINED`."""
    quoted = user_id.replace('"', '""')
    return {"platform_num": platform_num, "user_id": user_id, "quoted": f',"{quoted}",', "bare": f",{user_id},"}


def user_tables(
    connection: Connection,
    platforms: Mapping[int, tuple[str, str]],
    platform_num: int,
    user_ids: Sequence[str],
    touched: Sequence[Touched | Literal["removed_tags"]] = (),
) -> dict[str, pd.DataFrame]:
    """Users' rows by table, in the contract's columns with outside ids; an unknown user's are empty.

    Args:
        connection: To the store.
        platforms: Names and zones by number.
        platform_num: Of the users' platform.
        user_ids: The users' ids there.
        touched: What to add: the `sessions` that the users booked, the `activities` behind bookings and feedback, the
            `removed_tags`.
    """
    mine = sql.SQL("platform_num = {} AND user_id = ANY({})").format(
        sql.Literal(platform_num), sql.Literal(list(user_ids))
    )
    booked = sql.SQL("platform_num = {} AND session_id IN (SELECT session_id FROM bookings WHERE {})").format(
        sql.Literal(platform_num), mine
    )
    known = sql.SQL(
        "platform_num = {} AND activity_id IN (SELECT activity_id FROM sessions WHERE {}"
        " UNION SELECT activity_id FROM feedback WHERE {})"
    ).format(sql.Literal(platform_num), booked, mine)
    others = {"sessions": booked, "activities": known, "removed_tags": mine}
    wanted = dict.fromkeys(_OF_USER, mine) | {name: others[name] for name in touched}
    return read_few(connection, platforms, wanted)


def erase_user(connection: Connection, platform_num: int, user_id: str, at: datetime) -> dict[str, int]:
    """Deletes every row of a user; returns how many, by table. A later delivery of what is erased stays out.

    Args:
        connection: In a transaction that holds the locks of the platform and of its deliveries.
        platform_num: Of the user's platform.
        user_id: The user's id there.
        at: The present; what is stored of later moments is erased as well.
    """
    who = (platform_num, user_id)
    last = connection.exec_driver_sql(
        "SELECT max(time) FROM ("
        + " UNION ALL ".join(
            f"SELECT {HAPPENED[name]} AS time FROM {name} WHERE platform_num = %s AND user_id = %s" for name in _OF_USER
        )
        + ") AS times",
        who * len(_OF_USER),
    ).scalar_one()
    erased = {
        name: connection.exec_driver_sql(f"DELETE FROM {name} WHERE platform_num = %s AND user_id = %s", who).rowcount
        for name in (*reversed(_OF_USER), "removed_tags")
    }
    set_opt_out(connection, platform_num, user_id, is_out=False)
    erased["quarantine"] = connection.exec_driver_sql(
        f"DELETE FROM quarantine WHERE {_QUARANTINED}", _in_quarantine(platform_num, user_id)
    ).rowcount
    if any(erased.values()):
        until = at if last is None else max(at, last + timedelta(microseconds=1))
        remember_erased(connection, platform_num, user_id, until)
    return erased


def quarantined_rows(connection: Connection, platform_num: int, user_id: str) -> list[dict[str, object]]:
    """A user's rows in quarantine, as delivered, each with its `table`, `reason` and `source`."""
    found = connection.exec_driver_sql(
        'SELECT table_name, reason, source, "row" FROM quarantine'
        f" WHERE {_QUARANTINED} ORDER BY table_name, source, row_number, fingerprint",
        _in_quarantine(platform_num, user_id),
    )
    return [{"table": table, "reason": reason, "source": source, **row} for table, reason, source, row in found]


def removed_tags(connection: Connection, platform_num: int, user_id: str) -> list[str]:
    """Tags that a user does not want to be described by, in order."""
    found = connection.exec_driver_sql(
        "SELECT tag FROM removed_tags WHERE platform_num = %s AND user_id = %s ORDER BY tag", (platform_num, user_id)
    )
    return list(found.scalars())


def remove_tag(connection: Connection, platform_num: int, user_id: str, tag: str) -> bool:
    """Remembers a tag as removed; False if it was already."""
    added = connection.exec_driver_sql(
        "INSERT INTO removed_tags VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (platform_num, user_id, tag)
    )
    return bool(added.rowcount)


def set_personalised(connection: Connection, platform_num: int, user_id: str, *, enabled: bool) -> bool:
    """Switches personal lists on or off for a user who may be known by bookings only; False if no row changed.

    Off holds against later deliveries of the user.
    """
    set_opt_out(connection, platform_num, user_id, is_out=not enabled)
    changed = connection.exec_driver_sql(
        "INSERT INTO users AS u (platform_num, user_id, personalised) VALUES (%s, %s, %s)"
        " ON CONFLICT (platform_num, user_id) DO UPDATE SET personalised = EXCLUDED.personalised"
        " WHERE coalesce(u.personalised, true) <> EXCLUDED.personalised",
        (platform_num, user_id, enabled),
    )
    return bool(changed.rowcount)
