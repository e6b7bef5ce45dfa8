"""From a book to an intent, with no disk and no net: `step` alone, in plain CPython.

A peg follows the touch. Each update moves it by a tick, so that the engine asks the bot, checks its answer,
diffs the wants, passes the limits, folds and returns the record and the effect. The other rows are what
happens far more often: an update that changes nothing for the bot, and one that repeats the book.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec import Raw, Struct

from bench.kit import Budget, Part, Size, Spread, Table, in_turns, middle, noise, us
from bench.quiet import ACCOUNT, BID, RULES, TICK, book, instrument, market
from kedge.bots import BUILT_IN
from kedge.engine.effects import Amend, Cancel, Effect, Place
from kedge.engine.engine import Engine, RiskBook
from kedge.engine.state import Desk
from kedge.engine.step import born, step
from kedge.model.events import Answered, BookUpdate, Command, Event, LinkUp, OrderNews, Reported
from kedge.model.limits import Limits
from kedge.model.order import State
from kedge.model.venue import AccountReport, AmendMode, Answer, OrderReport, PlaceOrder

NAME, TITLE = "decide", "Book update → decide → want → intent, no disk and no net"
BUDGET_US = 60
SECOND_NS = 1_000_000_000

EVERYTHING_LIMITED = Limits(
    order_qty_max=Decimal(10_000),
    order_notional_max=Decimal(10**10),
    exposure_notional_max=Decimal(10**11),
    collar=Decimal("0.05"),
    orders_per_minute=15_000,
    daily_loss_max=Decimal(10**8),
)


class World:
    """An engine with pegs on it, every order answered at once."""

    def __init__(self, pegs: int, markets: int, amend: AmendMode, limited: bool) -> None:
        self.now_ns = 1_760_432_400 * SECOND_NS
        limits = RiskBook()
        if limited:
            one = EVERYTHING_LIMITED
            limits = RiskBook(desk=one, accounts={ACCOUNT: one}, bot=one)
        rules = msgspec.structs.replace(RULES, amend=amend)
        self.e = Engine(Desk(), BUILT_IN, {ACCOUNT: rules}, limits, "bench")
        born(self.e, self.now_ns, 77, "bench", 1)
        self.placed: dict[str, PlaceOrder] = {}
        self.bids = [BID] * markets
        instruments = tuple(instrument(i) for i in range(markets))
        self.hear(LinkUp(ACCOUNT, rules))
        report = AccountReport(self.now_ns, (), (), (), (), (), instruments, "")
        self.hear(Reported(ACCOUNT, report))
        for i in range(markets):
            self.hear(book(i, BID, self.now_ns))
        for i in range(pegs):
            self._add(i, market(i % markets))

    def _add(self, number: int, at: str) -> None:
        config = b'{"market":"%b","side":"buy","qty":"1","pace_ms":0}' % at.encode()
        args = Raw(b'{"name":"peg-%d","kind":"peg","config":%b}' % (number, config))
        self.hear(Command(f"c{number}", "bench", "bench", "bot.add", args))

    def hear(self, event: Event) -> None:
        """Step, and answer whatever was asked for, until nothing is."""
        effects = step(self.e, event, self.now_ns).effects
        while effects:
            news = [event for effect in effects for event in self._answers(effect)]
            effects = [effect for event in news for effect in step(self.e, event, self.now_ns).effects]

    def _answers(self, effect: Effect) -> list[Event]:
        if isinstance(effect, Place):
            self.placed[effect.order.client_id] = effect.order
            return [
                Answered(
                    ACCOUNT, "place", effect.order.client_id, Answer.DONE, order=self._report(effect.order)
                )
            ]
        if isinstance(effect, Amend):
            return [Answered(ACCOUNT, "amend", effect.client_id, Answer.DONE)]
        if isinstance(effect, Cancel):
            gone = self._report(self.placed.pop(effect.client_id), State.CANCELLED)
            return [Answered(ACCOUNT, "cancel", effect.client_id, Answer.DONE), OrderNews(ACCOUNT, gone)]
        return []

    def _report(self, order: PlaceOrder, state: State = State.OPEN) -> OrderReport:
        return OrderReport(
            client_id=order.client_id,
            venue_id=order.client_id[-6:],
            symbol=order.symbol,
            side=order.side,
            qty=order.qty,
            price=order.price,
            cum_qty=Decimal(0),
            state=state,
            venue_ns=self.now_ns,
        )

    def time(self, event: Event, effects: int) -> int:
        """Nanoseconds of the one step; what it asked for is answered outside the time."""
        began = time.perf_counter_ns()
        out = step(self.e, event, self.now_ns)
        took = time.perf_counter_ns() - began
        assert len(out.effects) == effects, f"{len(out.effects)} effects, not {effects}: {out}"
        for effect in out.effects:
            for answer in self._answers(effect):
                self.hear(answer)
        return took

    def moved(self, number: int = 0) -> BookUpdate:
        self.bids[number] = BID if self.bids[number] > BID else BID + TICK
        return book(number, self.bids[number], self.now_ns)


class Case(Struct, frozen=True):
    says: str
    world: World
    one: Callable[[World], int]


def measure(size: Size) -> Part:
    rounds, count = size.of(15, 2), size.of(200, 5)
    pegs, markets = size.of(1000, 4), size.of(100, 2)
    cases = {
        "amend": Case("touch moves → amend intent", World(1, 1, "in_place", False), _moves),
        "cancel": Case(
            "touch moves → cancel intent (venue without amend)", World(1, 1, "none", False), _moves
        ),
        "place": Case("order gone → place intent", World(1, 1, "none", False), _places),
        "limited": Case("touch moves → amend intent, all limits set", World(1, 1, "in_place", True), _moves),
        "crowd": Case(
            f"order gone → place intent, on a desk of {pegs:,} pegs on {markets} markets, all limits set",
            World(pegs, markets, "none", True),
            _places_in_crowd,
        ),
        "same": Case("sizes change, touch stays → nothing to do", World(1, 1, "in_place", False), _sizes),
        "repeat": Case("the same book again", World(1, 1, "in_place", False), _repeats),
    }
    turns = in_turns(rounds, {name: _round(case, count) for name, case in cases.items()})
    return _part(cases, turns)


def _round(case: Case, count: int) -> Callable[[], list[float]]:
    def work() -> list[float]:
        took = []
        for _ in range(count):
            case.world.now_ns += SECOND_NS
            took.append(float(case.one(case.world)))
        return took

    return work


def _moves(w: World) -> int:
    return w.time(w.moved(), effects=1)


def _places(w: World) -> int:
    """The touch moves, the old order is cancelled; timed is the news of its end and the intent."""
    out = step(w.e, w.moved(), w.now_ns)
    (cancel,) = out.effects
    done, gone = w._answers(cancel)
    w.hear(done)
    return w.time(gone, effects=1)


def _places_in_crowd(w: World) -> int:
    """One bot of many: the others on its market wait their turn in the same step, so time all and divide."""
    out = step(w.e, w.moved(), w.now_ns)
    first, *others = [w._answers(effect) for effect in out.effects]
    for done, gone in others:
        w.hear(done)
        w.hear(gone)
    w.hear(first[0])
    return w.time(first[1], effects=1)


def _sizes(w: World) -> int:
    w.bids[0] = BID
    return w.time(book(0, BID, w.now_ns, Decimal(5 + w.now_ns // SECOND_NS % 2)), effects=0)


def _repeats(w: World) -> int:
    return w.time(book(0, BID, w.now_ns), effects=0)


def _part(cases: dict[str, Case], turns: dict[str, list[Spread]]) -> Part:
    part = Part(TITLE)
    for name in ("amend", "cancel", "place", "limited", "same"):
        p50 = middle(turns[name]).p50 / 1000
        part.budgets.append(Budget(cases[name].says + ", p50", p50, BUDGET_US, "µs"))
    rows = []
    for name, case in cases.items():
        found = middle(turns[name])
        rows.append((case.says, us(found.p50), us(found.p99), noise(turns[name])))
    part.tables = [Table(("µs per step", "p50", "p99", "p50, best–worst round"), rows)]
    count = middle(turns["amend"]).count
    part.says = [
        f"{len(turns['amend'])} rounds in turns, {count:,} steps each. Answers are heard outside the time."
    ]
    return part
