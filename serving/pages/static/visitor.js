/* The visitor's page: what is on, with reasons. */
"use strict";
(() => {
  const { t, el, fill, ask, newest, keep, kept, number, problem } = Culture;
  const $ = (id) => document.getElementById(id);
  const STEP = 20, MOST = 100, CHOICES = ["region", "category", "from", "to"];
  Culture.say({
    title: ["身边的文化活动", "What is on near you"], skip: ["跳到活动清单", "Skip to the list"], to_planner: ["规划台", "For planners"],
    find: ["找活动", "Find something"], find_lead: ["选一个地方、门类和日期，就能看到还能预订的活动。", "Choose a place, a category and dates to see what can still be booked."],
    place: ["在哪里", "Where"], anywhere: ["不限", "Anywhere"], category: ["门类", "Category"], all_categories: ["全部门类", "All categories"],
    from: ["从哪天", "From"], to: ["到哪天", "To"], as_user: ["以某位用户的身份试看", "Try as a user"], user: ["用户编号", "User id"],
    show: ["查看", "Show"], near: ["离我近的", "Near me"], list: ["还能预订的活动", "What you can book"], more: ["再看一些", "Show more"],
    searching: ["正在查找……", "Looking…"], none: ["没有找到还能预订的活动，换个日期、地方或门类试试。", "Nothing that can be booked: try other dates, places or categories."],
    left: ["剩 {n} 个名额", "{n} places left"], left_one: ["剩 1 个名额", "1 place left"], open: ["名额不限", "no limit of places"], free: ["免费", "free"], price: ["{n} 元", "CNY {n}"], online: ["线上", "online"],
    personal: ["为用户 {user} 推荐", "For user {user}"], first: ["先列出 {n} 场", "The first {n}"], all_shown: ["共 {n} 场", "{n} in all"], most: ["最靠前的 {n} 场", "The top {n}"], around: ["这里近期没有，以下是{region}的活动", "Nothing here: these are in {region}"], not_personal: ["这份清单不含个人化内容", "This list is not personal"],
    no_place: ["浏览器没有给出位置。", "The browser gave no position."], untitled: ["{category}活动", "{category}"],
    footer: ["本页不使用 Cookie；查找条件只写在网址里，不作保存。", "This page uses no cookies; what you choose stands in its address alone and is not kept."],
  });
  let here = null, regions = [], categories = [], shown = STEP;

  const when = (moment) => {
    // The wall clock of the place, as the answer gives it, whatever zone this browser is in.
    const [, year, month, day, hour] = /^(\d+)-(\d+)-(\d+)T(\d+:\d+)/.exec(moment);
    const told = (parts) => new Date(Date.UTC(+year, +month - 1, +day)).toLocaleDateString(Culture.lang === "zh" ? "zh-CN" : "en-GB", { ...parts, timeZone: "UTC" });
    return { date: told({ day: "numeric", month: "short" }), weekday: told({ weekday: "short" }), hour };
  };
  const counted = (key, n) => (n === 1 ? t(`${key}_one`) : t(key, { n: number(n) }));

  async function start() {
    Culture.languageButton($("language"), () => { labels(); load(); });
    for (const id of ["from", "to"]) $(id).value = kept(id);
    shown = Math.min(MOST, Math.max(STEP, Number(kept("k")) || 0));
    labels();
    $("form").addEventListener("submit", (event) => {
      event.preventDefault();
      for (const id of CHOICES) keep(id, $(id).value);
      show(STEP);
    });
    $("more").addEventListener("click", () => show(shown + STEP));
    $("near").addEventListener("click", () => {
      const refused = () => { $("state").textContent = t("no_place"); };
      if (here) stand(null);
      else if (!navigator.geolocation) refused();
      else navigator.geolocation.getCurrentPosition((position) => stand(position.coords), refused);
    });
    /* With a place or a category in the address the list waits for their names: it is asked for once. */
    if (kept("region") || kept("category")) { await choices(); await load(); } else await Promise.all([choices(), load()]);
    document.body.dataset.ready = "true";
  }
  function stand(place) {
    here = place;
    $("near").setAttribute("aria-pressed", String(Boolean(here)));
    show(STEP);
  }
  function show(n) {
    shown = n;
    keep("k", n > STEP ? n : "");
    return load();
  }
  /* Without them there is still a list. */
  async function choices() {
    try {
      const [tree, named] = await Promise.all([ask("/v1/regions", { with_venues: true, limit: 1000 }), ask("/v1/categories")]);
      regions = tree.items; categories = named.items;
    } catch { return; }
    labels();
  }
  function labels() {
    Culture.translate();
    const shown = regions.filter((r) => r.level !== "village" && r.region_id !== "all");
    Culture.options($("region"), [["", t("anywhere")], ...shown.map((r) => [r.region_id, r.name])]);
    Culture.options($("category"), [["", t("all_categories")], ...categories.map((c) => [c, c])]);
  }

  async function load() {
    $("state").textContent = t("searching");
    $("list").setAttribute("aria-busy", "true");
    const user = $("user").value.trim();
    const query = { k: shown, category: $("category").value, from: $("from").value, to: Culture.nextDay($("to").value), channel: Culture.remote.isOn ? "tv" : "portal", region_id: $("region").value };
    if (here) Object.assign(query, { lat: here.latitude, lon: here.longitude });
    const answer = ask(user ? `/v1/users/${encodeURIComponent(user)}/recommendations` : "/v1/recommendations", query);
    const done = () => $("list").setAttribute("aria-busy", "false");
    await newest("list", answer, (found) => { done(); draw(found, user); }, (error) => { done(); $("state").textContent = ""; $("more").hidden = true; problem($("list"), error, again); });
  }

  const again = () => Promise.all([categories.length ? null : choices(), load()]);

  /* How many there are and whose; a list that is cut says so. */
  function draw(answer, user) {
    const n = answer.items.length, isCut = n === shown, asked = $("region").value;
    const count = t(!isCut ? "all_shown" : shown < MOST ? "first" : "most", { n: number(n) });
    const around = !user && asked && answer.region_id !== asked && regions.find((r) => r.region_id === answer.region_id);
    const told = [user ? t("personal", { user }) : null, user && !answer.personal ? t("not_personal") : null, around && n ? t("around", { region: around.name }) : null, n ? count : null];
    $("state").textContent = told.filter(Boolean).join(" · ");
    fill($("list"), n ? answer.items.map(row) : el("p", { class: "note" }, t("none")));
    $("more").hidden = !isCut || shown >= MOST;
  }
  function row(item) {
    const { date, weekday, hour } = when(item.starts_at);
    const place = item.online ? t("online") : [item.venue?.name, item.venue?.region].filter(Boolean).join(" · ");
    return el("article", { class: "event", "aria-label": `${item.title || item.category}, ${date} ${weekday} ${hour}`, tabindex: Culture.remote.isOn ? 0 : null },
      el("div", { class: "when" }, el("b", {}, date), `${weekday} ${hour}`),
      el("div", {}, el("h3", {}, item.title || t("untitled", { category: item.category })),
        el("p", {}, el("span", { class: "tag" }, item.category), place),
        item.reasons.length ? el("ul", { class: "reasons" }, item.reasons.map((reason) => el("li", {}, reason))) : null),
      el("div", { class: "side" },
        el("p", {}, item.places_left === null ? t("open") : counted("left", item.places_left)),
        item.distance_km === null ? null : el("p", { class: "muted" }, t("km", { n: number(item.distance_km, 1) })),
        item.price === null ? null : el("p", { class: "muted" }, item.price ? t("price", { n: number(item.price, Number.isInteger(item.price) ? 0 : 2) }) : t("free"))));
  }
  start();
})();
