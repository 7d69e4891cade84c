import importlib
import pkgutil

import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings

import features
import recsys
import serving
import training
from recsys.closed import Closed
from recsys.errors import broken_rules
from serving.params import Query


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


def test_all_settings_and_bodies_are_closed():
    for package in (recsys, features, training, serving):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "migrations" not in module.name:
                importlib.import_module(module.name)
    models = [BaseModel]
    for model in models:
        models += model.__subclasses__()
    # In addresses and in the environment all is text, where `true` is no number anyway.
    written = [m for m in models if not issubclass(m, Closed | Query | BaseSettings)]
    ours = [m for m in written if m.__module__.split(".")[0] in ("recsys", "features", "training", "serving")]
    assert [m.__qualname__ for m in ours if m.model_config.get("extra") == "forbid"] == []
    assert len(Closed.__subclasses__()) > 20
