"""What the person concerned may ask and decide: see, copy, correct, opt out, be forgotten."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Path, Response

from features.store import Store
from serving.live import UNREACHABLE, unreachable
from serving.live_queries import read_person
from serving.people import rows_of, tags_of
from serving.problems import RESPONSES, ProblemError
from serving.schemas.apps import PersonalCopy, Personalisation, Profile
from serving.service import InService, Service

router = APIRouter(prefix="/v1/users/{user_id}", tags=["the person concerned"], responses=RESPONSES)

UserId = Annotated[str, Path(min_length=1, max_length=500, description="as the platform writes it")]


@router.get("/profile")
def profile(user_id: UserId, service: InService) -> Profile:
    """The profile, and every tag that ranking uses, with where it comes from."""
    return _profile(service, user_id)


@router.delete("/profile/tags/{tag:path}")
def remove_tag(user_id: UserId, tag: str, service: InService) -> Profile:
    """Removes a tag for good: what it stands for is not used in ranking any more. A repeat changes nothing."""
    before = _profile(service, user_id)
    if tag not in before.removed_tags:
        if tag not in {t.tag for t in before.tags}:
            raise ProblemError(404, "unknown-id", f"this profile has no tag {tag!r}; GET the profile for its tags")
        _write(service, user_id, lambda store: store.remove_tag(user_id, tag))
    return _profile(service, user_id)


@router.put("/personalisation")
def set_personalisation(user_id: UserId, wanted: Personalisation, service: InService) -> Personalisation:
    """Switches personal lists on or off; holds from the next list on."""
    service.live.reading(read_person, user_id)
    _write(service, user_id, lambda store: store.set_personalised(user_id, enabled=wanted.enabled))
    return wanted


@router.get("/export")
def export(user_id: UserId, service: InService) -> PersonalCopy:
    """A copy of every row that is about this person."""
    tables = service.live.reading(read_person, user_id)
    return PersonalCopy(
        user_id=user_id,
        made_at=service.clock().to_pydatetime(),
        tables={name: records(tables[name]) for name in ("users", "bookings", "feedback")},
        removed_tags=service.live.reading(Store.removed_tags, user_id),
    )


@router.delete("", status_code=204)
def erase(user_id: UserId, service: InService) -> Response:
    """Erases every row of this person, in quarantine too. Afterwards the person is unknown (404)."""
    _write(service, user_id, lambda store: store.erase_user(user_id))
    return Response(status_code=204)


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: times in ISO 8601 UTC, missing values null."""
    found: list[dict[str, Any]] = json.loads(rows.to_json(orient="records", date_format="iso", date_unit="ms"))
    return found


def _profile(service: Service, user_id: str) -> Profile:
    tables = service.live.reading(read_person, user_id)
    rows = rows_of(tables, service.live.picture().dataset.timezone)
    removed = service.live.reading(Store.removed_tags, user_id)
    user = rows.users[rows.users["user_id"] == user_id]
    return Profile(
        user_id=user_id,
        personalised=bool(user["personalised"].iloc[0]),
        row=(records(tables["users"]) or [{"user_id": user_id}])[0],
        tags=tags_of(rows, user_id, removed, service.clock()),
        removed_tags=removed,
    )


def _write(service: Service, user_id: str, write: Any) -> None:
    try:
        write(service.live.store())
    except UNREACHABLE as error:
        raise unreachable(error) from error
    service.live.must_read()
