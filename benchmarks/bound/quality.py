"""How good a session may be that nobody has booked yet."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.bound.county import Ahead, County
from recsys.simulation.counts import GAMMA_SHAPE, early_share
from recsys.simulation.oracle import Truth
from recsys.simulation.programme import LINE_QUALITY_SPREAD, event_qualities
from recsys.simulation.tastes import Floats

_DRAWS = 4000


class UnknownQuality:
    """Draws what is added to the appeal of activities that nobody has booked: their quality given just that.

    A priori as the simulator draws it; the likelihood is that of no booking so far, expected bookings growing with the
    exponential of the quality, with the noise of counts. A course whose line has had bookings is as good as it was.
    Told are the expected bookings at the true quality: more than a learner knows.
    """

    def __init__(self, county: County, truth: Truth, ahead: Ahead, rng: np.random.Generator) -> None:
        self._rng = rng
        sessions = truth.tables["sessions"]
        stay = 1 - county.world.config.cancel_rate
        bookings = sessions[["mean_1", "mean_2", "mean_3"]].sum(axis=1) / stay
        early = (bookings * early_share(sessions, truth.as_of)).groupby(sessions["activity_id"]).sum()
        n_before = sessions.groupby("activity_id")["n_before"].sum()
        series = county.world.programme.activities.set_index("activity_id")["series_id"]
        booked_series = set(series[n_before.index[n_before > 0]].dropna())
        self._activity, ids = pd.factorize(ahead.choice.sessions["activity_id"])
        is_class = sessions.groupby("activity_id")["kind_num"].first().eq(0)
        quality = sessions.groupby("activity_id")["quality"].mean()
        self._draws = np.zeros((len(ids), _DRAWS), dtype=np.float32)
        for num, one in enumerate(ids):
            if n_before[one] == 0 and series[one] not in booked_series:
                self._draws[num] = self._given_none(is_class[one], quality[one], early[one])
        self.is_unknown = self._draws.any(axis=1)

    def _given_none(self, is_class: bool, true: float, expected: float) -> NDArray[np.float64]:
        rng = self._rng
        quality = rng.normal(0, LINE_QUALITY_SPREAD, _DRAWS) if is_class else event_qualities(_DRAWS, rng)
        more = quality - true
        weight = (1 + expected * np.exp(more) / GAMMA_SHAPE) ** -GAMMA_SHAPE
        return rng.choice(more, _DRAWS, p=weight / weight.sum())

    def more(self) -> Floats:
        """(n_sessions,) one draw."""
        one = self._draws[np.arange(len(self._draws)), self._rng.integers(0, _DRAWS, len(self._draws))]
        return one[self._activity]
