"""Which language an answer speaks, and broken rules of requests in Chinese."""

from __future__ import annotations

from fastapi import Request
from pydantic_core import ErrorDetails, PydanticCustomError

from recsys.errors import expected
from recsys.sentences import Language, Sentence, in_one

_CHINESE = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这个参数",
    "repeated": "只能给出一次",
    "greater_than_equal": "不能小于 {ge}",
    "greater_than": "必须大于 {gt}",
    "less_than_equal": "不能大于 {le}",
    "less_than": "必须小于 {lt}",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "int_from_float": "应为整数",
    "float_parsing": "应为数字",
    "float_type": "应为数字",
    "finite_number": "应为有限的数字",
    "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false",
    "string_type": "应为文字",
    "string_too_short": "不能为空",
    "string_too_long": "不能超过 {max_length} 个字",
    "too_long": "最多 {max_length} 项",
    "literal_error": "应为 {expected} 之一",
    "datetime_parsing": "应为 ISO 8601 时间",
    "datetime_from_date_parsing": "应为 ISO 8601 时间",
    "list_type": "应为列表 [...]",
    "tuple_type": "应为列表 [...]",
    "dict_type": "应为对象 {{...}}",
    "model_type": "应为对象 {{...}}",
    "model_attributes_type": "应为对象 {{...}}",
    "sentence": "{zh}",
}
"""By pydantic's kind of error; a kind that is not here is told in English."""


def broken(*rules: Sentence) -> PydanticCustomError:
    """What a check of a request raises: rules that it breaks, in both languages."""
    return PydanticCustomError("sentence", "{en}", {"en": in_one(rules, "en"), "zh": in_one(rules, "zh")})


def language(request: Request, asked: Language | None, otherwise: Language = "zh") -> Language:
    """The language asked for by `lang`, else the one that Accept-Language prefers, else the last.

    Quality values are honoured; a language that is neither Chinese nor English is passed over.
    """
    if asked is not None:
        return asked
    best: tuple[float, Language] = (0.0, otherwise)
    for part in request.headers.get("accept-language", "").lower().split(","):
        tag, *parameters = (one.strip() for one in part.split(";"))
        name, quality = tag.split("-")[0], _quality(parameters)
        if name in ("zh", "en") and quality > best[0]:
            best = (quality, "zh" if name == "zh" else "en")
    return best[1]


def _quality(parameters: list[str]) -> float:
    """Quality value among the parameters of a language: 1 without one, 0 where it is none."""
    stated = next((one for one in parameters if one.startswith("q=")), "q=1")
    try:
        quality = float(stated.removeprefix("q="))
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


def language_of_problem(request: Request) -> Language:
    """As `language`, but English where nothing is said: who sends no Accept-Language is a programme."""
    asked: dict[str, Language] = {"zh": "zh", "en": "en"}
    return language(request, asked.get(request.query_params.get("lang", "")), otherwise="en")


def broken_rule(found: ErrorDetails) -> Sentence:
    """What was expected in one place of a request."""
    if isinstance(found["input"], bytes):
        # Not read as JSON at all, for want of the header: every client that states none falls into this.
        return Sentence("请加上请求头 Content-Type: application/json", "send it with Content-Type: application/json")
    # What stands in a body may be of a person.
    is_shown = found["loc"][0] == "query"
    en = "this parameter does not exist here" if found["type"] == "extra_forbidden" else expected(found, is_shown)
    zh = _CHINESE.get(found["type"])
    if zh is None:
        return Sentence(en, en)
    limits = {name: _limit(name, value) for name, value in found.get("ctx", {}).items()}
    return Sentence(zh.format(**limits), en)


def _limit(name: str, value: object) -> object:
    """A number without a decimal that says nothing; words that may stand somewhere as Chinese lists them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return str(value).replace(" or ", "、").replace(", ", "、") if name == "expected" else value
