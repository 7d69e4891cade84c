"""Where bundles lie under a home folder, and which of them is the champion."""

import os
from pathlib import Path

from recsys.bundle import ModelBundle, load_bundle
from recsys.drafts import draft_file
from recsys.errors import BundleError

_POINTER = "champion"


def bundles_folder(home: Path) -> Path:
    """Folder that holds every bundle, each in a folder of its own name."""
    return home / "bundles"


def champion_name(home: Path) -> str | None:
    """Name of the bundle that serves, None before the first release, or where the pointer is empty."""
    try:
        return (home / _POINTER).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def release(home: Path, name: str) -> None:
    """Points the champion at a bundle, in one step that no reader can see half done.

    Raises:
        BundleError: there is no bundle of that name.
    """
    if not (bundles_folder(home) / name).is_dir():
        raise BundleError(f"bundle {name} is not under {bundles_folder(home).name}/; train first")
    with draft_file(home / _POINTER) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(name + "\n")
        file.flush()
        os.fsync(file.fileno())


def load_champion(home: Path) -> ModelBundle | None:
    """The champion, read and checked; None before the first release."""
    name = champion_name(home)
    return None if name is None else load_bundle(bundles_folder(home) / name)
