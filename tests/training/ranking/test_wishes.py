"""Learning wishes: from people drawn by the model itself, and where there is little to learn from."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.signals.catalogue import catalogue_of
from features.signals.known.lookup import WISH_LEVEL
from features.signals.learned.wishes import seen_of, wish_rates
from features.signals.people import user_block
from recsys.dataset import Dataset
from training.ranking.wishes import WishConfig, fit_wishes

AT = pd.Timestamp("2026-03-02T00:00:00Z")
N_USERS, N_KEYS, N_WEEKS = 1500, 8, 20
CONFIG = WishConfig(least_events=50)


def drawn_county(seed: int = 0) -> tuple[Dataset, np.ndarray]:
    """People whose log rates are drawn: two bundles of categories, women like the first; and those (n_users, n_keys).

    Every category has one session a week; who wants it books it. There are no places, ages, looks or interests.
    """
    rng = np.random.default_rng(seed)
    is_first = np.arange(N_KEYS) < N_KEYS // 2
    is_woman = rng.random(N_USERS) < 0.5
    bundle = rng.normal(0, 1.0, (N_USERS, 2))
    rates = np.log(0.03) + np.where(is_first, bundle[:, :1], bundle[:, 1:])
    rates = rates + np.where(is_woman[:, None] & is_first, 0.8, 0.0) + rng.normal(0, 0.5, rates.shape)
    starts = [AT - pd.Timedelta(days=7 * week + 1) for week in range(N_WEEKS)]
    sessions = pd.DataFrame(
        [
            {"session_id": f"s{key}-{week}", "activity_id": f"a{key}", "starts_at": start}
            for key in range(N_KEYS)
            for week, start in enumerate(starts)
        ]
    )
    user, key, week = np.nonzero(rng.random((N_USERS, N_KEYS, N_WEEKS)) < np.minimum(np.exp(rates), 0.9)[:, :, None])
    booked = pd.DataFrame(
        {
            "booking_id": [f"b{num}" for num in range(len(user))],
            "user_id": [f"u{num}" for num in user],
            "session_id": [f"s{k}-{w}" for k, w in zip(key, week, strict=True)],
            "booked_at": [starts[num] - pd.Timedelta(hours=5) for num in week],
        }
    )
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(N_USERS)], "gender": np.where(is_woman, "f", "m")})
    activities = pd.DataFrame(
        {"activity_id": [f"a{k}" for k in range(N_KEYS)], "category": [f"c{k}" for k in range(N_KEYS)]}
    )
    tables = {"users": users, "activities": activities, "sessions": sessions, "bookings": booked}
    return Dataset.from_tables(tables, AT), rates


@pytest.fixture(scope="module")
def county():
    dataset, rates = drawn_county()
    catalogue = catalogue_of(dataset, AT)
    block = user_block(catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions)
    order = [int(key[1:]) for key in catalogue.lookup.keys[WISH_LEVEL].ids]
    return catalogue, block, rates[:, order]


def test_rates_are_found_better_than_by_counts_or_groups(county):
    catalogue, block, true = county
    wishes = fit_wishes(block, catalogue, CONFIG)
    found = wish_rates(wishes, catalogue, block)
    seen = seen_of(catalogue, block)
    ones = np.ones_like(true)
    shrunk = np.log((seen.booked + 1.0) / (seen.offered + 1.0 / np.exp(wishes.base)))
    by_group = wishes.mean(block.profiles.groups | {"township": np.full(len(block), -1)}, seen, ones[0] < 0)

    def error(rates: np.ndarray) -> float:
        return float(np.square(rates - rates.mean() - (true - true.mean())).mean())

    assert error(found) < 0.75 * min(error(shrunk), error(by_group))
    assert np.corrcoef(found.ravel(), true.ravel())[0, 1] > 0.8


def test_what_goes_together_and_what_groups_want_is_found(county):
    catalogue, block, _ = county
    wishes = fit_wishes(block, catalogue, CONFIG)
    covariance = wishes.loadings @ wishes.loadings.T
    is_first = np.array([int(key[1:]) < N_KEYS // 2 for key in wishes.keys.ids])
    together = covariance[is_first][:, is_first][~np.eye(N_KEYS // 2, dtype=bool)]
    apart = covariance[is_first][:, ~is_first]
    # Of the factors' variance of 1, what binary bookings show of it.
    assert 0.6 < together.mean() < 1.4
    assert abs(apart.mean()) < 0.25
    women = wishes.effects["gender"][0] - wishes.effects["gender"][1]
    assert abs(women[is_first].mean() - 0.8) < 0.25
    assert abs(women[~is_first].mean()) < 0.25


def test_what_is_the_same_for_all_people_is_told_from_what_was_on_offer(county):
    """Half of one category's sessions taken out, with their bookings: it is wanted as much as before."""
    catalogue, block, _ = county
    lookup = catalogue.lookup
    before = fit_wishes(block, catalogue, CONFIG)
    key = 3
    is_gone = (lookup.of_sessions[WISH_LEVEL] == key) & (np.arange(len(lookup.sessions)) % 2 == 0)
    near = catalogue.offer.near.copy()
    near[:, :, key] /= 2
    fewer = replace(catalogue, offer=replace(catalogue.offer, near=near))
    events = block.events.only(~is_gone[block.events.sessions])
    after = fit_wishes(replace(block, events=events), fewer, CONFIG)
    assert abs(after.base[key] - before.base[key]) < 0.1


def naming_county(chosen_by: float) -> tuple[Dataset, np.ndarray]:
    """The drawn county, each of whose people names two categories by their rates to a power; and the rates."""
    dataset, rates = drawn_county()
    rng = np.random.default_rng(7)
    order = np.argsort(-(chosen_by * rates + rng.gumbel(size=rates.shape)), axis=1)
    named = [f"c{first};c{second}" for first, second in order[:, :2]]
    tables = {**dataset.tables(), "users": dataset.users.assign(interests=named)}
    return Dataset.from_tables(tables, AT), rates


def test_what_people_name_is_trusted_as_far_as_it_goes_with_what_they_do():
    errors, trusts = [], []
    for power in (1.0, 0.0):
        dataset, true = naming_county(power)
        catalogue = catalogue_of(dataset, AT)
        block = user_block(catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions)
        order = [int(key[1:]) for key in catalogue.lookup.keys[WISH_LEVEL].ids]
        wishes = fit_wishes(block, catalogue, CONFIG)
        found = wish_rates(wishes, catalogue, block) - true[:, order]
        errors.append(float(np.square(found - found.mean(axis=1, keepdims=True)).mean()))
        trusts.append(wishes.trust)
    assert trusts[0] > 0.65
    assert trusts[1] < 0.2
    assert errors[0] < 0.96 * errors[1]


def test_nobody_who_named_anything_is_as_good_as_no_naming_at_all(county):
    catalogue, block, _ = county
    wishes = fit_wishes(block, catalogue, CONFIG)
    assert wishes.trust == 0.0
    assert not wishes.named.any()
    assert not wishes.interests.any()


def test_nothing_is_learned_from_too_few_events_or_keys_or_from_too_many_keys(county):
    catalogue, block, _ = county
    assert fit_wishes(block, catalogue, WishConfig(least_events=10**6)) is None
    assert fit_wishes(block, catalogue, WishConfig(most_keys=N_KEYS - 1)) is None
    assert fit_wishes(block, catalogue, WishConfig(most_keys=N_KEYS)) is not None


def test_guests_who_look_at_anything_change_nothing():
    dataset, _ = drawn_county()
    guests = pd.DataFrame({"user_id": [f"g{num}" for num in range(500)]})
    looked = pd.DataFrame(
        {
            "feedback_id": [f"f{num}" for num in range(4000)],
            "user_id": [f"g{num % 500}" for num in range(4000)],
            "activity_id": [f"a{num % N_KEYS}" for num in range(4000)],
            "kind": "view",
            "occurred_at": [AT - pd.Timedelta(days=1 + num % 90) for num in range(4000)],
        }
    )
    tables = {**dataset.tables(), "users": pd.concat([dataset.users, guests]), "feedback": looked}
    found = []
    for one in (dataset, Dataset.from_tables(tables, AT)):
        catalogue = catalogue_of(one, AT)
        block = user_block(catalogue, one.users, one.bookings, one.feedback, one.sessions)
        wishes = fit_wishes(block, catalogue, CONFIG)
        assert wishes is not None
        found.append(wishes)
    for name in ("base", "looks", "loadings"):
        np.testing.assert_array_equal(getattr(found[1], name), getattr(found[0], name))


def test_a_sample_of_people_is_learned_from(county):
    catalogue, block, _ = county
    some = fit_wishes(block, catalogue, WishConfig(n_users=500))
    every = fit_wishes(block, catalogue, CONFIG)
    assert not np.array_equal(some.base, every.base)
    assert np.abs(some.base - every.base).max() < 0.6
