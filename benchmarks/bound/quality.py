"""How good a session may be, where nothing but its bookings so far tells it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.bound.county import Ahead, County
from recsys.simulation.bookings.counts import GAMMA_SHAPE, early_share
from recsys.simulation.setting.programme import LINE_QUALITY_SPREAD, event_qualities
from recsys.simulation.setting.tastes import Floats
from recsys.simulation.truth.oracle import Truth

_DRAWS = 4000


class ToldQuality:
    """Draws what is added to the appeal of activities: their quality given the bookings so far, less the true one.

    A priori as the simulator draws it; the likelihood is that of the bookings of each session, expected ones growing
    with the exponential of the quality, with the noise of counts. A course has the bookings of its line, all terms of
    which are as good. Told are the expected bookings at the true quality: more than a learner knows.

    Attributes:
        is_unknown: (n_activities,) whether the quality is drawn.
    """

    def __init__(
        self, county: County, truth: Truth, ahead: Ahead, rng: np.random.Generator, *, of_booked: bool
    ) -> None:
        """Works out the draws.

        Args:
            county: The world.
            truth: Its truth.
            ahead: What may be booked.
            rng: Of the draws.
            of_booked: Whether the quality of what has had bookings is told by these; otherwise it is known.
        """
        self._rng = rng
        told = _told(county, truth)
        self._activity, ids = pd.factorize(ahead.choice.sessions["activity_id"])
        self._draws = np.zeros((len(ids), _DRAWS), dtype=np.float32)
        line_of = told.drop_duplicates("activity_id").set_index("activity_id")["line"]
        lines = dict(list(told[told["line"].isin(line_of[ids])].groupby("line")))
        for num, one in enumerate(ids):
            line = lines[line_of[one]]
            if of_booked or not line["n_before"].any():
                self._draws[num] = self._given(line)
        self.is_unknown = self._draws.any(axis=1)

    def _given(self, line: pd.DataFrame) -> NDArray[np.float64]:
        is_class, true = bool(line["kind_num"].iloc[0] == 0), float(line["quality"].mean())
        quality = self._rng.normal(0, LINE_QUALITY_SPREAD, _DRAWS) if is_class else event_qualities(_DRAWS, self._rng)
        more = quality - true
        log = log_chance(more, line["n_before"].to_numpy(), line["expected"].to_numpy())
        weight = np.exp(log - log.max())
        return self._rng.choice(more, _DRAWS, p=weight / weight.sum())

    def more(self) -> Floats:
        """(n_sessions,) one draw."""
        one = self._draws[np.arange(len(self._draws)), self._rng.integers(0, _DRAWS, len(self._draws))]
        return one[self._activity]


def log_chance(
    more: NDArray[np.float64], counts: NDArray[np.int64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_draws,) log chance of sessions' counts, negative binomial about means times exp(more), but for a constant.

    Args:
        more: (n_draws,) what is added to the quality.
        counts: (n_sessions,) bookings.
        expected: (n_sessions,) bookings expected without it.
    """
    below = np.log(GAMMA_SHAPE + expected[None, :] * np.exp(more)[:, None])
    return np.asarray(more * counts.sum() - below @ (counts + GAMMA_SHAPE))


def _told(county: County, truth: Truth) -> pd.DataFrame:
    """Sessions with `line` (of a course, else the activity), `n_before` and bookings `expected` by now."""
    sessions = truth.tables["sessions"]
    series = county.world.programme.activities.set_index("activity_id")["series_id"]
    of_line = sessions["activity_id"].map(series)
    bookings = sessions[["mean_1", "mean_2", "mean_3"]].sum(axis=1) / (1 - county.world.config.cancel_rate)
    return sessions[["activity_id", "kind_num", "quality", "n_before"]].assign(
        line=of_line.where(of_line.notna(), sessions["activity_id"]),
        expected=bookings * early_share(sessions, truth.as_of),
    )
