"""The Binance spot testnet's memory: nothing that was said is lost; paging while fills come."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from spot_kit import BTC, SECOND, Socket, Spot

from kedge.sim.testnet.store import RowChange, Store

# How often the script below writes.
WRITES = 11


class Killed(BaseException):
    """The power is cut."""


class Fragile(Store):
    """A store whose machine dies at the n-th write, before it is on disk."""

    def __init__(self) -> None:
        super().__init__("")
        self.writes = 0
        self.dies_at = 0

    def append(self, calls: bytes, facts: bytes | None, rows: list[RowChange]) -> None:
        self._write()
        super().append(calls, facts, rows)

    def checkpoint(self, dump: bytes, facts: bytes, rows: list[RowChange]) -> None:
        self._write()
        super().checkpoint(dump, facts, rows)

    def _write(self) -> None:
        self.writes += 1
        if self.writes == self.dies_at:
            raise Killed


class Witness:
    """Everything the venue said about orders: replies and events."""

    def __init__(self) -> None:
        self.filled: dict[int, Decimal] = {}
        self.ended: dict[int, str] = {}
        self.trades: dict[int, int] = {}

    def hears(self, user: Socket) -> None:
        for one in user.take():
            event = one.get("event", {})
            if event.get("e") != "executionReport" or event["i"] < 0:
                continue
            self.notes(event["i"], event["X"], event["z"])
            if event["t"] >= 0:
                self.trades[event["t"]] = event["i"]

    def notes(self, number: int, status: str, filled: str) -> None:
        self.filled[number] = max(self.filled.get(number, Decimal(0)), Decimal(filled))
        if status not in ("NEW", "PARTIALLY_FILLED"):
            self.ended[number] = status

    def agrees(self, spot: Spot) -> None:
        for number, filled in self.filled.items():
            found = spot.look(number)
            assert isinstance(found, dict), f"{number} was told of: {found}"
            assert Decimal(found["executedQty"]) >= filled
            if number in self.ended:
                assert found["status"] == self.ended[number]
        rows = {
            row["id"]: row["orderId"] for row in spot.call("GET", "/api/v3/myTrades", symbol=BTC, limit=1000)
        }
        assert self.trades.items() <= rows.items()


def script(spot: Spot, user: Socket, witness: Witness) -> None:
    """A busy minute: all ways in which an order changes."""

    def placed(answer: Any) -> int:
        witness.hears(user)
        if isinstance(answer, tuple):
            return -1
        if "status" in answer:
            witness.notes(answer["orderId"], answer["status"], answer["executedQty"])
        return int(answer["orderId"])

    spot.deposit("USDT", 200_000)
    resting = placed(spot.order(price="59990", quantity="1.5"))
    placed(spot.order(type="MARKET", quantity="0.1"))
    stop = placed(spot.order("SELL", "STOP_LOSS_LIMIT", quantity="0.5", price="58000", stopPrice="59000"))
    placed(spot.order(timeInForce="IOC", price="59000", quantity="0.1"))
    spot.move("59985")
    witness.hears(user)
    amended = placed(spot.order(price="58500", quantity="0.2"))
    spot.call("PUT", "/api/v3/order/amend/keepPriority", symbol=BTC, orderId=amended, newQty="0.1")
    witness.hears(user)
    made = spot.call(
        "POST",
        "/api/v3/orderList/oco",
        symbol=BTC,
        side="SELL",
        quantity="0.3",
        aboveType="LIMIT_MAKER",
        abovePrice="62000",
        belowType="STOP_LOSS",
        belowStopPrice="58990",
    )
    witness.hears(user)
    assert "orderListId" in made, made
    spot.wait(SECOND)
    spot.move("58980")
    witness.hears(user)
    spot.call("DELETE", "/api/v3/openOrders", symbol=BTC)
    witness.hears(user)
    assert resting < stop


def run_until(dies_at: int) -> tuple[Spot, Witness, bool]:
    """Whether it was killed on the way."""
    store, witness = Fragile(), Witness()
    spot = Spot(store=store)
    user = spot.user()
    store.writes, store.dies_at = 0, dies_at
    try:
        script(spot, user, witness)
    except Killed:
        witness.hears(user)
    killed, store.dies_at = store.writes == dies_at, 0
    return spot, witness, killed


def wake(spot: Spot) -> None:
    """Start again; killed at each write of the start itself, too."""
    store = spot.store
    assert isinstance(store, Fragile)
    for dies_at in (1, 2, 3, 0):
        spot.now_ns += SECOND
        store.writes, store.dies_at = 0, dies_at
        with contextlib.suppress(Killed):
            spot.restart()
    store.dies_at = 0


@pytest.mark.parametrize("dies_at", range(1, WRITES + 1))
def test_killed_at_any_write_it_remembers_what_it_said(dies_at: int) -> None:
    spot, witness, killed = run_until(dies_at)
    assert killed
    wake(spot)
    witness.agrees(spot)
    house = spot.net.house
    assert house.exchange.faults() == []
    truth = house.exchange.truth().accounts["main:spot"]
    rows = spot.call("GET", "/api/v3/myTrades", symbol=BTC, limit=1000)
    assert len(rows) == len(truth.fills), "every fill of the exchange is known, and once"
    live = {int(order.venue_id) for order in truth.orders if order.state.value == "open"}
    assert {row["orderId"] for row in spot.call("GET", "/api/v3/openOrders")} == live
    before = max(witness.filled, default=0)
    assert spot.order(price="50000", quantity="0.01")["orderId"] > before


def test_the_script_is_killed_at_all_of_its_writes() -> None:
    spot, _, _ = run_until(0)
    assert isinstance(spot.store, Fragile)
    assert spot.store.writes == WRITES


def test_numbers_are_never_given_twice() -> None:
    spot = Spot(store=Fragile())
    first = spot.order(type="MARKET", quantity="0.1")["fills"][0]["tradeId"]
    before = spot.ask("GET", "/api/v3/depth", symbol=BTC)["lastUpdateId"]
    spot.move("60100")
    spot.now_ns += SECOND
    spot.restart()
    second = spot.order(type="MARKET", quantity="0.1")["fills"][0]["tradeId"]
    assert second > first
    assert spot.ask("GET", "/api/v3/depth", symbol=BTC)["lastUpdateId"] > before
    words = [spot.order(price="50000", quantity="0.01")["clientOrderId"] for _ in range(3)]
    assert len({*words}) == 3


def test_a_stop_fires_after_a_restart() -> None:
    spot = Spot(store=Fragile())
    spot.move("60000")
    stop = spot.order("SELL", "STOP_LOSS", quantity="0.5", stopPrice="59000")
    spot.now_ns += SECOND
    spot.restart()
    assert spot.balance("BTC") == ("1.50000000", "0.50000000")
    spot.move("58990")
    assert spot.look(stop["orderId"])["status"] == "FILLED"


def test_fees_by_choice_and_keys_survive() -> None:
    spot = Spot(store=Fragile())
    spot.call("POST", "/sapi/v1/bnbBurn", spotBNBBurn=True)
    spot.add_key("second", "hedge")
    spot.wait()
    spot.restart()
    assert spot.call("GET", "/sapi/v1/bnbBurn")["spotBNBBurn"] is True
    spot.key, spot.secret = "second", "secret"
    assert spot.balance("BTC") == ("2.00000000", "0.00000000")


def test_the_oldest_are_forgotten_when_there_are_too_many() -> None:
    spot = Spot()
    orders = spot.net.spot.clerk.orders
    orders._tickets_max = orders._deals_max = 5
    kept = spot.order(price="50000", quantity="0.01", newClientOrderId="kept")["orderId"]
    numbers = [spot.order(type="MARKET", quantity="0.001")["orderId"] for _ in range(8)]
    rows = spot.call("GET", "/api/v3/allOrders", symbol=BTC)
    assert [row["orderId"] for row in rows] == [kept, *numbers[-4:]], "what is open is never forgotten"
    assert len(spot.call("GET", "/api/v3/myTrades", symbol=BTC)) == 5
    assert spot.look(numbers[0])[1] == -2013
    assert len(orders._latest) == 5


# ── paging ──────────────────────────────────────────────────────────────────────────────────────


def test_fills_are_paged_while_new_ones_come() -> None:
    spot = Spot()
    for _ in range(25):
        spot.order(type="MARKET", quantity="0.001")
        spot.now_ns += SECOND
    seen: list[int] = []
    after = 0
    while True:
        page = spot.call("GET", "/api/v3/myTrades", symbol=BTC, fromId=after, limit=10)
        if not page:
            break
        seen += [row["id"] for row in page]
        after = seen[-1] + 1
        if len(seen) < 30:
            spot.order("SELL", "MARKET", quantity="0.001")
    everything = [row["id"] for row in spot.call("GET", "/api/v3/myTrades", symbol=BTC, limit=1000)]
    assert seen == everything == sorted(set(everything))
    last = spot.call("GET", "/api/v3/myTrades", symbol=BTC, limit=5)
    assert [row["id"] for row in last] == everything[-5:]


def test_fills_and_orders_by_time_within_a_day() -> None:
    spot = Spot()
    for _ in range(4):
        spot.order(type="MARKET", quantity="0.001")
        spot.wait(3_600 * SECOND)
    rows = spot.call("GET", "/api/v3/myTrades", symbol=BTC)
    start, end = rows[1]["time"], rows[2]["time"]
    for path in ("/api/v3/myTrades", "/api/v3/allOrders"):
        found = spot.call("GET", path, symbol=BTC, startTime=start, endTime=end)
        assert [row["time"] for row in found] == [start, end]
        assert len(spot.call("GET", path, symbol=BTC, startTime=start, limit=1)) == 1
        wide = spot.call("GET", path, symbol=BTC, startTime=start, endTime=start + 86_400_001)
        assert wide == (400, -1127, "More than 24 hours between startTime and endTime.")
    assert spot.call("GET", "/api/v3/myTrades", symbol=BTC, fromId=1, startTime=start)[1] == -1128
    numbers = [row["orderId"] for row in rows]
    found = spot.call("GET", "/api/v3/allOrders", symbol=BTC, orderId=numbers[1], limit=2)
    assert [row["orderId"] for row in found] == numbers[1:3]
