"""Paths of sessions: coherent counts with the means, limits and common factors asked for."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.demand.paths import (
    OpenParts,
    SharedFactors,
    category_paths,
    level_groups,
    node_paths,
    sample_wanted,
    taken_of,
)
from tests.recsys.demand.test_hierarchy import hierarchy as hierarchy

N_PATHS = 4000


def rows(n: int = 2, **changes: object) -> OpenParts:
    given = OpenParts(
        bottom=np.arange(n) % 3,
        category=np.zeros(n, dtype=np.int64),
        week=np.zeros(n, dtype=np.int64),
        mean=np.full(n, 8.0),
        held=np.zeros(n),
        lapse=np.zeros(n),
        linear=np.full(n, 1.5),
        quadratic=np.full(n, 0.2),
        limit=np.full(n, np.inf),
        kept=np.ones(n),
    )
    return replace(given, **changes)


def nothing_shared() -> SharedFactors:
    return SharedFactors(np.zeros((1, 4), dtype=np.int64), np.zeros(1))


def test_wanted_has_the_mean_and_the_variance_of_its_rows() -> None:
    wanted = sample_wanted(rows(), nothing_shared(), 40_000, np.random.default_rng(0))
    np.testing.assert_array_equal(wanted, np.round(wanted))
    assert (wanted >= 0).all()
    np.testing.assert_allclose(wanted.mean(axis=1), 8, rtol=0.02)
    np.testing.assert_allclose(wanted.var(axis=1), 1.5 * 8 + 0.2 * 64, rtol=0.06)


def test_what_is_held_stays_but_for_what_is_given_up() -> None:
    parts = rows(held=np.array([6.0, 20.0]), lapse=np.array([0.1, 0.1]))
    wanted = sample_wanted(parts, nothing_shared(), N_PATHS, np.random.default_rng(0))
    # The second holds more than its mean: nothing comes, and more than the usual share goes.
    np.testing.assert_allclose(wanted.mean(axis=1), 8, rtol=0.05)
    assert wanted[1].max() <= 20


def test_limits_hold_on_every_path_and_what_is_not_published_is_thinned() -> None:
    rng = np.random.default_rng(0)
    parts = rows(limit=np.array([5.0, np.inf]), kept=np.array([1.0, 0.5]))
    wanted = sample_wanted(parts, nothing_shared(), N_PATHS, rng)
    taken = taken_of(parts, wanted, rng)
    assert (taken <= wanted).all()
    assert taken[0].max() == 5
    assert taken[1].mean() == pytest.approx(4, rel=0.06)


def test_shared_factors_make_sums_vary_more() -> None:
    parts, rng = rows(3), np.random.default_rng(0)
    alone = sample_wanted(parts, nothing_shared(), N_PATHS, rng).sum(axis=0)
    together = SharedFactors(np.zeros((1, 4), dtype=np.int64), np.array([0.3]))
    shared = sample_wanted(parts, together, N_PATHS, rng).sum(axis=0)
    assert shared.mean() == pytest.approx(24, rel=0.05)
    assert shared.var() > alone.var() + 0.6 * 0.3 * 24**2


def test_paths_of_regions_add_up_on_every_path(hierarchy) -> None:
    parts = rows(8, bottom=np.arange(8) % hierarchy.n_bottoms, week=np.arange(8) % 2)
    groups = level_groups(hierarchy)
    shared = SharedFactors(groups, np.full(len(groups), 0.1))
    ((found, taken, wanted),) = category_paths(parts, shared, 1, 50, np.random.default_rng(0))
    assert sorted(found) == list(range(8))
    nodes = node_paths(hierarchy, parts.bottom[found], parts.week[found], 2, wanted)
    np.testing.assert_array_equal(nodes[0].sum(axis=0), wanted.sum(axis=0))
    place = {name: i for i, name in enumerate(hierarchy.node_ids.ids)}
    assert (nodes[place["c1"]] >= nodes[place["t1"]] + nodes[place["t2"]]).all()
    assert (taken <= wanted).all()


def test_groups_go_from_the_root_to_the_bottoms(hierarchy) -> None:
    groups = level_groups(hierarchy)
    sizes = [len(np.unique(one)) for one in groups]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    assert sizes[-1] == hierarchy.n_bottoms
