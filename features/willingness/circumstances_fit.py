"""Circumstances learned from counts beside what people's rates would lead to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.geography.decay import DistanceDecay, fit_decay
from features.willingness.ages import AGE_GROUPS
from features.willingness.circumstances import Circumstances
from features.willingness.config import LatentConfig
from features.willingness.equations import Block
from features.willingness.exposure import N_TIME_CELLS, TRAINING, Exposure
from features.willingness.facts import Facts
from features.willingness.hours import confirmed, days_alike, hours_alike, smoothing
from features.willingness.mixed import Regression
from features.willingness.seasons import season_blocks
from features.willingness.walk import Walk
from recsys.sums import sums_by

COURSE_SPREAD = 0.6
"""Standard deviation, beforehand, of the logarithm of how well a course does beside another like it."""

CATEGORY_SPREAD = 0.4
"""The same of how much categories are liked, beside what people look at."""

LISTED_SPREAD = 0.12
"""The same beside what people list as interests, until a year of sessions is known.

In less than a year a category that is liked looks as one that is in season: neither spread can be learned then. Of two
sizes tried on simulated counties the one with which plans were no worse: 0.12 and 0.2 gave 0.91 and 0.90 of the
oracle's value (`logit`), both 0.89 (`gravity`); listings follow tastes closely there
(docs/decisions/0041-new-classes.md).
"""

YEAR_WEEKS = 52

SIGNS = np.array([1.0, 0.0])
"""Slopes of categories' levels on logarithms of listings and of views, as believed beforehand; bookings move both.

Not tuned: a category listed twice as often is wanted twice as much, and views, which follow what is on, say nothing.
"""


def learn_circumstances(
    facts: Facts,
    now: Circumstances,
    walked: Walk,
    rate: NDArray[np.float32],
    inflation: NDArray[np.float64],
    config: LatentConfig,
) -> Circumstances:
    """Circumstances from counts beside what people's rates would lead to."""
    o, seen = facts.offered, _seen(facts.offered, inflation)
    decay = _learn_decay(facts, walked.at_reach_one, o.people * inflation[o.booking_session])
    if not len(o.week) or not len(rate):
        return replace(now, decay=decay)
    regression = _regression(facts, now, seen, walked.expected, rate)
    blocks, fit = regression.blocks, regression.fit()
    effects = fit.effects | {"audience": fit.effects["audience"] - fit.effects["audience"][0]}
    cells, kinds = _times_and_kinds(o, now, effects, seen, walked.expected, config.age_strength)
    return Circumstances(
        decay=decay,
        cell_fit=cells,
        weekday_fit=np.exp(effects["weekday"]),
        kind_fit=kinds,
        course_fit=np.exp(fit.courses),
        session_fit=np.exp(
            sum(blocks[name].matrix @ effects[name] for name in ("audience", "price", "venue", "month"))
        ),
        wave=effects["wave"],
        own_wave=effects["own wave"],
        holidays=effects["holidays"],
        doubt=(fit.covariance["category"], fit.covariance["hour"], fit.covariance["weekday"]),
    )


def with_confirmed_hours(
    facts: Facts,
    now: Circumstances,
    expected: NDArray[np.float64],
    rate: NDArray[np.float32],
    inflation: NDArray[np.float64],
) -> Circumstances:
    """The same with what courses left out confirm of hours; `expected` (n_age_groups, n_sessions) as in `Walk`."""
    if not len(facts.offered.week) or not len(rate):
        return now
    return replace(now, confirmed=confirmed(_regression(facts, now, _seen(facts.offered, inflation), expected, rate)))


def _seen(offered: Exposure, inflation: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_age_groups, n_sessions) people who asked for places, those of each session times its `inflation`."""
    seen = np.zeros((len(AGE_GROUPS), len(offered.week)))
    people = offered.people * inflation[offered.booking_session]
    np.add.at(seen, (offered.age_group[offered.booking_user], offered.booking_session), people)
    return seen


def _times_and_kinds(
    offered: Exposure,
    now: Circumstances,
    effects: dict[str, NDArray[np.float64]],
    seen: NDArray[np.float64],
    expected: NDArray[np.float64],
    strength: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_age_groups, N_TIME_CELLS) and (n_age_groups, n_kinds) fit, kinds relative to training."""
    training = _training(offered)
    cells = _by_age(np.exp(effects["hour"]), now.cell_fit, offered.cell, seen, expected, strength, smoothing())
    shared = np.exp(effects["kind"] - effects["kind"][training])
    kinds = _by_age(shared, now.kind_fit, offered.kind, seen, expected, strength)
    return cells, kinds / kinds[:, [training]]


def _training(offered: Exposure) -> int:
    return int(np.flatnonzero(offered.kinds == TRAINING)[0])


def _learn_decay(facts: Facts, at_reach_one: NDArray[np.float64], people: NDArray[np.float64]) -> DistanceDecay:
    # The last band is that of unknown distances.
    observed = sums_by(facts.booking_band, people, at_reach_one.size).reshape(at_reach_one.shape)
    return fit_decay(observed[:, :-1], at_reach_one[:, :-1], facts.mean_km[:-1])


def _regression(
    facts: Facts,
    now: Circumstances,
    seen: NDArray[np.float64],
    expected: NDArray[np.float64],
    rate: NDArray[np.float32],
) -> Regression:
    """What sessions have in common, the luck of courses apart: an hour is judged by how many courses do well in it.

    What of a category's level is its own, and what the luck of its few courses, is decided here; rates follow.
    """
    o = facts.offered
    season = now.season(o)[o.category, o.week]
    mix = expected.sum(axis=1) / max(float(expected.sum()), 1e-9)
    cells_now, kinds_now = (np.maximum(mix @ fit, 1e-9) for fit in (now.cell_fit, now.kind_fit))
    expected = expected * (seen.sum() / max(float(expected.sum()), 1e-9))
    plain = expected.sum(axis=0) / (now.shared(o) * cells_now[o.cell] * kinds_now[o.kind] * season)
    level = np.log(np.maximum(rate.mean(axis=0, dtype=np.float64), 1e-12))
    n_categories = len(o.categories)
    away = np.abs(np.arange(o.n_months)[:, None] - np.arange(o.n_months)[None, :])
    favour = np.kron(np.eye(n_categories), np.exp(-away))
    own, knows_year = Block.of_codes(o.category, n_categories, CATEGORY_SPREAD), o.n_weeks >= YEAR_WEEKS
    if facts.category_signals[:, 0].any() and not knows_year:
        own = replace(own, spread=LISTED_SPREAD, is_learned=False)
    kind = Block.of_codes(o.kind, len(o.kinds), 1.0)
    blocks = {
        "category": replace(own, centre=level.mean() - level),
        "signs": Block(sparse.csr_array(facts.category_signals[o.category]), 0.5, SIGNS),
        "kind": kind,
        "weekday": Block.of_codes(o.weekday, 7, 0.15, days_alike()),
        "hour": Block.of_codes(o.cell, N_TIME_CELLS, 0.5, hours_alike()),
        "audience": Block.of_codes(o.audience, int(o.audience.max()) + 1, 0.5),
        "price": Block(sparse.csr_array(np.log1p(o.price)[:, None]), 0.2, np.zeros(1)),
        "venue": Block.of_codes(o.venue, int(o.venue.max()) + 1, 0.3),
        "month": Block.of_codes(o.category_month, n_categories * o.n_months, 0.15, favour),
        **season_blocks(o.day, o.category, n_categories, o.is_training, knows_year),
    }
    return Regression(blocks, o.course, seen.sum(axis=0), np.maximum(plain, 1e-9), COURSE_SPREAD)


def _by_age(
    shared: NDArray[np.float64],
    before: NDArray[np.float64],
    code: NDArray[np.int64],
    seen: NDArray[np.float64],
    expected: NDArray[np.float64],
    strength: float,
    smoothing: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """(n_age_groups, n_codes) fit: what is shared, and how each age group differs from it, shrunk.

    How age groups differ shows within courses, so people count here, not courses. Codes that are alike are counted
    together by `smoothing`.
    """
    came = _by(code, seen, len(shared))
    at_one = _by(code, expected / before[:, code] * shared[code], len(shared))
    if smoothing is not None:
        came, at_one = came @ smoothing, at_one @ smoothing
    level = came.sum(axis=1, keepdims=True) / np.maximum(at_one.sum(axis=1, keepdims=True), 1e-9)
    level = level * came.sum(axis=0) / np.maximum((at_one * level).sum(axis=0), 1e-9)
    return np.asarray(shared * (came + strength) / (at_one * level + strength))


def _by(codes: NDArray[np.int64], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.stack([sums_by(codes, row, n) for row in values])
