"""Errors as RFC 9457 problem details: every answer that is not a success has this one form."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from pydantic_core import ErrorDetails
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from recsys.errors import DataError, RecsysError, UnknownIdError, expected
from serving.metrics import route_of

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger("serving")


class FieldError(BaseModel):
    """One broken field."""

    field: str = Field(description="where: `query.k`, `body.0.booked_at`, `path.venue_id`")
    message: str = Field(description="what was expected")


class Problem(BaseModel):
    """A problem as RFC 9457 writes it."""

    type: str = Field(description="kind of problem, the same for every occurrence", examples=["/problems/unknown-id"])
    title: str = Field(description="the kind in words")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="this occurrence: what, which value, what to do")
    instance: str | None = Field(default=None, description="path of the request")
    request_id: str | None = Field(default=None, description="id under which the request was logged")
    errors: list[FieldError] = Field(default_factory=list, description="every broken field, when a request is invalid")


class ProblemError(Exception):
    """Stops a request with a problem."""

    def __init__(self, status: int, kind: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = list(errors)
        super().__init__(detail)


KINDS: dict[str, str] = {
    "invalid-request": "The request breaks the rules of this route",
    "unknown-id": "No row carries this id",
    "not-found": "There is nothing at this address",
    "method-not-allowed": "This address does not take this method",
    "too-many-rows": "Too many rows in one request",
    "body-too-large": "The body is too large",
    "not-ready": "The service has nothing to answer this from yet",
    "store-unavailable": "The store of live rows cannot be reached",
    "cannot-answer": "The question cannot be answered from the data there are",
    "http-error": "The request was refused",
    "internal-error": "The service failed",
}
"""Kinds of problem and their titles."""

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in (
        (404, "Unknown id or address"),
        (422, "Invalid request: `errors` names every broken field"),
        (503, "The store or the bundle is not there"),
    )
}
"""What routes declare beside their own answer."""


def invalid(field: str, message: str) -> ProblemError:
    """A request whose one field breaks a rule."""
    return ProblemError(422, "invalid-request", f"{field}: {message}", [FieldError(field=field, message=message)])


def unknown(what: str, one_id: str) -> ProblemError:
    """An id that no row carries; the id is the caller's own, so it may be said."""
    return ProblemError(404, "unknown-id", f"no {what} has the id {one_id!r}")


def problem_response(
    request: Request, status: int, kind: str, detail: str, errors: Sequence[FieldError] = ()
) -> JSONResponse:
    """The answer that carries a problem."""
    problem = Problem(
        type=f"/problems/{kind}",
        title=KINDS[kind],
        status=status,
        detail=detail,
        instance=request.url.path,
        request_id=getattr(request.state, "request_id", None),
        errors=list(errors),
    )
    return JSONResponse(problem.model_dump(exclude_none=True), status, media_type=MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RecsysError, _on_recsys)
    app.add_exception_handler(OperationalError, _on_store)
    app.add_exception_handler(InterfaceError, _on_store)
    app.add_exception_handler(Exception, _on_failure)


def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return problem_response(request, error.status, error.kind, error.detail, error.errors)


def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(field=".".join(str(part) for part in e["loc"]) or "body", message=_sentence(e))
        for e in error.errors()
    ]
    detail = "; ".join(f"{e.field}: {e.message}" for e in errors)
    return problem_response(request, 422, "invalid-request", detail, errors)


def _sentence(found: ErrorDetails) -> str:
    if found["type"] == "extra_forbidden":
        return "this parameter does not exist here"
    # What stands in a body may be of a person.
    return expected(found, is_shown=found["loc"][0] == "query")


def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # What the framework says of a body whose bytes are no text.
        return _on_problem(request, invalid("body", "expected JSON in UTF-8"))
    kind = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}.get(error.status_code, "http-error")
    detail = error.detail
    if kind == "not-found":
        detail = f"{request.method} {request.url.path} leads nowhere; /openapi.json lists every route"
    elif kind == "method-not-allowed":
        detail = f"{request.method} is not for {request.url.path}; see the Allow header"
    response = problem_response(request, error.status_code, kind, detail or HTTPStatus(error.status_code).phrase)
    response.headers.update(error.headers or {})
    return response


def _on_recsys(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, UnknownIdError):
        return problem_response(request, 404, "unknown-id", str(error))
    if isinstance(error, DataError):
        return problem_response(request, 422, "cannot-answer", str(error))
    return problem_response(request, 503, "not-ready", str(error))


def _on_store(request: Request, error: Exception) -> JSONResponse:
    _log.error("store cannot be reached: %s", type(error).__name__)
    return problem_response(
        request, 503, "store-unavailable", "the store of live rows cannot be reached; try again in a moment"
    )


def _on_failure(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, route_of(request.scope), exc_info=error)
    response = problem_response(request, 500, "internal-error", "something went wrong; the request id helps to find it")
    # The server closes a connection after a failure: who is not told sends the next request into it.
    response.headers["Connection"] = "close"
    return response
