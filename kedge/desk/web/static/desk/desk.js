// What every page does by itself: the menu, the colours, questions in a dialog, one send per form, live parts.
"use strict";

// ── small things ────────────────────────────────────────────────────────────────────────────────

const root = document.documentElement;
const kept = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* a private window */ } },
};
if (!root.dataset.theme && kept.get("theme")) root.dataset.theme = kept.get("theme");

document.querySelector(".theme-button")?.addEventListener("click", () => {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme || (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  kept.set("theme", root.dataset.theme);
  dispatchEvent(new Event("desk:theme"));
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("desk:theme")));

document.querySelector(".menu-button")?.addEventListener("click", (event) => {
  const open = document.getElementById("menu").classList.toggle("open");
  event.currentTarget.setAttribute("aria-expanded", String(open));
});

// Keys only lead somewhere; none gives a command. Who writes into a field is not disturbed.
const WAYS = { o: "overview", b: "bots", r: "orders", f: "fills", p: "positions", n: "notes" };
const keys = document.getElementById("keys");
let going = 0;
document.querySelector(".keys-button")?.addEventListener("click", () => keys?.showModal());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input,textarea,select,[contenteditable]")) return;
  if (event.key === "?") keys?.showModal();
  else if (event.key === "/") {
    const search = document.querySelector('main input[type="search"], main input[name="text"], main input[name="q"]');
    if (!search) return;
    event.preventDefault();
    search.focus();
  } else if (event.key === "g") going = event.timeStamp;
  else if (WAYS[event.key] && event.timeStamp - going < 1500) {
    document.querySelector(`#menu a[data-way="${WAYS[event.key]}"]`)?.click();
  } else going = 0;
});

// A form is sent once; its key would make a second sending harmless, but nobody needs to wonder.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5000);
});

// A question of /do/ is shown over the page it was asked from; without this script it is a page.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-ask]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(link.href, { headers: { Accept: "text/html" } }).catch(() => null);
  const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html");
  const question = page?.getElementById("ask");
  if (!question) { location.href = link.href; return; }
  const dialog = document.createElement("dialog");
  dialog.append(document.adoptNode(question));
  dialog.setAttribute("aria-label", question.querySelector("h1").textContent);
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (inside) => {
    if (inside.target === dialog || inside.target.closest(".close")) { inside.preventDefault(); dialog.close(); }
  });
  dialog.showModal();
  (dialog.querySelector("textarea,input:not([type=hidden]),select") || dialog.querySelector("button")).focus();
});

// A question keeps its key in its address: after Back, or loaded again, it is the same question.
const question = document.querySelector("main form[data-asked]");
if (question && location.pathname.startsWith("/do/")) {
  const here = new URL(location.href);
  here.searchParams.set("asked", question.dataset.asked);
  history.replaceState(history.state, "", here);
}

// ── live parts ──────────────────────────────────────────────────────────────────────────────────

const person = document.body.dataset.person;
const line = document.getElementById("line");
let source = null;
let asleep = null;

function open() {
  if (source || !person) return;
  const { topic = "any", about = "" } = document.body.dataset;
  source = new EventSource(`/live/?${new URLSearchParams({ topic, about })}`);
  source.addEventListener("open", () => live(true));
  source.addEventListener("error", () => {
    live(false);
    // A refusal ends the stream for good: who is signed out, or too many, finds out by asking again.
    if (source.readyState === EventSource.CLOSED) { source = null; setTimeout(open, 10000); }
  });
  source.addEventListener("parts", (event) => {
    for (const [name, what] of Object.entries(JSON.parse(event.data))) {
      if (name.startsWith("@")) dispatchEvent(new CustomEvent(`desk:${name.slice(1)}`, { detail: what }));
      else put(name, what);
    }
  });
}

function close() {
  source?.close();
  source = null;
  live(false);
}

function live(on) {
  if (!line) return;
  line.classList.toggle("on", on);
  line.textContent = line.dataset[on ? "on" : "off"] || line.textContent;
}

// Rows that were not there before light up for a moment. Who is reading or choosing is not disturbed.
function put(name, html) {
  const element = document.getElementById(name);
  if (!element || element.dataset.html === html) return;
  const first = element.dataset.html === undefined;
  const before = new Set([...element.querySelectorAll("[data-key]")].map((row) => row.dataset.key));
  const scrolled = [...element.querySelectorAll(".scroll,.notes")].map((part) => [part.scrollLeft, part.scrollTop]);
  const focus = element.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  element.dataset.html = html;
  element.innerHTML = html;
  [...element.querySelectorAll(".scroll,.notes")].forEach((part, at) => {
    if (scrolled[at]) [part.scrollLeft, part.scrollTop] = scrolled[at];
  });
  if (focus) element.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus();
  if (first && !before.size) return;
  for (const row of element.querySelectorAll("[data-key]")) {
    if (!before.has(row.dataset.key)) row.classList.add("new");
  }
}

// A hidden tab costs nothing after a while; when it is seen again it gets what has changed.
document.addEventListener("visibilitychange", () => {
  clearTimeout(asleep);
  if (document.hidden) asleep = setTimeout(close, 30000);
  else open();
});
addEventListener("pagehide", close);
addEventListener("pageshow", () => { if (!document.hidden) open(); });
if (!document.hidden) open();
