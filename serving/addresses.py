"""Ids in addresses: they may hold any character, a slash too."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Path
from pydantic import AfterValidator
from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH = "\ufdd0"
"""Stands for a slash inside an id until the route has been found; a code point that no text holds."""


class SlashesInIds:
    """Tells an encoded slash (`%2F`, part of an id) from one between the parts of an address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decodes the path again where it holds an encoded slash."""
        raw = scope.get("raw_path") if scope["type"] == "http" else None
        if raw is not None and b"%2f" in raw.lower():
            path = raw.decode("ascii").replace("%2f", _SLASH).replace("%2F", _SLASH)
            scope = {**scope, "path": unquote(path)}
        await self._app(scope, receive, send)


def _with_slashes(value: str) -> str:
    return value.replace(_SLASH, "/")


_Text = AfterValidator(_with_slashes)
UserId = Annotated[str, Path(min_length=1, max_length=500, description="as the platform writes it"), _Text]
ActivityId = Annotated[str, Path(min_length=1, max_length=500), _Text]
VenueId = Annotated[str, Path(min_length=1, max_length=500), _Text]
RegionId = Annotated[str, Path(min_length=1, max_length=500), _Text]
TagName = Annotated[str, Path(min_length=1, max_length=1000, description="as the profile lists it"), _Text]


def row_id(key: str) -> object:
    """Type of the id of a row whose key column is `key`."""
    return Annotated[str, Path(alias=key, min_length=1, max_length=500), _Text]
