"""Effects of sessions: what those of sessions to come add up to."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from training.forecasters.effects_fit import CountedSessions, fit_effects
from training.forecasters.session_design import EffectDesign

N_VENUES, N_EVENTS, PLACES = 30, 4000, 4.0


def events(code: NDArray[np.int64], n_codes: int) -> sparse.csr_array:
    return sparse.csr_array((np.ones(len(code)), (np.arange(len(code)), code)), shape=(len(code), n_codes))


def of_venues(venue: NDArray[np.int64]) -> EffectDesign:
    """Single events: an effect of each venue and one of each event."""
    n = len(venue)
    blocks = [np.ones((n, 1)), events(venue, N_VENUES), events(np.arange(n), n)]
    return EffectDesign(
        matrix=sparse.csr_array(sparse.hstack(blocks)),
        group=np.repeat([-1, 0, 1], [1, N_VENUES, n]),
        spreads=np.array([0.5, 0.4]),
        is_learned=np.ones(2, dtype=np.bool_),
        activity=np.arange(n),
        is_serial=np.zeros(n, dtype=np.int64),
        is_festive=np.zeros(n, dtype=np.int64),
        exposure=np.zeros(n),
    )


def drawn(
    seed: int, spread: float, places: float = PLACES
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Venue of each event, places it draws in the mean over what events are like, and those it drew."""
    rng = np.random.default_rng(seed)
    venue = rng.integers(0, N_VENUES, N_EVENTS)
    mean = places * rng.lognormal(0, 0.5, N_VENUES)[venue]
    return venue, mean, rng.poisson(mean * rng.lognormal(-(spread**2) / 2, spread, N_EVENTS)).astype(np.float64)


def all_alike(
    design: EffectDesign, counts: NDArray[np.float64], rows: NDArray[np.int64] | None = None
) -> CountedSessions:
    """Events that count alike; all, unless rows are given."""
    rows = np.arange(N_EVENTS) if rows is None else rows
    return CountedSessions(design, rows, counts[rows], np.ones(len(rows)))


# The first by a lognormal's half and a constant with which the past adds up too; the second not, at 0.94.
@pytest.mark.parametrize(("places", "spread"), [(PLACES, 1.2), (15.0, 0.8)])
def test_events_to_come_add_up_though_few_draw_many(places: float, spread: float) -> None:
    ratios = []
    for seed in range(5):
        venue, mean, counts = drawn(seed, spread, places)
        past = np.arange(N_EVENTS // 2)
        found = fit_effects(all_alike(of_venues(venue), counts, past)).means(of_venues(venue))
        ahead = np.arange(N_EVENTS // 2, N_EVENTS)
        ratios.append(found[ahead].sum() / mean[ahead].sum() / (counts[past].sum() / mean[past].sum()))
    # What was drawn by luck in the past is none of the fit's doing.
    assert abs(np.mean(ratios) - 1) < 0.03


def test_means_of_one_activity_add_up() -> None:
    """There is no other to judge by."""
    venue, _, counts = drawn(0, spread=0.1)
    design = of_venues(venue)
    one = replace(design, activity=np.zeros(N_EVENTS, dtype=np.int64))
    found = fit_effects(all_alike(one, counts)).means(one)
    np.testing.assert_allclose(found.sum(), counts.sum(), rtol=0.02)


def test_courses_vary_less_than_events_where_they_are_seen_to() -> None:
    rng = np.random.default_rng(3)
    venue, mean, _ = drawn(0, spread=0.0)
    is_serial = np.arange(N_EVENTS) % 2
    own = np.where(is_serial == 1, 0.1, 0.8)
    counts = rng.poisson(mean * rng.gamma(1 / own, own)).astype(np.float64)
    # Without an effect of each event all that it has of its own is dispersion.
    design = of_venues(venue)
    shared = design.group < 1
    design = replace(design, matrix=design.matrix[:, shared], group=design.group[shared], is_serial=is_serial)
    found = fit_effects(all_alike(design, counts))
    np.testing.assert_allclose(found.dispersion, [0.8, 0.1], rtol=0.2)
    # It is no part of what is unknown of their levels: on all of these sessions that is hardly anything.
    assert (found.open_variances(design) < 0.02).all()


def test_a_spread_that_may_not_be_learned_stays() -> None:
    venue, _, counts = drawn(0, spread=0.1)
    design = replace(of_venues(venue), is_learned=np.array([False, True]))
    found = fit_effects(all_alike(design, counts))
    assert found.spreads[0] == design.spreads[0]
    assert found.spreads[1] < 0.7 * design.spreads[1]


def test_events_about_a_festival_add_up_though_no_effect_tells_of_it() -> None:
    venue, mean, _ = drawn(0, spread=0.0)
    is_festive = (np.arange(N_EVENTS) % 5 == 0).astype(np.int64)
    mean = mean * np.where(is_festive == 1, 2.0, 1.0)
    counts = np.random.default_rng(4).poisson(mean).astype(np.float64)
    design = replace(of_venues(venue), is_festive=is_festive)
    found = fit_effects(all_alike(design, counts, np.arange(N_EVENTS // 2))).means(design)
    ahead = (is_festive == 1) & (np.arange(N_EVENTS) >= N_EVENTS // 2)
    # Four hundred were seen, which is drawn to none by a hundred; without, a half is told.
    np.testing.assert_allclose(found[ahead].sum(), mean[ahead].sum(), rtol=0.2)
