"""Operators' rules: pin, boost or bury a category, an organiser or a region for a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.errors import DataError

ACTIONS = ("pin", "boost", "bury")
TARGETS = ("category", "organiser", "region")
COLUMNS = ("rule_id", "action", "target", "value", "strength", "valid_from", "valid_until")


@dataclass(frozen=True)
class RuleTable:
    """Rules as rows.

    Attributes:
        rows: Columns `COLUMNS`; `strength` is how many standard deviations of a list's scores a boost adds or a
            burial takes (1 where empty); times are aware, an empty one is no bound.
    """

    rows: pd.DataFrame

    @classmethod
    def of(cls, frame: pd.DataFrame) -> RuleTable:
        """Rules from a table whose times and numbers may be text.

        Raises:
            DataError: names every broken rule.
        """
        missing = [name for name in COLUMNS[:4] if name not in frame]
        if missing:
            raise DataError("operator rules", [f"column {name!r} is missing" for name in missing])
        rows = frame.reindex(columns=list(COLUMNS))
        rows = rows.assign(
            strength=pd.to_numeric(rows["strength"], errors="coerce").fillna(1.0),
            valid_from=pd.to_datetime(rows["valid_from"], utc=True),
            valid_until=pd.to_datetime(rows["valid_until"], utc=True),
        )
        problems = [
            f"rule {row.rule_id}: {name} is {getattr(row, name)!r}, expected one of {', '.join(choices)}"
            for row in rows.itertuples()
            for name, choices in (("action", ACTIONS), ("target", TARGETS))
            if getattr(row, name) not in choices
        ]
        problems += [
            f"rule {row.rule_id}: strength is {row.strength}, expected a number above 0"
            for row in rows.itertuples()
            if not 0 < row.strength < np.inf
        ]
        if problems:
            raise DataError("operator rules", problems)
        return cls(rows.reset_index(drop=True))

    def valid_at(self, at: pd.Timestamp) -> pd.DataFrame:
        """Rules in force: from `valid_from` until before `valid_until`."""
        return self.rows[~(self.rows["valid_from"] > at) & ~(self.rows["valid_until"] <= at)]


@dataclass(frozen=True)
class Adjustment:
    """What the rules in force do to candidates.

    Attributes:
        shift: (n_candidates,) standard deviations of a list's scores to add.
        is_pinned: (n_candidates,) goes before everything that is not.
    """

    shift: NDArray[np.float64]
    is_pinned: NDArray[np.bool_]

    def applied(self, scores: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n_users, n_candidates) scores with the rules; what is not allowed stays out whatever a rule says."""
        known = allowed & np.isfinite(scores)
        counts = np.maximum(known.sum(axis=1, keepdims=True), 1)
        filled = np.where(known, scores, 0.0)
        mean = filled.sum(axis=1, keepdims=True) / counts
        spread = np.sqrt(np.where(known, (filled - mean) ** 2, 0.0).sum(axis=1, keepdims=True) / counts)
        spread = np.where(spread > 0, spread, 1.0)
        moved = scores + self.shift * spread
        span = np.where(known, np.abs(moved), 0.0).max(axis=1, keepdims=True, initial=0.0)
        return np.where(self.is_pinned, moved + 2 * span + 1.0, moved)


def adjustment(
    rules: RuleTable, at: pd.Timestamp, values: Mapping[str, NDArray[np.object_]], region_paths: NDArray[np.object_]
) -> Adjustment:
    """Effect of the rules in force on each candidate.

    Args:
        rules: The table.
        at: Instant of the answer.
        values: (n_candidates,) value of each target but `region`, None where there is none.
        region_paths: (n_candidates,) a tuple of region ids from the candidate's region up to the root.
    """
    shift, is_pinned = np.zeros(len(region_paths)), np.zeros(len(region_paths), dtype=bool)
    for row in rules.valid_at(at).itertuples():
        if row.target == "region":
            meant = np.array([row.value in path for path in region_paths], dtype=bool)
        else:
            meant = np.asarray(values[str(row.target)] == row.value, dtype=bool)
        if row.action == "pin":
            is_pinned |= meant
        else:
            shift[meant] += row.strength if row.action == "boost" else -row.strength
    return Adjustment(shift, is_pinned)
