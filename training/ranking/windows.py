"""Past windows: at each cut-off what was known, who was asked, and what they booked after."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from features.ranking.lists import user_blocks
from features.ranking.two_stages import N_KNOWN, N_NEW, offered, rivals, shortlisted
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.learned.learners import Learners
from features.signals.learned.stage_one import booked_organisers, stage_one
from features.signals.pairs import pair_signals
from features.signals.people import UserBlock
from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.ids import IdMap
from training.workers import Here


class WindowConfig(Closed):
    """Which past windows the re-ranker learns from."""

    window_days: float = Field(default=14, gt=0, description="days of a window; sessions that start in it are ranked")
    step_days: float = Field(default=14, gt=0, description="days between cut-offs; less than a window overlaps them")
    n_windows: int = Field(
        default=12, ge=0, description="windows at most, newest first, less those between; more means slower learning"
    )
    enough_hits: int = Field(
        default=10_000, ge=0, description="hits in all windows; where there are fewer, others are taken between them"
    )
    users_each: int = Field(default=2000, gt=0, description="users with a hit drawn from a window at most")
    pairs_each: int = Field(
        default=80_000,
        gt=0,
        description="pairs of a window that are aimed at; where there are more, those without a hit are thinned",
    )


@dataclass(frozen=True)
class WindowPairs:
    """Pairs of people with a hit and candidates, ordered by person.

    Attributes:
        signals: One column a signal, float32.
        is_hit: (n_pairs,) whether the person booked the activity.
        person: (n_pairs,) number of the person within the window.
    """

    signals: pd.DataFrame
    is_hit: NDArray[np.bool_]
    person: NDArray[np.int64]


def hits_of(dataset: Dataset, cut_off: pd.Timestamp, window_days: float) -> pd.DataFrame:
    """Pairs `user_id, activity_id`: a session in the window that was booked at the cut-off or later, not cancelled."""
    until = cut_off + pd.Timedelta(days=window_days)
    sessions = dataset.sessions[(dataset.sessions["starts_at"] >= cut_off) & (dataset.sessions["starts_at"] < until)]
    booked = dataset.bookings[(dataset.bookings["booked_at"] >= cut_off) & (dataset.bookings["status"] != "cancelled")]
    pairs = booked.merge(sessions[["session_id", "activity_id"]], on="session_id")
    return pairs[["user_id", "activity_id"]].drop_duplicates(ignore_index=True)


def cut_offs(dataset: Dataset, config: WindowConfig) -> list[pd.Timestamp]:
    """Cut-offs of the past windows, newest first; each has a booking before it.

    Where they hold too few hits, one more stands between each two: the same bookings, told from another day.
    """
    if dataset.bookings.empty:
        return []
    apart = _every(dataset, config, config.step_days, config.n_windows)
    if sum(len(hits_of(dataset, time, config.window_days)) for time in apart) >= config.enough_hits:
        return apart
    return _every(dataset, config, config.step_days / 2, 2 * config.n_windows)


def _every(dataset: Dataset, config: WindowConfig, step_days: float, n: int) -> list[pd.Timestamp]:
    first = dataset.bookings["booked_at"].min()
    window, step = pd.Timedelta(days=config.window_days), pd.Timedelta(days=step_days)
    times = [dataset.data_until - window - i * step for i in range(n)]
    return [time for time in times if time > first + window]


def asked(
    catalogue: Catalogue, known: Dataset, users: pd.DataFrame, hits: pd.DataFrame
) -> Iterator[tuple[UserBlock, NDArray[np.bool_], NDArray[np.int64]]]:
    """Users in blocks with (n_users, n_candidates) what was a hit, and (n_users,) hits that are no candidates."""
    for block in user_blocks(catalogue, known, users):
        mine = hits[hits["user_id"].isin(block.user_ids)]
        rows = IdMap(block.user_ids).nums(mine["user_id"])
        activity = catalogue.lookup.activities.nums_or_missing(mine["activity_id"])
        member = np.zeros((len(block), len(catalogue.lookup.activities) + 1), dtype=bool)
        member[rows[activity >= 0], activity[activity >= 0]] = True
        is_outside = ~np.isin(activity, catalogue.activities)
        yield block, member[:, catalogue.activities], np.bincount(rows[is_outside], minlength=len(block))


Learn = Callable[[Dataset, Catalogue], Learners]


class WindowMemory:
    """Pairs of past windows computed before, for fits that look back on the same window.

    One window is shared by fits on data that end at different times. It is used again only where it is made of the
    same rows: as many known of each table at its cut-off, the same hits and the same settings.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[Hashable, ...], tuple[pd.DataFrame, Future[WindowPairs | None]]] = {}

    def pairs(
        self, dataset: Dataset, cut_off: pd.Timestamp, config: WindowConfig, learn: Learn, settings: Hashable, seed: int
    ) -> WindowPairs | None:
        """`window_pairs`, computed or remembered; arguments as for `submit`."""
        return self.submit(Here(), dataset, cut_off, config, learn, settings, seed).result()

    def submit(
        self,
        executor: Executor,
        dataset: Dataset,
        cut_off: pd.Timestamp,
        config: WindowConfig,
        learn: Learn,
        settings: Hashable,
        seed: int,
    ) -> Future[WindowPairs | None]:
        """`window_pairs`, submitted or remembered.

        Args:
            executor: Calls `window_pairs`.
            dataset: As for `window_pairs`, like the arguments not named here.
            cut_off: First instant of the window.
            config: Which pairs are kept.
            learn: Gives the candidate rankers.
            settings: What `learn` depends on besides the data.
            seed: Seed of the draws.
        """
        known = dataset.known_at(cut_off)
        n_rows = tuple(len(frame) for frame in known.tables().values())
        key = (cut_off, n_rows, len(known.removed_tags), config, settings, seed)
        hits = hits_of(dataset, cut_off, config.window_days).sort_values(["user_id", "activity_id"], ignore_index=True)
        held = self._held.get(key)
        if held is None or not held[0].equals(hits):
            # Not `known`: calls that wait would each hold their own.
            submitted = executor.submit(window_pairs, dataset, hits, cut_off, config, learn, seed)
            held = self._held[key] = (hits, submitted)
        return held[1]


def window_pairs(
    dataset: Dataset, hits: pd.DataFrame, cut_off: pd.Timestamp, config: WindowConfig, learn: Learn, seed: int
) -> WindowPairs | None:
    """Pairs of one past window with exactly what was known at its cut-off; None when nobody has a hit.

    Args:
        dataset: What was known at the cut-off or later.
        hits: Pairs `user_id, activity_id` that were booked after.
        cut_off: First instant of the window.
        config: Which pairs are kept.
        learn: Gives the candidate rankers.
        seed: With the cut-off the seed of all draws: a window is the same whichever others are computed.
    """
    rng = np.random.default_rng([seed, int(cut_off.timestamp()) % 2**63])
    known = dataset.known_at(cut_off)
    catalogue = catalogue_of(known, cut_off, config.window_days)
    users = known.users[known.users["user_id"].isin(hits["user_id"])]
    if users.empty or len(catalogue) < 2:
        return None
    if len(users) > config.users_each:
        users = users.iloc[np.sort(rng.choice(len(users), config.users_each, replace=False))]
    learners = learn(known, catalogue)
    kept_share = config.pairs_each / (len(users) * min(len(catalogue), N_KNOWN + N_NEW))
    parts, n_before = [], 0
    for block, is_hit, _ in asked(catalogue, known, users, hits):
        parts.append(_block_pairs(catalogue, block, learners, is_hit, kept_share, rng, n_before))
        n_before += len(block)
    return WindowPairs(
        pd.concat([p.signals for p in parts], ignore_index=True),
        np.concatenate([p.is_hit for p in parts]),
        np.concatenate([p.person for p in parts]),
    )


def _block_pairs(
    catalogue: Catalogue,
    block: UserBlock,
    learners: Learners,
    is_hit: NDArray[np.bool_],
    kept_share: float,
    rng: np.random.Generator,
    n_before: int,
) -> WindowPairs:
    allowed = offered(catalogue, block)
    may = rivals(block, allowed)
    scores = stage_one(catalogue, block, learners)
    is_new = ~booked_organisers(catalogue, block)
    # Exactly what serving's second stage lists, thinned at random: a hit that is added would be told by its rank.
    listed = shortlisted(scores, may, is_new)
    kept = allowed & (is_hit | (rng.random(allowed.shape) < kept_share))
    of_kept = np.flatnonzero(kept[listed.rows, listed.cols])
    rows, cols = listed.rows[of_kept], listed.cols[of_kept]
    signals = pair_signals(catalogue, block, scores, may, listed, rows, cols)
    return WindowPairs(pd.DataFrame(signals), is_hit[rows, cols], rows + n_before)
