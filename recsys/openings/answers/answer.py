"""The answer to an inquiry: a plan, and what was asked about it; the command and HTTP tell the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from recsys.ids import IdMap
from recsys.openings.answers.explain import explain, why_not
from recsys.openings.answers.inquiry import Inquiry
from recsys.openings.answers.tradeoffs import benefit_curve, closings, moves
from recsys.openings.classes.value import Opening
from recsys.openings.classes.who import label_of
from recsys.openings.evenness.front import Front, pareto_front
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.equity import floor_table
from recsys.openings.question import Choices, Question, QuestionError, never_offered, unknown_names
from recsys.openings.suggest import Planned, listed, planned
from recsys.regions import RegionTree
from recsys.sentences import Language, Sentence


@dataclass(frozen=True)
class Answer:
    """A plan, and what was asked about it; what was not asked for is empty, the front None.

    Attributes:
        plan: The plan.
        items: Its classes, see `listed`.
        notes: What was asked for and has no effect, and why nothing may be opened.
        curve: See `benefit_curve`.
        front: See `pareto_front`.
        floors: See `floor_table`.
        explanations: See `explain`.
        why_not: For each class asked after its names and what `why_not` gives.
        moves: See `moves`.
        closings: See `closings`.
    """

    plan: Planned
    items: list[dict[str, Any]]
    notes: list[Sentence]
    curve: pd.DataFrame
    front: Front | None
    floors: pd.DataFrame
    explanations: list[dict[str, Any]]
    why_not: list[dict[str, Any]]
    moves: pd.DataFrame
    closings: pd.DataFrame


def answer(inputs: OpeningInputs, asked: Inquiry) -> Answer:
    """Solves a question and what was asked beside it.

    Raises:
        UnknownIdError: the region is not known.
        QuestionError: names every choice that is not known or contradicts another limit.
    """
    question, nothing = asked.question(), pd.DataFrame()
    categories, venues = IdMap.of(inputs.categories, "category"), IdMap.of(inputs.venues["venue_id"], "venue_id")
    unknown = unknown_names("why_not", asked.why_not, categories, venues)
    if unknown:
        raise QuestionError(unknown)
    plan = planned(inputs, question)
    solved = plan.inputs, plan.opened
    choices = Choices(plan.inputs, question.model_copy(update={"close": ()}))
    return Answer(
        plan=plan,
        items=listed(*solved),
        notes=_notes(choices, plan.opened),
        curve=benefit_curve(inputs, question, asked.budgets) if asked.budgets else nothing,
        front=_front(inputs, question, asked) if asked.front_points else None,
        floors=floor_table(choices, plan.opened) if question.floors else nothing,
        explanations=explain(inputs, question, solved) if asked.explain else [],
        why_not=[
            {**one.model_dump(), **why_not(inputs, question, one.category, one.venue_id, solved)}
            for one in asked.why_not
        ],
        moves=moves(inputs, question, asked.moves) if asked.moves else nothing,
        closings=closings(inputs, question, asked.closings) if asked.closings else nothing,
    )


def told(found: Answer, lang: Language) -> dict[str, Any]:
    """The answer but for its classes as plain values, sentences in one language; those of explanations are not rounded.

    `expected_attendance` and `newly_reached` are those of all classes together.
    """
    front, tree = found.front, found.plan.inputs.tree
    return {
        "expected_attendance": round(sum(row["expected_attendance"] for row in found.items), 2),
        "newly_reached": round(sum(row["newly_reached"] for row in found.items), 2),
        "worth": round(found.plan.worth, 2),
        "bound": round(found.plan.bound, 2),
        "gap": round(found.plan.gap, 4),
        "worth_on_means": None if found.plan.worth_on_means is None else round(found.plan.worth_on_means, 2),
        "notes": [note.told(lang) for note in found.notes],
        "curve": _rounded(found.curve),
        "front": [] if front is None else _of_front(front),
        "equity": None if front is None else _equity(front),
        "floors": [_labelled(tree, row, lang) for row in _rounded(found.floors)],
        "explanations": [
            {**one, "who": [_labelled(tree, group, lang) for group in one["who"]]} for one in found.explanations
        ],
        "why_not": [{**one, "reason": one["reason"].told(lang)} for one in found.why_not],
        "moves": _rounded(found.moves),
        "closings": _rounded(found.closings),
    }


def _front(inputs: OpeningInputs, question: Question, asked: Inquiry) -> Front:
    return pareto_front(inputs, question, asked.front_points, asked.equity_by, asked.catchment_km, asked.front_seconds)


def _of_front(front: Front) -> list[dict[str, Any]]:
    return [{**row, "opens": [one.model_dump() for one in row["opens"]]} for row in _rounded(front.table)]


def _equity(front: Front) -> dict[str, Any]:
    return {
        "by": front.access.by,
        "catchment_km": round(front.access.catchment_km, 2),
        "gini_now": round(front.gini_now, 4),
        "is_complete": front.is_complete,
    }


def _labelled(tree: RegionTree, row: dict[str, Any], lang: Language) -> dict[str, Any]:
    """A group's row with its name in words."""
    return {**row, "label": label_of(tree, row["by"], row["name"]).told(lang)}


def _rounded(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.round(4).to_dict("records")
    return rows


def _notes(choices: Choices, opened: list[Opening]) -> list[Sentence]:
    """Categories asked for that were never offered or that nobody teaches, and why nothing is opened at all."""
    inputs, question = choices.inputs, choices.question
    untaught = [str(c) for c in inputs.categories[~inputs.taught] if str(c) in (question.categories or ())]
    notes = [
        Sentence(f"从未开办过“{name}”，该项不起作用。", f"{name} was never offered: it changes nothing here.")
        for name in never_offered(inputs, question)
    ]
    notes += [Sentence(f"{name}没有人开过培训班。", f"Nobody teaches {name}.") for name in untaught]
    if not choices.fixed and not choices.allowed.any():
        nowhere = (
            "No venue and category that were asked for may have a new class: no free slot, room or seat, or it runs."
        )
        notes.append(Sentence("所选的场馆和门类都不能再开班：没有空闲时段、教室或座位，或已有该班。", nowhere))
    elif not opened and question.budget > 0:
        unfit = "No class that may be opened fits the question's limits: budget, teachers, least attendance, weights."
        notes.append(Sentence("没有一个班符合所给的限制：预算、教师、最低人数、权重。", unfit))
    return notes
