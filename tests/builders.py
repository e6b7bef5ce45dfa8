"""Small builders for tests of the pure rooms: an engine whose whole world is the test itself.

    t = Trial()                          one account, "paper/main", connected, reconciled, with a fresh book
    t.add("h", "hedge", market=PERP, qty="0.05")
    place = t.placed()                   the one order that was sent since the last look
    t.opened(place); t.fill(place, "0.02"); t.wait(3)
    t.restart()                          the next life, from the bytes of this one

Every step is checked on the way: an order leaves only after its intent, a slot has at most one unresolved
order, and the records folded anew give the live state (`t.check()`, called by `restart` too).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal as D
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import Raw, Struct

from kedge.bots import BUILT_IN
from kedge.engine.apply import apply
from kedge.engine.bot import Bot, Decision, View
from kedge.engine.effects import AskReport, Cancel, Effect, Lookup, Place
from kedge.engine.engine import Engine, RiskBook
from kedge.engine.state import BotRow, Desk, Order, Slot, decode_desk, digest, encode_desk
from kedge.engine.step import born, next_ns, step
from kedge.engine.wants import Rest, Target, Want
from kedge.model import records as r
from kedge.model.events import (
    Answered,
    BookLost,
    BookUpdate,
    Command,
    Event,
    FillNews,
    LinkDown,
    LinkUp,
    LookedUp,
    OrderNews,
    Reported,
    Request,
    Tick,
)
from kedge.model.instrument import Instrument, account_of, symbol_of
from kedge.model.order import LIVE, Side, State, Tif
from kedge.model.records import Role
from kedge.model.venue import (
    AccountReport,
    Answer,
    Balance,
    Cash,
    Fill,
    Level,
    OrderReport,
    PlaceOrder,
    Rules,
    VenuePosition,
)

SECOND = 1_000_000_000
DESK_ID = 0xDE5C
# A Tuesday at 09:00 UTC: storms and tests far from a change of day, unless they want one.
START = 1_760_432_400 * SECOND
MAIN, OTHER = "paper/main", "other/main"
PERP, NEAR = "paper/main:BTC-PERP", "other/main:BTC-PERP"
RULES = Rules(venue="paper", as_of="tests")
E = TypeVar("E")


def perp(symbol: str = "BTC-PERP", **more: Any) -> Instrument:
    settings: dict[str, Any] = {
        "kind": "linear",
        "base": "BTC",
        "quote": "USD",
        "settle": "USD",
        "tick": D("0.5"),
        "qty_step": D("0.001"),
        "min_qty": D("0.001"),
        "min_notional": D(5),
    }
    return Instrument(symbol=symbol, **{**settings, **more})


# ── a bot that does as it is told ───────────────────────────────────────────────────────────────


class PuppetConfig(Struct, frozen=True, forbid_unknown_fields=True):
    markets: tuple[str, ...] = (PERP,)


class PuppetState(Struct, frozen=True, omit_defaults=True):
    mark: int = 0


Act = Callable[[Any], Decision[Any]]


class Puppet(Bot[PuppetConfig, PuppetState]):
    """`acts` says, per bot's name, what it decides; without one it wants nothing."""

    kind = "puppet"
    summary = "Does as a test tells it."
    Config = PuppetConfig
    State = PuppetState
    words: ClassVar[Mapping[str, str]] = {"hello": "Greets."}

    def __init__(self) -> None:
        self.acts: dict[str, Act] = {}
        self.seen: list[Any] = []

    def markets(self, config: PuppetConfig) -> tuple[str, ...]:
        return config.markets

    def decide(self, view: View[PuppetConfig, PuppetState]) -> Decision[PuppetState]:
        self.seen.append(view)
        act = self.acts.get(view.name)
        return act(view) if act else Decision(view.state)


def rest(
    side: Side, price: Any, qty: Any, slot: str = "main", tif: Tif = "gtc", role: Role = "risk", **more: Any
) -> Rest:
    market = more.pop("market", PERP)
    return Rest(slot, market, side, D(str(price)), D(str(qty)), tif=tif, role=role, **more)


def target(net: Any, slot: str = "main", market: str = PERP, **more: Any) -> Target:
    return Target(slot, market, D(str(net)), **more)


def wanting(*wants: Want) -> Act:
    """A decision that wants these, whatever happens."""
    return lambda view: Decision(view.state, wants=wants)


def up_to(side: Side, price: Any, qty: Any, slot: str = "main", **more: Any) -> Act:
    """Rests what is left of `qty` at `price`: the level-triggered way to say an amount."""

    def act(view: Any) -> Decision[Any]:
        left = D(str(qty)) - view.slot(slot).traded(side)
        return Decision(view.state, wants=(rest(side, price, left, slot, **more),) if left > 0 else ())

    return act


# ── the trial ───────────────────────────────────────────────────────────────────────────────────


class Trial:
    """An engine and everything that happened to it."""

    def __init__(
        self,
        *,
        accounts: tuple[str, ...] = (MAIN,),
        instruments: tuple[Instrument, ...] = (),
        rules: Rules = RULES,
        limits: RiskBook | None = None,
        kinds: Mapping[str, Bot[Any, Any]] | None = None,
        connect: bool = True,
        bid: Any = 60000,
        now_ns: int = START,
    ) -> None:
        self.puppet = Puppet()
        self.kinds: dict[str, Bot[Any, Any]] = {**BUILT_IN, "puppet": self.puppet, **(kinds or {})}
        self.rules = dict.fromkeys(accounts, rules)
        self.limits = limits
        self.instruments = {name: instruments or (perp(),) for name in accounts}
        self.now_ns = now_ns
        self.life = 0
        self.entries: list[tuple[int, r.Record]] = []
        self.effects: list[Effect] = []
        self.asked: dict[str, PlaceOrder] = {}
        self.positions: dict[str, dict[str, D]] = {name: {} for name in accounts}
        self._execs = 0
        self.bid = D(str(bid))
        self.e = self._engine(Desk())
        if connect:
            self.connect()

    def _engine(self, desk: Desk) -> Engine:
        self.life += 1
        self.e = Engine(desk, self.kinds, self.rules, self.limits, version="tests")
        self._take(born(self.e, self.now_ns, DESK_ID, "main", self.life))
        return self.e

    def _take(self, out: Any) -> Any:
        intents = {x.client_id for x in out.records if isinstance(x, r.Intent)}
        for effect in out.effects:
            if isinstance(effect, Place):
                assert effect.order.client_id in intents, "an order without its intent in the same commit"
                assert effect.order.client_id not in self.asked, "sent twice"
                self.asked[effect.order.client_id] = effect.order
        self.entries += [(self.e.now_ns, record) for record in out.records]
        self.effects += out.effects
        for bot in self.e.desk.bots.values():
            for slot in bot.slots.values():
                live = [i for i in slot.orders if self.order(i).state in LIVE]
                assert len(live) <= 1 or self._came_back(live), f"{bot.name}/{slot.name}: {live}"
        return out

    def _came_back(self, live: list[str]) -> bool:
        """Two live orders in one slot are possible only where a conclusion of absence was wrong."""
        ended = [x.client_id for _, x in self.entries if isinstance(x, r.OrderMoved) and x.move == "absent"]
        return any(i in ended for i in live)

    # ── the passing of things ───────────────────────────────────────────────────────────────────

    def hear(self, event: Event) -> Any:
        return self._take(step(self.e, event, self.now_ns))

    def wait(self, seconds: Any, keep_books: bool = False) -> None:
        """Let time pass; timers run when they are due."""
        until = self.now_ns + int(D(str(seconds)) * SECOND)
        again = self.now_ns + SECOND
        for _ in range(100_000):
            due = next_ns(self.e)
            moment = min(until, due) if due is not None else until
            if keep_books and again < moment:
                moment = again
            self.now_ns = max(self.now_ns, moment)
            if keep_books and self.now_ns >= again:
                again = self.now_ns + SECOND
                self._refresh()
            if due is not None and due <= self.now_ns:
                self.hear(Tick())
            elif self.now_ns >= until:
                return
        raise AssertionError("timers never come to rest")

    def _refresh(self) -> None:
        for name, market in list(self.e.markets.items()):
            if market.bids or market.asks:
                self.hear(BookUpdate(name, market.bids, market.asks, self.now_ns))

    def run_until(self, holds: Callable[[], bool], seconds: int = 120) -> None:
        for _ in range(seconds * 4):
            if holds():
                return
            self.wait("0.25", keep_books=True)
        raise AssertionError(f"it did not come to that within {seconds} s")

    def restart(self, gone_s: Any = 1, connect: bool = True) -> None:
        """Die here; be born again from what is durable, through bytes."""
        self.check()
        self.now_ns += int(D(str(gone_s)) * SECOND)
        self.effects.clear()
        self._engine(decode_desk(encode_desk(self.e.desk)))
        if connect:
            self.connect()

    def check(self) -> None:
        """Replay equals live."""
        replayed = Desk()
        for ts_ns, record in self.entries:
            apply(replayed, r.decode(r.encode(record)), ts_ns)
        assert digest(replayed) == digest(self.e.desk)

    # ── venues ──────────────────────────────────────────────────────────────────────────────────

    def connect(self, *names: str, bid: Any = None) -> None:
        for name in names or self.rules:
            self.hear(LinkUp(name, self.rules[name]))
            self.report(name)
            for instrument in self.instruments[name]:
                self.book(bid, market=f"{name}:{instrument.symbol}")

    def cut(self, name: str = MAIN, why: str = "the line was cut") -> None:
        self.hear(LinkDown(name, why))

    def book(self, bid: Any = None, ask: Any = None, market: str = PERP, qty: Any = 5) -> None:
        """A book of two levels a side around `bid`; the ask is one tick above unless it is given."""
        at = self.bid if bid is None else D(str(bid))
        instrument = next(i for i in self.instruments[account_of(market)] if i.symbol == symbol_of(market))
        over = at + instrument.tick if ask is None else D(str(ask))
        size = D(str(qty))
        bids = (Level(at, size), Level(at - instrument.tick, size))
        asks = (Level(over, size), Level(over + instrument.tick, size))
        self.hear(BookUpdate(market, bids, asks, self.now_ns))

    def levels(self, bids: list[tuple[Any, Any]], asks: list[tuple[Any, Any]], market: str = PERP) -> None:
        def side(levels: list[tuple[Any, Any]]) -> tuple[Level, ...]:
            return tuple(Level(D(str(p)), D(str(q))) for p, q in levels)

        self.hear(BookUpdate(market, side(bids), side(asks), self.now_ns))

    def lose_book(self, market: str = PERP, why: str = "a gap") -> None:
        self.hear(BookLost(market, why))

    def report(
        self,
        account: str = MAIN,
        *,
        orders: tuple[OrderReport, ...] = (),
        fills: tuple[Fill, ...] = (),
        cash: tuple[Cash, ...] = (),
        positions: Mapping[str, Any] | None = None,
        balances: tuple[Balance, ...] = (),
        complete: bool = True,
        cursor: str = "",
        asked_ns: int | None = None,
    ) -> Any:
        """The account's report, as if it had been asked for; positions are those of the fills told."""
        for fill in fills:
            self._move(account, fill)
        held = {k: D(str(v)) for k, v in (positions or self.positions[account]).items()}
        shown = tuple(VenuePosition(s, q, self.bid) for s, q in held.items() if q)
        self.e.links[account].asking = True
        return self.hear(
            Reported(
                account,
                AccountReport(
                    self.now_ns if asked_ns is None else asked_ns,
                    orders,
                    fills,
                    cash,
                    shown,
                    balances,
                    self.instruments[account],
                    cursor,
                    complete,
                ),
            )
        )

    def _move(self, account: str, fill: Fill) -> None:
        if fill.exec_id in self.e.desk.account(account).seen:
            return
        held = self.positions[account]
        held[fill.symbol] = held.get(fill.symbol, D(0)) + (fill.qty if fill.side == "buy" else -fill.qty)

    # ── what was sent, and what becomes of it ───────────────────────────────────────────────────

    def take(self, sort: type[E]) -> list[E]:
        """The effects of one sort since they were last taken."""
        found = [x for x in self.effects if isinstance(x, sort)]
        self.effects = [x for x in self.effects if not isinstance(x, sort)]
        return found

    def placed(self) -> PlaceOrder:
        """The one order that was sent; nothing else was."""
        places = self.take(Place)
        assert len(places) == 1, f"{len(places)} orders were sent: {places}"
        return places[0].order

    def cancelled(self) -> str:
        cancels = self.take(Cancel)
        assert len(cancels) == 1, f"{len(cancels)} cancels were sent"
        return cancels[0].client_id

    def nothing_sent(self) -> None:
        places = self.take(Place)
        assert not places, f"sent: {places}"

    def order(self, of: PlaceOrder | str) -> Order:
        found = self.e.desk.order(of if isinstance(of, str) else of.client_id)
        assert found is not None
        return found

    def answer(
        self, of: PlaceOrder | str, answer: Answer, reason: str = "", request: Request = "place", **more: Any
    ) -> Any:
        client_id = of if isinstance(of, str) else of.client_id
        account = self.order(client_id).account
        return self.hear(Answered(account, request, client_id, answer, reason, **more))

    def opened(self, place: PlaceOrder) -> PlaceOrder:
        """The venue took it and shows it live."""
        self.answer(place, Answer.DONE, order=self.seen(place))
        return place

    def seen(
        self, of: PlaceOrder, state: State = State.OPEN, cum: Any = 0, version: int = 0, **more: Any
    ) -> OrderReport:
        more.setdefault("price", of.price)
        return OrderReport(
            client_id=of.client_id,
            venue_id="v" + of.client_id[-4:],
            symbol=of.symbol,
            side=of.side,
            qty=more.pop("qty", of.qty),
            cum_qty=D(str(cum)),
            state=state,
            venue_ns=more.pop("venue_ns", self.now_ns),
            version=version,
            **more,
        )

    def news(
        self, of: PlaceOrder, state: State, cum: Any = 0, version: int = 0, account: str = MAIN, **more: Any
    ) -> Any:
        return self.hear(OrderNews(account, self.seen(of, state, cum, version, **more)))

    def a_fill(
        self, of: PlaceOrder, qty: Any, price: Any = None, exec_id: str = "", fee: Any = 0, **more: Any
    ) -> Fill:
        self._execs += 1
        return Fill(
            exec_id=exec_id or f"x{self._execs}",
            client_id=of.client_id,
            venue_id="v" + of.client_id[-4:],
            symbol=of.symbol,
            side=of.side,
            qty=D(str(qty)),
            price=of.price if price is None else D(str(price)),
            fee=D(str(fee)),
            fee_asset=more.pop("fee_asset", "USD"),
            venue_ns=more.pop("venue_ns", self.now_ns),
            **more,
        )

    def fill(self, of: PlaceOrder, qty: Any, price: Any = None, account: str = MAIN, **more: Any) -> Fill:
        fill = self.a_fill(of, qty, price, **more)
        self._move(account, fill)
        self.hear(FillNews(account, fill))
        return fill

    def found(self, of: PlaceOrder, state: State, cum: Any = 0, account: str = MAIN, **more: Any) -> Any:
        report = self.seen(of, state, cum, **more)
        return self.hear(LookedUp(account, of.client_id, self.now_ns, report))

    def not_found(self, of: PlaceOrder, asked_ns: int | None = None, account: str = MAIN) -> Any:
        asked = self.now_ns if asked_ns is None else asked_ns
        return self.hear(LookedUp(account, of.client_id, asked))

    # ── people ──────────────────────────────────────────────────────────────────────────────────

    def command(self, verb: str, /, command_id: str = "", **args: Any) -> r.CommandTaken:
        self._execs += 1
        key = command_id or f"c{self._execs}"
        out = self.hear(Command(key, "ann", "tests", verb, Raw(msgspec.json.encode(args))))
        taken = [x for x in out.records if isinstance(x, r.CommandTaken)]
        if not taken:
            ok, says = self.e.desk.commands[key]
            return r.CommandTaken(key, "ann", "tests", verb, Raw(b"{}"), ok, says)
        return taken[0]

    def add(self, name: str, kind: str = "puppet", **config: Any) -> BotRow:
        taken = self.command("bot.add", name=name, kind=kind, config=config)
        assert taken.ok, taken.says
        return self.bot(name)

    def play(self, name: str, act: Act, *, markets: tuple[str, ...] = (PERP,)) -> BotRow:
        """Have a puppet do this from now on; it is added where there is none yet."""
        self.puppet.acts[name] = act
        if name not in self.e.desk.bots:
            return self.add(name, markets=markets)
        self.poke(name)
        return self.bot(name)

    def poke(self, name: str) -> None:
        """Have a bot decide again."""
        self.e.touch(name)
        self.hear(Tick())

    def tell(self, name: str, text: str) -> r.CommandTaken:
        return self.command("bot.tell", name=name, text=text)

    # ── looking ─────────────────────────────────────────────────────────────────────────────────

    def bot(self, name: str) -> BotRow:
        return self.e.desk.bots[name]

    def slot(self, bot: str, slot: str = "main") -> Slot:
        return self.bot(bot).slots[slot]

    def held(self, bot: str, slot: str = "main") -> str:
        return self.e.bots[bot].held.get(slot, "")

    def state(self, bot: str) -> Any:
        return self.e.bots[bot].state

    def records(self, sort: type[E]) -> list[E]:
        return [x for _, x in self.entries if isinstance(x, sort)]

    def notes(self, bot: str = "") -> list[str]:
        return [x.text for x in self.records(r.Noted) if x.bot == bot]

    def alarms(self) -> list[str]:
        return [x.text for x in self.records(r.Noted) if x.level == "alarm"]

    def lookups(self) -> list[str]:
        return [x.client_id for x in self.take(Lookup)]

    def reports_asked(self) -> int:
        return len(self.take(AskReport))


def pair_trial(**more: Any) -> Trial:
    """Two accounts, each with the same perpetual, ready to trade."""
    return Trial(accounts=(MAIN, OTHER), **more)
