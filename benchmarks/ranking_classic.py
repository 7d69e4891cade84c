"""The classic protocol on pairs of user and item: full ranking over all items less the training ones, nDCG@10.

`python -m benchmarks.ranking_classic --train a.tsv --test b.tsv [--out FILE]`; without files every ranker runs beside
the peers on MovieLens-100K. Settings are chosen on a part of TRAIN; TEST is only looked at to report.

The JSON holds `metric`, `n_users` (those with test items), `n_items`, `n_train`, `n_test`, `select_seconds`, `rankers`
(each `name`, `ndcg`, `low`, `high` (95 % bootstrap over users), `fit_seconds`, `users_per_second`, `peak_mb`,
`validation` (nDCG@10 on the held part of TRAIN), `settings`, and `problem` when it could not learn, the numbers then
null), and `best`: the name of the ranker that TRAIN alone says to serve.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.folds import Fold, list_ndcg, read_fold
from recsys.errors import FitError, RecsysError
from recsys.metrics import bootstrap_interval
from recsys.rankers.base import Ranker, UserBatch
from training.learners.hybrid import HybridConfig, fit_hybrid
from training.learners.search import CUT, FAMILIES, Family, Selection, fit_selected, scored_lists, select

HYBRID = Family("hybrid", fit_hybrid, HybridConfig(n_factors=32, n_epochs=10), in_blend=False)
SEED = 20_170_801


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 done, 1 the data or the work failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="benchmarks.ranking_classic", description="nDCG@10 of every ranker")
    parser.add_argument("--train", type=Path, help="two columns, user and item, tab between, no header")
    parser.add_argument("--test", type=Path, help="the same, what is to be found")
    parser.add_argument("--out", type=Path, help="also write the results as JSON")
    parser.add_argument("--no-peers", action="store_true", help="without files: leave the peers out")
    options = parser.parse_args(arguments)
    if (options.train is None) != (options.test is None):
        parser.error("--train and --test go together")
    try:
        if options.train is None:
            from benchmarks.peers.movielens import compare

            result = compare(peers=not options.no_peers)
        else:
            result = run(read_fold(options.train, options.test))
        print(table(result))
        if options.out is not None:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False), encoding="utf-8")
    except RecsysError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def run(fold: Fold, in_process: bool = False) -> dict[str, Any]:
    """The result (see the module) of all our learners; each in a process of its own, so that peak memory is its own."""
    started = time.perf_counter()
    selection = _apart(in_process, select, fold.train, np.random.default_rng(SEED))
    select_seconds = time.perf_counter() - started
    names = [family.name for family in (*FAMILIES, HYBRID)] + ["blend"]
    rows = [_apart(in_process, measure, name, fold, selection) for name in names]
    best = max(selection.validation, key=lambda name: selection.validation[name])
    return {
        "metric": f"ndcg@{CUT}",
        "n_users": int(fold.judged.sum()),
        "n_items": int(fold.train.shape[1]),
        "n_train": int(fold.train.nnz),
        "n_test": int(fold.n_relevant.sum()),
        "select_seconds": round(select_seconds, 2),
        "blend_weights": selection.weights,
        "rankers": rows,
        "best": best,
    }


def _apart(in_process: bool, work: Any, *arguments: Any) -> Any:
    if in_process:
        return work(*arguments)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def measure(name: str, fold: Fold, selection: Selection) -> dict[str, Any]:
    """One row of `rankers`: learned from all of TRAIN with the chosen settings, judged on TEST."""
    started = time.perf_counter()
    try:
        ranker, settings = _fit(name, fold, selection)
    except FitError as error:
        numbers = ("ndcg", "low", "high", "fit_seconds", "users_per_second", "peak_mb", "validation")
        return {"name": name, **dict.fromkeys(numbers), "settings": {}, "problem": str(error)}
    fitted = time.perf_counter()
    lists = scored_lists(ranker, UserBatch(fold.train), CUT)
    listed = time.perf_counter()
    mean, low, high = bootstrap_interval(list_ndcg(fold, lists), np.random.default_rng(SEED))
    return {
        "name": name,
        "ndcg": round(mean, 6),
        "low": round(low, 6),
        "high": round(high, 6),
        "fit_seconds": round(fitted - started, 3),
        "users_per_second": round(fold.train.shape[0] / max(listed - fitted, 1e-9), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "validation": selection.validation.get(name),
        "settings": settings,
    }


def _fit(name: str, fold: Fold, selection: Selection) -> tuple[Ranker, dict[str, Any]]:
    if name == "blend":
        return fit_selected(fold.train, selection), dict(selection.weights)
    family = next(family for family in (*FAMILIES, HYBRID) if family.name == name)
    config = selection.configs.get(name, family.start)
    return family.fit(fold.train, config), config.model_dump()


def table(result: dict[str, Any]) -> str:
    """The result as lines of text, best first."""
    lines = [
        f"{result['metric']} over {result['n_users']} users, {result['n_items']} items,"
        f" {result['n_train']} training pairs",
        f"{'ranker':<28}{'nDCG@10':>9}{'95 % interval':>18}{'fit s':>9}{'users/s':>10}{'peak MB':>9}",
    ]
    for row in sorted(result["rankers"], key=lambda row: -(row["ndcg"] or 0)):
        if row["ndcg"] is None:
            lines.append(f"{row['name']:<28}{'-':>9}  {row['problem']}")
            continue
        interval = f"{row['low']:.4f}-{row['high']:.4f}"
        lines.append(
            f"{row['name']:<28}{row['ndcg']:>9.4f}{interval:>18}{row['fit_seconds']:>9.2f}"
            f"{row['users_per_second']:>10.0f}{row['peak_mb']:>9.0f}"
        )
    lines.append(f"to serve, as TRAIN alone says: {result['best']} (chosen in {result['select_seconds']:.0f} s)")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
