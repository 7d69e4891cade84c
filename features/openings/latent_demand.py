"""What residents of a township or village would take up of a category that is not offered there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.openings.inputs import opening_inputs
from recsys.dataset import TEXT, Dataset, is_among
from recsys.openings.learned.inputs import OpeningInputs
from recsys.regions import RegionTree, session_regions

LATENT = "latent_demand/table"
"""The table's name in a bundle."""

SUPPLY_WEEKS = 52
NEAR_KM = {"township": 1.5, "village": 0.7}
"""Distance assumed to a class in a place that has no venue."""

LEAST_KNOWN = 10
"""Villages of which fewer users are known have no row of their own: it would say little, and of persons. In a county of
6,000 people ranks of villages and categories went with people's true wishes by 0.69 at 5 to 9 known users, 0.77 at 10
to 19, 0.82 at 20 to 49 and 0.91 above (townships: 0.94)."""

Z80 = 1.2816

_COLUMNS = {"region_id": TEXT, "category": TEXT, "mean": float, "q0.1": float, "q0.9": float}


def latent_demand(dataset: Dataset, inputs: OpeningInputs | None = None) -> pd.DataFrame:
    """People a week whom a place's residents would send to a category if a usual weekly class were there.

    One row for each township with users, and each village of which at least `LEAST_KNOWN` are known, and each category
    of which no session was there in the last `SUPPLY_WEEKS` nor is announced: `region_id, category, mean, q0.1, q0.9`.
    What they go to elsewhere already is in it, and so are bookings that are cancelled later. The class is at the best
    placed venue of the place, at its best time. People of whom no such place is known live where others do who book.
    Villages are in their townships: rows of one level add up, those of both count people twice. A village without a
    township above stands for one.

    Args:
        dataset: What is known.
        inputs: What `opening_inputs` learned of the same data, each point a user: before people alike are one
            (`recsys.openings.learned.alike`).
    """
    inputs = inputs if inputs is not None else opening_inputs(dataset)
    town = _towns(inputs.tree)
    village = np.where((inputs.tree.levels == "village") & (town != np.arange(len(town))), np.arange(len(town)), -1)
    kept = _kept_share(dataset)
    rows = [*_rows(dataset, inputs, town, 1, kept), *_rows(dataset, inputs, village, LEAST_KNOWN, kept)]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _rows(
    dataset: Dataset, inputs: OpeningInputs, place: NDArray[np.int64], least: int, kept: float
) -> Iterator[tuple[str, str, float, float, float]]:
    """Yields rows of `latent_demand` of places with `least` known people; (n_regions,) `place` is -1 where in none."""
    point_place = np.where(inputs.point_region >= 0, place[np.maximum(inputs.point_region, 0)], -1)
    venue_place = (
        place[inputs.venues["region_num"].to_numpy(dtype=np.int64)] if len(inputs.venues) else np.zeros(0, int)
    )
    supplied = _supplied(dataset, inputs, place)
    stands_for = _stands_for(inputs.tree, inputs.point_region, point_place >= 0, _booked(dataset, inputs))
    usual = {level: _usual_reach(inputs, km) for level, km in NEAR_KM.items()}
    nums, n_known = np.unique(point_place[point_place >= 0], return_counts=True)
    order = np.argsort(point_place, kind="stable")
    for num in nums[n_known >= least]:
        people = order[slice(*np.searchsorted(point_place[order], [num, num + 1]))]
        near = usual["village" if inputs.tree.levels[num] == "village" else "township"]
        for category in np.flatnonzero(~supplied[:, num]):
            added = _added(inputs, people, np.flatnonzero(venue_place == num), int(category), near)
            mean = float(inputs.taken[people, category].sum() + added) * inputs.bias * stands_for[num] / kept
            spread = np.sqrt(inputs.spread**2 + 1.0 / (4.0 + 26.0 * mean))
            low, high = mean * np.exp(-Z80 * spread), mean * np.exp(Z80 * spread)
            yield str(inputs.tree.ids.ids[num]), str(inputs.categories[category]), mean, low, high


def _added(
    inputs: OpeningInputs, people: NDArray[np.int64], here: NDArray[np.int64], category: int, usual: float
) -> float:
    """People a week more who come to the category with a class at the best of the venues `here`."""
    group = inputs.age_group[people]
    rate, access = inputs.rate[people, category], inputs.access[people, category]
    reach = np.full((len(people), 1), usual) if not len(here) else inputs.reach[np.ix_(people, here)]
    near = reach[:, int(np.argmax(rate @ reach))]
    by_group = np.bincount(group, rate * near, minlength=len(inputs.age_groups))
    slot = int(np.argmax(by_group @ inputs.slot_fit)) if len(inputs.slots) else -1
    fit = inputs.slot_fit[group, slot] if slot >= 0 else np.ones(len(people))
    with_class = inputs.saturation.used((access + near * fit).astype(np.float32))
    return float(rate @ (with_class - inputs.saturation.used(access)))


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


def _usual_reach(inputs: OpeningInputs, way_km: float) -> float:
    km = inputs.km.astype(np.float32)
    near = np.isfinite(km) & (np.abs(km - way_km) < 0.5)
    return float(inputs.reach[near].mean()) if near.any() else 0.7


def _kept_share(dataset: Dataset) -> float:
    """Share of the bookings of what has begun that were not cancelled; 1 where nothing was booked."""
    begun = dataset.sessions.loc[dataset.sessions["starts_at"] < dataset.data_until, "session_id"]
    bookings = dataset.bookings[is_among(dataset.bookings["session_id"], begun)]
    return float((bookings["status"] != "cancelled").mean()) if len(bookings) else 1.0


def _supplied(dataset: Dataset, inputs: OpeningInputs, place: np.ndarray) -> np.ndarray:
    sessions = dataset.sessions
    since = dataset.data_until - pd.Timedelta(weeks=SUPPLY_WEEKS)
    recent = (sessions["starts_at"] >= since) & sessions["cancelled_at"].isna()
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    column = pd.Index(inputs.categories).get_indexer(category)
    region = place[session_regions(dataset, inputs.tree)]
    use = recent.to_numpy() & (region >= 0) & (column >= 0)
    supplied = np.zeros((len(inputs.categories), len(inputs.tree)), dtype=bool)
    supplied[column[use], region[use]] = True
    return supplied
