"""Scores answers against the truth, beside the oracle's and simple rules'."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from recsys.errors import DataError
from recsys.simulation.scoring.forecast import FORECAST_COLUMNS, score_forecast
from recsys.simulation.scoring.openings import SUGGESTION_COLUMNS, score_suggestions
from recsys.simulation.scoring.ranking import RECOMMENDATION_COLUMNS, score_recommendations
from recsys.simulation.truth.oracle import load_truth


def score(
    truth: Path,
    recommendations: Path | None = None,
    forecast: Path | None = None,
    suggestions: Path | None = None,
    *,
    k: int = 10,
    window_days: int = 14,
    n_paths: int = 300,
) -> dict[str, Any]:
    """Nested result: `recommendations`, `forecast`, `suggestions`, each where its file is given; None: no figure.

    Args:
        truth: Folder `truth` of a simulation.
        recommendations: Output of `culture recommend`.
        forecast: Output of `culture forecast`.
        suggestions: Output of `culture suggest`.
        k: Length of the lists that are judged.
        window_days: A hit starts within these days after `as_of`.
        n_paths: Sample paths of the forecast's oracle.

    Raises:
        DataError: a file that is missing, cannot be read, or lacks columns; names all that are missing.
    """
    known = load_truth(truth)
    result: dict[str, Any] = {"as_of": known.manifest["as_of"], "shape": known.shape}
    if recommendations is not None:
        rows = read_answer(recommendations, RECOMMENDATION_COLUMNS, "recommendations")
        result["recommendations"] = score_recommendations(known, rows, k=k, window_days=window_days)
    if forecast is not None:
        rows = read_answer(forecast, FORECAST_COLUMNS, "forecast")
        result["forecast"] = score_forecast(known, rows, n_paths=n_paths)
    if suggestions is not None:
        rows = read_answer(suggestions, SUGGESTION_COLUMNS, "suggestions")
        result["suggestions"] = score_suggestions(known, rows)
    return {name: _without_nan(part) for name, part in result.items()}


def _without_nan(value: Any) -> Any:
    """None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def read_answer(path: Path, columns: tuple[str, ...], what: str) -> pd.DataFrame:
    """Rows of a Parquet or CSV file that must have `columns`.

    Raises:
        DataError: the file is not there, cannot be read or lacks columns.
    """
    if not path.is_file():
        raise DataError(what, [f"{path} is not a file"])
    try:
        rows = (
            pd.read_csv(path, dtype={"user_id": str, "region_id": str})
            if path.suffix == ".csv"
            else pd.read_parquet(path)
        )
    except (ValueError, OSError) as error:
        raise DataError(what, [f"{path} cannot be read: {error}"]) from None
    missing = [c for c in columns if c not in rows.columns]
    if missing:
        raise DataError(what, [f"{path}: column {c!r} is missing; found {list(rows.columns)}" for c in missing])
    return rows
