"""The table of how forecasts did: intervals that many series do not change."""

import numpy as np
import pandas as pd
import pytest

from training.demand import judged
from training.demand.judged import Judged, judged_table


def one_window(n_series: int) -> Judged:
    """A level of series, some of them busy, forecast with errors of their own."""
    rng = np.random.default_rng(3)
    mean = np.repeat(rng.gamma(0.5, 8.0, n_series), 2)
    frame = pd.DataFrame(
        {
            "level": "township",
            "category": "x",
            "series": np.repeat([f"s{i}" for i in range(n_series)], 2),
            "window": "w",
            "ahead": np.tile([0, 1], n_series),
            "actual": rng.poisson(mean),
            "mean": mean,
            "scale": 1.0,
            "pit": rng.random(2 * n_series),
            "q0.1": 0.5 * mean,
            "q0.5": mean,
            "q0.9": 1.5 * mean,
        }
    )
    return Judged("bookings", "programme", "served", frame)


def test_series_drawn_together_give_the_same_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    one = one_window(4_000)

    def wape() -> pd.Series:
        table = judged_table([one], 400, np.random.default_rng(0))
        return table[(table["segment"] == "all") & (table["window"] == "all")].set_index("metric").loc["wape"]

    together = wape()
    monkeypatch.setattr(judged, "_MOST_BLOCKS", 10_000)
    singly = wape()
    assert together["mean"] == pytest.approx(singly["mean"], rel=1e-9)
    assert together["low"] < together["mean"] < together["high"]
    assert together["high"] - together["low"] == pytest.approx(singly["high"] - singly["low"], rel=0.2)
