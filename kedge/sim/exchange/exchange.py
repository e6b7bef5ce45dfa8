"""The exchange: a pure machine. Requests and the time go in; replies and happenings come out.

    ex = Exchange(ExchangeConfig(terms=(Terms(instrument), ...)))
    ex.transfer("me", "USD", Decimal(10_000), now_ns)      opens the account too
    reply = ex.place("me", PlaceOrder(...), now_ns)         matched before it returns
    for happening in ex.take(): ...                         fills, reports, books, trades since last time
    ex.advance(now_ns)                                      funding, delivery, sessions, arrivals

There is no clock in here: every call says what time it is, and time never goes back. Due timers run
before the request that comes with the time.
"""

from __future__ import annotations

from bisect import insort
from decimal import Decimal

from msgspec.structs import replace

from kedge.model.instrument import Instrument
from kedge.model.numbers import LIMIT, ONE, ZERO, divide, text
from kedge.model.venue import Balance, OrderReport, PlaceOrder, VenuePosition
from kedge.sim.exchange import audit, calendar, entry, news
from kedge.sim.exchange.floor import Market, add_market, new_floor, open_floor, refused, report
from kedge.sim.exchange.forced import consequences
from kedge.sim.exchange.hooks import Fixed, Latency
from kedge.sim.exchange.money import balances, equity_and_need, free, needed
from kedge.sim.exchange.nouns import (
    OUTSIDE,
    AmendOrder,
    BookView,
    CancelOrder,
    CashPage,
    ExchangeConfig,
    FillPage,
    Happening,
    Manner,
    MarketReport,
    QueueSpot,
    Reply,
    Request,
    Terms,
    Truth,
)
from kedge.sim.exchange.refusals import refusal
from kedge.sim.exchange.state import Account, Memory, Sent, decode, encode

PAGE_MAX = 1000
# What may ever be paid in of one asset: sums stay exact below it.
DEPOSITS_MAX = Decimal("1e13")


class Exchange:
    def __init__(self, config: ExchangeConfig, now_ns: int = 0, latency: Latency | None = None) -> None:
        self._floor = new_floor(Memory(config, now_ns))
        self._latency: Latency = latency or Fixed()
        self._start(now_ns)
        self._due_ns = calendar.next_due(self._floor)

    def _start(self, now_ns: int) -> None:
        memory = self._floor.memory
        memory.next_sweep_ns = now_ns + max(memory.config.retention_ns // 8, 1)
        for market in self._floor.markets.values():
            self._schedule(market)

    def _schedule(self, market: Market) -> None:
        now = self._floor.memory.now_ns
        interval = market.terms.funding_interval_ns
        if interval:
            market.state.funding_ns = (now // interval + 1) * interval
        market.state.was_open = market.status(now) == "trading"

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def place(self, account: str, order: PlaceOrder, now_ns: int, manner: Manner | None = None) -> Reply:
        self.advance(now_ns)
        reply = entry.place(self._floor, account, order, manner)
        if reply.ok and order.expires_ns:
            self._due_ns = min(self._due_ns, order.expires_ns)
        consequences(self._floor)
        return reply

    def amend(self, account: str, change: AmendOrder, now_ns: int) -> Reply:
        self.advance(now_ns)
        reply = entry.amend(self._floor, account, change)
        consequences(self._floor)
        return reply

    def cancel(
        self, account: str, client_id: str, now_ns: int, *, venue_id: str = "", valid_until_ns: int = 0
    ) -> Reply:
        self.advance(now_ns)
        return entry.cancel(self._floor, account, CancelOrder(client_id, venue_id, valid_until_ns))

    def cancel_all(self, account: str, now_ns: int, symbol: str = "") -> tuple[OrderReport, ...]:
        self.advance(now_ns)
        known = self._floor.memory.accounts.get(account)
        return entry.cancel_all(self._floor, known, symbol) if known else ()

    def cancel_all_after(self, account: str, after_ns: int, now_ns: int) -> Reply:
        """The dead-man switch: cancel everything unless this is said again in time; 0 disarms it."""
        self.advance(now_ns)
        known = self._floor.memory.accounts.get(account)
        if known is None:
            return refused(refusal("unknown_account", account=account))
        known.dead_man_ns = now_ns + after_ns if after_ns else 0
        self._due_ns = calendar.next_due(self._floor)
        return Reply(True)

    def send(self, account: str, request: Request, now_ns: int, tag: str = "") -> int:
        """Send a request on its way; it arrives by the latency model, and `RequestAnswered` follows.

        The answer is when it arrives. One account's requests arrive in the order they were sent.
        """
        self.advance(now_ns)
        memory = self._floor.memory
        due = now_ns + self._latency.entry_ns(account, now_ns)
        for sent in memory.inbox:
            if sent.account == account:
                due = max(due, sent.due_ns)
        memory.sends += 1
        sent = Sent(
            due,
            memory.sends,
            account,
            tag,
            request if isinstance(request, PlaceOrder) else None,
            request if isinstance(request, AmendOrder) else None,
            request if isinstance(request, CancelOrder) else None,
        )
        insort(memory.inbox, sent, key=lambda sent: (sent.due_ns, sent.number))
        self._due_ns = min(self._due_ns, due)
        return due

    # ── accounts ────────────────────────────────────────────────────────────────────────────────

    def open_account(self, account: str, *, house: bool = False) -> None:
        """Open it if it is not open.

        Synthetic traders are house accounts: exempt from margin, no news is made of them, their finished
        orders are not kept, and they may amend in place whatever the venue lets others do.
        """
        assert account.strip("~") == account != "", f"{account!r} is not a name for an account"
        self._floor.memory.accounts.setdefault(account, Account(account, house=house))

    def transfer(self, account: str, asset: str, amount: Decimal, now_ns: int) -> Reply:
        """Pay in (or out, negative). The account is opened by the first payment in."""
        self.advance(now_ns)
        if not amount.is_finite() or amount == 0 or abs(amount) >= LIMIT:
            return refused(refusal("amount"))
        floor = self._floor
        known = floor.memory.accounts.get(account)
        if account.startswith("~") or (known is None and amount < 0):
            return refused(refusal("unknown_account", account=account))
        if known is None:
            self.open_account(account)
            known = floor.memory.accounts[account]
        outside = floor.memory.accounts[OUTSIDE]
        if amount < 0 and not known.house and free(floor, known, asset) + amount < 0:
            has = max(free(floor, known, asset), ZERO)
            return refused(refusal("funds", need=text(-amount), asset=asset, free=text(has)))
        if abs(outside.cash.get(asset, ZERO) - amount) > DEPOSITS_MAX:
            return refused(refusal("amount"))
        floor.moved_cash(outside, "transfer", asset, -amount)
        floor.moved_cash(known, "transfer", asset, amount)
        return Reply(True)

    def set_leverage(self, account: str, symbol: str, leverage: Decimal, now_ns: int) -> Reply:
        self.advance(now_ns)
        floor = self._floor
        known, market = floor.memory.accounts.get(account), floor.markets.get(symbol)
        if known is None:
            return refused(refusal("unknown_account", account=account))
        if market is None or market.owned:
            return refused(refusal("unknown_symbol", symbol=symbol))
        most = market.terms.leverage_max
        if not leverage.is_finite() or not ONE <= leverage <= most:
            return refused(refusal("leverage", most=text(most)))
        position = floor.position(known, symbol)
        was, before = position.leverage, needed(market, position)
        position.leverage = leverage
        equity, need = equity_and_need(floor, known, market.asset)
        if need > equity and needed(market, position) > before and not known.house:
            position.leverage = was
            return refused(
                refusal("margin", need=text(need), asset=market.asset, equity=text(max(equity, ZERO)))
            )
        floor.balances_changed(known)
        return Reply(True)

    def list_instrument(self, terms: Terms, now_ns: int) -> None:
        """A new instrument, from now on."""
        self.advance(now_ns)
        add_market(self._floor, terms)
        self._schedule(self._market(terms.instrument.symbol))
        self._due_ns = calendar.next_due(self._floor)
        self._floor.status_changed(self._market(terms.instrument.symbol))

    # ── the world outside ───────────────────────────────────────────────────────────────────────

    def feed(
        self, symbol: str, now_ns: int, *, mark: Decimal | None = None, index: Decimal | None = None
    ) -> None:
        """Set the mark or the index of a market; stops and margins are looked at."""
        self.advance(now_ns)
        market = self._floor.markets[symbol]
        state = market.state
        if index is not None:
            assert ZERO < index < LIMIT
            state.index = index
        if mark is not None:
            assert ZERO < mark < LIMIT
            state.mark = mark
            state.mark_given = True
        if state.index and state.mark and market.terms.funding_interval_ns:
            state.premium_sum += divide(state.mark - state.index, state.index)
            state.premium_count += 1
            state.funding_rate = calendar.funding_rate(market)
        self._floor.marked(market)
        consequences(self._floor)

    def set_funding(self, symbol: str, rate: Decimal | None, now_ns: int) -> None:
        """Say what the funding rate is, instead of computing it; None computes it again."""
        self.advance(now_ns)
        state = self._floor.markets[symbol].state
        state.rate_given = rate is not None
        if rate is not None:
            state.funding_rate = rate
        self._floor.marked(self._floor.markets[symbol])
        consequences(self._floor)

    def fund_now(self, symbol: str, now_ns: int) -> None:
        """Pay funding at once, beside the schedule."""
        self.advance(now_ns)
        market = self._floor.markets[symbol]
        assert not market.owned
        calendar.fund(self._floor, market)
        consequences(self._floor)
        self._due_ns = calendar.next_due(self._floor)

    def halt(self, symbol: str, on: bool, now_ns: int) -> None:
        """Stop trading, or let it go on. Resting orders stay; stops wait."""
        self.advance(now_ns)
        market = self._floor.markets[symbol]
        market.state.status = "halted" if on else "trading"
        market.state.was_open = market.status(now_ns) == "trading"
        self._floor.status_changed(market)
        self._floor.moved[symbol] = None
        consequences(self._floor)

    def advance(self, now_ns: int) -> None:
        """Run what is due up to this moment, each at its own time."""
        memory = self._floor.memory
        while self._due_ns <= now_ns:
            calendar.run_due(self._floor, self._due_ns)
            self._due_ns = calendar.next_due(self._floor)
        memory.now_ns = max(memory.now_ns, now_ns)

    def take(self) -> list[Happening]:
        """What has happened since the last call, in order; balances, positions and books come last."""
        news.flush(self._floor)
        taken = self._floor.outbox.copy()
        self._floor.outbox.clear()
        return taken

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    @property
    def now_ns(self) -> int:
        return self._floor.memory.now_ns

    @property
    def config(self) -> ExchangeConfig:
        return self._floor.config

    def next_due_ns(self) -> int:
        """When something next happens by itself (`calendar.NEVER`: nothing is foreseen)."""
        return self._due_ns

    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments with the status they have now; being out of session is not a status."""
        return tuple(self.instrument(symbol) for symbol in self._floor.markets)

    def instrument(self, symbol: str) -> Instrument:
        market = self._market(symbol)
        return replace(market.instrument, status="closed" if market.state.delivered else market.state.status)

    def market(self, symbol: str) -> MarketReport:
        return audit.market_report(self._floor, self._market(symbol))

    def book(self, symbol: str, depth: int = 50) -> BookView:
        """The best levels; all of them where depth is 0."""
        return news.view_book(self._floor, self._market(symbol), depth)

    def open_orders(self, account: str, symbol: str = "") -> tuple[OrderReport, ...]:
        """In the order they were placed."""
        known = self._account(account)
        orders = (self._floor.memory.orders[number] for number in known.open)
        return tuple(report(order) for order in orders if not symbol or order.symbol == symbol)

    def order(self, account: str, client_id: str, venue_id: str = "") -> OrderReport | None:
        """Open or finished; None when it never was, or is older than the history that is kept."""
        order = entry.find(self._floor, self._account(account), client_id, venue_id)
        return report(order) if order else None

    def queue(self, account: str, client_id: str, venue_id: str = "") -> QueueSpot | None:
        """Where a resting order stands in the queue at its price."""
        order = entry.find(self._floor, self._account(account), client_id, venue_id)
        return audit.queue_spot(self._floor, order) if order and order.resting else None

    def fills(self, account: str, cursor: str = "", limit: int = 100) -> FillPage:
        """Oldest first, from the cursor; "" is as far back as history goes."""
        known = self._account(account)
        page = audit.page(known.fills, known.fills_gone, cursor, min(limit, PAGE_MAX))
        return FillPage(tuple(page.items), page.cursor, page.more, page.clipped)

    def cash(self, account: str, cursor: str = "", limit: int = 100) -> CashPage:
        known = self._account(account)
        page = audit.page(known.cash_moves, known.cash_gone, cursor, min(limit, PAGE_MAX))
        return CashPage(tuple(page.items), page.cursor, page.more, page.clipped)

    def positions(self, account: str) -> tuple[VenuePosition, ...]:
        known = self._account(account)
        return tuple(
            self._floor.position_report(self._floor.markets[symbol], position)
            for symbol, position in known.positions.items()
            if position.qty
        )

    def entered(self, account: str, symbol: str) -> Decimal:
        """The value at which the open position was entered, exactly; signed as the position is."""
        position = self._account(account).positions.get(symbol)
        return position.cost if position else ZERO

    def balances(self, account: str) -> tuple[Balance, ...]:
        return balances(self._floor, self._account(account))

    def leverage(self, account: str, symbol: str) -> Decimal:
        self._market(symbol)
        return self._floor.position(self._account(account), symbol).leverage

    def accounts(self) -> tuple[str, ...]:
        """Every account that is not the exchange's own."""
        return tuple(name for name in self._floor.memory.accounts if not name.startswith("~"))

    def has_account(self, account: str) -> bool:
        return account in self._floor.memory.accounts

    def truth(self) -> Truth:
        """Everything, as plain data, for those who check."""
        return audit.truth(self._floor)

    def faults(self) -> list[str]:
        """The exchange's own laws, computed afresh from the orders; empty when all of them hold."""
        return audit.faults(self._floor)

    # ── to bytes and back ───────────────────────────────────────────────────────────────────────

    def dump(self) -> bytes:
        """The complete state, what has not been taken included. The latency model is the caller's."""
        return encode(self._floor.memory)

    @classmethod
    def load(cls, body: bytes, latency: Latency | None = None) -> Exchange:
        """Raises `msgspec.ValidationError` or `DecodeError` on bytes that are not a dump."""
        exchange = cls.__new__(cls)
        exchange._floor = open_floor(decode(body))
        exchange._latency = latency or Fixed()
        exchange._due_ns = calendar.next_due(exchange._floor)
        return exchange

    def _account(self, account: str) -> Account:
        known = self._floor.memory.accounts.get(account)
        if known is None:
            raise KeyError(refusal("unknown_account", account=account).sentence)
        return known

    def _market(self, symbol: str) -> Market:
        market = self._floor.markets.get(symbol)
        if market is None:
            raise KeyError(refusal("unknown_symbol", symbol=symbol).sentence)
        return market
