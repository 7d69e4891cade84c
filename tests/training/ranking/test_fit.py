"""Learning from past windows, and its back-test."""

import pickle
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np
import pandas as pd
import pytest

from features.ranking.lists import recommend
from recsys.dataset import Dataset
from tests.ranking_world import AT, ranking_world, world_tables
from training.ranking.evaluation import PARTS
from training.ranking.fit import RankingConfig, evaluate_ranking, fit_learners, fit_ranking, windows_before
from training.ranking.reranker import FEW_LEAVES, MANY_LEAVES, TreeConfig, distinct_signals, fit_re_ranker
from training.ranking.windows import WindowConfig, WindowMemory, WindowPairs, cut_offs, hits_of, window_pairs

CONFIG = RankingConfig(
    windows=WindowConfig(n_windows=3, step_days=7, enough_hits=0), trees=TreeConfig(n_trees=15, min_leaf_pairs=5)
)


@pytest.fixture(scope="module")
def whole() -> Dataset:
    return ranking_world(5, n_users=120, n_activities=60, n_bookings=2500)


@pytest.fixture(scope="module")
def model(whole):
    return fit_ranking(whole.known_at(AT), CONFIG)


@pytest.fixture(scope="module")
def table(whole):
    return evaluate_ranking(whole, AT, 14, 10, CONFIG)


def test_hits_are_booked_at_the_cut_off_or_later_for_sessions_of_the_window(whole):
    until = AT + pd.Timedelta(days=14)
    starts = whole.sessions.set_index("session_id")["starts_at"]
    activity = whole.sessions.set_index("session_id")["activity_id"]
    expected = {
        (b.user_id, activity[b.session_id])
        for b in whole.bookings.itertuples()
        if b.booked_at >= AT and b.status != "cancelled" and AT <= starts[b.session_id] < until
    }
    assert expected
    assert set(hits_of(whole, AT, 14).itertuples(index=False, name=None)) == expected


def test_cut_offs_step_back_and_have_a_past(whole):
    known, enough = whole.known_at(AT), CONFIG.windows
    apart = cut_offs(known, enough)
    assert apart == [AT - pd.Timedelta(days=14 + 7 * i) for i in range(3)]
    denser = cut_offs(known, enough.model_copy(update={"enough_hits": 10**9}))
    assert denser == [AT - pd.Timedelta(days=14 + 3.5 * i) for i in range(6)]
    n_hits = sum(len(hits_of(known, time, 14)) for time in apart)
    for enough_hits, expected in ((n_hits, apart), (n_hits + 1, denser)):
        assert cut_offs(known, enough.model_copy(update={"enough_hits": enough_hits})) == expected
    assert cut_offs(Dataset.from_tables({}, AT), CONFIG.windows) == []


def test_a_window_is_blind_to_what_came_after_its_cut_off_but_for_the_hits(whole):
    cut = AT - pd.Timedelta(days=14)
    known, hits = whole.known_at(AT), hits_of(whole.known_at(AT), cut, 14)
    tables = known.tables()
    sessions = tables["sessions"].set_index("session_id").loc[tables["bookings"]["session_id"]]
    is_before = (tables["bookings"]["booked_at"] < cut).to_numpy()
    is_to_come = is_before & (sessions["starts_at"] >= cut).to_numpy() & (tables["bookings"]["status"] != "waitlisted")
    booked = pd.MultiIndex.from_arrays([tables["bookings"]["user_id"], sessions["activity_id"]])
    is_hit = booked.isin(pd.MultiIndex.from_frame(hits))
    statuses = tables["bookings"]["status"].mask(is_to_come, "cancelled")
    less = Dataset.from_tables(
        {
            **tables,
            "bookings": tables["bookings"].assign(status=statuses)[is_before | is_hit],
            "feedback": tables["feedback"][tables["feedback"]["occurred_at"] < cut],
        },
        AT,
    )
    assert is_to_come.any()
    assert len(less.bookings) < len(known.bookings)
    assert len(less.feedback) < len(known.feedback)
    learn = partial(fit_learners, config=CONFIG)
    found = [WindowMemory().pairs(one, cut, CONFIG.windows, learn, "settings", 0) for one in (known, less)]
    pd.testing.assert_frame_equal(found[0].signals, found[1].signals)
    np.testing.assert_array_equal(found[0].is_hit, found[1].is_hit)


def test_the_table_has_every_ranker_segment_and_interval(table):
    assert list(table) == ["task", "model", "role", "segment", "metric", "window", "mean", "low", "high", "n"]
    learners = {"ease", "item-knn", "als", "hybrid", "wish", "taste-kind", "taste-slot"}
    baselines = {"popularity", "affinity", "regional popularity", "affinity, else regional popularity"}
    styles = {"two-stage, variety 0.1", "two-stage, variety 0.3", "two-stage, 10% drawn"}
    assert {"two-stage", *styles, *learners, *baselines} == set(table["model"])
    assert set(table.loc[table["role"] == "style", "model"]) == styles
    assert set(table[table["role"] == "baseline"]["model"]) == baselines
    assert set(table["segment"]) == {"all", "hot", "warm", "cold", *PARTS}
    assert set(table["metric"]) == {"ndcg@10", "recall@10", "novelty", "categories@10", "share listed", "coverage@10"}
    known = table.dropna(subset=["mean"])
    assert (known["low"] <= known["mean"] + 1e-12).all()
    assert (known["mean"] <= known["high"] + 1e-12).all()
    shares = known[~known["metric"].isin(("novelty", "categories@10"))]["mean"]
    assert shares.between(0, 1).all()


def test_a_ranker_that_cannot_score_counts_nothing_and_says_for_how_many_it_could(whole):
    newcomers = set(whole.users["user_id"][:30])
    tables = whole.tables()
    for name, time in (("bookings", "booked_at"), ("feedback", "occurred_at")):
        tables[name] = tables[name][~(tables[name]["user_id"].isin(newcomers) & (tables[name][time] < AT))]
    config = RankingConfig(windows=WindowConfig(n_windows=0))
    found = evaluate_ranking(Dataset.from_tables(tables, whole.data_until), AT, 14, 10, config)
    figures = found[found["segment"] == "warm"].set_index(["model", "metric"])["mean"]
    assert figures["affinity", "share listed"] == 0
    assert figures["affinity", "ndcg@10"] == 0
    assert figures["hybrid", "share listed"] == 1
    assert figures["affinity, else regional popularity", "share listed"] == 1
    assert figures["affinity, else regional popularity", "ndcg@10"] == figures["regional popularity", "ndcg@10"]


def test_two_tastes_are_told_apart(table):
    ndcg = table[(table["metric"] == "ndcg@10") & (table["segment"] == "hot")].set_index("model")["mean"]
    assert ndcg["two-stage"] > ndcg["popularity"]


def test_learning_twice_gives_the_same_trees(whole, model):
    models = [model.re_ranker, fit_ranking(whole.known_at(AT), CONFIG).re_ranker]
    assert models[0] is not None
    assert models[1] is not None
    texts = [[booster.model_to_string() for booster in model.boosters] for model in models]
    assert texts[0] == texts[1]
    assert len(texts[0]) == len(TreeConfig().kinds)
    assert texts[0][0] != texts[0][1]


def test_fits_that_share_windows_learn_what_they_learn_alone(whole, model, monkeypatch):
    computed = []
    monkeypatch.setattr(
        "training.ranking.windows.window_pairs", lambda *args: computed.append(args[2]) or window_pairs(*args)
    )
    memory = WindowMemory()
    times = [AT - pd.Timedelta(days=7), AT]
    shared = [fit_ranking(whole.known_at(time), CONFIG, memory) for time in times]
    assert len(computed) == len(set(computed)) == 4
    for together, alone in zip(shared, [fit_ranking(whole.known_at(times[0]), CONFIG), model], strict=True):
        assert together.re_ranker is not None
        assert alone.re_ranker is not None
        for one, other in zip(together.re_ranker.boosters, alone.re_ranker.boosters, strict=True):
            assert one.model_to_string() == other.model_to_string()


def test_windows_that_wait_share_one_data_set(whole):
    given = []

    class Later(Executor):
        def submit(self, fn, /, *args):
            given.extend(one for one in args if isinstance(one, Dataset))
            return Future()

    windows_before(whole, CONFIG, WindowMemory(), Later())
    assert len(given) == CONFIG.windows.n_windows
    assert all(one is whole for one in given)


def test_a_model_that_has_made_lists_goes_to_another_process_whole(whole, model):
    known = whole.known_at(AT)
    assert model.learners.pull is not None
    before = pd.concat(recommend(model, known, AT, None, 10))
    after = pd.concat(recommend(pickle.loads(pickle.dumps(model)), known, AT, None, 10))
    pd.testing.assert_frame_equal(after, before)


def test_a_window_whose_hits_became_others_is_computed_again(whole):
    cut = AT - pd.Timedelta(days=14)
    memory = WindowMemory()
    learn = partial(fit_learners, config=CONFIG)
    known = whole.known_at(AT)
    first = memory.pairs(known, cut, CONFIG.windows, learn, "settings", 0)
    assert memory.pairs(known, cut, CONFIG.windows, learn, "settings", 0) is first
    assert first is not None
    later = known.bookings["booked_at"] >= cut
    fewer = Dataset.from_tables(
        {**known.tables(), "bookings": known.bookings[~later | (np.arange(len(later)) % 2 == 0)]}, AT
    )
    other = memory.pairs(fewer, cut, CONFIG.windows, learn, "settings", 0)
    assert other is not None
    assert other.is_hit.sum() < first.is_hit.sum()


def test_several_windows_stand_side_by_side_and_pooled(whole, table):
    both = evaluate_ranking(whole, [AT - pd.Timedelta(days=14), AT], 14, 10, CONFIG)
    windows = both["window"].unique().tolist()
    assert windows[0] == "all"
    assert windows[1:] == [(AT - pd.Timedelta(days=14)).isoformat(), AT.isoformat()]
    alone = both[both["window"] == AT.isoformat()].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, table)
    keys = ["model", "segment", "metric"]
    means = both[both["window"] != "all"].groupby(keys)["mean"].mean()
    pooled = both[both["window"] == "all"].set_index(keys)["mean"]
    is_everybody = pooled.index.get_level_values("segment").isin(["all", "hot", "new organisers"])
    np.testing.assert_allclose(pooled[is_everybody], means[pooled.index][is_everybody], rtol=1e-12)


def test_too_few_hits_leave_the_first_stage():
    dataset = Dataset.from_tables(world_tables(np.random.default_rng(0), 5, 6, 20), AT)
    assert fit_ranking(dataset, CONFIG).re_ranker is None
    assert fit_re_ranker([], TreeConfig(), 0) is None


def test_signals_that_say_nothing_new_are_left_out():
    signals = pd.DataFrame(
        {"a": [1.0, 2.0], "same": [1.0, 2.0], "flat": [3.0, 3.0], "no": [np.nan] * 2, "b": [1.0, np.nan]}
    )
    assert distinct_signals(signals.astype(np.float32)) == ["a", "b"]


def test_trees_grow_with_the_hits(monkeypatch):
    rng = np.random.default_rng(0)
    signals = pd.DataFrame({f"s{i}": rng.normal(size=6000) for i in range(4)}).astype(np.float32)
    is_hit = (signals.to_numpy() ** 2).sum(axis=1) + rng.normal(size=6000) > 6
    windows = [WindowPairs(signals, is_hit, np.arange(6000) // 20)]

    def n_leaves(config: TreeConfig) -> int:
        re_ranker = fit_re_ranker(windows, config, 0)
        assert re_ranker is not None
        return max(tree["num_leaves"] for tree in re_ranker.boosters[0].dump_model()["tree_info"])

    config = TreeConfig(n_trees=3, min_leaf_pairs=5, l2=0.0, signal_share=1.0, kinds=("drawn-odds",))
    assert n_leaves(config) == FEW_LEAVES
    assert n_leaves(config.model_copy(update={"n_leaves": 5})) == 5
    monkeypatch.setattr("training.ranking.reranker.MANY_HITS", 100)
    assert n_leaves(config) == MANY_LEAVES


def test_styles_show_their_price(table):
    figures = table[table["segment"] == "all"].set_index(["model", "metric"])["mean"]
    assert figures["two-stage, variety 0.3", "categories@10"] >= figures["two-stage", "categories@10"]
    for style in ("variety 0.1", "variety 0.3", "10% drawn"):
        assert 0.5 < figures[f"two-stage, {style}", "ndcg@10"] / figures["two-stage", "ndcg@10"] < 1.1


def test_sessions_are_judged_by_how_much_they_were_booked(table):
    served = table[(table["model"] == "two-stage") & (table["metric"] == "ndcg@10")].set_index("segment")
    parts = [f"sessions {part}" for part in ("not booked yet", "booked 1 to 4 times", "booked 5 times and more")]
    assert "sessions in their first hour" in served.index
    assert (served.loc[parts, "n"] > 0).sum() >= 2
    assert served.loc[parts, "mean"].dropna().between(0, 1).all()
