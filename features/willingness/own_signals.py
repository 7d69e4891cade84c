"""What people themselves say and look at, by category: tells of taste where nothing is on to be booked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset, split_list

SIGNALS = ("views of the person", "views of the region", "listed", "listed others", "favoured")


def own_signals(
    dataset: Dataset, categories: NDArray[np.object_], user_regions: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n_users, n_categories, n_signals) signals in the order of `SIGNALS`, each 0 where nothing is known.

    Views are logarithms of views over what the person's impressions (or, without any, the category's share of all
    views) would lead to. Feedback on activities that the same user booked is left out: it would tell the answer.
    """
    users, names = pd.Index(dataset.users["user_id"]), pd.Index(categories)
    shape = (len(users), len(names))
    signals = np.zeros((*shape, len(SIGNALS)), dtype=np.float32)
    if 0 in shape:
        return signals
    interests = split_list(pd.Series(dataset.users["interests"].to_numpy(), index=np.arange(len(users))))
    column = names.get_indexer(interests.to_numpy())
    signals[interests.index.to_numpy()[column >= 0], column[column >= 0], 2] = 1.0
    has_list = signals[:, :, 2].max(axis=1, keepdims=True)
    signals[:, :, 3] = has_list - signals[:, :, 2]
    feedback = _unbooked(dataset)
    row = users.get_indexer(feedback["user_id"])
    column = names.get_indexer(feedback["category"])
    kind = feedback["kind"].to_numpy(dtype=str)

    def count(*kinds: str) -> NDArray[np.float64]:
        of = np.isin(kind, kinds)
        flat = np.bincount(row[of] * len(names) + column[of], minlength=shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float64)

    signals[:, :, 4] = count("favourite", "share", "pledge") > 0
    views, shown = count("view"), count("impression")
    if views.sum() == 0:
        return signals
    share = views.sum(axis=0) / views.sum()
    by_shown = shown * (views.sum(axis=0) / np.maximum(shown.sum(axis=0), 1.0))
    expected = np.where(shown.sum(axis=1, keepdims=True) > 0, by_shown, share)
    expected *= (views.sum(axis=1, keepdims=True) + 1e-9) / (expected.sum(axis=1, keepdims=True) + 1e-9)
    signals[:, :, 0] = np.log((views + 1.0) / (expected + 1.0))
    region = np.maximum(user_regions, 0)
    n = int(region.max()) + 1
    seen, due = (
        np.stack([np.bincount(region, t, minlength=n) for t in table.T], axis=1) for table in (views, expected)
    )
    signals[:, :, 1] = np.log((seen + 5.0) / (due + 5.0))[region]
    return signals


def category_signals(dataset: Dataset, categories: NDArray[np.object_]) -> NDArray[np.float64]:
    """(n_categories, 2) how much each category is listed as an interest, and looked at by who has ever booked.

    Logarithms, less their mean over the categories. Unlike bookings they know no season, no distance and no luck of
    single courses. Views of activities that the same user booked are left out.
    """
    listed = split_list(pd.Series(dataset.users["interests"].to_numpy()))
    feedback = _unbooked(dataset)
    views = feedback[(feedback["kind"] == "view") & feedback["user_id"].isin(dataset.bookings["user_id"])]
    counts = [table.value_counts().reindex(categories).fillna(0.0) for table in (listed, views["category"])]
    logs = np.column_stack([np.log(count.to_numpy(dtype=np.float64) + 2.0) for count in counts])
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
