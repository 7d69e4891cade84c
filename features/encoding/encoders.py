"""Columns of a table as named features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.preprocessing import MultiLabelBinarizer, OneHotEncoder

from features.encoding.text import tokens
from recsys.dataset import split_list
from recsys.matrices import NamedFeatures
from recsys.regions import RegionTree

_NO_VALUE = ""


def one_hot(prefix: str, values: pd.Series) -> NamedFeatures:
    """One feature for each value of a column; a missing or empty value gives an empty row."""
    filled = values.astype(object).where(values.notna(), _NO_VALUE).astype(str).str.strip()
    known = np.array(sorted(set(filled) - {_NO_VALUE}), dtype=object)
    if not len(known):
        return no_features(len(values))
    encoder = OneHotEncoder(categories=[known], handle_unknown="ignore", dtype=np.float32)
    return named(prefix, known, encoder.fit_transform(filled.to_numpy(dtype=object)[:, None]))


def flagged(name: str, flags: NDArray[np.bool_]) -> NamedFeatures:
    """One feature that is 1 where the flag is set."""
    return NamedFeatures(_clean(flags.astype(np.float32)[:, None]), np.array([name], dtype=object))


def many_hot(prefix: str, values: pd.Series) -> NamedFeatures:
    """One feature for each value of a `;` column; a missing list gives an empty row."""
    parts = split_list(values.reset_index(drop=True).astype(object))
    return many_hot_of(prefix, parts.index.to_numpy(dtype=np.int64), parts, len(values))


def many_hot_of(prefix: str, rows: NDArray[np.int64], values: pd.Series, n_rows: int) -> NamedFeatures:
    """One feature for each value of a long table: row `rows[i]` has `values[i]`, if that is not missing."""
    long = pd.DataFrame({"row": rows, "value": values.to_numpy(dtype=object)}).dropna()
    if long.empty:
        return no_features(n_rows)
    lists = long.groupby("row")["value"].agg(list).reindex(range(n_rows))
    encoder = MultiLabelBinarizer(sparse_output=True)
    matrix = encoder.fit_transform([items if isinstance(items, list) else [] for items in lists])
    return named(prefix, encoder.classes_, matrix)


def region_paths(
    rows: NDArray[np.int64], region_nums: NDArray[np.int64], n_rows: int, tree: RegionTree
) -> NamedFeatures:
    """One feature for each region: row `rows[i]` lies in region `region_nums[i]` and all above it; -1: not known."""
    paths = tree.paths()
    known = region_nums >= 0
    path_of = [paths[num] for num in region_nums[known]]
    lengths = [len(path) for path in path_of]
    nums = np.array([num for path in path_of for num in path], dtype=np.int64)
    places = pd.Series(tree.ids.ids[nums], dtype=object)
    return many_hot_of("region", np.repeat(rows[known], lengths), places, n_rows)


def words(texts: pd.Series, *, least_texts: int, most_words: int) -> NamedFeatures:
    """TF-IDF of the words of each text, every row of length 1 (0 without a known word).

    Args:
        texts: Titles; missing ones have no word.
        least_texts: A word counts if this many texts have it.
        most_words: Of more words, those in the most texts are kept.
    """
    split = [tokens(text) for text in texts.astype(object).where(texts.notna(), "")]
    seen = [sorted(set(row)) for row in split]
    if not any(seen):
        return no_features(len(texts))
    counter = CountVectorizer(analyzer=list)
    n_texts = np.asarray(counter.fit_transform(seen).sum(axis=0)).ravel()
    vocabulary = counter.get_feature_names_out()
    order = np.argsort(-n_texts, kind="stable")[:most_words]
    kept = np.sort(order[n_texts[order] >= least_texts])
    if not len(kept):
        return no_features(len(texts))
    weigher = TfidfVectorizer(analyzer=list, vocabulary=vocabulary[kept].tolist(), sublinear_tf=True, dtype=np.float32)
    return named("word", vocabulary[kept], weigher.fit_transform(split))


def named(prefix: str, values: Sequence[Any] | NDArray[Any], matrix: Any) -> NamedFeatures:
    """A matrix whose columns stand for values, as features called `prefix:value`, sorted by name."""
    names = np.array([f"{prefix}:{value}" for value in values], dtype=object)
    order = np.argsort(names, kind="stable")
    return NamedFeatures(_clean(sparse.csr_array(matrix)[:, order]), names[order])


def side_by_side(blocks: Sequence[NamedFeatures]) -> NamedFeatures:
    """All features of the same rows, sorted by name."""
    names = np.concatenate([block.names for block in blocks])
    order = np.argsort(names, kind="stable")
    matrix = sparse.hstack([block.matrix for block in blocks], format="csr")
    return NamedFeatures(_clean(matrix[:, order]), names[order])


def no_features(n_rows: int) -> NamedFeatures:
    """Rows of which nothing is known."""
    return NamedFeatures(sparse.csr_array((n_rows, 0), dtype=np.float32), np.array([], dtype=object))


def _clean(matrix: Any) -> sparse.csr_array:
    clean = sparse.csr_array(matrix, dtype=np.float32)
    clean.sum_duplicates()
    clean.eliminate_zeros()
    return clean
