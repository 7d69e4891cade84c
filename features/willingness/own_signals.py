"""What people themselves say and look at, by category: tells of taste where nothing is on to be booked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.willingness.config import LatentConfig
from features.willingness.people import alike, people_rates, segment_rates
from recsys.dataset import Dataset, split_list

SIGNALS = ("looks often", "looks at it", "listed around", "listed", "listed others", "favoured")


def own_signals(
    dataset: Dataset, categories: NDArray[np.object_], members: list[sparse.csr_array], config: LatentConfig
) -> NDArray[np.float32]:
    """(n_users, n_categories, n_signals) signals in the order of `SIGNALS`, each 0 where nothing is known.

    The first three are logarithms beside the mean of all people. Views are smoothed as bookings are: segments, then
    the person, then the person in one category; counted raw, the few of a village or a person would tell of luck.
    They are not held against what was shown, since what is shown is chosen by taste already. Feedback on activities
    that the same user booked is left out: it would tell the answer.
    """
    users, names = pd.Index(dataset.users["user_id"]), pd.Index(categories)
    shape = (len(users), len(names))
    signals = np.zeros((*shape, len(SIGNALS)), dtype=np.float32)
    if 0 in shape:
        return signals
    firm = alike(members, len(names), config.look_strength)
    interests = split_list(pd.Series(dataset.users["interests"].to_numpy(), index=np.arange(len(users))))
    column = names.get_indexer(interests.to_numpy())
    signals[interests.index.to_numpy()[column >= 0], column[column >= 0], 3] = 1.0
    has_list = signals[:, :, 3].max(axis=1, keepdims=True)
    signals[:, :, 4] = has_list - signals[:, :, 3]
    if has_list.any():
        asked = np.broadcast_to(has_list, shape)
        around = segment_rates(signals[:, :, 3], asked, members, _nothing(shape), firm)
        signals[:, :, 2] = np.log(around / around.mean(axis=0))
    feedback = _unbooked(dataset)
    row, column = users.get_indexer(feedback["user_id"]), names.get_indexer(feedback["category"])
    kind = feedback["kind"].to_numpy(dtype=str)
    known = (row >= 0) & (column >= 0)

    def count(*kinds: str) -> NDArray[np.float32]:
        of = known & np.isin(kind, kinds)
        flat = np.bincount(row[of] * len(names) + column[of], minlength=shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float32)

    signals[:, :, 5] = count("favourite", "share", "pledge") > 0
    views = count("view")
    if views.any():
        weeks = np.broadcast_to(_weeks(dataset)[:, None], shape)
        looks = people_rates(members, firm, _nothing(shape), views, weeks, config)
        often = looks.sum(axis=1, keepdims=True)
        signals[:, :, 0] = np.log(often / often.mean())
        signals[:, :, 1] = np.log(looks / often / (looks.sum(axis=0) / looks.sum()))
    return signals


def _nothing(shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.zeros((*shape, 0), dtype=np.float32)


def _weeks(dataset: Dataset) -> NDArray[np.float32]:
    """(n_users,) weeks in which each could be seen to look at something, at least one."""
    first = dataset.feedback["occurred_at"].min()
    since = dataset.users["registered_at"].fillna(first).clip(lower=first)
    weeks = (dataset.data_until - since) / pd.Timedelta(weeks=1)
    return np.maximum(weeks.to_numpy(dtype=np.float32), np.float32(1.0))


def category_signals(dataset: Dataset, categories: NDArray[np.object_]) -> NDArray[np.float64]:
    """(n_categories, 2) how much each category is listed as an interest, and looked at by who has ever booked.

    Logarithms, less their mean over the categories; 0 where nothing at all is listed, or looked at. Unlike bookings
    they know no season, no distance and no luck of single courses. Views of activities that the same user booked are
    left out.
    """
    listed = split_list(pd.Series(dataset.users["interests"].to_numpy()))
    feedback = _unbooked(dataset)
    views = feedback[(feedback["kind"] == "view") & feedback["user_id"].isin(dataset.bookings["user_id"])]
    tables = (listed, views["category"])
    counts = np.column_stack([table.value_counts().reindex(categories).fillna(0.0) for table in tables])
    # Exactly 0: from 25 categories on the mean of equal logarithms differs from them in the last digit.
    logs = np.log(counts.astype(np.float64) + 2.0) * counts.any(axis=0)
    return logs - logs.mean(axis=0) if len(logs) else logs


def _unbooked(dataset: Dataset) -> pd.DataFrame:
    feedback = dataset.feedback[["user_id", "activity_id", "kind"]]
    activity = dataset.sessions.set_index("session_id")["activity_id"]
    booked = pd.MultiIndex.from_arrays(
        [dataset.bookings["user_id"], dataset.bookings["session_id"].map(activity)], names=None
    )
    pairs = pd.MultiIndex.from_arrays([feedback["user_id"], feedback["activity_id"]], names=None)
    feedback = feedback[~pairs.isin(booked)]
    category = feedback["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    return feedback.assign(category=category)
