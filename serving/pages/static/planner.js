/* The planner's page: every figure comes from the public routes under /v1. */
"use strict";
(() => {
  const { t, el, fill, ask, turn, newest, askAll, keep, kept, number, percent, table, tile, problem } = Culture;
  const $ = (id) => document.getElementById(id);
  Culture.say({
    title: ["文化供需规划台", "Culture planner"], skip: ["跳到正文", "Skip to content"], contents: ["页内导航", "Contents"],
    to_visitor: ["看看有什么活动", "What is on"], loading: ["正在读取……", "Loading…"], region: ["地区", "Region"], category: ["门类", "Category"],
    all_categories: ["全部门类", "All categories"], forecast: ["需求预测", "Demand forecast"],
    gaps: ["供需缺口", "Gaps"], gaps_lead: ["每周有多少人想来却没有名额，缺口最大的在前。总名额有余也会有缺口：热门的场次满了，别的场次还空着。", "How many people a week find no place, largest gaps first. There may be gaps where places are left in all: some sessions are full while others are not."],
    level: ["层级", "Level"], province: ["省", "Province"], city: ["市", "City"], county: ["县（区）", "County"], township: ["街道/乡镇", "Township"], village: ["村/社区", "Village"], all: ["全部", "All"],
    supply: ["供给（名额）", "Supply (places)"], wanted: ["需求", "Demand"], unmet: ["缺口", "Unmet"], share: ["占需求", "Of demand"], no_gaps: ["没有发现缺口。", "No gaps found."], most_gaps: ["缺口最大的 {n} 项，人次/周", "The {n} largest, places a week"],
    people_label: ["每周人数", "People a week"],
    who: ["谁在参加", "Who takes part"], who_lead: ["过去 26 周。少于 5 人的组不显示，以免认出个人。", "Past 26 weeks. Groups of fewer than 5 people are hidden so that nobody can be recognised."],
    people: ["参与人数", "People"], visits: ["参与人次", "Visits"], ages: ["按年龄（人数）", "By age (people)"], homes: ["按居住地（人数）", "By home (people)"], most_homes: ["人数最多的 {n} 处，共 {total} 处", "The {n} largest of {total}"], hidden: ["已隐藏", "hidden"], nobody: ["这段时间没有参与记录。", "Nobody took part in this time."],
    use: ["场馆利用", "Use of venues"], use_lead: ["过去 26 周在场馆举办的活动，不含线上。", "Sessions at venues in the past 26 weeks; not those online."], heat_of: ["每周平均使用的小时数，按周几和钟点（{from} 点到 {to} 点）；颜色越深用得越多", "Hours in use a week by weekday and hour ({from}:00 to {to}:00); darker means more"], most_venues: ["预订最多的 {n} 个场馆，共 {total} 个", "The {n} most booked of {total} venues"], venue: ["场馆", "Venue"], all_venues: ["全部场馆", "All venues"],
    sessions: ["场次", "Sessions"], seat_use: ["座位利用率", "Seats used"], slot_use: ["时段利用率", "Slots used"], rate: ["到场率", "Attendance"], hours: ["使用小时", "Hours"], radius: ["八成来客住在这个距离以内", "80% come from within"], no_use: ["这段时间没有在场馆举办的活动。", "No sessions at venues in this time."],
    day0: ["周一", "Mon"], day1: ["周二", "Tue"], day2: ["周三", "Wed"], day3: ["周四", "Thu"], day4: ["周五", "Fri"], day5: ["周六", "Sat"], day6: ["周日", "Sun"],
    report: ["绩效报告", "Report"], report_lead: ["选一段时间，得到活动、参与、到场、利用和覆盖的数字。", "Choose a period for activities, participation, attendance, use and reach."], from: ["从", "From"], until: ["到", "To"], show_report: ["查看", "Show"], download: ["下载 Excel", "Download Excel"],
    activities: ["活动数", "Activities"], places: ["预订人次", "Places booked"], reach: ["注册居民的参与率", "Of registered residents"], fresh: ["数据截至 {until}", "Data up to {until}"], not_ready: ["服务尚未就绪：{problems}", "Not ready: {problems}"],
    footer: ["所有数字来自本平台；预测与建议供参考，决定由人作出。", "All figures come from this platform; forecasts and suggestions inform, people decide."],
  });

  const state = { regions: [], venues: [] };
  /* Days are those of the routes, which read a date without a zone so, whatever zone this browser is in. */
  const ZONE = { timeZone: "Asia/Shanghai" };
  const local = (moment) => new Intl.DateTimeFormat(Culture.lang === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", ...ZONE }).format(new Date(moment));
  const region = () => $("region").value;
  const page = { region, category: () => $("category").value };
  const regionName = (id, name = state.regions.find((r) => r.region_id === id)?.name) => (id === "all" ? t("all") : name || id);
  const readiness = () => fetch("/readyz", { headers: { "Accept-Language": Culture.lang } }).then((r) => r.json());

  /* Controls whose choice stands in the address. */
  const KEPT = ["region", "category", "target", "horizon", "gap-level", "venue", "report-from", "report-to", "budget", "floor-by", "floor-share", "weight-region", "weight"];

  function start() {
    Culture.languageButton($("language"), redraw);
    for (const id of KEPT) if ($(id).matches("input") && kept(id)) $(id).value = kept(id);
    document.addEventListener("change", ({ target }) => { if (KEPT.includes(target.id)) keep(target.id, target.value); });
    Culture.openings.start({ region: () => (region() === state.regions[0]?.region_id ? null : region()), regions: () => openTree(), regionName, venues: () => state.venues });
    begin();
  }

  /* Everything else hangs on these lists: without them the page says why, and can be asked to begin again. */
  let hasBegun = false;
  async function begin() {
    labels();
    $("state").textContent = t("loading");
    fill($("forecast-chart"));
    await newest("lists", lists(), fillPage, (error) => {
      $("state").textContent = "";
      problem($("forecast-chart"), error, begin);
      document.body.dataset.ready = "false";
    });
  }
  async function lists() {
    const [regions, categories, venues] = await Promise.all([
      askAll("/v1/regions", { with_venues: true }), ask("/v1/categories"), askAll("/v1/venues")]);
    return { regions, categories: categories.items, venues };
  }
  async function fillPage(found) {
    Object.assign(state, found);
    labels();
    const day = (time) => new Intl.DateTimeFormat("sv", ZONE).format(new Date(time));
    const now = Date.parse((await readiness().catch(() => ({}))).now) || Date.now();
    $("report-to").value ||= day(now);
    $("report-from").value ||= day(now - 182 * 864e5);
    /* The tree often begins with a chain (province, city): start where it branches. */
    const children = (id) => state.regions.filter((r) => r.parent_id === id && r.level !== "village");
    let top = state.regions[0];
    while (top && children(top.region_id).length === 1) [top] = children(top.region_id);
    if (top) labels(state.regions.some((r) => r.region_id === kept("region")) ? kept("region") : top.region_id);
    if (!hasBegun) listen();
    hasBegun = true;
    await load();
    await Culture.openings.load();
    document.body.dataset.ready = "true";
  }
  function listen() {
    $("region").addEventListener("change", () => labels());
    for (const id of ["region", "category"]) $(id).addEventListener("change", load);
    $("region").addEventListener("change", Culture.openings.changed);
    for (const id of ["target", "horizon"]) $(id).addEventListener("change", () => Culture.forecast.load(page));
    $("gap-level").addEventListener("change", loadGaps);
    $("venue").addEventListener("change", drawUse);
    $("report-form").addEventListener("submit", (event) => { event.preventDefault(); loadReport(); });
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
    Culture.options($("horizon"), [4, 8, 13, 26].map((n) => [String(n), t("weeks", { n })]), $("horizon").value || kept("horizon") || "13");
    const levels = ["township", "county", "city", "province", "all"].filter((l) => state.regions.some((r) => r.level === l));
    Culture.options($("gap-level"), levels.map((l) => [l, t(l)]));
    Culture.openings.labels(state.categories || []);
  }
  function redraw() {
    if (!hasBegun) { begin(); return; }
    labels(); load(); Culture.openings.load();
  }

  async function load() {
    await Promise.all([loadState(), Culture.forecast.load(page), loadGaps(), Culture.reach.load(page), loadWho(), loadUse(), loadReport()]);
  }

  async function loadState() {
    const ready = await readiness().catch(() => null);
    if (!ready) { $("state").textContent = t("offline"); return; }
    $("state").textContent = ready.ready ? t("fresh", { until: local(Date.parse(ready.data_until) - 1) }) : t("not_ready", { problems: ready.problems.join("; ") });
  }


  /* Many townships of a province bear one name: the region above tells them apart. */
  function above(gap) {
    const own = state.regions.find((r) => r.region_id === gap.region_id);
    return gap.level === "township" && own?.parent_id ? ` ${regionName(own.parent_id)}` : "";
  }

  async function loadGaps() {
    await newest("gaps", ask("/v1/demand/gaps", { region_id: region(), level: $("gap-level").value, category: $("category").value, limit: 15 }), (answer) => {
      const rows = answer.items.filter((g) => g.unmet >= 0.05);
      const most = Math.max(...rows.map((g) => g.unmet), 1e-9);
      fill($("gap-table"), table(t("most_gaps", { n: rows.length }), [
        { label: t("region"), of: (g) => [regionName(g.region_id, g.region), el("span", { class: "muted" }, above(g))] }, { label: t("category"), of: (g) => g.category },
        { label: t("unmet"), n: true, of: (g) => [number(g.unmet, 1), el("span", { class: "bar", style: { width: `${(100 * g.unmet) / most}%` } })] },
        { label: t("share"), n: true, of: (g) => percent(g.share_unmet) },
        { label: t("wanted"), n: true, of: (g) => number(g.demand, 1) }, { label: t("supply"), n: true, of: (g) => number(g.supply, 1) }], rows, t("no_gaps")));
    }, (error) => problem($("gap-table"), error, loadGaps));
  }

  const named = (title, groups, more = "") => el("div", {}, el("h3", {}, title), more ? el("p", { class: "muted" }, more) : null, Culture.bars(groups));
  async function loadWho() {
    await newest("who", ask("/v1/participation", { region_id: region(), category: $("category").value, by: ["age", "region"] }), (answer) => {
      fill($("who-tiles"), tile(answer.people === null ? t("hidden") : number(answer.people), t("people")), tile(answer.visits === null ? t("hidden") : number(answer.visits), t("visits")));
      const { region: all } = answer.tables, most = 12;
      const homes = [...all].sort((a, b) => (b.people || 0) - (a.people || 0)).slice(0, most);
      const order = (g) => (g.name === "unknown" ? 999 : Number.parseInt(g.name, 10));
      const ages = [...answer.tables.age].sort((a, b) => order(a) - order(b));
      fill($("who-ages"), ages.length ? named(t("ages"), ages) : el("p", { class: "note" }, t("nobody")));
      fill($("who-places"), homes.length ? named(t("homes"), homes, all.length > most ? t("most_homes", { n: most, total: number(all.length) }) : "") : null);
    }, (error) => { fill($("who-tiles")); fill($("who-places")); problem($("who-ages"), error, loadWho); });
  }

  let uses = [];
  async function loadUse() {
    await newest("use", askAll("/v1/venues/utilisation", { region_id: region() }), async (found) => {
      uses = found;
      for (const use of uses) { const venue = state.venues.find((v) => v.venue_id === use.venue_id); if (venue) venue.weight = use.places; }
      Culture.options($("venue"), [["", t("all_venues")], ...uses.filter((u) => u.sessions).map((u) => [u.venue_id, u.name])]);
      await drawUse();
    }, (error) => { turn("drawn use"); fill($("use-tiles")); fill($("use-table")); problem($("use-heat"), error, loadUse); });
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
      radius?.km_by_share["80%"] ? tile(t("km", { n: number(radius.km_by_share["80%"], 1) }), t("radius")) : null);
    const grid = Array.from({ length: 7 }, (_, d) => Array.from({ length: 24 }, (_, h) => chosen.reduce((sum, u) => sum + u.by_hour[d][h], 0)));
    const most = Math.max(...grid.flat(), 1e-9);
    /* From 7 to 22 o'clock, and earlier or later where something was on. */
    const used = grid[0].map((_, h) => h).filter((h) => grid.some((row) => row[h] >= 0.05));
    const first = Math.min(7, ...used), last = Math.max(22, ...used);
    const hours = Array.from({ length: last - first + 1 }, (_, n) => n + first);
    const about = t("heat_of", { from: first, to: last + 1 });
    fill($("use-heat"), el("p", { class: "muted" }, about), el("div", { class: "scroll" }, el("table", { class: "heat", "aria-label": about },
      el("thead", {}, el("tr", {}, el("td", {}), hours.map((h) => el("th", { scope: "col" }, String(h))))),
      el("tbody", {}, grid.map((row, d) => el("tr", {}, el("th", { scope: "row" }, t(`day${d}`)), hours.map((h) => {
        const strength = row[h] / most;
        return el("td", { style: { background: `rgba(11,85,99,${(0.04 + 0.9 * strength).toFixed(3)})`, color: strength > 0.8 ? "#fff" : "#000" } }, row[h] >= 0.05 ? number(row[h], 1) : "");
      })))))));
    const top = [...chosen].sort((a, b) => b.places - a.places).slice(0, 12);
    fill($("use-table"), one ? null : table(chosen.length > top.length ? t("most_venues", { n: top.length, total: number(chosen.length) }) : "", [{ label: t("venue"), of: (u) => u.name }, { label: t("region"), of: (u) => u.region || "—" },
      { label: t("sessions"), n: true, of: (u) => number(u.sessions) }, { label: t("places"), n: true, of: (u) => number(u.places) },
      { label: t("seat_use"), n: true, of: (u) => percent(u.seat_use) }, { label: t("slot_use"), n: true, of: (u) => percent(u.slot_use) }, { label: t("rate"), n: true, of: (u) => percent(u.attendance_rate) }], top, t("no_use")));
  }

  async function loadReport() {
    if (!region()) return;
    const path = `/v1/reports/${encodeURIComponent(region())}`, query = { from: $("report-from").value, to: Culture.nextDay($("report-to").value) };
    $("report-xlsx").href = `${path}?${new URLSearchParams({ ...query, format: "xlsx", lang: Culture.lang })}`;
    await newest("report", ask(path, query), ({ summary, categories }) => {
      fill($("report-tiles"), tile(number(summary.activities), t("activities")), tile(number(summary.sessions), t("sessions")), tile(number(summary.places), t("places")),
        tile(percent(summary.attendance_rate), t("rate")), tile(number(summary.people), t("people")), tile(percent(summary.reach), t("reach")), tile(percent(summary.seat_use), t("seat_use")));
      fill($("report-table"), table("", [{ label: t("category"), of: (c) => c.category }, { label: t("activities"), n: true, of: (c) => number(c.activities) }, { label: t("sessions"), n: true, of: (c) => number(c.sessions) },
        { label: t("places"), n: true, of: (c) => number(c.places) }, { label: t("seat_use"), n: true, of: (c) => percent(c.seat_use) }], [...categories].sort((a, b) => b.places - a.places), t("nobody")));
    }, (error) => { fill($("report-table")); problem($("report-tiles"), error, loadReport); });
  }

  start();
})();
