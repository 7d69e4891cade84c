"""Times of the year: what a category is wanted more or less than in the mean of a year, and what holidays change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.demand.calendar import day_table
from features.willingness.equations import Block

YEAR_DAYS = 365.25
OWN_WAVE_SPREAD = 0.25
"""Standard deviation of sine and cosine of each category's own wave; learned once a year of sessions is known."""

OUTLOOK_WEEKS = 13
"""Weeks ahead that a new class is judged by."""

FESTIVAL_BANDS = ((-10, 0), (0, 8), (8, 16))
"""Days from Spring Festival within which sessions fare alike: run-up, the days off, until the Lantern Festival."""

N_HOLIDAY_EFFECTS = 2 * (1 + len(FESTIVAL_BANDS))
"""Days off and each band, for training, then for other sessions."""

PAUSE = -0.5
"""What is believed of classes in these bands until bookings of a Spring Festival tell: terms begin after Lantern."""


def harmonics(days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """(n_days, 2) sine and cosine of the time of the year."""
    years = days.astype("datetime64[Y]")
    angle = 2 * np.pi * (days.astype("datetime64[D]") - years.astype("datetime64[D]")).astype(np.float64) / YEAR_DAYS
    return np.column_stack([np.sin(angle), np.cos(angle)])


def holidays(days: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """(n_days, 1 + n_bands) is it a day off; is it in each band around Spring Festival."""
    distinct, where = np.unique(days.astype("datetime64[D]"), return_inverse=True)
    table = day_table(distinct)
    gap = table["to_spring_festival"].to_numpy()
    bands = [(gap >= low) & (gap < high) for low, high in FESTIVAL_BANDS]
    return np.column_stack([table["is_off"].to_numpy(), *bands]).astype(np.float64)[where.ravel()]


def season_blocks(
    days: NDArray[np.datetime64],
    category: NDArray[np.int64],
    n_categories: int,
    is_training: NDArray[np.bool_],
    knows_year: bool,
) -> dict[str, Block]:
    """A year's wave that all share, each category's own, and holidays for training and for other sessions.

    In less than a year a wave that all share cannot be told from a platform that grows or tires; carried on it would
    say the contrary of what was seen. So there is none until a year is known.
    """
    wave, free = harmonics(days), holidays(days)
    n = len(days)
    columns = np.column_stack([category, n_categories + category])
    rows = np.repeat(np.arange(n), 2)
    own = sparse.csr_array((wave.ravel(), (rows, columns.ravel())), shape=(n, 2 * n_categories))
    both = np.column_stack([free * is_training[:, None], free * ~is_training[:, None]])
    centre = np.zeros(N_HOLIDAY_EFFECTS)
    centre[1 : 1 + len(FESTIVAL_BANDS)] = PAUSE
    return {
        "wave": Block(sparse.csr_array(wave if knows_year else np.zeros_like(wave)), 0.2, np.zeros(2)),
        "own wave": Block(own, OWN_WAVE_SPREAD, np.zeros(2 * n_categories), is_learned=knows_year),
        "holidays": Block(sparse.csr_array(both), 0.5, centre),
    }


def wanted(
    days: NDArray[np.datetime64], wave: NDArray[np.float64], own_wave: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_categories, n_days) what each category is wanted relative to the mean of its year."""
    both = harmonics(days)
    own = own_wave.reshape(2, -1)
    return np.asarray(np.exp((both @ wave)[None, :] + own.T @ both.T))


def around_holidays(
    days: NDArray[np.datetime64], effects: NDArray[np.float64], is_training: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n_days,) what holidays make of sessions on them."""
    free = holidays(days)
    halves = effects.reshape(2, -1)
    return np.asarray(np.exp(np.where(is_training, free @ halves[0], free @ halves[1])))


def outlook(
    from_day: np.datetime64, wave: NDArray[np.float64], own_wave: NDArray[np.float64], effects: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_categories, OUTLOOK_WEEKS) what training of each category is wanted in the weeks ahead."""
    days = from_day + np.arange(7 * OUTLOOK_WEEKS)
    by_day = wanted(days, wave, own_wave) * around_holidays(days, effects, np.ones(len(days), dtype=bool))
    return np.asarray(by_day.reshape(len(by_day), OUTLOOK_WEEKS, 7).mean(axis=2))
