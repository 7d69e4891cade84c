"""Words of titles: what two activities with near-identical titles have in common."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import cache

import jieba
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]{2,}|[\u3400-\u9fff]")


@dataclass(frozen=True)
class TitleWords:
    """TF-IDF of titles, rows of length 1 (or 0 without words).

    Attributes:
        activities: (n_activities, n_words) float64 CSR.
        candidates: (n_candidates, n_words) float64 CSR: the candidates' rows.
    """

    activities: sparse.csr_array
    candidates: sparse.csr_array


def title_words(activities: pd.DataFrame, candidates: NDArray[np.int64]) -> TitleWords:
    """Words of the titles of all known activities, and of the candidates' (rows of `activities`)."""
    titles = activities["title"].astype(object).fillna("").astype(str).to_numpy(dtype=object)
    unique, of_activity = np.unique(titles, return_inverse=True)
    words = [split_words(str(title)) for title in unique]
    if not any(words):
        empty = sparse.csr_array((len(titles), 1), dtype=np.float64)
        return TitleWords(empty, sparse.csr_array((len(candidates), 1), dtype=np.float64))
    matrix = sparse.csr_array(TfidfVectorizer(analyzer=lambda row: row, sublinear_tf=True).fit_transform(words))
    rows = matrix[of_activity]
    rows.sort_indices()
    return TitleWords(rows, rows[candidates])


def split_words(title: str) -> list[str]:
    """Words of a title in lower case, Chinese ones by jieba; single Latin letters and numbers are left out.

    >>> split_words("Yoga 4 You")
    ['yoga', 'you']
    """
    lower = title.lower()
    if not _HAN.search(lower):
        return _WORD.findall(lower)
    return [word for word in _tokenizer().lcut(lower) if _WORD.fullmatch(word)]


@cache
def _tokenizer() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.WARNING)
    return jieba.Tokenizer()
