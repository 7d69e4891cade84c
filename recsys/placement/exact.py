"""The best plan of all, proven: every plan that could be better is written down, block by block, and tried."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from recsys.placement.anytime import AnytimeSearch
from recsys.placement.blocks import Plan, Prices, blocks_of
from recsys.placement.choice import Choice
from recsys.placement.greedy import GreedyState, assign, fill, first_gains, point_weights
from recsys.placement.instance import Placement, PlacementInstance
from recsys.placement.master import Master
from recsys.placement.relaxation import Relaxation, relax, rounded
from recsys.placement.search import TOLERANCE, BlockSearch
from recsys.placement.tightened import TightenedModel

PROVEN = 1e-7
"""Relative distance of plan and bound at which a plan counts as the best of all: HiGHS' own tolerance."""

MARGIN = 0.75
"""Openings whose gain alone is below this share of greedy's last price start outside all blocks."""

CUTS_UNTIL, PRICES_UNTIL, LISTS_UNTIL = 0.2, 0.5, 0.85
"""Shares of the time after which prices by cuts alone, prices, and lists of plans end; a choice gets what is left."""

WIDTH = 0.05
"""How far prices may move in the first round, as a share of the budget's."""

FARTHER, SURPRISED = 4.0, 0.1
"""How many times as far they may move once the bound falls as the master foretold, but for this share."""

SETTLED = 5e-6
"""Share of the value by which further rounds of prices could lower the bound when they end."""

WIDER = 9.0
"""How many times as far from their best the plans of blocks may be in the next round."""

CHOICE = 0.05
"""Share of the time for one choice among the columns so far, where lists would still be long."""

NEARLY, FEW = 3e-5, 100
"""Share of the value within which plans of a block are kept while prices are looked for, and how many at most.

Where venues stand in for one another a block has thousands of plans that are nearly its best; the master needs few.
"""


class Proof(AnytimeSearch):
    """Search for the best plan of an instance without floors, and a bound on all plans that holds at any time.

    At prices, a plan's distance from the Lagrangian bound is the sum of what each of its blocks loses: a plan better
    than the best known one uses only plans of blocks that lose less than the whole gap. These are enumerated, and the
    best choice among them is the best of all (Baldacci, Christofides & Mingozzi 2008, Mathematical Programming 115).
    """

    def __init__(self, instance: PlacementInstance, seconds: float, gap: float, pool: ThreadPoolExecutor) -> None:
        super().__init__(instance, seconds, gap, pool)
        self.alone = first_gains(instance, point_weights(instance))
        self.priced = np.inf
        self.is_cut = False
        self.centre: Prices | None = None
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

    def run(self) -> Placement:
        """The best plan; proven best where its gap is 0."""
        if not self.most.any():
            self.bound = self.best[0]
        while not self._done() and not self.is_cut and (self.left() > 0 or np.isinf(self.bound)):
            self._round()
        if self.is_cut and not self._done():
            self._choose(self.left())
        people, value, short = assign(self.instance, self.best[1])
        bound = max(self.bound, value)
        return Placement(self.best[1], people, value, short, bound, time.perf_counter() - self.began, "enumeration")

    def _round(self) -> None:
        """Prices, then wider and wider lists of plans, until one is proven best or openings outside may matter."""
        self.priced = np.inf
        centre = self._prices()
        price = centre.of_class(self.instance)
        slack = np.where(self.active | (self.most == 0), np.inf, price - self.alone)
        within = listed = self._nearly()
        while not self._done() and not self.is_cut and self.left() > 0:
            if self.priced - self.best[0] > WIDER * within:
                self._choose(CHOICE * self.seconds)
            within = min(within, max(self.priced - self.best[0], 0.0))
            if slack.min() < within:
                self._take(self.active | (slack < self.priced - self.best[0]))
                return
            if within > listed:
                self._price(centre, within)
            else:
                self._list_rest(price, within)
            if self.is_cut:
                return
            self._enumerate(centre, within)
            listed, within = max(listed, within), WIDER * within

    def _list_rest(self, price: NDArray[np.float64], within: float) -> None:
        """Writes down what was left out in blocks of which too many plans were nearly the best."""
        until = self.began + LISTS_UNTIL * self.seconds
        short = [search for search in self.searches if search.is_short]
        list(self.pool.map(lambda s: s.near(price[s.category, s.venues], within, until), short))
        for search in short:
            search.is_short = False
        self.is_cut = time.perf_counter() > until

    def _nearly(self) -> float:
        return max(NEARLY * self.best[0], TOLERANCE)

    def _is_after(self, share: float) -> bool:
        return self.left() < (1 - share) * self.seconds

    def _done(self) -> bool:
        near = max(self.gap, PROVEN) * abs(self.best[0])
        return bool(self.bound - self.best[0] <= near)

    def _prices(self) -> Prices:
        """The prices of the best bound found: by cuts, or the last round's, then column generation around them."""
        centre = self.centre or self._prices_by_cuts()
        best, at, width, value = np.inf, centre, WIDTH, -np.inf
        within = self._nearly()
        while True:
            bound = self._price(at, within, FEW)
            # Where the master knows all plans that matter it foretells the bound: then it may look farther.
            if bound - value < SURPRISED * (best - value):
                width *= FARTHER
            elif bound >= best:
                width *= 0.5
            if bound < best:
                best, centre = bound, at
            at, value = self.master.prices_near(centre, width)
            if self.is_cut or self._is_after(PRICES_UNTIL) or best - value < SETTLED * best or width < 1e-5:
                self.centre = centre
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

    def _price(self, prices: Prices, within: float, most: float = np.inf) -> float:
        """The bound at prices; blocks' plans within so many people of their best (at most so many) become columns."""
        instance = self.instance
        price = prices.of_class(instance)
        over = np.maximum(self.alone - price, 0.0) * self.most
        bound = prices.of_limits(instance) + float(over[~self.active].sum())
        until = self.began + LISTS_UNTIL * self.seconds

        def near(search: BlockSearch) -> float:
            return search.near(price[search.category, search.venues], within, until, most)

        for search, worth in zip(self.searches, self.pool.map(near, self.searches), strict=True):
            bound += worth
            for plan in search.plans.values():
                self.master.add_if_new(plan)
        # A search cut short may miss plans: nothing is proven from its list then.
        self.is_cut = time.perf_counter() > until
        self.priced = min(self.priced, bound)
        self.bound = min(self.bound, bound)
        return bound

    def _enumerate(self, prices: Prices, within: float) -> None:
        """The best choice of all, where it loses at most so many people, and else a bound that says so."""
        price = prices.of_class(self.instance)
        plans = [self._plans_within(search, price, within) for search in self.searches]
        floor = max(self.best[0], self.priced - within)
        choice = Choice(self.instance, self.searches, plans, floor, self.bound)
        most = choice.solve(prices, self.left())
        if choice.classes is not None:
            self._try(choice.classes)
        if self.left() > 0:
            self.bound = min(self.bound, max(most, floor))

    def _choose(self, seconds: float) -> None:
        """A good plan among the columns so far, so that fewer must be written down."""
        if self._done() or self.left() <= 0:
            return
        relaxed = Relaxation(self.bound, self.master.prices(), self.master.wanted())
        self._try(rounded(self.instance, relaxed).classes)
        classes, _ = self.master.whole(min(max(self.left(), 0.1), seconds), 1e-4, self.best[0])
        if classes is not None:
            self._try(classes)

    def _plans_within(self, search: BlockSearch, price: NDArray[np.float64], within: float) -> list[Plan]:
        """Plans of a block, to open nothing among them, that lose at most so many people at prices."""
        nothing = search.nothing()
        mine = price[search.category, search.venues]
        known = {nothing.classes.tobytes(): nothing, **search.plans}
        worth = {key: search.worth(plan, mine) for key, plan in known.items()}
        best = max(worth.values())
        return [plan for key, plan in known.items() if worth[key] >= best - within - TOLERANCE]
