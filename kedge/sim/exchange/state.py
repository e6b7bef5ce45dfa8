"""Everything the exchange remembers, as plain structs: what is dumped, and what is loaded.

Indices (books, trigger lists) are not here: they are rebuilt from the orders, whose `rank` says who
came first.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from msgspec import Struct

from kedge.model.instrument import Status
from kedge.model.numbers import ZERO
from kedge.model.order import OrderKind, Side, State, Tif, Trigger, fires_rising
from kedge.model.venue import Cash, Fill, FillKind, PlaceOrder
from kedge.sim.exchange.nouns import AmendOrder, CancelOrder, ExchangeConfig, Happening, Manner


class Order(Struct, gc=False, omit_defaults=True):
    number: int
    venue_id: str
    account: str
    client_id: str
    symbol: str
    side: Side
    kind: OrderKind
    tif: Tif
    qty: Decimal
    price: Decimal
    ticks: int
    since_ns: int
    reduce_only: bool = False
    trigger_price: Decimal = ZERO
    trigger_by: Trigger = "last"
    waiting: bool = False  # a stop that has not been triggered
    resting: bool = False
    cum_qty: Decimal = ZERO
    state: State = State.OPEN
    reason: str = ""
    version: int = 0
    rank: int = 0
    changed_ns: int = 0
    # Spot: what is held of the asset that pays. Derivatives: the value that counts for margin.
    hold: Decimal = ZERO
    fill_kind: FillKind = "trade"
    manner: Manner | None = None
    expires_ns: int = 0  # when it ends by itself; 0: it does not

    @property
    def rises(self) -> bool:
        """Whether the trigger is reached from below."""
        profit = self.manner is not None and self.manner.take_profit
        return fires_rising(self.kind, self.side) != profit

    @property
    def holds_early(self) -> bool:
        """Whether a waiting order sets aside what it will need."""
        return self.waiting and self.manner is not None and self.manner.holds_early


class Position(Struct, gc=False):
    """One account in one derivative. `cost` is the value at which `qty` was entered."""

    leverage: Decimal
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    # The value of open orders on each side.
    buys: Decimal = ZERO
    sells: Decimal = ZERO


class Account(Struct):
    name: str
    # House accounts are exempt from margin, and nothing about their orders is told or kept.
    house: bool = False
    cash: dict[str, Decimal] = {}
    held: dict[str, Decimal] = {}
    positions: dict[str, Position] = {}
    open: dict[int, None] = {}
    # The newest order of each client id; entries outlive the orders where ids are used once for ever.
    ids: dict[str, int] = {}
    # Live reduce-only orders by symbol: they shrink with the position.
    reducing: dict[str, list[int]] = {}
    fills: list[Fill] = []
    fills_gone: int = 0
    cash_moves: list[Cash] = []
    cash_gone: int = 0
    dead_man_ns: int = 0


class MarketState(Struct):
    symbol: str
    status: Status = "trading"
    was_open: bool = True
    delivered: bool = False
    last: Decimal = ZERO
    mark: Decimal = ZERO
    index: Decimal = ZERO
    # Until a mark is given from outside, the last trade is the mark.
    mark_given: bool = False
    funding_rate: Decimal = ZERO
    rate_given: bool = False
    premium_sum: Decimal = ZERO
    premium_count: int = 0
    funding_ns: int = 0
    book_seq: int = 0
    changed_bids: dict[int, None] = {}
    changed_asks: dict[int, None] = {}


class Sent(Struct, frozen=True, omit_defaults=True):
    """A request on its way in: one of the three."""

    due_ns: int
    number: int
    account: str
    tag: str
    place: PlaceOrder | None = None
    amend: AmendOrder | None = None
    cancel: CancelOrder | None = None


class Memory(Struct):
    """The whole state. The counters never go back: what they number is unique for the exchange's life."""

    config: ExchangeConfig
    now_ns: int = 0
    orders_made: int = 0
    executions: int = 0
    cash_made: int = 0
    versions: int = 0
    ranks: int = 0
    sends: int = 0
    accounts: dict[str, Account] = {}
    markets: dict[str, MarketState] = {}
    orders: dict[int, Order] = {}
    # Finished orders in the order they finished, until the retention has passed.
    finished: list[int] = []
    # When orders end by themselves, and which; sorted. Those that ended before are listed until then.
    expiring: list[tuple[int, int]] = []
    inbox: list[Sent] = []
    outbox: list[Happening] = []
    changed_balances: dict[str, None] = {}
    changed_positions: dict[str, dict[str, None]] = {}
    next_sweep_ns: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Memory)


def encode(memory: Memory) -> bytes:
    return _encoder.encode(memory)


def decode(body: bytes) -> Memory:
    """Raises `msgspec.ValidationError` on bytes that are not a dump of this version."""
    memory: Memory = _decoder.decode(body)
    return memory
