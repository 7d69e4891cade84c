"""What was shown: counted by hand, for the person and for everybody, and how early an organiser's sessions fill."""

import numpy as np
import pandas as pd
import pytest

from features.signals.catalogue import catalogue_of
from features.signals.own.shown import HALF_LIFE_DAYS, shown_signals
from features.signals.people import user_block
from recsys.dataset import Dataset
from tests.ranking_world import AT, world_tables


def day(number: float) -> pd.Timestamp:
    return AT + pd.Timedelta(days=number)


@pytest.fixture
def tables():
    found = world_tables(np.random.default_rng(4), n_users=30, n_activities=20, n_bookings=200)
    found["feedback"] = found["feedback"].iloc[:0]
    return found


def world(tables, feedback: list[tuple[str, str, str, float]]) -> Dataset:
    rows = [(f"f{i}", *row[:3], day(row[3])) for i, row in enumerate(feedback)]
    told = pd.DataFrame(rows, columns=["feedback_id", "user_id", "activity_id", "kind", "occurred_at"])
    return Dataset.from_tables({**tables, "feedback": told}, AT)


def signals_of(dataset: Dataset, user_id: str):
    catalogue = catalogue_of(dataset, AT)
    user = dataset.users[dataset.users["user_id"] == user_id]
    own = dataset.bookings[dataset.bookings["user_id"] == user_id]
    told = dataset.feedback[dataset.feedback["user_id"] == user_id]
    block = user_block(catalogue, user, own.iloc[:0], told, dataset.sessions)
    cols = np.arange(len(catalogue))
    return catalogue, shown_signals(catalogue, block, np.zeros(len(cols), dtype=np.int64), cols)


def test_what_a_person_was_shown_and_did_not_open_is_counted(tables):
    catalogue = catalogue_of(world(tables, []), AT)
    shown, opened = list(dict.fromkeys(catalogue.sessions.activity_ids.tolist()))[:2]
    user = tables["users"]["user_id"].iloc[0]
    told = [(user, shown, "impression", -HALF_LIFE_DAYS)] * 2 + [
        (user, opened, "impression", -1),
        (user, opened, "view", -1),
    ]
    told += [(tables["users"]["user_id"].iloc[1], shown, "impression", -2), (user, shown, "impression", 3)]
    catalogue, signals = signals_of(world(tables, told), user)
    is_shown, is_opened = (catalogue.sessions.activity_ids == one for one in (shown, opened))
    np.testing.assert_allclose(signals["shown_all"], 3)
    np.testing.assert_allclose(signals["shown_activity"][is_shown], 2 * 0.5)
    np.testing.assert_allclose(signals["shown_activity_passed"][is_shown], 2 * 0.5)
    np.testing.assert_allclose(signals["shown_activity_passed"][is_opened], 0)
    np.testing.assert_allclose(catalogue.facts["shown"][is_shown], 3)
    np.testing.assert_allclose(catalogue.facts["opened"][is_opened], 1)


def test_without_impressions_nothing_is_claimed(tables):
    catalogue, signals = signals_of(world(tables, []), tables["users"]["user_id"].iloc[0])
    assert all(np.isnan(values).all() for values in signals.values())
    assert np.isnan(catalogue.facts["open_rate"]).all()


@pytest.mark.parametrize(("kind", "name"), [("view", "opened"), ("impression", "shown")])
def test_what_was_looked_at_is_held_against_what_the_organiser_s_usually_are_by_then(kind, name):
    """Of two past courses one had four views ten days before its last date and more later, the other none by then."""
    tables = {
        "activities": pd.DataFrame(
            {"activity_id": ["p", "q", "now", "other"], "category": "dance", "organiser_id": ["o", "o", "o", "x"]}
        ),
        "sessions": pd.DataFrame(
            {
                "session_id": ["p1", "p2", "q1", "now1", "other1"],
                "activity_id": ["p", "p", "q", "now", "other"],
                "starts_at": [day(-37), day(-30), day(-20), day(10), day(10)],
            }
        ),
        "users": pd.DataFrame({"user_id": [f"u{i}" for i in range(9)]}),
    }
    told = [(f"u{i}", "p", kind, -41 - i) for i in range(4)] + [("u5", "p", kind, -39), ("u6", "q", kind, -21)]
    told += [(f"u{i}", "now", kind, -1 - i) for i in range(5)] + [("u7", "other", kind, -1)]
    catalogue = catalogue_of(world(tables, told), AT)
    found = dict(zip(catalogue.sessions.activity_ids, catalogue.facts[f"{name}_lift"], strict=True))
    assert found["now"] == pytest.approx(np.log((5 + 1) / (4 / 2 + 1)))
    assert np.isnan(found["other"])
    assert np.isnan(catalogue_of(world(tables, []), AT).facts[f"{name}_lift"]).all()


def test_an_organiser_s_usual_number_by_then_is_counted_at_the_same_lead(tables):
    dataset = world(tables, [])
    catalogue = catalogue_of(dataset, AT)
    sessions = dataset.sessions.assign(
        organiser=dataset.sessions["activity_id"].map(
            dataset.activities.set_index("activity_id")["organiser_id"].astype(object)
        )
    ).set_index("session_id")
    held = sessions[(sessions["starts_at"] <= AT) & (sessions["starts_at"] > day(-365))]
    booked = dataset.bookings[dataset.bookings["status"].isin(("booked", "attended"))]
    booked = booked[booked["session_id"].isin(held.index)]
    start = booked["session_id"].map(held["starts_at"])
    lead = (start - booked["booked_at"]) / pd.Timedelta(days=1)
    organiser = booked["session_id"].map(held["organiser"])
    checked = 0
    for column, session_id in enumerate(catalogue.sessions.session_ids):
        who = sessions.loc[session_id, "organiser"]
        ahead = (sessions.loc[session_id, "starts_at"] - AT) / pd.Timedelta(days=1)
        n_held = (held["organiser"] == who).sum()
        if pd.isna(who) or not n_held:
            continue
        expected = ((organiser == who) & (lead >= ahead)).sum() / n_held
        assert catalogue.facts["usual_so_far"][column] == pytest.approx(expected)
        checked += expected > 0
    assert checked
