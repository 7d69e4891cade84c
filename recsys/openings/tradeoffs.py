"""Several plans beside each other: benefit by budget, reach against equity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choice, Question
from recsys.openings.suggest import solve
from recsys.openings.value import Audience, Opening

N_GRADIENTS = 3
"""Plans tried for each weight of equity, each at the gradient that the one before leaves."""


def benefit_curve(inputs: OpeningInputs, question: Question, budgets: Sequence[float]) -> pd.DataFrame:
    """Rows `budget, classes, expected_attendance, newly_reached`, one for each budget."""
    table = []
    for budget in sorted(float(b) for b in budgets):
        after, opened = solve(inputs, question.model_copy(update={"budget": budget}))
        table.append((budget, len(opened), *_totals(after, opened)))
    return pd.DataFrame(table, columns=["budget", "classes", "expected_attendance", "newly_reached"])


def gini(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Gini coefficient of weighted values >= 0: 0 where all have the same, towards 1 where one has all; 0 for nothing.

    >>> gini(np.array([1.0, 1.0]), np.array([1.0, 3.0]))
    0.0
    """
    order = np.argsort(values, kind="stable")
    v, w = values[order], weights[order]
    total, people = float(v @ w), float(w.sum())
    if total <= 0 or people <= 0:
        return 0.0
    below = np.cumsum(v * w)
    return max(1.0 - float((2 * below - v * w) @ w) / (total * people), 0.0)


def accessibility(inputs: OpeningInputs, opened: Sequence[Opening] = ()) -> NDArray[np.float64]:
    """(n_regions,) share of its residents' willingness that is met, by innermost region; NaN where nobody lives."""
    used, wanted = np.zeros(len(inputs.size)), inputs.rate.sum(axis=1, dtype=np.float64)
    audience = Audience(inputs)
    for o in opened:
        audience.take(o)
    for category in range(len(inputs.categories)):
        met = inputs.saturation.used(audience.access(category)) * np.float32(inputs.saturation.k)
        used += inputs.rate[:, category] * met
    inside = inputs.point_region >= 0
    n = len(inputs.tree)
    met_by = np.bincount(inputs.point_region[inside], used[inside], minlength=n)
    wanted_by = np.bincount(inputs.point_region[inside], wanted[inside], minlength=n)
    return np.where(wanted_by > 0, met_by / np.maximum(wanted_by, 1e-12), np.nan)


def pareto_front(inputs: OpeningInputs, question: Question, n_points: int = 20) -> pd.DataFrame:
    """Reach against equity: rows `equity_weight, expected_attendance, gini, classes`, none worse in both than another.

    `gini` is that of accessibility by region, weighted by residents, once the plan runs. A person of a region is
    worth more the more one person there lowers it: its gradient, at first as things are, then as the plan of the
    same weight leaves them. Plans are greedy.
    """
    inside = inputs.point_region >= 0
    living = np.bincount(inputs.point_region[inside], inputs.size[inside], minlength=len(inputs.tree)).astype(float)
    wanted = inputs.rate.sum(axis=1, dtype=np.float64)
    wanted_by = np.bincount(inputs.point_region[inside], wanted[inside], minlength=len(inputs.tree)).astype(float)
    now = accessibility(inputs)
    lived = np.flatnonzero((living > 0) & np.isfinite(now))
    ids = [str(inputs.tree.ids.ids[n]) for n in lived]
    table = []
    for strength in [0.0, *np.geomspace(0.1, 6.0, max(n_points - 1, 1))]:
        access = now
        for _ in range(N_GRADIENTS if strength else 1):
            fairer = _gini_gradient(access[lived], living[lived], wanted_by[lived])
            weights = dict(zip(ids, np.clip(1.0 + strength * fairer, 0.02, 50.0).tolist(), strict=True))
            asked = question.model_copy(update={"region_weights": weights, "effort": "fast"})
            after, opened = solve(inputs, asked)
            access = accessibility(after, opened)
            unequal = gini(access[lived], living[lived])
            table.append((float(strength), _totals(after, opened)[0], unequal, len(opened)))
    frame = pd.DataFrame(table, columns=["equity_weight", "expected_attendance", "gini", "classes"])
    return _undominated(frame)


def _gini_gradient(
    access: NDArray[np.float64], living: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_regions,) how much one person more of each lowers the Gini coefficient, 1 on average over residents' sizes."""
    total, people = float(access @ living), float(living.sum())
    order = np.argsort(access, kind="stable")
    rank = np.empty(len(access))
    rank[order] = (np.cumsum(living[order]) - 0.5 * living[order]) / max(people, 1e-12)
    falls = living * (1.0 + gini(access, living) - 2.0 * rank) / max(total, 1e-12)
    # One person more raises a region's accessibility by one part of its residents' willingness.
    falls = falls / np.maximum(wanted, 1e-9)
    size = float(np.average(np.abs(falls), weights=living)) if people > 0 else 1.0
    return np.asarray(falls / max(size, 1e-12), dtype=np.float64)


def _undominated(frame: pd.DataFrame) -> pd.DataFrame:
    reach, spread = frame["expected_attendance"].to_numpy(), frame["gini"].to_numpy()
    at_least = (reach[None, :] >= reach[:, None]) & (spread[None, :] <= spread[:, None])
    beaten = at_least & ((reach[None, :] > reach[:, None]) | (spread[None, :] < spread[:, None]))
    better = ~beaten.any(axis=1)
    front = frame[better].drop_duplicates(["expected_attendance", "gini"])
    return front.sort_values("expected_attendance", ascending=False, ignore_index=True)


def moves(inputs: OpeningInputs, question: Question, at_most: int = 5) -> pd.DataFrame:
    """Running classes worth moving: closing one and opening its category elsewhere.

    Rows `category, from_venue_id, to_venue_id, gain` (people a week more in all), best first. Limits of `question`
    other than its budget hold for the new place.
    """
    table = []
    for category, venue in zip(*np.nonzero(inputs.runs_now), strict=True):
        name, here = str(inputs.categories[category]), str(inputs.venues["venue_id"].iloc[venue])
        closing = question.model_copy(
            update={"budget": 1.0, "costs": None, "categories": (name,), "must_open": (), "effort": "fast"}
        )
        closing = closing.model_copy(update={"close": (Choice(category=name, venue_id=here),)})
        after, opened = solve(inputs, closing)
        if not opened or opened[0].venue == venue:
            continue
        lost = _met(inputs, int(category)) - _met(after, int(category))
        gain = opened[0].attendance - lost * float(inputs.show[category])
        if gain > 0:
            table.append((name, here, str(inputs.venues["venue_id"].iloc[opened[0].venue]), gain))
    frame = pd.DataFrame(table, columns=["category", "from_venue_id", "to_venue_id", "gain"])
    return frame.sort_values("gain", ascending=False, ignore_index=True).head(at_most)


def _met(inputs: OpeningInputs, category: int) -> float:
    used = inputs.saturation.used(inputs.access[:, category])
    return float(inputs.rate[:, category] @ used) * inputs.bias


def _totals(inputs: OpeningInputs, opened: Sequence[Opening]) -> tuple[float, float]:
    audience, coming, new = Audience(inputs), 0.0, 0.0
    for o in opened:
        drawn = audience.drawn(o.category, o.venue, o.slot)
        attendance = audience.opening(o.category, o.venue, o.slot, o.size).attendance
        coming += attendance
        new += attendance * float(drawn @ inputs.lapsed) / max(float(drawn.sum()), 1e-12)
        audience.take(o)
    return coming, new
