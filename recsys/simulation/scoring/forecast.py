"""Forecasts against what people asked for and what was taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from recsys.errors import DataError
from recsys.simulation.setting.season import days_from_spring_festival
from recsys.simulation.truth.demand import held_chance, up_the_tree
from recsys.simulation.truth.oracle import Truth
from recsys.simulation.truth.paths import booking_paths, demand_paths

QUANTILES = (0.1, 0.5, 0.9)
QUANTILE_COLUMNS = tuple(f"q{q}" for q in QUANTILES)
FORECAST_COLUMNS = ("region_id", "level", "category", "week_start", "target", "mean", *QUANTILE_COLUMNS)
KEYS = ["region_id", "level", "category", "week_start"]
FESTIVAL_DAYS = (-7, 15)


def score_forecast(truth: Truth, rows: pd.DataFrame, *, n_paths: int = 300) -> dict[str, Any]:
    """By target, level and category: scores of the file, the oracle, seasonal naive and last value.

    `scrps` is twice the mean pinball loss over quantiles 0.1, 0.5, 0.9, over the mean outcome: the scaled CRPS as far
    as the contract's three quantiles tell it, the same for all models. Rows outside the truth's weeks are left out;
    where the file has no row it says 0. The oracle knows each session's mean, the family, the noise so far, and what
    was booked by `as_of`.

    Raises:
        DataError: rows repeat a region, level, category, week and target.
    """
    rows = rows.assign(region_id=rows["region_id"].astype(str), week_start=_days(rows["week_start"]))
    repeated = int(rows.duplicated([*KEYS, "target"]).sum())
    if repeated:
        raise DataError("forecast", [f"{repeated} rows repeat region, level, category, week and target"])
    oracle = oracle_forecast(truth, n_paths)
    result: dict[str, Any] = {"n_paths": n_paths, "quantiles": list(QUANTILES)}
    for target in ("bookings", "demand"):
        given = rows[rows["target"] == target].drop(columns="target")
        facts = _facts(truth, given, target)
        models = {"given": given, "oracle": oracle[target], **_naive(truth, facts)}
        aligned = {name: _aligned(facts, model) for name, model in models.items()}
        missing = facts.merge(given[KEYS], on=KEYS, how="left", indicator=True)
        result[target] = {
            "missing_rows": int(((missing["_merge"] == "left_only") & (missing["truth"] > 0)).sum()),
            "festival_bias": {name: _festival_bias(facts, one) for name, one in aligned.items()},
            "levels": {level: _level(facts, aligned, level) for level in _levels(facts)},
            "categories": _by_category(facts, aligned),
        }
    return result


def oracle_forecast(truth: Truth, n_paths: int, seed: int = 5) -> dict[str, pd.DataFrame]:
    """By target, rows `KEYS`, `mean` and quantiles from sample paths of the true model."""
    future = future_sessions(truth)
    rng = np.random.default_rng(seed)
    memory = truth.tables["memory"]
    asked = demand_paths(
        future,
        truth.shape,
        truth.noise,
        n_paths,
        rng,
        memory=memory if len(memory) else None,
        last_week=truth.weeks - 1,
        is_known=True,
    )
    return forecast_of_paths(truth, future, asked, rng)


def future_sessions(truth: Truth) -> pd.DataFrame:
    """Sessions of the weeks ahead; the week of `as_of` may have begun."""
    sessions = truth.tables["sessions"]
    first = truth.as_of - pd.Timedelta(days=truth.as_of.dayofweek)
    return sessions[sessions["starts_at"] >= first].reset_index(drop=True)


def forecast_of_paths(
    truth: Truth, future: pd.DataFrame, asked: NDArray[np.float32], rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """By target, rows `KEYS`, `mean` and quantiles of (n_sessions, n_paths) places asked for in `future` sessions."""
    taken = booking_paths(future, asked)
    rate = float(truth.manifest["knobs"]["session_cancel_rate"])
    held = held_chance(future, truth.as_of, rate)
    is_held = rng.random(asked.shape, dtype=np.float32) < held[:, None].astype(np.float32)
    return {
        "demand": _quantiles(truth, future, asked * is_held),
        "bookings": _quantiles(truth, future, taken * is_held),
    }


def _quantiles(truth: Truth, sessions: pd.DataFrame, paths: NDArray[np.float32]) -> pd.DataFrame:
    columns = [f"p{k}" for k in range(paths.shape[1])]
    facts = pd.concat([sessions, pd.DataFrame(paths, columns=columns)], axis=1)
    table = up_the_tree(facts, truth.tables["venues"], truth.tables["regions"], columns)
    values = table[columns].to_numpy()
    quantiles = np.quantile(values, QUANTILES, axis=1, method="inverted_cdf")
    return table[KEYS].assign(mean=values.mean(axis=1), **dict(zip(QUANTILE_COLUMNS, quantiles, strict=True)))


def _days(values: pd.Series) -> pd.Series:
    days = pd.to_datetime(values)
    if days.dt.tz is not None:
        days = days.dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
    return days.dt.normalize().astype("datetime64[ns]")


def _facts(truth: Truth, given: pd.DataFrame, target: str) -> pd.DataFrame:
    """All series and weeks of the horizon with `truth` (outcome) and `true_mean`."""
    demand = truth.tables["demand"]
    weeks = sorted(set(given["week_start"]) & set(demand.loc[demand["is_future"], "week_start"]))
    if not weeks:
        raise DataError("forecast", [f"no row of target {target!r} lies in the weeks after {truth.as_of:%Y-%m-%d}"])
    levels = ("province", "city", "county", "township")
    series = pd.concat([demand[KEYS[:3]], given.loc[given["level"].isin(levels), KEYS[:3]]]).drop_duplicates()
    grid = series.merge(pd.DataFrame({"week_start": weeks}), how="cross")
    facts = grid.merge(demand, on=KEYS, how="left")
    filled = facts[[target, f"{target}_mean"]].fillna(0.0)
    return facts[KEYS].assign(truth=filled[target], true_mean=filled[f"{target}_mean"])


def _naive(truth: Truth, facts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Places taken 52 weeks before (where there is such a week), and in the last known week; Poisson around them."""
    demand = truth.tables["demand"]
    past = demand.loc[~demand["is_future"], [*KEYS, "bookings"]]
    first = facts["week_start"].min()
    last = facts.assign(source=first - pd.Timedelta(weeks=1))
    models = {"last value": _poisson(last, past)}
    if truth.weeks >= 52:
        models["seasonal naive"] = _poisson(facts.assign(source=facts["week_start"] - pd.Timedelta(weeks=52)), past)
    return models


def _poisson(rows: pd.DataFrame, past: pd.DataFrame) -> pd.DataFrame:
    found = rows.merge(
        past.rename(columns={"week_start": "source"}), on=["region_id", "level", "category", "source"], how="left"
    )
    mean = found["bookings"].fillna(0.0).to_numpy()
    quantiles = {
        c: stats.poisson.ppf(q, np.maximum(mean, 0.05)) for c, q in zip(QUANTILE_COLUMNS, QUANTILES, strict=True)
    }
    return found[KEYS].assign(mean=mean, **quantiles)


def _aligned(facts: pd.DataFrame, model: pd.DataFrame) -> pd.DataFrame:
    return facts[KEYS].merge(model, on=KEYS, how="left")[["mean", *QUANTILE_COLUMNS]].fillna(0.0)


def _levels(facts: pd.DataFrame) -> list[str]:
    return [level for level in ("province", "city", "county", "township") if (facts["level"] == level).any()]


def _level(facts: pd.DataFrame, aligned: dict[str, pd.DataFrame], level: str) -> dict[str, Any]:
    here = (facts["level"] == level).to_numpy()
    figures = {name: _figures(facts[here], one[here]) for name, one in aligned.items()}
    best = figures["oracle"]["scrps"]
    return {
        **figures,
        "scrps_over_oracle": figures["given"]["scrps"] / best if best > 0 else np.nan,
        "n": int(here.sum()),
    }


def _by_category(facts: pd.DataFrame, aligned: dict[str, pd.DataFrame]) -> dict[str, dict[str, float]]:
    """By category, each model's mean pinball loss in places over all levels: it has a meaning where nobody came too."""
    rows = facts.groupby("category", sort=True).indices
    return {
        str(category): {name: _figures(facts.iloc[here], one.iloc[here])["pinball"] for name, one in aligned.items()}
        for category, here in rows.items()
    }


def _figures(facts: pd.DataFrame, model: pd.DataFrame) -> dict[str, float]:
    """Shares of what came are NaN where nobody came."""
    y = facts["truth"].to_numpy(dtype=float)
    total = float(np.abs(y).sum()) or np.nan
    pinball = np.array(
        [
            np.maximum(q * (y - model[c]), (q - 1) * (y - model[c]))
            for c, q in zip(QUANTILE_COLUMNS, QUANTILES, strict=True)
        ]
    )
    low, high = model["q0.1"].to_numpy(), model["q0.9"].to_numpy()
    mean = model["mean"].to_numpy()
    true_total = float(facts["true_mean"].sum()) or np.nan
    return {
        "scrps": float(2 * pinball.mean(axis=0).sum() / total),
        "pinball": float(pinball.mean()),
        "wape": float(np.abs(y - mean).sum() / total),
        "wape_of_true_mean": float(np.abs(facts["true_mean"].to_numpy() - mean).sum() / true_total),
        "bias_of_true_mean": float(mean.sum() / true_total - 1),
        "coverage80": float(((y >= low) & (y <= high)).mean()),
        "below_q0.1": float((y < low).mean()),
        "above_q0.9": float((y > high).mean()),
    }


def _festival_bias(facts: pd.DataFrame, model: pd.DataFrame) -> dict[str, float]:
    """Bias against the true mean at the root, in weeks that touch the days around Spring Festival and in the others."""
    top = next(level for level in ("province", "city", "county", "township") if (facts["level"] == level).any())
    root = (facts["level"] == top).to_numpy()
    days = facts["week_start"].to_numpy().astype("datetime64[D]")
    starts, ends = days_from_spring_festival(days), days_from_spring_festival(days + 6)
    festive = (ends >= FESTIVAL_DAYS[0]) & (starts <= FESTIVAL_DAYS[1])
    result = {}
    for name, here in (("festival", root & festive), ("other", root & ~festive)):
        total = float(facts.loc[here, "true_mean"].sum())
        result[name] = float(model.loc[here, "mean"].sum() / total - 1) if total > 0 else np.nan
    return result
