"""Popularity of keys in groups of users, for example in each region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import BundleWriter, ModelBundle
from recsys.rankers.base import Scores, UserBatch, check_keys


@dataclass(frozen=True)
class PopularityRanker:
    """Share of a group's weight that a key has, backed off to wider groups; the same for all users of the group.

    Attributes:
        shares: float32 of shape (n_groups + 1, n_keys); row g is group g, the last row all users.
    """

    shares: NDArray[np.float32]
    kind: ClassVar[str] = "popularity"

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return int(self.shares.shape[1])

    def scores(self, users: UserBatch, key_nums: NDArray[np.int64] | None = None) -> Scores:
        """Scores (n_users, n_keys) in [0, 1]; a user of unknown group (-1) gets those of all users."""
        check_keys(self, users)
        shares = self.shares if key_nums is None else self.shares[:, key_nums]
        if users.groups is None:
            return np.repeat(shares[-1:], users.n_users, axis=0)
        return np.asarray(shares[users.groups], dtype=np.float32)

    def save(self, writer: BundleWriter, name: str) -> None:
        """Writes the shares under `name`."""
        writer.json(f"{name}/ranker", {"kind": self.kind})
        writer.array(f"{name}/shares", self.shares)

    @classmethod
    def load(cls, bundle: ModelBundle, name: str) -> PopularityRanker:
        """The ranker that `save` wrote under `name`."""
        return cls(bundle.array(f"{name}/shares"))
