"""What some of the rows hold, beside a loop."""

import numpy as np
import pytest

from recsys.ragged import entries_of


@pytest.mark.parametrize("seed", range(20))
def test_entries_are_those_that_a_loop_finds(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(6, size=rng.integers(30))
    wanted = rng.integers(8, size=rng.integers(10))
    places, of = entries_of(rows, wanted)
    expected = [(place, num) for num, row in enumerate(wanted) for place in np.flatnonzero(rows == row)]
    assert list(zip(places.tolist(), of.tolist(), strict=True)) == expected
