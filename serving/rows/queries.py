"""What serving reads from the store: everything for a picture, and the few rows that must be newer than it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from psycopg import sql
from sqlalchemy import Connection

from features.store.frames import read_dataset, read_rows
from features.store.people import Touched, user_tables
from features.store.platforms import all_platforms, parse_among, zones_by_num
from features.store.store import Store
from recsys.dataset import Dataset
from recsys.errors import UnknownIdError
from recsys.schema import TABLES, TAKING_STATUSES

_AGES = ["min_age", "max_age", "audience"]
FAR = pd.Timestamp("2262-01-01T00:00:00Z")
"""End of a data set that nothing is cut from."""

_IS_TAKING = f"coalesce(status, 'booked') IN ({', '.join(repr(status) for status in TAKING_STATUSES)})"
_LACKING = (
    "SELECT session_id FROM sessions s WHERE platform_num = %(num)s AND session_id <> ALL(%(ids)s)"
    " AND starts_at > %(now)s AND coalesce(published_at <= %(now)s, true)"
    " AND coalesce(booking_opens_at <= %(now)s, true) AND coalesce(booking_closes_at > %(now)s, true)"
    " AND coalesce(cancelled_at > %(now)s, true) AND coalesce(capacity >= 1 + (SELECT"
    " coalesce(sum(coalesce(party_size, 1)), 0) FROM bookings b WHERE b.platform_num = s.platform_num"
    f" AND b.session_id = s.session_id AND {_IS_TAKING}), true)"
)


def read_all(store: Store) -> tuple[int, Dataset]:
    """Every row of the store as it is now, and the version read."""
    with store.reading() as connection:
        version = int(connection.exec_driver_sql("SELECT version FROM store_state").scalar_one())
        return version, read_dataset(connection, zones_by_num(connection), FAR)


def read_person(
    store: Store, user_id: str, touched: Sequence[Touched] = ("sessions",)
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Rows of one person by table, with those of `touched` that they name, and the tags that the person removed.

    Raises:
        UnknownIdError: there is no such person.
    """
    rows, unknown = read_people(store, [user_id], touched)
    for error in unknown.values():
        raise error
    return rows, sorted(rows.pop("removed_tags")["tag"])


def read_people(
    store: Store, user_ids: Sequence[str], touched: Sequence[Touched] = ("sessions",)
) -> tuple[dict[str, pd.DataFrame], dict[str, UnknownIdError]]:
    """Rows of people by table, `removed_tags` among them, with those of `touched` that they name.

    Args:
        store: The store.
        user_ids: Whom to read; nobody twice.
        touched: What else to read.

    Returns:
        The tables, and what there is to say of each id that nobody has.
    """
    unknown: dict[str, UnknownIdError] = {}
    inside: dict[int, list[str]] = {}
    with store.reading() as connection:
        platforms = all_platforms(connection)
        for user_id in user_ids:
            try:
                platform, own = parse_among(platforms, user_id)
            except UnknownIdError as error:
                unknown[user_id] = error
            else:
                inside.setdefault(platform.num, []).append(own)
        zones = {one.num: (one.name, one.timezone) for one in platforms}
        # Where no platform has any of them: the tables without rows.
        parts = [
            user_tables(connection, zones, num, of, (*touched, "removed_tags"))
            for num, of in (inside or {0: []}).items()
        ]
    tables = parts[0] if len(parts) == 1 else _stacked(parts)
    found = set().union(*(tables[name]["user_id"] for name in ("users", "bookings", "feedback")))
    for user_id in user_ids:
        if user_id not in found:
            unknown.setdefault(user_id, UnknownIdError("user_id", [user_id]))
    return tables, unknown


def _stacked(parts: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    return {name: pd.concat([part[name] for part in parts], ignore_index=True) for name in parts[0]}


def read_sessions(store: Store, session_ids: Sequence[str]) -> pd.DataFrame:
    """The rows of these sessions as they are now, with `taken` places and whom their activities are for.

    A session that is gone has no row.
    """
    with store.reading() as connection:
        platforms = zones_by_num(connection)
        frames = []
        for num, (name, _) in platforms.items():
            prefix = f"{name}:" if len(platforms) > 1 else ""
            inside = [one.removeprefix(prefix) for one in session_ids if one.startswith(prefix)]
            where = sql.SQL("platform_num = {} AND session_id = ANY({})").format(sql.Literal(num), sql.Literal(inside))
            rows = read_rows(connection, TABLES["sessions"], platforms, where)
            taken = {prefix + one: places for one, places in _taken(connection, num, inside).items()}
            rows = rows.assign(taken=rows["session_id"].astype(object).map(taken).astype("float64").fillna(0.0))
            of_these = sql.SQL("platform_num = {} AND activity_id IN (SELECT activity_id FROM sessions WHERE {})")
            activities = read_rows(
                connection, TABLES["activities"], platforms, of_these.format(sql.Literal(num), where)
            )
            frames.append(rows.merge(activities[["activity_id", *_AGES]], on="activity_id", how="left"))
    columns = [*TABLES["sessions"].column_names, "taken", *_AGES]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def read_lacking(store: Store, session_ids: Sequence[str], now: pd.Timestamp) -> set[str]:
    """Sessions that can be booked `now` and are none of these: new ones, and full ones where a place came free."""
    lacking: set[str] = set()
    with store.reading() as connection:
        platforms = zones_by_num(connection)
        for num, (name, _) in platforms.items():
            prefix = f"{name}:" if len(platforms) > 1 else ""
            inside = [one.removeprefix(prefix) for one in session_ids if one.startswith(prefix)]
            found = connection.exec_driver_sql(_LACKING, {"num": num, "ids": inside, "now": now.to_pydatetime()})
            lacking |= {prefix + one for one in found.scalars()}
    return lacking


def _taken(connection: Connection, num: int, session_ids: list[str]) -> dict[str, float]:
    found = connection.exec_driver_sql(
        "SELECT session_id, sum(coalesce(party_size, 1)) FROM bookings WHERE platform_num = %s AND session_id = ANY(%s)"
        f" AND {_IS_TAKING} GROUP BY 1",
        (num, session_ids),
    )
    return {str(session): float(places) for session, places in found}
