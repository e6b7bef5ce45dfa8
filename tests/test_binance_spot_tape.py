"""Trades of others at Binance spot: told in order and once, holes filled by their numbers."""

from __future__ import annotations

from typing import Any

from binance_kit import START_NS, SYMBOL, Answer, Params, World, in_world

from kedge.model.events import LinkUp, Outgrown, TradesSeen
from kedge.model.venue import Feed
from kedge.venues.binance.spot.tape import PAGES_MOST, PATH

MS = 1_000_000


def streamed(number: int) -> Params:
    at_ms = START_NS // MS + number
    return {"e": "trade", "E": at_ms, "s": SYMBOL, "t": number, "p": "1.5", "q": "2", "T": at_ms, "m": False}


def row(number: int) -> Params:
    at_ms = START_NS // MS + number
    return {
        "id": number,
        "price": "1.5",
        "qty": "2",
        "time": at_ms,
        "isBuyerMaker": False,
        "isBestMatch": True,
    }


def kept(*numbers: int) -> Any:
    """What history has, a thousand at a time."""

    def answer(params: Params) -> Answer:
        return 200, [row(n) for n in numbers if n >= int(params["fromId"])][:1_000]

    return answer


def numbers(world: World) -> list[int]:
    return [int(trade.trade_id) for seen in world.told(TradesSeen) for trade in seen.trades]


async def hearing(world: World) -> None:
    venue = await world.watching()
    await venue.watch([SYMBOL], [Feed(SYMBOL, "trades")])
    await world.pause(1)


def say(world: World, *told: int) -> None:
    for number in told:
        world.stream("btcusdt@trade", streamed(number))


def test_a_hole_is_filled_before_what_came_after_it() -> None:
    async def test(world: World) -> None:
        world.on["GET", PATH] = kept(*range(1, 8))
        await hearing(world)
        say(world, 3, 4, 7, 8, 8, 4)
        await world.pause(1)
        assert numbers(world) == [3, 4, 5, 6, 7, 8]
        (asked,) = world.questions(PATH)
        assert (asked["symbol"], asked["fromId"]) == (SYMBOL, "5")
        say(world, 9)
        assert numbers(world)[-1] == 9

    in_world(test)


def test_what_passed_while_nobody_listened_is_told_after_the_cut() -> None:
    async def test(world: World) -> None:
        world.on["GET", PATH] = kept(1, 2, 3)
        await hearing(world)
        say(world, 1)
        world.streams.cut()
        world.private.cut()
        await world.until(LinkUp, 2)
        await world.pause(5)
        assert numbers(world) == [1, 2, 3]

    in_world(test)


def test_without_a_first_trade_nothing_is_missing() -> None:
    async def test(world: World) -> None:
        await hearing(world)
        world.private.cut()
        await world.until(LinkUp, 2)
        await world.pause(5)
        assert world.questions(PATH) == []

    in_world(test)


def test_a_question_that_fails_is_asked_again_later_and_in_between_nothing_is_told() -> None:
    async def test(world: World) -> None:
        await hearing(world)
        world.on["GET", PATH] = lambda _: (500, {"code": -1001, "msg": "Internal error"})
        say(world, 1, 3)
        await world.pause(20)
        assert numbers(world) == [1]
        assert 3 <= len(world.questions(PATH)) <= 6
        world.on["GET", PATH] = kept(1, 2)
        await world.pause(10)
        assert numbers(world) == [1, 2, 3]

    in_world(test)


def test_after_too_long_an_absence_the_tape_goes_on_from_now_and_says_so() -> None:
    async def test(world: World) -> None:
        last = 1 + 1_000 * PAGES_MOST + 500
        world.on["GET", PATH] = kept(*range(1, last))
        await hearing(world)
        say(world, 1, last)
        await world.pause(30)
        assert numbers(world) == [*range(1, 2 + 1_000 * PAGES_MOST), last]
        assert "trades" in world.told(Outgrown)[0].what

    in_world(test)
