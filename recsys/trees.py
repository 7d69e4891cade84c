"""Boosted trees as bits: the scores that LightGBM gives, to the last bit, many times faster for many rows.

LightGBM walks each tree for each row. Here each distinct cut of a signal is compared once with all rows and kept as one
bit a row. A tree is then a few operations on whole rows of bits: who reaches which node, and from that everybody's
leaf, its number written digit by digit. Values of leaves are added in the order of the trees, as LightGBM adds them,
of two models at once.

Source: after Lucchese et al. 2015, SIGIR (QuickScorer), which keeps one bit a leaf where this keeps one a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

CHUNK_ROWS = 1 << 17
"""Rows scored at once as bits: enough for an operation to cost more than its call."""

LEAF_ROWS = 1 << 14
"""Rows whose leaves are added at once: as numbers of eight bytes they are to stay in a processor's cache."""

Bits = NDArray[np.uint8]
"""One bit a row, eight in a byte; what fills up the last byte may be anything."""


class Missing(Enum):
    """What a cut does with a value that is not a number."""

    LEFT = "goes left"
    RIGHT = "goes right"
    ZERO = "counts as 0"


@dataclass(frozen=True)
class Cut:
    """What sends a row to the right: its signal is above a limit.

    Attributes:
        column: Signal.
        limit: Greatest float32 value that goes left.
        missing: What becomes of NaN.
    """

    column: int
    limit: float
    missing: Missing

    @property
    def sends_nan_right(self) -> bool:
        """Whether a value that is not a number goes right."""
        return self.missing is Missing.RIGHT or (self.missing is Missing.ZERO and self.limit < 0)


@dataclass(frozen=True)
class Split:
    """A cut at a node, and the rows of bits, by number, of those who reach it and of those who leave it.

    Attributes:
        node: Those who reach it.
        cut: Number of the cut.
        right: Those who go right.
        left: Those who go left; -1 where nothing asks for them.
    """

    node: int
    cut: int
    right: int
    left: int


@dataclass(frozen=True)
class BitTree:
    """A tree whose leaves are numbered from the left, or a tree of each of two models, looked up at once.

    Attributes:
        splits: Parents first.
        digits: Binary digit, and row of bits of some whose number has it; together they are all who have it. The
            number of the second tree's leaf stands before that of the first's.
        leaves: (2 ** n_digits,) value of the first tree's leaf, and as imaginary part that of the second's.
    """

    splits: tuple[Split, ...]
    digits: tuple[tuple[int, int], ...]
    leaves: NDArray[np.complex128]

    def add_to(self, totals: NDArray[np.complex128], above: Sequence[Bits], reached: Sequence[Bits]) -> None:
        """Adds the values of everybody's leaves.

        Args:
            totals: (n_rows,) sums so far.
            above: Who goes right at every cut.
            reached: As many rows of bits as the trees have nodes, to write into; the first is all ones.
        """
        numbers = self._numbers(above, reached, len(totals))
        for start in range(0, len(totals), LEAF_ROWS):
            some = totals[start : start + LEAF_ROWS]
            some += self.leaves.take(numbers[start : start + LEAF_ROWS].astype(np.intp))

    def _numbers(self, above: Sequence[Bits], reached: Sequence[Bits], n_rows: int) -> NDArray[np.unsignedinteger]:
        """(n_rows,) place of everybody's values in `leaves`."""
        for split in self.splits:
            right = np.bitwise_and(reached[split.node], above[split.cut], out=reached[split.right])
            if split.left >= 0:
                np.bitwise_xor(reached[split.node], right, out=reached[split.left])
        planes = np.zeros((n_digits(len(self.leaves)), len(reached[0])), dtype=np.uint8)
        by_digit = list(planes)
        for digit, row in self.digits:
            np.bitwise_or(by_digit[digit], reached[row], out=by_digit[digit])
        kind = next(kind for kind in (np.uint8, np.uint16, np.uint32) if 8 * np.dtype(kind).itemsize >= len(planes))
        numbers: NDArray[np.unsignedinteger] = np.zeros(n_rows, dtype=kind)
        for plane in np.unpackbits(planes, axis=1, count=n_rows)[::-1]:
            np.add(numbers, numbers, out=numbers)
            np.bitwise_or(numbers, plane, out=numbers)
        return numbers


@dataclass(frozen=True)
class BitTrees:
    """Models of trees over the same signals, two and two where their trees are small.

    Attributes:
        cuts: Distinct cuts of all models, those of one column together.
        sizes: How many models each of `groups` holds, one or two.
        groups: Their trees.
    """

    cuts: tuple[Cut, ...]
    sizes: tuple[int, ...]
    groups: tuple[tuple[BitTree, ...], ...]

    def scores(self, columns: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """(n_models, n_rows) sums of the trees' leaves: LightGBM's raw scores.

        Args:
            columns: (n_rows,) values of each signal, finite or NaN where unknown.
        """
        result = np.zeros((len(self.groups), len(columns[0])), dtype=np.complex128)
        most_nodes = max((2 * len(tree.splits) + 1 for trees in self.groups for tree in trees), default=0)
        for start in range(0, result.shape[1], CHUNK_ROWS):
            totals = result[:, start : start + CHUNK_ROWS]
            n_rows = totals.shape[1]
            above = list(_above(self.cuts, [column[start : start + n_rows] for column in columns]))
            reached = list(np.full((most_nodes, -(-n_rows // 8)), 255, dtype=np.uint8))
            for total, trees in zip(totals, self.groups, strict=True):
                for tree in trees:
                    tree.add_to(total, above, reached)
        of_models = (part for of, n in zip(result, self.sizes, strict=True) for part in (of.real, of.imag)[:n])
        return np.array(list(of_models))


def n_digits(n_leaves: int) -> int:
    """Binary digits of the numbers below `n_leaves`."""
    return (n_leaves - 1).bit_length()


def _above(cuts: Sequence[Cut], columns: Sequence[NDArray[np.float32]]) -> Iterator[Bits]:
    """Who goes right at each cut; a comparison with NaN never holds, so that one of the two says what becomes of it."""
    holds = np.empty(len(columns[0]) if columns else 0, dtype=bool)
    for cut in cuts:
        values, limit = columns[cut.column], np.float32(cut.limit)
        if cut.sends_nan_right:
            not_above = np.packbits(np.less_equal(values, limit, out=holds))
            yield np.invert(not_above, out=not_above)
        else:
            yield np.packbits(np.greater(values, limit, out=holds))
