"""What is known of activities, as named features."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from pydantic import Field

from features.encoding.encoders import flagged, many_hot, many_hot_of, one_hot, region_paths, side_by_side, words
from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.matrices import NamedFeatures
from recsys.regions import RegionTree


class ActivityFeatureConfig(Closed):
    """How activities are described."""

    price_bands: tuple[float, ...] = Field(
        default=(20.0, 50.0, 100.0, 200.0),
        description="highest price of each band above free, in the platform's currency, rising; one more is open",
    )
    least_titles: int = Field(default=2, ge=1, description="titles that must have a word before it counts")
    most_words: int = Field(default=5000, ge=1, description="words kept, those in the most titles first")


DEFAULT_ACTIVITY_FEATURES = ActivityFeatureConfig()


def activity_features(
    dataset: Dataset, tree: RegionTree, config: ActivityFeatureConfig = DEFAULT_ACTIVITY_FEATURES
) -> NamedFeatures:
    """Category, kind, organiser, series, venues and their region paths, tags, audience, price, online, title.

    Rows are those of `dataset.activities`. An activity with sessions at several venues has all of them; its
    price is the median of its sessions' prices.
    """
    activities, sessions = dataset.activities, dataset.sessions
    n_rows = len(activities)
    rows = IdMap.of(activities["activity_id"], "activity_id").nums(sessions["activity_id"])
    venue_region = dataset.venues.set_index("venue_id")["region_id"]
    regions = tree.ids.nums_or_missing(sessions["venue_id"].map(venue_region))
    prices = sessions["price"].groupby(rows).median().reindex(range(n_rows))
    singles = {
        "category": activities["category"],
        "kind": activities["kind"],
        "organiser": activities["organiser_id"],
        "series": activities["series_id"],
        "audience": activities["audience"],
        "price_band": price_bands(prices, config.price_bands),
    }
    return side_by_side(
        [
            *(one_hot(prefix, values) for prefix, values in singles.items()),
            many_hot("tag", activities["tags"]),
            many_hot_of("venue", rows, sessions["venue_id"], n_rows),
            region_paths(rows, regions, n_rows, tree),
            flagged("online:true", activities["online"].to_numpy(dtype=bool)),
            words(activities["title"], least_texts=config.least_titles, most_words=config.most_words),
        ]
    )


def price_bands(prices: pd.Series, tops: tuple[float, ...]) -> pd.Series:
    """Band of each price: `free`, `up to 20`, ..., `over 200`; missing where the price is.

    >>> price_bands(pd.Series([0, 20, 30, None]), (20.0,)).fillna("?").tolist()
    ['free', 'up to 20', 'over 20', '?']
    """
    edges = [-np.inf, 0.0, *tops, np.inf]
    labels = ["free", *(f"up to {top:g}" for _, top in pairwise((0.0, *tops))), f"over {tops[-1] if tops else 0:g}"]
    return pd.cut(prices.astype("float64"), edges, labels=labels).astype(object)
