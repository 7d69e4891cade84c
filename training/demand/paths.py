"""From means and spread to what is served: expected places of both targets and quantiles that hold what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.demand.sessions import SessionBook
from recsys.demand.calibration import calibrated_pit, central_levels, path_pit
from recsys.demand.forecast import QUANTILES
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.paths import Floats, Ints, Paths, Span, category_paths, node_paths, over_spans
from training.demand.programme import OpenMeans
from training.demand.spread import Spread

N_PATHS, N_TEST_PATHS = 300, 100
_LEAST_MEAN = 0.05
_FULL_PRIOR_PLACES = 50.0
_KEPT_PRIOR_PLACES = 200.0


@dataclass(frozen=True)
class Limits:
    """What keeps places wanted from being taken.

    Attributes:
        usable: Share of a full session's capacity that ends up taken: parties do not fit, and some give up late.
        kept: (n_categories,) places taken for each place wanted, where the limit is not known yet.
    """

    usable: float
    kept: Floats

    @classmethod
    def of(cls, book: SessionBook, places: Floats, demand: Floats, n_categories: int) -> Limits:
        """From sessions that have begun; without any, all is usable and kept."""
        begun = (book.age >= 1) & ~book.is_cancelled
        full = begun & (demand >= np.nan_to_num(book.capacity, nan=np.inf))
        offered = float(np.nan_to_num(book.capacity[full]).sum())
        usable = (float(places[full].sum()) + _FULL_PRIOR_PLACES) / (offered + _FULL_PRIOR_PLACES)
        taken, wanted = (
            np.bincount(book.category[begun], weights=what[begun], minlength=n_categories) for what in (places, demand)
        )
        overall = (taken.sum() + 1.0) / (wanted.sum() + 1.0)
        kept = (taken + _KEPT_PRIOR_PLACES * overall) / (wanted + _KEPT_PRIOR_PLACES)
        return cls(float(np.clip(usable, 0.5, 1.5)), np.clip(kept, 0.0, 1.0))

    def limit(self, book: SessionBook, means: OpenMeans) -> Floats:
        """(n_rows,) places that can be taken, those held already at least; infinite where nothing is stated."""
        is_session = means.session >= 0
        capacity = np.where(is_session, book.capacity[means.session], np.nan)
        return np.where(np.isnan(capacity), np.inf, np.maximum(np.round(self.usable * capacity), means.held))

    def kept_of(self, means: OpenMeans) -> Floats:
        """(n_rows,) share of places wanted that is taken within the limit."""
        return np.where(means.session >= 0, 1.0, self.kept[means.category])


@dataclass(frozen=True)
class Drawn:
    """What was drawn of one origin.

    Attributes:
        means: By target, bookings first: (n_bottoms, n_categories, horizon) expected places still open.
        quantiles: By target: (n_quantiles, n_nodes, n_categories, n_spans) of the sums over spans of weeks.
        pits: By target: (n_nodes, n_categories, n_spans) PIT of what came; NaN where nothing tells.
    """

    means: tuple[Floats, Floats]
    quantiles: tuple[NDArray[np.float32], NDArray[np.float32]]
    pits: tuple[Floats, Floats]


@dataclass(frozen=True)
class Ahead:
    """The weeks ahead, and how they are added up.

    Attributes:
        hierarchy: Of the regions.
        horizon: Weeks.
        spans: Weeks that are added up: each by itself, months, quarters.
    """

    hierarchy: Hierarchy
    horizon: int
    spans: Sequence[Span]

    @property
    def bottoms(self) -> tuple[int, int, int]:
        """Shape of what is said of bottom regions: (n_bottoms, n_categories, horizon)."""
        return (self.hierarchy.n_bottoms, len(self.hierarchy.categories), self.horizon)

    @property
    def nodes(self) -> tuple[int, int, int]:
        """Shape of what is said of all regions: (n_nodes, n_categories, n_spans)."""
        return (self.hierarchy.n_nodes, len(self.hierarchy.categories), len(self.spans))

    def of_weeks(self, values: Floats) -> Floats:
        """(n_nodes, n_categories, n_spans) sums of (n_bottoms, n_categories, horizon) values."""
        return over_spans(self.hierarchy.sums(values), self.spans, axis=2)

    def of_paths(self, means: OpenMeans, rows: Ints, paths: Paths) -> Paths:
        """(n_nodes, n_spans, n_paths) sums of (n_rows, n_paths) paths of some rows."""
        nodes = node_paths(self.hierarchy, means.bottom[rows], means.week[rows], self.horizon, paths)
        return over_spans(nodes, self.spans, axis=1)


def draw(
    ahead: Ahead,
    book: SessionBook,
    means: OpenMeans,
    spread: Spread,
    limits: Limits,
    n_paths: int,
    rng: np.random.Generator,
    *,
    levels: tuple[Floats, Floats] | None = None,
    came: tuple[Floats, Floats] | None = None,
) -> Drawn:
    """Coherent paths of everything that is open, category by category, and what they say.

    Args:
        ahead: What is asked of them.
        book: Sessions, for their limits.
        means: Rows of the origin.
        spread: What they vary by.
        limits: What keeps places wanted from being taken.
        n_paths: Paths.
        rng: Source of chance.
        levels: By target, (n_nodes, n_spans, n_quantiles) levels at which quantiles are asked for; none: no quantiles.
        came: By target, (n_bottoms, n_categories, horizon) what came, NaN where not over; none: no PIT.
    """
    parts = spread.parts(means, limits.limit(book, means), limits.kept_of(means))
    taken_mean = means.mean.copy()
    shape = (len(QUANTILES), *ahead.nodes)
    quantiles = (np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32))
    pits = (np.full(ahead.nodes, np.nan), np.full(ahead.nodes, np.nan))
    # A stream of its own: what came changes nothing of what is drawn.
    chance = rng.spawn(1)[0]
    nodes_came = None if came is None else [ahead.of_weeks(one) for one in came]
    by_category = category_paths(parts, spread.shared, ahead.nodes[1], n_paths, rng)
    for category, (rows, *drawn) in enumerate(by_category):
        if not len(rows):
            continue
        taken_mean[rows] = _mean_taken(means.mean[rows], *drawn)
        for target, paths in enumerate(drawn):
            nodes = ahead.of_paths(means, rows, paths)
            if levels is not None:
                quantiles[target][:, :, category] = _quantiles(nodes, levels[target])
            if nodes_came is not None:
                pits[target][:, category] = _pit(nodes, nodes_came[target][:, category], chance)
    return Drawn((means.weekly(ahead.bottoms, taken_mean), means.weekly(ahead.bottoms)), quantiles, pits)


def _pit(paths: Paths, came: Floats, chance: np.random.Generator) -> Floats:
    """(n_nodes, n_spans) PIT of what came, NaN where nothing tells."""
    tells = (paths.mean(axis=-1) > _LEAST_MEAN) & np.isfinite(came)
    return np.where(tells, path_pit(paths, came, chance), np.nan)


def _mean_taken(mean: Floats, taken: Paths, wanted: Paths) -> Floats:
    """(n_rows,) mean of what is taken, from (n_rows, n_paths) places taken and wanted and the mean that is wanted.

    What is wanted is the control variate: with nothing lost at a limit the mean stays what was forecast, and where a
    session is always full the luck of the paths moves nothing. Source: Glasserman 2003, Monte Carlo Methods in
    Financial Engineering, section 4.1.
    """
    means = [paths.mean(axis=1, dtype=np.float64) for paths in (taken, wanted)]
    off = [paths - centre[:, None] for paths, centre in zip((taken, wanted), means, strict=True)]
    variance = (off[1] ** 2).sum(axis=1)
    follows = np.divide((off[0] * off[1]).sum(axis=1), variance, out=np.ones(len(mean)), where=variance > 0)
    lost = means[1] - means[0] + (1 - follows) * (mean - means[1])
    return np.clip(mean - lost, 0.0, mean)


def _quantiles(paths: Paths, levels: Floats) -> Paths:
    """(n_quantiles, n_nodes, n_spans): the smallest path with at least that share at or below it."""
    ordered = np.sort(paths, axis=-1)
    n_paths = paths.shape[-1]
    place = np.clip(np.ceil(levels * n_paths - 1e-9).astype(np.int64) - 1, 0, n_paths - 1)
    return np.asarray(np.take_along_axis(ordered, place, axis=-1).transpose(2, 0, 1))


def calibrated(hierarchy: Hierarchy, pits: list[Floats]) -> Floats:
    """(n_nodes, n_quantiles) levels by the PITs of a back-test, pooled over the regions of a level of the tree."""
    levels = np.tile(np.asarray(QUANTILES), (hierarchy.n_nodes, 1))
    if not pits:
        return levels
    for rows, found in _by_level(hierarchy, pits):
        levels[rows] = central_levels(found, QUANTILES)
    return levels


def calibrated_pits(hierarchy: Hierarchy, pits: Floats, past: list[Floats]) -> Floats:
    """Like `pits` (n_nodes, ...), of the forecast whose levels are `calibrated` by those of the past."""
    found = pits.copy()
    for rows, seen in _by_level(hierarchy, past) if past else ():
        found[rows] = calibrated_pit(pits[rows], seen)
    return found


def _by_level(hierarchy: Hierarchy, pits: list[Floats]) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """Yields for each level of the tree its rows and the finite PITs of all origins in them."""
    together = np.stack(pits)
    names = hierarchy.node_levels.astype(str)
    for name in np.unique(names):
        rows = names == name
        found = together[:, rows]
        yield rows, found[np.isfinite(found)]
