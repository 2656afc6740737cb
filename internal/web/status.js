"use strict";
// Filter, sorting and refresh. The page is complete without this script. Nothing from innius becomes markup: the script
// reads and compares texts, and moves and hides elements.
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const machines = all("details.machine"), bodies = machines.map((m) => all("tbody", m));
  const key = "innius_exporter " + location.search;
  const kept = (() => { try { return JSON.parse(sessionStorage.getItem(key)) || {}; } catch { return {}; } })();
  const keep = () => {
    const state = {
      filter: one("filter").value, refresh: one("refresh").checked, sort: sorted, y: scrollY,
      open: filtering() ? before : machines.map((m) => m.open), texts: machines.map((m) => m.querySelector("h3").textContent),
    };
    try { sessionStorage.setItem(key, JSON.stringify(state)); } catch { /* not remembered then */ }
  };

  // Filter: rows without all words are hidden; machines with a match are open.
  const filtering = () => one("filter").value.trim() !== "";
  const texts = new Map();
  const textOf = (element) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return texts.get(element);
  };
  let before = null; // which machines were open without the filter
  const filter = () => {
    const words = one("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && !before) before = machines.map((m) => m.open);
    let found = 0;
    machines.forEach((m, i) => {
      let hits = 0;
      const head = words.length ? m.querySelector("h3").textContent.toLowerCase() + " " : "";
      for (const body of bodies[i]) {
        const hit = words.every((word) => (head + textOf(body)).includes(word));
        if (body.hidden === hit) body.hidden = !hit;
        if (hit) hits++;
      }
      found += hits;
      m.hidden = words.length > 0 && hits === 0;
      if (words.length) m.open = hits > 0;
      else if (before) m.open = before[i];
    });
    if (!words.length) before = null;
    one("found").textContent = words.length ? found + (all(".accounts").length ? " account" : " sensor") + (found === 1 ? "" : "s") : "";
  };

  // Sort: a click on a column header sorts the sensors of every machine, a second click reverses the order.
  let sorted = null;
  const value = (body, { column, kind }) => {
    const cell = body.querySelector("." + column), time = cell.querySelector("time");
    if (kind === "text") return cell.textContent;
    if (kind === "number") return parseFloat(cell.textContent);
    if (!time) return NaN;
    if (kind === "duration") return parseFloat(time.dateTime.slice(2));
    return kind === "age" ? -Date.parse(time.dateTime) : Date.parse(time.dateTime);
  };
  const compare = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
    return a - b;
  };
  const sort = ({ column, kind, down }) => {
    sorted = { column, kind, down };
    machines.forEach((m, i) => {
      const table = m.querySelector("table"), keys = new Map(bodies[i].map((b) => [b, value(b, sorted)]));
      const missing = (body) => typeof keys.get(body) === "number" && isNaN(keys.get(body));
      bodies[i].sort((a, b) => compare(keys.get(a), keys.get(b)) * (down && !missing(a) && !missing(b) ? -1 : 1));
      table.append(...bodies[i]);
      all("thead th", m).forEach((th) => {
        if (th.className === column) th.setAttribute("aria-sort", down ? "descending" : "ascending");
        else th.removeAttribute("aria-sort");
      });
    });
  };
  for (const m of machines) {
    all("thead th[data-sort]", m).forEach((th) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = th.textContent;
      const column = th.className, kind = th.dataset.sort;
      button.addEventListener("click", () => sort({ column, kind, down: !!sorted && sorted.column === column && !sorted.down }));
      th.replaceChildren(button);
    });
  }

  // Refresh: reload the page and restore its look; not while the tab is hidden.
  let next = Date.now() + 30000;
  one("refresh").addEventListener("change", () => { next = Date.now() + 30000; keep(); });
  setInterval(() => {
    if (one("refresh").checked && !document.hidden && Date.now() >= next) { keep(); location.reload(); }
  }, 1000);
  addEventListener("pagehide", keep);

  let timer = 0;
  one("filter").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(filter, 150); });
  one("open").addEventListener("click", () => machines.forEach((m) => { m.open = true; }));
  one("close").addEventListener("click", () => machines.forEach((m) => { m.open = false; }));
  document.querySelector(".tools").hidden = false;

  // Restore the look.
  const open = new Map((kept.texts || []).map((text, i) => [text, kept.open && kept.open[i]]));
  for (const m of machines) {
    const was = open.get(m.querySelector("h3").textContent);
    if (typeof was === "boolean") m.open = was;
  }
  one("filter").value = kept.filter || "";
  one("refresh").checked = !!kept.refresh;
  if (kept.sort) sort(kept.sort);
  if (kept.filter) filter();
  const reloaded = performance.getEntriesByType("navigation").some((n) => n.type === "reload");
  if (reloaded && kept.y) scrollTo(0, kept.y);
})();
