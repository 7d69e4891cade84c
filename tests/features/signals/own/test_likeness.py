"""Likeness to what an organiser held, and turns in which people come: against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.signals.candidates import likeness
from features.signals.candidates.keys import SLOW_DAYS
from features.signals.catalogue import catalogue_of
from features.signals.known.hours import SAME_DAY
from features.signals.own.history import intervals, own_signals
from features.signals.own.likeness import likeness_signals
from features.signals.people import user_block
from tests.ranking_world import AT, ranking_world

NS_PER_DAY = 86_400e9


@pytest.fixture(scope="module", params=[0, 5])
def place(request):
    world = ranking_world(request.param, n_users=30, n_bookings=700).known_at(AT)
    catalogue = catalogue_of(world, AT)
    return catalogue, user_block(catalogue, world.users, world.bookings, world.feedback, world.sessions)


def _attended(events, row):
    mine = (events.rows == row) & events.is_taking & (events.sessions >= 0)
    return events.sessions[mine].tolist()


def _of_all_pairs(catalogue, block):
    rows, cols = (part.ravel() for part in np.indices((len(block), len(catalogue))))
    return rows, cols, likeness_signals(catalogue.likeness, block.events, rows, cols)


def _days_ago(lookup):
    return (AT.value - lookup.session_start) / NS_PER_DAY


def test_likeness_is_that_of_a_plain_loop(place) -> None:
    catalogue, block = place
    lookup, words = catalogue.lookup, catalogue.words
    rows, cols, found = _of_all_pairs(catalogue, block)
    days, organiser = _days_ago(lookup), lookup.of_sessions["organiser"]
    expected, n_known = np.zeros((len(rows), 3)), 0
    for num, (row, col) in enumerate(zip(rows, cols, strict=True)):
        session = catalogue.session_nums[col]
        held = [s for s in range(len(days)) if days[s] >= 0 and organiser[s] == organiser[session] >= 0]
        came = [s for s in _attended(block.events, row) if s in held]
        if not came:
            assert np.isnan(found["own_organiser_attendance"][num])
            continue
        n_known += 1
        since = [s for s in held if days[s] <= max(days[came])]

        def alike(other: int, session: int = session, col: int = col) -> float:
            by_words = (words.candidates[[col]] @ words.activities[[lookup.session_activity[other]]].T).toarray()[0, 0]
            by_hour = SAME_DAY[lookup.session_slot[session], lookup.session_slot[other]]
            return float((by_words + 0.05) * (by_hour + 0.05) * 0.5 ** (days[other] / SLOW_DAYS))

        total, mean = sum(alike(s) for s in came), (len(came) + 0.3) / (len(since) + 4)
        expected[num] = total, (total + 0.005 * mean) / (sum(alike(s) for s in since) + 0.005), mean
    np.testing.assert_allclose(found["own_organiser_both_sum"], expected[:, 0], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(found["own_organiser_both_rate"], expected[:, 1], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(np.nan_to_num(found["own_organiser_attendance"]), expected[:, 2], rtol=1e-5)
    assert n_known > 0.1 * len(rows)
    for kind in ("lately", "ever", "same"):
        assert len(np.unique(found[f"own_organiser_{kind}_rate"])) > 5


def test_what_is_expected_is_the_mean_of_a_gaussian_process(place) -> None:
    catalogue, block = place
    lookup, words = catalogue.lookup, catalogue.words
    rows, cols, found = _of_all_pairs(catalogue, block)
    days, organiser = _days_ago(lookup), lookup.of_sessions["organiser"]

    def covariance(some: np.ndarray, others: np.ndarray) -> np.ndarray:
        of = words.activities[lookup.session_activity[some]] @ words.activities[lookup.session_activity[others]].T
        by_words, apart = of.toarray(), np.abs(days[some][:, None] - days[others])
        by_hour = SAME_DAY[np.ix_(lookup.session_slot[some], lookup.session_slot[others])]
        lasting = 0.5 * by_words + 0.15 * by_hour + 0.15 * by_words * by_hour
        return 0.2 * np.exp(-apart / 60) + lasting * np.exp(-apart / 400)

    n_told = 0
    for num, (row, col) in enumerate(zip(rows, cols, strict=True)):
        session = catalogue.session_nums[[col]]
        held = np.flatnonzero((days >= 0) & (organiser == organiser[session]) & (organiser >= 0))
        # Who booked a session twice came to it twice.
        came = (np.asarray(_attended(block.events, row), dtype=np.int64) == held[:, None]).sum(axis=1)
        if not came.any():
            assert np.isnan(found["own_organiser_expected"][num])
            continue
        mean = found["own_organiser_attendance"][num]
        beside = np.where(days[held] <= days[held][came > 0].max(), came - mean, 0.0)
        told = np.linalg.solve(covariance(held, held) + 1.2 * np.eye(len(held)), beside)
        np.testing.assert_allclose(
            found["own_organiser_expected"][num], mean + (covariance(session, held) @ told)[0], rtol=1e-4, atol=1e-6
        )
        n_told += 1
    assert n_told > 0.1 * len(rows)


def test_likeness_does_not_depend_on_who_else_is_asked_for(place) -> None:
    catalogue, block = place
    rows, cols, whole = _of_all_pairs(catalogue, block)
    for row in (0, len(block) - 1):
        alone = block.events.only(block.events.rows == row)
        one = likeness_signals(catalogue.likeness, alone, rows[rows == row], cols[rows == row])
        for name, values in one.items():
            np.testing.assert_array_equal(values, whole[name][rows == row])


def test_only_the_newest_sessions_are_compared_with(place, monkeypatch) -> None:
    catalogue, block = place
    monkeypatch.setattr(likeness, "MOST_PAST", 2)
    few = likeness.likeness_of(catalogue.lookup, catalogue.session_nums, catalogue.words, AT.value)
    assert few.age_rank.max() == 1
    for place_num in np.unique(few.organiser[few.organiser >= 0]):
        assert (few.of_session == place_num).sum() <= 2
    rows, cols = (part.ravel() for part in np.indices((len(block), len(catalogue))))
    less = likeness_signals(few, block.events, rows, cols)
    more = likeness_signals(catalogue.likeness, block.events, rows, cols)
    assert less["own_organiser_both_sum"].sum() < more["own_organiser_both_sum"].sum()


def test_where_there_is_no_candidate_nothing_is_compared_with(place) -> None:
    catalogue, block = place
    none = np.zeros(0, dtype=np.int64)
    words = replace(catalogue.words, candidates=catalogue.words.candidates[:0])
    nothing = likeness.likeness_of(catalogue.lookup, none, words, AT.value)
    assert (nothing.of_session == -1).all()
    assert all(len(values) == 0 for values in likeness_signals(nothing, block.events, none, none).values())


def test_turns_by_hand(place) -> None:
    np.testing.assert_array_equal(
        intervals(np.array([28.0, 9.0, 5.0]), np.array([7.0, 9.0, 5.0]), np.array([4.0, 1.0, 2.0])),
        [7.0, np.nan, np.nan],
    )
    catalogue, block = place
    rows, cols = (part.ravel() for part in np.indices((len(block), len(catalogue))))
    found = own_signals(catalogue, block, rows, cols)
    organiser = catalogue.lookup.activity_keys["organiser"]
    events = block.events
    n_known = 0
    for num, (row, col) in enumerate(zip(rows, cols, strict=True)):
        key = organiser[catalogue.activities[col]]
        days = events.days[(events.rows == row) & (organiser[events.activities] == key)] if key >= 0 else np.zeros(0)
        if len(days) < 2 or np.ptp(days) == 0:
            assert np.isnan(found["own_organiser_due"][num])
            continue
        n_known += 1
        interval = np.ptp(days) / (len(days) - 1)
        until = (catalogue.sessions.starts[col] - AT.value) / NS_PER_DAY
        np.testing.assert_allclose(found["own_organiser_interval"][num], interval, rtol=1e-5)
        np.testing.assert_allclose(found["own_organiser_due"][num], (days.min() + until) / interval, rtol=1e-4)
    assert n_known > 50
