from pathlib import Path

import pytest

from features.settings import settings_from_environment


def test_a_variable_that_is_empty_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """As files of settings write what they leave open; an empty home would be the folder that one stands in."""
    for name in ("HOME", "DATABASE_URL", "PROCESSES", "VARIETY"):
        monkeypatch.setenv(f"CULTURE_{name}", "")
    settings = settings_from_environment()
    assert (settings.home, settings.database_url, settings.processes) == (Path("var"), None, None)
