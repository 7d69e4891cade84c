"""What the platform knows before `as_of`, in the contract's tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys.schema import TABLES
from recsys.simulation.bookings.choice import CHILD
from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.setting.people import People
from recsys.simulation.setting.place import Place
from recsys.simulation.setting.programme import Programme

_ZONE = "Asia/Shanghai"


def platform_tables(
    place: Place,
    people: People,
    programme: Programme,
    bookings: pd.DataFrame,
    feedback: pd.DataFrame,
    config: SimulationConfig,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """The seven tables; times are local with their zone."""
    as_of = pd.Timestamp(config.as_of)
    booked = _bookings(people, programme.sessions, bookings, as_of)
    sessions = programme.sessions[programme.sessions["published_at"] < as_of]
    sessions = sessions.assign(cancelled_at=sessions["cancelled_at"].where(sessions["cancelled_at"] < as_of))
    activities = programme.activities
    known = activities["activity_id"].isin(sessions["activity_id"])
    followers = round(config.followers_per_user * config.users)
    users = _users(people, followers, config, rng)
    tables = {
        "regions": place.regions,
        "venues": place.venues,
        "users": users,
        "activities": activities[known],
        "sessions": sessions,
        "bookings": booked,
        "feedback": _feedback(people, activities, feedback[known.to_numpy()[feedback["activity_num"]]]),
    }
    return {name: _columns(name, table) for name, table in tables.items()}


def _users(people: People, followers: int, config: SimulationConfig, rng: np.random.Generator) -> pd.DataFrame:
    table = people.table[people.table["registered_at"] < pd.Timestamp(config.as_of)]
    n, missing = len(table), config.missing
    no_home = rng.random(n) < 0.06 * missing
    no_spot = no_home | (rng.random(n) < 0.2 * missing)
    # Interests as ticked once: some of what is liked, some of what is not.
    liking = people.rates[table.index] / people.rates[table.index].sum(axis=1, keepdims=True).clip(1e-9)
    noisy = np.log(liking + 1e-4) + rng.gumbel(0, 0.8, liking.shape)
    order = np.argsort(-noisy, axis=1)[:, :4]
    count = np.where(rng.random(n) < 0.45 * missing, 0, rng.integers(1, 5, n))
    names = np.array(CATEGORY_NAMES)
    interests = [";".join(names[row[:k]]) if k else None for row, k in zip(order, count, strict=True)]
    coarse_home = np.where(rng.random(n) < 0.3, table["township_id"], table["region_id"])
    users = pd.DataFrame(
        {
            "user_id": table["user_id"].to_numpy(),
            "birth_year": table["birth_year"].where(table["birth_known"]).to_numpy(),
            "gender": np.where(rng.random(n) < 0.1 * missing, None, table["gender"]),
            "region_id": np.where(no_home, None, coarse_home),
            "lat": np.where(no_spot, np.nan, table["lat"].round(5)),
            "lon": np.where(no_spot, np.nan, table["lon"].round(5)),
            "registered_at": table["registered_at"].to_numpy(),
            "interests": interests,
            "personalised": table["personalised"].to_numpy(),
        }
    )
    whole = users.reindex(range(n + followers))
    return whole.assign(user_id=[*users["user_id"], *(f"g{k:07d}" for k in range(followers))])


def _bookings(people: People, sessions: pd.DataFrame, bookings: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Rows booked before `as_of`, each with the status of that moment."""
    rows = bookings[bookings["booked_at"] < as_of].reset_index(drop=True)
    session = sessions.iloc[rows["session_num"].to_numpy()].reset_index(drop=True)
    status, at = statuses(rows, session, as_of)
    child_years = people.table["child_birth_year"].to_numpy()[rows["user_num"]]
    for_child = (session["audience_num"] == CHILD).to_numpy() | ((rows["party"] > 1).to_numpy() & (child_years > 0))
    return pd.DataFrame(
        {
            "booking_id": [f"b{k:08d}" for k in range(len(rows))],
            "user_id": people.table["user_id"].to_numpy()[rows["user_num"]],
            "session_id": session["session_id"],
            "booked_at": rows["booked_at"],
            "status": status,
            "status_at": at,
            "party_size": rows["party"],
            "attendee_birth_years": np.where(for_child & (child_years > 0), child_years.astype(str), None),
            "channel": rows["channel"],
        }
    )


def statuses(rows: pd.DataFrame, session: pd.DataFrame, as_of: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
    """(n,) status at `as_of` and since when (NaT: since the booking); `session` aligned with `rows`."""
    called = rows["called_off"].to_numpy()
    ends = session["ends_at"].to_numpy()
    cancels, promoted = rows["cancels_at"].to_numpy(), rows["promoted_at"].to_numpy()
    now = as_of.to_datetime64()
    waited = rows["waited"].to_numpy()
    places, attended = rows["places"].to_numpy(), rows["attended"].to_numpy()
    is_off = called < now
    gone = ~is_off & (cancels < now)
    over = ~is_off & ~gone & places & (ends < now) & np.isnat(called)
    promoted_now = ~is_off & ~gone & ~over & (promoted < now)
    waiting = ~is_off & ~gone & ~over & ~promoted_now & waited
    status = np.select(
        [is_off | gone, over & attended, over, waiting], ["cancelled", "attended", "no_show", "waitlisted"], "booked"
    )
    at = np.select([is_off, gone, over, promoted_now], [called, cancels, ends, promoted], np.datetime64("NaT"))
    return status, at


def _feedback(people: People, activities: pd.DataFrame, feedback: pd.DataFrame) -> pd.DataFrame:
    num = feedback["user_num"].to_numpy()
    ids = people.table["user_id"].to_numpy()[np.maximum(num, 0)]
    follower = [f"g{k:07d}" for k in -1 - num]
    table = feedback.assign(
        feedback_id=[f"f{k:08d}" for k in range(len(feedback))],
        user_id=np.where(num >= 0, ids, follower),
        activity_id=activities["activity_id"].to_numpy()[feedback["activity_num"]],
    )
    return table.reindex(columns=list(TABLES["feedback"].column_names))


def _columns(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The contract's columns, whole numbers as such, times with their zone."""
    table = table.reindex(columns=list(TABLES[name].column_names)).reset_index(drop=True)
    typed = {}
    for column in TABLES[name].columns:
        values = table[column.name]
        if column.type == "time":
            values = pd.to_datetime(values).dt.tz_localize(_ZONE)
        elif column.type == "count":
            values = pd.to_numeric(values).astype("Int64")
        elif column.type == "number":
            values = pd.to_numeric(values).astype("float64")
        elif column.type == "flag":
            values = values.astype("boolean")
        typed[column.name] = values
    return pd.DataFrame(typed)
