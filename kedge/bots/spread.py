"""A future against its share, or against another future: rest on the one, even out on the other.

    spread   = far - ratio * near
    sell it  while it is above `price`; buy it while it is below

The order rests on the passive side of the far leg, the whole remainder, for as long as the spread suits at
the prices both legs would really get: where our order stands, and what the near leg would pay to be evened
out. It is pulled when the spread suits no longer, out of the hours that both legs share, and when the near
leg cannot be evened out: its book is stale, it is halted, it refuses, or it is behind for too long.

The near leg follows the *fills* of the far leg at once (`legs.py`), in every phase: a stop withdraws the far
leg, evens what it has filled, and ends. What cannot be balanced exactly is named.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from kedge.bots.hours import hours
from kedge.bots.legs import FAR, NEAR, STUCK, behind, better, even
from kedge.bots.margin import Part, barred, short_of
from kedge.bots.spread_words import Legs, ended, progress, residue_ahead
from kedge.bots.touch import join, walked
from kedge.engine.bot import Bot, Decision, Known, MarketView, Note, View
from kedge.engine.wants import Rest, Want
from kedge.model.instrument import Market
from kedge.model.numbers import ONE, ZERO, moment, text
from kedge.model.order import Side, Tif, opposite
from kedge.model.ratio import ratio_of

SECOND_NS = 1_000_000_000
MS = 1_000_000
# How long after money was missing it is looked at again; balances do not wake a bot.
MONEY_AGAIN_NS = 5 * SECOND_NS


class SpreadConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    far: Annotated[str, Meta(description="The leg that is worked, a future, as account:SYMBOL.")]
    near: Annotated[str, Meta(description="The leg that is evened out at once, as account:SYMBOL.")]
    side: Annotated[Side, Meta(description="What is done on the far leg: buy or sell.")]
    price: Annotated[
        Decimal, Meta(description="The spread, far - ratio * near, that it must be better than; exact.")
    ]
    qty: Annotated[Decimal, Meta(description="How much of the far leg, in its units.")]
    ratio: Annotated[
        Decimal,
        Meta(description="Units of the near leg for one of the far leg; 0: as the contracts say."),
    ] = ZERO
    slip: Annotated[
        Decimal, Meta(description="How far through the touch the evening out may go, as a fraction.")
    ] = Decimal("0.005")
    near_at: Annotated[
        Literal["depth", "touch"],
        Meta(description="What the near leg is priced at: its book for the whole remainder, or the touch."),
    ] = "depth"
    after_open_s: Annotated[
        int, Meta(description="Seconds after the opening of both legs at which it begins.", ge=0)
    ] = 15
    before_close_s: Annotated[
        int, Meta(description="Seconds before the first close of either leg at which it withdraws.", ge=0)
    ] = 15
    stuck_s: Annotated[
        int, Meta(description="Withdraw the far leg while the near one is behind for so many seconds.", ge=1)
    ] = 5
    pace_ms: Annotated[int, Meta(description="Milliseconds between two changes of its order.", ge=0)] = 250
    check_margin: Annotated[
        bool, Meta(description="Hold while the accounts cannot pay for the remainder of both legs.")
    ] = True
    report_every: Annotated[
        Decimal, Meta(description="Say so each time this share of the amount is done.")
    ] = Decimal("0.1")


class SpreadState(Struct, frozen=True, omit_defaults=True):
    ratio: Decimal = ZERO  # as it was resolved at the beginning; it never changes afterwards
    said: Decimal = ZERO  # how much was done at the last report
    why: str = ""  # what holds it, in words
    behind_ns: int = 0  # since when the near leg is behind; 0: it is even
    pulled_ns: int = 0  # when the far order was last pulled
    funded: Decimal = ZERO  # the remainder for which the far leg's margin was there


class Spread(Bot[SpreadConfig, SpreadState]):
    kind = "spread"
    summary = "Trades a future against its share or another future at a spread, and keeps both even."
    Config = SpreadConfig
    State = SpreadState
    words: ClassVar[dict[str, str]] = {}

    def check(self, config: SpreadConfig) -> str:
        if config.qty <= 0 or config.ratio < 0:
            return "`qty` must be above zero, and `ratio` must not be negative"
        if not ZERO <= config.slip < ONE:
            return "`slip` is a fraction: 0.005 is half a per cent"
        if config.far == config.near:
            return "`far` and `near` must be two different markets"
        if not ZERO < config.report_every <= ONE:
            return "`report_every` lies between 0 and 1"
        return ""

    def check_amend(self, old: SpreadConfig, new: SpreadConfig) -> str:
        if (old.far, old.near, old.side, old.ratio) != (new.far, new.near, new.side, new.ratio):
            return "the legs, side and ratio of a running spread are fixed; start another one"
        return ""

    def suits(self, config: SpreadConfig, known: Known) -> str:
        far, near = known.market(config.far), known.market(config.near)
        if far is None or near is None:
            return ""
        ratio = config.ratio or ratio_of(far.instrument, near.instrument)
        if ratio <= 0:
            return _no_ratio(config)
        parts = _parts(config, far, near, config.qty, ratio * config.qty)
        said = barred(known, parts[0]) or barred(known, parts[1])
        return said or (short_of(known, parts) if config.check_margin else "")

    def markets(self, config: SpreadConfig) -> tuple[Market, ...]:
        return (config.far, config.near)

    def decide(self, view: View[SpreadConfig, SpreadState]) -> Decision[SpreadState]:
        config, state = view.config, view.state
        far, near = view.market(config.far), view.market(config.near)
        if far is None or near is None:
            return Decision(state)
        ratio = state.ratio or config.ratio or ratio_of(far.instrument, near.instrument)
        if ratio <= 0:
            return Decision(state, done=_no_ratio(config))
        notes: tuple[Note, ...] = ()
        if not state.ratio:
            ahead = residue_ahead(far, near, ratio)
            notes = (Note(ahead),) if ahead else ()
        legs = Legs(config.side, config.qty, ratio, far, near, view.slot(FAR), view.slot(NEAR))
        target = even(config.near, ratio, legs.far, config.slip)
        lag = behind(target, legs.near, near)
        since_ns = (state.behind_ns or view.now_ns) if lag else 0
        state = replace(state, ratio=ratio, behind_ns=since_ns)
        if _finished(view, legs):
            return Decision(replace(state, why=""), wants=(target,), notes=notes, done=ended(legs))
        step = _work(view, legs, state)
        state, more = _report(config, step.state, legs, settled=not lag)
        wants: tuple[Want, ...] = (step.rest, target) if step.rest is not None else (target,)
        soft = not notes and not more and bool(view.state.ratio)
        return Decision(
            state, wants=wants, wake_ns=step.wake_ns, notes=(*notes, *step.notes, *more), soft=soft
        )


class _Step(Struct, frozen=True):
    """What becomes of the far leg now."""

    state: SpreadState
    rest: Rest | None = None
    wake_ns: int = 0
    notes: tuple[Note, ...] = ()


def _finished(view: View[SpreadConfig, SpreadState], legs: Legs) -> bool:
    """Nothing more is wanted of the far leg: all is done, or somebody has said stop."""
    if view.phase == "stopping":
        return True
    own = legs.far.order
    price = own.price if own is not None else ZERO
    if not price and legs.far_market.bids and legs.far_market.asks:
        price = legs.far_market.near(legs.side)
    instrument = legs.far_market.instrument
    left = instrument.tradable(legs.rest, price) if price else instrument.qty_at_most(legs.rest)
    return left <= 0


# ── the far leg ─────────────────────────────────────────────────────────────────────────────────


def _work(view: View[SpreadConfig, SpreadState], legs: Legs, state: SpreadState) -> _Step:
    """The far order, while everything is as it has to be; else none, and why."""
    config, now_ns = view.config, view.now_ns
    open_now = hours(
        (legs.far_market.instrument, legs.near_market.instrument),
        now_ns,
        config.after_open_s,
        config.before_close_s,
    )
    wake_ns = open_now.change_ns
    if state.behind_ns:
        wake_ns = _sooner(wake_ns, state.behind_ns + config.stuck_s * SECOND_NS, now_ns)
    if not open_now.works:
        return _held(view, legs, state, _shut(legs), wake_ns, "info")
    why = _not_ready(legs)
    if why:
        return _held(view, legs, state, why, wake_ns)
    why = _stuck(config, legs, state, now_ns)
    if why:
        return _held(view, legs, state, why, wake_ns, "warn")
    why = _unpaid(view, legs, state)
    if why:
        again_ns = _sooner(wake_ns, now_ns + MONEY_AGAIN_NS, now_ns)
        return _held(view, legs, state, why, again_ns, "warn")
    price, next_ns = _price(view, legs)
    if next_ns:
        wake_ns = _sooner(wake_ns, next_ns, now_ns)
    if price <= 0:
        return _held(view, legs, state, f"waits for its price, {text(config.price)}", wake_ns)
    again_ns = state.pulled_ns + config.pace_ms * MS
    if legs.far.order is None and now_ns < again_ns:
        return _held(view, legs, state, "waits for its price", _sooner(wake_ns, again_ns, now_ns))
    tif: Tif = "post_only"
    rest = Rest(FAR, config.far, config.side, price, legs.rest, tif=tif, why="rests while the spread suits")
    funded = max(state.funded, legs.rest)
    return _Step(replace(state, why="", funded=funded), rest, wake_ns)


def _not_ready(legs: Legs) -> str:
    for market in (legs.near_market, legs.far_market):
        if not market.ready:
            closed = "is not trading" if not market.open else market.why or "has no book"
            return f"{market.market}: {closed}"
    return ""


def _stuck(config: SpreadConfig, legs: Legs, state: SpreadState, now_ns: int) -> str:
    """A leg that cannot be evened out is no reason to open more of the other."""
    if legs.near.rejects >= STUCK:
        return f"{config.near} refuses to be evened out"
    if state.behind_ns and now_ns >= state.behind_ns + config.stuck_s * SECOND_NS:
        return f"{config.near} is behind since more than {config.stuck_s} s"
    return ""


def _unpaid(view: View[SpreadConfig, SpreadState], legs: Legs, state: SpreadState) -> str:
    """Why both legs of the remainder cannot be traded or paid for.

    The margin of the far leg's standing order is the venue's already, and what was there for it a moment ago
    is not asked for again: the venue's balance may still be the one before our cancel.
    """
    own = legs.far.order
    known = own.qty - own.filled if own is not None else ZERO if legs.far.rejects else state.funded
    parts = _parts(view.config, legs.far_market, legs.near_market, max(ZERO, legs.rest - known), legs.owed)
    said = barred(view, parts[1])
    if said or not view.config.check_margin:
        return said
    return short_of(view, parts)


def _price(view: View[SpreadConfig, SpreadState], legs: Legs) -> tuple[Decimal, int]:
    """Where the far order should stand, zero for nowhere; and when that may change by itself."""
    config, own = view.config, legs.far.order
    wanted = join(legs.far_market, config.side, legs.far)
    if own is not None and own.price != wanted:
        # The book may still show our order where it was; and a change a tick is a request a tick.
        next_ns = own.priced_ns + config.pace_ms * MS
        if view.now_ns < next_ns and _suits(config, legs, own.price):
            return own.price, next_ns
    return (wanted, 0) if wanted > 0 and _suits(config, legs, wanted) else (ZERO, 0)


def _suits(config: SpreadConfig, legs: Legs, far_price: Decimal) -> bool:
    """Whether the spread is strictly better than asked for, with the near leg at what it will really pay."""
    other = opposite(config.side)
    if config.near_at == "touch":
        near_price = legs.near_market.touch(other)
    else:
        near_price = walked(legs.near_market, other, legs.owed, config.slip)
    return better(far_price - legs.ratio * near_price, config.price, config.side)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _held(
    view: View[SpreadConfig, SpreadState],
    legs: Legs,
    state: SpreadState,
    why: str,
    wake_ns: int,
    tell: Literal["", "info", "warn"] = "",
) -> _Step:
    """Nothing on the far leg. What a person should know is told once, and why it has not begun."""
    pulled_ns = view.now_ns if legs.far.order is not None and not state.why else state.pulled_ns
    first = not state.why and not state.funded  # it has never rested: say why
    new = (
        (bool(tell) or first)
        and why.partition(",")[0] != state.why.partition(",")[0]
        and view.phase == "running"
    )
    notes = (Note(f"holds: {why}", tell or "info"),) if new else ()
    return _Step(replace(state, why=why, pulled_ns=pulled_ns), None, wake_ns, notes)


def _shut(legs: Legs) -> str:
    """Out of session, or too near to its edge; with when both legs will be open, as far as that is known."""
    opens_ns = max(legs.far_market.opens_ns, legs.near_market.opens_ns)
    closed = not (legs.far_market.open and legs.near_market.open)
    when = f", next at {moment(opens_ns)}" if closed and opens_ns else ""
    return f"out of the hours that both legs share{when}"


def _report(
    config: SpreadConfig, state: SpreadState, legs: Legs, settled: bool
) -> tuple[SpreadState, tuple[Note, ...]]:
    """Progress, once the near leg is even: only then is the spread that was got known."""
    done = legs.executed
    if not settled or legs.near.unsettled or done - state.said < config.qty * config.report_every:
        return state, ()
    return replace(state, said=done), (Note(progress(legs)),)


def _parts(
    config: SpreadConfig, far: MarketView, near: MarketView, far_qty: Decimal, near_qty: Decimal
) -> tuple[Part, Part]:
    return Part(far, config.side, far_qty), Part(near, opposite(config.side), near_qty)


def _no_ratio(config: SpreadConfig) -> str:
    return f"how many {config.near} stand against one {config.far} cannot be told; give `ratio`"


def _sooner(wake_ns: int, at_ns: int, now_ns: int) -> int:
    """The earlier of two times to wake, of those still to come; 0 is never."""
    found = [at for at in (wake_ns, at_ns) if at > now_ns]
    return min(found, default=0)
