"""Buy or sell an amount by joining the best bid or ask, and following it.

The order rests where the best orders of others rest, so it pays the maker's fee and never crosses. When
the touch moves away it follows; when only our own order holds the best price it steps back to join the
next. Out of session it holds. Progress and average price are said as it fills.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from kedge.bots.hours import hours
from kedge.bots.touch import join
from kedge.engine.bot import Bot, Decision, MarketView, Note, SlotView, View
from kedge.engine.wants import Rest
from kedge.model.instrument import Market
from kedge.model.numbers import ONE, ZERO, text
from kedge.model.order import Side, sign

SECOND_NS = 1_000_000_000
MS = 1_000_000


class PegConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    market: Annotated[str, Meta(description="Where to trade, as account:SYMBOL.")]
    side: Annotated[Side, Meta(description="buy or sell.")]
    qty: Annotated[Decimal, Meta(description="How much, in the instrument's units; or give `money`.")] = ZERO
    money: Annotated[Decimal, Meta(description="How much for, in quote money; or give `qty`.")] = ZERO
    limit: Annotated[Decimal, Meta(description="Never pay more (or take less) than this; 0 is no limit.")] = (
        ZERO
    )
    post_only: Annotated[bool, Meta(description="Have the venue refuse what would cross.")] = True
    edge_s: Annotated[
        int, Meta(description="Keep this many seconds away from a session's opening and close.", ge=0)
    ] = 15
    pace_ms: Annotated[int, Meta(description="Milliseconds between two re-pricings, at least.", ge=0)] = 250
    report_every: Annotated[
        Decimal, Meta(description="Say so each time this share of the amount has filled.")
    ] = Decimal("0.1")


class PegState(Struct, frozen=True, omit_defaults=True):
    qty: Decimal = ZERO  # the amount aimed at, once the money was turned into one
    said: Decimal = ZERO  # how much had filled at the last report


class Peg(Bot[PegConfig, PegState]):
    kind = "peg"
    summary = "Buys or sells an amount at the best bid or ask, following the touch."
    Config = PegConfig
    State = PegState
    words: ClassVar[dict[str, str]] = {}

    def check(self, config: PegConfig) -> str:
        if (config.qty > 0) == (config.money > 0):
            return "give either `qty` or `money`, above zero"
        if config.limit < 0 or not ZERO < config.report_every <= ONE:
            return "`limit` must not be negative, and `report_every` lies between 0 and 1"
        return ""

    def check_amend(self, old: PegConfig, new: PegConfig) -> str:
        if (old.market, old.side) != (new.market, new.side):
            return "market and side of a running peg are fixed; start another one"
        if new.money > 0 and new.money != old.money:
            return "`money` was turned into an amount when the peg began; amend `qty` (with `money` at 0)"
        return ""

    def markets(self, config: PegConfig) -> tuple[Market, ...]:
        return (config.market,)

    def decide(self, view: View[PegConfig, PegState]) -> Decision[PegState]:
        config, state = view.config, view.state
        market = view.market(config.market)
        if market is None:
            return Decision(state)
        slot = view.slot("main")
        if view.phase == "stopping":
            return Decision(state, done=_so_far(config, slot, market, config.qty or state.qty))
        aim = config.qty or state.qty or _worth(config, market)
        if aim <= 0 and market.ready:
            little = f"{text(config.money)} is less than the smallest order: nothing to do"
            return Decision(state, done=little)
        if aim <= 0:
            return Decision(state, wake_ns=view.now_ns + SECOND_NS)
        filled = slot.traded(config.side)
        state, notes = _report(config, PegState(aim, state.said), slot, market)
        rest = aim - filled
        reference = _join(config, market, slot) or config.limit
        if reference and market.instrument.tradable(rest, reference) <= 0:
            return Decision(state, notes=notes, done=_done(config, slot, market, aim))
        wants, wake_ns = _rest(view, market, slot, rest)
        return Decision(state, wants=wants, wake_ns=wake_ns, notes=notes)


def _worth(config: PegConfig, market: MarketView) -> Decimal:
    """The amount that `money` buys at the price we would join; zero until there is one."""
    if not market.ready:
        return ZERO
    price = market.near(config.side)
    return market.instrument.qty_at_most(config.money / market.instrument.notional(ONE, price))


def _rest(
    view: View[PegConfig, PegState], market: MarketView, slot: SlotView, rest: Decimal
) -> tuple[tuple[Rest, ...], int]:
    """The order that should stand, if any now, and when the session's edge is next reached."""
    config = view.config
    open_now = hours((market.instrument,), view.now_ns, config.edge_s, config.edge_s)
    wake_ns = open_now.change_ns
    if not open_now.works:
        return (), wake_ns
    price = _join(config, market, slot)
    if not market.ready or price <= 0:
        return (), wake_ns
    own = slot.order
    if own is not None and own.price != price:
        # The book may still show our order where it was: following that would be chasing ourselves.
        next_ns = own.priced_ns + config.pace_ms * MS
        if view.now_ns < next_ns:
            price, wake_ns = own.price, min(wake_ns or next_ns, next_ns)
    tif = "post_only" if config.post_only else "gtc"
    why = f"joins the best {'bid' if config.side == 'buy' else 'ask'}"
    return (Rest("main", config.market, config.side, price, rest, tif=tif, why=why),), wake_ns  # type: ignore[arg-type]


def _join(config: PegConfig, market: MarketView, slot: SlotView) -> Decimal:
    """The best price that others hold on our side; zero when there is none."""
    price = join(market, config.side, slot)
    if price and config.limit and (price - config.limit) * sign(config.side) > 0:
        price = config.limit
    return price


def _report(
    config: PegConfig, state: PegState, slot: SlotView, market: MarketView
) -> tuple[PegState, tuple[Note, ...]]:
    filled = slot.traded(config.side)
    if filled - state.said < state.qty * config.report_every or filled >= state.qty:
        return state, ()
    return PegState(state.qty, filled), (Note(_so_far(config, slot, market, state.qty)),)


def _so_far(config: PegConfig, slot: SlotView, market: MarketView, aim: Decimal) -> str:
    filled = slot.traded(config.side)
    if filled == 0:
        return f"nothing of {text(aim)} was done" if aim else "nothing was done"
    average = slot.bought_avg if config.side == "buy" else slot.sold_avg
    price = text(average.quantize(market.instrument.tick))
    return f"{_did(config)} {text(filled)} of {text(aim)} at {price} on average"


def _done(config: PegConfig, slot: SlotView, market: MarketView, aim: Decimal) -> str:
    filled = slot.traded(config.side)
    if filled == 0:
        return f"{text(aim)} is less than the smallest order ({_smallest(market, aim)}): nothing to do"
    left = aim - filled
    rest = f"; {text(left)} is too little for an order" if left > 0 else ""
    return f"{_so_far(config, slot, market, aim)}{rest}"


def _smallest(market: MarketView, qty: Decimal) -> str:
    """The bound that this quantity does not reach: of the quantity itself, or of what it is worth."""
    instrument = market.instrument
    least = max(instrument.min_qty, instrument.qty_step)
    if qty < least:
        return text(least)
    return f"worth {text(instrument.min_notional)} {instrument.quote}"


def _did(config: PegConfig) -> str:
    return "bought" if config.side == "buy" else "sold"
