"""ccxt's unified dictionaries, read into our nouns. Pure: what cannot be read is a sentence, never a guess.

Numbers come as text, because the adapter sets ccxt's number type to `str` and has JSON's fractions read as
text. Where ccxt insists on floats (the books of its streams), the shortest text of a float is what the
exchange wrote, as long as that had no more than fifteen digits; anything longer is refused.

ccxt counts contracts. A linear contract of 0.01 coins becomes a quantity in coins here (`Instrument.lot`);
inverse contracts stay contracts, which is how `Instrument.value` counts them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from kedge.model.instrument import Instrument, InstrumentKind, Status
from kedge.model.numbers import LIMIT, ONE, ZERO, BadNumber, exact, is_multiple, text
from kedge.model.order import OrderKind, Side, State
from kedge.model.venue import Balance, Bar, Cash, Fill, Level, OrderReport, PlaceOrder, Trade, VenuePosition
from kedge.venues.ccxt.rules import NS_PER_MS

# ccxt's constants of `precisionMode`.
DECIMAL_PLACES: Final = 2
TICK_SIZE: Final = 4
# Every decimal number of so many digits survives a float; of more, some do not.
FLOAT_DIGITS: Final = 15
MAX_QTY: Final = Decimal(10**12)

Said = Mapping[str, Any]

STATES: Final[Mapping[str, State]] = {
    "open": State.OPEN,
    "closed": State.FILLED,
    "canceled": State.CANCELLED,
    "canceling": State.OPEN,
    "expired": State.EXPIRED,
    "rejected": State.REJECTED,
}


class Unreadable(Struct, frozen=True):
    why: str


class Listing(Struct, frozen=True):
    """One market: what we call it is what ccxt calls it ("BTC/USDT", "BTC/USDT:USDT")."""

    instrument: Instrument
    type: str  # spot, swap, future

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def lot(self) -> Decimal:
        return self.instrument.lot


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


def number(value: object) -> Decimal:
    """Exactly what the exchange wrote, or `BadNumber`."""
    if isinstance(value, float):
        value = Decimal(repr(value).removesuffix(".0"))  # which nobody wrote
        if len(value.as_tuple().digits) > FLOAT_DIGITS:
            raise BadNumber(f"{value} has more digits than a float keeps")
    if not isinstance(value, (str, int, Decimal)):
        raise BadNumber(f"{value!r} is not a number")
    return exact(value)


def maybe(value: object) -> Decimal | None:
    return None if value is None or value == "" else number(value)


def _or_zero(value: object) -> Decimal:
    return maybe(value) or ZERO


def stamp_ns(said: Said, *names: str) -> int:
    """The first of these times (milliseconds), in nanoseconds; 0 where the exchange gave none."""
    for name in names:
        value = said.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return int(value) * NS_PER_MS
    return 0


# ── instruments ─────────────────────────────────────────────────────────────────────────────────


def listing_of(market: Said, precision_mode: int) -> Listing | Unreadable:
    """One of `exchange.markets`; Unreadable: not something that we trade, or not described well enough."""
    kind = _kind_of(market)
    if not kind:
        return Unreadable(f"{market.get('symbol')}: nothing we trade ({market.get('type')})")
    try:
        size = _or_zero(market.get("contractSize")) if kind != "spot" else ONE
        tick = step_of(_in(market, "precision", "price"), precision_mode)
        step = step_of(_in(market, "precision", "amount"), precision_mode)
        if not (size > 0 and tick > 0 and step > 0):
            return Unreadable(f"{market.get('symbol')}: its steps are not known")
        lot = size if kind == "linear" else ONE
        instrument = Instrument(
            symbol=str(market["symbol"]),
            kind=kind,
            base=str(market.get("base") or ""),
            quote=str(market.get("quote") or ""),
            settle=str(market.get("settle") or market.get("quote") or ""),
            tick=tick,
            qty_step=step * lot,
            min_qty=_or_zero(_in(market, "limits", "amount", "min")) * lot,
            max_qty=(_or_zero(_in(market, "limits", "amount", "max")) or MAX_QTY / lot) * lot,
            min_notional=_or_zero(_in(market, "limits", "cost", "min")),
            lot=lot,
            multiplier=size if kind == "inverse" else ONE,
            expires_ns=stamp_ns(market, "expiry"),
            status=_status_of(market),
        )
    except (BadNumber, KeyError) as error:
        return Unreadable(f"{market.get('symbol')}: {error}")
    return Listing(instrument, str(market["type"]))


def step_of(value: object, precision_mode: int) -> Decimal:
    """A step, from ccxt's two ways of writing one; 0 where there is none (significant digits are no step)."""
    if precision_mode == TICK_SIZE:
        return _or_zero(value)
    places = maybe(value)
    if precision_mode != DECIMAL_PLACES or places is None or places != int(places):
        return ZERO
    return Decimal(1).scaleb(-int(places))


def _kind_of(market: Said) -> InstrumentKind | None:
    if market.get("spot"):
        return "spot"
    if market.get("type") not in ("swap", "future") or market.get("quanto"):
        return None
    if market.get("linear"):
        return "linear"
    return "inverse" if market.get("inverse") else None


def _status_of(market: Said) -> Status:
    return "halted" if market.get("active") is False else "trading"


def _in(said: Said, *path: str) -> object:
    value: object = said
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def closed(listing: Listing) -> Listing:
    """It is no longer listed."""
    return replace(listing, instrument=replace(listing.instrument, status="closed"))


# ── out ─────────────────────────────────────────────────────────────────────────────────────────


def amount_of(listing: Listing, qty: Decimal) -> str:
    """A quantity as the exchange counts it. Only a whole number of steps has one, which is checked before."""
    assert is_multiple(qty, listing.instrument.qty_step)
    return text(qty / listing.lot)


def impossible(listing: Listing, order: PlaceOrder) -> str:
    """Why this order cannot be written exactly; "" where it can."""
    instrument = listing.instrument
    if not is_multiple(order.qty, instrument.qty_step):
        return f"{text(order.qty)} is not a multiple of {order.symbol}'s step {text(instrument.qty_step)}"
    for name, price in (("price", order.price), ("trigger", order.trigger_price)):
        if not is_multiple(price, instrument.tick):
            return f"{name} {text(price)} is not a multiple of {order.symbol}'s tick {text(instrument.tick)}"
    return ""


# ── orders, fills, money ────────────────────────────────────────────────────────────────────────


def order_of(said: Said, listing: Listing, client_id: str) -> OrderReport | Unreadable:
    """An order. `client_id` is what it is known by here: what ccxt shows of it is the caller's to compare."""
    state = STATES.get(str(said.get("status")))
    if state is None:
        return Unreadable(f"order {said.get('id')}: status {said.get('status')!r}")
    side = side_of(said.get("side"))
    if side is None:
        return Unreadable(f"order {said.get('id')}: side {said.get('side')!r}")
    try:
        qty = _or_zero(said.get("amount")) * listing.lot
        filled = _or_zero(said.get("filled")) * listing.lot
        kind = _order_kind(said)
        price = ZERO if kind in ("market", "stop") else _or_zero(said.get("price"))
    except BadNumber as error:
        return Unreadable(f"order {said.get('id')}: {error}")
    if state is State.FILLED and filled < qty:
        state = State.CANCELLED  # "closed" with a rest: the rest is gone
    return OrderReport(
        client_id=client_id,
        venue_id=str(said.get("id") or ""),
        symbol=listing.symbol,
        side=side,
        qty=qty,
        price=price,
        cum_qty=filled,
        state=state,
        venue_ns=stamp_ns(said, "lastUpdateTimestamp", "lastTradeTimestamp", "timestamp"),
        kind=kind,
    )


def _order_kind(said: Said) -> OrderKind:
    kind = str(said.get("type") or "limit").lower()
    waits = maybe(said.get("triggerPrice")) or maybe(said.get("stopPrice"))
    if waits:
        return "stop" if "market" in kind else "stop_limit"
    return "market" if "market" in kind else "limit"


def side_of(said: object) -> Side | None:
    if said == "buy":
        return "buy"
    return "sell" if said == "sell" else None


def fill_of(said: Said, listing: Listing, client_id: str) -> tuple[Fill, tuple[Cash, ...]] | Unreadable:
    """A trade of ours, and further fees of it in other coins."""
    number_of_it, side = said.get("id"), side_of(said.get("side"))
    if number_of_it in (None, "") or side is None:
        return Unreadable(f"a trade of {listing.symbol} without id or side: it could be booked twice")
    # Trade numbers are a market's own on some exchanges, and both sides of a trade with oneself share one.
    exec_id = f"{listing.symbol}:{number_of_it}:{side[0]}"
    venue_ns = stamp_ns(said, "timestamp")
    try:
        qty, price = number(said.get("amount")) * listing.lot, number(said.get("price"))
        fees = _fees_of(said)
    except BadNumber as error:
        return Unreadable(f"trade {exec_id}: {error}")
    if not (qty > 0 and price > 0):
        return Unreadable(f"trade {exec_id}: {qty} at {price}")
    fee, asset = fees[0] if fees else (ZERO, listing.instrument.settle)
    more = tuple(
        Cash(f"{exec_id}:{other}", "fee", other, -cost, venue_ns, listing.symbol) for cost, other in fees[1:]
    )
    fill = Fill(
        exec_id=exec_id,
        client_id=client_id,
        venue_id=str(said.get("order") or ""),
        symbol=listing.symbol,
        side=side,
        qty=qty,
        price=price,
        fee=fee,
        fee_asset=asset,
        venue_ns=venue_ns,
        maker=said.get("takerOrMaker") == "maker",
    )
    return fill, more


def _fees_of(said: Said) -> list[tuple[Decimal, str]]:
    several = [one for one in said.get("fees") or () if isinstance(one, Mapping)]
    one = said.get("fee")
    listed = several or ([one] if isinstance(one, Mapping) else [])
    return [
        (number(fee["cost"]), str(fee["currency"]))
        for fee in listed
        if fee.get("cost") is not None and fee.get("currency")
    ]


def funding_of(said: Said) -> Cash | Unreadable:
    """A payment of funding; positive is received."""
    try:
        amount = number(said.get("amount"))
    except BadNumber as error:
        return Unreadable(f"funding {said.get('id')}: {error}")
    symbol, venue_ns = str(said.get("symbol") or ""), stamp_ns(said, "timestamp")
    name = said.get("id") or venue_ns
    return Cash(f"funding:{symbol}:{name}", "funding", str(said.get("code") or ""), amount, venue_ns, symbol)


def positions_of(said: Iterable[Said], listings: Mapping[str, Listing]) -> tuple[VenuePosition, ...] | str:
    """One position a market; the two of a hedge mode are netted."""
    net: dict[str, tuple[Decimal, Decimal]] = {}
    for one in said:
        listing = listings.get(str(one.get("symbol")))
        try:
            contracts = maybe(one.get("contracts"))
            price = _or_zero(one.get("entryPrice"))
        except BadNumber as error:
            return f"position of {one.get('symbol')}: {error}"
        if listing is None or not contracts:
            continue
        side = one.get("side")
        if side not in ("long", "short") and contracts > 0:
            return f"position of {listing.symbol}: side {side!r}"
        qty = -abs(contracts) if side == "short" else contracts
        before, known = net.get(listing.symbol, (ZERO, ZERO))
        net[listing.symbol] = before + qty * listing.lot, price or known
    return tuple(VenuePosition(symbol, qty, price) for symbol, (qty, price) in net.items() if qty)


def balances_of(said: Said) -> tuple[Balance, ...] | str:
    """ccxt's balance: coins beside a few members of its own."""
    found: list[Balance] = []
    totals = said.get("total")
    for asset in totals if isinstance(totals, Mapping) else ():
        coin = said.get(asset)
        if not isinstance(coin, Mapping):
            continue
        try:
            total = maybe(coin.get("total"))
            free = maybe(coin.get("free"))
        except BadNumber as error:
            return f"balance of {asset}: {error}"
        if total:
            found.append(Balance(str(asset), total, total if free is None else free))
    return tuple(sorted(found, key=lambda balance: balance.asset))


# ── markets ─────────────────────────────────────────────────────────────────────────────────────

Levels = tuple[Level, ...]


def book_of(said: Said, listing: Listing, count: int) -> tuple[Levels, Levels] | str:
    """The best levels of both sides, best first, or why this book must not be believed."""
    try:
        bids = _levels(said.get("bids") or (), listing.lot, count)
        asks = _levels(said.get("asks") or (), listing.lot, count)
    except (BadNumber, IndexError, TypeError) as error:
        return f"corrupt: {error}"
    if bids is None or asks is None:
        return "corrupt: a price or a quantity is out of range"
    if bids and asks and bids[0].price >= asks[0].price:
        return f"crossed: bid {bids[0].price} is not below ask {asks[0].price}"
    prices = [level.price for level in bids], [level.price for level in asks]
    if prices[0] != sorted(prices[0], reverse=True) or prices[1] != sorted(prices[1]):
        return "corrupt: the levels are not in order"
    return bids, asks


def _levels(rows: Sequence[Sequence[object]], lot: Decimal, count: int) -> Levels | None:
    levels = tuple(Level(number(row[0]), number(row[1]) * lot) for row in rows[:count])
    sound = all(0 < one.price < LIMIT and 0 < one.qty < LIMIT for one in levels)
    return levels if sound else None


def trade_of(said: Said, listing: Listing) -> Trade | None:
    """A trade of others; None where it cannot be read."""
    side = side_of(said.get("side"))
    try:
        price, qty = number(said.get("price")), number(said.get("amount")) * listing.lot
    except BadNumber:
        return None
    venue_ns = stamp_ns(said, "timestamp")
    # Some exchanges number no trades of others: then when, at what and how much tells them apart.
    name = str(said.get("id") or f"{venue_ns}:{text(price)}:{text(qty)}")
    return Trade(name, side, price, qty, venue_ns) if side is not None else None


def bar_of(row: Sequence[object]) -> Bar | Unreadable:
    """One of ccxt's candles: start in milliseconds, open, high, low, close, volume."""
    if len(row) < 6 or not isinstance(row[0], int):
        return Unreadable(f"a bar of {len(row)} members")
    try:
        prices = [number(one) for one in row[1:5]]
        return Bar(row[0] * NS_PER_MS, prices[0], prices[1], prices[2], prices[3], _or_zero(row[5]))
    except BadNumber as error:
        return Unreadable(f"the bar of {row[0]}: {error}")


class Prices(Struct, frozen=True):
    """What a ticker or a funding rate says of a market."""

    mark: Decimal = ZERO
    index: Decimal = ZERO
    last: Decimal = ZERO
    funding_rate: Decimal = ZERO
    venue_ns: int = 0


def prices_of(said: Said) -> Prices | Unreadable:
    try:
        return Prices(
            mark=_or_zero(said.get("markPrice")),
            index=_or_zero(said.get("indexPrice")),
            last=_or_zero(said.get("last")),
            funding_rate=_or_zero(said.get("fundingRate")),
            venue_ns=stamp_ns(said, "timestamp"),
        )
    except BadNumber as error:
        return Unreadable(str(error))
