"""What every route works with: live rows, the bundle, figures and the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import pandas as pd
from fastapi import Depends, Request

from serving.champion import Provider
from serving.lists import ListStyle
from serving.live import LiveData
from serving.metrics import Metrics
from serving.parts import BundleParts

Language = Literal["zh", "en"]


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


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


InService = Annotated[Service, Depends(_service)]


def _request_id(request: Request) -> str:
    return str(request.state.request_id)


RequestId = Annotated[str, Depends(_request_id)]


def language(request: Request, asked: Language | None) -> Language:
    """The language asked for by `lang`, else the one that Accept-Language prefers, else Chinese.

    Quality values are honoured; a language that is neither Chinese nor English is passed over.
    """
    if asked is not None:
        return asked
    best: tuple[float, Language] = (0.0, "zh")
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameters = part.strip().partition(";")
        name = tag.strip().lower().split("-")[0]
        try:
            quality = float(parameters.strip().removeprefix("q=")) if parameters.strip().startswith("q=") else 1.0
        except ValueError:
            continue
        if name in ("zh", "en") and quality > best[0]:
            best = (quality, "zh" if name == "zh" else "en")
    return best[1]


def sentence(lang: Language, zh: str, en: str) -> str:
    """The sentence in the language asked for."""
    return zh if lang == "zh" else en
