"""A few markets of Moscow and of coins, as the gate tells of them: shares, their futures, a perpetual."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal as D
from typing import Any

import msgspec
from fake_port import NOW

from kedge.client import Refused
from kedge.desk.screens import plain
from kedge.model.instrument import Instrument
from kedge.model.looks import ListedLook, QuoteLook

DAY = 86_400 * 10**9
MOEX, COINS = "tinvest/main", "paper/main"


def share(symbol: str, **more: Any) -> Instrument:
    given = {"tick": D("0.01"), "qty_step": D(10), "lot": D(10), "sector": "share", "name": symbol.title()}
    return Instrument(symbol, "spot", symbol, "RUB", "RUB", **{**given, **more})


def future(symbol: str, asset: str, days: int, size: int = 100, **more: Any) -> Instrument:
    given: dict[str, Any] = {
        "tick": D(1),
        "qty_step": D(1),
        "tick_value": D(1),
        "expires_ns": NOW + days * DAY + 1,
        "sector": "future",
        "asset": asset,
        "asset_size": D(size),
        "buy_margin": D(5000),
        "sell_margin": D(5200),
    }
    return Instrument(symbol, "points", asset, "RUB", "RUB", **{**given, **more})


def coin(symbol: str, kind: Any = "linear", days: int = 0, **more: Any) -> Instrument:
    given = {"tick": D("0.1"), "qty_step": D("0.001"), "expires_ns": NOW + days * DAY + 1 if days else 0}
    return Instrument(symbol, kind, "BTC", "USD", "USD", **{**given, **more})


def quote(account: str, symbol: str, bid: Any, ask: Any, **more: Any) -> QuoteLook:
    given: dict[str, Any] = dict.fromkeys(("bid_qty", "ask_qty", "last", "mark", "funding_rate"), D(0))
    given |= dict.fromkeys(("funding_ns", "funding_s", "venue_ns", "age_ns", "opens_ns"), 0)
    given |= {"now_ns": NOW, "open": True, "bid": D(str(bid)), "ask": D(str(ask))}
    return QuoteLook(market=f"{account}:{symbol}", **{**given, **more})


class Gate:
    """What a desk's gate answers, through JSON as it does."""

    def __init__(self) -> None:
        self.listed: dict[str, list[Instrument]] = {
            MOEX: [share("SBER"), share("GAZP"), future("SRZ6", "SBER", 30), future("SRH7", "SBER", 120)],
            COINS: [coin("BTC-USD", "spot"), coin("BTC-PERP"), coin("BTC-26MAR27", days=100)],
        }
        self.quotes = {
            one.market: one
            for one in (
                quote(MOEX, "SBER", "299.9", "300"),
                quote(MOEX, "SRZ6", 30600, 30610),
                quote(MOEX, "SRH7", 31800, 31850),
                quote(COINS, "BTC-USD", 60000, 60001),
                quote(COINS, "BTC-PERP", 60010, 60011, funding_rate=D("0.0001"), funding_ns=NOW + DAY),
                quote(COINS, "BTC-26MAR27", 61000, 61010),
            )
        }
        self.refuses: dict[str, str] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    async def read(self, what: str, /, **filters: Any) -> Any:
        self.asked.append((what, filters))
        try:
            rows = self.rows(what, filters)
        except ValueError as wrong:
            raise Refused(str(wrong), "usage") from None
        return msgspec.json.decode(msgspec.json.encode(plain(rows)))

    def rows(self, what: str, filters: Mapping[str, Any]) -> list[Any]:
        """Raises ValueError, as the engine's door does."""
        account = str(filters.get("account", ""))
        if what == "listed":
            found = [
                ListedLook(f"{name}:{one.symbol}", one)
                for name, known in self.listed.items()
                for one in known
                if account in ("", name)
            ]
            found.sort(key=lambda one: one.market)
            behind = [one for one in found if one.market > str(filters["after"])]
            return behind[: int(filters["limit"])]
        assert what == "quotes", what
        if account in self.refuses:
            raise ValueError(self.refuses[account])
        if account not in self.listed:
            raise ValueError(f"there is no account `{account}`")
        names = [name for name in str(filters["symbols"]).split(",") if name]
        asked = [f"{account}:{name}" for name in names or [one.symbol for one in self.listed[account]]]
        return [self.quotes[market] for market in asked if market in self.quotes]
