"""One planned class: its audience with an interval, who comes, better times and places, effect on others."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.errors import DataError
from recsys.ids import IdMap
from recsys.openings.inputs import OpeningInputs
from recsys.openings.suggest import interval
from recsys.openings.value import Audience, Opening

SMALLEST_GROUP = 5
"""Groups of which fewer people can be meant are hidden."""

DISTANCES_KM = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0)


def appraise(
    inputs: OpeningInputs,
    category: str,
    venue_id: str,
    starts_at: pd.Timestamp | None = None,
    kind: str = "training",
    capacity: float | None = None,
    price: float | None = None,
    n_alternatives: int = 5,
    timezone: str = "Asia/Shanghai",
) -> dict[str, Any]:
    """What one planned session would bring; weekday and hour of `starts_at` decide, without it the best slot.

    Returns: `expected_attendance` (people who come), `q0.1`, `q0.9`, `new_people` (who would not have come to the
    category elsewhere), `newly_reached`, `from_others` (taken from what runs now), `who` (rows `group`, `value`,
    `people`; small groups hidden), `times` and `venues` (best alternatives with the same figures), and `assumed`:
    what was not told apart (a kind other than training, a price).

    Raises:
        UnknownIdError: the category or the venue is not known.
    """
    c = int(IdMap.of(inputs.categories, "category").nums([category])[0])
    v = int(IdMap.of(inputs.venues["venue_id"], "venue_id").nums([venue_id])[0])
    if capacity is not None and not capacity > 0:
        raise DataError("appraisal", [f"capacity is {capacity}, expected above 0"])
    if not len(inputs.slots):
        raise DataError("appraisal", ["no time of the week is known"])
    size = float(capacity) if capacity is not None else _size(inputs, c, v)
    gains = np.einsum("g,gs->s", inputs.group_gain[:, c, v], inputs.slot_fit)
    slot = int(np.argmax(gains)) if starts_at is None else nearest_slot(inputs, starts_at, timezone)
    answer = _figures(inputs, c, v, slot, size)
    others = [s for s in np.argsort(-gains) if s != slot][:n_alternatives]
    at_venues = _best_venues(inputs, c, slot, v, n_alternatives)
    assumed = [] if kind == "training" else [f"draws people as training does, though it is {kind}"]
    if price:
        assumed.append(f"the price of {price:g} keeps nobody away")
    return {
        **answer,
        "who": who(inputs, Audience(inputs).drawn(c, v, slot) * inputs.show[c], v),
        "times": [{**_slot(inputs, int(s)), **_figures(inputs, c, v, int(s), size)} for s in others],
        "venues": [
            {"venue_id": str(inputs.venues["venue_id"].iloc[n]), **_figures(inputs, c, n, slot, size)}
            for n in at_venues
        ],
        "assumed": assumed,
    }


def nearest_slot(inputs: OpeningInputs, starts_at: pd.Timestamp, timezone: str) -> int:
    """Slot of the same weekday whose start is nearest to a time; without a zone the time is local."""
    local = starts_at if starts_at.tzinfo is None else starts_at.tz_convert(timezone)
    minutes = inputs.slots["start_time"].str[:2].astype(int) * 60 + inputs.slots["start_time"].str[3:].astype(int)
    away = (minutes - (local.hour * 60 + local.minute)).abs()
    away += 10_000 * (inputs.slots["weekday"] != local.isoweekday())
    return int(np.argmin(away.to_numpy()))


def who(inputs: OpeningInputs, people: NDArray[np.float32], venue: int) -> list[dict[str, Any]]:
    """Parts of an audience by age, region and distance; each kind of group adds up to the whole.

    A group in which fewer than `SMALLEST_GROUP` persons live goes into `other`, so nobody can be singled out.
    """
    region = inputs.tree.ancestors_at("township")[np.maximum(inputs.point_region, 0)]
    names = [str(n) for n in inputs.tree.names]
    km = inputs.km[:, venue].astype(np.float64)
    band = np.where(np.isfinite(km), np.searchsorted(DISTANCES_KM, np.nan_to_num(km)), len(DISTANCES_KM) + 1)
    edges = (0.0, *DISTANCES_KM)
    bands = [f"{a:g}-{b:g} km" for a, b in itertools.pairwise(edges)]
    bands += [f"over {DISTANCES_KM[-1]:g} km", "distance unknown"]
    township = np.where((inputs.point_region >= 0) & (region >= 0), region, -1)
    parts = [("age", inputs.age_group, list(inputs.age_groups)), ("distance", band, bands)]
    parts.append(("township", np.where(township < 0, len(names), township), [*names, "unknown"]))
    rows: list[dict[str, Any]] = []
    for group, code, labels in parts:
        total = np.bincount(code, people, minlength=len(labels))
        living = np.bincount(code, inputs.size, minlength=len(labels))
        shown = (living >= SMALLEST_GROUP) & (total > 0)
        rows += [{"group": group, "value": labels[n], "people": float(total[n])} for n in np.flatnonzero(shown)]
        hidden = float(total[~shown].sum())
        if hidden > 0:
            rows.append({"group": group, "value": "other", "people": hidden})
    return rows


def _size(inputs: OpeningInputs, category: int, venue: int) -> float:
    seats = float(inputs.venues["seats"].iloc[venue])
    usual = float(inputs.typical_size[category])
    return min(usual, seats) if np.isfinite(seats) and seats > 0 else usual


def _figures(inputs: OpeningInputs, category: int, venue: int, slot: int, size: float) -> dict[str, float]:
    audience = Audience(inputs)
    new = audience.opening(category, venue, slot, size)
    drawn = audience.drawn(category, venue, slot)
    pull, before = audience.pull(venue, slot), audience.access(category)
    all_coming = inputs.saturation.used(before + pull) * pull / np.maximum(before + pull, 1e-9)
    there = np.float32(inputs.bias) * inputs.rate[:, category] * all_coming
    total = float(there.sum())
    fits = min(1.0, size / max(total, 1e-9))
    attendance = min(total, size) * float(inputs.show[category])
    low, high = interval(inputs, Opening(category, venue, slot, size, attendance, attendance), total)
    share_new = float(drawn @ inputs.lapsed) / max(float(drawn.sum()), 1e-9)
    new_people = min(new.attendance, attendance)
    return {
        "expected_attendance": attendance,
        "q0.1": min(low, attendance),
        "q0.9": max(high, attendance),
        "new_people": new_people,
        "newly_reached": new_people * share_new,
        "from_others": max(attendance - new_people, 0.0),
        "turned_away": total * (1.0 - fits),
    }


def _slot(inputs: OpeningInputs, slot: int) -> dict[str, Any]:
    row = inputs.slots.iloc[slot]
    return {"weekday": int(row["weekday"]), "start_time": str(row["start_time"])}


def _best_venues(inputs: OpeningInputs, category: int, slot: int, not_here: int, n: int) -> list[int]:
    gains = np.einsum("gv,g->v", inputs.group_gain[:, category], inputs.slot_fit[:, slot])
    gains = np.where(inputs.runs_now[category], -1.0, gains)
    gains[not_here] = -1.0
    return [int(k) for k in np.argsort(-gains)[:n] if gains[k] > 0]
