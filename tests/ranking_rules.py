"""What a list may not hold, told by joins over the tables and by nothing of the code under test."""

import os

import pandas as pd

from recsys.dataset import Dataset


def n_answers(usually: int) -> int:
    """How many answers a property is held against: `CULTURE_ANSWERS`, and few where it is not set."""
    return int(os.environ.get("CULTURE_ANSWERS", usually))


def assert_none_broken(dataset: Dataset, lists: pd.DataFrame, at: pd.Timestamp) -> None:
    """Fails with the rules that rows of `user_id, activity_id, session_id` break, and how often."""
    broken = {rule: count for rule, count in violations(dataset, lists, at).items() if count}
    assert not broken, f"of {len(lists)} rows at {at}: {broken}"


def violations(dataset: Dataset, lists: pd.DataFrame, at: pd.Timestamp) -> dict[str, int]:
    """Number of rows of `user_id, session_id` that break each rule."""
    bookings = dataset.bookings[dataset.bookings["booked_at"] < at]
    rows = (
        lists[["user_id", "session_id", "activity_id"]]
        .astype(object)
        .merge(dataset.sessions.drop(columns="activity_id").astype({"session_id": object}), on="session_id")
        .merge(dataset.activities.astype({"activity_id": object}), on="activity_id")
        .merge(dataset.users[["user_id", "birth_year"]].astype({"user_id": object}), on="user_id")
    )
    assert len(rows) == len(lists)
    taking = bookings[bookings["status"].isin(["booked", "attended", "no_show"])]
    left = rows["capacity"] - rows["session_id"].map(taking.groupby("session_id")["party_size"].sum()).fillna(0)
    year = rows["starts_at"].dt.tz_convert(dataset.timezone).dt.year
    age = year - rows["birth_year"] - 1
    return {
        "unpublished": int((rows["published_at"] > at).sum()),
        "started": int((rows["starts_at"] <= at).sum()),
        "cancelled": int((rows["cancelled_at"] <= at).sum()),
        "not open yet": int((rows["booking_opens_at"] > at).sum()),
        "closed": int((rows["booking_closes_at"] <= at).sum()),
        "full": int((left < 1).sum()),
        "too young": int((age < rows["min_age"]).sum()),
        "perhaps a minor": int((age.isna() & (rows["min_age"] >= 18)).sum()),
        "adults only": int(((rows["audience"] == "adults") & (age < 18)).sum()),
        "too old": _too_old(rows.assign(age=age, year=year), bookings),
        "booked": int(rows.merge(bookings.astype(object)[["user_id", "session_id"]].drop_duplicates()).shape[0]),
        "clash": _clashes(rows, bookings, dataset, at),
        "twice": int(rows.duplicated(["user_id", "activity_id"]).sum()),
    }


def _too_old(rows: pd.DataFrame, bookings: pd.DataFrame) -> int:
    old = rows[rows["age"] > rows["max_age"]].reset_index(names="row")
    children = bookings[["user_id", "attendee_birth_years"]].dropna().astype(object)
    if children.empty:
        return 0
    children = children.assign(child=children["attendee_birth_years"].str.split(";")).explode("child")
    pairs = old.merge(children, on="user_id")
    child_age = pairs["year"] - pairs["child"].astype(float) - 1
    fits = (child_age <= pairs["max_age"]) & ~(child_age < pairs["min_age"])
    return int((~old["row"].isin(pairs.loc[fits, "row"])).sum())


def _clashes(rows: pd.DataFrame, bookings: pd.DataFrame, dataset: Dataset, at: pd.Timestamp) -> int:
    held = bookings[bookings["status"].isin(["booked", "attended", "waitlisted"])].astype(object)
    takes_place = dataset.sessions[~(dataset.sessions["cancelled_at"] <= at)]
    held = held[["user_id", "session_id"]].merge(
        takes_place[["session_id", "starts_at", "ends_at"]].astype({"session_id": object}), on="session_id"
    )
    pairs = rows[["user_id", "starts_at", "ends_at"]].merge(held, on="user_id", suffixes=("", "_held"))
    overlap = (pairs["starts_at"] < pairs["ends_at_held"]) & (pairs["starts_at_held"] < pairs["ends_at"])
    return int((overlap | (pairs["starts_at"] == pairs["starts_at_held"])).sum())
