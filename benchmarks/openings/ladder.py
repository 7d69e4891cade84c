"""Where a plan of openings loses value: the oracle's plan with one thing of ours, and ours with one thing true.

python -m benchmarks.openings.ladder [--seeds 20-25] [--users 5000] [--shapes logit,gravity] [--budget 40] [--out FILE]

Every row is a plan's true value as a share of the oracle's. First ours; then the plan of an oracle that knows all but
one thing and takes that from us (or from nobody: `persons as their groups` knows the mean taste of everybody of one
township, age group and gender only, `season as it was` does not know that the weeks ahead differ from the weeks
behind); then our plan with one thing made true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.counties import Row, county_parser, each_county
from features.openings.gains import gain_by_group
from features.openings.inputs import opening_inputs
from recsys.dataset import Dataset
from recsys.openings.classes.slots import start_minutes
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.learned.saturation import Saturation
from recsys.openings.suggest import suggest
from recsys.simulation.bookings.choice import saturated
from recsys.simulation.scoring.openings import score_suggestions
from recsys.simulation.scoring.plans import Belief, oracle_plan, plan_of, true_beliefs
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.setting.season import season
from recsys.simulation.setting.tastes import N_SLOTS
from recsys.simulation.truth.openings import CityWorld, OpeningWorld, slot_of
from recsys.simulation.truth.oracle import Truth

CURVATURE = {"logit": 1.0, "gravity": 0.8}
"""Strength of saturation by access in the truth's unit."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Both:
    """A county as it is and as it was learned: rows are the truth's people, venues and categories in both."""

    truth: Truth
    inputs: OpeningInputs
    users: pd.Index
    budget: int

    @cached_property
    def world(self) -> OpeningWorld:
        """The people and the programme ahead."""
        return OpeningWorld(self.truth)

    @cached_property
    def city(self) -> CityWorld:
        """That of the county."""
        (city,) = self.world.cities
        return city

    @cached_property
    def belief(self) -> Belief:
        """What is so, at the kinds of hour that are offered."""
        (true,) = true_beliefs(self.world)
        return replace(true, attraction=true.attraction * np.isin(np.arange(N_SLOTS), self.kinds).astype(np.float32))

    @cached_property
    def row(self) -> NDArray[np.int64]:
        """(n,) row in our inputs of each person."""
        return self.users.get_indexer(self.truth.tables["people"]["user_id"].to_numpy()[self.city.crowd.nums])

    @cached_property
    def column(self) -> NDArray[np.int64]:
        """(n_categories,) column in our inputs of each category."""
        return pd.Index(self.inputs.categories).get_indexer(pd.Index(CATEGORY_NAMES))

    @cached_property
    def kinds(self) -> NDArray[np.int64]:
        """(n_slots,) kind of hour of each of our slots."""
        slots = self.inputs.slots
        return slot_of(slots["weekday"].to_numpy(), start_minutes(slots) // 60)

    @cached_property
    def reach(self) -> NDArray[np.float32]:
        """(n, n_venues) ours."""
        venues = pd.Index(self.inputs.venues["venue_id"]).get_indexer(
            self.truth.tables["venues"]["venue_id"].iloc[self.city.venues]
        )
        return self.inputs.reach[self.row][:, venues]

    @cached_property
    def hours(self) -> NDArray[np.float32]:
        """(n, N_SLOTS) our fit of each kind of hour for each person, 0 for kinds that are not offered."""
        by_kind = np.zeros((len(self.inputs.slot_fit), N_SLOTS), dtype=np.float32)
        for kind in np.unique(self.kinds):
            by_kind[:, kind] = self.inputs.slot_fit[:, self.kinds == kind].mean(axis=1)
        return by_kind[self.inputs.age_group[self.row]]

    @cached_property
    def unit(self) -> float:
        """Attraction in the truth's unit of one of ours, in the mean."""
        return float(self.belief.attraction.mean() / (self.reach.mean(axis=1) * self.hours.mean(axis=1)).mean())

    @cached_property
    def alone(self) -> Array:
        """(n, n_categories) people a week who would truly come to one class, in the mean over venues and hours."""
        return self.belief.want * self._share

    @cached_property
    def our_alone(self) -> Array:
        """The same as we see it."""
        i = self.inputs
        attraction = self.reach * self.hours.mean(axis=1, keepdims=True) * N_SLOTS / len(np.unique(self.kinds))
        by_person = i.saturation.used(attraction).mean(axis=1, keepdims=True)
        return np.asarray((i.rate * i.show)[self.row][:, self.column] * by_person, dtype=np.float64)

    @cached_property
    def _share(self) -> Array:
        kinds = np.unique(self.kinds)
        mean = self.belief.attraction[:, :, kinds].mean(axis=2)
        return np.asarray(saturated(mean, self.truth.shape).mean(axis=1, keepdims=True), dtype=np.float64)

    @cached_property
    def township(self) -> NDArray[np.int64]:
        """(n,) number of each person's township."""
        names = self.truth.tables["people"]["township_id"].to_numpy()[self.city.crowd.nums]
        return np.asarray(pd.factorize(names)[0], dtype=np.int64)

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """(n,) number of each person's township, age group and gender together."""
        table = self.truth.tables["people"].iloc[self.city.crowd.nums]
        return np.asarray(table.groupby(["township_id", "group", "gender"]).ngroup().to_numpy(), dtype=np.int64)

    def share(self, plan: pd.DataFrame) -> float:
        """True value of a plan, of the oracle's."""
        return float(self.world.value(plan).attendance.sum()) / self._best

    @cached_property
    def _best(self) -> float:
        return float(self.world.value(oracle_plan(self.world, self.budget)).attendance.sum())


def sums(values: Array, code: NDArray[np.int64]) -> Array:
    """(n_codes, n_columns) sums of rows."""
    total = np.zeros((int(code.max()) + 1, values.shape[1]))
    np.add.at(total, code, values)
    return total


def spread_over(at: Both) -> dict[str, Belief]:
    """The truth with one thing of ours."""
    true, one = at.belief, np.zeros(len(at.row), dtype=np.int64)

    def levels(code: NDArray[np.int64]) -> Belief:
        ratio = sums(at.our_alone, code) / np.maximum(sums(at.alone, code), 1e-12)
        return replace(true, want=(true.want * ratio[code]).astype(np.float32))

    def attracted(by_venue: NDArray[np.float32], by_hour: NDArray[np.float32]) -> Belief:
        attraction = by_venue[:, :, None] * by_hour[:, None, :]
        return replace(true, attraction=(attraction * (true.attraction.mean() / attraction.mean())).astype(np.float32))

    of_group = np.bincount(at.group)
    alike = (sums(true.want.astype(np.float64), at.group) / of_group[:, None])[at.group]
    strength = np.float32(at.inputs.saturation.k / (CURVATURE[at.truth.shape] * at.unit))
    persons = at.our_alone / np.maximum(at.alone / np.maximum(true.want, 1e-12), 1e-9)
    return {
        "levels of categories": levels(one),
        "levels by township": levels(at.township),
        "tastes of persons": replace(true, want=persons.astype(np.float32)),
        # How attraction spreads over venues; how remote the person is the true mean by hour says already.
        "distance": attracted(
            at.reach / np.maximum(at.reach.mean(axis=1, keepdims=True), 1e-12), true.attraction.mean(axis=1)
        ),
        "hours": attracted(true.attraction.mean(axis=2), at.hours),
        "what runs now": replace(
            true, base=(at.inputs.access[at.row][:, at.column] * np.float32(at.unit)).astype(np.float32)
        ),
        "strength of competition": Belief(true.want / strength, true.attraction * strength, true.base * strength),
        "persons as their groups": replace(true, want=alike.astype(np.float32)),
        "season as it was": replace(true, want=(true.want * was_over_is(at)).astype(np.float32)),
    }


def was_over_is(at: Both) -> Array:
    """(n_categories,) season of training in the weeks behind over that of the weeks ahead."""
    first = np.datetime64(at.truth.as_of, "D")
    days = first - 1 - np.arange(7 * at.truth.weeks)
    training = np.ones(len(days), dtype=bool)
    was = [season(days, np.full(len(days), c), training, at.truth.shape).mean() for c in range(len(CATEGORY_NAMES))]
    return np.array(was) / [at.world.season(c).mean() for c in range(len(CATEGORY_NAMES))]


def mended(at: Both) -> dict[str, OpeningInputs]:
    """Ours with one thing true."""
    i, true, one = at.inputs, at.belief, np.zeros(len(at.row), dtype=np.int64)

    def levels(code: NDArray[np.int64]) -> OpeningInputs:
        ratio = sums(at.alone, code) / np.maximum(sums(at.our_alone, code), 1e-12)
        rate = i.rate.copy()
        rate[np.ix_(at.row, at.column)] *= ratio[code].astype(np.float32)
        return replace(i, rate=rate)

    venues = pd.Index(at.truth.tables["venues"]["venue_id"].iloc[at.city.venues]).get_indexer(i.venues["venue_id"])
    reach, fit, access = i.reach.copy(), i.slot_fit.copy(), np.zeros_like(i.access)
    near = true.attraction.mean(axis=2)[:, venues]
    reach[at.row] = near * (at.reach.mean(axis=1) / np.maximum(near.mean(axis=1), 1e-12))[:, None]
    for group in range(len(fit)):
        mine = i.age_group[at.row] == group
        if mine.any():
            by_kind = true.want[mine].sum(axis=1) @ true.attraction[mine].mean(axis=1)
            fit[group] = by_kind[at.kinds] * (fit[group].mean() / by_kind[at.kinds].mean())
    access[np.ix_(at.row, at.column)] = true.base / np.float32(at.unit)
    family, k = ("share" if at.truth.shape == "logit" else "chance"), CURVATURE[at.truth.shape] * at.unit
    return {
        "levels of categories": levels(one),
        "levels by township": levels(at.township),
        "distance": replace(i, reach=reach),
        "hours": replace(i, slot_fit=fit),
        "competition": replace(i, access=access, saturation=Saturation(family, k)),
    }


def with_group_gains(inputs: OpeningInputs) -> OpeningInputs:
    """The inputs with the gains by group made anew."""
    gain, bend = gain_by_group(inputs.rate, inputs.reach, inputs.access, inputs.age_group, inputs.saturation)
    return replace(inputs, group_gain=gain, group_bend=bend)


def judged(dataset: Dataset, truth: Truth, budget: int) -> Row:
    """Share of the oracle's value of every plan."""
    at = Both(truth, opening_inputs(dataset), pd.Index(dataset.users["user_id"]), budget)
    shares = {"ours": _value(at, at.inputs), "oracle": at.share(plan_of(at.world, [at.belief], at.budget))}
    for name, belief in spread_over(at).items():
        shares[f"oracle, but {name}"] = at.share(plan_of(at.world, [belief], at.budget))
    for name, inputs in mended(at).items():
        shares[f"ours, with true {name}"] = _value(at, with_group_gains(inputs))
    return shares


def _value(at: Both, inputs: OpeningInputs) -> float:
    return float(score_suggestions(at.truth, suggest(inputs, at.budget), at.budget)["share_of_oracle"])


def main() -> None:
    """Runs the counties and prints the table."""
    parser = county_parser(__doc__, seeds="20-25", users=5000)
    parser.add_argument("--budget", type=int, default=40)
    args = parser.parse_args()
    table = each_county(args, lambda dataset, truth: [judged(dataset, truth, args.budget)]).set_index(["shape", "seed"])
    print(f"\n{table.T.round(3).to_string()}")
    means, errors = (table.groupby("shape", sort=False).agg(how) for how in ("mean", "sem"))
    print(f"\nmeans and standard errors\n{means.T.round(3).join(errors.T.round(3), rsuffix=' +-').to_string()}")


if __name__ == "__main__":
    main()
