"""Suggested classes against their true worth, beside the oracle's plan and simple rules'."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from recsys.errors import DataError
from recsys.simulation.scoring.plans import RULES, free_slots, oracle_plan, rule_plan, running_pairs
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.truth.openings import OpeningWorld, Worth, slot_of
from recsys.simulation.truth.oracle import Truth

SUGGESTION_COLUMNS = (
    "rank",
    "category",
    "venue_id",
    "region_id",
    "weekday",
    "start_time",
    "size",
    "expected_attendance",
    "q0.1",
    "q0.9",
    "newly_reached",
)


def score_suggestions(truth: Truth, rows: pd.DataFrame, budget: int | None = None) -> dict[str, Any]:
    """True value of the plan, in people a week who would not have come to the category elsewhere, and of others.

    The oracle's plan knows each person's tastes: greedy on the true gain (which falls as classes share people), best
    hour and largest room at each venue; `budget` is the number of classes of all plans (default: rows of the file).
    Intervals are judged on single weeks drawn from the true model.
    """
    world = OpeningWorld(truth)
    budget = len(rows) if budget is None else budget
    plan, unknown = _plan(truth, rows)
    running = running_pairs(truth)
    pairs = list(zip(plan["category"], plan["venue_num"], strict=True))
    counted = plan[np.array([p not in running for p in pairs], dtype=bool)].drop_duplicates(["category", "venue_num"])
    worth = world.value(counted)
    value = float(worth.attendance.sum())
    best_plan = oracle_plan(world, budget)
    best = float(world.value(best_plan).attendance.sum())
    rules = {name: rule_plan(truth, name, budget) for name in RULES}
    return {
        "n": len(rows),
        "budget": budget,
        "value": value,
        "oracle_value": best,
        "share_of_oracle": value / best if best > 0 else np.nan,
        "rules": {name: float(world.value(one).attendance.sum()) for name, one in rules.items()},
        "newly_reached": float(worth.newly_reached.sum()),
        "predicted": _predictions(counted, worth),
        "violations": {
            "unknown venue, category or time": unknown,
            "runs now": sum(p in running for p in pairs),
            "pair twice": int(plan.duplicated(["category", "venue_num"]).sum()),
            "more than the venue's weekly slots": _over_slots(truth, counted),
        },
        "oracle_plan": _shown(truth, best_plan),
    }


def _plan(truth: Truth, rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The file's rows as venue rows and kinds of hour; how many could not be understood."""
    venues = truth.tables["venues"]["venue_id"]
    place = pd.Index(venues).get_indexer(rows["venue_id"].astype(str))
    hour = pd.to_numeric(rows["start_time"].astype(str).str.slice(0, 2), errors="coerce")
    weekday = pd.to_numeric(rows["weekday"], errors="coerce")
    size = pd.to_numeric(rows["size"], errors="coerce")
    good = (
        (place >= 0) & hour.between(0, 23) & weekday.between(1, 7) & (size > 0) & rows["category"].isin(CATEGORY_NAMES)
    )
    kept = rows[good]
    slot = slot_of(weekday[good].to_numpy(dtype=np.int64), hour[good].to_numpy(dtype=np.int64))
    plan = kept.assign(venue_num=place[good.to_numpy()], slot=slot, size=size[good].to_numpy(dtype=float))
    numbers = ["expected_attendance", "q0.1", "q0.9", "newly_reached"]
    bad = [c for c in numbers if pd.to_numeric(plan[c], errors="coerce").isna().any()]
    if bad:
        raise DataError("suggestions", [f"column {c!r} holds values that are not numbers" for c in bad])
    return plan.reset_index(drop=True), int((~good).sum())


def _predictions(plan: pd.DataFrame, worth: Worth) -> dict[str, float]:
    if plan.empty:
        return {"n": 0}
    said = pd.to_numeric(plan["expected_attendance"]).to_numpy()
    low, high = pd.to_numeric(plan["q0.1"]).to_numpy()[:, None], pd.to_numeric(plan["q0.9"]).to_numpy()[:, None]
    true = worth.attendance
    inside = (worth.draws >= low) & (worth.draws <= high)
    return {
        "n": len(plan),
        "total": float(said.sum()),
        "bias": float(said.sum() / (true.sum() or np.nan) - 1),
        "mean_absolute_error": float(np.abs(said - true).mean()),
        "coverage80_of_a_week": float(inside.mean()),
        "coverage80_of_the_mean": float(((true >= low[:, 0]) & (true <= high[:, 0])).mean()),
        "newly_reached_bias": float(
            pd.to_numeric(plan["newly_reached"]).sum() / (float(worth.newly_reached.sum()) or np.nan) - 1
        ),
    }


def _over_slots(truth: Truth, plan: pd.DataFrame) -> int:
    used = np.bincount(plan["venue_num"].to_numpy(dtype=np.int64), minlength=len(truth.tables["venues"]))
    return int(np.maximum(used - free_slots(truth), 0).sum())


def _shown(truth: Truth, plan: pd.DataFrame) -> list[dict[str, object]]:
    ids = truth.tables["venues"]["venue_id"].to_numpy()
    return [
        {"category": r.category, "venue_id": str(ids[r.venue_num]), "slot": int(r.slot), "size": float(r.size)}
        for r in plan.itertuples(index=False)
    ]
