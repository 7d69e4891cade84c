"""The table engines on which heavy steps are written once."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import duckdb
import pandas as pd
import polars as pl

Step = Callable[..., Any]


def run_pandas(step: Step, *tables: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return step(*tables, **options)


def run_polars(step: Step, *tables: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return step(*(pl.from_pandas(table).lazy() for table in tables), **options).collect().to_pandas()


def run_duckdb(step: Step, *tables: pd.DataFrame, **options: Any) -> pd.DataFrame:
    with duckdb.connect() as connection:
        return step(*(connection.from_df(table) for table in tables), **options).df()


EMBEDDED = {"pandas": run_pandas, "polars": run_polars, "duckdb": run_duckdb}


def missing_for_spark() -> str:
    """What keeps Spark from running here; empty if nothing does."""
    missing = []
    if find_spec("pyspark") is None:
        missing.append("pyspark (pip install '.[spark]')")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        missing.append("Java 17 or newer")
    return " and ".join(missing)


@contextmanager
def spark_session() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Spark's Python side warns of pandas' and its own versions.
        from pyspark.sql import SparkSession

        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": "1g",
            # On a few small tables making the code fast takes longer than it wins.
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.sql.shuffle.partitions": "1",
            "spark.default.parallelism": "1",
            "spark.sql.execution.arrow.pyspark.enabled": "true",
        }
        builder = SparkSession.builder.master("local[1]").appName("culture-recsys tests")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        try:
            yield session
        finally:
            session.stop()


def run_spark(session: Any, step: Step, *tables: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return step(*(session.createDataFrame(table) for table in tables), **options).toPandas()
