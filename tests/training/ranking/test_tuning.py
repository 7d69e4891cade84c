import json
import logging
import subprocess
import sys

import mlflow
import pandas as pd
import pytest

from recsys.dataset import Dataset
from recsys.errors import DataError
from tests.ranking_world import AT, ranking_world
from training.ranking.fit import RankingConfig
from training.ranking.tuning import TuneConfig, _study, past_windows, tune
from training.ranking.tuning_space import SPACE, Range, with_values
from training.run import TrainConfig

SMALL = {"ease.regularisation": Range(2.0, 500.0), "trees.n_trees": Range(40, 60)}


@pytest.fixture
def home(tmp_path, monkeypatch, with_runs):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return with_runs(tmp_path)


def best_at_100(dataset, cut_off, window_days, k, config):
    """An evaluation table whose figure is best where EASE's regularisation is 100."""
    value = 1 / (1 + abs(config.ease.regularisation - 100))
    rows = [("all", value), ("hot", 0.0), ("new organisers", float("nan"))]
    return pd.DataFrame(
        [{"role": "served", "segment": part, "metric": f"ndcg@{k}", "mean": mean} for part, mean in rows]
        + [{"role": "learner", "segment": "all", "metric": f"ndcg@{k}", "mean": 9.0}]
    )


def test_finds_better_settings_and_goes_on_where_it_ended(home):
    dataset = ranking_world()
    calls = []

    def counted(*arguments):
        calls.append(arguments[1])
        return best_at_100(*arguments)

    config = TuneConfig(n_trials=6, n_windows=2, window_days=5)
    first = tune(dataset, home, config, quiet=True, space=SMALL, evaluate=counted)
    assert first.n_trials == 6
    assert first.start == pytest.approx(0.75 / (1 + 80))
    assert first.value > first.start
    n_calls = len(calls)
    again = tune(dataset, home, config, quiet=True, space=SMALL, evaluate=counted)
    assert (again.value, len(calls)) == (first.value, n_calls)
    more = tune(dataset, home, config.model_copy(update={"n_trials": 9}), quiet=True, space=SMALL, evaluate=counted)
    assert more.n_trials == 9
    assert more.value >= first.value
    found = TrainConfig.model_validate(json.loads(more.file.read_text())).ranking
    assert found.ease.regularisation != RankingConfig().ease.regularisation
    assert found.als == RankingConfig().als
    assert set(calls) == {dataset.data_until - pd.Timedelta(days=5), dataset.data_until - pd.Timedelta(days=10)}


def test_the_first_trial_of_all_that_is_searched_is_the_defaults(home):
    tried = []

    def kept(dataset, cut_off, window_days, k, config):
        tried.append(config)
        return best_at_100(dataset, cut_off, window_days, k, config)

    outcome = tune(ranking_world(), home, TuneConfig(n_trials=12, n_windows=1), quiet=True, evaluate=kept)
    assert tried[0] == RankingConfig()
    assert len({config.trees.n_leaves for config in tried}) > 2
    best = TrainConfig.model_validate(json.loads(outcome.file.read_text())).ranking
    assert best == min(tried, key=lambda config: abs(config.ease.regularisation - 100))


def test_a_search_that_was_killed_goes_on(home):
    """Killed outright: nothing is cleaned up, the trial and its MLflow runs are left running."""
    config = TuneConfig(n_trials=3, n_windows=1)
    code = (
        "import os; from pathlib import Path; from tests.ranking_world import ranking_world;"
        "from tests.training.ranking.test_tuning import SMALL; from training.ranking.tuning import TuneConfig, tune;"
        f"tune(ranking_world(), Path({str(home)!r}), TuneConfig(n_trials=3, n_windows=1), quiet=True, space=SMALL,"
        " evaluate=lambda *_: os._exit(9))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    outcome = tune(ranking_world(), home, config, quiet=True, space=SMALL, evaluate=best_at_100)
    assert outcome.n_trials == 3
    assert outcome.start == pytest.approx(0.75 / (1 + 80))
    runs = mlflow.search_runs(search_all_experiments=True)
    assert sorted(runs["status"]) == ["FINISHED"] * 4 + ["KILLED"] * 2


def test_half_a_line_that_a_full_disk_left_is_cut_off_and_the_search_goes_on(tmp_path):
    journal = tmp_path / "search.journal"
    for n_before in range(3):
        study = _study(journal, "search", 0)
        assert len(study.trials) == n_before
        study.tell(study.ask(), 1.0)
        with journal.open("ab") as file:
            file.write(b'{"op_code":6,"wor')


def test_each_trial_is_a_child_run(home):
    tune(ranking_world(), home, TuneConfig(n_trials=3, n_windows=1), quiet=True, space=SMALL, evaluate=best_at_100)
    runs = mlflow.search_runs(search_all_experiments=True)
    parents = runs["tags.mlflow.parentRunId"].notna()
    assert parents.sum() == 3
    assert runs.loc[parents, "metrics.objective"].notna().all()
    assert (runs["status"] == "FINISHED").all()


def test_the_real_evaluation_on_a_past_window(home):
    config = TuneConfig(n_trials=1, n_windows=1)
    outcome = tune(ranking_world(), home, config, quiet=True, space={"ease.regularisation": Range(2.0, 500.0)})
    assert 0 < outcome.value <= 1
    assert outcome.value == outcome.start


def test_nothing_to_tune_on():
    world = ranking_world()
    with pytest.raises(DataError, match="no booking is older than 14 days"):
        past_windows(Dataset.from_tables({"activities": world.activities.iloc[:0]}, AT), TuneConfig())
    assert past_windows(world, TuneConfig(n_windows=1)) == [world.data_until - pd.Timedelta(days=14)]


def test_every_path_is_a_setting_and_its_range_is_allowed():
    for path, choice in SPACE.items():
        for value in (choice.low, choice.high, *([None] if choice.or_none else [])):
            with_values(RankingConfig(), {path: value})
    with pytest.raises(DataError, match="none of ranking's"):
        with_values(RankingConfig(), {"nothing.at_all": 1.0})


def test_a_search_from_other_settings_or_other_data_is_another_search(home):
    dataset, config = ranking_world(), TuneConfig(n_trials=1, n_windows=1, window_days=5)
    searched = {"quiet": True, "space": SMALL, "evaluate": best_at_100}
    first = tune(dataset, home, config, snapshot_sha256="a", **searched)
    other = RankingConfig(seed=7)
    files = {
        tune(dataset, home, config, other, snapshot_sha256="a", **searched).file,
        tune(dataset, home, config, snapshot_sha256="b", **searched).file,
        tune(dataset, home, config.model_copy(update={"discovery_weight": 0.5}), snapshot_sha256="a", **searched).file,
    }
    assert len(files - {first.file}) == 3
    assert json.loads(first.file.read_text())["ranking"]["seed"] == 0


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), ValueError("no")])
def test_why_a_search_ends_is_left_to_who_called(home, caplog, monkeypatch, failure):
    def ended(*_):
        raise failure

    monkeypatch.setattr(logging.getLogger("optuna"), "handlers", [caplog.handler])
    with pytest.raises(type(failure)):
        tune(ranking_world(), home, TuneConfig(n_windows=1, window_days=5), quiet=True, space=SMALL, evaluate=ended)
    assert caplog.records == []
