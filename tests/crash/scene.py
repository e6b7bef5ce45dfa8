"""The scene of a run: which exchanges there are, whose accounts, what the bots do, and who else trades.

One campaign, two scenes: two paper exchanges that speak our own small protocol (here), and the testnets of
real venues with their real protocols (`wire_scene.py`). In both there are two processes, called `alpha` and
`beta`, that have state files and a control door.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from tests.crash.sites import Site

Slot = tuple[str, str]  # bot and slot
BotSpec = tuple[str, str, dict[str, Any]]  # name, kind, parameters

NUDGE_S = 0.03
HEDGE_QTY, PAIR_QTY, PEG_QTY = "2.5", "0.03", "0.3"


class Seat(Struct, frozen=True):
    """One account of the desk: which exchange has it, and what things are called there."""

    exchange: str
    venue: str  # the first half of the account's name
    wallet: str = ""  # where each wallet of a customer is an account of its own
    # The exchange's symbols and the desk's names of them; what is not here has one name.
    symbols: Mapping[str, str] = {}
    # The desk's names of what is owned, not held as a position, and the coin it is.
    spot: Mapping[str, str] = {}

    def account(self, number: int) -> str:
        """As the desk names it, in this run."""
        return f"{self.venue}/r{number}"

    def inside(self, number: int) -> str:
        """As the exchange names it."""
        return f"r{number}:{self.wallet}" if self.wallet else f"r{number}"


class Scene(Struct, frozen=True):
    """What differs from one kind of exchange to another. The verbs take the site or the run's accounts."""

    seats: Mapping[str, Seat]
    # By exchange: where the prices begin, and how far they go at a nudge.
    prices: Mapping[str, Mapping[str, Decimal]]
    nudged: Sequence[tuple[str, str, str]]  # exchange, symbol, quantity: others sell
    ticks: Mapping[str, Decimal]
    moves: int  # upward, of the price: enough for orders to follow it
    moves_every: int  # nudges
    # What each slot may trade in all, and how uneven a pair's legs may stay.
    wanted: Mapping[Slot, Decimal]
    uneven: Mapping[str, Decimal]
    bots: Callable[[Mapping[str, str]], list[BotSpec]]
    process: Callable[[str, dict[str, Any]], list[str]]
    # An exchange gets an empty memory after so many runs: its truth is read whole each time.
    runs_per_exchange: int
    # Whether executions have the same name at the exchange and on the wire.
    same_exec_ids: bool = True
    # Whether accounts are opened by a key of their own, and every desk has an address of its own.
    keys: bool = False

    def settings(self, number: int, ports: Mapping[str, int]) -> list[str]:
        """The account sections of a home."""
        lines = []
        for seat in self.seats.values():
            lines.append(f'[accounts."{seat.account(number)}"]')
            port = ports[seat.exchange]
            if self.keys:
                lines += [f'url = "http://127.0.0.1:{port}"', 'key = "DESK_KEY"', 'secret = "DESK_SECRET"']
            else:
                lines += ['venue = "paper"', f"port = {port}"]
        return lines

    def address(self, number: int) -> str:
        """Of the desk of this run, on the machine itself."""
        return f"127.{1 + number // 250 % 250}.{number % 250}.1" if self.keys else ""

    async def welcome(self, site: Site, number: int) -> None:
        """Accounts that nobody has used, and a market at its usual prices."""
        for name, exchange in site.exchanges.items():
            if self.keys:
                await exchange.ask("key", key=key_of(number), secret=SECRET, account=f"r{number}")
            for symbol, price in self.prices[name].items():
                await exchange.ask("price", symbol=symbol, price=str(price))

    async def nudge(self, site: Site) -> None:
        """Others trade, a little at a time, so that resting orders fill in parts; and the price creeps up."""
        for nudge in itertools.count(1):
            for name, symbol, qty in self.nudged:
                await site.exchanges[name].ask("counter", symbol=symbol, side="sell", qty=qty)
            await asyncio.sleep(NUDGE_S)
            moves, rest = divmod(nudge, self.moves_every)
            if moves <= self.moves and not rest:
                for name, symbol, _ in self.nudged:
                    price = self.prices[name][symbol] + moves * self.ticks[symbol]
                    await site.exchanges[name].ask("price", symbol=symbol, price=str(price))
            await asyncio.sleep(NUDGE_S)


SECRET = "of-all-runs"


def key_of(number: int) -> str:
    return f"key-of-run-{number}"


# ── two paper exchanges ─────────────────────────────────────────────────────────────────────────


def _bots(accounts: Mapping[str, str]) -> list[BotSpec]:
    """The pair's near leg and the hedge share a market and an account."""
    alpha, beta = accounts["alpha"], accounts["beta"]
    pair = {"far": f"{alpha}:BTC-PERP", "near": f"{beta}:BTC-PERP", "side": "buy", "qty": PAIR_QTY}
    hedge = {"market": f"{beta}:BTC-PERP", "side": "sell", "qty": HEDGE_QTY, "reprice_s": "0.1"}
    peg = {"market": f"{alpha}:ETH-PERP", "side": "buy", "qty": PEG_QTY}
    resting = {"market": f"{beta}:ETH-PERP", "side": "sell", "qty": "1", "limit": "3100"}
    return [
        ("pair-1", "pair", pair),
        ("hedge-1", "hedge", hedge),
        ("peg-1", "peg", peg),
        ("peg-2", "peg", resting),
    ]


def _process(name: str, options: dict[str, Any]) -> list[str]:
    whole = {**options, "market": "still", "tick_ms": 10}
    return [sys.executable, "-m", "kedge.runtime.paper_child", msgspec.json.encode(whole).decode()]


WANTED: Mapping[Slot, Decimal] = {
    ("hedge-1", "open"): -Decimal(HEDGE_QTY),
    ("hedge-1", "close"): Decimal(HEDGE_QTY),
    ("pair-1", "far"): Decimal(PAIR_QTY),
    ("pair-1", "near"): -Decimal(PAIR_QTY),
    ("peg-1", "main"): Decimal(PEG_QTY),
    ("peg-2", "main"): Decimal(0),
}
_PRICES = {"BTC-PERP": Decimal("60000.00"), "ETH-PERP": Decimal("3000.00")}

PAPER = Scene(
    seats={name: Seat(name, name) for name in ("alpha", "beta")},
    prices={"alpha": _PRICES, "beta": _PRICES},
    nudged=(("alpha", "BTC-PERP", "0.01"), ("alpha", "ETH-PERP", "0.1")),
    ticks={"BTC-PERP": Decimal("0.1"), "ETH-PERP": Decimal("0.01")},
    moves=6,
    moves_every=1,
    wanted=WANTED,
    uneven={"pair-1": Decimal("0.001")},
    bots=_bots,
    process=_process,
    runs_per_exchange=60,
)
