"""Trees as bits, made from LightGBM's own description of its models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import count, zip_longest
from operator import and_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.trees import BitTree, BitTrees, Cut, Missing, Split, n_digits

MOST_DIGITS = 10
"""Of the numbers of two trees' leaves together: their values are to stay in a processor's nearest cache."""

NEARLY_ZERO = np.float32(1e-35)
"""LightGBM's `kZeroThreshold`."""

Node = Mapping[str, Any]
_NOTHING: Node = {"leaf_value": 0.0}
"""A tree that adds nothing, where a model has fewer trees than another."""


def bit_trees(models: Sequence[Mapping[str, Any]]) -> BitTrees:
    """Trees of models as `lightgbm.Booster.dump_model` gives them.

    Raises:
        ValueError: A tree sums lines, splits by named values or takes 0 for missing.
    """
    roots = [[tree["tree_structure"] for tree in model["tree_info"]] for model in models]
    found = {_cut(node) for trees in roots for root in trees for node in _splits(root)}
    cuts = sorted(found, key=lambda cut: (cut.column, cut.limit, cut.missing.value))
    numbers = {cut: num for num, cut in enumerate(cuts)}
    most = max((_n_leaves(root) for trees in roots for root in trees), default=1)
    at_once = 2 if 2 * n_digits(most) <= MOST_DIGITS else 1
    groups = [roots[first : first + at_once] for first in range(0, len(roots), at_once)]
    of_groups = (tuple(_tree(alike, numbers) for alike in zip_longest(*group, fillvalue=_NOTHING)) for group in groups)
    return BitTrees(tuple(cuts), tuple(len(group) for group in groups), tuple(of_groups))


def _splits(node: Node) -> Iterator[Node]:
    if "leaf_value" not in node:
        yield node
        yield from _splits(node["left_child"])
        yield from _splits(node["right_child"])


def _cut(node: Node) -> Cut:
    if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
        raise ValueError(
            f"a split {node['decision_type']} with missing {node['missing_type']}: expected numbers and NaN"
        )
    missing = Missing.LEFT if node["default_left"] else Missing.RIGHT
    limit = _floor32(node["threshold"])
    return Cut(node["split_feature"], limit, Missing.ZERO if node["missing_type"] == "None" else missing)


def _floor32(value: float) -> float:
    """Greatest float32 value that is not above, as a float: what float32 values are above is the same."""
    greatest = float(np.finfo(np.float32).max)
    if abs(value) > greatest:
        return greatest if value > 0 else -np.inf
    near = np.float32(value)
    # To LightGBM values nearly 0 are 0, which is above a limit that lies among them.
    is_above = float(near) > value or -NEARLY_ZERO <= near < 0
    return float(np.nextafter(near, np.float32(-np.inf)) if is_above else near)


def _tree(roots: Sequence[Node], cuts: Mapping[Cut, int]) -> BitTree:
    """One tree of one or two."""
    rows = count(1)
    splits: list[Split] = []
    digits: list[tuple[int, int]] = []
    leaves: list[list[float]] = []
    n_before = 0

    def visit(node: Node, row: int, written: int) -> None:
        """Adds a subtree whose leaves' numbers share the digits `written`, known from nodes above."""
        first = len(leaves[-1])
        common = reduce(and_, range(first, first + _n_leaves(node)))
        new = common & ~written
        digits.extend((n_before + digit, row) for digit in range(common.bit_length()) if new >> digit & 1)
        if "leaf_value" in node:
            if "leaf_coeff" in node:
                raise ValueError("a leaf holds a line, expected a value")
            leaves[-1].append(node["leaf_value"])
            return
        left = node["left_child"]
        is_asked = "leaf_value" not in left or first & ~common
        right_row, left_row = next(rows), next(rows)
        splits.append(Split(row, cuts[_cut(node)], right_row, left_row if is_asked else -1))
        visit(left, left_row, common)
        visit(node["right_child"], right_row, common)

    for root in roots:
        n_before = n_digits(len(leaves[-1])) if leaves else 0
        leaves.append([])
        visit(root, 0, 0)
    return BitTree(tuple(splits), tuple(digits), _values(leaves))


def _values(leaves: Sequence[Sequence[float]]) -> NDArray[np.complex128]:
    """Values of the leaves of one or two trees by the number of the second's before that of the first's."""
    first, second = (np.zeros(1 << n_digits(len(values))) for values in (*leaves, [0.0])[:2])
    for padded, values in zip((first, second), leaves, strict=False):
        padded[: len(values)] = values
    result = np.empty((len(second), len(first)), dtype=np.complex128)
    result.real, result.imag = first, second[:, None]
    return result.ravel()


def _n_leaves(node: Node) -> int:
    return 1 if "leaf_value" in node else _n_leaves(node["left_child"]) + _n_leaves(node["right_child"])
