"""Views, impressions, favourites, shares, ratings and pledges that come from the same wishes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys.simulation.bookings.choice import CHILD
from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.people import People

VIEWS_PER_WISH = {"logit": 0.9, "gravity": 0.4}
"""Views a week for each wish; in the family with thresholds more wishes find nothing in reach."""
IMPRESSIONS_PER_VIEW = 2.0


def feedback(
    people: People, sessions: pd.DataFrame, bookings: pd.DataFrame, config: SimulationConfig, rng: np.random.Generator
) -> pd.DataFrame:
    """All feedback before the end of the known past: `user_num` (-1 - k: follower k), `activity_num`, `kind`, ..."""
    as_of = pd.Timestamp(config.as_of)
    seen = _browsing(people, sessions, config, rng)
    before = bookings[bookings["booked_at"] < as_of]
    looked = before[rng.random(len(before)) < 0.6 * min(config.feedback, 1.0)]
    lag = (rng.exponential(1500, len(looked)) + 20).astype("timedelta64[s]")
    own = pd.DataFrame(
        {
            "user_num": looked["user_num"].to_numpy(),
            "activity_num": sessions["activity_num"].to_numpy()[looked["session_num"]],
            "occurred_at": looked["booked_at"].to_numpy() - lag,
            "kind": "view",
        }
    )
    views = pd.concat([seen, own], ignore_index=True)
    parts = [views]
    for kind, share, low, high in (("favourite", 0.13, 20, 300), ("share", 0.04, 30, 600), ("pledge", 0.03, 30, 900)):
        some = views[rng.random(len(views)) < share]
        later = rng.integers(low, high, len(some)).astype("timedelta64[s]")
        parts.append(some.assign(kind=kind, occurred_at=some["occurred_at"].to_numpy() + later))
    shown = views.iloc[rng.integers(0, max(len(views), 1), int(IMPRESSIONS_PER_VIEW * len(views)))]
    moved = shown["activity_num"].to_numpy()[rng.permutation(len(shown))]
    # Half of what is shown is what was later opened, half is what others open.
    activity = np.where(rng.random(len(shown)) < 0.5, shown["activity_num"].to_numpy(), moved)
    earlier = rng.integers(5, 90, len(shown)).astype("timedelta64[s]")
    parts.append(
        shown.assign(kind="impression", activity_num=activity, occurred_at=shown["occurred_at"].to_numpy() - earlier)
    )
    parts.append(_ratings(sessions, before, config, rng))
    table = pd.concat(parts, ignore_index=True)
    table = table[table["occurred_at"] < as_of]
    started = table["user_num"].to_numpy()
    registered = people.table["registered_at"].to_numpy()[np.maximum(started, 0)]
    table = table[(started < 0) | (table["occurred_at"].to_numpy() >= registered)]
    first = _first_published(sessions)
    table = table[table["occurred_at"].to_numpy() >= first[table["activity_num"].to_numpy()]]
    order = np.lexsort(
        (table["kind"].to_numpy(dtype=str), table["activity_num"], table["user_num"], table["occurred_at"])
    )
    return table.iloc[order].reset_index(drop=True)


def _first_published(sessions: pd.DataFrame) -> np.ndarray:
    first = np.full(int(sessions["activity_num"].max()) + 1, np.datetime64("2200-01-01"), dtype="datetime64[ns]")
    np.minimum.at(
        first, sessions["activity_num"].to_numpy(), sessions["published_at"].to_numpy().astype("datetime64[ns]")
    )
    return first


def _ratings(
    sessions: pd.DataFrame, before: pd.DataFrame, config: SimulationConfig, rng: np.random.Generator
) -> pd.DataFrame:
    came = before[before["attended"].to_numpy()]
    came = came[rng.random(len(came)) < 0.15 * min(config.feedback, 1.0)]
    quality = sessions["quality"].to_numpy()[came["session_num"]]
    at = sessions["ends_at"].to_numpy()[came["session_num"]] + (rng.exponential(20, len(came)) * 3600).astype(
        "timedelta64[s]"
    )
    return pd.DataFrame(
        {
            "user_num": came["user_num"].to_numpy(),
            "activity_num": sessions["activity_num"].to_numpy()[came["session_num"]],
            "occurred_at": at,
            "kind": "rating",
            "value": np.clip(np.round(4.3 + 0.3 * quality + rng.normal(0, 0.6, len(came))), 1, 5),
        }
    )


def _browsing(
    people: People, sessions: pd.DataFrame, config: SimulationConfig, rng: np.random.Generator
) -> pd.DataFrame:
    """Views by week: who wants a category looks at what there is of it, near or far; followers look at anything."""
    total = people.rates.sum(axis=1) + people.child_rates.sum(axis=1)
    as_of = pd.Timestamp(config.as_of)
    first = pd.Timestamp(config.first_day)
    n_followers = round(config.followers_per_user * config.users)
    registered = people.table["registered_at"].to_numpy()
    starts, published = sessions["starts_at"].to_numpy(), sessions["booking_opens_at"].to_numpy()
    county = sessions["county_id"].to_numpy(dtype=str)
    home = people.table["county_id"].to_numpy(dtype=str)
    follower_home = home[rng.integers(0, len(home), n_followers)] if n_followers else np.empty(0, dtype=str)
    parts = []
    for week in range(config.weeks):
        begin = (first + pd.Timedelta(weeks=week)).to_datetime64()
        known = registered < begin
        looks = rng.poisson(VIEWS_PER_WISH[config.shape] * config.feedback * total * known)
        user = np.repeat(np.arange(len(people)), looks)
        looks_f = rng.poisson(0.12 * config.feedback, n_followers)
        follower = np.repeat(np.arange(n_followers), looks_f)
        nums = np.concatenate([user, -1 - follower])
        place = np.concatenate([home[user], follower_home[follower]])
        open_now = np.flatnonzero((published < begin + np.timedelta64(7, "D")) & (starts > begin))
        wanted = _wanted(people, user, rng)
        wanted = np.concatenate([wanted, np.full(len(follower), -1)])
        activity = _opened(sessions, open_now, county, place, wanted, rng)
        at = begin + (rng.random(len(nums)) * 7 * 86400).astype("timedelta64[s]")
        found = activity >= 0
        parts.append(pd.DataFrame({"user_num": nums[found], "activity_num": activity[found], "occurred_at": at[found]}))
    table = pd.concat(parts, ignore_index=True).assign(kind="view")
    return table[table["occurred_at"] < as_of]


def _wanted(people: People, user: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) category looked for, plus the number of categories where it is for the child."""
    both = np.concatenate([people.rates[user], people.child_rates[user]], axis=1).cumsum(axis=1)
    return (both < rng.random(len(user))[:, None] * both[:, -1:]).sum(axis=1).clip(max=both.shape[1] - 1)


def _opened(
    sessions: pd.DataFrame,
    open_now: np.ndarray,
    county: np.ndarray,
    place: np.ndarray,
    wanted: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """(n,) activity looked at: a random one of the county and category wanted; -1 where there is none."""
    result = np.full(len(wanted), -1)
    category = sessions["category_num"].to_numpy() + 24 * (sessions["audience_num"].to_numpy() == CHILD)
    activity = sessions["activity_num"].to_numpy()
    open_table = pd.DataFrame(
        {"county": county[open_now], "category": category[open_now], "activity": activity[open_now]}
    )
    open_table = open_table.drop_duplicates()
    by_place = {k: v for k, v in open_table.groupby("county")}
    for one, rows in pd.Series(range(len(place))).groupby(place):
        here = by_place.get(one)
        if here is None:
            continue
        pool = here.sort_values(["category", "activity"])
        codes, acts = pool["category"].to_numpy(), pool["activity"].to_numpy()
        mine = wanted[rows.to_numpy()]
        first, last = np.searchsorted(codes, mine, "left"), np.searchsorted(codes, mine, "right")
        anything = mine < 0
        first, last = np.where(anything, 0, first), np.where(anything, len(codes), last)
        pick = first + np.floor(rng.random(len(mine)) * (last - first)).astype(int)
        result[rows.to_numpy()] = np.where(last > first, acts[np.minimum(pick, len(acts) - 1)], -1)
    return result
