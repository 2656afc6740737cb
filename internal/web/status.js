"use strict";
// Search while typing, links without a new page, open machines in the address, and live refresh. The server does all the rest,
// and the page is complete without this script.
(() => {
  const one = (id) => document.getElementById(id);
  const every = 30000; // ms
  const here = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
  const dated = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

  // Exact times are shown in local time; their titles have UTC.
  const localize = () => {
    for (const t of document.querySelectorAll("main time")) {
      const at = new Date(t.dateTime);
      t.textContent = (at.toDateString() === new Date().toDateString() ? here : dated).format(at);
    }
  };

  // Where the focus is, as a selector: after a refresh there are other elements.
  const selector = (details) => `details.${details.className}[data-id="${CSS.escape(details.dataset.id)}"]`;
  const place = (element) => {
    const box = element.closest("[data-id]"), up = element.parentElement;
    if (!element.closest("main")) return "";
    if (box === up) return selector(box) + " > summary";
    const name = (e) => [e.localName, ...e.classList].filter((c) => c !== "none").join(".");
    return `${box ? selector(box) : "main"} ${name(up)} > ${name(element)}`;
  };

  let latest = 0, next = 0;
  const refresh = async () => {
    const mine = ++latest, begun = Date.now();
    next = Infinity; // a slow response must not begin another refresh, which would discard it
    let fresh = null;
    try {
      const response = await fetch(location.href, { signal: AbortSignal.timeout(2 * every) });
      fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
    } catch { /* no response */ }
    if (mine !== latest) return; // another one has begun
    next = Date.now() + (fresh ? every + 20 * (Date.now() - begun) : 5000);
    one("lost").hidden = !!fresh;
    if (!fresh) return;
    const focused = place(document.activeElement), text = document.activeElement.textContent, y = scrollY;
    const open = [...document.querySelectorAll("main details.more[open]")].map(selector);
    const found = fresh.ownerDocument.getElementById("found").textContent;
    document.querySelector("main").replaceWith(fresh);
    for (const details of open) document.querySelector(details)?.setAttribute("open", "");
    localize();
    scrollTo(scrollX, y);
    const same = focused ? [...document.querySelectorAll(focused)] : [];
    (same.find((e) => e.textContent === text) || same[0])?.focus({ preventScroll: true });
    if (one("found").textContent !== found) one("found").textContent = found;
  };
  // Sets a parameter of the address to some values, without an entry in the history, and removes others.
  const set = (name, values, ...without) => {
    const query = new URLSearchParams(location.search);
    for (const other of [name, ...without]) query.delete(other);
    for (const value of values) query.append(name, value);
    history.replaceState(null, "", "?" + query);
  };
  const go = () => {
    one("q").value = new URLSearchParams(location.search).get("q") || "";
    refresh();
  };
  addEventListener("popstate", go);

  // Search while typing: not for each letter.
  let timer = 0;
  const search = () => {
    clearTimeout(timer);
    set("q", one("q").value ? [one("q").value] : [], "machine", "sensor", "open");
    refresh();
  };
  one("q").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 300); });
  one("q").form.addEventListener("submit", (event) => { event.preventDefault(); search(); });

  document.addEventListener("click", (event) => {
    const link = event.target.closest('main a[href^="?"]'), summary = event.target.closest("details.machine > summary");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      history.pushState(null, "", link.getAttribute("href"));
      go();
    } else if (summary) {
      setTimeout(() => { // when it is open
        const open = [...document.querySelectorAll("details.machine[open]")].map((d) => d.dataset.id);
        set("open", open.length ? open : ["none"]);
        if (summary.parentElement.open) refresh();
      });
    }
  });

  // Live refresh: not while the tab is hidden, or a text is selected.
  const live = one("live"), key = "innius_exporter live";
  try { live.checked = localStorage.getItem(key) !== "no"; } catch { live.checked = true; }
  live.addEventListener("change", () => {
    try { localStorage.setItem(key, live.checked ? "yes" : "no"); } catch { /* not remembered */ }
  });
  live.parentElement.hidden = false;
  next = Date.now() + every;
  setInterval(() => {
    if (live.checked && !document.hidden && getSelection().isCollapsed && Date.now() >= next) refresh();
  }, 1000);
  localize();
})();
