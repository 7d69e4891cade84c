"""The errors that people see: each says what, which value, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class RecsysError(Exception):
    """Base of every error that a command reports as one line with exit status 1."""

    def __reduce__(self) -> tuple[Any, ...]:
        """From one process to another: with the words that it has, not made once more from other arguments."""
        return _unchanged, (type(self), self.args), self.__dict__


def _unchanged(kind: type[RecsysError], words: tuple[Any, ...]) -> RecsysError:
    return kind.__new__(kind, *words)


class DataError(RecsysError):
    """Data that break the contract; carries every broken rule, not only the first."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.what = what
        self.problems = tuple(problems)
        super().__init__(f"{what}: " + "; ".join(self.problems))


class UnknownIdError(RecsysError):
    """An outside id that no row carries.

    Args:
        what: Whose id.
        ids: Those without a row.
        hint: What was expected.
    """

    def __init__(
        self, what: str, ids: Sequence[str], hint: str = "no row that was loaded carries it, check how it is written"
    ) -> None:
        self.ids = tuple(ids)
        shown = ", ".join(repr(i) for i in self.ids[:3])
        more = f" and {len(self.ids) - 3} more" if len(self.ids) > 3 else ""
        super().__init__(f"unknown {what}: {shown}{more}; {hint}")


class FitError(RecsysError):
    """A learner that cannot learn from what it was given."""


class BundleError(RecsysError):
    """A bundle that is incomplete, changed, or cannot be written."""


def in_one_line(error: Exception) -> str:
    """A failure as people are told it: our own and those of files in their words, others with their kind."""
    words = " ".join(str(error).split())
    if isinstance(error, RecsysError):
        return words
    if isinstance(error, OSError):
        return (f"{error.filename}: " if error.filename else "") + (error.strerror or words)
    return f"unexpected {type(error).__name__}: {words[:300]} (set CULTURE_DEBUG=1 for the traceback)"


def broken_rules(error: ValidationError, whole: str) -> list[str]:
    """Every rule that checked settings break: where, what was expected, and the value.

    Args:
        error: What pydantic found.
        whole: What to call the whole, where no part of it is to blame.
    """
    return [f"{'.'.join(map(str, found['loc'])) or whole}: {expected(found)}" for found in error.errors()]


_LONGEST_SHOWN = 40
"""Digits or characters of a value that an error repeats, at most."""

_WORDS = {
    "a valid tuple": "a list",
    "Tuple should": "The list should",
    " after validation": "",
    "a valid dictionary or object to extract fields from": "an object {...}",
    "a valid dictionary": "an object {...}",
}
"""What pydantic calls what people write."""


def expected(found: ErrorDetails, is_shown: bool = True) -> str:
    """What was expected in one place, and the value that stood there.

    Args:
        found: What pydantic found.
        is_shown: The value may be repeated, if it is a number or a short text.
    """
    if found["type"] == "extra_forbidden":
        return "there is no setting of this name"
    if found["type"] == "missing":
        return "is missing"
    message = found["msg"].removeprefix("Value error, ")
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    value = found["input"]
    is_short = (
        isinstance(value, float)
        or (isinstance(value, int) and abs(value) < 10**_LONGEST_SHOWN)
        or (isinstance(value, str) and len(value) <= _LONGEST_SHOWN and value.isprintable())
    )
    if not (is_shown and is_short):
        return message
    return f"{message}, not {str(value).lower() if isinstance(value, bool) else repr(value)}"
