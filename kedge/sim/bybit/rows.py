"""What the venue remembers beside the exchange: orders in Bybit's clothes, executions, the transaction log.

Each is a row in a drawer of the keeper: written in the same moment as what caused it. The indices over them
are made again at a start. An order here may not be in the exchange at all (a conditional that waits, a
request that is on its way to the matching engine); `engine` is its number there, "" while it has none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from kedge.model.numbers import ZERO
from kedge.sim.bybit.texts import order_number
from kedge.sim.testnet.drawer import Drawer
from kedge.sim.testnet.keeper import Facts, Keeper

ORDERS_MAX = 100_000
EXECUTIONS_MAX = 200_000
LOG_MAX = 200_000
RATES_MAX = 20_000

OPEN = ("New", "PartiallyFilled", "Untriggered")
# Accepted, and not yet at the matching engine: no lookup shows it.
ON_ITS_WAY = "Accepted"
FINAL = ("Filled", "Cancelled", "PartiallyFilledCanceled", "Deactivated", "Rejected")


T = TypeVar("T", bound=Struct)


class OrderRow(Struct):
    number: int
    id: str
    account: str
    category: str
    symbol: str
    link: str
    side: str
    kind: str  # Limit or Market
    tif: str
    qty: Decimal  # as asked; quote money where `unit` says so
    price: Decimal
    created_ns: int
    updated_ns: int = 0
    status: str = ON_ITS_WAY
    engine: str = ""
    version: int = 0
    # What was placed in the exchange, in its units.
    engine_qty: Decimal = ZERO
    due_ns: int = 0
    reduce_only: bool = False
    close_on_trigger: bool = False
    filter: str = "Order"  # Order, StopOrder, tpslOrder
    stop_type: str = ""  # Stop, TakeProfit, StopLoss, PartialTakeProfit, PartialStopLoss, tpslOrder
    create_type: str = "CreateByUser"
    trigger_price: Decimal = ZERO
    trigger_direction: int = 0
    trigger_by: str = ""
    unit: str = ""  # baseCoin or quoteCoin, of spot market orders
    take_profit: Decimal = ZERO
    stop_loss: Decimal = ZERO
    tp_by: str = ""
    sl_by: str = ""
    tpsl_mode: str = ""
    tp_limit: Decimal = ZERO
    sl_limit: Decimal = ZERO
    slippage_type: str = ""
    slippage: str = ""
    smp: str = "None"
    base_price: Decimal = ZERO
    cum_qty: Decimal = ZERO
    cum_value: Decimal = ZERO
    fees: dict[str, Decimal] = {}
    closed_pnl: Decimal = ZERO
    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"
    # The orderLinkId (or id) of the order it was attached to, for take profits and stop losses.
    parent: str = ""
    # Of trailing stops: the distance, and the price from which they trail.
    trailing: Decimal = ZERO
    active: Decimal = ZERO
    is_leverage: bool = False
    # Its take profit and stop loss have been made into conditionals.
    attached: bool = False

    @property
    def key(self) -> str:
        return inner(self.category, self.symbol)

    @property
    def open(self) -> bool:
        return self.status in OPEN


class ExecRow(Struct, frozen=True):
    number: int
    id: str
    account: str
    category: str
    symbol: str
    order_id: str
    link: str
    side: str
    qty: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal
    fee_asset: str
    fee_rate: Decimal
    type: str
    time_ns: int
    maker: bool
    seq: int
    leaves: Decimal = ZERO
    order_qty: Decimal = ZERO
    order_price: Decimal = ZERO
    order_kind: str = ""
    stop_type: str = ""
    create_type: str = ""
    closed: Decimal = ZERO
    pnl: Decimal = ZERO
    mark: Decimal = ZERO


class LogRow(Struct, frozen=True):
    """One line of the transaction log."""

    number: int
    account: str
    type: str
    asset: str
    change: Decimal
    balance: Decimal
    time_ns: int
    category: str = ""
    symbol: str = ""
    side: str = "None"
    qty: Decimal = ZERO
    size: Decimal = ZERO
    price: Decimal = ZERO
    funding: Decimal | None = None
    fee: Decimal = ZERO
    cash_flow: Decimal = ZERO
    fee_rate: Decimal = ZERO
    trade_id: str = ""
    order_id: str = ""
    link: str = ""


class PositionRow(Struct):
    """One account in one derivative: what the exchange's own position does not say."""

    account: str
    symbol: str  # the inner one
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    pnl: Decimal = ZERO  # of the position that is held now
    pnl_ever: Decimal = ZERO
    created_ns: int = 0
    updated_ns: int = 0
    opened_ns: int = 0
    seq: int = -1
    take_profit: Decimal = ZERO
    stop_loss: Decimal = ZERO
    trailing: Decimal = ZERO


CROSS = "REGULAR_MARGIN"


class AccountRow(Struct):
    account: str
    uid: int
    created_ns: int
    cash: dict[str, Decimal] = {}
    pnl: dict[str, Decimal] = {}  # realised ever, by coin
    # The exchange's number of the last movement of cash that is in the log.
    cash_seen: int = 0
    # The exchange's number of the last fill that has become an execution.
    fill_seen: int = 0
    # Product (DERIVATIVES, SPOT) to the window of its dead-man switch in seconds.
    dcp: dict[str, int] = {}
    # Product to when the switch fires unless somebody who holds it open comes back; 0: held open.
    dcp_due_ns: dict[str, int] = {}
    # As it was chosen; the arithmetic is that of cross margin.
    margin_mode: str = CROSS


class RateRow(Struct, frozen=True):
    symbol: str
    rate: Decimal
    time_ns: int


class BybitFacts(Facts):
    orders_made: int = 0
    log_made: int = 0
    executions_made: int = 0
    uids_made: int = 0
    # False: an orderLinkId is used once for ever. Bybit says "always unique" and not for how long.
    ids_open_only: bool = False


def inner(category: str, symbol: str) -> str:
    """The exchange's own name of an instrument."""
    return f"{category}:{symbol}"


def outer(key: str) -> tuple[str, str]:
    category, _, symbol = key.partition(":")
    return category, symbol


class Tables:
    """The drawers, and where to find things in them."""

    def __init__(self, keeper: Keeper[BybitFacts]) -> None:
        self.keeper = keeper
        self.own = keeper.own
        self.orders: Drawer[OrderRow] = keeper.drawer("orders", OrderRow, most=2 * ORDERS_MAX)
        self.executions: Drawer[ExecRow] = keeper.drawer("executions", ExecRow, most=EXECUTIONS_MAX)
        self.log: Drawer[LogRow] = keeper.drawer("log", LogRow, most=LOG_MAX)
        self.positions: Drawer[PositionRow] = keeper.drawer("positions", PositionRow)
        self.accounts: Drawer[AccountRow] = keeper.drawer("accounts", AccountRow)
        self.rates: Drawer[RateRow] = keeper.drawer("rates", RateRow, most=RATES_MAX, soft=True)
        # Account and orderLinkId to the newest order of that name.
        self._links: dict[tuple[str, str], int] = {}
        self._engines: dict[str, int] = {}
        self._open: dict[str, dict[int, None]] = {}
        self._waiting: dict[str, dict[int, None]] = {}
        self._on_way: dict[int, None] = {}
        # Keys of an account's rows, oldest first; some may have been forgotten by the drawer.
        self._made: dict[tuple[str, str], deque[str]] = {}
        for row in self.orders.values():
            self._index(row)
        for drawer, name in ((self.orders, "orders"), (self.executions, "executions"), (self.log, "log")):
            for key, one in drawer.items():
                self._note(name, one.account, key)

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def next_number(self) -> int:
        self.own.orders_made += 1
        self.keeper.touch()
        return self.own.orders_made

    def put_order(self, row: OrderRow) -> None:
        """Keep the row as it is now."""
        if str(row.number) not in self.orders:
            if len(self.orders) >= ORDERS_MAX:
                self._forget()
            self._note("orders", row.account, str(row.number))
        self.orders.put(str(row.number), row)
        self._index(row)

    def _forget(self) -> None:
        """Make room: the oldest order that has ended goes, never one that is alive."""
        ended = (key for key, row in self.orders.items() if row.status in FINAL)
        oldest = next(ended, "")
        if oldest:
            self.orders.drop(oldest)

    def order(self, number: int) -> OrderRow | None:
        return self.orders.get(str(number)) if number else None

    def find(self, account: str, order_id: str, link: str) -> OrderRow | None:
        """By the venue's id where one is given (and then by nothing else), else by the client's."""
        if order_id:
            row = self.order(order_number(self.keeper.birth, order_id))
        else:
            row = self.order(self._links.get((account, link), 0)) if link else None
        return row if row is not None and row.account == account else None

    def of_engine(self, engine: str) -> OrderRow | None:
        return self.order(self._engines.get(engine, 0))

    def open_of(self, account: str) -> list[OrderRow]:
        """Oldest first."""
        return [self.orders[str(number)] for number in sorted(self._open.get(account, ()))]

    def waiting_on(self, key: str) -> list[OrderRow]:
        """Conditionals that wait for a price of this instrument, oldest first."""
        return [self.orders[str(number)] for number in sorted(self._waiting.get(key, ()))]

    def on_way(self) -> list[OrderRow]:
        return [self.orders[str(number)] for number in self._on_way]

    def _index(self, row: OrderRow) -> None:
        number = row.number
        if row.link and self._links.get((row.account, row.link), 0) <= number:
            self._links[row.account, row.link] = number
        if row.engine:
            self._engines[row.engine] = number
        for index in (self._links, self._engines):
            if len(index) > 2 * ORDERS_MAX:
                del index[next(iter(index))]  # type: ignore[arg-type]
        _mark(self._open.setdefault(row.account, {}), number, row.open)
        _mark(self._waiting.setdefault(row.key, {}), number, row.status == "Untriggered")
        _mark(self._on_way, number, row.status == ON_ITS_WAY)

    # ── the others ──────────────────────────────────────────────────────────────────────────────

    def orders_of(self, account: str) -> Iterator[OrderRow]:
        """Newest first, as all of these."""
        return self._newest(self.orders, "orders", account)

    def executions_of(self, account: str) -> Iterator[ExecRow]:
        return self._newest(self.executions, "executions", account)

    def log_of(self, account: str) -> Iterator[LogRow]:
        return self._newest(self.log, "log", account)

    def _newest(self, drawer: Drawer[T], name: str, account: str) -> Iterator[T]:
        for key in reversed(self._made.get((name, account), ())):
            row = drawer.get(key)
            if row is not None:
                yield row

    def _note(self, name: str, account: str, key: str) -> None:
        most = {"orders": ORDERS_MAX, "executions": EXECUTIONS_MAX, "log": LOG_MAX}[name]
        self._made.setdefault((name, account), deque(maxlen=most)).append(key)

    def put_execution(self, row: ExecRow) -> None:
        self._note("executions", row.account, str(row.number))
        self.executions.put(str(row.number), row)

    def next_execution(self) -> int:
        self.own.executions_made += 1
        self.keeper.touch()
        return self.own.executions_made

    def put_log(self, row: LogRow) -> None:
        self._note("log", row.account, str(row.number))
        self.log.put(str(row.number), row)

    def next_log(self) -> int:
        self.own.log_made += 1
        self.keeper.touch()
        return self.own.log_made

    def position(self, account: str, key: str) -> PositionRow:
        found = self.positions.get(f"{account}|{key}")
        return found or PositionRow(account, key)

    def put_position(self, row: PositionRow) -> None:
        self.positions.put(f"{row.account}|{row.symbol}", row)

    def account(self, account: str, now_ns: int) -> AccountRow:
        found = self.accounts.get(account)
        if found is None:
            self.own.uids_made += 1
            self.keeper.touch()
            found = AccountRow(account, 100_000_000 + self.own.uids_made, now_ns)
            self.accounts.put(account, found)
        return found

    def put_account(self, row: AccountRow) -> None:
        self.accounts.put(row.account, row)


def _mark(index: dict[int, None], number: int, here: bool) -> None:
    if here:
        index[number] = None
    else:
        index.pop(number, None)
