"""What every ranker takes and gives: a batch of users in, a block of scores out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.bundle import BundleWriter
from recsys.errors import DataError

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class UserBatch:
    """What is known of some users when they are to be scored.

    Attributes:
        histories: Weights >= 0 of each user's past with each key, float32 CSR of shape (n_users, n_keys).
        profiles: User features, float32 CSR of shape (n_users, n_user_features); None where there are none.
        groups: Row of each user's group (for example a region), int64 of shape (n_users,); -1 where unknown.

    Raises:
        DataError: shapes disagree, or a weight is negative or not finite.
    """

    histories: sparse.csr_array
    profiles: sparse.csr_array | None = None
    groups: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        problems = weight_problems(self.histories)
        if self.profiles is not None and self.profiles.shape[0] != self.n_users:
            problems.append(f"{self.profiles.shape[0]} profiles for {self.n_users} users")
        if self.groups is not None and self.groups.shape != (self.n_users,):
            problems.append(f"groups have shape {self.groups.shape}, expected ({self.n_users},)")
        if problems:
            raise DataError("users to score", problems)

    @property
    def n_users(self) -> int:
        """Number of users in the batch."""
        return int(self.histories.shape[0])

    def rows(self, start: int, stop: int) -> UserBatch:
        """The users of rows [start, stop)."""
        return UserBatch(
            self.histories[start:stop],
            None if self.profiles is None else self.profiles[start:stop],
            None if self.groups is None else self.groups[start:stop],
        )

    def blocks(self, n_users: int) -> Iterator[tuple[slice, UserBatch]]:
        """The batch in blocks of `n_users`, each with its place, so that scores stay small in memory."""
        for start in range(0, self.n_users, n_users):
            stop = min(start + n_users, self.n_users)
            yield slice(start, stop), self.rows(start, stop)


@runtime_checkable
class Ranker(Protocol):
    """Scores keys for users it need not have seen; higher is better, NaN means it cannot score.

    A ranker never filters, breaks ties or cuts a list: `top_k` does.
    """

    kind: ClassVar[str]

    @property
    def n_keys(self) -> int:
        """Number of keys (columns of the histories) that it was learned on."""

    def scores(self, users: UserBatch, key_nums: NDArray[np.int64] | None = None) -> Scores:
        """Scores of shape (n_users, n_keys), or of the keys `key_nums` alone, in their order."""

    def save(self, writer: BundleWriter, name: str) -> None:
        """Writes itself into a bundle under `name`; `load_ranker` reads it back."""


def weight_problems(weights: sparse.csr_array) -> list[str]:
    """What is wrong with a matrix of weights; empty when it is finite and >= 0."""
    if not np.isfinite(weights.data).all():
        return ["a weight is not finite"]
    if weights.nnz and weights.data.min() < 0:
        return [f"a weight is {weights.data.min()}, expected >= 0"]
    return []


def check_keys(ranker: Ranker, users: UserBatch) -> None:
    """Refuses histories over other keys than the ranker's.

    Raises:
        DataError: the number of columns differs.
    """
    if users.histories.shape[1] != ranker.n_keys:
        raise DataError(
            "users to score", [f"histories over {users.histories.shape[1]} keys, the ranker knows {ranker.n_keys}"]
        )


def blank_strangers(scores: Scores, users: UserBatch) -> Scores:
    """The scores with NaN for users without a history (changes and returns the fresh array it is given)."""
    scores[np.diff(users.histories.indptr) == 0] = np.nan
    return scores
