"""From requests to the booking table: times, places, waitlists, spill, cancellations, no-shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.choice import CHILD
from recsys.simulation.bookings.counts import SPILL, Wishes, groups, lead_hours
from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.people import People

CHANNELS = ("wechat", "app", "portal", "tv")
_CHANNEL_SHARES = (0.6, 0.25, 0.1, 0.05)


def book(
    wishes: Wishes, people: People, sessions: pd.DataFrame, config: SimulationConfig, rng: np.random.Generator
) -> pd.DataFrame:
    """All bookings, past and future, one row each, sorted by time.

    Columns: `user_num`, `session_num`, `party`, `booked_at`, `cancels_at` (NaT: never), `places` (taken in the end),
    `promoted_at` (from the waitlist), `attended`, `called_off`, `is_spill`, `channel`.
    """
    asks = _timed(wishes.asks, people, sessions, config, rng)
    asks = _without_clashes(asks, sessions)
    asks = asks.assign(is_spill=False)
    placed = _placed(asks, sessions)
    spilled = _spilled(placed, wishes, sessions, people, rng)
    if len(spilled):
        both = _without_clashes(pd.concat([asks, spilled], ignore_index=True), sessions)
        placed = _placed(both, sessions)
        # A place found by spill is kept only where there was room.
        placed = placed[~placed["is_spill"] | placed["places"]]
    shows = rng.random(len(placed)) >= people.table["no_show"].to_numpy()[placed["user_num"]]
    off = sessions["cancelled_at"].to_numpy()[placed["session_num"]]
    placed = placed.assign(attended=shows & placed["places"], called_off=off)
    placed = placed[~(placed["booked_at"].to_numpy() >= off)]
    channel = np.array(CHANNELS)[rng.choice(4, len(placed), p=_CHANNEL_SHARES)]
    order = np.lexsort((placed["user_num"], placed["session_num"], placed["booked_at"]))
    return placed.assign(channel=channel).iloc[order].reset_index(drop=True)


def _timed(
    asks: pd.DataFrame, people: People, sessions: pd.DataFrame, config: SimulationConfig, rng: np.random.Generator
) -> pd.DataFrame:
    session = sessions.iloc[asks["session_num"].to_numpy()].reset_index(drop=True)
    closes = session["booking_closes_at"].to_numpy()
    lead = lead_hours(session, rng.random(len(asks)))
    booked = closes - (lead * 3600).astype("timedelta64[s]")
    day = booked.astype("datetime64[D]")
    hour = (booked - day).astype("timedelta64[s]").astype(np.int64) / 3600
    # Few book at night: the small hours move into the same day.
    awake = np.where(hour < 7, 7 + hour * 2, hour)
    booked = np.minimum(day + (awake * 3600).astype("timedelta64[s]"), closes - np.timedelta64(1, "s"))
    registered = people.table["registered_at"].to_numpy()[asks["user_num"]]
    booked = np.maximum(booked, registered + np.timedelta64(120, "s"))
    booked = np.minimum(booked, session["starts_at"].to_numpy() - np.timedelta64(60, "s"))
    gap = (session["starts_at"].to_numpy() - booked).astype("timedelta64[s]").astype(np.int64)
    at = booked + (gap * rng.beta(1.2, 0.8, len(asks))).astype("timedelta64[s]")
    cancels = np.where(rng.random(len(asks)) < config.cancel_rate, at, np.datetime64("NaT"))
    return asks.assign(booked_at=booked, cancels_at=cancels)


def _without_clashes(asks: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Nobody books two sessions at one time, or one twice: the earlier request stays."""
    kept = asks.sort_values(["booked_at", "user_num", "session_num"], kind="stable")
    kept = kept.drop_duplicates(["user_num", "session_num"])
    starts = sessions["starts_at"].to_numpy()[kept["session_num"]]
    ends = sessions["ends_at"].to_numpy()[kept["session_num"]]
    for _ in range(3):
        order = np.lexsort((starts, kept["user_num"]))
        user = kept["user_num"].to_numpy()[order]
        clash = (user[1:] == user[:-1]) & (starts[order][1:] < ends[order][:-1])
        if not clash.any():
            break
        booked = kept["booked_at"].to_numpy()[order]
        later_is_second = booked[1:] >= booked[:-1]
        drop = np.zeros(len(kept), dtype=bool)
        drop[order[1:][clash & later_is_second]] = True
        drop[order[:-1][clash & ~later_is_second]] = True
        kept, starts, ends = kept[~drop], starts[~drop], ends[~drop]
    return kept.reset_index(drop=True)


def _placed(asks: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """First come, first served; a place that is given back goes to the first on the waitlist."""
    asks = asks.sort_values(["session_num", "is_spill", "booked_at", "user_num"], kind="stable").reset_index(drop=True)
    capacity = np.nan_to_num(sessions["capacity"].to_numpy(), nan=np.inf)[asks["session_num"]]
    stays = asks["cancels_at"].isna().to_numpy()
    party = asks["party"].to_numpy()
    session = asks["session_num"]
    held = pd.Series(party).groupby(session).cumsum().to_numpy()
    lasting = pd.Series(party * stays).groupby(session).cumsum().to_numpy()
    at_once = held <= capacity
    places = stays & (lasting <= capacity)
    freed = asks["cancels_at"].groupby(session).transform("max").to_numpy()
    wait = np.where(np.isnat(freed) | (freed < asks["booked_at"].to_numpy()), asks["booked_at"].to_numpy(), freed)
    promoted = np.where(places & ~at_once, wait, np.datetime64("NaT"))
    return asks.assign(places=places, waited=~at_once, promoted_at=promoted)


def _spilled(
    placed: pd.DataFrame, wishes: Wishes, sessions: pd.DataFrame, people: People, rng: np.random.Generator
) -> pd.DataFrame:
    """Requests for another session by some of those who found no place."""
    missed = placed[~placed["places"] & placed["cancels_at"].isna()]
    missed = missed[rng.random(len(missed)) < SPILL]
    group = groups(sessions)
    order = np.argsort(group, kind="stable")
    weight = wishes.means.sum(axis=1)[order]
    total = np.concatenate([[0.0], weight.cumsum()])
    first = np.searchsorted(group[order], group[missed["session_num"]], side="left")
    last = np.searchsorted(group[order], group[missed["session_num"]], side="right")
    spot = total[first] + rng.random(len(missed)) * (total[last] - total[first])
    target = order[np.clip(np.searchsorted(total, spot, side="right") - 1, first, np.maximum(last - 1, first))]
    other = target != missed["session_num"].to_numpy()
    closes = sessions["booking_closes_at"].to_numpy()[target]
    booked = missed["booked_at"].to_numpy() + np.timedelta64(240, "s")
    birth = np.where(people.table["birth_known"], people.table["birth_year"], 3000)[missed["user_num"]]
    least = sessions["min_age"].to_numpy()[target]
    year = sessions["starts_at"].dt.year.to_numpy()[target]
    child = sessions["audience_num"].to_numpy()[target] == CHILD
    fits: NDArray[np.bool_] = child | np.isnan(least) | (year - birth - 1 >= np.nan_to_num(least))
    opens = sessions["booking_opens_at"].to_numpy()[target]
    keep = other & (booked < closes) & (booked >= opens) & fits
    return missed.assign(session_num=target, booked_at=booked, is_spill=True)[keep].drop(
        columns=["places", "waited", "promoted_at"]
    )
