/* What is forecast: figures, chart, tables, shifts of level, and what makes it. */
"use strict";
Culture.forecast = (() => {
  const { t, el, fill, ask, newest, number, percent, table, tile, problem } = Culture;
  const $ = (id) => document.getElementById(id);
  Culture.say({
    forecast_lead: ["实线是已经发生的，虚线是预测；色带里有八成可能。单位：人次/周。", "Solid: what happened. Dashed: forecast; the band holds 80% of outcomes. Places a week."],
    target: ["看什么", "Figure"], demand: ["需求（不受名额限制）", "Demand (if nothing were full)"], bookings: ["预订（按现有安排）", "Bookings (as planned)"],
    horizon: ["往后几周", "Weeks ahead"], weeks: ["{n} 周", "{n} weeks"], as_table: ["看表格", "As a table"],
    next_week: ["本周预计", "This week"], next_four: ["今后四周合计（含本周）", "Four weeks from this one"], last_four: ["过去四周合计", "Past four weeks"], interval: ["八成可能在 {low} 到 {high}", "80%: {low} to {high}"],
    shift: ["{name}：自 {since} 那一周起，水平约为从前的 {ratio} 倍", "{name}: since the week of {since} about {ratio} times what it was"],
    sessions_moved: ["（场次约为 {ratio} 倍）", " (sessions: {ratio} times)"],
    drift: ["{name}：自 {since} 那一周起逐渐变化，如今水平约为从前的 {ratio} 倍", "{name}: has been drifting since the week of {since}, now about {ratio} times what it was"],
    why_forecast: ["怎么算出来的", "What makes it"], driver_level: ["水平", "Level"], driver_trend: ["趋势", "Trend"], driver_season: ["季节", "Season"], driver_holiday: ["节假日", "Holidays"], driver_programme: ["已排场次", "Programme"],
    band_of_all: ["各门类合计的色带把各自的不确定当作互不相关相加：门类一起涨落时，实际范围更宽。选一个门类可看它自己的范围。", "For all categories the band adds their spreads as if they were independent: where categories rise and fall together the true range is wider. One category has its own."],
    season_unknown: ["历史数据太短，还看不出季节规律，上述变化也可能只是季节造成的。", "The history is too short to know the season: these shifts may be the season's."],
    no_days_off: ["其中有些周的放假安排还没有公布，按惯例推算。", "Days off of some of these weeks are not announced yet: the usual rule stands in."],
    week: ["周（周一）", "Week of"], actual: ["实际", "Actual"], estimated: ["推算的需求", "Demand, estimated"], per_week: ["人次/周", "Places a week"], chart_of: ["{figure}：过去 {past} 周与今后 {ahead} 周，数字见“看表格”", "{figure}: {past} past weeks and {ahead} ahead; figures under “As a table”"], expected: ["预计", "Expected"], low: ["下限", "Low"], high: ["上限", "High"],
    no_series: ["这个地区和门类还没有预测。", "There is no forecast for this region and category yet."],
    accuracy: ["过去预测的误差（占实际的比例）", "Error of past forecasts, of what came"],
    held: ["80% 区间实际包含了 {share} 的结果", "{share} of outcomes lay in 80% intervals"],
  });

  async function load(page) {
    const { region, category: ofCategory } = page;
    const target = $("target").value, category = ofCategory();
    await newest("forecast", ask("/v1/demand/forecasts", { region_id: region(), category, target, horizon: $("horizon").value, history_weeks: 26, limit: 1000 }), (answer) => {
      drawForecast(answer.items, answer.accuracy);
      drawNotes(answer);
      drawDrivers(answer.items);
    }, (error) => { $("forecast-why").hidden = true; fill($("forecast-notes")); fill($("forecast-tiles")); fill($("forecast-table")); problem($("forecast-chart"), error, () => load(page)); });
  }

  /* Shifts of level of what is shown, the greatest first; what the band leaves out, and holidays that are a guess. */
  function drawNotes({ alarms, items, are_days_off_announced: announced }) {
    const size = (alarm) => Math.abs(Math.log(alarm.ratio));
    const shown = items.length ? [...alarms].sort((a, b) => size(b) - size(a)).slice(0, 5) : [];
    const lines = shown.map((a) => t(a.kind === "drift" ? "drift" : "shift", { name: a.category || t("all_categories"), since: a.since, ratio: number(a.ratio, 1) })
      + (Number.isFinite(a.sessions_ratio) ? t("sessions_moved", { ratio: number(a.sessions_ratio, 1) }) : ""));
    if (shown.some((a) => a.is_season_known === false)) lines.push(t("season_unknown"));
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
    const was = $("target").value === "demand" ? "estimated" : "actual";
    const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0);
    const first = ahead[0], four = sum(ahead.slice(0, 4), "mean");
    /* Bookings are what can be compared; the line for all weeks ahead together. */
    const ofPast = (metric) => accuracy.find((a) => a.metric === metric && a.model === "programme" && a.weeks_ahead === null && a.level === items[0].level);
    const error = ofPast("wape"), held = ofPast("pit80");
    fill($("forecast-tiles"),
      first ? tile(number(first.mean, first.mean < 10 ? 1 : 0), t("next_week"), t("interval", { low: number(first.low), high: number(first.high) })) : null,
      tile(number(four, four < 10 ? 1 : 0), t("next_four")),
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
    chart = new uPlot({
      width: $("forecast-chart").clientWidth || 900, height: 350,
      scales: { x: { time: true }, y: { range: (self, low, high) => [0, Math.max(1, high * 1.08)] } },
      axes: [{ ...axis, size: 62, space: 90, values: (self, ticks) => ticks.map(dayAndYear) }, { ...axis, size: 64, label: t("per_week"), labelSize: 24, values: (self, ticks) => ticks.map((v) => number(v, ticks.every(Number.isInteger) ? 0 : 1)) }],
      series: [{ label: t("week"), value: (self, v) => (v === null ? "—" : uPlot.fmtDate("{YYYY}-{MM}-{DD}")(new Date(v * 1000))) },
        { label: t(was), stroke: "#1c2733", width: 2, value: shown },
        { label: t("expected"), stroke: "#0b5563", width: 2, dash: [7, 5], value: shown },
        { label: t("low"), stroke: "rgba(11,85,99,.25)", value: shown }, { label: t("high"), stroke: "rgba(11,85,99,.25)", value: shown }],
      bands: [{ series: [4, 3], fill: "rgba(11,85,99,.14)" }],
    }, data, $("forecast-chart"));
    const { canvas } = chart.ctx;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", t("chart_of", { figure: t($("target").value), past: past.length, ahead: ahead.length }));
    fill($("forecast-table"), table(t("per_week"), [
      { label: t("week"), of: (r) => r.week }, { label: t(was), n: true, of: (r) => number(r.value, 1) }, { label: t("expected"), n: true, of: (r) => number(r.mean, 1) },
      { label: t("low"), n: true, of: (r) => number(r.low, 1) }, { label: t("high"), n: true, of: (r) => number(r.high, 1) }], [...past, ...ahead], t("no_series")));
  }
  /* Day and month; the year below the first tick and where it changes. */
  function dayAndYear(seconds, n, ticks) {
    const date = new Date(seconds * 1000), told = (parts) => date.toLocaleDateString(Culture.lang === "zh" ? "zh-CN" : "en-GB", parts);
    const isNew = n === 0 || date.getFullYear() !== new Date(ticks[n - 1] * 1000).getFullYear();
    return told({ month: "short", day: "numeric" }) + (isNew ? `\n${told({ year: "numeric" })}` : "");
  }
  window.addEventListener("resize", () => chart?.setSize({ width: $("forecast-chart").clientWidth, height: 350 }));
  return { load };
})();
