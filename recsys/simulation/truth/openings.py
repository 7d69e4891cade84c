"""What a set of new weekly classes is truly worth: people share themselves among classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.choice import CHILD, Crowd, at_home, attractions, saturated, seasons
from recsys.simulation.bookings.counts import GAMMA_SHAPE, MEMORY_SPREAD, SESSION_SPREAD
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.setting.tastes import Floats
from recsys.simulation.truth.latent import typical_class
from recsys.simulation.truth.oracle import Truth

N_DRAWS = 400


@dataclass(frozen=True)
class Worth:
    """Value of each opening of a plan, given all the others.

    Attributes:
        attendance: (n_openings,) people a week who come and would not have come to the category elsewhere.
        newly_reached: (n_openings,) those of them without attendance in 52 weeks.
        draws: (n_openings, n_draws) single weeks of `attendance`.
    """

    attendance: NDArray[np.float64]
    newly_reached: NDArray[np.float64]
    draws: NDArray[np.float64]


@dataclass(frozen=True)
class CityWorld:
    """People of one city and the programme ahead of them: nobody goes to a house of another city."""

    truth: Truth
    city_id: str

    @cached_property
    def venues(self) -> NDArray[np.int64]:
        """(n_venues,) rows of the city's houses among all."""
        return np.flatnonzero(self.truth.tables["venues"]["city_id"].to_numpy(dtype=str) == self.city_id)

    @cached_property
    def crowd(self) -> Crowd:
        """Users registered by `as_of`, and how far they are from each of `venues`."""
        people = self.truth.tables["people"]
        known = (people["registered_at"] < self.truth.as_of) & (people["city_id"] == self.city_id)
        return Crowd.of(
            self.truth.people, np.flatnonzero(known.to_numpy()), self.truth.tables["venues"].iloc[self.venues]
        )

    @cached_property
    def shows(self) -> Floats:
        """(n,) chance of each to be there once booked and not cancelled."""
        stays = 1 - float(self.truth.manifest["knobs"]["cancel_rate"])
        table = self.crowd.people.table.iloc[self.crowd.nums]
        return np.asarray(stays * (1 - table["no_show"].to_numpy()), dtype=np.float32)

    @cached_property
    def is_new(self) -> NDArray[np.bool_]:
        """(n,) no attendance in 52 weeks."""
        last = self.truth.tables["people"]["last_attended"].iloc[self.crowd.nums]
        return np.asarray(~(last >= self.truth.as_of - pd.Timedelta(weeks=52)))

    @cached_property
    def _programme(self) -> pd.DataFrame:
        """Sessions for grown-ups that are still to come, `venue_num` among `venues`."""
        sessions = self.truth.tables["sessions"]
        ahead = sessions[
            (sessions["audience_num"] != CHILD)
            & (sessions["starts_at"] >= self.truth.as_of)
            & (sessions["city_id"] == self.city_id)
        ]
        return ahead.assign(venue_num=pd.Index(self.venues).get_indexer(ahead["venue_num"]))

    def base(self, category: int) -> Floats:
        """(n, n_weeks) attraction of what already runs of a category for grown-ups."""
        mine = self._programme[self._programme["category_num"] == category]
        total = np.zeros((len(self.crowd.nums), self.truth.future_weeks), dtype=np.float32)
        if len(mine):
            attraction = attractions(self.crowd, mine, self.truth.shape) * at_home(self.crowd, mine).T
            weeks = ((mine["starts_at"] - self.truth.as_of).dt.days // 7).to_numpy()
            for num, week in enumerate(weeks):
                if week < total.shape[1]:
                    total[:, week] += attraction[:, num]
        return total

    def attractions(self, venues: NDArray[np.int64], slots: NDArray[np.int64]) -> Floats:
        """(n, n_openings) attraction of ordinary new classes at places in `venues`, the same for every category."""
        probe = pd.DataFrame(
            [typical_class(0, int(v), int(s), self.truth.as_of) for v, s in zip(venues, slots, strict=True)]
        )
        place = self.truth.tables["venues"][["county_id", "city_id"]].iloc[self.venues[venues]].reset_index(drop=True)
        probe = probe.assign(county_id=place["county_id"], city_id=place["city_id"])
        return attractions(self.crowd, probe, self.truth.shape) * at_home(self.crowd, probe).T

    def want(self, category: int) -> Floats:
        """(n,) people a week who come along with each who wants the category, that person included."""
        share = float(self.truth.manifest["knobs"]["companion_share"])
        return np.asarray(self.crowd.people.rates[self.crowd.nums, category] * self.crowd.brings(share))

    def flows(self, category: int, plan: pd.DataFrame, season: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3, n_openings, n_weeks): new people, those newly reached, all who come; places unlimited."""
        base = self.base(category)
        place = pd.Index(self.venues).get_indexer(plan["venue_num"])
        attraction = self.attractions(place, plan["slot"].to_numpy())
        want = self.want(category) * self.shows
        new_attraction = attraction.sum(axis=1)
        flows = np.zeros((3, attraction.shape[1], base.shape[1]))
        for week in range(base.shape[1]):
            with_plan = base[:, week] + new_attraction
            chance = saturated(with_plan, self.truth.shape)
            gain = chance - saturated(base[:, week], self.truth.shape)
            per_attraction = want * season[week] * gain / np.maximum(new_attraction, 1e-12)
            flows[0, :, week] = attraction.T @ per_attraction
            flows[1, :, week] = attraction.T @ (per_attraction * self.is_new)
            flows[2, :, week] = attraction.T @ (want * season[week] * chance / np.maximum(with_plan, 1e-12))
        return flows


@dataclass(frozen=True)
class OpeningWorld:
    """People and programme of the weeks after `as_of`, city by city, ready to value openings."""

    truth: Truth

    @cached_property
    def cities(self) -> tuple[CityWorld, ...]:
        """Those where somebody registered by `as_of`."""
        people = self.truth.tables["people"]
        known = people.loc[people["registered_at"] < self.truth.as_of, "city_id"]
        return tuple(CityWorld(self.truth, str(one)) for one in sorted(known.unique()))

    def season(self, category: int) -> NDArray[np.float64]:
        """(n_weeks,) multiplier of demand for classes."""
        days = self.truth.as_of + pd.to_timedelta(7 * np.arange(self.truth.future_weeks) + 3, unit="D")
        dates = pd.DataFrame({"starts_at": days, "category_num": category, "kind_num": 0})
        return seasons(dates, self.truth.shape)

    def value(self, plan: pd.DataFrame, seed: int = 11) -> Worth:
        """Worth of `plan` (`category`, `venue_num`, `slot`, `size`), mean over the weeks after `as_of`."""
        n = len(plan)
        attendance, newly, draws = np.zeros(n), np.zeros(n), np.zeros((n, N_DRAWS))
        rng = np.random.default_rng(seed)
        category = plan["category"].to_numpy()
        for one in np.unique(category):
            here = np.flatnonzero(category == one)
            part = plan.iloc[here]
            fresh, reached, total = self._flows(CATEGORY_NAMES.index(one), part)
            size = part["size"].to_numpy(dtype=float)
            for row, k in enumerate(here):
                asked = self._asked(total[row], rng)
                came = np.minimum(asked, size[row])
                fill = came.sum(axis=1) / np.maximum(asked.sum(axis=1), 1e-9)
                new_share = fresh[row] / np.maximum(total[row], 1e-12)
                attendance[k] = float((fresh[row] * fill).mean())
                newly[k] = float((reached[row] * fill).mean())
                weeks = rng.integers(0, total.shape[1], N_DRAWS)
                picked = came[weeks, np.arange(N_DRAWS) % came.shape[1]]
                draws[k] = rng.binomial(picked.astype(np.int64), np.clip(new_share[weeks], 0, 1))
        return Worth(attendance, newly, draws)

    def _flows(self, category: int, plan: pd.DataFrame) -> NDArray[np.float64]:
        """(3, n_openings, n_weeks) as `CityWorld.flows` has them, each opening in its city."""
        flows = np.zeros((3, len(plan), self.truth.future_weeks))
        season, city = self.season(category), self.truth.tables["venues"]["city_id"].to_numpy()[plan["venue_num"]]
        for one in self.cities:
            if (here := city == one.city_id).any():
                flows[:, here] = one.flows(category, plan[here], season)
        return flows

    def _asked(self, mean: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """(n_weeks, 60) draws of those who come, with the world's noise, before the room is full."""
        noise = self.truth.noise
        shape = (len(mean), 60)
        if noise == 0:
            factor = np.ones(shape)
        elif self.truth.shape == "logit":
            factor = rng.gamma(GAMMA_SHAPE / noise**2, noise**2 / GAMMA_SHAPE, shape)
        else:
            spread = np.hypot(MEMORY_SPREAD, SESSION_SPREAD) * noise
            factor = np.exp(rng.normal(0, spread, shape) - spread**2 / 2)
        return rng.poisson(mean[:, None] * factor).astype(float)


def slot_of(weekday: NDArray[np.int64], hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) kind of hour of an ISO weekday (1: Monday) and an hour."""
    return np.where(weekday >= 6, 4, 0) + np.digitize(hour, [12, 17, 19])
