"""Which effects a session can have: one sparse column each, in groups that spread alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.demand.calendar import day_table, festival_distance
from features.demand.sessions import SessionBook, joint_codes
from training.forecasters.competition import rival_counts

_FESTIVAL_BANDS = (-28, -14, -7, -2, 3, 9, 16, 28)
_NEAR_FESTIVAL = (3, 6)
"""Bands of the days about the festival, from a week before it to sixteen days after."""

_LOADING = 0.4
"""Spread of what single events of a category draw about the festival, beside those of others: two or three festivals
with a handful of events each tell such effects, but no spread of them; one that is learned narrows to none."""

_SINGLE_DATES = 3
"""An activity of more dates is a course: it pauses over a festival, while single events live on it. The dates
that it keeps draw next to nobody, so that effect may be great."""

_LEAST_SEASON_WEEKS = 60
_STEP_WEEKS = 13
_YEAR_WEEKS = 52.0
_GROWTH_AHEAD_YEARS = 0.1
_RIVAL_SPREAD = 0.3

_Group = tuple[NDArray[np.int64], float]
"""Codes of sessions, -1 where one is not of the group, and the spread that effects of the group usually have."""


class _Block(NamedTuple):
    """Rows, columns and values of a group, how many columns it has, its spread, and whether that may be learned."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    width: int
    spread: float
    is_learned: bool = True


@dataclass(frozen=True)
class EffectDesign:
    """One column an effect that a session can have.

    Attributes:
        matrix: (n_sessions, n_columns), the first column being ones.
        group: (n_columns,) number of the group; -1 for the first column.
        spreads: (n_groups,) spread on the log scale that effects of a group have before anything is learned.
        is_learned: (n_groups,) the spread may be learned: not of what categories draw about Spring Festival.
        activity: (n_sessions,) code; sessions of one go together.
        is_serial: (n_sessions,) 1 for dates of courses, 0 for single events.
        is_festive: (n_sessions,) 1 for single events about Spring Festival.
        exposure: (n_sessions,) logarithm of the people who could come, over those of now; demand is taken to go with
            them, and an effect says how far it does not.
    """

    matrix: sparse.csr_array
    group: NDArray[np.int64]
    spreads: NDArray[np.float64]
    is_learned: NDArray[np.bool_]
    activity: NDArray[np.int64]
    is_serial: NDArray[np.int64]
    is_festive: NDArray[np.int64]
    exposure: NDArray[np.float64]


def effect_designs(book: SessionBook, cuts: Sequence[int]) -> Iterator[EffectDesign]:
    """Yields the design of each cut: as sessions and people were known at that origin, all with the same columns."""
    lasting = _crossed(book)
    # Few codes, but of all sessions at all cuts: those of one cut at a time.
    shapes = [[np.unique(code[code >= 0]) for code, _ in _by_what_is_known(book, cut)] for cut in cuts]
    seen = [np.unique(np.concatenate(of_cuts)) for of_cuts in zip(*shapes, strict=True)]
    for cut in cuts:
        found = _by_what_is_known(book, cut)
        known = [
            (np.where(code >= 0, np.searchsorted(codes, code), -1), len(codes), spread)
            for (code, spread), codes in zip(found, seen, strict=True)
        ]
        yield _design(book, cut, [*((code, int(code.max(initial=-1)) + 1, spread) for code, spread in lasting), *known])


def _design(book: SessionBook, cut: int, crossed: list[tuple[NDArray[np.int64], int, float]]) -> EffectDesign:
    """Indicators of crossed groups, steps and trend of the level, what competes in the same week, and the festival."""
    n_sessions = len(book)
    every, ones = np.arange(n_sessions), np.ones(n_sessions)
    blocks = [_Block(every, np.zeros(n_sessions, dtype=np.int64), ones, 1, np.nan)]
    for code, width, spread in crossed:
        known = np.flatnonzero(code >= 0)
        blocks.append(_Block(known, code[known], ones[known], width, spread))
    rivals = [(logs, _RIVAL_SPREAD) for logs in rival_counts(book, cut)]
    people = np.log(book.people(cut))
    for dense, spread in [*_levels_in_time(book, people), *rivals]:
        width = dense.shape[1]
        column = np.repeat(np.arange(width), n_sessions)
        blocks.append(_Block(np.tile(every, width), column, dense.T.ravel(), width, spread))
    for code, value, spread in _seasons(book):
        blocks.append(_Block(every, code, value, int(code.max(initial=-1)) + 1, spread))
    serial = is_serial(book, cut)
    is_festive = _is_near(_festival(book)) & (serial == 0)
    festive, n_categories = np.flatnonzero(is_festive), int(book.category.max(initial=0)) + 1
    blocks.append(_Block(festive, book.category[festive], ones[festive], n_categories, _LOADING, is_learned=False))
    rows, columns, values, widths, spreads, is_learned = zip(*blocks, strict=True)
    first = np.cumsum([0, *widths])
    places = [column + start for column, start in zip(columns, first[:-1], strict=True)]
    at = np.concatenate(rows), np.concatenate(places)
    return EffectDesign(
        matrix=sparse.csr_array((np.concatenate(values), at), shape=(n_sessions, int(first[-1]))),
        group=np.repeat(np.arange(-1, len(blocks) - 1), widths),
        spreads=np.array(spreads[1:]),
        is_learned=np.array(is_learned[1:]),
        activity=book.keys["activity"],
        is_serial=serial,
        is_festive=is_festive.astype(np.int64),
        exposure=people,
    )


def _crossed(book: SessionBook) -> list[_Group]:
    """Codes of each group that lasts, and the spread that its effects usually have."""
    return [*_of_session(book), *_of_hour(book), *_of_days_off(book)]


def _by_what_is_known(book: SessionBook, cut: int) -> list[_Group]:
    """The same of groups that what is published later changes: a code means the same at every cut."""
    return [*_of_price(book, cut), *_of_courses(book, is_serial(book, cut))]


def _pairs(first: NDArray[np.int64], second: NDArray[np.int64], n_second: int) -> NDArray[np.int64]:
    """(n,) codes of pairs, those that do not occur counted too; -1 where either is."""
    return np.where((first < 0) | (second < 0), -1, first * n_second + second)


def _of_session(book: SessionBook) -> list[_Group]:
    """What it is, where, and who holds it for whom."""
    category, keys = book.category, book.keys
    kind, audience, venue = keys["kind"], keys["audience"], keys["venue"]
    least_age = np.unique(np.nan_to_num(book.traits["min_age"], nan=-1.0), return_inverse=True)[1].astype(np.int64)
    return [
        (category, 0.6),
        (kind, 0.6),
        (book.bottom, 0.5),
        (venue, 0.5),
        (keys["organiser"], 0.4),
        (audience, 0.4),
        (joint_codes(category, kind), 0.4),
        (joint_codes(category, audience), 0.3),
        (joint_codes(category, book.bottom), 0.4),
        (joint_codes(category, venue), 0.4),
        (joint_codes(category, least_age), 0.2),
        (joint_codes(kind, audience), 0.3),
        (joint_codes(venue, audience), 0.3),
        (joint_codes(venue, kind), 0.3),
        (keys["series"], 0.4),
        (keys["activity"], 0.4),
    ]


def _of_hour(book: SessionBook) -> list[_Group]:
    """When in the week and the year."""
    category, kind, audience = book.category, book.keys["kind"], book.keys["audience"]
    starts = pd.DatetimeIndex(book.starts)
    hour, weekday = starts.hour.to_numpy(dtype=np.int64), starts.dayofweek.to_numpy(dtype=np.int64)
    slot = joint_codes(weekday, hour)
    part = 24 * is_free_day(book) + hour
    return [
        (weekday, 0.3),
        (hour, 0.3),
        (slot, 0.3),
        (joint_codes(audience, slot), 0.2),
        (part, 0.3),
        (joint_codes(audience, part), 0.3),
        (joint_codes(category, part), 0.2),
        (joint_codes(kind, part), 0.2),
        (joint_codes(joint_codes(category, audience), part), 0.2),
        (starts.month.to_numpy(dtype=np.int64), 0.15),
    ]


def _of_days_off(book: SessionBook) -> list[_Group]:
    """How near to Spring Festival, and whether the day is off or a make-up day."""
    kind = np.maximum(book.keys["kind"], 0)
    days = _days(book)
    festival = _festival(book)
    off = days["is_off"].to_numpy().astype(np.int64) + 2 * days["is_makeup"].to_numpy().astype(np.int64)
    return [
        (festival, 0.3),
        (joint_codes(festival, kind), 0.4),
        (joint_codes(festival, book.category), 0.2),
        (off, 0.3),
        (joint_codes(off, kind), 0.4),
    ]


def _of_price(book: SessionBook, cut: int) -> list[_Group]:
    """What it costs."""
    price, kind = _price_bands(book, cut), np.maximum(book.keys["kind"], 0)
    return [(price, 0.4), (_pairs(price, kind, int(kind.max(initial=0)) + 1), 0.2)]


def _of_courses(book: SessionBook, serial: NDArray[np.int64]) -> list[_Group]:
    """How dates of courses differ from single events, above all about Spring Festival.

    Until a Spring Festival has been seen, the weeks about it are taken to be like other days off.
    """
    days = _days(book)
    festival = _festival(book)
    is_near = _is_near(festival)
    is_rest = is_near | days["is_off"].to_numpy()
    n_categories, n_bands = int(book.category.max(initial=0)) + 1, len(_FESTIVAL_BANDS) + 1
    return [
        (_pairs(serial, book.category, n_categories), 0.3),
        (_pairs(serial, festival, n_bands), 0.4),
        (np.where((serial == 1) & is_near, book.category, -1), 0.3),
        (np.where((serial == 1) & is_near, festival, -1), 0.6),
        (_pairs(is_rest.astype(np.int64), serial, 2), 0.6),
    ]


def _days(book: SessionBook) -> pd.DataFrame:
    """Days off about each session, see `day_table`."""
    return day_table(book.starts.astype("datetime64[D]"))


def _festival(book: SessionBook) -> NDArray[np.int64]:
    """(n_sessions,) number of the band of days before or after Spring Festival."""
    return np.digitize(festival_distance(book.starts, "spring_festival"), _FESTIVAL_BANDS).astype(np.int64)


def _is_near(festival: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) in the days about Spring Festival, by band."""
    return (festival >= _NEAR_FESTIVAL[0]) & (festival <= _NEAR_FESTIVAL[1])


def is_serial(book: SessionBook, cut: int = 0) -> NDArray[np.int64]:
    """(n_sessions,) 1 for a date of a course: an activity of many dates, or of a series that had such.

    Dates that were known at origin `cut` count; to one that was published later, those published no later than itself.
    The last course that is published is often not published whole.
    """
    activity, series, known = book.keys["activity"], book.keys["series"], book.known_by(cut)
    by_cut = np.bincount(activity, weights=known, minlength=1)[activity]
    with_it = pd.Series(book.known_age).groupby(activity).rank(method="max", ascending=False).to_numpy()
    dates = np.where(known, by_cut, with_it).astype(np.int64)
    longest = np.zeros(int(series.max(initial=-1)) + 2, dtype=np.int64)
    np.maximum.at(longest, series[known] + 1, dates[known])
    return (np.maximum(dates, np.where(series >= 0, longest[series + 1], 0)) > _SINGLE_DATES).astype(np.int64)


def _price_bands(book: SessionBook, cut: int) -> NDArray[np.int64]:
    """Free, then quarters of the prices asked by origin `cut`; -1 where none is stated."""
    paid = book.price[(book.price > 0) & book.known_by(cut)]
    edges = np.unique(np.quantile(paid, (0.25, 0.5, 0.75))) if len(paid) else np.zeros(0)
    band = np.where(book.price > 0, 1 + np.searchsorted(edges, book.price, side="left"), 0)
    return np.where(np.isnan(book.price), -1, band).astype(np.int64)


def _seasons(book: SessionBook) -> list[tuple[NDArray[np.int64], NDArray[np.float64], float]]:
    """Code, value and usual spread of yearly waves, of all and of each category; none from little over a year."""
    if book.age.max(initial=0) <= _LEAST_SEASON_WEEKS:
        return []
    angle = 2 * np.pi * pd.DatetimeIndex(book.starts).dayofyear.to_numpy() / 365.25
    everything = np.zeros(len(book), dtype=np.int64)
    return [(code, wave(angle), 0.2) for code in (everything, book.category) for wave in (np.sin, np.cos)]


def is_free_day(book: SessionBook) -> NDArray[np.int64]:
    """(n_sessions,) 1 for weekends that are none of work, and days off: who works or goes to school comes otherwise."""
    days = _days(book)
    is_weekend = pd.DatetimeIndex(book.starts).dayofweek.to_numpy() >= 5
    return ((is_weekend & ~days["is_makeup"].to_numpy()) | days["is_off"].to_numpy()).astype(np.int64)


def _levels_in_time(book: SessionBook, people: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], float]]:
    """Steps of the common level every quarter back, the latest being 0, and a trend that goes on for a month."""
    back = book.age.astype(np.float64)
    n_steps = int(max(back.max(initial=0.0) // _STEP_WEEKS, 0))
    steps = np.column_stack(
        [back > _STEP_WEEKS * (i + 1) - _STEP_WEEKS // 2 for i in range(n_steps)] or [back > np.inf]
    )
    years = np.minimum(-back / _YEAR_WEEKS, _GROWTH_AHEAD_YEARS)
    return [(steps.astype(np.float64), 0.1), (years[:, None], 0.3), (people[:, None], 0.5)]
