"""Candidates as they are this second: what the catalogue holds, checked against the store."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.catalogue import Catalogue
from recsys.instants import NEVER, nanoseconds
from recsys.open_sessions import for_adults_alone
from recsys.ranking.operator_rules import RuleTable


@dataclass(frozen=True)
class Checked:
    """Rows of a catalogue's candidates as the store had them.

    Attributes:
        catalogue: The catalogue with the places left, the ends and the age limits of now.
        rules: Operators' rules.
        is_there: (n,) the row exists, belongs to the same activity and starts when the catalogue says.
        opens: (n,) nanoseconds from which it is published and can be booked, `NEVER` for always.
        closes: (n,) nanoseconds from which it can't be booked any more: closing, cancellation or start.
    """

    catalogue: Catalogue
    rules: RuleTable
    is_there: NDArray[np.bool_]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]

    def is_open(self, now: pd.Timestamp) -> NDArray[np.bool_]:
        """(n,) can be booked at `now`."""
        is_full = self.catalogue.sessions.places_left < 1
        return self.is_there & (self.opens <= now.value) & (self.closes > now.value) & ~is_full


def check(catalogue: Catalogue, rows: pd.DataFrame, rules: RuleTable) -> Checked:
    """The catalogue's sessions against their rows.

    Args:
        catalogue: Candidates.
        rows: Of `serving.rows.queries.read_sessions`, in any order; a session without a row is gone.
        rules: Operators' rules.
    """
    sessions = catalogue.sessions
    place = pd.Index(rows["session_id"].astype(object)).get_indexer(pd.Index(sessions.session_ids, dtype=object))
    found = rows.iloc[np.maximum(place, 0)] if len(rows) else rows.reindex(range(len(sessions)))
    starts = _times(found["starts_at"])
    latest = np.iinfo(np.int64).max

    def until(column: str) -> NDArray[np.int64]:
        times = _times(found[column])
        return np.where(times == NEVER, latest, times)

    capacity = pd.to_numeric(found["capacity"]).to_numpy(dtype=np.float64)
    now = replace(
        sessions,
        places_left=capacity - pd.to_numeric(found["taken"]).to_numpy(dtype=np.float64),
        ends=_times(found["ends_at"]),
        min_ages=pd.to_numeric(found["min_age"]).to_numpy(dtype=np.float64),
        max_ages=pd.to_numeric(found["max_age"]).to_numpy(dtype=np.float64),
        for_adults=for_adults_alone(found["audience"]),
    )
    return Checked(
        catalogue=replace(catalogue, sessions=now),
        rules=rules,
        is_there=(place >= 0)
        & (starts == sessions.starts)
        & (found["activity_id"].to_numpy(dtype=object) == sessions.activity_ids),
        opens=np.maximum(_times(found["published_at"]), _times(found["booking_opens_at"])),
        closes=np.minimum(np.minimum(until("booking_closes_at"), until("cancelled_at")), starts),
    )


def _times(values: pd.Series) -> NDArray[np.int64]:
    return nanoseconds(pd.to_datetime(values, utc=True).astype("datetime64[ns, UTC]"))
