// The basis of one asset: how far each future is above what it is of, by expiry.
"use strict";

(() => {
  const place = document.getElementById("basis-chart");
  if (!place || !window.uPlot) return;
  const points = JSON.parse(place.dataset.points);
  let chart = null;
  addEventListener("desk:theme", draw);
  new ResizeObserver(() => chart?.setSize(size())).observe(place);
  draw();

  function draw() {
    chart?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--dim"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const zone = document.body.dataset.zone || "UTC";
    chart = new uPlot({
      ...size(),
      cursor: { y: false, points: { size: 8 } },
      legend: { show: false },
      scales: {
        x: { range: (u, low, high) => { const rest = Math.max((high - low) * 0.08, 86400 * 5); return [low - rest, high + rest]; } },
        y: { range: (u, low, high) => uPlot.rangeNum(Math.min(low, 0), Math.max(high, 0.1), 0.15, true) },
      },
      axes: [
        { ...axis, space: 80, values: (u, ticks) => ticks.map((tick) => new Date(tick * 1000).toISOString().slice(0, 10)) },
        { ...axis, size: 56, values: (u, ticks) => ticks.map((tick) => `${tick} %`) },
      ],
      series: [{}, { stroke: colour("--chart-line"), width: 1.5, points: { show: true, size: 8, fill: colour("--chart-line") } }],
      hooks: { draw: [names] },
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone),
    }, [points.map((point) => point[0]), points.map((point) => point[1])], place);
  }

  // Each point has the name of its future beside it.
  function names(u) {
    const paint = u.ctx;
    paint.save();
    paint.font = `${11 * devicePixelRatio}px system-ui`;
    paint.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
    paint.textAlign = "center";
    for (const [at, over, name] of points) {
      paint.fillText(name, u.valToPos(at, "x", true), u.valToPos(over, "y", true) - 9 * devicePixelRatio);
    }
    paint.restore();
  }

  function size() { return { width: Math.max(200, place.clientWidth), height: place.clientHeight }; }
})();
