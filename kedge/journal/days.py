"""What each bot made on each day, in each settlement asset: profit, fees, funding, volume.

Days are UTC. The sum over all days of what was realised is what all positions say they have realised.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from kedge.model.numbers import ZERO, text
from kedge.model.venue import Cash

if TYPE_CHECKING:
    from kedge.journal.telling import Rows

DAY_NS = 86_400_000_000_000

# Money that came or went by trading; a transfer is none.
EARNED = ("funding", "fee", "insurance")

_assets = msgspec.json.Decoder(dict[str, Decimal])


class Days:
    """Books into the rows of `days`."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def fill(self, ts_ns: int, bot: str, settle: str, profit: Decimal, value: Decimal) -> None:
        def change(row: dict[str, Any]) -> None:
            row["realised"] += profit
            row["volume"] += abs(value)
            row["fills"] += 1

        self._change(ts_ns, bot, settle, change)

    def realised(self, ts_ns: int, bot: str, settle: str, profit: Decimal) -> None:
        def change(row: dict[str, Any]) -> None:
            row["realised"] += profit

        if profit:
            self._change(ts_ns, bot, settle, change)

    def fee(self, ts_ns: int, bot: str, settle: str, asset: str, amount: Decimal) -> None:
        def change(row: dict[str, Any]) -> None:
            if asset == settle:
                row["fees"] += amount
                return
            others = _assets.decode(row["other_fees"])
            others[asset] = others.get(asset, ZERO) + amount
            said = {name: text(sum_) for name, sum_ in sorted(others.items())}
            row["other_fees"] = msgspec.json.encode(said).decode()

        if amount:
            self._change(ts_ns, bot, settle, change)

    def cash(self, ts_ns: int, cash: Cash) -> None:
        def change(row: dict[str, Any]) -> None:
            row["funding"] += cash.amount

        if cash.kind in EARNED:
            self._change(ts_ns, "", cash.asset, change)

    def _change(self, ts_ns: int, bot: str, settle: str, change: Callable[[dict[str, Any]], None]) -> None:
        begin = ts_ns // DAY_NS * DAY_NS
        row = self._rows.get("days", begin, bot, settle) or _empty(begin, bot, settle)
        change(row)
        row["profit"] = row["realised"] - row["fees"] + row["funding"]
        self._rows.put("days", row)


def _empty(begin_ns: int, bot: str, settle: str) -> dict[str, Any]:
    return {
        "day": datetime.fromtimestamp(begin_ns // 1_000_000_000, UTC).date().isoformat(),
        "ts_ns": begin_ns,
        "bot": bot,
        "settle": settle,
        "realised": ZERO,
        "fees": ZERO,
        "funding": ZERO,
        "profit": ZERO,
        "volume": ZERO,
        "fills": 0,
        "other_fees": "{}",
    }
