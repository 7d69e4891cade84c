"""A person without a cause is the person whose rows never had it."""

import dataclasses

import numpy as np
import pandas as pd

from features.ranking.answers import Request, answer
from features.ranking.causes import (
    KEYED,
    WHOLE_PAST,
    Cause,
    block_without,
    cause_of,
    scores_without,
)
from features.ranking.reasons import CAUSES
from features.ranking.two_stages import UNSEEN, offered, pair_scores, scores_of_pairs
from features.signals.people import user_block


def rows_without(known, user_id: str, cause: Cause, catalogue):
    """The person's rows as a platform would deliver them without the cause."""
    user = known.users[known.users["user_id"] == user_id]
    bookings = known.bookings[known.bookings["user_id"] == user_id]
    feedback = known.feedback[known.feedback["user_id"] == user_id]
    key = None if cause.key < 0 or cause.code == "interest" else catalogue.lookup.keys[cause.code].ids[cause.key]
    if cause.code == "venue":
        venue = bookings["session_id"].map(known.sessions.set_index("session_id")["venue_id"])
        bookings = bookings[venue.astype(object) != key]
    elif cause.code in KEYED:
        facts = catalogue.lookup.activity_keys[cause.code]
        booked = catalogue.lookup.session_activity[catalogue.lookup.sessions.nums(bookings["session_id"])]
        bookings = bookings[facts[booked] != cause.key]
        feedback = feedback[facts[catalogue.lookup.activities.nums(feedback["activity_id"])] != cause.key]
    elif cause.code in WHOLE_PAST:
        bookings, feedback = bookings.iloc[:0], feedback.iloc[:0]
    elif cause.code == "family":
        bookings = bookings.assign(attendee_birth_years=pd.Series(None, index=bookings.index, dtype="string"))
    elif cause.code == "interest":
        name = catalogue.lookup.keys["category"].ids[cause.key]
        left = [one for one in str(user["interests"].iloc[0]).split(";") if one != name]
        user = user.assign(interests=pd.Series([";".join(left) or None], index=user.index, dtype="string"))
    else:
        columns = {"distance": ["lat", "lon"], "township": ["region_id"], "age": ["birth_year"]}[cause.code]
        user = user.assign(**{name: user[name].where([False]) for name in columns})
    return user, bookings, feedback


def block_of(catalogue, known, user_id):
    own = known.bookings[known.bookings["user_id"] == user_id]
    told = known.feedback[known.feedback["user_id"] == user_id]
    return user_block(catalogue, known.users[known.users["user_id"] == user_id], own, told, known.sessions)


def some_causes(catalogue, rng) -> list[Cause]:
    codes = [code for code in CAUSES if code != "popular"]
    return [cause_of(code, catalogue, int(rng.integers(len(catalogue)))) for code in codes]


def test_a_person_without_a_cause_is_the_one_of_the_rows_without_it(catalogue, known):
    rng = np.random.default_rng(0)
    for user_id in known.users["user_id"][:30]:
        causes = some_causes(catalogue, rng)
        block = block_of(catalogue, known, user_id)
        found = block_without(catalogue, block, [(0, cause) for cause in causes])
        for row, cause in enumerate(causes):
            expected = user_block(catalogue, *rows_without(known, user_id, cause, catalogue), known.sessions)
            for mine, theirs in ((found.events, expected.events), (found.shown, expected.shown)):
                own = mine.only(mine.rows == row)
                for name in ("activities", "sessions", "days", "weights", "is_taking", "for_others"):
                    np.testing.assert_array_equal(getattr(own, name), getattr(theirs, name), err_msg=cause.code)
            for name in ("lat", "lon", "area", "birth_years"):
                np.testing.assert_array_equal(getattr(found, name)[row], getattr(expected, name)[0], err_msg=cause.code)
            for name, groups in expected.profiles.groups.items():
                assert found.profiles.groups[name][row] == groups[0], (cause, name)
            np.testing.assert_array_equal(found.interests.toarray()[row], expected.interests.toarray()[0])
            np.testing.assert_array_equal(found.child_share()[row], expected.child_share()[0])


def test_what_may_be_offered_stays_but_for_the_children(catalogue, known):
    causes = some_causes(catalogue, np.random.default_rng(1))
    for user_id in known.users["user_id"][:20]:
        block = block_of(catalogue, known, user_id)
        may = offered(catalogue, block_without(catalogue, block, [(0, cause) for cause in causes]))
        for row, cause in enumerate(causes):
            if cause.code != "family":
                np.testing.assert_array_equal(may[row], offered(catalogue, block)[0])


def test_scores_of_pairs_are_those_of_the_whole(catalogue, known, model):
    for user_id in known.users["user_id"][:30]:
        block = block_of(catalogue, known, user_id)
        may = offered(catalogue, block)
        whole = pair_scores(model, catalogue, block, may)[0]
        columns = np.arange(len(catalogue))
        found = scores_of_pairs(model, catalogue, block, np.zeros(len(columns), dtype=np.int64), columns)
        is_seen = may[0] & (found != UNSEEN)
        assert is_seen.any()
        np.testing.assert_array_equal(found[is_seen], whole[is_seen])
        assert (whole[may[0] & ~is_seen] <= UNSEEN).all()
        assert (found[~may[0]] == -np.inf).all()


def list_without(catalogue, known, model, user_id, cause):
    """(n_candidates,) scores for the person whose rows never had the cause, and what may be offered to them."""
    seen, block = catalogue, block_of(catalogue, known, user_id)
    if cause.code == "popular":
        seen = catalogue.without_crowd
    else:
        less = user_block(catalogue, *rows_without(known, user_id, cause, catalogue), known.sessions)
        block = dataclasses.replace(less, people=block_without(catalogue, block, [(0, cause)]).people)
    may = offered(seen, block)
    return pair_scores(model, seen, block, may)[0], may[0]


def test_every_reason_holds_when_its_rows_are_really_gone(catalogue, known, model):
    """The strict form of faithfulness: rows are removed, the person is made anew, the whole list is scored again."""
    told: dict[str, int] = {}
    for user_id in known.users["user_id"][:60]:
        block = block_of(catalogue, known, user_id)
        before = pair_scores(model, catalogue, block, offered(catalogue, block))[0]
        gone: dict[Cause, tuple[np.ndarray, np.ndarray]] = {}
        for line in answer(model, catalogue, block, Request(k=5)):
            column = int(np.flatnonzero(catalogue.sessions.session_ids == line.session_id)[0])
            for reason in line.reasons:
                told[reason.code] = told.get(reason.code, 0) + 1
                cause = cause_of(reason.code, catalogue, column)
                if cause not in gone:
                    gone[cause] = list_without(catalogue, known, model, user_id, cause)
                after, may = gone[cause]
                assert not may[column] or after[column] < before[column], (user_id, reason.code)
    assert sum(told.values()) > 300
    assert len(told) >= 8, told


def test_what_nobody_booked_is_not_popular(catalogue, known, model):
    nobody = catalogue.without_crowd
    block = block_of(catalogue, known, "u1")
    (drop,) = scores_without(
        catalogue, block, [(0, Cause("popular"), 0)], lambda seen, *_: np.array([float(seen is not catalogue)])
    )
    assert drop == 1.0
    assert all(not columns.taken_slow.any() for columns in nobody.levels.values())
    assert any(columns.taken_slow.any() for columns in catalogue.levels.values())
