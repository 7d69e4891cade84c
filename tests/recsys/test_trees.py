"""Trees as bits against LightGBM's own prediction: equal to the last bit on random models."""

import lightgbm as lgb
import numpy as np
import pytest

from recsys import trees
from recsys.tree_dumps import bit_trees
from recsys.trees import n_digits

N_SIGNALS = 8


def _signals(rng: np.random.Generator, n_rows: int, missing: float) -> np.ndarray:
    """Continuous, whole, constant and rare values, some of them missing."""
    values = rng.normal(size=(n_rows, N_SIGNALS)).astype(np.float32)
    values[:, 1] = np.round(values[:, 1] * 3)
    values[:, 2] = values[:, 2] > 1.5
    values[:, 3] = 7.0
    values[:, 4] *= 1e-4
    values[rng.random(values.shape) < missing] = np.nan
    return values


def _model(seed: int, missing: float, n_trees: int = 20, **settings: object) -> lgb.Booster:
    rng = np.random.default_rng(seed)
    signals = _signals(rng, 2000, missing)
    told = np.nan_to_num(signals)
    target = told[:, 0] * told[:, 1] + np.isnan(signals[:, 5]) + (told[:, 2] > 0) + rng.normal(0, 0.3, len(signals))
    parameters = {"objective": "binary", "seed": seed, "num_threads": 1, "verbose": -1, "min_data_in_leaf": 5}
    data = lgb.Dataset(signals, target > 0.5, params={"verbose": -1})
    return lgb.train(parameters | settings, data, n_trees)


def _both(models: list[lgb.Booster], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ours = bit_trees([model.dump_model() for model in models])
    theirs = [model.predict(values, num_threads=1, raw_score=True) for model in models]
    return ours.scores([np.ascontiguousarray(column) for column in values.T]), np.array(theirs)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(
    "settings",
    [
        {"num_leaves": 2},
        {"num_leaves": 15, "extra_trees": True},
        {"num_leaves": 31, "max_bin": 15},
        {"num_leaves": 400, "min_data_in_leaf": 1},
        {"num_leaves": 16, "max_depth": 3, "bagging_fraction": 0.5, "bagging_freq": 1},
        {"num_leaves": 9, "use_missing": False},
    ],
)
def test_scores_are_lightgbms_to_the_last_bit(settings, missing):
    models = [_model(seed, missing, n_trees=18 + seed, **settings) for seed in (1, 2, 3)]
    rng = np.random.default_rng(9)
    for missing_now in (0.0, 0.3):
        values = _signals(rng, 1003, missing_now)
        values[:3] = [[0.0], [3e38], [-3e38]]
        ours, theirs = _both(models, values)
        np.testing.assert_array_equal(ours, theirs)
        assert len(np.unique(ours)) > 1


def test_values_at_a_limit_and_next_to_it_go_where_lightgbm_sends_them():
    model = _model(3, 0.1)
    cuts = bit_trees([model.dump_model()]).cuts
    limits = np.array([cut.limit for cut in cuts], dtype=np.float32)
    around = np.concatenate([limits, np.nextafter(limits, np.float32(9)), np.nextafter(limits, np.float32(-9))])
    ours, theirs = _both([model], np.tile(around[:, None], N_SIGNALS))
    np.testing.assert_array_equal(ours, theirs)


def test_many_rows_are_scored_in_chunks(monkeypatch):
    model = _model(4, 0.1)
    values = _signals(np.random.default_rng(5), 100, 0.1)
    whole, theirs = _both([model], values)
    monkeypatch.setattr(trees, "CHUNK_ROWS", 16)
    monkeypatch.setattr(trees, "LEAF_ROWS", 6)
    chunked, _ = _both([model], values)
    np.testing.assert_array_equal(chunked, whole)
    np.testing.assert_array_equal(chunked, theirs)


@pytest.mark.parametrize("is_turned", [False, True])
def test_a_single_leaf_beside_large_trees_of_another_model_and_more_of_them(is_turned):
    pair = [_model(6, 0.0, n_trees=3, min_data_in_leaf=2000), _model(7, 0.1, n_trees=5)]
    models = pair[::-1] if is_turned else pair
    assert bit_trees([model.dump_model() for model in models]).sizes == (2,)
    ours, theirs = _both(models, _signals(np.random.default_rng(1), 300, 0.1))
    np.testing.assert_array_equal(ours, theirs)


def test_trees_of_a_single_leaf_and_no_rows():
    model = _model(6, 0.0, n_trees=3, min_data_in_leaf=2000)
    assert [len(tree.leaves) for tree in bit_trees([model.dump_model()]).groups[0]] == [1] * len(
        model.dump_model()["tree_info"]
    )
    ours, theirs = _both([model], _signals(np.random.default_rng(0), 5, 0.0))
    np.testing.assert_array_equal(ours, theirs)
    none = bit_trees([_model(7, 0.0).dump_model()]).scores([np.zeros(0, dtype=np.float32)] * N_SIGNALS)
    assert none.shape == (1, 0)


def test_other_kinds_of_trees_are_refused():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, (500, 1)).astype(np.float64)
    target = np.isin(values[:, 0], (0, 2)) + rng.normal(0, 0.1, 500)
    settings = {"verbose": -1, "min_data_per_group": 1, "cat_smooth": 0, "num_threads": 1}
    by_name = lgb.train(settings, lgb.Dataset(values, target, categorical_feature=[0], params={"verbose": -1}), 2)
    with pytest.raises(ValueError, match="=="):
        bit_trees([by_name.dump_model()])
    with pytest.raises(ValueError, match="Zero"):
        bit_trees([_model(8, 0.0, zero_as_missing=True).dump_model()])
    lines = lgb.train(
        settings | {"linear_tree": True}, lgb.Dataset(values, target, params={"verbose": -1, "linear_tree": True}), 2
    )
    with pytest.raises(ValueError, match="line"):
        bit_trees([lines.dump_model()])


@pytest.mark.parametrize(("n_leaves", "expected"), [(1, 0), (2, 1), (15, 4), (16, 4), (17, 5), (257, 9)])
def test_digits_hold_the_number_of_the_last_leaf(n_leaves, expected):
    assert n_digits(n_leaves) == expected
