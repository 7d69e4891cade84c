"""Rows that platforms send one by one: stored durably before the answer, under the rules of `culture ingest`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

import polars as pl
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from features.intake.cleaning import warnings_of
from features.store.rows import RowResult as StoredResult
from features.store.store import Store
from recsys.schema import TABLES, Table
from recsys.sentences import Sentence
from serving.edge import json_of, row_id
from serving.problems import RESPONSES, Fault, ProblemError, invalid, not_json
from serving.schemas.apps import RowResult, RowResults
from serving.schemas.rows import row_model
from serving.service import InService, Service

router = APIRouter(prefix="/v1", tags=["platforms"], responses=RESPONSES)

DEFAULT_PLATFORM = "default"
"""Where rows go before any platform has delivered."""

MAX_ROWS = 1000
_CATALOGUE = ("regions", "venues", "users", "activities", "sessions")
_STATUS: dict[str, Literal["accepted", "waiting", "rejected"]] = {
    "accepted": "accepted",
    "unchanged": "accepted",
    "quarantined": "waiting",
    "rejected": "rejected",
}

Row = dict[str, Any]


BODIES: dict[str, dict[str, Any]] = {}
"""Schemas of bodies by name, for the OpenAPI document."""


def _body_of(table: str, many: bool) -> dict[str, Any]:
    """The request body in OpenAPI's words; it is read by hand, since a bad row must not spoil the others."""
    model = row_model(TABLES[table])
    row = model.model_json_schema()
    name = row["title"] = f"{model.__name__.removesuffix('Row')}Body"
    if not many:
        # The address has the key.
        row["required"] = [column for column in row["required"] if column != TABLES[table].key]
    BODIES[name] = row
    one = {"$ref": f"#/components/schemas/{name}"}
    schema = {"oneOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_ROWS}]} if many else one
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def _json(request: Request) -> Any:
    try:
        return await json_of(request)
    except ValueError as error:
        raise not_json(error) from error


@router.post("/bookings", status_code=202, openapi_extra=_body_of("bookings", True))
async def post_bookings(request: Request, service: InService) -> RowResults:
    """One booking or up to 1,000; the same `booking_id` again replaces the row, so a repeat does no harm."""
    rows = _many(await _json(request))
    return await run_in_threadpool(_store_many, service, "bookings", rows)


@router.post("/feedback", status_code=202, openapi_extra=_body_of("feedback", True))
async def post_feedback(request: Request, service: InService) -> RowResults:
    """One event or up to 1,000; the same `feedback_id` again replaces the row."""
    rows = _many(await _json(request))
    return await run_in_threadpool(_store_many, service, "feedback", rows)


def _many(body: Any) -> list[Any]:
    rows = [body] if isinstance(body, dict) else body
    if not isinstance(rows, list) or not rows:
        raise invalid("body", Sentence("应为一行，或 1 到 1000 行的列表", "expected one row or a list of 1 to 1,000"))
    if len(rows) > MAX_ROWS:
        zh = f"一次请求有 {len(rows)} 行，最多 {MAX_ROWS} 行；请分批发送"
        en = f"{len(rows)} rows in one request, at most {MAX_ROWS}; send parts"
        raise ProblemError(413, "too-many-rows", Sentence(zh, en))
    return rows


def _store_many(service: Service, table: str, rows: list[Any]) -> RowResults:
    contract = TABLES[table]
    results: list[RowResult | None] = [None] * len(rows)
    by_platform: dict[str, list[int]] = {}
    inside: dict[int, Row] = {}
    names = _platforms(service)
    for place, row in enumerate(rows):
        problem = _shape_problem(row)
        if problem is None:
            platform, inside[place], problem = _to_platform(contract, row, names)
        if problem is None:
            by_platform.setdefault(platform, []).append(place)
        else:
            key = row.get(contract.key) if isinstance(row, dict) else None
            results[place] = RowResult(key=None if key is None else str(key), status="rejected", reason=problem)
    for platform, places in by_platform.items():
        stored = _upsert(service, platform, table, [inside[place] for place in places])
        for place, result in zip(places, stored, strict=True):
            results[place] = _result(contract, rows[place], result)
    done = [r for r in results if r is not None]
    counts = {status: sum(r.status == status for r in done) for status in ("accepted", "waiting", "rejected")}
    for status, count in counts.items():
        service.metrics.rows.labels(table, status).inc(count)
    return RowResults(**counts, results=done)


def _result(table: Table, row: Row, stored: StoredResult) -> RowResult:
    key, status = row.get(table.key), _STATUS[stored.status]
    return RowResult(
        key=None if key is None else str(key),
        status=status,
        reason=stored.reason or None,
        ignored_columns=ignored_columns(table, row),
    )


def _shape_problem(row: Any) -> str | None:
    if not isinstance(row, dict):
        return "expected an object"
    nested = [str(name) for name, value in row.items() if isinstance(value, dict) or _is_nested(value)]
    return f"columns {nested} hold objects; expected text, number, true, false or a list of texts" if nested else None


def _is_nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(v, dict | list) for v in value)


def _platforms(service: Service) -> list[str]:
    return list(service.live.using(Store.platforms))


def _to_platform(table: Table, row: Row, names: list[str]) -> tuple[str, Row, str | None]:
    """Platform that a row belongs to, the row with that platform's own ids, and what is wrong."""
    if len(names) < 2:
        return (names or [DEFAULT_PLATFORM])[0], row, None
    ids = {c.name: str(row[c.name]) for c in table.columns if c.type == "id" and row.get(c.name) not in (None, "")}
    found = {one.partition(":")[0] for one in ids.values()}
    if len(found) != 1 or not found <= set(names):
        return "", row, f"several platforms are loaded: every id must begin with the same one of {names} and a colon"
    platform = found.pop()
    return platform, {**row, **{name: one.partition(":")[2] for name, one in ids.items()}}, None


def _upsert(service: Service, platform: str, table: str, rows: list[Row]) -> list[StoredResult]:
    results = service.live.using(lambda store: store.upsert(platform, table, rows))
    if table in _CATALOGUE and table != "users":
        service.live.has_written()
    return results


def _put(service: Service, table: str, one_id: str, row: Any) -> tuple[Row | RowResult, dict[str, str]]:
    """What was stored, and headers that name columns left out, references emptied and what is odd about the row."""
    contract = TABLES[table]
    problem = _shape_problem(row)
    if problem is not None:
        raise invalid("body", problem)
    sent = row.get(contract.key)
    if sent is not None and str(sent) != one_id:
        zh, en = f"{sent!r} 不是地址中的编号 {one_id!r}", f"{sent!r} is not the id in the address, {one_id!r}"
        raise invalid(f"body.{contract.key}", Sentence(zh, en))
    whole = {**row, contract.key: one_id}
    platform, inside, problem = _to_platform(contract, whole, _platforms(service))
    if problem is not None:
        raise invalid(f"path.{contract.key}", problem)
    result = _upsert(service, platform, table, [inside])[0]
    service.metrics.rows.labels(table, _STATUS[result.status]).inc()
    ignored = ignored_columns(contract, row)
    if result.status == "quarantined":
        waits = RowResult(key=one_id, status="waiting", reason=result.reason, ignored_columns=ignored)
        return waits, _headers(ignored)
    if result.status == "rejected":
        raise ProblemError(422, "invalid-request", result.reason, _field_errors(contract, result.reason))
    stored = _get(service, table, one_id)
    references = [c.name for c in contract.columns if c.refers_to is not None and not c.is_required]
    emptied = [name for name in references if row.get(name) not in (None, "") and stored.get(name) is None]
    odd = list(warnings_of(contract, pl.DataFrame([stored])))
    return stored, _headers(ignored, emptied, odd)


def _headers(ignored: list[str], emptied: Sequence[str] = (), odd: Sequence[str] = ()) -> dict[str, str]:
    named = {"X-Ignored-Columns": ignored, "X-Emptied-References": emptied, "X-Warnings": odd}
    return {header: quote(",".join(names), safe=",") for header, names in named.items() if names}


def _field_errors(table: Table, reason: str) -> list[Fault]:
    """Each part of a reason with the column that it begins with."""
    parts = [part.strip() for part in reason.split(";") if part.strip()]
    named = [(next((c for c in table.column_names if part.startswith(c)), ""), part) for part in parts]
    return [Fault(f"body.{column}".rstrip("."), part) for column, part in named]


def ignored_columns(table: Table, row: Row) -> list[str]:
    """Names in a row that the table does not have; they are kept out."""
    return sorted(str(name) for name in row if name not in table.column_names)


def _get(service: Service, table: str, one_id: str) -> Row:
    return service.live.using(lambda store: store.row(table, one_id))


def _add_routes(table: str) -> None:
    model = row_model(TABLES[table])
    key = TABLES[table].key
    one_id = row_id(key)

    async def put(request: Request, service: InService, one: str, response: Response) -> Any:
        result, headers = await run_in_threadpool(_put, service, table, one, await _json(request))
        if isinstance(result, RowResult):
            return JSONResponse(result.model_dump(), 202, headers)
        response.headers.update(headers)
        return result

    def get(service: InService, one: str) -> Any:
        return _get(service, table, one)

    # The address names the key as the table does (`/v1/venues/{venue_id}`), so the annotation is made here.
    put.__annotations__["one"] = get.__annotations__["one"] = one_id

    address = f"/{table}/{{{key}}}"
    router.add_api_route(
        address,
        put,
        methods=["PUT"],
        response_model=model,
        responses={202: {"model": RowResult, "description": "Stored apart: waits for a row that it refers to"}},
        summary=f"Stores a row of {table}; the same id again replaces it",
        name=f"put_{table}",
        openapi_extra=_body_of(table, False),
    )
    router.add_api_route(
        address, get, methods=["GET"], response_model=model, summary=f"The row of {table}", name=f"get_{table}"
    )


for _table in _CATALOGUE:
    _add_routes(_table)
