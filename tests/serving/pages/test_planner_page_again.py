"""The planner's page where something failed, in a real browser: that is told, and can be asked again."""

import pytest

from tests.serving.browser import MARKS, drive

pytestmark = MARKS


AGAIN = """
  const button = () => page().querySelector(".problem button");
  seen.told = (await until("a way to go on", button)).parentElement.textContent;
  seen.n = all(".problem").length;
  seen.state = $("state").textContent;
  button().click();
  await until("a page", () => page().body.dataset.ready === "true");
  seen.regions = $("region").options.length;
  seen.problems = all(".problem").map((node) => node.textContent);
"""


@pytest.mark.parametrize(
    ("list_path", "lang", "words"),
    [
        ("/v1/regions", "zh", ["请稍后再试", "再试一次"]),
        ("/v1/venues", "en", ["try again in a moment", "Try again"]),
    ],
)
def test_a_page_that_could_not_begin_says_so_and_can_be_begun_again(county, tmp_path, list_path, lang, words):
    left = [list_path]

    def failing(path):
        return path in left and left.remove(path) is None

    seen, _ = drive(county, f"/planner?lang={lang}", AGAIN, tmp_path, failing=failing)
    assert all(word in seen["told"] for word in ["503", *words])
    assert seen["n"] == 1
    assert seen["state"] == ""
    assert seen["regions"] > 1
    assert seen["problems"] == []


LANGUAGE = """
  $("language").click();
  await until("a page", () => page().body.dataset.ready === "true");
  seen.regions = $("region").options.length;
"""


def test_a_page_that_could_not_begin_begins_in_another_language(county, tmp_path):
    left = ["/v1/regions"]
    seen, _ = drive(
        county, "/planner", LANGUAGE, tmp_path, failing=lambda path: path in left and left.remove(path) is None
    )
    assert seen["regions"] > 1


PART = """
  const down = view.fetch;
  view.fetch = () => view.Promise.reject(new view.TypeError("down"));
  $("gap-level").dispatchEvent(new view.Event("change"));
  const button = await until("a way to go on", () => page().querySelector("#gap-table .problem button"));
  view.fetch = down;
  button.click();
  seen.gaps = await until("gaps", () => !page().querySelector("#gap-table .problem") && $("gap-table").textContent);
"""


def test_a_part_that_failed_can_be_asked_again(county, tmp_path):
    seen, _ = drive(county, "/planner?lang=en", PART, tmp_path)
    assert seen["gaps"]
