import numpy as np

from recsys.openings.classes.value import Audience


def test_a_value_holds_until_a_class_of_its_category_is_opened_or_closed(inputs):
    audience, fresh = Audience(inputs), Audience(inputs)
    first = audience.opening(0, 0, 0, 30.0, 15.0)
    other = audience.opening(1, 0, 0, 30.0)
    assert audience.opening(0, 0, 0, 30.0, 15.0) is first
    audience.take(audience.opening(0, 1, 0, 30.0))
    fresh.take(fresh.opening(0, 1, 0, 30.0))
    assert audience.opening(0, 0, 0, 30.0, 15.0) == fresh.opening(0, 0, 0, 30.0, 15.0)
    assert audience.opening(0, 0, 0, 30.0, 15.0).attendance < first.attendance
    assert audience.opening(1, 0, 0, 30.0) is other
    audience.forget(0)
    assert audience.opening(0, 0, 0, 30.0, 15.0) == first


def test_values_of_a_class_are_kept_by_hour_and_places(inputs):
    audience = Audience(inputs)
    asked = [(0, 30.0, None), (0, 2.0, None), (0, 30.0, 15.0), (0, 30.0, 1.0), (1, 30.0, 15.0)]
    kept = [audience.opening(0, 0, slot, size, usual) for slot, size, usual in asked]
    assert kept == [Audience(inputs).opening(0, 0, slot, size, usual) for slot, size, usual in asked]
    assert len({(one.slot, one.size) for one in kept}) == len(asked)


def test_who_is_drawn_stays_while_other_classes_are_valued(inputs):
    audience = Audience(inputs)
    drawn = audience.drawn(0, 0, 0)
    kept = drawn.copy()
    (_, in_turn), (_, second) = audience.in_turn([audience.opening(0, v, 0, 30.0) for v in (0, 1)])
    audience.opening(1, 2, 0, 30.0)
    np.testing.assert_array_equal(drawn, kept)
    np.testing.assert_array_equal(in_turn, kept)
    assert (second != kept).any()
