"""What an installed copy (`pip install .`) must hold beside the code: made-up places, pages."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("is_there", [True, False])
def test_another_python_is_refused_in_one_line_also_where_it_made_the_environment(tmp_path, is_there):
    python = tmp_path / "venv" / "bin" / "python" if is_there else tmp_path / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    later = "import sys; sys.version_info = (3, 14, 0); exec(sys.argv[1])"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{later}" "$2"\n', encoding="utf-8")
    python.chmod(0o755)
    named = sys.executable if is_there else python
    made = subprocess.run(
        ["make", "setup", f"PYTHON={named}", f"VENV={tmp_path / 'venv'}"], cwd=ROOT, capture_output=True, text=True
    )
    line, stopped = made.stderr.splitlines()
    assert line.startswith("Python 3.11 to 3.13 is needed")
    assert "is 3.14: name another with PYTHON=..." in line
    # Its level too where these tests run under make.
    assert re.match(r"make(\[\d+\])?: \*\*\*", stopped)
