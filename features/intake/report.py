"""What became of a delivery's rows, table by table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from features.intake.references import OVERTAKEN
from recsys.errors import RecsysError
from recsys.files import write_json


@dataclass
class TableReport:
    """What became of one table's rows; `read` is always `accepted` + `rejected`.

    Attributes:
        file: Name of the file.
        read: Rows in the file, the header not counted.
        accepted: Rows that are in the store now, or gave way to a later row of the file with the same key.
        rejected: Rows in quarantine, and those of erased accounts.
        reasons: Rejected rows by reason; a row with several faults counts under their joint reason.
        waiting: Those of the rejected that wait for a row they point at.
        erased: Those of the rejected that are of erased accounts: not in quarantine either.
        warnings: Rows by warning; they are stored. 0 stands for the whole file.
        unknown_columns: Columns that were left out.
        replaced: Those of the accepted that gave way.
        new: Rows that the store did not have.
        changed: Rows that it had otherwise.
        unchanged: Rows that it had.
        taken_in: Rows of earlier deliveries that waited and are stored now.
    """

    file: str = ""
    read: int = 0
    accepted: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    erased: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    unknown_columns: list[str] = field(default_factory=list)
    replaced: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    taken_in: int = 0

    def stop_waiting(self, reasons: Sequence[str]) -> None:
        """Rows that waited for these reasons have been overtaken."""
        counts = Counter(self.reasons)
        counts.subtract(reasons)
        counts[OVERTAKEN] += len(reasons)
        self.reasons = dict(+counts)
        self.waiting -= len(reasons)


@dataclass(frozen=True)
class IngestReport:
    """Reports by table.

    Attributes:
        platform: Whose delivery it was.
        timezone: Zone that times without one were read in.
        tables: Report by table, for tables that were delivered or that rows were taken into.
        quarantine_files: Where all rows that are in quarantine now can be read, by table.
    """

    platform: str
    timezone: str
    tables: dict[str, TableReport]
    quarantine_files: dict[str, str]

    def __str__(self) -> str:
        lines = [
            f"{name}: {t.read} read, {t.accepted} accepted, {t.rejected} rejected"
            + (f" (of them {t.waiting} wait for a row they point at)" if t.waiting else "")
            + (f", {t.taken_in} taken in from quarantine" if t.taken_in else "")
            for name, t in self.tables.items()
        ]
        lines += [
            f"{name}: rows of erased accounts, kept nowhere: {t.erased}" for name, t in self.tables.items() if t.erased
        ]
        lines += [
            f"{name}: warning: {w}" + f" ({n})" * bool(n)
            for name, t in self.tables.items()
            for w, n in t.warnings.items()
        ]
        lines += [
            f"{name}: unknown columns left out: {', '.join(t.unknown_columns)}"
            for name, t in self.tables.items()
            if t.unknown_columns
        ]
        lines += [f"rows not stored, with reasons: {path}" for path in self.quarantine_files.values()]
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """Writes the report as JSON.

        Raises:
            RecsysError: It cannot be written.
        """
        try:
            write_json(asdict(self), path)
        except RecsysError as error:
            raise RecsysError(f"the rows are stored, but the report is not: {error}") from error
