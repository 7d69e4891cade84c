"""Bookings to figures a session, sessions to counts a week: written once for every table engine.

`session_figures`, `weekly_counts` and `with_regions_above` take and give back tables of one engine: pandas or Polars
frames are computed at once, Polars' lazy frames, DuckDB relations and Spark frames become plans of the same kind. They
hold the one definition of each measure. Rows come in no order; empty weeks are not rows here, the panel adds them.
"""

from __future__ import annotations

from typing import Any, cast

import narwhals as nw
from narwhals.typing import IntoFrameT

from recsys.schema import TAKING_STATUSES

ABSURD_CAPACITY = 1_000_000
"""A session with more places than this has no stated capacity."""

NOT_STATED = -1
"""Capacity of a session that says none: engines differ in how they compare NaN."""

NEVER_US = 2**62
"""Microseconds of what never happened."""

WEEK_US = 7 * 24 * 3600 * 10**6
FIRST_MONDAY_US = 4 * 24 * 3600 * 10**6
"""Monday 1970-01-05."""

SERIES = ("region_num", "category_num", "week_num")
MEASURES = ("sessions", "places", "offered", "limited", "sold_out", "demand")


def is_stated(capacity: Any) -> Any:
    """Whether a capacity limits anything; of an array or of an expression."""
    return (capacity > 0) & (capacity <= ABSURD_CAPACITY)


def is_full(places: Any, capacity: Any) -> Any:
    """Whether every stated place is taken; of arrays or of expressions."""
    return is_stated(capacity) & (places >= capacity)


def monday_us(time_us: int) -> int:
    """Monday 00:00 of the week that holds a wall-clock time, both in microseconds since 1970-01-01."""
    return time_us - (time_us - FIRST_MONDAY_US) % WEEK_US


def on_hand_names(n_leads: int) -> list[str]:
    """Columns of `session_figures` with the places on hand at each lead."""
    return [f"on_hand_{lead}" for lead in range(n_leads)]


def session_figures(sessions: IntoFrameT, bookings: IntoFrameT, *, as_of_us: int, n_leads: int) -> IntoFrameT:
    """Sessions with what their bookings say; times are wall-clock microseconds since 1970-01-01 (`*_us`).

    Args:
        sessions: `session_num, starts_us, is_cancelled` (0 or 1), and any other columns.
        bookings: `session_num, status, party_size, booked_us, status_us` (`NEVER_US` where it has none).
        as_of_us: First instant not known.
        n_leads: Leads 0, 1, ... whole weeks between an origin `as_of - 7 j days` and a session's age.

    Returns:
        The columns of `sessions` and `age` (weeks back from `as_of`, 1: started within the last seven days), `week_num`
        (0: the week that holds `as_of`, Monday to Sunday), `places` (taken; 0 if cancelled), `waiting` (on waitlists),
        `first_booked_us` (`NEVER_US`: not booked) and `on_hand_0, ...` (places booked by the origin of each lead).
    """
    starts = nw.col("starts_us")
    programme = _frame(sessions).with_columns(
        age=((as_of_us - starts) / WEEK_US).ceil().cast(nw.Int64),
        week_num=((starts - monday_us(as_of_us)) / WEEK_US).floor().cast(nw.Int64),
    )
    by_session = _sums_by_session(_with_leads(programme, _frame(bookings), as_of_us, n_leads), n_leads)
    figures = programme.join(by_session, on="session_num", how="left").with_columns(
        nw.col("places", "waiting", *on_hand_names(n_leads)).fill_null(0).cast(nw.Int64),
        nw.col("first_booked_us").fill_null(NEVER_US).cast(nw.Int64),
    )
    taken = nw.when(nw.col("is_cancelled") == 0).then(nw.col("places")).otherwise(nw.lit(0))
    return _native(figures.with_columns(places=taken.cast(nw.Int64)))


def _with_leads(programme: Any, bookings: Any, as_of_us: int, n_leads: int) -> Any:
    """Bookings with the first and the last lead at which their places are held."""
    age = nw.col("age")
    # Origin j holds a booking made s weeks back if j < s, and one given up u weeks back if j > u.
    last = ((as_of_us - nw.col("booked_us")) / WEEK_US).ceil() - 1 - age
    given_up = ((as_of_us - nw.col("status_us")) / WEEK_US).floor() + 1 - age
    first = nw.when(nw.col("status") == "cancelled").then(given_up).otherwise(nw.lit(0.0))
    return bookings.join(programme.select("session_num", "age"), on="session_num", how="inner").with_columns(
        first_lead=first.clip(0, n_leads).cast(nw.Int64), last_lead=last.clip(-1, n_leads - 1).cast(nw.Int64)
    )


def _sums_by_session(bookings: Any, n_leads: int) -> Any:
    kinds = {
        "places": nw.col("status").is_in(TAKING_STATUSES),
        "waiting": nw.col("status") == "waitlisted",
        "held": nw.col("status") != "waitlisted",
    }
    size, none = nw.col("party_size"), nw.lit(0)
    alike = (
        bookings.with_columns(**{name: nw.when(kind).then(size).otherwise(none) for name, kind in kinds.items()})
        .group_by("session_num", "first_lead", "last_lead")
        .agg(nw.col(*kinds).sum(), first_booked_us=nw.col("booked_us").min())
    )
    on_hand = {
        name: nw.when((nw.col("first_lead") <= lead) & (nw.col("last_lead") >= lead))
        .then(nw.col("held"))
        .otherwise(none)
        for lead, name in enumerate(on_hand_names(n_leads))
    }
    return (
        alike.with_columns(**on_hand)
        .group_by("session_num")
        .agg(nw.col("places", "waiting", *on_hand).sum(), nw.col("first_booked_us").min())
    )


def weekly_counts(sessions: IntoFrameT) -> IntoFrameT:
    """Counts of each region, category and week before week 0 that has a session which was not cancelled.

    Args:
        sessions: `region_num, category_num, week_num, is_cancelled, places, capacity` (`NOT_STATED` where none is)
            and `demand` (places wanted).

    Returns:
        `region_num, category_num, week_num` and as float64 `sessions`, `places` (taken), `offered` (stated ones),
        `limited` (sessions that state a capacity), `sold_out` (full ones) and `demand`.
    """
    capacity = nw.col("capacity")
    one, none = nw.lit(1), nw.lit(0)
    held = _frame(sessions).filter(nw.col("is_cancelled") == 0, nw.col("week_num") < 0)
    counted = held.with_columns(
        sessions=one,
        offered=nw.when(is_stated(capacity)).then(capacity).otherwise(none),
        limited=nw.when(is_stated(capacity)).then(one).otherwise(none),
        sold_out=nw.when(is_full(nw.col("places"), capacity)).then(one).otherwise(none),
    )
    return _native(_summed(counted))


def with_regions_above(counts: IntoFrameT, ancestors: IntoFrameT) -> IntoFrameT:
    """Weekly counts in which a region's include those below it.

    Args:
        counts: As `weekly_counts` gives them.
        ancestors: `region_num, ancestor_num`: each region with those it counts in, itself among them.
    """
    above = _frame(counts).join(_frame(ancestors), on="region_num", how="inner").drop("region_num")
    return _native(_summed(above.rename({"ancestor_num": "region_num"})))


def _summed(frame: Any) -> Any:
    sums = frame.group_by(*SERIES).agg(nw.col(*MEASURES).sum())
    return sums.select(*SERIES, nw.col(*MEASURES).cast(nw.Float64))


def _frame(table: Any) -> Any:
    return nw.from_native(cast(Any, table))  # Narwhals' overloads do not take the union of its own frames.


def _native(frame: Any) -> Any:
    return frame.to_native()
