"""What goes wrong in a request, made a problem: what routes raise, what the framework refuses, what nobody foresaw."""

from __future__ import annotations

import logging
from http import HTTPMethod, HTTPStatus
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.errors import DataError, RecsysError, UnknownIdError
from recsys.sentences import Sentence
from serving.languages import broken_rule
from serving.metrics import route_of
from serving.problems import (
    STORE_AWAY,
    Fault,
    ProblemError,
    address_of,
    all_invalid,
    not_json,
    problem_response,
    unknown,
)

_log = logging.getLogger("serving")
_FAILED = Sentence("服务出了差错；凭请求编号可以查找原因", "something went wrong; the request id helps to find it")


def install_problem_handlers(app: FastAPI) -> None:
    """Makes every error of `app` a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RecsysError, _on_recsys)
    app.add_exception_handler(OperationalError, _on_store)
    app.add_exception_handler(InterfaceError, _on_store)


def _on_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    response = problem_response(request, error.status, error.kind, error.detail, error.faults)
    response.headers.update(error.headers)
    return response


def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [Fault(".".join(str(part) for part in e["loc"]) or "body", broken_rule(e)) for e in error.errors()]
    return _on_problem(request, all_invalid(faults))


_KINDS_BY_STATUS = {
    404: "not-found",
    405: "method-not-allowed",
    408: "body-too-slow",
    413: "body-too-large",
}


def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # What the framework says of a body that cannot be read.
        why = error.__cause__
        return _on_problem(request, not_json(why if isinstance(why, ValueError) else ValueError(error.detail)))
    kind = _KINDS_BY_STATUS.get(error.status_code, "http-error")
    detail: Sentence | str = error.detail
    asked = f"{request.method} {unquote(address_of(request))}"
    if kind == "not-found":
        detail = Sentence(
            f"没有 {asked}；/openapi.json 列出了所有地址", f"{asked} leads nowhere; /openapi.json lists every route"
        )
    elif kind == "method-not-allowed":
        detail = Sentence(f"不支持 {asked}；见 Allow 头", f"no {asked} here; see the Allow header")
    response = problem_response(request, error.status_code, kind, detail or HTTPStatus(error.status_code).phrase)
    response.headers.update(error.headers or {})
    if kind == "method-not-allowed":
        response.headers["Allow"] = ", ".join(_methods_here(request))
    return response


def _methods_here(request: Request) -> list[str]:
    """Methods that the address takes; the framework names those of the first route it finds there alone."""
    taken = {
        str(method)
        for method in HTTPMethod
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    }
    return sorted(taken | {"HEAD"} if "GET" in taken else taken)


def _on_recsys(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, UnknownIdError):
        return problem_response(request, 404, "unknown-id", unknown(error))
    if isinstance(error, DataError):
        return problem_response(request, 422, "cannot-answer", str(error))
    return problem_response(request, 503, "not-ready", str(error))


def _on_store(request: Request, error: Exception) -> JSONResponse:
    _log.error("store cannot be reached: %s", type(error).__name__)
    return problem_response(request, 503, "store-unavailable", STORE_AWAY)


class ToldFailures:
    """Makes what no handler knows a problem too, within all that is added to every answer; logged once, with its id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers in the place of what failed, unless it has begun to answer."""
        has_begun = False

        async def send_seen(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_seen)
        except Exception as error:
            if scope["type"] != "http" or has_begun:
                raise
            request_id = scope.get("state", {}).get("request_id")
            _log.error("%s %s failed (%s)", scope["method"], route_of(scope), request_id, exc_info=error)
            await problem_response(Request(scope), 500, "internal-error", _FAILED)(scope, receive, send)
