"""How far the best plan can be above the one found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.openings.bounds.by_number import Numbers, best_numbers, by_number
from recsys.openings.bounds.concave import ConcaveModel, Seats, shares
from recsys.openings.bounds.limits import Limits
from recsys.openings.bounds.whole import FEW, Whole
from recsys.openings.classes.value import Opening
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.question import Choices

N_ROUNDS = 2
"""Of tangents after the first: on six questions of three simulated counties a third lowered no bound by 1 %."""


def gap_of(worth: float, bound: float) -> float:
    """No plan is worth more than one of this worth by over this share of the bound."""
    return max(1.0 - worth / bound, 0.0) if bound > 0 else 0.0


def bound_of(
    choices: Choices,
    opened: Sequence[Opening],
    worth: NDArray[np.float32] | None,
    draws: Sequence[OpeningInputs] = (),
) -> float:
    """No plan of a question has more worth than this, whatever hours its classes are held at.

    Categories do not share people: each is bounded by the number of its classes, and the best numbers within the
    budget are looked for. Hours taken and the least attendance are left aside. A category is bounded in two ways:

    - By tangents. People who come are a concave function of access, and access adds up over classes. With `f` that
      function of shares of classes, `g` its slopes, and `left` what rooms leave of what a class would bring (concave,
      its slope 1 at most), classes `S` bring in any order at most `f(x) - g(x) x + sum of left(g_s(x)) over S`, for
      any shares `x`. For `left` lies below each of its tangents `a + b d`, and the sum of `b_s d_s` is that of `d_s`
      over the classes with `b_s` above `t`, in the mean of all `t` from 0 to 1: at most `f` of those classes.
    - As whole classes, one to three of them (`recsys.openings.bounds.whole`); of more each brings in the mean no more
      than each of three.

    Args:
        choices: The question.
        opened: A plan: tangents are taken near it.
        worth: (n_points,) of one person, None where all weigh the same.
        draws: Worth is the mean of these inputs instead, see `recsys.openings.plans.samples.draws_of`.
    """
    limits = Limits.of(choices, draws)
    if not limits.free.any() and not limits.fixed.any():
        return 0.0
    beside = [o for o in opened if not limits.fixed[o.category, o.venue]]
    numbers = np.bincount([o.category for o in beside], minlength=len(limits.free))
    taken = np.bincount([o.venue for o in beside], minlength=len(limits.places))
    price = min((o.worth / max(limits.costs[o.category], 1e-9) for o in beside), default=0.0)
    found = _Bounds(choices, worth, draws, limits)
    if (taken + 1 > limits.places).any():
        found.take_tangents_together()
    found.take_tangents(found.first_numbers(numbers, price))
    best = found.best()
    for _ in range(N_ROUNDS):
        loose = found.loose(best)
        if not (loose >= 0).any():
            break
        found.take_tangents(loose)
        best = found.best()
    return min(best.bound, found.together)


class _Bounds:
    """Bounds on what the categories of a question bring, as they fall.

    Attributes:
        by_number: (n_categories, n + 1) no 0, 1, ... classes beside those that must open bring more.
        together: No plan brings more, free slots of venues looked at.
    """

    def __init__(
        self, choices: Choices, worth: NDArray[np.float32] | None, draws: Sequence[OpeningInputs], limits: Limits
    ) -> None:
        inputs, near = draws or (choices.inputs,), choices.inputs.together
        self._limits, self._seats = limits, Seats.of(choices, worth)
        self._near = ConcaveModel(near.inputs, near.of(worth), limits.slots)
        self._exact = [ConcaveModel(one, worth, limits.slots) for one in inputs]
        self._whole = Whole(inputs, worth, limits, self._seats)
        self._alone = np.full((*limits.free.shape, len(limits.slots)), np.inf)
        self.together = np.inf
        few = np.array([self._whole.of_few(category) for category in range(len(limits.free))])
        n = np.arange(limits.free.shape[1] + 1)
        bounds = few[:, np.minimum(n, FEW)] * np.maximum(n / FEW, 1.0)
        can = np.minimum(limits.teachers, limits.free.sum(axis=1))
        self.by_number = np.where(n <= can[:, None], bounds, -np.inf)
        must: NDArray[np.bool_] = np.asarray(limits.fixed.any(axis=1))
        self._is_whole = np.isfinite(few).all(axis=1) | must
        self._has_tangent = (n < 2) & ~must[:, None]

    def first_numbers(self, numbers: NDArray[np.int64], price: float) -> NDArray[np.int64]:
        """(n_categories,) at which tangents are taken first, -1 where whole classes tell enough.

        Args:
            numbers: (n_categories,) of a plan.
            price: Of money, at which so many classes may be best that whole ones tell too little.
        """
        top = self.by_number.shape[1] - 1
        few, more = (self.by_number[:, min(n, top)] for n in (FEW, FEW + 1))
        is_known = np.isfinite(few)
        grows = np.where(is_known, more, 0.0) - np.where(is_known, few, 0.0) > price * self._limits.costs
        many = np.where(grows, np.maximum(numbers, FEW + 1), -1)
        return np.where(np.isposinf(self.by_number).any(axis=1), np.maximum(numbers, 1), many)

    def take_tangents_together(self) -> None:
        """Takes those that are low for all categories together: free slots of venues limit them so."""
        at = np.arange(len(self.by_number))
        base, brings = self._tangents(at, self._limits.best, together=True)
        self.together = min(self.together, float(base.sum() + (self._limits.best(brings) * brings).sum()))

    def take_tangents(self, numbers: NDArray[np.int64]) -> None:
        """Takes those that are low for (n_categories,) numbers of classes, of categories where that is not -1."""
        at = np.flatnonzero(numbers >= 0)
        if len(at):
            limits = self._limits.only(at)
            self._tangents(at, lambda brings: limits.most_of_each(brings, numbers[at]))
            self._has_tangent[at, np.minimum(numbers[at], self.by_number.shape[1] - 1)] = True

    def _tangents(
        self,
        at: NDArray[np.int64],
        corner_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        *,
        together: bool = False,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of some categories what each brings beside the sum over classes, and in it each class, see `bound_of`."""
        limits, seats = self._limits.only(at), self._seats.only(at)
        share = shares(self._near.only(at), seats, corner_of, together=together)
        base, brings = np.zeros(len(at)), np.zeros(share.shape)
        for one in self._exact:
            model = one.only(at)
            access = model.access(share)
            gain = model.gain(access)
            base += (model.value(access) - (gain * share).sum(axis=(1, 2))) / len(self._exact)
            brings += seats.left(gain)[0] / len(self._exact)
        each = limits.at_best_hour(brings)
        fixed = np.where(limits.fixed, each, 0.0).sum(axis=1)
        bounds = by_number(base + fixed, each, limits.free, limits.teachers)
        self._alone[at] = np.minimum(self._alone[at], base[:, None, None] + brings)
        self.by_number[at] = np.minimum(self.by_number[at], bounds)
        return base, brings

    def best(self) -> Numbers:
        """The best numbers, once single classes of the categories in them were valued."""
        while True:
            best = best_numbers(self.by_number, self._limits.costs, self._limits.budget)
            new = np.flatnonzero(~self._is_whole & (best.fewer + best.more > 0))
            if not len(new):
                return best
            for category in new.tolist():
                one = self._whole.of_one(category, self._alone[category])
                self.by_number[category, 1] = min(self.by_number[category, 1], one)
            self._is_whole[new] = True

    def loose(self, best: Numbers) -> NDArray[np.int64]:
        """(n_categories,) those of the best numbers for which no tangent was taken yet, -1 where there is none."""
        rows = np.arange(len(self.by_number))
        more, fewer = (np.where(self._has_tangent[rows, n], -1, n) for n in (best.more, best.fewer))
        return np.where(fewer >= 0, fewer, more)
