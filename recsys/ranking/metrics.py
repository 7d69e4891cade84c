"""What a list is worth: each metric states its denominator, its missing case and its source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_CLUSTERS = 2_000
"""Users, or groups of them, that are drawn: with so many the width of an interval is known to about 2 %."""

_DRAWS_AT_ONCE = 2**16


def discounts(k: int) -> NDArray[np.float64]:
    """(k,) worth of a hit at each rank from 1: 1 / log2(rank + 1)."""
    return 1.0 / np.log2(np.arange(2, k + 2))


def ndcg_at_k(hits: NDArray[np.bool_], n_relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    r"""NDCG of the first k, binary gain; the ideal has min(k, |relevant|) hits, so 1.0 can be reached.

    NaN where nothing is relevant: leave the user out of the mean.
    Source: Järvelin & Kekäläinen 2002, ACM TOIS 20(4).

    >>> ndcg_at_k(np.array([[True, False]]), np.array([1])).tolist()
    [1.0]

    Args:
        hits: (n_users, k) whether the activity at each rank is relevant.
        n_relevant: (n_users,) how many activities are relevant, ranked or not.
    """
    worth = discounts(hits.shape[1])
    gained = np.where(hits, worth, 0.0).sum(axis=1)
    ideal = np.concatenate([[0.0], np.cumsum(worth)])[np.minimum(n_relevant, hits.shape[1])]
    return np.divide(gained, ideal, out=np.full(len(hits), np.nan), where=ideal > 0)


def recall_at_k(hits: NDArray[np.bool_], n_relevant: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of all relevant activities that are among the first k; NaN where nothing is relevant.

    The denominator is |relevant|, not min(k, |relevant|). Source: Herlocker et al. 2004, ACM TOIS 22(1).

    Args:
        hits: (n_users, k).
        n_relevant: (n_users,).
    """
    found = hits.sum(axis=1)
    return np.divide(found, n_relevant, out=np.full(len(hits), np.nan), where=n_relevant > 0)


def coverage(lists: NDArray[np.int64], n_candidates: int) -> float:
    """Share of the candidates that are in at least one list; NaN without candidates.

    Source: catalogue coverage in Ge, Delgado-Battenfeld & Jannach 2010, RecSys.

    Args:
        lists: (n_users, k) candidate numbers, -1 where a list has ended.
        n_candidates: Candidates that could have been listed.
    """
    return float(len(np.unique(lists[lists >= 0])) / n_candidates) if n_candidates else float("nan")


def novelty(lists: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_users,) mean self-information in bits, -log2 of the share of users who know it; NaN for empty lists.

    Source: Zhou et al. 2010, PNAS 107(10); Vargas & Castells 2011, RecSys.

    Args:
        lists: (n_users, k) candidate numbers, -1 where a list has ended.
        shares: (n_candidates,) share in (0, 1] of users who have booked the candidate's organiser.
    """
    listed = lists >= 0
    bits = np.where(listed, -np.log2(np.append(shares, 1.0))[np.where(listed, lists, -1)], 0.0).sum(axis=1)
    counts = listed.sum(axis=1)
    return np.divide(bits, counts, out=np.full(len(lists), np.nan), where=counts > 0)


def bootstrap_interval(
    values: NDArray[np.float64],
    rng: np.random.Generator,
    n_samples: int = 500,
    *,
    users: NDArray[np.int64] | None = None,
    windows: NDArray[np.int64] | None = None,
) -> tuple[float, float, float]:
    """Mean over windows of the mean over users, and its 95 % percentile bootstrap interval; all NaN without a value.

    Users are drawn whole, with all their windows: one person's windows are alike. Of more than `MOST_CLUSTERS` users,
    equal groups made at random are drawn whole. NaN values are left out.

    Source: Efron & Tibshirani 1993, chapter 13; Field & Welsh 2007, JRSS B 69(3) (drawing clusters).

    Args:
        values: (n,) a figure of a user in a window.
        rng: Of the draws.
        n_samples: Draws.
        users: (n,) numbers of the users; without them each value is a user's only one.
        windows: (n,) numbers of the windows; without them there is one.
    """
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    user = np.unique(known if users is None else users[known], return_inverse=True)[1]
    window = np.unique(np.zeros(len(known)) if windows is None else windows[known], return_inverse=True)[1]
    n_users, n_windows = int(user.max()) + 1, int(window.max()) + 1
    if n_users > MOST_CLUSTERS:
        user, n_users = (rng.permutation(n_users) % MOST_CLUSTERS)[user], MOST_CLUSTERS
    # Sums of each window in the first half of the columns, numbers of values in the second.
    totals = np.zeros((n_users, 2 * n_windows))
    np.add.at(totals, (user, window), values[known])
    np.add.at(totals, (user, n_windows + window), 1.0)
    drawn = _times_drawn(n_users, n_samples, rng) @ totals
    sums, counts = np.split(drawn, 2, axis=1)
    # A window of which a draw holds nobody is left out of that draw.
    held = counts > 0
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=held).sum(axis=1) / held.sum(axis=1)
    low, high = np.quantile(means[1:], [0.025, 0.975])
    return float(means[0]), float(low), float(high)


def _times_drawn(n: int, n_samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(1 + n_samples, n) how often each of `n` is drawn: once in the first row, by chance in the others."""
    times = np.ones((1 + n_samples, n))
    # Many samples are counted at once, but no more than stay in the processor's memory.
    n_at_once = max(_DRAWS_AT_ONCE // n, 1)
    for start in range(1, 1 + n_samples, n_at_once):
        part = times[start : start + n_at_once]
        drawn = rng.integers(0, n, part.shape) + n * np.arange(len(part))[:, None]
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)
    return times
