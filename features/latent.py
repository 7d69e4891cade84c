"""How willing each person is to come to each category, from what was booked among what could be booked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse
from scipy.special import gammaln
from scipy.stats import poisson

from features.catchments import BAND_EDGES_KM, PRIOR_DECAY, DistanceDecay, Positions, distances_km, fit_decay
from features.exposure import AGE_GROUPS, N_SLOT_CELLS, TRAINING, Exposure, exposure, sums_by
from features.signals_of_taste import own_signals
from recsys.dataset import Dataset
from recsys.openings.saturation import Family, Saturation
from recsys.regions import RegionTree

MIN_BOOKINGS = 500
"""Bookings below which form and strength of saturation are not learned."""

COURSE_SPREAD = 0.6
"""Standard deviation of the logarithm of how well a course does beside another like it."""


class LatentConfig(BaseModel):
    """How willingness is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_weeks: int = Field(default=52, ge=1, description="weeks of sessions before the cut-off to learn from")
    rounds: int = Field(default=4, ge=1, description="alternations between people, distance and time of the week")
    factor_strength: float = Field(default=15.0, gt=0, description="bookings that a segment's own figure must outweigh")
    person_strength: float = Field(default=1.5, gt=0, description="expected bookings a person's own must outweigh")
    taste_strength: float = Field(default=0.7, gt=0, description="the same for a person's count in one category")
    families: tuple[Family, ...] = Field(default=("share",), description="forms of saturation that are tried")
    curvatures: tuple[float, ...] = Field(default=(0.25, 0.7, 1.2, 2.0), description="strengths of it that are tried")
    trial_users: int = Field(default=6000, ge=1, description="users drawn to choose form and strength on")


@dataclass(frozen=True)
class Willingness:
    """What was learned of people, distance and time of the week.

    Expected people a week of user u at a training class of category c at venue v in cell s, when nothing else
    is on, is `rate[u, c] * saturation.used(reach[u, v] * fit[group(u), s])`.

    Attributes:
        exposure: What could be booked.
        rate: (n_users, n_categories) people a week at a class next door at a mean time.
        reach: (n_users, n_venues + 1) willingness by distance; the last column for sessions without a place.
        decay: Willingness by distance.
        cell_fit: (n_age_groups, N_SLOT_CELLS) fit of weekend x part of the day.
        weekday_fit: (7,) fit of the weekday.
        kind_fit: (n_age_groups, n_kinds) relative to training.
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
    saturation: Saturation
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
    facts = _Facts.of(dataset, tree, places, offered, km)
    saturation = choose_saturation(facts, config)
    return _learned(facts, config, saturation, config.rounds).result()


def _learned(
    facts: _Facts, config: LatentConfig, saturation: Saturation, rounds: int, with_courses: bool = True
) -> _State:
    state = _State.start(facts, config, saturation, with_courses)
    for _ in range(rounds):
        state.learn_people()
        state.learn_circumstances()
    state.learn_people()
    return state


def choose_saturation(facts: _Facts, config: LatentConfig) -> Saturation:
    """Form and strength of saturation under which people's counts, with little and with much in reach, fit best.

    Tried on some of the users, drawn evenly; counts are negative binomial around what segments would do.
    """
    tried = [Saturation(family, k) for family in config.families for k in config.curvatures]
    some = facts.some(config.trial_users)
    if len(tried) == 1 or len(some.offered.booking_user) < MIN_BOOKINGS:
        return tried[0]
    # Without effects of courses: they would take up what more or less access explains.
    fits = [_learned(some, config, one, 2, with_courses=False).fit() for one in tried]
    return tried[int(np.argmax(fits))]


@dataclass(frozen=True)
class _Facts:
    """What does not change while learning."""

    offered: Exposure
    km: NDArray[np.float32]
    band: NDArray[np.int64]
    mean_km: NDArray[np.float64]
    segments: list[sparse.csr_array]
    signals: NDArray[np.float32]

    @classmethod
    def of(
        cls, dataset: Dataset, tree: RegionTree, places: Positions, offered: Exposure, km: NDArray[np.float32]
    ) -> _Facts:
        band = np.searchsorted(BAND_EDGES_KM[1:-1], np.nan_to_num(km, nan=0.0), side="right")
        band = np.where(np.isnan(km), len(BAND_EDGES_KM) - 1, band).astype(np.int64)
        sums = sums_by(band.ravel(), np.nan_to_num(km).ravel(), len(BAND_EDGES_KM))
        mean_km = sums / np.maximum(np.bincount(band.ravel(), minlength=len(BAND_EDGES_KM)), 1)
        return cls(
            offered,
            km,
            band,
            mean_km,
            segments(dataset, tree, places, offered.age_group),
            own_signals(dataset, offered.categories, places.user_regions),
        )

    def some(self, n_users: int) -> _Facts:
        """The same for users drawn evenly, at most `n_users`."""
        step = max(len(self.km) // n_users, 1)
        rows = np.arange(0, len(self.km), step)
        place = np.full(len(self.km), -1)
        place[rows] = np.arange(len(rows))
        o = self.offered
        kept = place[o.booking_user] >= 0
        offered = replace(
            o,
            first_week=o.first_week[rows],
            age_group=o.age_group[rows],
            booking_user=place[o.booking_user[kept]],
            booking_session=o.booking_session[kept],
            people=o.people[kept],
            capacity=np.full(len(o.capacity), np.inf) if step > 1 else o.capacity,
        )
        members = [member[rows] for member in self.segments]
        return _Facts(offered, self.km[rows], self.band[rows], self.mean_km, members, self.signals[rows])


@dataclass
class _State:
    """What alternates while learning; never leaves this module."""

    offered: Exposure
    config: LatentConfig
    band: NDArray[np.int64]
    mean_km: NDArray[np.float64]
    km: NDArray[np.float32]
    segments: list[sparse.csr_array]
    signals: NDArray[np.float32]
    decay: DistanceDecay
    reach: NDArray[np.float32]
    cell_fit: NDArray[np.float64]
    weekday_fit: NDArray[np.float64]
    kind_fit: NDArray[np.float64]
    course_fit: NDArray[np.float64]
    rate: NDArray[np.float32]
    inflation: NDArray[np.float64]
    seen: NDArray[np.float32]
    exposed: NDArray[np.float32]
    saturation: Saturation
    prior: NDArray[np.float32]
    with_courses: bool

    @classmethod
    def start(
        cls,
        facts: _Facts,
        config: LatentConfig,
        saturation: Saturation,
        with_courses: bool = True,
    ) -> _State:
        offered, km = facts.offered, facts.km
        n_users, n_categories = len(km), len(offered.categories)
        return cls(
            offered=offered,
            config=config,
            band=facts.band,
            mean_km=facts.mean_km,
            km=km,
            segments=facts.segments,
            signals=facts.signals,
            decay=PRIOR_DECAY,
            reach=_with_unplaced(PRIOR_DECAY, km),
            cell_fit=np.ones((len(AGE_GROUPS), N_SLOT_CELLS)),
            weekday_fit=np.ones(7),
            kind_fit=np.ones((len(AGE_GROUPS), len(offered.kinds))),
            course_fit=np.ones(len(offered.week)),
            rate=np.zeros((n_users, n_categories), dtype=np.float32),
            inflation=np.ones(len(offered.session_ids)),
            seen=offered.counts(n_users),
            exposed=np.zeros((n_users, n_categories), dtype=np.float32),
            saturation=saturation,
            prior=np.zeros((n_users, n_categories), dtype=np.float32),
            with_courses=with_courses,
        )

    def learn_people(self) -> None:
        """Rates of persons from their counts and what they could reach."""
        self.exposed = self._walk(None)[0]
        self.prior = prior = _prior_rates(
            self.seen, self.exposed, self.segments, self.signals, self.config.factor_strength
        )
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
        """Courses, kinds, weekdays and parts of the day, in logarithms; then what each age group makes of the latter.

        A course's own luck is a random effect: a part of the day is judged by how many courses do well in it, not by
        how many people came. How age groups differ shows within courses, so there people count.
        """
        o = self.offered
        n_courses = int(o.course.max(initial=-1)) + 1
        scale = seen.sum() / max(float(expected.sum()), 1e-9)
        mix = self._age_mix(expected)
        shared_now, kinds_now = (np.maximum(mix @ fit, 1e-9) for fit in (self.cell_fit, self.kind_fit))
        # Without what sessions of a part of the day, or of a kind, have in common; what age groups make of it stays.
        fit = shared_now[o.cell] * self.weekday_fit[o.weekday] * kinds_now[o.kind] * self.course_fit
        plain = scale * expected.sum(axis=0) / np.maximum(fit, 1e-9)
        first = np.unique(o.course, return_index=True)[1]
        came = sums_by(o.course, seen.sum(axis=0), n_courses)
        effects = {
            "category": o.category[first],
            "kind": o.kind[first],
            "weekday": o.weekday[first],
            "cell": o.cell[first],
        }
        logs = {
            "category": np.zeros(
                len(o.categories)
            ),  # People's rates learn it: here it only keeps courses from doing so.
            "kind": np.log(kinds_now),
            "weekday": np.log(self.weekday_fit),
            "cell": np.log(shared_now),
        }
        spread = {"category": 2.0, "kind": 1.0, "weekday": 0.15, "cell": 0.5}
        shaped = sums_by(o.course, plain, n_courses)
        ratio = np.log((came + 0.5) / (shaped + 0.5))
        trust = 1.0 / (COURSE_SPREAD**2 + 1.0 / (shaped + 0.5))
        for _ in range(3):
            for name, code in effects.items():
                rest = ratio - sum(logs[other][effects[other]] for other in effects if other != name)
                total = sums_by(code, trust, len(logs[name]))
                logs[name] = sums_by(code, trust * rest, len(logs[name])) / (total + 1.0 / spread[name] ** 2)
        rest = ratio - sum(logs[name][code] for name, code in effects.items())
        course = rest * (1.0 / (1.0 / COURSE_SPREAD**2 + shaped + 0.5)) * (shaped + 0.5)
        if self.with_courses:
            self.course_fit = np.exp(course)[o.course]
        training = int(np.flatnonzero(o.kinds == TRAINING)[0])
        self.weekday_fit = np.exp(logs["weekday"])
        cells = self._by_age(np.exp(logs["cell"]), self.cell_fit, o.cell, seen, expected)
        kinds = self._by_age(np.exp(logs["kind"] - logs["kind"][training]), self.kind_fit, o.kind, seen, expected)
        self.cell_fit, self.kind_fit = cells, kinds / kinds[:, [training]]

    def _by_age(
        self,
        shared: NDArray[np.float64],
        before: NDArray[np.float64],
        code: NDArray[np.int64],
        seen: NDArray[np.float64],
        expected: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """(n_age_groups, n_codes) fit: what is shared, and how each age group differs from it, shrunk."""
        came = _by(code, seen, len(shared))
        at_one = _by(code, expected / before[:, code] * shared[code], len(shared))
        level = came.sum(axis=1, keepdims=True) / np.maximum(at_one.sum(axis=1, keepdims=True), 1e-9)
        level = level * came.sum(axis=0) / np.maximum((at_one * level).sum(axis=0), 1e-9)
        strength = self.config.factor_strength
        return np.asarray(shared * (came + strength) / (at_one * level + strength))

    def _age_mix(self, expected: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_age_groups,) share of age groups among those expected."""
        total = expected.sum(axis=1)
        return total / max(float(total.sum()), 1e-9)

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
        weight = self.cell_fit[:, o.cell] * self.weekday_fit[o.weekday] * self.kind_fit[:, o.kind] * self.course_fit
        weight = weight * o.admits
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
                used = self.saturation.used(access)
                exposed[people] += used
                if rate is not None:
                    share = rate[people] * used / np.maximum(access, 1e-9)
                    at_one[people] += share @ offer[:-1].T
                    at_place = reach.T @ share
                    expected[g, rows] = at_place[o.venue[rows], o.category[rows]] * weight[g, rows]
        return exposed, at_one, expected

    def fit(self) -> float:
        """Log-likelihood of people's counts in each category around what their segments would do."""
        seen, mean = self.offered.counts(len(self.rate)), np.maximum(self.prior * self.exposed, 1e-9)
        shape = 0.5 * self.config.taste_strength
        odds = np.log(shape + mean)
        fit = gammaln(seen + shape) - gammaln(shape) + shape * (np.log(shape) - odds) + seen * (np.log(mean) - odds)
        return float(fit.sum())

    def result(self) -> Willingness:
        return Willingness(
            self.offered,
            self.rate,
            self.reach,
            self.decay,
            self.cell_fit,
            self.weekday_fit,
            self.kind_fit,
            self.saturation,
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


def _prior_rates(
    seen: NDArray[np.float32],
    exposed: NDArray[np.float32],
    memberships: list[sparse.csr_array],
    signals: NDArray[np.float32],
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
    said = np.ones(seen.shape, dtype=np.float32)
    strengths = np.zeros(signals.shape[2])
    for _ in range(sweeps):
        for n, member in enumerate(memberships):
            without = rate / (member @ effects[n])
            expected = member.T @ (without * exposed)
            level = (counts[n].sum(axis=1) + strength) / (expected.sum(axis=1) + strength)
            within = (counts[n] + strength) / (expected * level[:, None] + strength)
            effects[n] = (level[:, None] * within).astype(np.float32)
            rate = without * (member @ effects[n])
        without = rate / said
        strengths = _signal_strengths(signals, seen, without * exposed, strengths)
        said = np.exp(signals @ strengths.astype(np.float32))
        rate = (without * said).astype(np.float32)
    return rate


def _signal_strengths(
    signals: NDArray[np.float32],
    seen: NDArray[np.float32],
    expected: NDArray[np.float32],
    strengths: NDArray[np.float64],
    ridge: float = 10.0,
) -> NDArray[np.float64]:
    """(n_signals,) two Newton steps of a Poisson regression of counts on signals, `expected` as the offset."""
    flat, counts, offset = signals.reshape(-1, signals.shape[2]), seen.ravel(), expected.ravel()
    for _ in range(2):
        mean = offset * np.exp(np.clip(flat @ strengths.astype(np.float32), -5, 5))
        slope = flat.T @ (counts - mean) - ridge * strengths
        curve = (flat * mean[:, None]).T @ flat + ridge * np.eye(len(strengths))
        strengths = np.clip(strengths + np.linalg.solve(curve.astype(np.float64), slope), -2.0, 2.0)
    return strengths
