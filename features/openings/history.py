"""Openings that were made: what was predicted for them beside what came, and what that says of the next ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.willingness.ages import admitted
from features.willingness.offered import attending
from recsys.ages import local_year
from recsys.availability import for_children
from recsys.dataset import TEXT, Dataset, is_among, local_times
from recsys.ids import IdMap
from recsys.openings.classes.attendance import filled, week_interval
from recsys.openings.classes.slots import nearest_slots
from recsys.openings.classes.value import access_given
from recsys.openings.learned.inputs import FOLLOWED, OpeningInputs

QUIET = pd.Timedelta(weeks=8)
"""A class counts as opened where its category had no session at the venue for this long before."""

MIN_OPENINGS = 4
PRIOR_OPENINGS = 12.0

USUAL_OFF = 0.35
"""Standard deviation of the logarithm of real over predicted that is believed of classes beforehand, weeks apart."""

USUAL_NEW = 0.1
"""The same of how much more or less new classes draw than is learned, in the mean of all; not tuned."""


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
    being new. Classes for children are left out: who books them is not who may come, and next to nobody is predicted.

    Args:
        then: Inputs as of an earlier cut-off.
        sessions: Training sessions with `category`, of all times.
        dataset: What is known now.
    """
    since = pd.Timestamp(then.data_until)
    came = _attendance(dataset)
    children = dataset.activities.loc[for_children(dataset.activities["max_age"]), "activity_id"]
    held = sessions["venue_id"].notna() & sessions["cancelled_at"].isna()
    placed = sessions[held & ~is_among(sessions["activity_id"], children)]
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
    """Inputs whose `bias` and `spread` follow past classes; those stay where there were too few.

    How far classes are off beside their mean is told by those that ran before as well: their own luck was not used to
    predict them. It takes the place of `USUAL_OFF` in the spread, shrunk with the weight of `PRIOR_OPENINGS` classes.
    The bias is the mean logarithm of real over predicted of new classes, less that of classes that ran before, kept
    within 0.5 to 1.5. Single classes are off by their luck, so that of a few says little: it is believed as far as
    `USUAL_NEW` stands out from what means of so many classes are off by.
    """
    new, old = history[history["is_new"]], history[~history["is_new"]]
    inputs = replace(inputs, followed=followed(history, inputs.spread))
    of_each = [_off(rows) for rows in (new, old) if len(rows) >= MIN_OPENINGS]
    if not of_each:
        return inputs
    n = sum(one.n for one in of_each)
    share = n / (n + PRIOR_OPENINGS)
    off = share * sum(one.n * one.variance for one in of_each) / n + (1 - share) * USUAL_OFF**2
    spread = float(np.clip(np.sqrt(max(inputs.spread**2 - USUAL_OFF**2, 0.0) + off), 0.15, 1.0))
    if len(new) < MIN_OPENINGS:
        return replace(inputs, spread=spread)
    level = of_each[1].mean if len(of_each) > 1 else 0.0
    by_luck = off * sum(1 / one.n for one in of_each)
    bias = np.exp(USUAL_NEW**2 / (USUAL_NEW**2 + by_luck) * (of_each[0].mean - level))
    return replace(inputs, bias=inputs.bias * float(np.clip(bias, 0.5, 1.5)), spread=spread)


@dataclass(frozen=True)
class _Off:
    """How `n` classes came out: mean and variance of the logarithm of real over predicted, counting taken off."""

    n: int
    mean: float
    variance: float


def _off(rows: pd.DataFrame) -> _Off:
    n = rows["sessions"].to_numpy(dtype=float)
    real, predicted = rows["real"].to_numpy(dtype=float), rows["predicted"].to_numpy(dtype=float)
    log = np.log((n * real + 0.5) / (n * predicted + 0.5))
    # By what was expected: by what came, a class to which nobody came would say that all is chance.
    counting = 1.0 / (n * predicted + 0.5)
    weight = 1.0 / (0.2 + counting)
    mean = float(np.average(log, weights=weight))
    variance = float(np.average(np.square(log - mean) - counting, weights=weight))
    return _Off(len(rows), mean, max(variance, 0.0))


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
