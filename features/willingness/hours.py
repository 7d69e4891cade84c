"""Hours and days of the week: which are alike, and how much of what they seem to tell apart is theirs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.willingness.equations import Block
from features.willingness.exposure import HOURS
from features.willingness.mixed import Regression

HOURS_ALIKE = 1.5
"""Standard deviation in hours of the kernel within which hours of a day fare alike."""

DAYS_ALIKE = 0.8
"""Correlation of two working days, and of the two days of a weekend: what sets days apart is mostly who is free. Not
tuned."""

FOLDS = 5
"""Parts that courses are left out in."""

TIMES = ("hour", "weekday")
"""Blocks of effects that are confirmed."""

CONFIRMED_SPREAD = 0.5
"""Standard deviation, beforehand, of how much is confirmed, around all of it; not tuned."""

LEAST_CONFIRMED = 0.5
"""Never less is believed: hours that are all alike could not be chosen among. A half was taken after one simulated
county in which nothing was confirmed (docs/decisions/0041-new-classes.md)."""


def hours_alike() -> NDArray[np.float64]:
    """(N_TIME_CELLS, N_TIME_CELLS) correlation of hours; a weekend's are half as alike to a working day's."""
    return np.asarray(np.kron(np.array([[1.0, 0.5], [0.5, 1.0]]), _kernel()), dtype=np.float64)


def days_alike() -> NDArray[np.float64]:
    """(7, 7) correlation of weekdays; a weekend's tell nothing of working days."""
    is_alike = np.kron(np.eye(2), np.ones((5, 5)))[:7, :7]
    return np.asarray(DAYS_ALIKE * is_alike + (1 - DAYS_ALIKE) * np.eye(7), dtype=np.float64)


def smoothing() -> NDArray[np.float64]:
    """(N_TIME_CELLS, N_TIME_CELLS) weights with which hours are counted together, weekends apart."""
    return np.asarray(np.kron(np.eye(2), _kernel()), dtype=np.float64)


def _kernel() -> NDArray[np.float64]:
    """(HOURS, HOURS) how alike hours of a day are, midnight being next to 23:00."""
    hours = np.arange(HOURS)
    away = np.abs(hours[:, None] - hours[None, :])
    away = np.minimum(away, HOURS - away)
    return np.asarray(np.exp(-0.5 * np.square(away / HOURS_ALIKE)), dtype=np.float64)


def confirmed(regression: Regression) -> float:
    """How much of what `TIMES` tell apart holds for courses from which it was not learned; 1 is all of it.

    Few courses run at an hour, and who picks the hour that did best picks their luck along with it. Each part of the
    courses is foretold by the others; the answer is the slope of what was asked on what was foretold,
    believed to be 1 beforehand, at least `LEAST_CONFIRMED`.
    """
    course, n_rows = regression.course, len(regression.course)
    if len(np.unique(course)) < FOLDS:
        return 1.0
    told, otherwise = np.zeros(n_rows), np.zeros(n_rows)
    for part in range(FOLDS):
        out = course % FOLDS == part
        fit = regression.some(~out).fit()
        for name, block in regression.blocks.items():
            (told if name in TIMES else otherwise)[out] += block.matrix[out] @ fit.effects[name]
    told -= np.average(told, weights=regression.expected)
    slope = Block(sparse.csr_array(told[:, None]), CONFIRMED_SPREAD, np.ones(1), is_learned=False)
    level = Block(sparse.csr_array(np.ones((n_rows, 1))), 1.0, np.zeros(1), is_learned=False)
    expected = regression.expected * np.exp(np.clip(otherwise, -5, 5))
    held = Regression({"told": slope, "level": level}, course, regression.counts, expected, regression.course_spread)
    return max(float(held.fit().effects["told"][0]), LEAST_CONFIRMED)
