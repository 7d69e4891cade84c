"""Windows judged by an executor: what is said of them, and when."""

from concurrent.futures import Future

import pandas as pd
import pytest

from recsys.errors import FitError
from tests.ranking_world import AT, ranking_world
from training.demand.config import DemandConfig
from training.evaluation import Progress, Windows
from training.ranking.fit import RankingConfig
from training.ranking.windows import WindowConfig, WindowMemory
from training.workers import Here

CUT_OFFS = (AT - pd.Timedelta(days=14), AT)


@pytest.fixture
def told(monkeypatch):
    """What was judged and what was said, in their order."""
    told = []
    monkeypatch.setattr("training.ranking.fit._judged_window", lambda *args: told.append(args[1]))
    monkeypatch.setattr("training.demand.evaluate._judged_at", lambda *args: told.append(args[1]))
    return told


@pytest.mark.parametrize("task", ["ranking", "demand"])
def test_a_window_is_told_before_the_next_is_judged_here(told, task):
    windows = Windows(ranking_world(0), CUT_OFFS, 14, Here(), Progress(told.append, 2))
    if task == "ranking":
        windows.rankings(RankingConfig(windows=WindowConfig(n_windows=0)), 10, WindowMemory())
    else:
        windows.forecasts(DemandConfig())
    days = [f"{cut_off.tz_convert('Asia/Shanghai'):%Y-%m-%d %H:%M}" for cut_off in CUT_OFFS]
    assert told == [
        CUT_OFFS[0],
        f"1 of 2: {task} judged on the window from {days[0]}",
        CUT_OFFS[1],
        f"2 of 2: {task} judged on the window from {days[1]}",
    ]


def test_nothing_is_told_of_what_failed_or_was_given_up():
    said = []
    progress = Progress(said.append, 3)
    failed, given_up, done = (progress.follow(name, Future()) for name in ("failed", "given up", "done"))
    failed.set_exception(FitError("x"))
    given_up.cancel()
    done.set_result(1)
    assert said == ["1 of 3: done"]
