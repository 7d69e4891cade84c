"""Some of the people are seen as they are among all."""

import numpy as np

from features.signals.catalogue import catalogue_of
from features.signals.learned.wishes import seen_of
from features.signals.people import user_block
from tests.ranking_world import AT, ranking_world
from training.ranking.sample import evenly, sampled_people, told_people


def test_some_people_are_seen_as_they_are_among_all():
    known = ranking_world(5, n_users=90).known_at(AT)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    rows = np.array([2, 3, 40, 89])
    some, every = seen_of(catalogue, sampled_people(block, rows)), seen_of(catalogue, block)
    for name, values in vars(some).items():
        np.testing.assert_array_equal(values, getattr(every, name)[rows])
    assert some.booked.any()


def test_rows_are_taken_evenly_and_no_more_than_asked_for():
    np.testing.assert_array_equal(evenly(7, 7), np.arange(7))
    np.testing.assert_array_equal(evenly(7, 3), [0, 3, 6])
    np.testing.assert_array_equal(evenly(8, 7), [0, 2, 4, 6])
    assert not len(evenly(0, 5))


def test_guests_and_who_opted_out_tell_nothing():
    known = ranking_world(5, n_users=90).known_at(AT)
    users = known.users.copy()
    bookings = known.bookings[~known.bookings["user_id"].isin(users["user_id"].iloc[::3])]
    booked = users["user_id"].isin(bookings["user_id"]).to_numpy()
    about = ["birth_year", "gender", "region_id", "lat", "lon", "interests"]
    bare = np.arange(len(users)) % 2 == 0
    users.loc[bare, about] = None
    users["personalised"] = np.arange(len(users)) % 5 > 0
    catalogue = catalogue_of(known, AT)
    found = told_people(user_block(catalogue, users, bookings, known.feedback, known.sessions))
    is_personal = users["personalised"].to_numpy(dtype=bool)
    assert (bare & booked & is_personal).any()
    assert (bare & ~booked & is_personal).any()
    np.testing.assert_array_equal(found, np.flatnonzero(is_personal & (booked | ~bare)))
