"""The least Gini coefficient that any plan could have at a given reach: a bound on every search of the front."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np

from recsys.openings.classes.value import Opening
from recsys.openings.evenness.access import Access
from recsys.openings.evenness.class_sets import ClassSet, ClassSets
from recsys.openings.evenness.pricing import Duals
from recsys.openings.evenness.programme import EvenProgramme
from recsys.openings.plans.search import Search

MOST_ROUNDS = 60
MOST_TRIED = 2_000
"""Sets looked at in one category and round; where they do not suffice the bound is lower."""

CLOSE = 1e-6

ORDER = 1e-3
"""Share of the reach that the order may change in which the classes of a category are valued."""


def least_gini(search: Search, access: Access, reach: float, plan: list[Opening]) -> float:
    """No plan that reaches `reach` people has a lower Gini coefficient: NaN if no plan is that good, 0 for one group.

    The linear programme of `EvenProgramme` over all sets of classes of a category, one set a category, in part: each
    class at its best hour, whatever else is at that hour, with the places that are planned for it. Sets are priced
    exactly, taking it that a class brings no more beside more others. Where sets are left that would help, what they
    could bring is taken off (Lagrange).

    Args:
        search: Of the question; what it has opened is forgotten.
        access: What evenness is of.
        reach: People a week.
        plan: One within the question's limits.
    """
    if len(access.people) < 2:
        return 0.0
    sets = ClassSets(search)
    programme = EvenProgramme(sets, access, sets.of_plan(plan))
    programme.at_least((1 - ORDER) * reach)
    mean_now = float(access.people @ access.now) / float(access.people.sum())
    bound = 0.0
    for _ in range(MOST_ROUNDS):
        solved = programme.solve()
        if solved is None:
            return float("nan")
        ratio = programme.ratio
        duals = programme.duals()
        if not programme.price() and abs(solved[0] - ratio) < CLOSE:
            most = [best_set(sets, duals, category) for category in range(len(sets.least))]
            over = sum(max(net, 0.0) for net, _ in most)
            # Plans only add to the mean: at the least one what is left to gain counts most.
            bound = max(bound, min(solved[0], ratio) - over / max(mean_now, 1e-12))
            if not any([programme.add(one) for _, one in most]):
                break
        programme.hold_against(solved[0])
    return bound


def best_set(sets: ClassSets, duals: Duals, category: int) -> tuple[float, ClassSet]:
    """What a set of a category could bring the programme at most, and the best set found: best bound first."""
    least = sets.least[category]
    best, found = duals.net(least), least
    start, may = _settled(sets, duals, least)
    if duals.net(start) > best:
        best, found = duals.net(start), start
    waiting = [_Waiting.of(sets, duals, start, may)]
    for _ in range(MOST_TRIED):
        if not waiting or -waiting[0].key <= best + CLOSE:
            return best, found
        here = heapq.heappop(waiting)
        first, others = here.order[0], here.order[1:]
        with_one = sets.with_one(here.one, first)
        if with_one is not None:
            if duals.net(with_one) > best:
                best, found = duals.net(with_one), with_one
            may = [v for v in sets.further(with_one) if v in others]
            heapq.heappush(waiting, _Waiting.of(sets, duals, with_one, may))
        heapq.heappush(waiting, _Waiting.of(sets, duals, here.one, others))
    return max(best, min(-waiting[0].key, _around(sets, duals, start, may, found))), found


def _around(sets: ClassSets, duals: Duals, start: ClassSet, may: list[int], found: ClassSet) -> float:
    """What a set could bring at most, from one that is good: what others add to it, what those in it may cost.

    Of any set, those joining bring no more than beside the good one, and those left out no less than beside all.
    """
    add = sum(max(_more(sets, duals, found, v, max), 0.0) for v in may if v not in found.venues)
    inside = [v for v in found.venues if v in may]
    beside = {v: _joined(sets, start, [w for w in may if w != v]) for v in inside}
    return duals.net(found) + add + sum(max(-_more(sets, duals, beside[v], v, min), 0.0) for v in inside)


def _settled(sets: ClassSets, duals: Duals, one: ClassSet) -> tuple[ClassSet, list[int]]:
    """Classes that are in a best set for sure, and venues that are left to choose among.

    Who gains beside all others that may join is in, who loses beside those that are in is out (the preservation rules
    for submodular functions: Goldengorin 2009, European Journal of Operational Research 198(1)).
    """
    may = sets.further(one)
    while may and np.isinf(sets.choices.teachers[one.category]):
        out = {v for v in may if _more(sets, duals, one, v, max) <= 0}
        left = [v for v in may if v not in out]
        inside = [v for v in left if _more(sets, duals, _joined(sets, one, [w for w in left if w != v]), v, min) >= 0]
        one, may = _joined(sets, one, inside), [v for v in left if v not in inside]
        if not out and not inside:
            break
    return one, may


def _joined(sets: ClassSets, one: ClassSet, venues: list[int]) -> ClassSet:
    for venue in venues:
        one = sets.with_one(one, venue) or one
    return one


def _more(sets: ClassSets, duals: Duals, one: ClassSet, venue: int, which: Callable[[float, float], float]) -> float:
    """What a class more brings a set or any set that holds it (`max`), or that it holds (`min`), by its places.

    Places are fewer beside more others, but never fewer than the usual ones.
    """
    with_one = sets.with_one(one, venue)
    if with_one is None:
        return -np.inf
    o, place = with_one.openings[-1], float(duals.place[venue])
    alone = sets.with_one(sets.least[one.category], venue)
    most = o.size if which is max or alone is None else alone.openings[-1].size
    least = min(o.size, float(sets.search.usual[o.category])) if which is max else o.size
    return duals.reach * o.attendance + which(place * most, place * least) + float(duals.start[o.category, venue])


class _Waiting:
    """A set with venues that may join it; none that grows from it brings more than `-key`."""

    def __init__(self, key: float, one: ClassSet, order: list[int]) -> None:
        self.key, self.one, self.order = key, one, order

    def __lt__(self, other: _Waiting) -> bool:
        return self.key < other.key

    @classmethod
    def of(cls, sets: ClassSets, duals: Duals, one: ClassSet, venues: list[int]) -> _Waiting:
        more = {venue: _more(sets, duals, one, venue, max) for venue in venues}
        order = sorted((v for v in more if more[v] > 0), key=lambda v: -more[v])
        if not order:
            return cls(np.inf, one, order)
        return cls(-(duals.net(one) + sum(more[v] for v in order)), one, order)
