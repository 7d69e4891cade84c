"""The performance report of a region: figures for a period."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.open_sessions import places_taken
from recsys.sentences import Language
from serving.planning.opened import opened_classes
from serving.planning.participation import Participation, participation
from serving.planning.utilisation import share, utilisation
from serving.planning.visits import Activity
from serving.schemas.reports import AccuracyRow, CategoryRow, MonthRow, Report, ReportSummary, VenueUse, WeeklyAccuracy


def report(
    activity: Activity,
    region_id: str,
    since: pd.Timestamp,
    until: pd.Timestamp,
    now: pd.Timestamp,
    forecasts: pd.DataFrame | None,
    followed: pd.DataFrame | None = None,
    lang: Language = "zh",
) -> Report:
    """Figures of the sessions in or under a region that start in [since, until).

    Args:
        activity: Everything that is known now.
        region_id: A region of the tree, or its root's id.
        since: First instant.
        until: First instant no longer in it.
        now: Instant of the question: weeks not over by then are not compared with their forecast.
        forecasts: Past forecasts with columns `region_id, category, target, week_start, mean, q0.1, q0.9`, if kept.
        followed: Openings that were made, see `serving.planning.opened`.
        lang: In which groups are named.
    """
    num = int(activity.tree.ids.nums([region_id])[0])
    chosen = activity.in_time(since, until) & activity.under(region_id)
    who = participation(activity, chosen, ["age", "gender"], region_id=region_id, lang=lang)
    return Report(
        region_id=region_id,
        region=str(activity.tree.names[num]),
        since=activity.local(since),
        until=activity.local(until),
        summary=_summary(activity, chosen, num, since, until, who),
        months=_months(activity, chosen),
        categories=_categories(activity, chosen),
        ages=who.tables["age"],
        genders=who.tables["gender"],
        venues=_venues(activity, chosen, max((until - since) / pd.Timedelta(weeks=1), 1 / 7)),
        accuracy=_accuracy(activity, region_id, since, min(until, now), forecasts),
        openings=opened_classes(activity, region_id, since, min(until, now), followed),
    )


def _summary(
    activity: Activity,
    chosen: NDArray[np.bool_],
    region_num: int,
    since: pd.Timestamp,
    until: pd.Timestamp,
    who: Participation,
) -> ReportSummary:
    sessions = activity.sessions[chosen]
    visits = activity.visits_of(chosen)
    limited = sessions[sessions["capacity"] > 0]
    starts = activity.sessions["starts_at"]
    region_id = str(activity.tree.ids.ids[region_num])
    cancelled = (starts >= since) & (starts < until) & activity.sessions["cancelled_at"].notna()
    came, missed = (float(visits["places"][visits["status"].eq(s)].sum()) for s in ("attended", "no_show"))
    homes = activity.tree.ids.nums_or_missing(activity.dataset.users["region_id"])
    lives_here = activity.tree.under(region_num)[np.maximum(homes, 0)] & (homes >= 0)
    registered = int(lives_here.sum()) if region_num or lives_here.any() else len(activity.dataset.users)
    home_of_visits = visits["home_num"].to_numpy(dtype=np.int64)
    here = activity.tree.under(region_num)[np.maximum(home_of_visits, 0)] & (home_of_visits >= 0)
    residents = int(visits["user_id"][here].nunique()) if lives_here.any() else int(visits["user_id"].nunique())
    bookings = activity.dataset.bookings
    asked = bookings[bookings["session_id"].isin(sessions["session_id"])]
    return ReportSummary(
        activities=int(sessions["activity_id"].nunique()),
        sessions=len(sessions),
        cancelled_sessions=int((cancelled.to_numpy(dtype=bool) & activity.under(region_id)).sum()),
        bookings=len(visits),
        places=round(float(visits["places"].sum())),
        waitlisted=round(float(asked["party_size"][asked["status"].eq("waitlisted")].sum())),
        attended=round(came) if came + missed else None,
        attendance_rate=share(came, came + missed),
        people=who.people,
        registered=registered,
        reach=None if who.people is None else share(residents, registered),
        seat_use=share(float(limited["taken"].sum()), float(limited["capacity"].sum())),
        venues_in_use=int(sessions["venue_id"].nunique()),
        median_km=None
        if visits["user_id"][visits["km"].notna()].nunique() < 5
        else round(float(visits["km"].median()), 2),
    )


def _months(activity: Activity, chosen: NDArray[np.bool_]) -> list[MonthRow]:
    sessions = activity.sessions[chosen]
    month = sessions["local_start"].dt.strftime("%Y-%m")
    return [
        MonthRow(month=str(name), sessions=len(rows), places=round(float(rows["taken"].sum())))
        for name, rows in sessions.groupby(month, sort=True)
    ]


def _categories(activity: Activity, chosen: NDArray[np.bool_]) -> list[CategoryRow]:
    rows = []
    for category, sessions in activity.sessions[chosen].groupby("category", sort=True):
        limited = sessions[sessions["capacity"] > 0]
        rows.append(
            CategoryRow(
                category=str(category),
                activities=int(sessions["activity_id"].nunique()),
                sessions=len(sessions),
                places=round(float(sessions["taken"].sum())),
                seat_use=share(float(limited["taken"].sum()), float(limited["capacity"].sum())),
            )
        )
    return rows


def _venues(activity: Activity, chosen: NDArray[np.bool_], weeks: float) -> list[VenueUse]:
    venue_ids = activity.sessions["venue_id"][chosen].dropna().unique().tolist()
    return [
        VenueUse(
            venue_id=one.venue_id,
            venue=one.name,
            sessions=one.sessions,
            hours=one.hours,
            places=one.places,
            capacity=one.capacity,
            seat_use=one.seat_use,
            slot_use=one.slot_use,
            attendance_rate=one.attendance_rate,
        )
        for one in utilisation(activity, chosen, weeks, sorted(venue_ids))
    ]


def _accuracy(
    activity: Activity, region_id: str, since: pd.Timestamp, until: pd.Timestamp, forecasts: pd.DataFrame | None
) -> AccuracyRow | None:
    """Forecasts of whole weeks that are over, beside what was booked; None where none was kept."""
    if forecasts is None or forecasts.empty:
        return None
    zone = activity.dataset.timezone
    kept = forecasts[(forecasts["region_id"] == region_id) & (forecasts["target"] == "bookings")]
    weeks = pd.to_datetime(kept["week_start"])
    first, last = since.tz_convert(zone).tz_localize(None), until.tz_convert(zone).tz_localize(None)
    kept = kept.assign(week=weeks)[(weeks >= first) & (weeks + pd.Timedelta(weeks=1) <= last)]
    if kept.empty:
        return None
    by_week = kept.groupby("week")[["mean"]].sum()
    sessions = activity.sessions[activity.under(region_id) & activity.sessions["cancelled_at"].isna().to_numpy()]
    start = sessions["local_start"].dt.normalize()
    monday = start - pd.to_timedelta(start.dt.dayofweek, unit="D")
    taken = sessions["session_id"].map(places_taken(activity.dataset.bookings)).fillna(0.0).astype("float64")
    actual = taken.groupby(monday).sum().reindex(by_week.index, fill_value=0.0)
    error = float((actual - by_week["mean"]).abs().sum())
    return AccuracyRow(
        wape=share(error, float(actual.sum())),
        weeks=[
            WeeklyAccuracy(week_start=week.date(), forecast=round(float(mean), 2), actual=round(float(actual[week])))
            for week, mean in by_week["mean"].items()
        ],
    )
