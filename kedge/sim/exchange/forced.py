"""What happens to accounts without their asking: stops fire, margins fail, positions are taken away.

A liquidation goes in three steps, each at the bankruptcy price or better for the account: into the book;
then to the insurance fund, as far as the fund can bear the loss; the rest against the accounts that have
gained most from the other side (ADL). Forced fills pay no trading fee; what is left to the account pays
the liquidation fee to the fund.
"""

from __future__ import annotations

from decimal import Decimal

from kedge.model.numbers import ONE, ZERO, ceil_to, floor_to, trunc_to
from kedge.model.order import Side, State, opposite, side_of
from kedge.model.venue import FillKind
from kedge.sim.exchange import checks
from kedge.sim.exchange.entry import cancel_all
from kedge.sim.exchange.floor import Floor, Market
from kedge.sim.exchange.matching import enter, finish, leave, trim
from kedge.sim.exchange.money import book_fill, unrealised, worth
from kedge.sim.exchange.nouns import INSURANCE
from kedge.sim.exchange.state import Account, Order, Position

# Beyond this multiple of the mark no bankruptcy price is looked for: the position cannot ruin anyone.
FAR = Decimal(1000)


def consequences(floor: Floor) -> None:
    """Run until nothing moves: stops whose price has come, accounts whose margin has gone.

    It ends, because every stop fires once and every liquidation leaves an account without positions.
    """
    while floor.moved:
        moved = tuple(floor.moved)
        floor.moved.clear()
        for symbol in moved:
            market = floor.markets[symbol]
            if market.status(floor.memory.now_ns) != "trading":
                continue
            _fire_stops(floor, market)
            if not market.owned:
                _unwind(floor, market)
                _check_margins(floor, market)


# ── stops ───────────────────────────────────────────────────────────────────────────────────────


def _fire_stops(floor: Floor, market: Market) -> None:
    for by, triggers in market.stops.items():
        while triggers.rising or triggers.falling:
            price = market.reference(by)
            number = triggers.due(price) if price else None
            if number is None:
                break
            order = floor.memory.orders[number]
            _fire(floor, market, floor.memory.accounts[order.account], order)


def _fire(floor: Floor, market: Market, account: Account, order: Order) -> None:
    leave(floor, market, account, order)
    _make_way(floor, account, order)
    no = checks.affordable(floor, market, account, order)
    if no is not None:
        finish(floor, market, account, order, State.REJECTED, no)
    else:
        enter(floor, market, account, order)


def _make_way(floor: Floor, account: Account, order: Order) -> None:
    """The other order of a pair goes, with what it held, before this one needs it."""
    number = account.ids.get(order.manner.instead_of) if order.manner else None
    other = floor.memory.orders.get(number) if number is not None else None
    # An order may be named as its own pair: it has nobody to make way for it.
    if other is not None and other is not order and other.state is State.OPEN:
        finish(floor, floor.markets[other.symbol], account, other, State.CANCELLED, "oco")


# ── liquidation ─────────────────────────────────────────────────────────────────────────────────


def _check_margins(floor: Floor, market: Market) -> None:
    for account in tuple(floor.memory.accounts.values()):
        position = account.positions.get(market.symbol)
        if position and position.qty and not account.house:
            check_margin(floor, account, market.asset)


def check_margin(floor: Floor, account: Account, asset: str) -> None:
    """Liquidate the account's derivatives in this asset when it is worth less than they must have."""
    equity, maintenance = worth(floor, account, asset)
    if equity >= maintenance or not maintenance:
        return
    cancel_all(floor, account, code="liquidation")
    while True:
        market = _largest(floor, account, asset)
        if market is None:
            break
        _liquidate(floor, market, account, asset)
        equity, maintenance = worth(floor, account, asset)
        if maintenance and equity >= maintenance:
            break
    settle_with_insurance(floor, account, asset)


def _largest(floor: Floor, account: Account, asset: str) -> Market | None:
    """The open market in which the account's position is worth most."""
    best: Market | None = None
    most = ZERO
    for symbol, position in account.positions.items():
        market = floor.markets[symbol]
        if not position.qty or market.asset != asset or market.status(floor.memory.now_ns) != "trading":
            continue
        value = abs(market.instrument.value(position.qty, market.mark()))
        if best is None or value > most:
            best, most = market, value
    return best


def _liquidate(floor: Floor, market: Market, account: Account, asset: str) -> None:
    position = account.positions[market.symbol]
    fee = abs(market.instrument.value(position.qty, market.mark())) * market.terms.liquidation_fee
    price = bankruptcy_price(floor, market, account, asset)
    side: Side = opposite(side_of(position.qty))
    _sell_out(floor, market, account, side, abs(position.qty), price)
    if position.qty:
        # What the book paid above the bankruptcy price is the fund's gain: it takes the rest for less.
        price = bankruptcy_price(floor, market, account, asset)
        taken = _insurable(floor, market, side, abs(position.qty), price, asset)
        if taken:
            _hand(floor, market, account, floor.memory.accounts[INSURANCE], side, taken, price)
    if position.qty:
        _deleverage(floor, market, account, side, price)
    assert position.qty == 0
    _charge(floor, account, asset, fee, market.symbol)


def bankruptcy_price(floor: Floor, market: Market, account: Account, asset: str) -> Decimal:
    """Where closing leaves the account with nothing, rounded to the tick in the account's favour."""
    position = account.positions[market.symbol]
    equity, _ = worth(floor, account, asset)
    instrument, mark = market.instrument, market.mark()
    value = instrument.value(position.qty, mark) - equity
    far = mark * FAR
    if value != 0 and (value > 0) == (instrument.value(position.qty, ONE) > 0):
        price = min(instrument.price_of(position.qty, value), far)
    else:
        # There is no such price: a linear value reaches the wanted one below zero, an inverse one never.
        price = far if instrument.kind == "inverse" else market.tick
    rounded = ceil_to if position.qty > 0 else floor_to
    return max(rounded(price, market.tick), market.tick)


def _sell_out(
    floor: Floor, market: Market, account: Account, side: Side, qty: Decimal, price: Decimal
) -> None:
    """A forced order into the book, no worse than the bankruptcy price."""
    memory = floor.memory
    memory.orders_made += 1
    number = memory.orders_made
    ticks = int(price // market.tick)
    order = Order(
        number,
        str(number),
        account.name,
        "",
        market.symbol,
        side,
        "limit",
        "ioc",
        qty,
        price,
        ticks,
        memory.now_ns,
        fill_kind="liquidation" if not account.house else "trade",
    )
    memory.orders[number] = order
    account.open[number] = None
    enter(floor, market, account, order)


def _insurable(floor: Floor, market: Market, side: Side, qty: Decimal, price: Decimal, asset: str) -> Decimal:
    """How much of the position the fund can take at this price without being worth less than nothing."""
    fund = floor.memory.accounts[INSURANCE]
    equity, _ = worth(floor, fund, asset)
    signed = qty if side == "sell" else -qty  # what the fund would hold
    instrument = market.instrument
    loss = instrument.value(signed, price) - instrument.value(signed, market.mark())
    if loss <= max(equity, ZERO):
        return qty
    return trunc_to(qty * max(equity, ZERO) / loss, instrument.qty_step)


def _hand(
    floor: Floor,
    market: Market,
    account: Account,
    other: Account,
    side: Side,
    qty: Decimal,
    price: Decimal,
) -> None:
    """Close `qty` of the account's position against another account, outside the book."""
    book_fill(floor, market, account, None, side, qty, price, kind="liquidation")
    kind: FillKind = "trade" if other.name == INSURANCE else "adl"
    book_fill(floor, market, other, None, opposite(side), qty, price, kind=kind)
    trim(floor, market, other)
    trim(floor, market, account)
    floor.moved[market.symbol] = None


def _deleverage(floor: Floor, market: Market, account: Account, side: Side, price: Decimal) -> None:
    """Take the rest from those on the other side, most gain and most leverage first."""
    position = account.positions[market.symbol]
    others = [
        other
        for other in floor.memory.accounts.values()
        if other is not account and _opposed(other.positions.get(market.symbol), position)
    ]
    others.sort(key=lambda other: (-_gain(floor, market, other), other.name))
    for other in others:
        qty = min(abs(position.qty), abs(other.positions[market.symbol].qty))
        if qty:
            _hand(floor, market, account, other, side, qty, price)
        if not position.qty:
            break


def _opposed(one: Position | None, other: Position) -> bool:
    return one is not None and one.qty * other.qty < 0


def _gain(floor: Floor, market: Market, account: Account) -> Decimal:
    position = account.positions[market.symbol]
    gain = unrealised(market, position)
    share = gain / abs(position.cost) if position.cost else gain
    return share * position.leverage


def _charge(floor: Floor, account: Account, asset: str, fee: Decimal, symbol: str) -> None:
    """The liquidation fee, as far as there is anything left to pay it with."""
    equity, maintenance = worth(floor, account, asset)
    fee = min(fee.quantize(Decimal("1e-10")), equity - maintenance, account.cash.get(asset, ZERO))
    if fee > 0:
        _pay(floor, account, asset, -fee, symbol)


def settle_with_insurance(floor: Floor, account: Account, asset: str) -> None:
    """What an account owes after the end is the fund's loss, as far as the fund reaches."""
    owed = -account.cash.get(asset, ZERO)
    positions = account.positions.items()
    if owed <= 0 or any(p.qty and floor.markets[s].asset == asset for s, p in positions):
        return
    fund, _ = worth(floor, floor.memory.accounts[INSURANCE], asset)
    paid = min(owed, fund)
    if paid > 0:
        _pay(floor, account, asset, paid, "")


def _pay(floor: Floor, account: Account, asset: str, amount: Decimal, symbol: str) -> None:
    floor.moved_cash(account, "insurance", asset, amount, symbol)
    floor.moved_cash(floor.memory.accounts[INSURANCE], "insurance", asset, -amount)


def _unwind(floor: Floor, market: Market) -> None:
    """The fund does not want positions: it closes what it took over at the mark or better."""
    fund = floor.memory.accounts[INSURANCE]
    position = fund.positions.get(market.symbol)
    if position is None or not position.qty or not market.state.mark:
        return
    side = opposite(side_of(position.qty))
    rounded = ceil_to if side == "sell" else floor_to
    price = rounded(market.state.mark, market.tick)
    if price > 0:
        _sell_out(floor, market, fund, side, abs(position.qty), price)
