"""What people alike book more than others, and the order in which it stands."""

import numpy as np

from features.signals.candidates.lifts import GROUPED_LEVELS
from features.signals.catalogue import catalogue_of
from features.signals.own.nearness import place_signals, profile_signals
from features.signals.people import user_block
from tests.ranking_world import AT, ranking_world


def test_what_people_alike_book_is_read_off_tables_group_by_group():
    """Trees draw signals by their place: in another order the same pairs make other trees."""
    known = ranking_world(3).known_at(AT)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    rows, cols = np.divmod(np.arange(len(block) * len(catalogue)), len(catalogue))
    found = profile_signals(catalogue, block, rows, cols)
    names = [(name, level) for name in block.profiles.groups for level in GROUPED_LEVELS]
    assert [name for name in found if name.startswith("alike_")] == [f"alike_{name}_{level}" for name, level in names]
    for name, level in names:
        table = catalogue.lifts[f"{name}_{level}"]
        groups = block.profiles.groups[name]
        for pair in range(0, len(rows), 7):
            group, key = groups[rows[pair]], catalogue.levels[level].of_candidate[cols[pair]]
            row = group if 0 <= group < len(table) - 1 else -1
            np.testing.assert_array_equal(found[f"alike_{name}_{level}"][pair], table[row, key])


def test_distances_say_whether_they_are_known():
    """From home, or its region, and from the nearest past venue; nobody's distance is taken for 0 or a known one."""
    known = ranking_world(3, n_bookings=150).known_at(AT)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    rows, cols = np.divmod(np.arange(len(block) * len(catalogue)), len(catalogue))
    found = place_signals(catalogue, block, rows, cols)
    for name in ("km_from_home", "km_from_past"):
        np.testing.assert_array_equal(found[f"{name}_known"], ~np.isnan(found[name]))
        assert 0 < found[f"{name}_known"].mean() < 1
    venues = np.flatnonzero(~np.isnan(catalogue.venue_lat))
    of_events = np.append(catalogue.lookup.of_sessions["venue"], -1)[block.events.sessions]
    been = np.bincount(block.events.rows[np.isin(of_events, venues)], minlength=len(block)) > 0
    there = np.isin(catalogue.lookup.of_sessions["venue"][catalogue.session_nums], venues)
    np.testing.assert_array_equal(found["km_from_past_known"], been[rows] & there[cols])
    home = ~np.isnan(block.near).any(axis=1)
    np.testing.assert_array_equal(found["km_from_home_known"], home[rows] & ~np.isnan(catalogue.places.lat)[cols])
