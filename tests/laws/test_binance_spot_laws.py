"""Laws of the Binance spot testnet: what it says, remembers and holds are one thing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from spot_kit import BTC, SECOND, Spot

from kedge.sim.testnet.store import Store

SIDES = st.sampled_from(["BUY", "SELL"])
QTYS = st.sampled_from(["0.001", "0.3", "1.2", "1.66666", "2"])
PRICES = st.integers(59_980, 60_020).map(str)
MODES = st.sampled_from(["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"])
Step = tuple[Any, ...]

STEPS = st.one_of(
    st.tuples(st.just("limit"), SIDES, QTYS, PRICES, st.sampled_from(["GTC", "IOC", "FOK"]), MODES),
    st.tuples(st.just("maker"), SIDES, QTYS, PRICES),
    st.tuples(st.just("market"), SIDES, QTYS),
    st.tuples(st.just("quote"), SIDES, st.sampled_from(["10", "50000"])),
    st.tuples(st.just("trigger"), SIDES, QTYS, PRICES, st.sampled_from(["STOP_LOSS", "TAKE_PROFIT"])),
    st.tuples(st.just("pair"), QTYS),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("amend"), st.integers(0, 9), QTYS),
    st.tuples(st.just("move"), PRICES),
    st.tuples(st.just("restart")),
    st.tuples(st.just("all")),
)


class World:
    def __init__(self) -> None:
        self.spot = Spot(store=Store(""))
        self.user = self.spot.user()
        self.states: dict[int, dict[str, Any]] = {}
        self.spot.deposit("USDT", 1_000_000)
        self.spot.deposit("BTC", 20)

    def step(self, step: Step) -> None:
        spot, (kind, *rest) = self.spot, step
        if kind == "limit":
            side, qty, price, tif, mode = rest
            spot.order(side, quantity=qty, price=price, timeInForce=tif, selfTradePreventionMode=mode)
        elif kind == "maker":
            spot.order(rest[0], "LIMIT_MAKER", quantity=rest[1], price=rest[2])
        elif kind == "market":
            spot.order(rest[0], "MARKET", quantity=rest[1])
        elif kind == "quote":
            spot.order(rest[0], "MARKET", quoteOrderQty=rest[1])
        elif kind == "trigger":
            side, qty, price, type_ = rest
            spot.order(side, type_, quantity=qty, stopPrice=price)
        elif kind == "pair":
            self.pair(rest[0])
        elif kind in ("cancel", "amend"):
            self.change(kind, *rest)
        elif kind == "move":
            spot.move(rest[0])
        elif kind == "all":
            spot.call("DELETE", "/api/v3/openOrders", symbol=BTC)
        else:
            self.hear()
            spot.restart()
            self.user = spot.user()
        spot.now_ns += 11 * SECOND
        self.hear()

    def pair(self, qty: str) -> None:
        self.spot.call(
            "POST",
            "/api/v3/orderList/oco",
            symbol=BTC,
            side="SELL",
            quantity=qty,
            aboveType="LIMIT_MAKER",
            abovePrice="60015",
            belowType="STOP_LOSS",
            belowStopPrice="59985",
        )

    def change(self, kind: str, which: int, qty: str = "") -> None:
        spot = self.spot
        numbers = [row["orderId"] for row in spot.call("GET", "/api/v3/openOrders", symbol=BTC)]
        if not numbers:
            return
        number = numbers[which % len(numbers)]
        if kind == "cancel":
            spot.call("DELETE", "/api/v3/order", symbol=BTC, orderId=number)
        else:
            path = "/api/v3/order/amend/keepPriority"
            spot.call("PUT", path, symbol=BTC, orderId=number, newQty=qty)

    def hear(self) -> None:
        """Every report follows from the one before it."""
        for one in self.user.take():
            event = one["event"]
            if event["e"] != "executionReport" or event["i"] < 0:
                continue
            before = self.states.get(event["i"])
            z = Decimal(event["z"])
            if before is not None:
                assert before["X"] in ("NEW", "PARTIALLY_FILLED"), "nothing comes after the end"
                assert event["I"] > before["I"]
                grown = z - Decimal(before["z"])
                assert grown == (Decimal(event["l"]) if event["x"] == "TRADE" else 0)
            assert z <= Decimal(event["q"])
            self.states[event["i"]] = event

    def agrees(self) -> None:
        spot = self.spot
        exchange = spot.net.house.exchange
        assert exchange.faults() == []
        for number, event in self.states.items():
            row = spot.look(number)
            assert (row["status"], row["executedQty"], row["cummulativeQuoteQty"]) == (
                event["X"],
                event["z"],
                event["Z"],
            )
        live = {int(order.venue_id): order for order in exchange.open_orders("main:spot")}
        rows = {row["orderId"]: row for row in spot.call("GET", "/api/v3/openOrders")}
        assert rows.keys() == live.keys()
        for number, row in rows.items():
            assert Decimal(row["origQty"]) == live[number].qty
            assert Decimal(row["executedQty"]) == live[number].cum_qty
        deals = spot.call("GET", "/api/v3/myTrades", symbol=BTC, limit=1000)
        truth = exchange.truth().accounts["main:spot"]
        assert len(deals) == len(truth.fills)
        assert [one["id"] for one in deals] == sorted(one["id"] for one in deals)
        bought = sum((Decimal(one["qty"]) * (1 if one["isBuyer"] else -1) for one in deals), Decimal(22))
        fees = sum((Decimal(d["commission"]) for d in deals if d["commissionAsset"] == "BTC"), Decimal(0))
        free, locked = spot.balance("BTC")
        assert Decimal(free) + Decimal(locked) == bought - fees, "balances are what was traded and paid"


@settings(max_examples=60)
@given(st.lists(STEPS, min_size=1, max_size=14))
def test_what_is_said_remembered_and_held_are_one(steps: list[Step]) -> None:
    world = World()
    for step in steps:
        world.step(step)
    world.agrees()
