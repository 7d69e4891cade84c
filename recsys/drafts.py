"""Folders and files that are being written: nobody sees them half done, and what killed processes left is deleted."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OF_FILE = ".culture-half-written-"
"""How folders begin that hold a file until it is whole; where outputs go, others have folders too."""


@contextmanager
def draft_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder for its owner alone, deleted with the block unless it was moved to its place by then.

    Whoever writes in it holds its lock, which ends with the process however that ends: drafts without one are deleted.
    Where a file system has no locks, what a killed process left stays.

    Args:
        parent: Where; it is there.
        prefix: How names of drafts begin, and of nothing else in `parent`.
    """
    delete_left(parent, prefix)
    folder, lock = _made(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextmanager
def draft_file(place: Path) -> Iterator[Path]:
    """Where to write a file, which is in its place when the block ends; the old one stays if that fails.

    Args:
        place: The file's; its folder is there.
    """
    with draft_folder(place.parent, OF_FILE) as folder:
        draft = folder / place.name
        yield draft
        draft.replace(place)


def delete_left(parent: Path, prefix: str) -> None:
    """Deletes drafts that nobody writes any more; where another user's are, they stay."""
    for path in parent.glob(f"{prefix}*"):
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # It has its place by now, or is not ours to read.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except OSError:
            pass  # Somebody writes it, or nobody can tell.
        finally:
            os.close(lock)


def _made(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # Deleted as one that was left, before it could be locked.
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder, lock
        os.close(lock)
