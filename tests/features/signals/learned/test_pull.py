"""How much sessions pull: sums by plain loops, and what an activity draws against what is due by now."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.signals.candidates.offer import N_HOURS, hour_kinds
from features.signals.catalogue import catalogue_of
from features.signals.known.groups import AGE_EDGES
from features.signals.known.lookup import WISH_LEVEL
from features.signals.known.place import distance_km
from features.signals.learned.pull import Pull, expected_of, kinds_of, load_pull
from features.signals.learned.pulled import booked_by_hour, pull_signals, pulled
from features.signals.learned.reached import NO_DISTANCE
from features.signals.learned.wishes import seen_of, wish_rates
from features.signals.people import user_block
from recsys.bundle import BundleWriter, load_bundle
from tests.ranking_world import AT, ranking_world
from training.ranking.pull import PullConfig, fit_pull
from training.ranking.wishes import WishConfig, fit_wishes


@pytest.fixture(scope="module")
def known():
    return ranking_world(11, n_users=150, n_activities=60, n_bookings=2500).known_at(AT)


OLDEST = np.array([*AGE_EDGES[1:], np.inf, 18])
"""From what age on nobody is of an age group; who tells no age is not taken for a grown-up."""


@pytest.fixture(scope="module")
def catalogue(known):
    return catalogue_of(known, AT)


@pytest.fixture(scope="module")
def wishes(known, catalogue):
    return fit_wishes(block_of(known, catalogue), catalogue, WishConfig(least_events=50))


@pytest.fixture(scope="module")
def pull(known, catalogue, wishes) -> Pull:
    found = fit_pull(block_of(known, catalogue), catalogue, wishes, PullConfig(n_cells=20))
    assert found is not None
    return found


def block_of(known, catalogue, users=None, bookings=None):
    users = known.users if users is None else users
    bookings = known.bookings if bookings is None else bookings
    return user_block(catalogue, users, bookings, known.feedback, known.sessions)


def pulls_on(pull, catalogue, wishes, block):
    seen = seen_of(catalogue, block)
    return pulled(pull, catalogue, block, seen, wish_rates(wishes, catalogue, block, seen))


def test_who_is_reached_is_told_apart_by_distance(catalogue, pull):
    sessions = np.arange(len(catalogue.lookup.sessions))
    venue, key = catalogue.lookup.of_sessions["venue"][sessions], catalogue.lookup.of_sessions[WISH_LEVEL][sessions]
    found = pull.reached(catalogue, sessions)
    assert (venue < 0).any()
    assert (catalogue.least_ages >= 18).any()
    for num in range(0, len(sessions), 7):
        may_come = (0 if catalogue.offer.is_for_children[key[num]] else catalogue.least_ages[num]) < OLDEST
        people = pull.wanted[:, :, key[num]] * may_come[:, None]
        np.testing.assert_allclose(found[:, :, num].sum(axis=1), people.sum(axis=1), rtol=1e-4)
        if venue[num] < 0:
            np.testing.assert_allclose(found[:, NO_DISTANCE, num], people.sum(axis=1), rtol=1e-4)
            continue
        np.testing.assert_allclose(found[:, NO_DISTANCE, num], people[:, -1], rtol=1e-4)
        lat, lon = catalogue.venue_lat[venue[num]], catalogue.venue_lon[venue[num]]
        far = distance_km(pull.cells.lat, pull.cells.lon, lat, lon) > 9.5
        beyond = found[:, 8:NO_DISTANCE, num].sum(axis=1)
        assert (beyond >= people[:, :-1][:, far].sum(axis=1) * (1 - 1e-4)).all()


def test_what_is_expected_does_not_depend_on_how_many_are_worked_out_at_once(catalogue, pull, monkeypatch):
    sessions = np.arange(len(catalogue.lookup.sessions))
    at_once = expected_of(pull, catalogue, sessions)
    assert (at_once > 0).any()
    monkeypatch.setattr("features.signals.learned.pull.SESSIONS_AT_ONCE", 17)
    np.testing.assert_array_equal(expected_of(pull, catalogue, sessions), at_once)


def told(
    catalogue, new: int, of_new: tuple[float, float], past: int = -1, of_past: float = 0.0, is_series: bool = False
):
    """The catalogue where `new` has so many bookings and such a share of them is due, and `past` has so many.

    They are a series together, or each alone like all others.
    """
    lookup, filling = catalogue.lookup, catalogue.filling
    series = np.arange(len(lookup.activities))
    series[past] = new if is_series else series[past]
    is_new, is_past = lookup.session_activity == new, lookup.session_activity == past
    so_far = np.select([is_new, is_past], [of_new[0], of_past], filling.so_far)
    due = np.select([is_new, is_past], [of_new[1], 1.0], filling.due)
    return replace(
        catalogue,
        lookup=replace(
            lookup,
            activity_keys={**lookup.activity_keys, "series": series},
            keys={**lookup.keys, "series": lookup.activities},
        ),
        filling=replace(filling, so_far=so_far, due=due),
    )


def test_an_activity_draws_by_its_bookings_over_those_due_by_now(catalogue, pull):
    activity = int(catalogue.activities[0])

    def draw(so_far: float, due: float) -> float:
        return float(pull.candidates(told(catalogue, activity, (so_far, due))).draw[0])

    assert draw(0.0, 1e-6) == pytest.approx(0.0, abs=1e-3), "nothing is due: it opened a moment ago"
    assert draw(0.0, 1.0) < draw(0.0, 0.3) < -1e-3, "the longer nobody books it, the less it draws"
    assert draw(30.0, 0.3) > draw(30.0, 1.0) > 0.5, "as many bookings say more the sooner they came"


def test_what_nobody_has_booked_yet_draws_like_others_of_its_series(catalogue, pull):
    lookup, filling = catalogue.lookup, catalogue.filling
    new = int(catalogue.activities[0])
    past = int(lookup.session_activity[np.flatnonzero(filling.held & (lookup.session_activity != new))[0]])

    def draw(of_past: float, is_series: bool = True) -> float:
        other = told(catalogue, new, (0.0, 1e-6), past, of_past, is_series)
        return float(pull.candidates(other).draw[0])

    assert draw(200.0) > 1.0
    assert draw(0.0) < -0.05
    assert draw(200.0, is_series=False) == draw(0.0, is_series=False) == pytest.approx(0.0, abs=1e-3)


def test_what_is_left_is_summed_over_the_dates_of_an_activity(catalogue, pull):
    found = pull.candidates(catalogue)
    left = np.maximum(1.0 - catalogue.filling.due[catalogue.session_nums], 0.02)
    several = 0
    for num, activity in enumerate(catalogue.activities):
        of_activity = catalogue.activities == activity
        several += of_activity.sum() > 1
        assert np.exp(found.rest[num]) == pytest.approx(left[of_activity].sum())
    assert several


def test_without_the_crowd_nothing_draws_more_than_another(catalogue, pull):
    assert np.ptp(pull.candidates(catalogue).draw) > 0.1
    np.testing.assert_allclose(pull.candidates(catalogue.without_crowd).draw, 0.0, atol=1e-12)


def test_hours_are_those_of_the_session_and_of_children_apart(known, catalogue):
    found = hour_kinds(catalogue.lookup, catalogue.offer.is_for_children)
    local = known.sessions["starts_at"].dt.tz_convert(known.timezone)
    for num in range(0, len(found), 11):
        key = catalogue.lookup.of_sessions[WISH_LEVEL][num]
        part = 8 * (local.iloc[num].dayofweek >= 5) + local.iloc[num].hour // 3
        assert found[num] == part + (N_HOURS // 2 if catalogue.offer.is_for_children[key] else 0)


def test_who_books_an_hour_more_than_expected_has_more_of_it_left(known, catalogue, wishes, pull):
    block = block_of(known, catalogue)
    hours = pulls_on(pull, catalogue, wishes, block).hours
    of_age = pull.hours[block.profiles.groups["age"]]
    booked = booked_by_hour(block.events, catalogue, len(block))
    assert (hours - of_age)[booked >= 4].mean() > 0.1
    assert (hours - of_age)[booked == 0].max() < 0.01


def test_hours_booked_before_what_is_known_of_the_offer_do_not_count(known, catalogue):
    block = block_of(known, catalogue)
    days = 7 * catalogue.offer.n_weeks
    assert booked_by_hour(block.events, catalogue, len(block)).sum() > 0
    long_ago = replace(block.events, days=block.events.days + days)
    assert booked_by_hour(long_ago, catalogue, len(block)).sum() == 0


def test_pulls_do_not_depend_on_who_else_is_in_the_block(known, catalogue, wishes, pull):
    everybody = pulls_on(pull, catalogue, wishes, block_of(known, catalogue)).hours
    for row in (0, 7, 31, 149):
        alone = block_of(known, catalogue, known.users.iloc[row : row + 1])
        np.testing.assert_array_equal(pulls_on(pull, catalogue, wishes, alone).hours[0], everybody[row])


def test_what_is_expected_of_a_pair_is_its_wish_and_all_parts_of_its_pull(known, catalogue, wishes, pull):
    block = block_of(known, catalogue)
    of_block = pulls_on(pull, catalogue, wishes, block)
    rows, cols = (part.ravel() for part in np.indices((20, len(catalogue))))
    rows = np.flatnonzero(~np.isnan(block.near).any(axis=1))[rows]
    seen = {"km_from_home": np.linspace(0, 30, len(rows)), "score_wish-rate": np.linspace(-9, -1, len(rows))}
    found = pull_signals(of_block, block, rows, cols, seen)
    ages, nums = block.profiles.groups["age"][rows], catalogue.session_nums[cols]
    hours = hour_kinds(catalogue.lookup, catalogue.offer.is_for_children)[nums]
    here = pull.candidates(catalogue)
    parts = {
        "pull_distance": pull.of_distance(ages, seen["km_from_home"]),
        "pull_hour": of_block.hours[rows, hours],
        "pull_draw": here.draw[cols],
        "pull_rest": here.rest[cols],
    }
    for name, values in parts.items():
        np.testing.assert_allclose(found[name], values)
        assert np.ptp(values) > 0.1
    kinds = pull.of_kinds[ages, kinds_of(pull, catalogue.lookup, nums)]
    np.testing.assert_allclose(found["pull"], sum(parts.values()) + kinds)
    np.testing.assert_allclose(found["expected"], found["pull"] + seen["score_wish-rate"])
    assert pull_signals(None, block, rows, cols, seen) == {}


def test_a_distance_between_two_is_between_them_and_none_is_a_column_of_its_own(pull):
    ages, km = np.zeros(3, dtype=np.int64), np.array([2.5, 2.9, 3.5])
    near, between, far = pull.of_distance(ages, km)
    assert min(near, far) <= between <= max(near, far)
    assert near == pytest.approx(pull.decay[0, 4])
    nowhere = pull.of_distance(np.array([len(AGE_EDGES) - 1, -1]), np.full(2, np.nan))
    np.testing.assert_array_equal(nowhere, pull.decay[[len(AGE_EDGES) - 1, -1], NO_DISTANCE])


def test_what_distances_leave_of_the_same_venues_is_computed_once(known, catalogue, pull):
    here = pull.candidates(catalogue).from_cells
    later = catalogue_of(known, AT + pd.Timedelta(hours=1))
    assert pull.candidates(later).from_cells.left is here.left
    moved = replace(later, venue_lat=later.venue_lat + 0.1)
    anew = pull.candidates(moved).from_cells.left
    assert (anew != here.left).any()
    np.testing.assert_array_equal(anew, replace(pull).left_at(moved.venue_lat, moved.venue_lon))


def test_saved_and_loaded_pull_is_the_same(known, catalogue, wishes, pull, tmp_path: Path):
    with BundleWriter(tmp_path / "one", {}) as writer:
        pull.save(writer, "pull")
    loaded = load_pull(load_bundle(tmp_path / "one"), "pull")
    np.testing.assert_array_equal(loaded.candidates(catalogue).for_ages, pull.candidates(catalogue).for_ages)
    block = block_of(known, catalogue)
    before, after = (pulls_on(one, catalogue, wishes, block).hours for one in (pull, loaded))
    np.testing.assert_array_equal(after, before)
