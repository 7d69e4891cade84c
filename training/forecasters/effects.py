"""What a session draws as a product of crossed effects: category, venue, organiser, hour, festival, course."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from features.demand.sessions import SessionBook
from training.forecasters.effects_fit import CountedSessions, EffectFit, fit_effects
from training.forecasters.session_design import effect_designs
from training.forecasters.turnout import Floats, Scene, Turnout
from training.forecasters.turnout_fit import fit_turnout

REFIT_WEEKS = 4
"""Effects are learned anew at every fourth origin, and used until the next."""

_HALF_LIFE_WEEKS = 160.0
"""Half-lives of 60 to 400 weeks came within one per cent of each other (docs/decisions/0030-demand-programme.md)."""

_SLOW_REFITS = 4
"""Who comes, and how far what is unknown lifts a mean, are learned at every so many refits, and used until the next."""

_TOLD = 0.7
"""How far a mean follows what is wanted near it: wishes fit sessions that told of them better than those ahead."""

_ATTRACTION_RANGE = (-2.5, 2.5)
_LEAST_EXPECTED = 0.003


def effect_means(
    book: SessionBook, values: NDArray[np.float64], n_origins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_sessions, n_refits) mean of each session, and variance of its logarithm that is left unknown.

    Column k is by what had begun at origin 4 k weeks back. Origin j must read column ceil(j / 4), which knows nothing
    after it. Older sessions count less.
    """
    n_refits = -(-(n_origins - 1) // REFIT_WEEKS) + 1
    means, unknown = np.ones((len(book), n_refits)), np.ones((len(book), n_refits))
    fit: EffectFit | None = None
    turnout: Turnout | None = None
    alone = np.zeros(len(book))
    refits = range(n_refits - 1, -1, -1)
    for refit, plain in zip(refits, effect_designs(book, [n * REFIT_WEEKS for n in refits]), strict=True):
        cut = refit * REFIT_WEEKS
        begun = np.flatnonzero((book.age > cut) & ~book.is_cancelled)
        if len(begun):
            weight = 0.5 ** ((book.age[begun] - cut) / _HALF_LIFE_WEEKS)
            counted = CountedSessions(plain, begun, values[begun], weight)
            is_slow = fit is None or refit % _SLOW_REFITS == 0
            before = fit or fit_effects(counted, learns_lift=False)
            # What is published since the last cut has rivals of its own: who comes is seen anew, learned or not.
            scene = Scene.of(book, cut)
            if turnout is None or is_slow:
                turnout = fit_turnout(scene, cut)
                alone = turnout.alone(scene)
            log = plain.exposure + plain.matrix @ before.effects
            wanted = wanted_there(scene, turnout, alone, log, begun, is_beside=fit is not None)
            design = replace(plain, exposure=plain.exposure + wanted)
            fit = fit_effects(replace(counted, design=design), before, learns_lift=is_slow)
            means[:, refit] = fit.means(design)
            unknown[:, refit] = fit.open_variances(design)
    return means, unknown


def wanted_there(
    scene: Scene, turnout: Turnout, alone: Floats, log_means: Floats, begun: NDArray[np.int64], *, is_beside: bool
) -> Floats:
    """(n_sessions,) what people near want of each session beside the others of its week, as a logarithm about 0.

    What each attracts by itself is told by the fit before: effects and what people want go round in turn.

    Args:
        scene: Sessions and people.
        turnout: Who comes.
        alone: (n_sessions,) `Turnout.alone`.
        log_means: (n_sessions,) by the effects of the fit before, without what was wanted at its cut: sessions that
            were not published by then had other rivals.
        begun: Rows of past sessions.
        is_beside: Those effects were learned beside what is wanted, and not in its place.
    """
    log_alone = _log(alone, begun)
    if is_beside:
        own = log_means - (1 - _TOLD) * log_alone
    else:
        own = log_means - _log(turnout.beside(scene, np.ones(len(log_means))), begun)
    own = np.clip(own - np.median(own[begun]), *_ATTRACTION_RANGE)
    attraction = np.exp(own) / np.exp(own[begun]).mean()
    log_beside = _log(turnout.beside(scene, attraction), begun)
    return np.asarray(log_beside - (1 - _TOLD) * log_alone)


def _log(expected: Floats, begun: NDArray[np.int64]) -> Floats:
    usual = max(float(expected[begun].mean()), 1e-9)
    log = np.log(np.maximum(expected / usual, _LEAST_EXPECTED))
    return np.asarray(log - log[begun].mean())
