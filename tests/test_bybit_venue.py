"""The Bybit adapter and the Bybit testnet, written by different hands, meet on the wire: the full tour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from bybit_world import HOST, SECOND_NS, World, now_ns
from venue_kit import run

from kedge.model.events import (
    BalanceNews,
    BarsSeen,
    BookLost,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    MarkUpdate,
    TradesSeen,
)
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask, Feed
from kedge.venues.bybit.rules import INTERVALS, Options

MINUTE_NS = 60 * SECOND_NS


def tour(main: Callable[[World], Awaitable[None]], options: Options | None = None, **setup: Any) -> World:
    """Run it in a world of its own, linked."""

    async def whole() -> World:
        async with World(options, **setup) as world:
            await main(await world.linked())
            return world

    world: World = run(whole())
    return world


# ── the link ────────────────────────────────────────────────────────────────────────────────────


def test_the_link_comes_up_with_everything_that_can_be_traded() -> None:
    async def main(world: World) -> None:
        kinds = {one.instrument.symbol: one.instrument.kind for one in world.all(InstrumentSeen)}
        assert (kinds["BTCUSDT"], kinds["BTCUSD"], kinds["BTC/USDT"]) == ("linear", "inverse", "spot")
        assert isinstance(world.hear[0], LinkUp)
        assert world.venue.trouble == ""
        await world.ordering()

    tour(main)


def test_nothing_is_told_after_closing() -> None:
    async def main(world: World) -> None:
        await world.venue.close()
        assert world.venue.trouble == "closed"

    tour(main)


def test_after_a_cut_nothing_is_told_until_the_next_link() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["BTCUSDT"])
        await world.until(lambda: world.books("BTCUSDT"))
        again = asyncio.get_running_loop().create_task(world.link_again())
        world.cut("/v5/private")
        await world.until(world.downs)
        world.move("linear:BTCUSDT", "60100")
        await again
        down = next(n for n, event in enumerate(world.hear) if isinstance(event, LinkDown))
        assert isinstance(world.hear[down + 1], LinkUp)
        # The book lived on, and is told again with the new link.
        await world.until(lambda: any(b in world.hear[down:] for b in world.books("BTCUSDT")))
        # Instruments are told once.
        seen = [one.instrument.symbol for one in world.all(InstrumentSeen)]
        assert len(seen) == len(set(seen))

    tour(main)


def test_a_silent_line_is_taken_for_dead() -> None:
    async def main(world: World) -> None:
        for socket in world.sockets("/v5/private"):
            socket.half_open()
        await world.link_again()
        assert "nothing heard" in world.downs()[0].why

    tour(main)


def test_the_venue_dies_and_comes_back() -> None:
    async def main(world: World) -> None:
        order, answered = await world.place()
        assert answered.answer is Answer.ACCEPTED
        await world.until(lambda: world.orders(order.client_id))
        world.kill()
        await world.until(world.downs)
        refused = await world.venue.place(world.order())
        assert (refused.answer, refused.unsent) == (Answer.REJECTED, True)
        assert isinstance(await world.venue.report(""), str)
        await asyncio.sleep(5)
        world.revive()
        await world.link_again()
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert found.order is not None
        assert found.order.state is State.OPEN

    tour(main)


# ── what keeps us out ───────────────────────────────────────────────────────────────────────────


def shut_out(world_of: dict[str, Any], prepare: Callable[[World], None] = lambda world: None) -> World:
    async def main() -> World:
        world = World(**world_of)
        prepare(world)
        async with world:
            await world.until(world.downs)
            assert not world.all(LinkUp)
            return world

    world: World = run(main())
    return world


def test_a_wrong_key_is_said_and_given_up_after_a_few_tries() -> None:
    async def main() -> None:
        async with World(key="nobody", secret="knows") as world:
            await world.until(lambda: any(d.stopped for d in world.downs()), within_s=3_600)
            first, last = world.downs()[0], world.downs()[-1]
            assert "the key is not known here" in first.why
            assert not first.stopped
            assert "knows" not in first.why
            asked = len(world.sea.asked)
            await asyncio.sleep(3_600)
            assert len(world.sea.asked) == asked  # nobody is asked any more
            assert last.stopped
            # Somebody has mended it.
            world.hosted.house.add_key(_api_key("nobody", "knows"))
            world.venue.retry()
            await world.until(lambda: world.all(LinkUp))
            assert world.venue.trouble == ""

    run(main())


def _api_key(name: str, secret: str) -> Any:
    from kedge.sim.testnet.keys import ApiKey

    return ApiKey(name, secret, "main")


def test_a_wrong_secret_is_said() -> None:
    assert "the signature does not fit" in shut_out({"secret": "wrong"}).downs()[0].why


def test_a_venue_whose_clock_is_behind_is_not_traded_with() -> None:
    world = shut_out({"venue_ahead_ns": -3 * SECOND_NS})
    assert "behind ours" in world.downs()[0].why
    assert "time server" in world.downs()[0].why


def test_a_venue_whose_clock_is_a_little_ahead_is_only_mentioned() -> None:
    async def main(world: World) -> None:
        assert "ahead of ours" in world.venue.trouble
        _, answered = await world.place()
        assert answered.answer is Answer.ACCEPTED

    tour(main, venue_ahead_ns=2 * SECOND_NS)


def test_a_venue_whose_clock_is_minutes_ahead_refuses_with_a_mend() -> None:
    world = shut_out({"venue_ahead_ns": 300 * SECOND_NS})
    assert "set this machine's clock" in world.downs()[0].why


def test_leverage_that_is_set_already_is_fine_and_leverage_that_cannot_be_is_said() -> None:
    async def main(world: World) -> None:
        assert world.venue.trouble == ""
        asked = [one for one in world.sea.asked if "set-leverage" in one]
        assert len(asked) == 1
        again = asyncio.get_running_loop().create_task(world.link_again())
        world.cut("/v5/private")
        await again
        assert [one for one in world.sea.asked if "set-leverage" in one] == asked

    tour(main, leverage={"BTCUSDT": Decimal(5)}, margin="cross")

    async def odd(world: World) -> None:
        assert "no contract of Bybit" in world.venue.trouble
        assert "leverage of BTCUSDT cannot be set" in world.venue.trouble

    tour(odd, leverage={"BTC/USDT": Decimal(5), "BTCUSDT": Decimal(5_000)})


# ── markets ─────────────────────────────────────────────────────────────────────────────────────


def test_books_and_marks_of_every_category() -> None:
    async def main(world: World) -> None:
        symbols = ["BTCUSDT", "BTCUSD", "BTC/USDT"]
        await world.venue.watch(symbols)
        for symbol in symbols:
            await world.until(lambda symbol=symbol: world.books(symbol), what=symbol)
            book = world.books(symbol)[-1]
            assert book.bids[0].price < book.asks[0].price
        marks = {mark.market: mark for mark in world.all(MarkUpdate)}
        assert set(marks) == {f"bybit/main:{symbol}" for symbol in symbols}
        assert marks["bybit/main:BTCUSDT"].index > 0
        before = len(world.books("BTCUSDT"))
        world.move("linear:BTCUSDT", "61000")
        await world.until(lambda: len(world.books("BTCUSDT")) > before)
        await world.until(lambda: world.books("BTCUSDT")[-1].bids[0].price > 60_900)
        # What is no longer watched is no longer told.
        await world.venue.watch(["BTCUSD"])
        await asyncio.sleep(1)
        count = len(world.books("BTCUSDT"))
        world.move("linear:BTCUSDT", "62000")
        await asyncio.sleep(1)
        assert len(world.books("BTCUSDT")) == count

    tour(main)


def test_an_unknown_symbol_is_a_lost_book() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["NOSUCHUSDT", "BTCUSDT"])
        lost = [event for event in world.all(BookLost) if "NOSUCH" in event.market]
        assert "lists no" in lost[0].why
        await world.until(lambda: world.books("BTCUSDT"))
        answered = await world.venue.place(world.order("NOSUCHUSDT"))
        assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
        assert "BASE/QUOTE" in answered.reason

    tour(main)


def test_a_gap_is_a_lost_book_and_a_fresh_snapshot() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["BTCUSDT"])
        await world.until(lambda: world.books("BTCUSDT"))
        world.fault("book_gap", path="orderbook.50.BTCUSDT")
        for price in ("60100", "60200", "60300"):
            world.move("linear:BTCUSDT", price)
            await asyncio.sleep(0.2)
        await world.until(lambda: any("gap" in lost.why for lost in world.all(BookLost)))
        lost = next(n for n, e in enumerate(world.hear) if isinstance(e, BookLost))
        await world.until(lambda: any(b in world.hear[lost:] for b in world.books("BTCUSDT")))
        await world.until(lambda: world.books("BTCUSDT")[-1].bids[0].price > 60_200)

    tour(main)


def test_a_snapshot_in_the_middle_and_a_service_that_begins_anew_replace_the_book() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["BTCUSDT"])
        await world.until(lambda: world.books("BTCUSDT"))
        world.fault("book_snapshot", path="orderbook.50.BTCUSDT")
        world.move("linear:BTCUSDT", "60100")
        await world.until(lambda: world.books("BTCUSDT")[-1].bids[0].price > 60_000)
        world.fault("service_restart", value="public")
        world.move("linear:BTCUSDT", "60200")
        await world.until(lambda: world.books("BTCUSDT")[-1].bids[0].price > 60_100)

    tour(main)


def test_a_quiet_book_stands_while_its_best_prices_are_repeated() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["BTCUSDT", "BTC/USDT"])
        await world.until(lambda: world.books("BTCUSDT") and world.books("BTC/USDT"))
        begun = now_ns()
        for _ in range(12):
            count = {s: len(world.books(s)) for s in ("BTCUSDT", "BTC/USDT")}
            await asyncio.sleep(5)
            # Told at least once in what makes a book stale for the engine.
            assert all(len(world.books(s)) > n for s, n in count.items())
        assert not world.all(BookLost)
        assert now_ns() - begun == 60 * SECOND_NS
        assert any(b"orderbook.1.BTCUSDT" in frame for frame in world.sea.said)

    tour(main)


def test_a_dead_topic_makes_its_book_stale() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["BTCUSDT"])
        await world.until(lambda: world.books("BTCUSDT"))
        world.sea.frames["orderbook.50.BTCUSDT"] = "dropped"
        world.move("linear:BTCUSDT", "61000")
        await world.until(lambda: world.all(BookLost))
        world.sea.frames.clear()
        await world.until(lambda: world.books("BTCUSDT")[-1].bids[0].price > 60_900)

    tour(main)


def test_trades_and_bars_with_their_past() -> None:
    async def main(world: World) -> None:
        await asyncio.sleep(180)
        feeds = [Feed("BTCUSDT", "trades"), Feed("BTCUSDT", "bars", MINUTE_NS)]
        await world.venue.watch(["BTCUSDT"], feeds)
        await world.until(lambda: world.all(BarsSeen))
        first = world.all(BarsSeen)[0]
        assert first.bars == await world.venue.bars(
            "BTCUSDT", MINUTE_NS, first.bars[0].start_ns, first.bars[-1].start_ns + 1
        )
        await world.ordering()
        await world.place(side="buy", price=Decimal(61000), tif="ioc")
        await world.until(lambda: world.all(TradesSeen))
        trade = world.all(TradesSeen)[0].trades[0]
        assert (trade.side, trade.qty) == ("buy", Decimal("0.01"))
        world.cut("/v5/public/linear")
        await asyncio.sleep(200)
        starts = [bar.start_ns for seen in world.all(BarsSeen) for bar in seen.bars]
        assert starts == list(range(starts[0], starts[-1] + 1, MINUTE_NS))
        assert starts[-1] >= now_ns() - 3 * MINUTE_NS
        ids = [trade.trade_id for seen in world.all(TradesSeen) for trade in seen.trades]
        assert len(ids) == len(set(ids))

    tour(main)


def test_trades_that_were_missed_are_told_after_the_cut() -> None:
    async def main(world: World) -> None:
        await world.ordering()
        await world.venue.watch(["BTCUSDT"], [Feed("BTCUSDT", "trades")])
        await world.until(lambda: world.books("BTCUSDT"))
        await world.place(side="buy", price=Decimal(61000), tif="ioc")
        await world.until(lambda: world.all(TradesSeen))
        world.sea.sockets["/v5/public/linear"] = "refused"
        world.cut("/v5/public/linear")
        await world.place(side="sell", price=Decimal(59000), tif="ioc")
        await asyncio.sleep(1)
        assert len(world.all(TradesSeen)) == 1
        world.sea.sockets.clear()
        await world.until(lambda: len(world.all(TradesSeen)) == 2)
        assert [t.side for t in world.all(TradesSeen)[1].trades] == ["sell"]

    tour(main)


def test_two_watches_at_once_subscribe_nothing_twice() -> None:
    """The venue refuses a whole request for one topic that it streams already."""

    async def main(world: World) -> None:
        symbols = ("BTC/USDT", "ETH/USDT")
        feeds = [Feed(symbol, "bars", length) for symbol in symbols for length in INTERVALS]
        await world.venue.watch(symbols[:1])
        await world.until(lambda: world.books(symbols[0]))
        loop = asyncio.get_running_loop()
        both = [loop.create_task(world.venue.watch(symbols, feeds)) for _ in range(2)]
        await asyncio.sleep(0.001)
        await world.venue._watch_what_is_listed()  # as after a new list
        for task in both:
            await task
        await world.until(lambda: world.books(symbols[1]))
        asked = [json.loads(said) for said in world.sea.said if b'"subscribe"' in said]
        topics = [topic for said in asked for topic in said["args"]]
        spot = [topic for topic in topics if "." in topic and "orderbook.1." not in topic]
        assert len(spot) == len(set(spot)) == 2 * len(symbols) + len(feeds)

    tour(main)


def test_the_newest_watch_counts_though_an_older_one_is_still_under_way() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["BTC/USDT", "BTCUSDT"])
        await world.until(lambda: world.books("BTC/USDT") and world.books("BTCUSDT"))
        loop = asyncio.get_running_loop()
        older = loop.create_task(world.venue.watch(["BTC/USDT", "BTCUSDT", "ETHUSDT"]))
        await asyncio.sleep(0)
        await world.venue.watch(["BTC/USDT", "ETH/USDT", "BTCUSDT", "ETHUSDT"])
        await older
        assert world.venue._markets["spot"]._books.symbols == ("BTC/USDT", "ETH/USDT")
        await world.until(lambda: world.books("ETH/USDT") and world.books("ETHUSDT"))

    tour(main)


def test_more_markets_than_one_connection_may_name_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the venue does with the character too many is not written anywhere."""
    monkeypatch.setattr("kedge.venues.bybit.market.TOPIC_CHARS_MOST", 150)

    async def main(world: World) -> None:
        symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
        await world.venue.watch(symbols)
        await world.until(lambda: world.books("BTCUSDT") and world.books("ETHUSDT"))
        (lost,) = [event for event in world.all(BookLost) if "characters" in event.why]
        assert lost.market == "bybit/main:SOLUSDT"
        assert "SOLUSDT" not in b"".join(world.sea.said).decode()
        assert "watch fewer" in world.venue.trouble
        await world.venue.watch(symbols[1:])
        await world.until(lambda: world.books("SOLUSDT"))

    tour(main)


def test_a_topic_that_is_streamed_already_is_not_refused() -> None:
    async def main(world: World) -> None:
        await world.venue.watch(["BTCUSDT"])
        await world.until(lambda: world.books("BTCUSDT"))
        world.sea.frames['out wss://bybit.test/v5/public/linear {"req_id"'] = "dropped"
        watching = asyncio.get_running_loop().create_task(world.venue.watch(["BTCUSDT", "ETHUSDT"]))
        for number in range(3):  # both topics, then each by itself
            await world.until(lambda: b'"subscribe"' in world.sea.said[-1])
            said = json.loads(world.sea.said[-1])
            world.sea.said.append(b"")
            words = f"error:already subscribed,topic:{said['args'][0]}"
            no = {"success": False, "ret_msg": words, "req_id": said["req_id"], "op": "subscribe"}
            (line,) = world.sockets("/v5/public/linear")
            line.say(json.dumps(no).encode())
            assert number or len(said["args"]) == 2
        await watching
        lost = [e for e in world.all(BookLost) if "does not stream" in e.why]
        assert lost == []
        assert world.venue.trouble == ""

    tour(main)


@pytest.mark.parametrize("interval_ns", [45 * SECOND_NS, 7 * 86_400 * SECOND_NS])
def test_bars_of_lengths_that_the_venue_has_not(interval_ns: int) -> None:
    async def main(world: World) -> None:
        said = await world.venue.bars("BTCUSDT", interval_ns, 0, now_ns())
        assert isinstance(said, str)
        assert "it has bars of 1, 3, 5" in said
        assert isinstance(await world.venue.bars("NOSUCH", MINUTE_NS, 0, now_ns()), str)
        assert await world.venue.bars("BTCUSDT", MINUTE_NS, now_ns(), now_ns()) == ()

    tour(main)


# ── the account ─────────────────────────────────────────────────────────────────────────────────


def test_the_wallet_is_told_whole() -> None:
    async def main(world: World) -> None:
        await world.ordering()
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        assert report.complete
        assert len(report.balances) >= 2
        await world.place(side="buy", price=Decimal(61000), tif="ioc")
        await world.until(lambda: world.all(BalanceNews))
        told = world.all(BalanceNews)[-1].balances
        assert {b.asset for b in told} >= {b.asset for b in report.balances}

    tour(main)


def test_addresses_are_never_real_money_by_omission() -> None:
    from kedge.venues.bybit.ties import hosts_of
    from kedge.venues.venue import Setup

    assert "testnet" in hosts_of(Setup("a")).rest
    assert hosts_of(Setup("a", live=True)).rest == "https://api.bybit.com"
    assert hosts_of(Setup("a", demo=True)).trade == ""
    at = hosts_of(Setup("a", url=f"http://{HOST}/", live=True))
    assert (at.rest, at.private) == (f"http://{HOST}", f"ws://{HOST}/v5/private")
