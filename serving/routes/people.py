"""What the person concerned may ask and decide: see, copy, correct, opt out, be forgotten."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request, Response

from recsys.ages import local_year
from recsys.errors import UnknownIdError
from recsys.schema import TABLES
from recsys.sentences import Language, Sentence
from serving.edge import JsonRoute, TagName, UserId
from serving.languages import language
from serving.params import Localised
from serving.problems import RESPONSES, ProblemError
from serving.rows.people import people_rows, tags_of
from serving.rows.queries import read_person
from serving.schemas.apps import PersonalCopy, Personalisation, Profile
from serving.service import InService, Service

router = APIRouter(
    prefix="/v1/users/{user_id}", tags=["the person concerned"], responses=RESPONSES, route_class=JsonRoute
)


@router.get("/profile")
def profile(user_id: UserId, query: Annotated[Localised, Query()], service: InService, http: Request) -> Profile:
    """The profile, and every tag that ranking uses, with where it comes from."""
    return _profile(service, user_id, language(http, query.lang))


@router.delete("/profile/tags/{tag:path}")
def remove_tag(
    user_id: UserId, tag: TagName, query: Annotated[Localised, Query()], service: InService, http: Request
) -> Profile:
    """Removes a tag for good: what it stands for is not used in ranking any more. A repeat changes nothing."""
    lang = language(http, query.lang)
    before = _profile(service, user_id, lang)
    if tag not in before.removed_tags:
        if tag not in {t.tag for t in before.tags}:
            no_tag = Sentence(
                f"画像中没有标签“{tag}”", f"this profile has no tag {tag!r}; GET the profile for its tags"
            )
            raise ProblemError(404, "unknown-id", no_tag)
        service.live.using(lambda store: store.remove_tag(user_id, tag))
    return _profile(service, user_id, lang)


@router.put("/personalisation")
def set_personalisation(user_id: UserId, wanted: Personalisation, service: InService) -> Personalisation:
    """Switches personal lists on or off; holds from the next list on."""
    service.live.using(lambda store: read_person(store, user_id))
    service.live.using(lambda store: store.set_personalised(user_id, enabled=wanted.enabled))
    return wanted


@router.get("/export")
def export_user(user_id: UserId, service: InService) -> PersonalCopy:
    """A copy of every row that is about this person, those that wait or were rejected included."""
    tables = service.live.using(lambda store: store.user_rows(user_id))
    quarantine = service.live.using(lambda store: store.quarantined_rows(user_id))
    removed = service.live.using(lambda store: store.removed_tags(user_id))
    if not quarantine and not removed and all(frame.empty for frame in tables.values()):
        raise UnknownIdError("user_id", [user_id])
    return PersonalCopy(
        user_id=user_id,
        made_at=service.clock().to_pydatetime(),
        tables={name: records(name, tables[name]) for name in ("users", "bookings", "feedback")},
        quarantine=quarantine,
        removed_tags=removed,
    )


@router.delete("", status_code=204)
def erase_user(user_id: UserId, service: InService) -> Response:
    """Erases every row of this person, in quarantine too, for good. Afterwards the person is unknown (404).

    The answer waits for the end of a delivery or a snapshot that is under way, since these may hold the person.
    """
    service.live.using(lambda store: store.erase_user(user_id, service.clock()))
    return Response(status_code=204)


def records(table: str, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: times in ISO 8601 UTC, counts whole, missing values null."""
    counts = {c.name: "Int64" for c in TABLES[table].columns if c.type == "count"}
    text = rows.astype(counts).to_json(orient="records", date_format="iso", date_unit="us")
    found: list[dict[str, Any]] = json.loads(text)
    return found


def _profile(service: Service, user_id: str, lang: Language) -> Profile:
    tables, removed = service.live.using(lambda store: read_person(store, user_id, ("sessions", "activities")))
    rows = people_rows(tables, [user_id])
    year = local_year(service.clock(), service.live.picture().dataset.timezone)
    return Profile(
        user_id=user_id,
        personalised=bool(rows.users["personalised"].iloc[0]),
        row=(records("users", tables["users"]) or [{"user_id": user_id}])[0],
        tags=tags_of(rows, tables["activities"], removed, year, lang),
        removed_tags=removed,
    )
