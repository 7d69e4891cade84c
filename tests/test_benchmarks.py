"""Benchmarks are not tests, but they start: what they import of the packages is there."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
# These run in environments of their own, with the libraries that they compare.
ELSEWHERE = {f"benchmarks.peers.run_{name}" for name in ("lenskit", "rectools", "spopt")}
MODULES = {".".join(path.relative_to(FOLDER.parent).with_suffix("").parts) for path in FOLDER.rglob("*.py")}


@pytest.mark.parametrize("module", sorted(MODULES - ELSEWHERE))
def test_a_benchmark_can_be_imported(module: str) -> None:
    importlib.import_module(module)
