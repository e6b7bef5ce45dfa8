"""Quotes: the best prices of many markets, asked for once."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from kedge.model.venue import Quote
from tests.contract.cards import card
from tests.contract.desk import SECOND, Desk, is_sentence
from tests.contract.rig import Rig

MS = 1_000_000


async def _ask(desk: Desk, *symbols: str) -> dict[str, Quote]:
    said = await desk.venue.quotes(symbols)
    assert isinstance(said, tuple), said
    assert len({one.symbol for one in said}) == len(said), "one of them twice"
    return {one.symbol: one for one in said}


@card(241, "quotes", "Quotes are the exchange's own best prices, in units; what is not listed is left out")
async def quotes(rig: Rig) -> None:
    desk = await rig.up()
    rig.counter("buy", rig.lot, rig.mid + rig.terms().tick)
    await asyncio.sleep(2)
    told = await _ask(desk, rig.other, rig.symbol, rig.strange)
    assert set(told) == {rig.symbol, rig.other}
    one, true = told[rig.symbol], rig.window.inner.book(rig.inside, 1)
    assert (one.bid, one.bid_qty) == (true.bids[0].price, true.bids[0].qty)
    assert (one.ask, one.ask_qty) == (true.asks[0].price, true.asks[0].qty)
    assert one.last == rig.window.market(rig.symbol).last > 0
    assert one.venue_ns == 0 or abs(one.venue_ns - rig.now_ns()) < 30 * SECOND
    assert 0 < told[rig.other].bid <= told[rig.other].ask


@card(242, "quotes-move", "Quotes are asked for anew each time, and one market alone is asked for as well")
async def quotes_move(rig: Rig) -> None:
    desk = await rig.up()
    before = (await _ask(desk, rig.symbol))[rig.symbol]
    rig.move(rig.above(2))
    await asyncio.sleep(2)
    after = (await _ask(desk, rig.symbol))[rig.symbol]
    assert after.bid > before.ask
    assert await _ask(desk) == {}
    assert await _ask(desk, rig.strange) == {}


@card(243, "quotes-all", "Asked for no market by name, everything that trades is quoted")
async def quotes_all(rig: Rig) -> None:
    desk = await rig.up()
    said = await desk.venue.quotes(None)
    assert isinstance(said, tuple), said
    told = {one.symbol: one for one in said}
    assert len(told) == len(said)
    assert set(told) == {name for name, one in desk.instruments().items() if one.status == "trading"}
    for one in said:
        assert one.bid or one.ask or one.last or one.mark, one
        assert not (one.bid and one.ask) or one.bid < one.ask


@card(
    244, "quotes-funding", "A perpetual's quote tells its funding: the rate, when it is paid next, how often"
)
async def quotes_funding(rig: Rig) -> None:
    desk = await rig.up()
    await asyncio.sleep(5)
    for symbol, one in (await _ask(desk, rig.symbol, rig.other)).items():
        true = rig.window.inner.market(rig.inside if symbol == rig.symbol else rig.inside_other)
        if not true.funding_ns:
            assert (one.funding_rate, one.funding_ns) == (0, 0)
            continue
        assert abs(one.funding_rate - true.funding_rate) < Decimal("0.00000001")
        assert one.funding_ns // MS == true.funding_ns // MS
        assert one.funding_s == 8 * 3600


@card(245, "quotes-away", "Without a link quotes are refused in one sentence, and the next question answers")
async def quotes_away(rig: Rig) -> None:
    desk = await rig.up()
    rig.away(True)
    await asyncio.sleep(1)
    said = await desk.venue.quotes([rig.symbol])
    assert isinstance(said, str), said
    is_sentence(said)
    since = desk.mark()
    rig.away(False)
    await desk.linked_again(since, within_s=200)
    assert rig.symbol in await _ask(desk, rig.symbol)


@card(246, "quotes-budget", "Asking for quotes again and again neither earns a ban nor holds up an order")
async def quotes_budget(rig: Rig) -> None:
    desk = await rig.up()
    asked = [asyncio.ensure_future(desk.venue.quotes([rig.symbol, rig.other])) for _ in range(60)]
    await asyncio.sleep(0.5)
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)
    assert rig.is_live(order)
    for one in asked:
        said = await one
        assert isinstance(said, tuple) or is_sentence(said) is None
