"""The OpenAPI document as it holds: problems under their own media type, bodies read by hand as named schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from serving.problems import MEDIA_TYPE


def operation_id(route: APIRoute) -> str:
    """The name of the route's function: what a generated client calls the operation."""
    return route.name


def complete(app: FastAPI, bodies: Mapping[str, dict[str, Any]]) -> None:
    """Completes the document of an application when it is first asked for.

    Args:
        app: The application with all its routes.
        bodies: Schemas by name that routes refer to and the framework does not know.
    """
    of_framework = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = of_framework()
            document["components"]["schemas"].update(bodies)
            for operations in document["paths"].values():
                for operation in operations.values():
                    _as_problems(operation["responses"])
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _as_problems(responses: dict[str, Any]) -> None:
    """Puts the schema of each problem, which the framework declares under the route's own type, where it belongs."""
    for response in responses.values():
        content = response.get("content", {})
        if MEDIA_TYPE in content:
            response["content"] = {MEDIA_TYPE: next(one for media, one in content.items() if media != MEDIA_TYPE)}
