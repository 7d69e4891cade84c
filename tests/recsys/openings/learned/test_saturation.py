import numpy as np
import pytest

from recsys.openings.learned.saturation import Saturation


@pytest.mark.parametrize("family", ["share", "chance"])
def test_classes_share_what_is_used_up_by_the_access_that_they_give(family):
    saturation, given = Saturation(family, 0.7), np.array([[0.1, 0.0], [0.3, 0.0]], dtype=np.float32)
    access = given.sum(axis=0)
    used = saturation.used(access)
    first, second = (saturation.part(access, one) for one in given)
    np.testing.assert_allclose(first + second, used, rtol=1e-6)
    np.testing.assert_allclose(3 * first, second, rtol=1e-6)
    assert first[1] == 0


@pytest.mark.parametrize(("family", "off"), [("share", 1e-5), ("chance", 0.01)])
def test_the_bend_tells_what_a_class_draws(family, off):
    saturation = Saturation(family, 0.7)
    access, given = np.array([0.0, 0.4, 2.0], dtype=np.float32), np.float32(0.5)
    drawn = saturation.used(access + given) - saturation.used(access)
    first = saturation.slope(access) * given
    np.testing.assert_allclose(first / (1 + saturation.bend(access) * given), drawn, rtol=off)
    assert (first > 1.05 * drawn).all()


@pytest.mark.parametrize("family", ["share", "chance"])
def test_worked_out_in_given_arrays_it_is_the_same_to_the_bit(family):
    saturation = Saturation(family, 0.7)
    access = np.random.default_rng(0).gamma(0.5, size=1000).astype(np.float32)
    used = saturation.used(access)
    out = np.full_like(access, np.nan)
    assert saturation.used(access, out=out) is out
    np.testing.assert_array_equal(out, used)
    slope = saturation.slope(access)
    np.testing.assert_array_equal(saturation.slope(access, out=access), slope)


@pytest.mark.parametrize("family", ["share", "chance"])
def test_the_access_is_found_again_by_what_more_of_it_gains(family):
    saturation, given = Saturation(family, 0.7), np.array([0.0, 1e-6, 0.3, 4.0], dtype=np.float32)
    access = np.array([[0.0], [0.5], [3.0]], dtype=np.float32)
    found = saturation.access_at(saturation.gain(access, given), given)
    np.testing.assert_allclose(found, access + 0 * given, atol=1e-5)
    assert found.min() == 0.0
