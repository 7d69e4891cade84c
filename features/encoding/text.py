"""Words of titles and descriptions that mix Chinese and Latin script."""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import cache
from typing import Any

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_PIECE = re.compile(rf"([{_HAN}]+)|[^\W\d_{_HAN}]{{2,}}")


def tokens(text: str) -> list[str]:
    """Words in lower case and in order: Latin and other scripts by spaces, Chinese by jieba.

    Full-width letters become plain ones. Numbers, punctuation and single letters that are not Chinese say nothing
    of what a class is about and are left out.

    >>> tokens("Yoga 4 You, ＪＡＺＺ")
    ['yoga', 'you', 'jazz']
    >>> tokens("少儿舞蹈 Ballet班")
    ['少儿', '舞蹈', 'ballet', '班']
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    words: list[str] = []
    for piece in _PIECE.finditer(plain):
        if piece.group(1):
            words += _chinese().lcut(piece.group())
        else:
            words.append(piece.group())
    return words


@cache
def _chinese() -> Any:
    """Jieba with its own dictionary, without its log lines and its cache file in a folder that everybody may write."""
    with warnings.catch_warnings():
        # Its import asks setuptools for its files, and its patterns have stray backslashes.
        warnings.filterwarnings("ignore", message="(invalid|.* is an invalid) escape sequence")
        warnings.filterwarnings("ignore", message=".*pkg_resources.*")
        import jieba
    tokenizer = jieba.Tokenizer()
    with tokenizer.get_dict_file() as words:
        tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(words)
    tokenizer.initialized = True
    return tokenizer
