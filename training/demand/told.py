"""A forecast in a few lines: how past ones did, and where most places are missing."""

from __future__ import annotations

import pandas as pd

from recsys.demand.forecast import DemandForecast
from training.demand.back_test import SERVED
from training.demand.tables import INSIDE

_MOST_GAPS, _LEAST_PLACES = 5, 0.5


def told(forecast: DemandForecast) -> list[str]:
    """Lines of two small tables; none of what there is nothing to say."""
    found: list[str] = []
    for title, table in (
        ("past forecasts of bookings: error (WAPE), and outcomes in the 80 % interval", past_table(forecast.accuracy)),
        ("most places missing a week, over the weeks ahead", largest_gaps(forecast.gaps)),
    ):
        if len(table):
            found += [f"{title}:", *(f"  {line}" for line in table.to_string(index=False).splitlines())]
    return found


def past_table(accuracy: pd.DataFrame) -> pd.DataFrame:
    """`level, error, best simple rule, its error, inside` of `DemandForecast.accuracy`, a row a level."""
    whole = accuracy[(accuracy["category"] == "") & accuracy["weeks_ahead"].isna()]
    errors = whole[whole["metric"] == "wape"].pivot_table(index="level", columns="model", values="mean", sort=False)
    if SERVED not in errors.columns:
        return pd.DataFrame()
    inside = whole[whole["metric"] == INSIDE].set_index("level")["mean"].reindex(errors.index)
    table = pd.DataFrame({"level": errors.index, "error": errors[SERVED].map("{:.3f}".format).to_numpy()})
    rules = errors.drop(columns=SERVED).dropna(axis=1)
    if len(rules.columns):
        table["best simple rule"] = rules.idxmin(axis=1).to_numpy()
        table["its error"] = rules.min(axis=1).map("{:.3f}".format).to_numpy()
    return table.assign(inside=inside.map("{:.0%}".format, na_action="ignore").fillna("").to_numpy())


def largest_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    """`region, category, demand, supply, unmet` places a week: the largest gaps of the lowest level that has any."""
    missing = gaps[gaps["unmet"] >= _LEAST_PLACES]
    if not len(missing):
        return pd.DataFrame()
    # Regions stand before those below them.
    most = missing[missing["level"] == missing["level"].iloc[-1]].nlargest(_MOST_GAPS, "unmet")
    named = most.rename(columns={"region_id": "region"})[["region", "category", "demand", "supply", "unmet"]]
    return named.round({"demand": 1, "supply": 1, "unmet": 1})
