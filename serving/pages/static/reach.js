/* What people have within reach, how far they come, and what they would take up where it is not offered. */
"use strict";
Culture.reach = (() => {
  const { t, el, fill, ask, newest, number, percent, table, problem } = Culture;
  const $ = (id) => document.getElementById(id);
  Culture.say({
    reach_title: ["覆盖与可及", "Within reach"], reach_lead: ["国家标准的 15 分钟文化圈：城区约 {town} 公里，乡村约 {country} 公里。名额按过去 26 周、路程内的场次计算。", "The national 15-minute circle: about {town} km in town, {country} km in the country. Places of the past 26 weeks within reach."],
    least_served: ["名额最少的地方", "Least served"], per_1000: ["每千人每周名额", "Places a week per 1,000"], nearest: ["最近场馆（公里）", "Nearest venue, km"], in_circle: ["{country} 公里内有场馆的居民", "People with a venue within {country} km"],
    reach_gini: ["名额的基尼系数（0 最均匀）", "Gini coefficient of places (0: even)"], reach_km: ["{km}以内算可及", "within reach: {km}"], no_places: ["场馆和住处没有坐标，无法计算。", "No coordinates of venues or homes to go by."],
    of_population: ["按人口计", "by population"], of_registered: ["按注册用户计（多数地方没有人口数）", "by registered users (most places state no population)"],
    of_estimated: ["其中 {n} 处没有人口数，按注册用户推算", "{n} of the places state none: estimated from registered users"],
    how_far: ["居民从多远来", "How far people come"], how_far_note: ["横条：一半来客到八成来客的路程；竖线：{town} 与 {country} 公里", "Bars: from half of all visits to four in five; lines: {town} and {country} km"], no_radius: ["来客太少或住处不明。", "Too few visits with a known home."],
    radius_row: ["{category}：一半在 {half} 公里内，八成在 {most} 公里内", "{category}: half from within {half} km, four in five from within {most} km"],
    latent_title: ["没有开办、但有人想要", "Wanted where it is not offered"], latent_people: ["每周约多少人（八成可能）", "People a week (80% interval)"], no_latent: ["没有发现。", "None found."],
  });

  async function load(page) {
    const query = { region_id: page.region(), category: page.category() };
    await Promise.all([loadAccess(query), loadRadii(query), loadLatent(query)]);
  }

  async function loadAccess(query) {
    await newest("access", ask("/v1/accessibility", { ...query, limit: 10 }), (answer) => {
      const { town, country } = answer.reference_km;
      const circle = { town: number(town, 1), country: number(country, 1) };
      $("reach-lead").textContent = t("reach_lead", circle);
      const rows = answer.items.filter((r) => r.places_per_1000 !== null);
      fill($("reach-access"), el("p", { class: "muted" }, `${t("reach_gini")} ${number(answer.gini, 2)} · ${t("reach_km", { km: t("km", { n: number(answer.reach_km, 1) }) })} · ${t(`of_${answer.people_are}`)}${answer.estimated_regions ? ` · ${t("of_estimated", { n: number(answer.estimated_regions) })}` : ""}`),
        table("", [{ label: t("region"), of: (r) => r.region }, { label: t("per_1000"), n: true, of: (r) => number(r.places_per_1000, 1) },
          { label: t("nearest"), n: true, of: (r) => number(r.nearest_km, 1) }, { label: t("in_circle", circle), n: true, of: (r) => percent(r.within_country_circle) }], rows, t("no_places")));
    }, (error) => problem($("reach-access"), error, () => loadAccess(query)));
  }

  async function loadRadii(query) {
    const { region_id, category } = query;
    await newest("radii", ask("/v1/categories/service-radius", { region_id }), (answer) => {
      const known = (c) => c.km_by_share["80%"] !== null && c.km_by_share["80%"] !== undefined;
      const rows = answer.items.filter((c) => known(c) && (!category || c.category === category)).sort((a, b) => a.km_by_share["80%"] - b.km_by_share["80%"]);
      const { town, country } = answer.reference_km;
      fill($("reach-radius"), rows.length ? [el("p", { class: "muted" }, t("how_far_note", { town: number(town, 1), country: number(country, 1) })), chart(rows, [town, country])] : el("p", { class: "note" }, t("no_radius")));
    }, (error) => problem($("reach-radius"), error, () => loadRadii(query)));
  }
  /* The next number whose half is whole too: 18 for 16.8, so that the scale's middle is what it says. */
  function even(value) {
    const step = 2 * 10 ** Math.floor(Math.log10(value / 2));
    return Math.ceil(value / step) * step;
  }
  /* Each category a bar from the way of half its visits to that of four in five; the circle's lines behind. */
  function chart(rows, circles) {
    const most = even(Math.max(...rows.map((c) => c.km_by_share["80%"]), circles[1] * 1.5));
    const share = (km) => `${((100 * km) / most).toFixed(2)}%`;
    const lines = () => circles.map((km) => el("i", { class: "circle", style: { left: share(km) } }));
    const row = (c) => {
      const half = c.km_by_share["50%"], far = c.km_by_share["80%"];
      const words = t("radius_row", { category: c.category, half: number(half, 1), most: number(far, 1) });
      const bar = el("i", { class: "span", style: { left: share(half), width: `max(2px, ${share(far - half)})` } });
      return el("div", { class: "radius", title: words }, el("span", {}, c.category), el("span", { class: "track", role: "img", "aria-label": words }, lines(), bar));
    };
    const scale = [0, most / 2, most].map((km) => el("span", {}, t("km", { n: number(km, km && most < 10 ? 1 : 0) })));
    return el("div", { class: "radii" }, rows.map(row), el("div", { class: "radius muted", "aria-hidden": "true" }, el("span"), el("span", { class: "scale" }, scale)));
  }

  async function loadLatent(query) {
    await newest("latent", ask("/v1/demand/latent", { ...query, limit: 10 }), ({ items }) => {
      fill($("reach-latent"), table("", [{ label: t("region"), of: (r) => r.region }, { label: t("category"), of: (r) => r.category },
        { label: t("latent_people"), n: true, of: (r) => `${number(r.mean, 1)} (${number(r["q0.1"], 0)}–${number(r["q0.9"], 0)})` }], items, t("no_latent")));
    }, (error) => problem($("reach-latent"), error, () => loadLatent(query)));
  }
  return { load };
})();
