"""A figure that is not certain: its quantiles."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Interval(BaseModel):
    """`q0.1` to `q0.9` hold 80 % of outcomes."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    q10: float = Field(alias="q0.1", description="one outcome in ten lies below")
    q90: float = Field(alias="q0.9", description="one outcome in ten lies above")


class Forecast(Interval):
    """Mean and quantiles."""

    mean: float = Field(description="expected places; means add up over regions and categories, quantiles do not")
    q50: float = Field(alias="q0.5", description="as many outcomes below as above")
