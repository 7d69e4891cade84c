import pytest

from features.openings.inputs import opening_inputs
from recsys.openings.learned.inputs import OpeningInputs
from tests.opening_world import world


@pytest.fixture(scope="session")
def inputs() -> OpeningInputs:
    return opening_inputs(world(1).dataset)
