"""A sentence for people, in Chinese and in English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["zh", "en"]


@dataclass(frozen=True)
class Sentence:
    """The same said in both languages."""

    zh: str
    en: str

    def told(self, lang: Language) -> str:
        """In one language.

        >>> Sentence("没有", "none").told("zh")
        '没有'
        """
        return self.zh if lang == "zh" else self.en


def in_one(parts: tuple[Sentence, ...], lang: Language) -> str:
    """Parts as one sentence.

    >>> in_one((Sentence("近", "near"), Sentence("新", "new")), "zh")
    '近；新'
    """
    return ("；" if lang == "zh" else "; ").join(part.told(lang) for part in parts)
