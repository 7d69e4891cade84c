"""Models of single series on series with a known answer."""

import numpy as np
import pytest

from training.forecasters.statistical import statistical_forecasts


@pytest.mark.parametrize("model", ["theta", "ets", "ses", "imapa", "tsb", "croston"])
def test_statistical_models_forecast_any_series(model: str) -> None:
    rng = np.random.default_rng(1)
    history = np.stack([rng.poisson(9, 40), np.zeros(40), np.full(40, 7)]).astype(float)
    means, fitted = statistical_forecasts(history, 5, model, season=1)  # type: ignore[arg-type]
    assert means.shape == (3, 5)
    assert fitted.shape == history.shape
    assert np.isfinite(means).all()
    assert np.isfinite(fitted).all()
    np.testing.assert_allclose(means[0], 9, rtol=0.35)
    np.testing.assert_allclose(means[1:], [[0] * 5, [7] * 5])
