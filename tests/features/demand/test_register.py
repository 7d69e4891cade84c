import numpy as np
import pytest

from features.demand.register import Register


def test_people_are_those_registered_by_then_over_those_of_now() -> None:
    register = Register(np.array([1.0, 2.0, 30.0]), n_always=1)
    np.testing.assert_allclose(
        register.share(np.array([0.0, 1.0, 1.5, 2.5, 40.0]), seen=0, over=0), [1.0, 0.75, 0.75, 0.5, 0.25]
    )


def test_they_grow_on_as_lately() -> None:
    register = Register(np.arange(0.5, 26.0), n_always=0)
    assert register.share(np.array([-13.0]), seen=0, over=0) == pytest.approx(39 / 26)
    stopped = Register(np.arange(8.5, 26.0), n_always=0)
    assert stopped.share(np.array([-13.0]), seen=0, over=0) == pytest.approx(1.0)


def test_an_origin_knows_nothing_of_who_registered_later() -> None:
    before = np.arange(10.5, 40.0)
    few, many = (Register(np.sort(np.append(later, before)), n_always=0) for later in ([5.0], np.linspace(0.1, 9, 300)))
    ages = np.array([-3.0, 4.0, 12.0])
    seen = [one.share(ages, seen=10.0, over=10.0) * 30 for one in (few, many)]
    np.testing.assert_allclose(*seen)
    np.testing.assert_allclose(seen[0], [30 + 13, 30 + 6, 28])


def test_a_register_filled_late_is_no_growth() -> None:
    assert Register(np.array([0.1] * 100), n_always=0).share(np.array([50.0]), seen=0, over=0) == 0.05
