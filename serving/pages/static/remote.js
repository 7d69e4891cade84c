/* A television has arrows and OK alone: with `?channel=tv`, arrows go to the nearest control in their direction. */
"use strict";
Culture.remote = (() => {
  const WAYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  const CONTROLS = "a[href], button, input, select, summary, article";
  const isOn = Culture.kept("channel") === "tv";

  const middle = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const gap = (a0, a1, b0, b1) => Math.max(0, b0 - a1, a0 - b1);
  /* How far a control lies in a direction: ahead counts once, aside twice; none where it is not ahead. */
  function distance(from, to, [x, y]) {
    const [ax, ay] = middle(from), [bx, by] = middle(to);
    const ahead = x ? (x > 0 ? to.left - from.right : from.left - to.right) : (y > 0 ? to.top - from.bottom : from.top - to.bottom);
    if (ahead < -2 || (x ? (bx - ax) * x : (by - ay) * y) <= 0) return Infinity;
    const aside = x ? gap(from.top, from.bottom, to.top, to.bottom) : gap(from.left, from.right, to.left, to.right);
    /* Left and right stay in their row. */
    return x && aside > 0 ? Infinity : ahead + 2 * aside + 0.01 * Math.abs(x ? by - ay : bx - ax);
  }
  function nearest(way) {
    const held = document.activeElement, others = [...document.querySelectorAll(CONTROLS)].filter((one) => one !== held && !one.disabled && one.checkVisibility() && !one.matches(".skip"));
    if (held === document.body || held.matches("h2")) return others.find((one) => one.matches("#region")) || others[0];
    const from = held.getBoundingClientRect();
    const [found] = others.map((one) => [one, distance(from, one.getBoundingClientRect(), way)]).filter(([, far]) => far < Infinity).sort(([, a], [, b]) => a - b);
    return found?.[0];
  }
  function press(event) {
    const held = document.activeElement;
    if (event.key === "Enter" && held.matches("select, input[type=date]")) { event.preventDefault(); held.showPicker?.(); return; }
    const way = WAYS[event.key];
    /* Within a text the caret goes first. */
    if (!way || event.defaultPrevented || (way[0] && held.matches("input:not([type=date])") && held.value)) return;
    event.preventDefault();
    const next = nearest(way);
    next?.focus({ preventScroll: true });
    next?.scrollIntoView({ block: "center" });
  }
  if (isOn) {
    document.documentElement.classList.add("tv");
    document.addEventListener("keydown", press);
  }
  return { isOn };
})();
