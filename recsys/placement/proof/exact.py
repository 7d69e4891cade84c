"""The best plan of all, proven: every plan that could be better is written down, block by block, and tried."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from recsys.placement.blocks.parts import Limit, Part
from recsys.placement.blocks.search import TOLERANCE
from recsys.placement.instance import Placement
from recsys.placement.master.choice import Choice
from recsys.placement.master.halving import halves
from recsys.placement.proof.priced import PricedSearch
from recsys.placement.whole.greedy import assign
from recsys.placement.whole.prices import Prices
from recsys.placement.whole.relaxation import Relaxation, rounded

WIDER = 9.0
"""How many times as far from their best the plans of blocks may be in the next round."""

AT_ONCE = 1.5
"""How many times as far as the next lists go the whole gap may be, to be gone through at once."""

FAR = 100.0
"""How many times as far as the first lists go the bound may lie above the best plan for plans to be halved."""

CHOICE, LONG = 0.05, 1.5
"""Share of the time for one choice among the columns so far; how many times as far as at first lists are long."""


class Proof(PricedSearch):
    """Search for the best plan of an instance without floors, and a bound on all plans that holds at any time.

    At prices, a plan's distance from the Lagrangian bound is the sum of what each of its blocks loses: a plan better
    than the best known one uses only plans of blocks that lose less than the whole gap. These are enumerated, and the
    best choice among them is the best of all (Baldacci, Christofides & Mingozzi 2008, Mathematical Programming 115).
    """

    def run(self) -> Placement:
        """The best plan; proven best where its gap is 0."""
        parts, done = [Part((), np.inf if self.most.any() else self.best[0], None)], list[Part]()
        while parts and not self.is_cut and (self.left() > 0 or np.isinf(parts[-1].bound)):
            part = parts.pop()
            if self._is_near(part.bound):
                done.append(part)
            else:
                parts += self._round(part)
                parts.sort(key=lambda one: one.bound)
        # Near enough is not none at all: a part that is done still may hold as much as its bound.
        self.bound = max([self.best[0], *(part.bound for part in (*parts, *done))])
        if self.is_cut and not self._done():
            self._choose(self.left())
        people, value, short = assign(self.instance, self.best[1])
        bound = max(self.bound, value)
        return Placement(self.best[1], people, value, short, bound, time.perf_counter() - self.began, "enumeration")

    def _round(self, part: Part) -> list[Part]:
        """Prices, then wider and wider lists of plans, until no plan of a part is better: what is left of it."""
        self._enter(part)
        centre = self._prices(part)
        price = centre.of_class(self.instance)
        slack = np.where(self.active | (self.most == 0), np.inf, price - self.alone)
        within = self._nearly()
        while not self._done() and not self.is_cut and self.left() > 0:
            both = self._halves(part)
            if both is not None:
                left = replace(part, bound=self.bound, centre=centre)
                return [one for half in both if (one := left.within(half)) is not None]
            if self.priced - self.best[0] > LONG * self._nearly():
                self._choose(CHOICE * self.seconds)
            gap = max(self.priced - self.best[0], 0.0)
            within = gap if gap < AT_ONCE * within else within
            if slack.min() < within:
                self._take(self.active | (slack < gap))
                break
            self._price(centre, within)
            if not self.is_cut:
                self._enumerate(centre, within)
            within *= WIDER
        return [replace(part, bound=self.bound, centre=centre)]

    def _halves(self, part: Part) -> tuple[Limit, Limit] | None:
        """Two parts of a part that are worth less, if there are such (`halves`); not while a good plan is missing."""
        self._fit(self.master.prices())
        if self._done() or self.priced - self.best[0] > FAR * self._nearly():
            return None
        floor = max(self.best[0], self.master.value() - WIDER * self._nearly())
        return halves(self.master, part.limits, floor)

    def _enumerate(self, prices: Prices, within: float) -> None:
        """The best choice of all, where it loses at most so many people, and else a bound that says so."""
        price = prices.of_class(self.instance)
        plans = [s.within(price[s.category, s.venues], within + TOLERANCE) for s in self.searches]
        floor = max(self.best[0], self.priced - within)
        choice = Choice(self.instance, self.searches, plans, floor, self.bound)
        most = choice.solve(prices, self.left())
        if choice.classes is not None:
            self._try(choice.classes)
        if self.left() > 0:
            self.bound = min(self.bound, max(most, floor))

    def _choose(self, seconds: float) -> None:
        """A good plan among the columns so far, by HiGHS."""
        if self._done() or self.left() <= 0:
            return
        relaxed = Relaxation(self.bound, self.master.prices(), self.master.wanted())
        self._try(rounded(self.instance, relaxed).classes)
        classes, _ = self.master.whole(min(max(self.left(), 0.1), seconds), 1e-4, self.best[0])
        if classes is not None:
            self._try(classes)
