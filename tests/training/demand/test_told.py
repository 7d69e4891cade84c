"""What is said of a forecast in a few lines."""

from dataclasses import replace

import pandas as pd

from recsys.demand.forecast import TABLE_COLUMNS, DemandForecast
from training.demand.told import told


def table(name: str, rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(TABLE_COLUMNS[name]))


def test_past_errors_stand_beside_the_best_simple_rule_of_each_level() -> None:
    nan = float("nan")
    accuracy = table(
        "accuracy",
        [
            ("county", "", nan, "programme", "wape", 0.2, 40.0),
            ("county", "", nan, "last value", "wape", 0.5, 40.0),
            ("county", "", nan, "seasonal naive", "wape", 0.4, 40.0),
            ("county", "", nan, "programme", "pit80", 0.79, 40.0),
            ("county", "", 0.0, "programme", "wape", 0.9, 40.0),
            ("county", "dance", nan, "programme", "wape", 0.9, 40.0),
        ],
    )
    title, _, line = told(replace(DemandForecast.empty(), accuracy=accuracy))
    assert "WAPE" in title
    assert line.split() == ["county", "0.200", "seasonal", "naive", "0.400", "79%"]


def test_gaps_are_told_of_the_lowest_level_the_largest_first() -> None:
    gaps = table(
        "gaps",
        [
            ("c", "county", "dance", 90.0, 60.0, 30.0, 1.0, True),
            ("t1", "township", "dance", 30.0, 20.0, 10.0, 1.0, True),
            ("t2", "township", "dance", 60.04, 40.0, 20.0, 1.0, True),
            ("t2", "township", "craft", 5.0, 5.0, 0.1, 1.0, True),
        ],
    )
    _, _, *lines = told(replace(DemandForecast.empty(), gaps=gaps))
    assert [line.split() for line in lines] == [
        ["t2", "dance", "60.0", "40.0", "20.0"],
        ["t1", "dance", "30.0", "20.0", "10.0"],
    ]


def test_of_nothing_nothing_is_said() -> None:
    assert told(DemandForecast.empty()) == []
