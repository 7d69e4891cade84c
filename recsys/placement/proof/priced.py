"""Blocks of a city, their plans, and the prices at which these bound all plans."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.block import blocks_of
from recsys.placement.blocks.parts import Part
from recsys.placement.blocks.search import TOLERANCE, BlockSearch
from recsys.placement.instance import PlacementInstance
from recsys.placement.master.fitting import fitted
from recsys.placement.master.linear import Master
from recsys.placement.proof.tightened import TightenedModel
from recsys.placement.whole.anytime import AnytimeSearch
from recsys.placement.whole.greedy import GreedyState, fill, first_gains, point_weights
from recsys.placement.whole.prices import Prices
from recsys.placement.whole.relaxation import Relaxation, relax, rounded

PROVEN = 1e-7
"""Relative distance of plan and bound at which a plan counts as the best of all: HiGHS' own tolerance."""

MARGIN = 0.75
"""Openings whose gain alone is below this share of greedy's last price start outside all blocks."""

CUTS_UNTIL, PRICES_UNTIL, LISTS_UNTIL = 0.2, 0.5, 0.93
"""Shares of the time after which prices by cuts alone, prices, and lists of plans end; a choice gets what is left."""

WIDTH = 0.05
"""How far prices may move in the first round, as a share of the budget's."""

FARTHER, SURPRISED = 4.0, 0.1
"""How many times as far they may move once the bound falls as the master foretold, but for this share."""

SETTLED = 5e-6
"""Share of the value by which further rounds of prices could lower the bound when they end."""

NEARLY, FEW = 3e-5, 100
"""Share of the value within which plans of a block are kept while prices are looked for, and how many at most.

Where venues stand in for one another a block has thousands of plans that are nearly its best; the master needs few.
"""


class PricedSearch(AnytimeSearch):
    """Prices of budget, slots and teachers at which the blocks of an instance without floors bound all plans of a part.

    Attributes:
        alone: (n_categories, n_venues) people of one class alone.
        active: (n_categories, n_venues) openings in blocks; the bound counts what others could bring.
        searches: The blocks.
        master: Their plans.
        priced: The lowest bound by prices of blocks.
        is_cut: Time ended a search: plans may be missing.
    """

    def __init__(self, instance: PlacementInstance, seconds: float, gap: float, pool: ThreadPoolExecutor) -> None:
        super().__init__(instance, seconds, gap, pool)
        self.alone = first_gains(instance, point_weights(instance))
        self.priced = np.inf
        self.is_cut = False
        self.searches: list[BlockSearch] = []
        state = GreedyState(instance, point_weights(instance))
        self.marginal = fill(state)
        self._try(state.classes)
        self._take((self.alone > MARGIN * self.marginal * instance.cost) | (state.classes > 0))

    def _take(self, active: NDArray[np.bool_]) -> None:
        """Blocks of the openings that may matter; what earlier blocks, each a part of a new one, have learned stays."""
        self.active = active & (self.most > 0)
        if not self.active.any():
            self.active = self.most > 0
        blocks = blocks_of(self.instance, self.active, self.most)
        earlier, self.searches = self.searches, [BlockSearch(self.instance, block) for block in blocks]
        self.master = Master(self.instance, self.searches)
        of_opening = {(search.category, int(v)): search for search in self.searches for v in search.venues}
        for search in earlier:
            of_opening[search.category, int(search.venues[0])].learn_from(search)
        for search in self.searches:
            for plan in search.plans.values():
                self.master.add_if_new(plan)

    def _enter(self, part: Part) -> None:
        """From now on only plans of a part count."""
        self.part, self.bound, self.priced = part, part.bound, np.inf
        for search in self.searches:
            search.limit(part.limits)
        self.master.limit(part.limits)

    def _nearly(self) -> float:
        return max(NEARLY * self.best[0], TOLERANCE)

    def _is_after(self, share: float) -> bool:
        return self.left() < (1 - share) * self.seconds

    def _done(self) -> bool:
        return self._is_near(self.bound)

    def _is_near(self, bound: float) -> bool:
        return bool(bound - self.best[0] <= max(self.gap, PROVEN) * abs(self.best[0]))

    def _prices(self, part: Part) -> Prices:
        """The prices of the best bound found: by cuts, or the last round's, then column generation around them."""
        centre = part.centre or self._prices_by_cuts()
        best, at, width, value = np.inf, centre, WIDTH, -np.inf
        if part.limits:
            at, value = self.master.prices_near(centre, width)
        within = self._nearly()
        while True:
            bound = self._price(at, within, FEW, 0.0)
            # Where the master knows all plans that matter it foretells the bound: then it may look farther.
            if bound - value < SURPRISED * (best - value):
                width *= FARTHER
            elif bound >= best:
                width *= 0.5
            if bound < best:
                best, centre = bound, at
            if self.is_cut or self._is_after(PRICES_UNTIL) or self._done() or width < 1e-5:
                return centre
            at, value = self.master.prices_near(centre, width)
            self._fit(at)
            if best - value < SETTLED * best:
                return centre

    def _prices_by_cuts(self) -> Prices:
        """Prices of the linear model of all blocks, or of the relaxation where there is no time for that."""
        model, last, relaxed = TightenedModel(self.instance, [s.model for s in self.searches]), np.inf, None
        while True:
            value, prices, z = model.solve(0.5 * self.left())
            if np.isinf(value):
                break
            self._outside(value, prices)
            relaxed = Relaxation(value, prices, model.classes(z))
            if last - value < 1e-4 * value or self._is_after(CUTS_UNTIL) or not model.tighten(z):
                break
            last = value
        if relaxed is None:
            relaxed = relax(self.instance, 0.5 * self.left(), self.marginal)
            self.bound = min(self.bound, relaxed.bound)
        self._try(rounded(self.instance, relaxed).classes)
        return relaxed.prices

    def _outside(self, value: float, prices: Prices) -> None:
        """The linear model's value is a bound once openings outside all blocks have what they could bring."""
        over = np.maximum(self.alone - prices.of_class(self.instance), 0.0) * self.most
        self.bound = min(self.bound, value + float(over[~self.active].sum()))

    def _price(self, prices: Prices, within: float, most: float = np.inf, enough: float | None = None) -> float:
        """The bound at prices; blocks' plans within so many people of their best become columns, see `BlockSearch`."""
        instance = self.instance
        price = prices.of_class(instance)
        over = np.maximum(self.alone - price, 0.0) * self.most
        bound = prices.of_limits(instance) + float(over[~self.active].sum())
        until = self.began + LISTS_UNTIL * self.seconds

        def near(search: BlockSearch) -> float:
            return search.near(price[search.category, search.venues], within, until, most, enough)

        for search, worth in zip(self.searches, self.pool.map(near, self.searches), strict=True):
            bound += worth
            for plan in search.plans.values():
                self.master.add_if_new(plan)
        # A search cut short may miss plans: nothing is proven from its list then.
        self.is_cut = time.perf_counter() > until
        self.priced = min(self.priced, bound)
        self.bound = min(self.bound, bound)
        return bound

    def _fit(self, prices: Prices) -> None:
        """A good plan out of the master's last mixture, so that fewer must be written down."""
        plans = [[search.nothing(), *search.plans.values()] for search in self.searches]
        classes = fitted(self.instance, self.searches, plans, prices, self.master.wanted(), self.best[0])
        if classes is not None:
            self._try(classes)
