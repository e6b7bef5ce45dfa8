"""What the futures venue remembers beside the exchange: orders, conditionals, fills, income, settings.

The exchange knows quantities, prices and money; it does not know what GTX is, who asked for RESULT, or which
leg of a hedge an order belongs to. Every fact is one row of the keeper's drawers, written in one stroke with
the exchange's calls that caused it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from kedge.model.numbers import ONE, ZERO, divide
from kedge.model.order import Side
from kedge.sim.binance.spot.numbers import Numbers
from kedge.sim.exchange.state import Position
from kedge.sim.testnet.drawer import Drawer
from kedge.sim.testnet.keeper import Facts, Keeper

DAY_NS = 86_400 * 10**9
# How long orders are found: those that ended without a fill, and all others.
FRUITLESS_NS = 3 * DAY_NS
KEPT_NS = 90 * DAY_NS
FILLS_KEPT_NS = 183 * DAY_NS
# Beyond these the oldest finished ones go, whatever their age.
ORDERS_MAX = 50_000
FILLS_MAX = 50_000
INCOME_MAX = 50_000

OPEN = ("NEW", "PARTIALLY_FILLED")
WAITING = ("NEW", "TRIGGERING")

PositionSide = Literal["BOTH", "LONG", "SHORT"]
NumberName = Literal["algos", "outside", "income", "client_ids", "listen_keys"]


class OrderFact(Struct, omit_defaults=True):
    """One order as its owner knows it; `id` is the exchange's number of it, or one above `OUTSIDE`."""

    id: int
    account: str
    client_id: str
    symbol: str
    side: Side
    kind: str
    tif: str
    qty: Decimal
    price: Decimal
    created_ns: int
    updated_ns: int
    status: str = "NEW"
    position_side: PositionSide = "BOTH"
    reduce_only: bool = False
    close_position: bool = False
    price_match: str = "NONE"
    self_trade: str = "EXPIRE_MAKER"
    good_till_ms: int = 0
    stop_price: Decimal = ZERO
    working: str = "CONTRACT_PRICE"
    price_protect: bool = False
    cum_qty: Decimal = ZERO
    cum_quote: Decimal = ZERO
    amendments: int = 0
    # The conditional order this one came from.
    algo_id: int = 0
    # What a cancel on the exchange shall be called: the status and the expiry reason.
    ending: str = ""
    ending_reason: str = "0"

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def left(self) -> Decimal:
        return self.qty - self.cum_qty

    @property
    def average(self) -> Decimal:
        return divide(self.cum_quote, self.cum_qty) if self.cum_qty else ZERO


class AlgoFact(Struct, omit_defaults=True):
    """One conditional order. `best` is how far a trailing stop has seen the price go."""

    id: int
    account: str
    client_id: str
    symbol: str
    side: Side
    kind: str
    tif: str
    qty: Decimal
    price: Decimal
    trigger: Decimal
    created_ns: int
    updated_ns: int
    status: str = "NEW"
    position_side: PositionSide = "BOTH"
    working: str = "CONTRACT_PRICE"
    reduce_only: bool = False
    close_position: bool = False
    price_match: str = "NONE"
    price_protect: bool = False
    self_trade: str = "EXPIRE_MAKER"
    good_till_ms: int = 0
    activate: Decimal = ZERO
    callback: Decimal = ZERO
    activated: bool = False
    best: Decimal = ZERO
    triggered_ns: int = 0
    order_id: int = 0
    reason: str = ""

    @property
    def waiting(self) -> bool:
        return self.status in WAITING


class FillFact(Struct, frozen=True, omit_defaults=True):
    """A row of `userTrades`; `id` is the public trade's."""

    id: int
    order_id: int
    symbol: str
    side: Side
    position_side: PositionSide
    price: Decimal
    qty: Decimal
    quote: Decimal
    commission: Decimal
    asset: str
    realized: Decimal
    maker: bool
    time_ns: int
    client_id: str = ""


class IncomeFact(Struct, frozen=True, omit_defaults=True):
    id: int
    kind: str
    symbol: str
    asset: str
    amount: Decimal
    time_ns: int
    trade_id: int = 0


class Leg(Struct, omit_defaults=True):
    """A position as the venue shows it: in one-way mode the account's own, in hedge mode half of it."""

    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    # Fees of what is held, for the break-even price.
    fees: Decimal = ZERO
    updated_ns: int = 0

    @property
    def entry(self) -> Decimal:
        return divide(self.cost, self.qty) if self.qty else ZERO

    @property
    def break_even(self) -> Decimal:
        """Where selling what is held has earned the fees back."""
        return divide(self.cost + self.fees, self.qty) if self.qty else ZERO


class AccountFact(Struct, omit_defaults=True):
    """Settings, and positions by `SYMBOL` (the net) and `SYMBOL|SIDE` (legs of a hedge)."""

    name: str
    dual: bool = False
    multi_assets: bool = False
    isolated: dict[str, None] = {}
    legs: dict[str, Leg] = {}
    # What there is of each asset when nothing unrealised is counted.
    wallets: dict[str, Decimal] = {}
    # Symbol to the moment at which its orders are cancelled.
    countdowns: dict[str, int] = {}
    changed_ns: int = 0
    called_ns: int = 0
    # The last of the exchange's fills and movements of money that were written down.
    last_fill: int = 0
    last_cash: int = 0


class ListenKey(Struct, omit_defaults=True):
    key: str
    account: str
    until_ns: int


# Ids of orders that the exchange never saw (taken over by the insurance fund, ADL, delivery).
OUTSIDE = 8_000_000_000
ALGO_BASE = 1_000_000_000_000_000
# Above everything that may live at once; the limits per account are those that bind.
ROWS_MAX = 2_000_000


class Books:
    """One account's papers, in the order they were written, with indices over them."""

    def __init__(self, settings: AccountFact) -> None:
        self.settings = settings
        self.orders: dict[int, OrderFact] = {}
        self.newest: dict[str, int] = {}
        self.open: dict[int, None] = {}
        # Open orders and waiting conditionals that end at a time of their own.
        self.timed: dict[int, None] = {}
        self.timed_algos: dict[int, None] = {}
        self.algos: dict[int, AlgoFact] = {}
        self.newest_algo: dict[str, int] = {}
        self.waiting: dict[int, None] = {}
        self.fills: dict[str, list[FillFact]] = {}
        self.income: list[IncomeFact] = []


class Memory:
    """All papers. Whoever changes a fact says so by putting it again."""

    def __init__(self, keeper: Keeper[Facts]) -> None:
        self.accounts: dict[str, Books] = {}
        drawer = keeper.drawer
        self._settings = drawer("usdm.accounts", AccountFact, most=ROWS_MAX)
        self._orders = drawer("usdm.orders", OrderFact, most=ROWS_MAX)
        self._algos = drawer("usdm.algos", AlgoFact, most=ROWS_MAX)
        self._fills = drawer("usdm.fills", FillFact, most=ROWS_MAX)
        self._income = drawer("usdm.income", IncomeFact, most=ROWS_MAX)
        self.listeners: Drawer[ListenKey] = drawer("usdm.listeners", ListenKey, most=10_000)
        self.numbers = Numbers(keeper, "usdm.numbers")
        self._index()

    def _index(self) -> None:
        for settings in self._settings.values():
            self.accounts[settings.name] = Books(settings)
        for order in self._orders.values():
            self._index_order(self.accounts[order.account], order)
        for algo in self._algos.values():
            self._index_algo(self.accounts[algo.account], algo)
        for key, fill in self._fills.items():
            self.accounts[_account_of(key)].fills.setdefault(fill.symbol, []).append(fill)
        for key, income in self._income.items():
            self.accounts[_account_of(key)].income.append(income)

    # ── writing ─────────────────────────────────────────────────────────────────────────────────

    def next_number(self, name: NumberName) -> int:
        """One more of these, never given before."""
        return self.numbers.next(name)

    def books(self, account: str) -> Books:
        known = self.accounts.get(account)
        if known is None:
            known = self.accounts[account] = Books(AccountFact(account))
            self._settings.put(account, known.settings)
        return known

    def put_settings(self, settings: AccountFact) -> None:
        self._settings.put(settings.name, settings)

    def put_order(self, order: OrderFact) -> None:
        """A new order, or a change of one."""
        books = self.books(order.account)
        self._index_order(books, order)
        self._orders.put(f"{order.account}/{order.id}", order)
        if len(books.orders) > ORDERS_MAX:
            self._drop_oldest(books)

    def put_algo(self, algo: AlgoFact) -> None:
        books = self.books(algo.account)
        self._index_algo(books, algo)
        self._algos.put(f"{algo.account}/{algo.id}", algo)
        if len(books.algos) > ORDERS_MAX:
            self.drop_algo(next(old for old in books.algos.values() if not old.waiting))

    def put_fill(self, account: str, fill: FillFact) -> None:
        rows = self.books(account).fills.setdefault(fill.symbol, [])
        rows.append(fill)
        self._fills.put(_fill_key(account, fill), fill)
        if len(rows) > FILLS_MAX:
            self._fills.drop(_fill_key(account, rows.pop(0)))

    def put_income(self, account: str, income: IncomeFact) -> None:
        rows = self.books(account).income
        rows.append(income)
        self._income.put(f"{account}/{income.id}", income)
        if len(rows) > INCOME_MAX:
            self._income.drop(f"{account}/{rows.pop(0).id}")

    def _index_order(self, books: Books, order: OrderFact) -> None:
        if order.id not in books.orders:
            books.orders[order.id] = order
            books.newest[order.client_id] = order.id
        if order.open:
            books.open[order.id] = None
            if order.good_till_ms:
                books.timed[order.id] = None
        else:
            books.open.pop(order.id, None)
            books.timed.pop(order.id, None)

    def _index_algo(self, books: Books, algo: AlgoFact) -> None:
        if algo.id not in books.algos:
            books.algos[algo.id] = algo
            books.newest_algo[algo.client_id] = algo.id
        if algo.waiting:
            books.waiting[algo.id] = None
            if algo.good_till_ms:
                books.timed_algos[algo.id] = None
        else:
            books.waiting.pop(algo.id, None)
            books.timed_algos.pop(algo.id, None)

    # ── forgetting ──────────────────────────────────────────────────────────────────────────────

    def drop_order(self, order: OrderFact) -> None:
        """It is as if it had never been."""
        books = self.accounts[order.account]
        del books.orders[order.id]
        books.open.pop(order.id, None)
        books.timed.pop(order.id, None)
        if books.newest.get(order.client_id) == order.id:
            del books.newest[order.client_id]
        self._orders.drop(f"{order.account}/{order.id}")

    def drop_algo(self, algo: AlgoFact) -> None:
        books = self.accounts[algo.account]
        del books.algos[algo.id]
        books.waiting.pop(algo.id, None)
        books.timed_algos.pop(algo.id, None)
        if books.newest_algo.get(algo.client_id) == algo.id:
            del books.newest_algo[algo.client_id]
        self._algos.drop(f"{algo.account}/{algo.id}")

    def sweep(self, now_ns: int) -> None:
        """Forget what can no longer be found."""
        for account, books in self.accounts.items():
            for order in [o for o in books.orders.values() if not findable(o, now_ns)]:
                self.drop_order(order)
            for algo in [a for a in books.algos.values() if not findable_algo(a, now_ns)]:
                self.drop_algo(algo)
            for rows in books.fills.values():
                while rows and rows[0].time_ns < now_ns - FILLS_KEPT_NS:
                    self._fills.drop(_fill_key(account, rows.pop(0)))
            while books.income and books.income[0].time_ns < now_ns - KEPT_NS:
                self._income.drop(f"{account}/{books.income.pop(0).id}")

    def _drop_oldest(self, books: Books) -> None:
        oldest = next((order for order in books.orders.values() if not order.open), None)
        assert oldest is not None, "more open orders than there may be"
        self.drop_order(oldest)


def _account_of(key: str) -> str:
    return key.partition("/")[0]


def _fill_key(account: str, fill: FillFact) -> str:
    return f"{account}/{fill.symbol}/{fill.id}/{fill.order_id}"


# ── what can still be found ─────────────────────────────────────────────────────────────────────


def findable(order: OrderFact, now_ns: int, fruitless_ns: int = FRUITLESS_NS) -> bool:
    """Orders that ended without a fill vanish after three days, all finished ones after ninety."""
    if order.open:
        return True
    if not order.cum_qty and order.created_ns + fruitless_ns < now_ns:
        return False
    return order.created_ns + KEPT_NS >= now_ns


def findable_algo(algo: AlgoFact, now_ns: int, fruitless_ns: int = FRUITLESS_NS) -> bool:
    if algo.waiting or algo.status == "TRIGGERED":
        return True
    if not algo.order_id and algo.created_ns + fruitless_ns < now_ns:
        return False
    return algo.created_ns + KEPT_NS >= now_ns


# ── legs ────────────────────────────────────────────────────────────────────────────────────────


def leg_key(symbol: str, side: PositionSide) -> str:
    return symbol if side == "BOTH" else f"{symbol}|{side}"


def leg_of(settings: AccountFact, symbol: str, side: PositionSide) -> Leg:
    """The leg, or an empty one that is not kept."""
    return settings.legs.get(leg_key(symbol, side)) or Leg()


def as_position(leg: Leg) -> Position:
    return Position(ONE, leg.qty, leg.cost)
