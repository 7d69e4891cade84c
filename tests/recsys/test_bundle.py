from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from recsys.bundle import MANIFEST, BundleWriter, ModelBundle, load_bundle
from recsys.errors import BundleError
from recsys.releases import bundles_folder, champion_name, load_champion, release


def written(folder: Path) -> ModelBundle:
    with BundleWriter(folder, {"data_until": "2026-01-01T00:00:00Z"}) as writer:
        writer.array("ranking/weights", np.arange(3.0))
        writer.matrix("ranking/pairs", sparse.csr_array(np.eye(2, dtype=np.float32)))
        writer.table("demand/table", pd.DataFrame({"region_id": ["r"], "mean": [1.5]}))
        writer.json("openings/facts", {"名": [1, 2]})
        writer.text("ranking/trees", "tree")
    return load_bundle(folder)


def test_every_part_comes_back(tmp_path: Path) -> None:
    bundle = written(tmp_path / "one")
    np.testing.assert_array_equal(bundle.array("ranking/weights"), [0, 1, 2])
    np.testing.assert_array_equal(bundle.matrix("ranking/pairs").toarray(), np.eye(2))
    assert bundle.table("demand/table").to_dict("records") == [{"region_id": "r", "mean": 1.5}]
    assert bundle.json("openings/facts") == {"名": [1, 2]}
    assert bundle.text("ranking/trees") == "tree"
    assert "ranking/pairs" in bundle
    assert "ranking/none" not in bundle
    with pytest.raises(BundleError, match="no part 'ranking/none'"):
        bundle.array("ranking/none")


def test_one_changed_byte_anywhere_is_found(tmp_path: Path) -> None:
    bundle = written(tmp_path / "one")
    for part in bundle.manifest["parts"].values():
        path = bundle.folder / part["file"]
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(BundleError, match="was changed"):
            load_bundle(bundle.folder)
        path.write_bytes(whole)
    (bundle.folder / "ranking/trees.txt").unlink()
    with pytest.raises(BundleError, match="ranking/trees is missing"):
        load_bundle(bundle.folder)


@pytest.mark.parametrize("text", ["", "{", '{"format": 99, "parts": {}}'])
def test_a_broken_manifest_is_an_error_of_the_bundle(tmp_path: Path, text: str) -> None:
    bundle = written(tmp_path / "one")
    (bundle.folder / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(BundleError):
        load_bundle(bundle.folder)


def test_a_manifest_that_says_something_else_is_found(tmp_path: Path) -> None:
    bundle = written(tmp_path / "one")
    path = bundle.folder / MANIFEST
    path.write_text(path.read_text().replace("2026-01-01", "2026-01-02"))
    with pytest.raises(BundleError, match=r"manifest.json was changed"):
        load_bundle(bundle.folder)


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), BundleWriter(tmp_path / "one", {}) as writer:  # noqa: PT012
        writer.array("a", np.ones(1))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_of_the_bundle_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No space left"), BundleWriter(tmp_path / "one", {}) as writer:  # noqa: PT012
        writer.array("a", np.ones(1))
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_an_array_that_was_written_in_part_is_told_as_a_full_disk(tmp_path: Path) -> None:
    # As numpy says it.
    with pytest.raises(BundleError, match="no room is left on the disk"), BundleWriter(tmp_path / "one", {}):
        raise OSError("7605 requested and 5616 written")


def test_nothing_is_written_twice_or_over(tmp_path: Path) -> None:
    written(tmp_path / "one")
    with pytest.raises(BundleError, match="never overwritten"):
        written(tmp_path / "one")
    with pytest.raises(BundleError, match="written twice"), BundleWriter(tmp_path / "two", {}) as writer:  # noqa: PT012
        writer.text("a", "x")
        writer.text("a", "y")


def test_the_champion_is_what_was_released_last(tmp_path: Path) -> None:
    assert champion_name(tmp_path) is None
    assert load_champion(tmp_path) is None
    for name in ("one", "two"):
        written(bundles_folder(tmp_path) / name)
        release(tmp_path, name)
    champion = load_champion(tmp_path)
    assert champion is not None
    assert champion.name == "two"
    with pytest.raises(BundleError, match="three"):
        release(tmp_path, "three")
    assert champion_name(tmp_path) == "two"
