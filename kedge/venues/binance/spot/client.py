"""Binance spot as the engine's shell sees it: `Venue`, over whatever `Wires` it is given.

    knock     the clock, the key's rights, the account, the instruments: by REST, before every connection
    private   the WS API line that hears the account; while it is up, so is the account
    orders    the WS API line that takes deeds; while it is away, they go by REST
    streams   books, prices, trades, bars: a fault there costs books, not the link

What is doubtful is treated as broken: an unreadable frame, a stream that ended, a clock too far behind. A new
connection and a report cost little; a missed fill does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from kedge.model.events import (
    Answered,
    BalanceNews,
    CashNews,
    FillNews,
    InstrumentSeen,
    LookedUp,
    OrderNews,
    Request,
)
from kedge.model.instrument import Instrument
from kedge.model.venue import (
    AccountReport,
    Answer,
    Ask,
    Balance,
    Bar,
    Feed,
    OrderReport,
    PlaceOrder,
    Quote,
    Rules,
)
from kedge.venues.binance import errors, rights
from kedge.venues.binance.chores import Chores
from kedge.venues.binance.errors import Failure, sentence_of
from kedge.venues.binance.sign import Signer, query_of, signer_of
from kedge.venues.binance.spot import asks, market, rules, us, wire
from kedge.venues.binance.spot.asking import OPEN_ORDERS_PATH, Asking
from kedge.venues.binance.spot.deeds import CANCEL_COST, PLACE_COST, Deed, Deeds
from kedge.venues.binance.spot.history import Past
from kedge.venues.binance.spot.market import ExchangeInfo, Listing
from kedge.venues.binance.spot.names import Names
from kedge.venues.binance.spot.questions import Matter, Questions
from kedge.venues.binance.spot.quotes import Quotes
from kedge.venues.binance.spot.rules import BINANCE_SPOT_RULES, Options
from kedge.venues.binance.spot.session import Session
from kedge.venues.binance.spot.streams import Streams
from kedge.venues.binance.spot.trades import OVERLAP_MS
from kedge.venues.binance.spot.uses import Uses
from kedge.venues.binance.spot.wire import (
    AccountPosition,
    AccountSaid,
    BalanceUpdate,
    ExecutionReport,
    Private,
    Unreadable,
)
from kedge.venues.life import Life
from kedge.venues.rest import Call, Rest, Waits
from kedge.venues.silence import Refused, Silence
from kedge.venues.skew import Skew
from kedge.venues.timing import Every
from kedge.venues.venue import Clock, Condition, Emit, Setup
from kedge.venues.wires import Wires

PART = "account"
TIME = Call("GET", "/api/v3/time", cost=((rules.WEIGHT, rules.W_TIME),), signed=False)
# Symbols of which the account holds both sides: where others may have traded for it while nobody listened.
OTHERS_MAX = 30
SYMBOLS_AT_ONCE = 50
SECOND_NS = 1_000_000_000
# Whatever refusals say of filters, the instruments are not asked for more often.
REFRESH_NS = 60 * SECOND_NS
MAY_NOT_TRADE = (
    "the venue says that this account may not trade: finish its verification, or ask the venue's support"
)
NO_AMEND = "not sent: Binance spot changes no order's price in place; cancel it and place the rest"
NO_DEAD_MAN = "Binance spot has no dead-man switch: if this machine dies, its orders stay"
NO_LEVERAGE = "Binance spot has no leverage and no margin mode: take them out of this account's settings"


class BinanceSpotVenue:
    def __init__(self, setup: Setup, wires: Wires, clock: Clock, options: Options | None = None) -> None:
        self.account = setup.account
        self.rules: Rules = BINANCE_SPOT_RULES
        self.options = options or Options()
        self._setup = setup
        self._wires = wires
        self._clock = clock
        self._hosts = rules.hosts_of(setup)
        self._signer: Signer | str = signer_of(setup.secret)
        self._life = Life(setup.account, self.rules, (PART,), self._greet)
        skew = Skew(self.rules.skew_ns)
        signer = None if isinstance(self._signer, str) else self._signer
        self._us = us.Us(setup.key, signer, clock, skew)
        o = self.options
        waits = Waits(deed_s=o.request_s, question_s=o.request_s, room_s=o.room_s)
        self._rest = Rest(wires, self._hosts.rest, clock, self._us.manners(), us.allowance(), skew, waits)
        self._private = self._session("private line")
        self._orders = self._session("line for orders")
        self._streams = Streams(
            setup.account,
            self._rest,
            self._us,
            clock,
            self.options,
            self._is_listed,
            self._life.say,
            lambda: self._life.up,
        )
        self._names = Names()
        self._uses = Uses(self._venue_ms, round(1_000 * o.sweep_every_s), OVERLAP_MS)
        self._round = self._uses.round()
        self._asking = Asking(self._rest, self._us, self._uses.deal)
        self._questions = Questions(self._asking, self._names, clock, self._matter, self._instruments)
        self._deeds = Deeds(setup.account, self._us, self._rest, self._orders, clock, self._look_into)
        self._past = Past(self._rest, self._us)
        self._quotes = Quotes(self._rest, self._us)
        self._chores = Chores(setup.account)
        self._seconds = Every(1.0, self._streams.check)
        self._refreshes = Every(self.options.refresh_instruments_s, self._refresh)
        self._minutes = Every(REFRESH_NS / SECOND_NS, self._ask_what_opened)
        self._listings: dict[str, Listing] = {}
        self._told: dict[str, Instrument] = {}
        self._balances: dict[str, Balance] = {}
        self._oddity = ""
        self._forbidden = ""
        self._refreshed_ns = 0

    @property
    def trouble(self) -> str:
        """Why there is no link, or what is odd about it; "" when nothing is."""
        return self._rest.waits_for_room or self._life.trouble

    @property
    def condition(self) -> Condition:
        return replace(self._rest.condition, private_age_ns=self._private.quiet_ns)

    # ── the protocol ────────────────────────────────────────────────────────────────────────────

    async def open(self, emit: Emit) -> None:
        self._life.open(emit)
        self._private.open(self._wires, self._knock, self)
        self._orders.open(self._wires, self._knock_for_orders)
        self._streams.open(self._wires, self._hosts.streams)
        self._seconds.start()
        self._refreshes.start()
        self._minutes.start()

    async def close(self) -> None:
        self._life.close()
        self._seconds.stop()
        self._refreshes.stop()
        self._minutes.stop()
        await self._private.close()
        await self._orders.close()
        await self._streams.close()
        await self._chores.close()

    def retry(self) -> None:
        if self._life.up:  # what is odd may be mended: everything is looked at anew
            self._private.cut("connecting anew, as a person asked")
        self._rest.allowance.lift()
        self._life.begin_again()
        self._forbidden = ""
        self._private.retry()
        self._orders.retry()
        self._streams.retry()

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        for symbol in symbols:
            self._uses.use(symbol)
        self._streams.watch(symbols, feeds)

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        return await self._past.between(symbol, interval_ns, since_ns, until_ns, self._us.venue_ns())

    async def place(self, order: PlaceOrder) -> Answered:
        params = asks.place_params(order)
        if isinstance(params, str):
            return self._unsent("place", order.client_id, params)
        listing = self._listings.get(order.symbol)
        kind = str(params["type"])
        if listing is not None and listing.order_types and kind not in listing.order_types:
            why = f"not sent: {order.symbol} takes no {kind} orders at this venue"
            return self._unsent("place", order.client_id, why)
        self._uses.deal(order.symbol)
        deed = Deed("place", order.client_id, "order.place", "POST", params, PLACE_COST, order.valid_until_ns)
        return await self._do(deed, order.symbol)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        return self._unsent("amend", client_id, NO_AMEND)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        self._uses.deal(symbol)
        params = asks.cancel_params(client_id, symbol)
        deed = Deed("cancel", client_id, "order.cancel", "DELETE", params, CANCEL_COST, valid_until_ns)
        return await self._do(deed, symbol)

    async def cancel_all(self, symbol: str | None) -> str:
        """The venue knows no such request for an account: its symbols with orders are asked for first."""
        if not self._life.up:
            return f"not sent: not connected: {self.trouble}"
        symbols = [symbol] if symbol is not None else await self._questions.symbols_with_orders()
        if isinstance(symbols, str):
            return f"nobody knows which orders are open: {symbols}"
        said = [await self._cancel_all_of(one) for one in symbols]
        return "; ".join(one for one in said if one)

    async def _cancel_all_of(self, symbol: str) -> str:
        until_ns = self._clock() + self.rules.request_window_ns
        call = Call("DELETE", OPEN_ORDERS_PATH, query_of({"symbol": symbol}), cost=CANCEL_COST, deed=True)
        said = await self._rest.ask(replace(call, valid_until_ns=until_ns))
        if isinstance(said, Silence):
            return f"{symbol}: {said.why}"
        failure = None if said.status == 200 else self._us.failure(said)
        if failure is None or failure.code == errors.CANCEL_REJECTED:
            return ""  # the second: there was none, which is what was wanted
        return f"{symbol}: {sentence_of(failure)}"

    async def lookup(self, ask: Ask) -> LookedUp:
        asked_ns = self._clock()
        if not self._life.up:
            return LookedUp(self.account, ask.client_id, asked_ns, error=f"not connected: {self.trouble}")
        self._uses.deal(ask.symbol)
        found = await self._questions.order(ask.client_id, ask.symbol)
        if isinstance(found, str):
            return LookedUp(self.account, ask.client_id, asked_ns, error=found)
        return LookedUp(self.account, ask.client_id, asked_ns, order=found)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        if not self._life.up:
            return f"not connected: {self.trouble}"
        why = await self._load()
        return why or tuple(one.instrument for one in self._listings.values())

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        if not self._life.up:
            return f"not connected: {self.trouble}"
        known = self._listings
        wanted = known if symbols is None else symbols
        return await self._quotes.ask([one for one in wanted if one in known])

    async def report(self, cursor: str) -> AccountReport | str:
        if not self._life.up:
            return f"not connected: {self.trouble}"
        asked = self._round = self._uses.round()
        report = await self._questions.report(cursor)
        if isinstance(report, AccountReport) and report.complete:
            self._uses.asked(asked, (order.symbol for order in report.open_orders))
        return report

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    async def _do(self, deed: Deed, symbol: str) -> Answered:
        if not self._life.up:
            return self._unsent(deed.request, deed.client_id, f"not sent: not connected: {self.trouble}")
        answered = await self._deeds.do(deed)
        if answered.order is not None:
            self._names.learn(symbol, answered.order.venue_id, deed.client_id)
        return answered

    def _unsent(self, request: Request, client_id: str, why: str) -> Answered:
        return Answered(self.account, request, client_id, Answer.REJECTED, why, unsent=True)

    def _look_into(self, failure: Failure) -> None:
        """What a refusal says of us: a wrong clock, a key that was taken away, filters that have changed."""
        if failure.for_a_person:
            # The account could be read with this key. Nothing but a deed shows that it may not trade.
            self._forbidden = sentence_of(failure)
            self._private.cut(self._forbidden)
        elif failure.code == errors.BAD_TIMESTAMP:
            self._chores.start("clock", self._check_clock)
        elif errors.is_stale(failure) and self._clock() - self._refreshed_ns > REFRESH_NS:
            self._refresh()

    async def _check_clock(self) -> None:
        self._us.skew.forget()
        fault = await self._rest.check_clock(TIME)
        if fault:
            self._private.cut(fault)

    # ── the private line's listener ─────────────────────────────────────────────────────────────

    def line_up(self) -> None:
        self._uses.begin()
        self._life.part_up(PART, self._us.skew.oddity or self._oddity)
        self._orders.retry()

    def line_down(self, why: str, refused: bool, stopped: bool) -> None:
        self._life.part_down(PART, why, refused=refused, stopped=stopped)

    def private(self, said: Private) -> None:
        if isinstance(said, ExecutionReport):
            self._execution(said)
        elif isinstance(said, AccountPosition):
            for balance in wire.balances_of(said):
                self._balances[balance.asset] = balance
            held = tuple(one for one in self._balances.values() if one.total)
            self._life.say(BalanceNews(self.account, held))
        elif isinstance(said, BalanceUpdate):
            cash = wire.cash_of(said)
            if cash is not None:
                self._life.say(CashNews(self.account, cash))

    def _execution(self, said: ExecutionReport) -> None:
        order = wire.report_of(said)
        assert isinstance(order, OrderReport), "the session has read it"
        # The first name is the order's own: a later one is a cancel's, or somebody else's.
        self._names.learn(order.symbol, order.venue_id, order.client_id)
        name = self._names.find(order.symbol, order.venue_id) or order.client_id
        self._uses.deal(order.symbol, said.T)
        fill = wire.fill_of_report(said)
        if fill is not None:
            self._life.say(FillNews(self.account, replace(fill, client_id=name)))
        self._life.say(OrderNews(self.account, replace(order, client_id=name)))

    # ── before every connection ─────────────────────────────────────────────────────────────────

    async def _knock(self) -> Silence | Refused | None:
        if isinstance(self._signer, str):
            return Refused(self._signer)
        if self._forbidden:
            return Refused(self._forbidden)
        if self._setup.leverage or self._setup.margin:
            return Refused(NO_LEVERAGE)
        # Either clock may have been set meanwhile, and the way may be another one.
        self._us.skew.forget()
        fault = await self._rest.check_clock(TIME)
        if fault:
            return Silence(fault)
        refused = await self._check_rights() or await self._check_account()
        if refused is not None or self._listings:
            return refused
        why = await self._load()
        return Silence(why) if why else None

    async def _knock_for_orders(self) -> Silence | Refused | None:
        return None if self._life.up else Silence("the account is not connected")

    async def _check_rights(self) -> Silence | Refused | None:
        """Only the live venue tells a key's rights."""
        self._oddity = NO_DEAD_MAN if self._setup.dead_man_ns else ""
        if not self._hosts.rights:
            return None
        said = await self._rest.ask(Call("GET", rights.RIGHTS_PATH, cost=((rules.WEIGHT, rules.W_RIGHTS),)))
        if isinstance(said, Silence):
            return said
        if said.status != 200:
            return _no_entry(self._us.failure(said))
        known = rights.read_rights(said.body)
        if known is None:
            return Silence("the venue does not say what this key may do")
        judged = rights.judge(known, self._setup, futures=False)
        if isinstance(judged, Refused):
            return judged
        self._oddity = self._oddity or judged
        return None

    async def _check_account(self) -> Silence | Refused | None:
        said = await self._questions.balances()
        if isinstance(said, Silence):
            return said
        if isinstance(said, Failure):
            return _no_entry(said)
        if not isinstance(said, AccountSaid):
            return Silence(said.why)
        if not said.can_trade:
            return Refused(MAY_NOT_TRADE)
        found = [wire.balance_of(one) for one in said.balances]
        self._balances = {one.asset: one for one in found}
        return None

    # ── instruments ─────────────────────────────────────────────────────────────────────────────

    async def _load(self) -> str:
        """Ask what is listed; the sentence of what failed."""
        query = query_of({"showPermissionSets": False})
        cost = ((rules.WEIGHT, rules.W_EXCHANGE_INFO),)
        said = await self._rest.ask(Call("GET", "/api/v3/exchangeInfo", query, cost=cost, signed=False))
        if isinstance(said, Silence):
            return said.why
        if said.status != 200:
            return sentence_of(self._us.failure(said))
        info = wire.read_as(said.body, ExchangeInfo)
        if isinstance(info, Unreadable):
            return info.why
        listings, unread = await _listings_of(info)
        if not listings:
            return f"the venue lists nothing that can be read ({unread} symbols cannot)"
        self._take({one.instrument.symbol: one for one in listings}, complete=not unread)
        return ""

    def _take(self, listings: dict[str, Listing], complete: bool) -> None:
        for symbol, old in self._listings.items():
            if symbol not in listings:
                # Gone from the list is delisted; unless some of the list could not be read.
                status = "closed" if complete else old.instrument.status
                listings[symbol] = replace(old, instrument=replace(old.instrument, status=status))
        self._listings = listings
        if self._life.up:
            self._tell_instruments()
            self._streams.retell()

    def _tell_instruments(self) -> None:
        for symbol, listing in self._listings.items():
            if self._told.get(symbol) != listing.instrument:
                self._told[symbol] = listing.instrument
                self._life.say(InstrumentSeen(self.account, listing.instrument))

    def _greet(self) -> None:
        """Right after each LinkUp."""
        self._tell_instruments()
        self._streams.retell()

    def _refresh(self) -> None:
        if self._life.up and self._chores.start("instruments", self._reload):
            self._refreshed_ns = self._clock()

    def _ask_what_opened(self) -> None:
        """Nobody tells that a halt is over."""
        known = (self._listings.get(symbol) for symbol in self._streams.symbols)
        if any(listing is None or listing.instrument.status != "trading" for listing in known):
            self._refresh()

    async def _reload(self) -> None:
        await self._load()  # what failed is tried again within the hour

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _session(self, name: str) -> Session:
        return Session(name, self._hosts.ws_api, self._us, self._rest, self._clock, self.options)

    def _is_listed(self, symbol: str) -> bool:
        """Unknown only once something is known."""
        return not self._listings or symbol in self._listings

    def _instruments(self) -> tuple[Instrument, ...]:
        return tuple(listing.instrument for listing in self._listings.values())

    def _venue_ms(self) -> int:
        return self._us.venue_ns() // rules.NS_PER_MS

    def _matter(self) -> Matter:
        in_use = {symbol: ms for symbol, ms in self._uses.of(self._round).items() if symbol in self._listings}
        return Matter(in_use, self._pairs_held() if self._round.others else (), self._round.sweeps)

    def _pairs_held(self) -> tuple[str, ...]:
        held = {asset: None for asset, balance in self._balances.items() if balance.total}
        pairs = [
            symbol
            for symbol, listing in self._listings.items()
            if listing.instrument.base in held and listing.instrument.quote in held
        ]
        return tuple(pairs[:OTHERS_MAX])


async def _listings_of(info: ExchangeInfo) -> tuple[list[Listing], int]:
    """Of thousands of symbols, some at a time: what else is to be done goes in between."""
    listings: list[Listing] = []
    unread = 0
    for at in range(0, len(info.symbols), SYMBOLS_AT_ONCE):
        some, odd = market.listings_of(ExchangeInfo(info.symbols[at : at + SYMBOLS_AT_ONCE]))
        listings += some
        unread += odd
        await asyncio.sleep(0)
    return listings, unread


def _no_entry(failure: Failure) -> Silence | Refused:
    why = sentence_of(failure)
    return Refused(why) if failure.for_a_person else Silence(why, retry_ns=failure.retry_ns)
