"""Words of titles: what two activities with near-identical titles have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from features.encoding.text import tokens


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
    words = [tokens(str(title)) for title in unique]
    if not any(words):
        empty = sparse.csr_array((len(titles), 1), dtype=np.float64)
        return TitleWords(empty, sparse.csr_array((len(candidates), 1), dtype=np.float64))
    matrix = sparse.csr_array(TfidfVectorizer(analyzer=lambda row: row, sublinear_tf=True).fit_transform(words))
    rows = matrix[of_activity]
    rows.sort_indices()
    return TitleWords(rows, rows[candidates])
