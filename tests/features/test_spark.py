"""Spark runs the very functions that the embedded engines run, and answers the same."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.demand.counts import (
    ABSURD_CAPACITY,
    NEVER_US,
    NOT_STATED,
    SERIES,
    WEEK_US,
    session_figures,
    weekly_counts,
    with_regions_above,
)
from features.interactions import weighted_pairs
from recsys.schema import BOOKING_STATUSES
from tests.features.engines import missing_for_spark, run_pandas, run_spark, spark_session

pytestmark = [
    pytest.mark.long,
    pytest.mark.spark,
    pytest.mark.skipif(bool(missing_for_spark()), reason=f"Spark is left out: install {missing_for_spark()}"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyspark"),
    pytest.mark.filterwarnings("ignore::FutureWarning:pyspark"),
]

UNTIL = pd.Timestamp("2026-03-01", tz="UTC")


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    with spark_session() as session:
        yield session


def test_weighted_pairs_of_row_numbers(spark: Any) -> None:
    rng = np.random.default_rng(0)
    last_row = 2**31 - 1
    rows = pd.DataFrame(
        {
            "user_num": rng.choice(np.array([-1, 0, 1, last_row - 1, last_row], dtype=np.int32), 300),
            "key_num": rng.choice(np.array([-1, 0, 1, last_row - 1, last_row], dtype=np.int32), 300),
            "at_s": int(UNTIL.timestamp()) + rng.integers(-(10**7), 10**5, 300),
            "weight": rng.random(300),
        }
    )
    compare(spark, weighted_pairs, ["user_num", "key_num"], rows, data_until=UNTIL, half_life_days=30.0)


def test_weighted_pairs_of_ids(spark: Any) -> None:
    rows = pd.DataFrame(
        {"user_id": ["u", "u", "v", None], "category": ["dance", "dance", "chess", "x"], "at_s": 10**9, "weight": 1.0}
    )
    keys = ["user_id", "category"]
    compare(spark, weighted_pairs, keys, rows, keys=keys, data_until=UNTIL, half_life_days=300.0)


def test_panel_from_sessions_and_bookings_to_regions_above(spark: Any) -> None:
    rng = np.random.default_rng(1)
    until_us = int(UNTIL.timestamp()) * 10**6
    sessions = pd.DataFrame(
        {
            "session_num": np.arange(50),
            "starts_us": until_us - rng.integers(-WEEK_US, 5 * WEEK_US, 50),
            "is_cancelled": rng.integers(0, 2, 50),
            "region_num": rng.integers(0, 4, 50),
            "category_num": rng.integers(0, 3, 50),
            "capacity": rng.choice([NOT_STATED, 0, 3, 6, ABSURD_CAPACITY + 1], 50),
        }
    )
    booked_us = until_us - rng.integers(0, 9 * WEEK_US, 200)
    bookings = pd.DataFrame(
        {
            "session_num": rng.integers(0, 40, 200),
            "status": rng.choice(BOOKING_STATUSES, 200),
            "party_size": rng.integers(1, 4, 200),
            "booked_us": booked_us,
            "status_us": np.where(rng.random(200) < 0.3, NEVER_US, booked_us + WEEK_US),
        }
    )
    options = {"as_of_us": until_us, "n_leads": 3}
    figures = compare(spark, session_figures, ["session_num"], sessions, bookings, **options)
    wanted = figures.assign(demand=(figures["places"] + figures["waiting"]) / 3)
    counts = compare(spark, weekly_counts, list(SERIES), wanted)
    ancestors = pd.DataFrame({"region_num": [0, 1, 1, 2, 2, 3, 3], "ancestor_num": [0, 0, 1, 0, 2, 2, 3]})
    compare(spark, with_regions_above, list(SERIES), counts, ancestors)


def compare(spark: Any, step: Any, order: list[str], *tables: pd.DataFrame, **options: Any) -> pd.DataFrame:
    expected = run_pandas(step, *tables, **options).sort_values(order, ignore_index=True)
    found = run_spark(spark, step, *tables, **options).sort_values(order, ignore_index=True)
    assert len(found) > 0
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
    return expected
