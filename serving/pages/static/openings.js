/* Where to open classes: the plan while a slider moves, reach against evenness, fixed choices, why not there, moves. */
"use strict";
Culture.openings = (() => {
  const { t, el, fill, ask, turn, newest, keep, kept, number, percent, table, problem } = Culture;
  const $ = (id) => document.getElementById(id);
  const WAIT_MS = 150;
  Culture.say({
    openings: ["在哪里开新课", "Where to open classes"], openings_lead: ["给定新开班数，系统算出哪里、什么门类、什么时间能带来最多新的参与者；拖动滑块，结果随之改变。", "For a number of new classes: where, what and when brings the most new participants. Move the sliders and the plan follows."],
    budget: ["新开几个班", "New classes"], plan_categories: ["门类", "Categories"], compute: ["仔细再算一遍", "Search harder"],
    fairness: ["照顾谁", "Whom to look after"], no_floor: ["不设保底", "No least share"], floor_by: ["给谁保底", "A least share for each"], age: ["年龄组", "Age group"],
    floor_share: ["保底：可吸引人数的", "At least, of the people who could come"], weight_region: ["优先照顾哪里的居民", "People of"], nowhere: ["各处一样", "all places alike"], weight: ["每人按几人计", "count as"],
    computing: ["正在计算……", "Computing…"], people_week: ["每周约 {n} 人（{low}–{high}）", "about {n} people a week ({low}–{high})"], newly: ["其中新参与者 {n} 人", "{n} of them new"],
    no_plan: ["没有可以开的新课：请换地区、门类，或增加班数。", "Nothing to open here: try another region, category or number."], plan_total: ["{n} 个新班，每周约 {people} 人，其中新参与者约 {new} 人", "{n} new classes, about {people} people a week, about {new} of them new"],
    gap: ["不低于最优方案的 {share}", "at least {share} of what the best plan could bring"], size: ["{n} 人班", "{n} places"], no_map: ["场馆没有坐标，无法画图。", "Venues have no coordinates to draw."], map_key: ["红点是新班，数字是清单里的序号；灰点是场馆，越大表示过去 26 周预订越多。", "Red: new classes, numbered as in the list; grey: venues, larger with more places booked in the past 26 weeks."],
    must: ["一定要开", "Must open"], not_here: ["不在这里开", "Not here"], close: ["停办", "Close"], fixed: ["已定的选择", "Fixed choices"], undo: ["撤销：{name}", "Undo: {name}"],
    front: ["人数与公平怎么取舍", "Reach against evenness"], front_lead: ["每个点是一个方案：越往右人越多，越往下各处越均匀。点一个看看。", "Each point is a plan: more people to the right, more even below. Choose one to see it."],
    compare: ["比较各种取舍", "Compare plans"], front_about: ["均匀程度：{by}之间每人{km}公里内每周培训名额的基尼系数，现在是 {now}。", "Evenness: Gini coefficient of training places a week within {km} km per person, between {by}; now {now}."],
    front_cut: ["时间有限，方案可能还能更好。", "Time ran out: plans could be better still."], x_axis: ["每周人数", "people a week"], y_axis: ["基尼系数", "Gini coefficient"],
    point: ["每周 {people} 人，基尼系数 {gini}", "{people} people a week, Gini {gini}"], chosen: ["所选方案：人数 {reach}，基尼系数 {gini}（与人数最多的方案相比）", "Chosen plan: people {reach}, Gini {gini} (against the plan of most people)"], back: ["回到人数最多的方案", "Back to the plan of most people"],
    townships: ["乡镇街道", "townships"], regions: ["各地", "places"], how: ["怎么算的，谁会来", "How it adds up, who would come"],
    next_door: ["若就在家门口", "If next door"], distance: ["路远", "Distance"], time: ["时间", "Time"], already_served: ["附近已有", "Already served"], no_shows: ["预约未到", "No-shows"], parts_size: ["名额", "Places"],
    part: ["构成", "Part"], by_distance: ["按路程", "By distance"],
    instead: ["换成{category}·{venue}，每周少 {n} 人", "{category} at {venue} instead: {n} people a week less"], short: ["离保底还差", "Short of the least share"], all_met: ["各组都达到了保底。", "Every group has its least share."],
    why_title: ["为什么不在那里？", "Why not there?"], why_ask: ["问一问", "Ask"], moves_title: ["现有的班要不要搬或停", "Running classes: move or end?"], moves_ask: ["找一找", "Find"], no_moves: ["没有值得搬的班。", "No class is worth moving."],
    closings_title: ["停办影响最小的班", "Running classes missed least"], closings_loses: ["每周少", "People a week fewer"], no_closings: ["现在没有在办的班。", "No class runs now."],
    moves_from: ["现在在", "Now at"], moves_to: ["搬到", "Move to"], moves_gain: ["每周多", "People a week more"],
  });

  let page = null, plan = null, front = null, chosen = null, timer = 0;
  const fixed = { must_open: [], not_here: [], close: [] };
  const key = (c) => `${c.category}\u0000${c.venue_id}`;
  const venueName = (id) => page.venues().find((v) => v.venue_id === id)?.name || id;
  const choiceName = (c) => `${c.category} · ${venueName(c.venue_id)}`;
  const whole = (n) => number(n);

  const boxes = () => [...$("plan-categories").querySelectorAll("input")];
  const picked = () => boxes().filter((box) => box.checked).map((box) => box.value);

  /* The question that the controls ask; `more` comes on top. */
  function question(more = {}) {
    const categories = picked();
    const by = $("floor-by").value, place = $("weight-region").value, weight = Number($("weight").value);
    return {
      region_id: page.region(), budget: Number($("budget").value), categories: categories.length ? categories : null,
      must_open: chosen ? chosen.opens : fixed.must_open, not_here: chosen ? [] : fixed.not_here, close: fixed.close,
      floors: by && !chosen ? [{ by, share: Number($("floor-share").value) / 100 }] : [],
      region_weights: place && weight !== 1 && !chosen ? { [place]: weight } : {}, effort: "fast", ...more,
    };
  }

  async function load(effort = "fast") {
    const asked = question({ effort });
    $("plan-state").textContent = t("computing");
    await newest("plan", ask("/v1/classes/suggestions", {}, asked), (answer) => {
      /* What is asked about the plan later is asked of this question: another effort may find another plan. */
      plan = { ...answer, asked };
      draw();
      $("plan-state").textContent = answer.notes.join(" ");
    }, (error) => { plan = null; $("plan-state").textContent = ""; fill($("plan-total")); fill($("plan-map")); fill($("floors")); problem($("plan"), error, () => load(effort)); });
  }
  function changed() {
    chosen = null; front = null; turn("front");
    show();
    clearTimeout(timer);
    timer = setTimeout(load, WAIT_MS);
  }
  function show() {
    $("budget-shown").textContent = $("budget").value;
    $("categories-shown").textContent = picked().join(Culture.lang === "zh" ? "、" : ", ") || t("all_categories");
    $("floor-shown").textContent = `${$("floor-share").value}%`;
    $("weight-shown").textContent = `× ${number(Number($("weight").value), 1)}`;
    $("floor-share").disabled = !$("floor-by").value;
    $("weight").disabled = !$("weight-region").value;
    drawFront();
  }
  function fix(kind, choice) {
    for (const name of ["must_open", "not_here"]) if (name === kind || kind !== "close") fixed[name] = fixed[name].filter((c) => key(c) !== key(choice));
    if (!fixed[kind].some((c) => key(c) === key(choice))) fixed[kind].push(choice);
    drawFixed(); changed();
  }
  function drawFixed() {
    const names = { must_open: t("must"), not_here: t("not_here"), close: t("close") };
    const chips = Object.entries(fixed).flatMap(([kind, list]) => list.map((c) => el("li", { class: `chip ${kind}` }, `${names[kind]}：${choiceName(c)}`,
      el("button", { type: "button", class: "plain", "aria-label": t("undo", { name: choiceName(c) }), onclick: () => { fixed[kind] = fixed[kind].filter((x) => x !== c); drawFixed(); changed(); } }, "×"))));
    fill($("fixed"), chips.length ? [el("span", { class: "muted" }, t("fixed")), el("ul", { class: "chips" }, chips)] : null);
  }

  function draw() {
    const rows = plan.items;
    fill($("plan-total"), rows.length ? [el("strong", {}, t("plan_total", { n: rows.length, people: whole(plan.expected_attendance), new: whole(plan.newly_reached) })),
      chosen ? null : el("span", { class: "muted" }, ` · ${t("gap", { share: percent(1 - plan.gap) })}`)] : null);
    fill($("plan"), rows.length ? el("ol", { class: "plan" }, rows.map(row)) : el("p", { class: "note" }, t("no_plan")));
    const drawn = Culture.map(page.venues(), rows.map((r) => ({ venue_id: r.venue.venue_id, name: String(r.rank) })));
    fill($("plan-map"), drawn ? [drawn, el("p", { class: "muted" }, t("map_key"))] : el("p", { class: "note" }, t("no_map")));
    const short = plan.floors.filter((f) => f.short > 0.05).sort((a, b) => b.short - a.short);
    fill($("floors"), plan.floors.length ? (short.length ? table(t("short"), [{ label: t("region"), of: (f) => f.label }, { label: t("people_label"), n: true, of: (f) => number(f.short, 1) }], short.slice(0, 6), "") : el("p", { class: "note" }, t("all_met"))) : null);
  }
  function row(r) {
    const choice = { category: r.category, venue_id: r.venue.venue_id };
    const button = (kind, label) => el("button", { type: "button", class: "plain small", "aria-label": `${label} ${choiceName(choice)}`, onclick: () => fix(kind, choice) }, label);
    const details = el("details", { ontoggle: () => { if (details.open) explain(details, choice); } }, el("summary", {}, t("how")), el("div", {}));
    return el("li", {}, el("span", { class: "num" }, String(r.rank)), el("div", {},
      el("h3", {}, `${r.category} · ${r.venue.name}`),
      el("p", { class: "muted" }, [r.venue.region, `${t(`day${r.weekday - 1}`)} ${r.start_time}`, t("size", { n: r.size })].filter(Boolean).join(" · ")),
      el("p", {}, `${t("people_week", { n: number(r.expected_attendance, 1), low: whole(r["q0.1"]), high: whole(r["q0.9"]) })}${Culture.lang === "zh" ? "，" : ", "}${t("newly", { n: number(r.newly_reached, 1) })}`),
      el("ul", { class: "reasons" }, r.reasons.slice(1).map((reason) => el("li", {}, reason))),
      details, el("p", { class: "actions" }, button("must_open", t("must")), button("not_here", t("not_here")))));
  }
  async function explain(details, choice) {
    const into = details.lastElementChild;
    const shown = plan;
    fill(into, el("p", { class: "muted" }, t("computing")));
    try {
      shown.explained ||= ask("/v1/classes/suggestions", {}, { ...shown.asked, explain: true }).then((a) => a.explanations);
      const told = (await shown.explained).find((e) => key(e) === key(choice));
      const parts = Object.entries(told.parts).map(([name, people]) => ({ name: t(name === "size" ? "parts_size" : name), people }));
      const bars = (by, title) => [el("h4", {}, title), Culture.bars(told.who.filter((g) => g.by === by).map((g) => ({ label: g.label, people: g.people })))];
      fill(into, table("", [{ label: t("part"), of: (p) => p.name }, { label: t("people_label"), n: true, of: (p) => number(p.people, 1) }], [...parts, { name: `= ${t("expected")}`, people: told.expected_attendance }], ""),
        ...bars("age", t("ages")), ...bars("distance", t("by_distance")),
        told.instead ? el("p", { class: "muted" }, t("instead", { category: told.instead.category, venue: venueName(told.instead.venue_id), n: number(Math.max(0, told.instead.loses), 1) })) : null);
    } catch (error) { shown.explained = null; problem(into, error); }
  }

  async function compare() {
    chosen = null;
    $("compare").disabled = true; fill($("front-chart"), el("p", { class: "note" }, t("computing")));
    const answer = ask("/v1/classes/suggestions", {}, question({ front_points: 16, floors: [], region_weights: {} }));
    await newest("front", answer, (found) => { front = found; drawFront(); }, (error) => problem($("front-chart"), error));
    $("compare").disabled = false;
  }
  function pick(point) { chosen = point; drawFront(); load(); }
  function drawFront() {
    if (!front) { fill($("front-chart")); fill($("front-chosen")); return; }
    // In its own pixels: letters keep their size on a phone.
    const points = front.front, width = Math.max(280, Math.min($("front-chart").clientWidth, 560)), height = 300, left = 64, bottom = 46, top = 14, right = 18;
    const [x0, x1] = span(points.map((p) => p.expected_attendance)), [y0, y1] = span(points.map((p) => p.gini));
    const x = (v) => left + ((v - x0) / (x1 - x0)) * (width - left - right), y = (v) => top + ((y1 - v) / (y1 - y0)) * (height - top - bottom);
    const label = (px, py, anchor, words) => el("text", { x: px, y: py, "text-anchor": anchor, "font-size": 16, fill: "#51606f" }, words);
    const svg = el("svg", { class: "front", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": t("front") },
      el("path", { d: `M${left} ${top}V${height - bottom}H${width - right}`, fill: "none", stroke: "#9fb0be" }),
      [x0, (x0 + x1) / 2, x1].map((v) => label(x(v), height - bottom + 18, v === x1 ? "end" : "middle", whole(v))), [y0, (y0 + y1) / 2, y1].map((v) => label(left - 8, y(v) + 5, "end", number(v, 2))),
      label(width - right, height - 8, "end", t("x_axis")), label(left + 6, top + 12, "start", t("y_axis")),
      el("path", { d: `M${points.map((p) => `${x(p.expected_attendance).toFixed(1)} ${y(p.gini).toFixed(1)}`).join("L")}`, fill: "none", stroke: "#7fa3ad", "stroke-width": 2 }),
      points.map((p) => {
        const words = t("point", { people: whole(p.expected_attendance), gini: number(p.gini, 3) });
        return el("circle", { class: p === chosen ? "point chosen" : "point", cx: x(p.expected_attendance).toFixed(1), cy: y(p.gini).toFixed(1), r: p === chosen ? 10 : 8, tabindex: 0, role: "button", "aria-label": words,
          "aria-pressed": String(p === chosen), onclick: () => pick(p), onkeydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(p); } } }, el("title", {}, words));
      }));
    const { by, catchment_km: km, gini_now: now, is_complete: complete } = front.equity;
    fill($("front-chart"), svg, el("p", { class: "muted" }, t("front_about", { by: t(by === "township" ? "townships" : "regions"), km: number(km, 1), now: number(now, 3) }), complete ? null : ` ${t("front_cut")}`));
    const change = (value, base) => `${value >= base ? "+" : "−"}${number(Math.abs(100 * (value / base - 1)), 1)} %`;
    fill($("front-chosen"), chosen ? el("p", { class: "note" }, t("chosen", { reach: change(chosen.expected_attendance, points[0].expected_attendance), gini: change(chosen.gini, points[0].gini) }), " ",
      el("button", { type: "button", class: "plain small", onclick: () => { chosen = null; drawFront(); load(); } }, t("back"))) : null);
  }
  const span = (values) => { const low = Math.min(...values), high = Math.max(...values), edge = Math.max((high - low) * 0.06, Math.abs(high) * 0.005, 1e-6); return [low - edge, high + edge]; };

  async function whyNot() {
    const choice = { category: $("why-category").value, venue_id: $("why-venue").value };
    const answer = ask("/v1/classes/suggestions", {}, { ...(plan ? plan.asked : question()), why_not: [choice] });
    await newest("why", answer, ({ why_not: [told] }) => fill($("why-answer"), el("p", { class: "note" }, `${choiceName(choice)}：${told.reason}`)),
      (error) => problem($("why-answer"), error));
  }
  async function moves() {
    fill($("moves"), el("p", { class: "note" }, t("computing")));
    const answer = ask("/v1/classes/suggestions", {}, { region_id: page.region(), budget: 0, moves: 6, closings: 6, close: fixed.close, effort: "fast" });
    await newest("moves", answer, (found) => {
      const closing = (category, venue_id) => el("button", { type: "button", class: "plain small", "aria-label": `${t("close")} ${choiceName({ category, venue_id })}`, onclick: () => fix("close", { category, venue_id }) }, t("close"));
      fill($("moves"), table("", [{ label: t("category"), of: (m) => m.category }, { label: t("moves_from"), of: (m) => venueName(m.from_venue_id) }, { label: t("moves_to"), of: (m) => venueName(m.to_venue_id) },
        { label: t("moves_gain"), n: true, of: (m) => number(m.gain, 1) },
        { label: t("close"), of: (m) => closing(m.category, m.from_venue_id) }], found.moves, t("no_moves")),
      el("h4", {}, t("closings_title")), table("", [{ label: t("category"), of: (c) => c.category }, { label: t("moves_from"), of: (c) => venueName(c.venue_id) },
        { label: t("closings_loses"), n: true, of: (c) => number(c.loses, 1) }, { label: t("close"), of: (c) => closing(c.category, c.venue_id) }], found.closings, t("no_closings")));
    }, (error) => problem($("moves"), error));
  }

  function labels(categories) {
    const names = categories.map((c) => [c, c]);
    const chosen = boxes().length ? picked() : kept("plan-categories").split(";");
    fill($("plan-categories").querySelector(".checks"), categories.map((c) => el("label", {}, el("input", { type: "checkbox", value: c, checked: chosen.includes(c) }), ` ${c}`)));
    Culture.options($("floor-by"), [["", t("no_floor")], ["township", t("township")], ["county", t("county")], ["age", t("age")]]);
    Culture.options($("weight-region"), [["", t("nowhere")], ...page.regions().map((r) => [r.region_id, page.regionName(r.region_id)])]);
    Culture.options($("why-category"), names);
    Culture.options($("why-venue"), page.venues().map((v) => [v.venue_id, v.name]));
    drawFixed(); show();
    if (plan) draw();
  }
  function start(shared) {
    page = shared;
    for (const id of ["budget", "floor-share", "weight"]) $(id).addEventListener("input", changed);
    for (const id of ["plan-categories", "floor-by", "weight-region"]) $(id).addEventListener("change", changed);
    $("plan-categories").addEventListener("change", () => keep("plan-categories", picked().join(";")));
    $("plan-form").addEventListener("submit", (event) => { event.preventDefault(); load("search"); });
    $("compare").addEventListener("click", compare);
    $("why-form").addEventListener("submit", (event) => { event.preventDefault(); whyNot(); });
    $("moves-ask").addEventListener("click", moves);
  }
  return { start, labels, load, changed };
})();
