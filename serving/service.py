"""What every route works with: live rows, the bundle, figures and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pandas as pd
from fastapi import Depends, Request

from serving.champion import Provider
from serving.lists import ListStyle
from serving.metrics import Metrics
from serving.parts import BundleParts
from serving.rows.live import LiveData


@dataclass(frozen=True)
class Service:
    """Everything that a request may ask.

    Attributes:
        provider: Hands out the bundle that serves.
        live: Rows as they are now.
        metrics: Figures of this process.
        clock: The instant at which questions are answered.
        style: How lists are made after scoring.
    """

    provider: Provider[BundleParts]
    live: LiveData
    metrics: Metrics
    clock: Callable[[], pd.Timestamp]
    style: ListStyle


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


InService = Annotated[Service, Depends(_service)]


async def _request_id(request: Request) -> str:
    return str(request.state.request_id)


RequestId = Annotated[str, Depends(_request_id)]
