"""RecTools' rankers on one fold; runs in an environment of its own, without what this project needs.

`python -m benchmarks.peers.run_rectools --train TSV --folder OUT [--models a,b] [--regularisation R] [--scores]
[--users FILE]` writes per model `<model>.npz` (users, items, lists of item numbers or, with --scores, all scores) and
`<model>.json` (timings). FILE holds the ids of those who ask, one a line; without it all do.
`ease-transposed` is its EASE with the learned weights transposed before use.
"""

import sys
import warnings

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitALSWrapperModel

from benchmarks.peers.shared import K, asked, asking, pairs_of, run_each


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


def main():
    """Fits and scores each model."""
    warnings.simplefilter("ignore")
    options = asked("ease,ease-transposed,ials,lightfm")
    pairs = pairs_of(options, Columns.User, Columns.Item)
    data = Dataset.construct(pairs.assign(weight=1.0, datetime=pd.Timestamp("2020-01-01")))
    users = asking(options, pairs[Columns.User])
    items = np.array(sorted(set(pairs[Columns.Item])))
    column = {item: number for number, item in enumerate(items)}
    row_of = {user: number for number, user in enumerate(users)}

    def fit(model, name):
        model.fit(data)
        if name == "ease-transposed":
            model.weight = np.ascontiguousarray(model.weight.T)

    def answer(model):
        length = len(items) if options.scores else K
        return model.recommend(users, data, k=length, filter_viewed=not options.scores)

    def arrays(found):
        rows = found[Columns.User].map(row_of).to_numpy()
        columns = found[Columns.Item].map(column).to_numpy()
        if options.scores:
            scores = np.full((len(users), len(items)), np.nan, dtype=np.float32)
            scores[rows, columns] = found[Columns.Score].to_numpy()
            return {"scores": scores}
        lists = np.full((len(users), K), -1, dtype=np.int64)
        lists[rows, found[Columns.Rank].to_numpy() - 1] = columns
        return {"lists": lists}

    run_each(options, makers(options.regularisation), users, items, fit=fit, answer=answer, arrays=arrays)


if __name__ == "__main__":
    sys.exit(main())
