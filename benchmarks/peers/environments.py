"""Peers in environments of their own: made when missing, run on one fold, their answers read back.

`python -m benchmarks.peers.environments --train TSV --folder OUT` writes, for each peer and model, the scores of every
user of TSV (two columns, user and key, tab between, no header) for every key as `OUT/<peer>/<model>.npz` with `users`,
`items` and `scores` (float32, NaN: cannot score), to be judged on any protocol.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.errors import RecsysError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENTS = ROOT / "var" / "environments"
"""Outside of the packages: what looks through these must not meet other libraries' files."""


class PeerError(RecsysError):
    """A peer that cannot be installed or run."""


@dataclass(frozen=True)
class Peer:
    """A library: what to install, the script that runs it, and its models."""

    name: str
    requirements: tuple[str, ...]
    models: tuple[str, ...]

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return ENVIRONMENTS / self.name / "bin" / "python"

    def prepare(self) -> None:
        """Makes the environment unless it is complete.

        Raises:
            PeerError: it cannot be made.
        """
        done = ENVIRONMENTS / self.name / "complete.txt"
        wanted = "\n".join(self.requirements)
        if done.is_file() and done.read_text(encoding="utf-8") == wanted:
            return
        run_quietly([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENTS / self.name)])
        run_quietly([str(self.python), "-m", "pip", "install", "--quiet", *self.requirements])
        done.write_text(wanted, encoding="utf-8")

    def run(self, train: Path, folder: Path, model: str, *options: str) -> dict[str, float]:
        """Runs a model in a process of its own, which writes `folder/<model>.npz`; returns its timings.

        Raises:
            PeerError: the environment cannot be made, or the model fails.
        """
        self.prepare()
        where = ["--train", str(train), "--folder", str(folder), "--models", model]
        run_quietly([str(self.python), "-m", f"benchmarks.peers.run_{self.name}", *where, *options])
        timings: dict[str, float] = json.loads((folder / f"{model}.json").read_text(encoding="utf-8"))
        return timings

    def answer(self, train: Path, folder: Path, model: str, *options: str) -> tuple[PeerAnswer, dict[str, float]]:
        """What a model answers, and its timings.

        Raises:
            PeerError: as `run`.
        """
        timings = self.run(train, folder, model, *options)
        with np.load(folder / f"{model}.npz", allow_pickle=False) as parts:
            return PeerAnswer(parts["users"], parts["items"], parts["lists"]), timings

    def scores(
        self, train: Path, folder: Path, model: str, regularisation: str, users: Path | None = None
    ) -> dict[str, float]:
        """Writes a model's scores of users for all keys as `folder/<model>.npz`; returns its timings.

        Args:
            train: Pairs of user and key.
            folder: Where the scores go.
            model: Its name.
            regularisation: Of EASE.
            users: File of the ids of those who ask, one a line; None for all.

        Raises:
            PeerError: as `run`.
        """
        asking = [] if users is None else ["--users", str(users)]
        return self.run(train, folder, model, "--regularisation", regularisation, "--scores", *asking)


@dataclass(frozen=True)
class PeerAnswer:
    """A model's users, items and lists of item numbers, -1 where a list has ended."""

    users: NDArray[Any]
    items: NDArray[Any]
    lists: NDArray[np.int64]


PEERS = (
    Peer("lenskit", ("lenskit==2025.8.1",), ("slim", "slim-regularised", "ease", "item-knn", "implicit-mf")),
    Peer("rectools", ("rectools[lightfm]==0.19.0",), ("ease", "ease-transposed", "ials", "lightfm")),
)


def run_quietly(command: list[str]) -> None:
    """Runs a command, to which this project's programs are there; its output is kept for the error.

    Raises:
        PeerError: it failed.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise PeerError(f"{Path(command[0]).parent.parent.name}: {' '.join(command[1:4])} failed: {last}")


def main() -> int:
    """Scores of every peer for one set of training pairs."""
    parser = argparse.ArgumentParser(prog="benchmarks.peers.environments")
    parser.add_argument("--train", type=Path, required=True, help="two columns, user and key, tab between, no header")
    parser.add_argument("--folder", type=Path, required=True, help="where to write <peer>/<model>.npz")
    parser.add_argument("--regularisation", default="500", help="of both EASEs")
    options = parser.parse_args()
    try:
        for peer in PEERS:
            folder = options.folder / peer.name
            for model in peer.models:
                about = peer.scores(options.train, folder, model, options.regularisation)
                print(f"{peer.name} {model}: fitted in {about['fit_seconds']:.1f} s, {folder / model}.npz")
    except RecsysError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
