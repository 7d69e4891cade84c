"""Rooms of venues at weekly slots."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.openings.classes.rooms import LASTS, Rooms, has_room, room_places
from recsys.openings.evenness.access import access_of
from recsys.openings.evenness.exchanges import Exchanges
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question
from tests.recsys.openings.rooms import most_over_rooms

EVENING = pd.DataFrame({"weekday": [1, 1, 1, 2], "start_time": ["18:00", "19:00", "20:00", "18:00"]})


def test_a_class_may_open_unless_a_venue_says_that_it_has_no_slot_room_or_seat():
    told = {"free_slots": [1.0, np.nan, 0.0, 1.0, 1.0], "rooms": [1.0, np.nan, 1.0, 0.0, 1.0]}
    venues = pd.DataFrame(told | {"seats": [9.0, np.nan, 9.0, 9.0, 0.0]})
    assert has_room(venues).tolist() == [True, True, False, False, False]
    assert room_places(venues).tolist() == [9.0, np.inf, 9.0, 9.0, 1.0]


def test_a_class_takes_its_room_until_it_ends():
    rooms = Rooms(EVENING, np.ones((2, 4)))
    rooms.take(0, 1)
    assert rooms.free(0).tolist() == [False, False, False, True]
    assert rooms.free(1).all()
    rooms.clear()
    rooms.take(0, 0)
    assert rooms.free(0).tolist() == [False, False, True, True]


@given(
    starts=st.lists(st.integers(0, 40), min_size=1, max_size=6, unique=True),
    spare=st.integers(1, 3),
    wanted=st.lists(st.integers(0, 5), max_size=12),
)
def test_no_instant_needs_more_rooms_than_there_are(starts, spare, wanted):
    minutes = 480 + 15 * np.sort(starts)
    slots = pd.DataFrame({"weekday": 1, "start_time": [f"{m // 60:02d}:{m % 60:02d}" for m in minutes]})
    rooms, taken = Rooms(slots, np.full((1, len(slots)), float(spare))), []
    for slot in wanted:
        if slot < len(slots) and rooms.free(0)[slot]:
            rooms.take(0, slot)
            taken.append(minutes[slot])
    on = [sum(start <= at < start + LASTS for start in taken) for at in taken]
    assert max(on, default=0) <= spare
    assert len(set(taken)) == len(taken)
    refused = [minutes[s] for s in range(len(slots)) if not rooms.free(0)[s] and minutes[s] not in taken]
    assert all(sum(abs(start - at) < LASTS for start in taken) >= spare for at in refused)


@pytest.mark.parametrize("told", [True, False])
def test_plans_and_exchanges_fit_the_rooms_of_their_venues(inputs, told):
    one_room = inputs.venues.assign(rooms=1.0 if told else np.nan)
    at_hours = inputs.slots.assign(start_time=[f"{9 + n % 7:02d}:00" for n in range(len(inputs.slots))])
    inputs = replace(inputs, venues=one_room, slots=at_hours, busy=np.zeros_like(inputs.busy))
    question = Question(budget=30)
    opened = Search(inputs, Choices(inputs, question)).run()
    assert len(opened) > len(inputs.venues)
    assert most_over_rooms(inputs, opened) <= 0
    assert len({(o.venue, o.slot) for o in opened}) == len(opened)
    known = Exchanges(inputs, question, access_of(inputs))
    known.offer(tuple(opened))
    known.run(np.inf)
    assert len(known.kept) > 1
    assert all(most_over_rooms(inputs, plan) <= 0 for plan in known.kept)


def test_two_rooms_hold_two_classes_at_once_but_none_the_same_hour():
    rooms = Rooms(EVENING, np.full((1, 4), 2.0))
    rooms.take(0, 1)
    assert rooms.free(0).tolist() == [True, False, True, True]
    rooms.take(0, 0)
    assert rooms.free(0).tolist() == [False, False, True, True]


def test_limits_count_slots_alone_and_what_is_on_together():
    together, most = Rooms(EVENING, np.array([[2.0, 1.0, 3.0, 1.0]])).limits()
    assert [np.flatnonzero(row).tolist() for row in together] == [[0], [1], [2], [3], [0, 1], [1, 2], [2], [3]]
    assert most.tolist() == [[1, 1, 1, 1, 2, 3, 3, 1]]
