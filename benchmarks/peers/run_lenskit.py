"""LensKit's rankers on one fold; runs in an environment of its own, and so imports nothing of this project.

`python run_lenskit.py --train TSV --folder OUT [--models a,b] [--regularisation R] [--scores] [--users FILE]`
writes per model `<model>.npz` (users, items, lists of item numbers or, with --scores, all scores) and `<model>.json`
(timings). FILE holds the ids of those who ask, one a line; without it all do.
"""

import argparse
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer, SLIMScorer
from lenskit.training import TrainingOptions

K = 10


def makers(regularisation):
    """Models as their makers ship them, but for EASE's shared regularisation; one SLIM with more of it as well."""
    return {
        "slim": lambda: SLIMScorer(),
        "slim-regularised": lambda: SLIMScorer(l1_reg=1.0, l2_reg=100.0),
        "ease": lambda: EASEScorer(regularization=regularisation),
        "item-knn": lambda: ItemKNNScorer(feedback="implicit"),
        "implicit-mf": lambda: ImplicitMFScorer(),
    }


def peak_mb():
    """Greatest memory of this program in MiB; what `getrusage` says would begin with its parent's."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def main():
    """Fits and scores each model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--models", default="ease,item-knn,implicit-mf,slim")
    parser.add_argument("--regularisation", type=float, default=500.0)
    parser.add_argument("--scores", action="store_true")
    parser.add_argument("--users", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pairs = pd.read_csv(options.train, sep="\t", header=None, names=["user_id", "item_id"], dtype=str,
                        keep_default_na=False, quoting=3).drop_duplicates()  # fmt: skip
    data = from_interactions_df(pairs)
    everything = ItemList(item_ids=data.items.ids(), vocabulary=data.items)
    items = np.array([str(item) for item in data.items.ids()])
    column = {item: number for number, item in enumerate(items)}
    users = pairs["user_id"].drop_duplicates()
    if options.users is not None:
        users = users[users.isin(options.users.read_text(encoding="utf-8").split("\n"))]
    users = users.to_numpy()
    histories = {user: group.to_numpy() for user, group in pairs.groupby("user_id")["item_id"]}
    for name in options.models.split(","):
        model = makers(options.regularisation)[name]()
        started = time.perf_counter()
        model.train(data, TrainingOptions(rng=7))
        fitted = time.perf_counter()
        scores = np.full((len(users), len(items)), np.nan, dtype=np.float32)
        for row, user in enumerate(users):
            query = RecQuery(user_id=user, history_items=ItemList(item_ids=histories[user]))
            scores[row] = model(query=query, items=everything).scores("numpy")
        if not options.scores:
            for row, user in enumerate(users):
                scores[row, [column[item] for item in histories[user]]] = -np.inf
        lists = np.argsort(-np.nan_to_num(scores, nan=-np.inf), axis=1, kind="stable")[:, :K]
        done = time.perf_counter()
        kept = {"scores": scores} if options.scores else {"lists": lists}
        np.savez(options.folder / f"{name}.npz", users=users.astype(str), items=items, **kept)
        about = {
            "fit_seconds": fitted - started,
            "users_per_second": len(users) / (done - fitted),
            "peak_mb": peak_mb(),
        }
        (options.folder / f"{name}.json").write_text(json.dumps(about))


if __name__ == "__main__":
    sys.exit(main())
