// A bot's chart: candles of one market, its fills as marks, its standing orders as lines.
"use strict";

(() => {
  const place = document.getElementById("bot-chart");
  const market = document.getElementById("chart-market");
  const picks = document.getElementById("chart-picks");
  if (!place || !window.LightweightCharts) return;
  const { createChart, createSeriesMarkers, CandlestickSeries } = LightweightCharts;
  const zone = document.body.dataset.zone || "UTC";
  const chart = createChart(place, { autoSize: true, ...looks() });
  const series = chart.addSeries(CandlestickSeries, colours());
  const marks = createSeriesMarkers(series, []);
  const SECONDS = { fine: 15, minute: 60, quarter: 900 };
  let step = "fine", last = null, lines = [], seen = -1, wanted = 0, fitted = "", bars = 0, moved = false;

  // Who has moved or zoomed the chart is left alone.
  for (const name of ["wheel", "pointerdown"]) place.addEventListener(name, () => { moved = true; }, { passive: true });
  market.addEventListener("change", load);
  picks.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    for (const one of button.parentElement.children) one.setAttribute("aria-pressed", String(one === button));
    step = button.dataset.step;
    load();
  });
  addEventListener("desk:theme", () => { chart.applyOptions(looks()); series.applyOptions(colours()); load(); });
  addEventListener("desk:price", (event) => {
    const { at, marks: now, orders, fills } = event.detail;
    drawOrders(orders.filter((order) => order[0] === market.value));
    if (seen !== fills) { const first = seen < 0; seen = fills; if (!first) { load(); return; } }
    const price = now[market.value];
    if (price === undefined) return;
    const seconds = SECONDS[step];
    const begin = at - at % seconds;
    if (last && last.time > begin) return;
    const more = !last || last.time < begin;
    last = last && last.time === begin
      ? { ...last, high: Math.max(last.high, price), low: Math.min(last.low, price), close: price }
      : { time: begin, open: price, high: price, low: price, close: price };
    series.update(last);
    if (more) { bars += 1; spread(); }
  });
  load();

  async function load() {
    const mine = ++wanted;
    const query = new URLSearchParams({ market: market.value, step });
    const answer = await fetch(`${place.dataset.url}?${query}`).catch(() => null);
    if (!answer?.ok || mine !== wanted) return;
    const { candles, fills } = await answer.json();
    const data = candles.map(([time, open, high, low, close]) => ({ time, open, high, low, close }));
    fit(data);
    series.setData(data);
    const shown = `${market.value} ${step}`;
    if (fitted !== shown) moved = false;
    fitted = shown;
    bars = data.length;
    spread();
    last = data.at(-1) || null;
    const style = colours();
    marks.setMarkers(data.length ? fills.map(([time, side, price, qty]) => ({
      time: Math.max(time - time % SECONDS[step], data[0].time),
      position: side === "buy" ? "belowBar" : "aboveBar",
      shape: side === "buy" ? "arrowUp" : "arrowDown",
      color: side === "buy" ? style.upColor : style.downColor,
      text: fills.length > 12 ? "" : String(qty),
    })) : []);
  }

  // A young chart is spread over its place, though a few candles alone are not made as broad as doors.
  function spread() {
    const room = place.clientWidth < 600 ? 10 : 20;
    const young = bars * 9 < place.clientWidth - 80;
    chart.timeScale().applyOptions({ maxBarSpacing: young ? 0 : 24 });
    if (young && !moved) chart.timeScale().setVisibleLogicalRange({ from: -0.5, to: Math.max(bars, room) + 0.5 });
  }

  // As many decimals as the prices have.
  function fit(data) {
    const digits = Math.max(0, ...data.slice(-50).map((candle) => (String(candle.close).split(".")[1] || "").length));
    const precision = Math.min(8, digits);
    series.applyOptions({ priceFormat: { type: "price", precision, minMove: 1 / 10 ** precision } });
  }

  function drawOrders(orders) {
    const style = colours();
    for (const line of lines) series.removePriceLine(line);
    lines = orders.map(([, side, price, qty]) => series.createPriceLine({
      price, title: `${side} ${qty}`, color: side === "buy" ? style.upColor : style.downColor, lineWidth: 1, lineStyle: 2,
    }));
  }

  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  function colours() {
    const [up, down] = [colour("--up"), colour("--down")];
    return { upColor: up, downColor: down, borderVisible: false, wickUpColor: up, wickDownColor: down };
  }

  // Times as the rest of the page has them: in the person's zone.
  function clock(at, parts) { return new Date(at * 1000).toLocaleString("sv-SE", { timeZone: zone, ...parts }); }

  function looks() {
    return {
      localization: { timeFormatter: (at) => clock(at, { dateStyle: "short", timeStyle: "medium" }) },
      layout: { background: { color: colour("--card") }, textColor: colour("--dim"), fontSize: 11, attributionLogo: false },
      grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
      rightPriceScale: { borderColor: colour("--line") },
      timeScale: { tickMarkFormatter: (at, kind) => clock(at, kind < 3 ? { month: "2-digit", day: "2-digit" } : { hour: "2-digit", minute: "2-digit" }), borderColor: colour("--line"), timeVisible: true, secondsVisible: false, barSpacing: 9, maxBarSpacing: 24, rightOffset: 4 },
    };
  }
})();
