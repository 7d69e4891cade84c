"""Every ranker on several past windows of a platform's folder, side by side, with bootstrap intervals.

Learners that feed no list (SLIM, RP3beta, kernel ridge, ridge) are learned of lasting keys as those that do.

python -m benchmarks.ranking.windows --data FOLDER [--cut-offs 2017-05-01,2017-06-01] [--window-days 14] [--peers]
    [--out FILE]
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.peers.windows import Peers
from benchmarks.ranking.lasting import LEARNERS, histories_of, learn_lasting
from benchmarks.tables import read_folder
from features.ranking.lists import recommend
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.learned.learners import key_scores, learner_histories
from features.signals.people import user_block
from recsys.dataset import Dataset
from recsys.rankers.base import Ranker, UserBatch
from recsys.ranking.top_k import top_k
from training.ranking.contenders import HYBRID, REGIONAL, fit_contenders
from training.ranking.evaluation import OutsideLearner, OutsideScores
from training.ranking.fit import RankingConfig, evaluate_ranking, fit_learners, fit_ranking

CUT_OFFS = "2017-05-01,2017-06-01,2017-07-01,2017-08-01"


def table(evaluation: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Figures over all windows by model and segment, the served model's ratio to the best other in the last row."""
    chosen = evaluation[evaluation["metric"] == metric]
    means = chosen.pivot_table(index="model", columns="segment", values="mean", sort=False)
    served = chosen[chosen["role"] == "served"]["model"].iloc[0]
    others = chosen[chosen["role"].isin(("learner", "baseline"))]["model"].unique()
    ratio = means.loc[served] / means.loc[others].max()
    return pd.concat([means, ratio.to_frame("served / best other").T])


def timings(known: Dataset, at: pd.Timestamp, window_days: float, k: int) -> list[dict[str, object]]:
    """Seconds to learn and users a second of the two stages and of each learner, each learned alone."""
    config = RankingConfig()
    catalogue = catalogue_of(known, at, window_days)
    rows: list[dict[str, object]] = []
    started = time.perf_counter()
    model = fit_ranking(known, config)
    fitted = time.perf_counter()
    users = known.users["user_id"].iloc[:4000].tolist()
    pd.concat(recommend(model, known, at, users, k, window_days))
    done = time.perf_counter()
    rows.append(_cost("two-stage", fitted - started, len(users) / (done - fitted)))
    people = user_block(catalogue, known.users.iloc[:4000], known.bookings, known.feedback, known.sessions)
    histories = learner_histories(catalogue, people, model.learners.keys)
    keys = catalogue.levels[LEARNER_LEVEL].keys
    for name in model.learners.rankers:
        rows.append(_ranker_cost(name, partial(_learned, known, catalogue, config, name), histories.of(name), keys, k))
    started = time.perf_counter()
    contenders = fit_contenders(known, catalogue, config.contenders)
    fitted = time.perf_counter()
    contenders.scores(catalogue, people, np.zeros((len(people), len(catalogue)), dtype=np.float32))
    rows.append(_cost(f"{HYBRID} and {REGIONAL}", fitted - started, len(people) / (time.perf_counter() - fitted)))
    everybody = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    of_all, of_asking = histories_of(catalogue, everybody), histories_of(catalogue, people)
    rows += [
        _ranker_cost(name, partial(learner.learn, learner.told(of_all)), learner.told(of_asking), keys, k)
        for name, learner in LEARNERS.items()
    ]
    return rows


def _learned(known: Dataset, catalogue: Catalogue, config: RankingConfig, name: str) -> Ranker:
    return fit_learners(known, catalogue, config, only=name).rankers[name]


def _ranker_cost(
    name: str, learn: Callable[[], Ranker], histories: sparse.csr_array, keys: NDArray[np.int64], k: int
) -> dict[str, object]:
    started = time.perf_counter()
    ranker = learn()
    fitted = time.perf_counter()
    scores = key_scores(ranker, UserBatch(histories.astype(np.float32)), keys)
    top_k(scores, np.ones(scores.shape, dtype=bool), k)
    return _cost(name, fitted - started, histories.shape[0] / (time.perf_counter() - fitted))


def all_of(*learners: OutsideLearner) -> OutsideLearner:
    """Several learners from outside as one."""

    def learn(known: Dataset, catalogue: Catalogue) -> OutsideScores:
        learned = [one(known, catalogue) for one in learners]
        return lambda at, block: {name: scores for one in learned for name, scores in one(at, block).items()}

    return learn


def _cost(model: str, fit_seconds: float, users_per_second: float) -> dict[str, object]:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"model": model, "fit_seconds": fit_seconds, "users_per_second": users_per_second, "peak_mb": peak_mb}


def costs(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Mean figures by model."""
    return pd.DataFrame(rows).groupby("model", sort=False).mean().round(1)


def main() -> None:
    """Runs the windows and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of CSV tables")
    parser.add_argument("--cut-offs", default=CUT_OFFS)
    parser.add_argument("--window-days", type=float, default=14.0)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--timezone", default="America/Chicago")
    parser.add_argument("--peers", action="store_true", help="also LensKit's and RecTools' models, on programmes")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    dataset = read_folder(args.data, args.timezone)
    cut_offs = [pd.Timestamp(day, tz="UTC") for day in args.cut_offs.split(",")]
    started = time.process_time()
    peers = Peers(dataset, args.window_days)
    learn = all_of(learn_lasting, peers.learn) if args.peers else learn_lasting
    evaluation = evaluate_ranking(dataset, cut_offs, args.window_days, args.k, RankingConfig(), outside=learn)
    print(f"{len(cut_offs)} windows: {time.process_time() - started:.0f} s of processor time", flush=True)
    for window, rows in evaluation[evaluation["metric"] == f"ndcg@{args.k}"].groupby("window", sort=False):
        print(f"\nndcg@{args.k}, window {window}")
        print(rows[["model", "segment", "mean", "low", "high", "n"]].round(4).to_string(index=False))
    if args.out is not None:
        evaluation.to_csv(args.out, index=False)
    # Several windows have rows of their own that pool them.
    pooled = evaluation[evaluation["window"] == evaluation["window"].iloc[0]]
    if peers.rows:
        own = timings(dataset.known_at(cut_offs[-1]), cut_offs[-1], args.window_days, args.k)
        print(f"\ncost; peers: mean over windows, ours: the last window\n{costs([*own, *peers.rows]).to_string()}")
    for metric in (f"ndcg@{args.k}", f"recall@{args.k}", "novelty", f"coverage@{args.k}"):
        print(f"\n{metric}, mean over {len(cut_offs)} windows\n{table(pooled, metric).round(4).to_string()}")


if __name__ == "__main__":
    main()
