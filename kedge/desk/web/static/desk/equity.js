// The chart of equity and profit: points from the desk's database, the last one live.
"use strict";

// Step in seconds, what each tick says, what it says where a year, month or day begins.
const TIMES = [
  [86400 * 28, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
];

(() => {
  const place = document.getElementById("equity-chart");
  const picks = document.getElementById("equity-picks");
  const asset = document.getElementById("equity-asset");
  if (!place || !asset?.options.length) {
    if (place) empty();
    return;
  }
  let span = "day", line = "profit", chart = null, points = null, wanted = 0;
  picks.hidden = false;
  asset.addEventListener("change", load);
  picks.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const one of button.parentElement.children) one.setAttribute("aria-pressed", String(one === button));
    span = button.dataset.span || span;
    line = button.dataset.line || line;
    if (button.dataset.span) load(); else draw();
  });
  addEventListener("desk:theme", draw);
  addEventListener("desk:equity", (event) => {
    const now = event.detail.points[asset.value];
    if (!points || !now) return;
    const at = event.detail.at;
    for (const [name, value] of [["equity", now[0]], ["profit", now[1]]]) {
      const last = points[name].at(-1);
      // Between two minutes the last point moves; a new one is the desk's to write down.
      if (last && at - last[0] < 60) last[1] = value; else points[name].push([at, value]);
    }
    draw();
  });
  new ResizeObserver(() => chart?.setSize(size())).observe(place);
  load();

  async function load() {
    const mine = ++wanted;
    const query = new URLSearchParams({ asset: asset.value, span });
    const answer = await fetch(`${place.dataset.url}?${query}`).catch(() => null);
    if (!answer?.ok || mine !== wanted) return;
    points = await answer.json();
    draw();
  }

  function draw() {
    if (!points) return;
    const some = points[line];
    if (some.length < 2) { empty(); return; }
    const data = [some.map((point) => point[0]), some.map((point) => point[1])];
    chart?.destroy();
    place.replaceChildren();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    chart = new uPlot({
      ...size(),
      cursor: { y: false, points: { size: 6 } },
      legend: { show: false },
      scales: { y: { range: (u, low, high) => low === high ? [low - 1, high + 1] : uPlot.rangeNum(low, high, 0.1, true) } },
      axes: [{ ...axis, space: 76, values: TIMES }, { ...axis, size: 72, values: (u, ticks) => ticks.map((tick) => tick.toLocaleString(document.documentElement.lang)) }],
      series: [{}, { stroke: colour("--chart-line"), fill: colour("--chart-fill"), fillTo: (u) => u.scales.y.min, width: 1.5, points: { show: false } }],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), document.body.dataset.zone || "UTC"),
    }, data, place);
  }

  function size() { return { width: Math.max(200, place.clientWidth), height: place.clientHeight }; }

  function empty() {
    chart?.destroy();
    chart = null;
    const says = document.createElement("p");
    says.className = "empty";
    says.textContent = place.dataset.empty;
    place.replaceChildren(says);
  }
})();
