"""What of a township's series each village with a venue holds: a share-out, not series of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys.dataset import Dataset
from recsys.demand.forecast import TABLE_COLUMNS, empty_table
from recsys.open_sessions import places_taken
from recsys.regions import RegionTree, session_regions

_SHARE_WEEKS = 52
_PRIOR_PLACES = 20.0


def village_shares(dataset: Dataset, tree: RegionTree) -> pd.DataFrame:
    """`region_id, parent_id, category, share` of the last 52 weeks' places; see `DemandForecast.villages`.

    A category's share is drawn to the village's share of all categories as if by twenty places.
    """
    sessions = dataset.sessions
    since = dataset.data_until - pd.Timedelta(weeks=_SHARE_WEEKS)
    is_past = sessions["starts_at"].between(since, dataset.data_until, inclusive="left")
    chosen = (sessions["cancelled_at"].isna() & is_past).to_numpy()
    regions = session_regions(dataset, tree)
    series = tree.series_regions()[regions]
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    places = sessions["session_id"].map(places_taken(dataset.bookings)).fillna(0.0)
    frame = pd.DataFrame({"region": regions, "series": series, "category": category, "places": places})[chosen]
    frame = frame[frame["places"] > 0]
    villages = frame[frame["region"] != frame["series"]]
    if villages.empty:
        return empty_table(TABLE_COLUMNS["villages"])
    of_series = frame.groupby(["series", "category"], as_index=False)["places"].sum()
    pairs = villages[["region", "series"]].drop_duplicates().merge(of_series, on="series")
    own = villages.groupby(["region", "category"], as_index=False)["places"].sum()
    pairs = pairs.merge(own, on=["region", "category"], how="left", suffixes=("", "_own")).fillna({"places_own": 0.0})
    usual = pairs["region"].map(villages.groupby("region")["places"].sum())
    usual = usual / pairs["series"].map(frame.groupby("series")["places"].sum())
    share = (pairs["places_own"] + _PRIOR_PLACES * usual) / (pairs["places"] + _PRIOR_PLACES)
    ids = tree.ids.ids
    return pd.DataFrame(
        {
            "region_id": np.asarray(ids[pairs["region"].to_numpy(dtype=np.int64)], dtype=object),
            "parent_id": np.asarray(ids[pairs["series"].to_numpy(dtype=np.int64)], dtype=object),
            "category": pairs["category"].to_numpy(dtype=object),
            "share": share.to_numpy(dtype=float),
        }
    )
