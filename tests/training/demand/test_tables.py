"""Facts about a forecast."""

from dataclasses import replace

import pandas as pd
import pytest

from recsys.demand.forecast import DemandForecast
from training.demand.tables import notes_table


@pytest.mark.parametrize(("first", "is_announced"), [("2026-03-02", True), ("2026-12-21", False)])
def test_days_off_beyond_the_announced_years_are_flagged(first, is_announced):
    weeks = pd.date_range(first, periods=8, freq="7D")
    found = replace(DemandForecast.empty(), notes=notes_table(weeks, {"more": "x"}))
    assert found.are_days_off_announced is is_announced
    assert any("not announced" in remark for remark in found.remarks()) is not is_announced
