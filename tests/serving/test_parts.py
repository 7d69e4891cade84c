import shutil

from recsys.bundle import BundleWriter
from recsys.releases import bundles_folder, release
from serving.parts import can_serve
from tests.serving.conftest import BUNDLE


def test_a_champion_serves_whole_or_is_learned_again(county, tmp_path):
    assert can_serve(county.home)
    assert not can_serve(tmp_path)
    copied = tmp_path / "home"
    copied.mkdir()
    shutil.copytree(bundles_folder(county.home) / BUNDLE, bundles_folder(copied) / BUNDLE)
    release(copied, BUNDLE)
    assert can_serve(copied)
    shutil.rmtree(bundles_folder(copied) / BUNDLE / "ranking")
    assert not can_serve(copied)


def test_a_champion_of_another_version_cannot_serve(tmp_path):
    with BundleWriter(bundles_folder(tmp_path) / "old", {"version": 0}):
        pass
    release(tmp_path, "old")
    assert not can_serve(tmp_path)
