import numpy as np

from recsys.openings.learned.hours import N_KINDS, kinds_of, undominated


def _drawn(seed):
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, 0.5, (3, 12)).astype(np.float32), rng.random((5, 12)) < 0.4, rng.random(3)


def test_whoever_finds_an_hour_finds_one_as_good_for_everybody_among_the_undominated():
    for seed in range(20):
        fit, rooms, _ = _drawn(seed)
        kept = undominated(fit, rooms)
        assert not (kept & ~rooms).any()
        for venue, slot in np.argwhere(rooms):
            as_good = (fit[:, kept[venue]] >= fit[:, [slot]]).all(axis=0)
            assert as_good.any()
            assert as_good.sum() == 1 or not kept[venue, slot]


def test_of_hours_that_all_like_alike_one_is_kept():
    assert undominated(np.ones((2, 4)), np.ones((1, 4), dtype=bool)).sum() == 1


def test_a_kind_is_liked_at_least_as_each_of_its_hours():
    for seed in range(20):
        fit, rooms, people = _drawn(seed)
        kinds = kinds_of(fit, rooms, people)
        assert kinds.fit.shape[1] == N_KINDS
        for venue, slot in np.argwhere(undominated(fit, rooms)):
            assert (kinds.fit[venue, kinds.kind[slot]] >= fit[:, slot]).all()


def test_hours_liked_by_the_same_people_become_one_kind():
    fit = np.array([[1.0, 0.9, 0.1, 0.2], [0.1, 0.2, 1.0, 0.9]], dtype=np.float32)
    kind = kinds_of(fit, np.ones((1, 4), dtype=bool), np.ones(2)).kind
    assert kind[0] == kind[1] != kind[2] == kind[3]
