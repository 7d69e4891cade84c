"""Peers on a fold of the classic protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.environments import PEERS, PeerAnswer, PeerError
from benchmarks.peers.folds import Fold, figures
from training.learners.inner_splits import CUT

NO_FIGURES = dict.fromkeys(("ndcg", "low", "high", "fit_seconds", "users_per_second", "peak_mb"))


def peer_rows(
    fold: Fold, folder: Path, regularisation: float, seed: int, tell: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """A row of the classic benchmark for every peer's model; one that fails says why in `problem`.

    Args:
        fold: What is learned and judged.
        folder: Where the training pairs and the peers' answers are written.
        regularisation: Of both EASEs.
        seed: Of the bootstrap.
        tell: Called with a line for every peer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    train = folder / "train.tsv"
    rows, columns = fold.train.nonzero()
    train.write_text(
        "".join(f"{fold.user_ids[u]}\t{fold.item_ids[i]}\n" for u, i in zip(rows, columns, strict=True)),
        encoding="utf-8",
    )
    for peer in PEERS:
        tell(f"{peer.name}: {', '.join(peer.models)}")
        for model in peer.models:
            name = f"{peer.name} {model}"
            try:
                answer, about = peer.answer(train, folder / peer.name, model, "--regularisation", str(regularisation))
            except PeerError as error:
                yield {"name": name, **NO_FIGURES, "settings": {}, "problem": str(error)}
                continue
            yield {"name": name, **figures(fold, in_columns(fold, answer), seed), **about, "settings": {}}


def in_columns(fold: Fold, answer: PeerAnswer) -> NDArray[np.int64]:
    """A peer's lists in the fold's rows and columns; -1 where a list has ended or the peer knows no such user."""
    row = {user: num for num, user in enumerate(fold.user_ids)}
    column = {item: num for num, item in enumerate(fold.item_ids)}
    columns = np.array([column[item] for item in answer.items] + [-1], dtype=np.int64)
    lists = np.full((len(fold.user_ids), CUT), -1, dtype=np.int64)
    lists[[row[user] for user in answer.users]] = columns[answer.lists]
    return lists
