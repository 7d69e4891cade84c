import pytest

from recsys.errors import DataError, UnknownIdError
from recsys.ids import IdMap


def test_ids_give_rows_and_unknown_ones_an_error() -> None:
    towns = IdMap.of(["b", "a"], "town")
    assert towns.nums(["a", "b"]).tolist() == [1, 0]
    assert towns.nums_or_missing(["z", "a"]).tolist() == [-1, 1]
    assert "b" in towns
    with pytest.raises(UnknownIdError, match=r"unknown town: 'w', 'x', 'y' and 1 more"):
        towns.nums(["a", "w", "x", "y", "z"])


def test_repeated_ids_are_refused() -> None:
    with pytest.raises(DataError, match="repeat"):
        IdMap.of(["a", "a"])


def test_no_ids_have_no_rows() -> None:
    assert len(IdMap.of([])) == 0
    assert IdMap.of([]).nums([]).tolist() == []
