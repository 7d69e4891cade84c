"""How willing each person is to come to each category, from what was booked among what could be booked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse
from scipy.stats import poisson

from features.catchments import BAND_EDGES_KM, PRIOR_DECAY, DistanceDecay, Positions, distances_km, fit_decay
from features.exposure import AGE_GROUPS, N_SLOT_CELLS, TRAINING, Exposure, exposure, sums_by
from recsys.dataset import Dataset, split_list
from recsys.regions import RegionTree

N_SIGNALS = 4
"""Levels of a person's own word on a category: none, viewed, interested or favoured, both."""


class LatentConfig(BaseModel):
    """How willingness is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_weeks: int = Field(default=52, ge=1, description="weeks of sessions before the cut-off to learn from")
    rounds: int = Field(default=4, ge=1, description="alternations between people, distance and time of the week")
    factor_strength: float = Field(default=15.0, gt=0, description="bookings that a segment's own figure must outweigh")
    person_strength: float = Field(default=1.5, gt=0, description="expected bookings a person's own must outweigh")
    taste_strength: float = Field(default=0.7, gt=0, description="the same for a person's count in one category")
    saturation: float = Field(default=0.6, gt=0, description="share of interest used up by one class next door a week")


@dataclass(frozen=True)
class Willingness:
    """What was learned of people, distance and time of the week.

    Expected people a week of user u at a training class of category c at venue v in cell s, when nothing else
    is on, is `rate[u, c] * (1 - exp(-saturation * a)) / saturation` with `a = reach[u, v] * fit[group(u), s]`.

    Attributes:
        exposure: What could be booked.
        rate: (n_users, n_categories) people a week at a class next door at a mean time.
        reach: (n_users, n_venues + 1) willingness by distance; the last column for sessions without a place.
        decay: Willingness by distance.
        cell_fit: (n_age_groups, N_SLOT_CELLS) fit of weekend x part of the day.
        weekday_fit: (7,) fit of the weekday.
        kind_fit: (n_kinds,) relative to training.
        saturation: See above.
        seen: (n_users, n_categories) people booked for, sold-out sessions unconstrained.
        expected_at_one: (n_users, n_categories) sum of exposure: what `seen` is at rate 1.
    """

    exposure: Exposure
    rate: NDArray[np.float32]
    reach: NDArray[np.float32]
    decay: DistanceDecay
    cell_fit: NDArray[np.float64]
    weekday_fit: NDArray[np.float64]
    kind_fit: NDArray[np.float64]
    saturation: float
    seen: NDArray[np.float32]
    expected_at_one: NDArray[np.float32]

    def slot_fit(self, weekday: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_age_groups, n_slots) fit of slots given by weekday and cell."""
        return self.cell_fit[:, cell] * self.weekday_fit[weekday][None, :]


def fit_willingness(dataset: Dataset, tree: RegionTree, places: Positions, config: LatentConfig) -> Willingness:
    """Alternates between people given what they could reach, and distance and time given people.

    Everything is a Poisson model with multiplicative effects, each shrunk as a gamma of mean 1 (a person's
    segment, then the person, then the person in one category), so an effect nothing is known of is 1.
    """
    offered = exposure(dataset, places, config.history_weeks)
    km = distances_km(tree, places.users, places.venues, places.user_regions, places.venue_regions)
    state = _State.start(dataset, tree, places, offered, km, config)
    for _ in range(config.rounds):
        state.learn_people()
        state.learn_circumstances()
    state.learn_people()
    return state.result()


@dataclass
class _State:
    """What alternates while learning; never leaves this module."""

    offered: Exposure
    config: LatentConfig
    band: NDArray[np.int64]
    mean_km: NDArray[np.float64]
    km: NDArray[np.float32]
    segments: list[sparse.csr_array]
    signals: NDArray[np.int8]
    decay: DistanceDecay
    reach: NDArray[np.float32]
    cell_fit: NDArray[np.float64]
    weekday_fit: NDArray[np.float64]
    kind_fit: NDArray[np.float64]
    rate: NDArray[np.float32]
    inflation: NDArray[np.float64]
    seen: NDArray[np.float32]
    exposed: NDArray[np.float32]

    @classmethod
    def start(
        cls,
        dataset: Dataset,
        tree: RegionTree,
        places: Positions,
        offered: Exposure,
        km: NDArray[np.float32],
        config: LatentConfig,
    ) -> _State:
        n_users, n_categories = len(dataset.users), len(offered.categories)
        band = np.searchsorted(BAND_EDGES_KM[1:-1], np.nan_to_num(km, nan=0.0), side="right")
        band = np.where(np.isnan(km), len(BAND_EDGES_KM) - 1, band).astype(np.int64)
        sums = sums_by(band.ravel(), np.nan_to_num(km).ravel(), len(BAND_EDGES_KM))
        mean_km = sums / np.maximum(np.bincount(band.ravel(), minlength=len(BAND_EDGES_KM)), 1)
        return cls(
            offered=offered,
            config=config,
            band=band,
            mean_km=mean_km,
            km=km,
            segments=segments(dataset, tree, places, offered.age_group),
            signals=own_signals(dataset, offered.categories),
            decay=PRIOR_DECAY,
            reach=_with_unplaced(PRIOR_DECAY, km),
            cell_fit=np.ones((len(AGE_GROUPS), N_SLOT_CELLS)),
            weekday_fit=np.ones(7),
            kind_fit=np.ones(len(offered.kinds)),
            rate=np.zeros((n_users, n_categories), dtype=np.float32),
            inflation=np.ones(len(offered.session_ids)),
            seen=offered.counts(n_users),
            exposed=np.zeros((n_users, n_categories), dtype=np.float32),
        )

    def learn_people(self) -> None:
        """Rates of persons from their counts and what they could reach."""
        self.exposed = self._walk(None)[0]
        prior = _prior_rates(self.seen, self.exposed, self.segments, self.signals, self.config.factor_strength)
        person = self.config.person_strength
        level = (person + self.seen.sum(axis=1)) / (person + (prior * self.exposed).sum(axis=1))
        rate = prior * level[:, None]
        taste = self.config.taste_strength
        self.rate = (rate * (taste + self.seen) / (taste + rate * self.exposed)).astype(np.float32)

    def learn_circumstances(self) -> None:
        """Distance, time of the week, kind, and what sold-out sessions turned away, from counts against rates."""
        _, at_reach_one, expected = self._walk(self.rate)
        o = self.offered
        people = o.people * self.inflation[o.booking_session]
        placed = o.venue[o.booking_session] < self.km.shape[1]
        bands = self.band[o.booking_user[placed], o.venue[o.booking_session[placed]]]
        n_bands = len(BAND_EDGES_KM)
        observed = sums_by(bands, people[placed], n_bands)[: n_bands - 1]
        at_one = sums_by(self.band.ravel(), at_reach_one.ravel(), n_bands)[: n_bands - 1]
        self.decay = fit_decay(observed, at_one, self.mean_km[: n_bands - 1])
        self.reach = _with_unplaced(self.decay, self.km)
        seen = np.zeros_like(expected)
        np.add.at(seen, (o.age_group[o.booking_user], o.booking_session), people)
        self._learn_times(seen, expected)
        total = expected.sum(axis=0)
        asked = sums_by(o.booking_session, o.people, len(total))
        self.inflation = turned_away(asked, o.capacity, total)
        self.seen = np.zeros_like(self.seen)
        np.add.at(
            self.seen,
            (o.booking_user, o.category[o.booking_session]),
            (o.people * self.inflation[o.booking_session]).astype(np.float32),
        )

    def _learn_times(self, seen: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
        o, strength = self.offered, self.config.factor_strength
        days = sums_by(o.weekday, seen.sum(axis=0), 7)
        days_at_one = sums_by(o.weekday, expected.sum(axis=0), 7) / self.weekday_fit
        level = days.sum() / max(float((days_at_one * self.weekday_fit).sum()), 1e-9)
        self.weekday_fit = (days + strength) / (days_at_one * level + strength)
        overall, at_one = _by(o.cell, seen, N_SLOT_CELLS), _by(o.cell, expected, N_SLOT_CELLS) / self.cell_fit
        shared = (overall.sum(axis=0) + strength) / (at_one.sum(axis=0) * level + strength)
        self.cell_fit = shared * (overall + strength) / (at_one * level * shared + strength)
        n_kinds = len(o.kinds)
        kinds = sums_by(o.kind, seen.sum(axis=0), n_kinds)
        kinds_at_one = sums_by(o.kind, expected.sum(axis=0), n_kinds) / self.kind_fit
        fit = (kinds + strength) / (kinds_at_one * level + strength)
        self.kind_fit = fit / fit[int(np.flatnonzero(o.kinds == TRAINING)[0])]

    def _walk(
        self, rate: NDArray[np.float32] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]]:
        """Goes through the weeks: exposure of people, and with rates also expected counts.

        Returns: (n_users, n_categories) exposure; (n_users, n_venues) expected people at reach 1;
        (n_age_groups, n_sessions) expected people.
        """
        o = self.offered
        n_categories, n_places = len(o.categories), self.reach.shape[1]
        exposed = np.zeros_like(self.rate)
        at_one = np.zeros(self.km.shape, dtype=np.float32)
        expected = np.zeros((len(AGE_GROUPS), len(o.week)))
        weight = self.cell_fit[:, o.cell] * self.weekday_fit[o.weekday] * self.kind_fit[o.kind]
        groups = [np.flatnonzero(o.age_group == g) for g in range(len(AGE_GROUPS))]
        order = np.argsort(o.week, kind="stable")
        for rows in np.split(order, np.searchsorted(o.week[order], np.arange(1, max(o.n_weeks, 1)))):
            for g, group in enumerate(groups):
                people = group[o.first_week[group] <= o.week[rows[0]]] if len(rows) else group[:0]
                if not len(people):
                    continue
                offer = np.zeros((n_places, n_categories), dtype=np.float32)
                np.add.at(offer, (o.venue[rows], o.category[rows]), weight[g, rows].astype(np.float32))
                reach = self.reach[people]
                access = reach @ offer
                used = -np.expm1(-self.config.saturation * access) / self.config.saturation
                exposed[people] += used
                if rate is not None:
                    share = rate[people] * used / np.maximum(access, 1e-9)
                    at_one[people] += share @ offer[:-1].T
                    at_place = reach.T @ share
                    expected[g, rows] = at_place[o.venue[rows], o.category[rows]] * weight[g, rows]
        return exposed, at_one, expected

    def result(self) -> Willingness:
        return Willingness(
            self.offered,
            self.rate,
            self.reach,
            self.decay,
            self.cell_fit,
            self.weekday_fit,
            self.kind_fit,
            self.config.saturation,
            self.seen,
            self.exposed,
        )


def _with_unplaced(decay: DistanceDecay, km: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([decay.reach(km), np.full((len(km), 1), decay.unknown, dtype=np.float32)], axis=1)


def _by(codes: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.stack([sums_by(codes, row, n) for row in values])


def turned_away(
    asked: NDArray[np.float64], capacity: NDArray[np.float64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_sessions,) factor from people who asked to people who wanted to come.

    Where all places are taken, the Poisson mean above the capacity given what was expected; a waiting list that
    asks for more than that is taken as it is.
    """
    full = np.isfinite(capacity) & (capacity > 0) & (asked >= capacity)
    limit = np.where(full, capacity, 0.0)
    mean = np.clip(expected, 1e-6, 3.0 * np.maximum(limit, 1.0))
    tail = poisson.sf(limit - 1, mean)
    wanted = mean * poisson.sf(limit - 2, mean) / np.maximum(tail, 1e-12)
    factor = np.where(full & (tail > 1e-9), np.maximum(wanted, asked) / np.maximum(asked, 1.0), 1.0)
    return np.clip(factor, 1.0, 3.0)


def segments(
    dataset: Dataset, tree: RegionTree, places: Positions, age_group: NDArray[np.int64]
) -> list[sparse.csr_array]:
    """Memberships of users in segments, each (n_users, n_levels): age, gender, then regions from the outermost down."""
    gender = dataset.users["gender"].fillna("unknown").to_numpy(dtype=object)
    codes = [age_group, np.unique(gender.astype(str), return_inverse=True)[1]]
    for level in ("city", "county", "township", "village"):
        above = tree.ancestors_at(level)
        region = np.where(places.user_regions >= 0, above[np.maximum(places.user_regions, 0)], -1)
        if len(np.unique(region)) > 1:
            codes.append(np.unique(region, return_inverse=True)[1])
    rows = np.arange(len(gender))
    return [
        sparse.csr_array((np.ones(len(rows), dtype=np.float32), (rows, code)), shape=(len(rows), int(code.max()) + 1))
        for code in codes
        if len(rows)
    ]


def own_signals(dataset: Dataset, categories: NDArray[np.object_]) -> NDArray[np.int8]:
    """(n_users, n_categories) level of `N_SIGNALS`: what users themselves said or looked at, other than bookings.

    Feedback on activities that the same user booked is left out: it would tell the answer.
    """
    n_categories = len(categories)
    users = pd.Index(dataset.users["user_id"])
    names = pd.Index(categories)
    stated = np.zeros((len(users), n_categories), dtype=bool)
    viewed = np.zeros_like(stated)
    interests = split_list(pd.Series(dataset.users["interests"].to_numpy(), index=np.arange(len(users))))
    column = names.get_indexer(interests.to_numpy())
    stated[interests.index.to_numpy()[column >= 0], column[column >= 0]] = True
    feedback = dataset.feedback[dataset.feedback["kind"].isin(["view", "favourite", "share", "pledge"])]
    if len(feedback):
        activity = dataset.sessions.set_index("session_id")["activity_id"]
        booked = pd.MultiIndex.from_arrays(
            [dataset.bookings["user_id"], dataset.bookings["session_id"].map(activity)], names=None
        )
        pairs = pd.MultiIndex.from_arrays([feedback["user_id"], feedback["activity_id"]], names=None)
        feedback = feedback[~pairs.isin(booked)]
        category = feedback["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
        row, column = users.get_indexer(feedback["user_id"]), names.get_indexer(category)
        keen = feedback["kind"].isin(["favourite", "pledge", "share"]).to_numpy()
        stated[row[keen], column[keen]] = True
        viewed[row[~keen], column[~keen]] = True
    return (viewed + 2 * stated).astype(np.int8)


def _prior_rates(
    seen: NDArray[np.float32],
    exposed: NDArray[np.float32],
    memberships: list[sparse.csr_array],
    signals: NDArray[np.int8],
    strength: float,
    sweeps: int = 6,
) -> NDArray[np.float32]:
    """(n_users, n_categories) rates from segments and signals: gamma-shrunk multiplicative effects, one after another.

    A segment has a level of its own over all categories and, within that, an effect on each category.
    """
    total = max(float(exposed.sum()), 1e-9)
    overall = (float(seen.sum()) + 0.5) / (total + 1.0)
    base = (seen.sum(axis=0) + 3.0) / (exposed.sum(axis=0) + 3.0 / overall)
    rate = np.broadcast_to(base, seen.shape).astype(np.float32)
    counts = [member.T @ seen for member in memberships]
    effects = [np.ones((member.shape[1], seen.shape[1]), dtype=np.float32) for member in memberships]
    said = np.ones(N_SIGNALS, dtype=np.float32)
    said_counts = sums_by(signals.ravel(), seen.ravel(), N_SIGNALS)
    for _ in range(sweeps):
        for n, member in enumerate(memberships):
            without = rate / (member @ effects[n])
            expected = member.T @ (without * exposed)
            level = (counts[n].sum(axis=1) + strength) / (expected.sum(axis=1) + strength)
            within = (counts[n] + strength) / (expected * level[:, None] + strength)
            effects[n] = (level[:, None] * within).astype(np.float32)
            rate = without * (member @ effects[n])
        without = rate / said[signals]
        expected_said = sums_by(signals.ravel(), (without * exposed).ravel(), N_SIGNALS)
        said = ((said_counts + strength) / (expected_said + strength)).astype(np.float32)
        rate = (without * said[signals]).astype(np.float32)
    return rate
