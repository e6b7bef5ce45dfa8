"""Laws of wants: any want over any book ends in an order the venue would take, or in none."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import PERP, START, Trial, perp, wanting
from hypothesis import given, settings
from hypothesis import strategies as st

from kedge.engine.effects import Amend, Cancel, Place
from kedge.engine.wants import Rest, Target
from kedge.model.numbers import is_multiple
from kedge.model.order import State, sign

PRICES = st.decimals("0.1", 200_000, places=3)
QTYS = st.decimals(0, 50, places=5)
SIDES = st.sampled_from(["buy", "sell"])
RESTS = st.builds(
    Rest,
    slot=st.just("main"),
    market=st.just(PERP),
    side=SIDES,
    price=PRICES,
    qty=QTYS,
    tif=st.sampled_from(["gtc", "ioc", "post_only"]),
    role=st.sampled_from(["risk", "balance"]),
    reduce_only=st.booleans(),
)
TARGETS = st.builds(
    Target,
    slot=st.just("main"),
    market=st.just(PERP),
    net=st.decimals(-50, 50, places=5),
    how=st.sampled_from(["cross", "touch"]),
    slip=st.decimals(0, "0.5", places=4),
    limit_price=st.one_of(st.just(D(0)), PRICES),
)
WANTS = st.one_of(RESTS, TARGETS)


@settings(max_examples=80)
@given(WANTS, st.decimals(1, 100_000, places=0), st.integers(0, 20))
def test_what_is_sent_is_on_the_venues_steps_and_never_more_or_worse_than_wanted(
    want: Any, bid: D, partly: int
) -> None:
    t = Trial(bid=bid)
    t.play("b", wanting(want))
    places = t.take(Place)
    assert len(places) <= 1
    if not places:
        return
    order = places[0].order
    instrument = perp()
    assert is_multiple(order.price, instrument.tick)
    assert order.price > 0
    assert instrument.tradable(order.qty, order.price) == order.qty > 0
    if isinstance(want, Rest):
        assert order.qty <= want.qty
        assert (order.price - want.price) * sign(order.side) <= 0
    else:
        assert order.qty <= abs(want.net)
        assert (order.side == "buy") == (want.net > 0)
        if want.limit_price:
            assert (order.price - want.limit_price) * sign(order.side) <= 0
    if want.reduce_only:
        assert not order.reduce_only, "the account is flat"
    part = (order.qty * partly / 20).quantize(instrument.qty_step)
    if 0 < part <= order.qty:
        t.fill(order, part)
        assert t.slot("b").tally.net == sign(order.side) * part
    t.check()


@settings(max_examples=60)
@given(st.lists(WANTS, min_size=1, max_size=6))
def test_changing_ones_mind_never_has_two_orders_in_a_slot(wants: list[Any]) -> None:
    """Every request is answered at once; whatever is wanted next, one order stands at most."""
    t = Trial()
    live: dict[str, Any] = {}
    for want in wants:
        t.play("b", wanting(want))
        for _ in range(6):
            sent = [x for x in t.effects if isinstance(x, (Place, Amend, Cancel))]
            t.effects.clear()
            if not sent:
                break
            for effect in sent:
                if isinstance(effect, Place):
                    assert not live
                    live[effect.order.client_id] = effect.order
                    t.opened(effect.order)
                elif isinstance(effect, Cancel):
                    order = live.pop(effect.client_id)
                    t.news(order, State.CANCELLED, version=t.now_ns)
        for client_id, order in list(live.items()):
            if order.tif == "ioc":
                del live[client_id]
                t.news(order, State.EXPIRED, version=t.now_ns)
        t.wait(1, keep_books=True)
        for effect in t.take(Place):
            live[effect.order.client_id] = effect.order
            t.opened(effect.order)
    assert t.now_ns > START
    t.check()
