"""The visitor's page in a real browser, against a live server."""

import re
from urllib.parse import urlencode

import pytest
from fastapi.responses import Response

from tests.serving.browser import MARKS, drive, render
from tests.serving.conftest import app_of
from tests.serving.live import serving

pytestmark = MARKS


def test_the_visitor_sees_what_is_on(client, tmp_path):
    tree, complaints = render(f"{client.base_url}/", tmp_path)
    assert complaints == []
    assert 'data-ready="true"' in tree
    first = client.get("/v1/recommendations", params={"k": 1}).json()["items"][0]
    assert first["title"] in tree
    assert 'class="event"' in tree


AGAIN = """
  const button = () => page().querySelector("#list .problem button");
  seen.told = (await until("a way to go on", button)).parentElement.textContent;
  seen.before = [$("region").options.length, $("category").options.length];
  button().click();
  await until("a list", () => all(".event").length);
  await until("choices", () => $("region").options.length > 1 && $("category").options.length > 1);
"""


@pytest.mark.parametrize(("lang", "words"), [("zh", "再试一次"), ("en", "Try again")])
def test_a_list_that_could_not_be_had_can_be_asked_for_again(county, tmp_path, lang, words):
    left = ["/v1/regions", "/v1/recommendations"]
    seen, _ = drive(
        county, f"/?lang={lang}", AGAIN, tmp_path, failing=lambda path: path in left and left.remove(path) is None
    )
    assert "503" in seen["told"]
    assert words in seen["told"]
    assert seen["before"] == [1, 1]


NEAR = """
  const asked = [], fetch = view.fetch;
  view.fetch = (address, more) => { asked.push(String(address)); return fetch.call(view, address, more); };
  view.navigator.geolocation.getCurrentPosition = (found) => found({ coords: { latitude: 36.7, longitude: 117.5 } });
  for (const _ of [1, 2]) { $("near").click(); seen[_] = [asked.at(-1), $("near").getAttribute("aria-pressed")]; }
"""


def test_near_me_can_be_taken_back(county, tmp_path):
    seen, _ = drive(county, "/", NEAR, tmp_path)
    assert "lat=36.7" in seen["1"][0]
    assert "lat=" not in seen["2"][0]
    assert [seen[n][1] for n in ("1", "2")] == ["true", "false"]


VISITOR = """
  const one = (title, places) => ({ title, category: "c", starts_at: "2026-01-05T09:30:00+08:00", places_left: places,
    price: 0, distance_km: null, online: true, reasons: [] });
  const answers = { slow: [400, one("an old answer", 5)], fast: [0, one("the newest answer", 1)] };
  view.fetch = async (address) => {
    const [ms, item] = answers[decodeURIComponent(/users\\/([^/]+)/.exec(address)[1])];
    await pause(ms);
    return new view.Response(JSON.stringify({ items: [item], personal: true }), { status: 200 });
  };
  for (const user of ["slow", "fast"]) { $("user").value = user; $("form").requestSubmit(); }
  // Until the slow answer has long come: that it shows nothing has no sign of its own.
  await pause(1000);
  seen.list = $("list").textContent;
  seen.state = $("state").textContent;
  view.fetch = async () => new view.Response("<html>Bad gateway</html>", { status: 502 });
  $("form").requestSubmit();
  seen.gateway = await until("a problem", () => page().querySelector("#list .problem")?.textContent);
  const failure = { title: "The service failed", detail: "something went wrong", status: 500, request_id: "c0ffee" };
  view.fetch = async () => new view.Response(JSON.stringify(failure), { status: 500 });
  $("form").requestSubmit();
  seen.failure = await until("a number", () => /c0ffee/.exec($("list").textContent));
"""


def test_the_visitor_sees_the_newest_answer_in_words(county, tmp_path):
    seen, _ = drive(county, "/?lang=en", VISITOR, tmp_path)
    assert "the newest answer" in seen["list"]
    assert "an old answer" not in seen["list"]
    assert "1 place left" in seen["list"]
    assert "5 Jan" in seen["list"]
    assert seen["state"] == "For user fast · 1 in all"
    assert "502" in seen["gateway"]
    assert "JSON" not in seen["gateway"]
    assert seen["failure"]


CHOSEN = """
  seen.first = [all(".event").length, $("category").value, $("from").value];
  seen.more = $("more").hidden;
  const item = { title: "t", category: "c", starts_at: "2026-01-05T09:30:00+08:00", places_left: 2, price: 12.5,
    distance_km: null, online: true, reasons: [] };
  const asked = [];
  view.fetch = async (address) => {
    asked.push(new URL(address).searchParams);
    const items = new Array(Number(asked.at(-1).get("k"))).fill(item);
    return new view.Response(JSON.stringify({ items, personal: false, region_id: null }), { status: 200 });
  };
  $("category").value = "";
  $("form").requestSubmit();
  await until("all categories", () => all(".event").length === 20);
  seen.state = $("state").textContent;
  $("more").click();
  await until("more", () => all(".event").length === 40);
  seen.asked = asked.map((one) => [one.get("k"), one.get("category"), one.get("channel")]);
  seen.address = view.location.search;
  seen.price = all(".event .side")[0].textContent;
"""


def test_a_visitor_s_choice_stands_in_the_address_and_the_list_goes_on(county, client, tmp_path):
    category = client.get("/v1/recommendations", params={"k": 1}).json()["items"][0]["category"]
    address = f"/?{urlencode({'category': category, 'from': '2026-01-20', 'lang': 'en'})}"
    seen, _ = drive(county, address, CHOSEN, tmp_path)
    query = {"k": 20, "category": category, "from": "2026-01-20"}
    n = len(client.get("/v1/recommendations", params=query).json()["items"])
    assert seen["first"] == [n, category, "2026-01-20"]
    assert seen["more"] == (n < 20)
    assert seen["asked"] == [["20", None, "portal"], ["40", None, "portal"]]
    assert seen["address"] == "?from=2026-01-20&lang=en&k=40"
    assert seen["state"] == "The first 20"
    assert "CNY 12.50" in seen["price"]


REMOTE = """
  const asked = [], fetch = view.fetch;
  view.fetch = (address, more) => {
    asked.push(new URL(address).searchParams);
    return fetch.call(view, address, more);
  };
  const event = (key) => new view.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  const press = (key) => (page().activeElement || page().body).dispatchEvent(event(key));
  const at = () => page().activeElement.id || page().activeElement.tagName;
  const go = (...keys) => keys.map((key) => { press(key); return at(); });
  const [up, down, left, right] = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
  seen.ways = go(down, right, right, left, down, down, up, up);
  seen.kept = $("category").value;
  seen.named = all("article").map((one) => one.getAttribute("aria-label"));
  $("form").requestSubmit();
  await until("a list", () => asked.length);
  seen.channel = asked[0].get("channel");
"""


def test_a_remote_s_arrows_lead_through_the_page_on_a_television(county, tmp_path):
    seen, _ = drive(county, "/?channel=tv", REMOTE, tmp_path, width=1900)
    assert seen["ways"][:4] == ["region", "category", "from", "category"]
    assert seen["ways"][4:6] == ["ARTICLE", "ARTICLE"]
    assert seen["ways"][6] == "ARTICLE"
    assert seen["ways"][7] != "ARTICLE"
    assert seen["kept"] == ""
    assert seen["channel"] == "tv"
    assert all(re.search(r".+, .*\d\d:\d\d$", name) for name in seen["named"])
    elsewhere, _ = drive(county, "/", REMOTE, tmp_path)
    assert set(elsewhere["ways"]) == {"BODY"}
    assert elsewhere["channel"] == "portal"


def test_where_places_cannot_be_listed_the_visitor_still_sees_what_is_on(county, tmp_path):
    app = app_of(county)

    @app.middleware("http")
    async def failing(request, call_next):
        return Response("down", 503) if request.url.path == "/v1/regions" else await call_next(request)

    with serving(app) as opened:
        tree, _ = render(f"{opened.base_url}/", tmp_path)
    assert 'class="event"' in tree
    assert 'data-ready="true"' in tree
