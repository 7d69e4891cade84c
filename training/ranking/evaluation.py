"""Back-tests of lists: hits as the contract defines them, segments, intervals."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking.lists import listed
from features.ranking.model import RankingModel
from features.ranking.two_stages import offered, pair_scores
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.known.lookup import take_or_missing
from features.signals.learned.stage_one import stage_one
from features.signals.people import UserBlock
from recsys.dataset import Dataset
from recsys.ranking.exploration import explored
from recsys.ranking.metrics import coverage
from recsys.ranking.top_k import MISSING, top_k
from training.ranking.contenders import ContenderConfig, Contenders, fit_contenders
from training.ranking.truth import Truth
from training.ranking.windows import asked, hits_of

SERVED = "two-stage"

VARIETIES = (0.1, 0.3)
DRAWN_SHARE = 0.1
_DRAWN_FROM = 90
"""What is done to the served list after scoring stands in rows of its own: their distance is the price."""

NEW_ORGANISERS = "new organisers"
PARTS = (
    NEW_ORGANISERS,
    "sessions not booked yet",
    "sessions booked 1 to 4 times",
    "sessions booked 5 times and more",
    "sessions in their first hour",
)
"""Parts of the candidates that lists are also judged on alone: the list of the part against the hits in it."""


OutsideScores = Callable[[Catalogue, UserBlock], Mapping[str, NDArray[np.floating]]]
"""(n_users, n_candidates) scores by name, NaN: cannot."""

OutsideLearner = Callable[[Dataset, Catalogue], OutsideScores]
"""Learns from what is known at a catalogue's instant."""


@dataclass(frozen=True)
class JudgedLists:
    """What every ranker's lists were worth on one window.

    Attributes:
        window: The cut-off.
        user_ids: (n_users,) people with a hit.
        segment: (n_users,) `hot`, `warm` or `cold`.
        n_candidates: Candidates of the window.
        figures: By model and metric, (n_users,): `ndcg`, `recall` (with a part's name after them for the list of that
            part alone; NaN where nothing is relevant), `novelty`, `categories` (different ones in the list), `listed`
            (1: a list was given).
        coverage: By model, the share of the candidates that stand in some list.
    """

    window: str
    user_ids: NDArray[np.object_]
    segment: NDArray[np.object_]
    n_candidates: int
    figures: dict[str, dict[str, NDArray[np.float64]]]
    coverage: dict[str, float]


def judge_lists(
    model: RankingModel,
    dataset: Dataset,
    known: Dataset,
    cut_off: pd.Timestamp,
    window_days: float,
    k: int,
    contenders: ContenderConfig | None = None,
    outside: OutsideLearner | None = None,
) -> JudgedLists:
    """The lists of a model, its candidate rankers and others on one window.

    A ranker that cannot score a user (NaN) gives no list and counts 0 in NDCG and recall: `share listed` says for how
    many it could. So that nobody looks good against a ranker that is silent, one baseline backs off: the person's
    own past, else what their region books.
    """
    catalogue = catalogue_of(known, cut_off, window_days)
    others = fit_contenders(known, catalogue, contenders or ContenderConfig())
    outsiders = None if outside is None else outside(known, catalogue)
    hits = hits_of(dataset, cut_off, window_days)
    blocks: dict[str, list[dict[str, NDArray[np.float64]]]] = {}
    lists: dict[str, list[NDArray[np.int64]]] = {}
    user_ids: list[NDArray[np.object_]] = []
    segments: list[NDArray[np.object_]] = []
    for block, relevant, n_outside in asked(catalogue, known, _with_strangers(known, hits), hits):
        user_ids.append(np.asarray(block.user_ids, dtype=object))
        segments.append(_segments(block))
        allowed = offered(catalogue, block)
        scores = _all_scores(model, others, catalogue, block, allowed)
        more = {} if outsiders is None else outsiders(catalogue, block)
        truth = Truth(catalogue, relevant, n_outside)
        for name, columns, figures in _judged((*scores, *more.items()), truth, block, allowed, k):
            blocks.setdefault(name, []).append(figures)
            lists.setdefault(name, []).append(columns)
    nobody = np.zeros(0, dtype=object)
    return JudgedLists(
        window=cut_off.isoformat(),
        user_ids=np.concatenate([nobody, *user_ids]),
        segment=np.concatenate([nobody, *segments]),
        n_candidates=len(catalogue),
        figures={name: {m: np.concatenate([p[m] for p in parts]) for m in parts[0]} for name, parts in blocks.items()},
        coverage={name: coverage(np.concatenate(parts), len(catalogue)) for name, parts in lists.items()},
    )


def _judged(
    scored: Iterable[tuple[str, NDArray[np.floating]]],
    truth: Truth,
    block: UserBlock,
    allowed: NDArray[np.bool_],
    k: int,
) -> Iterator[tuple[str, NDArray[np.int64], dict[str, NDArray[np.float64]]]]:
    """Name, (n_users, k) list and figures of each ranker; after the served one's, those of its other styles."""
    parts = _parts(truth.catalogue, block)
    for name, scores in scored:
        columns = top_k(scores, allowed, k)
        found = truth.figures(columns)
        for part, inside in parts.items():
            found |= truth.figures_within(inside, top_k(scores, allowed & inside, k), part)
        yield name, columns, found
        if name == SERVED:
            for style, styled in _styled(truth.catalogue, block, scores, allowed, k):
                yield style, styled, truth.figures(styled)


def _all_scores(
    model: RankingModel,
    others: Contenders,
    catalogue: Catalogue,
    block: UserBlock,
    allowed: NDArray[np.bool_],
) -> Iterator[tuple[str, NDArray[np.floating]]]:
    yield SERVED, pair_scores(model, catalogue, block, allowed)
    first = stage_one(catalogue, block, model.learners)
    yield from first.items()
    yield from others.scores(catalogue, block, first["affinity"]).items()


def _styled(
    catalogue: Catalogue, block: UserBlock, scores: NDArray[np.floating], allowed: NDArray[np.bool_], k: int
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """The served lists with variety, and with places drawn from those that follow as if nobody had been shown yet."""
    for variety in VARIETIES:
        yield f"{SERVED}, variety {variety}", listed(catalogue, scores, allowed, k, variety)
    longer = top_k(scores, allowed, k + _DRAWN_FROM)
    drawn = np.full((len(longer), k), MISSING, dtype=np.int64)
    for row, (user_id, columns) in enumerate(zip(block.user_ids, longer, strict=True)):
        ranked = columns[columns != MISSING]
        kept = np.arange(min(k, len(ranked)))
        seed = np.random.default_rng(zlib.crc32(str(user_id).encode()))
        places, _ = explored(kept, (np.arange(len(ranked)) >= k).astype(np.float64), DRAWN_SHARE, seed)
        drawn[row, : len(kept)] = ranked[np.sort(places)]
    yield f"{SERVED}, {DRAWN_SHARE:.0%} drawn", drawn


def _parts(catalogue: Catalogue, block: UserBlock) -> dict[str, NDArray[np.bool_]]:
    """(n_users, n_candidates) what is in each part."""
    n_booked = catalogue.facts["booked_so_far"]
    in_first_hour = catalogue.facts["days_bookable"] < 1 / 24
    states = (n_booked == 0, (n_booked > 0) & (n_booked < 5), n_booked >= 5, in_first_hour)
    everybody = [np.broadcast_to(state, (len(block), len(catalogue))) for state in states]
    return dict(zip(PARTS, [~_known_organisers(catalogue, block), *everybody], strict=True))


def _segments(block: UserBlock) -> NDArray[np.object_]:
    """(n_users,) hot: has booked; warm: only a profile; cold: neither."""
    is_hot = np.bincount(block.people.booked_rows, minlength=len(block)) > 0
    return np.where(is_hot, "hot", np.where(block.has_profile, "warm", "cold")).astype(object)


def _known_organisers(catalogue: Catalogue, block: UserBlock) -> NDArray[np.bool_]:
    """(n_users, n_candidates) whether the person booked the candidate's organiser before; those who opted out too."""
    organiser = catalogue.levels["organiser"]
    sessions = catalogue.lookup.sessions.nums_or_missing(block.people.booked_ids)
    key = take_or_missing(catalogue.lookup.of_sessions["organiser"], sessions)
    booked = np.zeros((len(block), len(organiser.keys) + 1), dtype=bool)
    booked[block.people.booked_rows, take_or_missing(organiser.place_of_key, key)] = True
    booked[:, -1] = False
    return booked[:, organiser.of_candidate]


def _with_strangers(known: Dataset, hits: pd.DataFrame) -> pd.DataFrame:
    """Rows of the users with a hit; those who came after the cut-off are known by nothing but their id."""
    users = known.users[known.users["user_id"].isin(hits["user_id"])]
    strangers = hits.loc[~hits["user_id"].isin(users["user_id"]), "user_id"].unique()
    if not len(strangers):
        return users
    rows = Dataset.from_tables({"users": pd.DataFrame({"user_id": strangers})}, known.data_until).users
    return pd.concat([users, rows], ignore_index=True)
