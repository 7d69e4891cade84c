import signal
import sqlite3
import subprocess
import sys

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from recsys.errors import RecsysError
from training import tracking
from training.tracking import (
    CHAMPION_ALIAS,
    EXPERIMENT,
    REGISTERED_MODEL,
    log_bundle,
    log_evaluation,
    register,
    tracked_run,
    tracking_uri,
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def evaluation():
    base = {"task": "ranking", "model": "two-stage", "role": "served", "metric": "ndcg@10", "window": "all"}
    return pd.DataFrame(
        [
            {**base, "segment": "new organisers", "mean": 0.25, "low": float("nan"), "high": 0.3, "n": 4},
            {**base, "segment": "cold", "mean": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0},
        ]
    )


def train_once(home, name, *, is_champion):
    bundle = home / "bundles" / name
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text("{}")
    with tracked_run(home, name, {"as_of": "2026-01-01"}) as run_id:
        log_evaluation(evaluation())
        log_bundle(bundle)
        return run_id, register(run_id, name, is_champion=is_champion)


def test_a_run_keeps_params_metrics_table_and_bundle(home):
    run_id, _ = train_once(home, "one", is_champion=True)
    client = MlflowClient(tracking_uri(home))
    run = client.get_run(run_id)
    assert run.data.params == {"as_of": "2026-01-01"}
    assert run.data.metrics == {"ranking/two-stage/new organisers/ndcg-10/all": 0.25}
    assert {a.path for a in client.list_artifacts(run_id)} == {"evaluation.json", "bundle"}
    assert (home / "mlflow" / "artifacts").is_dir()


def test_a_homes_path_may_hold_what_addresses_read_otherwise(home):
    run_id, _ = train_once(home / "50%41?a=b", "one", is_champion=True)
    assert (home / "50%41?a=b" / "mlflow" / "mlflow.db").exists()
    assert MlflowClient(tracking_uri(home / "50%41?a=b")).get_run(run_id).info.status == "FINISHED"


def test_only_the_gate_moves_the_champion(home):
    train_once(home, "one", is_champion=True)
    train_once(home, "two", is_champion=False)
    client = MlflowClient(tracking_uri(home))
    champion = client.get_model_version_by_alias(REGISTERED_MODEL, CHAMPION_ALIAS)
    assert champion.tags["bundle"] == "one"
    train_once(home, "three", is_champion=True)
    assert client.get_model_version_by_alias(REGISTERED_MODEL, CHAMPION_ALIAS).tags["bundle"] == "three"


def test_a_failed_training_is_a_failed_run(home):
    with pytest.raises(ValueError, match="no"), tracked_run(home, "bad", {}) as run_id:
        raise ValueError("no")
    assert MlflowClient(tracking_uri(home)).get_run(run_id).info.status == "FAILED"


def test_runs_of_two_homes_in_one_process_stay_apart(home):
    uris = []
    for name in ("east", "west"):
        with tracked_run(home / name, name, {}) as run_id:
            pass
        uris.append(tracking_uri(home / name))
        assert MlflowClient(uris[-1]).get_run(run_id).info.run_name == name
    assert uris[0] != uris[1]


def test_a_server_is_used_when_named(home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    assert tracking_uri(home) == "http://tracking.example:5000"


_UNTIL_KILLED = """
import os, pathlib, sys
from training.tracking import open_run, tracked_run
with tracked_run(pathlib.Path(sys.argv[1]), sys.argv[2], {}), open_run("below " + sys.argv[2]):
    os.kill(os.getpid(), int(sys.argv[3]))
"""


def test_the_runs_of_a_process_that_was_killed_end_with_the_next(home):
    def run(name, number):
        words = [sys.executable, "-c", _UNTIL_KILLED, str(home), name, str(number)]
        return subprocess.run(words, check=False).returncode

    with tracked_run(home, "lives", {}):
        assert run("killed", signal.SIGKILL) == -signal.SIGKILL
        assert statuses(home) == dict.fromkeys(("lives", "killed", "below killed"), "RUNNING")
        assert run("next", 0) == 0
        assert statuses(home)["lives"] == "RUNNING"
    of_killed = dict.fromkeys(("killed", "below killed"), "KILLED")
    assert statuses(home) == of_killed | dict.fromkeys(("lives", "next", "below next"), "FINISHED")
    assert not list((home / "mlflow" / "under-way").iterdir())


def test_what_mlflow_cannot_keep_is_one_line_and_its_run_ends_with_the_next(home, capsys):
    def full(_connection, _cursor, statement, *_):
        if statement.startswith(("INSERT", "UPDATE")):
            raise OperationalError(statement, {}, sqlite3.OperationalError("database or disk is full"))

    run_ids = []

    def train():
        with tracked_run(home, "one", {}) as run_id:
            run_ids.append(run_id)
            event.listen(Engine, "before_cursor_execute", full)
            log_evaluation(evaluation())

    try:
        with pytest.raises(RecsysError, match=r"^MLflow could not keep the run: database or disk is full$"):
            train()
    finally:
        event.remove(Engine, "before_cursor_execute", full)
    assert capsys.readouterr().err == ""
    client = MlflowClient(tracking_uri(home))
    assert client.get_run(run_ids[0]).info.status == "RUNNING"
    with tracked_run(home, "two", {}):
        assert client.get_run(run_ids[0]).info.status == "KILLED"


def test_a_run_that_ends_while_another_looks_was_not_killed(home, monkeypatch):
    """Its file is opened, and gone when the lock is had; MLflow calls it RUNNING for a moment more."""
    lock = tracking.fcntl.flock
    with tracked_run(home, "about to end", {}) as run_id:
        file = home / "mlflow" / "under-way" / run_id
        file.unlink()
        file.touch()

        def after_it_is_gone(held, how):
            file.unlink(missing_ok=True)
            lock(held, how)

        monkeypatch.setattr(tracking.fcntl, "flock", after_it_is_gone)
        with tracked_run(home, "next", {}):
            assert statuses(home)["about to end"] == "RUNNING"


def statuses(home):
    """Status by run name, the newest of each name."""
    client = MlflowClient(tracking_uri(home))
    runs = client.search_runs([client.get_experiment_by_name(EXPERIMENT).experiment_id], order_by=["start_time ASC"])
    return {run.info.run_name: run.info.status for run in runs}


def test_a_home_that_was_moved_keeps_its_runs_and_their_artifacts(home):
    old, new = home / "old 中", home / "new #1"
    before, _ = train_once(old, "one", is_champion=True)
    old.rename(new)
    after, _ = train_once(new, "two", is_champion=False)
    assert [path.name for path in home.iterdir()] == [new.name]
    client = MlflowClient(tracking_uri(new))
    for run_id in (before, after):
        assert {file.path for file in client.list_artifacts(run_id)} == {"evaluation.json", "bundle"}
    champion = client.get_model_version_by_alias(REGISTERED_MODEL, CHAMPION_ALIAS)
    assert champion.source == f"{client.get_run(before).info.artifact_uri}/bundle"
