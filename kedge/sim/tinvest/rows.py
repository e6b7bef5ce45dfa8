"""What the venue remembers beside its exchange: orders as it tells of them, stops, keys, accounts.

Ids: an order that the exchange took is called by a number of eleven digits; before that, and where the
exchange never took it, by an internal number of twelve.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct, field

from kedge.model.numbers import ZERO
from kedge.model.order import Side
from kedge.sim.testnet.keeper import Facts, Keeper

ORDERS_MAX = 200_000
KEYS_MAX = 200_000
STOPS_MAX = 50_000
ORDER_BASE = 39_000_000_000
INTERNAL_BASE = 500_000_000_000
FIRST_ACCOUNT = 2_000_000_001

FILL, REJECTED, CANCELLED, NEW, PARTLY = 1, 2, 3, 4, 5
OPEN = (NEW, PARTLY)


class TinvestFacts(Facts):
    """`numbers` counts accounts, orders without an exchange, stops."""

    sessions: str = "calendar"
    # What the command line said of them last: another word there is obeyed, the same one changes nothing.
    sessions_asked: str = "calendar"
    # Schedules whose instruments this venue has stopped because it is not their time.
    closed: dict[str, None] = field(default_factory=dict)
    # Account at the exchange -> what the protocol calls it.
    ids: dict[str, str] = field(default_factory=dict)
    opened_ns: dict[str, int] = field(default_factory=dict)
    shut: dict[str, None] = field(default_factory=dict)  # closed accounts
    internal: int = 0
    stops: int = 0
    # What bonds' accrued interest has cost (negative) or brought each account.
    accrued: dict[str, Decimal] = field(default_factory=dict)
    # Switches.
    duplicates: str = "state"
    internal_first: bool = True
    margin: bool = True
    hidden: dict[str, None] = field(default_factory=dict)  # symbols that the lists leave out
    limits: dict[str, int] = field(default_factory=dict)


class TradeRow(Struct, frozen=True, array_like=True):
    id: str
    lots: int
    price: Decimal
    at_ns: int


class OrderRow(Struct, omit_defaults=True):
    """One order. `key` is the client's idempotency key, `request` the UUID that streams call it by."""

    id: str
    internal: str
    account: str
    symbol: str
    side: Side
    lots: int
    price: Decimal  # 0: at the market
    kind: int  # OrderType
    tif: int
    created_ns: int
    key: str = ""
    request: str = ""
    number: str = ""  # inside the exchange
    status: int = NEW
    cause: int = 0
    message: str = ""
    done: int = 0  # lots
    worth: Decimal = ZERO  # of what was executed, in money
    points: Decimal = ZERO  # the sum of price times lots
    commission: Decimal = ZERO
    accrued: Decimal = ZERO
    trades: tuple[TradeRow, ...] = ()
    changed_ns: int = 0
    done_ns: int = 0
    ends_ns: int = 0  # when the day ends for it; 0: never
    stop: str = ""  # the stop order it came from
    marker: int = 0
    due_ns: int = 0  # taken by the broker, not yet by the exchange
    confirm: bool = False

    @property
    def open(self) -> bool:
        return self.status in OPEN


class KeyRow(Struct, frozen=True, omit_defaults=True):
    """A used idempotency key. `order`: the order's or the stop's id."""

    order: str
    at_ns: int


class StopRow(Struct, omit_defaults=True):
    """One stop order. Numbers of enumerations are the protocol's."""

    id: str
    account: str
    symbol: str
    side: Side
    lots: int
    kind: int
    stop_price: Decimal
    price: Decimal
    created_ns: int
    key: str = ""
    exchange_type: int = 0
    take_profit: int = 0
    expires_ns: int = 0
    status: int = 2  # active
    activated_ns: int = 0
    changed_ns: int = 0
    order: str = ""
    confirm: bool = False


class Tables:
    """Drawers and the indices over them."""

    def __init__(self, keeper: Keeper[TinvestFacts]) -> None:
        self.keeper = keeper
        self.orders = keeper.drawer("orders", OrderRow, most=ORDERS_MAX)
        self.used = keeper.drawer("used", KeyRow, most=KEYS_MAX)
        self.stops = keeper.drawer("stops", StopRow, most=STOPS_MAX)
        self.by_number: dict[str, str] = {}
        self.live: dict[str, None] = {}
        self.waiting: dict[str, dict[str, None]] = {}  # symbol -> active stops
        for row in self.orders.values():
            self._index(row)
        for stop in self.stops.values():
            self._index_stop(stop)

    @property
    def own(self) -> TinvestFacts:
        return self.keeper.own

    def put(self, row: OrderRow, was: str = "") -> None:
        """Keep the order; `was` is the id it had before."""
        if was and was != row.id:
            self.orders.drop(was)
            self.live.pop(was, None)
        self.orders.put(row.id, row)
        self._index(row)

    def put_stop(self, stop: StopRow) -> None:
        self.stops.put(stop.id, stop)
        self._index_stop(stop)

    def living(self) -> list[OrderRow]:
        """Open orders, in the order they were placed."""
        found = (self.orders.get(one) for one in self.live)
        return [row for row in found if row is not None]

    def waiting_on(self, symbol: str) -> list[StopRow]:
        """Active stops of one instrument."""
        found = (self.stops.get(one) for one in self.waiting.get(symbol, ()))
        return [stop for stop in found if stop is not None]

    def of_key(self, account: str, key: str) -> KeyRow | None:
        return self.used.get(f"{account}|{key}")

    def use_key(self, account: str, key: str, order: str, at_ns: int) -> None:
        self.used.put(f"{account}|{key}", KeyRow(order, at_ns))

    def order_of(self, account: str, order_id: str) -> OrderRow | None:
        row = self.orders.get(order_id)
        return row if row is not None and row.account == account else None

    def of_number(self, number: str) -> OrderRow | None:
        found = self.by_number.get(number)
        return self.orders.get(found) if found is not None else None

    def next_internal(self) -> str:
        self.own.internal += 1
        self.keeper.touch()
        return str(INTERNAL_BASE + self.own.internal)

    def _index(self, row: OrderRow) -> None:
        if row.number:
            self.by_number[row.number] = row.id
            if len(self.by_number) > 2 * ORDERS_MAX:
                # Orders that were forgotten are forgotten here, too.
                self.by_number = {one.number: one.id for one in self.orders.values() if one.number}
        if row.open:
            self.live[row.id] = None
        else:
            self.live.pop(row.id, None)

    def _index_stop(self, stop: StopRow) -> None:
        waiting = self.waiting.setdefault(stop.symbol, {})
        if stop.status == 2:
            waiting[stop.id] = None
        else:
            waiting.pop(stop.id, None)
