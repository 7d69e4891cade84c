"""What a command says: results on standard output, what is under way on standard error."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True)
class Console:
    """Where one command speaks.

    Attributes:
        quiet: Nothing but errors is said.
    """

    quiet: bool
    _held: list[str] = field(default_factory=list, init=False)

    @property
    def shows_progress(self) -> bool:
        """Whether somebody watches: standard error is a terminal."""
        return sys.stderr.isatty() and not self.quiet

    def say(self, line: str) -> None:
        """One line on what is under way: at once on a terminal, else when the work is done.

        Whoever reads a file of it finds one line where the work failed, and what is worth knowing where it did not.
        """
        if self.shows_progress:
            _write(line, sys.stderr)
        elif not self.quiet:
            self._held.append(line)

    def tell(self) -> None:
        """What was held back while the work was under way."""
        for line in self._held:
            _write(line, sys.stderr)
        self._held.clear()

    def report(self, outcome: object) -> None:
        """What has come of the work, after what was held back."""
        self.tell()
        if not self.quiet:
            _write(str(outcome), sys.stdout)

    def wrote(self, output: Path, n_rows: int) -> None:
        """A file that was written."""
        self.report(f"{output}: {n_rows} rows")


def _write(line: str, stream: TextIO) -> None:
    stream.write(f"{line}\n")
    stream.flush()
