"""Why a class is in a plan: who comes and what is won, the next best alternative; and why another is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from recsys.ids import IdMap
from recsys.openings.answers.instead import next_best
from recsys.openings.classes.value import Audience, Opening, best_first, with_people
from recsys.openings.classes.who import who
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question
from recsys.openings.suggest import solve
from recsys.sentences import Sentence

Solved = tuple[OpeningInputs, list[Opening]]
"""What `solve` gives, where it is there already."""


def explain(inputs: OpeningInputs, question: Question, solved: Solved | None = None) -> list[dict[str, Any]]:
    """One entry for each class of the plan, in order; its parts add up to its gain.

    Parts: `next_door` (willing people, were the class next to everybody, at a mean time, nothing else on),
    `distance`, `time`, `already_served` (by what runs and by classes opened before it), `size` and `no_shows`
    (losses, negative or 0; `time` may add). Beside them `who`, and `instead`: the class of most worth
    that could stand in this one's place, what it would bring there, and what the plan would lose by that.
    """
    inputs, opened = solved or solve(inputs, question)
    audience, entries = Audience(inputs), []
    found, instead = with_people(inputs, opened), list(_instead(inputs, question, opened))
    for place in best_first(opened):
        o, drawn = found[place]
        rate = inputs.rate[:, o.category] * np.float32(inputs.bias)
        near = float(rate.sum()) * float(inputs.saturation.used(np.ones(1, np.float32))[0])
        here = float(rate @ inputs.saturation.used(inputs.reach[:, o.venue]))
        timed = float(rate @ inputs.saturation.used(audience.given(o.venue, o.slot)))
        new, show = float(drawn.sum()), float(inputs.show[o.category])
        kept = o.attendance / show if show > 0 else 0.0
        groups = who(inputs, drawn * np.float32(o.attendance / max(new, 1e-9)), o.venue)
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
                "who": [{"by": g.by, "name": g.name, "people": g.people} for g in groups],
                "instead": instead[place],
            }
        )
    return entries


def why_not(
    inputs: OpeningInputs, question: Question, category: str, venue_id: str, solved: Solved | None = None
) -> dict[str, Any]:
    """Why a class is not in the plan: what forbids it, or what it would bring beside the last class that is in.

    Returns: `reason` (a `Sentence`), and where nothing forbids it `gain` (people a week beside the plan) and `last_in`
    (gain of the weakest class of the plan).

    Raises:
        UnknownIdError: the category or the venue is not known.
    """
    c = int(IdMap.of(inputs.categories, "category").nums([category])[0])
    v = int(IdMap.of(inputs.venues["venue_id"], "venue_id").nums([venue_id])[0])
    inputs, opened = solved or solve(inputs, question)
    choices = Choices(inputs, question.model_copy(update={"close": ()}))
    search = Search(inputs, choices)
    search.reset(opened)
    forbidden = _forbidden(choices, search, opened, c, v)
    if forbidden is not None:
        return {"reason": forbidden}
    candidate = search.best_at(c, v)
    if candidate is None:
        return {"reason": Sentence("那里每个时段都已占用", "every slot is taken there")}
    last = min((o.attendance for o in opened), default=0.0)
    brings, least = f"{candidate.attendance:.1f}", f"{last:.1f}"
    return {
        "reason": Sentence(
            f"在方案之外再开，每周约 {brings} 人；方案里人最少的班约 {least} 人",
            f"it would bring {brings} people a week beside the plan, the weakest class of the plan brings {least}",
        ),
        "gain": candidate.attendance,
        "last_in": last,
    }


def _forbidden(choices: Choices, search: Search, opened: list[Opening], c: int, v: int) -> Sentence | None:
    """What keeps category `c` from venue `v`, whatever it would bring."""
    if any((o.category, o.venue) == (c, v) for o in opened):
        return Sentence("它就在方案里", "it is in the plan")
    if choices.inputs.runs_now[c, v]:
        return Sentence("那里现在就有", "it runs there now")
    if (c, v) in choices.barred:
        return Sentence("您已选择不在那里开", "it was ruled out in the question")
    if not choices.allowed[:, v].any():
        no_room = "the venue has no free slot, room or seat, or lies outside the region asked for"
        return Sentence("该场馆没有空闲时段、教室或座位，或不在所选地区", no_room)
    if not choices.allowed[c, v]:
        never = "the category was never taught as training, or was not asked for"
        return Sentence("该门类没有开过培训班，或没有选它", never)
    if search.free[v] < 1:
        used = "the plan uses up the venue's free slots for classes that bring more"
        return Sentence("该场馆的空闲时段已用于人更多的班", used)
    return None


def _instead(inputs: OpeningInputs, question: Question, opened: list[Opening]) -> Iterator[dict[str, Any] | None]:
    venue_ids = inputs.venues["venue_id"].to_numpy(dtype=object)
    for one in next_best(inputs, question.model_copy(update={"close": ()}), opened):
        yield (
            None
            if one is None
            else {
                "category": str(inputs.categories[one.opening.category]),
                "venue_id": str(venue_ids[one.opening.venue]),
                "gain": one.opening.attendance,
                "loses": one.loses,
            }
        )
