"""Operators' rules: pin, boost or bury a category, an organiser or a region for a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from recsys.errors import DataError

ACTIONS = ("pin", "boost", "bury")
TARGETS = ("category", "organiser", "region")
COLUMNS = ("rule_id", "action", "target", "value", "strength", "valid_from", "valid_until")


@dataclass(frozen=True)
class RuleTable:
    """Rules as rows.

    Attributes:
        rows: Columns `COLUMNS`; `strength` is how far a boost or a burial moves along the list, see `Adjustment` (1
            where empty); times are aware, an empty one is no bound.
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

    Places in a list are moved, not scores: these may be all but equal or orders of magnitude apart. A person's best
    `n_places` candidates stand at the quantiles of a standard normal, and a shift is along it: up by 1 leads from the
    middle of the list to its best sixth, down by 2 from its best sixth to its worst. What is not moved keeps its score.

    Attributes:
        shift: (n_candidates,) standard deviations to move up.
        is_pinned: (n_candidates,) goes before everything that is not.
        n_places: Candidates of a person whose order counts.
    """

    shift: NDArray[np.float64]
    is_pinned: NDArray[np.bool_]
    n_places: int

    @property
    def is_buried(self) -> NDArray[np.bool_]:
        """(n_candidates,) pushed back, and not pinned."""
        return (self.shift < 0) & ~self.is_pinned

    def applied(self, scores: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n_users, n_candidates) scores with the rules; what is not allowed stays out whatever a rule says."""
        known = allowed & np.isfinite(scores)
        moved, meant = scores.astype(np.float64), np.flatnonzero(self.shift)
        if len(meant):
            best = -_smallest(np.where(known, -moved, np.inf), self.n_places)
            for row, listed in enumerate(best):
                places = listed[np.isfinite(listed)][::-1]
                if len(places):
                    moved[row, meant] = _moved(places, moved[row, meant], self.shift[meant])
        span = np.where(known, np.abs(moved), 0.0).max(axis=1, keepdims=True, initial=0.0)
        return np.where(self.is_pinned, moved + 2 * span + 1.0, moved)


def _smallest(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """(n_rows, n at most) each row's smallest values, ascending."""
    if n < values.shape[1]:
        values = np.partition(values, n - 1, axis=1)[:, :n]
    return np.sort(values, axis=1)


def _moved(places: NDArray[np.float64], scores: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) scores after a shift along the list.

    Args:
        places: Scores of the list, ascending.
        scores: (n,) before.
        shift: (n,) standard deviations, not 0.
    """
    n = len(places)
    ends = ndtri(np.array([0.5, n - 0.5]) / n)
    at = ndtri((np.minimum(np.searchsorted(places, scores), n - 1) + 0.5) / n) + shift
    found = np.interp(ndtr(at) * n - 0.5, np.arange(n), places)
    found = found + np.maximum(at - ends[1], 0.0) - np.maximum(ends[0] - at, 0.0)
    # What stands below the list is not lifted by a burial.
    return np.where(shift > 0, np.maximum(found, scores), np.minimum(found, scores))


def adjustment(
    rules: RuleTable,
    at: pd.Timestamp,
    values: Mapping[str, NDArray[np.object_]],
    region_paths: NDArray[np.object_],
    n_places: int,
) -> Adjustment:
    """Effect of the rules in force on each candidate.

    Args:
        rules: The table.
        at: Instant of the answer.
        values: (n_candidates,) value of each target but `region`, None where there is none.
        region_paths: (n_candidates,) a tuple of region ids from the candidate's region up to the root.
        n_places: See `Adjustment`.
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
    return Adjustment(shift, is_pinned, n_places)
