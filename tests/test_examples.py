"""Examples in docstrings say what happens."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("recsys", "features", "training", "serving", "benchmarks")


def _with_examples() -> list[str]:
    files = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    texts = {file.relative_to(ROOT): file.read_text(encoding="utf-8") for file in files}
    return [".".join(file.with_suffix("").parts) for file, text in texts.items() if "    >>> " in text]


@pytest.mark.parametrize("module", _with_examples())
def test_examples_hold(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_examples_are_found():
    assert "recsys.openings.classes.attendance" in _with_examples()
