"""Open a short (or long) of a given amount on a perpetual, and close it by what was really filled.

    opening -> open -> closing -> closed

The order is priced `through` the touch (a marketable limit) and re-priced as the market moves, within
`slippage` of the price at which it began. At the deadline it says what is left and does what was chosen:
keep chasing, cross the book, or cancel. Closing is for what the open slot *filled*, late fills included,
and is reduce-only where the account allows it. Asking twice to close is asking once.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from kedge.engine.bot import Bot, Decision, MarketView, Note, SlotView, View
from kedge.engine.wants import Rest, Target
from kedge.model.instrument import Market
from kedge.model.numbers import ONE, ZERO, text
from kedge.model.order import Side, Tif, opposite, sign

SECOND_NS = 1_000_000_000
Stage = Literal["opening", "open", "closing", "closed"]


class HedgeConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    market: Annotated[str, Meta(description="The perpetual, as account:SYMBOL.")]
    qty: Annotated[Decimal, Meta(description="How much to open, in base units (contracts for inverse).")]
    side: Annotated[Side, Meta(description="sell opens a short, buy opens a long.")] = "sell"
    through: Annotated[
        Decimal, Meta(description="How far through the touch the order is priced, in quote money.")
    ] = ONE
    slippage: Annotated[
        Decimal, Meta(description="The worst price, as a fraction of the price at which it began.")
    ] = Decimal("0.01")
    reprice_s: Annotated[
        Decimal, Meta(description="Seconds between two re-pricings of an unfilled order, at least.")
    ] = ONE
    deadline_s: Annotated[int, Meta(description="After so many seconds it says what is left.", ge=1)] = 220
    then: Annotated[
        Literal["chase", "cross", "cancel"],
        Meta(description="At the deadline: keep chasing, cross the book, or cancel the rest."),
    ] = "chase"
    comment: Annotated[str, Meta(description="Yours to write.", max_length=300)] = ""
    preorder: Annotated[
        str,
        Meta(description="The preorder that it hedges; the desk never opens two for one.", max_length=64),
    ] = ""


class HedgeState(Struct, frozen=True, omit_defaults=True):
    stage: Stage = "opening"
    begun_ns: int = 0  # of this stage's order
    reference: Decimal = ZERO  # the touch when this stage began
    price: Decimal = ZERO  # where the order should stand
    priced_ns: int = 0
    overdue: bool = False  # the deadline of this stage has passed and was told


class Hedge(Bot[HedgeConfig, HedgeState]):
    kind = "hedge"
    summary = "Opens a short or long of a given amount, and closes it by what was filled."
    Config = HedgeConfig
    State = HedgeState
    words: ClassVar[dict[str, str]] = {"close": "Close what was filled, reduce-only."}

    def check(self, config: HedgeConfig) -> str:
        if config.qty <= 0:
            return "`qty` must be above zero"
        if config.through < 0 or config.reprice_s < 0:
            return "`through` and `reprice_s` must not be negative"
        if not ZERO < config.slippage < ONE:
            return "`slippage` is a fraction: 0.01 is one per cent"
        return ""

    def check_amend(self, old: HedgeConfig, new: HedgeConfig) -> str:
        if (old.market, old.side) != (new.market, new.side):
            return "market and side of a running hedge are fixed; start another one"
        return ""

    def claim(self, config: HedgeConfig) -> str:
        return f"preorder {config.preorder}" if config.preorder else ""

    def markets(self, config: HedgeConfig) -> tuple[Market, ...]:
        return (config.market,)

    def decide(self, view: View[HedgeConfig, HedgeState]) -> Decision[HedgeState]:
        config = view.config
        market = view.market(config.market)
        if market is None:
            return Decision(view.state)
        opened = view.slot("open").traded(config.side)
        closed = -sign(config.side) * view.slot("close").net
        state, notes = _hear(view, opened)
        state, notes = _advance(config, market, state, notes, opened, closed)
        if state.stage in ("opening", "closing"):
            return _work(view, market, state, notes, opened, closed)
        done = _result(view, opened, closed) if state.stage == "closed" else ""
        return Decision(state, notes=notes, done=done)


Notes = tuple[Note, ...]


def _hear(view: View[HedgeConfig, HedgeState], opened: Decimal) -> tuple[HedgeState, Notes]:
    state = view.state
    if not any(m.text == "close" for m in view.messages):
        return state, ()
    if state.stage in ("closing", "closed"):
        return state, (Note(f"close: it is {state.stage} already"),)
    return HedgeState("closing"), (Note(f"closing {text(opened)}"),)


def _advance(
    config: HedgeConfig,
    market: MarketView,
    state: HedgeState,
    notes: Notes,
    opened: Decimal,
    closed: Decimal,
) -> tuple[HedgeState, Notes]:
    """The next stage, when this one has nothing left that could be traded."""
    if state.stage == "opening" and _tradable(market, config.qty - opened) <= 0:
        if opened == 0:
            said = f"{text(config.qty)} is less than the smallest order: nothing opened"
            return HedgeState("closed"), (*notes, Note(said, "warn"))
        return HedgeState("open"), (*notes, Note(f"open: {text(opened)} of {text(config.qty)}"))
    left = _tradable(market, opened - closed)
    if state.stage == "closing" and left == 0:
        return HedgeState("closed"), notes
    if state.stage == "closed" and left != 0:
        # A fill came after the end: what was filled is what is closed, neither less nor more.
        late = (
            f"{text(left)} filled late: closing it"
            if left > 0
            else f"{text(-left)} closed too much: undoing it"
        )
        return HedgeState("closing"), (*notes, Note(late, "warn"))
    return state, notes


def _tradable(market: MarketView, qty: Decimal) -> Decimal:
    """The part of `qty` that the venue would take: the smallest money counts where there is a price."""
    if market.ready:
        return market.instrument.tradable(qty, market.bid)
    return market.instrument.qty_at_most(qty)


def _work(
    view: View[HedgeConfig, HedgeState],
    market: MarketView,
    state: HedgeState,
    notes: Notes,
    opened: Decimal,
    closed: Decimal,
) -> Decision[HedgeState]:
    """Have the rest of this stage standing at the right price."""
    config = view.config
    closing = state.stage == "closing"
    side = opposite(config.side) if closing else config.side
    rest = opened - closed if closing else config.qty - opened
    if closing and rest < 0:
        # The venue told of a fill after it had said that there was none: the excess is traded back.
        undo = Target(
            "close", config.market, opened * sign(side), slip=config.slippage, why="closed too much"
        )
        return Decision(state, wants=(undo,), notes=notes)
    if not market.ready:
        # Nothing can be priced now. What is to be closed is wanted all the same: a stop waits for it.
        net = opened * sign(side)
        owed = Target("close", config.market, net, reduce_only=True, why="to be closed")
        return Decision(state, wants=(owed,) if closing else (), notes=notes)
    if not state.begun_ns:
        state = HedgeState(state.stage, view.now_ns, market.touch(side))
    deadline_ns = state.begun_ns + config.deadline_s * SECOND_NS
    if view.now_ns >= deadline_ns and not state.overdue:
        state = msgspec.structs.replace(state, overdue=True)
        verb = "close" if closing else "open"
        notes = (*notes, Note(f"deadline: {text(rest)} still to {verb}; {_THEN[config.then]}", "warn"))
    if state.overdue and config.then == "cancel":
        return _give_up(state, notes, opened)
    state, wake_ns = _priced(view, market, state, side)
    tif: Tif = "ioc" if state.overdue and config.then == "cross" else "gtc"
    want = Rest(
        slot="close" if closing else "open",
        market=config.market,
        side=side,
        price=state.price,
        qty=rest,
        tif=tif,
        role="balance" if closing else "risk",
        reduce_only=closing,
        why=f"{state.stage} {text(rest)}, {text(config.through)} through the touch",
    )
    if not state.overdue:
        wake_ns = min(wake_ns, deadline_ns) if wake_ns else deadline_ns
    return Decision(state, wants=(want,), notes=notes, wake_ns=wake_ns)


_THEN = {"chase": "chasing on", "cross": "crossing the book", "cancel": "cancelling the rest"}


def _give_up(state: HedgeState, notes: Notes, opened: Decimal) -> Decision[HedgeState]:
    """The rest is left as it is. What was opened stays open and can be closed by the same word."""
    stage: Stage = "open" if opened > 0 else "closed"
    return Decision(HedgeState(stage), notes=notes)


def _priced(
    view: View[HedgeConfig, HedgeState], market: MarketView, state: HedgeState, side: Side
) -> tuple[HedgeState, int]:
    """Follow the market at the chosen pace; second, when the next re-pricing is allowed."""
    config = view.config
    base = state.reference
    if state.overdue and config.then == "cross":
        base = market.touch(side)  # crossing is bounded by the market of now, not of the beginning
    worst = base * (ONE + sign(side) * config.slippage)
    price = market.touch(side) + sign(side) * config.through
    if (price - worst) * sign(side) > 0:
        price = worst
    instrument = market.instrument
    price = instrument.price_at_most(price) if side == "buy" else instrument.price_at_least(price)
    price = max(price, instrument.tick)
    pace_ns = int(config.reprice_s * SECOND_NS)
    if price == state.price:
        return state, 0
    if state.price and view.now_ns - state.priced_ns < pace_ns:
        return state, state.priced_ns + pace_ns
    return msgspec.structs.replace(state, price=price, priced_ns=view.now_ns), 0


def _result(view: View[HedgeConfig, HedgeState], opened: Decimal, closed: Decimal) -> str:
    if opened == 0:
        return "nothing was opened"
    entry, leave = (
        _average(view.slot("open"), view.config.side),
        _average(view.slot("close"), opposite(view.config.side)),
    )
    per_unit = (leave - entry) * sign(view.config.side)
    left = opened - closed
    rest = f"; {text(left)} is too little to close" if left > 0 else ""
    return f"closed {text(closed)}: in {entry:.2f}, out {leave:.2f}, {per_unit:+.2f} a unit before fees{rest}"


def _average(slot: SlotView, side: Side) -> Decimal:
    return slot.bought_avg if side == "buy" else slot.sold_avg
