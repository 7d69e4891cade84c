"""The two web pages and what they are made of; nothing is fetched from other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent.parent / "pages"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@router.get("/")
def visitor_page() -> FileResponse:
    """What is on: for visitors."""
    return FileResponse(_FOLDER / "visitor.html", headers=_HEADERS)


@router.get("/planner")
def planner_page() -> FileResponse:
    """Forecasts, gaps, openings, use, participation: for planners."""
    return FileResponse(_FOLDER / "planner.html", headers=_HEADERS)


@router.get("/favicon.ico")
def icon() -> FileResponse:
    """The icon."""
    return FileResponse(_FOLDER / "static" / "icon.svg", media_type="image/svg+xml", headers=_HEADERS)


class _Files(StaticFiles):
    """Files that a browser asks for again each time: a page must not run the scripts of the version before."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        """The file, or that it has not changed, with the headers of the pages."""
        response = super().file_response(*args, **more)
        response.headers.update(_HEADERS)
        return response


def mount_static(app: FastAPI) -> None:
    """Serves scripts and styles of the pages."""
    app.mount("/static", _Files(directory=_FOLDER / "static"), name="static")
