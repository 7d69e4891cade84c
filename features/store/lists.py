"""What shapes lists after scoring, and what lists have shown: operators' rules and the log of shown places.

The log names a list by its `request_id`, which feedback carries, and never a person: once a person's feedback is
erased, nothing leads from the log to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from features.store.platforms import count_change, parse_outside
from features.store.store import Store
from recsys.errors import UnknownIdError
from recsys.ranking.operator_rules import COLUMNS, RuleTable

KEPT_DAYS = 180
"""The log forgets what was shown earlier."""

_OF_PLACE = ("place", "activity_id", "session_id", "source", "propensity")


@dataclass(frozen=True)
class Shown:
    """One place of one list.

    Attributes:
        place: From 1.
        activity_id: What stood there.
        session_id: The session of it.
        source: What put it there.
        propensity: Probability with which it was drawn, 1 for what was not.
    """

    place: int
    activity_id: str
    session_id: str
    source: str
    propensity: float


def operator_rules(store: Store) -> RuleTable:
    """All rules, in force or not, by id."""
    with store.reading() as connection:
        found = connection.exec_driver_sql(f"SELECT {', '.join(COLUMNS)} FROM operator_rules ORDER BY rule_id")
        return RuleTable.of(pd.DataFrame(found.mappings().all(), columns=list(COLUMNS)))


def check_rule_value(store: Store, target: Literal["category", "organiser"], value: str) -> None:
    """Whether an activity, with sessions or without, is of what a rule is for.

    Raises:
        UnknownIdError: none is.
    """
    with store.reading() as connection:
        if target == "category":
            of_any = connection.exec_driver_sql("SELECT 1 FROM activities WHERE category = %s LIMIT 1", (value,))
        else:
            platform, inside = parse_outside(connection, value)
            of_any = connection.exec_driver_sql(
                "SELECT 1 FROM activities WHERE platform_num = %s AND organiser_id = %s LIMIT 1", (platform.num, inside)
            )
        if of_any.first() is None:
            raise UnknownIdError(target, [value])


def put_operator_rule(store: Store, rules: RuleTable) -> None:
    """Stores rules; the same id again replaces one. They hold from the next list on."""
    rows = rules.rows.astype(object).where(rules.rows.notna(), None)
    with store.writing() as connection:
        changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMNS[1:])
        connection.exec_driver_sql(
            f"INSERT INTO operator_rules ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
            f" ON CONFLICT (rule_id) DO UPDATE SET {changes}",
            [tuple(row) for row in rows[list(COLUMNS)].itertuples(index=False)],
        )
        count_change(connection)


def delete_operator_rule(store: Store, rule_id: str) -> bool:
    """Deletes a rule; False if there was none."""
    with store.writing() as connection:
        gone = connection.exec_driver_sql("DELETE FROM operator_rules WHERE rule_id = %s", (rule_id,)).rowcount
        if gone:
            count_change(connection)
    return bool(gone)


def log_shown(store: Store, lists: Sequence[tuple[str, Sequence[Shown]]], at: pd.Timestamp, bundle: str | None) -> None:
    """Keeps what lists have shown, each under the id of its request; it is durable when this returns."""
    requests = [request_id for request_id, places in lists for _ in places]
    if not requests:
        return
    columns = [[getattr(place, name) for _, places in lists for place in places] for name in _OF_PLACE]
    with store.stating() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO shown (shown_at, bundle, request_id, {', '.join(_OF_PLACE)}) SELECT %s, %s, *"
            " FROM unnest(%s::text[], %s::int4[], %s::text[], %s::text[], %s::text[], %s::float8[])",
            (at.to_pydatetime(), bundle, requests, *columns),
        )


def shown_counts(store: Store, since: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """Rows `activity_id, session_id, n_shown, n_drawn, place` (mean place) of [since, until), by session."""
    with store.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT activity_id, session_id, count(*) AS n_shown, count(*) FILTER (WHERE propensity < 1) AS n_drawn,"
            " avg(place)::float8 AS place FROM shown WHERE shown_at >= %s AND shown_at < %s"
            " GROUP BY 1, 2 ORDER BY 1, 2",
            (since.to_pydatetime(), until.to_pydatetime()),
        )
        counts = pd.DataFrame(
            found.mappings().all(), columns=["activity_id", "session_id", "n_shown", "n_drawn", "place"]
        )
        return counts.astype({"n_shown": np.int64, "n_drawn": np.int64, "place": np.float64})


def forget_shown(store: Store, now: pd.Timestamp) -> int:
    """Deletes what was shown more than `KEPT_DAYS` ago; returns how many places."""
    with store.writing() as connection:
        before = (now - pd.Timedelta(days=KEPT_DAYS)).to_pydatetime()
        return connection.exec_driver_sql("DELETE FROM shown WHERE shown_at < %s", (before,)).rowcount
