"""Three questions to a running service, and its answers in a few lines: the end of the demo."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

_DEADLINE_S = 120.0


def ask_examples(address: str) -> Iterator[str]:
    """Waits until the service is ready and asks it what an app, a visitor and a planner would.

    Args:
        address: For example `http://127.0.0.1:8000`.
    """
    if not _wait_until_ready(address):
        yield f"{address} does not become ready; see {address}/readyz"
        return
    yield f"serving at {address} (planners: {address}/planner)"
    regions = _get(f"{address}/v1/regions?with_venues=true&limit=3")["items"]
    path = "/v1/recommendations?k=3&lang=en"
    yield from _shown(address, path, [_session(row) for row in _get(address + path)["items"]])
    region = quote(regions[-1]["region_id"], safe="")
    path = f"/v1/demand/forecasts?region_id={region}&target=demand&horizon=1&limit=3"
    yield from _shown(address, path, [_series(row) for row in _get(address + path)["items"]])
    path, body = "/v1/classes/suggestions?lang=en", {"budget": 3}
    answer = _get(address + path, body)
    yield from _shown(address, f"{path}  {json.dumps(body)}", [_suggestion(row) for row in answer["items"]])


def _shown(address: str, path: str, lines: list[str]) -> list[str]:
    return ["", f"{address}{path}", *(f"  {line}" for line in lines or ["(nothing)"])]


def _session(row: dict[str, Any]) -> str:
    reasons = "; ".join(row["reasons"])
    return f"{row['rank']}. {row['title']} | {row['category']} | {row['starts_at'][:16]} | {row['source']} | {reasons}"


def _series(row: dict[str, Any]) -> str:
    week = row["forecast"][0]
    return (
        f"{row['region']}, {row['category']}: {week['mean']:.1f} places in the week of {week['week_start']}"
        f" (80 %: {week['q0.1']:.0f} to {week['q0.9']:.0f})"
    )


def _suggestion(row: dict[str, Any]) -> str:
    return (
        f"{row['rank']}. {row['category']} at {row['venue']['name']}, weekday {row['weekday']} {row['start_time']}:"
        f" about {row['expected_attendance']:.1f} people a week, {row['newly_reached']:.1f} of them new"
    )


def _wait_until_ready(address: str) -> bool:
    pause, deadline = threading.Event(), time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        try:
            if _get(f"{address}/readyz")["ready"]:
                return True
        except (urllib.error.URLError, OSError):
            pass
        pause.wait(0.3)
    return False


def _get(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
