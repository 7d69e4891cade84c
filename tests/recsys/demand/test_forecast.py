"""What a forecast says of itself."""

from dataclasses import replace

import pandas as pd

from recsys.demand.forecast import TABLE_COLUMNS, DemandForecast


def test_shifts_of_level_are_said_the_greatest_by_name():
    rows = [("r", "county", "", 9.0), ("r", "county", "dance", 1.5), ("t", "township", "craft", 0.2)]
    since = pd.Timestamp("2026-01-05")
    alarms = pd.DataFrame(
        [(*keys, since, "break", "up" if ratio > 1 else "down", ratio, since, 1.0, True) for *keys, ratio in rows],
        columns=TABLE_COLUMNS["alarms"],
    )
    (said,) = replace(DemandForecast.empty(), alarms=alarms).remarks()
    assert said == "the level of 2 series has shifted, most in t, craft: down since 2026-01-05"
    (drifts,) = replace(DemandForecast.empty(), alarms=alarms.assign(kind="drift")).remarks()
    assert drifts.endswith("t, craft: drifting down since 2026-01-05")
    (unsure,) = replace(DemandForecast.empty(), alarms=alarms.assign(is_season_known=False)).remarks()
    assert unsure == f"{said} (or it is the season, which so short a history does not tell)"
    assert DemandForecast.empty().remarks() == []
