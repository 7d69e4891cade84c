"""The planner's page in a real browser, against a live server."""

from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest
from fastapi.responses import Response

from recsys.openings.evenness.front import pareto_front
from tests.serving.browser import MARKS, drive, render
from tests.serving.conftest import AS_OF, app_of
from tests.serving.live import serving

pytestmark = MARKS


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


PLANNER = """
  const slide = (id, value, event = "input") => { $(id).value = value; $(id).dispatchEvent(new Event(event)); };
  const titles = () => all("ol.plan h3").map((node) => node.textContent);
  slide("budget", 5);
  await until("five classes", () => titles().length === 5);
  seen.gap = $("plan-total").textContent;
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


def test_the_planner_s_controls_change_the_plan(county, tmp_path, monkeypatch):
    # However slow the machine, the front is not cut short.
    monkeypatch.setattr("recsys.openings.answers.answer.pareto_front", lambda *asked: pareto_front(*asked[:-1], np.inf))
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
    today = AS_OF.tz_convert("Asia/Shanghai").normalize()
    assert seen["days"] == [f"{day:%Y-%m-%d}" for day in (today - pd.Timedelta(days=182), today)]


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


MEMORY = """
  const changed = () => new view.Event("change", { bubbles: true });
  const slide = (id, value) => { $(id).value = value; $(id).dispatchEvent(changed()); };
  const chosen = (ids) => Object.fromEntries(ids.map((id) => [id, $(id).value]));
  seen.before = chosen(["region", "category", "target", "horizon", "budget", "report-to"]);
  seen.boxes = all("#plan-categories input:checked").length;
  slide("horizon", "8"); slide("target", "demand");
  const box = all("#plan-categories input")[1];
  box.click();
  await until("both", () => all("#plan-categories input:checked").length === 2);
  seen.address = Object.fromEntries(new URLSearchParams(view.location.search));
  seen.link = page().querySelector("header a").getAttribute("href");
  const canvas = await until("a chart", () => page().querySelector('canvas[aria-label^="Demand"]'));
  seen.chart = canvas.getAttribute("aria-label");
  seen.heads = all("#forecast-table th").map((head) => head.textContent);
"""


def test_what_a_planner_has_chosen_is_there_after_a_reload(county, dataset, client, tmp_path):
    town = dataset.regions.loc[dataset.regions["level"] == "township", "region_id"].iloc[0]
    categories = client.get("/v1/categories").json()["items"]
    asked = {"region": town, "category": categories[2], "target": "bookings", "horizon": "4", "budget": "3"}
    asked |= {"report-to": "2026-01-02"}
    address = f"/planner?{urlencode({**asked, 'plan-categories': categories[0], 'lang': 'en'})}"
    seen, _ = drive(county, address, MEMORY, tmp_path)
    assert seen["before"] == asked
    assert seen["boxes"] == 1
    wanted = {**asked, "horizon": "8", "target": "demand", "plan-categories": ";".join(categories[:2]), "lang": "en"}
    assert seen["address"] == wanted
    assert seen["link"] == "/?lang=en"
    assert seen["chart"].startswith("Demand (if nothing were full): ")
    assert seen["heads"][:3] == ["Week of", "Demand, estimated", "Expected"]


KEYS = """
  const buttons = await until("a plan", () => all("ol.plan .actions button").length && all("ol.plan .actions button"));
  const name = buttons[2].getAttribute("aria-label");
  buttons[2].focus(); buttons[2].click();
  await until("a new plan", () => !buttons[2].isConnected && all("ol.plan .actions button").length);
  seen.held = [name, page().activeElement.getAttribute("aria-label")];
  const undo = all(".chip button")[0];
  undo.focus(); undo.click();
  await until("no choice", () => !all(".chip").length);
  seen.not_lost = page().activeElement !== page().body;
"""


def test_who_works_by_keyboard_keeps_their_place(county, tmp_path):
    seen, _ = drive(county, "/planner?lang=en", KEYS, tmp_path)
    assert seen["held"][0] == seen["held"][1]
    assert seen["not_lost"]


LONG = """
  for (const id of ["why-venue", "venue", "region"]) $(id).append(new view.Option("文".repeat(80), "long", true, true));
  seen.wide = [page().documentElement.scrollWidth, view.innerWidth];
  const asked = [];
  view.fetch = async (address) => {
    asked.push(address);
    const week = { week_start: "2026-01-19", mean: 0.4, "q0.1": 0, "q0.5": 0, "q0.9": 1 };
    const series = { level: "county", history: [], forecast: [week], drivers: null };
    const answer = { items: [series], accuracy: [], alarms: [], are_days_off_announced: true };
    return new view.Response(JSON.stringify(answer), { status: 200 });
  };
  $("horizon").dispatchEvent(new view.Event("change"));
  seen.small = await until("a small forecast", () => /0\\.4/.exec($("forecast-tiles").textContent)?.[0]);
"""


@pytest.mark.parametrize("width", [390, 1366])
def test_long_names_stay_on_the_page_and_small_numbers_are_not_told_as_none(county, tmp_path, width):
    seen, _ = drive(county, "/planner?lang=en", LONG, tmp_path, width=width)
    assert seen["wide"][0] <= seen["wide"][1]
    assert seen["small"] == "0.4"


def test_a_page_that_is_loading_says_so(county, tmp_path):
    app = app_of(county)

    @app.middleware("http")
    async def failing(request, call_next):
        return Response("down", 503) if request.url.path.startswith(("/v1/", "/readyz")) else await call_next(request)

    with serving(app) as opened:
        source = opened.get("/planner").text
        tree, _ = render(f"{opened.base_url}/planner", tmp_path)
    assert "正在读取" in source
    assert "正在读取" not in tree
    assert "503" in tree
