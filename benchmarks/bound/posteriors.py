"""What the counts so far tell of what no table states: the quality of sessions, the noise of late.

For the ladder of `benchmarks.demand.bound`, whose learner knows the simulator's structure and all tastes. Where a
posterior would be hard to come by, the learner is told more than any could know, never less.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import interpolate, special

from recsys.simulation.bookings.choice import Crowd, attractions, nests, saturated, seasons, sessions_by_week, wish
from recsys.simulation.bookings.counts import GAMMA_SHAPE, MEMORY, MEMORY_SPREAD, SESSION_SPREAD
from recsys.simulation.setting.dates import DATE_QUALITY_SPREAD
from recsys.simulation.setting.programme import LINE_QUALITY_SPREAD, event_qualities
from recsys.simulation.truth.oracle import Truth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_COARSE = np.linspace(-4.0, 6.0, 21)
"""Qualities at which a session's mean is computed; between them its logarithm is interpolated."""
_EDGES = np.linspace(-3.5, 5.5, 451)
_CELLS = (_EDGES[1:] + _EDGES[:-1]) / 2
_PRIOR_DRAWS = 400_000
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())
_N_PARTICLES = 1_000


@dataclass(frozen=True)
class Nest:
    """Sessions of one week that compete for the same people.

    Attributes:
        rows: (k,) rows of the sessions.
        attraction: (k, n_people) attraction of each, had it no quality.
        come: (k, n_people) those who come for each unit of attraction if nothing competes.
        shape: Family of choice.
    """

    rows: Ints
    attraction: NDArray[np.float32]
    come: NDArray[np.float32]
    shape: str

    def means(self, quality: Floats) -> Floats:
        """(k, n) expected requests of n cases of (k, n) qualities."""
        factor = np.exp(quality).astype(np.float32)
        return np.asarray(factor * (self.come @ self._share(self.attraction.T @ factor)), dtype=np.float64)

    def own_means(self, row: int, quality: Floats, cases: Floats) -> Floats:
        """(n,) expected requests of session `row` of the nest by its own quality, the others' (k,) being told."""
        factor = np.exp(quality).astype(np.float32)
        others = factor @ self.attraction - factor[row] * self.attraction[row]
        total = others[:, None] + np.exp(cases).astype(np.float32) * self.attraction[row][:, None]
        return np.asarray(np.exp(cases) * (self.come[row] @ self._share(total)), dtype=np.float64)

    def _share(self, total: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(saturated(total, self.shape) / np.maximum(total, np.float32(1e-12)))


def nests_of(truth: Truth, sessions: pd.DataFrame) -> Iterator[Nest]:
    """The nests of each county and week; `sessions` sorted by start, a row its place in the table."""
    share = float(truth.manifest["knobs"]["companion_share"])
    week = sessions["week_num"].to_numpy()
    for county_id, nums in truth.people.table.groupby("county_id", sort=True).indices.items():
        crowd = Crowd.of(truth.people, np.asarray(nums, dtype=np.int64), truth.tables["venues"])
        brings = crowd.brings(share)
        for rows in sessions_by_week(sessions, str(county_id), week):
            part = sessions.iloc[rows].assign(quality=0.0)
            attraction = attractions(crowd, part, truth.shape).T
            come = attraction * wish(crowd, part).T * seasons(part, truth.shape).astype(np.float32)[:, None] * brings
            nest = nests(part)
            for one in np.unique(nest):
                mine = nest == one
                kept = (attraction[mine] > 0).any(axis=0)
                yield Nest(rows[mine], attraction[mine][:, kept], come[mine][:, kept], truth.shape)


def quality_groups(sessions: pd.DataFrame) -> Ints:
    """(n_sessions,) code of what has its quality in common: a line of classes, else an activity."""
    is_class = sessions["kind_num"].to_numpy() == 0
    line = sessions["venue_num"].to_numpy() * 1_000 + sessions["category_num"].to_numpy()
    return np.where(is_class, -1 - line, sessions["activity_num"].to_numpy())


def quality_draws(truth: Truth, sessions: pd.DataFrame, future: Ints, n_paths: int, rng: np.random.Generator) -> Floats:
    """(n_future, n_paths) qualities of `future` rows, drawn from what the requests so far leave open.

    Told besides: qualities of what competed, the noise of past sessions, and the memory at the last known week.
    """
    group = quality_groups(sessions)
    code, place = np.unique(group[future], return_inverse=True)
    log = np.stack([_log_prior(is_class=bool(one < 0)) for one in code])
    counted = np.flatnonzero((sessions["early"] > 0) & np.isin(group, code))
    log_means = _log_means(truth, sessions, counted)
    for row, log_mean in zip(counted, log_means, strict=True):
        log[np.searchsorted(code, group[row])] += _log_likelihood(truth, sessions.iloc[row], log_mean)
    chance = np.exp(log - log.max(axis=1, keepdims=True)).cumsum(axis=1)
    spot = rng.random((len(code), n_paths)) * chance[:, -1:]
    cell = np.stack([np.searchsorted(one, drawn) for one, drawn in zip(chance, spot, strict=True)])
    common = _CELLS[cell] + (rng.random(cell.shape) - 0.5) * (_EDGES[1] - _EDGES[0])
    return common[place] + rng.normal(0, DATE_QUALITY_SPREAD, (len(future), n_paths))


def _log_prior(*, is_class: bool) -> Floats:
    if is_class:
        return np.asarray(-0.5 * (_CELLS / LINE_QUALITY_SPREAD) ** 2)
    drawn = np.histogram(event_qualities(_PRIOR_DRAWS, np.random.default_rng(0)), _EDGES)[0]
    return np.asarray(np.log(drawn + 1e-3))


def _log_means(truth: Truth, sessions: pd.DataFrame, counted: Ints) -> Floats:
    """(n_counted, n_coarse) logarithm of expected requests by own quality, over those of the true one."""
    place = np.full(len(sessions), -1)
    place[counted] = np.arange(len(counted))
    quality = sessions["quality"].to_numpy()
    found = np.zeros((len(counted), len(_COARSE)))
    weeks = sessions["week_num"].isin(np.unique(sessions["week_num"].to_numpy()[counted])).to_numpy()
    kept = np.flatnonzero(weeks)
    for nest in nests_of(truth, sessions.iloc[kept]):
        rows = kept[nest.rows]
        for number in np.flatnonzero(place[rows] >= 0):
            cases = np.append(_COARSE, quality[rows[number]])
            log = np.log(np.maximum(nest.own_means(number, quality[rows], cases), 1e-12))
            found[place[rows[number]]] = log[:-1] - log[-1]
    return found


def _log_likelihood(truth: Truth, session: pd.Series, log_mean: Floats) -> Floats:
    """(n_cells,) of the requests so far by the quality in common, but for a constant."""
    by_quality = interpolate.CubicSpline(_COARSE, log_mean)
    # The date's own deviation is integrated out.
    of_date = by_quality(_CELLS[:, None] + DATE_QUALITY_SPREAD * _NODES)
    expected = max(float(session["early"] * session[["mean_1", "mean_2", "mean_3"]].sum()), 1e-9)
    count = float(session["n_early"])
    log = of_date + np.log(expected)
    if session["starts_at"] < truth.as_of or truth.noise == 0:
        log = log + np.log(session["noise"])
        said = count * log - np.exp(log)
    elif truth.shape == "logit":
        strength = GAMMA_SHAPE / truth.noise**2
        said = count * log - (count + strength) * np.log(strength + np.exp(log))
    else:
        centre, variance = _noise_ahead(truth, session)
        noisy = log[..., None] + centre + np.sqrt(variance) * _NODES
        said = special.logsumexp(count * noisy - np.exp(noisy) + _LOG_WEIGHTS, axis=-1)
    return np.asarray(special.logsumexp(said + _LOG_WEIGHTS, axis=-1))


def _noise_ahead(truth: Truth, session: pd.Series) -> tuple[float, float]:
    """Mean and variance of a session's log-noise, the memory at the last known week being told."""
    memory = truth.tables["memory"]
    mine = (memory["county_id"] == session["county_id"]) & (memory["category_num"] == session["category_num"])
    kept = MEMORY ** (session["week_num"] - truth.weeks + 1)
    spread, own = MEMORY_SPREAD * truth.noise, SESSION_SPREAD * truth.noise
    state = float(memory.loc[mine, "log_noise"].iloc[0]) if mine.any() else 0.0
    return kept * state - (spread**2 + own**2) / 2, (1 - kept**2) * spread**2 + own**2


def memory_draws(truth: Truth, past: pd.DataFrame, n_paths: int, rng: np.random.Generator) -> pd.DataFrame:
    """The memory table with a column a path, drawn by a bootstrap particle filter from past requests.

    Told besides: the means of past sessions, so the qualities of all of them.
    """
    memory = truth.tables["memory"]
    spread, own = MEMORY_SPREAD * truth.noise, SESSION_SPREAD * truth.noise
    mean = past[["mean_1", "mean_2", "mean_3"]].to_numpy().sum(axis=1)
    count, week = past["n_early"].to_numpy(), past["week_num"].to_numpy()
    rows_of = past.groupby(["county_id", "category_num"]).indices
    drawn = np.empty((len(memory), n_paths))
    for number, key in enumerate(zip(memory["county_id"], memory["category_num"], strict=True)):
        state = rng.normal(0, spread, _N_PARTICLES)
        rows = np.asarray(rows_of.get(key, np.empty(0, dtype=np.int64)), dtype=np.int64)
        for now in range(truth.weeks):
            if now:
                state = MEMORY * state + np.sqrt(1 - MEMORY**2) * rng.normal(0, spread, _N_PARTICLES)
            here = rows[(week[rows] == now) & (mean[rows] > 0)]
            if len(here):
                log = state[:, None, None] + np.log(mean[here])[:, None] - (spread**2 + own**2) / 2 + own * _NODES
                each = special.logsumexp(count[here][:, None] * log - np.exp(log) + _LOG_WEIGHTS, axis=-1)
                state = rng.choice(state, _N_PARTICLES, p=special.softmax(each.sum(axis=1)))
        drawn[number] = rng.choice(state, n_paths)
    columns = pd.DataFrame(drawn, columns=[f"p{k}" for k in range(n_paths)])
    return pd.concat([memory[["county_id", "category_num"]].reset_index(drop=True), columns], axis=1)
