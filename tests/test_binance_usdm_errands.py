"""What the Binance USDⓈ-M adapter asks because of its stream: owners, lost fills, moved money, the mode."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from binance_usdm_kit import SYMBOL, World, algo_row, name, pushed, trade_row, with_world

from kedge.model.events import CashNews, FillNews, LinkDown, LinkUp, OrderNews
from kedge.model.order import State
from kedge.venues.binance.usdm.rules import Options


def test_a_fill_that_was_only_announced_is_fetched() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.push(pushed())
        world.fake.trades = [trade_row()]
        lite = {"s": SYMBOL, "c": name(1), "S": "BUY", "l": "1", "L": "100", "t": 77, "i": 7}
        world.push({"e": "TRADE_LITE"} | lite)
        assert world.told(FillNews) == []
        await asyncio.sleep(10)
        (news,) = world.told(FillNews)
        assert (news.fill.client_id, news.fill.fee) == (name(1), Decimal("0.04"))
        world.push(pushed(x="TRADE", X="FILLED", l="1", z="1", L="100", t=77))
        assert len(world.told(FillNews)) == 1

    with_world(test)


def test_a_fill_that_cannot_be_learnt_ends_the_link() -> None:
    async def test(world: World) -> None:
        await world.up()
        lite = {"s": SYMBOL, "c": name(1), "S": "BUY", "l": "1", "L": "100", "t": 77, "i": 7}
        world.push({"e": "TRADE_LITE"} | lite)
        await asyncio.sleep(60)
        assert "could not be learnt" in world.told(LinkDown)[0].why
        assert len(world.told(LinkUp)) == 2

    with_world(test)


def test_a_stranger_on_the_account_is_told_after_its_links_are_known() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.push(pushed(c="by-hand", x="TRADE", X="FILLED", l="1", z="1", L="100", t=77))
        await asyncio.sleep(2)
        (news,) = world.told(FillNews)
        assert news.fill.client_id == "by-hand"
        assert world.fake.paths().count("/fapi/v1/allAlgoOrders") == 13

    with_world(test)


def test_a_stop_triggered_before_its_link_is_looked_up() -> None:
    async def test(world: World) -> None:
        world.fake.open_algos = [algo_row()]
        world.fake.algos[name(2)] = algo_row(algoStatus="TRIGGERING")
        await world.up()
        world.push(pushed(c="strange", S="SELL", x="TRADE", X="FILLED", l="1", z="1", L="100", t=77))
        await asyncio.sleep(1.2)
        assert world.told(FillNews) == []
        world.fake.algos[name(2)] = algo_row(algoStatus="TRIGGERED", actualOrderId=7)
        await asyncio.sleep(10)
        (news,) = world.told(FillNews)
        assert news.fill.client_id == name(2)
        assert not world.told(LinkDown)

    with_world(test)


def test_funding_is_fetched_with_its_number() -> None:
    async def test(world: World) -> None:
        await world.up()
        row = {"symbol": SYMBOL, "incomeType": "FUNDING_FEE", "asset": "USDT", "info": "", "tradeId": ""}
        world.fake.incomes = [row | {"income": "-0.1", "tranId": 5, "time": world.fake.now_ms()}]
        money = {"a": "USDT", "wb": "10", "cw": "10", "bc": "-0.1"}
        world.push({"e": "ACCOUNT_UPDATE", "T": 1, "a": {"m": "FUNDING_FEE", "B": [money]}})
        await asyncio.sleep(10)
        (news,) = world.told(CashNews)
        assert (news.cash.kind, news.cash.amount) == ("funding", Decimal("-0.1"))

    with_world(test)


def test_hedge_mode_switched_on_by_somebody_else_ends_the_link() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.fake.says["GET", "/fapi/v1/positionSide/dual"] = lambda p: (200, {"dualSidePosition": True})
        world.push({"e": "ACCOUNT_CONFIG_UPDATE", "ai": {"j": False}})
        await asyncio.sleep(3)
        assert "hedge mode" in world.told(LinkDown)[0].why

    with_world(test)


def test_orders_of_the_stream_are_told() -> None:
    async def test(world: World) -> None:
        await world.up()
        world.push(pushed())
        (news,) = world.told(OrderNews)
        assert (news.order.client_id, news.order.state) == (name(1), State.OPEN)

    with_world(test, options=Options())
