"""The two web pages and what they are made of; nothing is fetched from other hosts."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent.parent / "pages"
_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
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
    return FileResponse(_FOLDER / "static" / "icon.svg", media_type="image/svg+xml")


def mount_static(app: FastAPI) -> None:
    """Serves scripts and styles of the pages."""
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"), name="static")
