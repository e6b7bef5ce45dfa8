"""What T-Invest says of an account, in the desk's words: orders, their trades, stop orders, positions. Pure.

Prices. Shares, funds and currencies are told in money. Bonds and futures are traded in points (percent of
the nominal; the exchange's points) and told in points or in money, by method and field, as the venue's table
of types says. All of it becomes points here.

Stop orders are numbers of their own at the venue and carry no key of ours; their `venue_id` is "stop:" and
that number. One that was triggered becomes an order under another number: its trades are told under the
stop's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import HUNDRED, MONEY, ZERO, divide
from kedge.model.order import OrderKind, Side, State
from kedge.model.venue import Balance, Cash, Fill, OrderReport, VenuePosition
from kedge.protos.tinvest import operations_pb2 as ops
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.venues.silence import sentence
from kedge.venues.tinvest.instruments import Listing
from kedge.venues.tinvest.wire import Parts, Unreadable, client_id_of, has, money_or_zero, ns_of, number, sane

STOP: Final = "stop:"
# Interest that is more than this part of what a bond is worth is a misreading.
INTEREST_MOST: Final = Decimal("0.25")

_SIDES: Final[Mapping[int, Side]] = {1: "buy", 2: "sell"}
_OVER: Final = (State.FILLED, State.CANCELLED, State.EXPIRED, State.REJECTED)
_CAUSES: Final[Mapping[int, str]] = {
    pb.OrderStateStreamResponse.CAUSE_CANCELLED_BY_CLIENT: "",
    pb.OrderStateStreamResponse.CAUSE_CANCELLED_BY_EXCHANGE: "ended by the exchange",
    pb.OrderStateStreamResponse.CAUSE_CANCELLED_NOT_ENOUGH_POSITION: "cancelled: not enough assets",
    pb.OrderStateStreamResponse.CAUSE_CANCELLED_BY_CLIENT_BLOCK: "cancelled: the client is blocked",
    pb.OrderStateStreamResponse.CAUSE_REJECTED_BY_BROKER: "refused by the broker",
    pb.OrderStateStreamResponse.CAUSE_REJECTED_BY_EXCHANGE: "refused by the exchange",
    pb.OrderStateStreamResponse.CAUSE_CANCELLED_BY_BROKER: "cancelled by the broker",
}


class Alias(Struct, frozen=True):
    """Whose the order is that a stop order has become."""

    stop_id: str
    client_id: str  # "" where this life of the adapter does not know it
    kind: OrderKind


Aliases = Mapping[str, Alias]


class Told(Struct, frozen=True):
    """One order with all that came with it."""

    order: OrderReport
    fills: tuple[Fill, ...] = ()
    cash: tuple[Cash, ...] = ()
    # What could not be read of it.
    odd: str = ""


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


def order_of(row: pb.OrderState, listing: Listing, aliases: Aliases) -> Told | Unreadable:
    """An order as questions tell it: with the stages of its execution, and its costs once it has ended."""
    symbol = listing.symbol_of(row.instrument_uid, row.figi, row.ticker, row.class_code)
    instrument = listing.all.get(symbol)
    side = _SIDES.get(row.direction)
    if side is None or row.lots_requested <= 0:
        return Unreadable(f"order {row.order_id}: direction {row.direction}, {row.lots_requested} lots")
    lot = listing.lot_of(symbol)
    state = state_of(row.execution_report_status, row.lots_requested, row.lots_executed)
    if state is None:
        return Unreadable(f"order {row.order_id}: status {row.execution_report_status}")
    alias = aliases.get(row.order_id)
    market = row.order_type == pb.ORDER_TYPE_MARKET
    in_money = _told_in_money(row, instrument)
    price = ZERO if market else _price(row, "initial_security_price", instrument, in_money)
    times = [ns_of(row.order_date), *(ns_of(one.execution_time) for one in row.stages)]
    order = OrderReport(
        client_id=alias.client_id if alias else client_id_of(row.order_request_id),
        venue_id=STOP + alias.stop_id if alias else row.order_id,
        symbol=symbol,
        side=side,
        qty=row.lots_requested * lot,
        price=price,
        cum_qty=row.lots_executed * lot,
        state=state,
        venue_ns=max(times),
        kind=alias.kind if alias else "market" if market else "limit",
    )
    if not sane(price):
        return Unreadable(f"order {row.order_id}: a price of {price}")
    fills, odd = _stages(row, order, instrument, in_money)
    cash = _costs(row, order, fills, instrument) if state in _OVER and row.lots_executed > 0 else ()
    return Told(order, fills, cash, odd)


def news_of(
    row: pb.OrderStateStreamResponse.OrderState, listing: Listing, aliases: Aliases
) -> Told | Unreadable:
    """An order as the stream tells it."""
    symbol = listing.symbol_of(row.instrument_uid, "", row.ticker, row.class_code)
    instrument = listing.all.get(symbol)
    side = _SIDES.get(row.direction)
    if side is None or row.lots_requested <= 0:
        return Unreadable(f"order {row.order_id}: direction {row.direction}, {row.lots_requested} lots")
    lot = instrument.lot if instrument is not None else Decimal(max(1, row.lot_size))
    state = state_of(row.execution_report_status, row.lots_requested, row.lots_executed)
    if state is None:
        return Unreadable(f"order {row.order_id}: status {row.execution_report_status}")
    alias = aliases.get(row.order_id)
    market = row.order_type == pb.ORDER_TYPE_MARKET
    price = ZERO if market else _price(row, "order_price", instrument, False)
    if not sane(price):
        return Unreadable(f"order {row.order_id}: a price of {price}")
    times = [ns_of(row.created_at), ns_of(row.completion_time), *(ns_of(t.date_time) for t in row.trades)]
    order = OrderReport(
        client_id=alias.client_id if alias else client_id_of(row.order_request_id),
        venue_id=STOP + alias.stop_id if alias else row.order_id,
        symbol=symbol,
        side=side,
        qty=row.lots_requested * lot,
        price=price,
        cum_qty=row.lots_executed * lot,
        state=_by_cause(state, row),
        venue_ns=max(times),
        reason=_CAUSES.get(row.status_info, "") if has(row, "status_info") else "",
        kind=alias.kind if alias else "market" if market else "limit",
    )
    fills, odd = _trades(row.trades, order, instrument, row.lots_executed * lot)
    return Told(order, fills, (), odd)


def state_of(status: int, requested: int, executed: int) -> State | None:
    """None: the venue does not say. An order that is cancelled may have traded in part."""
    if executed >= requested > 0:
        return State.FILLED
    if status in (pb.EXECUTION_REPORT_STATUS_NEW, pb.EXECUTION_REPORT_STATUS_PARTIALLYFILL):
        return State.OPEN
    if status == pb.EXECUTION_REPORT_STATUS_REJECTED:
        return State.CANCELLED if executed > 0 else State.REJECTED
    if status == pb.EXECUTION_REPORT_STATUS_CANCELLED:
        return State.CANCELLED
    return State.FILLED if status == pb.EXECUTION_REPORT_STATUS_FILL else None


def _by_cause(state: State, row: pb.OrderStateStreamResponse.OrderState) -> State:
    """An order that the exchange ended by its own terms (its day is over, nothing more could trade at once)
    has expired."""
    if state is not State.CANCELLED:
        return state
    by_itself = row.time_in_force in (pb.TIME_IN_FORCE_FILL_AND_KILL, pb.TIME_IN_FORCE_FILL_OR_KILL)
    by_client = row.status_info == pb.OrderStateStreamResponse.CAUSE_CANCELLED_BY_CLIENT
    by_exchange = row.status_info == pb.OrderStateStreamResponse.CAUSE_CANCELLED_BY_EXCHANGE
    return State.EXPIRED if by_exchange or (by_itself and not by_client) else state


# ── trades ──────────────────────────────────────────────────────────────────────────────────────


def _stages(
    row: pb.OrderState, order: OrderReport, instrument: Instrument | None, in_money: bool
) -> tuple[tuple[Fill, ...], str]:
    """Stages count in lots."""
    lot = instrument.lot if instrument is not None else order.qty / row.lots_requested
    found = []
    for stage in row.stages:
        price = points(number(stage.price), instrument, in_money) if has(stage, "price") else ZERO
        made = _fill(
            order, stage.trade_id, stage.quantity * lot, price, ns_of(stage.execution_time), instrument
        )
        if isinstance(made, Unreadable):
            return (), made.why
        found.append(made)
    return tuple(found), ""


def _trades(
    rows: Iterable[pb.OrderTrade], order: OrderReport, instrument: Instrument | None, executed: Decimal
) -> tuple[tuple[Fill, ...], str]:
    """Trades of the stream count in pieces. Where they add up to more than was executed, they were counted in
    something else, and a question must tell."""
    found = []
    for row in rows:
        at_ns = ns_of(row.date_time)
        made = _fill(order, row.trade_id, Decimal(row.quantity), number(row.price), at_ns, instrument)
        if isinstance(made, Unreadable):
            return (), made.why
        found.append(made)
    if sum((fill.qty for fill in found), ZERO) > executed:
        return (), f"order {order.venue_id}: its trades are more than was executed of it"
    return tuple(found), ""


def _fill(
    order: OrderReport, trade_id: str, qty: Decimal, price: Decimal, at_ns: int, instrument: Instrument | None
) -> Fill | Unreadable:
    can_be_negative = instrument is not None and instrument.kind == "points"
    if not trade_id or qty <= 0 or not sane(price) or (price <= 0 and not can_be_negative) or at_ns <= 0:
        return Unreadable(sentence(f"order {order.venue_id}: trade {trade_id!r} of {qty} at {price}"))
    return Fill(
        exec_id=f"{order.symbol}:{trade_id}:{order.side[0]}",
        client_id=order.client_id,
        venue_id=order.venue_id,
        symbol=order.symbol,
        side=order.side,
        qty=qty,
        price=price,
        # Commissions are told of whole orders, and come as cash of their own.
        fee=ZERO,
        fee_asset=instrument.settle if instrument is not None else "RUB",
        venue_ns=at_ns,
    )


def _costs(
    row: pb.OrderState, order: OrderReport, fills: tuple[Fill, ...], instrument: Instrument | None
) -> tuple[Cash, ...]:
    """What an order that has ended has cost beside its trades: the commission, and a bond's accrued
    interest.
    """
    found = []
    at_ns = order.venue_ns
    fee = number(row.executed_commission) if has(row, "executed_commission") else ZERO
    if fee > 0 and sane(fee):
        asset = (row.executed_commission.currency or "rub").upper()
        found.append(Cash(f"fee:{row.order_id}", "fee", asset, -fee, at_ns, order.symbol))
    if instrument is not None and instrument.kind == "bond":
        interest = _interest(row, order, fills, instrument, max(fee, ZERO))
        if interest > 0:
            amount = -interest if order.side == "buy" else interest
            found.append(Cash(f"aci:{row.order_id}", "other", instrument.settle, amount, at_ns, order.symbol))
    return tuple(found)


def _interest(
    row: pb.OrderState, order: OrderReport, fills: tuple[Fill, ...], instrument: Instrument, fee: Decimal
) -> Decimal:
    """What was paid beyond the price and the commission; 0 where it cannot be told."""
    value = sum((instrument.value(fill.qty, fill.price) for fill in fills), ZERO)
    if sum((fill.qty for fill in fills), ZERO) != order.cum_qty:
        return ZERO
    interest = money_or_zero(row, "executed_order_price") - value
    if interest <= 0:
        total = money_or_zero(row, "total_order_amount")
        interest = total - value - (fee if order.side == "buy" else -fee)
    return interest if 0 < interest <= value * INTEREST_MOST else ZERO


# ── prices ──────────────────────────────────────────────────────────────────────────────────────


def points(value: Decimal, instrument: Instrument | None, in_money: bool) -> Decimal:
    """The price as it is traded, of what is told in money."""
    if not in_money or instrument is None or value == 0:
        return value
    if instrument.kind == "bond":
        price = divide(value * HUNDRED, instrument.nominal)
    elif instrument.kind == "points":
        price = divide(value * instrument.tick, instrument.tick_value)
    else:
        return value
    steps = MONEY.divide(price, instrument.tick).quantize(Decimal(1), ROUND_HALF_EVEN)
    return steps * instrument.tick


def _told_in_money(row: pb.OrderState, instrument: Instrument | None) -> bool:
    """Whether an order's prices are in money. The documents say so of futures, and not of bonds, and leave
    some methods out; but the order's value is always money, and only one reading of its price agrees with
    that."""
    if instrument is None or instrument.kind not in ("bond", "points"):
        return False
    price, qty = money_or_zero(row, "initial_security_price"), row.lots_requested * instrument.lot
    value = money_or_zero(row, "initial_order_price")
    if price == 0 or value == 0:
        return instrument.kind == "points"
    return abs(qty * price - value) < abs(instrument.value(qty, price) - value)


def _price(
    row: pb.OrderState | pb.OrderStateStreamResponse.OrderState | stops.StopOrder,
    field: str,
    instrument: Instrument | None,
    in_money: bool,
) -> Decimal:
    if not row.HasField(field):
        return ZERO
    parts: Parts = getattr(row, field)
    return points(number(parts), instrument, in_money)


# ── stop orders ─────────────────────────────────────────────────────────────────────────────────


class Stop(Struct, frozen=True):
    """A stop order as the venue lists it."""

    stop_id: str
    symbol: str
    side: Side
    kind: OrderKind
    qty: Decimal
    price: Decimal
    trigger: Decimal
    status: int
    created_ns: int
    expires_ns: int
    ended_ns: int
    # The order that it has become; "" while it waits.
    order_id: str

    @property
    def is_waiting(self) -> bool:
        return self.status == stops.STOP_ORDER_STATUS_ACTIVE


def stop_of(row: stops.StopOrder, listing: Listing) -> Stop | Unreadable:
    symbol = listing.symbol_of(row.instrument_uid, row.figi, row.ticker, row.class_code)
    instrument = listing.all.get(symbol)
    side = _SIDES.get(row.direction)
    if side is None or row.lots_requested <= 0 or not row.stop_order_id:
        return Unreadable(f"stop order {row.stop_order_id!r}: direction {row.direction}")
    # Of stop orders the venue tells bonds in money, and futures in points.
    in_money = instrument is not None and instrument.kind == "bond"
    price = _price(row, "price", instrument, in_money)
    trigger = _price(row, "stop_price", instrument, in_money)
    return Stop(
        stop_id=row.stop_order_id,
        symbol=symbol,
        side=side,
        kind=_kind_of(row, price),
        qty=row.lots_requested * listing.lot_of(symbol),
        price=price,
        trigger=trigger,
        status=row.status,
        created_ns=ns_of(row.create_date),
        expires_ns=max(0, ns_of(row.expiration_time)) if has(row, "expiration_time") else 0,
        ended_ns=max(0, ns_of(row.activation_date_time)) if has(row, "activation_date_time") else 0,
        order_id=row.exchange_order_id,
    )


def _kind_of(row: stops.StopOrder, price: Decimal) -> OrderKind:
    if row.order_type == stops.STOP_ORDER_TYPE_TAKE_PROFIT:
        market = row.exchange_order_type == stops.EXCHANGE_ORDER_TYPE_MARKET or price == 0
        return "take" if market else "take_limit"
    return "stop_limit" if row.order_type == stops.STOP_ORDER_TYPE_STOP_LIMIT else "stop"


_STOPPED: Final[Mapping[int, State]] = {
    stops.STOP_ORDER_STATUS_CANCELED: State.CANCELLED,
    stops.STOP_ORDER_STATUS_EXPIRED: State.EXPIRED,
}


def report_of(stop: Stop, client_id: str, order: OrderReport | None = None) -> OrderReport:
    """What became of a stop order; `order` is what it turned into, where that is known."""
    state = _STOPPED.get(stop.status, State.OPEN)  # one that was triggered lives on as an order
    if order is not None:
        state = order.state
    elif stop.status == stops.STOP_ORDER_STATUS_EXECUTED and not stop.order_id:
        state = State.CANCELLED  # it came to its price, and no order came of it
    return OrderReport(
        client_id=client_id,
        venue_id=STOP + stop.stop_id,
        symbol=stop.symbol,
        side=stop.side,
        qty=stop.qty,
        price=stop.price,
        cum_qty=order.cum_qty if order is not None else ZERO,
        state=state,
        venue_ns=max(stop.created_ns, stop.ended_ns, order.venue_ns if order is not None else 0),
        reason=order.reason if order is not None else "",
        kind=stop.kind,
        trigger_price=stop.trigger,
        expires_ns=stop.expires_ns,
    )


# ── positions and money ─────────────────────────────────────────────────────────────────────────


def positions_of(said: ops.PositionsResponse, listing: Listing) -> tuple[VenuePosition, ...]:
    """Shares, funds, bonds and futures in pieces; what is listed and not held is held at zero. Currencies are
    balances. The venue tells no price here."""
    held: dict[str, Decimal] = {
        symbol: ZERO for symbol, one in listing.all.items() if one.kind == "spot" and one.sector != "currency"
    }
    for row in said.securities:
        if row.instrument_type == "currency":
            continue
        symbol = listing.symbol_of(row.instrument_uid, row.figi, row.ticker, row.class_code)
        held[symbol] = held.get(symbol, ZERO) + Decimal(row.balance + row.blocked)
    for future in said.futures:
        symbol = listing.symbol_of(future.instrument_uid, future.figi, future.ticker, future.class_code)
        held[symbol] = held.get(symbol, ZERO) + Decimal(future.balance + future.blocked)
    return tuple(VenuePosition(symbol, qty, ZERO) for symbol, qty in held.items())


def balances_of(said: ops.PositionsResponse) -> tuple[Balance, ...]:
    free: dict[str, Decimal] = {}
    blocked: dict[str, Decimal] = {}
    for row in said.money:
        free[row.currency.upper()] = free.get(row.currency.upper(), ZERO) + number(row)
    for row in said.blocked:
        blocked[row.currency.upper()] = blocked.get(row.currency.upper(), ZERO) + number(row)
    assets = dict.fromkeys([*free, *blocked])
    return tuple(
        Balance(asset, free.get(asset, ZERO) + blocked.get(asset, ZERO), free.get(asset, ZERO))
        for asset in assets
        if asset
    )


def balances_changed(said: ops.PositionData) -> tuple[Balance, ...]:
    """The stream names those that changed."""
    found = []
    for row in said.money:
        asset = (row.available_value.currency or row.blocked_value.currency).upper()
        free = number(row.available_value)
        if asset:
            found.append(Balance(asset, free + number(row.blocked_value), free))
    return tuple(found)
