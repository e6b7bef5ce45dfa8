"""From a fill in the journal to the page: how late it is in the page's stream, and in the browser's document.

The desk is `kedge up` with its paper venue. Each sample is a hedge that is opened at once; the clock begins
with the record's own time, so before it is durable, and ends when the row is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bench.desk_home import Looker, address_of, end, run_kedge
from bench.kit import Budget, Part, Size, Table, run
from kedge.client import Desk

NAME, TITLE = "live", "A fill on the page"
BUDGET_MS = 300
MARKET = "paper/main:BTC-PERP"
ROW = re.compile(r'data-key="(\d+)"')
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
PATIENCE_S = 60.0

# When each row of the latest fills came into the document, by the clock on the wall.
WATCH = """() => {
  window.seen = {};
  const look = () => {
    const now = performance.timeOrigin + performance.now();
    for (const row of document.querySelectorAll("#fills [data-key]")) window.seen[row.dataset.key] ??= now;
  };
  look();
  new MutationObserver(look).observe(document.getElementById("fills"), { childList: true, subtree: true });
}"""

Seen = dict[int, int]


def measure(size: Size) -> Part:
    fills = size.of(60, 3)
    # A socket's name may not be long, so its home is not among the others.
    with tempfile.TemporaryDirectory(prefix="kedge-") as name:
        home = Path(name) / "h"
        home.mkdir(mode=0o700)
        found = run(lambda: _measure(home, fills))
    return _part(found)


async def _measure(home: Path, fills: int) -> dict[str, list[float]]:
    process = run_kedge(home, "up")
    looker = None
    try:
        looker = Looker(await address_of(home, process))
        await looker.come_in(home)
        async with _in_a_browser(looker) as document:
            stream: Seen = {}
            listening = asyncio.get_running_loop().create_task(_listen(looker, stream))
            try:
                told = await _trade(home, fills, stream)
                shown = await document()
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    finally:
        if looker is not None:
            await looker.close()
        end(process)
    return {
        "at the stream": [(stream[seq] - at) / 1e6 for seq, at in told.items()],
        **({"in the document": [(shown[seq] - at) / 1e6 for seq, at in told.items()]} if shown else {}),
    }


async def _listen(looker: Looker, seen: Seen) -> None:
    async for parts in looker.live("overview"):
        now = time.time_ns()
        for seq in ROW.findall(parts.get("fills", "")):
            seen.setdefault(int(seq), now)


async def _trade(home: Path, fills: int, seen: Seen) -> Seen:
    """Open hedges one after the other, each seen before the next; when each fill was recorded."""
    desk = Desk(home / "main.sock", "bench")
    told: Seen = {}
    try:
        for number in range(fills):
            name = f"bench-{number}"
            config = {"market": MARKET, "qty": "0.01", "through": "5"}
            await desk.command("bot.add", name=name, kind="hedge", config=config)
            deadline = time.monotonic() + PATIENCE_S
            row: dict[str, Any] | None = None
            while row is None or row["seq"] not in seen:
                assert time.monotonic() < deadline, f"the fill of {name} was not seen"
                await asyncio.sleep(0.05)
                rows = list(await desk.read("fills", bot=name, limit=1))
                row = rows[0] if rows else None
            told[row["seq"]] = row["ts_ns"]
    finally:
        await desk.close()
    return told


@contextlib.asynccontextmanager
async def _in_a_browser(looker: Looker) -> AsyncIterator[Any]:
    """The overview in Chromium, where there is one: gives when each row was in the document."""
    path = shutil.which("chromium") or shutil.which("google-chrome")

    async def nobody() -> Seen:
        return {}

    if path is None or importlib.util.find_spec("playwright") is None:
        yield nobody
        return
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            context = await browser.new_context()
            cookies = [
                {"name": one.key, "value": one.value, "url": looker.address}
                for one in looker.session.cookie_jar
            ]
            await context.add_cookies(cookies)  # type: ignore[arg-type]
            page = await context.new_page()
            await page.goto(looker.address + "/")
            await page.wait_for_selector("#line.on")
            await page.evaluate(WATCH)

            async def seen() -> Seen:
                found = await page.evaluate("window.seen")
                return {int(seq): int(ms * 1e6) for seq, ms in found.items()}

            yield seen
        finally:
            await browser.close()


def _part(found: dict[str, list[float]]) -> Part:
    part = Part(TITLE)
    rows = []
    for where, took in found.items():
        ordered = sorted(took)
        at = {share: ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95)}
        rows.append((where, f"{at[50]:.0f}", f"{at[95]:.0f}", f"{ordered[-1]:.0f}", str(len(ordered))))
    last = list(found)[-1]
    ordered = sorted(found[last])
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    part.budgets = [Budget(f"a fill {last}, p95", p95, BUDGET_MS, "ms")]
    part.tables = [Table(("", "ms p50", "ms p95", "ms at most", "fills"), rows)]
    part.says = ["From the record's own time in the engine, before it is durable, on one machine."]
    return part
