"""LensKit's rankers on one fold; runs in an environment of its own, without what this project needs.

`python -m benchmarks.peers.run_lenskit --train TSV --folder OUT [--models a,b] [--regularisation R] [--scores]
[--users FILE]` writes per model `<model>.npz` (users, items, lists of item numbers or, with --scores, all scores) and
`<model>.json` (timings). FILE holds the ids of those who ask, one a line; without it all do.
"""

import sys

import numpy as np
from lenskit.als import ImplicitMFScorer
from lenskit.data import ItemList, RecQuery, from_interactions_df
from lenskit.knn import EASEScorer, ItemKNNScorer, SLIMScorer
from lenskit.training import TrainingOptions

from benchmarks.peers.shared import K, asked, asking, pairs_of, run_each


def makers(regularisation):
    """Models as their makers ship them, but for EASE's shared regularisation; one SLIM with more of it as well."""
    return {
        "slim": lambda: SLIMScorer(),
        "slim-regularised": lambda: SLIMScorer(l1_reg=1.0, l2_reg=100.0),
        "ease": lambda: EASEScorer(regularization=regularisation),
        "item-knn": lambda: ItemKNNScorer(feedback="implicit"),
        "implicit-mf": lambda: ImplicitMFScorer(),
    }


def main():
    """Fits and scores each model."""
    options = asked("ease,item-knn,implicit-mf,slim")
    pairs = pairs_of(options, "user_id", "item_id")
    data = from_interactions_df(pairs)
    everything = ItemList(item_ids=data.items.ids(), vocabulary=data.items)
    items = np.array([str(item) for item in data.items.ids()])
    column = {item: number for number, item in enumerate(items)}
    users = asking(options, pairs["user_id"])
    histories = {user: group.to_numpy() for user, group in pairs.groupby("user_id")["item_id"]}

    def answer(model):
        scores = np.full((len(users), len(items)), np.nan, dtype=np.float32)
        for row, user in enumerate(users):
            query = RecQuery(user_id=user, history_items=ItemList(item_ids=histories[user]))
            scores[row] = model(query=query, items=everything).scores("numpy")
        if options.scores:
            return {"scores": scores}
        for row, user in enumerate(users):
            scores[row, [column[item] for item in histories[user]]] = -np.inf
        return {"lists": np.argsort(-np.nan_to_num(scores, nan=-np.inf), axis=1, kind="stable")[:, :K]}

    run_each(
        options,
        makers(options.regularisation),
        users,
        items,
        fit=lambda model, _: model.train(data, TrainingOptions(rng=7)),
        answer=answer,
        arrays=lambda found: found,
    )


if __name__ == "__main__":
    sys.exit(main())
