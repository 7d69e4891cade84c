/* The visitor's page: what is on, with reasons. */
"use strict";
(() => {
  const { t, el, fill, ask, newest, number, problem } = Culture;
  const $ = (id) => document.getElementById(id);
  Culture.say({
    title: ["身边的文化活动", "What is on near you"], skip: ["跳到正文", "Skip to content"], to_planner: ["规划台", "For planners"],
    find: ["找活动", "Find something"], find_lead: ["选一个地方、门类和日期，就能看到还能预订的活动。", "Choose a place, a category and dates to see what can still be booked."],
    place: ["在哪里", "Where"], anywhere: ["不限", "Anywhere"], category: ["门类", "Category"], all_categories: ["全部门类", "All categories"],
    from: ["从哪天", "From"], to: ["到哪天", "To"], user: ["以某位用户的身份试看（可不填）", "Try as a user (optional)"], user_hint: ["用户编号", "user id"],
    show: ["查看", "Show"], near: ["离我近的", "Near me"], searching: ["正在查找……", "Looking…"], none: ["没有找到还能预订的活动，换个日期、地方或门类试试。", "Nothing that can be booked: try other dates, places or categories."],
    left: ["剩 {n} 个名额", "{n} places left"], left_one: ["剩 1 个名额", "1 place left"], open: ["名额不限", "no limit of places"], free: ["免费", "free"], price: ["{n} 元", "CNY {n}"], km: ["{n} 公里", "{n} km"], online: ["线上", "online"],
    personal: ["为用户 {user} 推荐", "For user {user}"], popular: ["{n} 场可以预订的活动", "{n} sessions you can book"], popular_one: ["1 场可以预订的活动", "1 session you can book"], not_personal: ["这份清单不含个人化内容", "This list is not personal"],
    no_place: ["浏览器没有给出位置。", "The browser gave no position."], untitled: ["{category}活动", "{category}"],
    footer: ["本页不使用 Cookie，也不保存您输入的内容。", "This page uses no cookies and keeps nothing that you enter."],
  });
  let here = null, regions = [], categories = [];

  const when = (moment) => {
    // The wall clock of the place, as the answer gives it, whatever zone this browser is in.
    const [, year, month, day, hour] = /^(\d+)-(\d+)-(\d+)T(\d+:\d+)/.exec(moment);
    const told = (parts) => new Date(Date.UTC(+year, +month - 1, +day)).toLocaleDateString(Culture.lang === "zh" ? "zh-CN" : "en-GB", { ...parts, timeZone: "UTC" });
    return { date: told({ day: "numeric", month: "short" }), weekday: told({ weekday: "short" }), hour };
  };
  const counted = (key, n) => (n === 1 ? t(`${key}_one`) : t(key, { n: number(n) }));

  async function start() {
    Culture.languageButton($("language"), () => { labels(); load(); });
    labels();
    $("form").addEventListener("submit", (event) => { event.preventDefault(); load(); });
    $("near").addEventListener("click", () => {
      const refused = () => { $("state").textContent = t("no_place"); };
      if (here) stand(null);
      else if (!navigator.geolocation) refused();
      else navigator.geolocation.getCurrentPosition((position) => stand(position.coords), refused);
    });
    await Promise.all([choices(), load()]);
    document.body.dataset.ready = "true";
  }
  function stand(place) {
    here = place;
    $("near").setAttribute("aria-pressed", String(Boolean(here)));
    load();
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
    const user = $("user").value.trim();
    const nextDay = (date) => (date ? new Date(Date.parse(`${date}T00:00:00Z`) + 864e5).toISOString().slice(0, 10) : "");
    const query = { k: 20, category: $("category").value, from: $("from").value, to: nextDay($("to").value), channel: "portal", region_id: $("region").value };
    if (here) Object.assign(query, { lat: here.latitude, lon: here.longitude });
    const answer = ask(user ? `/v1/users/${encodeURIComponent(user)}/recommendations` : "/v1/recommendations", query);
    await newest("list", answer, (found) => draw(found, user), (error) => { $("state").textContent = ""; problem($("list"), error); });
  }

  function draw(answer, user) {
    $("state").textContent = user ? `${t("personal", { user })}${answer.personal ? "" : ` · ${t("not_personal")}`}` : counted("popular", answer.items.length);
    fill($("list"), answer.items.length ? answer.items.map(row) : el("p", { class: "note" }, t("none")));
  }
  function row(item) {
    const { date, weekday, hour } = when(item.starts_at);
    const place = item.online ? t("online") : [item.venue?.name, item.venue?.region].filter(Boolean).join(" · ");
    return el("article", { class: "event" },
      el("div", { class: "when" }, el("b", {}, date), `${weekday} ${hour}`),
      el("div", {}, el("h3", {}, item.title || t("untitled", { category: item.category })),
        el("p", {}, el("span", { class: "tag" }, item.category), place),
        item.reasons.length ? el("ul", { class: "reasons" }, item.reasons.map((reason) => el("li", {}, reason))) : null),
      el("div", { class: "side" },
        el("p", {}, item.places_left === null ? t("open") : counted("left", item.places_left)),
        item.distance_km === null ? null : el("p", { class: "muted" }, t("km", { n: number(item.distance_km, 1) })),
        item.price === null ? null : el("p", { class: "muted" }, item.price ? t("price", { n: number(item.price, 0) }) : t("free"))));
  }
  start();
})();
