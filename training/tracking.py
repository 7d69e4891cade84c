"""MLflow: one run a training, the bundle as its artifact, the champion as an alias of the registered model.

Local by default (an SQLite file under the home folder); a server when `MLFLOW_TRACKING_URI` names one.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

# Nothing may need the network at run time; read by MLflow when it is imported.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from recsys.errors import RecsysError

logging.getLogger("mlflow").setLevel(logging.WARNING)
# What it logs, with a traceback, is raised as well.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

EXPERIMENT = "culture-recsys"
REGISTERED_MODEL = "culture-recsys"
CHAMPION_ALIAS = "champion"

_UNDER_WAY = Path("mlflow", "under-way")
"""Folder under the home folder with a file for each run of a process that lives, or was killed."""

_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Columns in which MLflow keeps where artifacts lie."""

_MOST_METRICS = 500
"""At once; a server takes a thousand."""


def tracking_uri(home: Path) -> str:
    """Where runs are kept: `MLFLOW_TRACKING_URI`, else an SQLite file under the home folder."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if named:
        return named
    folder = (home / "mlflow").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    # No more than must be: MLflow makes the folder of the encoded name too.
    return f"sqlite:///{folder / 'mlflow.db'}".replace("%", "%25").replace("?", "%3F")


@contextmanager
def tracked_run(home: Path, name: str, params: Mapping[str, Any]) -> Iterator[str]:
    """One MLflow run around a training, see `open_run`; yields its id. Runs that could not end themselves end first.

    Raises:
        RecsysError: MLflow could not keep it.
    """
    with _environment_kept(), _clear_errors():
        uri = tracking_uri(home)
        mlflow.set_tracking_uri(uri)
        artifacts = (home / "mlflow" / "artifacts").resolve().as_uri() if uri.startswith("sqlite:") else None
        if (known := mlflow.get_experiment_by_name(EXPERIMENT)) is None:
            mlflow.create_experiment(EXPERIMENT, artifacts)
        elif artifacts and known.artifact_location != artifacts:
            _follow(uri, known.artifact_location, artifacts)
        experiment = mlflow.set_experiment(EXPERIMENT)
        _end_killed(home / _UNDER_WAY, experiment.experiment_id)
        with ExitStack() as locked, open_run(name) as run_id:
            locked.enter_context(_under_way(home / _UNDER_WAY, run_id))
            mlflow.log_params(dict(params))
            yield run_id


def _follow(uri: str, before: str, now: str) -> None:
    """Has runs of a home that was moved or restored elsewhere find and put their artifacts where they lie now."""
    engine = create_engine(uri)
    moved = (
        "UPDATE {0} SET {1} = :now || substr({1}, length(:before) + 1) WHERE substr({1}, 1, length(:before)) = :before"
    )
    with engine.begin() as connection:
        for table, column in _ADDRESSES:
            connection.execute(text(moved.format(table, column)), {"before": before, "now": now})
    engine.dispose()


@contextmanager
def open_run(name: str) -> Iterator[str]:
    """An MLflow run, below the one that is open, if any; yields its id.

    It ends FINISHED, FAILED after a failure inside, KILLED after an interrupt or a signal that ends the command.
    """
    try:
        run = mlflow.start_run(run_name=name, nested=True)
        yield str(run.info.run_id)
    except BaseException as error:
        # Where that is refused too, as on a full disk, the next run does it; what counts is why the work failed.
        with suppress(MlflowException):
            mlflow.end_run("KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED")
        raise
    mlflow.end_run()


@contextmanager
def _under_way(folder: Path, run_id: str) -> Iterator[None]:
    """A file of the run's name that is locked while its process lives: however that ends, the system unlocks it.

    It stays after a failure: the next run looks whether this one could be ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft, path = folder / f".{run_id}", folder / run_id
    with draft.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(path)  # Locked before anybody can see it.
        yield
        path.unlink(missing_ok=True)


def _end_killed(folder: Path, experiment_id: str) -> None:
    """Ends the runs, and those below them, that could not be ended (SIGKILL, a power cut, a full disk)."""
    killed = {path.name for path in folder.glob("[!.]*") if _is_left(path)}
    if not killed:
        return
    client = MlflowClient()
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        if {run.info.run_id, run.data.tags.get("mlflow.parentRunId")} & killed:
            client.set_terminated(run.info.run_id, "KILLED")
    for name in killed:
        (folder / name).unlink(missing_ok=True)


def _is_left(path: Path) -> bool:
    """Whether nobody holds the file any more: a run that ended by itself has taken it away before it let go."""
    with suppress(BlockingIOError, FileNotFoundError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return path.exists()
    return False


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Says in one line what MLflow could not do."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        # Its database's words follow the driver's name; other lines tell of the statement.
        found = re.search(r"^\(\S+\) (.*)$", str(error), re.MULTILINE)
        words = found[1] if found else str(error).splitlines()[0]
        raise RecsysError(f"MLflow could not keep the run: {words}") from error


@contextmanager
def _environment_kept() -> Iterator[None]:
    """MLflow names its server and experiment in the environment: the next home's runs would go there too."""
    before = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_ID")}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def log_evaluation(table: pd.DataFrame) -> None:
    """Logs every model as metrics (categories and weeks ahead only in the table), and the table whole."""
    shown = table[~table["segment"].str.match("category:|ahead:") & table["mean"].notna()]
    metrics = [
        (_metric_name(row["task"], row["model"], row["segment"], row["metric"], row["window"]), float(row["mean"]))
        for row in shown.to_dict("records")
    ]
    for first in range(0, len(metrics), _MOST_METRICS):
        mlflow.log_metrics(dict(metrics[first : first + _MOST_METRICS]))
    mlflow.log_table(table.astype(object).where(table.notna(), None), "evaluation.json")


def log_bundle(folder: Path) -> None:
    """Logs every file of a bundle as an artifact."""
    mlflow.log_artifacts(str(folder), artifact_path="bundle")


def register(run_id: str, bundle_name: str, *, is_champion: bool) -> int:
    """Registers the run's bundle as a model version; the gate alone moves the champion's alias to it."""
    client = MlflowClient()
    try:
        client.create_registered_model(REGISTERED_MODEL)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
    version = client.create_model_version(REGISTERED_MODEL, source, run_id, tags={"bundle": bundle_name})
    if is_champion:
        client.set_registered_model_alias(REGISTERED_MODEL, CHAMPION_ALIAS, version.version)
    return int(version.version)


def _metric_name(*parts: str) -> str:
    return "/".join("".join(c if c.isalnum() or c in "_-. " else "-" for c in part) for part in parts)
