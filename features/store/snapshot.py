"""The store as immutable Parquet files, cut at `data_until`: what training reads, so that a run can be repeated."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection

from features.settings import NOT_FOR_OTHERS
from features.store.frames import ARROW, REMOVED_TAGS, read_dataset
from recsys.dataset import TEXT, TIME, Dataset
from recsys.drafts import delete_left, draft_folder
from recsys.errors import DataError, RecsysError
from recsys.schema import TABLES, Table

MANIFEST = "manifest.json"
SNAPSHOTS = "snapshots"
"""Folder of the snapshots under `CULTURE_HOME`."""
_DRAFT = ".partial-"
"""How the folder of a snapshot that is being written is called."""


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on disk.

    Attributes:
        path: Its folder.
        sha256: Of everything in it: equal for equal data and cut.
        data_until: First instant not used.
        platforms: Zone by platform.
    """

    path: Path
    sha256: str
    data_until: pd.Timestamp
    platforms: Mapping[str, str]


def write_snapshot(
    connection: Connection, platforms: Mapping[int, tuple[str, str]], folder: Path, data_until: pd.Timestamp
) -> Snapshot:
    """Files of what was known before `data_until`; an equal snapshot that is there already is used again.

    Args:
        connection: In a transaction that sees one state.
        platforms: Name and zone by platform number.
        folder: Where snapshots lie, each in a folder of its own.
        data_until: First instant not used.

    Raises:
        RecsysError: The files cannot be written.
    """
    dataset = read_dataset(connection, platforms, data_until)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with draft_folder(folder, _DRAFT) as draft:
            draft.chmod(NOT_FOR_OTHERS)
            return _write(dataset, dict(platforms.values()), folder, draft)
    except OSError as error:
        raise RecsysError(f"the snapshot cannot be written under {folder}: {error.strerror}") from error


def load_snapshot(path: Path) -> Dataset:
    """The data set of a snapshot.

    Raises:
        DataError: Files are missing or not what was written.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        found = {f"{name}.parquet": _sha256(path / f"{name}.parquet") for name in (*TABLES, REMOVED_TAGS.name)}
    except (OSError, ValueError) as error:
        raise DataError(f"snapshot {path}", [f"cannot be read: {error}"]) from error
    changed = [name for name, sha in manifest["files"].items() if found.get(name) != sha]
    if changed:
        raise DataError(f"snapshot {path}", [f"{name} is not what was written" for name in changed])
    removed = _load_table(path / f"{REMOVED_TAGS.name}.parquet", REMOVED_TAGS)
    tables = {name: _load_table(path / f"{name}.parquet", table) for name, table in TABLES.items()}
    return Dataset(
        **tables,
        data_until=pd.Timestamp(manifest["data_until"]),
        timezone=manifest["timezone"],
        removed_tags=removed,
    )


def delete_snapshots_with(folder: Path, platform: str, user_id: str) -> int:
    """Deletes every snapshot that holds a row of a user, and every one that cannot be read, or was left half written.

    Returns how many, without those left half written.

    Nothing else is lost: a snapshot can be made again from the store at any time.

    Args:
        folder: Where snapshots lie, each in a folder of its own.
        platform: The user's platform.
        user_id: As the platform has it.
    """
    delete_left(folder, _DRAFT)
    held = [path for path in folder.glob("[!.]*") if _may_hold(path, platform, user_id)]
    for path in held:
        shutil.rmtree(path)
    return len(held)


def _may_hold(path: Path, platform: str, user_id: str) -> bool:
    try:
        platforms = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["platforms"]
        if platform not in platforms:
            return False
        mine = f"{platform}:{user_id}" if len(platforms) > 1 else user_id
        of_user = [name for name, table in TABLES.items() if "user_id" in table.column_names]
        return any(
            pq.read_table(path / f"{name}.parquet", columns=["user_id"], filters=[("user_id", "==", mine)]).num_rows
            for name in (*of_user, REMOVED_TAGS.name)
        )
    except (OSError, ValueError, KeyError):
        return True


def _write(dataset: Dataset, zones: dict[str, str], folder: Path, partial: Path) -> Snapshot:
    files = {}
    for name, frame in (*dataset.tables().items(), (REMOVED_TAGS.name, dataset.removed_tags)):
        path = partial / f"{name}.parquet"
        pq.write_table(_arrow(frame, TABLES.get(name, REMOVED_TAGS)), path, compression="zstd", store_schema=False)
        files[path.name] = _sha256(path)
    manifest = {
        "data_until": dataset.data_until.isoformat(),
        "timezone": dataset.timezone,
        "platforms": zones,
        "rows": {name: len(frame) for name, frame in dataset.tables().items()},
        "files": files,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    (partial / MANIFEST).write_text(text, encoding="utf-8")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    path = folder / f"{dataset.data_until:%Y%m%dT%H%M%S}-{sha256[:16]}"
    if path.exists() and not _is_whole(path, text, files):
        shutil.rmtree(path)
    try:
        partial.rename(path)
    except OSError:
        # The same snapshot was there, or has come meanwhile.
        if not _is_whole(path, text, files):
            raise
    return Snapshot(path, sha256, dataset.data_until, zones)


def _is_whole(path: Path, manifest: str, files: Mapping[str, str]) -> bool:
    """Whether a snapshot is as it was written: a damaged one is written anew."""
    try:
        is_same = (path / MANIFEST).read_text(encoding="utf-8") == manifest
        return is_same and all(_sha256(path / name) == sha for name, sha in files.items())
    except (OSError, ValueError):
        return False


def _arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    schema = pa.schema([(c.name, ARROW[c.type]) for c in table.columns])
    sorted_frame = frame.sort_values(table.key, kind="stable")
    found = pa.Table.from_pandas(sorted_frame, schema=schema, preserve_index=False, safe=False)
    return found.replace_schema_metadata(None)


def _load_table(path: Path, table: Table) -> pd.DataFrame:
    frame = pq.read_table(path).to_pandas(types_mapper={pa.string(): TEXT}.get)
    return frame.astype({c.name: TIME for c in table.columns if c.type == "time"})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
