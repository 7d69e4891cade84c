"""What an installed copy (`pip install .`) must hold beside the code: made-up places, pages."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("recsys", "features", "training", "serving")


def _data_files() -> set[Path]:
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*") if file.is_file())
    return {file for file in files if file.suffix not in {".py", ".pyc"}}


def _shipped() -> set[Path]:
    """What setuptools finds: patterns count from folders that are packages, those with an `__init__.py`."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = [init.parent for package in PACKAGES for init in (ROOT / package).rglob("__init__.py")]
    patterns = settings["package-data"]["*"]
    return {file for folder in folders for pattern in patterns for file in folder.glob(pattern)}


def test_every_file_that_is_read_is_shipped():
    assert len(_data_files()) > 10
    assert sorted(_data_files() - _shipped()) == []
