"""Groups of people in words: names that programmes read, told in a person's language."""

from __future__ import annotations

import re

from recsys.sentences import Sentence

_SMALL = {"other": Sentence("其他（人少的组）", "others (small groups)")}

_NAMES = {
    "unknown": Sentence("未知", "unknown"),
    "age unknown": Sentence("年龄未知", "age unknown"),
    "distance unknown": Sentence("距离未知", "distance unknown"),
}
"""Names that stand in any grouping."""

_OF = {
    "age": _SMALL,
    "distance": _SMALL,
    "township": _SMALL,
    "gender": {"f": Sentence("女", "female"), "m": Sentence("男", "male")},
    "channel": {
        "app": Sentence("手机应用", "app"),
        "wechat": Sentence("微信", "WeChat"),
        "tv": Sentence("电视", "television"),
        "portal": Sentence("门户网站", "portal"),
    },
    "region": {"all": Sentence("全部", "all")},
}
"""Names of one grouping."""

_FORMS = {
    "age": (
        (r"under (\d+)", r"\1 岁以下", r"under \1"),
        (r"(\d+)(?: and over|\+)", r"\1 岁及以上", r"\1 and over"),
        (r"(\d+)-(\d+)", r"\1 至 \2 岁", r"\1-\2"),
    ),
    "distance": (
        (r"over ([\d.]+) km", r"\1 公里以上", r"over \1 km"),
        (r"([\d.]+)-([\d.]+) km", r"\1 至 \2 公里", r"\1-\2 km"),
    ),
    "venue_size": (
        (r"up to (\d+) seats", r"\1 座以内", r"up to \1 seats"),
        (r"over (\d+) seats", r"\1 座以上", r"over \1 seats"),
        (r"(\d+) to (\d+) seats", r"\1 至 \2 座", r"\1 to \2 seats"),
    ),
}
"""Names with numbers in them, by grouping."""


def in_words(by: str, name: str) -> Sentence:
    """A group's name in both languages; what is a platform's own word stays as it is.

    Args:
        by: What groups are told apart by: `age`, `gender`, `channel`, `distance`, `venue_size`, `region`, ...
        name: As programmes read it.

    >>> in_words("age", "75+").told("zh"), in_words("gender", "f").told("en"), in_words("category", "太极").told("en")
    ('75 岁及以上', 'female', '太极')
    """
    found = _OF.get(by, {}).get(name) or _NAMES.get(name)
    if found is not None:
        return found
    for pattern, zh, en in _FORMS.get(by, ()):
        if re.fullmatch(pattern, name):
            return Sentence(re.sub(pattern, zh, name), re.sub(pattern, en, name))
    return Sentence(name, name)
