// Lists announce new rows instead of moving under the reader's eyes.
"use strict";

(() => {
  const EVERY_MS = 5000;
  const button = document.getElementById("news");
  const said = document.getElementById("news-said");
  if (!button || !button.dataset.url) return;

  async function look() {
    if (document.hidden) return;
    const answer = await fetch(button.dataset.url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const { says } = await answer.json();
    if (!says || button.textContent === says) return;
    // Read aloud once: a count that grows every few seconds would never let its listener go.
    if (button.hidden) said.textContent = says;
    button.textContent = says;
    button.hidden = false;
  }

  // New rows are on the first page of what is sorted by time: anything else just loads again.
  button.addEventListener("click", () => {
    const here = new URL(location.href);
    for (const name of ["page", "after", "at"]) here.searchParams.delete(name);
    if (here.href === location.href) location.reload();
    else location.href = here.href;
  });
  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
})();

// The sentence and the next times of a schedule follow what is typed.
(() => {
  const form = document.getElementById("schedule-form");
  if (!form) return;
  const shown = document.getElementById("rhythm");
  let waiting = null;
  let asked = 0;

  async function tell() {
    const mine = ++asked;
    const given = new URLSearchParams({ every: form.elements.every.value, zone: form.elements.zone.value });
    const answer = await fetch(`${form.dataset.rhythm}?${given}`, { headers: { Accept: "text/html" } }).catch(() => null);
    const words = answer && answer.status < 500 ? await answer.text() : null;
    if (words !== null && mine === asked) shown.innerHTML = words;
  }

  for (const name of ["every", "zone"]) {
    form.elements[name].addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(tell, 250); });
  }
  for (const button of form.querySelectorAll("[data-every]")) {
    button.addEventListener("click", () => { form.elements.every.value = button.dataset.every; tell(); });
  }
  // What was typed before this ran, or kept by the browser from an earlier visit, is told too.
  const { every, zone } = form.elements;
  if (every.value !== every.defaultValue || !zone.selectedOptions[0]?.defaultSelected) tell();
})();
