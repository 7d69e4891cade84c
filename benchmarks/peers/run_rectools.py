"""RecTools' rankers on one fold; runs in an environment of its own, and so imports nothing of this project.

`python run_rectools.py --train TSV --folder OUT [--models a,b] [--regularisation R] [--scores] [--users FILE]`
writes per model `<model>.npz` (users, items, lists of item numbers or, with --scores, all scores) and `<model>.json`
(timings). FILE holds the ids of those who ask, one a line; without it all do.
`ease-transposed` is its EASE with the learned weights transposed before use.
"""

import argparse
import json
import re
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitALSWrapperModel

K = 10


def makers(regularisation):
    """Models as their makers ship them; LightFM needs its own extra."""

    def lightfm():
        from lightfm import LightFM
        from rectools.models import LightFMWrapperModel

        return LightFMWrapperModel(LightFM(no_components=64, loss="warp", random_state=7), epochs=30)

    ease = lambda: EASEModel(regularization=regularisation, recommend_n_threads=1)  # noqa: E731
    return {
        "ease": ease,
        "ease-transposed": ease,
        "ials": lambda: ImplicitALSWrapperModel(AlternatingLeastSquares(num_threads=1, random_state=7)),
        "lightfm": lightfm,
    }


def peak_mb():
    """Greatest memory of this program in MiB; what `getrusage` says would begin with its parent's."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def main():
    """Fits and scores each model."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--models", default="ease,ease-transposed,ials,lightfm")
    parser.add_argument("--regularisation", type=float, default=500.0)
    parser.add_argument("--scores", action="store_true")
    parser.add_argument("--users", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pairs = pd.read_csv(options.train, sep="\t", header=None, names=[Columns.User, Columns.Item], dtype=str,
                        keep_default_na=False, quoting=3).drop_duplicates()  # fmt: skip
    data = Dataset.construct(pairs.assign(weight=1.0, datetime=pd.Timestamp("2020-01-01")))
    users = pairs[Columns.User].drop_duplicates()
    if options.users is not None:
        users = users[users.isin(options.users.read_text(encoding="utf-8").split("\n"))]
    users = users.to_numpy()
    items = np.array(sorted(set(pairs[Columns.Item])))
    column = {item: number for number, item in enumerate(items)}
    row_of = {user: number for number, user in enumerate(users)}
    for name in options.models.split(","):
        model = makers(options.regularisation)[name]()
        started = time.perf_counter()
        model.fit(data)
        if name == "ease-transposed":
            model.weight = np.ascontiguousarray(model.weight.T)
        fitted = time.perf_counter()
        length = len(items) if options.scores else K
        found = model.recommend(users, data, k=length, filter_viewed=not options.scores)
        done = time.perf_counter()
        rows = found[Columns.User].map(row_of).to_numpy()
        columns = found[Columns.Item].map(column).to_numpy()
        if options.scores:
            scores = np.full((len(users), len(items)), np.nan, dtype=np.float32)
            scores[rows, columns] = found[Columns.Score].to_numpy()
            kept = {"scores": scores}
        else:
            lists = np.full((len(users), K), -1, dtype=np.int64)
            lists[rows, found[Columns.Rank].to_numpy() - 1] = columns
            kept = {"lists": lists}
        np.savez(options.folder / f"{name}.npz", users=users.astype(str), items=items, **kept)
        about = {
            "fit_seconds": fitted - started,
            "users_per_second": len(users) / (done - fitted),
            "peak_mb": peak_mb(),
        }
        (options.folder / f"{name}.json").write_text(json.dumps(about))


if __name__ == "__main__":
    sys.exit(main())
