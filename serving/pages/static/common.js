/* Shared by both pages: language, requests, building elements. Nothing is fetched from other hosts. */
"use strict";
const Culture = (() => {
  const texts = {};
  let lang = new URLSearchParams(location.search).get("lang") === "en" ? "en" : "zh";

  function say(words) { Object.assign(texts, words); }
  function t(key, values = {}) {
    const pair = texts[key] || [key, key];
    return (lang === "zh" ? pair[0] : pair[1]).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }
  function translate(root = document) {
    document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
    root.querySelectorAll("[data-t]").forEach((node) => { node.textContent = t(node.dataset.t); });
    root.querySelectorAll("[data-t-label]").forEach((node) => { node.setAttribute("aria-label", t(node.dataset.tLabel)); });
    document.title = t("title");
    /* The other page opens in the same language. */
    root.querySelectorAll("a[data-page]").forEach((link) => { link.href = lang === "en" ? `${link.dataset.page}?lang=en` : link.dataset.page; });
  }
  function languageButton(node, redraw) {
    const label = () => { node.textContent = lang === "zh" ? "English" : "中文"; node.lang = lang === "zh" ? "en" : "zh"; };
    node.addEventListener("click", () => {
      lang = lang === "zh" ? "en" : "zh";
      keep("lang", lang);
      label(); translate(); redraw();
    });
    label();
  }

  /* What is chosen stands in the address: a reload, the way back and a link that is sent on show the same. */
  function keep(name, value) {
    const address = new URL(location.href);
    if (value) address.searchParams.set(name, value); else address.searchParams.delete(name);
    history.replaceState(null, "", address);
  }
  const kept = (name) => new URLSearchParams(location.search).get(name) || "";

  /* Not all that can be wrong is told in Chinese: then its kind, which is, stands before. A failure has its number. */
  function told({ title, detail, status, request_id }) {
    const words = lang === "zh" && detail && !/[\u4e00-\u9fff]/.test(detail) ? `${title}（${detail}）` : detail || title;
    return status === 500 && request_id ? `${words} (${request_id})` : words;
  }

  async function ask(path, query = {}, body = undefined) {
    const address = new URL(path, location.origin);
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== "" && one !== null && one !== undefined) address.searchParams.append(name, one);
      }
    }
    const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    options.headers = { ...options.headers, "Accept-Language": lang };
    let response;
    try { response = await fetch(address, options); } catch { throw new Error(t("offline")); }
    /* What stands between may answer with a page of its own. */
    const answer = await response.json().catch(() => { throw new Error(t("no_answer", { status: response.status })); });
    if (!response.ok) throw new Error(told(answer) || String(response.status));
    return answer;
  }

  /* Of the questions for one part of the page the newest counts: an answer that is overtaken is let go. */
  const turns = {};
  function turn(part) {
    const mine = turns[part] = (turns[part] || 0) + 1;
    return () => mine === turns[part];
  }
  /* Shows an answer, or why there is none, in a part of the page. */
  async function newest(part, answer, show, fail) {
    const isNewest = turn(part);
    try {
      const found = await answer;
      if (isNewest()) await show(found);
    } catch (error) { if (isNewest()) fail(error); }
  }

  /* A long list whole, part by part. */
  async function askAll(path, query = {}) {
    const items = [];
    for (let answer = await ask(path, { ...query, limit: 1000 }); ; answer = await ask(answer.next)) {
      items.push(...answer.items);
      if (!answer.next) return items;
    }
  }

  function el(tag, attributes = {}, ...children) {
    const svg = ["svg", "circle", "text", "g", "title", "path", "line"].includes(tag);
    const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "style") Object.assign(node.style, value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
    return node;
  }
  /* Who works by keyboard stays where they are: at the control of the same name, else at the part that was filled anew. */
  function fill(node, ...children) {
    const held = node.contains(document.activeElement) && document.activeElement !== node ? document.activeElement : null;
    node.replaceChildren(...children.flat().filter((c) => c !== null && c !== undefined));
    if (!held) return;
    const name = (one) => one.getAttribute("aria-label") || one.id || one.textContent;
    const same = [...node.querySelectorAll(held.tagName)].find((one) => name(one) === name(held));
    if (!same) node.tabIndex = -1;
    (same || node).focus({ preventScroll: true });
  }
  /* What went wrong in a part of the page, and with `again` the way to ask once more. */
  function problem(node, error, again = null) {
    const button = again && el("button", { class: "plain", type: "button", onclick: () => again() }, t("again"));
    fill(node, el("p", { class: "problem" }, el("span", { role: "alert" }, error.message), button));
  }
  function options(select, rows, chosen = undefined) {
    const picked = chosen ?? (select.value || kept(select.id));
    fill(select, ...rows.map(([value, label]) => el("option", { value, selected: value === picked }, label)));
  }

  const number = (value, digits = 0) => value === null || value === undefined ? "—"
    : new Intl.NumberFormat(lang === "zh" ? "zh-CN" : "en", { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
  const percent = (value) => value === null || value === undefined ? "—" : `${number(100 * value, 0)}%`;
  /* The day after, for periods whose last day is in them. */
  const nextDay = (date) => (date ? new Date(Date.parse(`${date}T00:00:00Z`) + 864e5).toISOString().slice(0, 10) : "");
  function table(caption, columns, rows, empty) {
    if (!rows.length) return el("p", { class: "note" }, empty);
    return el("div", { class: "scroll" }, el("table", {},
      caption ? el("caption", {}, caption) : null,
      el("thead", {}, el("tr", {}, columns.map((c) => el("th", { class: c.n ? "n" : null, scope: "col" }, c.label)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, columns.map((c) => el("td", { class: c.n ? "n" : null }, c.of(row))))))));
  }

  const tile = (value, label, more = "") => el("div", { class: "tile" }, el("b", {}, value), el("span", {}, label), more ? el("span", {}, el("br"), more) : null);

  /* Groups as bars; hidden ones show that they are there, not how large. */
  function bars(groups) {
    const most = Math.max(1e-9, ...groups.map((g) => g.people || 0));
    return el("div", {}, groups.map((g) => el("div", { class: "hbar" }, el("span", {}, g.label),
      el("i", { class: g.is_hidden ? "hidden" : null, style: { width: g.is_hidden ? "2rem" : `${Math.max(1, (100 * g.people) / most)}%` } }),
      el("span", { class: "muted" }, g.is_hidden ? t("hidden") : number(g.people, most < 20 ? 1 : 0)))));
  }

  /* Pins that would cover each other, pushed apart until each can be read. */
  function apart(pins, least = 27) {
    for (let round = 0, moved = true; moved && round < 200; round++) {
      moved = false;
      pins.forEach((one, n) => pins.slice(n + 1).forEach((other, m) => {
        const dx = other.x - one.x || 0.1 * (m + 1), dy = other.y - one.y || 0.1, far = Math.hypot(dx, dy);
        if (far >= least) return;
        const push = (least - far) / 2 / far + 0.001;
        one.x -= dx * push; one.y -= dy * push; other.x += dx * push; other.y += dy * push;
        moved = true;
      }));
    }
    return pins;
  }

  /* Places on a plain map: longitude shrunk by the cosine of the latitude, so that shapes are true. */
  function map(venues, pins) {
    const places = venues.filter((v) => v.lat !== null && v.lon !== null);
    if (!places.length) return null;
    const width = 640, margin = 34;
    const lats = places.map((v) => v.lat), lons = places.map((v) => v.lon);
    const shrink = Math.cos((Math.PI / 180) * lats.reduce((a, b) => a + b) / lats.length);
    const spanX = Math.max((Math.max(...lons) - Math.min(...lons)) * shrink, 0.01);
    const spanY = Math.max(Math.max(...lats) - Math.min(...lats), 0.01);
    const scale = Math.min((width - 2 * margin) / spanX, 560 / spanY);
    const height = Math.max(220, spanY * scale + 2 * margin);
    const x = (v) => (width - spanX * scale) / 2 + (v.lon - Math.min(...lons)) * shrink * scale;
    const y = (v) => (height + spanY * scale) / 2 - (v.lat - Math.min(...lats)) * scale;
    const most = Math.max(1, ...places.map((v) => v.weight || 0));
    const svg = el("svg", { class: "map", viewBox: `0 0 ${width} ${height.toFixed(0)}`, role: "img", "aria-label": t("map") });
    for (const v of places) {
      svg.append(el("circle", { class: "venue", cx: x(v).toFixed(1), cy: y(v).toFixed(1), r: (4 + 8 * Math.sqrt((v.weight || 0) / most)).toFixed(1) },
        el("title", {}, `${v.name}${v.weight ? ` · ${number(v.weight)}` : ""}`)));
    }
    const grouped = new Map();
    for (const pin of pins) {
      const venue = places.find((v) => v.venue_id === pin.venue_id);
      if (!venue) continue;
      grouped.set(pin.venue_id, { venue, names: [...(grouped.get(pin.venue_id)?.names || []), pin.name] });
    }
    const placed = apart([...grouped.values()].map(({ venue, names }) => ({ venue, names, x: x(venue), y: y(venue) })));
    for (const pin of placed) svg.append(el("path", { d: `M${x(pin.venue).toFixed(1)} ${y(pin.venue).toFixed(1)}L${pin.x.toFixed(1)} ${pin.y.toFixed(1)}`, stroke: "#b5482a", "stroke-width": 2 }));
    for (const { venue, names, ...at } of placed) {
      const text = names.length > 1 ? `${names[0]}+` : names[0];
      svg.append(el("g", { class: "pin", transform: `translate(${at.x.toFixed(1)},${at.y.toFixed(1)})` },
        el("circle", { r: 13 }), el("text", { "font-size": text.length > 2 ? 11 : 14 }, text),
        el("title", {}, `${venue.name}: ${names.join(", ")}`)));
    }
    const km = [0.5, 1, 2, 5, 10, 20, 50, 100, 200].find((k) => (k / 111.195) * scale > 70) || 500;
    const length = (km / 111.195) * scale;
    svg.append(el("path", { d: `M16 ${height - 14} h${length.toFixed(1)}`, stroke: "#51606f", "stroke-width": 3 }),
      el("text", { x: 16, y: height - 22, "font-size": 14, fill: "#51606f" }, t("km", { n: km })));
    return svg;
  }

  return { say, t, translate, languageButton, ask, turn, newest, askAll, keep, kept, el, fill, problem, options, nextDay, number, percent, table, tile, bars, map, get lang() { return lang; } };
})();
Culture.say({
  offline: ["连不上服务，请稍后再试。", "The service cannot be reached; try again in a moment."],
  no_answer: ["服务没有给出可用的回答（{status}），请稍后再试。", "The service gave no answer that can be shown ({status}); try again in a moment."],
  again: ["再试一次", "Try again"],
  map: ["场馆位置示意图", "Map of venues"], km: ["{n} 公里", "{n} km"],
});
