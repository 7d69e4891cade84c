from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest, nbinom

from benchmarks.bound.chains import Steps, posterior
from benchmarks.bound.county import Ahead, County, alone
from benchmarks.bound.evidence import Evidence
from benchmarks.bound.guesses import Prior, drawn, rows_of
from benchmarks.bound.offer import may_be_listed, strangers_alike
from benchmarks.bound.quality import ToldQuality, log_chance
from benchmarks.ranking.bound import Sample, sample
from benchmarks.tables import read_tables
from recsys.errors import DataError
from recsys.simulation.scoring.judged import may
from recsys.simulation.scoring.ranking import best_lists, gains
from recsys.simulation.setting.tastes import Own, Population, rates
from recsys.simulation.truth.oracle import Truth


@dataclass(frozen=True)
class Case:
    truth: Truth
    county: County
    chosen: Sample
    population: Population
    own: Own

    @property
    def prior(self) -> Prior:
        return Prior(self.county.world.config.shape)


@pytest.fixture(scope="session")
def case(truth: Truth) -> Case:
    county = County.of(truth)
    chosen = sample(truth, 14, 250, np.random.default_rng(0))
    population = county.drawn.population.of(chosen.nums)
    return Case(truth, county, chosen, population, rows_of(county.drawn.own, chosen.nums))


def test_told_everything_it_is_the_oracle(case: Case) -> None:
    judged = case.chosen.judged
    ahead = Ahead.of(case.county, case.chosen.nums, judged, may(case.truth, judged.users, judged.sessions))
    relevance = ahead.relevance(case.population, case.own)
    assert judged.relevance.max() > 0.1
    np.testing.assert_allclose(relevance, judged.relevance, atol=2e-4)
    told, other = (
        gains(judged, best_lists(chances, judged.allowed, 10), 10)
        for chances in (
            relevance,
            ahead.relevance(case.population, rows_of(case.own, np.roll(np.arange(len(relevance)), 1))),
        )
    )
    assert told.worth.sum() == pytest.approx(told.best.sum(), rel=1e-3)
    assert other.worth.sum() < 0.9 * told.best.sum()


def test_what_is_for_children_may_be_listed_for_them_and_for_who_booked_for_another(case: Case, folder: Path) -> None:
    judged = case.chosen.judged
    listed = may_be_listed(folder, case.truth, judged, 14)
    assert not (listed & ~judged.allowed).any()
    tables = read_tables(folder, "Asia/Shanghai")
    audience = tables["activities"].set_index("activity_id")["audience"]
    is_for_children = (audience[judged.activities.ids] == "child").to_numpy()
    others = ~is_for_children
    assert listed[:, others].sum() > 0.99 * judged.allowed[:, others].sum()
    lists_some = listed[:, is_for_children].any(axis=1)
    assert 0 < lists_some.sum() < judged.allowed[:, is_for_children].any(axis=1).sum()
    bookings, users = tables["bookings"], tables["users"]
    for_another = bookings["user_id"][bookings["attendee_birth_years"].notna()]
    grown_up = users["birth_year"].astype("float64") <= case.truth.as_of.year - 18
    assert set(judged.users["user_id"][lists_some]) <= {*for_another, *users["user_id"][~grown_up]}


def test_who_opted_out_has_the_chances_of_people_at_large() -> None:
    chances = np.array([[0.8, 0.0], [0.2, 0.4], [0.0, 0.2], [0.9, 0.9]])
    found = strangers_alike(chances, np.array([True, False, False, False]), np.array([True, True, True, False]))
    np.testing.assert_allclose(found, [[0.1, 0.3], *chances[1:]])


def test_the_prior_is_the_simulators(case: Case) -> None:
    everybody = case.prior.normals(case.county.drawn.own)
    for name, values in everybody.items():
        if values.size:
            assert kstest(values.ravel(), "norm").pvalue > 1e-4, name
    own = case.prior.own(everybody)
    np.testing.assert_allclose(own.activity, case.county.drawn.own.activity, rtol=1e-6)
    np.testing.assert_allclose(own.mixing, case.county.drawn.own.mixing, atol=1e-6)


def test_the_likelihood_of_bookings_is_that_of_independent_requests(case: Case) -> None:
    seen = only_bookings(case.county.known(case.chosen.nums))
    guess = case.prior.own(drawn(case.prior.normals(case.own), np.random.default_rng(3)))
    booked = np.zeros(seen.choice.may.shape, dtype=bool)
    booked[seen.booked_session, seen.booked_row] = True
    # Without companions, who are told apart: their part does not depend on the guess.
    seen = replace(seen, booked_along=np.zeros_like(seen.booked_along))
    with_floor = []
    for own in (case.own, guess):
        chance = np.minimum(alone(seen.choice, case.population, own) * seen.weight[:, None], 0.97)
        exact = np.where(booked, np.log(np.maximum(chance, 1e-12)), np.log1p(-chance)).sum(axis=0)
        ours = seen.log_likelihood(case.population, own, seen.habits(case.population, own))
        # The series log(1 - p) is cut at the third power.
        some = chance.max(axis=0) < 0.25
        assert some.sum() > 50
        np.testing.assert_allclose(ours[some], exact[some], rtol=0.01, atol=0.02)
        with_floor.append(exact.sum())
    assert with_floor[0] > with_floor[1] + 100


def test_nothing_seen_leaves_the_prior(case: Case) -> None:
    seen = only_bookings(case.county.known(case.chosen.nums))
    nothing = replace(
        seen,
        weight=np.zeros_like(seen.weight),
        booked_row=seen.booked_row[:0],
        booked_session=seen.booked_session[:0],
        booked_along=seen.booked_along[:0],
    )
    rng = np.random.default_rng(1)
    start = drawn(case.prior.normals(case.own), rng)
    *_, last = posterior(nothing, case.population, start, case.prior, Steps(30, 1, 1, 8), rng)
    for name, values in last.items():
        if values.size:
            assert not np.array_equal(values, start[name]), name
            assert kstest(values.ravel(), "norm").pvalue > 1e-4, name


def test_the_truth_lies_among_the_guesses_as_any_of_them(case: Case) -> None:
    seen = case.county.known(case.chosen.nums)
    rng = np.random.default_rng(2)
    start = drawn(case.prior.normals(case.own), rng)
    kept = posterior(seen, case.population, start, case.prior, Steps(80, 40, 2, 24), rng)
    true = rates(case.population, case.own)[0].sum(axis=1)
    at_random = case.chosen.at_random
    guesses = np.stack([rates(case.population, case.prior.own(z))[0].sum(axis=1) for z in kept])
    place = (guesses < true).mean(axis=0)[at_random]
    assert 0.42 < place.mean() < 0.58
    assert 0.7 < ((place > 0.1) & (place < 0.9)).mean() < 0.9
    # And they tell something: what is guessed goes with what is.
    assert np.corrcoef(np.log(guesses.mean(axis=0)), np.log(true))[0, 1] > 0.6


def test_counts_tell_of_quality_as_a_gamma_mixture_of_poisson_counts_does() -> None:
    more, counts, expected = np.array([-0.7, 0.0, 0.4]), np.array([0, 3, 7]), np.array([0.4, 2.0, 9.0])
    shape = 7.0
    by_hand = np.zeros(3)
    for count, mean in zip(counts, expected, strict=True):
        by_hand += nbinom.logpmf(count, shape, shape / (shape + mean * np.exp(more)))
    found = log_chance(more, counts, expected)
    np.testing.assert_allclose(found - found[1], by_hand - by_hand[1])


def test_the_more_bookings_tell_of_a_session_the_less_its_quality_is_unknown(case: Case) -> None:
    judged = case.chosen.judged
    ahead = Ahead.of(case.county, case.chosen.nums, judged, may(case.truth, judged.users, judged.sessions))
    rng = np.random.default_rng(0)
    some, every = (ToldQuality(case.county, case.truth, ahead, rng, of_booked=one) for one in (False, True))
    assert every.is_unknown.all()
    assert 0 < some.is_unknown.sum() < len(some.is_unknown)
    draws = np.array([every.more() for _ in range(200)])
    told = case.truth.tables["sessions"].groupby("activity_id")["n_before"].sum()
    n_told = told[ahead.choice.sessions["activity_id"]].to_numpy()
    assert draws[:, n_told >= 20].std(axis=0).mean() < 0.6 * draws[:, n_told == 0].std(axis=0).mean()
    assert (np.abs(draws.mean(axis=0)) < 3.5 * draws.std(axis=0)).all(), "the truth lies among them"


def test_a_truth_of_other_people_is_refused(case: Case) -> None:
    knobs = {**case.truth.manifest["knobs"], "seed": 5}
    with pytest.raises(DataError, match="its people are not those"):
        County.of(Truth({**case.truth.manifest, "knobs": knobs}, case.truth.tables))


def only_bookings(seen: Evidence) -> Evidence:
    """Without views and interests."""
    return replace(
        seen,
        views=np.zeros_like(seen.views),
        views_a_wish=np.zeros_like(seen.views_a_wish),
        interests=np.full_like(seen.interests, -1),
    )
