"""Errors as RFC 9457 problem details: every answer that is not a success has this one form, in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from recsys.errors import UnknownIdError
from recsys.sentences import Language, Sentence
from serving.languages import language_of_problem

MEDIA_TYPE = "application/problem+json"


class FieldError(BaseModel):
    """One broken field."""

    field: str = Field(description="where: `query.k`, `body.must_open.0.venue_id`, `path.venue_id`")
    message: str = Field(description="what was expected")


@dataclass(frozen=True)
class Fault:
    """One broken field, before the language of the answer is known."""

    field: str
    message: Sentence | str


class Problem(BaseModel):
    """A problem as RFC 9457 writes it."""

    type: str = Field(description="kind of problem, the same for every occurrence", examples=["/problems/unknown-id"])
    title: str = Field(description="the kind in words")
    status: int = Field(description="HTTP status")
    detail: str = Field(description="this occurrence: what, which value, what to do")
    instance: str | None = Field(default=None, description="path of the request, as it was sent")
    request_id: str | None = Field(default=None, description="id under which the request was logged")
    errors: list[FieldError] = Field(default_factory=list, description="every broken field, when a request is invalid")


class ProblemError(Exception):
    """Stops a request with a problem."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: Sentence | str,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        self.faults = list(faults)
        self.headers = dict(headers or {})
        super().__init__(_told(detail, "en"))


KINDS: dict[str, Sentence] = {
    "invalid-request": Sentence("请求不合要求", "The request breaks the rules of this route"),
    "unknown-id": Sentence("没有这个编号", "No row carries this id"),
    "not-found": Sentence("这个地址什么也没有", "There is nothing at this address"),
    "method-not-allowed": Sentence("这个地址不支持这种请求", "This address does not take this method"),
    "too-many-rows": Sentence("一次请求的行数太多", "Too many rows in one request"),
    "body-too-large": Sentence("请求内容太大", "The body is too large"),
    "body-too-slow": Sentence("请求内容来得太慢", "The body did not come in time"),
    "other-site": Sentence("只回应本机自己的网页和程序", "Only this machine's own pages and programs are answered"),
    "not-ready": Sentence("还没有可用的结果", "The service has nothing to answer this from yet"),
    "store-unavailable": Sentence("数据库暂时连不上", "The store of live rows cannot be reached"),
    "too-busy": Sentence("现在请求太多", "Too many are asking now"),
    "cannot-answer": Sentence("现有数据无法回答", "The question cannot be answered from the data there are"),
    "http-error": Sentence("请求被拒绝", "The request was refused"),
    "internal-error": Sentence("服务出错了", "The service failed"),
}
"""Kinds of problem and their titles."""

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in (
        (404, "Unknown id or address"),
        (422, "Invalid request: `errors` names every broken field"),
        (503, "The store or the bundle is not there, or too many wait for a list (`Retry-After` says for how long)"),
        ("default", "Any other: another site asks (403, 421), the body is too large (413), too slow (408), a failure"),
    )
}
"""What routes declare beside their own answer."""


STORE_AWAY = Sentence(
    "数据库暂时连不上，请稍后再试",
    "the store of live rows cannot be reached; check the database and try again in a moment",
)


def invalid(field: str, message: Sentence | str) -> ProblemError:
    """A request whose one field breaks a rule."""
    return all_invalid([Fault(field, message)])


def not_ready(zh: str, en: str) -> ProblemError:
    """What `culture train` makes and nobody has made yet."""
    return ProblemError(
        503, "not-ready", Sentence(f"{zh}；请先运行 `culture train`", f"{en} yet; `culture train` does it")
    )


def not_json(error: ValueError) -> ProblemError:
    """A body that cannot be read: what stands in the way, and where."""
    return invalid("body", Sentence(f"应为 UTF-8 编码的 JSON（{error}）", f"expected JSON in UTF-8: {error}"))


def unknown(error: UnknownIdError) -> Sentence:
    """Ids that no row carries."""
    return Sentence(f"没有编号为 {'、'.join(error.ids[:3])} 的记录，请检查编号", str(error))


def all_invalid(faults: Sequence[Fault]) -> ProblemError:
    """A request whose fields break rules."""
    zh, en = ("; ".join(f"{one.field}: {_told(one.message, lang)}" for one in faults) for lang in get_args(Language))
    return ProblemError(422, "invalid-request", Sentence(zh, en), faults)


def problem_response(
    request: Request,
    status: int,
    kind: str,
    detail: Sentence | str,
    faults: Sequence[Fault] = (),
    more: BaseModel | None = None,
) -> JSONResponse:
    """The answer that carries a problem, in the language that the request prefers, with further members if any."""
    lang = language_of_problem(request)
    problem = Problem(
        type=f"/problems/{kind}",
        title=KINDS[kind].told(lang),
        status=status,
        detail=_told(detail, lang),
        instance=address_of(request),
        request_id=getattr(request.state, "request_id", None),
        errors=[FieldError(field=one.field, message=_told(one.message, lang)) for one in faults],
    )
    members = {} if more is None else more.model_dump(mode="json")
    return JSONResponse(problem.model_dump(exclude_none=True) | members, status, media_type=MEDIA_TYPE)


def _told(words: Sentence | str, lang: Language) -> str:
    return words if isinstance(words, str) else words.told(lang)


def address_of(request: Request) -> str:
    """The path as it was sent, a URI reference: a slash or a blank in an id stays encoded."""
    sent = request.scope.get("raw_path") or request.url.path.encode()
    return quote(sent, safe="/%!$&'()*+,;=:@")
