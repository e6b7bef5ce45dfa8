"""The paper venue by itself: its protocol over loopback, its limits, its control door, its memory."""

from __future__ import annotations

import asyncio
import inspect
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_world import SECOND, SYMBOL, Hall, Message, Raw, in_hall

from kedge.model.instrument import Instrument
from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import Exchange
from kedge.sim.paper import Limits, Options, PaperServer, StoreError, wire
from kedge.sim.paper.connection import Connection
from kedge.sim.paper.faults import read_faults
from kedge.sim.paper.limits import Budget, Guard
from kedge.sim.paper.markets import join_market, new_exchange
from kedge.sim.testnet.log import Recorded
from kedge.sim.testnet.markets import BadMarket, read_rows
from kedge.sim.testnet.store import Store

# ── the protocol ────────────────────────────────────────────────────────────────────────────────


def test_a_tour() -> None:
    async def tour(hall: Hall) -> None:
        raw = await hall.signed()
        instruments = (await raw.body("instruments"))["instruments"]
        assert SYMBOL in [i["symbol"] for i in instruments]
        assert (await raw.body("private_on")) == {"private_seq": 0}
        reply = await raw.place("rest", "buy", "0.5", "59000")
        assert reply["body"]["order"]["state"] == "open"
        told = await raw.until(lambda m: m["t"] == "order")
        assert (told["seq"], told["order"]["client_id"]) == (1, "rest")
        await raw.ask("amend", client_id="rest", symbol=SYMBOL, price="59010", qty="0.4")
        reply = await raw.place("take", "buy", "0.2", "60001")
        assert reply["body"]["order"]["state"] == "filled"
        fill = await raw.until(lambda m: m["t"] == "fill")
        assert (fill["fill"]["qty"], fill["fill"]["price"]) == ("0.2", "60000.1")
        orders = (await raw.body("open_orders"))["orders"]
        assert [(o["client_id"], o["qty"], o["price"]) for o in orders] == [("rest", "0.4", "59010")]
        assert (await raw.body("positions"))["positions"][0]["qty"] == "0.2"
        assert (await raw.body("fills"))["fills"] == [fill["fill"]]
        assert {c["kind"] for c in (await raw.body("cash"))["cash"]} == {"transfer"}
        assert {b["asset"] for b in (await raw.body("balances"))["balances"]} == {"USD", "BTC"}
        found = await raw.body("order", client_id="take", symbol=SYMBOL)
        assert found["order"]["cum_qty"] == "0.2"
        assert (await raw.body("order", client_id="never", symbol=SYMBOL))["order"] is None
        assert (await raw.body("leverage", symbol=SYMBOL, leverage="5")) == {}
        assert (await raw.body("cancel_all", symbol="")) == {"cancelled": 1}
        reply = await raw.ask("cancel", client_id="rest", symbol=SYMBOL)
        assert (reply["code"], reply["body"]["order"]["state"]) == ("finished_order", "cancelled")
        assert (await raw.body("ping"))["private_seq"] == len([1 for m in raw.heard if "seq" in m]) + 2

    in_hall(tour)


def test_a_used_id_is_refused_with_the_order_that_has_it() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        await raw.place("one", "buy", "0.5", "59000")
        reply = await raw.place("one", "buy", "0.7", "59000")
        assert (reply["code"], reply["body"]["order"]["qty"]) == ("duplicate_client_id", "0.5")

    in_hall(test)


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"secret": "guess"}, "bad_signature"),
        ({"protocol": 2}, "bad_protocol"),
        ({"account": "_still"}, "bad_account"),
        ({"account": "~fees"}, "bad_account"),
        ({"account": "x" * 33}, "bad_account"),
    ],
)
def test_who_may_not_enter(hello: dict[str, Any], code: str) -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.raw()
        assert (await raw.hello(**hello))["code"] == code
        assert (await raw.read() or {})["code"] == code
        assert await raw.read() is None

    in_hall(test)


def test_nothing_is_done_before_hello() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.raw()
        assert (await raw.place("one", "buy", "1", "59000"))["code"] == "not_signed_in"
        assert (await raw.ask("time"))["now_ns"] > 0
        assert (await raw.ask("dance"))["code"] == "unknown_op"

    in_hall(test)


def test_lines_that_are_not_requests() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        for _ in range(10):
            raw.writer.write(b"\x00\xff{not json\n")
        bye = await raw.until(lambda m: m["t"] == "bye")
        assert bye["code"] == "bad_request"
        assert await raw.read() is None
        assert raw.heard[-1]["id"] == 0
        long = await hall.signed()
        long.writer.write(b"x" * (wire.LINE_MAX + 10))
        assert (await long.until(lambda m: m["t"] == "bye"))["code"] == "line_too_long"

    in_hall(test)


def test_the_last_moment_is_kept_by_the_venue() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        now = (await raw.ask("time"))["now_ns"]
        for op, members in (
            ("place", {"client_id": "a", "symbol": SYMBOL, "side": "buy", "qty": "1", "price": "59000"}),
            ("amend", {"client_id": "a", "symbol": SYMBOL, "qty": "1", "price": "59000"}),
            ("cancel", {"client_id": "a", "symbol": SYMBOL}),
            ("cancel_all", {}),
            ("leverage", {"symbol": SYMBOL, "leverage": "3"}),
        ):
            assert (await raw.ask(op, valid_until_ns=now - 1, **members))["code"] == "expired", op
        # On the way in when it was sent, too late when it arrives.
        await hall.must("fault", fault={"kind": "delay_request", "op": "place", "delay_ns": SECOND // 20})
        reply = await raw.place("b", "buy", "1", "59000", valid_until_ns=now + 1)
        assert reply["code"] == "expired"

    in_hall(test)


def test_pages_and_cursors() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        for n in range(5):
            await raw.place(f"o{n}", "buy", "0.01", "60001")
        seen, cursor, more = [], "", True
        while more:
            page = await raw.body("fills", cursor=cursor, limit=2)
            seen += [f["client_id"] for f in page["fills"]]
            cursor, more = page["next"], page["more"]
        assert seen == [f"o{n}" for n in range(5)]
        again = await raw.body("fills", cursor=cursor)
        assert (again["fills"], again["next"], again["more"]) == ([], cursor, False)
        birth, _, number = cursor.partition("-")
        for bad in ("nonsense", f"{birth}-{int(number) + 7}", f"0{birth[1:]}-{number}"):
            assert (await raw.ask("fills", cursor=bad))["code"] == "bad_cursor"
            assert (await raw.ask("cash", cursor=bad))["code"] == "bad_cursor"
        for n in range(5):
            await raw.place(f"r{n}", "buy", "0.01", "59000")
        first = await raw.body("open_orders", limit=3)
        rest = await raw.body("open_orders", after=first["next"], limit=3)
        shown = [o["client_id"] for o in first["orders"] + rest["orders"]]
        assert (shown, first["more"], rest["more"]) == ([f"r{n}" for n in range(5)], True, False)

    in_hall(test)


# ── streams ─────────────────────────────────────────────────────────────────────────────────────


def take(book: dict[str, dict[str, str]], message: Message) -> None:
    for side in ("bids", "asks"):
        if message["kind"] == "snapshot":
            book[side] = {}
        for price, qty in message[side]:
            book[side][price] = qty
            if qty == "0":
                del book[side][price]


def test_deltas_add_up_to_the_book() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        body = await raw.body("watch", symbols=[SYMBOL, "NONE"])
        assert body == {"watching": [SYMBOL], "unknown": ["NONE"]}
        book: dict[str, dict[str, str]] = {}
        snapshot = await raw.until(lambda m: m["t"] == "book")
        take(book, snapshot)
        seq = snapshot["seq"]
        for n in range(60):
            await raw.place(f"d{n}", "buy", "0.01", str(59000 + n))
            if n % 10 == 9:
                await hall.must("price", symbol=SYMBOL, price=str(60000 + n))
        fresh = await hall.signed("other")
        await fresh.body("watch", symbols=[SYMBOL])
        whole = await fresh.until(lambda m: m["t"] == "book")
        for message in [*raw.heard]:
            if message["t"] == "book" and message["kind"] == "delta":
                assert message["prev"] == seq
                seq = message["seq"]
                take(book, message)
        while seq < whole["seq"]:
            message = await raw.until(lambda m: m["t"] == "book")
            assert message["prev"] == seq
            seq = message["seq"]
            take(book, message)
        assert seq == whole["seq"]
        assert sorted(book["bids"].items()) == sorted(map(tuple, whole["bids"]))
        assert sorted(book["asks"].items()) == sorted(map(tuple, whole["asks"]))
        assert len(whole["bids"]) == wire.DEPTH

    in_hall(test, limits=Limits(requests_per_s=1000, burst=1000))


def test_a_quiet_book_is_still_told() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        await raw.body("watch", symbols=[SYMBOL])
        first = await raw.until(lambda m: m["t"] == "book")
        await hall.must("clock", advance_ns=2 * SECOND)
        quiet = await raw.until(lambda m: m["t"] == "book")
        assert (quiet["prev"], quiet["bids"], quiet["asks"]) == (first["seq"], [], [])
        again = await raw.body("snapshot", symbol=SYMBOL)
        assert again == {}
        snapshot = await raw.until(lambda m: m["t"] == "book" and m["kind"] == "snapshot")
        assert snapshot["bids"] == first["bids"]
        assert (await raw.ask("snapshot", symbol="ETH-PERP"))["code"] == "unknown_symbol"

    in_hall(test)


def test_halt_and_resume() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        await hall.must("halt", symbol=SYMBOL)
        told = await raw.until(lambda m: m["t"] == "instrument")
        assert told["instrument"]["status"] == "halted"
        assert (await raw.place("h", "buy", "1", "59000"))["code"] == "halted"
        await hall.must("resume", symbol=SYMBOL)
        assert (await raw.place("h", "buy", "1", "59000"))["ok"]

    in_hall(test)


# ── limits ──────────────────────────────────────────────────────────────────────────────────────


def test_too_many_requests_end_in_a_ban_that_the_truth_remembers() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        other = await hall.signed("other")
        assert (await raw.body("time")) == {}
        assert (await raw.body("time")) == {}
        refused = await raw.ask("time")
        assert refused["code"] == "rate_limited"
        assert refused["retry_ns"] > 0
        assert (await raw.place("deed", "buy", "1", "59000"))["ok"], "deeds have a budget of their own"
        assert (await other.body("time")) == {}, "so has everybody else"
        for _ in range(4):
            raw.send("time")
        bye = await raw.until(lambda m: m["t"] == "bye")
        assert bye["code"] == "banned"
        again = await hall.raw()
        assert (await again.hello())["code"] == "banned"
        stats = (await hall.must("truth"))["stats"]
        assert (stats["bans"], stats["accounts"]["main"]["bans"]) == (1, 1)
        assert stats["refused"] >= 3
        await hall.must("clock", advance_ns=61 * SECOND)
        assert (await (await hall.raw()).hello())["ok"]

    in_hall(test, limits=Limits(requests_per_s=1, burst=2, refusals_max=2))


def test_a_budget_refills() -> None:
    budget = Budget(per_s=10, burst=3)
    assert [budget.take(0) for _ in range(4)] == [0, 0, 0, SECOND // 10]
    assert budget.take(SECOND // 10) == 0
    assert budget.take(SECOND // 10) > 0
    assert [budget.take(10 * SECOND) for _ in range(4)] == [0, 0, 0, SECOND // 10]


def test_old_refusals_do_not_ban() -> None:
    guard = Guard(Limits(requests_per_s=1, burst=1, refusals_max=1, refusals_window_ns=SECOND // 10))
    guard.take(0, deed=True)
    assert guard.take(0, deed=True) > 0
    assert guard.take(SECOND // 2, deed=True) > 0
    assert (guard.counts.refused, guard.counts.bans) == (2, 0)


def test_too_many_connections() -> None:
    async def test(hall: Hall) -> None:
        for _ in range(8):
            await hall.signed()
        raw = await hall.raw()
        assert (await raw.hello())["code"] == "too_many_connections"

    in_hall(test)


# ── the dead man, the market, the control door ──────────────────────────────────────────────────


def test_the_dead_man_cancels_everything_once() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        await raw.body("private_on")
        await raw.place("d", "buy", "0.1", "59000")
        await raw.body("dead_man", after_ns=30 * SECOND)
        await hall.must("clock", advance_ns=20 * SECOND)
        await raw.body("ping")
        await hall.must("clock", advance_ns=20 * SECOND)
        assert len((await raw.body("open_orders"))["orders"]) == 1, "the ping has wound it"
        await hall.must("clock", advance_ns=20 * SECOND)
        ended = await raw.until(lambda m: m["t"] == "order" and m["order"]["state"] == "cancelled")
        assert ended["order"]["reason"].startswith("dead_man")
        await raw.body("ping")
        await raw.place("e", "buy", "0.1", "59000")
        await hall.must("clock", advance_ns=60 * SECOND)
        assert len((await raw.body("open_orders"))["orders"]) == 1, "it fires once"

    in_hall(test)


def test_a_moving_price_fills_what_stands_in_its_way() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        await raw.body("private_on")
        await raw.place("bid", "buy", "0.1", "58000")
        await raw.ask(
            "place",
            client_id="stop",
            symbol=SYMBOL,
            side="sell",
            qty="0.1",
            price="0",
            kind="stop",
            trigger_price="50000",
            trigger_by="mark",
        )
        await hall.must("price", symbol=SYMBOL, price="40000")
        stop = await raw.until(lambda m: m["t"] == "order" and m["order"]["client_id"] == "stop")
        while stop["order"]["state"] == "open":
            stop = await raw.until(lambda m: m["t"] == "order" and m["order"]["client_id"] == "stop")
        assert stop["order"]["state"] == "filled"
        fills = (await raw.body("fills"))["fills"]
        assert [(f["client_id"], f["maker"]) for f in fills] == [("bid", True), ("stop", False)]
        assert (await raw.body("positions"))["positions"] == []

    in_hall(test)


def test_the_control_door() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        await raw.place("mine", "buy", "0.3", "60000")
        answer = await hall.must("counter", symbol=SYMBOL, side="sell", qty="0.1", price="60000")
        assert answer["filled"] == "0.1"
        await hall.must("deposit", account="main", asset="USD", amount="5")
        for wrong in (
            {"do": "halt", "symbol": "NONE"},
            {"do": "price", "symbol": SYMBOL, "price": "-1"},
            {"do": "price", "symbol": SYMBOL, "price": "NaN"},
            {"do": "counter", "symbol": SYMBOL, "side": "sell", "qty": "0"},
            {"do": "deposit", "account": "nobody", "asset": "USD", "amount": "5"},
            {"do": "fault", "fault": {"kind": "earthquake"}},
            {"do": "clock", "advance_ns": -1},
            {"do": "sing"},
        ):
            answer = await hall.control(**wrong)  # type: ignore[arg-type]
            assert not answer["ok"], wrong
            assert answer["text"]
        answer = await hall.must("truth")
        truth = answer["truth"]
        assert [f["qty"] for f in truth["accounts"]["main"]["fills"]] == ["0.1"]
        assert all(Decimal(net) == 0 for net in truth["net_positions"].values())
        assert answer["stats"]["connections"] == 1

    in_hall(test)


def test_a_paused_venue_does_later_what_arrived() -> None:
    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        await hall.must("pause", for_ns=3600 * SECOND)
        id = raw.send("time")
        assert (await hall.must("stats"))["paused"]
        await hall.must("unpause")
        assert (await raw.until(lambda m: m["t"] == "reply"))["id"] == id

    in_hall(test)


def test_faults_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('[{"kind":"unavailable","op":"place","deed":false}]')

    async def test(hall: Hall) -> None:
        raw = await hall.signed()
        assert (await raw.place("a", "buy", "1", "59000"))["code"] == "unavailable"
        assert (await raw.body("order", client_id="a"))["order"] is None
        assert (await raw.place("a", "buy", "1", "59000"))["ok"]

    in_hall(test, faults=str(file))
    assert "not a list of faults" in str(read_faults(b"{}"))
    assert "not a list of faults" in str(read_faults(b'[{"kind":"cut","mistake":1}]'))


def test_a_synthetic_market_moves_and_a_file_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(f"seconds,symbol,price\n0,{SYMBOL},50000\n5,{SYMBOL},51000\n")

    async def played(hall: Hall) -> None:
        raw = await hall.signed()
        await raw.body("watch", symbols=[SYMBOL])
        assert (await raw.until(lambda m: m["t"] == "mark"))["mark"] == "50000"
        await hall.must("clock", advance_ns=6 * SECOND)
        await raw.until(lambda m: m["t"] == "mark" and m["mark"] == "51000")

    async def synthetic(hall: Hall) -> None:
        raw = await hall.signed()
        await raw.body("watch", symbols=[SYMBOL])
        await hall.must("price", symbol=SYMBOL, price="61000")
        mark = await raw.until(lambda m: m["t"] == "mark" and Decimal(m["mark"]) > 60900)
        assert mark["symbol"] == SYMBOL

    in_hall(played, market=str(file))
    in_hall(synthetic, market="synthetic")


@pytest.mark.parametrize(
    "text", ["", "0,BTC-PERP", "0,NONE,1", "x,BTC-PERP,1", "0,BTC-PERP,0", "5,BTC-PERP,1\n4,BTC-PERP,1"]
)
def test_files_of_prices_that_are_none(text: str) -> None:
    with pytest.raises(BadMarket):
        read_rows(text, [SYMBOL])


# ── what survives ───────────────────────────────────────────────────────────────────────────────


class Paperclip:
    """A writer that keeps what was told."""

    def __init__(self) -> None:
        self.told: list[Message] = []

    def write(self, data: bytes) -> None:
        self.told += [json.loads(line) for line in data.splitlines()]

    def close(self) -> None:
        pass


def copied(state: Path, to: Path) -> Path:
    """The file as a crash at this moment would leave it."""
    to.mkdir()
    for file in state.parent.glob(state.name + "*"):
        shutil.copy(file, to / file.name)
    return to / state.name


def account_of(exchange: Exchange) -> dict[str, Any]:
    return {
        "orders": exchange.open_orders("main"),
        "fills": exchange.fills("main", limit=1000).items,
        "cash": exchange.cash("main", limit=1000).items,
        "positions": exchange.positions("main"),
        "balances": exchange.balances("main"),
    }


Step = tuple[str, str, int]
moves = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(["buy", "sell"]), st.integers(59_995, 60_005)),
    st.tuples(st.just("price"), st.just(""), st.integers(59_900, 60_100)),
    st.tuples(st.just("cancel"), st.just(""), st.integers(0, 1)),
    st.tuples(st.just("amend"), st.just(""), st.integers(59_990, 60_010)),
    st.tuples(st.just("time"), st.just(""), st.integers(1, 10 * 3600)),
    st.tuples(
        st.sampled_from(["cancel_all", "leverage", "deposit", "halt", "dead_man"]), st.just(""), st.just(2)
    ),
)
A_FULL_DAY: list[Step] = [
    ("leverage", "", 7),
    ("place", "buy", 60_001),
    ("place", "buy", 59_000),
    ("amend", "", 59_010),
    ("price", "", 58_900),
    ("place", "sell", 59_500),
    ("cancel", "", 0),
    ("deposit", "", 3),
    ("time", "", 9 * 3600),
    ("place", "sell", 59_500),
    ("place", "sell", 59_600),
    ("dead_man", "", 2),
    ("time", "", 3),
    ("place", "sell", 59_700),
    ("halt", "", 0),
    ("place", "buy", 59_000),
    ("cancel_all", "", 0),
]


def test_what_was_told_survives_a_crash_after_every_step_of_a_day(tmp_path: Path) -> None:
    """Copy the file after each step, as a power cut would leave it; everything told until then is there."""
    asyncio.run(_crashes(tmp_path, A_FULL_DAY))


@settings(max_examples=20, deadline=None)
@given(plan=st.lists(moves, min_size=1, max_size=8))
def test_what_was_told_survives_a_crash_at_any_moment(plan: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_crashes(Path(folder), plan))


async def _crashes(folder: Path, plan: list[Step]) -> None:
    clock = [1_790_000_000 * SECOND]
    server = PaperServer(Options(state=str(folder / "state"), market="still"), lambda: clock[0])
    server.keeper.exchange.set_funding(SYMBOL, Decimal("0.0001"), clock[0])
    paper = Paperclip()
    connection = server.gateway.enter(paper)
    signature = wire.signature("paper", connection.challenge, "paper", "main")
    hello = {"op": "hello", "id": 1, "protocol": 1, "key": "paper", "account": "main", "signature": signature}
    for request in (hello, {"op": "private_on", "id": 2}):
        server.gateway.arrive(connection, json.dumps(request).encode())
    placed: list[str] = []
    for number, step in enumerate(plan):
        clock[0] += SECOND
        _do(server, connection, clock, placed, number, step)
        server.gateway.tick()
        copy = copied(folder / "state", folder / f"copy{number}")
        _compare(server, PaperServer(Options(state=str(copy), market="still"), lambda: clock[0]), paper)
    server.close()


def _do(
    server: PaperServer,
    connection: Connection,
    clock: list[int],
    placed: list[str],
    number: int,
    step: Step,
) -> None:
    what, side, value = step
    request: Message = {"id": number + 3, "op": what, "symbol": SYMBOL}
    if what == "place":
        placed.append(f"c{number}")
        request |= {"client_id": placed[-1], "side": side, "qty": "0.01", "price": str(value)}
    elif what == "cancel":
        request |= {"client_id": placed[value] if value < len(placed) else "none"}
    elif what == "amend":
        request |= {"client_id": placed[-1] if placed else "none", "qty": "0.02", "price": str(value)}
    elif what == "leverage":
        request |= {"leverage": str(value)}
    elif what == "dead_man":
        request |= {"after_ns": value * SECOND}
    elif what == "price":
        server.keeper.market.move(SYMBOL, Decimal(value), clock[0])
        return
    elif what == "deposit":
        server.keeper.exchange.transfer("main", "USD", Decimal(value), clock[0])
        return
    elif what == "halt":
        server.keeper.exchange.halt(SYMBOL, value == 0, clock[0])
        return
    elif what == "time":
        clock[0] += value * SECOND
        return
    server.gateway.arrive(connection, json.dumps(request).encode())


def _compare(server: PaperServer, reborn: PaperServer, paper: Paperclip) -> None:
    """The new life knows what the old one knew, and everything it told."""
    before, after = account_of(server.keeper.exchange), account_of(reborn.keeper.exchange)
    # Unrealised profit moves with the marks of the new life, and what is free of a balance with it.
    assert [b.total for b in after.pop("balances")] == [b.total for b in before.pop("balances")]
    assert after == before
    birth = server.keeper.birth
    assert reborn.keeper.birth == birth
    for kind, noun, id in (("fill", "fills", "exec_id"), ("cash", "cash", "cash_id")):
        told = [m[kind][id] for m in paper.told if m["t"] == kind]
        kept = [f"{birth}-{getattr(one, id)}" for one in after[noun]]
        assert kept[len(kept) - len(told) :] == told
    for message in paper.told:
        if message["t"] == "order":
            order = reborn.keeper.exchange.order("main", message["order"]["client_id"])
            assert order is not None
            assert order.version >= message["order"]["version"]
    old, new = server.keeper.exchange, reborn.keeper.exchange
    assert new.leverage("main", SYMBOL) == old.leverage("main", SYMBOL)
    assert new.market(SYMBOL).status == old.market(SYMBOL).status
    assert new.faults() == []
    reborn.close()


def test_every_call_that_changes_the_exchange_is_recorded() -> None:
    changing = [
        name
        for name, method in inspect.getmembers(Exchange, inspect.isfunction)
        if not name.startswith("_") and "now_ns" in inspect.signature(method).parameters
    ]
    assert {*changing, "open_account"} <= set(vars(Recorded))


def test_two_venues_cannot_share_a_file(tmp_path: Path) -> None:
    first = Store(str(tmp_path / "state"))
    with pytest.raises(StoreError, match="another venue"):
        Store(str(tmp_path / "state"))
    first.close()


def test_a_file_that_is_not_a_state_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.write_bytes(b"this is not a database, but it is long enough to be taken for one" * 20)
    with pytest.raises(StoreError):
        Store(str(file))


def test_a_new_birth_gives_other_numbers() -> None:
    clock = [1_790_000_000 * SECOND]

    async def births() -> list[str]:
        found = []
        for _ in range(2):
            clock[0] += SECOND
            server = PaperServer(Options(market="still"), lambda: clock[0])
            found.append(server.keeper.birth)
            server.close()
        return found

    first, second = asyncio.run(births())
    assert first != second


def test_a_venue_moved_ahead_stays_ahead(tmp_path: Path) -> None:
    async def one_life(advance_ns: int) -> int:
        server = PaperServer(Options(state=str(tmp_path / "state"), market="still"), lambda: SECOND)
        server.clock.advance(advance_ns)
        server.gateway.tick()
        server.close()
        return server.clock.now_ns()

    assert asyncio.run(one_life(3600 * SECOND)) == 3601 * SECOND
    assert asyncio.run(one_life(0)) == 3601 * SECOND


def test_the_dead_man_is_wound_by_a_restart(tmp_path: Path) -> None:
    clock = [1_790_000_000 * SECOND]
    options = Options(state=str(tmp_path / "state"), market="still")

    async def lives() -> list[int]:
        server = PaperServer(options, lambda: clock[0])
        server.keeper.enter("main", clock[0])
        server.keeper.arm("main", 30 * SECOND, clock[0])
        order = PlaceOrder("a", SYMBOL, "buy", Decimal("0.1"), Decimal(59000))
        server.keeper.exchange.place("main", order, clock[0])
        server.close()
        clock[0] += 3600 * SECOND
        server = PaperServer(options, lambda: clock[0])
        counts = []
        for _ in range(2):
            server.gateway.tick()
            counts.append(len(server.keeper.exchange.open_orders("main")))
            clock[0] += 31 * SECOND
        server.gateway.tick()
        counts.append(len(server.keeper.exchange.open_orders("main")))
        server.close()
        return counts

    assert asyncio.run(lives()) == [1, 0, 0]


def test_a_killed_process_remembers(tmp_path: Path) -> None:
    """kill -9 right after the answer, twice; the third life knows all of it."""
    program = (
        "import sys; from kedge.sim.paper import Options, main;"
        f"sys.exit(main(Options(state={str(tmp_path / 'state')!r}, market='still')))"
    )

    def life(number: int) -> tuple[list[str], int]:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        try:
            return asyncio.run(day(port, number)), port
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()

    async def day(port: int, number: int) -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        raw = Raw(reader, writer)
        assert (await raw.hello())["ok"]
        fills = (await raw.body("fills"))["fills"]
        assert (await raw.place(f"k{number}", "buy", "0.01", "60001"))["ok"]
        writer.close()
        return [f["client_id"] for f in fills]

    assert [life(n)[0] for n in range(3)] == [[], ["k0"], ["k0", "k1"]]


def test_a_quarter_that_ended_while_the_venue_was_down() -> None:
    now_ns = time.time_ns()
    exchange = Recorded(new_exchange(now_ns), now_ns)
    later_ns = now_ns + 200 * 24 * 3600 * SECOND
    exchange.advance(later_ns)
    join_market("still", exchange, None, later_ns)  # type: ignore[arg-type]
    futures: list[Instrument] = [i for i in exchange.instruments() if i.expires_ns]
    assert [i.status for i in futures] == ["closed", "trading"]
