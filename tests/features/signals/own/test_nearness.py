"""What people alike book more than others, and the order in which it stands."""

import numpy as np

from features.signals.candidates.lifts import GROUPED_LEVELS
from features.signals.catalogue import catalogue_of
from features.signals.own.nearness import profile_signals
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
