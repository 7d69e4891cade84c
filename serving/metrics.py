"""What operators see: Prometheus figures and an access log that holds no personal data."""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_access = logging.getLogger("serving.access")
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Metrics:
    """The figures of one process, on a registry of their own."""

    registry: CollectorRegistry
    requests: Counter
    latency: Histogram
    lists: Counter
    rows: Counter
    bundle_age: Gauge
    bundle_refused: Gauge

    @classmethod
    def new(cls) -> Metrics:
        """All figures at zero."""
        registry = CollectorRegistry()
        return cls(
            registry,
            Counter("culture_requests", "Requests", ("method", "route", "status"), registry=registry),
            Histogram(
                "culture_request_seconds", "Time to answer", ("method", "route"), registry=registry, buckets=_BUCKETS_S
            ),
            Counter("culture_lists", "Lists by the source of their first row", ("source",), registry=registry),
            Counter("culture_rows", "Rows sent by platforms", ("table", "outcome"), registry=registry),
            Gauge("culture_bundle_age_seconds", "Now less the bundle's data_until; NaN without one", registry=registry),
            Gauge("culture_bundle_refused", "1 while the champion is damaged and not served", registry=registry),
        )


class Observed:
    """Gives each request an id, counts it and writes one line: method, route pattern, status, time.

    The pattern stands for the address, so that no user's id reaches the log.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hands an HTTP request on and observes its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        began = time.perf_counter()

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            self._count(scope, status, time.perf_counter() - began, request_id)

    def _count(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = route_of(scope)
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.latency.labels(method, route).observe(seconds)
        _access.info("%s %s %d %.1fms %s", method, route, status, 1000 * seconds, request_id)


def route_of(scope: Scope) -> str:
    """Pattern of the route that a request found; it holds no id.

    What is mounted, the pages' own files, has no route but the place where it hangs.
    """
    return getattr(scope.get("route"), "path", None) or scope.get("root_path") or "unknown"


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
