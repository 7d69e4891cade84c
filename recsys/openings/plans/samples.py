"""A plan that is best in the mean of many draws of what is not known for certain."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from recsys.openings.classes.value import Audience, Opening, worth_of
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.search import Search, point_worth
from recsys.openings.question import Choices


def draws_of(inputs: OpeningInputs) -> list[OpeningInputs]:
    """Inputs as they would be if each draw were true."""
    return [
        replace(
            inputs,
            rate=inputs.rate * level,
            slot_fit=inputs.slot_fit * slot,
            group_gain=inputs.group_gain * level[None, :, None],
        )
        for level, slot in zip(inputs.drawn_levels, inputs.drawn_slots, strict=True)
    ]


class SampledAudience(Audience):
    """Values classes in the mean of draws; a class takes the same places in all of them."""

    def __init__(self, inputs: OpeningInputs, worth: np.ndarray | None = None) -> None:
        super().__init__(inputs, worth)
        self.drawn_inputs = draws_of(inputs)
        self._draws = [Audience(one, worth) for one in self.drawn_inputs]

    def _valued(self, category: int, venue: int, slot: int, size: float, usual: float | None) -> Opening:
        """The class in the mean of the draws, of the size that the mean asks for."""
        size = super()._valued(category, venue, slot, size, usual).size
        each = [draw.opening(category, venue, slot, size) for draw in self._draws]
        attendance, worth = (float(np.mean([getattr(o, name) for o in each])) for name in ("attendance", "worth"))
        return Opening(category, venue, slot, size, attendance, worth)

    def take(self, opening: Opening) -> None:
        """Opens the class in all draws."""
        super().take(opening)
        for draw in self._draws:
            draw.take(opening)

    def forget(self, category: int) -> None:
        """Takes back every class of a category in all draws."""
        super().forget(category)
        for draw in self._draws:
            draw.forget(category)


@dataclass(frozen=True)
class SampledPlan:
    """A plan over samples.

    Attributes:
        opened: The classes, each with its worth in the mean of the draws.
        on_means: What the plan that is made on means is worth in the mean of the draws.
        draws: See `draws_of`.
    """

    opened: list[Opening]
    on_means: float
    draws: list[OpeningInputs]


def plan_over_samples(choices: Choices) -> SampledPlan:
    """The plan of most worth in the mean of the draws: by the same search as the plan on means, or that plan itself."""
    search = Search(choices.inputs, choices)
    on_means = search.run()
    search = Search(choices.inputs, choices)
    audience = SampledAudience(choices.inputs, point_worth(choices))
    search.audience = audience
    over = search.run()
    search.reset(on_means)
    both = [(worth_of(plan), plan) for plan in (over, search.opened)]
    return SampledPlan(max(both, key=lambda one: one[0])[1], both[1][0], audience.drawn_inputs)
