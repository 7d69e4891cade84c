"""Counts of a person's own past on every level of the regions, against a plain loop."""

import numpy as np
import pandas as pd
import pytest

from features.signals.candidates.keys import FAST_DAYS
from features.signals.catalogue import catalogue_of
from features.signals.known.lookup import REGION_LEVELS
from features.signals.own.history import own_signals
from features.signals.people import user_block
from recsys.dataset import Dataset
from tests.ranking_world import AT, world_tables

LEVELS = ("province", "city", "county", "township", "village")


def _regions() -> pd.DataFrame:
    """Two provinces, and in each region two of the level below."""
    rows, above = [], [(None, "p")]
    for level in LEVELS:
        ids = [(f"{name}{half}", parent_name) for parent_name, name in above for half in "01"]
        rows += [{"region_id": one, "name": one, "level": level, "parent_id": parent} for one, parent in ids]
        above = [(one, one) for one, _ in ids]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def known() -> Dataset:
    tables = world_tables(np.random.default_rng(7), n_users=40, n_activities=60, n_bookings=900)
    regions = _regions()
    villages = regions.loc[regions["level"] == "village", "region_id"].to_numpy()
    # The first and the last two: apart on every level.
    tables["venues"]["region_id"] = villages[[0, 1, 2, -1]]
    return Dataset.from_tables({**tables, "regions": regions}, AT)


@pytest.mark.parametrize("level", LEVELS)
def test_decayed_counts_of_every_level_of_the_regions(known, level):
    assert set(REGION_LEVELS) == set(LEVELS)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    rows, cols = np.divmod(np.arange(len(block) * len(catalogue)), len(catalogue))
    found = own_signals(catalogue, block, rows, cols)
    n_letters = 2 + LEVELS.index(level)
    at_venue = known.sessions["venue_id"].map(known.venues.set_index("venue_id")["region_id"])
    region = np.array([None if pd.isna(one) else one[:n_letters] for one in at_venue], dtype=object)
    events, lookup = block.events, catalogue.lookup
    of_event = np.array([region[s] if s >= 0 else None for s in events.sessions], dtype=object)
    weights = events.weights * 0.5 ** (events.days / FAST_DAYS)
    of_candidate = region[catalogue.session_nums]
    assert len(set(lookup.keys[level].ids)) == len({one for one in region if one is not None})
    for pair in range(0, len(rows), 11):
        there = of_candidate[cols[pair]]
        same = (events.rows == rows[pair]) & (of_event == there) & (there is not None)
        np.testing.assert_allclose(found[f"own_{level}_count"][pair], same.sum())
        np.testing.assert_allclose(found[f"own_{level}_fast"][pair], weights[same].sum(), rtol=1e-5)
