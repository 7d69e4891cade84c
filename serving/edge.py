"""What stands between the socket and the routes: slashes in ids, HEAD, bodies too long, too slow or no JSON."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_origin
from urllib.parse import unquote

from fastapi import Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BaseModel
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recsys.sentences import Sentence
from serving.languages import broken
from serving.params import LONGEST_OUTSIDE_ID

MAX_BYTES = 8 * 1024 * 1024
"""Longest body of a request."""

_AT_ONCE = 64 * 1024
"""A body of so many bytes is read in about a millisecond, which is less than a thread is worth."""

PAUSE_S = 10.0
"""Longest time in which nothing of a body comes."""

BODY_S = 25.0
"""A body has so long to come: the service, told to end, waits a little longer for the answers under way."""

_SLASH = "\ufdd0"
"""Stands for a slash inside an id until the route has been found; a code point that no text holds."""


_ASKED_AS = "culture.asked_as"
"""In a scope that was changed for a route: the method as it was asked."""


class SlashesInIds:
    """Tells an encoded slash (`%2F`, part of an id) from one between the parts of an address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decodes the path again where it holds an encoded slash."""
        raw = scope.get("raw_path") if scope["type"] == "http" else None
        if raw is not None and b"%2f" in raw.lower():
            path = raw.decode("ascii").replace("%2f", _SLASH).replace("%2F", _SLASH)
            # In place: who stands before this reads the route that was found.
            scope["path"] = unquote(path)
        await self._app(scope, receive, send)


class HeadAsGet:
    """Answers HEAD wherever there is GET (RFC 9110, 9.1); the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Asks the route for what GET gives."""
        if scope.get("method") != "HEAD":
            await self._app(scope, receive, send)
            return
        as_get = {**scope, "method": "GET", _ASKED_AS: "HEAD"}
        try:
            await self._app(as_get, receive, send)
        finally:
            # Who stands before this reads the route that was found.
            scope.update({**as_get, "method": "HEAD"})


def is_shown(request: Request) -> bool:
    """Whether who asks sees the body: with HEAD nobody does."""
    return request.scope.get(_ASKED_AS) != "HEAD"


class LimitedBody:
    """Refuses a body of more than `MAX_BYTES`, whether its length was announced or not, and one that does not come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts what is read, and the time, and stops the request once it is too much."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        n_read, is_whole, due = 0, False, math.inf

        async def receive_limited() -> Message:
            nonlocal n_read, is_whole, due
            if is_whole:
                # What may follow is that the other side goes away.
                return await receive()
            now = time.monotonic()
            due = min(due, now + BODY_S)
            try:
                async with asyncio.timeout(min(PAUSE_S, due - now)):
                    message = await receive()
            except TimeoutError:
                told = f"nothing of the body came for {PAUSE_S:g} s, or it took over {BODY_S:g} s; send it again"
                raise HTTPException(408, told, {"Connection": "close"}) from None
            n_read += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if n_read > MAX_BYTES:
                raise HTTPException(413, f"the body is larger than {MAX_BYTES // 1024 // 1024} MiB; send parts")
            return message

        await self._app(scope, receive_limited, send)


def read_json(body: bytes) -> Any:
    """What a body says, by the letter.

    Half of a surrogate pair, which an escape can write, is no text, and of two values of one name only one would count:
    both are refused like all else that is not I-JSON (RFC 7493).

    Raises:
        ValueError: what stands in the way.
    """
    found = from_json(body, allow_inf_nan=False)
    # By now it is JSON, and not deep. Numbers are not read again: text of any length will do.
    json.loads(body, object_pairs_hook=_named_once, parse_int=str, parse_float=str)
    return found


async def json_of(request: Request) -> Any:
    """What a request's body says, by the letter; a long one is read beside the loop, where other answers go on.

    Raises:
        ValueError: what stands in the way.
    """
    body = await request.body()
    return read_json(body) if len(body) <= _AT_ONCE else await run_in_threadpool(read_json, body)


def _named_once(members: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ValueError(f"{twice[:100]!r} stands more than once in an object, expected once")


class _JsonRequest(Request):
    async def json(self) -> Any:
        return await json_of(self)


class JsonRoute(APIRoute):
    """A route that takes JSON by the letter: what it was sent can be stored and told again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As of any route, but for how the body is read."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_JsonRequest(request.scope, request.receive))

        return strict


async def parameters_by_the_letter(request: Request) -> None:
    """Refuses parameters that would have no effect: a second one of a name that takes one value, or any unknown.

    Routes with parameters refuse unknown ones by the model of them; those without take the language of problems.
    """
    route, sent = request.scope.get("route"), request.query_params
    if not isinstance(route, APIRoute) or not route.path.startswith("/v1/"):
        return
    names = [name for name, _ in sent.multi_items()]
    repeated = {name for name in names if names.count(name) > 1} - _taking_several(route)
    unknown = set() if route.dependant.query_params else set(names) - {"lang"}
    found = [(name, "extra_forbidden", "") for name in sorted(unknown)]
    found += [(name, "repeated", "stands there more than once, expected one value") for name in sorted(repeated)]
    if found:
        raise RequestValidationError(
            [{"type": kind, "loc": ("query", name), "msg": words, "input": None} for name, kind, words in found]
        )


def _taking_several(route: APIRoute) -> set[str]:
    """Names of the parameters that may be repeated."""
    models = [parameter.field_info.annotation for parameter in route.dependant.query_params]
    return {
        field.alias or name
        for model in models
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) is list
    }


def without_nul(value: str) -> str:
    """The text itself; one with a NUL character, which no store holds, is refused."""
    if "\0" in value:
        raise broken(Sentence("不能含有 NUL 字符", "must not hold a NUL character"))
    return value


def _with_slashes(value: str) -> str:
    return without_nul(value.replace(_SLASH, "/"))


_Text = AfterValidator(_with_slashes)
UserId = Annotated[
    str, Path(min_length=1, max_length=LONGEST_OUTSIDE_ID, description="as the platform writes it"), _Text
]
ActivityId = Annotated[str, Path(min_length=1, max_length=LONGEST_OUTSIDE_ID), _Text]
VenueId = Annotated[str, Path(min_length=1, max_length=LONGEST_OUTSIDE_ID), _Text]
RegionId = Annotated[str, Path(min_length=1, max_length=LONGEST_OUTSIDE_ID), _Text]
RuleId = Annotated[str, Path(min_length=1, max_length=500), _Text]
TagName = Annotated[str, Path(min_length=1, max_length=1000, description="as the profile lists it"), _Text]


def row_id(key: str) -> object:
    """Type of the id of a row whose key column is `key`."""
    return Annotated[str, Path(alias=key, min_length=1, max_length=LONGEST_OUTSIDE_ID), _Text]
