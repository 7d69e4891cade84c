"""What people did, as weighted events, and events as weighted pairs: written once for every table engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT
from pydantic import ConfigDict, Field

from recsys.closed import Closed
from recsys.dataset import TEXT, Dataset
from recsys.ids import IdMap

SECONDS_PER_DAY = 86_400.0
_ROWS = 2**32
"""More than any matrix has rows."""

EVENT_COLUMNS = ("user_id", "activity_id", "session_id", "at", "kind", "weight")


class InteractionConfig(Closed):
    """Weight of each kind of event before decay; an event of weight 0 is left out."""

    model_config = ConfigDict(allow_inf_nan=False)

    attended: float = Field(default=1.0, ge=0, description="weight of a booking that was attended")
    booked: float = Field(default=0.9, ge=0, description="weight of a booking whose end is not known yet")
    waitlisted: float = Field(default=0.7, ge=0, description="weight of a booking that found no place")
    no_show: float = Field(default=0.3, ge=0, description="weight of a booking whose person stayed away")
    cancelled: float = Field(default=0.2, ge=0, description="weight of a booking that was given back")
    pledge: float = Field(default=0.6, ge=0, description="weight of a promise to come if it is offered")
    favourite: float = Field(default=0.5, ge=0, description="weight of a favourite")
    share: float = Field(default=0.4, ge=0, description="weight of a share")
    rating: float = Field(default=0.5, ge=0, description="weight of the best rating; lower ones count in proportion")
    view: float = Field(default=0.1, ge=0, description="weight of a view")
    impression: float = Field(default=0.0, ge=0, description="weight of having been shown; 0 leaves it out")
    best_rating: float = Field(default=5.0, gt=0, description="value of the best rating, in the platform's own points")
    half_life_days: float = Field(default=90.0, gt=0, description="days after which an event counts half")


DEFAULT_INTERACTIONS = InteractionConfig()


def events(dataset: Dataset, config: InteractionConfig = DEFAULT_INTERACTIONS) -> pd.DataFrame:
    """Every booking and every piece of feedback as one row, in order of time.

    `kind` is the booking's status or the feedback's kind; `at` is when it was booked or occurred; `session_id`
    is missing for feedback; `weight` > 0 is not decayed yet. A rating without a value counts half of the best.

    Returns:
        Columns `user_id, activity_id, session_id, at, kind, weight`.
    """
    activity_of = dataset.sessions.set_index("session_id")["activity_id"]
    booked = dataset.bookings.assign(
        activity_id=dataset.bookings["session_id"].map(activity_of).astype(TEXT),
        at=dataset.bookings["booked_at"],
        kind=dataset.bookings["status"],
        share_of_best=1.0,
    )
    feedback = dataset.feedback
    is_rating = feedback["kind"] == "rating"
    points = (feedback["value"] / config.best_rating).clip(0, 1).fillna(0.5)
    told = feedback.assign(
        session_id=pd.Series(None, index=feedback.index, dtype=TEXT),
        at=feedback["occurred_at"],
        share_of_best=points.where(is_rating, 1.0),
    )
    columns = ["user_id", "activity_id", "session_id", "at", "kind", "share_of_best"]
    rows = pd.concat([booked[columns], told[columns]], ignore_index=True)
    weights = rows["kind"].map(kind_weights(config)).astype("float64") * rows["share_of_best"]
    rows = rows.assign(weight=weights)
    return rows.loc[rows["weight"] > 0, list(EVENT_COLUMNS)].sort_values("at", kind="stable", ignore_index=True)


def kind_weights(config: InteractionConfig) -> dict[str, float]:
    """Weight of each kind of event."""
    settings = {"best_rating", "half_life_days"}
    return {name: value for name, value in config.model_dump().items() if name not in settings}


def coded_events(rows: pd.DataFrame, users: IdMap, keys: IdMap, key: str = "activity_id") -> pd.DataFrame:
    """Events with rows for ids; those of unknown users or keys, or without a key, are left out.

    Args:
        rows: Events, with a column `key` (join one on for series, organisers or categories).
        users: Rows of the users.
        keys: Rows of the values of `key`.
        key: Column that holds what the user is paired with.

    Returns:
        Columns `user_num`, `key_num` (int64), `at_s` (int64, whole seconds since 1970 UTC), `weight` (float64).
    """
    coded = pd.DataFrame(
        {
            "user_num": users.nums_or_missing(rows["user_id"]),
            "key_num": keys.nums_or_missing(rows[key]),
            "at_s": epoch_seconds(rows["at"]),
            "weight": rows["weight"].to_numpy(dtype=np.float64),
        }
    )
    return coded[(coded["user_num"] >= 0) & (coded["key_num"] >= 0)].reset_index(drop=True)


def epoch_seconds(times: pd.Series) -> Any:
    """(n,) int64 whole seconds since 1970 UTC, rounded down."""
    return times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[s]").astype(np.int64)


def weighted_pairs(
    rows: IntoFrameT,
    *,
    keys: Sequence[str] = ("user_num", "key_num"),
    data_until: pd.Timestamp,
    half_life_days: float,
) -> IntoFrameT:
    r"""Sum of decayed weights of each pair: $\sum_e w_e \, 2^{-(t - t_e) / h}$ over events before $t$ = `data_until`.

    Takes and gives back whatever Narwhals understands: a pandas or Polars frame is computed at once, a Polars
    lazy frame, a DuckDB relation or a Spark frame becomes a plan of the same kind. Rows come in no order.

    Args:
        rows: Events with the columns of `keys`, `at_s` (whole seconds since 1970 UTC) and `weight`. Missing keys
            are left out, and so are row numbers (`*_num`) below 0.
        keys: Columns that make a pair; two row numbers are quickest.
        data_until: First instant not used; whole seconds.
        half_life_days: Days after which an event counts half.

    Returns:
        The columns of `keys` and `weight`.
    """
    until_s = int(pd.Timestamp(data_until).timestamp())
    rate = math.log(2) / (half_life_days * SECONDS_PER_DAY)
    frame: Any = nw.from_native(cast(Any, rows))  # Narwhals' overloads do not take the union of its own frames.
    decayed = frame.filter(nw.col("at_s") < until_s).with_columns(
        weight=nw.col("weight") * ((nw.col("at_s") - until_s) * rate).exp()
    )
    is_rows = len(keys) == 2 and all(key.endswith("_num") for key in keys)
    pairs: IntoFrameT = (_summed_rows(decayed, *keys) if is_rows else _summed(decayed, keys)).to_native()
    return pairs


def _summed(frame: Any, keys: Sequence[str]) -> Any:
    return frame.group_by(*keys, drop_null_keys=True).agg(nw.col("weight").sum())


def _summed_rows(frame: Any, first: str, second: str) -> Any:
    """The same by two row numbers, which every engine groups twice as fast once they are one number."""
    types = frame.collect_schema()
    pair = nw.col(first).cast(nw.Int64) * _ROWS + nw.col(second).cast(nw.Int64)
    packed = frame.filter(nw.col(first) >= 0, nw.col(second) >= 0).select(pair.alias("pair"), "weight")
    # Row numbers lie far below _ROWS: right also on engines that divide in floating point and round down.
    high = (nw.col("pair") // _ROWS).cast(nw.Int64)
    low = nw.col("pair") - high * _ROWS
    return _summed(packed, ["pair"]).select(
        high.cast(types[first]).alias(first), low.cast(types[second]).alias(second), "weight"
    )


def with_row_numbers(rows: IntoFrameT, numbers: IntoFrameT, on: str) -> IntoFrameT:
    """Rows with the numbers of their ids; rows whose id has none are left out. Both belong to one engine.

    Args:
        rows: A table with an id column `on`.
        numbers: One row an id: `on` and its number.
        on: Name of the id column, which the result no longer has.
    """
    left: Any = nw.from_native(cast(Any, rows))
    coded: IntoFrameT = left.join(nw.from_native(cast(Any, numbers)), on=on, how="inner").drop(on).to_native()
    return coded


def write_weighted_pairs(
    source: Path,
    target: Path,
    *,
    keys: Sequence[str] = ("user_num", "key_num"),
    data_until: pd.Timestamp,
    half_life_days: float,
) -> None:
    """`weighted_pairs` from Parquet to Parquet in a stream: for more events than fit in memory."""
    rows = nw.scan_parquet(str(source), backend="polars").to_native()
    pairs = weighted_pairs(rows, keys=keys, data_until=data_until, half_life_days=half_life_days)
    nw.from_native(pairs).sink_parquet(target)
