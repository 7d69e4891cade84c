"""`culture tune`: settings of ranking searched on past windows, resumable, each trial an MLflow run."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from pydantic import Field
from tqdm import tqdm

from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.errors import DataError
from recsys.files import write_json
from training.ranking.fit import RankingConfig, evaluate_ranking
from training.ranking.tuning_space import SPACE, Range, draws_of, with_values
from training.tracking import open_run, tracked_run

Evaluate = Callable[[Dataset, pd.Timestamp, float, int, RankingConfig], pd.DataFrame]


class TuneConfig(Closed):
    """Settings of a search."""

    n_trials: int = Field(default=40, ge=1, description="trials that the study shall have, earlier ones counted")
    n_windows: int = Field(default=3, ge=1, description="past windows that a trial is judged on; more means slower")
    window_days: float = Field(default=14, gt=0, description="days of a window")
    k: int = Field(default=10, ge=1, description="length of the lists that are judged")
    discovery_weight: float = Field(
        default=0.25, ge=0, le=1, description="share of NDCG for organisers new to the person in the objective"
    )
    seed: int = Field(default=0, ge=0, description="seed of the search")


@dataclass(frozen=True)
class TuneOutcome:
    """What a search found.

    Attributes:
        value: The objective of the best trial.
        start: The objective of the settings that the search started from.
        file: JSON file with the best settings, as `culture train --config` takes them.
    """

    value: float
    start: float
    n_trials: int
    file: Path

    def __str__(self) -> str:
        change = f"{self.value / self.start - 1:+.1%}" if self.start else "from nothing"
        return f"best of {self.n_trials} trials {self.value:.4f} ({change} on the start): {self.file}"


def tune(
    dataset: Dataset,
    home: Path,
    config: TuneConfig,
    start: RankingConfig | None = None,
    *,
    snapshot_sha256: str = "",
    quiet: bool = False,
    space: Mapping[str, Range] = SPACE,
    evaluate: Evaluate = evaluate_ranking,
) -> TuneOutcome:
    """Searches on the last windows before `dataset.data_until`; the same call goes on where an earlier one ended.

    The study is a journal under `home/tuning`, named after the cut-off, the windows and a digest of all else that its
    trials share, the data's own among it: figures of one study can be compared. One process at a time. The first trial
    is `start` itself; a trial that is behind the median of the earlier ones after some windows is given up. One that
    was killed is failed by the next call and counts for nothing.

    Raises:
        DataError: no past window with a booking, or a setting that `RankingConfig` does not have.
    """
    start = start or RankingConfig()
    windows = past_windows(dataset, config)
    shared = {
        **config.model_dump(exclude={"n_trials", "seed"}),
        "snapshot_sha256": snapshot_sha256,
        "start": start.model_dump_json(exclude_defaults=True)[:5000],
    }
    digest = hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:8]
    name = f"ranking-{dataset.data_until:%Y%m%dT%H%M%SZ}-{config.n_windows}x{config.window_days:g}-{digest}"
    folder = home / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    # Whatever ends a search is told once, by who called.
    logging.getLogger("optuna").setLevel(logging.ERROR)
    study = _study(folder / f"{name}.journal", name, config.seed)
    with tracked_run(home, f"tune-{name}", {**config.model_dump(), **shared}):
        _give_up_unfinished(study)
        if not _completed(study):
            study.enqueue_trial(draws_of(start, space))

        def objective(trial: optuna.Trial) -> float:
            settings = with_values(start, {path: choice.drawn(trial, path) for path, choice in space.items()})
            return _tracked(trial, lambda: _judged(trial, dataset, windows, settings, config, evaluate))

        _search(study, objective, config.n_trials, quiet=quiet)
        mlflow.log_metric("best", study.best_value)
    best = with_values(start, {path: study.best_params.get(path) for path in space})
    return _outcome(study, best, folder / f"{name}.json")


def past_windows(dataset: Dataset, config: TuneConfig) -> list[pd.Timestamp]:
    """Cut-offs of the last windows before the data's end, newest first, each with a booking before it.

    Raises:
        DataError: there is none.
    """
    length = pd.Timedelta(days=config.window_days)
    times = [dataset.data_until - (number + 1) * length for number in range(config.n_windows)]
    first = dataset.bookings["booked_at"].min()
    found = [time for time in times if len(dataset.bookings) and time > first]
    if not found:
        raise DataError("data", [f"no booking is older than {config.window_days:g} days: nothing to tune on"])
    return found


def _study(journal: Path, name: str, seed: int) -> optuna.Study:
    lock = JournalFileOpenLock(str(journal))
    lock.acquire()
    try:
        _cut_half_line(journal)
    finally:
        lock.release()
    storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    # A run that goes on must not draw again what the run before it drew.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=8)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    return study


def _cut_half_line(journal: Path) -> None:
    """What a full disk or a power cut left of a last line: the next would be written behind it, and neither be read."""
    written = journal.read_bytes() if journal.exists() else b""
    n_whole = written.rfind(b"\n") + 1
    if n_whole < len(written):
        os.truncate(journal, n_whole)


def _give_up_unfinished(study: optuna.Study) -> None:
    """Ends the trials of a process that was killed."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)


def _search(study: optuna.Study, objective: Callable[[optuna.Trial], float], n_trials: int, *, quiet: bool) -> None:
    """Tries until the study has so many trials."""
    left = max(n_trials - len(_ended(study)), 0)
    with tqdm(total=left, desc="tuning", disable=quiet or not sys.stderr.isatty()) as bar:

        def shown(study: optuna.Study, _: Any) -> None:
            bar.update()
            if _completed(study):
                bar.set_postfix(best=f"{study.best_value:.4f}")

        if left:
            study.optimize(objective, n_trials=left, callbacks=[shown])


def _tracked(trial: optuna.Trial, judged: Callable[[], tuple[float, bool]]) -> float:
    """The objective of a trial, in an MLflow run of its own below that of its search.

    Raises:
        TrialPruned: it was given up.
    """
    with open_run(f"trial-{trial.number}"):
        mlflow.log_params(trial.params)
        value, is_given_up = judged()
        mlflow.log_metric("objective", value)
        mlflow.set_tag("given_up", str(is_given_up).lower())
    if is_given_up:
        raise optuna.TrialPruned
    return value


def _outcome(study: optuna.Study, best: RankingConfig, file: Path) -> TuneOutcome:
    """Writes the best settings."""
    write_json({"ranking": best.model_dump(mode="json")}, file)
    first = min(_completed(study), key=lambda trial: trial.number)
    return TuneOutcome(float(study.best_value), float(first.value or 0), len(_ended(study)), file)


def _completed(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _judged(
    trial: optuna.Trial,
    dataset: Dataset,
    windows: list[pd.Timestamp],
    settings: RankingConfig,
    config: TuneConfig,
    evaluate: Evaluate,
) -> tuple[float, bool]:
    """The mean objective over the windows, and whether the trial was given up before the last."""
    values: list[float] = []
    for step, cut_off in enumerate(windows):
        table = evaluate(dataset, cut_off, config.window_days, config.k, settings)
        known = _served_ndcg(table, config.k)
        values.append((1 - config.discovery_weight) * known["all"] + config.discovery_weight * known["new organisers"])
        mlflow.log_metrics({f"ndcg/{segment}": mean for segment, mean in known.items()}, step=step)
        trial.report(sum(values) / len(values), step)
        if step + 1 < len(windows) and trial.should_prune():
            return sum(values) / len(values), True
    return sum(values) / len(values), False


def _served_ndcg(table: pd.DataFrame, k: int) -> dict[str, float]:
    """NDCG of what is served, by segment; 0 where nobody is in it."""
    served = table[(table["role"] == "served") & (table["metric"] == f"ndcg@{k}")].set_index("segment")["mean"]
    means = {segment: float(served.get(segment, 0.0)) for segment in ("all", "new organisers")}
    return {segment: 0.0 if np.isnan(mean) else mean for segment, mean in means.items()}
