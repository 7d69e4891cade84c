"""How forecasts did on weeks that are over: every model in one table, by level, category and week ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.demand.forecast import QUANTILES

LEAST_WINDOWS = 5
"""From so many windows on, intervals are over windows instead of over series."""

_MOST_BLOCKS = 1_000
"""Of more series some are drawn together, put together at random: a province has fifty thousand."""

PIT_SHARES = (0.5, 0.8, 0.95)
_METRICS = ("wape", "mase", "pinball", "coverage80", *(f"pit{round(100 * share)}" for share in PIT_SHARES))
_PLACES_OF = ((0, 1), (2, 3), (4, 1), (5, 6), (8, 7), (9, 7), (10, 7))
"""For each metric, the sums above and below its fraction line among `_parts`."""


@dataclass(frozen=True)
class Judged:
    """One model's forecasts of one target beside the outcomes, a row a node, category and week.

    Attributes:
        frame: `level, category, window, ahead` (weeks), `actual, mean`, `scale` (mean step of the history, for MASE),
            `pit` (randomised PIT of the outcome) and one column a quantile (both NaN for a model that gives none).
    """

    task: str
    model: str
    role: str
    frame: pd.DataFrame


def judged_table(judged: Sequence[Judged], n_boots: int, rng: np.random.Generator) -> pd.DataFrame:
    """The long table of `task, model, role, segment, metric, window, mean, low, high, n`.

    Segments are `all`, each level (`level:...`), category (`category:...`) and week ahead (`ahead:...`, from 0).
    Intervals are 95 % by bootstrap over windows, or over series (region x category) where there are few windows.
    """
    rows = [row for one in judged for row in _rows(one, n_boots, rng)]
    columns = ["task", "model", "role", "segment", "metric", "window", "mean", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def _rows(one: Judged, n_boots: int, rng: np.random.Generator) -> list[tuple[object, ...]]:
    frame = one.frame
    segments = [("all", frame)]
    segments += [(f"level:{name}", part) for name, part in frame.groupby("level", sort=True)]
    segments += [(f"category:{name}", part) for name, part in frame.groupby("category", sort=True)]
    segments += [(f"ahead:{name}", part) for name, part in frame.groupby("ahead", sort=True)]
    rows: list[tuple[object, ...]] = []
    for segment, part in segments:
        windows = [("all", part)]
        if segment == "all":
            windows += [(str(name), inside) for name, inside in part.groupby("window", sort=True)]
        for window, inside in windows:
            for metric, (mean, low, high) in _metrics(inside, n_boots, rng).items():
                rows.append((one.task, one.model, one.role, segment, metric, window, mean, low, high, len(inside)))
    return rows


def _metrics(frame: pd.DataFrame, n_boots: int, rng: np.random.Generator) -> dict[str, tuple[float, float, float]]:
    """Metric to mean, low and high.

    wape: sum |y - mean| / sum y. mase: mean |y - mean| / mean step of the series, series without a step left out.
    pinball: mean over quantiles of twice the pinball loss, summed, / sum y. coverage80: share inside q0.1 to q0.9,
    which small counts push up. pit50, pit80, pit95: share inside the central interval of that share by randomised
    PIT, which they do not; series that hardly anything is expected of left out. NaN where the denominator is 0.
    """
    parts = _parts(frame)
    blocks = "window" if frame["window"].nunique() >= LEAST_WINDOWS else "series"
    codes = pd.factorize(frame[blocks])[0]
    n_blocks = int(codes.max(initial=-1)) + 1
    if n_blocks > _MOST_BLOCKS:
        codes = (rng.permutation(n_blocks) % _MOST_BLOCKS)[codes]
    per_series = np.stack([np.bincount(codes, weights=part) for part in parts.T], axis=1)
    point = _ratios(per_series.sum(axis=0))
    if n_boots and len(per_series) > 1:
        draws = rng.multinomial(len(per_series), np.full(len(per_series), 1 / len(per_series)), size=n_boots)
        boots = np.stack([_ratios(total) for total in draws @ per_series])
        with np.errstate(invalid="ignore"):
            usable = np.isfinite(boots).any(axis=0)
        low, high = np.full(len(point), np.nan), np.full(len(point), np.nan)
        low[usable], high[usable] = np.nanquantile(boots[:, usable], [0.025, 0.975], axis=0)
    else:
        low = high = np.full(len(point), np.nan)
    found = {name: (float(point[i]), float(low[i]), float(high[i])) for i, name in enumerate(_METRICS)}
    if frame[f"q{QUANTILES[0]}"].isna().all():
        found = {name: value for name, value in found.items() if name in ("wape", "mase")}
    return {name: value for name, value in found.items() if np.isfinite(value[0])}


def _parts(frame: pd.DataFrame) -> NDArray[np.float64]:
    """(n_rows, 11) sums that the ratios are made of."""
    actual, mean = frame["actual"].to_numpy(dtype=float), frame["mean"].to_numpy(dtype=float)
    scale = frame["scale"].to_numpy(dtype=float)
    error = np.abs(actual - mean)
    has_scale = scale > 0
    loss = np.zeros(len(frame))
    for level in QUANTILES:
        gap = actual - frame[f"q{level}"].to_numpy(dtype=float)
        loss += 2 * np.maximum(level * gap, (level - 1) * gap) / len(QUANTILES)
    low, high = (frame[f"q{level}"].to_numpy(dtype=float) for level in (QUANTILES[0], QUANTILES[-1]))
    inside = ((actual >= low) & (actual <= high)).astype(float)
    scaled = np.where(has_scale, error / np.where(has_scale, scale, 1.0), 0.0)
    pit = frame["pit"].to_numpy(dtype=float)
    tells = np.isfinite(pit)
    held = [tells & (np.abs(2 * pit - 1) <= share) for share in PIT_SHARES]
    ones = np.ones(len(frame))
    return np.column_stack([error, actual, scaled, has_scale, loss, inside, ones, tells, *held])


def _ratios(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    above, below = sums[[one for one, _ in _PLACES_OF]], sums[[one for _, one in _PLACES_OF]]
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)
