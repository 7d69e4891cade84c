"""What sessions draw by crossed effects and by who comes, at cut-offs one after the other."""

import numpy as np
import pandas as pd
import pytest

from features.demand.sessions import SessionBook
from tests.training.forecasters.test_turnout import KM, NOW, OLD, people, world
from training.forecasters.effects import REFIT_WEEKS, effect_means

N_ORIGINS = 17


def town() -> SessionBook:
    """One to five sessions of a week share the same forty people; published seven weeks before, as those ahead are."""
    rng = np.random.default_rng(0)
    sessions, came = [], []
    for week in range(-80, 6):
        start = NOW + pd.Timedelta(weeks=week)
        n_rivals = int(rng.integers(1, 6))
        for rival in range(n_rivals):
            sessions.append(
                {"week": week, "hour": 9 + rival, "venue_id": "here", "published_at": start - pd.Timedelta(weeks=7)}
            )
            drawn = rng.choice(40, rng.poisson(16 / (1 + n_rivals)), replace=False) if week < 0 else []
            came.append([f"near{i}" for i in drawn])
    return world(sessions, came, people(near=(36.0 + KM / 2, OLD)))


@pytest.fixture(scope="module")
def book() -> SessionBook:
    return town()


@pytest.mark.parametrize("refit", range(4))
def test_sessions_published_since_earlier_cut_offs_are_told_as_if_there_had_been_none(
    book: SessionBook, refit: int
) -> None:
    """What people want beside the rivals that an earlier cut-off knew says nothing of sessions with rivals of now."""
    drew = np.where(book.week < 0, book.places, 0.0)
    cut = refit * REFIT_WEEKS
    ahead = (book.week >= -cut) & book.known_by(cut)
    first, after_others = (effect_means(book, drew, n_origins)[0] for n_origins in (1 + cut, N_ORIGINS))
    assert after_others[ahead, refit].sum() == pytest.approx(first[ahead, refit].sum(), rel=0.03)
