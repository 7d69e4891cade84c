"""The classic protocol on pairs of user and item: full ranking over all items less the training ones, nDCG@10.

`python -m benchmarks.ranking.classic --train a.tsv --test b.tsv [--out FILE]`; without files every ranker runs beside
the peers on MovieLens-100K. Settings are chosen on a part of TRAIN; TEST is only looked at to report. Progress goes to
standard error.

The JSON holds `metric`, `n_users` (those with test items), `n_items`, `n_train`, `n_test`, `select_seconds`,
`cut_short` (rankers whose settings there was no time to move further), `blend_weights`, `rankers` (each `name`, `ndcg`,
`low`, `high` (95 % bootstrap over users), `fit_seconds`, `users_per_second`, `peak_mb`, `validation` (nDCG@10 on the
held part of TRAIN), `settings`, and `problem` when it could not learn, the numbers then null), `ndcg@10` (name to
figure) and `best`: the name of the ranker that TRAIN alone says to serve.
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

from benchmarks.peers.classic import NO_FIGURES, peer_rows
from benchmarks.peers.environments import ENVIRONMENTS
from benchmarks.peers.folds import Fold, figures, read_fold
from benchmarks.peers.movielens import movielens_100k, random_fold
from recsys.errors import FitError, RecsysError
from recsys.rankers.base import Ranker, UserBatch
from training.learners.ease import EaseConfig, fit_ease
from training.learners.families import FAMILIES, Family
from training.learners.inner_splits import CUT
from training.learners.search import Budget, Selection, fit_selected, scored_lists, select

PEERS_REGULARISATION = 500.0
AS_PEERS = Family(
    f"ease-{PEERS_REGULARISATION:g}", fit_ease, EaseConfig(regularisation=PEERS_REGULARISATION), in_blend=False
)
"""EASE with the regularisation that peers are given."""
MINUTES = 6.0
SEED = 20_170_801


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 done, 1 the data or the work failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="benchmarks.ranking.classic", description="nDCG@10 of every ranker")
    parser.add_argument("--train", type=Path, help="two columns, user and item, tab between, no header")
    parser.add_argument("--test", type=Path, help="the same, what is to be found")
    parser.add_argument("--out", type=Path, help="also write the results as JSON")
    parser.add_argument(
        "--peers", action=argparse.BooleanOptionalAction, help="other libraries beside ours; the rule without files"
    )
    parser.add_argument("--minutes", type=float, default=MINUTES, help="time for the search of settings")
    parser.add_argument("--seed", type=int, default=0, help="without files: seed of the fold")
    options = parser.parse_args(arguments)
    if (options.train is None) != (options.test is None):
        parser.error("--train and --test go together")
    try:
        if options.train is None:
            fold = random_fold(movielens_100k(ENVIRONMENTS / "data"), np.random.default_rng(options.seed))
        else:
            fold = read_fold(options.train, options.test)
        result = run(fold, options.minutes)
        if options.peers or (options.peers is None and options.train is None):
            add_peers(result, fold)
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


def tell(line: str) -> None:
    """Writes a line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def run(fold: Fold, minutes: float = MINUTES) -> dict[str, Any]:
    """The result (see the module) of all our learners; each in a process of its own, so that peak memory is its own."""
    n_users, n_items = fold.train.shape
    tell(f"{n_users} users, {n_items} items, {fold.train.nnz} training pairs; at most {minutes:g} minutes of search")
    started = time.perf_counter()
    selection = _apart(select, fold.train, np.random.default_rng(SEED), FAMILIES, Budget(60 * minutes, tell))
    select_seconds = time.perf_counter() - started
    rows = []
    for name in [*(family.name for family in (*FAMILIES, AS_PEERS)), "blend"]:
        row = _apart(measure, name, fold, selection)
        rows.append(row)
        tell(f"{name}: " + (row.get("problem") or f"learned from all pairs in {row['fit_seconds']:.0f} s"))
    return {
        "metric": f"ndcg@{CUT}",
        "n_users": int(fold.judged.sum()),
        "n_items": n_items,
        "n_train": int(fold.train.nnz),
        "n_test": int(fold.n_relevant.sum()),
        "select_seconds": round(select_seconds, 2),
        "cut_short": list(selection.cut_short),
        "blend_weights": selection.weights,
        "rankers": rows,
        f"ndcg@{CUT}": {row["name"]: row["ndcg"] for row in rows},
        "best": max(selection.validation, key=lambda name: selection.validation[name]),
    }


def add_peers(result: dict[str, Any], fold: Fold) -> None:
    """Adds a row for every peer's model."""
    for row in peer_rows(fold, ENVIRONMENTS / "data", PEERS_REGULARISATION, SEED, tell):
        result["rankers"].append(row)
        result[f"ndcg@{CUT}"][row["name"]] = row["ndcg"]


def _apart(work: Any, *arguments: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def measure(name: str, fold: Fold, selection: Selection) -> dict[str, Any]:
    """One row of `rankers`: learned from all of TRAIN with the chosen settings, judged on TEST."""
    started = time.perf_counter()
    try:
        ranker, settings = _fit(name, fold, selection)
    except FitError as error:
        return {"name": name, **NO_FIGURES, "validation": None, "settings": {}, "problem": str(error)}
    fitted = time.perf_counter()
    lists = scored_lists(ranker, UserBatch(fold.train), CUT)
    listed = time.perf_counter()
    return {
        "name": name,
        **figures(fold, lists, SEED),
        "fit_seconds": round(fitted - started, 3),
        "users_per_second": round(fold.train.shape[0] / max(listed - fitted, 1e-9), 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "validation": selection.validation.get(name),
        "settings": settings,
    }


def _fit(name: str, fold: Fold, selection: Selection) -> tuple[Ranker, dict[str, Any]]:
    if name == "blend":
        return fit_selected(fold.train, selection), dict(selection.weights)
    family = next(family for family in (*FAMILIES, AS_PEERS) if family.name == name)
    family.check_size(fold.train)
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
    if result["cut_short"]:
        lines.append(f"settings not moved further for want of time: {', '.join(result['cut_short'])}")
    lines.append(f"to serve, as TRAIN alone says: {result['best']} (chosen in {result['select_seconds']:.0f} s)")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
