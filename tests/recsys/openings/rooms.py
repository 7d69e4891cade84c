"""Rooms that a plan needs, counted minute by minute."""

from collections import Counter

import numpy as np

from recsys.openings.classes.rooms import LASTS
from recsys.openings.classes.slots import start_minutes


def most_over_rooms(inputs, opened):
    """How many rooms more than it has beside what runs a venue would need at its worst minute; 0 or less: it fits."""
    minutes, used = start_minutes(inputs.slots), Counter()
    spare = {}
    for o in opened:
        day = int(inputs.slots["weekday"].iloc[o.slot])
        for minute in range(minutes[o.slot], minutes[o.slot] + LASTS):
            used[o.venue, day, minute] += 1
            room = spare.get((o.venue, day, minute), -np.inf)
            spare[o.venue, day, minute] = max(room, inputs.spare_rooms[o.venue, o.slot])
    return max((n - spare[hour] for hour, n in used.items()), default=-np.inf)
