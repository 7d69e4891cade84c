"""People's rows of this second, and what of them may be used: tags, their removal, opting out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.signals.catalogue import Catalogue
from features.signals.known.removed_tags import EVENT_TAGS
from features.signals.people import UserBlock, user_block
from recsys.ages import certain_ages
from recsys.dataset import TEXT, places_among, split_list
from recsys.sentences import Language, Sentence
from serving.planning.visits import UNKNOWN, age_bands
from serving.schemas.apps import Tag

TAGS_SHOWN = 20
_STATED = Sentence("资料中填写", "stated in the profile")
_BORN = Sentence("由出生年份得出", "from the year of birth")
_LIVES = Sentence("资料中的住处或地区", "place or region of the profile")
_EVENTS = {"bookings": "预订", "feedback": "浏览、收藏等"}


@dataclass(frozen=True)
class PeopleRows:
    """People's rows in the types of a data set, defaults filled in.

    Attributes:
        users: A row each, with nothing but the id of who is known from bookings or feedback alone.
        bookings: Theirs.
        feedback: Theirs.
        sessions: Those that the bookings name.
    """

    users: pd.DataFrame
    bookings: pd.DataFrame
    feedback: pd.DataFrame
    sessions: pd.DataFrame


def people_rows(tables: Mapping[str, pd.DataFrame], user_ids: Sequence[str]) -> PeopleRows:
    """Rows as `read_people` gives them, made complete; `users` in the order of the ids."""
    ids = pd.Series(user_ids, dtype=TEXT)
    stored = tables["users"].reset_index(drop=True)
    rows = places_among(ids, stored["user_id"])
    # Who has no row is given that of a number that is none.
    users = stored.reindex(np.where(rows >= 0, rows, len(stored))).reset_index(drop=True)
    users = users.assign(
        user_id=ids,
        personalised=users["personalised"].astype("boolean").fillna(True).astype(bool),
        birth_year=users["birth_year"].astype("float64"),
    )
    bookings = tables["bookings"]
    bookings = bookings.assign(
        status=bookings["status"].fillna("booked"), party_size=bookings["party_size"].astype("float64").fillna(1.0)
    )
    return PeopleRows(users, bookings, tables["feedback"], tables["sessions"])


def people_block(catalogue: Catalogue, rows: PeopleRows, removed: pd.DataFrame, now: pd.Timestamp) -> UserBlock:
    """People as ranking sees them `now`: without removed tags, which still decide what may be offered.

    What is stored has happened, whatever a platform's clock says: times after the instant count as just before it.
    """
    just_before = now - pd.Timedelta(microseconds=1)
    bookings = _no_later(rows.bookings, "booked_at", just_before)
    feedback = _no_later(rows.feedback, "occurred_at", just_before)
    return user_block(catalogue, rows.users, bookings, feedback, rows.sessions, removed, now)


def _no_later(rows: pd.DataFrame, column: str, time: pd.Timestamp) -> pd.DataFrame:
    is_late = rows[column] > time
    return rows.assign(**{column: rows[column].mask(is_late, time)}) if is_late.any() else rows


def tags_of(
    rows: PeopleRows, activities: pd.DataFrame, removed: Collection[str], year: int, lang: Language
) -> list[Tag]:
    """What ranking uses of a person, strongest of each kind first, with where it comes from.

    Args:
        rows: One person's.
        activities: Those that the person's sessions and feedback name.
        removed: Tags that the person has removed.
        year: The local one of the answer.
        lang: In which it is told where a tag comes from.
    """
    user = rows.users.iloc[0]

    def stated(tag: str, origin: Sentence = _STATED) -> Tag:
        return Tag(tag=tag, weight=1, origin="profile", detail=origin.told(lang))

    tags = [stated(f"interest:{i}") for i in split_list(rows.users["interests"].astype(TEXT))]
    if pd.notna(user["birth_year"]):
        band = age_bands(certain_ages(year, [user["birth_year"]]))[0]
        tags += [stated(f"age:{band}", _BORN)] * (band != UNKNOWN)
    if pd.notna(user["gender"]):
        tags.append(stated(f"gender:{user['gender']}"))
    if pd.notna(user["region_id"]) or pd.notna(user["lat"]):
        where = user["region_id"] if pd.notna(user["region_id"]) else "place"
        tags.append(stated(f"home:{where}", _LIVES))
    return [t for t in [*tags, *_event_tags(rows, activities, lang)] if t.tag not in removed]


def _event_tags(rows: PeopleRows, activities: pd.DataFrame, lang: Language) -> list[Tag]:
    booked = rows.bookings[rows.bookings["status"].ne("cancelled")]
    activity = booked["session_id"].map(rows.sessions.set_index("session_id")["activity_id"])
    facts = activities.set_index("activity_id")
    tags = []
    for origin, ids in (("bookings", activity), ("feedback", rows.feedback["activity_id"])):
        named = facts.reindex(pd.Index(ids, dtype=object))
        for tag, column in EVENT_TAGS.items():
            counts = named[column].dropna().value_counts().sort_index().sort_values(ascending=False, kind="stable")
            tags += [
                Tag(
                    tag=f"{tag}:{value}",
                    weight=float(n),
                    origin="bookings" if origin == "bookings" else "feedback",
                    detail=Sentence(f"您的 {n} 条{_EVENTS[origin]}记录", f"{n} of your {origin}").told(lang),
                )
                for value, n in counts.iloc[:TAGS_SHOWN].items()
            ]
    # The same tag from both: one entry, the weights together, bookings named first.
    merged: dict[str, Tag] = {}
    for one in tags:
        first = merged.get(one.tag)
        merged[one.tag] = (
            one
            if first is None
            else first.model_copy(
                update={
                    "weight": first.weight + one.weight,
                    "detail": Sentence(f"{first.detail}，{one.detail}", f"{first.detail}, {one.detail}").told(lang),
                }
            )
        )
    return list(merged.values())
