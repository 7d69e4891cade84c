"""Classes that were opened: what was predicted for them beside who came."""

from __future__ import annotations

import pandas as pd

from serving.planning.visits import Activity
from serving.schemas.reports import OpeningRow


def opened_classes(
    activity: Activity, region_id: str, since: pd.Timestamp, until: pd.Timestamp, followed: pd.DataFrame | None
) -> list[OpeningRow]:
    """Classes opened at venues in or under a region in [since, until), in the order of their first days.

    Args:
        activity: Everything that is known now.
        region_id: A region of the tree.
        since: First instant.
        until: First instant no longer in it; sessions from there on do not count.
        followed: Openings with their predictions, see `recsys.openings.learned.inputs.FOLLOWED`; None without a bundle.
    """
    if followed is None or followed.empty:
        return []
    zone = activity.dataset.timezone
    first_day = pd.to_datetime(followed["opened_on"]).dt.tz_localize(zone)
    chosen = followed[(first_day >= since) & (first_day < until)].sort_values(["opened_on", "category", "venue_id"])
    held = activity.sessions[activity.under(region_id) & activity.in_time(since, until)]
    came = "attended" if activity.dataset.bookings["status"].eq("attended").any() else "taken"
    names = activity.dataset.venues.set_index("venue_id")["name"]
    here = activity.tree.under(int(activity.tree.ids.nums([region_id])[0]))
    rows = []
    for row in chosen.to_dict("records"):
        category, venue_id = row["category"], row["venue_id"]
        venue = activity.places.venue_regions[(activity.dataset.venues["venue_id"] == venue_id).to_numpy()]
        if not len(venue) or not here[venue[0]]:
            continue
        mine = held[(held["category"] == category) & (held["venue_id"] == venue_id)]
        mine = mine[mine["local_start"] >= pd.Timestamp(row["opened_on"])]
        rows.append(
            OpeningRow(
                category=category,
                venue_id=venue_id,
                venue=str(names[venue_id]),
                opened_on=pd.Timestamp(row["opened_on"]).date(),
                sessions=len(mine),
                predicted=round(row["predicted"], 2),
                low=row["q0.1"],
                high=row["q0.9"],
                actual=round(float(mine[came].mean()), 2) if len(mine) else None,
            )
        )
    return rows
