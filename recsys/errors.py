"""The errors that people see: each says what, which value, what was expected and what to do."""

from collections.abc import Sequence


class RecsysError(Exception):
    """Base of every error that a command reports as one line with exit status 1."""


class DataError(RecsysError):
    """Data that break the contract; carries every broken rule, not only the first."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.what = what
        self.problems = tuple(problems)
        super().__init__(f"{what}: " + "; ".join(self.problems))


class UnknownIdError(RecsysError):
    """An outside id that no row carries."""

    def __init__(self, what: str, ids: Sequence[str]) -> None:
        self.ids = tuple(ids)
        shown = ", ".join(repr(i) for i in self.ids[:3])
        more = f" and {len(self.ids) - 3} more" if len(self.ids) > 3 else ""
        super().__init__(f"unknown {what}: {shown}{more}")


class FitError(RecsysError):
    """A learner that cannot learn from what it was given."""


class BundleError(RecsysError):
    """A bundle that is incomplete, changed, or cannot be written."""
