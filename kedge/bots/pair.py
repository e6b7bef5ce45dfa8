"""Two legs: work one, even out on the other from what was filled.

The smallest bot that has the invariant all spreads live by:

    near.net = -ratio * far.net

It is recomputed from the ledger each time, so a partial fill, a fill after a cancel and a fill while the
desk was dead are one case. Stopping withdraws the far leg and goes on until the near one is even.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from kedge.bots.legs import STUCK, better, even
from kedge.engine.bot import Bot, Decision, MarketView, Note, View
from kedge.engine.wants import Rest, Want
from kedge.model.instrument import Market
from kedge.model.numbers import ONE, ZERO, text
from kedge.model.order import Side, opposite


class PairConfig(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    far: Annotated[str, Meta(description="The leg that is worked, as account:SYMBOL.")]
    near: Annotated[str, Meta(description="The leg that is evened out at once, as account:SYMBOL.")]
    side: Annotated[Side, Meta(description="What is done on the far leg: buy or sell.")]
    qty: Annotated[Decimal, Meta(description="How much of the far leg, in its units.")]
    ratio: Annotated[Decimal, Meta(description="Units of the near leg for one unit of the far leg.")] = ONE
    spread: Annotated[
        Decimal | None,
        Meta(description="Work only while far - ratio * near is better than this; leave out to always work."),
    ] = None
    work: Annotated[
        Literal["join", "cross"], Meta(description="Rest at the near touch of the far leg, or take it.")
    ] = "join"
    slip: Annotated[
        Decimal, Meta(description="How far through the touch the evening out may go, as a fraction.")
    ] = Decimal("0.005")


class PairState(Struct, frozen=True, omit_defaults=True):
    said: Decimal = ZERO


class Pair(Bot[PairConfig, PairState]):
    kind = "pair"
    summary = "Works one leg and evens it out on the other from what was filled."
    Config = PairConfig
    State = PairState
    words: ClassVar[dict[str, str]] = {}

    def check(self, config: PairConfig) -> str:
        if config.qty <= 0 or config.ratio <= 0:
            return "`qty` and `ratio` must be above zero"
        if not ZERO <= config.slip < ONE:
            return "`slip` is a fraction: 0.005 is half a per cent"
        if config.far == config.near:
            return "`far` and `near` must be two different markets"
        return ""

    def check_amend(self, old: PairConfig, new: PairConfig) -> str:
        if (old.far, old.near, old.side, old.ratio) != (new.far, new.near, new.side, new.ratio):
            return "the legs, side and ratio of a running pair are fixed; start another one"
        return ""

    def markets(self, config: PairConfig) -> tuple[Market, ...]:
        return (config.far, config.near)

    def decide(self, view: View[PairConfig, PairState]) -> Decision[PairState]:
        config = view.config
        far, near = view.market(config.far), view.market(config.near)
        if far is None or near is None:
            return Decision(view.state)
        done = view.slot("far")
        rest = config.qty - done.traded(config.side)
        target = even(config.near, config.ratio, done, config.slip)
        wants: tuple[Want, ...] = (target,)
        finished = ""
        price = far.near(config.side) if far.ready else ZERO
        if (far.instrument.tradable(rest, price) if price else far.instrument.qty_at_most(rest)) > 0:
            # A leg that cannot be evened out is no reason to open more of the other.
            stuck = view.slot("near").rejects >= STUCK
            wants = (target,) if stuck else (*_work(config, far, near, rest), target)
        else:
            finished = _story(view, far)
        state = view.state
        notes: tuple[Note, ...] = ()
        if done.traded(config.side) != state.said:
            state = PairState(done.traded(config.side))
            notes = (
                Note(f"far leg {text(state.said)} of {text(config.qty)}; near leg to {text(target.net)}"),
            )
        return Decision(state, wants=wants, notes=notes, done=finished)


def _work(config: PairConfig, far: MarketView, near: MarketView, rest: Decimal) -> tuple[Rest, ...]:
    """The far order, while both legs can trade and the spread suits."""
    if not far.ready or not near.ready or not _suits(config, far, near):
        return ()
    if config.work == "cross":
        price = far.touch(config.side)
        return (Rest("far", config.far, config.side, price, rest, why="takes the far leg"),)
    return (
        Rest(
            "far",
            config.far,
            config.side,
            far.near(config.side),
            rest,
            tif="post_only",
            why="joins the far leg",
        ),
    )


def _suits(config: PairConfig, far: MarketView, near: MarketView) -> bool:
    """Whether the spread, at the prices each leg would really get, is on the right side."""
    if config.spread is None:
        return True
    price = far.touch(config.side) if config.work == "cross" else far.near(config.side)
    got = price - config.ratio * near.touch(opposite(config.side))
    return better(got, config.spread, config.side)


def _story(view: View[PairConfig, PairState], far: MarketView) -> str:
    done, even = view.slot("far"), view.slot("near")
    config = view.config
    far_price = done.bought_avg if config.side == "buy" else done.sold_avg
    near_price = even.sold_avg if config.side == "buy" else even.bought_avg
    if done.traded(config.side) == 0:
        return f"{text(config.qty)} is less than the smallest order: nothing to do"
    spread = (far_price - config.ratio * near_price).quantize(far.instrument.tick)
    return f"far leg {text(done.traded(config.side))} done at a spread of {text(spread)} before fees"
