"""Rows that platforms send one by one: stored durably before the answer, under the rules of `culture ingest`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool

from features.store_rows import RowResult as StoredResult
from recsys.schema import TABLES, Table
from serving.live import UNREACHABLE, unreachable
from serving.problems import RESPONSES, FieldError, ProblemError, invalid
from serving.schemas.apps import RowResult, RowResults
from serving.schemas.rows import row_model
from serving.service import InService, Service

router = APIRouter(prefix="/v1", tags=["platforms"], responses=RESPONSES)

DEFAULT_PLATFORM = "default"
"""Where rows go before any platform has delivered."""

MAX_ROWS = 1000
MAX_BYTES = 8 * 1024 * 1024
_CATALOGUE = ("regions", "venues", "users", "activities", "sessions")
_STATUS = {"accepted": "accepted", "unchanged": "accepted", "quarantined": "waiting", "rejected": "rejected"}

Row = dict[str, Any]


def _body_of(table: str, many: bool) -> dict[str, Any]:
    """The request body in OpenAPI's words; it is read by hand, since a bad row must not spoil the others."""
    one = row_model(TABLES[table]).model_json_schema(ref_template="#/components/schemas/{model}")
    schema = {"oneOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_ROWS}]} if many else one
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def _json(request: Request) -> Any:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise _too_large()
    try:
        return json.loads(bytes(body).decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise invalid("body", "expected JSON in UTF-8") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _too_large() -> ProblemError:
    return ProblemError(413, "body-too-large", f"the body is larger than {MAX_BYTES // 1024 // 1024} MiB; send parts")


@router.post("/bookings", status_code=202, openapi_extra=_body_of("bookings", True), responses={413: RESPONSES[422]})
async def post_bookings(request: Request, service: InService) -> RowResults:
    """One booking or up to 1,000; the same `booking_id` again replaces the row, so a repeat does no harm."""
    rows = _many(await _json(request))
    return await run_in_threadpool(_store_many, service, "bookings", rows)


@router.post("/feedback", status_code=202, openapi_extra=_body_of("feedback", True), responses={413: RESPONSES[422]})
async def post_feedback(request: Request, service: InService) -> RowResults:
    """One event or up to 1,000; the same `feedback_id` again replaces the row."""
    rows = _many(await _json(request))
    return await run_in_threadpool(_store_many, service, "feedback", rows)


def _many(body: Any) -> list[Any]:
    rows = body if isinstance(body, list) else [body]
    if not rows:
        raise invalid("body", "expected one row or a list of 1 to 1,000")
    if len(rows) > MAX_ROWS:
        raise ProblemError(413, "too-many-rows", f"{len(rows)} rows in one request, at most {MAX_ROWS}; send parts")
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
            results[place] = _result(rows[place].get(contract.key), result)
    done = [r for r in results if r is not None]
    counts = {status: sum(r.status == status for r in done) for status in ("accepted", "waiting", "rejected")}
    for status, count in counts.items():
        service.metrics.rows.labels(table, status).inc(count)
    return RowResults(**counts, results=done)


def _result(key: object, stored: StoredResult) -> RowResult:
    status: Any = _STATUS[stored.status]
    return RowResult(key=None if key is None else str(key), status=status, reason=stored.reason or None)


def _shape_problem(row: Any) -> str | None:
    if not isinstance(row, dict):
        return "expected an object"
    nested = [str(name) for name, value in row.items() if isinstance(value, dict) or _is_nested(value)]
    return f"columns {nested} hold objects; expected text, number, true, false or a list of texts" if nested else None


def _is_nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(v, dict | list) for v in value)


def _platforms(service: Service) -> list[str]:
    try:
        return list(service.live.store().platforms())
    except UNREACHABLE as error:
        raise unreachable(error) from error


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
    try:
        results = service.live.store().upsert(platform, table, rows)
    except UNREACHABLE as error:
        raise unreachable(error) from error
    if table in _CATALOGUE:
        service.live.must_read()
    return results


def _put(service: Service, table: str, one_id: str, row: Any) -> Row:
    contract = TABLES[table]
    problem = _shape_problem(row)
    if problem is not None:
        raise invalid("body", problem)
    sent = row.get(contract.key)
    if sent is not None and str(sent) != one_id:
        raise invalid(f"body.{contract.key}", f"{sent!r} is not the id in the address, {one_id!r}")
    unknown = [name for name in row if name not in contract.column_names]
    if unknown:
        message = f"is no column of {table}; expected {', '.join(contract.column_names)}"
        errors = [FieldError(field=f"body.{name}", message=message) for name in unknown]
        raise ProblemError(422, "invalid-request", f"{unknown}: {message}", errors)
    whole = {**row, contract.key: one_id}
    platform, inside, problem = _to_platform(contract, whole, _platforms(service))
    if problem is not None:
        raise invalid(f"path.{contract.key}", problem)
    result = _upsert(service, platform, table, [inside])[0]
    service.metrics.rows.labels(table, _STATUS[result.status]).inc()
    if result.status in ("rejected", "quarantined"):
        raise invalid("body", result.reason)
    return _get(service, table, one_id)


def _get(service: Service, table: str, one_id: str) -> Row:
    try:
        return service.live.store().row(table, one_id)
    except UNREACHABLE as error:
        raise unreachable(error) from error


def _add_routes(table: str) -> None:
    model = row_model(TABLES[table])
    key = TABLES[table].key
    one_id = Annotated[str, Path(alias=key, min_length=1, max_length=500)]

    async def put(request: Request, service: InService, row_id: one_id) -> Any:
        return await run_in_threadpool(_put, service, table, row_id, await _json(request))

    def get(service: InService, row_id: one_id) -> Any:
        return _get(service, table, row_id)

    routes: list[tuple[str, Callable[..., Any], str, dict[str, Any] | None]] = [
        ("PUT", put, f"Stores a row of {table}; the same id again replaces it.", _body_of(table, False)),
        ("GET", get, f"The row of {table} as it is stored.", None),
    ]
    for method, endpoint, text, extra in routes:
        router.add_api_route(
            f"/{table}/{{{key}}}",
            endpoint,
            methods=[method],
            response_model=model,
            summary=text,
            name=f"{method.lower()}_{table}",
            openapi_extra=extra,
        )


for _table in _CATALOGUE:
    _add_routes(_table)
