"""Two small worlds, one of each shape, written once."""

from pathlib import Path

import pytest

from recsys.simulation.command import simulate
from recsys.simulation.truth.oracle import Truth, load_truth

KNOBS = {"users": 900, "weeks": 20, "demand_scale": 6.0, "capacity_scale": 0.5, "seed": 3}


@pytest.fixture(scope="session", params=["logit", "gravity"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(str(request.param))
    simulate(path, shape=request.param, **KNOBS)
    return path


@pytest.fixture(scope="session")
def truth(folder: Path) -> Truth:
    return load_truth(folder / "truth")
