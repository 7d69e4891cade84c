"""How near to the oracle any forecaster could come: its forecast, one thing it is told after the other taken away.

`make bench-demand-bound ARGS="--seeds 40-45 [--shapes logit,gravity] [--histories 156] [--users 4000] [--out FILE]"`

The oracle of `culture score` knows each session's true mean, the family of the noise, the noise so far and what was
booked. Each rung replaces one more of these by what the bookings and tables so far leave open of it, all else being
told: tastes of every person, choice, season, and all that is not on the rung. So no learner can do better in
expectation, and none knows as much. Rows are scaled CRPS over the oracle's, and bias of demand in festival weeks
against the true mean, as means over seeds with 95 % intervals by Student's t; the last row is what is served.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.bound.festival import festival_scale
from benchmarks.bound.posteriors import memory_draws, nests_of, quality_draws
from benchmarks.counties import Row, county_parser, each_county
from benchmarks.demand.worlds import with_interval
from recsys.dataset import Dataset
from recsys.demand.forecast import TARGETS
from recsys.simulation.scoring.forecast import FORECAST_COLUMNS, forecast_of_paths, future_sessions, score_forecast
from recsys.simulation.setting.dates import SHORT_NOTICE_DAYS
from recsys.simulation.setting.season import season
from recsys.simulation.truth.oracle import Truth
from recsys.simulation.truth.paths import demand_paths
from training.demand.config import DemandConfig
from training.demand.forecast import forecast_demand

Floats = NDArray[np.float64]

N_PATHS = 300


@dataclass(frozen=True)
class Told:
    """What a forecaster is told beside the tables."""

    events: bool = True
    unpublished: bool = True
    lines: bool = True
    memory: bool = True
    festival: bool = True


ALL = Told()
RUNGS: dict[str, Told] = {
    "told everything": ALL,
    "but quality of single events": Told(events=False),
    "nor events not yet published": Told(events=False, unpublished=False),
    "nor quality of lines of classes": Told(events=False, unpublished=False, lines=False),
    "nor memory of the noise": Told(events=False, unpublished=False, lines=False, memory=False),
    "nor effects of the festival": Told(events=False, unpublished=False, lines=False, memory=False, festival=False),
}


@dataclass(frozen=True)
class Ladder:
    """Forecasts of one world by what is told; each thing that is not told has a stream of chance of its own."""

    truth: Truth
    n_paths: int = N_PATHS
    seed: int = 5

    @cached_property
    def future(self) -> pd.DataFrame:
        """Sessions of the weeks ahead."""
        return future_sessions(self.truth)

    @cached_property
    def past(self) -> pd.DataFrame:
        """Sessions before them."""
        sessions = self.truth.tables["sessions"]
        return sessions[sessions["starts_at"] < self.future["starts_at"].min()].reset_index(drop=True)

    @cached_property
    def qualities(self) -> Floats:
        """(n_future, n_paths) as the requests so far leave them open."""
        both = pd.concat([self.past, self.future], ignore_index=True)
        rows = len(self.past) + np.arange(len(self.future))
        return quality_draws(self.truth, both, rows, self.n_paths, self._chance(1))

    @cached_property
    def memory(self) -> pd.DataFrame:
        """The noise's memory as past requests leave it open."""
        return memory_draws(self.truth, self.past, self.n_paths, self._chance(2))

    @cached_property
    def festival(self) -> Floats:
        """(n_future, n_paths) factors on the means by drawn effects."""
        return festival_scale(self.truth, self.past, self.future, self.n_paths, self._chance(3))

    def forecast(self, told: Told) -> dict[str, pd.DataFrame]:
        """By target, rows like `recsys.simulation.scoring.forecast.oracle_forecast`'s."""
        sessions = self.future
        scale = self.quality_scale(told)
        if not told.festival:
            scale = scale * self.festival
        if not told.unpublished:
            scale = np.where((sessions["published_at"] < self.truth.as_of).to_numpy()[:, None], scale, 0.0)
            events, is_in_path = self._short_notice()
            sessions = pd.concat([sessions, events], ignore_index=True)
            scale = np.concatenate([scale, is_in_path])
        memory = self.truth.tables["memory"] if told.memory else self.memory
        rng = np.random.default_rng(self.seed)
        asked = demand_paths(
            sessions,
            self.truth.shape,
            self.truth.noise,
            self.n_paths,
            rng,
            memory=memory if len(memory) else None,
            last_week=self.truth.weeks - 1,
            is_known=True,
            scale=scale,
        )
        return forecast_of_paths(self.truth, sessions, asked, rng)

    def quality_scale(self, told: Told) -> Floats:
        """(n_future, n_paths) expected requests by drawn qualities over those by the true ones, all together."""
        true = np.repeat(self.future["quality"].to_numpy()[:, None], self.n_paths, axis=1)
        is_told = np.where(self.future["kind_num"] == 0, told.lines, told.events)[:, None]
        quality = true if is_told.all() else np.where(is_told, true, self.qualities)
        scale = np.ones(quality.shape)
        for nest in nests_of(self.truth, self.future):
            both = nest.means(np.column_stack([quality[nest.rows], true[nest.rows, :1]]))
            scale[nest.rows] = both[:, :-1] / np.maximum(both[:, -1:], 1e-12)
        return scale

    def _short_notice(self) -> tuple[pd.DataFrame, Floats]:
        """Events that may still be published, each in one path: past events with their true means, in a week ahead."""
        truth, rng = self.truth, self._chance(4)
        events = self.past[(self.past["kind_num"] != 0) & self.past["cancelled_at"].isna()]
        rows_of = list(events.groupby("activity_num").indices.values())
        late = float(truth.manifest["knobs"]["adhoc_share"])
        n_drawn = rng.poisson(late * len(rows_of) / truth.weeks * truth.future_weeks, self.n_paths)
        chosen = rng.integers(0, len(rows_of), n_drawn.sum())
        path = np.repeat(np.arange(self.n_paths), n_drawn)
        week = truth.weeks + rng.integers(0, truth.future_weeks, len(path))
        notice = rng.integers(*SHORT_NOTICE_DAYS, len(path))
        sizes = [len(rows_of[one]) for one in chosen]
        rows = np.concatenate([rows_of[one] for one in chosen]) if len(chosen) else np.empty(0, dtype=np.int64)
        found = self._moved(events.iloc[rows], np.repeat(week, sizes))
        known_from = found["starts_at"].dt.normalize() - pd.to_timedelta(np.repeat(notice, sizes), unit="D")
        is_open = ((known_from >= truth.as_of) & (found["starts_at"] >= truth.as_of)).to_numpy()
        is_in_path = np.repeat(path, sizes)[is_open][:, None] == np.arange(self.n_paths)
        return found[is_open], is_in_path.astype(np.float64)

    def _moved(self, events: pd.DataFrame, week: NDArray[np.int64]) -> pd.DataFrame:
        """Events in another week: nobody has asked yet; means go with its season and with who is registered then."""
        starts = events["starts_at"] + pd.to_timedelta(7 * (week - events["week_num"].to_numpy()), unit="D")
        is_class = np.zeros(len(events), dtype=bool)
        then, before = (
            season(
                one.to_numpy().astype("datetime64[D]"), events["category_num"].to_numpy(), is_class, self.truth.shape
            )
            * np.searchsorted(self._registered, one.to_numpy())
            for one in (starts, events["starts_at"])
        )
        means = {f"mean_{k}": events[f"mean_{k}"] * then / np.maximum(before, 1e-9) for k in (1, 2, 3)}
        first_group = int(self.truth.tables["sessions"]["group"].max()) + 1
        return events.assign(
            starts_at=starts,
            week_num=week,
            early=0.0,
            n_early=0,
            early_places=0.0,
            group=first_group + np.arange(len(events)),
            **means,
        )

    @cached_property
    def _registered(self) -> NDArray[np.datetime64]:
        return np.sort(self.truth.people.table["registered_at"].to_numpy())

    def _chance(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream])


def as_rows(forecast: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A forecast by target as the contract's rows."""
    return pd.concat([table.assign(target=target) for target, table in forecast.items()])[list(FORECAST_COLUMNS)]


def climbed(dataset: Dataset, truth: Truth) -> list[Row]:
    """Figures of each rung of one county, and of what is served there."""
    ladder = Ladder(truth)
    forecasts = {name: as_rows(ladder.forecast(told)) for name, told in RUNGS.items()}
    forecasts["served"] = forecast_demand(dataset, truth.future_weeks, DemandConfig()).table
    found = []
    for name, rows in forecasts.items():
        score = score_forecast(truth, rows)
        for target in TARGETS:
            levels = {level: one["scrps_over_oracle"] for level, one in score[target]["levels"].items()}
            bias = score[target]["festival_bias"]["given"]
            found.append({"rung": name, "target": target, **levels, **bias})
    return found


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a kind of world, target and rung: mean over seeds with its interval."""
    keys = ["shape", "weeks", "target", "rung"]
    values = ["county", "township", "festival", "other"]
    shown = rows.groupby(keys, sort=False)[values].agg(lambda one: with_interval(one.to_list()))
    return shown.rename(columns={"festival": "bias in festival weeks", "other": "bias in others"})


def main() -> None:
    options = county_parser(__doc__, seeds="40-45", histories="156", users=4000).parse_args()
    for kind, part in table_of(each_county(options, climbed)).groupby(level=[0, 1, 2], sort=False):
        print(*kind)
        print(part.droplevel([0, 1, 2]).to_string(), end="\n\n")


if __name__ == "__main__":
    main()
