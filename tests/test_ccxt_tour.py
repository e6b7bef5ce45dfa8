"""The real ccxt: its classes trade through the adapter at our testnets; the page's table is made of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest
from ccxt_fakes import our_id
from ccxt_table import table
from pages import check_page

from kedge.model.events import (
    BarsSeen,
    BookUpdate,
    Event,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    MarkUpdate,
    OrderNews,
)
from kedge.model.instrument import Instrument
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask, Feed, PlaceOrder
from kedge.sim.testnet.options import Options, Ready
from kedge.sim.testnet.registry import maker
from kedge.sim.testnet.server import serve
from kedge.venues.ccxt import library
from kedge.venues.ccxt.client import CcxtVenue
from kedge.venues.venue import Setup

WITHIN_S = 60
MINUTE_NS = 60_000_000_000


class Tour:
    """One account of ccxt's at one testnet of ours, both in this process, over the loopback."""

    def __init__(self, exchange: str, symbol: str, port: int, **setup: Any) -> None:
        given = {"key": "paper", "secret": "paper", "url": f"http://127.0.0.1:{port}"}
        given = {**given, "venue": f"ccxt-{exchange}", **setup}
        self.symbol = symbol
        # Two tours may share an account, where no id is used twice.
        self.first = 100 * len(symbol)
        self.hear: list[Event] = []
        self.venue = CcxtVenue(Setup(f"ccxt-{exchange}/tour", **given), None, time.time_ns)

    def id(self, count: int) -> str:
        return our_id(self.first + count)

    async def until(self, kind: type[Any], holds: Callable[[Any], bool] = lambda one: True) -> Any:
        async with asyncio.timeout(WITHIN_S):
            while True:
                found = next((one for one in self.hear if isinstance(one, kind) and holds(one)), None)
                if found is not None:
                    return found
                await asyncio.sleep(0.02)

    async def order(self, count: int, state: State) -> Any:
        return await self.until(
            OrderNews, lambda one: (one.order.client_id, one.order.state) == (self.id(count), state)
        )

    async def play(self) -> None:
        await self.venue.watch([self.symbol], [Feed(self.symbol, "bars", MINUTE_NS)])
        await self.venue.open(self.hear.append)
        await self.until(LinkUp)
        assert self.venue.trouble == ""
        instrument = (await self.until(InstrumentSeen, self._is_mine)).instrument
        ask = await self._markets()
        await self._resting(instrument, instrument.price_at_most(ask * D("0.97")))
        await self._taking(instrument, instrument.price_at_least(ask * D("1.01")))
        await self._refusals(instrument, instrument.price_at_most(ask * D("0.97")))
        await self._everything()

    def _is_mine(self, seen: InstrumentSeen) -> bool:
        return seen.instrument.symbol == self.symbol

    async def _markets(self) -> D:
        book = await self.until(BookUpdate)
        assert book.bids[0].price < book.asks[0].price
        assert (await self.until(MarkUpdate)).mark > 0
        bars = await self.until(BarsSeen)
        assert bars.bars[-1].start_ns - bars.bars[0].start_ns == (len(bars.bars) - 1) * MINUTE_NS
        ask: D = book.asks[0].price
        return ask

    async def _resting(self, instrument: Instrument, price: D) -> None:
        placed = await self.venue.place(PlaceOrder(self.id(1), self.symbol, "buy", D("0.013"), price))
        assert placed.answer in (Answer.ACCEPTED, Answer.DONE), placed
        found = (await self.venue.lookup(Ask(self.id(1), self.symbol))).order
        assert found is not None
        assert (found.state, found.qty, found.price) == (State.OPEN, D("0.013"), price)
        # As after a crash: nothing is remembered, and it is found by our id alone.
        self.venue._names.__init__(100)  # type: ignore[misc]
        again = (await self.venue.lookup(Ask(self.id(1), self.symbol))).order
        assert again is not None
        assert again.venue_id == found.venue_id
        assert (await self.venue.cancel(self.id(1), self.symbol, 0)).answer is Answer.ACCEPTED
        await self.order(1, State.CANCELLED)
        assert (await self.venue.lookup(Ask(self.id(9), self.symbol))).order is None

    async def _taking(self, instrument: Instrument, price: D) -> None:
        order = PlaceOrder(self.id(2), self.symbol, "buy", D("0.013"), price, tif="ioc")
        assert (await self.venue.place(order)).answer is Answer.ACCEPTED
        await self.order(2, State.FILLED)
        fills = [one.fill for one in self.hear if isinstance(one, FillNews)]
        assert sum(one.qty for one in fills) == D("0.013")
        assert {one.client_id for one in fills} == {self.id(2)}
        assert all(one.fee > 0 and one.price <= price for one in fills)

    async def _refusals(self, instrument: Instrument, price: D) -> None:
        rich = await self.venue.place(PlaceOrder(self.id(3), self.symbol, "buy", D(50), price))
        assert (rich.answer, rich.unsent) == (Answer.REJECTED, False), rich
        odd = await self.venue.place(PlaceOrder(self.id(4), self.symbol, "buy", D("0.0130000001"), price))
        assert odd.unsent
        nothing = await self.venue.cancel(self.id(7), self.symbol, 0)
        assert nothing.answer is Answer.REJECTED
        late = await self.venue.place(
            PlaceOrder(self.id(5), self.symbol, "buy", D("0.01"), price, valid_until_ns=1)
        )
        assert late.unsent

    async def _everything(self) -> None:
        report = await self.venue.report("")
        assert isinstance(report, AccountReport)
        assert (report.complete, report.clipped, report.open_orders) == (True, False, ())
        assert sum(one.qty for one in report.fills) == D("0.013")
        if ":" in self.symbol:
            assert [(one.symbol, one.qty) for one in report.positions] == [(self.symbol, D("0.013"))]
        assert any(one.asset == "USDT" and one.total > 0 for one in report.balances)
        now_ns = time.time_ns()
        bars = await self.venue.bars(self.symbol, MINUTE_NS, now_ns - 60 * MINUTE_NS, now_ns)
        assert len(bars) in (59, 60)


async def at_testnet(testnet: str, story: Callable[[int], Any]) -> None:
    ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    options = Options(market="still", seed=7)
    served = asyncio.get_running_loop().create_task(serve(options, maker(testnet), ready.set_result))
    try:
        await story((await ready).port)
    finally:
        served.cancel()
        with pytest.raises(asyncio.CancelledError):
            await served


TOURS = {
    "bybit": (("bybit", "BTC/USDT:USDT"), ("bybit", "BTC/USDT")),
    "binance": (("binance", "BTC/USDT"), ("binanceusdm", "BTC/USDT:USDT")),
}


def test_the_real_ccxt_trades_at_our_testnets() -> None:
    """Side by side, because most of a tour is waiting for ccxt's own pace."""

    async def tour(exchange: str, symbol: str, port: int) -> None:
        one = Tour(exchange, symbol, port)
        try:
            await one.play()
        finally:
            await one.venue.close()

    async def tours(testnet: str) -> None:
        async def story(port: int) -> None:
            await asyncio.gather(*[tour(exchange, symbol, port) for exchange, symbol in TOURS[testnet]])

        await at_testnet(testnet, story)

    async def main() -> None:
        await asyncio.gather(*[tours(testnet) for testnet in TOURS])

    asyncio.run(main())


def test_a_wrong_secret_is_said_with_the_way_to_mend_it() -> None:
    async def story(port: int) -> None:
        tour = Tour("bybit", "BTC/USDT", port, secret="not the secret")
        try:
            await tour.venue.open(tour.hear.append)
            down = await tour.until(LinkDown)
        finally:
            await tour.venue.close()
        assert "check the key, its secret" in down.why
        assert "not the secret" not in down.why
        assert "http" not in down.why

    asyncio.run(at_testnet("bybit", story))


def test_the_table_on_the_page_is_what_ccxt_allows() -> None:
    async def made() -> str:
        return await table(await library.load())

    check_page("trade-by-ccxt", asyncio.run(made()), "docs/how-to")
