"""Prices for people: shared for some seconds, one question at a time, never before what is urgent."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, PERP, RULES, SECOND, perp
from msgspec.structs import replace
from runtime_kit import Room, a_room, in_virtual_time, now_ns

from kedge.model.instrument import Session
from kedge.model.looks import QuoteLook
from kedge.runtime.quotes import LISTED_MOST, PATIENCE_S, SHARED_NS, Quotes

SHARED_S = SHARED_NS / SECOND


def virtually(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """On the storm's clock."""

    @functools.wraps(test)
    def run() -> None:
        in_virtual_time(test)

    return run


def quotes_of(room: Room) -> Quotes:
    desk = room.cell.engine.desk
    return Quotes(
        lambda: {name: account.instruments for name, account in desk.accounts.items()},
        room.cell.shells,
        now_ns,
    )


def ask(quotes: Quotes, **args: Any) -> asyncio.Task[tuple[QuoteLook, ...]]:
    return asyncio.get_running_loop().create_task(quotes.read({"account": MAIN, **args}))


async def refusal(asked: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        await asked
    return str(caught.value)


@virtually
async def test_prices_come_with_their_age_and_the_session() -> None:
    async with a_room() as room:
        quotes = quotes_of(room)
        (one,) = await ask(quotes)
        assert (one.market, one.bid, one.ask, one.last) == (PERP, D(60000), D(60001), D(60000))
        assert (one.age_ns, one.open, one.opens_ns) == (0, True, 0)
        await asyncio.sleep(1)
        (again,) = await ask(quotes)
        assert again.age_ns == SECOND
        assert again.now_ns == one.now_ns + SECOND


@virtually
async def test_an_answer_is_shared_until_it_is_old() -> None:
    async with a_room() as room:
        quotes = quotes_of(room)
        asked = [ask(quotes) for _ in range(20)]
        assert len({task.result()[0].venue_ns for task in (await asyncio.wait(asked))[0]}) == 1
        await ask(quotes, symbols=["BTC-PERP"])
        await ask(quotes, symbols="BTC-PERP, BTC-PERP")
        assert room.venue.count("quotes") == 1
        await asyncio.sleep(SHARED_S + 0.1)
        await ask(quotes)
        assert room.venue.count("quotes") == 2


@virtually
async def test_what_the_venue_does_not_tell_is_not_asked_for_at_once_again() -> None:
    async with a_room() as room:
        listed = room.cell.engine.desk.accounts[MAIN].instruments
        listed["ETH-PERP"] = perp("ETH-PERP")
        quotes = quotes_of(room)
        assert [one.market for one in await ask(quotes)] == [PERP]
        assert await ask(quotes, symbols="ETH-PERP") == ()
        assert room.venue.count("quotes") == 1


@virtually
async def test_who_asks_for_each_market_by_itself_does_not_hurry_the_venue() -> None:
    async with a_room() as room:
        listed = room.cell.engine.desk.accounts[MAIN].instruments
        names = [f"C{number}-PERP" for number in range(100)]
        listed |= {name: perp(name) for name in names}
        quotes = quotes_of(room)
        began_ns = now_ns()
        for task in [ask(quotes, symbols=name) for name in names]:
            await task
        assert now_ns() - began_ns <= SECOND
        first, second = [whom for what, whom in room.venue.left if what == "quotes"]
        assert first == names[0]
        assert second == ",".join(names[1:])


@virtually
async def test_a_refusal_is_told_and_shared_too() -> None:
    async with a_room() as room:
        quotes = quotes_of(room)
        room.venue.quotes_say = "not connected: the line is down"
        assert await refusal(ask(quotes)) == f"{MAIN}: not connected: the line is down"
        room.venue.quotes_say = ""
        assert "the line is down" in await refusal(ask(quotes))
        assert room.venue.count("quotes") == 1
        await asyncio.sleep(SHARED_S)
        assert len(await ask(quotes)) == 1


@virtually
async def test_a_silent_venue_is_waited_for_once_and_not_for_ever() -> None:
    async with a_room() as room:
        quotes = quotes_of(room)
        room.venue.hold = True
        assert "within 20 s" in await refusal(ask(quotes))
        waiting = ask(quotes)
        await asyncio.sleep(PATIENCE_S / 2)
        assert room.venue.count("quotes") == 1
        room.venue.let_go()
        assert len(await waiting) == 1


@virtually
async def test_prices_wait_for_what_is_sent() -> None:
    """The budget's reserve is not theirs: where it is all that is left, they wait until more has come."""
    rules = replace(RULES, requests_per_s=1, burst=5, reserve=4)
    async with a_room(rules=rules) as room:
        quotes = quotes_of(room)
        while not room.cell.shells[MAIN].budget.take(now_ns(), urgent=True):
            pass
        asked = ask(quotes)
        await asyncio.sleep(3)
        assert room.venue.count("quotes") == 0
        await asked
        assert room.venue.count("quotes") == 1


@virtually
async def test_a_desk_that_stops_answers_who_waits() -> None:
    async with a_room() as room:
        quotes = quotes_of(room)
        room.venue.hold = True
        asked = ask(quotes)
        await asyncio.sleep(1)
        room.cell.stop()
        assert await refusal(asked) == f"{MAIN}: the desk is stopping"


@virtually
async def test_mistakes_are_one_sentence() -> None:
    async with a_room() as room:
        quotes = quotes_of(room)
        assert "there is no account `papr`" in await refusal(quotes.read({"account": "papr"}))
        assert "did you mean `BTC-PERP`" in await refusal(ask(quotes, symbols="BTC-PERR"))
        assert "`account` is missing" in await refusal(quotes.read({}))
        assert "there is no parameter `acount`" in await refusal(quotes.read({"account": MAIN, "acount": 1}))
        assert "at most 5000 symbols" in await refusal(ask(quotes, symbols=["x"] * 5001))
        assert room.venue.count("quotes") == 0
        with pytest.raises(ValueError, match="limit"):
            quotes.listed({"limit": LISTED_MOST + 1})


@virtually
async def test_instruments_come_whole_and_in_pages() -> None:
    async with a_room() as room:
        listed = room.cell.engine.desk.accounts[MAIN].instruments
        opens_ns = now_ns() + 60 * SECOND
        listed["SBER"] = perp(
            "SBER", name="Sberbank", sessions=(Session(opens_ns, opens_ns + SECOND),), listed=False
        )
        listed["ETH-PERP"] = perp("ETH-PERP")
        quotes = quotes_of(room)
        first = quotes.listed({"account": MAIN, "limit": 2})
        rest = quotes.listed({"account": MAIN, "after": first[-1].market})
        assert [one.market for one in (*first, *rest)] == [PERP, f"{MAIN}:ETH-PERP", f"{MAIN}:SBER"]
        assert rest[0].instrument == listed["SBER"]
        assert len(quotes.listed({})) == 3


@virtually
async def test_a_market_out_of_session_says_when_it_opens() -> None:
    async with a_room() as room:
        listed = room.cell.engine.desk.accounts[MAIN].instruments
        opens_ns = now_ns() + 60 * SECOND
        listed["BTC-PERP"] = perp(sessions=(Session(opens_ns, opens_ns + SECOND),))
        (one,) = await ask(quotes_of(room))
        assert (one.open, one.opens_ns) == (False, opens_ns)
