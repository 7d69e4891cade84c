"""Errors are for people: what, which value, what was expected."""

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recsys.errors import UnknownIdError, broken_rules


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    least: int = Field(ge=1)
    names: tuple[str, ...] = ()
    inner: dict[str, float] = {}


def broken(**values: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(values)
    return broken_rules(caught.value, "file")


def test_every_broken_rule_names_its_setting_and_the_value():
    assert broken(least=0, names=3, inner={"a": "x"}, tweak=1) == [
        "least: Input should be greater than or equal to 1, not 0",
        "names: Input should be a list, not 3",
        "inner.a: Input should be a valid number, unable to parse string as a number, not 'x'",
        "tweak: there is no setting of this name",
    ]
    assert broken() == ["least: is missing"]


def test_a_long_value_is_not_repeated_and_the_whole_has_a_name():
    assert broken(least="9" * 500 + "x") == [
        "least: Input should be a valid integer, unable to parse string as an integer"
    ]
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate_json("[")
    assert broken_rules(caught.value, "file")[0].startswith("file: Invalid JSON")


def test_a_number_without_end_is_not_repeated_and_words_are_those_of_people():
    assert broken(least=-(10**5000)) == ["least: Input should be greater than or equal to 1"]
    assert broken(least=1, inner=[]) == ["inner: Input should be an object {...}"]


def test_an_unknown_id_says_what_to_do():
    assert "check how it is written" in str(UnknownIdError("region_id", ["zz"]))
    assert str(UnknownIdError("region", ["zz"], "expected a code")) == "unknown region: 'zz'; expected a code"
