"""Which way regions are made to add up is found out at past origins, and nothing else changes."""

import numpy as np
import pandas as pd
import pytest

from recsys.demand.hierarchy import Hierarchy
from recsys.demand.reconcile import METHODS
from tests.recsys.demand.test_hierarchy import hierarchy as hierarchy
from tests.training.demand.test_forecast import CONFIG, NOW, small_town
from training.demand.evaluate import evaluate_demand
from training.demand.forecast import judged_forecast
from training.demand.programme import OpenMeans
from training.demand.reconciled import BOTTOM_UP, Reconciliation, Rows, _best, _by_method, _together


def test_regions_that_hold_venues_and_regions_are_rows_twice(hierarchy: Hierarchy) -> None:
    rows = Rows.of(hierarchy)
    bottoms = np.arange(1.0, hierarchy.n_bottoms + 1)
    np.testing.assert_array_equal(rows.up(bottoms)[rows.bottoms], bottoms)
    np.testing.assert_array_equal(rows.up(bottoms)[: len(rows.sums)], hierarchy.sums(bottoms)[rows.sums])
    assert rows.sums[0] == 0


@pytest.mark.parametrize(
    ("ols", "n_origins", "said"),
    [
        (0.5, 8, "ols"),
        (0.98, 8, BOTTOM_UP),  # Near a tie the sums stay.
        (0.5, 3, BOTTOM_UP),  # Three origins prove nothing.
        (1.2, 8, BOTTOM_UP),
    ],
)
def test_what_errs_clearly_less_is_chosen(ols: float, n_origins: int, said: str) -> None:
    errors = np.full((len(METHODS), n_origins), 2.0)
    errors[METHODS.index(BOTTOM_UP)] = 1.0
    errors[METHODS.index("ols")] = ols
    assert _best(errors) == said


def test_one_lucky_origin_is_not_enough() -> None:
    errors = np.full((len(METHODS), 8), 1.0)
    errors[METHODS.index("ols"), 1:] = 1.01
    errors[METHODS.index("ols"), 0] = 0.0
    assert _best(errors) == BOTTOM_UP


def _bases(rows: Rows, rng: np.random.Generator, n_origins: int, good: str) -> tuple[dict, dict]:
    """Sums or bottoms are forecast well, the others with much noise; nothing of the last origin has come."""
    bases, actual = {}, {}
    for origin in range(n_origins + 1):
        truth = rows.up(rng.gamma(20, 1, (rows.summing.shape[1], 1, n_origins)))
        noise = rng.normal(0, 6, truth.shape)
        is_good = np.arange(len(truth)) < len(rows.sums) if good == "sums" else np.arange(len(truth)) >= len(rows.sums)
        bases[origin] = truth + np.where(is_good[:, None, None], 0.02, 1.0) * noise
        actual[origin] = truth
    return bases, actual


@pytest.mark.parametrize("good", ["sums", "bottoms"])
def test_methods_that_weigh_by_past_errors_follow_who_was_right(hierarchy: Hierarchy, good: str) -> None:
    rows = Rows.of(hierarchy)
    bases, actual = _bases(rows, np.random.default_rng(4), 9, good)
    said = _by_method(rows, bases, actual, 0)
    top = {method: np.abs(rows.up(means)[0] - actual[0][0]).sum() for method, means in said.items()}
    if good == "sums":
        assert top["wls-variance"] < 0.5 * top[BOTTOM_UP]
    else:
        assert top["wls-variance"] < 0.5 * top["ols"]
    for means in said.values():
        assert (means >= 0).all()


def test_weights_know_nothing_that_was_not_over(hierarchy: Hierarchy) -> None:
    rows = Rows.of(hierarchy)
    bases, actual = _bases(rows, np.random.default_rng(5), 9, "sums")
    later = {origin: np.where(np.arange(9) < origin - 2, one, 1e6) for origin, one in actual.items()}
    for method, means in _by_method(rows, bases, actual, 2).items():
        np.testing.assert_array_equal(means, _by_method(rows, bases, later, 2)[method])


def test_different_methods_at_different_levels_still_add_up(hierarchy: Hierarchy) -> None:
    rows = Rows.of(hierarchy)
    bases, actual = _bases(rows, np.random.default_rng(6), 9, "sums")
    said = _by_method(rows, bases, actual, 0)
    levels = list(dict.fromkeys(rows.names.tolist()))
    alone = _together(rows, said, dict.fromkeys(levels, "ols"))
    np.testing.assert_allclose(alone, said["ols"], atol=1e-9)
    mixed = _together(rows, said, dict(zip(levels, ["ols", *[BOTTOM_UP] * len(levels)], strict=False)))
    sums = hierarchy.sums(mixed)
    np.testing.assert_allclose(sums[0], mixed.sum(axis=0), atol=1e-9)
    assert (mixed >= 0).all()


def test_what_can_come_is_moved_to_the_chosen_means() -> None:
    none = np.zeros(3, dtype=np.int64)
    means = OpenMeans(none, none, np.array([0, 0, 1]), none, np.array([4.0, 6.0, 5.0]), np.zeros(3), np.zeros(3))
    begun = np.array([[[2.0, 0.0]]])
    chosen = Reconciliation({}, {}, {}, {0: np.array([[[17.0, 1.0]]])})
    # The first week lacks five of fifteen, the second may not be moved by more than half.
    np.testing.assert_allclose(chosen.adjusted(0, means, begun).mean, [6.0, 9.0, 2.5])
    assert chosen.adjusted(1, means, begun) is means


def test_the_choice_is_told_and_every_method_judged() -> None:
    town = small_town()
    found = judged_forecast(town, 3, CONFIG, None)
    notes = found.forecast.notes.set_index("note")["value"]
    assert all(method in notes["reconciliation, county"] for method in METHODS)
    assert set(found.reconciled) == set(METHODS)
    table = evaluate_demand(town, NOW - pd.Timedelta(days=21), 21, CONFIG)
    assert {f"reconciled: {method}" for method in METHODS} <= set(table["model"])
