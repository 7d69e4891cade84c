"""What the programs that run peers share: they run in the peers' environments, without what this project needs."""

import argparse
import json
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd

K = 10


def asked(models):
    """Arguments of a program that runs `models` if none are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--models", default=models)
    parser.add_argument("--regularisation", type=float, default=500.0)
    parser.add_argument("--scores", action="store_true")
    parser.add_argument("--users", type=Path)
    return parser.parse_args()


def pairs_of(options, user, item):
    """Pairs to learn from, their columns called `user` and `item`."""
    names = [user, item]
    pairs = pd.read_csv(options.train, sep="\t", header=None, names=names, dtype=str, keep_default_na=False, quoting=3)
    return pairs.drop_duplicates()


def asking(options, users):
    """Those of the users who ask, each once."""
    users = users.drop_duplicates()
    if options.users is not None:
        users = users[users.isin(options.users.read_text(encoding="utf-8").split("\n"))]
    return users.to_numpy()


def run_each(options, makers, users, items, *, fit, answer, arrays):
    """Fits each model asked for and writes what it answers, and its timings.

    Args:
        options: As `asked` gives them.
        makers: Functions that make a model, by name.
        users: Who asks.
        items: What is scored.
        fit: Fits a model of a name.
        answer: What a model answers, as it gives it.
        arrays: Arrays by name made of that, which are written.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.models.split(","):
        model = makers[name]()
        started = time.perf_counter()
        fit(model, name)
        fitted = time.perf_counter()
        found = answer(model)
        done = time.perf_counter()
        np.savez(options.folder / f"{name}.npz", users=users.astype(str), items=items, **arrays(found))
        about = {
            "fit_seconds": fitted - started,
            "users_per_second": len(users) / (done - fitted),
            "peak_mb": peak_mb(),
        }
        (options.folder / f"{name}.json").write_text(json.dumps(about))


def peak_mb():
    """Greatest memory of this program in MiB; what `getrusage` says would begin with its parent's."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
