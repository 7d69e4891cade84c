"""What serving takes out of a bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from features.openings.latent_demand import LATENT
from features.ranking.lists import RankingModel, load_ranking
from recsys.bundle import ModelBundle
from recsys.demand.forecast import DemandForecast, load_demand
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.learned.stored import load_openings
from recsys.releases import load_champion
from serving.champion import UNREADABLE
from serving.planning.series import SeriesTables

_T = TypeVar("_T")


@dataclass(frozen=True)
class BundleParts:
    """The parts of one bundle, each None if the bundle was made without it.

    Attributes:
        name: The bundle's name.
        data_until: First instant that it has not learned from.
        timezone: Zone of its weeks.
        ranking: Ranks sessions.
        demand: Forecast, history and gaps.
        openings: What suggestions and appraisals are made from.
        latent: `region_id, category, mean, q0.1, q0.9` of what is not offered, see `features.openings.latent_demand`.
        series: The forecast by series; made before the bundle serves, as a province's takes seconds.
    """

    name: str
    data_until: pd.Timestamp
    timezone: str
    ranking: RankingModel | None
    demand: DemandForecast | None
    openings: OpeningInputs | None
    latent: pd.DataFrame | None
    series: SeriesTables | None

    def missing(self) -> list[str]:
        """Names of parts that the bundle was made without."""
        return [name for name in ("ranking", "demand", "openings", "latent") if getattr(self, name) is None]


def open_parts(bundle: ModelBundle) -> BundleParts:
    """Reads what serving needs.

    Raises:
        BundleError: a part is there but incomplete.
    """
    demand = _part(bundle, "demand/", load_demand)
    return BundleParts(
        name=bundle.name,
        data_until=pd.Timestamp(bundle.manifest["data_until"]).tz_convert("UTC"),
        timezone=str(bundle.manifest.get("timezone", "Asia/Shanghai")),
        ranking=_part(bundle, "ranking/", load_ranking),
        demand=demand,
        openings=_part(bundle, "openings/", load_openings),
        latent=_part(bundle, LATENT, lambda held: held.table(LATENT)),
        series=None if demand is None else SeriesTables.of(demand),
    )


def can_serve(home: Path) -> bool:
    """Whether a champion is there that this version reads, with every part."""
    try:
        champion = load_champion(home)
        return champion is not None and not open_parts(champion).missing()
    except UNREADABLE:
        return False


def _part(bundle: ModelBundle, prefix: str, load: Callable[[ModelBundle], _T]) -> _T | None:
    return load(bundle) if any(name.startswith(prefix) for name in bundle.manifest["parts"]) else None
