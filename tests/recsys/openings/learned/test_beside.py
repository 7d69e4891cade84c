import itertools

import numpy as np
import pytest

import recsys.openings.learned.beside as beside_module
from recsys.openings.learned.beside import Beside
from recsys.openings.learned.saturation import Saturation


@pytest.fixture
def people():
    """A thousand people: access, rate, what a class gives, worth."""
    rng = np.random.default_rng(0)
    return [rng.gamma(0.5, size=1000).astype(np.float32) for _ in range(4)]


@pytest.mark.parametrize("family", ["share", "chance"])
@pytest.mark.parametrize("k", [1e-4, 0.7, 40.0])
def test_a_class_draws_who_is_used_up_only_with_it(people, family, k):
    saturation = Saturation(family, k)
    access, rate, given, worth = people
    exact = [a.astype(np.float64) for a in people]
    u = saturation.used
    new = exact[1] * (u(exact[0] + exact[2]) - u(exact[0]))
    wanting = exact[1] * u(exact[0] + exact[2]) * exact[2] / (exact[0] + exact[2])
    beside = Beside(saturation, access, rate)
    np.testing.assert_allclose(beside.drawn(given), new, rtol=2e-4, atol=1e-6)
    assert beside.counts(given) == pytest.approx((new.sum(), wanting.sum(), new.sum()), rel=1e-5)
    weighed = beside.weighed(worth).counts(given, np.full_like(given, np.nan))
    assert weighed == pytest.approx((new.sum(), wanting.sum(), (new * worth).sum()), rel=1e-5)


@pytest.mark.parametrize("family", ["share", "chance"])
def test_an_open_class_is_access_for_the_next(people, family):
    saturation = Saturation(family, 0.7)
    access, rate, given, worth = people
    after = Beside(saturation, access, rate).weighed(worth).after(given)
    np.testing.assert_array_equal(after.access, access + given)
    assert after.counts(given) == Beside(saturation, access + given, rate, worth).counts(given)


@pytest.mark.parametrize("family", ["share", "chance"])
@pytest.mark.parametrize("k", [0.05, 2.0, 40.0])
def test_two_classes_draw_no_more_together_than_is_told(people, family, k, monkeypatch):
    access, rate, given, worth = people
    monkeypatch.setattr(beside_module, "POINTS_AT_ONCE", 300)
    saturation, classes = Saturation(family, k), np.stack([given, worth, given[::-1], 0 * given])
    for weights in (None, worth):
        beside = Beside(saturation, access, rate).weighed(weights)
        drawn, less = beside.together(lambda at: classes[:, at])
        alone = [beside.counts(one)[2] for one in classes]
        np.testing.assert_allclose(drawn, alone, rtol=1e-5, atol=1e-3)
        for first, second in itertools.product(range(4), repeat=2):
            exact = drawn[first] - beside.after(classes[second]).counts(classes[first])[2]
            assert less[first, second] <= exact * (1 + 1e-3) + 1e-3
            assert less[first, second] >= 0.95 * exact - 1e-3
