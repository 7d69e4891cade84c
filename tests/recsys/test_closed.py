from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from recsys.closed import Closed
from recsys.errors import broken_rules


class Inner(Closed):
    share: float = 0.5


class Outer(Closed):
    count: int | None = Field(default=None, ge=1, le=5)
    costs: dict[str, float] = Field(default={})
    budgets: tuple[float, ...] = ()
    inner: Inner = Inner()
    parts: tuple[Inner, ...] = ()
    exact: bool = False


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"count": True}, "count: Input should be a valid integer, not true"),
        ({"costs": {"dance": True}}, "costs.dance: Input should be a valid number, not true"),
        ({"budgets": [1, False]}, "budgets.1: Input should be a valid number, not false"),
        ({"inner": {"share": True}}, "inner.share: Input should be a valid number, not true"),
        ({"parts": [{"share": 1}, {"share": True}]}, "parts.1.share: Input should be a valid number, not true"),
    ],
)
def test_a_flag_is_no_number_at_any_depth(written, told):
    with pytest.raises(ValidationError) as failure:
        Outer.model_validate(written)
    assert broken_rules(failure.value, "it") == [told]


def test_numbers_flags_and_the_schema_are_as_without_it():
    found = Outer.model_validate({"count": 2.0, "costs": {"dance": 1}, "budgets": ["3"], "exact": True})
    assert (found.count, found.costs, found.budgets, found.exact) == (2, {"dance": 1.0}, (3.0,), True)
    count = Outer.model_json_schema()["properties"]["count"]["anyOf"][0]
    assert count == {"type": "integer", "minimum": 1, "maximum": 5}


def test_what_is_written_as_json_is_closed_by_the_one_base():
    root = Path(__file__).parents[2]
    packages = [root / name for name in ("recsys", "features", "training", "serving")]
    closed = {
        path.relative_to(root).as_posix()
        for package in packages
        for path in package.rglob("*.py")
        if 'extra="forbid"' in path.read_text(encoding="utf-8")
    }
    # Parameters of addresses are texts, where `true` is no number anyway.
    assert closed == {"recsys/closed.py", "serving/params.py"}
