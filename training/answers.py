"""`culture recommend`, `forecast` and `evaluate`: what they answer, as files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from features.demand.panel import Period
from features.ranking.lists import Policy, recommend
from features.settings import Settings
from features.store.lists import operator_rules
from features.store.store import open_store
from recsys.dataset import Dataset
from recsys.demand.forecast import TABLE_COLUMNS
from recsys.errors import DataError
from recsys.files import check_output, write_json, write_table, write_tables
from training.champion import ranking_model, weekly_forecast
from training.demand.config import STATISTICAL_FAMILY, DemandConfig
from training.demand.forecast import forecast_demand
from training.demand.known import weeks_ahead
from training.demand.periods import weeks_to_end
from training.demand.told import told
from training.evaluation import Progress, Say, Windows, count_of, evaluation_table, one_share
from training.ranking.fit import RankingConfig
from training.ranking.windows import WindowMemory
from training.run import Task, TrainConfig, known_data, window_starts
from training.tracking import log_evaluation, tracked_run
from training.workers import n_processes, together, workers

_LISTS = pa.schema(
    {
        "user_id": pa.string(),
        "rank": pa.int64(),
        "activity_id": pa.string(),
        "session_id": pa.string(),
        "score": pa.float64(),
        "source": pa.string(),
    }
)
"""Columns of `culture recommend`."""

_LAST_TIME = pd.Timestamp("2200-01-02", tz="UTC")


@dataclass(frozen=True)
class BackTest:
    """What `culture evaluate` is asked.

    Attributes:
        window_days: Length of a window.
        n_windows: This one and those before it.
        step_days: From one cut-off to the next; windows overlap where it is shorter than a window.
        k: Length of a list.
        tasks: What is judged.
    """

    window_days: float
    n_windows: int
    step_days: float
    k: int
    tasks: tuple[Task, ...]


def recommend_file(
    settings: Settings,
    as_of: pd.Timestamp,
    k: int,
    output: Path,
    users: Path | None,
    session_window_days: float | None,
    say: Say,
) -> int:
    """Writes the ranked lists, for all known users or for those of a file; returns the number of rows."""
    check_output(output)
    user_ids = None if users is None else read_user_ids(users)
    _, dataset = known_data(settings, as_of, say)
    model = ranking_model(settings, dataset, say)
    if user_ids is not None:
        dataset = with_strangers(dataset, user_ids, say)
    say("ranking")
    window_days = _within_calendar(as_of, session_window_days)
    with open_store(settings) as store:
        rules = operator_rules(store)
    policy = Policy(variety=settings.variety, rules=rules if len(rules.valid_at(as_of)) else None)
    return write_tables(recommend(model, dataset, as_of, user_ids, k, window_days, policy), _LISTS, output)


def forecast_file(
    settings: Settings,
    as_of: pd.Timestamp,
    horizon_weeks: int,
    output: Path,
    say: Say,
    period: Period = "week",
    details: Path | None = None,
) -> int:
    """Writes the forecast, and its other tables into the folder `details`; returns the number of rows.

    Months and quarters have `period_start` instead of `week_start`; the last is the one that holds the last week. Says
    how past forecasts did, and where most places are missing.
    """
    check_output(output)
    beside = {} if details is None else {name: details / f"{name}.parquet" for name in TABLE_COLUMNS if name != "table"}
    for file in beside.values():
        check_output(file)
    snapshot, dataset = known_data(settings, as_of, say)
    if period == "week":
        found = weekly_forecast(settings, snapshot, dataset, horizon_weeks, say)
        table = found.table
    else:
        say("forecasting demand")
        weeks = weeks_ahead(as_of.tz_convert(dataset.timezone).tz_localize(None), horizon_weeks)
        found = forecast_demand(dataset, weeks_to_end(weeks, period), TrainConfig().demand)
        table = found.periods[found.periods["period"] == period].drop(columns="period").reset_index(drop=True)
    for line in (*found.remarks(), *told(found)):
        say(line)
    for name, file in beside.items():
        write_table(getattr(found, name), file)
    return write_table(table, output)


def evaluate_window(settings: Settings, as_of: pd.Timestamp, asked: BackTest, output: Path | None, say: Say) -> str:
    """Back-tests on [as_of, as_of + window) and windows before it, with an MLflow run; returns the table as text.

    Where a file is asked for, the table is written there as JSON: categories and weeks ahead stand only there and in
    the run. Demand is put beside every statistical model.
    """
    if output is not None:
        check_output(output)
    window_days, k = asked.window_days, asked.k
    end = as_of + pd.Timedelta(days=window_days)
    snapshot, dataset = known_data(settings, end, say)
    cut_offs = window_starts(dataset, end, window_days, asked.n_windows, say, asked.step_days)
    n = n_processes(settings.processes)
    say(f"evaluating on {count_of(cut_offs, 'window')}{together(n)}")
    params = {"as_of": as_of.isoformat(), "snapshot_sha256": snapshot.sha256, **asdict(asked)}
    with tracked_run(settings.home, f"evaluate-{as_of:%Y%m%dT%H%M%SZ}", params):
        table = _back_test(dataset, cut_offs, asked, n, say)
        log_evaluation(table)
    if output is not None:
        write_json(_rows_and_head(table, cut_offs, window_days, k), output)
    shown = table[~table["segment"].str.match("category:|ahead:")]
    return shown.to_string(index=False, float_format=lambda x: f"{x:.4f}", na_rep="-")


def _back_test(dataset: Dataset, cut_offs: Sequence[pd.Timestamp], asked: BackTest, n: int, say: Say) -> pd.DataFrame:
    progress = Progress(say, len(asked.tasks) * len(cut_offs))
    with workers(n) as executor:
        windows = Windows(dataset, tuple(cut_offs), asked.window_days, executor, progress)
        tables = []
        if "ranking" in asked.tasks:
            tables.append(windows.rankings(one_share(RankingConfig(), n), asked.k, WindowMemory()))
        if "demand" in asked.tasks:
            tables.append(windows.forecasts(DemandConfig(statistical=STATISTICAL_FAMILY)))
        return evaluation_table(*(table() for table in tables))


def read_user_ids(path: Path) -> list[str]:
    """Ids in the column `user_id` of a CSV file, in their order, repeats once.

    Raises:
        DataError: the file cannot be read or has no such column.
    """
    try:
        frame = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise DataError(f"users file {path.name}", [f"is not a CSV table in UTF-8: {error}"]) from None
    if "user_id" not in frame:
        raise DataError(f"users file {path.name}", [f"column 'user_id' is missing; it has {list(frame.columns)}"])
    return list(dict.fromkeys(frame["user_id"][frame["user_id"] != ""]))


def with_strangers(dataset: Dataset, user_ids: Sequence[str], say: Say) -> Dataset:
    """The data set with a row for each user asked for whom nothing is known yet: they are answered as visitors are."""
    strangers = pd.Index(user_ids).difference(pd.Index(dataset.users["user_id"].astype(object)), sort=False)
    if strangers.empty:
        return dataset
    say(f"nothing is known of {len(strangers)} of the users asked, such as {strangers[0]!r}: they get a visitor's list")
    rows = Dataset.from_tables({"users": pd.DataFrame({"user_id": strangers})}, dataset.data_until).users
    return replace(dataset, users=pd.concat([dataset.users, rows], ignore_index=True))


def _within_calendar(as_of: pd.Timestamp, window_days: float | None) -> float | None:
    """The window, or None where it reaches beyond every time that a session can have."""
    is_endless = window_days is not None and window_days > (_LAST_TIME - as_of) / pd.Timedelta(days=1)
    return None if is_endless else window_days


def _rows_and_head(
    table: pd.DataFrame, cut_offs: Sequence[pd.Timestamp], window_days: float, k: int
) -> dict[str, object]:
    rows = json.loads(table.to_json(orient="records"))
    windows = [cut_off.isoformat() for cut_off in cut_offs]
    head = {"as_of": windows[-1], "windows": windows, "window_days": window_days, "k": k}
    return head | {"rows": rows}
