"""Wishes of people: what is seen of them by plain loops, and whom their rates depend on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.signals.catalogue import catalogue_of
from features.signals.known.lookup import WISH_LEVEL
from features.signals.learned.wishes import Wishes, load_wishes, seen_of, wish_rates
from features.signals.people import user_block
from recsys.bundle import BundleWriter, load_bundle
from recsys.dataset import Dataset
from recsys.ids import IdMap
from tests.ranking_world import AT, ranking_world
from training.ranking.wishes import WishConfig, fit_wishes


@pytest.fixture(scope="module")
def known() -> Dataset:
    return ranking_world(11, n_users=150, n_activities=60, n_bookings=2500).known_at(AT)


@pytest.fixture(scope="module")
def catalogue(known):
    return catalogue_of(known, AT)


def block_of(known, catalogue, users=None, bookings=None, removed=None):
    users = known.users if users is None else users
    bookings = known.bookings if bookings is None else bookings
    return user_block(catalogue, users, bookings, known.feedback, known.sessions, removed)


@pytest.fixture(scope="module")
def wishes(known, catalogue) -> Wishes:
    found = fit_wishes(block_of(known, catalogue), catalogue, WishConfig(least_events=50))
    assert found is not None
    return found


def test_looks_are_counted_once_a_day_and_not_beside_a_booking(known, catalogue):
    block = block_of(known, catalogue)
    seen = seen_of(catalogue, block)
    of_activity = catalogue.lookup.activity_keys[WISH_LEVEL]
    events = block.events
    for row in range(len(block)):
        mine = events.only((events.rows == row) & (events.days <= 7 * catalogue.offer.n_weeks))
        is_booked = mine.sessions >= 0
        booked = {(a, d) for a, d in zip(mine.activities[is_booked], np.floor(mine.days[is_booked]), strict=True)}
        looks = {(a, d) for a, d in zip(mine.activities[~is_booked], np.floor(mine.days[~is_booked]), strict=True)}
        looks = {(a, d) for a, d in looks if (a, d) not in booked and (a, d - 1) not in booked}
        n_keys = seen.booked.shape[1]
        expected = np.bincount(of_activity[mine.activities[is_booked]], minlength=n_keys)
        np.testing.assert_array_equal(seen.booked[row], expected)
        activities = np.array([a for a, _ in looks], dtype=np.int64)
        np.testing.assert_array_equal(seen.looked[row], np.bincount(of_activity[activities], minlength=n_keys))
    assert seen.looked.any()
    assert seen.named.any()


def test_rates_do_not_depend_on_who_else_is_in_the_block(known, catalogue, wishes):
    everybody = wish_rates(wishes, catalogue, block_of(known, catalogue))
    assert np.isfinite(everybody).all()
    for row in (0, 7, 31, 149):
        alone = block_of(known, catalogue, known.users.iloc[row : row + 1])
        np.testing.assert_array_equal(wish_rates(wishes, catalogue, alone)[0], everybody[row])
    some = block_of(known, catalogue, known.users.iloc[40:77])
    np.testing.assert_array_equal(wish_rates(wishes, catalogue, some), everybody[40:77])


def test_who_opted_out_has_the_rates_of_somebody_of_whom_nothing_is_known(known, catalogue, wishes):
    hidden = known.users.assign(personalised=False)
    rates = wish_rates(wishes, catalogue, block_of(known, catalogue, hidden))
    np.testing.assert_array_equal(rates, np.repeat(rates[:1], len(rates), axis=0))
    assert np.unique(wish_rates(wishes, catalogue, block_of(known, catalogue)), axis=0).shape[0] > 1


def test_a_booking_raises_its_key(known, catalogue, wishes):
    block = block_of(known, catalogue)
    events = block.events
    keys = events.keys(catalogue.lookup, WISH_LEVEL)
    key = int(keys[(events.rows == 5) & (events.sessions >= 0)][0])
    gone = (events.rows == 5) & (keys == key)
    before, after = (
        wish_rates(wishes, catalogue, replace(block, events=events.only(~gone))),
        wish_rates(wishes, catalogue, block),
    )
    assert after[5, key] > before[5, key]
    np.testing.assert_array_equal(np.delete(after, 5, axis=0), np.delete(before, 5, axis=0))


def test_keys_that_were_not_learned_have_no_rate(known, catalogue, wishes):
    first = wishes.among(np.array([0]))
    rates = wish_rates(first, catalogue, block_of(known, catalogue))
    learned = catalogue.lookup.keys[WISH_LEVEL].ids == wishes.keys.ids[0]
    assert np.isfinite(rates[:, learned]).all()
    assert np.isnan(rates[:, ~learned]).all()
    nothing = replace(wishes, keys=IdMap([f"other {num}" for num in range(len(wishes.keys))]))
    assert np.isnan(wish_rates(nothing, catalogue, block_of(known, catalogue))).all()


def test_a_bundle_gives_back_what_was_learned(known, catalogue, wishes, tmp_path: Path):
    with BundleWriter(tmp_path / "one", {}) as writer:
        wishes.save(writer, "wishes")
    loaded = load_wishes(load_bundle(tmp_path / "one"), "wishes")
    block = block_of(known, catalogue)
    np.testing.assert_array_equal(wish_rates(loaded, catalogue, block), wish_rates(wishes, catalogue, block))
    with BundleWriter(tmp_path / "two", {}) as writer:
        loaded.save(writer, "wishes")
    assert load_bundle(tmp_path / "two").manifest["parts"] == load_bundle(tmp_path / "one").manifest["parts"]
