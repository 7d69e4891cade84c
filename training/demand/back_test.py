"""Past forecasts of sessions beside what came of them, each by what was learned before its origin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.demand.hierarchy import Hierarchy
from recsys.demand.paths import single_weeks
from training.demand.config import DemandConfig
from training.demand.known import KnownDemand, unseen
from training.demand.paths import N_TEST_PATHS, Ahead, Limits, calibrated_pits, draw
from training.demand.programme import OpenMeans, ProgrammeData, begun_places, fit_programme
from training.demand.spread import OpenOutcomes, Spread, joined
from training.forecasters.simple import BASELINES
from training.forecasters.unpublished import weekly_totals


def back_test(data: ProgrammeData, config: DemandConfig, rng: np.random.Generator) -> list[tuple[int, OpenMeans]]:
    """The latest origins, each forecast by what was learned before it, and at most `refit_weeks` before."""
    n_tests = min(config.test_weeks, data.shape[0] // 2)
    found = []
    for origin in range(n_tests, 0, -1):
        if (n_tests - origin) % config.refit_weeks == 0:
            forecaster = fit_programme(data, origin, config.boosting, rng)
        found.append((origin, forecaster.open_means(data, origin)))
    return found


def outcomes(
    data: ProgrammeData, tested: list[tuple[int, OpenMeans]], drew: NDArray[np.float64]
) -> OpenOutcomes | None:
    """What came of the rows of each tested origin; `drew` (n_sessions,) is what each session drew."""
    _, n_bottoms, n_categories, horizon = data.shape
    came = data.unpublished.to_come.reshape(data.shape[0], len(data.unpublished.series), horizon)
    place = np.full(n_bottoms * n_categories, -1)
    place[data.unpublished.series] = np.arange(len(data.unpublished.series))
    found = []
    for origin, means in tested:
        series = place[means.bottom * n_categories + means.category]
        said = np.where(means.session >= 0, drew[means.session], came[origin, series, means.week])
        found.append((origin, means, np.where(means.week < origin, said, np.nan)))
    return joined(found)


BLOCK_WEEKS = 4
SERVED = "programme"
"""Name of the served model in tables of accuracy."""


@dataclass(frozen=True)
class PastForecasts:
    """How past forecasts did.

    Attributes:
        actual: (n_tests, n_bottoms, n_categories, horizon) places taken in whole weeks, NaN where not over.
        predicted: The same, as forecast.
        pits: By target, a list of `Drawn.pits` of the single weeks, one a tested origin.
        block_pits: The same of blocks of `BLOCK_WEEKS` weeks, which tell of months and quarters.
    """

    actual: NDArray[np.float64]
    predicted: NDArray[np.float64]
    pits: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]
    block_pits: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]

    def pits_put_right(self, hierarchy: Hierarchy) -> NDArray[np.float64]:
        """(n_tests, n_nodes, n_categories, horizon) PITs of bookings, each origin by levels the others put right."""
        pits = self.pits[0]
        found = [calibrated_pits(hierarchy, one, pits[:test] + pits[test + 1 :]) for test, one in enumerate(pits)]
        return np.stack(found) if found else np.zeros((0, hierarchy.n_nodes, *self.actual.shape[2:]))

    def predicted_by_model(self, places: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Like `predicted`, of what is served and of simple rules; `places` (n_bottoms, n_categories, n_weeks)."""
        horizon, n_tests = self.actual.shape[3], len(self.actual)
        found = {SERVED: self.predicted}
        for name, rule in BASELINES.items():
            # The first test is the oldest: as many weeks back as there are tests.
            said = [rule(places[..., : max(places.shape[-1] - origin, 0)], horizon) for origin in range(n_tests, 0, -1)]
            found[name] = np.stack(said) if said else np.zeros_like(self.actual)
        return found


def past_forecasts(
    known: KnownDemand,
    data: ProgrammeData,
    tested: list[tuple[int, OpenMeans]],
    spread: Spread,
    limits: Limits,
    rng: np.random.Generator,
) -> PastForecasts:
    """Draws each tested origin again, with limits, and compares."""
    shape, horizon = data.shape, data.shape[3]
    if not tested:
        return PastForecasts(np.zeros((0, *shape[1:])), np.zeros((0, *shape[1:])), ([], []), ([], []))
    drew = (known.places, unseen(known, rng))
    places = [weekly_totals(known.book, one, shape) for one in drew]
    begun = [begun_places(known.book, one, shape) for one in drew]
    actual, predicted = [], []
    pits: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    block_pits: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    blocks = [(first, first + BLOCK_WEEKS) for first in range(0, horizon - BLOCK_WEEKS + 1, BLOCK_WEEKS)]
    ahead = Ahead(known.hierarchy, horizon, [*single_weeks(horizon), *blocks])
    for origin, means in tested:
        is_over = np.arange(horizon) < origin
        came = [
            np.where(is_over, whole[origin] - part[origin], np.nan) for whole, part in zip(places, begun, strict=True)
        ]
        drawn = draw(ahead, known.book, means, spread, limits, N_TEST_PATHS, rng, came=(came[0], came[1]))
        actual.append(np.where(is_over, places[0][origin], np.nan))
        predicted.append(begun[0][origin] + drawn.means[0])
        for target in range(2):
            pits[target].append(drawn.pits[target][..., :horizon])
            block_pits[target].append(drawn.pits[target][..., horizon:])
    return PastForecasts(np.stack(actual), np.stack(predicted), pits, block_pits)
