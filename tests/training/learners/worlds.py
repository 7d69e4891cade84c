"""Interactions whose answer is known, and all learners."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

import training.learners


def every_learner() -> dict[str, Callable[..., Any]]:
    """The functions `fit_...` of `training.learners` by name."""
    modules = [
        importlib.import_module(f"training.learners.{module.name}")
        for module in pkgutil.iter_modules(training.learners.__path__)
    ]
    return {
        name: getattr(module, name)
        for module in modules
        for name in vars(module)
        if name.startswith("fit_") and getattr(module, name).__module__ == module.__name__
    }


def checkerboard(n_users: int = 24, n_keys: int = 24) -> tuple[sparse.csr_array, np.ndarray]:
    """Two tastes: even users take even keys, odd users odd ones, but for one key each that is held out.

    Returns:
        Interactions (n_users, n_keys), and each user's held-out key.
    """
    users, keys = np.arange(n_users), np.arange(n_keys)
    taken = (users[:, None] % 2 == keys[None, :] % 2).astype(np.float32)
    held_out = users % n_keys
    taken[users, held_out] = 0
    return sparse.csr_array(taken), held_out


def random_interactions(seed: int, n_users: int = 30, n_keys: int = 12) -> sparse.csr_array:
    """Random weights in (0.5, 2), a quarter of the pairs; the last user and the last key have none."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2, (n_users, n_keys)) * (rng.random((n_users, n_keys)) < 0.25)
    weights[-1] = 0
    weights[:, -1] = 0
    return sparse.csr_array(weights.astype(np.float32))
