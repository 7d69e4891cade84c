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
    best placed venue, at its best time.
    """
    inputs = inputs if inputs is not None else opening_inputs(dataset)
    town = _towns(inputs.tree)
    point_town = np.where(inputs.point_region >= 0, town[np.maximum(inputs.point_region, 0)], -1)
    venue_town = town[inputs.venues["region_num"].to_numpy(dtype=np.int64)] if len(inputs.venues) else np.zeros(0, int)
    supplied = _supplied(dataset, inputs, town)
    usual, kept = _usual_reach(inputs), _kept_share(dataset)
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
            mean = float(inputs.taken[people, category].sum() + added) * inputs.bias / kept
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
