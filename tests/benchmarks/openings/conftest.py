"""The inputs that the tests of openings ask about."""

from tests.recsys.openings.conftest import inputs

__all__ = ["inputs"]
