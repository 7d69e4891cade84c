"""One path for batch and for one person at a time: same lists, same scores, to the last bit."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.ranking.lists import load_ranking, rank_block, recommend
from features.signals.people import user_block
from recsys.bundle import BundleWriter, load_bundle
from recsys.dataset import Dataset
from recsys.errors import UnknownIdError
from tests.ranking_rules import assert_none_broken
from tests.ranking_world import AT, ranking_world, world_tables
from training.ranking.fit import fit_ranking


def lists_of(*asked) -> pd.DataFrame:
    return pd.concat(recommend(*asked), ignore_index=True)


def _alone(model, catalogue, dataset: Dataset, user_id: str, k: int = 10):
    own = dataset.bookings[dataset.bookings["user_id"] == user_id]
    block = user_block(
        catalogue,
        dataset.users[dataset.users["user_id"] == user_id],
        own,
        dataset.feedback[dataset.feedback["user_id"] == user_id],
        dataset.sessions[dataset.sessions["session_id"].isin(own["session_id"])],
    )
    return rank_block(model, catalogue, block, k)


def test_there_is_a_second_stage(model):
    assert model.re_ranker is not None


def test_one_person_at_a_time_is_the_batch_to_the_last_bit(model, catalogue, known):
    batch = lists_of(model, known, AT, None, 10)
    for user_id, rows in batch.groupby("user_id", sort=False):
        lists = _alone(model, catalogue, known, user_id)
        listed = lists.columns[0][lists.columns[0] >= 0]
        assert catalogue.sessions.session_ids[listed].tolist() == rows["session_id"].tolist()
        assert lists.scores[0][: len(rows)].tolist() == rows["score"].tolist()
        assert set(rows["source"]) == {lists.sources[0]}


def test_rows_at_or_after_the_cut_off_change_nothing(model, known, whole):
    later = whole.known_at(AT + pd.Timedelta(days=7))
    expected = lists_of(model, known, AT, None, 5)
    pd.testing.assert_frame_equal(lists_of(model, later, AT, None, 5), expected)


def test_a_booking_made_a_moment_ago_changes_the_next_answer(model, catalogue, known):
    first = lists_of(model, known, AT, ["u0"], 1).iloc[0]
    moment = known.bookings.iloc[:1].assign(
        booking_id="now", user_id="u0", session_id=first["session_id"], booked_at=AT - pd.Timedelta(seconds=1)
    )
    after = _alone(model, catalogue, _with_bookings(known, moment), "u0")
    assert first["session_id"] not in set(catalogue.sessions.session_ids[after.columns[0]])


def _with_bookings(dataset: Dataset, more: pd.DataFrame) -> Dataset:
    tables = {**dataset.tables(), "bookings": pd.concat([dataset.bookings, more], ignore_index=True)}
    return Dataset.from_tables(tables, dataset.data_until, dataset.timezone)


def test_lists_of_those_who_opted_out_do_not_depend_on_past_or_profile(model, known):
    user_id = known.bookings["user_id"].value_counts().index[0]
    out = known.users.assign(personalised=known.users["personalised"] & (known.users["user_id"] != user_id))
    other = out.assign(
        gender=out["gender"].where(out["user_id"] != user_id, "other"),
        lat=out["lat"].where(out["user_id"] != user_id, 30.0),
        interests=out["interests"].where(out["user_id"] != user_id, "craft"),
    )
    lists = [
        lists_of(model, Dataset.from_tables({**known.tables(), "users": users}, AT), AT, [user_id], 10)
        for users in (out, other)
    ]
    pd.testing.assert_frame_equal(*lists)
    assert set(lists[0]["source"]) == {"popular"}


def test_lists_hold_each_activity_once_and_ranks_count_from_one(model, known):
    lists = lists_of(model, known, AT, None, 10)
    assert not lists.duplicated(["user_id", "activity_id"]).any()
    assert (lists["rank"] == lists.groupby("user_id").cumcount() + 1).all()
    assert (lists.groupby("user_id")["score"].diff().dropna() <= 0).all()
    assert lists["score"].notna().all()


def test_saved_and_loaded_models_answer_alike(model, known, tmp_path):
    with BundleWriter(tmp_path / "bundle", {}) as writer:
        model.save(writer)
    loaded = load_ranking(load_bundle(tmp_path / "bundle"))
    pd.testing.assert_frame_equal(lists_of(loaded, known, AT, None, 7), lists_of(model, known, AT, None, 7))


def test_who_is_asked_for_twice_has_one_list_with_the_own_past(model, known):
    user_ids = known.bookings["user_id"].value_counts().index[:2].tolist()
    once = lists_of(model, known, AT, user_ids, 5)
    pd.testing.assert_frame_equal(lists_of(model, known, AT, [*user_ids, user_ids[0]], 5), once)


def test_unknown_users_are_named(model, known):
    with pytest.raises(UnknownIdError, match="nobody"):
        lists_of(model, known, AT, ["u1", "nobody"], 3)


@pytest.mark.parametrize(
    ("n_users", "n_activities", "n_bookings"), [(1, 1, 0), (1, 1, 1), (3, 1, 4), (1, 12, 30), (20, 10, 0)]
)
def test_small_places_are_answered(n_users, n_activities, n_bookings, config):
    tables = world_tables(np.random.default_rng(0), n_users, n_activities, n_bookings)
    for kept in (tables, {name: tables[name] for name in ("users", "activities", "sessions", "bookings")}):
        dataset = Dataset.from_tables(kept, AT)
        lists = lists_of(fit_ranking(dataset, config), dataset, AT, None, 5)
        assert lists["score"].notna().all()
        assert set(lists["user_id"]) <= set(dataset.users["user_id"])


def test_nothing_to_offer_is_an_empty_table(model, config):
    empty = Dataset.from_tables({"users": pd.DataFrame({"user_id": ["u"]})}, AT)
    assert lists_of(fit_ranking(empty, config), empty, AT, None, 5).empty
    assert list(lists_of(model, empty, AT, ["u"], 5)) == [
        "user_id", "rank", "activity_id", "session_id", "score", "source",
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_nothing_in_a_million_answers_may_not_be_offered(seed, model, record_property):
    dataset = ranking_world(seed, n_users=6000, n_activities=240, n_bookings=9000).known_at(AT)
    lists = lists_of(replace(model, re_ranker=None), dataset, AT, None, 240)
    assert len(lists) > 250_000
    assert_none_broken(dataset, lists, AT)
    record_property("answers", len(lists))


def test_the_second_stage_lists_nothing_that_may_not_be_offered(model, known):
    assert_none_broken(known, lists_of(model, known, AT, None, 60), AT)
