"""Weekly counts of a programme and its bookings: written once for every table engine.

`count_tables` codes a data set with numbers; `weekly_counts` groups those tables on pandas, Polars, DuckDB or Spark. It
gives what a panel (region x category x week) is filled with: empty weeks are not rows here, the panel adds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from recsys.dataset import Dataset, week_starts
from recsys.ids import IdMap
from recsys.regions import RegionTree, session_regions
from recsys.schema import TAKING_STATUSES

NOT_STATED = -1
"""Capacity of a session that says none."""

FIRST_MONDAY = pd.Timestamp("1970-01-05")
_SERIES = ("region_num", "category_num", "week_num")
_MEASURES = ("sessions", "open_sessions", "places", "bookings", "waiting", "sold_out")


@dataclass(frozen=True)
class CountTables:
    """A data set's sessions and bookings in numbers; sessions that were cancelled are left out.

    Attributes:
        sessions: `session_num, region_num, category_num, week_num` (weeks since Monday 1970-01-05, local) and
            `capacity` (`NOT_STATED` where none is), all int64.
        bookings: `session_num` (int64), `is_taking`, `is_waiting` (0 or 1) and `party_size` (int64).
        ancestors: `region_num, ancestor_num`: each region with itself and with all above it.
        categories: Rows of the categories.
    """

    sessions: pd.DataFrame
    bookings: pd.DataFrame
    ancestors: pd.DataFrame
    categories: IdMap


def count_tables(dataset: Dataset, tree: RegionTree) -> CountTables:
    """Sessions and bookings of a data set as numbers; regions are those in whose series a session counts."""
    kept = dataset.sessions["cancelled_at"].isna().to_numpy()
    sessions = dataset.sessions[kept]
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    categories = IdMap.of(sorted(dataset.activities["category"].unique()), "category")
    weeks = (week_starts(sessions["starts_at"], dataset.timezone) - FIRST_MONDAY).dt.days // 7
    bookings = dataset.bookings
    paths = tree.paths()
    rows = pd.DataFrame(
        {
            "session_num": pd.Index(sessions["session_id"]).get_indexer(bookings["session_id"]).astype(np.int64),
            "is_taking": bookings["status"].isin(TAKING_STATUSES).astype("int64"),
            "is_waiting": (bookings["status"] == "waitlisted").astype("int64"),
            "party_size": bookings["party_size"].astype("int64"),
        }
    )
    return CountTables(
        sessions=pd.DataFrame(
            {
                "session_num": np.arange(len(sessions), dtype=np.int64),
                "region_num": tree.series_regions()[session_regions(dataset, tree)[kept]],
                "category_num": categories.nums(category),
                "week_num": weeks.to_numpy(dtype=np.int64),
                "capacity": sessions["capacity"].fillna(NOT_STATED).to_numpy(dtype=np.int64),
            }
        ),
        bookings=rows[rows["session_num"] >= 0].reset_index(drop=True),
        ancestors=pd.DataFrame(
            [(num, above) for num, path in enumerate(paths) for above in path],
            columns=["region_num", "ancestor_num"],
            dtype=np.int64,
        ),
        categories=categories,
    )


def weekly_counts(sessions: IntoFrameT, bookings: IntoFrameT, ancestors: IntoFrameT | None = None) -> IntoFrameT:
    """Counts of each region, category and week that has a session; the tables are those of `CountTables`.

    All three belong to one engine, and so does the result: a plan where the engine is a lazy one. With
    `ancestors` a region's counts include those below it; without, only venues attached to it directly.

    Returns:
        `region_num, category_num, week_num, sessions, open_sessions` (those without a stated capacity), `places`
        (stated ones), `bookings` (places taken), `waiting` (places on waitlists), `sold_out` (sessions with
        every stated place taken), in no order.
    """
    size = nw.col("party_size")
    by_session = (
        _frame(bookings)
        .with_columns(bookings=size * nw.col("is_taking"), waiting=size * nw.col("is_waiting"))
        .group_by("session_num")
        .agg(nw.col("bookings", "waiting").sum())
    )
    one, none = nw.lit(1), nw.lit(0)
    capacity = nw.col("capacity")
    is_stated = capacity != NOT_STATED
    filled = (
        _frame(sessions)
        .join(by_session, on="session_num", how="left")
        .with_columns(nw.col("bookings", "waiting").fill_null(0).cast(nw.Int64))
    )
    counted = filled.with_columns(
        sessions=one,
        open_sessions=nw.when(is_stated).then(none).otherwise(one),
        places=nw.when(is_stated).then(capacity).otherwise(none),
        sold_out=nw.when(is_stated & (nw.col("bookings") >= capacity)).then(one).otherwise(none),
    )
    counts = _summed(counted)
    if ancestors is not None:
        above = counts.join(_frame(ancestors), on="region_num", how="inner").drop("region_num")
        counts = _summed(above.rename({"ancestor_num": "region_num"}))
    result: IntoFrameT = counts.to_native()
    return result


def _frame(table: Any) -> Any:
    return nw.from_native(cast(Any, table))


def _summed(frame: Any) -> Any:
    sums = frame.group_by(*_SERIES).agg(nw.col(*_MEASURES).sum())
    return sums.select(*_SERIES, nw.col(*_MEASURES).cast(nw.Int64))
