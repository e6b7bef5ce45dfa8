"""What must be remembered of orders to speak of them: which kind each is, and which number is whose.

The venue's trades name an order by its number alone, a conditional order trades as another one, and an amend
wants the side again. So this keeps, bounded: what was placed or seen under each client id, and who owns each
order number. Nothing here is durable: after a restart it is filled again from the venue's lists, and whatever
it has forgotten can be asked for. Pure.

A number of unknown owner may be a conditional order of ours that has triggered. It is a stranger's only when
all conditional orders of its symbol have been looked through once (`walked`) and none that waits could be it.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from kedge.model.ids import read
from kedge.model.order import OrderKind, Side, State
from kedge.model.venue import PlaceOrder
from kedge.venues.binance.usdm.asks import CONDITIONALS
from kedge.venues.binance.usdm.pushes import AlgoPush, OrderPush
from kedge.venues.binance.usdm.wire import (
    ALGO_STATES,
    KINDS,
    STATES,
    Algo,
    Order,
    WireSide,
    number_of,
    side_of,
)

ORDERS_MOST = 20_000
OWNERS_MOST = 50_000
SYMBOLS_MOST = 500


class Known(Struct):
    """One order. `order_id` is the number of the regular order; 0 while a conditional one waits."""

    client_id: str
    symbol: str
    side: Side
    kind: OrderKind
    qty: Decimal
    algo: bool = False
    order_id: int = 0
    live: bool = True
    # The last moment at which it could be taken, by the desk's clock; 0: the venue has shown it.
    until_ns: int = 0


class Memory:
    def __init__(self) -> None:
        self._orders: dict[str, Known] = {}
        # Of these, those that live: conditional ones that wait, and regular ones.
        self._waiting: dict[str, Known] = {}
        self._open: dict[str, Known] = {}
        self._owners: dict[tuple[str, int], str] = {}
        self._walked: dict[str, None] = {}
        # Symbols this account has dealt in, oldest first.
        self._symbols: dict[str, None] = {}

    # ── what is known ───────────────────────────────────────────────────────────────────────────

    def of(self, client_id: str) -> Known | None:
        return self._orders.get(client_id)

    def owner(self, symbol: str, order_id: int) -> str | None:
        """The client id under which the desk knows this number; None: not known."""
        return self._owners.get((symbol, order_id))

    def kind_of(self, client_id: str) -> OrderKind | None:
        """The kind to report a triggered order as; None where the venue's own word is right."""
        known = self._orders.get(client_id)
        return known.kind if known is not None and known.algo else None

    def waiting(self, symbol: str) -> tuple[Known, ...]:
        """Conditional orders of this symbol that may have triggered without our knowing."""
        return tuple(k for k in self._waiting.values() if k.symbol == symbol)

    def is_walked(self, symbol: str) -> bool:
        return symbol in self._walked

    def symbols(self) -> tuple[str, ...]:
        return tuple(self._symbols)

    def open_symbols(self) -> tuple[str, ...]:
        """Symbols with regular orders of ours that live: what the dead-man switch is for."""
        return tuple(dict.fromkeys(k.symbol for k in self._open.values()))

    # ── what is learnt ──────────────────────────────────────────────────────────────────────────

    def placing(self, order: PlaceOrder) -> None:
        """It is about to be sent."""
        algo = order.kind in CONDITIONALS
        known = Known(order.client_id, order.symbol, order.side, order.kind, order.qty, algo)
        known.until_ns = order.valid_until_ns
        self._keep(known)

    def ended(self, client_id: str) -> None:
        """It has ended, or was never taken."""
        known = self._orders.get(client_id)
        if known is not None:
            known.live = False
            self._sort(known)

    def learn_order(self, o: Order) -> str | None:
        """A regular order as a reply or a list shows it; its owner, or None when that is not known yet."""
        owner = self._claim(o.symbol, o.order_id, o.client_order_id, o.side)
        if owner is not None:
            live = STATES.get(o.status) is State.OPEN
            self._learn(owner, o.symbol, o.side, o.orig_type or o.type, o.orig_qty, o.order_id, live)
        return owner

    def learn_push(self, o: OrderPush) -> str | None:
        owner = self._claim(o.symbol, o.order_id, o.client_id, o.side)
        if owner is not None:
            live = STATES.get(o.status) is State.OPEN
            self._learn(owner, o.symbol, o.side, o.original_type or o.type, o.qty, o.order_id, live)
        return owner

    def learn_algo(self, a: Algo) -> Known:
        """A conditional order as a reply or a list shows it."""
        return self._learn_algo(
            Known(
                a.client_algo_id,
                a.symbol,
                side_of(a.side),
                KINDS.get(a.order_type, "stop"),
                Decimal(a.quantity or "0"),
                True,
                number_of(a.actual_order_id),
                ALGO_STATES.get(a.algo_status) is State.OPEN,
            )
        )

    def learn_algo_push(self, a: AlgoPush) -> Known:
        return self._learn_algo(
            Known(
                a.client_id,
                a.symbol,
                side_of(a.side),
                KINDS.get(a.type, "stop"),
                Decimal(a.qty),
                True,
                number_of(a.order_id),
                ALGO_STATES.get(a.status) is State.OPEN,
            )
        )

    def walk_done(self, symbol: str) -> None:
        """All conditional orders of this symbol that the venue still keeps have been learnt."""
        self._walked[symbol] = None

    def is_stranger(self, symbol: str, order_id: int, client_id: str) -> None:
        """Nobody here placed it: its number keeps the id that the venue shows."""
        self._own(symbol, order_id, client_id)

    def dealt_in(self, symbol: str) -> None:
        self._symbols.pop(symbol, None)
        self._symbols[symbol] = None
        if len(self._symbols) > SYMBOLS_MOST:
            del self._symbols[next(iter(self._symbols))]

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _claim(self, symbol: str, order_id: int, client_id: str, side: WireSide) -> str | None:
        """Whose number this is; None while it may yet be one of ours under another id."""
        owner = self._owners.get((symbol, order_id))
        if owner is not None:
            return owner
        known = self._orders.get(client_id)
        if known is not None or read(client_id) is not None or _is_venues(client_id):
            self._own(symbol, order_id, client_id)
            return client_id
        could_be = any(k.side == side_of(side) for k in self.waiting(symbol))
        if could_be or not self.is_walked(symbol):
            return None
        self._own(symbol, order_id, client_id)
        return client_id

    def _learn(
        self, owner: str, symbol: str, side: WireSide, type: str, qty: str, order_id: int, live: bool
    ) -> None:
        self.dealt_in(symbol)
        known = self._orders.get(owner)
        if known is not None:
            known.order_id, known.live = order_id, live
            if not known.algo:
                known.qty = Decimal(qty)
            self._sort(known)
        elif read(owner) is not None:
            kind = KINDS.get(type, "limit")
            self._keep(Known(owner, symbol, side_of(side), kind, Decimal(qty), False, order_id, live))

    def _learn_algo(self, seen: Known) -> Known:
        self.dealt_in(seen.symbol)
        known = self._orders.get(seen.client_id)
        if known is None:
            self._keep(seen)
            known = seen
        known.algo, known.until_ns = True, 0
        known.order_id = known.order_id or seen.order_id
        known.qty = known.qty or seen.qty
        # Once it has triggered, the regular order alone says whether it lives.
        known.live = seen.live if not known.order_id else known.live
        self._sort(known)
        if known.order_id:
            self._own(known.symbol, known.order_id, known.client_id)
        return known

    def _own(self, symbol: str, order_id: int, client_id: str) -> None:
        self._owners[symbol, order_id] = client_id
        if len(self._owners) > OWNERS_MOST:
            del self._owners[next(iter(self._owners))]

    def _keep(self, known: Known) -> None:
        self.dealt_in(known.symbol)
        self._orders[known.client_id] = known
        self._sort(known)
        if len(self._orders) <= ORDERS_MOST:
            return
        # The oldest that has ended goes; were all alive, the oldest of all.
        oldest = next((k for k, one in self._orders.items() if not one.live), next(iter(self._orders)))
        for kept in (self._orders, self._waiting, self._open):
            kept.pop(oldest, None)

    def _sort(self, known: Known) -> None:
        """Into those that wait, those that are open, or neither."""
        self._waiting.pop(known.client_id, None)
        self._open.pop(known.client_id, None)
        if known.live:
            waits = known.algo and not known.order_id
            (self._waiting if waits else self._open)[known.client_id] = known


def _is_venues(client_id: str) -> bool:
    """Ids of orders that the venue itself makes on an account."""
    return client_id.startswith(("autoclose-", "adl_autoclose", "settlement_autoclose-"))
