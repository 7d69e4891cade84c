import numpy as np
import pytest

from recsys.ranking.exploration import chance_weights, explored


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_at_most_the_share_of_places_is_drawn_and_nothing_comes_twice(share):
    columns, pool = np.array([3, 1, 4, 0, 5, -1]), np.array([1.0, 0, 1, 0, 0, 0, 2, 1])
    for seed in range(50):
        result, chance = explored(columns, pool, share, np.random.default_rng(seed))
        listed = result[result >= 0]
        assert len(set(listed)) == len(listed) == 5
        assert (chance < 1).sum() <= share * len(columns)
        assert result[5] == -1
        assert ((chance > 0) & (chance <= 1)).all()
        assert (chance[result == columns] == 1).any() or share == 1.0


def test_logged_propensity_is_the_frequency_of_the_draw():
    columns, pool = np.array([0, 1]), np.array([0.0, 0.0, 1.0, 3.0])
    counts, told = {2: 0, 3: 0}, {}
    for seed in range(4000):
        result, chance = explored(columns, pool, 0.5, np.random.default_rng(seed))
        counts[int(result[1])] += 1
        told[int(result[1])] = chance[1]
    assert told == {2: 0.25, 3: 0.75}
    assert abs(counts[3] / 4000 - 0.75) < 0.03


def test_an_empty_pool_leaves_the_list():
    columns = np.array([2, 0, 1])
    result, chance = explored(columns, np.zeros(3), 1.0, np.random.default_rng(0))
    assert result.tolist() == [2, 0, 1]
    assert chance.tolist() == [1.0, 1.0, 1.0]


def test_what_was_shown_enough_is_not_drawn():
    weights = chance_weights(np.array([0.0, 4.0, 9.0]), np.array([True, True, True]), enough=5)
    assert weights.tolist() == [1.0, 0.2, 0.0]
