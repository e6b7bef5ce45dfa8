"""Where money moves: holds, margins, fees, and the booking of a fill.

Every movement has two sides. For derivatives the sum that is conserved is `cash - cost`: a fill of
signed quantity q at price p changes it by exactly `-value(q, p)` for one side and `+value(q, p)` for the
other, whatever part of it opens and whatever part closes.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE, ZERO, trunc_to
from kedge.model.order import Side
from kedge.model.venue import Balance, Fill, FillKind
from kedge.sim.exchange.floor import Floor, Market
from kedge.sim.exchange.nouns import FEES, FillMade
from kedge.sim.exchange.state import Account, Order, Position

# Fees are cut down to the terms' own step, so that many small fees are never more than the one that was held
# back. What is free is cut to this; shares of an entry value, when part of a position closes, to that.
FREE_STEP = Decimal("1e-10")
SHARE_STEP = Decimal("1e-12")


# ── what an account has, needs and may use ──────────────────────────────────────────────────────


def unrealised(market: Market, position: Position) -> Decimal:
    if position.qty == 0:
        return ZERO
    return market.instrument.value(position.qty, market.mark()) - position.cost


def needed(market: Market, position: Position) -> Decimal:
    """Initial margin of a position and its orders: the worse of all buys filling and all sells filling."""
    held = ZERO
    if position.qty:
        held = abs(market.instrument.value(position.qty, market.mark()))
        if position.qty < 0:
            held = -held
    most = max(abs(held + position.buys), abs(held - position.sells))
    return most / position.leverage if most else ZERO


def equity_and_need(floor: Floor, account: Account, asset: str) -> tuple[Decimal, Decimal]:
    """What backs this account's derivatives in an asset, and the initial margin they need."""
    equity = account.cash.get(asset, ZERO) - account.held.get(asset, ZERO)
    need = ZERO
    for symbol, position in account.positions.items():
        market = floor.markets[symbol]
        if market.asset == asset:
            equity += unrealised(market, position)
            need += needed(market, position)
    return equity, need


def worth(floor: Floor, account: Account, asset: str) -> tuple[Decimal, Decimal]:
    """(cash and unrealised profit, maintenance margin) in an asset: liquidation compares these."""
    equity = account.cash.get(asset, ZERO)
    maintenance = ZERO
    for symbol, position in account.positions.items():
        market = floor.markets[symbol]
        if position.qty and market.asset == asset:
            value = market.instrument.value(position.qty, market.mark())
            equity += value - position.cost
            maintenance += abs(value) * market.terms.maintenance
    return equity, maintenance


def free(floor: Floor, account: Account, asset: str) -> Decimal:
    """What may be paid away: unrealised losses count, unrealised profits do not."""
    cash = account.cash.get(asset, ZERO) - account.held.get(asset, ZERO)
    profit = need = ZERO
    for symbol, position in account.positions.items():
        market = floor.markets[symbol]
        if market.asset == asset:
            profit += unrealised(market, position)
            need += needed(market, position)
    return cash + min(profit, ZERO) - need


def balances(floor: Floor, account: Account) -> tuple[Balance, ...]:
    """`free` is cut to the money's own step: margins are fractions of values and can be longer."""
    return tuple(
        Balance(asset, total, max(free(floor, account, asset), ZERO).quantize(FREE_STEP, ROUND_DOWN))
        for asset, total in account.cash.items()
    )


# ── holds ───────────────────────────────────────────────────────────────────────────────────────


def hold_asset(market: Market, side: Side) -> str:
    return market.instrument.quote if side == "buy" else market.instrument.base


def hold_for(market: Market, side: Side, qty: Decimal, price: Decimal) -> Decimal:
    """What an order of this size must have behind it.

    Owned things: the money, or the thing itself, and the fee where it comes on top. Derivatives: the
    value, which margin is a fraction of.
    """
    if not market.owned:
        return abs(market.instrument.value(qty, price))
    if side == "sell":
        return qty
    value = market.instrument.value(qty, price)
    rate = max(market.terms.taker_fee, market.terms.maker_fee)
    if market.terms.fee_asset == "received" or rate <= 0:
        return value
    return value + value * rate


def rehold(floor: Floor, market: Market, account: Account, order: Order) -> None:
    """Bring the hold in line with what is left of the order."""
    if account.house:
        return
    new = ZERO
    if order.resting and not (order.reduce_only and not market.owned):
        new = hold_for(market, order.side, order.qty - order.cum_qty, order.price)
    elif order.holds_early and market.owned:
        new = hold_for(market, order.side, order.qty - order.cum_qty, order.price or order.trigger_price)
    change = new - order.hold
    if not change:
        return
    order.hold = new
    if market.owned:
        asset = hold_asset(market, order.side)
        account.held[asset] = account.held.get(asset, ZERO) + change
        assert account.held[asset] >= 0
    else:
        position = floor.position(account, market.symbol)
        if order.side == "buy":
            position.buys += change
        else:
            position.sells += change
    floor.balances_changed(account)


# ── fills ───────────────────────────────────────────────────────────────────────────────────────


def book_position(position: Position, instrument: Instrument, qty: Decimal, price: Decimal) -> Decimal:
    """Add a signed fill to a position; the answer is the profit that became cash."""
    value = instrument.value(qty, price)
    had = position.qty
    if had == 0 or (had > 0) == (qty > 0):
        position.qty = had + qty
        position.cost += value
        return ZERO
    if abs(qty) <= abs(had):
        share = position.cost
        if qty != -had:
            share = (position.cost * -qty / had).quantize(SHARE_STEP)
        position.qty = had + qty
        position.cost -= share
        return -value - share
    closing = instrument.value(-had, price)
    share = position.cost
    position.qty = had + qty
    position.cost = value - closing
    return -closing - share


def book_fill(
    floor: Floor,
    market: Market,
    account: Account,
    order: Order | None,
    side: Side,
    qty: Decimal,
    price: Decimal,
    maker: bool = False,
    kind: FillKind = "trade",
) -> str:
    """Book one side of an execution and tell its owner; the answer is the execution id."""
    memory = floor.memory
    memory.executions += 1
    exec_id = str(memory.executions)
    rate = market.terms.maker_fee if maker else market.terms.taker_fee
    if kind != "trade" or account.name.startswith("~"):
        rate = ZERO
    if market.owned:
        assert order is not None, "only promises change hands outside the book"
        fee, fee_asset = _swap(market, account, order, qty, price, rate)
    else:
        fee_asset = market.asset
        fee = ZERO
        if rate:
            fee = trunc_to(abs(market.instrument.value(qty, price)) * rate, market.terms.fee_step)
        position = floor.position(account, market.symbol)
        signed = qty if side == "buy" else -qty
        profit = book_position(position, market.instrument, signed, price)
        account.cash[fee_asset] = account.cash.get(fee_asset, ZERO) + profit - fee
    if fee:
        fees = memory.accounts[FEES].cash
        fees[fee_asset] = fees.get(fee_asset, ZERO) + fee
    if account.house:
        return exec_id
    client_id, venue_id = (order.client_id, order.venue_id) if order else ("", "")
    fill = Fill(
        exec_id,
        client_id,
        venue_id,
        market.symbol,
        side,
        qty,
        price,
        fee,
        fee_asset,
        memory.now_ns,
        maker,
        kind,
    )
    account.fills.append(fill)
    floor.say(FillMade(account.name, fill))
    floor.balances_changed(account)
    if not market.owned:
        floor.position_changed(account, market.symbol)
    return exec_id


def _swap(
    market: Market, account: Account, order: Order, qty: Decimal, price: Decimal, rate: Decimal
) -> tuple[Decimal, str]:
    """Exchange money for the thing; the answer is the fee and the asset it was paid in."""
    value = market.instrument.value(qty, price)
    base, quote = market.instrument.base, market.instrument.quote
    sign = 1 if order.side == "buy" else -1
    cash = account.cash
    cash[base] = cash.get(base, ZERO) + sign * qty
    cash[quote] = cash.get(quote, ZERO) - sign * value
    fee, asset = _wished_fee(market, account, order, value, rate) or _owned_fee(
        market, account, order, qty, value, rate
    )
    if fee:
        cash[asset] = cash.get(asset, ZERO) - fee
    return fee, asset


def _wished_fee(
    market: Market, account: Account, order: Order, value: Decimal, rate: Decimal
) -> tuple[Decimal, str] | None:
    """The fee in the asset that the order wishes to pay it in; None where there is too little of it."""
    manner = order.manner
    if manner is None or not manner.fee_asset or rate <= 0:
        return None
    fee = trunc_to(value * rate * (ONE - manner.fee_cut) / manner.fee_price, market.terms.fee_step)
    has = _spare(market, account, order, manner.fee_asset)
    return (fee, manner.fee_asset) if has >= fee else None


def _owned_fee(
    market: Market, account: Account, order: Order, qty: Decimal, value: Decimal, rate: Decimal
) -> tuple[Decimal, str]:
    terms, step = market.terms, market.terms.fee_step
    quote = market.instrument.quote
    in_quote = trunc_to(value * rate, step)
    if not rate or terms.fee_asset == "quote":
        return in_quote, quote
    if terms.fee_asset == "received":
        if order.side == "buy":
            return trunc_to(qty * rate, step), market.instrument.base
        return in_quote, quote
    other = trunc_to(in_quote / terms.fee_price, step)
    has = _spare(market, account, order, terms.fee_asset)
    return (other, terms.fee_asset) if has >= other else (in_quote, quote)


def _spare(market: Market, account: Account, order: Order, asset: str) -> Decimal:
    """What there is of an asset for a fee: not what is held, nor what the order itself has yet to pay.

    What a resting order has yet to pay is held. One that takes at any price may need all there is.
    """
    has = account.cash.get(asset, ZERO) - account.held.get(asset, ZERO)
    left = order.qty - order.cum_qty
    if order.resting or not left or asset != hold_asset(market, order.side):
        return has
    if order.side == "buy" and not order.price:
        return ZERO
    return has - hold_for(market, order.side, left, order.price)
