/* The planner's page: every figure comes from the public routes under /v1. */
"use strict";
(() => {
  const { t, el, fill, ask, turn, newest, askAll, number, percent, table, problem } = Culture;
  const $ = (id) => document.getElementById(id);
  Culture.say({
    title: ["文化供需规划台", "Culture planner"], skip: ["跳到正文", "Skip to content"],
    to_visitor: ["看看有什么活动", "What is on"], region: ["地区", "Region"], category: ["门类", "Category"],
    all_categories: ["全部门类", "All categories"], forecast: ["需求预测", "Demand forecast"],
    forecast_lead: ["实线是已经发生的，虚线是预测；色带里有八成可能。单位：人次/周。", "Solid: what happened. Dashed: forecast; the band holds 80 % of outcomes. Places a week."],
    target: ["看什么", "Figure"], demand: ["需求（不受名额限制）", "Demand (if nothing were full)"], bookings: ["预订（按现有安排）", "Bookings (as planned)"],
    horizon: ["往后几周", "Weeks ahead"], weeks: ["{n} 周", "{n} weeks"], as_table: ["看表格", "As a table"],
    next_week: ["本周预计", "This week"], next_four: ["四周合计", "Four weeks"], last_four: ["过去四周", "Past four weeks"], interval: ["八成可能在 {low} 到 {high}", "80 %: {low} to {high}"],
    shift: ["{name}：自 {since} 那一周起，水平约为从前的 {ratio} 倍", "{name}: since the week of {since} about {ratio} times what it was"],
    sessions_moved: ["（场次约为 {ratio} 倍）", " (sessions: {ratio} times)"],
    drift: ["{name}：自 {since} 那一周起逐渐变化，如今水平约为从前的 {ratio} 倍", "{name}: has been drifting since the week of {since}, now about {ratio} times what it was"],
    why_forecast: ["怎么算出来的", "What makes it"], driver_level: ["水平", "Level"], driver_trend: ["趋势", "Trend"], driver_season: ["季节", "Season"], driver_holiday: ["节假日", "Holidays"], driver_programme: ["已排场次", "Programme"],
    band_of_all: ["各门类合计的色带把各自的不确定当作互不相关相加：门类一起涨落时，实际范围更宽。选一个门类可看它自己的范围。", "For all categories the band adds their spreads as if they were independent: where categories rise and fall together the true range is wider. One category has its own."],
    no_days_off: ["其中有些周的放假安排还没有公布，按惯例推算。", "Days off of some of these weeks are not announced yet: the usual rule stands in."],
    week: ["周（周一）", "Week of"], actual: ["实际", "Actual"], expected: ["预计", "Expected"], low: ["下限", "Low"], high: ["上限", "High"],
    no_series: ["这个地区和门类还没有预测。", "There is no forecast for this region and category yet."],
    gaps: ["供需缺口", "Gaps"], gaps_lead: ["每周有多少人想来却没有名额。先看缺口最大的。", "How many people a week find no place. Largest gaps first."],
    level: ["层级", "Level"], province: ["省", "Province"], city: ["市", "City"], county: ["县（区）", "County"], township: ["街道/乡镇", "Township"], village: ["村/社区", "Village"], all: ["全部", "All"],
    supply: ["供给", "Supply"], wanted: ["需求", "Demand"], unmet: ["缺口", "Unmet"], share: ["占需求", "Of demand"], no_gaps: ["没有发现缺口。", "No gaps found."],
    people_label: ["每周人数", "People a week"], accuracy: ["过去预测的误差（占实际的比例）", "Error of past forecasts, of what came"],
    held: ["80% 区间实际包含了 {share} 的结果", "{share} of outcomes lay in 80 % intervals"],
    who: ["谁在参加", "Who takes part"], who_lead: ["过去 26 周。少于 5 人的组不显示，以免认出个人。", "Past 26 weeks. Groups of fewer than 5 people are hidden so that nobody can be recognised."],
    people: ["参与人数", "People"], visits: ["参与人次", "Visits"], ages: ["按年龄", "By age"], homes: ["按居住地", "By home"], hidden: ["已隐藏", "hidden"], unknown: ["未知", "unknown"], nobody: ["这段时间没有参与记录。", "Nobody took part in this time."],
    use: ["场馆利用", "Use of venues"], use_lead: ["过去 26 周，按周几和钟点；颜色越深用得越多。", "Past 26 weeks by weekday and hour; darker means more use."], venue: ["场馆", "Venue"], all_venues: ["全部场馆", "All venues"],
    sessions: ["场次", "Sessions"], seat_use: ["座位利用率", "Seats used"], slot_use: ["时段利用率", "Slots used"], rate: ["到场率", "Attendance"], hours: ["使用小时", "Hours"], radius: ["八成来客在 {km} 公里内", "80 % come from within {km} km"], no_use: ["这段时间没有在场馆举办的活动。", "No sessions at venues in this time."],
    day0: ["周一", "Mon"], day1: ["周二", "Tue"], day2: ["周三", "Wed"], day3: ["周四", "Thu"], day4: ["周五", "Fri"], day5: ["周六", "Sat"], day6: ["周日", "Sun"],
    report: ["绩效报告", "Report"], report_lead: ["选一段时间，得到活动、参与、到场、利用和覆盖的数字。", "Choose a period for activities, participation, attendance, use and reach."], from: ["从", "From"], until: ["到（不含）", "Until (not included)"], show_report: ["查看", "Show"], download: ["下载 Excel", "Download Excel"],
    activities: ["活动数", "Activities"], places: ["预订人次", "Places booked"], reach: ["参与率", "Reach"], fresh: ["数据截至 {until}", "Data until {until}"], not_ready: ["服务尚未就绪：{problems}", "Not ready: {problems}"],
    footer: ["所有数字来自本平台；预测与建议供参考，决定由人作出。", "All figures come from this platform; forecasts and suggestions inform, people decide."],
  });

  const state = { regions: [], venues: [] };
  /* Days are those of the routes, which read a date without a zone so, whatever zone this browser is in. */
  const ZONE = { timeZone: "Asia/Shanghai" };
  const local = (moment) => new Intl.DateTimeFormat(Culture.lang === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", ...ZONE }).format(new Date(moment));
  const region = () => $("region").value;
  const regionName = (id, name = state.regions.find((r) => r.region_id === id)?.name) => (id === "all" ? t("all") : name || id);
  const readiness = () => fetch("/readyz", { headers: { "Accept-Language": Culture.lang } }).then((r) => r.json());
  const known = (name) => (name === "unknown" ? t("unknown") : name);

  async function start() {
    Culture.languageButton($("language"), redraw);
    Culture.openings.start({ region: () => (region() === state.regions[0]?.region_id ? null : region()), regions: () => openTree(), regionName, venues: () => state.venues });
    labels();
    try {
      const [regions, categories, venues] = await Promise.all([
        askAll("/v1/regions", { with_venues: true }), ask("/v1/categories"), askAll("/v1/venues")]);
      state.regions = regions; state.categories = categories.items; state.venues = venues;
    } catch (error) { problem($("forecast-chart"), error); return; }
    labels();
    const day = (time) => new Intl.DateTimeFormat("sv", ZONE).format(new Date(time));
    const now = Date.parse((await readiness().catch(() => ({}))).now) || Date.now();
    $("report-to").value = day(now + 864e5);
    $("report-from").value = day(now - 182 * 864e5);
    /* The tree often begins with a chain (province, city): start where it branches. */
    const children = (id) => state.regions.filter((r) => r.parent_id === id && r.level !== "village");
    let top = state.regions[0];
    while (top && children(top.region_id).length === 1) [top] = children(top.region_id);
    if (top) labels(top.region_id);
    $("region").addEventListener("change", () => labels());
    for (const id of ["region", "category"]) $(id).addEventListener("change", load);
    $("region").addEventListener("change", Culture.openings.changed);
    for (const id of ["target", "horizon"]) $(id).addEventListener("change", loadForecast);
    $("gap-level").addEventListener("change", loadGaps);
    $("venue").addEventListener("change", drawUse);
    $("report-form").addEventListener("submit", (event) => { event.preventDefault(); loadReport(); });
    await load();
    await Culture.openings.load();
    document.body.dataset.ready = "true";
  }

  /* Of a province only the way to the chosen region stands open: what lies beside each step and right below it. */
  const MOST_REGIONS = 200;
  function openTree(chosen = region()) {
    const tree = state.regions.filter((r) => r.level !== "village");
    if (tree.length <= MOST_REGIONS) return tree;
    const parents = new Map(tree.map((r) => [r.region_id, r.parent_id])), open = new Set([tree[0].region_id]);
    for (let id = chosen; id; id = parents.get(id)) open.add(id);
    return tree.filter((r) => !r.parent_id || open.has(r.parent_id));
  }

  function labels(chosen = region()) {
    Culture.translate();
    const depth = { all: 0, province: 0, city: 1, county: 2, township: 3, village: 4 };
    const first = Math.min(...state.regions.map((r) => depth[r.level] ?? 4), 4);
    Culture.options($("region"), openTree(chosen).map((r) => [r.region_id, "　".repeat((depth[r.level] ?? 4) - first) + regionName(r.region_id)]), chosen);
    const categories = (state.categories || []).map((c) => [c, c]);
    Culture.options($("category"), [["", t("all_categories")], ...categories]);
    Culture.options($("target"), [["demand", t("demand")], ["bookings", t("bookings")]]);
    Culture.options($("horizon"), [4, 8, 13, 26].map((n) => [String(n), t("weeks", { n })]), $("horizon").value || "13");
    const levels = ["township", "county", "city", "province", "all"].filter((l) => state.regions.some((r) => r.level === l));
    Culture.options($("gap-level"), levels.map((l) => [l, t(l)]));
    Culture.openings.labels(state.categories || []);
  }
  function redraw() { labels(); load(); Culture.openings.load(); }

  async function load() {
    await Promise.all([loadState(), loadForecast(), loadGaps(), Culture.reach.load({ region, category: () => $("category").value }), loadWho(), loadUse(), loadReport()]);
  }

  async function loadState() {
    const ready = await readiness().catch(() => null);
    if (!ready) return;
    $("state").textContent = ready.ready ? t("fresh", { until: local(ready.data_until) }) : t("not_ready", { problems: ready.problems.join("; ") });
  }

  async function loadForecast() {
    const target = $("target").value, category = $("category").value;
    await newest("forecast", ask("/v1/demand/forecasts", { region_id: region(), category, target, horizon: $("horizon").value, history_weeks: 26, limit: 1000 }), (answer) => {
      drawForecast(answer.items, answer.accuracy);
      drawNotes(answer);
      drawDrivers(answer.items);
    }, (error) => { $("forecast-why").hidden = true; fill($("forecast-notes")); fill($("forecast-tiles")); fill($("forecast-table")); problem($("forecast-chart"), error); });
  }

  /* Shifts of level of what is shown, the greatest first; what the band leaves out, and holidays that are a guess. */
  function drawNotes({ alarms, items, are_days_off_announced: announced }) {
    const size = (alarm) => Math.abs(Math.log(alarm.ratio));
    const shown = items.length ? [...alarms].sort((a, b) => size(b) - size(a)).slice(0, 5) : [];
    const lines = shown.map((a) => t(a.kind === "drift" ? "drift" : "shift", { name: a.category || t("all_categories"), since: a.since, ratio: number(a.ratio, 1) })
      + (Number.isFinite(a.sessions_ratio) ? t("sessions_moved", { ratio: number(a.sessions_ratio, 1) }) : ""));
    if (!announced) lines.push(t("no_days_off"));
    fill($("forecast-notes"), lines.length ? el("ul", { class: "notes" }, lines.map((line) => el("li", {}, line))) : null,
      items.length > 1 ? el("p", { class: "muted" }, t("band_of_all")) : null);
  }

  /* What makes the forecast of one category's bookings, as places that add up; none of several together. */
  const DRIVERS = ["level", "trend", "season", "holiday", "programme"];
  function drawDrivers(items) {
    const drivers = items.length === 1 ? items[0].drivers : null;
    $("forecast-why").hidden = !drivers;
    if (!drivers) return;
    const rows = items[0].forecast.map((week, n) => ({ week: week.week_start, mean: week.mean, ...Object.fromEntries(DRIVERS.map((name) => [name, drivers[name]?.[n]?.places ?? 0])) }));
    fill($("forecast-drivers"), table("", [{ label: t("week"), of: (r) => r.week }, ...DRIVERS.map((name) => ({ label: t(`driver_${name}`), n: true, of: (r) => number(r[name], 1) })),
      { label: `= ${t("expected")}`, n: true, of: (r) => number(r.mean, 1) }], rows, t("no_series")));
  }

  /* Means add up over categories; quantiles do not: for all categories the band adds independent spreads. */
  function together(items) {
    const past = new Map(), ahead = new Map();
    for (const series of items) {
      for (const w of series.history) past.set(w.week_start, (past.get(w.week_start) || 0) + w.value);
      for (const w of series.forecast) {
        const sum = ahead.get(w.week_start) || { mean: 0, down: 0, up: 0 };
        sum.mean += w.mean; sum.down += Math.max(0, w.mean - w["q0.1"]) ** 2; sum.up += Math.max(0, w["q0.9"] - w.mean) ** 2;
        ahead.set(w.week_start, sum);
      }
    }
    return {
      past: [...past].sort(([a], [b]) => (a < b ? -1 : 1)).map(([week, value]) => ({ week, value })),
      ahead: [...ahead].sort(([a], [b]) => (a < b ? -1 : 1)).map(([week, s]) => ({ week, mean: s.mean, low: Math.max(0, s.mean - Math.sqrt(s.down)), high: s.mean + Math.sqrt(s.up) })),
    };
  }

  let chart = null;
  function drawForecast(items, accuracy) {
    if (chart) { chart.destroy(); chart = null; }
    if (!items.length) { fill($("forecast-tiles")); fill($("forecast-table")); fill($("forecast-chart"), el("p", { class: "note" }, t("no_series"))); return; }
    const { past, ahead } = together(items);
    const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0);
    const first = ahead[0];
    /* Bookings are what can be compared; the line for all weeks ahead together. */
    const ofPast = (metric) => accuracy.find((a) => a.metric === metric && a.model === "programme" && a.weeks_ahead === null && a.level === items[0].level);
    const error = ofPast("wape"), held = ofPast("pit80");
    fill($("forecast-tiles"),
      first ? tile(number(first.mean), t("next_week"), t("interval", { low: number(first.low), high: number(first.high) })) : null,
      tile(number(sum(ahead.slice(0, 4), "mean")), t("next_four")),
      past.length ? tile(number(sum(past.slice(-4), "value")), t("last_four")) : null,
      error ? tile(percent(error.value), t("accuracy"), held ? t("held", { share: percent(held.value) }) : "") : null);
    const weeks = [...past.map((p) => p.week), ...ahead.map((a) => a.week)];
    const seconds = weeks.map((w) => Date.parse(`${w}T00:00:00`) / 1000);
    const blank = (n) => new Array(n).fill(null);
    /* The forecast's line begins where the past ends, so that the eye can follow it. */
    const joined = past.length ? [...blank(past.length - 1), past.at(-1).value] : [];
    const data = [seconds, [...past.map((p) => p.value), ...blank(ahead.length)],
      [...joined, ...ahead.map((a) => a.mean)], [...joined, ...ahead.map((a) => a.low)], [...joined, ...ahead.map((a) => a.high)]];
    fill($("forecast-chart"));
    const axis = { font: "15px sans-serif", labelFont: "15px sans-serif", stroke: "#51606f", grid: { stroke: "#e6ecf1" } };
    const shown = (self, value) => (value === null || value === undefined ? "—" : number(value));
    const days = Culture.lang === "zh" ? "{YYYY}-{MM}-{DD}" : "{YYYY}-{MM}-{DD}";
    chart = new uPlot({
      width: $("forecast-chart").clientWidth || 900, height: 340,
      scales: { x: { time: true }, y: { range: (self, low, high) => [0, Math.max(1, high * 1.08)] } },
      axes: [{ ...axis, space: 90, values: (self, ticks) => ticks.map((s) => uPlot.fmtDate("{YYYY}-{MM}-{DD}")(new Date(s * 1000)).slice(2)) }, { ...axis, size: 64 }],
      series: [{ label: t("week"), value: (self, v) => (v === null ? "—" : uPlot.fmtDate(days)(new Date(v * 1000))) },
        { label: t("actual"), stroke: "#1c2733", width: 2, value: shown },
        { label: t("expected"), stroke: "#0b5563", width: 2, dash: [7, 5], value: shown },
        { label: t("low"), stroke: "rgba(11,85,99,.25)", value: shown }, { label: t("high"), stroke: "rgba(11,85,99,.25)", value: shown }],
      bands: [{ series: [4, 3], fill: "rgba(11,85,99,.14)" }],
    }, data, $("forecast-chart"));
    fill($("forecast-table"), table("", [
      { label: t("week"), of: (r) => r.week }, { label: t("expected"), n: true, of: (r) => number(r.mean, 1) },
      { label: t("low"), n: true, of: (r) => number(r.low, 1) }, { label: t("high"), n: true, of: (r) => number(r.high, 1) }], ahead, t("no_series")));
  }
  window.addEventListener("resize", () => chart?.setSize({ width: $("forecast-chart").clientWidth, height: 340 }));
  const tile = (value, label, more = "") => el("div", { class: "tile" }, el("b", {}, value), el("span", {}, label), more ? el("span", {}, el("br"), more) : null);

  /* Many townships of a province bear one name: the region above tells them apart. */
  function above(gap) {
    const own = state.regions.find((r) => r.region_id === gap.region_id);
    return gap.level === "township" && own?.parent_id ? ` ${regionName(own.parent_id)}` : "";
  }

  async function loadGaps() {
    await newest("gaps", ask("/v1/demand/gaps", { region_id: region(), level: $("gap-level").value, category: $("category").value, limit: 15 }), (answer) => {
      const rows = answer.items.filter((g) => g.unmet >= 0.05);
      const most = Math.max(...rows.map((g) => g.unmet), 1e-9);
      fill($("gap-table"), table("", [
        { label: t("region"), of: (g) => [regionName(g.region_id, g.region), el("span", { class: "muted" }, above(g))] }, { label: t("category"), of: (g) => g.category },
        { label: t("unmet"), n: true, of: (g) => [number(g.unmet, 1), el("span", { class: "bar", style: { width: `${(100 * g.unmet) / most}%` } })] },
        { label: t("share"), n: true, of: (g) => percent(g.share_unmet) },
        { label: t("wanted"), n: true, of: (g) => number(g.demand, 1) }, { label: t("supply"), n: true, of: (g) => number(g.supply, 1) }], rows, t("no_gaps")));
    }, (error) => problem($("gap-table"), error));
  }

  const named = (title, groups) => el("div", {}, el("h3", {}, title), Culture.bars(groups.map((g) => ({ ...g, label: known(g.label) }))));
  async function loadWho() {
    await newest("who", ask("/v1/participation", { region_id: region(), category: $("category").value, by: ["age", "region"] }), (answer) => {
      fill($("who-tiles"), tile(answer.people === null ? t("hidden") : number(answer.people), t("people")), tile(answer.visits === null ? t("hidden") : number(answer.visits), t("visits")));
      const homes = [...answer.tables.region].sort((a, b) => (b.people || 0) - (a.people || 0)).slice(0, 12);
      const order = (g) => (g.name === "unknown" ? 999 : Number.parseInt(g.name, 10));
      const ages = [...answer.tables.age].sort((a, b) => order(a) - order(b));
      fill($("who-ages"), ages.length ? named(t("ages"), ages) : el("p", { class: "note" }, t("nobody")));
      fill($("who-places"), homes.length ? named(t("homes"), homes) : null);
    }, (error) => { fill($("who-tiles")); fill($("who-places")); problem($("who-ages"), error); });
  }

  let uses = [];
  async function loadUse() {
    await newest("use", askAll("/v1/venues/utilisation", { region_id: region() }), async (found) => {
      uses = found;
      for (const use of uses) { const venue = state.venues.find((v) => v.venue_id === use.venue_id); if (venue) venue.weight = use.places; }
      Culture.options($("venue"), [["", t("all_venues")], ...uses.filter((u) => u.sessions).map((u) => [u.venue_id, u.name])]);
      await drawUse();
    }, (error) => { turn("drawn use"); fill($("use-tiles")); fill($("use-table")); problem($("use-heat"), error); });
  }
  async function drawUse() {
    const id = $("venue").value, isNewest = turn("drawn use");
    const chosen = uses.filter((u) => u.sessions && (!id || u.venue_id === id));
    if (!chosen.length) { fill($("use-tiles")); fill($("use-table")); fill($("use-heat"), el("p", { class: "note" }, t("no_use"))); return; }
    const one = chosen.length === 1 ? chosen[0] : null;
    const radius = id ? await ask(`/v1/venues/${encodeURIComponent(id)}/service-radius`).catch(() => null) : null;
    if (!isNewest()) return;
    const add = (key) => chosen.reduce((sum, u) => sum + (u[key] || 0), 0);
    fill($("use-tiles"), tile(number(add("sessions")), t("sessions")), tile(number(add("hours")), t("hours")), tile(number(add("places")), t("places")),
      one ? tile(percent(one.seat_use), t("seat_use")) : null, one ? tile(percent(one.slot_use), t("slot_use")) : null, one ? tile(percent(one.attendance_rate), t("rate")) : null,
      radius?.km_by_share["80%"] ? tile(`${number(radius.km_by_share["80%"], 1)} km`, t("radius", { km: number(radius.km_by_share["80%"], 1) })) : null);
    const grid = Array.from({ length: 7 }, (_, d) => Array.from({ length: 24 }, (_, h) => chosen.reduce((sum, u) => sum + u.by_hour[d][h], 0)));
    const most = Math.max(...grid.flat(), 1e-9);
    const hours = Array.from({ length: 16 }, (_, n) => n + 7);
    fill($("use-heat"), el("div", { class: "scroll" }, el("table", { class: "heat" },
      el("thead", {}, el("tr", {}, el("th", {}), hours.map((h) => el("th", { scope: "col" }, String(h))))),
      el("tbody", {}, grid.map((row, d) => el("tr", {}, el("th", { scope: "row" }, t(`day${d}`)), hours.map((h) => {
        const strength = row[h] / most;
        return el("td", { style: { background: `rgba(11,85,99,${(0.04 + 0.9 * strength).toFixed(3)})`, color: strength > 0.8 ? "#fff" : "#000" } }, row[h] ? number(row[h], 1) : "");
      })))))));
    const top = [...chosen].sort((a, b) => b.places - a.places).slice(0, 12);
    fill($("use-table"), one ? null : table("", [{ label: t("venue"), of: (u) => u.name }, { label: t("region"), of: (u) => u.region || "—" },
      { label: t("sessions"), n: true, of: (u) => number(u.sessions) }, { label: t("places"), n: true, of: (u) => number(u.places) },
      { label: t("seat_use"), n: true, of: (u) => percent(u.seat_use) }, { label: t("slot_use"), n: true, of: (u) => percent(u.slot_use) }, { label: t("rate"), n: true, of: (u) => percent(u.attendance_rate) }], top, t("no_use")));
  }

  async function loadReport() {
    if (!region()) return;
    const path = `/v1/reports/${encodeURIComponent(region())}`, query = { from: $("report-from").value, to: $("report-to").value };
    $("report-xlsx").href = `${path}?${new URLSearchParams({ ...query, format: "xlsx", lang: Culture.lang })}`;
    await newest("report", ask(path, query), ({ summary, categories }) => {
      fill($("report-tiles"), tile(number(summary.activities), t("activities")), tile(number(summary.sessions), t("sessions")), tile(number(summary.places), t("places")),
        tile(percent(summary.attendance_rate), t("rate")), tile(number(summary.people), t("people")), tile(percent(summary.reach), t("reach")), tile(percent(summary.seat_use), t("seat_use")));
      fill($("report-table"), table("", [{ label: t("category"), of: (c) => c.category }, { label: t("activities"), n: true, of: (c) => number(c.activities) }, { label: t("sessions"), n: true, of: (c) => number(c.sessions) },
        { label: t("places"), n: true, of: (c) => number(c.places) }, { label: t("seat_use"), n: true, of: (c) => percent(c.seat_use) }], [...categories].sort((a, b) => b.places - a.places), t("nobody")));
    }, (error) => { fill($("report-table")); problem($("report-tiles"), error); });
  }

  start();
})();
