"""Why a class is in a plan: who comes and what is won, the next best alternative; and why another is not."""

from __future__ import annotations

from typing import Any

import numpy as np

from recsys.ids import IdMap
from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choices, Question
from recsys.openings.search import Search
from recsys.openings.suggest import solve
from recsys.openings.value import Audience, Opening
from recsys.openings.who import who

Solved = tuple[OpeningInputs, list[Opening]]
"""What `solve` gives, where it is there already."""


def explain(inputs: OpeningInputs, question: Question, solved: Solved | None = None) -> list[dict[str, Any]]:
    """One entry for each class of the plan, in order; its parts add up to its gain.

    Parts: `next_door` (willing people, were the class next to everybody, at a mean time, nothing else on),
    `distance`, `time`, `already_served` (by what runs and by classes opened before it), `size` and `no_shows`
    (losses, negative or 0; `time` may add). Beside them `who`, and `instead`: the best class not in the plan.
    """
    inputs, opened = solved or solve(inputs, question)
    ordered = sorted(opened, key=lambda o: -o.worth)
    instead = _best_left_out(inputs, question, ordered)
    audience, entries = Audience(inputs), []
    for o, drawn in audience.in_turn(ordered):
        rate = inputs.rate[:, o.category] * np.float32(inputs.bias)
        near = float(rate.sum()) * float(inputs.saturation.used(np.ones(1, np.float32))[0])
        here = float(rate @ inputs.saturation.used(inputs.reach[:, o.venue]))
        timed = float(rate @ inputs.saturation.used(audience.pull(o.venue, o.slot)))
        new, show = float(drawn.sum()), float(inputs.show[o.category])
        kept = o.attendance / show if show > 0 else 0.0
        entries.append(
            {
                "category": str(inputs.categories[o.category]),
                "venue_id": str(inputs.venues["venue_id"].iloc[o.venue]),
                "expected_attendance": o.attendance,
                "parts": {
                    "next_door": near,
                    "distance": here - near,
                    "time": timed - here,
                    "already_served": new - timed,
                    "size": kept - new,
                    "no_shows": o.attendance - kept,
                },
                "who": [vars(g) for g in who(inputs, drawn * np.float32(o.attendance / max(new, 1e-9)), o.venue)],
                "instead": None if instead is None else {**instead, "loses": o.attendance - instead["gain"]},
            }
        )
    return entries


def why_not(
    inputs: OpeningInputs, question: Question, category: str, venue_id: str, solved: Solved | None = None
) -> dict[str, Any]:
    """Why a class is not in the plan: what forbids it, or what it would bring beside the last class that is in.

    Returns: `reason`, and where nothing forbids it `gain` (people a week beside the plan) and `last_in` (gain of the
    weakest class of the plan).

    Raises:
        UnknownIdError: the category or the venue is not known.
    """
    c = int(IdMap.of(inputs.categories, "category").nums([category])[0])
    v = int(IdMap.of(inputs.venues["venue_id"], "venue_id").nums([venue_id])[0])
    inputs, opened = solved or solve(inputs, question)
    choices = Choices(inputs, question.model_copy(update={"close": ()}))
    if any((o.category, o.venue) == (c, v) for o in opened):
        return {"reason": "it is in the plan"}
    if inputs.runs_now[c, v]:
        return {"reason": "it runs there now"}
    if (c, v) in choices.barred:
        return {"reason": "it was ruled out in the question"}
    if not choices.allowed[:, v].any():
        return {"reason": "the venue has no free slot, room or seat, or lies outside the region asked for"}
    if not choices.allowed[c, v]:
        return {"reason": "the category was never taught as training, or was not asked for"}
    search = Search(inputs, choices)
    search.reset(opened)
    if search.free[v] < 1:
        return {"reason": "the plan uses up the venue's free slots for classes that bring more"}
    candidate = search.best_at(c, v)
    if candidate is None:
        return {"reason": "every slot is taken there"}
    last = min((o.attendance for o in opened), default=0.0)
    return {
        "reason": f"it would bring {candidate.attendance:.1f} people a week beside the plan, "
        f"the weakest class of the plan brings {last:.1f}",
        "gain": candidate.attendance,
        "last_in": last,
    }


def _best_left_out(inputs: OpeningInputs, question: Question, opened: list[Any]) -> dict[str, Any] | None:
    choices = Choices(inputs, question.model_copy(update={"close": ()}))
    search = Search(inputs, choices)
    search.reset(opened)
    taken = {(o.category, o.venue) for o in opened}
    for _, category, venue, _ in sorted(search.candidates())[:50]:
        if (category, venue) not in taken and search.free[venue] >= 1:
            best = search.best_at(category, venue)
            if best is not None:
                return {
                    "category": str(inputs.categories[category]),
                    "venue_id": str(inputs.venues["venue_id"].iloc[venue]),
                    "gain": best.attendance,
                }
    return None
