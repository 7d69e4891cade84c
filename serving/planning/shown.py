"""Who was shown in lists: exposure by organiser, region and size of venue, against what was on offer."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from serving.planning.visits import Activity

By = Literal["organiser", "region", "venue_size"]

SIZES = ((50, "up to 50 seats"), (200, "51 to 200 seats"), (np.inf, "over 200 seats"))
UNKNOWN = "unknown"


def exposure_table(activity: Activity, shown: pd.DataFrame, offered: pd.Series, by: By) -> pd.DataFrame:
    """Rows `value, sessions, offered_share, shown, shown_share, drawn, place`, most offered first.

    Args:
        activity: Sessions with their places.
        shown: Rows `session_id, n_shown, n_drawn, place` of sessions.
        offered: (n_sessions,) whether a session of `activity` could stand in lists of the time asked for.
        by: What sessions are told apart by.
    """
    sessions = activity.sessions
    values = _values(activity, by)
    found = shown.set_index("session_id").reindex(sessions["session_id"].astype(object))
    n_shown = found["n_shown"].fillna(0).to_numpy(dtype=np.float64)
    rows = pd.DataFrame(
        {
            "value": values,
            "sessions": offered.to_numpy(dtype=np.int64),
            "shown": n_shown,
            "drawn": found["n_drawn"].fillna(0).to_numpy(dtype=np.float64),
            "place": n_shown * found["place"].fillna(0).to_numpy(dtype=np.float64),
        }
    )
    table = rows.groupby("value", sort=True).sum().reset_index()
    table = table[(table["sessions"] > 0) | (table["shown"] > 0)]
    table["place"] = (table["place"] / table["shown"]).where(table["shown"] > 0)
    for column, total in (("offered_share", "sessions"), ("shown_share", "shown")):
        table[column] = table[total] / max(table[total].sum(), 1.0)
    return table.sort_values(["sessions", "value"], ascending=[False, True]).reset_index(drop=True)


def _values(activity: Activity, by: By) -> np.ndarray:
    sessions, dataset = activity.sessions, activity.dataset
    if by == "organiser":
        organisers = dataset.activities.set_index("activity_id")["organiser_id"].astype(object)
        return organisers.reindex(sessions["activity_id"].astype(object)).fillna(UNKNOWN).to_numpy()
    if by == "region":
        ids = np.array([*activity.tree.ids.ids, UNKNOWN], dtype=object)
        return np.asarray(ids[sessions["region_num"].to_numpy(dtype=np.int64)])
    seats = dataset.venues.set_index("venue_id")["seats"].reindex(sessions["venue_id"].astype(object)).to_numpy()
    edges = np.array([edge for edge, _ in SIZES[:-1]], dtype=np.float64)
    names = np.array([*(name for _, name in SIZES), UNKNOWN], dtype=object)
    seats = seats.astype(np.float64)
    return np.asarray(names[np.where(np.isnan(seats), len(SIZES), np.searchsorted(edges, np.nan_to_num(seats)))])
