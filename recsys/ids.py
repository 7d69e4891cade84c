"""Outside ids (text) to matrix rows and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.errors import DataError, UnknownIdError


@dataclass(frozen=True)
class IdMap:
    """Ids in row order; no repeats.

    >>> towns = IdMap.of(["b", "a"])
    >>> towns.nums(["a", "b", "a"]).tolist()
    [1, 0, 1]
    >>> towns.nums_or_missing(["z"]).tolist()
    [-1]
    """

    ids: NDArray[np.object_]
    what: str = "id"
    _index: pd.Index[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index = pd.Index(self.ids, dtype=object)
        if not index.is_unique:
            repeated = index[index.duplicated()].unique()[:3].tolist()
            raise DataError(self.what, [f"ids repeat: {repeated}"])
        object.__setattr__(self, "_index", index)

    @classmethod
    def of(cls, ids: Iterable[str], what: str = "id") -> IdMap:
        """Rows in the order given."""
        return cls(np.array(list(ids), dtype=object), what)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, one_id: object) -> bool:
        return one_id in self._index

    def nums(self, ids: Iterable[str]) -> NDArray[np.int64]:
        """(n,) row of each id.

        Raises:
            UnknownIdError: names the ids without a row.
        """
        wanted = np.asarray(list(ids) if not isinstance(ids, pd.Series | np.ndarray) else ids, dtype=object)
        nums = self.nums_or_missing(wanted)
        if (nums < 0).any():
            raise UnknownIdError(self.what, [str(i) for i in wanted[nums < 0]])
        return nums

    def nums_or_missing(self, ids: Iterable[str]) -> NDArray[np.int64]:
        """(n,) row of each id, -1 where it has none: for joins, never for indexing."""
        wanted = np.asarray(list(ids) if not isinstance(ids, pd.Series | np.ndarray) else ids, dtype=object)
        return np.asarray(self._index.get_indexer(pd.Index(wanted, dtype=object)), dtype=np.int64)
