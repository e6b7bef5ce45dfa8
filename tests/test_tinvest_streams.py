"""T-Invest's streams against the local testnet: renewed, silent, torn books, trades and bars, halts."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tinvest_world import SECOND_NS, World, now_ns, run, touch

from kedge.model.events import BalanceNews, BarsSeen, BookLost, LinkOdd, MarkUpdate, TradesSeen
from kedge.model.venue import Feed

MINUTE_NS = 60 * SECOND_NS


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_that_is_too_old_is_opened_anew_at_once() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.fault("stream_cut", path="OrdersStreamService/Order")
            await w.until(w.downs)
            assert "(80005" in w.downs()[-1].why
            began_ns = now_ns()
            await w.link_again()
            assert now_ns() - began_ns < 10 * SECOND_NS

    run(main())


def test_a_silent_stream_is_found_by_its_missing_pings() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            await touch(w)
            await asyncio.sleep(60)  # pings hold it
            assert w.downs() == []
            w.hush("OrderState")
            await w.until(w.downs, within_s=20)
            assert "nothing heard for 16 s" in w.downs()[-1].why
            await w.link_again()

    run(main())


def test_what_a_silent_stream_did_not_tell_is_told_by_the_minutes_round() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            _, ask = await touch(w)
            row = w.venue._hearing.heard
            w.venue._hearing.heard = lambda _: None  # type: ignore[method-assign]
            order, _ = await w.place(price=ask)
            await w.until(lambda: w.fills(order.client_id), within_s=65)
            w.venue._hearing.heard = row  # type: ignore[method-assign]

    run(main())


def test_books_are_whole_told_again_while_quiet_and_lost_when_torn() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            await touch(w)
            await w.until(lambda: w.all(MarkUpdate), what="the last price")
            before = len(w.books("SBER"))
            await asyncio.sleep(30)
            assert len(w.books("SBER")) >= before + 4
            w.fault("inconsistent_book")
            w.move("SBER", "310")
            await w.until(lambda: w.all(BookLost))
            assert "not consistent" in w.all(BookLost)[-1].why
            told = len(w.books("SBER"))
            w.move("SBER", "311")
            await w.until(lambda: len(w.books("SBER")) > told)
            lost = len(w.all(BookLost))
            w.cut("MarketDataStream")
            await w.until(lambda: len(w.all(BookLost)) > lost)
            told = len(w.books("SBER"))
            await w.until(lambda: len(w.books("SBER")) > told)
            assert w.downs() == []

    run(main())


def test_trades_and_bars_are_streamed_and_mended() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            feeds = (Feed("SBER", "trades"), Feed("SBER", "bars", MINUTE_NS))
            await w.venue.watch(["SBER"], feeds)
            await w.until(lambda: w.all(BarsSeen), what="the past")
            first = w.all(BarsSeen)[0]
            assert len(first.bars) > 100
            _, ask = await touch_kept(w, feeds)
            for _ in range(3):
                await w.place(price=ask + 5)
            await w.until(lambda: w.all(TradesSeen))
            w.cut("MarketDataStream")
            await w.place(price=ask + 5)
            await asyncio.sleep(280)
            seen = [trade.trade_id for news in w.all(TradesSeen) for trade in news.trades]
            assert len(seen) == len(set(seen)) >= 4
            starts = [bar.start_ns for news in w.all(BarsSeen) for bar in news.bars]
            assert starts == list(range(starts[0], starts[-1] + 1, MINUTE_NS))
            assert starts[-1] >= now_ns() - 4 * MINUTE_NS
            bars = await w.venue.bars("SBER", MINUTE_NS, now_ns() - 60 * MINUTE_NS, now_ns())
            assert not isinstance(bars, str)
            assert len(bars) >= 55
            assert "no bars of 7 s" in str(await w.venue.bars("SBER", 7 * SECOND_NS, 0, now_ns()))

    run(main())


async def touch_kept(w: World, feeds: tuple[Feed, ...]) -> tuple[Decimal, Decimal]:
    await w.until(lambda: w.books("SBER"))
    book = w.books("SBER")[-1]
    assert feeds
    return book.bids[0].price, book.asks[0].price


def test_a_halt_is_told_and_ends() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            await touch(w)
            w.halt("SBER", True)
            await w.until(lambda: w.instrument("SBER").status == "halted")
            w.halt("SBER", False)
            await w.until(lambda: w.instrument("SBER").status == "trading")

    run(main())


def test_balances_follow_the_stream_of_positions() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            await w.until(lambda: w.all(BalanceNews))
            before = w.all(BalanceNews)[-1].balances[0]
            assert (before.asset, before.total > 0) == ("RUB", True)
            _, ask = await touch(w)
            await w.place(price=ask)
            await w.until(lambda: w.all(BalanceNews)[-1].balances[0].total < before.total)

    run(main())


def test_a_clock_that_is_off_is_said() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.venue.pinged(now_ns() + 9 * SECOND_NS)
            assert "the venue's clock is 9 s ahead of ours" in w.all(LinkOdd)[-1].says
            w.venue.pinged(now_ns())
            assert w.all(LinkOdd)[-1].says == ""

    run(main())
