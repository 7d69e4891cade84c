"""Why something is in a list: causes without which its score is lower; in Chinese and English."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.ranking.causes import cause_of, scores_without
from features.ranking.lists import Lists
from features.ranking.model import RankingModel
from features.ranking.sentences import Past, Reason, said_once, sentence_of
from features.ranking.two_stages import rivals, scores_of_pairs
from features.signals.candidates.crowd import Signals
from features.signals.candidates.facts import CROWD_FACTS
from features.signals.catalogue import Catalogue
from features.signals.learned.shortlist import Shortlist
from features.signals.pairs import pair_signals
from features.signals.people import UserBlock
from recsys.ranking.top_k import MISSING

MAX_REASONS = 3
MOST_PROPOSED = 5
"""Causes of a candidate that are tried at most."""
LEAST_DROP = 1e-6
"""Share of the score that a cause takes with it at least: scores of a list may be of very different size."""


CAUSES: Mapping[str, tuple[str, ...]] = {
    "series": ("own_series_", "own_activity_"),
    "organiser": (
        "own_organiser_",
        "own_programme_",
        "own_weekday_",
        "score_affinity",
        "share_affinity",
        "rank_affinity",
        "score_als",
        "share_als",
        "rank_als",
        "rival_near_share",
    ),
    "category": ("own_category_", "own_theme_", "own_kind_", "score_wish", "rank_wish"),
    "venue": ("own_venue_", "km_from_past"),
    "title": ("title_",),
    "company": ("company_",),
    "habit": ("habit_", "own_slot_", "score_taste-slot", "rank_taste-slot", "pull_hour"),
    "distance": ("km_from_home", "reach_", "pull_distance", "same_township"),
    "interest": ("interest_named",),
    "family": ("child_fits",),
    "township": ("alike_township_",),
    "age": ("alike_age_",),
    "popular": (
        "crowd_",
        *(f"fact_{name}" for name in CROWD_FACTS),
        "pull_draw",
        "score_popularity",
        "share_popularity",
        "rank_popularity",
    ),
}
"""Beginnings of the signals that make each cause."""

_ZERO_WHEN_ABSENT = (
    "_count",
    "_fast",
    "_slow",
    "_share",
    "_rate",
    "_sum",
    "company_programme",
    "company_series",
    "_fits",
    "_known",
)


_OWN_LEVELS = ("activity", "series", "organiser", "programme", "category")
"""What is popular must itself have been booked of late, not only its venue or its hour."""


def reasons_for(
    model: RankingModel,
    catalogue: Catalogue,
    block: UserBlock,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    lists: Lists,
    wanted: NDArray[np.bool_],
    is_elsewhere: Sequence[bool],
) -> list[tuple[Reason, ...]]:
    """Reasons of people's listed candidates, strongest first, at most `MAX_REASONS` each.

    Causes are proposed by blanking their signals, and told only if the person without the cause itself (the
    bookings with the organiser, the home, ...) is given a lower score, by the computation that made the list.

    Args:
        model: The model.
        catalogue: Candidates.
        block: People.
        rows: (n,) person of each candidate that is answered.
        columns: (n,) the candidate.
        lists: The people's lists, which they are from.
        wanted: (n_users, n_candidates) each request's filter.
        is_elsewhere: (n_users,) the person asks from another place than home.
    """
    if not len(columns):
        return []
    asked, signals, with_all = _seen(catalogue, block, rows, columns, lists)
    told = _told(model, catalogue, block, rows[asked], columns[asked], signals, with_all, wanted)
    reasons: list[tuple[Reason, ...]] = [()] * len(columns)
    pasts = {int(row): Past(catalogue, block.take(np.array([row]))) for row in np.unique(rows)}
    for num, (place, codes) in enumerate(zip(asked, told, strict=True)):
        row, column = int(rows[place]), int(columns[place])
        sentences = [sentence_of(code, pasts[row], column, signals, num, is_elsewhere[row]) for code in codes]
        reasons[place] = said_once(sentences)[:MAX_REASONS]
    return reasons


def _told(
    model: RankingModel,
    catalogue: Catalogue,
    block: UserBlock,
    rows: NDArray[np.int64],
    listed: NDArray[np.int64],
    signals: Signals,
    with_all: NDArray[np.float64],
    wanted: NDArray[np.bool_],
) -> list[list[str]]:
    """Codes of causes without which the person is really given a lower score, by place of the list, strongest first."""
    is_located = catalogue.is_located[listed]
    proposed = [
        (num, code)
        for num, code in (_proposed(model, signals, len(listed)) if len(listed) else ())
        if code != "distance" or is_located[num]
    ]
    found: list[list[tuple[float, str]]] = [[] for _ in listed]
    if proposed:

        def score(
            seen: Catalogue,
            others: UserBlock,
            were: NDArray[np.int64],
            of: NDArray[np.int64],
            candidates: NDArray[np.int64],
        ) -> NDArray[np.float64]:
            return scores_of_pairs(model, seen, others, of, candidates, wanted[were])

        tried = [
            (int(rows[num]), cause_of(code, catalogue, int(listed[num])), int(listed[num])) for num, code in proposed
        ]
        drops = with_all[[num for num, _ in proposed]] - scores_without(catalogue, block, tried, score)
        for (num, code), drop in zip(proposed, drops, strict=True):
            if drop > LEAST_DROP * abs(with_all[num]):
                found[num].append((-float(drop), code))
    return [[code for _, code in sorted(one)] for one in found]


def _seen(
    catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], columns: NDArray[np.int64], lists: Lists
) -> tuple[NDArray[np.int64], Signals, NDArray[np.float64]]:
    """Places in `columns` of what reasons can be given for, with the signals and scores that the lists were made by.

    Where there is a second stage, what it did not see has none: nothing that is taken away lowers its score.
    """
    found = lists.found
    if not found.is_re_ranked:
        may, listed = rivals(block, lists.allowed), Shortlist.empty(len(catalogue))
        signals = pair_signals(catalogue, block, lists.first, may, listed, rows, columns)
        return np.arange(len(columns)), signals, found.dense()[rows, columns]
    places = found.places(rows, columns)
    asked = np.flatnonzero(places != MISSING)
    of = places[asked]
    return asked, {name: values[of] for name, values in found.signals.items()}, found.values[of]


def _proposed(model: RankingModel, signals: Signals, n: int) -> list[tuple[int, str]]:
    """Places of the lists with codes of causes whose signals, blanked, lower the score; the strongest of each place.

    Without a second stage there is nothing to blank: the person's past, what is popular and nothing else is tried.
    """
    told = [code for code in CAUSES if _is_there(code, signals).any()]
    there = np.array([_is_there(code, signals) for code in told]).reshape(len(told), n)
    if model.re_ranker is None:
        return [(place, told[i]) for i, place in np.argwhere(there) if told[i] in ("organiser", "category", "popular")]
    names = tuple(signals)
    # As they are, then without each cause where it is there.
    without, place = np.nonzero(np.concatenate([np.ones((1, n), dtype=bool), there]))
    blanked = np.stack([signals[name] for name in names]).take(place, axis=1)
    for num, code in enumerate(told, start=1):
        zero, unknown = _made_by(code, names)
        of_cause = slice(*np.searchsorted(without, [num, num + 1]))
        blanked[zero, of_cause], blanked[unknown, of_cause] = 0.0, np.nan
    found = model.re_ranker.predict(dict(zip(names, blanked, strict=True)), len(place))
    scores, drops = found[:n], np.zeros(there.shape)
    drops[without[n:] - 1, place[n:]] = scores[place[n:]] - found[n:]
    best = np.argsort(-drops, axis=0, kind="stable")[:MOST_PROPOSED]
    least = LEAST_DROP * np.abs(scores)
    return [(place, told[i]) for place in range(n) for i in best[:, place] if drops[i, place] > least[place]]


@cache
def _made_by(code: str, names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Places among the names of the signals that a cause makes: those that are 0 without it, and those unknown then."""
    made = [place for place, name in enumerate(names) if name.startswith(CAUSES[code])]
    zero = [place for place in made if names[place].endswith(_ZERO_WHEN_ABSENT) and code != "popular"]
    return zero, [place for place in made if place not in zero]


def _is_there(code: str, signals: Signals) -> NDArray[np.bool_]:
    """(n,) whether the cause holds at all, whatever the model makes of it."""
    n = len(next(iter(signals.values())))

    def above(name: str, limit: float = 0.0) -> NDArray[np.bool_]:
        return np.asarray(signals[name] > limit) if name in signals else np.zeros(n, dtype=bool)

    tests: Mapping[str, Callable[[], NDArray[np.bool_]]] = {
        "series": lambda: above("own_series_count"),
        "organiser": lambda: above("own_organiser_count"),
        "category": lambda: above("own_category_count"),
        "venue": lambda: above("own_venue_count", 1.0),
        "title": lambda: above("title_share", 0.1),
        "company": lambda: above("company_programme", 0.05),
        "habit": lambda: above("habit_slot", 0.2),
        "distance": lambda: np.asarray((signals["km_from_home"] < 5.0) & (signals["home_known"] > 0)),
        "interest": lambda: above("interest_named"),
        "family": lambda: above("child_fits"),
        "township": lambda: above("alike_township_programme", 0.1),
        "age": lambda: above("alike_age_programme", 0.1),
        "popular": lambda: np.any([above(f"crowd_{level}_fast") for level in _OWN_LEVELS], axis=0),
    }
    return tests[code]()
