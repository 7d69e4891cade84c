from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recsys.errors import DataError, UnknownIdError
from recsys.openings.answers.appraisal import appraise
from tests.recsys.openings.some_classes import running_class

START = pd.Timestamp("2026-03-04T09:30")


def planned(inputs):
    """A running class, where the appraisal of an hour that few want names several better times and venues."""
    c, v = np.argwhere(inputs.runs_now)[0]
    return {"category": str(inputs.categories[c]), "venue_id": str(inputs.venues["venue_id"].iloc[v])}, int(v)


def with_rooms(inputs, **columns):
    return replace(inputs, venues=inputs.venues.assign(**columns))


def test_a_time_without_a_free_room_is_not_offered(inputs):
    inputs = replace(inputs, busy=np.zeros_like(inputs.busy), slot_fit=inputs.slot_fit * _steep(inputs))
    one, venue = planned(inputs)
    before = appraise(inputs, **one, local_start=START, capacity=40).times
    assert len(before) >= 2
    busy = inputs.busy.copy()
    busy[venue, before[0].slot] = 1
    full = with_rooms(replace(inputs, busy=busy), rooms=1.0)
    after = appraise(full, **one, local_start=START, capacity=40).times
    assert before[0].slot not in [t.slot for t in after]
    assert after[: len(before) - 1] == before[1:]
    two_rooms = with_rooms(full, rooms=2.0)
    assert appraise(two_rooms, **one, local_start=START, capacity=40).times == before


def test_a_venue_without_a_free_room_is_not_offered_and_one_with_small_rooms_holds_no_more(inputs):
    inputs = with_rooms(replace(inputs, busy=np.zeros_like(inputs.busy)), rooms=1.0, seats=200.0, free_slots=5.0)
    one, venue = planned(inputs)
    crowd = replace(inputs, rate=inputs.rate * np.float32(20), reach=_near_others(inputs, venue))
    before = appraise(crowd, **one, local_start=START, capacity=60).venues
    assert len(before) >= 3
    slot, (first, second, third) = before[0].slot, [other.venue for other in before[:3]]
    busy, free, seats = crowd.busy.copy(), np.full(len(crowd.venues), 5.0), np.full(len(crowd.venues), 200.0)
    busy[first, slot], free[second], seats[third] = 1, 0.0, 10.0
    tight = with_rooms(replace(crowd, busy=busy), free_slots=free, seats=seats)
    after = {other.venue: other.expected for other in appraise(tight, **one, local_start=START, capacity=60).venues}
    assert first not in after
    assert second not in after
    assert after.get(third, 0.0) <= 10.0 < before[2].expected


def _steep(inputs):
    """(n_slots,) factors by which each slot of the week is wanted more than the one before."""
    return (1.1 ** np.arange(len(inputs.slots))).astype(np.float32)


def _near_others(inputs, venue):
    """(n_points, n_venues) willingness, a tenth of it at one venue."""
    reach = np.array(inputs.reach)
    reach[:, venue] *= 0.1
    return reach


def test_appraisal_counts_everybody_and_who_is_new(inputs):
    running = running_class(inputs)
    start = pd.Timestamp("2026-03-07T10:00")
    found = appraise(inputs, **running, local_start=start, capacity=20)
    figures = found.figures
    assert figures.low <= figures.expected <= min(figures.high, 20)
    assert figures.new_people + figures.from_others == pytest.approx(figures.expected)
    assert 0 < figures.newly_reached < figures.new_people
    for by in ("age", "distance", "township"):
        assert sum(g.people for g in found.who if g.by == by) == pytest.approx(figures.expected, rel=1e-4)
    assert all(a.expected > figures.expected for a in [*found.times, *found.venues])
    assert appraise(inputs, **running, local_start=start, ages=(60, None)).figures.expected < figures.expected
    with pytest.raises(UnknownIdError):
        appraise(inputs, "cat0", "nowhere", start)
    with pytest.raises(DataError):
        appraise(inputs, **running, local_start=start, capacity=0)
