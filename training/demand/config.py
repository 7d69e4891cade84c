"""Settings of the demand forecast."""

from __future__ import annotations

from pydantic import Field

from recsys.closed import Closed
from training.forecasters.boosting import BoostingConfig
from training.forecasters.statistical import Statistical

STATISTICAL_FAMILY: tuple[Statistical, ...] = ("theta", "ets", "ces", "imapa", "tsb")
"""What an evaluation chooses from; a training, which judges on every run, has the quicker ones."""


class DemandConfig(Closed):
    """Settings of the demand forecast."""

    history_weeks: int = Field(default=160, ge=1, description="weeks looked back on; older sessions do not count")
    max_origins: int = Field(default=60, ge=2, description="past weekly cut-offs learned from; more take longer")
    test_weeks: int = Field(default=10, ge=1, description="latest weekly cut-offs kept to measure the spread")
    refit_weeks: int = Field(default=4, ge=1, description="weekly cut-offs that a fit serves in that measurement")
    boosting: BoostingConfig = BoostingConfig()
    statistical: tuple[Statistical, ...] = Field(
        default=("theta", "imapa"), description="models of single series that evaluations put beside the served one"
    )
    n_boots: int = Field(default=200, ge=0, description="bootstrap draws of an evaluation's intervals")
    seed: int = Field(default=0, ge=0, description="of sampling")
