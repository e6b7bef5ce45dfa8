"""Parts of T-Invest's adapter by themselves: accounts, shares of streams, refused streams, odd trades,
requests.
"""

from __future__ import annotations

import asyncio
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs
from tinvest_world import SECOND_NS, World, now_ns, run, said_of

from kedge import settings
from kedge.home import Home
from kedge.model.events import BookLost
from kedge.model.instrument import Instrument
from kedge.model.order import State
from kedge.model.venue import Feed, OrderReport, PlaceOrder
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import sandbox_pb2 as sandbox
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.protos.tinvest import users_pb2 as users
from kedge.runtime import accounts
from kedge.sim.testnet.web import Reply
from kedge.venues.calls import CallSaid
from kedge.venues.silence import Refused
from kedge.venues.tinvest import orders
from kedge.venues.tinvest.admission import choose
from kedge.venues.tinvest.client import TInvestVenue, shares
from kedge.venues.tinvest.rules import SUBSCRIPTIONS_MOST
from kedge.venues.tinvest.wire import number, stamp
from kedge.venues.venue import Setup
from kedge.venues.wires import NoReply

D = Decimal
SHARE = Instrument("SBER", "spot", "SBER", "RUB", "RUB", D("0.01"), D(10), D(10), lot=D(10))
BOND = Instrument("SU26238RMFS4", "bond", "X", "RUB", "RUB", D("0.001"), D(1), D(1), nominal=D(1000))


# ── accounts ────────────────────────────────────────────────────────────────────────────────────


def an_account(number: str, **members: object) -> users.Account:
    given: dict[str, object] = {
        "type": users.ACCOUNT_TYPE_TINKOFF,
        "status": users.ACCOUNT_STATUS_OPEN,
        "access_level": users.ACCOUNT_ACCESS_LEVEL_FULL_ACCESS,
        "name": f"of {number}",
    }
    return users.Account(id=number, **{**given, **members})  # type: ignore[arg-type]


def test_the_only_account_is_taken_and_several_are_named() -> None:
    one, two = an_account("1"), an_account("2")
    box = an_account("3", type=users.ACCOUNT_TYPE_INVEST_BOX)
    shut = an_account("4", status=users.ACCOUNT_STATUS_CLOSED)
    hidden = an_account("5", access_level=users.ACCOUNT_ACCESS_LEVEL_NO_ACCESS)
    assert choose([one, box, shut, hidden], "") == one
    assert choose([one, two], "2") == two
    for seen, number_, why in (
        ([one, two], "", "name one by `number`: it opens 1 (of 1), 2 (of 2)"),
        ([one], "9", "does not open account 9: it opens 1 (of 1)"),
        ([hidden], "5", "does not open account 5: it opens none"),
        ([shut], "4", "account 4 is closed"),
        ([box], "", "opens no brokerage account"),
    ):
        refused = choose(seen, number_)
        assert isinstance(refused, Refused)
        assert why in refused.why


def test_a_sandbox_without_an_account_is_given_one() -> None:
    """The sandbox by its own host and services: only how they are called is looked at here."""
    called: list[str] = []

    class Sandbox:
        async def unary(self, host: str, ask: object, timeout_s: float) -> CallSaid | NoReply:
            name = ask.method.rpartition(".")[2]  # type: ignore[attr-defined]
            called.append(name)
            if name == "SandboxService/OpenSandboxAccount":
                return CallSaid("OK", sandbox.OpenSandboxAccountResponse(account_id="S1").SerializeToString())
            if name.startswith("SandboxService/"):
                return CallSaid("OK")
            return NoReply("enough")

    async def main() -> None:
        venue = TInvestVenue(Setup("tinvest/main", key="t"), Sandbox(), lambda: 10**18)  # type: ignore[arg-type]
        await venue.admit()
        assert venue._ties.number == "S1"
        assert called[:3] == [
            "SandboxService/GetSandboxAccounts",
            "SandboxService/OpenSandboxAccount",
            "SandboxService/SandboxPayIn",
        ]

    run(main())


def test_no_token_is_said() -> None:
    async def main() -> None:
        venue = TInvestVenue(Setup("tinvest/main"), None, lambda: 10**18)  # type: ignore[arg-type]
        refused = await venue.admit()
        assert isinstance(refused, Refused)
        assert "name the secret that holds it by `key`" in refused.why

    run(main())


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def test_what_is_watched_is_divided_among_streams() -> None:
    symbols = [f"S{n}" for n in range(SUBSCRIPTIONS_MOST + 10)]
    feeds = [Feed("S1", "trades"), Feed("S1", "bars", 60 * SECOND_NS)]
    first, second = shares(symbols, feeds)
    assert len(first[0]) == SUBSCRIPTIONS_MOST
    assert (len(second[0]), second[1]) == (10, tuple(feeds))
    assert shares([], []) == []
    assert len(shares([f"S{n}" for n in range(5_000)], [])) == 8


def test_too_many_streams_are_tried_again_after_a_while_only() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.cut("OrderState")
            began_ns = now_ns()
            crowd = CallSaid("RESOURCE_EXHAUSTED", words="80001")
            w.calls.ends.append(("OrderStateStream", crowd))
            await w.link_again()
            assert "too many streams are open" in "".join(down.why for down in w.downs())
            assert now_ns() - began_ns >= 30 * SECOND_NS

    run(main())


def test_a_market_that_the_venue_does_not_stream_is_lost_and_the_others_go_on() -> None:
    async def main() -> None:
        async with World() as w:
            await w.linked()
            await w.venue.watch(["SBER", "GAZP"])
            await w.until(lambda: w.books("SBER") and w.books("GAZP"))
            said = md.MarketDataResponse(
                subscribe_order_book_response=md.SubscribeOrderBookResponse(
                    order_book_subscriptions=[
                        md.OrderBookSubscription(
                            instrument_uid=w.venue._ties.listing.uid_of("GAZP"),
                            subscription_status=md.SUBSCRIPTION_STATUS_LIMIT_IS_EXCEEDED,
                        )
                    ]
                )
            )
            w.venue._markets[0].heard(said.SerializeToString())
            lost = w.all(BookLost)[-1]
            assert lost.market == "tinvest/main:GAZP"
            assert lost.why == "the venue does not stream book of GAZP: limit is exceeded"
            assert "limit is exceeded" in w.venue.trouble
            told = len(w.books("SBER"))
            await w.until(lambda: len(w.books("SBER")) > told)
            await w.venue.watch(["SBER", "NOSUCH"])
            assert w.all(BookLost)[-1].why == "T-Invest lists no 'NOSUCH'"

    run(main())


def test_a_message_that_cannot_be_read_ends_the_stream() -> None:
    """It may have been a trade."""

    async def main() -> None:
        async with World() as w:
            await w.linked()
            w.venue._news.heard(b"\xff\xff\xff")
            await w.until(w.downs)
            assert "cannot be read" in w.downs()[-1].why
            await w.link_again()

    run(main())


# ── trades that do not add up ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("quantity", [0, 1, 9, 100])
def test_trades_of_the_stream_that_do_not_add_up_are_asked_for(quantity: int) -> None:
    """None named, counted in something else, some left out, too many: the order's stages tell."""

    async def main() -> None:
        async with World() as w:
            await w.linked()
            await w.venue.watch(["SBER"])
            await w.until(lambda: w.books("SBER"))
            ask = w.books("SBER")[-1].asks[0].price
            kept: list[pb.OrderStateStreamResponse.OrderState] = []
            w.venue.order_heard = kept.append  # type: ignore[method-assign]
            order, _ = await w.place(price=ask)
            await w.until(lambda: any(row.lots_executed for row in kept))
            row = next(row for row in kept if row.lots_executed)
            assert [trade.quantity for trade in row.trades] == [10]
            if quantity:
                row.trades[0].quantity = quantity
            else:
                del row.trades[:]
            w.venue._hearing.heard(row)
            await w.until(lambda: w.fills(order.client_id), within_s=5)
            assert [(fill.qty, fill.price) for fill in w.fills(order.client_id)] == [(10, ask)]
            assert w.ended(order) is State.FILLED

    run(main())


# ── requests ────────────────────────────────────────────────────────────────────────────────────


def an_order(**members: object) -> PlaceOrder:
    given: dict[str, object] = {
        "client_id": "0000002a000001000000070000000001",
        "symbol": "SBER",
        "side": "buy",
        "qty": D(30),
        "price": D("302.5"),
    }
    return PlaceOrder(**{**given, **members})  # type: ignore[arg-type]


def test_an_order_in_the_venues_words() -> None:
    made = orders.post(an_order(tif="ioc"), SHARE, "u", "2000")
    assert (made.quantity, made.direction, made.order_type) == (
        3,
        pb.ORDER_DIRECTION_BUY,
        pb.ORDER_TYPE_LIMIT,
    )
    assert (made.order_id, made.account_id, made.instrument_id) == (
        "0000002a-0000-0100-0000-070000000001",
        "2000",
        "u",
    )
    assert (number(made.price), made.time_in_force) == (D("302.5"), pb.TIME_IN_FORCE_FILL_AND_KILL)
    market = orders.post(an_order(kind="market", price=D(0)), SHARE, "u", "2000")
    assert not market.HasField("price")
    bond = orders.post(an_order(qty=D(2)), BOND, "u", "2000")
    assert (bond.price_type, bond.quantity) == (1, 2)  # points


@pytest.mark.parametrize(
    ("kind", "stop", "exchange", "priced"),
    [
        ("stop", stops.STOP_ORDER_TYPE_STOP_LOSS, stops.EXCHANGE_ORDER_TYPE_MARKET, False),
        ("stop_limit", stops.STOP_ORDER_TYPE_STOP_LIMIT, stops.EXCHANGE_ORDER_TYPE_LIMIT, True),
        ("take", stops.STOP_ORDER_TYPE_TAKE_PROFIT, stops.EXCHANGE_ORDER_TYPE_MARKET, False),
        ("take_limit", stops.STOP_ORDER_TYPE_TAKE_PROFIT, stops.EXCHANGE_ORDER_TYPE_LIMIT, True),
    ],
)
def test_stop_orders_in_the_venues_words(kind: str, stop: int, exchange: int, priced: bool) -> None:
    order = an_order(kind=kind, trigger_price=D(290), expires_ns=7 * SECOND_NS)
    made = orders.post_stop(order, SHARE, "u", "2000")
    assert (made.stop_order_type, made.exchange_order_type) == (stop, exchange)
    assert (number(made.stop_price), made.HasField("price")) == (290, priced)
    assert made.expiration_type == stops.STOP_ORDER_EXPIRATION_TYPE_GOOD_TILL_DATE
    assert made.expire_date == stamp(7 * SECOND_NS)


@pytest.mark.parametrize("lots", [1, 2, 3])
def test_what_burns_a_key_cannot_live_and_is_told_from_the_order(lots: int) -> None:
    placed = an_order(side="sell", qty=D(10 * lots), kind="market")
    made = orders.burn(placed, SHARE, "u", "2000", D("242.01"))
    assert made.order_id == orders.post(placed, SHARE, "u", "2000").order_id
    assert (made.direction, made.order_type) == (pb.ORDER_DIRECTION_BUY, pb.ORDER_TYPE_LIMIT)
    assert (made.time_in_force, number(made.price)) == (pb.TIME_IN_FORCE_FILL_AND_KILL, D("242.01"))
    assert made.quantity != lots

    def found(qty: int, **members: object) -> OrderReport:
        given: dict[str, object] = {
            "side": "buy",
            "price": D("242.01"),
            "cum_qty": D(0),
            "state": State.CANCELLED,
        }
        return OrderReport("c", "v", "SBER", qty=D(qty), venue_ns=1, **{**given, **members})  # type: ignore[arg-type]

    assert orders.is_burn(found(10 * made.quantity), placed, SHARE)
    assert not orders.is_burn(found(10 * lots), placed, SHARE)
    # One that traded all the same is an order, and is told as one.
    assert not orders.is_burn(found(10 * made.quantity, cum_qty=D(10)), placed, SHARE)
    assert not orders.is_burn(found(10 * made.quantity, side="sell"), placed, SHARE)


def test_the_world_reads_the_testnets_refusals() -> None:
    reply = Reply(200, b"", {"grpc-status": "5", "grpc-message": "50005", "message": "Order not found"})
    said = said_of(reply)
    assert (said.status, said.words, said.metadata["message"]) == ("NOT_FOUND", "50005", "Order not found")


def test_nothing_leaves_after_its_last_moment_even_where_the_connection_is_slow() -> None:
    """The venue knows no last moment, so the patience of a deed ends with ours."""

    async def main() -> None:
        async with World() as w:
            await w.linked()
            patience: list[float] = []
            inner = w.calls.unary

            async def unary(host: str, ask: object, timeout_s: float) -> CallSaid | NoReply:
                patience.append(timeout_s)
                return await inner(host, ask, timeout_s)  # type: ignore[arg-type]

            w.calls.unary = unary  # type: ignore[method-assign]
            await w.place(valid_until_ns=now_ns() + SECOND_NS)
            assert patience == [1.0]
            await asyncio.sleep(0)

    run(main())


# ── settings ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('key = "MY_TOKEN"\nsecret = "MY_SECRET"', "knows no `secret`"),
        ('key = "MY_TOKEN"\nleverage = { SBER = 2 }', "knows no `leverage`"),
        ('key = "MY_TOKEN"\ndead_man_s = 5', "knows no `dead_man_s`"),
        ("", "needs `key`"),
        ('key = "MY_TOKEN"\nlive = true\nurl = "http://127.0.0.1:1"', "exclude each other"),
    ],
)
def test_settings_that_make_no_sense_are_refused(text: str, why: str) -> None:
    with pytest.raises(settings.SettingsWrong) as wrong:
        settings.parse(tomllib.loads(f'[accounts."tinvest/main"]\n{text}'))
    assert why in str(wrong.value)


def test_settings_of_an_account(tmp_path: Path) -> None:
    text = '[accounts."tinvest/main"]\nkey = "MY_TOKEN"\nnumber = "2000"\nca = "roots.pem"\nlive = true'
    account = settings.parse(tomllib.loads(text)).accounts["tinvest/main"]
    assert (account.venue, account.number, account.ca, account.live) == ("tinvest", "2000", "roots.pem", True)
    assert accounts.seam_of("tinvest") == "calls"
    (found,) = accounts.examine(Home(tmp_path), settings.parse(tomllib.loads(text)))
    assert (found.fails, found.says) == (True, "its `ca` cannot be read: roots.pem")
    assert accounts.seam_of("bybit") == "wires"
    two = [accounts.lock_key("tinvest/a", account, Setup("a", key="t"))]
    other = structs.replace(account, number="2001")
    two.append(accounts.lock_key("tinvest/a", other, Setup("a", key="t")))
    assert len(dict.fromkeys(two)) == 2
    with pytest.raises(settings.SettingsWrong, match="has no use for `number`"):
        settings.parse(
            tomllib.loads('[accounts."bybit/main"]\nkey = "MY_KEY"\nsecret = "MY_SECRET"\nnumber = "1"')
        )
