"""Where to open classes, and what one planned activity may expect: solved anew for each question."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request

from recsys.errors import DataError, UnknownIdError
from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Question
from recsys.openings.suggest import rows, solve
from serving.params import Localised
from serving.parts import BundleParts
from serving.problems import RESPONSES, FieldError, ProblemError
from serving.routes.recommendations import text
from serving.schemas.apps import VenueBrief
from serving.schemas.planners import Suggestion, SuggestionBody, Suggestions
from serving.service import InService, Language, Service, language

router = APIRouter(prefix="/v1", tags=["planners"], responses=RESPONSES)


@router.post("/classes/suggestions")
def suggestions(
    asked: SuggestionBody, query: Annotated[Localised, Query()], service: InService, http: Request
) -> Suggestions:
    """Where to open up to `budget` new weekly classes, the most useful first."""
    parts, inputs = _openings(service)
    question = Question.model_validate(asked.model_dump())
    try:
        solved, opened = solve(inputs, question)
    except (DataError, UnknownIdError) as error:
        raise _refused(error) from error
    table = rows(solved, opened)
    lang = language(http, query.lang)
    return Suggestions(
        bundle=parts.name,
        data_until=parts.data_until.tz_convert(parts.timezone).to_pydatetime(),
        expected_attendance=round(float(table["expected_attendance"].sum()), 2),
        newly_reached=round(float(table["newly_reached"].sum()), 2),
        items=[_suggestion(service, solved, row, lang) for row in table.to_dict("records")],
    )


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
        reasons=[part.strip() for part in str(row["reason"]).split(";") if part.strip()],
    )


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
