"""The first stage against plain loops over what a person did."""

from __future__ import annotations

import numpy as np

from features.ranking.two_stages import offered, shortlisted
from features.signals.candidates.keys import FAST_DAYS, SLOW_DAYS
from features.signals.catalogue import catalogue_of
from features.signals.known.lookup import WISH_LEVEL
from features.signals.learned.learners import Learners
from features.signals.learned.stage_one import booked_organisers, discovery, stage_one
from features.signals.learned.wishes import wish_rates
from features.signals.people import user_block
from recsys.ids import IdMap
from recsys.ranking.top_k import MISSING, top_k
from tests.ranking_world import AT, ranking_world
from training.ranking.wishes import WishConfig, fit_wishes


def test_affinity_by_a_plain_loop_and_popularity_for_all_alike() -> None:
    world = ranking_world()
    catalogue = catalogue_of(world, AT)
    block = user_block(catalogue, world.users, world.bookings, world.feedback, world.sessions)
    first = stage_one(catalogue, block, Learners(IdMap([]), {}))
    of_activity = catalogue.lookup.activity_keys
    events = block.events
    expected = np.zeros((len(block), len(catalogue)))
    for row, activity, days, weight in zip(events.rows, events.activities, events.days, events.weights, strict=True):
        decayed = weight * (0.5 ** (days / FAST_DAYS) + 0.1 * 0.5 ** (days / SLOW_DAYS))
        for column, candidate in enumerate(catalogue.activities):
            for level, share in (("organiser", 1.0), ("category", 0.01)):
                if of_activity[level][activity] == of_activity[level][candidate] >= 0:
                    expected[row, column] += share * decayed
    expected[np.bincount(events.rows, minlength=len(block)) == 0] = np.nan
    np.testing.assert_allclose(first["affinity"], expected, rtol=1e-4, atol=1e-6)
    organisers = booked_organisers(catalogue, block)[:, catalogue.learner_keys.of_candidate]
    for row in range(len(block)):
        booked = {of_activity["organiser"][a] for a in events.activities[(events.rows == row) & (events.sessions >= 0)]}
        assert [bool(b) for b in organisers[row]] == [
            of_activity["organiser"][candidate] in booked for candidate in catalogue.activities
        ]
    popularity = first["popularity"]
    assert popularity.shape == expected.shape
    assert (popularity == popularity[:1]).all()


def test_what_is_new_is_chosen_by_homes_and_popularity_where_there_is_no_past() -> None:
    """By hand, for people without a past and without learners: nothing else is known of them."""
    world = ranking_world()
    catalogue = catalogue_of(world, AT)
    block = user_block(catalogue, world.users, world.bookings.iloc[:0], world.feedback.iloc[:0], world.sessions)
    first = stage_one(catalogue, block, Learners(IdMap([]), {}))
    near = catalogue.homes.lift_at(block.near)[:, catalogue.levels["programme"].of_candidate]
    expected = near + 0.7 * np.log(first["popularity"] + 0.3)
    np.testing.assert_allclose(discovery(first).dense(), expected, rtol=1e-4, atol=1e-5)


def test_wishes_score_candidates_by_their_key_and_choose_among_new_organisers() -> None:
    world = ranking_world(11, n_users=150, n_activities=60, n_bookings=2500)
    known = world.known_at(AT)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    wishes = fit_wishes(block, catalogue, WishConfig(least_events=50))
    assert wishes is not None
    first = stage_one(catalogue, block, Learners(IdMap([]), {}, wishes=wishes))
    rates = wish_rates(wishes, catalogue, block)
    keys = catalogue.lookup.of_sessions[WISH_LEVEL][catalogue.session_nums]
    rows, cols = (part.ravel() for part in np.indices((len(block), len(catalogue))))
    signals = first.of_pairs(rows, cols)
    np.testing.assert_allclose(signals["score_wish-rate"], rates[:, keys].ravel(), rtol=1e-5)
    assert "wish-rate" not in first  # a person's order by it is that of "wish"
    shares = rates - np.log(np.exp(rates).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(first["wish"], shares[:, keys], rtol=1e-4, atol=1e-5)
    plain = stage_one(catalogue, block, Learners(IdMap([]), {}))
    firsts = catalogue.learner_keys.candidates[catalogue.learner_keys.first][catalogue.learner_keys.of_candidate]
    more = discovery(first).dense() - discovery(plain).dense()
    np.testing.assert_allclose(more, 0.5 * shares[:, keys[firsts]], atol=1e-4)


def test_known_and_new_organisers_have_places_of_their_own(monkeypatch) -> None:
    monkeypatch.setattr("features.ranking.two_stages.N_KNOWN", 3)
    monkeypatch.setattr("features.ranking.two_stages.N_NEW", 5)
    world = ranking_world()
    catalogue = catalogue_of(world, AT)
    block = user_block(catalogue, world.users, world.bookings, world.feedback, world.sessions)
    first = stage_one(catalogue, block, Learners(IdMap([]), {}))
    allowed = offered(catalogue, block)
    is_known = booked_organisers(catalogue, block)
    listed = shortlisted(first, allowed, ~is_known)
    chosen = np.zeros_like(allowed)
    chosen[listed.rows, listed.cols] = True
    known = is_known[:, catalogue.learner_keys.of_candidate]
    assert not (chosen & ~allowed).any()
    np.testing.assert_array_equal((chosen & known).sum(axis=1), np.minimum((allowed & known).sum(axis=1), 3))
    np.testing.assert_array_equal((chosen & ~known).sum(axis=1), np.minimum((allowed & ~known).sum(axis=1), 5))
    # Of the new ones the best by `discovery` go on.
    scores = np.where(allowed & ~known, discovery(first).dense(), -np.inf)
    expected = np.zeros_like(chosen)
    lists = top_k(scores, allowed & ~known, 5)
    for row, columns in enumerate(lists):
        expected[row, columns[columns != MISSING]] = True
    np.testing.assert_array_equal(chosen & ~known, expected)


def test_a_category_that_is_new_is_wanted_like_the_mean_one() -> None:
    world = ranking_world(11, n_users=150, n_activities=60, n_bookings=2500).known_at(AT)
    catalogue = catalogue_of(world, AT)
    block = user_block(catalogue, world.users, world.bookings, world.feedback, world.sessions)
    wishes = fit_wishes(block, catalogue, WishConfig(least_events=50))
    assert wishes is not None
    fewer = wishes.among(np.arange(1, len(wishes.keys)))
    first = stage_one(catalogue, block, Learners(IdMap([]), {}, wishes=fewer))
    keys = catalogue.lookup.of_sessions[WISH_LEVEL][catalogue.session_nums]
    is_new = catalogue.lookup.keys[WISH_LEVEL].ids[keys] == wishes.keys.ids[0]
    assert 0 < is_new.sum() < len(is_new)
    rates = wish_rates(fewer, catalogue, block)
    rows, cols = np.zeros(len(catalogue), dtype=np.int64), np.arange(len(catalogue))
    np.testing.assert_allclose(first.of_pairs(rows, cols)["score_wish-rate"][is_new], np.nanmean(rates[0]), rtol=1e-5)
    best = first["wish"][:, ~is_new].max(axis=1)
    assert (first["wish"][:, is_new].max(axis=1) <= best).all()
