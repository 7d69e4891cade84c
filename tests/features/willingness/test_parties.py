"""Bookings of far more people than there can be."""

import numpy as np
import pandas as pd
import pytest

from features.openings.inputs import opening_inputs
from recsys.dataset import Dataset
from recsys.openings.suggest import suggest
from tests.odd_county import AS_OF, Tables, small_county


def crowded(tables: Tables, n_giants: int, status: str) -> Tables:
    bookings = tables["bookings"]
    is_giant = bookings.index.isin(3 + 11 * np.arange(n_giants))
    parties = np.where(is_giant, 10_000, 1)
    return {**tables, "bookings": bookings.assign(party_size=parties, status=np.where(is_giant, status, "booked"))}


def odd_capacities(tables: Tables) -> Tables:
    sessions = tables["sessions"]
    return {**tables, "sessions": sessions.assign(capacity=np.resize([-5.0, 0.0, 1e12, 12.0, np.nan], len(sessions)))}


@pytest.fixture(scope="module")
def plain() -> pd.DataFrame:
    return suggested(small_county())


def suggested(tables: Tables) -> pd.DataFrame:
    return suggest(opening_inputs(Dataset.from_tables(tables, AS_OF)), 2)


@pytest.mark.parametrize(("n_giants", "status"), [(1, "booked"), (1, "waitlisted"), (3, "booked")])
def test_enormous_parties_move_no_suggestion(plain, n_giants, status):
    found = suggested(crowded(small_county(), n_giants, status))
    assert found[["category", "venue_id"]].equals(plain[["category", "venue_id"]])
    np.testing.assert_allclose(found["expected_attendance"], plain["expected_attendance"], rtol=0.1)


def test_absurd_capacities_are_no_size_of_a_class(plain):
    found = suggested(odd_capacities(small_county()))
    assert found["size"].max() <= 30
    assert found["expected_attendance"].sum() == pytest.approx(plain["expected_attendance"].sum(), rel=0.35)
