"""Bookings of far more people than there can be."""

import numpy as np
import pandas as pd
import pytest

from features.openings.inputs import opening_inputs
from features.willingness.parties import plausible
from recsys.dataset import Dataset
from recsys.openings.suggest import suggest
from tests.odd_county import AS_OF, Tables, small_county


def test_a_party_is_cut_to_what_its_session_or_its_like_explains():
    people = np.array([2.0, 3, 4, 900, 900, 900, 900])
    session = np.array([0, 1, 2, 3, 4, 5, 5])
    category = np.array([0, 0, 0, 0, 0, 1])
    capacity = np.array([20.0, 20, 20, 20, 5_000, np.inf])
    cut = plausible(people, session, category, capacity)
    # To its places; to 25 times the median session, since one hall alone says so many; what is usual stays.
    np.testing.assert_array_equal(cut, [2, 3, 4, 20, 100, 900, 900])
    halls = plausible(people, session, category, np.array([20.0, 5_000, 5_000, np.nan, 5_000, -3]))
    np.testing.assert_array_equal(halls, people)


def crowded(tables: Tables) -> Tables:
    bookings = tables["bookings"]
    return {**tables, "bookings": bookings.assign(party_size=np.where(bookings.index == 3, 10_000, 1))}


def odd_capacities(tables: Tables) -> Tables:
    sessions = tables["sessions"]
    return {**tables, "sessions": sessions.assign(capacity=np.resize([-5.0, 0.0, 1e12, 12.0, np.nan], len(sessions)))}


@pytest.fixture(scope="module")
def plain() -> pd.DataFrame:
    return suggested(small_county())


def suggested(tables: Tables) -> pd.DataFrame:
    return suggest(opening_inputs(Dataset.from_tables(tables, AS_OF)), 2)


def test_one_enormous_party_moves_no_suggestion(plain):
    found = suggested(crowded(small_county()))
    assert found[["category", "venue_id"]].equals(plain[["category", "venue_id"]])
    np.testing.assert_allclose(found["expected_attendance"], plain["expected_attendance"], rtol=0.1)


def test_absurd_capacities_are_no_size_of_a_class(plain):
    found = suggested(odd_capacities(small_county()))
    assert found["size"].max() <= 30
    assert found["expected_attendance"].sum() == pytest.approx(plain["expected_attendance"].sum(), rel=0.35)
