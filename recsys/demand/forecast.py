"""A demand forecast as tables: what training computed, planners read and the bundle carries."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from recsys.bundle import BundleWriter, ModelBundle

TARGETS = ("bookings", "demand")
"""What is taken under the planned programme; what would be taken if none of its sessions could be full."""

DAYS_OFF, ANNOUNCED = "days off", "announced"
"""The note on days off, and its value where those of all weeks ahead are announced; else a rule stands in."""

QUANTILES = (0.1, 0.5, 0.9)
FORECAST_COLUMNS = ("region_id", "level", "category", "week_start", "target", "mean", "q0.1", "q0.5", "q0.9")
_KEYS = ("region_id", "level", "category")
TABLE_COLUMNS: dict[str, tuple[str, ...]] = {
    "table": FORECAST_COLUMNS,
    "history": (*_KEYS, "week_start", "sessions", "places", "offered", "sold_out", "demand", "state"),
    "gaps": (*_KEYS, "demand", "supply", "unmet", "fill", "is_identified"),
    "drivers": (*_KEYS, "week_start", "driver", "factor", "places"),
    "alarms": (*_KEYS, "week_start", "kind", "direction", "ratio", "since", "sessions_ratio", "is_season_known"),
    "accuracy": ("level", "category", "weeks_ahead", "model", "metric", "mean", "n"),
    "periods": (*_KEYS, "period", "period_start", "target", "mean", "q0.1", "q0.5", "q0.9"),
    "villages": ("region_id", "parent_id", "category", "share"),
    "notes": ("note", "value"),
}
"""Columns of each table of a forecast."""

_TEXTS = frozenset((*_KEYS, "parent_id", "target", "state", "driver", "kind", "direction", "period")) | frozenset(
    ("model", "metric", "note", "value")
)
_TIMES = frozenset(("week_start", "period_start", "since"))
_FLAGS = frozenset(("is_identified", "is_season_known"))
_FOLDER = "demand"


def empty_table(columns: tuple[str, ...]) -> pd.DataFrame:
    """A table of these columns, in their types, without rows."""

    def type_of(name: str) -> str:
        if name in _FLAGS:
            return "bool"
        return "object" if name in _TEXTS else "datetime64[ns]" if name in _TIMES else "float64"

    return pd.DataFrame({name: pd.Series(dtype=type_of(name)) for name in columns})


@dataclass(frozen=True)
class DemandForecast:
    """Everything that is said of demand at one time, as tables.

    `week_start` is always the local Monday 00:00 without a zone; figures count places.

    Attributes:
        table: The forecast, `FORECAST_COLUMNS`; coherent over the tree in `mean`, quantiles in order, nothing below 0.
        history: `region_id, level, category, week_start, sessions, places, offered, sold_out, demand, state`:
            weeks that are over; `places` taken, `offered` by sessions that state a capacity, `sold_out` sessions,
            `demand` the estimate behind full sessions; `state` is `open`, `sold out`,
            `no session`, `holiday` or `closed`.
        gaps: `region_id, level, category, demand, supply, unmet, fill, is_identified` over the weeks ahead, a week's
            mean; not `is_identified` where nearly every week was sold out: how much is wanted there was taken from
            sessions like these.
        drivers: `region_id, level, category, week_start, driver, factor, places`: the factors multiply to
            the mean of `bookings`, and `places` add up to it.
        alarms: `region_id, level, category, week_start, kind, direction, ratio, since, sessions_ratio,
            is_season_known`: levels that broke (`kind` `break`) or have been drifting since that week (`drift`), to
            `ratio` times what they were; sessions a week are `sessions_ratio` times as many; `category` empty: of all
            categories together; not `is_season_known`: of too short a history to tell a shift from a season.
        accuracy: `level, category, weeks_ahead, model, metric, mean, n`: how past forecasts did, by level, by level
            and week ahead and by level and category (`category` empty: all; `weeks_ahead` NaN: all): `wape`, and
            `pit80`, the share of outcomes in the 80 % interval by randomised PIT.
        periods: `region_id, level, category, period, period_start, target, mean, q0.1, q0.5, q0.9`: months and
            quarters that end within the forecast's weeks, the weeks of them that are over included.
        villages: `region_id, parent_id, category, share`: what of the series of `parent_id` lies in a village's venues.
        notes: `note, value`: choices and flags, such as whether holidays of a year are announced yet.
    """

    table: pd.DataFrame
    history: pd.DataFrame
    gaps: pd.DataFrame
    drivers: pd.DataFrame
    alarms: pd.DataFrame
    accuracy: pd.DataFrame
    periods: pd.DataFrame
    villages: pd.DataFrame
    notes: pd.DataFrame

    @property
    def are_days_off_announced(self) -> bool:
        """Whether the State Council has announced the days off of all weeks ahead; True without weeks."""
        said = self.notes.loc[self.notes["note"] == DAYS_OFF, "value"]
        return bool((said == ANNOUNCED).all())

    def remarks(self) -> list[str]:
        """What a reader should know: shifts of level, and days off that are a guess."""
        shifted = self.alarms[self.alarms["category"] != ""]
        found = []
        if len(shifted):
            most = shifted.iloc[int(np.abs(np.log(shifted["ratio"])).argmax())]
            way = f"drifting {most['direction']}" if most["kind"] == "drift" else most["direction"]
            told = f"{most['region_id']}, {most['category']}: {way} since {most['since']:%Y-%m-%d}"
            found.append(f"the level of {len(shifted)} series has shifted, most in {told}{_perhaps_season(most)}")
        if not self.are_days_off_announced:
            found.append("days off of some weeks ahead are not announced yet: the usual rule stands in for them")
        return found

    @classmethod
    def empty(cls) -> DemandForecast:
        """Of a place where nothing was ever offered: every table without rows."""
        return cls(**{name: empty_table(columns) for name, columns in TABLE_COLUMNS.items()})

    def save(self, writer: BundleWriter) -> None:
        """Adds all tables to a bundle."""
        for field in fields(self):
            writer.table(f"{_FOLDER}/{field.name}", getattr(self, field.name))


def _perhaps_season(alarm: pd.Series) -> str:
    # Bundles of before do not say it.
    is_known = alarm.get("is_season_known", True)
    return "" if is_known else " (or it is the season, which so short a history does not tell)"


def load_demand(bundle: ModelBundle) -> DemandForecast:
    """The forecast that a bundle carries.

    Raises:
        BundleError: names a part that is not there.
    """
    return DemandForecast(**{f.name: bundle.table(f"{_FOLDER}/{f.name}") for f in fields(DemandForecast)})
