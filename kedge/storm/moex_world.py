"""A world of one real protocol and two markets: T-Invest, a future and its share, with the exchange's hours.

Every eighth wire seed is such a world. What is drawn beside the weather: when it begins (at noon, or just
before the clearing of the afternoon, the pause between the sessions, or the night), and how the venue answers
a key that was used before (with the order, or with 30057).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from kedge.engine.engine import RiskBook
from kedge.engine.state import Desk
from kedge.model import records as r
from kedge.model.limits import Limits
from kedge.model.numbers import ZERO, text
from kedge.model.order import TRIGGERED, State
from kedge.model.venue import PlaceOrder
from kedge.runtime.cell import Cell
from kedge.sim.exchange import Exchange, Reply
from kedge.sim.tape import Tape
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Hosted
from kedge.sim.testnet.house import Setup as House
from kedge.sim.testnet.options import Options
from kedge.sim.tinvest.rows import StopRow
from kedge.sim.tinvest.stops import BY_LIMIT, BY_MARKET, STOP_LOSS, TAKE_PROFIT
from kedge.sim.tinvest.testnet import TinvestTestnet
from kedge.storm.checks import Witness
from kedge.storm.crowd import MAKERS, PLENTY, TAKERS, Crowd
from kedge.storm.door import Pier
from kedge.storm.moex_people import moex_strangers, moex_wishes
from kedge.storm.people import Markets, Wish
from kedge.storm.plan import SECOND_NS, Plan, Spans
from kedge.storm.tinvest import TinvestWindow, adapter
from kedge.storm.window import View, Window
from kedge.storm.wire_harbour import BESTS_MOST, Best, Port, WireHarbour
from kedge.storm.wire_weather import CALLS, NET
from kedge.storm.wire_world import LATEST_NS, SPANS, WireWitness, WireWorld
from kedge.storm.wires import FrameFate, Rough, Way

# Monday 2026-11-23, midnight in Moscow.
MIDNIGHT_NS = 1_795_381_200 * SECOND_NS
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
OFTEN_NS = 20 * SECOND_NS
SHARE = View("main", "TQBR:GAZP", "GAZP")
FUTURE = View("main", "SPBFUT:GZZ6", "GZZ6")
TICKERS = ("GAZP",)


class Hours(Struct, frozen=True):
    """When a world begins, and how long it may take until everything can be evened out."""

    start_ns: int
    rest_ns: int
    tick_ns: int = SECOND_NS


NOON = Hours(MIDNIGHT_NS + 12 * HOUR_NS, 300 * SECOND_NS)
# Futures pause for five minutes; shares go on.
CLEARING = Hours(MIDNIGHT_NS + 14 * HOUR_NS, 700 * SECOND_NS)
# Shares pause from 18:40, futures from 18:50, both until 19:05.
PAUSE = Hours(MIDNIGHT_NS + 18 * HOUR_NS + 40 * MINUTE_NS, 1_900 * SECOND_NS)
# Both end at 23:50, and with them what is good for the day.
NIGHT = Hours(MIDNIGHT_NS + 23 * HOUR_NS + 50 * MINUTE_NS, 10 * HOUR_NS, 4 * SECOND_NS)
# From there on futures trade; shares have done so all along.
AFTERNOON = Hours(MIDNIGHT_NS + 14 * HOUR_NS + 5 * MINUTE_NS, 300 * SECOND_NS)
# Both begin.
EVENING = Hours(MIDNIGHT_NS + 19 * HOUR_NS + 5 * MINUTE_NS, 300 * SECOND_NS)
STARTS = (NOON, NOON, CLEARING, CLEARING, PAUSE, AFTERNOON, EVENING, NIGHT)
# The storm is longer than others: there has to be time before and after.
STORM_NS = 40 * SECOND_NS

PORT = Port("tinvest", "tinvest.storm", TinvestTestnet, adapter, FUTURE, Decimal(12_460))


def hours_of(plan: Plan) -> Hours:
    tape = Tape(plan.seed)
    hours = tape.pick("moex.hours", STARTS)
    before_ns = 5 * SECOND_NS + tape.draw("moex.before", 25 * SECOND_NS)
    return replace(hours, start_ns=hours.start_ns - before_ns)


class MoexWorld(WireWorld):
    def __init__(self, plan: Plan, trace: bool = False) -> None:
        self.hours = hours_of(plan)
        if plan.spans == Spans():
            plan = replace(plan, spans=replace(SPANS, storm_ns=STORM_NS, rest_ns=self.hours.rest_ns))
        super().__init__(plan, trace)

    def _harbours(self) -> Mapping[str, Pier]:
        self.loop.wall_start_ns = self.hours.start_ns
        self.markets = Markets("tinvest/main:GZZ6", "tinvest/main:GAZP")
        harbour = MoexHarbour(PORT, self.loop, self.tape, self.swarm, self.marks)
        harbour.calm_tick_ns = self.hours.tick_ns
        return {"tinvest": harbour}

    def _crowd(self, harbour: Pier) -> Crowd:
        assert isinstance(harbour, MoexHarbour)
        _admit(harbour)
        far = Crowd(harbour.exchange.inner, FUTURE.symbol, self.tape, PORT.price, Decimal(1), Decimal(1))
        near = Crowd(
            harbour.exchange.inner, SHARE.symbol, self.tape, Decimal("124.60"), Decimal("0.01"), Decimal(20)
        )
        crowd = Crowds(far, near)

        def reborn() -> None:
            _admit(harbour)
            crowd.move_to(harbour.exchange.inner)

        harbour.reborn = reborn
        return crowd

    def _witness(self) -> Witness:
        witness = MoexWitness(self.disk, self.harbours, self.marks)
        witness.least = Decimal(20)  # what is less than a lot stays, and is named
        return witness

    def _limits(self) -> RiskBook:
        return RiskBook(bot=Limits(orders_per_minute=200))

    def _drawn_wishes(self) -> list[Wish]:
        return moex_wishes(self.tape, self.plan.spans.storm_ns, self.markets)

    def _strangers(self) -> None:
        harbour = self.harbours["tinvest"]
        assert isinstance(harbour, MoexHarbour)
        harbour.add_strangers(moex_strangers(SHARE.symbol, harbour.now_ns()))

    def _halt(self, name: str) -> None:
        harbour = self.harbours[name]
        symbol = self.tape.pick("moex.halted", (FUTURE.name, SHARE.name))
        harbour.exchange.halt(symbol, True, harbour.now_ns())
        lasts_ns = SECOND_NS + self.tape.draw("halt-for", 6 * SECOND_NS)
        self._at(lasts_ns, lambda: harbour.exchange.halt(symbol, False, harbour.now_ns()))

    def _unhalt(self, name: str) -> None:
        harbour = self.harbours[name]
        for view in (FUTURE, SHARE):
            harbour.exchange.halt(view.name, False, harbour.now_ns())

    def _judge(self, cell: Cell) -> None:
        """Commissions are told a minute later."""
        self.loop.run_for(150 * SECOND_NS)
        super()._judge(self.engines.cell or cell)


class Sure(Rough):
    """A stream of gRPC loses no message. News of orders may all the same not be told by the venue, and are
    found by questions; a book that is not told is one that has not changed."""

    def frame(self, url: str, way: Way, frame: bytes) -> FrameFate:
        fate = super().frame(url, way, frame)
        return "fair" if fate == "dropped" and "MarketData" in url else fate


class MoexHarbour(WireHarbour):
    burnt: dict[str, None]
    weather_of = Sure
    carries = (*NET, *CALLS)
    closed_ns = 0  # how long one of the markets was shut
    _told_ns = 0

    def _options(self) -> Options:
        return Options(market="none", key="storm", secret="storm", sessions="calendar")

    def _host(self, setup: House) -> Hosted:
        hosted = TinvestTestnet(setup, only=TICKERS)
        if self._lives == 1:
            self.burnt = {}
            self._tops: dict[str, deque[tuple[int, Best]]] = {}
            faults = hosted.house.faults
            faults.arm(Fault("duplicates", value=self.tape.pick("moex.duplicates", ("state", "error"))))
            faults.arm(Fault("internal_first", value=self.tape.pick("moex.internal", ("on", "off"))))
        return hosted

    def _look(self, hosted: Hosted) -> Window:
        assert isinstance(hosted, TinvestTestnet)
        return TinvestWindow(hosted, (FUTURE, SHARE), self.burnt)

    def add_strangers(self, orders: list[PlaceOrder]) -> None:
        hosted = self.hosted
        assert isinstance(hosted, TinvestTestnet)
        for order in orders:
            take = order.kind in ("take", "take_limit")
            stop = StopRow(
                hosted.stops.next_id(),
                "main",
                order.symbol,
                order.side,
                int(order.qty) // 10,
                TAKE_PROFIT if take else STOP_LOSS,
                order.trigger_price,
                order.price,
                self.now_ns(),
                "",
                BY_LIMIT if order.price else BY_MARKET,
                1 if take else 0,
                order.expires_ns,
            )
            type(hosted.stops).add(hosted.stops, stop)

    def tell(self) -> None:
        """Stop orders that fire change the books, too."""
        super().tell()
        if not self.down:
            self.note_best()
            if not all(self.exchange.market(view.name).open for view in (FUTURE, SHARE)):
                self.closed_ns += self.now_ns() - (self._told_ns or self.now_ns())
            self._told_ns = self.now_ns()

    def note_best(self) -> None:
        """Remember what the best prices of both markets have been."""
        for view in (FUTURE, SHARE):
            report = self.exchange.inner.book(view.symbol, 1)
            if report.bids and report.asks:
                best = (report.bids[0].price, report.asks[0].price)
                tops = self._tops.setdefault(view.name, deque(maxlen=BESTS_MOST))
                if not tops or tops[-1][1] != best:
                    tops.append((self.now_ns(), best))

    def tops_since(self, name: str, since_ns: int) -> set[Best]:
        found: set[Best] = set()
        for at_ns, best in reversed(self._tops.get(name, ())):
            found.add(best)
            if at_ns < since_ns:
                break
        return found

    def check_bans(self) -> None:
        """It bans nobody."""


class MoexWitness(WireWitness):
    """The same checks, with keys that are burnt, and commissions that come as cash."""

    def _most_lookups(self) -> int:
        """A key cannot be burnt while nothing trades: a doubt may last until the opening, asked about two
        or three times a minute."""
        spared = [harbour.closed_ns // OFTEN_NS for harbour in self._moex()]
        return super()._most_lookups() - sum(spared)

    def _moex(self) -> list[MoexHarbour]:
        return [harbour for harbour in self.harbours.values() if isinstance(harbour, MoexHarbour)]

    def placed(self, harbour: Pier, account: str, order: PlaceOrder, reply: Reply) -> None:
        assert isinstance(harbour, MoexHarbour)
        self.read_journal()
        if order.client_id in harbour.burnt and reply.ok:
            self.broken("2 one order", f"{order.client_id} was burnt, and accepted afterwards")
        elif self._is_burn(order):
            self._burnt(harbour, order, reply)
        else:
            super().placed(harbour, account, order, reply)

    def cancelled(self, harbour: Pier, account: str, client_id: str, reply: Reply) -> None:
        assert isinstance(harbour, MoexHarbour)
        if client_id not in harbour.burnt and not self._twin_is_cancelled(client_id):
            super().cancelled(harbour, account, client_id, reply)

    def _twin_is_cancelled(self, client_id: str) -> bool:
        """Stop orders that are alike in every field may be known by each other's numbers: any of them will
        do."""
        self.read_journal()
        seen = self.fold.orders.get(client_id)
        if seen is None or seen.intent.kind not in TRIGGERED:
            return False
        looks = _looks(seen.intent)
        return any(other.cancels and _looks(other.intent) == looks for other in self.fold.orders.values())

    def _is_burn(self, order: PlaceOrder) -> bool:
        seen = self.fold.orders.get(order.client_id)
        if seen is None or seen.intent.qty == order.qty or order.side != "buy":
            return False
        return (order.kind == "limit" and order.tif == "ioc") or bool(
            order.kind == "take_limit" and order.expires_ns
        )

    def _burnt(self, harbour: MoexHarbour, order: PlaceOrder, reply: Reply) -> None:
        if not reply.ok:
            return
        self.marks.sometimes("key-burnt")
        harbour.burnt[order.client_id] = None
        if reply.order is not None and reply.order.cum_qty:
            self.broken("1 intent first", f"what burns the key of {order.client_id} has traded")

    def _book_is_true(self, harbour: WireHarbour, cell: Cell) -> None:
        assert isinstance(harbour, MoexHarbour)
        engine = cell.engine
        for view in (FUTURE, SHARE):
            market = f"{harbour.account}:{view.name}"
            now = engine.markets.get(market)
            if now is None or not now.watchers or not engine.fresh(now) or not (now.bids and now.asks):
                continue
            best = (now.bids[0].price, now.asks[0].price)
            since_ns = harbour.now_ns() - engine.links[harbour.account].rules.book_age_max_ns - LATEST_NS
            if best not in harbour.tops_since(view.name, since_ns):
                self.broken(
                    "13 true book", f"{market}: {best[0]} / {best[1]} is called fresh, and never was so"
                )

    def _positions_agree(self, harbour: Pier, account: str, live: Desk) -> None:
        truth = {one.symbol: one.qty for one in harbour.exchange.positions(account)}
        for market, net in live.nets.items():
            symbol = market.partition(":")[2]
            if truth.get(symbol, ZERO) != net:
                self.broken("4 positions", f"{market}: ledger {text(net)}, venue {truth.get(symbol, ZERO)}")

    def _orders_agree(self, harbour: Pier, account: str, live: Desk) -> None:
        self._find_twins(harbour, account, live)
        super()._orders_agree(harbour, account, live)

    def _find_twins(self, harbour: Pier, account: str, live: Desk) -> None:
        """Of two stop orders alike, the desk may hold the one for lost whose key was used, and the other for
        what came of it. That is as good, so long as it is one for one."""
        assert isinstance(harbour, MoexHarbour)
        window, known = harbour.exchange, live.accounts.get(account)
        assert isinstance(window, TinvestWindow)
        lost = [one for one in known.orders.values() if one.state is State.LOST] if known else []
        for client_id in harbour.burnt:
            order = known.orders.get(client_id) if known else None
            if order is None or order.state in (State.LOST, State.REJECTED) or order.kind not in TRIGGERED:
                continue
            looks = _looks(self.fold.orders[client_id].intent)
            for other in lost:
                alike = _looks(self.fold.orders[other.client_id].intent) == looks
                if alike and other.client_id not in harbour.burnt and other.client_id not in window.twins:
                    window.twins |= {client_id: other.client_id, other.client_id: client_id}
                    break

    def _cash_booked_once(self, harbour: Pier, account: str) -> None:
        window = harbour.exchange
        assert isinstance(window, TinvestWindow)
        cash = [one.record.cash for one in self.disk.entries() if isinstance(one.record, r.CashMoved)]
        booked = -sum((one.amount for one in cash if one.kind == "fee"), ZERO)
        if booked != window.fees():
            self.broken("4 money", f"commissions of {text(window.fees())}, booked {text(booked)}")


def _looks(intent: r.Intent) -> tuple[object, ...]:
    return (intent.market, intent.side, intent.qty, intent.kind, intent.trigger_price, intent.price)


class Crowds(Crowd):
    """The crowds of both markets, as one."""

    def __init__(self, far: Crowd, near: Crowd) -> None:
        self.far, self.near = far, near
        self.symbol = far.symbol

    def move_to(self, exchange: Exchange) -> None:
        self.far.move_to(exchange)
        self.near.move_to(exchange)

    def turn(self, now_ns: int, jump: bool) -> None:
        for crowd in (self.far, self.near):
            if crowd.exchange.market(crowd.symbol).open:
                crowd.turn(now_ns, jump)


def _admit(harbour: MoexHarbour) -> None:
    """Makers and takers; a venue that died before it wrote them down has to be told again."""
    exchange = harbour.exchange.inner
    for other in (MAKERS, TAKERS):
        if not exchange.has_account(other):
            exchange.open_account(other, house=True)
            exchange.transfer(other, "rub", PLENTY, harbour.now_ns())
