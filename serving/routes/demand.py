"""Forecasts and gaps, for planners: tables of the bundle, looked up and put beside each other."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray

from recsys.demand import DemandForecast
from recsys.errors import UnknownIdError
from serving.params import ForecastQuery, GapQuery
from serving.parts import BundleParts
from serving.problems import RESPONSES, ProblemError
from serving.schemas.planners import Forecasts, Gap, Gaps, Series, WeekForecast, WeekPoint
from serving.service import InService, Service

router = APIRouter(prefix="/v1/demand", tags=["planners"], responses=RESPONSES)

_SERIES = ["region_id", "level", "category"]


@router.get("/forecasts")
def forecasts(query: Annotated[ForecastQuery, Query()], service: InService, request: Request) -> Forecasts:
    """Forecasts of whole weeks with quantiles, beside the weeks that are over."""
    parts, demand = _demand(service)
    names = service.live.region_names(parts)
    table = _filtered(demand.table, query.region_id, query.level, query.category, names)
    if query.target is not None:
        table = table[table["target"] == query.target]
    keys = table[[*_SERIES, "target"]].drop_duplicates()
    page = keys.iloc[query.offset : query.offset + query.limit]
    history = _by_series(demand.history, page)
    drivers = _by_series(demand.drivers, page)
    chosen = dict(tuple(table.merge(page, on=[*_SERIES, "target"]).groupby([*_SERIES, "target"], sort=False)))
    items = [
        Series(
            region_id=key[0],
            region=names.get(key[0], key[0]),
            level=key[1],
            category=key[2],
            target=key[3],
            history=_history(history.get(key[:3]), key[3], query.history_weeks),
            forecast=_weeks(chosen[key], query.horizon),
            drivers=_drivers(drivers.get(key[:3]), query.horizon) if key[3] == "bookings" else None,
        )
        for key in page.itertuples(index=False, name=None)
    ]
    return Forecasts(
        bundle=parts.name,
        data_until=_local(parts),
        alarms=_alarms(demand.alarms, page),
        total=len(keys),
        limit=query.limit,
        offset=query.offset,
        next=next_part(request, query.limit, query.offset, len(keys)),
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
        )
        for row in page.to_dict("records")
    ]
    return Gaps(
        bundle=parts.name,
        data_until=_local(parts),
        total=len(table),
        limit=query.limit,
        offset=query.offset,
        next=next_part(request, query.limit, query.offset, len(table)),
        items=items,
    )


def next_part(request: Request, limit: int, offset: int, total: int) -> str | None:
    """Address of the part that follows; None at the end."""
    if offset + limit >= total:
        return None
    url = request.url.include_query_params(limit=limit, offset=offset + limit)
    return f"{url.path}?{url.query}"


def _demand(service: Service) -> tuple[BundleParts, DemandForecast]:
    parts = service.provider.current()
    if parts is None or parts.demand is None:
        raise ProblemError(503, "not-ready", "no forecast has been made yet; `culture train` makes one")
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


def _by_series(table: pd.DataFrame, page: pd.DataFrame) -> dict[tuple[str, str, str], pd.DataFrame]:
    if table.empty or page.empty:
        return {}
    wanted = table.merge(page[_SERIES].drop_duplicates(), on=_SERIES)
    return {key: rows for key, rows in wanted.groupby(_SERIES, sort=False)}


def _history(rows: pd.DataFrame | None, target: str, n_weeks: int) -> list[WeekPoint]:
    if rows is None or n_weeks == 0:
        return []
    last = rows.sort_values("week_start").iloc[-n_weeks:]
    values = last["places" if target == "bookings" else "demand"]
    return [
        WeekPoint(week_start=week.date(), value=round(float(value), 3), is_sold_out=bool(sold > 0))
        for week, value, sold in zip(pd.to_datetime(last["week_start"]), values, last["sold_out"], strict=True)
        if np.isfinite(value)
    ]


def _weeks(rows: pd.DataFrame, horizon: int) -> list[WeekForecast]:
    ahead = rows.sort_values("week_start").iloc[:horizon]
    figures = ahead[["mean", "q0.1", "q0.5", "q0.9"]].round(3).to_numpy(dtype=np.float64)
    return [
        WeekForecast(week_start=week.date(), mean=mean, q10=low, q50=middle, q90=high)
        for week, (mean, low, middle, high) in zip(pd.to_datetime(ahead["week_start"]), figures, strict=True)
    ]


def _drivers(rows: pd.DataFrame | None, horizon: int) -> dict[str, Any] | None:
    if rows is None or rows.empty:
        return None
    found: dict[str, Any] = {}
    for driver, part in rows.sort_values("week_start").groupby("driver", sort=False):
        ahead = part.iloc[:horizon]
        found[str(driver)] = [
            {"week_start": str(pd.Timestamp(week).date()), "factor": round(float(factor), 4)}
            for week, factor in zip(ahead["week_start"], ahead["factor"], strict=True)
        ]
    return found


def _alarms(alarms: pd.DataFrame, page: pd.DataFrame) -> list[dict[str, Any]]:
    if alarms.empty or page.empty:
        return []
    shown = alarms.merge(page[_SERIES].drop_duplicates(), on=_SERIES)
    return [
        {
            name: str(pd.Timestamp(value).date())
            if name in ("week_start", "since") and pd.notna(value)
            else (None if pd.isna(value) else value)
            for name, value in row.items()
        }
        for row in shown.to_dict("records")
    ]
