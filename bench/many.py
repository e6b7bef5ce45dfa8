"""200 markets, each with 20 messages a second, and a bot on every one of them: does one core hold them?

Over real sockets, with the real adapter, cell and journal. The venue's process notes when each message
left, Kedge's when the engine took the book up to decide on it; both clocks are the machine's. Messages that
came while an older one of the same market still waited are conflated: only the newest counts, and that is
no loss, but many of them would be a backlog.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from bench.kit import Budget, Part, Size, Table, folder, per_s, spread, us
from bench.wire import Pair

NAME, TITLE = "many", "Many markets on one core"
PER_S, LEVELS = 20, 5
CORE_PERCENT, LAG_MS, TAKEN_PERCENT = 100, 250, 99


def measure(size: Size) -> Part:
    markets, seconds = size.of(200, 4), float(size.of(20, 1))
    with folder() as home:
        flood = Flood(home, markets)
        left = flood.run(seconds)
        told = json.loads((home / "many.json").read_text())
    return _part(markets, left, told)


class Flood(Pair):
    """The lean venue with many markets, and the desk that watches all of them."""

    def __init__(self, home: Path, markets: int) -> None:
        super().__init__(f"many{markets}", home, str(markets))

    def run(self, seconds: float) -> dict[str, list[int]]:
        try:
            asked = {"seconds": seconds, "per_s": PER_S, "levels": LEVELS}
            left: dict[str, list[int]] = self.ask(asked)["left"]
            time.sleep(0.3)  # what is still on its way
        finally:
            self.end()
        if self.client.returncode:
            raise subprocess.SubprocessError(self.log.read_text()[-400:])
        return left


def _part(markets: int, left: dict[str, list[int]], told: dict[str, Any]) -> Part:
    lags: list[float] = []
    sent = conflated = 0
    first_ns, last_ns = min(at[1] for at in left.values()), max(at[-1] for at in left.values())
    for symbol, (base, *sent_ns) in left.items():
        taken = {number: at_ns for number, at_ns in told["seen"][symbol] if number > base}
        sent += len(sent_ns)
        for number, at_ns in enumerate(sent_ns, base + 1):
            if number in taken:
                lags.append(float(taken[number] - at_ns))
            else:
                conflated += 1
    seconds = (last_ns - first_ns) / 1e9
    # The processor's time is of the whole stay, in which little else happened.
    core = 100 * told["cpu"] / seconds
    lag = spread(lags)
    part = Part(TITLE)
    part.budgets = [
        Budget(f"{markets} markets × {PER_S} messages a second: of one core", core, CORE_PERCENT, "%"),
        Budget("worst lag, left the venue → taken up by the engine", max(lags) / 1e6, LAG_MS, "ms"),
        Budget(
            "taken up one by one, not conflated", 100 * len(lags) / sent, TAKEN_PERCENT, "%", at_most=False
        ),
    ]
    row = (per_s(sent / seconds), f"{core:.1f} %", us(lag.p50), us(lag.p99), us(max(lags)), f"{conflated:,}")
    heads = ("messages a second", "of one core", "lag p50, µs", "p99", "worst", f"conflated, of {sent:,}")
    part.tables = [Table(heads, [row])]
    part.says = [
        f"{seconds:.0f} s, {LEVELS} levels a message. Every message is read, checked, kept, told, and decided"
        " on by the market's own bot, which wants nothing."
    ]
    return part
