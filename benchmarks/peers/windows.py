"""Peers on past windows: learned from pairs of user and lasting key, judged on the candidates that have the key.

A peer knows items by id alone, and no candidate's id was ever booked. As our own matrix learners they are given the
programme (organiser x category) instead; candidates of a programme share its score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.peers.environments import ENVIRONMENTS, PEERS
from features.signals.catalogue import Catalogue
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.people import UserBlock
from recsys.dataset import Dataset
from recsys.schema import TAKING_STATUSES
from training.ranking.windows import hits_of

MODELS: Mapping[str, tuple[str, ...]] = {
    "lenskit": ("slim", "ease", "item-knn", "implicit-mf"),
    "rectools": ("ease", "ease-transposed", "ials", "lightfm"),
}
REGULARISATION = "20"
"""Of both EASEs: what our own EASE uses."""


@dataclass(frozen=True)
class PeerScores:
    """A peer's scores of every user it knows for every programme it knows.

    Attributes:
        users: Ids of the rows.
        programmes: Ids of the columns.
        scores: (n_users, n_programmes) float32, NaN where it cannot score.
    """

    users: pd.Index
    programmes: pd.Index
    scores: NDArray[np.float32]

    def of(self, catalogue: Catalogue, block: UserBlock) -> NDArray[np.float32]:
        """(n_users, n_candidates) scores; NaN for people and programmes it does not know."""
        columns = catalogue.levels[LEARNER_LEVEL]
        ids = catalogue.lookup.keys[LEARNER_LEVEL].ids
        nums = self.programmes.get_indexer(pd.Index(ids[columns.keys], dtype=object))
        rows = self.users.get_indexer(pd.Index(block.user_ids, dtype=object))
        found = np.full((len(block), len(columns.keys) + 1), np.nan, dtype=np.float32)
        known = np.ix_(rows >= 0, np.append(nums >= 0, False))
        found[known] = self.scores[np.ix_(rows[rows >= 0], nums[nums >= 0])]
        return found[:, columns.of_candidate]


@dataclass
class Peers:
    """Learns every peer's models before a cut-off; keeps what each took.

    Attributes:
        dataset: All rows: they say who will be judged, and nothing else of them is read.
        window_days: Days of a window.
        rows: `model, fit_seconds, users_per_second, peak_mb`, one a model and cut-off.
    """

    dataset: Dataset
    window_days: float
    rows: list[dict[str, object]] = field(default_factory=list)

    def learn(
        self, known: Dataset, catalogue: Catalogue
    ) -> Callable[[Catalogue, UserBlock], dict[str, NDArray[np.float32]]]:
        """Scores of all peers for a block of people; NaN for those without a hit in the window."""
        folder = ENVIRONMENTS / "windows" / known.data_until.strftime("%Y%m%d%H%M")
        folder.mkdir(parents=True, exist_ok=True)
        train = folder / "train.tsv"
        _write_pairs(known, catalogue, train)
        asking = folder / "users.txt"
        judged = hits_of(self.dataset, catalogue.at, self.window_days)["user_id"].unique()
        asking.write_text("\n".join(judged), encoding="utf-8")
        found = {}
        for peer in PEERS:
            for model in MODELS[peer.name]:
                about = peer.scores(train, folder / peer.name, model, REGULARISATION, asking)
                with np.load(folder / peer.name / f"{model}.npz", allow_pickle=False) as parts:
                    users, programmes = (pd.Index(parts[name].astype(object)) for name in ("users", "items"))
                    found[f"{peer.name} {model}"] = PeerScores(users, programmes, parts["scores"])
                self.rows.append({"model": f"{peer.name} {model}", **about})
        return lambda at, block: {name: scores.of(at, block) for name, scores in found.items()}


def _write_pairs(known: Dataset, catalogue: Catalogue, path: Path) -> None:
    booked = known.bookings[known.bookings["status"].isin(TAKING_STATUSES)]
    lookup = catalogue.lookup
    nums = lookup.of_sessions[LEARNER_LEVEL][lookup.sessions.nums(booked["session_id"])]
    pairs = pd.DataFrame({"user": booked["user_id"].to_numpy(), "key": lookup.keys[LEARNER_LEVEL].ids[nums]})
    lines = pairs.drop_duplicates().itertuples(index=False)
    path.write_text("".join(f"{user}\t{key}\n" for user, key in lines), encoding="utf-8")
