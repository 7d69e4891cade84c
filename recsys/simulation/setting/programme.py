"""What is offered when: weekly class lines that miss demand on purpose, and events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.catalogue import (
    CATEGORIES,
    EVENT_KINDS,
    EVENT_SHARES,
    KINDS,
    STYLES,
)
from recsys.simulation.setting.dates import dates
from recsys.simulation.setting.descriptions import described, public_columns
from recsys.simulation.setting.place import Place

PILOT_USERS = 18000
COURSES_SHARE = 0.28
"""Share of activities that are courses."""
COURSE_WEEKS = (7, 14)
HOURS_OF_BAND = ((9, 10), (14, 15), (18,), (19,))
LINE_QUALITY_SPREAD = 0.5
"""Of a line of classes."""


@dataclass(frozen=True)
class Programme:
    """Activities and sessions with what the simulator knows of them.

    Attributes:
        activities: Contract columns.
        sessions: Contract columns and `category_num`, `kind_num`, `audience_num`, `style_num`, `slot`, `quality`,
            `venue_num` (-1: online), `county_id` (empty: a city's own), `city_id`, `lead_days`, `activity_num`,
            `min_age`; times local without a zone; sorted by start.
    """

    activities: pd.DataFrame
    sessions: pd.DataFrame


def make_programme(place: Place, config: SimulationConfig, rng: np.random.Generator) -> Programme:
    """Everything offered from the first day to the end of the future."""
    weeks = config.weeks + config.future_weeks
    size = config.users / PILOT_USERS
    per_half_year = config.activities_per_half_year * (size if size > 1 else size**0.5)
    offers = _offers(place, config, rng)
    n_lines = max(round(per_half_year * COURSES_SHARE / 26 * np.mean(COURSE_WEEKS)), 3)
    courses = _courses(place, offers, n_lines, weeks, rng)
    n_events = max(round(per_half_year * (1 - COURSES_SHARE) / 26 * weeks), 3)
    events = _events(place, offers, n_events, weeks, rng)
    activities = pd.concat([courses, events], ignore_index=True)
    # Ids in the order of the first date tell nothing of taste.
    activities = activities.iloc[rng.permutation(len(activities))]
    activities = activities.sort_values("first_week", kind="stable").reset_index(drop=True)
    activities = described(activities, place, rng)
    return Programme(public_columns(activities), dates(activities, place, config, rng))


def _offers(place: Place, config: SimulationConfig, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_venues, n_categories) how readily a venue offers a category; 0 where its township never does."""
    habit = rng.permutation(1.0 / np.arange(1, len(CATEGORIES) + 1) ** 0.6)
    venues = place.venues
    readiness = habit * rng.lognormal(0, 0.7, (len(venues), len(CATEGORIES)))
    town, towns = pd.factorize(venues["township_id"])
    never = rng.random((len(towns), len(CATEGORIES))) < config.mismatch
    keep = rng.integers(0, len(CATEGORIES), len(towns))
    never[np.arange(len(towns)), keep] = False
    is_town = (venues["township_id"] != "").to_numpy()[:, None]
    return np.where(is_town & never[town], 0.0, readiness)


def _venue_chances(place: Place) -> NDArray[np.float64]:
    kinds = {"cultural_centre": 9.0, "library": 3.0, "museum": 1.5, "theatre": 1.0, "station": 1.6, "village_room": 0.7}
    weight = place.venues["kind"].map(kinds).to_numpy(dtype=float)
    people = place.villages.groupby("county_id")["population"].sum()
    return weight * np.sqrt(place.venues["county_id"].map(people).fillna(people.mean()).to_numpy() / people.mean())


def _courses(
    place: Place, offers: NDArray[np.float64], n_lines: int, weeks: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Lines of weekly classes; each line is a series of courses with a break between.

    Where there are lines enough, the first ones open every category once: people ask for all of them.
    """
    chances = _venue_chances(place) * np.where(place.venues["kind"].isin(["theatre"]), 0.0, 1.0)
    used: set[tuple[int, int]] = set()
    slots_used = np.zeros(len(place.venues), dtype=int)
    limit = place.venues["weekly_slots"].to_numpy()
    rows: list[dict[str, object]] = []
    asked = rng.permutation(len(CATEGORIES)) if n_lines >= len(CATEGORIES) else np.zeros(0, dtype=int)
    for line in range(n_lines):
        for _ in range(20):
            if line < len(asked) and offers[:, asked[line]].any():
                category = int(asked[line])
                venue = _drawn(chances * offers[:, category], rng)
            else:
                venue = _drawn(chances, rng)
                category = _drawn(offers[venue], rng)
            if (venue, category) not in used and slots_used[venue] < limit[venue]:
                break
        else:
            continue
        used.add((venue, category))
        slots_used[venue] += 1
        rows += _line(line, venue, category, weeks, rng)
    return pd.DataFrame(rows)


def _drawn(weights: NDArray[np.float64], rng: np.random.Generator) -> int:
    return int(rng.choice(len(weights), p=weights / weights.sum()))


def _line(line: int, venue: int, category: int, weeks: int, rng: np.random.Generator) -> list[dict[str, object]]:
    likes = np.array(CATEGORIES[category].likes)
    audience = int(rng.choice(4, p=_audience_chances(likes)))
    weekend = rng.random() < (0.75 if audience == 1 else 0.1 if audience == 3 else 0.35)
    bands = {1: (0.45, 0.45, 0.1, 0.0), 3: (0.6, 0.35, 0.05, 0.0)}.get(audience, (0.2, 0.2, 0.35, 0.25))
    band = int(rng.choice(4, p=bands))
    begin = 0 if rng.random() < 0.65 else int(rng.integers(0, max(weeks, 1)))
    end = weeks if rng.random() < 0.75 else begin + int(rng.integers(10, max(weeks, 11)))
    week = begin - int(rng.integers(0, COURSE_WEEKS[1])) if begin == 0 else begin
    common: dict[str, object] = {
        "series": line,
        "venue": venue,
        "category_num": category,
        "kind_num": 0,
        "audience_num": audience,
        "weekday": int(rng.integers(5, 7) if weekend else rng.integers(0, 5)),
        "hour": int(rng.choice(HOURS_OF_BAND[band])),
        "quality": rng.normal(0, LINE_QUALITY_SPREAD),
        "style_num": int(rng.integers(0, len(STYLES))),
        "price": 0.0 if rng.random() < 0.93 else float(rng.choice([10, 20, 30])),
        "breaks": bool(rng.random() < 0.85),
        "fill": rng.lognormal(0, 0.3),
    }
    rows: list[dict[str, object]] = []
    number = int(rng.integers(1, 6))
    while week < min(end, weeks):
        length = int(rng.integers(COURSE_WEEKS[0], COURSE_WEEKS[1] + 1))
        if week + length > 0:
            rows.append({**common, "first_week": week, "length": length, "number": number})
        number += 1
        week += length + int(rng.integers(0, 4))
    return rows


def _audience_chances(likes: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = np.array([0.8, np.exp(likes[0]) * 0.35, 0.5, np.exp(likes[5]) * 0.2])
    return weight / weight.sum()


def _events(
    place: Place, offers: NDArray[np.float64], n_events: int, weeks: int, rng: np.random.Generator
) -> pd.DataFrame:
    n = n_events
    kind = rng.choice(len(EVENT_KINDS), n, p=EVENT_SHARES) + 1
    chances = _venue_chances(place)
    fits = {1: "theatre", 2: "museum", 4: "library"}
    venue = np.empty(n, dtype=int)
    names = place.venues["kind"].to_numpy()
    for one in range(1, len(KINDS)):
        here = kind == one
        weight = chances * np.where(names == fits.get(one, ""), 6.0, 1.0)
        venue[here] = rng.choice(len(chances), here.sum(), p=weight / weight.sum())
    share = offers[venue] + 0.02
    category = (share.cumsum(axis=1) > rng.random(n)[:, None] * share.sum(axis=1, keepdims=True)).argmax(axis=1)
    weekend = rng.random(n) < 0.55
    band = rng.choice(4, n, p=(0.3, 0.35, 0.1, 0.25))
    hours = np.array([h[0] for h in HOURS_OF_BAND])[band] + (rng.random(n) < 0.3)
    return pd.DataFrame(
        {
            "series": -1,
            "venue": venue,
            "category_num": category,
            "kind_num": kind,
            "audience_num": rng.choice(4, n, p=(0.72, 0.14, 0.08, 0.06)),
            "weekday": np.where(weekend, rng.integers(5, 7, n), rng.integers(0, 5, n)),
            "hour": hours,
            "quality": event_qualities(n, rng),
            "style_num": rng.integers(0, len(STYLES), n),
            "price": np.where(rng.random(n) < 0.88, 0.0, rng.choice([10.0, 20.0, 40.0, 60.0], n)),
            "breaks": False,
            "fill": rng.lognormal(0, 0.4, n),
            "first_week": rng.integers(0, weeks, n),
            "length": np.where(kind == 2, rng.integers(1, 4, n), rng.choice([1, 1, 1, 2], n)),
            "number": 0,
        }
    )


def event_qualities(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n,) log-attraction that single events have by themselves, and nobody can see."""
    return np.asarray(rng.normal(0, 0.7, n) + 1.0 / rng.pareto(2.0, n).clip(1.0, None))
