"""Folds of the classic protocol: pairs of user and item for training and for test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.errors import DataError
from recsys.ranking.metrics import bootstrap_interval, ndcg_at_k


@dataclass(frozen=True)
class Fold:
    """Training and test pairs as matrices over the users and items of both files.

    Attributes:
        user_ids, item_ids: Outside ids of rows and columns, in order of the text.
        train, test: float32 CSR of shape (n_users, n_items); test without the pairs that are in training.
    """

    user_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    train: sparse.csr_array
    test: sparse.csr_array

    @property
    def n_relevant(self) -> NDArray[np.int64]:
        """Number of test items of each user."""
        return np.diff(self.test.indptr).astype(np.int64)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Users with test items: the denominator of the mean."""
        return self.n_relevant > 0


HEADERS = ({"user", "user_id", "userid", "uid"}, {"item", "item_id", "itemid", "iid", "movie_id", "movieid"})


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """User and item of each line; ids are any text, empty lines and a first line that names the columns are skipped.

    Raises:
        DataError: the file cannot be read, or a line does not have two filled columns.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(path.name, [f"byte {error.start} is not UTF-8"]) from None
    except OSError as error:
        raise DataError(path.name, [f"cannot be read: {error.strerror}"]) from error
    pairs = []
    for number, line in enumerate(text.split("\n"), start=1):
        columns = tuple(line.rstrip("\r").split("\t"))
        if len(columns) == 1 and not columns[0].strip():
            continue
        if len(columns) != 2 or not all(columns):
            raise DataError(path.name, [f"line {number} has not two columns, user and item, with a tab between"])
        is_header = number == 1 and all(one.lower() in names for one, names in zip(columns, HEADERS, strict=True))
        if not is_header:
            pairs.append((columns[0], columns[1]))
    if not pairs:
        raise DataError(path.name, ["no pair of user and item in it"])
    return pairs


def read_fold(train: Path, test: Path) -> Fold:
    """The fold of two files; repeated pairs count once.

    Raises:
        DataError: a file is not as described, or no test pair is left to find.
    """
    return fold_of(read_pairs(train), read_pairs(test))


def fold_of(train: list[tuple[str, str]], test: list[tuple[str, str]]) -> Fold:
    """The fold of pairs.

    Raises:
        DataError: every test pair is in training.
    """
    learned = set(train)
    sought = sorted(set(test) - learned)
    if not sought:
        raise DataError("test", ["every pair is in training too, nothing is left to find"])
    both = [*learned, *sought]
    user_ids, item_ids = (tuple(sorted({pair[column] for pair in both})) for column in (0, 1))
    rows, columns = ({name: num for num, name in enumerate(names)} for names in (user_ids, item_ids))

    def matrix(pairs: list[tuple[str, str]]) -> sparse.csr_array:
        nums = np.array([(rows[user], columns[item]) for user, item in pairs], dtype=np.int64)
        shape = (len(user_ids), len(item_ids))
        return sparse.csr_array((np.ones(len(nums), dtype=np.float32), (nums[:, 0], nums[:, 1])), shape=shape)

    return Fold(user_ids, item_ids, matrix(sorted(learned)), matrix(sought))


def figures(fold: Fold, lists: NDArray[np.int64], seed: int) -> dict[str, float]:
    """Mean nDCG@10 of lists of item numbers, with its 95 % bootstrap interval over users."""
    mean, low, high = bootstrap_interval(list_ndcg(fold, lists), np.random.default_rng(seed))
    return {"ndcg": round(mean, 6), "low": round(low, 6), "high": round(high, 6)}


def list_ndcg(fold: Fold, lists: NDArray[np.int64]) -> NDArray[np.float64]:
    """NDCG of each user's list of item numbers (-1: ended); NaN for users without test items."""
    n_users, n_items = fold.test.shape
    rows = np.repeat(np.arange(n_users), fold.n_relevant)
    found = np.isin(np.arange(n_users)[:, None] * n_items + lists, rows * n_items + fold.test.indices)
    return ndcg_at_k((lists >= 0) & found, fold.n_relevant)
