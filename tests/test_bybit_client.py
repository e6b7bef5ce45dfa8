"""The life of a Bybit account's adapter: keys that go bad, lists that change, streams that lie."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from bybit_world import DAY_NS, SECOND_NS, World, now_ns
from msgspec.json import decode, encode
from venue_kit import run

from kedge.model.events import BalanceNews, InstrumentSeen, LinkUp, OrderNews
from kedge.model.numbers import ZERO
from kedge.model.venue import AccountReport, Answer, Ask
from kedge.sim.testnet.web import Reply
from kedge.venues.bybit.asks import WINDOWS
from kedge.venues.bybit.rules import Options


def tour(main: Callable[[World], Awaitable[None]], options: Options | None = None, **setup: Any) -> None:
    async def whole() -> None:
        async with World(options, **setup) as world:
            await world.linked()
            await world.ordering()
            await main(world)

    run(whole())


def said(code: int, words: str = "no", result: Any = None) -> Reply:
    return Reply(200, encode({"retCode": code, "retMsg": words, "result": result or {}, "time": 1}))


# ── keys ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "mend"),
    [
        (10010, "add it at the key"),
        (33004, "make a new one"),
        (10005, "allow it to read"),
        (10028, "Unified Trading Account"),
        (10009, "region"),
    ],
)
def test_what_keeps_the_key_out_is_said_with_its_mend(code: int, mend: str) -> None:
    async def main() -> None:
        world = World()
        world.pages["/v5/user/query-api"] = said(code, "words")
        async with world:
            await world.until(world.downs)
            assert mend in world.downs()[0].why
            assert str(code) in world.downs()[0].why
            # It is tried again after a while, and this time it is mended.
            await world.until(lambda: world.all(LinkUp), within_s=60)

    run(main())


def test_a_key_that_expires_in_the_middle_takes_the_link_down() -> None:
    async def main(world: World) -> None:
        world.sea.sockets["/v5/trade"] = "refused"
        world.cut("/v5/trade")
        await world.until(lambda: not world.venue._trade.usable)
        world.pages["/v5/order/create"] = said(33004, "Your api key has expired.")
        world.pages["/v5/user/query-api"] = said(33004, "Your api key has expired.")
        _, answered = await world.place()
        assert answered.answer is Answer.REJECTED
        assert "make a new one" in answered.reason
        await world.until(world.downs)
        assert "make a new one" in world.downs()[-1].why

    tour(main)


def test_no_secret_is_ever_shown() -> None:
    async def main(world: World) -> None:
        await world.place()
        await world.until(lambda: world.all(OrderNews))
        world.cut()
        await world.until(world.downs)
        assert not [event for event in world.hear if "very-secret" in repr(event)]
        venue = world.venue
        assert "very-secret" not in repr(venue._ties) + repr(venue._ties.setup) + venue.trouble
        assert not [frame for frame in world.sea.said if b"very-secret" in frame]

    async def whole() -> None:
        from kedge.sim.testnet.keys import ApiKey

        world = World(key="k", secret="very-secret")
        world.hosted.house.add_key(ApiKey("k", "very-secret", "main"))
        async with world:
            await world.linked()
            await main(world)

    run(whole())


# ── instruments ─────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_read_again_and_what_changed_is_told() -> None:
    async def main(world: World) -> None:
        known = next(i.instrument for i in world.all(InstrumentSeen) if i.instrument.symbol == "BTCUSDT")
        before = len(world.all(InstrumentSeen))
        reply = world.hosted.http(_list_request())
        body = decode(reply.body)
        row = next(one for one in body["result"]["list"] if one["symbol"] == "BTCUSDT")
        row["lotSizeFilter"]["minNotionalValue"] = "7"
        world.pages["/v5/market/instruments-info"] = Reply(200, encode(body))
        await world.until(lambda: len(world.all(InstrumentSeen)) > before, within_s=4_000)
        news = world.all(InstrumentSeen)[before].instrument
        assert (news.symbol, news.min_notional) == ("BTCUSDT", 7)
        assert known.min_notional != 7

    tour(main)


def _list_request() -> Any:
    from kedge.sim.testnet.web import Request

    return Request("GET", "/v5/market/instruments-info", "category=linear&limit=1000", {}, b"")


def test_a_list_that_is_not_whole_changes_nothing() -> None:
    async def main(world: World) -> None:
        before = len(world.all(InstrumentSeen))
        world.sea.http["instruments-info?category=spot"] = "busy"
        await asyncio.sleep(3_700)
        assert len(world.all(InstrumentSeen)) == before
        assert "not refreshed" in world.venue.trouble
        world.sea.http.clear()

    tour(main)


# ── settings and the dead-man switch ────────────────────────────────────────────────────────────


class Always(dict[str, Reply]):
    """Pages that are answered every time."""

    def pop(self, path: str, default: Any = None) -> Any:  # type: ignore[override]
        return self.get(path, default)


def test_a_switch_that_is_not_ours_to_have_is_said_once_and_keeps_nobody_out() -> None:
    async def main() -> None:
        world = World(dead_man_ns=10 * SECOND_NS)
        world.pages = Always({"/v5/order/disconnected-cancel-all": said(10005, "Permission denied")})
        async with world:
            await world.linked()
            assert "institutional clients only" in world.venue.trouble
            assert not any(b"dcp." in frame for frame in world.sea.said)
            asked = [one for one in world.sea.asked if "disconnected-cancel-all" in one]
            world.cut("/v5/private")
            await world.link_again()
            assert [one for one in world.sea.asked if "disconnected-cancel-all" in one] == asked

    run(main())


def test_an_armed_switch_is_asked_after_and_subscribed_to() -> None:
    async def main() -> None:
        world = World(dead_man_ns=10 * SECOND_NS)
        on = [{"product": p, "dcpStatus": "ON", "timeWindow": "10"} for p in ("SPOT", "DERIVATIVES")]
        world.pages["/v5/order/disconnected-cancel-all"] = said(0)
        world.pages["/v5/account/query-dcp-info"] = said(0, "OK", {"dcpInfos": on})
        async with world:
            await world.linked()
            assert "dead-man" not in world.venue.trouble
            assert any(b"dcp.future" in frame for frame in world.sea.said)

    run(main())


def test_a_margin_mode_that_cannot_be_set_is_said_and_keeps_nobody_out() -> None:
    async def main() -> None:
        world = World(margin="isolated")
        world.pages["/v5/account/set-margin-mode"] = said(3400045, "Set margin mode failed")
        async with world:
            await world.linked()
            assert "margin = 'isolated' cannot be set" in world.venue.trouble

    run(main())


def test_a_setting_whose_answer_is_doubtful_is_tried_again() -> None:
    async def main() -> None:
        world = World(leverage={"BTCUSDT": Decimal(5)})
        world.pages["/v5/position/set-leverage"] = said(10016, "Server error.")
        async with world:
            await world.linked()
            assert "leverage of BTCUSDT cannot be set" in world.downs()[0].why
            assert world.venue.trouble == ""

    run(main())


def test_a_setting_that_stays_doubtful_keeps_nobody_out_for_ever() -> None:
    """An account with open positions is better off connected, whatever is wrong with one of the paths."""

    async def main() -> None:
        world = World(leverage={"BTCUSDT": Decimal(5)})
        world.sea.http["/v5/position/set-leverage"] = "busy"
        async with world:
            await world.until(lambda: world.all(LinkUp), within_s=10)
            assert len(world.downs()) == 1
            assert "settings" in world.venue.trouble
            assert (await world.place())[1].answer is Answer.ACCEPTED
            world.sea.http.clear()
            world.cut("/v5/private")
            await world.link_again()
            assert any("set-leverage" in one for one in world.sea.asked)
            await world.until(lambda: world.venue.trouble == "")

    run(main())


@pytest.mark.parametrize(
    ("on", "armed", "trouble"),
    [
        (("SPOT", "DERIVATIVES"), True, ""),
        (("DERIVATIVES",), True, "not armed for SPOT"),
        (("SPOT",), True, "not armed for DERIVATIVES"),
        ((), False, "is not armed"),
    ],
)
def test_a_switch_is_armed_for_what_the_venue_says_and_no_more(
    on: tuple[str, ...], armed: bool, trouble: str
) -> None:
    async def main() -> None:
        world = World(dead_man_ns=10 * SECOND_NS)
        infos = [
            {"product": p, "dcpStatus": "ON" if p in on else "OFF", "timeWindow": "10"}
            for p in ("SPOT", "DERIVATIVES", "OPTIONS")
        ]
        if len(on) == 1:  # the other one is refused when it is set
            world.pages["/v5/order/disconnected-cancel-all"] = said(10005, "Permission denied")
        world.pages["/v5/account/query-dcp-info"] = said(0, "OK", {"dcpInfos": infos})
        async with world:
            await world.linked()
            assert any(b"dcp.future" in frame for frame in world.sea.said) is armed
            assert trouble in world.venue.trouble
            assert bool(world.venue.trouble) is bool(trouble)

    run(main())


def test_an_empty_list_of_instruments_closes_nothing() -> None:
    """The venue warns of this page in times of trouble: then above all, hedges must go on."""

    async def main(world: World) -> None:
        world.pages["/v5/market/instruments-info"] = said(0, "OK", {"category": "linear", "list": []})
        await world.venue._list_again()
        assert not [e for e in world.all(InstrumentSeen) if e.instrument.status == "closed"]
        assert "were not refreshed" in world.venue.trouble
        assert (await world.place())[1].answer is Answer.ACCEPTED

    tour(main)


@pytest.mark.parametrize(("code", "told"), [(110025, False), (110024, True)])
def test_one_way_mode(code: int, told: bool) -> None:
    async def main() -> None:
        world = World()
        world.pages["/v5/position/switch-mode"] = said(code, "mode")
        async with world:
            await world.linked()
            assert ("one-way mode" in world.venue.trouble) is told

    run(main())


# ── streams that lie ────────────────────────────────────────────────────────────────────────────


def test_an_unreadable_private_frame_ends_the_connection() -> None:
    async def main(world: World) -> None:
        for socket in world.sockets("/v5/private"):
            socket.say(b'{"topic":"execution","data":[{"category":"linear","symbol":"BTCUSDT"}]}')
        await world.link_again()
        assert "unreadable ExecRow" in world.downs()[0].why

    tour(main)


def test_rows_of_options_are_left_alone() -> None:
    async def main(world: World) -> None:
        frame = {
            "symbol": "BTC-C",
            "orderId": "1",
            "side": "Buy",
            "orderType": "Limit",
            "orderStatus": "New",
            "qty": "1",
            "cumExecQty": "0",
            "updatedTime": "1",
            "category": "option",
        }
        for socket in world.sockets("/v5/private"):
            socket.say(encode({"topic": "order", "data": [frame]}))
        await asyncio.sleep(1)
        assert not world.all(OrderNews)
        assert not world.downs()

    tour(main)


def test_an_execution_that_the_stream_never_told_is_found_within_minutes() -> None:
    async def main(world: World) -> None:
        await asyncio.sleep(5)
        world.sea.frames['"topic":"execution"'] = "dropped"
        order, _ = await world.place(kind="market", price=ZERO)
        await asyncio.sleep(2)
        world.sea.frames.clear()
        assert not world.fills(order.client_id)
        await world.link_again()
        assert "has not told of execution" in world.downs()[0].why
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        assert [fill.client_id for fill in report.fills] == [order.client_id]
        # What the report told is not missed again.
        await asyncio.sleep(300)
        assert len(world.downs()) == 1

    tour(main)


def test_a_stream_that_tells_everything_is_left_in_peace() -> None:
    async def main(world: World) -> None:
        for _ in range(30):
            await world.place(kind="market", price=ZERO)
            await asyncio.sleep(20)
        assert not world.downs()

    tour(main)


def test_a_clock_that_goes_wrong_later_takes_the_link_down() -> None:
    async def main(world: World) -> None:
        world.ahead_ns = -5 * SECOND_NS
        await world.until(world.downs, within_s=200)
        assert "behind ours" in world.downs()[0].why
        world.ahead_ns = 0
        await world.link_again()

    tour(main)


def test_balances_are_told_whole_though_the_stream_tells_one_coin() -> None:
    async def main(world: World) -> None:
        report = await world.venue.report("")
        assert isinstance(report, AccountReport)
        coin = {"coin": "USDT", "walletBalance": "5"}
        for socket in world.sockets("/v5/private"):
            socket.say(encode({"topic": "wallet", "data": [{"coin": [coin]}]}))
        await world.until(lambda: world.all(BalanceNews))
        told = {b.asset: b.total for b in world.all(BalanceNews)[-1].balances}
        assert told["USDT"] == 5
        assert set(told) == {b.asset for b in report.balances}

    tour(main)


def test_three_accounts_behind_one_address_are_never_shut_out() -> None:
    """600 in five seconds by all of them, or nobody is served for ten minutes."""
    assert 3 * WINDOWS["address"].limit < 600


# ── how far back ────────────────────────────────────────────────────────────────────────────────


def test_a_first_report_asks_for_the_last_day_and_later_ones_since_the_cursor() -> None:
    """In windows of at most seven days, which leave nothing out between them; the last one has no end."""

    async def main(world: World) -> None:
        asked_ms = now_ns() // 1_000_000
        assert isinstance(await world.venue.report(""), AccountReport)
        (window,) = _windows(world)
        assert "endTime" not in window
        assert _span(window)[0] == asked_ms - 86_400_000
        world.sea.asked.clear()
        report = await world.venue.report(str((now_ns() - 700 * DAY_NS) // 1_000_000))
        assert isinstance(report, AccountReport)
        assert report.complete
        assert not report.clipped
        spans = [_span(one) for one in _windows(world)]
        assert len(spans) == 101
        assert [window for window in _windows(world) if "endTime" not in window] == _windows(world)[-1:]
        assert all(0 <= end - start < 7 * 86_400_000 for start, end in spans)
        assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(spans))

    tour(main)


def _windows(world: World) -> list[str]:
    return [one for one in world.sea.asked if "execution/list?category=linear" in one]


def _span(target: str) -> tuple[int, int]:
    query = dict(pair.split("=") for pair in target.partition("?")[2].split("&"))
    return int(query["startTime"]), int(query.get("endTime", now_ns() // 1_000_000))


def test_a_cursor_older_than_the_venue_keeps_is_clipped() -> None:
    async def main(world: World) -> None:
        old = str((now_ns() - 800 * DAY_NS) // 1_000_000)
        report = await world.venue.report(old)
        assert isinstance(report, AccountReport)
        assert report.clipped

    tour(main)


def test_an_order_of_which_only_its_executions_are_left() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place(kind="market", price=ZERO)
        await world.until(lambda: world.fills(order.client_id))
        nothing = said(0, "OK", {"list": [], "nextPageCursor": "", "category": "linear"})
        world.pages["/v5/order/realtime"] = world.pages["/v5/order/history"] = nothing
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert found.order is not None
        assert (found.order.cum_qty, found.order.kind) == (Decimal("0.01"), "market")

    tour(main)


def test_an_answer_about_another_order_proves_nothing() -> None:
    async def main(world: World) -> None:
        order, _ = await world.place()
        await world.until(lambda: world.orders(order.client_id))
        other, _ = await world.place()
        reply = world.exchange.order("main", other.client_id)
        assert reply is not None
        row = {
            "symbol": "BTCUSDT",
            "orderId": "1",
            "orderLinkId": other.client_id,
            "side": "Buy",
            "orderType": "Limit",
            "orderStatus": "New",
            "qty": "1",
            "price": "1",
            "cumExecQty": "0",
            "updatedTime": "1",
        }
        world.pages["/v5/order/realtime"] = said(0, "OK", {"list": [row]})
        found = await world.venue.lookup(Ask(order.client_id, "BTCUSDT"))
        assert found.order is None
        assert "another order" in found.error

    tour(main)
