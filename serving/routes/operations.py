"""Liveness, readiness, figures, and what each kind of problem means: for operators."""

from __future__ import annotations

import math

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from recsys.dataset import DEFAULT_TIMEZONE
from recsys.sentences import Language, Sentence
from serving.languages import language_of_problem
from serving.problems import KINDS, MEDIA_TYPE, RESPONSES, Problem, ProblemError, problem_response
from serving.schemas.apps import Health, Readiness
from serving.service import InService, Service

router = APIRouter(tags=["operators"])


class Unready(Readiness, Problem):
    """A problem with what there is."""


@router.get("/healthz")
async def healthz() -> Health:
    """The process is alive: says nothing of what it can answer, and waits for no other request."""
    return Health()


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Unready, "description": "Something is missing", "content": {MEDIA_TYPE: {}}}},
)
def readyz(service: InService, request: Request) -> Readiness | Response:
    """Whether whole answers can be given; if not, a problem (503) that holds the same figures and what is missing.

    A refused newer bundle is told, while the older one goes on answering and the service stays ready.
    """
    readiness = _readiness(service, language_of_problem(request))
    if readiness.ready:
        return readiness
    return problem_response(request, 503, "not-ready", "; ".join(readiness.problems), more=readiness)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: InService) -> Response:
    """Figures of this process for Prometheus."""
    parts, state = service.provider.current(), service.provider.state()
    age = math.nan if parts is None else (service.clock() - parts.data_until).total_seconds()
    service.metrics.bundle_age.set(age)
    service.metrics.bundle_refused.set(state.refused is not None)
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/problems/{kind}", responses={404: RESPONSES[404]})
def problem_kind(kind: str, request: Request) -> dict[str, str]:
    """What a problem's `type` means."""
    if kind not in KINDS:
        raise ProblemError(404, "not-found", f"there is no kind of problem {kind!r}")
    return {"type": f"/problems/{kind}", "title": KINDS[kind].told(language_of_problem(request))}


def _readiness(service: Service, lang: Language) -> Readiness:
    parts, state, now = service.provider.current(), service.provider.state(), service.clock()
    store_problem = service.live.problem()
    zone = DEFAULT_TIMEZONE if parts is None else parts.timezone
    until = None if parts is None else parts.data_until.tz_convert(zone)
    problems: list[Sentence] = []
    if parts is None:
        problems.append(
            Sentence("还没有可用的模型包；请先运行 `culture train`", "no bundle serves; `culture train` makes one")
        )
    else:
        problems += [
            Sentence(f"模型包里没有 {part}", f"the bundle was made without {part}") for part in parts.missing()
        ]
    if state.refused is not None:
        problems.append(Sentence(f"新的模型包不能用：{state.refused}", f"the champion is refused: {state.refused}"))
    if store_problem is not None:
        problems.append(store_problem)
    if until is not None and now < until:
        problems.append(
            Sentence(
                f"时钟早于模型包的数据（截至 {until:%Y-%m-%d %H:%M}）；请检查机器时间",
                f"the clock is behind the bundle's data, which reach until {until:%Y-%m-%d %H:%M}; set it right",
            )
        )
    return Readiness(
        ready=parts is not None and store_problem is None,
        now=now.tz_convert(zone).to_pydatetime(),
        bundle=None if parts is None else parts.name,
        data_until=None if until is None else until.to_pydatetime(),
        bundle_age_s=None if until is None else round((now - until).total_seconds(), 1),
        store="ok" if store_problem is None else "unreachable",
        problems=[one.told(lang) for one in problems],
    )
