"""What was on offer, against plain loops over the sessions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.signals.catalogue import catalogue_of
from features.signals.known.groups import AGE_EDGES
from features.signals.known.lookup import SEPARATOR, WISH_LEVEL
from features.signals.known.place import distance_km
from recsys.dataset import Dataset
from tests.ranking_world import AT, ranking_world


@pytest.fixture(scope="module")
def known() -> Dataset:
    return ranking_world(3).known_at(AT)


@pytest.fixture(scope="module")
def catalogue(known):
    return catalogue_of(known, AT)


def sessions_of(known: Dataset) -> pd.DataFrame:
    """Sessions not cancelled with the facts of their activities, and days since the start and the opening."""
    rows = known.sessions[known.sessions["cancelled_at"].isna()]
    rows = rows.merge(known.activities[["activity_id", "category", "min_age", "max_age"]], on="activity_id")
    opens = rows["booking_opens_at"].fillna(rows["published_at"])
    key = rows["category"].astype(str) + np.where(rows["max_age"].astype(float) < 18, SEPARATOR, "")
    days = pd.Timedelta(days=1)
    return rows.assign(key=key, held=(AT - rows["starts_at"]) / days, opened=((AT - opens) / days).fillna(np.inf))


def test_sessions_for_children_are_a_key_of_their_own(known, catalogue):
    keys = catalogue.lookup.keys[WISH_LEVEL].ids
    assert set(keys) == set(sessions_of(known)["key"])
    for num, key in enumerate(keys):
        assert catalogue.offer.is_for_children[num] == key.endswith(SEPARATOR)
        category = catalogue.lookup.keys["category"].ids[catalogue.offer.category[num]]
        assert key.rstrip(SEPARATOR) == category


def test_sessions_near_home_are_weighed_by_distance_age_and_time_since_registering(known, catalogue):
    offer, rows = catalogue.offer, sessions_of(known)
    past = rows[(rows["held"] > 0) & (rows["held"] <= 7 * offer.n_weeks)]
    assert len(past)
    homes = np.array([[36.7, 117.01], [36.8, 117.1], [np.nan, np.nan]])
    ages = np.array([AGE_EDGES.index(25), AGE_EDGES.index(7), -1])
    days = np.array([np.inf, 20.0, np.inf])
    found, _ = offer.seen_by(homes, ages, days)
    venues = known.venues.set_index("venue_id")
    cells = offer.cells.nearest(homes[:, 0], homes[:, 1])
    for row in range(3):
        least = [25, 7, None][row]
        for num, key in enumerate(catalogue.lookup.keys[WISH_LEVEL].ids):
            total, recent, held = 0.0, 0, 0
            for one in past[past["key"] == key].itertuples():
                held += 1
                recent += one.held <= 7 * np.ceil(days[row] / 7)
                min_age = 0 if one.max_age < 18 or np.isnan(one.min_age) else one.min_age
                band = max(edge for edge in AGE_EDGES if edge <= min_age)
                if band > least if least is not None else band >= 18:
                    continue
                log_decay = 0.0
                if cells[row] >= 0 and isinstance(one.venue_id, str):
                    at = venues.loc[one.venue_id]
                    centre = offer.cells.lat[cells[row]], offer.cells.lon[cells[row]]
                    km = distance_km(*(np.array([v]) for v in (*centre, at["lat"], at["lon"])))
                    log_decay = catalogue.reach.log_decay(ages[row : row + 1], km)[0]
                total += np.exp(log_decay)
            expected = total * recent / max(held, 1)
            # Between its centres the decay is straight here, and straight in the logarithm there.
            np.testing.assert_allclose(found[row, num], expected, rtol=0.05)
    assert (found[1] < found[0]).any()


def test_weeks_count_those_in_which_something_could_be_booked(known, catalogue):
    offer, rows = catalogue.offer, sessions_of(known)
    for days in (0.5, 9.0, 33.0, np.inf):
        _, found = offer.seen_by(np.full((1, 2), np.nan), np.array([-1]), np.array([days]))
        weeks = int(min(np.ceil(days / 7), offer.n_weeks))
        for num, key in enumerate(catalogue.lookup.keys[WISH_LEVEL].ids):
            mine = rows[rows["key"] == key]
            expected = sum(((mine["opened"] > 7 * w) & (mine["held"] < 7 * (w + 1))).any() for w in range(weeks))
            assert found[0, num] == expected


def test_without_a_past_nothing_was_on_offer(known):
    empty = replace(known, bookings=known.bookings.iloc[:0], feedback=known.feedback.iloc[:0])
    offer = catalogue_of(empty, AT).offer
    assert offer.n_weeks == 0
    sessions, weeks = offer.seen_by(np.array([[36.7, 117.0]]), np.array([3]), np.array([50.0]))
    assert not sessions.any()
    assert not weeks.any()
