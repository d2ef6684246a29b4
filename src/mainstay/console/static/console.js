// What the console adds to plain pages: they keep up with what happens, forms are sent in place, and cards have keys.
// Without it everything can still be read and decided. Nothing here listens to other windows (SECURITY S14).
"use strict";
(() => {
  const main = () => document.getElementById("main");
  const note = (id, text, bad = false) => {
    const place = document.getElementById(id);
    if (!place) return;
    if (text !== undefined) place.textContent = text;
    if (id === "said") { place.classList.toggle("good", !bad); place.classList.toggle("bad", bad); }
    place.hidden = !place.textContent;
  };

  // --- the line that says that nothing is heard of Mainstay; it lies over the page, so nothing moves

  let since = "";
  const two = (number) => String(number).padStart(2, "0");
  const gone = () => {
    const now = new Date();
    since = since || `${two(now.getHours())}:${two(now.getMinutes())}`;
    note("gone", `No connection to Mainstay since ${since}; this page tries again by itself. What you write here stays. `
      + ("demo" in document.body.dataset ? "If it does not come back, the demo is over; begin it anew: make demo (or: mainstay demo)" : "If it does not come back, start it: mainstay start"));
  };
  const back = () => {
    if (since) hear(["all"]); // what was told meanwhile nobody heard
    since = "";
    note("gone", "");
  };

  // --- a page that was fetched anew takes the place of this one, part by part

  const busy = (node) => {
    const at = document.activeElement;
    const typing = at && node.contains(at) && at.matches("input:not([type=hidden]), textarea, select");
    const begun = [...node.querySelectorAll("textarea, input:not([type=hidden])")].some(
      (field) => (["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue));
    return typing || begun;
  };

  const change = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (busy(old)) { old.dataset.behind = "yes"; return; }
    const at = document.activeElement;
    const within = old.contains(at) && old.id;
    old.replaceWith(fresh);
    if (within) (at.id && fresh.querySelector(`#${CSS.escape(at.id)}`) || fresh).focus({ preventScroll: true });
  };

  let moved = -1000; // when another card came in the place of the one at hand
  const changeEach = (old, fresh) => {
    const wanted = [...fresh.children];
    const ids = new Set(wanted.map((child) => child.id));
    const at = document.activeElement && document.activeElement.closest("[data-question]");
    let next = at;
    while (next && !ids.has(next.id)) next = next.nextElementSibling;
    for (const child of [...old.children]) if (!ids.has(child.id)) child.remove();
    let before = old.firstElementChild;
    for (const child of wanted) {
      const there = document.getElementById(child.id);
      if (there && old.contains(there)) {
        if (there === before) before = before.nextElementSibling; else old.insertBefore(there, before);
        change(there, child);
      } else old.insertBefore(child, before);
    }
    if (at && !at.isConnected) {
      (next && document.getElementById(next.id) || main()).focus();
      moved = performance.now();
    }
  };

  const parse = (text) => new DOMParser().parseFromString(text, "text/html");

  const asOf = (page) => { document.body.dataset.heard = page.body.dataset.heard || ""; }; // nothing until then was missed

  const refresh = (topics) => {
    const touched = (node) => topics.includes("all") || node.dataset.live.split(" ").some((one) => topics.includes(one));
    const parts = [...document.querySelectorAll("[data-live]")].filter((node) => node.dataset.live === "all" || touched(node));
    if (!parts.some(touched)) return Promise.resolve();
    return fetch(location.href, { headers: { "X-Mainstay-Live": "1" } }).then(async (answer) => {
      if (answer.status === 401) { keep(); location.reload(); return; }
      if (answer.status > 501) throw new Error("it can't be asked");
      if (!answer.ok) return;
      const page = parse(await answer.text());
      if (!page.getElementById("main")) return; // of whoever stands between
      for (const part of parts) {
        const fresh = page.getElementById(part.id);
        if (!fresh || !part.isConnected) continue;
        if ("each" in part.dataset) changeEach(part, fresh); else change(part, fresh);
      }
      if (topics.includes("all")) asOf(page);
      document.title = page.title;
      tick();
    });
  };

  // --- told by the server what changed; only while somebody looks, as a browser opens few connections to one host

  let stream = null;
  let wanted = null;
  let fetching = false;
  let left = false; // for another page: what was asked is not waited for
  const hear = async (topics) => {
    wanted = [...(wanted || []), ...topics];
    if (fetching) return;
    fetching = true;
    while (wanted) {
      const now = wanted;
      wanted = null;
      try { await refresh(now); } catch { if (!left) gone(); break; }
    }
    fetching = false;
  };
  const listen = () => {
    if (stream || document.hidden || !document.querySelector("[data-live]:not([data-live=all])")) return;
    stream = new EventSource(`/live?heard=${document.body.dataset.heard}`);
    stream.addEventListener("open", () => {
      back();
      if (document.querySelector("[data-running]")) hear(["all"]); // it may be over since this page was made
    });
    stream.addEventListener("changed", (event) => hear(event.data.split(" ")));
    stream.addEventListener("error", () => { // whether Mainstay is gone, or only the session, the page itself is asked
      hear(["all"]);
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(listen, 3000);
      }
    });
  };
  const rest = () => { if (stream) stream.close(); stream = null; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) rest(); else hear(["all"]).then(listen);
  });
  addEventListener("offline", gone);
  addEventListener("online", () => { rest(); hear(["all"]).then(listen); });
  addEventListener("pagehide", () => { left = true; rest(); });
  addEventListener("pageshow", (event) => { left = false; if (event.persisted) hear(["all"]).then(listen); else listen(); });

  // --- a form that was sent can't be sent again before it is answered, and says so where that takes a while

  const SLOW_MS = 300;
  const sent = (form, button) => {
    form.dataset.sent = "yes";
    const slow = setTimeout(() => {
      if (!form.dataset.sent) return;
      if (button) button.setAttribute("aria-busy", "true");
      note("slow", "Working on it…");
    }, SLOW_MS);
    form.dataset.slow = slow;
  };
  const rested = (form) => {
    clearTimeout(form.dataset.slow);
    delete form.dataset.sent;
    delete form.dataset.slow;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    note("slow", "");
  };
  document.addEventListener("submit", (event) => { // one that leads to a new page
    const form = event.target;
    if (event.defaultPrevented || form.matches("[data-in-place], [data-stays], [data-options], [method=dialog]")) return;
    if (form.dataset.sent) event.preventDefault(); else { sent(form, event.submitter); keep("sent"); }
  });
  addEventListener("pageshow", (event) => { // shown again as it was left: what was sent from it is answered
    if (event.persisted) for (const form of document.querySelectorAll("form[data-sent]")) rested(form);
  });

  // --- a form that is sent in place: the page that answers it takes the place of this one

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const button = event.submitter;
    if (!form.matches("[data-in-place]") || event.defaultPrevented) return;
    event.preventDefault();
    if (form.dataset.sent) return;
    sent(form, button);
    const fields = new URLSearchParams(new FormData(form, button));
    try {
      const answer = await fetch(button && button.hasAttribute("formaction") ? button.formAction : form.action, { method: "POST", body: fields });
      if (answer.status === 401) { keep(); sessionStorage.setItem("lost", "yes"); location.reload(); return; }
      const page = parse(await answer.text());
      if (!page.getElementById("main")) throw new Error("no page of ours");
      if (answer.ok) taken(form); else keep();
      show(page, answer);
    } catch {
      note("said", "No answer of Mainstay’s came, so it is not known whether this was taken. What you wrote stays here. "
        + "Look how it stands once there is a connection again, before you press it again.", true);
      document.getElementById("said").scrollIntoView({ block: "center" }); // it stands above all that was written
      if (!stream || stream.readyState !== EventSource.OPEN) gone();
      listen();
    }
    rested(form);
  });

  const taken = (form) => { // what was written was taken: it keeps nothing from being shown anew
    form.reset();
    const card = form.contains(document.activeElement) && form.closest("[data-question]");
    if (card) card.focus({ preventScroll: true });
  };

  const show = (page, answer) => {
    const same = answer.ok && answer.redirected && new URL(answer.url).pathname === location.pathname;
    if (!same) {
      history.pushState(null, "", answer.ok ? answer.url : location.href);
      main().replaceWith(page.getElementById("main"));
      main().focus();
      moved = performance.now();
      tick();
    } else {
      for (const part of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(part.id);
        if (!fresh) continue;
        if ("each" in part.dataset) changeEach(part, fresh); else part.replaceWith(fresh);
      }
      const said = page.getElementById("said");
      const here = document.getElementById("said");
      if (here && said) here.replaceChildren(...said.childNodes);
      note("said", said ? undefined : "");
    }
    asOf(page);
    document.title = page.title;
    tick();
  };
  addEventListener("popstate", () => location.reload());

  // --- keys on cards: j k a e r z ?, Ctrl+Enter; nothing while somebody writes

  const cards = () => [...document.querySelectorAll("[data-question]")];
  const current = () => {
    const at = document.activeElement && document.activeElement.closest("[data-question]");
    return at || document.querySelector("[data-question].one");
  };
  const step = (by) => {
    const all = cards();
    const at = document.activeElement && document.activeElement.closest("[data-question]");
    const next = all[at ? Math.min(all.length - 1, Math.max(0, all.indexOf(at) + by)) : 0];
    if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
  };
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement;
    if (event.key === "Enter" && event.ctrlKey && at && at.form) {
      event.preventDefault();
      if (!event.repeat) send(at.form);
      return;
    }
    if (event.key === "Escape") for (const one of document.querySelectorAll("[data-folds][open]")) {
      one.open = false;
      one.querySelector("summary").focus();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || (at && at.matches("input, textarea, select"))) return;
    if (event.key === "?") { event.preventDefault(); help(); return; }
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else {
      const card = current();
      const target = card && card.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
      if (!target) return;
      event.preventDefault();
      // A key that is held, or pressed twice, answers once: not the next card too, which came in the place of this one.
      if (event.repeat || (target.matches("button") && performance.now() - moved < 500)) return;
      if (target.tagName === "SUMMARY") {
        target.parentElement.open = true;
        const field = target.parentElement.querySelector("textarea, input:not([type=hidden]), button");
        if (field) field.focus();
      } else target.click();
    }
  });
  const send = (form) => {
    const button = form.querySelector("button[name=choice], button:not([type=button])");
    form.requestSubmit(button || undefined);
  };
  const help = () => {
    const keys = document.getElementById("keys");
    if (keys) if (keys.open) keys.close(); else keys.showModal();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) help();
    for (const one of document.querySelectorAll("[data-folds][open]")) if (!one.contains(event.target)) one.open = false;
  });

  // --- what stands there only where there are scripts; and how long something can still be called back

  const tick = () => {
    if (navigator.clipboard) for (const button of document.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
    for (const place of document.querySelectorAll("[data-until]")) {
      const left = Math.ceil((Date.parse(place.dataset.until) - Date.now()) / 1000);
      const hours = Math.floor(left / 3600);
      const clock = `${hours ? `${hours}:` : ""}${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
      const says = left <= 0 ? "leaving now" : hours < 48 ? `in ${clock}` : `in ${Math.floor(hours / 24)} days`;
      if (place.textContent !== says) place.textContent = says;
    }
  };
  setInterval(tick, 1000);
  tick();

  // --- what an approval is for, once rows are left out of it

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    const fields = form ? [...form.elements] : [];
    const rows = fields.filter((one) => one.name === "keep" && one.type === "checkbox");
    const nones = fields.filter((one) => one.name.startsWith("pick.") && one.type === "radio" && one.value === "none");
    const button = form && form.querySelector("button[name=choice][value=approve]");
    const all = rows.length + nones.length;
    if (!button || all < 2) return;
    const kept = rows.filter((one) => one.checked).length + nones.filter((one) => !one.checked).length;
    button.dataset.says = button.dataset.says || button.textContent;
    button.textContent = kept === all ? button.dataset.says : `Approve ${kept} of ${all}`;
  });

  // --- lines that belong elsewhere are copied by a button, where the browser lets a page do that

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-copy]");
    if (!button) return;
    const text = button.parentElement.querySelector("pre").textContent;
    navigator.clipboard.writeText(text).then(() => note("said", "The lines are copied."), () => note("said", "Your browser did not let the lines be copied: mark them, and copy them by hand.", true));
  });

  // --- whoever was logged out meanwhile finds again what they wrote: kept in this tab only, until it is put back

  const WRITTEN = "textarea, input:not([type]), input[type=text]";
  const keep = (as = "written") => {
    const kept = [];
    for (const form of document.forms)
      for (const field of form.querySelectorAll(WRITTEN))
        if (field.name && field.value !== field.defaultValue) kept.push([form.getAttribute("action"), field.name, field.value]);
    if (kept.length) sessionStorage.setItem(as, JSON.stringify(kept));
  };
  const putBack = () => {
    let left = JSON.parse(sessionStorage.getItem("written") || "[]");
    left = left.filter(([action, name, value]) => {
      const field = [...document.querySelectorAll(WRITTEN)].find(
        (one) => one.name === name && one.form && one.form.getAttribute("action") === action);
      if (!field) return true;
      field.value = value;
      const folded = field.closest("details");
      if (folded) folded.open = true;
      return false;
    });
    if (left.length) sessionStorage.setItem("written", JSON.stringify(left)); else sessionStorage.removeItem("written");
  };
  const refused = document.getElementById("refused"); // and whoever sent what was not taken
  if (refused && sessionStorage.getItem("sent")) sessionStorage.setItem("written", sessionStorage.getItem("sent"));
  sessionStorage.removeItem("sent");
  if (sessionStorage.getItem("lost")) note("said", "Nothing of what you sent was done: look once more, then send it again.", true);
  sessionStorage.removeItem("lost");
  putBack();
  document.addEventListener("click", (event) => {
    const way = event.target.closest("[data-back]");
    if (!way || history.length < 2 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.back(); // where the browser keeps what was filled in, chosen files too
  });

  listen();
})();
