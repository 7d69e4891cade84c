"""What may be listed at the end of the known past, and rows of lists that break the contract's rules."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys.ids import IdMap
from recsys.simulation.bookings.choice import CHILD
from recsys.simulation.bookings.counts import candidates
from recsys.simulation.truth.oracle import Truth


def open_sessions(truth: Truth) -> pd.DataFrame:
    """Sessions bookable at `as_of` with a place left."""
    sessions = truth.tables["sessions"]
    outcome = truth.tables["outcomes"]
    held = outcome[outcome["place_at_as_of"]]
    taken = held.groupby("session_id")["party_size"].sum()
    left = sessions["capacity"].fillna(np.inf) - sessions["session_id"].map(taken).fillna(0)
    return sessions[candidates(sessions, truth.as_of) & (left > 0)]


def violations(truth: Truth, rows: pd.DataFrame) -> dict[str, int]:
    """Rows that break the contract's rules for candidates and lists, by rule."""
    as_of, sessions = truth.as_of, truth.tables["sessions"]
    ids = IdMap.of(sessions["session_id"], "session")
    num = ids.nums_or_missing(rows["session_id"].astype(str))
    known = num >= 0
    session = sessions.iloc[num[known]].reset_index(drop=True)
    row = rows[known].reset_index(drop=True)
    open_ids = set(open_sessions(truth)["session_id"])
    people = truth.tables["people"].set_index("user_id")
    person = people.reindex(row["user_id"].astype(str)).reset_index()
    age = session["starts_at"].dt.year - person["birth_year"] - 1
    # Whom nobody has asked for an age: followers are not among the people.
    unknown = ~person["birth_known"].eq(True)
    least = session["min_age"].fillna(-1)
    young = (least > 0) & ~unknown & (age < least) & (session["audience_num"] != CHILD)
    own, overlap = _clashes(truth, row, session)
    full = candidates(session, as_of) & ~session["session_id"].isin(open_ids)
    ordered = rows.sort_values(["user_id", "rank"])
    return {
        "unknown session": int((~known).sum()),
        "not of that activity": int(
            (session["activity_id"].to_numpy() != row["activity_id"].astype(str).to_numpy()).sum()
        ),
        "not published": int((session["published_at"] > as_of).sum()),
        "started": int((session["starts_at"] <= as_of).sum()),
        "not bookable": int(((session["booking_opens_at"] > as_of) | (session["booking_closes_at"] <= as_of)).sum()),
        "cancelled": int((session["cancelled_at"] <= as_of).sum()),
        "full": int(full.sum()),
        "too young": int(young.sum()),
        "unknown age, adults only": int((unknown & (least >= 18)).sum()),
        "already booked": int(own.sum()),
        "overlapping": int(overlap.sum()),
        "activity twice in a list": int(rows.duplicated(["user_id", "activity_id"]).sum()),
        "rank not 1, 2, ...": int((ordered.groupby("user_id").cumcount() + 1 != ordered["rank"]).sum()),
    }


def _clashes(truth: Truth, row: pd.DataFrame, session: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """For each pair of a row and what its user holds: whether they are the same session, or overlap."""
    outcome = truth.tables["outcomes"]
    held = outcome[outcome["held_at_as_of"]]
    ends = truth.tables["sessions"].set_index("session_id")["ends_at"]
    held = held.assign(ends_at=ends.reindex(held["session_id"]).to_numpy())
    pairs = row.assign(begin=session["starts_at"], end=session["ends_at"]).merge(
        held[["user_id", "session_id", "starts_at", "ends_at"]], on="user_id", suffixes=("", "_held")
    )
    own = pairs["session_id"] == pairs["session_id_held"]
    return own, ~own & (pairs["begin"] < pairs["ends_at"]) & (pairs["end"] > pairs["starts_at"])
