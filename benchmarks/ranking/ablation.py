"""What each group of signals is worth: the trees are learned again without it, on past windows of a folder.

python -m benchmarks.ranking.ablation --data FOLDER [--cut-offs 2017-05-01,2017-06-01] [--timezone UTC]
"""

from __future__ import annotations

import argparse
import fnmatch
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.tables import read_folder
from features.ranking.two_stages import offered, shortlisted
from features.signals.catalogue import catalogue_of
from features.signals.learned.stage_one import booked_organisers, stage_one
from features.signals.pairs import pair_signals
from features.signals.people import UserBlock
from recsys.dataset import Dataset
from recsys.ranking.metrics import bootstrap_interval, ndcg_at_k
from training.ranking.fit import RankingConfig, fit_learners
from training.ranking.reranker import TreeConfig, fit_re_ranker
from training.ranking.windows import WindowConfig, WindowMemory, WindowPairs, asked, cut_offs, hits_of

WINDOW_DAYS = 14.0
K = 10
GROUPS: Mapping[str, tuple[str, ...]] = {
    "nothing": (),
    "own past: series, organiser, programme": (
        "own_activity_*", "own_series_*", "own_organiser_*", "own_programme_*", "own_weekday_*", "*_affinity",
        "rival_near_share",
    ),
    "of these, likeness, turns and kriging": (
        "*_interval", "*_due", "own_organiser_both_*", "own_organiser_ever_*", "own_organiser_lately_*",
        "own_organiser_same_*", "own_organiser_attendance", "own_organiser_expected",
    ),
    "how active the person is": ("person_events", "person_fast", "person_slow", "person_*_days"),
    "own past: theme, category, audience, kind": ("own_theme_*", "own_category_*", "own_audience_*", "own_kind_*"),
    "own past: venue, regions, hour": (
        "own_venue_*", "own_village_*", "own_township_*", "own_county_*", "own_city_*", "own_province_*", "own_slot_*",
        "habit_*", "km_from_past*",
    ),
    "matrix learners (EASE, item-kNN, ALS)": ("*_ease", "*_als", "*_item-knn"),
    "wishes, tastes, named interests": ("score_wish*", "score_taste-*", "interest_named"),
    "pull: distance, hour, draw, what is expected": ("pull", "pull_*", "expected"),
    "wishes and pull": ("score_wish*", "score_taste-*", "interest_named", "pull", "pull_*", "expected"),
    "distance, homes, reach": ("km_from_home*", "km_to_people", "reach_*", "homes_lift", "home_known", "same_*"),
    "everybody's bookings by key": ("crowd_*", "*_popularity"),
    "how the session fills": (
        "fact_usual_so_far", "fact_so_far_lift", "fact_booked_*", "fact_expected_*", "fact_filled_lift",
        "fact_days_*", "fact_share_*", "fact_places_left",
    ),
    "people alike by age, gender, place": ("alike_*", "person_age"),
    "lead time, price, capacity, age limits": (
        "fact_lead_days", "fact_price", "fact_capacity", "fact_hour*", "fact_weekday", "fact_min_age", "fact_max_age",
        "fact_online", "age_*",
    ),
    "company": ("company_*",),
    "words of titles": ("title_*",),
    "shown and passed over, opened": ("shown_*", "fact_shown*", "fact_open*"),
    "children": ("child_*",),
    "rivals in time": ("rival_*",),
}  # fmt: skip
"""Signals by name, with `*` for anything."""


@dataclass(frozen=True)
class Window:
    """A window to learn for, and its own shortlisted pairs to be judged on.

    Attributes:
        past: Pairs of the windows before it.
        pairs: Its own.
        is_new: (n_pairs,) whether the organiser is new to the person.
        n_relevant: (n_users,) hits, those outside the shortlist too; `n_new` of new organisers.
        is_hot: (n_users,) has booked before.
    """

    past: list[WindowPairs]
    pairs: WindowPairs
    is_new: NDArray[np.bool_]
    n_relevant: NDArray[np.int64]
    n_new: NDArray[np.int64]
    is_hot: NDArray[np.bool_]


def window_of(dataset: Dataset, at: pd.Timestamp, config: RankingConfig, memory: WindowMemory) -> Window:
    """Everything that is the same whichever signals are left out."""
    known = dataset.known_at(at)
    found = [
        memory.pairs(
            known, cut, config.windows, lambda k, c: fit_learners(k, c, config), config.of_learners, config.seed
        )
        for cut in cut_offs(known, config.windows)
    ]
    catalogue = catalogue_of(known, at, WINDOW_DAYS)
    learners = fit_learners(known, catalogue, config)
    hits = hits_of(dataset, at, WINDOW_DAYS)
    users = known.users[known.users["user_id"].isin(hits["user_id"])]
    frames, n_before = [], 0
    people: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]] = []
    for block, is_hit, n_outside in asked(catalogue, known, users, hits):
        allowed = offered(catalogue, block)
        first, new = stage_one(catalogue, block, learners), ~booked_organisers(catalogue, block)
        listed = shortlisted(first, allowed, new)
        rows, cols = listed.rows, listed.cols
        signals = pair_signals(catalogue, block, first, allowed, listed, rows, cols)
        by_candidate = new[:, catalogue.learner_keys.of_candidate]
        frames.append((pd.DataFrame(signals), is_hit[rows, cols], rows + n_before, by_candidate[rows, cols]))
        people.append((is_hit.sum(axis=1) + n_outside, (is_hit & by_candidate).sum(axis=1), _is_hot(block)))
        n_before += len(block)
    joined = [np.concatenate([frame[column] for frame in frames]) for column in (1, 2, 3)]
    return Window(
        [pairs for pairs in found if pairs is not None],
        WindowPairs(pd.concat([frame[0] for frame in frames], ignore_index=True), joined[0], joined[1]),
        joined[2],
        *(np.concatenate([part[column] for part in people]) for column in (0, 1, 2)),
    )


def _is_hot(block: UserBlock) -> NDArray[np.bool_]:
    return np.bincount(block.people.booked_rows, minlength=len(block)) > 0


def ndcg(
    window: Window, scores: NDArray[np.float64], only: NDArray[np.bool_], n: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n_users,) NDCG of the best pairs by score among those of a mask; NaN without a hit."""
    person, is_hit = window.pairs.person[only], window.pairs.is_hit[only]
    order = np.lexsort((-scores[only], person))
    sizes = np.bincount(person, minlength=len(n))
    place = np.arange(len(person)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    listed = np.zeros((len(n), K), dtype=bool)
    top = place < K
    listed[person[order][top], place[top]] = is_hit[order][top]
    return ndcg_at_k(listed, n)


def judged(windows: Sequence[Window], left_out: tuple[str, ...], trees: TreeConfig) -> dict[str, NDArray[np.float64]]:
    """Segment to the NDCG of every user with a hit, of trees that never saw the signals left out."""
    found: dict[str, list[NDArray[np.float64]]] = {"all": [], "hot": [], "warm": [], "new organisers": []}
    for window in windows:
        re_ranker = fit_re_ranker([_less(pairs, left_out) for pairs in window.past], trees, seed=0)
        assert re_ranker is not None, "too few hits to learn from"
        signals = {str(name): window.pairs.signals[name].to_numpy() for name in window.pairs.signals}
        scores = re_ranker.predict(signals, len(window.pairs.person))
        everything = ndcg(window, scores, np.ones(len(scores), dtype=bool), window.n_relevant)
        found["all"].append(everything)
        found["hot"].append(np.where(window.is_hot, everything, np.nan))
        found["warm"].append(np.where(window.is_hot, np.nan, everything))
        found["new organisers"].append(ndcg(window, scores, window.is_new, window.n_new))
    return {segment: np.concatenate(values) for segment, values in found.items()}


def _less(pairs: WindowPairs, left_out: tuple[str, ...]) -> WindowPairs:
    names = [name for name in pairs.signals if not any(fnmatch.fnmatch(str(name), one) for one in left_out)]
    return replace(pairs, signals=pairs.signals[names])


def _cell(values: NDArray[np.float64], losses: NDArray[np.float64]) -> str:
    if np.isnan(values).all():
        return "- | -"
    mean, low, high = bootstrap_interval(losses, np.random.default_rng(0))
    return f"{np.nanmean(values):.4f} | {mean:+.4f} [{low:+.4f}, {high:+.4f}]"


def main() -> None:
    """Learns with everything, then without each group, and prints the loss of each with its interval."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of CSV tables")
    parser.add_argument("--cut-offs", help="dates, comma between; otherwise the last whole window of the data")
    parser.add_argument("--timezone", default="Asia/Shanghai")
    parser.add_argument("--pairs-each", type=int, default=20_000, help="pairs of a past window that are learned from")
    parser.add_argument("--only", help="groups that are left out, those with this in their name")
    args = parser.parse_args()
    dataset = read_folder(args.data, args.timezone)
    days = args.cut_offs.split(",") if args.cut_offs else []
    times = [pd.Timestamp(day, tz="UTC") for day in days] or [dataset.data_until - pd.Timedelta(days=WINDOW_DAYS + 1)]
    config, memory = RankingConfig(windows=WindowConfig(pairs_each=args.pairs_each)), WindowMemory()
    windows = [window_of(dataset, time, config, memory) for time in times]
    whole: dict[str, NDArray[np.float64]] = {}
    print("| without | " + " | ".join(f"{s} | loss [95 %]" for s in ("all", "hot", "warm", "new organisers")) + " |")
    for group, left_out in GROUPS.items():
        if whole and args.only is not None and args.only not in group:
            continue
        started = time.process_time()
        found = judged(windows, left_out, config.trees)
        whole = whole or found
        cells = [_cell(values, whole[segment] - values) for segment, values in found.items()]
        print(f"| {group} | {' | '.join(cells)} |   {time.process_time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
