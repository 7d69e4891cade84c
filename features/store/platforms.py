"""Platforms in the store: numbers, names, zones, locks, and the outside form of ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from recsys.dataset import DEFAULT_TIMEZONE
from recsys.errors import DataError, UnknownIdError

_LONGEST_FOLDER = 255
"""In bytes: what file systems take."""

LOCKS = 7_305_001
"""First half of this project's advisory locks; the second is a platform's number, 0 for migrations."""


@dataclass(frozen=True)
class Platform:
    """A platform: its number in the store, its name, and the zone of its times."""

    num: int
    name: str
    timezone: str


def all_platforms(connection: Connection) -> list[Platform]:
    """All platforms in order of arrival."""
    rows = connection.exec_driver_sql("SELECT platform_num, name, timezone FROM platforms ORDER BY 1")
    return [Platform(*row) for row in rows]


def zones_by_num(connection: Connection) -> dict[int, tuple[str, str]]:
    """Name and zone by platform number."""
    return {p.num: (p.name, p.timezone) for p in all_platforms(connection)}


def platform_named(connection: Connection, name: str, timezone: str | None = None) -> Platform:
    """A platform, registered if new; `timezone` replaces its zone unless None.

    Raises:
        DataError: A name or a zone that cannot be.
    """
    if problems := platform_problems(name, timezone):
        raise DataError("platform", problems)
    connection.exec_driver_sql(
        "INSERT INTO platforms (name, timezone) SELECT %s, %s WHERE NOT EXISTS (SELECT FROM platforms WHERE name = %s)"
        " ON CONFLICT DO NOTHING",
        (name, timezone or DEFAULT_TIMEZONE, name),
    )
    if timezone is not None:
        connection.exec_driver_sql(
            "UPDATE platforms SET timezone = %s WHERE name = %s AND timezone <> %s", (timezone, name, timezone)
        )
    row = connection.exec_driver_sql("SELECT platform_num, name, timezone FROM platforms WHERE name = %s", (name,))
    return Platform(*row.one())


def platform_problems(name: str, timezone: str | None = None) -> list[str]:
    """What keeps a name and a zone from being a platform's."""
    problems = []
    if not name.strip() or ":" in name or not name.isprintable():
        problems.append(f"platform name {name!r} must have visible characters and no colon")
    elif name in (".", "..") or len(folder_of(name)) > _LONGEST_FOLDER:
        problems.append(
            f"platform name {name[:20]!r} cannot name a folder: it must not be '.' or '..', nor longer than"
            f" {_LONGEST_FOLDER} bytes, percent-encoded"
        )
    if timezone is not None and not _is_zone(timezone):
        problems.append(f"{timezone!r} is not a time zone; expected a name such as {DEFAULT_TIMEZONE}")
    return problems


def folder_of(name: str) -> str:
    """Name of a platform's folder of quarantine files."""
    return quote(name, safe="")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def parse_outside(connection: Connection, outside_id: str) -> tuple[Platform, str]:
    """Platform and its own id of an outside id.

    Raises:
        UnknownIdError: No platform, or several and the id names none of them.
    """
    return parse_among(all_platforms(connection), outside_id)


def parse_among(platforms: Sequence[Platform], outside_id: str) -> tuple[Platform, str]:
    """Platform among all, and its own id of an outside id; see `parse_outside`."""
    if len(platforms) == 1:
        return platforms[0], outside_id
    name, _, inside = outside_id.partition(":")
    for platform in platforms:
        if platform.name == name:
            return platform, inside
    if not platforms:
        raise UnknownIdError("id", [outside_id])
    names = ", ".join(repr(one.name) for one in platforms)
    raise UnknownIdError("id", [outside_id], f"several platforms are loaded: write one of {names}, a colon and the id")


def lock_platform(connection: Connection, platform: Platform) -> None:
    """Waits until no other transaction writes this platform's rows, until this one ends."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, %s)", (LOCKS, platform.num))


def lock_deliveries(connection: Connection, platform: Platform) -> None:
    """Waits until no delivery of this platform is under way; live rows only wait for its end, `lock_platform`."""
    _lock_named(connection, f"delivery {platform.num}")


def lock_quarantine_files(connection: Connection, platform: Platform) -> None:
    """Waits until nobody else writes this platform's quarantine files, so that the last who does sees all."""
    _lock_named(connection, f"quarantine files {platform.num}")


def lock_snapshots(connection: Connection, *, is_shared: bool) -> None:
    """Waits until no snapshot is under way that could still hold who is erased, or, shared, until none is erased."""
    _lock_named(connection, "snapshots", "_shared" if is_shared else "")


def _lock_named(connection: Connection, name: str, mode: str = "") -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock{mode}(hashtextextended(%s, 0))", (name,))


def count_change(connection: Connection) -> None:
    """Moves the store's version on; last in a transaction, since writers wait for one another here."""
    connection.exec_driver_sql("UPDATE store_state SET version = version + 1")
