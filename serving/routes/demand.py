"""Forecasts and gaps, for planners: tables of the bundle, looked up and put beside each other."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray

from recsys.demand.forecast import DemandForecast
from recsys.errors import UnknownIdError
from serving.params import ForecastQuery, GapQuery
from serving.parts import BundleParts
from serving.planning.series import SERIES, TARGETED, Grouped
from serving.problems import RESPONSES, not_ready
from serving.routes.paging import place_of
from serving.schemas.demand import (
    Accuracy,
    Alarm,
    Driver,
    Forecasts,
    Gap,
    Gaps,
    PeriodForecast,
    PeriodPoint,
    Series,
    VillageShare,
    WeekForecast,
    WeekPoint,
)
from serving.service import InService, Service

router = APIRouter(prefix="/v1/demand", tags=["planners"], responses=RESPONSES)

_NO_ROWS = np.zeros(0, dtype=np.int64)


@router.get("/forecasts")
def forecasts(query: Annotated[ForecastQuery, Query()], service: InService, request: Request) -> Forecasts:
    """Forecasts of whole weeks with quantiles, beside the weeks that are over."""
    parts, demand = _demand(service)
    names = service.live.region_names(parts)
    tables = parts.series
    assert tables is not None
    keys = _filtered(tables.keys, query.region_id, query.level, query.category, names)
    if query.target is not None:
        keys = keys[keys["target"] == query.target]
    page = keys.iloc[query.offset : query.offset + query.limit]
    of_category = _accuracy_by_category(demand.accuracy, page)
    of_villages = _villages(demand.villages, page, names)
    items = [
        Series(
            region_id=key[0],
            region=names.get(key[0], key[0]),
            level=key[1],
            category=key[2],
            target=key[3],
            is_identified=key[:3] not in tables.unidentified,
            history=_history(tables.history, key, query.history_weeks),
            forecast=_weeks(tables.forecast, key, query.horizon),
            periods=None if query.period == "week" else _periods(tables.periods[query.period], key),
            past_periods=None if query.period == "week" else _past_periods(tables.past_periods[query.period], key),
            villages=of_villages.get((key[0], key[2]), []),
            accuracy=of_category.get((key[1], key[2]), []) if key[3] == "bookings" else [],
            drivers=_drivers(tables.drivers, key[:3], query.horizon) if key[3] == "bookings" else None,
        )
        for key in page[TARGETED].itertuples(index=False, name=None)
    ]
    return Forecasts(
        bundle=parts.name,
        data_until=_local(parts),
        alarms=_alarms(demand.alarms, page),
        are_days_off_announced=demand.are_days_off_announced,
        accuracy=_accuracy_by_week(demand.accuracy, page, query.horizon),
        **place_of(request, query, len(keys)),
        items=items,
    )


@router.get("/gaps")
def gaps(query: Annotated[GapQuery, Query()], service: InService, request: Request) -> Gaps:
    """Demand, supply and what is unmet, places a week over the forecast's weeks; the largest first."""
    parts, demand = _demand(service)
    names = service.live.region_names(parts)
    table = demand.gaps
    if len(table):
        under = None if query.region_id is None else service.live.regions_under(parts, query.region_id)
        table = _filtered(table, None, query.level, query.category, names)
        table = table if under is None else table[table["region_id"].isin(under)]
        table = table.sort_values(["unmet", "region_id", "category"], ascending=[False, True, True], kind="stable")
    page = table.iloc[query.offset : query.offset + query.limit]
    items = [
        Gap(
            region_id=row["region_id"],
            region=names.get(row["region_id"], row["region_id"]),
            level=row["level"],
            category=row["category"],
            demand=round(float(row["demand"]), 3),
            supply=round(float(row["supply"]), 3),
            unmet=round(float(row["unmet"]), 3),
            share_unmet=round(float(row["unmet"] / row["demand"]), 4) if row["demand"] > 0 else None,
            is_identified=row["is_identified"],
        )
        for row in page.to_dict("records")
    ]
    return Gaps(
        bundle=parts.name,
        data_until=_local(parts),
        **place_of(request, query, len(table)),
        items=items,
    )


def _demand(service: Service) -> tuple[BundleParts, DemandForecast]:
    parts = service.provider.current()
    if parts is None or parts.demand is None:
        raise not_ready("还没有预测", "no forecast has been made")
    return parts, parts.demand


def _local(parts: BundleParts) -> Any:
    return parts.data_until.tz_convert(parts.timezone).to_pydatetime()


def _filtered(
    table: pd.DataFrame, region_id: str | None, level: str | None, category: str | None, names: dict[str, str]
) -> pd.DataFrame:
    keep: NDArray[np.bool_] = np.ones(len(table), dtype=bool)
    if region_id is not None:
        is_there = (table["region_id"] == region_id).to_numpy(dtype=bool)
        # A region that exists but has no venue has no series: an empty list, not an error.
        if not is_there.any() and region_id not in names:
            raise UnknownIdError("region_id", [region_id])
        keep &= is_there
    if level is not None:
        keep &= (table["level"] == level).to_numpy(dtype=bool)
    if category is not None:
        keep &= (table["category"] == category).to_numpy(dtype=bool)
    return table[keep]


def _history(table: Grouped, key: tuple[str, ...], n_weeks: int) -> list[WeekPoint]:
    rows = table.rows.get(key[:3], _NO_ROWS)[-n_weeks:] if n_weeks else _NO_ROWS
    names = ("week_start", "places" if key[3] == "bookings" else "demand", "sold_out", "state")
    return [
        WeekPoint(week_start=week, value=round(float(value), 3), is_sold_out=bool(sold > 0), state=state)
        for week, value, sold, state in zip(*(table.columns[name][rows] for name in names), strict=True)
        if np.isfinite(value)
    ]


def _weeks(table: Grouped, key: tuple[str, ...], horizon: int) -> list[WeekForecast]:
    rows = table.rows[key][:horizon]
    figures = (table.columns[name][rows].round(3).tolist() for name in ("mean", "q0.1", "q0.5", "q0.9"))
    return [
        WeekForecast(week_start=week, mean=mean, q10=low, q50=middle, q90=high)
        for week, mean, low, middle, high in zip(table.columns["week_start"][rows], *figures, strict=True)
    ]


def _periods(table: Grouped, key: tuple[str, ...]) -> list[PeriodForecast]:
    rows = table.rows.get(key, _NO_ROWS)
    figures = (table.columns[name][rows].round(3).tolist() for name in ("mean", "q0.1", "q0.5", "q0.9"))
    return [
        PeriodForecast(period_start=start, mean=mean, q10=low, q50=middle, q90=high)
        for start, mean, low, middle, high in zip(table.columns["period_start"][rows], *figures, strict=True)
    ]


def _past_periods(table: Grouped, key: tuple[str, ...]) -> list[PeriodPoint]:
    rows = table.rows.get(key[:3], _NO_ROWS)
    values = table.columns["places" if key[3] == "bookings" else "demand"][rows].round(3).tolist()
    starts = table.columns["period_start"][rows]
    return [PeriodPoint(period_start=start, value=value) for start, value in zip(starts, values, strict=True)]


def _villages(
    villages: pd.DataFrame, page: pd.DataFrame, names: dict[str, str]
) -> dict[tuple[str, str], list[VillageShare]]:
    """By region and category of a page, the villages that share its series."""
    wanted = page[["region_id", "category"]].drop_duplicates().rename(columns={"region_id": "parent_id"})
    found: dict[tuple[str, str], list[VillageShare]] = {}
    for row in villages.merge(wanted, on=["parent_id", "category"]).to_dict("records"):
        share = VillageShare(
            region_id=row["region_id"],
            region=names.get(row["region_id"], row["region_id"]),
            share=round(float(row["share"]), 4),
        )
        found.setdefault((row["parent_id"], row["category"]), []).append(share)
    return found


def _accuracy_by_week(accuracy: pd.DataFrame, page: pd.DataFrame, horizon: int) -> list[Accuracy]:
    """Of the levels of a page, of all categories: by week ahead and of all weeks together."""
    is_whole = (accuracy["category"] == "") & ~(accuracy["weeks_ahead"] >= horizon)
    shown = accuracy[accuracy["level"].isin(page["level"]) & is_whole]
    return [_accuracy(row) for row in shown.to_dict("records")]


def _accuracy_by_category(accuracy: pd.DataFrame, page: pd.DataFrame) -> dict[tuple[str, str], list[Accuracy]]:
    """Of the levels and categories of a page, all weeks ahead together."""
    shown = accuracy[accuracy["weeks_ahead"].isna()].merge(page[["level", "category"]].drop_duplicates())
    found: dict[tuple[str, str], list[Accuracy]] = {}
    for row in shown.to_dict("records"):
        found.setdefault((row["level"], row["category"]), []).append(_accuracy(row))
    return found


def _accuracy(row: dict[Any, Any]) -> Accuracy:
    return Accuracy(
        level=row["level"],
        category=row["category"] or None,
        weeks_ahead=None if np.isnan(row["weeks_ahead"]) else int(row["weeks_ahead"]),
        model=row["model"],
        metric=row["metric"],
        value=round(float(row["mean"]), 4),
        n=int(row["n"]),
    )


def _drivers(table: Grouped, key: tuple[str, ...], horizon: int) -> dict[str, list[Driver]] | None:
    found: dict[str, list[Driver]] = {}
    for row in table.rows.get(key, _NO_ROWS):
        ahead = found.setdefault(str(table.columns["driver"][row]), [])
        if len(ahead) < horizon:
            factor, places = (float(table.columns[name][row]) for name in ("factor", "places"))
            week = table.columns["week_start"][row]
            ahead.append(Driver(week_start=week, factor=round(factor, 4), places=round(places, 3)))
    return found or None


def _alarms(alarms: pd.DataFrame, page: pd.DataFrame) -> list[Alarm]:
    if alarms.empty or page.empty:
        return []
    series = page[SERIES].drop_duplicates()
    # A region's categories together are told with any of its series.
    shown = alarms.merge(pd.concat([series, series.assign(category="").drop_duplicates()]), on=SERIES)
    return [
        Alarm.model_validate(
            row
            | {"category": row["category"] or None}
            | {"sessions_ratio": row["sessions_ratio"] if np.isfinite(row["sessions_ratio"]) else None}
            | {name: pd.Timestamp(row[name]).date() for name in ("week_start", "since")}
        )
        for row in shown.to_dict("records")
    ]
