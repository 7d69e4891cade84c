"""Reconciliation against hierarchicalforecast on small trees, and what must hold for any."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from recsys.demand.reconcile import METHODS, Method, fit_reconciler, shrinkage_intensity, summing_constraints

TREE = np.vstack([np.ones(8), [1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 0], np.eye(8)])
GROUPED = np.vstack([np.ones(4), [1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1], np.eye(4)])
THEIRS = {"ols": "ols", "wls-structure": "wls_struct", "wls-variance": "wls_var", "mint-shrink": "mint_shrink"}


def _bottoms(summing: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.arange(len(summing) - summing.shape[1], len(summing))


def _reconciled(
    summing: NDArray[np.float64], method: Method, residuals: NDArray[np.float64], base: NDArray[np.float64]
) -> NDArray[np.float64]:
    return fit_reconciler(sparse.csr_array(summing), _bottoms(summing), method, residuals).bottoms(base)


@pytest.mark.parametrize("method", list(THEIRS))
@pytest.mark.parametrize("summing", [TREE, GROUPED], ids=["tree", "grouped"])
def test_same_as_hierarchicalforecast(method: Method, summing: NDArray[np.float64]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from hierarchicalforecast.methods import MinTrace
    rng = np.random.default_rng(1)
    base = rng.normal(10, 3, (len(summing), 5))
    fitted = rng.normal(size=(len(summing), 40))
    residuals = rng.normal(size=fitted.shape) * rng.gamma(2, 1, (len(summing), 1)) + rng.normal(size=40)
    ours = summing @ _reconciled(summing, method, residuals, base)
    theirs = MinTrace(THEIRS[method]).fit_predict(
        S=summing, y_hat=base, y_insample=fitted + residuals, y_hat_insample=fitted
    )
    np.testing.assert_allclose(ours, theirs["mean"], atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_what_adds_up_already_stays(method: Method) -> None:
    rng = np.random.default_rng(3)
    coherent = TREE @ rng.gamma(2, 3, (8, 4))
    residuals = rng.normal(size=(len(TREE), 30))
    np.testing.assert_allclose(TREE @ _reconciled(TREE, method, residuals, coherent), coherent, atol=1e-8)


def test_constraints_of_a_tree_are_local() -> None:
    constraints = summing_constraints(sparse.csr_array(TREE), _bottoms(TREE))
    np.testing.assert_allclose(constraints @ TREE, 0, atol=1e-12)
    # The root is its three regions and the one bottom without a region.
    assert np.diff(constraints.indptr).max() == 5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_shrinkage_equals_the_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    residuals = rng.normal(size=(5, 9)) + rng.normal(size=9)
    centred = residuals - residuals.mean(axis=1, keepdims=True)
    unit = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True))
    above = below = 0.0
    for i in range(5):
        for j in range(5):
            if i != j:
                products = unit[i] * unit[j]
                above += ((products - products.mean()) ** 2).sum()
                below += products.mean() ** 2
    expected = float(np.clip(above / (9 * 8) / below, 0, 1))
    assert shrinkage_intensity(centred) == pytest.approx(expected, rel=1e-9)


def test_weights_by_errors_need_errors() -> None:
    with pytest.raises(ValueError, match="residuals"):
        fit_reconciler(sparse.csr_array(TREE), _bottoms(TREE), "mint-shrink")
