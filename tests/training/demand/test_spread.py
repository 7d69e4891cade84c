"""Variances that were put into outcomes are found again, and few outcomes leave the priors."""

import numpy as np
import pytest

from recsys.demand.hierarchy import Hierarchy
from tests.recsys.demand.test_hierarchy import hierarchy as hierarchy
from training.demand.programme import OpenMeans
from training.demand.spread import OpenOutcomes, fit_spread, joined


def outcomes(hierarchy: Hierarchy, rng: np.random.Generator, n_origins: int, shared: float) -> OpenOutcomes:
    """Each origin's own week: six sessions in each bottom, of own variance 1.2 m + 0.15 m^2 and a factor for all."""
    found = []
    for origin in range(1, n_origins + 1):
        bottom = np.repeat(np.arange(hierarchy.n_bottoms), 6)
        mean = rng.gamma(4, 4, len(bottom)) + 1
        factor = rng.gamma(1 / shared, shared) if shared else 1.0
        size = 1 / (0.15 + 0.2 / mean)
        came = rng.poisson(mean * factor * rng.gamma(size) / size).astype(float)
        none = np.zeros(len(bottom), dtype=np.int64)
        rows = OpenMeans(bottom, none, none, np.arange(len(bottom)), mean, np.zeros(len(bottom)), np.zeros(len(bottom)))
        found.append((origin, rows, came))
    whole = joined(found)
    assert whole is not None
    return whole


@pytest.mark.parametrize("shared", [0.0, 0.15])
def test_shared_and_own_variance_are_told_apart(hierarchy: Hierarchy, shared: float) -> None:
    spread = fit_spread(hierarchy, outcomes(hierarchy, np.random.default_rng(0), 400, shared))
    assert spread.shared.variances.sum() == pytest.approx(shared, abs=0.05)
    assert 20 * spread.session[0] + 400 * spread.session[2] == pytest.approx(20 * 1.2 + 400 * 0.15, rel=0.25)


def test_without_outcomes_the_priors_stand(hierarchy: Hierarchy) -> None:
    spread = fit_spread(hierarchy, None)
    assert spread.shared.variances.sum() > 0
    assert min(spread.session) > 0
    few = fit_spread(hierarchy, outcomes(hierarchy, np.random.default_rng(0), 1, 0.0))
    assert few.session[2] == pytest.approx(spread.session[2], abs=0.15)
