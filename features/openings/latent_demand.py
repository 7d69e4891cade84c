"""What residents of a township would take up of a category that is not offered there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.openings.inputs import opening_inputs
from recsys.dataset import TEXT, Dataset, is_among
from recsys.openings.inputs import OpeningInputs
from recsys.regions import RegionTree, session_regions

LATENT = "latent_demand/table"
"""The table's name in a bundle."""

SUPPLY_WEEKS = 52
NEAR_KM = 1.5
"""Distance assumed to a class in a township that has no venue."""

Z80 = 1.2816


def latent_demand(dataset: Dataset, inputs: OpeningInputs | None = None) -> pd.DataFrame:
    """People a week whom a township's residents would send to a category if a usual weekly class were there.

    One row for each township (or village, where it has no township above) with users and each category of which
    no session was there in the last `SUPPLY_WEEKS` nor is announced: `region_id, category, mean, q0.1, q0.9`. What
    they go to elsewhere already is in it, and so are bookings that are cancelled later. The class is at the township's
    best placed venue, at its best time. People of whom no township is known live where others do who book.

    Args:
        dataset: What is known.
        inputs: What `opening_inputs` learned of the same data, each point a user: before `recsys.openings.alike`.
    """
    inputs = inputs if inputs is not None else opening_inputs(dataset)
    town = _towns(inputs.tree)
    point_town = np.where(inputs.point_region >= 0, town[np.maximum(inputs.point_region, 0)], -1)
    venue_town = town[inputs.venues["region_num"].to_numpy(dtype=np.int64)] if len(inputs.venues) else np.zeros(0, int)
    supplied = _supplied(dataset, inputs, town)
    usual, kept = _usual_reach(inputs), _kept_share(dataset)
    stands_for = _stands_for(inputs.tree, inputs.point_region, point_town >= 0, _booked(dataset, inputs))
    rows = []
    for num in np.unique(point_town[point_town >= 0]):
        people = np.flatnonzero(point_town == num)
        here = np.flatnonzero(venue_town == num)
        group = inputs.age_group[people]
        for category in np.flatnonzero(~supplied[:, num]):
            rate, access = inputs.rate[people, category], inputs.access[people, category]
            reach = np.full((len(people), 1), usual) if not len(here) else inputs.reach[np.ix_(people, here)]
            near = reach[:, int(np.argmax(rate @ reach))]
            by_group = np.bincount(group, rate * near, minlength=len(inputs.age_groups))
            slot = int(np.argmax(by_group @ inputs.slot_fit)) if len(inputs.slots) else -1
            fit = inputs.slot_fit[group, slot] if slot >= 0 else np.ones(len(people))
            with_class = inputs.saturation.used((access + near * fit).astype(np.float32))
            added = rate @ (with_class - inputs.saturation.used(access))
            mean = float(inputs.taken[people, category].sum() + added) * inputs.bias * stands_for[num] / kept
            spread = np.sqrt(inputs.spread**2 + 1.0 / (4.0 + 26.0 * mean))
            low, high = mean * np.exp(-Z80 * spread), mean * np.exp(Z80 * spread)
            rows.append((inputs.tree.ids.ids[num], str(inputs.categories[category]), mean, low, high))
    frame = pd.DataFrame(rows, columns=["region_id", "category", "mean", "q0.1", "q0.9"])
    return frame.astype({"region_id": TEXT, "category": TEXT, "mean": float, "q0.1": float, "q0.9": float})


def _towns(tree: RegionTree) -> np.ndarray:
    """(n_regions,) township of each region, the region itself for a village without one, -1 above."""
    town = tree.ancestors_at("township")
    own = np.where(tree.levels == "village", np.arange(len(tree)), -1)
    return np.asarray(np.where(town >= 0, town, own))


def _booked(dataset: Dataset, inputs: OpeningInputs) -> np.ndarray:
    """(n_points,) bookings of the user that each point is that were not cancelled."""
    booked = dataset.bookings.loc[dataset.bookings["status"] != "cancelled", "user_id"]
    # Of very many users every second, third ... is a point, see `OpeningsConfig.max_users`.
    users = dataset.users["user_id"].iloc[:: int(inputs.size.max(initial=1))]
    return users.map(booked.value_counts()).fillna(0.0).to_numpy(dtype=np.float64)


def _stands_for(tree: RegionTree, region: np.ndarray, is_known: np.ndarray, booked: np.ndarray) -> np.ndarray:
    """(n_regions,) people for whom each known resident of a region stands, at least 1.

    What is booked by those who tell no township is shared out as the bookings of those who do, under the region that
    they tell (the root without one), or the nearest above it where anybody does. Accounts that never book tell nothing.

    Args:
        tree: The regions.
        region: (n_points,) row of each user's region, -1 where none is known.
        is_known: (n_points,) a township is known.
        booked: (n_points,) bookings.
    """
    known, unknown = (
        np.bincount(np.maximum(region, 0)[some], booked[some], minlength=len(tree)) for some in (is_known, ~is_known)
    )
    for num in range(len(tree) - 1, 0, -1):
        known[tree.parents[num]] += known[num]
        if known[num] == 0:
            unknown[tree.parents[num]] += unknown[num]
            unknown[num] = 0.0
    more = np.where(known > 0, unknown / np.maximum(known, 1e-9), 0.0)
    for num in range(1, len(tree)):
        more[num] += more[tree.parents[num]]
    return np.asarray(1.0 + more)


def _usual_reach(inputs: OpeningInputs) -> float:
    km = inputs.km.astype(np.float32)
    near = np.isfinite(km) & (np.abs(km - NEAR_KM) < 0.5)
    return float(inputs.reach[near].mean()) if near.any() else 0.7


def _kept_share(dataset: Dataset) -> float:
    """Share of the bookings of what has begun that were not cancelled; 1 where nothing was booked."""
    begun = dataset.sessions.loc[dataset.sessions["starts_at"] < dataset.data_until, "session_id"]
    bookings = dataset.bookings[is_among(dataset.bookings["session_id"], begun)]
    return float((bookings["status"] != "cancelled").mean()) if len(bookings) else 1.0


def _supplied(dataset: Dataset, inputs: OpeningInputs, town: np.ndarray) -> np.ndarray:
    sessions = dataset.sessions
    since = dataset.data_until - pd.Timedelta(weeks=SUPPLY_WEEKS)
    recent = (sessions["starts_at"] >= since) & sessions["cancelled_at"].isna()
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    column = pd.Index(inputs.categories).get_indexer(category)
    region = town[session_regions(dataset, inputs.tree)]
    use = recent.to_numpy() & (region >= 0) & (column >= 0)
    supplied = np.zeros((len(inputs.categories), len(inputs.tree)), dtype=bool)
    supplied[column[use], region[use]] = True
    return supplied
