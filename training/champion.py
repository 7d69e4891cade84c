"""What the champion answers already, and what has to be learned for an answer."""

from __future__ import annotations

import pandas as pd
from pydantic import BaseModel

from features.openings.inputs import opening_inputs
from features.ranking.lists import RankingModel, load_ranking
from features.settings import Settings
from features.store.snapshot import Snapshot
from recsys.bundle import ModelBundle
from recsys.dataset import Dataset
from recsys.demand.forecast import DemandForecast, load_demand
from recsys.errors import BundleError
from recsys.openings.learned.alike import alike
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.learned.stored import load_openings
from recsys.releases import load_champion
from training.demand.forecast import forecast_demand
from training.evaluation import Say
from training.ranking.fit import fit_ranking
from training.run import TrainConfig

CHAMPION_DAYS = 7
"""A champion learned from data that end at most so many days before `--as-of` may answer for it."""


def ranking_model(settings: Settings, dataset: Dataset, say: Say) -> RankingModel:
    """The champion's, if it was learned from data until `data_until` or at most a week earlier; else a new one."""
    champion = load_champion(settings.home)
    if champion is not None:
        age = dataset.data_until - pd.Timestamp(champion.manifest["data_until"])
        if pd.Timedelta(0) <= age <= pd.Timedelta(days=CHAMPION_DAYS):
            say(f"using the champion {champion.name}")
            return load_ranking(champion)
    say("no champion was learned from these data: learning to rank")
    return fit_ranking(dataset, TrainConfig().ranking)


def same_data(settings: Settings, snapshot: Snapshot, say: Say, **asked: BaseModel | int) -> ModelBundle | None:
    """The champion, if it was learned from this very snapshot under these settings: learning anew gives the same."""
    try:
        champion = load_champion(settings.home)
    except BundleError as error:
        say(f"the champion is of no use: {error}")
        return None
    if champion is None or champion.manifest["snapshot"]["sha256"] != snapshot.sha256:
        return None
    wanted = {name: one.model_dump(mode="json") if isinstance(one, BaseModel) else one for name, one in asked.items()}
    learned = champion.manifest["config"]
    return champion if all(learned.get(name) == value for name, value in wanted.items()) else None


def weekly_forecast(
    settings: Settings, snapshot: Snapshot, dataset: Dataset, horizon_weeks: int, say: Say
) -> DemandForecast:
    """The forecast of so many weeks: the champion's, if it is of the same data; else made."""
    config = TrainConfig().demand
    champion = same_data(settings, snapshot, say, horizon_weeks=horizon_weeks, demand=config)
    if champion is not None:
        say(f"the champion {champion.name} holds this forecast")
        return load_demand(champion)
    say("forecasting demand")
    return forecast_demand(dataset, horizon_weeks, config)


def openings_of(settings: Settings, snapshot: Snapshot, dataset: Dataset, say: Say) -> OpeningInputs:
    """What deciding on openings needs: the champion's, if it is of the same data; else learned."""
    config = TrainConfig().openings
    champion = same_data(settings, snapshot, say, openings=config)
    if champion is not None:
        say(f"choosing openings by the champion {champion.name}")
        return load_openings(champion)
    say("choosing openings")
    return alike(opening_inputs(dataset, config))
