"""The USDⓈ-M futures side of the venue, put together: what it learns, what it tells, what it is asked.

Reading order: `facts` (what is remembered), `listings` and `rules` (what there is), `wishes` and `entry`
(orders), `algos` (conditionals), `ledger` (what the exchange does becomes papers and events), `account`,
`market`, `questions`, `desk`; then `operations` and `door` (requests), `topics` and `streams` (what is said).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from kedge.model.venue import Cash, Fill
from kedge.sim.binance.common import Refused, refused
from kedge.sim.binance.house import BinanceHouse, outer, owner_of
from kedge.sim.binance.sockets import GOING_AWAY
from kedge.sim.binance.usdm.account import Accounts
from kedge.sim.binance.usdm.algos import Conditionals, Prices
from kedge.sim.binance.usdm.ask import Ask
from kedge.sim.binance.usdm.bodies import Body
from kedge.sim.binance.usdm.desk import Desk
from kedge.sim.binance.usdm.door import Door
from kedge.sim.binance.usdm.entry import Entry
from kedge.sim.binance.usdm.events import shout
from kedge.sim.binance.usdm.facts import Books, FillFact, Memory, OrderFact, leg_of
from kedge.sim.binance.usdm.ledger import Ledger
from kedge.sim.binance.usdm.listeners import Listeners
from kedge.sim.binance.usdm.listings import MS, Listings, rounded
from kedge.sim.binance.usdm.market import MarketData
from kedge.sim.binance.usdm.operations import Keys, Op, rest_operations, socket_operations
from kedge.sim.binance.usdm.outbox import Outbox
from kedge.sim.binance.usdm.questions import Questions
from kedge.sim.binance.usdm.rules import HANDSHAKE_WEIGHT
from kedge.sim.binance.usdm.streams import Streams
from kedge.sim.binance.usdm.switches import Switches
from kedge.sim.binance.usdm.timers import Timers
from kedge.sim.binance.usdm.topics import Sources
from kedge.sim.binance.usdm.weather import Weather
from kedge.sim.binance.usdm.wsapi import API_PATH, ApiSocket
from kedge.sim.exchange import (
    BookChanged,
    CashMoved,
    FillMade,
    Happening,
    MarkMoved,
    OrderChanged,
    TradePrinted,
)
from kedge.sim.testnet.listings import wallet
from kedge.sim.testnet.web import Line, Reply, Request, Visitor

NOT_FOUND = Reply(404, b"Not Found", kind="text/plain")
SECOND_NS = 10**9
PAGE = 1_000


class UsdmTestnet:
    def __init__(self, house: BinanceHouse, switches: Switches | None = None) -> None:
        self.house = house
        self.switches = switches or Switches()
        exchange = house.exchange
        self.listings = Listings(house)
        self.memory = Memory(house.keeper)
        self.outbox = Outbox()
        self.market = MarketData(house, self.listings, self.memory)
        self.ledger = Ledger(self.memory, exchange, self.listings, self.outbox)
        self.entry = Entry(self.memory, exchange, self.listings, self.ledger, self.switches)
        self.algos = Conditionals(
            self.memory, exchange, self.listings, self.entry, self.outbox, self.switches
        )
        self.accounts = Accounts(self.memory, exchange, self.listings, self.outbox)
        self.listeners = Listeners(self.memory)
        self.timers = Timers(self.memory, self.entry, self.algos)
        self.sources = Sources(house, self.listings, self.market)
        self.streams = Streams(self.sources, self.listeners, self.switches)
        self.ledger.on_order = self.algos.order_moved
        self.ledger.on_forced = self._forced
        weather = Weather(
            house.faults,
            lambda fault: self.listeners.expire(fault.account, house.now_ns()),
            lambda fault: self.switches.turn(fault.value),
        )
        self.door = Door(house, weather, self.wake)
        self._methods = self._join_operations(weather)
        self._sockets: dict[int, ApiSocket] = {}
        self._made = 0
        self._second = 0
        self._catch_up()

    def _join_operations(self, weather: Weather) -> dict[str, Op]:
        desk = Desk(self.house, self.memory, self.listings, self.entry, self.algos, self.accounts)
        asked = Questions(self.memory, self.listings, self.entry, self.algos, weather)
        keys = Keys(self._start_key, self._renew_key, self._stop_key)
        self.door.operations = rest_operations(self.market, desk, asked, keys)
        return socket_operations(self.market, desk, asked, keys)

    # ── learning ────────────────────────────────────────────────────────────────────────────────

    def learn(self, news: Sequence[Happening]) -> None:
        """Put down what the exchange has done on this side of the house."""
        for happening in news:
            if isinstance(happening, OrderChanged | FillMade | CashMoved):
                account = owner_of("usdm", happening.account)
                if account:
                    self._learn_private(account, happening)
            elif isinstance(happening, BookChanged | TradePrinted | MarkMoved):
                symbol = outer("usdm", happening.symbol)
                if symbol:
                    self._learn_public(symbol, happening)

    def _learn_private(self, account: str, happening: OrderChanged | FillMade | CashMoved) -> None:
        if isinstance(happening, OrderChanged):
            self.ledger.order_changed(account, happening.order, happening.order.venue_ns)
        elif isinstance(happening, FillMade):
            self._learn_fill(account, happening.fill)
        else:
            self._learn_cash(account, happening.cash)

    def _learn_fill(self, account: str, fill: Fill) -> None:
        symbol = outer("usdm", fill.symbol)
        self.ledger.filled(account, symbol, fill, self.market.tape(symbol).number(_execution(fill)))
        self.entry.trim_legs(account, symbol, fill.venue_ns)

    def _learn_cash(self, account: str, cash: Cash) -> None:
        self.ledger.cash_moved(account, outer("usdm", cash.symbol), cash)

    def _learn_public(self, symbol: str, happening: BookChanged | TradePrinted | MarkMoved) -> None:
        if isinstance(happening, BookChanged):
            self.market.tape(symbol).changed(happening)
            return
        if isinstance(happening, TradePrinted):
            self.market.printed(symbol, happening)
            mark = self.house.exchange.market(happening.symbol).mark
            prices = Prices(happening.price, mark)
        else:
            self.market.marked(symbol, happening)
            prices = Prices(happening.last or happening.mark, happening.mark)
            for account, books in self.memory.accounts.items():
                if books.settings.called_ns or leg_of(books.settings, symbol, "BOTH").qty:
                    self.accounts.call(account, happening.venue_ns)
        self.algos.watch(symbol, prices, happening.venue_ns)

    def _catch_up(self) -> None:
        """What happened before this side was there: the exchange's fills and orders are the truth."""
        exchange = self.house.exchange
        for name in exchange.accounts():
            account = owner_of("usdm", name)
            if not account:
                continue
            books = self.memory.books(account)
            missed = self._missed(name, books)
            for one in sorted(missed, key=lambda one: one.venue_ns):
                if isinstance(one, Fill):
                    self._learn_fill(account, one)
                else:
                    self._learn_cash(account, one)
            for number in tuple(books.open):
                report = exchange.order(wallet(account, "usdm"), "", str(number))
                if report is not None:
                    self.ledger.order_changed(account, report, report.venue_ns)

    def _missed(self, name: str, books: Books) -> list[Fill | Cash]:
        """Fills and money that were not written down."""
        exchange = self.house.exchange
        found: list[Fill | Cash] = []
        cursor, more = "", True
        while more:
            fills = exchange.fills(name, cursor, PAGE)
            found += [fill for fill in fills.items if int(fill.exec_id) > books.settings.last_fill]
            cursor, more = fills.cursor, fills.more
        cursor, more = "", True
        while more:
            moves = exchange.cash(name, cursor, PAGE)
            found += [cash for cash in moves.items if int(cash.cash_id) > books.settings.last_cash]
            cursor, more = moves.cursor, moves.more
        return found

    def _forced(self, order: OrderFact, fill: FillFact) -> None:
        """Keep the largest liquidation of each second, for the public."""
        symbol = order.symbol
        known = self.sources.forced.get(symbol)
        qty = self.listings.qty(symbol, order.cum_qty)
        if known is not None and Decimal(str(known["z"])) >= order.cum_qty:
            return
        body: Body = {
            "s": symbol,
            "S": shout(order.side),
            "o": "LIMIT",
            "f": "IOC",
            "q": self.listings.qty(symbol, order.qty),
            "p": self.listings.price(symbol, order.price),
            "ap": rounded(order.average, self.listings[symbol].price_precision),
            "X": order.status,
            "l": self.listings.qty(symbol, fill.qty),
            "z": qty,
            "T": fill.time_ns // MS,
        }
        self.sources.forced[symbol] = body

    # ── telling ─────────────────────────────────────────────────────────────────────────────────

    def tell(self) -> None:
        """Say what was learnt: it is on disk."""
        told = self.outbox.take()
        if not self.switches.trade_lite:
            told = [one for one in told if one[1]["e"] != "TRADE_LITE"]
        self.streams.tell(told)
        for tape in self.market.tapes():
            tape.told()

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def http(self, request: Request) -> Reply:
        return self.door.http(request)

    def socket(self, request: Request, line: Line) -> Visitor | Reply:
        if request.path.rstrip("/") != API_PATH:
            return self.streams.open(request, line) or NOT_FOUND
        now_ns = self.house.now_ns()
        try:
            self.door.weights.take(request.peer, HANDSHAKE_WEIGHT, now_ns)
        except Refused as no:
            return refused(no)
        shows = "returnRateLimits=false" not in request.query
        socket = ApiSocket(self.door, self._methods, line, request.peer, shows_limits=shows)
        self._made += 1
        self._sockets[self._made] = socket
        return socket

    def _start_key(self, ask: Ask) -> Body:
        return {"listenKey": self.listeners.start(ask.account, ask.now_ns)}

    def _renew_key(self, ask: Ask) -> Body:
        return {"listenKey": self.listeners.renew(ask.account, ask.now_ns)}

    def _stop_key(self, ask: Ask) -> Body:
        key = self.listeners.stop(ask.account, ask.now_ns)
        if key:
            self.streams.stop_key(key)
        return {}

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def wake(self, now_ns: int) -> None:
        """Do what is due by itself before anything else happens at this moment."""
        if self.timers.run(now_ns):
            self.house.settle()

    def tick(self) -> None:
        """Time has passed, and the news of it was learnt and told."""
        now_ns = self.house.now_ns()
        self.wake(now_ns)
        self.streams.tick(now_ns)
        if now_ns // SECOND_NS != self._second:
            self._second = now_ns // SECOND_NS
            self.sources.forced.clear()
        for number, socket in tuple(self._sockets.items()):
            socket.pace(now_ns)
            if socket.closed:
                del self._sockets[number]

    def stats(self) -> dict[str, Any]:
        return {
            "refused": self.door.weights.refused,
            "bans": self.door.weights.bans,
            "streams": len(self.streams.readers),
            "apis": len(self._sockets),
            "accounts": len(self.memory.accounts),
        }

    def close(self) -> None:
        self.streams.close()
        for socket in tuple(self._sockets.values()):
            socket.end(GOING_AWAY, "Going away")


def _execution(fill: Fill) -> int:
    """The number that both sides of a trade and the public know it by: the maker's."""
    number = int(fill.exec_id)
    return number - 1 if fill.venue_id and not fill.maker else number
