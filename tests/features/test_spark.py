"""Spark runs the very functions that the embedded engines run, and answers the same."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.counts import weekly_counts
from features.interactions import weighted_pairs
from tests.features.engines import missing_for_spark, run_pandas, run_spark, spark_session

pytestmark = [
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


def test_weekly_counts(spark: Any) -> None:
    rng = np.random.default_rng(1)
    sessions = pd.DataFrame(
        {
            "session_num": np.arange(50),
            "region_num": rng.integers(0, 4, 50),
            "category_num": rng.integers(0, 3, 50),
            "week_num": rng.integers(0, 3, 50),
            "capacity": rng.integers(-1, 6, 50),
        }
    )
    bookings = pd.DataFrame({"session_num": rng.integers(0, 40, 200), "is_taking": rng.integers(0, 2, 200)})
    bookings = bookings.assign(is_waiting=1 - bookings["is_taking"], party_size=rng.integers(1, 4, 200))
    ancestors = pd.DataFrame({"region_num": [0, 1, 1, 2, 2, 3, 3], "ancestor_num": [0, 0, 1, 0, 2, 2, 3]})
    compare(spark, weekly_counts, ["region_num", "category_num", "week_num"], sessions, bookings, ancestors)


def compare(spark: Any, step: Any, order: list[str], *tables: pd.DataFrame, **options: Any) -> None:
    expected = run_pandas(step, *tables, **options).sort_values(order, ignore_index=True)
    found = run_spark(spark, step, *tables, **options).sort_values(order, ignore_index=True)
    assert len(found) > 0
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
