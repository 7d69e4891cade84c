"""Factors of keys; a user's factors are solved from the history at the moment of scoring."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import BundleWriter, ModelBundle
from recsys.rankers.base import Scores, UserBatch, blank_strangers, check_keys

SOLVE_BLOCK = 512
_SETTINGS = ("regularisation", "alpha", "user_power", "typical_size")


@dataclass(frozen=True)
class FactorRanker:
    r"""Implicit-feedback factors with exact fold-in of whoever is scored.

    The user's vector solves $(Y^\top Y + Y_u^\top (C_u - I) Y_u + \lambda I)\, x = Y_u^\top c_u$ with confidence
    $c = \alpha w (n_u / \bar n)^{-p}$ of the history's weights w and its number of keys $n_u$, so it needs no user of
    the training and a booking counts at once.
    Source: Hu, Koren & Volinsky 2008, ICDM.

    Attributes:
        factors: Y, float32 of shape (n_keys, n_factors).
        known: Keys with interactions in training, bool of shape (n_keys,); the others' scores are NaN.
        regularisation: Lambda, > 0.
        alpha: Confidence of a weight of 1.
        user_power: p >= 0; above 0 a long history says less with each key.
        typical_size: Mean number of keys of a history in training.
    """

    factors: NDArray[np.float32]
    known: NDArray[np.bool_]
    regularisation: float
    alpha: float
    user_power: float = 0.0
    typical_size: float = 1.0
    kind: ClassVar[str] = "factor"

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return int(self.factors.shape[0])

    @cached_property
    def _gram(self) -> NDArray[np.float64]:
        factors = np.asarray(self.factors, dtype=np.float64)
        return factors.T @ factors + self.regularisation * np.eye(factors.shape[1])

    @cached_property
    def _over_gram(self) -> NDArray[np.float64]:
        """(n_keys, n_factors) Y G^-1."""
        solved = np.linalg.solve(self._gram, np.asarray(self.factors, dtype=np.float64).T)
        return np.asarray(solved.T, dtype=np.float64)

    def user_factors(self, users: UserBatch) -> NDArray[np.float32]:
        """The users' vectors, float32 of shape (n_users, n_factors); zeros without a history."""
        check_keys(self, users)
        vectors = np.zeros((users.n_users, self.factors.shape[1]), dtype=np.float32)
        for place, block in users.blocks(SOLVE_BLOCK):
            vectors[place] = self._solve(block)
        return vectors

    def _solve(self, users: UserBatch) -> NDArray[np.float64]:
        """Vectors of people with as many keys are solved together; nobody's depends on who else is there."""
        vectors = np.zeros((users.n_users, self.factors.shape[1]))
        starts, sizes = users.histories.indptr[:-1], np.diff(users.histories.indptr)
        for size in np.unique(sizes[sizes > 0]):
            alike = np.flatnonzero(sizes == size)
            entries = starts[alike, None] + np.arange(size)
            certainty = self.alpha * (size / self.typical_size) ** -self.user_power
            confidence = certainty * users.histories.data[entries].astype(np.float64)
            vectors[alike] = self._solved(users.histories.indices[entries], confidence)
        return vectors

    def _solved(self, keys: NDArray[np.int64], confidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, n_factors) vectors of histories of one length; (n, size) keys and confidences.

        A history shorter than a vector is solved by its own length (the matrix inversion lemma).
        """
        mine = np.asarray(self.factors[keys], dtype=np.float64)
        surplus = (confidence - 1.0)[:, :, None]
        if keys.shape[1] >= mine.shape[2]:
            left = self._gram + np.swapaxes(mine, 1, 2) @ (surplus * mine)
            right = np.swapaxes(mine, 1, 2) @ confidence[:, :, None]
            return np.asarray(np.linalg.solve(left, right)[:, :, 0], dtype=np.float64)
        spread = self._over_gram[keys]
        left = np.eye(keys.shape[1]) + surplus * (mine @ np.swapaxes(spread, 1, 2))
        weights = np.linalg.solve(left, confidence[:, :, None])
        return np.asarray((np.swapaxes(spread, 1, 2) @ weights)[:, :, 0], dtype=np.float64)

    def scores(self, users: UserBatch, key_nums: NDArray[np.int64] | None = None) -> Scores:
        """Scores (n_users, n_keys); NaN for users without a history and keys without interactions."""
        factors = self.factors if key_nums is None else self.factors[key_nums]
        scores = self.user_factors(users) @ factors.T
        scores[:, ~(self.known if key_nums is None else self.known[key_nums])] = np.nan
        return blank_strangers(scores, users)

    def save(self, writer: BundleWriter, name: str) -> None:
        """Writes the factors under `name`."""
        settings = {setting: getattr(self, setting) for setting in _SETTINGS}
        writer.json(f"{name}/ranker", {"kind": self.kind, **settings})
        writer.array(f"{name}/factors", self.factors)
        writer.array(f"{name}/known", self.known)

    @classmethod
    def load(cls, bundle: ModelBundle, name: str) -> FactorRanker:
        """The ranker that `save` wrote under `name`."""
        settings = bundle.json(f"{name}/ranker")
        numbers = {setting: float(settings[setting]) for setting in _SETTINGS}
        return cls(bundle.array(f"{name}/factors"), bundle.array(f"{name}/known"), **numbers)
