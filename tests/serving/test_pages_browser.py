"""Both pages in a real browser, against a live server."""

import html
import json
import re
import shutil
import subprocess

import pandas as pd
import pytest
from fastapi.responses import HTMLResponse, Response

from tests.serving.conftest import AS_OF, app_of
from tests.serving.live import serving

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: rendering of the two pages is left out"),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=60000",
    "--dump-dom",
)


def render(address, folder):
    """The page's tree once its scripts have run, and what the browser complained of."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", address]
    done = subprocess.run(command, capture_output=True, timeout=180, check=True)
    complaints = [
        line for line in done.stderr.decode(errors="replace").splitlines()
        if ":CONSOLE" in line and ("rror" in line or "Refused" in line or "violates" in line)
    ]  # fmt: skip
    return done.stdout.decode(), complaints


def test_the_visitor_sees_what_is_on(client, tmp_path):
    tree, complaints = render(f"{client.base_url}/", tmp_path)
    assert complaints == []
    assert 'data-ready="true"' in tree
    first = client.get("/v1/recommendations", params={"k": 1}).json()["items"][0]
    assert first["title"] in tree
    assert 'class="event"' in tree


def test_the_planner_sees_forecast_gaps_suggestions_and_use(client, tmp_path):
    tree, complaints = render(f"{client.base_url}/planner?lang=en", tmp_path)
    assert complaints == []
    assert 'data-ready="true"' in tree
    assert "Demand forecast" in tree
    assert "<canvas" in tree
    assert 'class="heat"' in tree
    assert 'class="plan"' in tree
    assert 'class="radii"' in tree
    latent = client.get("/v1/demand/latent", params={"limit": 1}).json()["items"]
    assert all(row["region"] in tree for row in latent)
    assert "problem" not in tree.split("<footer")[0]
    suggested = client.post("/v1/classes/suggestions", json={"budget": 8}).json()["items"]
    assert any(row["venue"]["name"] in tree for row in suggested)


def test_where_nothing_has_been_learned_the_page_says_so_in_its_language(empty_client, tmp_path):
    chinese, _ = render(f"{empty_client.base_url}/planner", tmp_path)
    assert "还没有预测；请先运行" in chinese
    assert "服务尚未就绪：还没有可用的模型包" in chinese
    assert ">all</option>" not in chinese
    english, _ = render(f"{empty_client.base_url}/planner?lang=en", tmp_path)
    assert "还没有预测" not in english
    assert "no forecast has been made yet" in english


HARNESS = """
const frame = document.querySelector("iframe"), page = () => frame.contentDocument;
const $ = (id) => page().getElementById(id), all = (query) => [...page().querySelectorAll(query)];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
async function until(what, holds) {
  for (let n = 0; n < 600; n++) { const found = holds(); if (found) return found; await pause(50); }
  throw new Error(`never: ${what}; ${page().body.textContent.slice(0, 1000)}`);
}
(async () => {
  await until("ready", () => page()?.body?.dataset.ready);
  const view = frame.contentWindow, seen = {};
  STEPS
  return seen;
})().catch((error) => ({ failed: String(error) })).then((seen) => {
  const told = document.createElement("pre");
  told.id = "seen"; told.textContent = JSON.stringify(seen); document.body.append(told);
});
"""


def drive(county, address, steps, folder, width=1200):
    """What steps in a page saw, and what the browser complained of."""
    app = app_of(county)

    @app.get("/drive")
    def frame() -> HTMLResponse:
        return HTMLResponse(
            f'<iframe src="{address}" width="{width}" height="4000"></iframe><script src="/drive.js"></script>'
        )

    @app.get("/drive.js")
    def script() -> Response:
        return Response(HARNESS.replace("STEPS", steps), media_type="text/javascript")

    with serving(app) as opened:
        tree, complaints = render(f"{opened.base_url}/drive", folder)
    seen = json.loads(html.unescape(re.search(r'<pre id="seen">(.*?)</pre>', tree, re.DOTALL)[1]))
    assert "failed" not in seen, seen
    return seen, complaints


PLANNER = """
  const slide = (id, value, event = "input") => { $(id).value = value; $(id).dispatchEvent(new Event(event)); };
  const titles = () => all("ol.plan h3").map((node) => node.textContent);
  slide("budget", 5);
  await until("five classes", () => titles().length === 5);
  seen.gap = $("plan").textContent;
  const unwanted = titles()[0];
  all("ol.plan > li")[0].querySelectorAll(".actions button")[1].click();
  await until("a plan without it", () => titles().length === 5 && !titles().includes(unwanted));
  const wanted = titles()[4];
  all("ol.plan > li")[4].querySelectorAll(".actions button")[0].click();
  slide("budget", 1);
  await until("what must open alone", () => titles().length === 1 && titles()[0] === wanted);
  seen.chips = all(".chip").length;
  all(".chip button").forEach((button) => button.click());
  slide("budget", 5);
  await until("five again", () => titles().length === 5 && all(".chip").length === 0);
  slide("floor-by", "township", "change"); slide("floor-share", 40);
  await until("who is short", () => all("#floors table, #floors .note").length);
  slide("floor-by", "", "change");
  await until("no floors", () => !$("floors").textContent && titles().length === 5);
  $("compare").click();
  const points = await until("a front", () => all("svg.front .point").length && all("svg.front .point"));
  seen.points = points.length;
  points.at(-1).dispatchEvent(new MouseEvent("click", { bubbles: true }));
  seen.chosen = await until("the chosen plan", () => $("front-chosen").textContent);
  seen.pressed = all('svg.front .point[aria-pressed="true"]').length;
  $("why-form").querySelector("button").click();
  seen.why = await until("an answer why not", () => $("why-answer").textContent);
  $("moves-ask").click();
  await until("moves", () => $("moves").textContent && !/Computing/.test($("moves").textContent));
  await until("rest", () => !$("plan-state").textContent);
  const details = all("ol.plan details")[0];
  details.open = true;
  await until("an explanation", () => details.querySelector("table"));
  seen.explained = details.textContent;
  const bodies = [], fetch = view.fetch;
  view.fetch = (address, more) => {
    if (more?.body) bodies.push(JSON.parse(more.body));
    return fetch.call(view, address, more);
  };
  $("plan-form").requestSubmit();
  await until("a searched plan", () => bodies.length && !$("plan-state").textContent);
  const searched = all("ol.plan details")[0];
  searched.open = true;
  await until("its explanation", () => searched.querySelector("table"));
  seen.efforts = bodies.map((body) => body.effort);
  seen.problems = all(".problem").map((node) => node.textContent);
  let is_down = true;
  view.fetch = (address, more) => {
    if (more?.body) bodies.push(JSON.parse(more.body));
    return is_down ? view.Promise.reject(new view.TypeError("down")) : fetch.call(view, address, more);
  };
  slide("budget", 3);
  await until("a failed load", () => all("#plan.problem, #plan .problem").length);
  is_down = false;
  bodies.length = 0;
  $("why-form").querySelector("button").click();
  seen.why_after_failure = (await until("a question", () => bodies.at(-1))).budget;
  view.fetch = async (address, more) => {
    if (more?.body && JSON.parse(more.body).front_points) await pause(500);
    return fetch.call(view, address, more);
  };
  $("compare").click();
  slide("budget", 4);
  await until("the overtaken front's answer", () => !$("compare").disabled);
  seen.overtaken = all("svg.front .point").length;
"""


def test_the_planner_s_controls_change_the_plan(county, tmp_path):
    seen, complaints = drive(county, "/planner?lang=en", PLANNER, tmp_path)
    assert complaints == []
    assert "of what the best plan could bring" in seen["gap"]
    assert seen["chips"] == 2
    assert seen["points"] >= 2
    assert seen["pressed"] == 1
    assert "against the plan of most people" in seen["chosen"]
    assert len(seen["why"]) > 10
    assert "If next door" in seen["explained"]
    assert seen["efforts"] == ["search", "search"]
    assert seen["problems"] == []
    assert seen["why_after_failure"] == 3
    assert seen["overtaken"] == 0


NAMES = """
  const named = (control) => control.labels.length || control.getAttribute("aria-label");
  seen.unnamed = all("input, select").filter((control) => !named(control)).map((control) => control.id);
  const buttons = await until("a plan", () => all("ol.plan .actions button").length && all("ol.plan .actions button"));
  seen.buttons = buttons.map((button) => button.getAttribute("aria-label") || button.textContent);
  seen.days = [$("report-from").value, $("report-to").value];
"""


def test_who_only_hears_the_page_is_told_what_each_control_is(county, tmp_path):
    seen, _ = drive(county, "/planner?lang=en", NAMES, tmp_path)
    assert seen["unnamed"] == []
    assert len(set(seen["buttons"])) == len(seen["buttons"]) > 2
    # Midnight in Shanghai is the day before in UTC, which this browser's clock shows.
    tomorrow = AS_OF.tz_convert("Asia/Shanghai").normalize() + pd.Timedelta(days=1)
    assert seen["days"] == [f"{day:%Y-%m-%d}" for day in (tomorrow - pd.Timedelta(days=183), tomorrow)]


PHONE = """
  const gap = { region_id: "x", region: "双山街道", level: "township", category: "素描油画" };
  Object.assign(gap, { demand: 123.4, supply: 101.2, unmet: 22.2, share_unmet: 0.18 });
  view.fetch = async () => new view.Response(JSON.stringify({ items: [gap] }), { status: 200 });
  $("gap-level").dispatchEvent(new view.Event("change"));
  const heads = await until("gaps", () => all("#gap-table th").length && all("#gap-table th"));
  const inside = (head) => head.getBoundingClientRect().right < view.innerWidth;
  seen.shown = heads.filter(inside).map((head) => head.textContent);
  const chart = await until("radii", () => page().querySelector(".radii"));
  seen.letters = parseFloat(view.getComputedStyle(chart.querySelector(".radius span")).fontSize);
  const ends = [...chart.querySelectorAll(".span, .scale")].map((one) => one.getBoundingClientRect().right);
  seen.right = Math.max(...ends);
"""


def test_a_phone_shows_how_large_a_gap_is_and_letters_that_can_be_read(county, tmp_path):
    seen, _ = drive(county, "/planner?lang=en", PHONE, tmp_path, width=390)
    assert seen["shown"][:3] == ["Region", "Category", "Unmet"]
    assert seen["letters"] > 14
    assert seen["right"] <= 390


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
    assert seen["state"] == "For user fast"
    assert "502" in seen["gateway"]
    assert "JSON" not in seen["gateway"]
    assert seen["failure"]


def test_where_places_cannot_be_listed_the_visitor_still_sees_what_is_on(county, tmp_path):
    app = app_of(county)

    @app.middleware("http")
    async def failing(request, call_next):
        return Response("down", 503) if request.url.path == "/v1/regions" else await call_next(request)

    with serving(app) as opened:
        tree, _ = render(f"{opened.base_url}/", tmp_path)
    assert 'class="event"' in tree
    assert 'data-ready="true"' in tree
