"""The adapter for ccxt against a fake of it: the link, deeds and their classes, looks, reports, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from ccxt_fakes import (
    HAS,
    SWAP,
    SYMBOL,
    ClientConnectorError,
    ExchangeError,
    ExchangeNotAvailable,
    Fake,
    Json,
    NetworkError,
    World,
    market,
    now_ns,
    our_id,
)
from venue_kit import run

from kedge.model.events import (
    Answered,
    BalanceNews,
    BookUpdate,
    FillNews,
    InstrumentSeen,
    LinkDown,
    LinkUp,
    OrderNews,
)
from kedge.model.order import State
from kedge.model.venue import AccountReport, Answer, Ask, Balance, PlaceOrder
from kedge.runtime.accounts import make_venue, setup_of
from kedge.settings import AccountSettings, Secrets
from kedge.venues import registry
from kedge.venues.ccxt.client import CcxtVenue
from kedge.venues.ccxt.rules import CCXT_RULES
from kedge.venues.net import Net

SECOND_NS = 1_000_000_000


def buy(count: int = 1, qty: str = "0.5", price: str = "99.5", **members: Any) -> PlaceOrder:
    members.setdefault("symbol", SYMBOL)
    return PlaceOrder(our_id(count), side="buy", qty=D(qty), price=D(price), **members)


def play(story: Callable[[World], Any], **world: Any) -> None:
    """Open a world, wait for its link, and tell the story."""

    async def main() -> None:
        async with World(**world) as w:
            await w.until(LinkUp)
            await story(w)

    run(main())


def down(**world: Any) -> LinkDown:
    """How the link goes down that never comes up."""

    async def main() -> LinkDown:
        async with World(**world) as w:
            found: LinkDown = await w.until(LinkDown)
            assert w.all(LinkUp) == []
            assert (await w.venue.place(buy())).unsent
            assert w.house.deeds == []
            return found

    said: LinkDown = run(main())
    return said


# ── the link ────────────────────────────────────────────────────────────────────────────────────


def test_the_link_comes_up_with_the_exchanges_own_rules_and_instruments() -> None:
    async def story(w: World) -> None:
        (up,) = w.all(LinkUp)
        assert up.rules.venue == "ccxt-fake"
        assert not up.rules.bounded
        seen = await w.until(InstrumentSeen)
        assert (seen.instrument.symbol, seen.instrument.tick) == (SYMBOL, D("0.1"))
        news = await w.until(BalanceNews)
        assert news.balances == (Balance("USDT", D("1000.10"), D("900.05")),)
        assert w.venue.trouble == ""
        assert w.house.deeds == []  # the rehearsal let nothing out

    play(story)


def test_real_money_is_refused_where_an_order_cannot_be_given_our_id() -> None:
    class Nameless(Fake):
        async def create_order(
            self, symbol: str, type: str, side: str, amount: str, price: str | None, params: Json
        ) -> Json:
            args = {"symbol": symbol, "type": type, "side": side, "amount": amount, "price": price}
            return self.parse_order(await self._ask("POST", "orders", args))

    said = down(kind=Nameless, setup={"live": True})
    assert said.stopped
    assert said.why.startswith("fake is not traded with real money through ccxt: orders cannot be given our")


def test_real_money_is_refused_where_an_order_cannot_be_found_again() -> None:
    class Forgetful(Fake):
        async def fetch_order(self, id: str, symbol: str, params: Json | None = None) -> Json:
            return self.parse_order(await self._ask("GET", "order", {"id": id}))

    has = {**HAS, "fetchCanceledAndClosedOrders": False}
    said = down(kind=Forgetful, has=has, setup={"live": True})
    assert "an order cannot be found again by our id" in said.why


def test_play_money_may_be_tried_there_with_a_warning() -> None:
    async def story(w: World) -> None:
        assert w.venue.trouble.startswith("play money only: fake is not traded with real money")
        assert (await w.venue.place(buy())).answer is Answer.ACCEPTED

    play(story, has={**HAS, "fetchMyTrades": False})


def test_real_money_is_traded_where_everything_holds() -> None:
    async def story(w: World) -> None:
        assert w.venue.trouble == ""
        await w.venue.place(buy())
        assert w.house.asked[-1].startswith("POST https://api.{hostname}/v1/orders")

    play(story, setup={"live": True})


def test_an_unknown_exchange_is_refused_with_the_nearest() -> None:
    said = down(setup={"venue": "ccxt-krakn"})
    assert said.stopped
    assert said.why == "ccxt knows no exchange 'krakn'; did you mean ccxt-kraken?"


def test_a_missing_test_network_is_said() -> None:
    class Bare(Fake):
        def set_sandbox_mode(self, on: bool) -> None:
            raise ExchangeError("fake does not have a sandbox URL")

    assert down(kind=Bare).why.startswith("ccxt knows no test network of fake: only real money")
    assert down(setup={"demo": True}).why.startswith("ccxt knows no demo trading of fake")


def test_a_missing_password_is_said_with_the_way_to_give_it() -> None:
    needs = ("apiKey", "secret", "password")
    assert 'requires "password" credential: write the secret as an object' in down(needs=needs).why

    async def story(w: World) -> None:
        assert w.all(LinkDown) == []

    play(story, needs=needs, setup={"secret": '{"secret": "s", "password": "p"}'})
    assert "cannot be read" in down(setup={"secret": '{"password": 7}'}).why


def test_a_wrong_key_is_tried_a_few_times_and_not_for_ever() -> None:
    async def main() -> None:
        async with World() as w:
            w.house.mood = lambda method, path: (
                (401, {"error": "AuthenticationError", "msg": "bad key of nine"})
                if path == "/balance"
                else None
            )
            first = await w.until(LinkDown)
            assert "check the key, its secret" in first.why
            assert "key of nine" not in first.why
            await asyncio.sleep(2_000)
            assert w.all(LinkDown)[-1].stopped
            tried = len(w.house.asked)
            await asyncio.sleep(5_000)
            assert len(w.house.asked) == tried
            w.house.mood = lambda method, path: None
            w.venue.retry()
            await w.until(LinkUp)

    run(main())


def test_the_link_goes_down_when_looks_fail_and_comes_back() -> None:
    async def story(w: World) -> None:
        w.house.mood = lambda method, path: (502, {"error": "ExchangeNotAvailable", "msg": "bad gateway"})
        gone = await w.until(LinkDown)
        assert "bad gateway (7)" in gone.why
        assert (await w.venue.place(buy())).unsent
        assert (await w.venue.lookup(Ask(our_id(1), SYMBOL))).error
        assert isinstance(await w.venue.report(""), str)
        before = len(w.hear)
        w.house.mood = lambda method, path: None
        await asyncio.sleep(20)
        assert isinstance(w.hear[before], LinkUp)

    play(story)


def test_closing_ends_everything() -> None:
    async def main() -> None:
        w = World()
        await w.venue.open(w.hear.append)
        await w.until(LinkUp)
        await w.venue.watch([SYMBOL])
        await w.until(BookUpdate)
        await w.venue.close()
        heard, asked = len(w.hear), len(w.house.asked)
        await asyncio.sleep(60)
        assert (len(w.hear), len(w.house.asked)) == (heard, asked)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


# ── deeds ───────────────────────────────────────────────────────────────────────────────────────


def test_an_order_goes_out_exactly_and_is_heard_of() -> None:
    async def story(w: World) -> None:
        answered = await w.venue.place(buy(qty="0.123", price="12345678901234.1"))
        assert answered == Answered("ccxt-fake/main", "place", our_id(1), Answer.ACCEPTED)
        (row,) = w.house.orders.values()
        assert (row["amount"], row["price"], row["cid"]) == ("0.123", "12345678901234.1", our_id(1))
        news = await w.until(OrderNews)
        assert (news.order.client_id, news.order.state) == (our_id(1), State.OPEN)
        assert news.order.price == D("12345678901234.1")

    play(story)


def test_what_ccxt_would_round_is_not_sent() -> None:
    class Rounding(Fake):
        def amount_to_precision(self, symbol: str, amount: str) -> str:
            return "0.5"

    async def story(w: World) -> None:
        answered = await w.venue.place(buy(qty="0.501"))
        assert answered.unsent
        assert answered.reason == "not sent: ccxt would make 0.5 at 99.5 of 0.501 at 99.5"
        off = await w.venue.place(buy(price="99.55"))
        assert off.reason == "not sent: price 99.55 is not a multiple of BTC/USDT's tick 0.1"
        assert w.house.deeds == []

    play(story, kind=Rounding)


def test_contracts_are_counted_as_the_exchange_counts_them() -> None:
    async def story(w: World) -> None:
        order = PlaceOrder(our_id(1), SWAP, "sell", D("0.05"), D("100.5"), tif="ioc", reduce_only=True)
        await w.venue.place(order)
        (row,) = w.house.orders.values()
        assert row["amount"] == "5"
        assert '"reduceOnly": true' in w.house.bodies[w.house.asked.index(w.house.deeds[0])]
        fill = (await w.until(FillNews)).fill
        assert (fill.qty, fill.price, fill.fee, fill.fee_asset) == (D("0.05"), D("100.5"), D("0.01"), "USDT")
        w.house.positions = [{"symbol": SWAP, "contracts": "5", "side": "short", "entryPrice": "100.5"}]
        report = await w.venue.report("")
        assert isinstance(report, AccountReport)
        assert [(one.symbol, one.qty) for one in report.positions] == [(SWAP, D("-0.05"))]

    play(story, markets_listed=(market(SWAP),))


REFUSED, SILENT = Answer.REJECTED, Answer.UNKNOWN


@pytest.mark.parametrize(
    ("status", "error", "answer"),
    [
        (400, "InvalidOrder", REFUSED),
        (200, "InsufficientFunds", REFUSED),
        (200, "BadRequest", REFUSED),
        (401, "AuthenticationError", REFUSED),
        (429, "RateLimitExceeded", REFUSED),
        (400, "InvalidNonce", REFUSED),
        (422, "ExchangeError", REFUSED),  # HTTP itself says no
        (200, "ExchangeError", SILENT),  # a code that ccxt has not sorted
        (500, "InvalidOrder", SILENT),  # a server in trouble proves nothing, whatever it says
        (503, "OnMaintenance", SILENT),
        (502, "ExchangeNotAvailable", SILENT),
        (408, "RequestTimeout", SILENT),
        (400, "DuplicateOrderId", SILENT),  # this very order, then
    ],
)
def test_answers_by_class_and_evidence(status: int, error: str, answer: Answer) -> None:
    async def story(w: World) -> None:
        w.house.mood = lambda method, path: (
            (status, {"error": error, "msg": "so it is"}) if method == "POST" else None
        )
        said = await w.venue.place(buy())
        assert (said.answer, said.unsent) == (answer, False)
        assert "fake: so it is (7)" in said.reason
        assert (said.retry_ns > 0) == (error == "RateLimitExceeded")

    play(story)


def test_an_answer_that_is_lost_is_unknown_until_a_lookup_finds_the_order() -> None:
    async def story(w: World) -> None:
        w.house.lose_answers = True
        assert (await w.venue.place(buy())).answer is Answer.UNKNOWN
        found = await w.venue.lookup(Ask(our_id(1), SYMBOL))
        assert found.order is not None
        assert (found.order.venue_id, found.order.state) == ("n1", State.OPEN)
        assert (await w.venue.cancel(our_id(1), SYMBOL, 0)).answer is Answer.UNKNOWN
        gone = await w.venue.lookup(Ask(our_id(1), SYMBOL))
        assert gone.order is not None
        assert gone.order.state is State.CANCELLED
        assert len(w.house.deeds) == 2  # one attempt each

    play(story)


def test_what_never_left_is_rejected_for_certain() -> None:
    async def story(w: World) -> None:
        def cut(method: str, path: str) -> tuple[int, Json] | None:
            if method == "POST":
                raise ExchangeNotAvailable(
                    "fake POST https://api/orders?signature=1"
                ) from ClientConnectorError()
            return None

        w.house.mood = cut
        said = await w.venue.place(buy())
        assert (said.answer, said.unsent) == (Answer.REJECTED, True)
        assert "signature" not in said.reason

    play(story)


def test_where_orders_are_placed_by_get_a_lost_get_is_unknown() -> None:
    class ByGet(Fake):
        async def create_order(
            self, symbol: str, type: str, side: str, amount: str, price: str | None, params: Json
        ) -> Json:
            args = {"symbol": symbol, "type": type, "side": side, "amount": amount, "price": price}
            said = await self._ask("GET", "buy", {**args, "cid": params["clientOrderId"]})
            return self.parse_order(said)

    async def story(w: World) -> None:
        w.house.mood = lambda method, path: (502, {"error": "ExchangeNotAvailable", "msg": "no"})
        said = await w.venue.place(buy())
        assert (said.answer, said.unsent) == (Answer.UNKNOWN, False)

    play(story, kind=ByGet)


def test_a_parser_that_falls_over_after_the_send_is_unknown() -> None:
    class Broken(Fake):
        broken = False

        def parse_order(self, row: Json) -> Json:
            if self.house.orders:
                raise KeyError("symbol")
            return super().parse_order(row)

    async def story(w: World) -> None:
        said = await w.venue.place(buy())
        assert said.answer is Answer.UNKNOWN
        assert "ccxt could not read what came (KeyError" in said.reason

    play(story, kind=Broken)


def test_a_question_that_fails_after_the_deed_does_not_make_it_a_refusal() -> None:
    class Curious(Fake):
        async def create_order(
            self, symbol: str, type: str, side: str, amount: str, price: str | None, params: Json
        ) -> Json:
            order = await super().create_order(symbol, type, side, amount, price, params)
            await self._ask("GET", "order", {"id": "none"})
            return order

    async def story(w: World) -> None:
        said = await w.venue.place(buy())
        assert "gone" in said.reason
        assert said.answer is Answer.UNKNOWN

    play(story, kind=Curious)


def test_a_deed_whose_moment_passes_in_ccxts_queue_does_not_leave() -> None:
    class Slow(Fake):
        async def throttle(self, cost: Any = None) -> None:
            await asyncio.sleep(3)

    async def story(w: World) -> None:
        said = await w.venue.place(buy(valid_until_ns=now_ns() + SECOND_NS))
        assert (said.answer, said.unsent) == (Answer.REJECTED, True)
        assert said.reason == "not sent: its last moment passed while it waited for its turn"
        late = await w.venue.place(buy(valid_until_ns=now_ns() - 1))
        assert late.reason == "not sent: its last moment has passed"
        assert w.house.deeds == []

    play(story, kind=Slow)


def test_while_the_exchange_wants_to_be_left_alone_nothing_is_sent() -> None:
    async def story(w: World) -> None:
        limits = {"error": "RateLimitExceeded", "msg": "slow down", "after": "30"}
        w.house.mood = lambda method, path: (429, limits) if method == "POST" else None
        assert (await w.venue.place(buy())).retry_ns == 30 * SECOND_NS
        asked = len(w.house.asked)
        w.house.mood = lambda method, path: None
        second = await w.venue.place(buy(2))
        assert second.unsent
        assert second.retry_ns > 29 * SECOND_NS
        await asyncio.sleep(25)
        assert len(w.house.asked) == asked
        await asyncio.sleep(10)
        assert (await w.venue.place(buy(3))).answer is Answer.ACCEPTED

    play(story)


def test_an_answer_under_another_name_is_not_believed() -> None:
    class Renaming(Fake):
        def parse_order(self, row: Json) -> Json:
            return {**super().parse_order(row), "clientOrderId": "another"}

    async def story(w: World) -> None:
        said = await w.venue.place(buy())
        assert said.answer is Answer.UNKNOWN
        assert said.reason == "the exchange calls the order 'another' instead of what it was told"

    play(story, kind=Renaming)


def test_what_the_exchange_cannot_do_is_said_before_it_is_sent() -> None:
    lacks = {"triggerPrice": False, "timeInForce": {"FOK": False}, "marketBuyRequiresPrice": True}

    async def story(w: World) -> None:
        stop = buy(kind="stop", price="0", trigger_price=D(120))
        for order, word in (
            (stop, "takes no orders with a trigger"),
            (buy(tif="fok"), "takes no fok orders"),
            (buy(kind="market", price="0"), "is bought at market for an amount of USDT"),
            (buy(symbol="DOGE/USDT"), "fake lists no 'DOGE/USDT'"),
        ):
            said = await w.venue.place(order)
            assert said.unsent
            assert word in said.reason
        assert (await w.venue.amend(our_id(1), SYMBOL, D(1), D(1), 0)).unsent
        assert w.house.deeds == []

    play(story, features={"createOrder": lacks})


def test_stops_are_told_their_direction_and_price() -> None:
    can = {"triggerPrice": True, "triggerDirection": True, "triggerPriceType": {"mark": True}}

    async def story(w: World) -> None:
        stop = buy(kind="stop_limit", price="121", trigger_price=D(120), trigger_by="mark")
        await w.venue.place(stop)
        body = w.house.bodies[w.house.asked.index(w.house.deeds[0])]
        for part in (
            '"triggerPrice": "120"',
            '"triggerDirection": "ascending"',
            '"triggerPriceType": "mark"',
        ):
            assert part in body
        take = await w.venue.place(buy(3, kind="take", price="0", trigger_price=D(1)))
        assert (take.answer, take.unsent) == (Answer.REJECTED, True)
        assert "fire as the price comes" in take.reason
        refused = await w.venue.place(buy(2, kind="stop", price="0", trigger_price=D(1), trigger_by="index"))
        assert "takes no trigger by the index price" in refused.reason

    play(story, features={"createOrder": can})


def test_an_order_is_cancelled_by_its_number_or_by_our_id() -> None:
    async def story(w: World) -> None:
        await w.venue.place(buy())
        assert (await w.venue.cancel(our_id(1), SYMBOL, 0)).answer is Answer.ACCEPTED
        gone = await w.until(OrderNews, lambda one: one.order.state is State.CANCELLED)
        assert gone.order.client_id == our_id(1)
        again = await w.venue.cancel(our_id(1), SYMBOL, 0)
        assert (again.answer, again.unsent) == (Answer.REJECTED, False)
        w.house.orders["n9"] = {**w.house.orders["n1"], "id": "n9", "cid": our_id(9), "status": "open"}
        assert (await w.venue.cancel(our_id(9), SYMBOL, 0)).answer is Answer.ACCEPTED
        assert w.house.orders["n9"]["status"] == "canceled"

    play(story)


def test_where_nothing_cancels_by_id_the_order_is_looked_for_first() -> None:
    class ByNumber(Fake):
        async def cancel_order(self, id: str, symbol: str, params: Json) -> Json:
            return self.parse_order(await self._ask("DELETE", "orders", {"id": id, "symbol": symbol}))

    async def story(w: World) -> None:
        assert w.venue._entry is not None
        assert not w.venue._entry.proof.cancels_by_id
        none = await w.venue.cancel(our_id(5), SYMBOL, 0)
        assert none.unsent
        assert none.reason == "not sent: fake shows no such order"
        await w.venue.place(buy(6))
        w.house.orders["n7"] = {**w.house.orders["n1"], "id": "n7", "cid": our_id(7)}
        assert (await w.venue.cancel(our_id(7), SYMBOL, 0)).answer is Answer.ACCEPTED
        assert w.house.orders["n7"]["status"] == "canceled"

    play(story, kind=ByNumber)


def test_cancelling_all_of_the_markets_in_use_or_saying_that_it_cannot_be_done() -> None:
    class Sweeper(Fake):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.has = {**self.has, "cancelAllOrders": True}

        async def cancel_all_orders(self, symbol: str, params: Json) -> list[Json]:
            open_now = [row for row in self.house.orders.values() if row["status"] == "open"]
            return [await self.cancel_order(row["id"], symbol, {}) for row in open_now]

    async def can(w: World) -> None:
        await w.venue.place(buy())
        w.house.orders["n9"] = {**w.house.orders["n1"], "id": "n9", "cid": "", "status": "open"}
        assert await w.venue.cancel_all(None) == ""
        assert [row["status"] for row in w.house.orders.values()] == ["canceled", "canceled"]
        assert "lists no" in await w.venue.cancel_all("NO/SUCH")

    async def cannot(w: World) -> None:
        await w.venue.place(buy())
        assert await w.venue.cancel_all(None) == f"fake has no request that cancels all orders of {SYMBOL}"

    play(can, kind=Sweeper)
    play(cannot)


# ── looks ───────────────────────────────────────────────────────────────────────────────────────


def test_fills_are_told_once_and_before_the_order_that_they_filled() -> None:
    async def story(w: World) -> None:
        await w.venue.place(buy(qty="0.5"))
        w.house.fill("n1", "0.2", "99.4")
        await w.until(FillNews)
        w.house.fill("n1", "0.3", "99.5")
        done = await w.until(OrderNews, lambda one: one.order.state is State.FILLED)
        fills = [one.fill for one in w.all(FillNews)]
        assert [(one.qty, one.client_id, one.venue_id) for one in fills] == [
            (D("0.2"), our_id(1), "n1"),
            (D("0.3"), our_id(1), "n1"),
        ]
        assert w.hear.index(done) > w.hear.index(w.all(FillNews)[-1])
        await asyncio.sleep(120)
        assert len(w.all(FillNews)) == 2

    play(story)


def test_a_bell_makes_a_look_come_at_once() -> None:
    async def story(w: World) -> None:
        await w.venue.place(buy())
        await asyncio.sleep(5)
        w.house.fill("n1", "0.5", "99.5")
        w.house.ring()
        await asyncio.sleep(0.5)
        assert len(w.all(FillNews)) == 1

    play(story, has={**HAS, "watchOrders": True})


def test_a_broken_stream_costs_speed_and_not_the_link() -> None:
    async def story(w: World) -> None:
        await w.venue.place(buy())
        w.house.stream_failure = NetworkError("stream is gone")
        w.house.ring()
        await asyncio.sleep(3)
        assert w.venue.trouble.startswith("no private stream (stream is gone)")
        w.house.fill("n1", "0.5", "99.5")
        await w.until(FillNews)
        w.house.stream_failure = None
        await asyncio.sleep(10)
        w.house.ring()
        await asyncio.sleep(5)
        assert w.all(LinkDown) == []
        assert w.venue.trouble == ""

    play(story, has={**HAS, "watchOrders": True})


def test_the_fill_of_an_order_that_nobody_remembers_is_named_by_asking() -> None:
    async def story(w: World) -> None:
        w.house.orders["n1"] = {
            "id": "n1",
            "cid": our_id(1),
            "symbol": SYMBOL,
            "side": "buy",
            "type": "limit",
            "amount": "1",
            "price": "99",
            "filled": "0",
            "status": "open",
            "timestamp": 1,
        }
        w.house.fill("n1", "1", "99")
        w.house.trades.append({**w.house.trades[0], "id": "t2", "order": "stranger"})
        await w.venue.watch([SYMBOL])
        await w.until(FillNews, lambda one: one.fill.exec_id.startswith(f"{SYMBOL}:t2"))
        assert [one.fill.client_id for one in w.all(FillNews)] == [our_id(1), ""]

    play(story)


def test_many_orders_of_strangers_are_learnt_from_one_list() -> None:
    async def story(w: World) -> None:
        for count in range(9):
            row = {"symbol": SYMBOL, "side": "buy", "type": "limit", "amount": "1", "price": "99"}
            row = {**row, "id": f"n{count}", "cid": None, "filled": "0", "timestamp": now_ns() // 1_000_000}
            w.house.orders[f"n{count}"] = row
            w.house.fill(f"n{count}", "1", "99")
        report = await w.venue.report('{"since_ms":1789999990000,"symbols":["BTC/USDT"]}')
        assert isinstance(report, AccountReport)
        assert [one.client_id for one in report.fills] == [""] * 9
        assert len([one for one in w.house.asked if one.endswith("/closed")]) == 1
        assert not any(one.endswith("/order") for one in w.house.asked)

    play(story)


def test_an_order_in_no_list_is_not_looked_for_for_ever() -> None:
    async def story(w: World) -> None:
        await w.venue.place(buy())
        await w.until(OrderNews)
        del w.house.orders["n1"]
        await asyncio.sleep(60)
        asked = [one for one in w.house.asked if one.endswith("/order")]
        await asyncio.sleep(60)
        assert [one for one in w.house.asked if one.endswith("/order")] == asked

    play(story)


# ── questions ───────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_the_whole_truth_and_the_next_begins_where_it_ended() -> None:
    async def story(w: World) -> None:
        await w.venue.place(buy())
        await w.venue.place(buy(2, tif="ioc"))
        report = await w.venue.report("")
        assert isinstance(report, AccountReport)
        assert (report.complete, report.clipped) == (True, False)
        assert [one.client_id for one in report.open_orders] == [our_id(1)]
        assert [(one.client_id, one.qty) for one in report.fills] == [(our_id(2), D("0.5"))]
        assert [one.symbol for one in report.instruments] == [SYMBOL]
        assert '"symbols":["BTC/USDT"]' in report.cursor
        await asyncio.sleep(3_600)
        later = await w.venue.report(report.cursor)
        assert isinstance(later, AccountReport)
        # Ten minutes of overlap, and no more.
        assert len(later.fills) == 1
        assert (await w.venue.report("[]")) == (
            "the place where this desk stopped reading is not one of this venue's: begin with a new home"
        )

    play(story)


def test_a_fresh_desk_knows_its_markets_by_the_cursor() -> None:
    async def story(w: World) -> None:
        cursor = f'{{"since_ms":{now_ns() // 1_000_000 - 60_000},"symbols":["BTC/USDT"]}}'
        await w.venue.place(buy(symbol="ETH/USDT"))
        report = await w.venue.report(cursor)
        assert isinstance(report, AccountReport)
        assert any("/trades" in one for one in w.house.asked)

    play(story, markets_listed=(market(SYMBOL), market("ETH/USDT")))


def test_a_report_with_a_missing_page_concludes_nothing() -> None:
    async def story(w: World) -> None:
        await w.venue.place(buy())
        broken = (502, {"error": "ExchangeNotAvailable", "msg": "no"})
        w.house.mood = lambda method, path: broken if path == "/trades" else None
        report = await w.venue.report("")
        assert isinstance(report, AccountReport)
        assert (report.complete, report.cursor) == (False, "")

    play(story)


def test_a_lookup_that_fails_says_so_and_one_in_vain_finds_nothing() -> None:
    async def story(w: World) -> None:
        vain = await w.venue.lookup(Ask(our_id(3), SYMBOL))
        assert (vain.order, vain.error) == (None, "")
        w.house.mood = lambda method, path: (502, {"error": "ExchangeNotAvailable", "msg": "no"})
        assert "no" in (await w.venue.lookup(Ask(our_id(3), SYMBOL))).error

    play(story)


def test_not_found_proves_nothing_where_it_cannot_be_asked() -> None:
    class Forgetful(Fake):
        async def fetch_order(self, id: str, symbol: str, params: Json | None = None) -> Json:
            return self.parse_order(await self._ask("GET", "order", {"id": id}))

    async def story(w: World) -> None:
        said = await w.venue.lookup(Ask(our_id(3), SYMBOL))
        assert said.error == "fake cannot be asked for an order by our id: look on the exchange's own page"

    play(story, kind=Forgetful, has={**HAS, "fetchCanceledAndClosedOrders": False})


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_of_fills_are_read_to_the_last_whatever_their_order(newest_first: bool) -> None:
    async def story(w: World) -> None:
        w.house.page, w.house.newest_first = 7, newest_first
        for count in range(60):
            await w.venue.place(buy(count + 1, tif="ioc"))
            await asyncio.sleep(0.05)
        report = await w.venue.report("")
        assert isinstance(report, AccountReport)
        assert report.complete
        assert len(report.fills) == 60

    play(story, features={"fetchMyTrades": {"limit": 7, "untilDays": 1}})


def test_where_a_stretch_has_no_end_a_full_page_is_clipped() -> None:
    async def story(w: World) -> None:
        w.house.page, w.house.newest_first = 7, True
        for count in range(20):
            await w.venue.place(buy(count + 1, tif="ioc"))
        report = await w.venue.report("")
        assert isinstance(report, AccountReport)
        assert report.clipped
        w.house.newest_first = False
        told = await w.venue.report("")
        assert isinstance(told, AccountReport)
        assert len(told.fills) == 20

    play(story, features={"fetchMyTrades": {"limit": 7}})


def test_any_name_of_ccxts_is_a_venue() -> None:
    entry = registry.find("ccxt-kraken")
    assert isinstance(entry, registry.Entry)
    assert entry.make() is CcxtVenue
    assert registry.rules_of(entry) is CCXT_RULES
    account = AccountSettings(venue="ccxt-kraken", url="http://127.0.0.1:1")
    setup = setup_of("long-tail/main", account, Secrets(Path("none"), {}))
    made = make_venue("long-tail/main", account, setup, Net(), now_ns)
    assert isinstance(made, CcxtVenue)
    assert made.exchange == "kraken"
