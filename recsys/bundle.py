"""A bundle: what training hands to serving, as data with checksums, never as code."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recsys.drafts import draft_folder
from recsys.errors import BundleError

MANIFEST = "manifest.json"
CHECKSUM = "sha256"
FORMAT = 5
DRAFT = ".draft-"
"""How the folder of a bundle that is being written is called."""


class BundleWriter:
    """Writes a bundle's parts into a new folder; the manifest goes last and the folder gets its name at the end.

    Use as a context manager; a failure inside leaves nothing behind.

    >>> with BundleWriter(Path("bundle"), {"data_until": "2026-01-01T00:00:00Z"}) as bundle:  # doctest: +SKIP
    ...     bundle.array("ranking/weights", np.ones(3))
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        self._manifest = manifest
        self._parts: dict[str, dict[str, Any]] = {}
        self._open = ExitStack()

    def __enter__(self) -> BundleWriter:
        if self.folder.exists():
            raise BundleError(f"bundle {self.folder.name} exists already; a bundle is never overwritten")
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._draft = self._open.enter_context(draft_folder(self.folder.parent, DRAFT))
        except OSError as error:
            raise BundleError(f"bundle {self.folder.name} cannot be written: {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if error is None:
                try:
                    self._finish()
                    return
                except OSError as failure:
                    error = failure
        if isinstance(error, OSError):
            raise BundleError(
                f"bundle {self.folder.name} cannot be written: {_reason(error)}; nothing of it was kept"
            ) from error

    def array(self, name: str, values: NDArray[Any]) -> None:
        """Adds an array of numbers or fixed-width text (`.npy`, memory-mapped when read)."""
        with self._part(name, ".npy").open("wb") as file:
            np.save(file, values, allow_pickle=False)

    def matrix(self, name: str, values: sparse.csr_matrix | sparse.csr_array) -> None:
        """Adds a sparse matrix as the three arrays of its CSR form and its shape."""
        for part in ("data", "indices", "indptr"):
            self.array(f"{name}.{part}", getattr(values, part))
        self.array(f"{name}.shape", np.array(values.shape, dtype=np.int64))

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Adds a table (Parquet)."""
        frame.to_parquet(self._part(name, ".parquet"), index=False)

    def json(self, name: str, value: Any) -> None:
        """Adds a JSON document."""
        self.text(name, json.dumps(value, ensure_ascii=False, sort_keys=True), ".json")

    def text(self, name: str, value: str, suffix: str = ".txt") -> None:
        """Adds a text, for example a tree model's."""
        self._part(name, suffix).write_text(value, encoding="utf-8")

    def _part(self, name: str, suffix: str) -> Path:
        if name in self._parts:
            raise BundleError(f"bundle part {name} is written twice")
        self._parts[name] = {"file": name + suffix}
        path = self._draft / (name + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _finish(self) -> None:
        for part in self._parts.values():
            path = self._draft / part["file"]
            part["bytes"] = path.stat().st_size
            part["sha256"] = _sha256(path)
            _sync(path)
        manifest = {**self._manifest, "format": FORMAT, "parts": self._parts}
        manifest[CHECKSUM] = _checksum(json.loads(json.dumps(manifest, default=str)))
        path = self._draft / MANIFEST
        path.write_text(json.dumps(manifest, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
        _sync(path)
        self._draft.rename(self.folder)
        _sync(self.folder.parent)


@dataclass(frozen=True)
class ModelBundle:
    """A bundle that has been read and checked whole; its parts are fetched by name."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the bundle: its folder's."""
        return self.folder.name

    def __contains__(self, name: str) -> bool:
        return name in self.manifest["parts"] or f"{name}.shape" in self.manifest["parts"]

    def array(self, name: str) -> NDArray[Any]:
        """A memory-mapped array, shared by all processes that read it."""
        # Read through numpy's own type: each index into a `memmap` goes through Python.
        return np.asarray(np.load(self._path(name), mmap_mode="r", allow_pickle=False))

    def matrix(self, name: str) -> sparse.csr_array:
        """A sparse matrix on memory-mapped arrays."""
        parts = tuple(self.array(f"{name}.{part}") for part in ("data", "indices", "indptr"))
        return sparse.csr_array(parts, shape=tuple(int(n) for n in self.array(f"{name}.shape")))

    def table(self, name: str) -> pd.DataFrame:
        """A table."""
        return pd.read_parquet(self._path(name))

    def json(self, name: str) -> Any:
        """A JSON document."""
        return json.loads(self.text(name))

    def text(self, name: str) -> str:
        """A text."""
        return self._path(name).read_text(encoding="utf-8")

    def _path(self, name: str) -> Path:
        part = self.manifest["parts"].get(name)
        if part is None:
            raise BundleError(f"bundle {self.name} has no part {name!r}; train again with this version")
        return self.folder / str(part["file"])


def load_bundle(folder: Path) -> ModelBundle:
    """The bundle in a folder, after every part's size and sha256 were found as the manifest has them.

    Raises:
        BundleError: names each part that is missing or changed.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(f"bundle {folder.name} has no {MANIFEST}: it is not there or was not finished") from None
    except ValueError:
        raise BundleError(f"bundle {folder.name}: {MANIFEST} is not JSON; train again") from None
    found = manifest.get("format") if isinstance(manifest, dict) else None
    if found != FORMAT:
        raise BundleError(f"bundle {folder.name} has format {found}, expected {FORMAT}; train again")
    if manifest.get(CHECKSUM) != _checksum(manifest):
        raise BundleError(f"bundle {folder.name}: {MANIFEST} was changed after it was written; train again")
    problems = []
    for name, part in manifest["parts"].items():
        path = folder / part["file"]
        if not path.is_file():
            problems.append(f"part {name} is missing")
        elif path.stat().st_size != part["bytes"] or _sha256(path) != part["sha256"]:
            problems.append(f"part {name} was changed after it was written")
    if problems:
        raise BundleError(f"bundle {folder.name}: {'; '.join(problems)}; train again or restore it")
    return ModelBundle(folder, manifest)


def _checksum(manifest: dict[str, Any]) -> str:
    """Sha256 of what a manifest says, its own checksum left out."""
    said = {name: value for name, value in manifest.items() if name != CHECKSUM}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _reason(error: OSError) -> str:
    """In words; numpy tells of a full disk only how much of an array it could write."""
    return error.strerror or f"no room is left on the disk ({error})"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
