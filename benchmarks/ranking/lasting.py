"""Our learners that feed no list, on past windows: learned of lasting keys, as those that do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.catalogue import Catalogue
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.learned.learners import Histories, key_scores, learner_histories
from features.signals.people import UserBlock, user_block
from recsys.dataset import Dataset
from recsys.errors import FitError
from recsys.rankers.base import Ranker, UserBatch
from training.learners.ease import EaseConfig, fit_ease
from training.learners.kernel import KernelConfig, fit_kernel
from training.learners.rp3beta import Rp3betaConfig, fit_rp3beta
from training.learners.slim import SlimConfig, fit_slim


@dataclass(frozen=True)
class Lasting:
    """A learner of lasting keys.

    Attributes:
        learn: From (n_users, n_keys) histories.
        is_told_whether: Told whether a person was ever with a key, not how often and how lately.
    """

    learn: Callable[[sparse.csr_array], Ranker]
    is_told_whether: bool = True

    def told(self, histories: Histories) -> sparse.csr_array:
        """What it is told of people, float32."""
        return (histories.whether if self.is_told_whether else histories.decayed).astype(np.float32)


LEARNERS: Mapping[str, Lasting] = {
    "slim": Lasting(lambda told: fit_slim(told, SlimConfig(l1=0.1, l2=2.0))),
    "rp3beta": Lasting(lambda told: fit_rp3beta(told, Rp3betaConfig(beta=0.6))),
    "kernel": Lasting(
        lambda told: fit_kernel(told, KernelConfig(regularisation=0.3, sharpness=0.5, max_anchors=1500)),
        is_told_whether=False,
    ),
    "ridge": Lasting(lambda told: fit_ease(told, EaseConfig(regularisation=1.0, key_power=0.2))),
}
"""By the names of `training.learners.families`; settings chosen on windows of Nashville before 2017-05."""


def histories_of(catalogue: Catalogue, block: UserBlock) -> Histories:
    """People's pasts over all lasting keys of a catalogue."""
    return learner_histories(catalogue, block, catalogue.lookup.keys[LEARNER_LEVEL])


def learn_lasting(
    known: Dataset, catalogue: Catalogue
) -> Callable[[Catalogue, UserBlock], dict[str, NDArray[np.float32]]]:
    """What an evaluation asks of learners from outside: those of `LEARNERS` that can learn from what is known."""
    everybody = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    histories = histories_of(catalogue, everybody)
    rankers: dict[str, Ranker] = {}
    for name, learner in LEARNERS.items():
        with suppress(FitError):
            rankers[name] = learner.learn(learner.told(histories))

    def scores(at: Catalogue, block: UserBlock) -> dict[str, NDArray[np.float32]]:
        columns, told = at.levels[LEARNER_LEVEL], histories_of(at, block)
        nothing = np.full((len(block), 1), np.nan, dtype=np.float32)
        found = {}
        for name, ranker in rankers.items():
            of_keys = key_scores(ranker, UserBatch(LEARNERS[name].told(told)), columns.keys)
            found[name] = np.append(of_keys, nothing, axis=1)[:, columns.of_candidate]
        return found

    return scores
