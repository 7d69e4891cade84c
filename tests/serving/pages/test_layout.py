"""What both pages have in common, in a real browser."""

import pytest

from tests.serving.browser import MARKS, drive

pytestmark = MARKS


SHIFTS = """
  seen.shifted = 0;
  new view.PerformanceObserver((list) => {
    for (const one of list.getEntries()) seen.shifted += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  await pause(500);
"""


@pytest.mark.parametrize("address", ["/", "/planner"])
def test_nothing_jumps_while_a_page_fills(county, tmp_path, address):
    seen, _ = drive(county, address, SHIFTS, tmp_path, width=1366, height=768)
    # What browsers call good.
    assert seen["shifted"] < 0.1
