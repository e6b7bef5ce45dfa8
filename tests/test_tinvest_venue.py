"""T-Invest's adapter against the local testnet: link, orders, stop orders, doubt, streams, reports."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from tinvest_world import HOST, SECOND_NS, START_NS, World, now_ns, run, touch

from kedge.model.events import CashNews
from kedge.model.order import State
from kedge.model.venue import Answer, Ask
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.venues.calls import CallSaid
from kedge.venues.tinvest.admission import READ_ONLY
from kedge.venues.tinvest.rules import LIVE, POST, SANDBOX, TINVEST_RULES

FUTURE, BOND = "SRZ6", "SU26238RMFS4"
MINUTE_NS = 60 * SECOND_NS


# ── the link ────────────────────────────────────────────────────────────────────────────────────


def test_the_account_is_linked_and_everything_is_listed() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            assert w.venue.trouble == ""
            sber, future, bond = w.instrument("SBER"), w.instrument(FUTURE), w.instrument(BOND)
            assert (sber.kind, sber.sector, sber.settle, sber.tick) == (
                "spot",
                "share",
                "RUB",
                Decimal("0.01"),
            )
            assert (future.kind, future.sector, future.lot) == ("points", "future", 1)
            assert (future.asset, future.asset_size) == ("SBER", 100)
            assert future.buy_margin > 0 < future.sell_margin
            assert future.expires_ns > now_ns()
            assert (bond.kind, bond.nominal) == ("bond", 1000)
            assert sber.is_open(now_ns())
            assert {one.sector for one in await listed(w)} == {"share", "etf", "bond", "currency", "future"}
            assert w.venue.condition.requests_max > 0

    run(main())


async def listed(w: World) -> tuple[object, ...]:
    found = await w.venue.instruments()
    assert not isinstance(found, str)
    return found


def test_what_is_no_longer_listed_is_kept_as_not_listed() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.fault("listed", symbol="TQBR:GAZP", value="off")
            assert "GAZP" not in {one.symbol for one in await listed(w)}
            assert w.instrument("GAZP").listed is False
            _, answered = await w.place("GAZP")
            assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
            assert "no longer lists GAZP" in answered.reason

    run(main())


def test_a_wrong_token_is_said_with_its_mend_and_tried_a_few_times_only() -> None:
    async def main() -> None:
        async with World(key="wrong") as w:
            w.tick_s = 60
            await w.until(lambda: w.downs() and w.downs()[-1].stopped, within_s=3_000)
            assert "make another (40003)" in w.downs()[-1].why
            asked = len(w.calls.asked)
            await asyncio.sleep(3_600)
            assert len(w.calls.asked) == asked
            w.venue.retry()
            await w.until(lambda: len(w.calls.asked) > asked)

    run(main())


def test_an_account_that_is_not_there_is_named() -> None:
    async def main() -> None:
        async with World(number="404") as w:
            await w.until(w.downs)
            assert "does not open account 404" in w.downs()[-1].why

    run(main())


def test_a_read_only_token_watches_and_refuses_every_deed_in_one_sentence() -> None:
    async def main() -> None:
        async with World(key="looker") as w:
            w.key("looker", trades=False)
            await w.linked()
            assert READ_ONLY in w.venue.trouble
            _, ask = await touch(w)
            order, answered = await w.place(price=ask)
            assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
            assert answered.reason == f"not sent: {READ_ONLY}"
            cancelled = await w.venue.cancel(order.client_id, "SBER", 0)
            assert cancelled.reason == f"not sent: {READ_ONLY}"
            assert await w.venue.cancel_all(None) == READ_ONLY
            assert w.calls.count("PostOrder") == 0
            assert not isinstance(await w.venue.report(""), str)

    run(main())


@pytest.mark.parametrize(
    ("setup", "host"), [({"url": ""}, SANDBOX), ({"url": "", "live": True}, LIVE), ({}, HOST)]
)
def test_real_money_only_when_it_is_said(setup: dict[str, object], host: str) -> None:
    async def main() -> None:
        world = World(**setup)  # type: ignore[arg-type]
        assert world.venue._ties.host == host
        assert ("SandboxService/PostSandboxOrder" in world.venue._asks.path(POST)) is (host == SANDBOX)
        assert "paper" not in repr(world.venue._ties)

    run(main())


# ── plain orders ────────────────────────────────────────────────────────────────────────────────


def test_an_order_rests_and_is_cancelled() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            bid, _ = await touch(w)
            order, answered = await w.place(price=bid)
            assert answered.answer is Answer.DONE
            assert answered.order is not None
            assert (answered.order.state, answered.order.qty) == (State.OPEN, 10)
            report = await w.venue.report("")
            assert not isinstance(report, str)
            assert [one.client_id for one in report.open_orders] == [order.client_id]
            assert (await w.venue.cancel(order.client_id, "SBER", 0)).answer is Answer.ACCEPTED
            await w.until(lambda: w.ended(order) is State.CANCELLED)
            again = await w.venue.cancel(order.client_id, "SBER", 0)
            assert (again.answer, again.unsent) == (Answer.REJECTED, False)

    run(main())


@pytest.mark.parametrize(("symbol", "qty"), [("SBER", 10), (FUTURE, 3), (BOND, 5)])
def test_trades_are_told_once_with_their_costs(symbol: str, qty: int) -> None:
    """A share in money, a future and a bond in points; the commission once the order has ended."""

    async def main() -> None:
        async with World() as w:
            await w.linked()
            _, ask = await touch(w, symbol)
            order, answered = await w.place(symbol, price=ask, qty=Decimal(qty))
            assert answered.answer is Answer.DONE
            await w.until(lambda: sum(fill.qty for fill in w.fills(order.client_id)) == qty)
            assert {fill.price for fill in w.fills()} == {ask}
            await w.until(lambda: w.all(CashNews), within_s=130)
            costs = {news.cash.cash_id.partition(":")[0]: news.cash for news in w.all(CashNews)}
            assert costs["fee"].amount < 0
            assert ("aci" in costs) is (symbol == BOND)
            assert "aci" not in costs or costs["aci"].amount < 0
            report = await w.venue.report("")
            assert not isinstance(report, str)
            told = {fill.exec_id: (fill.price, fill.qty) for fill in w.fills()}
            assert {fill.exec_id: (fill.price, fill.qty) for fill in report.fills} == told
            assert {p.symbol: p.qty for p in report.positions if p.qty} == {symbol: qty}
            assert len(told) == len(w.fills())
            assert len(w.all(CashNews)) == len(costs)

    run(main())


def test_lots_are_the_venues_and_units_are_ours() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            lotted = next(i for i in await listed(w) if i.lot > 1 and i.sector == "share")  # type: ignore[attr-defined]
            symbol, lot = lotted.symbol, lotted.lot  # type: ignore[attr-defined]
            _, ask = await touch(w, symbol)
            _, answered = await w.place(symbol, price=ask, qty=lot + 1)
            assert "is no whole number of lots" in answered.reason
            order, answered = await w.place(symbol, price=ask, qty=2 * lot)
            await w.until(lambda: w.fills(order.client_id))
            assert w.fills(order.client_id)[0].qty == 2 * lot
            assert w.venue._asks  # the request itself counted in lots
            asked = pb.PostOrderRequest.FromString(
                next(b for name, b in w.calls.asked if name == "PostOrder")
            )
            assert asked.quantity == 2

    run(main())


def test_orders_that_end_at_once() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            bid, ask = await touch(w)
            order, answered = await w.place(price=bid - 1, tif="ioc")
            await w.until(
                lambda: w.orders(order.client_id) and w.orders(order.client_id)[-1].state != State.OPEN
            )
            assert w.orders(order.client_id)[-1].state in (State.EXPIRED, State.CANCELLED)
            assert answered.answer is Answer.DONE
            order, answered = await w.place(price=ask, kind="market")
            assert answered.answer is Answer.DONE
            await w.until(lambda: w.fills(order.client_id))

    run(main())


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"tif": "post_only"}, "no post-only orders"),
        ({"reduce_only": True}, "no reduce-only orders"),
        ({"symbol": "NOSUCH"}, "lists no 'NOSUCH'"),
        (
            {"kind": "stop", "trigger_price": Decimal(90), "trigger_by": "mark"},
            "triggers by the last price alone",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_sent(members: dict[str, object], why: str) -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            _, answered = await w.place(**members)  # type: ignore[arg-type]
            assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)
            assert why in answered.reason
            assert w.calls.count("PostOrder") == 0

    run(main())


def test_refusals_by_the_venue_are_said_with_their_mend() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            bid, _ = await touch(w)
            _, answered = await w.place(price=bid + Decimal("0.001"))
            assert (answered.answer, answered.unsent) == (Answer.REJECTED, False)
            assert "(30078)" in answered.reason
            _, answered = await w.place(price=bid, valid_until_ns=now_ns() - 1)
            assert answered.reason == "not sent: its last moment has passed"
            amended = await w.venue.amend("0" * 32, "SBER", bid, Decimal(1), 0)
            assert (amended.answer, amended.unsent) == (Answer.REJECTED, True)

    run(main())


def test_outside_its_hours_the_venue_refuses_and_the_calendar_knows() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            bid, _ = await touch(w, FUTURE)
            w.tick_s = 4  # the pings must come
            await asyncio.sleep((14 * 60 + 1 - 12 * 60) * 60 - (now_ns() - START_NS) / SECOND_NS)
            assert not w.instrument(FUTURE).is_open(now_ns())  # clearing, 14:00 to 14:05
            assert w.instrument("SBER").is_open(now_ns())
            _, answered = await w.place(FUTURE, price=bid, qty=Decimal(1))
            assert answered.answer is Answer.REJECTED
            assert answered.reason.startswith("the instrument does not trade now")

    run(main())


# ── stop orders ─────────────────────────────────────────────────────────────────────────────────


async def a_take(w: World, **members: object):  # type: ignore[no-untyped-def]
    bid, _ = await touch(w)
    trigger = (bid * Decimal("0.9")).quantize(Decimal("0.01"))
    given = {"kind": "take_limit", "price": trigger, "trigger_price": trigger, **members}
    return await w.place(**given)  # type: ignore[arg-type]


def test_a_stop_order_waits_and_is_cancelled_by_its_number() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            expires_ns = now_ns() + 7_200 * SECOND_NS
            order, answered = await a_take(w, expires_ns=expires_ns)
            assert answered.answer is Answer.ACCEPTED
            assert answered.order is not None
            assert answered.order.venue_id.startswith("stop:")
            report = await w.venue.report("")
            assert not isinstance(report, str)
            (mine,) = report.open_orders
            assert (mine.client_id, mine.kind, mine.trigger_price) == (
                order.client_id,
                "take_limit",
                order.trigger_price,
            )
            assert abs(mine.expires_ns - expires_ns) < SECOND_NS
            cancelled = await w.venue.cancel(order.client_id, "SBER", 0, answered.order.venue_id)
            assert cancelled.answer is Answer.ACCEPTED
            assert cancelled.order is not None
            assert cancelled.order.state is State.CANCELLED

    run(main())


@pytest.mark.parametrize("symbol", ["SBER", FUTURE, BOND])
@pytest.mark.parametrize("kind", ["take", "take_limit", "stop", "stop_limit"])
def test_a_lost_answer_to_a_stop_order_is_found_by_its_fields(kind: str, symbol: str) -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            bid, _ = await touch(w, symbol)
            tick = w.instrument(symbol).tick
            factor = Decimal("0.95") if kind.startswith("take") else Decimal("1.05")
            trigger = (bid * factor) // tick * tick
            price = trigger if kind.endswith("limit") else Decimal(0)
            w.calls.fates.append(("PostStopOrder", "lost reply"))
            order, answered = await w.place(symbol, kind=kind, price=price, trigger_price=trigger)
            assert (answered.answer, answered.unsent) == (Answer.UNKNOWN, False)
            found = await w.venue.lookup(w.ask(order))
            assert found.order is not None, found
            assert (found.order.client_id, found.order.state) == (order.client_id, State.OPEN)
            assert (found.order.trigger_price, found.order.kind) == (trigger, kind)
            # Another one with the same fields is not taken for it.
            twin = w.order(symbol, kind=kind, price=price, trigger_price=trigger)
            assert (await w.venue.lookup(w.ask(twin))).order is None

    run(main())


def test_a_triggered_stop_order_trades_under_its_own_number() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            order, answered = await a_take(w)
            assert answered.order is not None
            w.move("SBER", str(order.trigger_price - 1))
            await w.until(lambda: w.fills(order.client_id), within_s=130)
            fill = w.fills(order.client_id)[0]
            assert fill.venue_id == answered.order.venue_id
            await w.until(lambda: w.ended(order) is State.FILLED)
            found = await w.venue.lookup(w.ask(order, venue_id=answered.order.venue_id))
            assert found.order is not None
            assert (found.order.state, found.order.cum_qty) == (State.FILLED, order.qty)

    run(main())


def test_a_plain_order_is_not_held_up_by_a_stop_order_that_looks_like_it() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            await a_take(w)
            _, ask = await touch(w)
            asked = w.calls.count("GetStopOrders")
            order, _ = await w.place(price=ask)
            await w.until(lambda: w.fills(order.client_id), within_s=1)
            assert w.calls.count("GetStopOrders") == asked

    run(main())


def test_after_a_restart_a_stop_order_is_known_by_its_number() -> None:
    """The adapter remembers nothing: the engine says what the journal knows."""

    async def main() -> None:
        async with World() as w:
            await w.linked()
            order, answered = await a_take(w)
            assert answered.order is not None
            w.venue._ties.owners.clear()
            report = await w.venue.report("")
            assert not isinstance(report, str)
            assert [(o.client_id, o.venue_id) for o in report.open_orders] == [("", answered.order.venue_id)]
            cancelled = await w.venue.cancel(order.client_id, "SBER", 0, answered.order.venue_id)
            assert cancelled.answer is Answer.ACCEPTED
            found = await w.venue.lookup(Ask(order.client_id, "SBER", venue_id=answered.order.venue_id))
            assert found.order is not None
            assert found.order.state is State.CANCELLED

    run(main())


def test_a_stop_order_that_runs_out_or_is_taken_away_is_told_within_a_minute() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            order, _ = await a_take(w, expires_ns=now_ns() + 200 * SECOND_NS)
            other, answered = await a_take(w)
            assert answered.order is not None
            request = stops.CancelStopOrderRequest(
                account_id=w.venue._ties.number, stop_order_id=answered.order.venue_id.removeprefix("stop:")
            )
            path = "/tinkoff.public.invest.api.contract.v1.StopOrdersService/CancelStopOrder"
            w.hosted.http(w.calls._request(path, request.SerializeToString(), w.venue._ties.metadata))
            await w.until(lambda: w.orders(other.client_id), within_s=70)
            assert w.orders(other.client_id)[-1].state is State.CANCELLED
            w.tick_s = 4
            await w.until(lambda: w.orders(order.client_id), within_s=300)
            assert w.orders(order.client_id)[-1].state is State.EXPIRED

    run(main())


# ── doubt ───────────────────────────────────────────────────────────────────────────────────────


def test_a_lost_answer_is_unknown_and_the_key_finds_the_order() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            _, ask = await touch(w)
            w.hush("Order")
            w.calls.fates.append(("PostOrder", "lost reply"))
            order, answered = await w.place(price=ask)
            assert (answered.answer, answered.unsent) == (Answer.UNKNOWN, False)
            found = await w.venue.lookup(w.ask(order))
            assert found.order is not None
            assert (found.order.state, found.order.cum_qty) == (State.FILLED, 10)
            # A lookup brings the trades too: it may be all that is left to tell of them.
            assert sum(fill.qty for fill in w.fills(order.client_id)) == 10

    run(main())


@pytest.mark.parametrize("duplicates", ["state", "error"])
@pytest.mark.parametrize("kind", ["limit", "market", "take_limit"])
def test_a_key_is_burnt_and_the_first_request_can_never_come(kind: str, duplicates: str) -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.fault("duplicates", value=duplicates)
            _, ask = await touch(w)
            members = {"trigger_price": ask - 30} if kind == "take_limit" else {}
            name = "PostStopOrder" if kind == "take_limit" else "PostOrder"
            w.calls.fates.append((name, "lost request"))
            price = ask - 30 if kind == "take_limit" else ask
            order, answered = await w.place(price=price, kind=kind, **members)
            assert answered.answer is Answer.UNKNOWN
            body = next(body for method, body in w.calls.asked if method == name)
            found = await w.venue.lookup(w.ask(order))
            assert (found.order, found.burnt, found.error) == (None, False, "")
            burnt = await w.venue.lookup(w.ask(order, burn=True))
            assert (burnt.order, burnt.burnt, burnt.error) == (None, True, "")
            # The first request arrives after all: the venue has had its key.
            service = "StopOrdersService" if kind == "take_limit" else "OrdersService"
            path = f"/tinkoff.public.invest.api.contract.v1.{service}/{name}"
            w.hosted.http(w.calls._request(path, body, w.venue._ties.metadata))
            await asyncio.sleep(5)
            assert w.fills(order.client_id) == []
            report = await w.venue.report("")
            assert not isinstance(report, str)
            assert report.fills == ()
            assert report.open_orders == ()
            # Whoever asks again is told the same, burning or not.
            for burn in (False, True):
                again = await w.venue.lookup(w.ask(order, burn=burn))
                assert (again.order, again.burnt or kind == "take_limit") == (None, True)

    run(main())


@pytest.mark.parametrize("duplicates", ["state", "error"])
@pytest.mark.parametrize("kind", ["limit", "take_limit"])
def test_burning_a_key_that_was_used_finds_the_order(kind: str, duplicates: str) -> None:
    """The order is there and lookups lag: what burns must not be believed without the venue's word."""

    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.fault("duplicates", value=duplicates)
            bid, _ = await touch(w)
            members = {"trigger_price": bid - 30} if kind == "take_limit" else {}
            w.hush("Order")
            w.fault("lookup_lag", delay_ns=20 * SECOND_NS, count=0)
            w.calls.fates.append(("Post", "lost reply"))
            price = bid - 30 if kind == "take_limit" else bid
            order, answered = await w.place(price=price, kind=kind, **members)
            assert answered.answer is Answer.UNKNOWN
            found = await w.venue.lookup(w.ask(order))
            assert (found.order, found.burnt) == (None, False)
            burnt = await w.venue.lookup(w.ask(order, burn=True))
            assert not burnt.burnt
            assert burnt.order is not None or burnt.error
            await asyncio.sleep(30)
            found = await w.venue.lookup(w.ask(order, burn=True))
            assert found.order is not None, found
            assert (found.order.state, found.order.qty) == (State.OPEN, order.qty)

    run(main())


def test_a_lost_answer_to_the_burning_is_burnt_when_it_is_found() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            _, ask = await touch(w)
            w.calls.fates.append(("PostOrder", "lost request"))
            order, _ = await w.place(price=ask)
            w.calls.fates.append(("PostOrder", "lost reply"))
            burnt = await w.venue.lookup(w.ask(order, burn=True))
            assert (burnt.burnt, burnt.order) == (False, None)
            assert "could not be used up" in burnt.error
            found = await w.venue.lookup(w.ask(order))
            assert (found.burnt, found.order, found.error) == (True, None, "")

    run(main())


def test_what_never_left_is_refused_with_certainty() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.calls.fates.append(("PostOrder", "refused"))
            _, answered = await w.place()
            assert (answered.answer, answered.unsent) == (Answer.REJECTED, True)

    run(main())


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (CallSaid("INTERNAL", words="70001"), Answer.UNKNOWN),
        (CallSaid("UNAVAILABLE", words="try later", metadata={"x-tracking-id": "1"}), Answer.UNKNOWN),
        (CallSaid("INVALID_ARGUMENT", words="30057"), Answer.UNKNOWN),
        (CallSaid("INVALID_ARGUMENT", words="39999"), Answer.UNKNOWN),
        (CallSaid("INVALID_ARGUMENT", words="30034"), Answer.REJECTED),
        (CallSaid("FAILED_PRECONDITION", words="90003"), Answer.REJECTED),
        (CallSaid("OK", body=b"\xff\xff"), Answer.UNKNOWN),
    ],
)
def test_each_class_of_answer(said: CallSaid, answer: Answer) -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.calls.fates.append(("PostOrder", said))
            _, answered = await w.place()
            assert (answered.answer, answered.unsent) == (answer, False)
            assert answered.reason

    run(main())


def test_a_used_up_limit_says_how_long_to_wait() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            bid, _ = await touch(w)
            limit = CallSaid(
                "RESOURCE_EXHAUSTED",
                words="80002",
                metadata={"message": "Request limit exceeded", "x-ratelimit-reset": "17"},
            )
            w.calls.fates.append(("PostStopOrder", limit))
            _, answered = await w.place(kind="take_limit", price=bid - 30, trigger_price=bid - 30)
            assert (answered.answer, answered.retry_ns) == (Answer.REJECTED, 17 * SECOND_NS)
            _, again = await w.place(kind="take_limit", price=bid - 30, trigger_price=bid - 30)
            assert again.unsent
            assert 16 * SECOND_NS < again.retry_ns <= 17 * SECOND_NS
            _, plain = await w.place(price=bid)  # another limit
            assert plain.answer is Answer.DONE

    run(main())


# ── everything ──────────────────────────────────────────────────────────────────────────────────


def test_cancel_everything_waits_for_the_limits_and_names_what_failed() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            bid, _ = await touch(w)
            for n in range(3):
                await w.place(price=bid - n)
            for n in range(45):
                await w.place(kind="take_limit", price=bid - 30 - n, trigger_price=bid - 30 - n)
            assert await w.venue.cancel_all(None) == ""
            report = await w.venue.report("")
            assert not isinstance(report, str)
            assert report.open_orders == ()
            await w.place(price=bid)
            w.calls.fates.append(("CancelOrder", CallSaid("INTERNAL", words="70001")))
            assert "(70001)" in await w.venue.cancel_all("SBER")

    run(main())


def test_a_report_that_lacks_a_part_concludes_nothing() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.fault("limits_loading")
            report = await w.venue.report("")
            assert not isinstance(report, str)
            assert not report.complete
            w.calls.fates.append(("GetPositions", CallSaid("INTERNAL", words="70001")))
            report = await w.venue.report(str(now_ns() // 10**6))
            assert not isinstance(report, str)
            assert not report.complete
            assert "not one of T-Invest's" in str(await w.venue.report("abc"))

    run(main())


def test_a_desk_that_was_away_overnight_is_told_that_its_report_is_clipped() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            yesterday_ms = (now_ns() - 3 * 86_400 * SECOND_NS) // 10**6
            report = await w.venue.report(str(yesterday_ms))
            assert not isinstance(report, str)
            assert report.clipped
            report = await w.venue.report(report.cursor)
            assert not isinstance(report, str)
            assert not report.clipped

    run(main())


def test_quotes_of_hundreds_within_the_limits() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            symbols = [one.symbol for one in await listed(w)]  # type: ignore[attr-defined]
            whole = await w.venue.quotes()
            assert not isinstance(whole, str)
            assert [quote.symbol for quote in whole] == symbols
            assert w.calls.count("GetLastPrices") == 1
            assert all(quote.last > 0 for quote in whole)
            booked = [quote for quote in whole if quote.bid]
            assert 100 < len(booked) <= 350  # as many as the limit leaves free
            assert all(0 < quote.bid < quote.ask for quote in booked)
            await asyncio.sleep(61)
            whole = await w.venue.quotes()
            assert not isinstance(whole, str)
            assert len([quote for quote in whole if quote.bid]) > len(booked)
            few = await w.venue.quotes(["SBER", "NOSUCH"])
            assert not isinstance(few, str)
            assert [quote.symbol for quote in few] == ["SBER"]
            assert w.venue.condition.requests_used < 600

    run(main())


def test_the_rules_are_what_the_adapter_does() -> None:
    rules = TINVEST_RULES
    assert (rules.bounded, rules.burns, rules.amend) == (False, True, "none")
    assert (rules.ends, rules.day_orders, rules.takes) == ("stops", True, True)
    assert 0 < rules.stops_per_min < 50
