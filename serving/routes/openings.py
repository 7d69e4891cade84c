"""Where to open classes, and what one planned activity may expect: solved anew for each question."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request

from features.willingness.exposure import TRAINING
from recsys.errors import DataError, UnknownIdError
from recsys.openings.answers.answer import answer, told
from recsys.openings.answers.appraisal import Alternative, appraise
from recsys.openings.answers.inquiry import Inquiry
from recsys.openings.classes.who import Group, label_of
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.question import QuestionError
from recsys.sentences import Language, Sentence, in_one
from serving.edge import JsonRoute
from serving.languages import language
from serving.params import Localised
from serving.parts import BundleParts
from serving.problems import RESPONSES, Fault, ProblemError, invalid, not_ready, unknown
from serving.routes.recommendations import text
from serving.schemas.appraisal import AppraisalAnswer, AppraisalBody, AudienceGroup, OtherTime
from serving.schemas.apps import VenueBrief
from serving.schemas.openings import Suggestion, Suggestions
from serving.service import InService, Service

router = APIRouter(prefix="/v1", tags=["planners"], responses=RESPONSES, route_class=JsonRoute)


@router.post("/classes/suggestions")
def suggestions(asked: Inquiry, query: Annotated[Localised, Query()], service: InService, http: Request) -> Suggestions:
    """Where to open up to `budget` new weekly classes, the most useful first."""
    parts, inputs = _openings(service)
    if asked.categories and not set(asked.categories) & set(inputs.categories):
        none_of = f"none of {list(asked.categories)} is a category that the bundle has learned"
        raise invalid("body.categories", Sentence(f"{'、'.join(asked.categories)}都没有开办过", none_of))
    if asked.region_id not in inputs.tree.ids.ids and asked.region_id in service.live.region_names(parts):
        newer = Sentence(
            f"{asked.region_id} 是上次训练之后才有的地区，下次训练之后才能提出建议",
            f"{asked.region_id!r} is newer than the bundle: the next `culture train` takes it in",
        )
        raise invalid("body.region_id", newer)
    lang = language(http, query.lang)
    try:
        found = answer(inputs, asked)
    except (DataError, UnknownIdError) as error:
        raise _refused(error) from error
    return Suggestions(
        bundle=parts.name,
        data_until=parts.data_until.tz_convert(parts.timezone).to_pydatetime(),
        items=[_suggestion(service, found.plan.inputs, row, lang) for row in found.items],
        **told(found, lang),
    )


@router.post("/activities/appraisal")
def appraisal(
    asked: AppraisalBody, query: Annotated[Localised, Query()], service: InService, http: Request
) -> AppraisalAnswer:
    """What one planned activity may expect: audience with interval, who they are, better times and venues."""
    parts, inputs = _openings(service)
    _check(asked, min(service.clock(), parts.data_until).tz_convert(parts.timezone))
    if asked.category not in inputs.categories:
        never = f"{asked.category!r} is no category that the bundle has learned; GET /v1/categories for those there are"
        raise invalid("body.category", Sentence(f"从未开办过“{asked.category}”", never))
    if asked.venue_id not in inputs.venues["venue_id"].to_numpy(dtype=object):
        no_venue = f"{asked.venue_id!r} is no venue that the bundle knows; GET /v1/venues for those there are"
        raise invalid("body.venue_id", Sentence(f"没有编号为 {asked.venue_id} 的场馆", no_venue))
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
        by_age=_shares(inputs, found.who, "age", lang),
        by_distance=_shares(inputs, found.who, "distance", lang),
        by_township=_shares(inputs, found.who, "township", lang),
        median_km=None if found.median_km is None else round(found.median_km, 2),
        better_times=[_other(service, inputs, one) for one in found.times],
        better_venues=[_other(service, inputs, one) for one in found.venues],
        notes=[note.told(lang) for note in _notes(asked)],
    )


def _shares(inputs: OpeningInputs, groups: list[Group], by: str, lang: Language) -> list[AudienceGroup]:
    mine = [g for g in groups if g.by == by]
    total = max(sum(g.people for g in mine), 1e-12)
    label = {g.name: label_of(inputs.tree, by, g.name).told(lang) for g in mine}
    return [AudienceGroup(name=g.name, label=label[g.name], share=round(g.people / total, 4)) for g in mine]


def _other(service: Service, inputs: OpeningInputs, one: Alternative) -> OtherTime:
    slot = inputs.slots.iloc[one.slot]
    return OtherTime(
        venue=opening_venue(service, inputs, str(inputs.venues["venue_id"].iloc[one.venue])),
        weekday=int(slot["weekday"]),
        start_time=str(slot["start_time"]),
        expected_audience=round(one.expected, 3),
    )


def _check(asked: AppraisalBody, past: pd.Timestamp) -> None:
    """Refuses what contradicts itself, and a session that would have begun before the instant `past`."""
    if asked.min_age is not None and asked.max_age is not None and asked.min_age > asked.max_age:
        raise invalid("body.min_age", Sentence("不能大于 max_age", "must not be above max_age"))
    if asked.ends_at is not None and asked.ends_at <= asked.starts_at:
        raise invalid("body.ends_at", Sentence("必须晚于 starts_at", "must lie after starts_at"))
    if asked.starts_at < past:
        when = pd.Timestamp(asked.starts_at).tz_convert(past.tz)
        zh = f"{when:%Y-%m-%d %H:%M} 已经过去；请给出 {past:%Y-%m-%d %H:%M} 以后的时间"
        en = f"{when:%Y-%m-%d %H:%M} has passed; give a time from {past:%Y-%m-%d %H:%M} on"
        raise invalid("body.starts_at", Sentence(zh, en))


def _notes(asked: AppraisalBody) -> list[Sentence]:
    """What the estimate stands for, and what of the question is not in it."""
    notes = [
        Sentence(
            "按该门类每周一次的课程估计；同一时间地点附近已有的课程先占去一部分人。",
            "Estimated as a weekly class of the category; what runs nearby already takes its share first.",
        )
    ]
    if asked.price:
        notes.append(Sentence("收费的影响没有计入。", "What the price does is not in the estimate."))
    if asked.kind not in (None, TRAINING):
        zh = f"按培训班估计；类型“{asked.kind}”的影响没有计入。"
        notes.append(Sentence(zh, f"Estimated as training: what the kind {asked.kind!r} does is not in the estimate."))
    return notes


def _openings(service: Service) -> tuple[BundleParts, OpeningInputs]:
    parts = service.provider.current()
    if parts is None or parts.openings is None:
        raise not_ready("还没有算出开班建议", "no openings have been learned")
    return parts, parts.openings


def _refused(error: DataError | UnknownIdError) -> ProblemError:
    found: list[tuple[str, Sentence]]
    if isinstance(error, QuestionError):
        found = [(f"body.{one.field}", one.why) for one in error.found]
    elif isinstance(error, UnknownIdError):
        found = [("body.region_id", unknown(error))]
    else:
        found = [("body", Sentence(one, one)) for one in error.problems]
    told = tuple(dict.fromkeys(why for _, why in found))
    detail = Sentence(in_one(told, "zh"), in_one(told, "en"))
    return ProblemError(422, "invalid-request", detail, [Fault(field, why) for field, why in found])


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
        reasons=[reason.told(lang) for reason in row["reasons"]],
    )


def opening_venue(service: Service, inputs: OpeningInputs, venue_id: str) -> VenueBrief:
    """A venue of the bundle, with its place from the store while that can be reached."""
    row = int(np.flatnonzero(inputs.venues["venue_id"].to_numpy(dtype=object) == venue_id)[0])
    num = int(inputs.venues["region_num"].iloc[row])
    brief = VenueBrief(
        venue_id=venue_id,
        name=text(inputs.venues["name"].iloc[row]) or venue_id,
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
