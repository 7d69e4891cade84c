"""Rankers side by side: figures by window and over all windows, by segment, each with an interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.ranking.metrics import bootstrap_interval
from training.ranking.contenders import BACKED_OFF, REGIONAL
from training.ranking.evaluation import PARTS, SERVED, JudgedLists

COLUMNS = ["task", "model", "role", "segment", "metric", "window", "mean", "low", "high", "n"]
BASELINES = ("popularity", "affinity", REGIONAL, BACKED_OFF)
POOLED = "all"
"""Window of the rows over all windows."""

_SEGMENTS = ("all", "hot", "warm", "cold")


def ranking_table(windows: Sequence[JudgedLists], k: int, seed: int) -> pd.DataFrame:
    """The evaluation table: `task, model, role, segment, metric, window, mean, low, high, n`.

    Rows of several windows pooled (`window` is `all`) come first: the mean of the windows' means. Intervals are by
    bootstrap over users, each drawn with all their windows; models of one segment are judged on the same draws.
    A model that could not be learned for one of them has no pooled rows. `coverage` belongs to a window's lists as a
    whole and has no interval of its own.
    """
    judged = [window for window in windows if window.figures]
    parts = [judged] if len(judged) > 1 else []
    parts += [[window] for window in judged]
    rows = [row for part in parts for row in _rows(part, k, seed)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(windows: Sequence[JudgedLists], k: int, seed: int) -> Iterator[tuple[object, ...]]:
    label = windows[0].window if len(windows) == 1 else POOLED
    users = pd.factorize(np.concatenate([window.user_ids for window in windows]))[0]
    number = np.repeat(np.arange(len(windows)), [len(window.user_ids) for window in windows])
    segment = np.concatenate([window.segment for window in windows])
    for name in [one for one in windows[0].figures if all(one in window.figures for window in windows)]:
        role = "served" if name == SERVED else "baseline" if name in BASELINES else "learner"
        role = "style" if name.startswith(f"{SERVED},") else role
        figures = {m: np.concatenate([w.figures[name][m] for w in windows]) for m in windows[0].figures[name]}
        for part, metric, values, inside in _by_segment(figures, segment, k):
            rng = np.random.default_rng(seed)
            interval = bootstrap_interval(values[inside], rng, users=users[inside], windows=number[inside])
            n = int((~np.isnan(values[inside])).sum())
            yield "ranking", name, role, part, metric, label, *interval, n
        covered = float(np.mean([window.coverage[name] for window in windows]))
        n_candidates = sum(window.n_candidates for window in windows)
        yield "ranking", name, role, "all", f"coverage@{k}", label, covered, covered, covered, n_candidates


def _by_segment(
    figures: dict[str, NDArray[np.float64]], segment: NDArray[np.object_], k: int
) -> Iterator[tuple[str, str, NDArray[np.float64], NDArray[np.bool_]]]:
    names = {"ndcg": f"ndcg@{k}", "recall": f"recall@{k}", "novelty": "novelty", "listed": "share listed"}
    names["categories"] = f"categories@{k}"
    everybody = np.ones(len(segment), dtype=bool)
    for part in _SEGMENTS:
        for metric, shown in names.items():
            yield part, shown, figures[metric], everybody if part == "all" else segment == part
    for part in PARTS:
        for metric in ("ndcg", "recall"):
            if f"{metric} {part}" in figures:
                yield part, names[metric], figures[f"{metric} {part}"], everybody
