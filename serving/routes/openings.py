"""Where to open classes, and what one planned activity may expect: solved anew for each question."""

from __future__ import annotations

import re
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray

from recsys.errors import DataError, UnknownIdError
from recsys.openings.appraisal import Alternative, appraise
from recsys.openings.equity import floor_table
from recsys.openings.explain import explain, why_not
from recsys.openings.front import Front, pareto_front
from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choices, never_offered
from recsys.openings.suggest import planned, rows
from recsys.openings.tradeoffs import benefit_curve, closings, moves
from recsys.openings.who import Group
from serving.params import Localised
from serving.parts import BundleParts
from serving.problems import RESPONSES, FieldError, ProblemError, invalid
from serving.routes.recommendations import text
from serving.schemas.appraisal import AppraisalAnswer, AppraisalBody, AudienceGroup, OtherTime
from serving.schemas.apps import VenueBrief
from serving.schemas.openings import (
    Closing,
    CurvePoint,
    Equity,
    Explanation,
    FloorRow,
    FrontPoint,
    Move,
    Suggestion,
    SuggestionBody,
    Suggestions,
    WhyNot,
)
from serving.service import InService, Language, Service, language, sentence

router = APIRouter(prefix="/v1", tags=["planners"], responses=RESPONSES)


@router.post("/classes/suggestions")
def suggestions(
    asked: SuggestionBody, query: Annotated[Localised, Query()], service: InService, http: Request
) -> Suggestions:
    """Where to open up to `budget` new weekly classes, the most useful first."""
    parts, inputs = _openings(service)
    question = asked.question()
    if asked.categories and not set(asked.categories) & set(inputs.categories):
        raise invalid("body.categories", f"none of {list(asked.categories)} is a category that the bundle has learned")
    lang = language(http, query.lang)
    try:
        plan = planned(inputs, question)
        solved = plan.inputs, plan.opened
        curve = benefit_curve(inputs, question, asked.budgets) if asked.budgets else None
        front = _front(inputs, asked) if asked.front_points else None
        choices = Choices(plan.inputs, question.model_copy(update={"close": ()}))
        floors = floor_table(choices, plan.opened) if question.floors else pd.DataFrame()
        explained = explain(inputs, question, solved) if asked.explain else []
        not_in = [
            {**c.model_dump(), **_told(why_not(inputs, question, c.category, c.venue_id, solved), lang)}
            for c in asked.why_not
        ]
        moved = moves(inputs, question, asked.moves) if asked.moves else None
        missed = closings(inputs, question, asked.closings) if asked.closings else None
    except (DataError, UnknownIdError) as error:
        raise _refused(error) from error
    table = rows(*solved)
    return Suggestions(
        bundle=parts.name,
        data_until=parts.data_until.tz_convert(parts.timezone).to_pydatetime(),
        expected_attendance=round(float(table["expected_attendance"].sum()), 2),
        newly_reached=round(float(table["newly_reached"].sum()), 2),
        gap=None if plan.gap is None else round(plan.gap, 4),
        items=[_suggestion(service, plan.inputs, row, lang) for row in table.to_dict("records")],
        notes=_passed_over(asked, choices, lang),
        curve=[] if curve is None else [CurvePoint(**row) for row in _rounded(curve)],
        front=[] if front is None else [FrontPoint(**row) for row in _rounded(front.table)],
        equity=None if front is None else _equity(front),
        floors=[FloorRow(**row) for row in _rounded(floors)],
        explanations=[Explanation.model_validate(one) for one in explained],
        why_not=[WhyNot(**one) for one in not_in],
        moves=[] if moved is None else [Move(**row) for row in _rounded(moved)],
        closings=[] if missed is None else [Closing(**row) for row in _rounded(missed)],
    )


def _passed_over(asked: SuggestionBody, choices: Choices, lang: Language) -> list[str]:
    """Categories asked for that were never offered or that nobody teaches, and that nothing may be opened at all."""
    inputs = choices.inputs
    untaught = [str(c) for c in inputs.categories[~inputs.taught] if str(c) in (asked.categories or ())]
    notes = [
        sentence(lang, f"从未开办过“{name}”，该项不起作用。", f"{name} was never offered: it changes nothing here.")
        for name in never_offered(inputs, choices.question)
    ]
    notes += [sentence(lang, f"{name}没有人开过培训班。", f"Nobody teaches {name}.") for name in untaught]
    if not choices.fixed and not choices.allowed.any():
        nowhere = (
            "No venue and category that were asked for may have a new class: no free slot, room or seat, or it runs."
        )
        notes.append(sentence(lang, "所选的场馆和门类都不能再开班：没有空闲时段、教室或座位，或已有该班。", nowhere))
    return notes


def _front(inputs: OpeningInputs, asked: SuggestionBody) -> Front:
    return pareto_front(
        inputs, asked.question(), asked.front_points, asked.equity_by, asked.catchment_km, asked.front_seconds
    )


def _told(answer: dict[str, Any], lang: Language) -> dict[str, Any]:
    return {**answer, "reason": _in(lang, answer["reason"])}


def _equity(front: Front) -> Equity:
    return Equity(
        by=front.access.by,
        catchment_km=round(front.access.catchment_km, 2),
        gini_now=round(front.gini_now, 4),
        is_complete=front.is_complete,
    )


@router.post("/activities/appraisal")
def appraisal(
    asked: AppraisalBody, query: Annotated[Localised, Query()], service: InService, http: Request
) -> AppraisalAnswer:
    """What one planned activity may expect: audience with interval, who they are, better times and venues."""
    parts, inputs = _openings(service)
    if asked.min_age is not None and asked.max_age is not None and asked.min_age > asked.max_age:
        raise invalid("body.min_age", "must not be above max_age")
    if asked.ends_at is not None and asked.ends_at <= asked.starts_at:
        raise invalid("body.ends_at", "must lie after starts_at")
    _known(inputs.categories, asked.category, "body.category", "category that the bundle has learned")
    venue_ids = inputs.venues["venue_id"].to_numpy(dtype=object)
    _known(venue_ids, asked.venue_id, "body.venue_id", "venue that the bundle knows")
    local = pd.Timestamp(asked.starts_at).tz_convert(parts.timezone).tz_localize(None)
    found = appraise(inputs, asked.category, asked.venue_id, local, asked.capacity, (asked.min_age, asked.max_age))
    lang = language(http, query.lang)
    slot, figures = inputs.slots.iloc[found.planned.slot], found.figures
    return AppraisalAnswer(
        bundle=parts.name,
        data_until=parts.data_until.tz_convert(parts.timezone).to_pydatetime(),
        category=asked.category,
        venue=opening_venue(service, inputs, asked.venue_id),
        weekday=int(slot["weekday"]),
        start_time=str(slot["start_time"]),
        size=round(found.planned.size),
        expected_audience=round(figures.expected, 3),
        q10=round(figures.low, 3),
        q90=round(figures.high, 3),
        interested=round(figures.interested, 3),
        new_people=round(figures.new_people, 3),
        from_others=round(figures.from_others, 3),
        newly_reached=round(figures.newly_reached, 3),
        by_age=_shares(found.who, "age"),
        by_distance=_shares(found.who, "distance"),
        by_township=_shares(found.who, "township"),
        median_km=None if found.median_km is None else round(found.median_km, 2),
        better_times=[_other(service, inputs, one) for one in found.times],
        better_venues=[_other(service, inputs, one) for one in found.venues],
        notes=_notes(asked, lang),
    )


def _shares(groups: list[Group], by: str) -> list[AudienceGroup]:
    mine = [g for g in groups if g.by == by]
    total = max(sum(g.people for g in mine), 1e-12)
    return [AudienceGroup(name=g.name, share=round(g.people / total, 4)) for g in mine]


def _rounded(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.round(4).to_dict("records")
    return rows


def _known(ids: NDArray[np.object_], one_id: str, field: str, what: str) -> None:
    if one_id not in ids.astype(str):
        raise invalid(field, f"{one_id!r} is no {what}")


def _other(service: Service, inputs: OpeningInputs, one: Alternative) -> OtherTime:
    slot = inputs.slots.iloc[one.slot]
    return OtherTime(
        venue=opening_venue(service, inputs, str(inputs.venues["venue_id"].iloc[one.venue])),
        weekday=int(slot["weekday"]),
        start_time=str(slot["start_time"]),
        expected_audience=round(one.expected, 3),
    )


def _notes(asked: AppraisalBody, lang: Language) -> list[str]:
    notes = [
        sentence(
            lang,
            "按该门类每周一次的课程估计；同一时间地点附近已有的课程先占去一部分人。",
            "Estimated as a weekly class of the category; what runs nearby already takes its share first.",
        )
    ]
    if asked.price:
        notes.append(sentence(lang, "收费的影响没有计入。", "What the price does is not in the estimate."))
    return notes


def _openings(service: Service) -> tuple[BundleParts, OpeningInputs]:
    parts = service.provider.current()
    if parts is None or parts.openings is None:
        raise ProblemError(503, "not-ready", "no bundle with openings serves yet; `culture train` makes one")
    return parts, parts.openings


def _refused(error: DataError | UnknownIdError) -> ProblemError:
    if isinstance(error, UnknownIdError):
        return ProblemError(422, "invalid-request", str(error), [FieldError(field="body", message=str(error))])
    errors = [FieldError(field="body", message=problem) for problem in error.problems]
    return ProblemError(422, "invalid-request", "; ".join(error.problems), errors)


def _suggestion(service: Service, inputs: OpeningInputs, row: dict[Any, Any], lang: Language) -> Suggestion:
    return Suggestion(
        rank=row["rank"],
        category=row["category"],
        venue_id=row["venue_id"],
        region_id=row["region_id"],
        venue=opening_venue(service, inputs, row["venue_id"]),
        weekday=row["weekday"],
        start_time=row["start_time"],
        size=row["size"],
        expected_attendance=round(float(row["expected_attendance"]), 3),
        q10=round(float(row["q0.1"]), 3),
        q90=round(float(row["q0.9"]), 3),
        newly_reached=round(float(row["newly_reached"]), 3),
        reasons=[_in(lang, part.strip()) for part in str(row["reason"]).split(";") if part.strip()],
    )


_ZH = (
    (r"about ([\d.]+) people a week for (.+)", r"\2：每周约 \1 人"),
    (r"half of them from within ([\d.]+) km", r"其中一半住在 \1 公里以内"),
    (r"most of them aged under (\d+)", r"以 \1 岁以下为主"),
    (r"most of them aged (\d+) and over", r"以 \1 岁及以上为主"),
    (r"most of them aged (\d+)-(\d+)", r"以 \1 至 \2 岁为主"),
    (r"none runs now", "现在还没有这样的班"),
    (r"it runs at (\d+) other venues? now", r"现在另有 \1 处开班"),
    (r"it is in the plan", "它就在方案里"),
    (r"it runs there now", "那里现在就有"),
    (r"it was ruled out in the question", "您已选择不在那里开"),
    (
        r"the venue has no free slot, room or seat, or lies outside the region asked for",
        "该场馆没有空闲时段、教室或座位，或不在所选地区",
    ),
    (r"the category was never taught as training, or was not asked for", "该门类没有开过培训班，或没有选它"),
    (r"the plan uses up the venue's free slots for classes that bring more", "该场馆的空闲时段已用于人更多的班"),
    (r"every slot is taken there", "那里每个时段都已占用"),
    (
        r"it would bring ([\d.]+) people a week beside the plan, the weakest class of the plan brings ([\d.]+)",
        r"在方案之外再开，每周约 \1 人；方案里人最少的班约 \2 人",
    ),
)


def _in(lang: Language, reason: str) -> str:
    """A part of a suggestion's reason in the language asked for; left in English where its form is not known."""
    if lang == "zh":
        for pattern, words in _ZH:
            if re.fullmatch(pattern, reason):
                return re.sub(pattern, words, reason)
    return reason


def opening_venue(service: Service, inputs: OpeningInputs, venue_id: str) -> VenueBrief:
    """A venue of the bundle, with its place from the store while that can be reached."""
    found = inputs.venues[inputs.venues["venue_id"] == venue_id].iloc[0]
    num = int(found["region_num"])
    brief = VenueBrief(
        venue_id=venue_id,
        name=text(found["name"]) or venue_id,
        region_id=str(inputs.tree.ids.ids[num]),
        region=str(inputs.tree.names[num]),
    )
    try:
        venues = service.live.picture().venues
    except ProblemError:
        return brief
    if venue_id not in venues.index:
        return brief
    lat, lon = venues.loc[venue_id, "lat"], venues.loc[venue_id, "lon"]
    return brief.model_copy(update={} if pd.isna(lat) or pd.isna(lon) else {"lat": float(lat), "lon": float(lon)})
