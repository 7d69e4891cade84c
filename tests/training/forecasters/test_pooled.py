"""The pooled regression on series with a known answer."""

import numpy as np
import pandas as pd

from training.forecasters.pooled import fit_pooled

WEEKS = pd.date_range("2023-01-02", periods=156, freq="W-MON")


def test_a_noiseless_seasonal_series_is_found() -> None:
    truth = 100 * np.exp(0.5 * np.sin(2 * np.pi * WEEKS.dayofyear.to_numpy() / 365.25))
    counts = np.round(np.stack([truth, 0.3 * truth]))
    model = fit_pooled(counts[:, :143], WEEKS[:143])
    found = model.means(WEEKS[143:])
    np.testing.assert_allclose(found, counts[:, 143:], rtol=0.15)


def test_the_festival_moves_with_the_moon() -> None:
    festival = pd.to_datetime(["2023-01-22", "2024-02-10", "2025-01-29"])
    gap = np.min(np.abs((WEEKS.to_numpy()[:, None] + np.timedelta64(3, "D")) - festival.to_numpy()), axis=1)
    dips = gap <= np.timedelta64(4, "D")
    counts = np.where(dips, 20.0, 100.0)[None].repeat(2, axis=0)
    model = fit_pooled(counts[:, :104], WEEKS[:104])
    found = model.means(WEEKS[104:])[0]
    assert found[dips[104:]].max() < 60
    assert found[~dips[104:]].min() > 65


def test_pooled_survives_zeros_and_outliers() -> None:
    counts = np.zeros((3, 30))
    assert fit_pooled(counts, WEEKS[:30]).means(WEEKS[30:40]).max() < 0.5
    counts = np.full((2, 30), 50.0)
    counts[0, 10] = 10_000
    assert fit_pooled(counts, WEEKS[:30]).means(WEEKS[30:40]).max() < 400
