"""The application: routes, problems, figures, pages, joined around one `Service`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pandas as pd
from fastapi import Depends, FastAPI
from fastapi.concurrency import run_in_threadpool

from features.store.store import Store
from serving.champion import Provider
from serving.edge import HeadAsGet, LimitedBody, SlashesInIds, parameters_by_the_letter
from serving.failures import ToldFailures, install_problem_handlers
from serving.lists import ListStyle
from serving.metrics import Metrics, Observed
from serving.openapi import complete, operation_id
from serving.parts import BundleParts
from serving.privacy import NotKept, OwnPagesOnly
from serving.problems import RESPONSES
from serving.routes import (
    access,
    catalogue,
    demand,
    list_policy,
    live_rows,
    openings,
    operations,
    pages,
    participation,
    people,
    recommendations,
)
from serving.rows.live import LiveData
from serving.service import Service

TITLE = "Culture: recommendations and demand"
_VERSION = "1"
ABOUT = """Ranks cultural activities, forecasts demand, suggests where to open classes.

Times are ISO 8601 with their offset: in rows as they are stored that of UTC, else that of the data's zone; in
questions without an offset that of Asia/Shanghai. `from` is included, `to` and `until` are not. Lengths are in
kilometres, shares from 0 to 1, prices in yuan, weekdays from 1 (Monday). Errors are problems of RFC 9457, sentences
in the language that `lang` or `Accept-Language` asks for (`zh` or `en`). Long lists come in parts: ask for `next`
until it is null.
"""
_ROUTES = (
    recommendations,
    catalogue,
    demand,
    participation,
    access,
    people,
    live_rows,
    list_policy,
    openings,
    operations,
    pages,
)
"""In the order of the page of routes."""


def now_utc() -> pd.Timestamp:
    """This instant."""
    return pd.Timestamp.now(tz="UTC")


def create_app(
    provider: Provider[BundleParts],
    open_store: Callable[[], Store],
    *,
    clock: Callable[[], pd.Timestamp] = now_utc,
    style: ListStyle | None = None,
) -> FastAPI:
    """The service on a provider of bundles and a store of live rows.

    The store is opened on start; while it cannot be reached the service runs, says so under `/readyz`, answers what
    the bundle alone can answer, and tries again with each request.

    Args:
        provider: Started and stopped with the application.
        open_store: Opens the store; called again after a failure.
        clock: Instant at which questions are answered.
        style: How lists are made after scoring.
    """
    live = LiveData(open_store, clock)
    service = Service(provider, live, Metrics.new(), clock, style or ListStyle())
    app = FastAPI(
        title=TITLE,
        version=_VERSION,
        description=ABOUT,
        lifespan=_running(provider, live),
        docs_url=None,
        redoc_url=None,
        responses={one: RESPONSES[one] for one in (422, "default")},
        generate_unique_id_function=operation_id,
        dependencies=[Depends(parameters_by_the_letter)],
    )
    app.state.service = service
    app.state.list_turns = recommendations.list_turns(service)
    install_problem_handlers(app)
    for part in _ROUTES:
        app.include_router(part.router)
    pages.mount_static(app)
    complete(app, live_rows.BODIES)
    app.add_middleware(ToldFailures)
    app.add_middleware(LimitedBody)
    app.add_middleware(SlashesInIds)
    app.add_middleware(HeadAsGet)
    app.add_middleware(OwnPagesOnly)
    app.add_middleware(NotKept)
    app.add_middleware(Observed, metrics=service.metrics)
    return app


def _running(provider: Provider[BundleParts], live: LiveData) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Provider and live rows, running while the application does."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(provider.start)
        await run_in_threadpool(live.start)
        yield
        await run_in_threadpool(provider.stop)
        await run_in_threadpool(live.stop)

    return lifespan
