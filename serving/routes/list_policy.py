"""What operators decide about lists, and what came of it: rules, exposure."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from fastapi import APIRouter, Query, Request, Response

from features.store.lists import (
    check_rule_value,
    delete_operator_rule,
    operator_rules,
    put_operator_rule,
    shown_counts,
)
from recsys.errors import UnknownIdError
from recsys.groups import in_words
from recsys.ranking.operator_rules import RuleTable
from recsys.sentences import Sentence
from serving.edge import JsonRoute, RuleId
from serving.languages import language
from serving.params import ExposureQuery, timestamp
from serving.planning.shown import exposure_table
from serving.problems import RESPONSES, invalid, unknown
from serving.schemas.operators import Exposed, ExposureReport, OperatorRule, RuleBody
from serving.service import InService, Service

router = APIRouter(prefix="/v1", tags=["operators"], responses=RESPONSES, route_class=JsonRoute)


@router.get("/rules")
def rules(service: InService) -> list[OperatorRule]:
    """All rules by id, with whether each is in force now."""
    return _rules(service)


@router.get("/rules/{rule_id}")
def rule(rule_id: RuleId, service: InService) -> OperatorRule:
    """One rule."""
    return _rule(service, rule_id)


@router.put("/rules/{rule_id}")
def put_rule(rule_id: RuleId, body: RuleBody, service: InService) -> OperatorRule:
    """Stores a rule; the same id again replaces it. It holds from the next list on, in batches too.

    A rule orders what may be offered; it never offers what is full, cancelled, unsuited or already booked. What it is
    for must be there: a rule for a category, an organiser or a region that no row names is refused (422).
    """
    if body.valid_from is not None and body.valid_until is not None and body.valid_from >= body.valid_until:
        raise invalid("body.valid_until", Sentence("必须晚于 valid_from", "must lie after valid_from"))
    try:
        _check_is_there(service, body)
    except UnknownIdError as error:
        raise invalid("body.value", unknown(error)) from error
    row = {
        **body.model_dump(exclude={"valid_from", "valid_until"}),
        "rule_id": rule_id,
        "valid_from": timestamp(body.valid_from),
        "valid_until": timestamp(body.valid_until),
    }
    service.live.using(lambda store: put_operator_rule(store, RuleTable.of(pd.DataFrame([row]))))
    service.live.has_written()
    return _rule(service, rule_id)


def _check_is_there(service: Service, body: RuleBody) -> None:
    """Raises `UnknownIdError` for what no row names; what was stored a moment ago is there."""
    if body.target != "region":
        target, value = body.target, body.value
        service.live.using(lambda store: check_rule_value(store, target, value))
    elif service.live.picture().tree.ids.nums_or_missing([body.value])[0] < 0:
        service.live.picture(fresh=True).tree.ids.nums([body.value])


@router.delete("/rules/{rule_id}", status_code=204)
def delete_rule(rule_id: RuleId, service: InService) -> Response:
    """Deletes a rule."""
    if not service.live.using(lambda store: delete_operator_rule(store, rule_id)):
        raise UnknownIdError("rule_id", [rule_id])
    service.live.has_written()
    return Response(status_code=204)


@router.get("/exposure")
def exposure(query: Annotated[ExposureQuery, Query()], service: InService, http: Request) -> ExposureReport:
    """How often lists showed whom, against how many sessions were on offer: the last 28 days without bounds."""
    since, until = query.bounds(service.clock() + pd.Timedelta(milliseconds=1), weeks=4)
    activity = service.live.picture().activity
    shown = service.live.using(lambda store: shown_counts(store, since, until))
    sessions = activity.sessions
    published = sessions["published_at"]
    offered = (
        (sessions["starts_at"] >= since) & sessions["cancelled_at"].isna() & (published.isna() | (published < until))
    )
    table = exposure_table(activity, shown, offered, query.by)
    lang, names = language(http, query.lang), service.live.region_names() if query.by == "region" else {}
    return ExposureReport(
        since=activity.local(since),
        until=activity.local(until),
        by=query.by,
        shown=int(table["shown"].sum()),
        drawn=int(table["drawn"].sum()),
        items=[
            Exposed(
                value=row.value,
                label=in_words(query.by, names.get(row.value, row.value)).told(lang),
                sessions=row.sessions,
                offered_share=row.offered_share,
                shown=int(row.shown),
                shown_share=row.shown_share,
                drawn=int(row.drawn),
                mean_place=None if pd.isna(row.place) else round(row.place, 2),
            )
            for row in table.itertuples()
        ],
    )


def _rules(service: Service) -> list[OperatorRule]:
    found = service.live.using(operator_rules)
    in_force = set(found.valid_at(service.clock())["rule_id"])
    return [
        OperatorRule(
            rule_id=str(row.rule_id),
            action=row.action,
            target=row.target,
            value=str(row.value),
            strength=float(row.strength),
            valid_from=None if pd.isna(row.valid_from) else row.valid_from.to_pydatetime(),
            valid_until=None if pd.isna(row.valid_until) else row.valid_until.to_pydatetime(),
            in_force=row.rule_id in in_force,
        )
        for row in found.rows.itertuples()
    ]


def _rule(service: Service, rule_id: str) -> OperatorRule:
    found = [one for one in _rules(service) if one.rule_id == rule_id]
    if not found:
        raise UnknownIdError("rule_id", [rule_id])
    return found[0]
