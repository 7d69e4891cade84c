"""One simulated world, from the place to its bookings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys.simulation.bookings.booked import book
from recsys.simulation.bookings.counts import Wishes, ask
from recsys.simulation.bookings.feedback import feedback
from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.people import People, make_people
from recsys.simulation.setting.place import Place, make_place
from recsys.simulation.setting.programme import Programme, make_programme
from recsys.simulation.tables import platform_tables


@dataclass(frozen=True)
class World:
    """Everything there is to know.

    Attributes:
        bookings: Past and future, as `recsys.simulation.bookings.booked.book` gives them.
        tables: The contract's tables as known at `config.as_of`.
    """

    config: SimulationConfig
    place: Place
    people: People
    programme: Programme
    wishes: Wishes
    bookings: pd.DataFrame
    tables: dict[str, pd.DataFrame]


def streams_of(config: SimulationConfig) -> list[np.random.Generator]:
    """The random streams of place, people, programme, wishes, bookings, feedback and tables."""
    return [np.random.default_rng(s) for s in np.random.SeedSequence(config.seed).spawn(7)]


def make_world(config: SimulationConfig, progress: Callable[[str], None] | None = None) -> World:
    """The world of a seed and its knobs; each part has a random stream of its own."""
    say = progress or (lambda _: None)
    streams = streams_of(config)
    say("place")
    place = make_place(config.region, config.users, streams[0])
    say("people")
    people = make_people(place, config, streams[1])
    say("programme")
    programme = make_programme(place, config, streams[2])
    say("wishes")
    wishes = ask(place, people, programme.sessions, config, streams[3])
    say("bookings")
    bookings = book(wishes, people, programme.sessions, config, streams[4])
    say("feedback")
    seen = feedback(people, programme.sessions, bookings, config, streams[5])
    say("tables")
    tables = platform_tables(place, people, programme, bookings, seen, config, streams[6])
    return World(config, place, people, programme, wishes, bookings, tables)
