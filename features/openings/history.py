"""Openings that were made: what was predicted for them beside what came, and what that says of the next ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.willingness.ages import admitted
from features.willingness.offered import attending
from recsys.ages import local_year
from recsys.dataset import TEXT, Dataset, local_times
from recsys.ids import IdMap
from recsys.openings.classes.attendance import filled, week_interval
from recsys.openings.classes.slots import nearest_slots
from recsys.openings.classes.value import access_given
from recsys.openings.learned.inputs import FOLLOWED, OpeningInputs

QUIET = pd.Timedelta(weeks=8)
"""A class counts as opened where its category had no session at the venue for this long before."""

MIN_OPENINGS = 4
PRIOR_OPENINGS = 12.0


HISTORY = {
    "category": TEXT,
    "venue_id": TEXT,
    "is_new": "bool",
    "opened_on": TEXT,
    "sessions": "int64",
    "predicted": "float64",
    "real": "float64",
}
"""Columns of `past_openings` and their types."""


def past_openings(then: OpeningInputs, sessions: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Classes held after `then.data_until`, predicted from what was known before.

    Rows: `category, venue_id, is_new, opened_on, sessions, predicted, real`; people who come to a session on average.
    `is_new` is False for classes that ran before as well: how those came out tells season and growth from a class
    being new.

    Args:
        then: Inputs as of an earlier cut-off.
        sessions: Training sessions with `category`, of all times.
        dataset: What is known now.
    """
    since = pd.Timestamp(then.data_until)
    came = _attendance(dataset)
    placed = sessions[sessions["venue_id"].notna() & sessions["cancelled_at"].isna()]
    before = placed[(placed["starts_at"] < since) & (placed["starts_at"] >= since - QUIET)]
    after = placed[(placed["starts_at"] >= since) & (placed["starts_at"] < dataset.data_until)]
    admits = admitted(dataset, after, local_year(since, dataset.timezone))
    old = pd.MultiIndex.from_frame(before[["category", "venue_id"]])
    after = after.assign(
        is_new=~pd.MultiIndex.from_frame(after[["category", "venue_id"]]).isin(old),
        real=after["session_id"].map(came).fillna(0.0).astype(float),
        predicted=_predicted(then, after, admits, dataset.timezone),
    ).dropna(subset=["predicted"])
    grouped = after.groupby(["category", "venue_id", "is_new"], as_index=False)
    table = grouped.agg(
        first=("starts_at", "min"),
        sessions=("session_id", "size"),
        predicted=("predicted", "mean"),
        real=("real", "mean"),
    )
    opened = local_times(table["first"], dataset.timezone).dt.strftime("%Y-%m-%d")
    return table.assign(opened_on=opened)[list(HISTORY)].astype(HISTORY)


def no_history() -> pd.DataFrame:
    """No class was followed."""
    return pd.DataFrame(columns=list(HISTORY)).astype(HISTORY)


def followed(history: pd.DataFrame, spread: float) -> pd.DataFrame:
    """New classes of `past_openings` as `learned.inputs.FOLLOWED`, with the 80 % interval of one session."""
    new = history[history["is_new"]].reset_index(drop=True)
    intervals = np.array([week_interval(mean, spread, np.ones(1)) for mean in new["predicted"]]).reshape(-1, 2)
    return new.assign(**{"q0.1": intervals[:, 0], "q0.9": intervals[:, 1]})[list(FOLLOWED)].astype(FOLLOWED)


def calibrated(inputs: OpeningInputs, history: pd.DataFrame) -> OpeningInputs:
    """Inputs whose `bias` and `spread` follow past openings; those stay where there were too few.

    Logarithms of real over predicted, less the mean of classes that ran before; counting noise is taken off the
    variance; both are shrunk with the weight of `PRIOR_OPENINGS` openings, and the bias is kept within 0.5 to 1.5.
    """
    new, old = history[history["is_new"]], history[~history["is_new"]]
    inputs = replace(inputs, followed=followed(history, inputs.spread))
    if len(new) < MIN_OPENINGS:
        return inputs
    log, weight = _log_ratios(new)
    level = 0.0
    if len(old) >= MIN_OPENINGS:
        old_log, old_weight = _log_ratios(old)
        level = float(np.average(old_log, weights=old_weight))
    share = len(new) / (len(new) + PRIOR_OPENINGS)
    mean = float(np.average(log, weights=weight))
    counting = 1.0 / (new["real"] * new["sessions"] + 0.5)
    variance = max(
        float(np.average(np.square(log - mean), weights=weight) - np.average(counting, weights=weight)), 0.01
    )
    spread = np.sqrt(share * variance + (1 - share) * inputs.spread**2)
    bias = float(np.clip(np.exp(share * (mean - level)), 0.5, 1.5))
    return replace(inputs, bias=inputs.bias * bias, spread=float(np.clip(spread, 0.15, 1.0)))


def _log_ratios(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    n = rows["sessions"].to_numpy(dtype=float)
    real, predicted = rows["real"].to_numpy(dtype=float), rows["predicted"].to_numpy(dtype=float)
    log = np.log((n * real + 0.5) / (n * predicted + 0.5))
    return log, 1.0 / (0.2 + 1.0 / (n * predicted + 0.5))


def _attendance(dataset: Dataset) -> pd.Series:
    bookings = dataset.bookings
    return bookings[attending(bookings)].groupby("session_id")["party_size"].sum()


def _predicted(then: OpeningInputs, sessions: pd.DataFrame, admits: NDArray[np.float64], timezone: str) -> np.ndarray:
    """(n_sessions,) people expected at each, NaN for categories or venues not known then."""
    category = IdMap.of(then.categories, "category").nums_or_missing(sessions["category"])
    venue = IdMap.of(then.venues["venue_id"], "venue_id").nums_or_missing(sessions["venue_id"])
    local = local_times(sessions["starts_at"], timezone)
    weekday, minute = local.dt.dayofweek.to_numpy(dtype=np.int64) + 1, local.dt.hour * 60 + local.dt.minute
    slot = nearest_slots(then.slots, weekday, minute.to_numpy(dtype=np.int64))
    size = sessions["capacity"].where(sessions["capacity"] > 0).fillna(10_000.0).to_numpy(dtype=float)
    answer = np.full(len(sessions), np.nan)
    known: dict[tuple[int, int, int, bytes], float] = {}
    for n in np.flatnonzero((category >= 0) & (venue >= 0)):
        key = (int(category[n]), int(venue[n]), int(slot[n]), admits[:, n].tobytes())
        if key not in known:
            known[key] = _drawn(then, *key[:3], admits[:, n].astype(np.float32))
        answer[n] = float(filled(known[key], size[n], then.spread)) * float(then.show[key[0]])
    return answer


def _drawn(then: OpeningInputs, category: int, venue: int, slot: int, admits: NDArray[np.float32]) -> float:
    """People who would book a session there beside what ran then; what ran at the venue itself counts once.

    Of a group of which some are admitted, so many have all of its access, the others none.
    """
    given = then.reach[:, venue] * then.slot_fit[:, slot][then.age_group]
    own = access_given(then, category, venue)
    total = np.maximum(then.access[:, category] - own, 0.0) + np.maximum(own, given)
    return float((then.rate[:, category] * admits[then.age_group]) @ then.saturation.part(total, given)) * then.bias
