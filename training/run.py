"""`culture train`: snapshot, evaluation on past windows, gate, learning from all, bundle, MLflow run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
from pydantic import Field, ValidationError

from features.openings.inputs import OpeningsConfig, opening_inputs
from features.openings.latent_demand import LATENT, latent_demand
from features.ranking.lists import RankingModel
from features.settings import Settings
from features.store.snapshot import SNAPSHOTS, Snapshot, load_snapshot
from features.store.store import open_store
from recsys.bundle import BundleWriter
from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.demand.forecast import DemandForecast
from recsys.errors import BundleError, DataError, broken_rules
from recsys.openings.learned.alike import alike
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.learned.stored import save_openings
from recsys.releases import bundles_folder, champion_name, load_champion, release
from training.demand.config import DemandConfig
from training.demand.forecast import forecast_demand
from training.evaluation import Progress, Say, Windows, count_of, evaluation_table, one_share
from training.gate import GateReport, beside_champion, judge
from training.ranking.fit import RankingConfig, ranking_of_windows, windows_before
from training.ranking.windows import WindowMemory
from training.tracking import log_bundle, log_evaluation, register, tracked_run
from training.workers import n_processes, together, workers

Task = Literal["ranking", "demand"]
TASKS: tuple[Task, ...] = get_args(Task)


class TrainConfig(Closed):
    """Settings of a training; a JSON file may give any of them."""

    window_days: float = Field(default=14, gt=0, le=3660, description="days of each window that judges the bundle")
    n_windows: int = Field(
        default=3, ge=1, le=52, description="windows that judge the bundle, back to back before the cut-off"
    )
    horizon_weeks: int = Field(default=13, ge=1, le=104, description="weeks that the stored forecast covers")
    k: int = Field(default=10, ge=1, le=1000, description="length of the lists that are judged")
    ranking: RankingConfig = RankingConfig()
    demand: DemandConfig = DemandConfig()
    openings: OpeningsConfig = OpeningsConfig()


@dataclass(frozen=True)
class TrainOutcome:
    """What a training made."""

    bundle_name: str
    gate: GateReport
    evaluation: pd.DataFrame
    replaced: str | None
    """Name of the champion before."""

    def __str__(self) -> str:
        lines = [f"bundle {self.bundle_name} is the champion", *self.gate.lines]
        # A name starts with the moment until which its bundle knows.
        if self.replaced is not None and self.replaced.split("-")[0] > self.bundle_name.split("-")[0]:
            lines.append(f"it takes the place of {self.replaced}, which knew more recent data")
        return "\n".join(lines)


def load_config(path: Path | None) -> TrainConfig:
    """Settings from a JSON file; the defaults without one.

    Raises:
        DataError: names every setting that is unknown or out of range.
    """
    if path is None:
        return TrainConfig()
    try:
        return TrainConfig.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"settings in {path.name}", broken_rules(error, "file")) from None


def train_bundle(settings: Settings, as_of: pd.Timestamp, config: TrainConfig, say: Say) -> TrainOutcome:
    """Learns from what was known before `as_of` and releases the bundle if it beats its baselines.

    Raises:
        DataError: nothing is known before `as_of`, or the gate refuses the bundle; the champion stays as it is.
    """
    snapshot, dataset = known_data(settings, as_of, say)
    params = {
        "as_of": as_of.isoformat(),
        "snapshot_sha256": snapshot.sha256,
        "config": config.model_dump_json(exclude_defaults=True)[:5000],
    }
    name = f"{as_of:%Y%m%dT%H%M%SZ}-{snapshot.sha256[:8]}-{pd.Timestamp.now(tz='UTC'):%Y%m%d%H%M%S%f}"
    with tracked_run(settings.home, name, params) as run_id:
        cut_offs = window_starts(dataset, as_of, config.window_days, config.n_windows, say)
        n = n_processes(settings.processes)
        say(f"evaluating on {count_of(cut_offs, 'past window')} and learning from all{together(n)}")
        evaluation, parts = _judged_and_learned(dataset, cut_offs, config, n, say)
        gate = beside_champion(judge(evaluation), _champion(settings.home), as_of)
        log_evaluation(evaluation)
        folder = bundles_folder(settings.home) / name
        manifest = {
            "data_until": as_of.isoformat(),
            "timezone": dataset.timezone,
            "snapshot": {"folder": snapshot.path.name, "sha256": snapshot.sha256},
            "trained_at": pd.Timestamp.now(tz="UTC").isoformat(timespec="seconds"),
            "mlflow_run": run_id,
            "config": config.model_dump(mode="json"),
            "gate": {"passed": gate.passed, "lines": list(gate.lines), "judged": gate.judged},
            "evaluation": _records(evaluation),
        }
        with BundleWriter(folder, manifest) as writer:
            parts.save(writer)
        _tell_mlflow(folder, run_id, is_champion=gate.passed)
    if not gate.passed:
        raise DataError(f"bundle {name} was not released, the champion stays", gate.lines)
    before = champion_name(settings.home)
    release(settings.home, name)
    return TrainOutcome(name, gate, evaluation, before)


def _tell_mlflow(folder: Path, run_id: str, *, is_champion: bool) -> None:
    """Logs and registers a bundle; where that fails it is deleted: nothing would ever release it, or delete it."""
    try:
        log_bundle(folder)
        register(run_id, folder.name, is_champion=is_champion)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _champion(home: Path) -> Mapping[str, Any] | None:
    """Manifest of what serves now; None where nothing does, or it cannot be read."""
    try:
        champion = load_champion(home)
    except BundleError:
        return None
    return None if champion is None else champion.manifest


def known_data(settings: Settings, as_of: pd.Timestamp, say: Say) -> tuple[Snapshot, Dataset]:
    """An immutable snapshot of the store cut at `as_of`, and the data set read from it.

    Raises:
        DataError: no session and no booking is known before `as_of`.
    """
    say(f"reading what was known before {as_of.isoformat()}")
    with open_store(settings) as store:
        snapshot = store.snapshot(settings.home / SNAPSHOTS, as_of)
    dataset = load_snapshot(snapshot.path)
    if dataset.sessions.empty:
        raise DataError(
            "data", [f"nothing is known before {as_of.isoformat()}; load tables with `culture ingest` or move --as-of"]
        )
    return snapshot, dataset


def window_starts(
    dataset: Dataset, end: pd.Timestamp, window_days: float, n_windows: int, say: Say, step_days: float | None = None
) -> list[pd.Timestamp]:
    """Cut-offs of windows before `end`, oldest first; those without a booking before them fall away.

    The last window stays, whatever is known before it. They lie back to back, or `step_days` apart.
    """
    step = window_days if step_days is None else step_days
    last, *earlier = [end - pd.Timedelta(days=window_days + i * step) for i in range(n_windows)]
    kept = [time for time in earlier if (dataset.bookings["booked_at"] < time).any()]
    if len(kept) < len(earlier):
        say(f"{len(earlier) - len(kept)} of {n_windows} windows left out: no booking before them")
    return [*reversed(kept), last]


@dataclass(frozen=True)
class _Learned:
    """What was learned from the whole data set."""

    ranking: RankingModel
    demand: DemandForecast
    openings: OpeningInputs
    latent: pd.DataFrame

    def save(self, writer: BundleWriter) -> None:
        """Adds every part to the bundle."""
        self.ranking.save(writer)
        self.demand.save(writer)
        save_openings(self.openings, writer)
        writer.table(LATENT, self.latent)


def _judged_and_learned(
    dataset: Dataset, cut_offs: Sequence[pd.Timestamp], config: TrainConfig, n: int, say: Say
) -> tuple[pd.DataFrame, _Learned]:
    """The evaluation table, and every part learned from all; windows and parts side by side, the longest first."""
    ranking, memory = one_share(config.ranking, n), WindowMemory()
    with workers(n) as executor:
        windows = Windows(dataset, tuple(cut_offs), config.window_days, executor, Progress(say, 2 * len(cut_offs) + 3))
        rankings = windows.rankings(ranking, config.k, memory)
        before = [one.result() for one in windows_before(dataset, ranking, memory, executor)]
        model = executor.submit(ranking_of_windows, dataset, ranking, before)
        forecasts = windows.forecasts(config.demand)
        demand = executor.submit(forecast_demand, dataset, config.horizon_weeks, config.demand)
        openings = executor.submit(_openings, dataset, config.openings)
        windows.progress.follow("learned to rank", model)
        windows.progress.follow("forecast demand", demand)
        windows.progress.follow("prepared openings", openings)
        table = evaluation_table(rankings(), forecasts())
        return table, _Learned(model.result(), demand.result(), *openings.result())


def _openings(dataset: Dataset, config: OpeningsConfig) -> tuple[OpeningInputs, pd.DataFrame]:
    inputs = opening_inputs(dataset, config)
    return alike(inputs), latent_demand(dataset, inputs)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    return records
