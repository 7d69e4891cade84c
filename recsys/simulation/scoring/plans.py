"""Plans of openings to hold ours against: the oracle's, of any belief, and simple rules'."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.choice import saturated
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.setting.tastes import N_SLOTS, Floats
from recsys.simulation.truth.openings import CityWorld, OpeningWorld
from recsys.simulation.truth.oracle import Truth

RUNNING_DAYS = 28


def running_pairs(truth: Truth) -> set[tuple[str, int]]:
    """(category, venue row) with a class within 28 days of `as_of` that the platform knows of."""
    sessions = truth.tables["sessions"]
    near = (sessions["starts_at"] - truth.as_of).abs() <= pd.Timedelta(days=RUNNING_DAYS)
    now = sessions[
        near
        & (sessions["kind_num"] == 0)
        & (sessions["published_at"] <= truth.as_of)
        & ~(sessions["cancelled_at"] <= truth.as_of)
    ]
    names = np.array(CATEGORY_NAMES)[now["category_num"]]
    return {(str(c), int(v)) for c, v in zip(names, now["venue_num"], strict=True)}


def free_slots(truth: Truth) -> NDArray[np.int64]:
    """(n_venues,) weekly slots not used by the classes that run."""
    limit = truth.tables["venues"]["weekly_slots"].to_numpy().astype(np.int64)
    used = np.bincount([v for _, v in running_pairs(truth) if v >= 0], minlength=len(limit))
    return np.maximum(limit - used, 0)


def room_sizes(truth: Truth) -> NDArray[np.float64]:
    """(n_venues,) seats of a room."""
    venues = truth.tables["venues"]
    return np.floor(venues["seats"].to_numpy() / venues["rooms"].to_numpy().clip(1)).astype(float)


@dataclass(frozen=True)
class Belief:
    """What a planner believes of people and programme of a city; the oracle's is true.

    Attributes:
        want: (n, n_categories) people a week who want each category and show up, in the mean of the weeks ahead.
        attraction: (n, n_venues, N_SLOTS) attraction of an ordinary new class at each of the city's venues.
        base: (n, n_categories) attraction of what runs.
    """

    want: Floats
    attraction: Floats
    base: Floats


def true_beliefs(world: OpeningWorld) -> list[Belief]:
    """What is so in each of the cities, the weeks ahead taken in the mean."""
    season = [np.float32(world.season(c).mean()) for c in range(len(CATEGORY_NAMES))]
    return [_true_belief(city, season) for city in world.cities]


def _true_belief(city: CityWorld, season: list[np.float32]) -> Belief:
    n_people, n_venues = len(city.crowd.nums), len(city.venues)
    venues, slots = np.repeat(np.arange(n_venues), N_SLOTS), np.tile(np.arange(N_SLOTS), n_venues)
    attraction = city.attractions(venues, slots) if n_venues else np.zeros((n_people, 0), dtype=np.float32)
    want = [city.want(c) * city.shows * one for c, one in enumerate(season)]
    base = [city.base(c).mean(axis=1) for c in range(len(season))]
    return Belief(np.stack(want, axis=1), attraction.reshape(n_people, n_venues, N_SLOTS), np.stack(base, axis=1))


def oracle_plan(world: OpeningWorld, budget: int) -> pd.DataFrame:
    """The plan of who knows each person's tastes."""
    return plan_of(world, true_beliefs(world), budget)


def plan_of(world: OpeningWorld, beliefs: Sequence[Belief], budget: int) -> pd.DataFrame:
    """Greedy on the gain that is believed in, one belief a city, lazily: gains only fall as the plan grows."""
    truth, columns = world.truth, range(len(CATEGORY_NAMES))
    running, room, free = running_pairs(truth), room_sizes(truth), free_slots(truth)
    city_of = {int(v): num for num, city in enumerate(world.cities) for v in city.venues}
    held = [[np.ascontiguousarray(one.base[:, c]) for c in columns] for one in beliefs]
    want = [[np.ascontiguousarray(one.want[:, c]) for c in columns] for one in beliefs]
    attraction = {
        int(v): np.ascontiguousarray(one.attraction[:, place])
        for city, one in zip(world.cities, beliefs, strict=True)
        for place, v in enumerate(city.venues)
    }

    def best_hour(category: int, venue: int) -> tuple[float, int]:
        city = city_of[venue]
        rooms = np.full(N_SLOTS, room[venue])
        gains = _gains(truth.shape, held[city][category], want[city][category], attraction[venue], rooms)
        return -float(gains.max()), int(gains.argmax())

    heap: list[tuple[float, int, int, int, int]] = []
    for category in columns:
        for venue in sorted(city_of):
            if (CATEGORY_NAMES[category], venue) not in running and free[venue] > 0:
                gain, slot = best_hour(category, venue)
                heapq.heappush(heap, (gain, category, venue, slot, 0))
    rounds = np.zeros((len(world.cities), len(columns)), dtype=np.int64)
    rows: list[dict[str, object]] = []
    while heap and len(rows) < budget:
        _, category, venue, slot, seen = heapq.heappop(heap)
        if free[venue] <= 0:
            continue
        city = city_of[venue]
        if seen < rounds[city, category]:
            gain, slot = best_hour(category, venue)
            heapq.heappush(heap, (gain, category, venue, slot, int(rounds[city, category])))
            continue
        held[city][category] = held[city][category] + attraction[venue][:, slot]
        rounds[city, category] += 1
        free[venue] -= 1
        rows.append({"category": CATEGORY_NAMES[category], "venue_num": venue, "slot": slot, "size": room[venue]})
    return pd.DataFrame(rows, columns=["category", "venue_num", "slot", "size"])


def _gains(
    shape: str, held: Floats, want: Floats, attraction: Floats, room: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_options,) people a week gained by one more class; a full room turns away in proportion."""
    before = saturated(held, shape)
    gains = np.empty(attraction.shape[1])
    for num in range(attraction.shape[1]):
        total = held + attraction[:, num]
        after = saturated(total, shape)
        comes = float((want * after * attraction[:, num] / np.maximum(total, np.float32(1e-12))).sum())
        gains[num] = float((want * (after - before)).sum()) * min(1.0, room[num] / max(comes, 1e-9))
    return gains


RULES = ("most bookings", "most sold-out weeks", "population", "plain unmet demand")


def rule_plan(truth: Truth, rule: str, budget: int) -> pd.DataFrame:
    """A plan by a simple rule on what the platform sees, at the category's commonest hour, in the venue's room."""
    sessions, venues = truth.tables["sessions"], truth.tables["venues"]
    past = sessions[(sessions["starts_at"] < truth.as_of) & (sessions["kind_num"] == 0) & (sessions["venue_num"] >= 0)]
    n_categories, n_venues = len(CATEGORY_NAMES), len(venues)
    cell = past["category_num"].to_numpy() * n_venues + past["venue_num"].to_numpy()
    size = n_categories * n_venues

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(cell, values, size).astype(np.float64).reshape(n_categories, n_venues)

    taken = sums(past["bookings"].to_numpy(dtype=float))
    sold_out = sums((past["bookings"] >= past["capacity"]).to_numpy(dtype=float))
    waiting = sums(past["waitlisted"].to_numpy(dtype=float))
    area = pd.factorize(venues["township_id"] + "/" + venues["county_id"])[0]
    by_category = taken.sum(axis=1, keepdims=True)
    people = (
        truth.tables["regions"].set_index("region_id")["population"].reindex(venues["region_id"]).fillna(0).to_numpy()
    )
    scores = {
        "most bookings": by_category * (1 + taken.sum(axis=0)),
        "most sold-out weeks": _around(sold_out, area)
        + 1e-3 * sold_out.sum(axis=1, keepdims=True)
        + 1e-9 * by_category,
        "population": people[None, :] * (by_category / max(by_category.max(), 1.0)),
        "plain unmet demand": _around(waiting, area) + 1e-3 * waiting.sum(axis=1, keepdims=True) + 1e-9 * by_category,
    }[rule]
    running, free = running_pairs(truth), free_slots(truth)
    hours = past.groupby("category_num")["slot"].agg(lambda s: s.value_counts().index[0])
    rows: list[dict[str, object]] = []
    room = room_sizes(truth)
    for flat in np.argsort(-scores.ravel(), kind="stable"):
        if len(rows) >= budget:
            break
        category, venue = divmod(int(flat), n_venues)
        if (CATEGORY_NAMES[category], venue) in running or free[venue] <= 0:
            continue
        free[venue] -= 1
        slot = int(hours.get(category, 4))
        rows.append({"category": CATEGORY_NAMES[category], "venue_num": venue, "slot": slot, "size": room[venue]})
    return pd.DataFrame(rows, columns=["category", "venue_num", "slot", "size"])


def _around(values: NDArray[np.float64], area: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums over the venues of the same township, at each of them."""
    totals = np.zeros((values.shape[0], int(area.max(initial=-1)) + 1))
    np.add.at(totals.T, area, values.T)
    return totals[:, area]
