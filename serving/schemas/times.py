"""Instants in answers, each with its offset."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

Instant = Annotated[datetime, Field(description="with its offset, in the zone of the data")]
DataUntil = Annotated[datetime, Field(description="first instant that the bundle has not learned from")]
Since = Annotated[datetime, Field(description="first instant of the period")]
Until = Annotated[datetime, Field(description="first instant after the period")]
Bundle = Annotated[str, Field(description="name of the bundle that answers")]
