from pathlib import Path

import pytest

from recsys.errors import RecsysError
from training import run


def test_a_bundle_that_mlflow_cannot_keep_is_deleted_and_those_before_it_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RecsysError("database or disk is full")

    for name in ("before", "new"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(run, "log_bundle", lambda _: None)
    monkeypatch.setattr(run, "register", full)
    with pytest.raises(RecsysError, match="disk is full"):
        run._tell_mlflow(tmp_path / "new", "run", is_champion=True)
    assert [path.name for path in tmp_path.iterdir()] == ["before"]
