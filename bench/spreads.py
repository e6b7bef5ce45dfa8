"""A hundred spreads, each of whose two books changes ten times a second: how much of one core that takes.

`step` alone, with no disk and no net: every book is read, every bot asked, every order it wants is placed,
answered and folded, and all of that is in the time. `watched` are spreads that wait for their price; `worked`
have an order on the far leg that follows its touch, at a venue that knows no amending: each move is a cancel
and a new order, as often as the bot's pace allows.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec import Raw

from bench.decide import SECOND_NS, World
from bench.kit import Budget, Part, Size, Spread, Table, in_turns, middle
from bench.quiet import ACCOUNT, RULES
from kedge.bots import BUILT_IN
from kedge.engine.engine import Engine, RiskBook
from kedge.engine.state import Desk
from kedge.engine.step import born, next_ns
from kedge.model.events import BookUpdate, Command, LinkUp, Reported, Tick
from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Balance, Level

NAME, TITLE = "spreads", "A hundred spreads on one core"
SPREADS, PER_S = 100, 10
LIMIT_PCT = 100
SIZE = Decimal(100)  # shares in a contract
SHARE = Decimal(300)
WAITS, SUITS = Decimal(100_000), Decimal(-100_000)


class Floor(World):
    """An engine with spreads on it, all of which wait for this price."""

    def __init__(self, count: int, price: Decimal) -> None:
        self.count = count
        self.now_ns = 1_760_432_400 * SECOND_NS
        self.placed = {}
        self.requests = 0
        self._turn = 0
        rules = msgspec.structs.replace(RULES, amend="none")
        self.e = Engine(Desk(), BUILT_IN, {ACCOUNT: rules}, RiskBook(), "bench")
        born(self.e, self.now_ns, 77, "bench", 1)
        instruments = tuple(one for number in range(count) for one in (_share(number), _future(number)))
        self.hear(LinkUp(ACCOUNT, rules))
        rich = (Balance("RUB", Decimal(10**12), Decimal(10**12)),)
        self.hear(Reported(ACCOUNT, AccountReport(self.now_ns, (), (), (), (), rich, instruments, "")))
        self.beat()
        for number in range(count):
            config = {"far": _market(f"F{number}"), "near": _market(f"S{number}"), "side": "sell"}
            config |= {"price": str(price), "qty": "10"}
            args = {"name": f"spread-{number}", "kind": "spread", "config": config}
            self.hear(Command(f"c{number}", "bench", "bench", "bot.add", Raw(msgspec.json.encode(args))))

    def beat(self) -> None:
        """A tenth of a second: every book has moved by a tick."""
        self._turn += 1
        self.now_ns += SECOND_NS // PER_S
        while (due_ns := next_ns(self.e)) is not None and due_ns <= self.now_ns:
            self.hear(Tick())
        moves = self._turn % 4  # up, up, down, down
        away = Decimal((0, 1, 2, 1)[moves])
        for number in range(self.count):
            bid = SHARE + number + away * Decimal("0.01")
            self.hear(_book(f"S{number}", bid, Decimal("0.01"), self.now_ns))
            self.hear(_book(f"F{number}", (SHARE + number) * SIZE + 500 + away, Decimal(1), self.now_ns))


def measure(size: Size) -> Part:
    count, rounds, seconds = size.of(SPREADS, 3), size.of(7, 1), size.of(5, 1)
    floors = {"watched": Floor(count, WAITS), "worked": Floor(count, SUITS)}
    resting = {name: len(floor.placed) for name, floor in floors.items()}
    assert resting == {"watched": 0, "worked": count}, resting
    turns = in_turns(rounds, {name: _second(floor, seconds) for name, floor in floors.items()})
    assert not floors["watched"].placed
    part = Part(TITLE)
    rows = []
    for name, found in turns.items():
        share = _percent(middle(found))
        what = f"{count} spreads {name}, {PER_S} updates a second of each book: share of one core"
        part.budgets.append(Budget(what, share, LIMIT_PCT, "%"))
        steps = 2 * count * PER_S
        rows.append((name, f"{steps:,}", f"{middle(found).p50 / steps / 1000:.0f} µs", f"{share:.0f} %"))
    part.tables.append(Table(("", "books a second", "each", "of one core"), rows))
    part.says.append(f"{rounds} rounds of {seconds} s in turns; answers to orders are in the time.")
    return part


def _second(floor: Floor, seconds: int) -> Callable[[], list[float]]:
    def one() -> float:
        began = time.perf_counter_ns()
        for _ in range(PER_S):
            floor.beat()
        return float(time.perf_counter_ns() - began)

    return lambda: [one() for _ in range(seconds)]


def _percent(found: Spread) -> float:
    return found.p50 / SECOND_NS * 100


def _market(symbol: str) -> str:
    return f"{ACCOUNT}:{symbol}"


def _book(symbol: str, bid: Decimal, tick: Decimal, now_ns: int) -> BookUpdate:
    """Ten levels a side, as the venue of Moscow's books are asked for."""
    bids = tuple(Level(bid - tick * place, Decimal(1_000)) for place in range(10))
    asks = tuple(Level(bid + tick * (place + 1), Decimal(1_000)) for place in range(10))
    return BookUpdate(_market(symbol), bids, asks, now_ns)


def _share(number: int) -> Instrument:
    return Instrument(
        symbol=f"S{number}",
        kind="spot",
        base=f"S{number}",
        quote="RUB",
        settle="RUB",
        tick=Decimal("0.01"),
        qty_step=Decimal(10),
        min_qty=Decimal(10),
        lot=Decimal(10),
    )


def _future(number: int) -> Instrument:
    return Instrument(
        symbol=f"F{number}",
        kind="points",
        base=f"S{number}",
        quote="RUB",
        settle="RUB",
        tick=Decimal(1),
        tick_value=Decimal(1),
        qty_step=Decimal(1),
        min_qty=Decimal(1),
        asset=f"S{number}",
        asset_size=SIZE,
        buy_margin=Decimal(5_000),
        sell_margin=Decimal(5_000),
    )
