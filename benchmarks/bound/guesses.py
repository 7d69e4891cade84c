"""Guesses of what is each person's own as standard normals, and back."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincinv, ndtr, ndtri

from recsys.simulation.config import Shape
from recsys.simulation.setting.tastes import (
    ACTIVITY_LOG_MEAN,
    ACTIVITY_LOG_SPREAD,
    ACTIVITY_SHAPE,
    FACTOR_SPREAD,
    OWN_SPREADS,
    REACH_LOG_SPREAD,
    Own,
)

Normals = dict[str, NDArray[np.float64]]
"""By attribute of `Own`: (n, width); a priori all independent and standard normal."""

_EDGE = 1e-12


@dataclass(frozen=True)
class Prior:
    """The simulator's distribution of `Own`."""

    shape: Shape

    def own(self, z: Normals) -> Own:
        """What the normals stand for."""
        level = z["activity"][:, 0]
        if self.shape == "logit":
            mixing, activity = FACTOR_SPREAD * z["mixing"], np.exp(ACTIVITY_LOG_MEAN + ACTIVITY_LOG_SPREAD * level)
        else:
            mixing = -np.log(-np.log(ndtr(z["mixing"]).clip(_EDGE, 1 - _EDGE)))
            activity = gammaincinv(ACTIVITY_SHAPE, ndtr(level))
        return Own(
            mixing=mixing,
            passion=ndtr(z["passion"]),
            activity=activity,
            child_passion=ndtr(z["child_passion"]),
            reach=np.exp(REACH_LOG_SPREAD * z["reach"][:, 0]),
            **{name: spread * z[name] for name, spread in OWN_SPREADS.items()},
        )

    def normals(self, own: Own) -> Normals:
        """The normals that stand for it: standard normal where `own` was drawn by the simulator."""
        if self.shape == "logit":
            mixing = own.mixing / FACTOR_SPREAD
            level = (np.log(own.activity) - ACTIVITY_LOG_MEAN) / ACTIVITY_LOG_SPREAD
        else:
            mixing = ndtri(np.exp(-np.exp(-own.mixing)).clip(_EDGE, 1 - _EDGE))
            level = ndtri(gammainc(ACTIVITY_SHAPE, own.activity))
        return {
            "mixing": mixing,
            "passion": ndtri(own.passion),
            "activity": level[:, None].clip(-8, 8),
            "child_passion": ndtri(own.child_passion),
            "reach": np.log(own.reach)[:, None] / REACH_LOG_SPREAD,
            **{name: getattr(own, name) / spread for name, spread in OWN_SPREADS.items()},
        }


def rows_of(own: Own, rows: NDArray[np.int64]) -> Own:
    """The people in rows `rows`."""
    return Own(**{field.name: getattr(own, field.name)[rows] for field in fields(Own)})


def drawn(like: Normals, rng: np.random.Generator) -> Normals:
    """New guesses of the same form from the prior."""
    return {name: rng.normal(size=values.shape) for name, values in like.items()}


def moved(z: Normals, names: tuple[str, ...], rng: np.random.Generator) -> Normals:
    """A step that leaves the prior as it is (preconditioned Crank-Nicolson), of a length of each row's own.

    Half of the rows change one column of each block alone. Source: Cotter et al. 2013, Statistical Science 28(3).
    """
    result = dict(z)
    for name in names:
        values = z[name]
        n, width = values.shape
        step = rng.choice([0.1, 0.3, 0.6, 1.0], (n, 1))
        if width > 1:
            one = (rng.random((n, width)).argsort(axis=1) == 0) | (rng.random((n, 1)) < 0.5)
            step = step * one
        result[name] = np.sqrt(1 - step**2) * values + step * rng.normal(size=values.shape)
    return result


def chosen(accepted: NDArray[np.bool_], new: Normals, old: Normals) -> Normals:
    """Rows of `new` where accepted."""
    return {
        name: values if new[name] is values else np.where(accepted[:, None], new[name], values)
        for name, values in old.items()
    }
