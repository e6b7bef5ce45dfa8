"""What the Bybit testnet remembers, for how long, page by page, and over a power cut."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_bybit_kit import DAY_NS, SECOND_NS, Body, Client, World

from kedge.sim.bybit import pages
from kedge.sim.bybit.limits import Limits
from kedge.sim.bybit.params import Refused
from kedge.sim.bybit.texts import exec_id, order_id, order_number

WIDE = Limits(deeds=10**6, deeds_spot=10**6, queries=10**6, ip_requests=10**6)
REALTIME, HISTORY, FILLS = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"


def buy(client: Client, qty: str = "0.001") -> str:
    return client.place(orderType="Market", price=None, qty=qty)


def every(client: Client, path: str, **params: object) -> list[Body]:
    """All rows, page by page."""
    rows: list[Body] = []
    cursor = ""
    while True:
        page = client.ask(path, **params, **({"cursor": cursor} if cursor else {}))
        rows += page["list"]
        cursor = page["nextPageCursor"]
        if not cursor:
            return rows


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


def test_pages_do_not_shift_under_new_fills() -> None:
    client = World(limits=WIDE).client()
    orders = [buy(client) for _ in range(5)]
    first = client.ask(FILLS, category="linear", limit=2)
    buy(client)
    second = client.ask(FILLS, category="linear", limit=2, cursor=first["nextPageCursor"])
    assert [r["orderId"] for r in first["list"] + second["list"]] == orders[::-1][:4]


def test_pages_shift_where_the_venue_counts_rows() -> None:
    world = World(limits=WIDE)
    client = world.client()
    for _ in range(5):
        buy(client)
    world.fault("shifting_cursor", count=0)
    first = client.ask(FILLS, category="linear", limit=2)
    buy(client)
    second = client.ask(FILLS, category="linear", limit=2, cursor=first["nextPageCursor"])
    assert second["list"][0]["execId"] == first["list"][1]["execId"]


def test_a_cursor_may_be_escaped_or_not() -> None:
    client = World(limits=WIDE).client()
    for _ in range(3):
        buy(client)
    cursor = client.ask(FILLS, category="linear", limit=1)["nextPageCursor"]
    once = client.reply("GET", FILLS, f"category=linear&limit=1&cursor={cursor}").body
    twice = client.ask(FILLS, category="linear", limit=1, cursor=cursor.replace("%", "%25"))
    assert twice["list"][0]["execId"].encode() in once
    assert client.get(FILLS, category="linear", cursor="nonsense")["retCode"] == 10001


def test_a_full_last_page_has_a_cursor_to_an_empty_one() -> None:
    client = World(limits=WIDE).client()
    buy(client)
    page = client.ask(FILLS, category="linear", limit=1)
    assert page["nextPageCursor"]
    assert client.ask(FILLS, category="linear", limit=1, cursor=page["nextPageCursor"])["list"] == []


def test_open_orders_page_through() -> None:
    client = World(limits=WIDE).client()
    orders = [client.place() for _ in range(7)]
    rows = every(client, REALTIME, category="linear", symbol="BTCUSDT", limit=3)
    assert [row["orderId"] for row in rows] == orders[::-1]


class Row:
    def __init__(self, number: int) -> None:
        self.number = number


@given(st.integers(0, 30), st.integers(1, 7), st.integers(0, 5))
def test_every_row_is_shown_once_whatever_comes_meanwhile(many: int, limit: int, more: int) -> None:
    rows = [Row(number) for number in range(many, 0, -1)]
    seen: list[int] = []
    cursor = ""
    for _ in range(40):
        shown, after = pages.page(rows, pages.unescaped(cursor), limit)
        seen += [row.number for row in shown]
        rows = [Row(rows[0].number + n if rows else n) for n in range(more, 0, -1)] + rows
        cursor = after
        if not cursor:
            break
    assert seen == list(range(many, 0, -1))


@given(st.text(max_size=40))
def test_any_cursor_is_read_or_refused(cursor: str) -> None:
    with suppress(Refused):
        pages.page([Row(1)], cursor, 1)


@given(st.integers(1, 10**9), st.sampled_from(["linear", "spot", "inverse"]))
def test_ids_are_read_back(number: int, category: str) -> None:
    made = order_id("18f", category, number)
    assert order_number("18f", made) == number
    assert order_number("18e", made) == 0
    assert exec_id("18f", str(number)) != exec_id("18e", str(number))


# ── retention and windows ───────────────────────────────────────────────────────────────────────


def test_what_ended_without_a_fill_is_gone_after_a_day() -> None:
    world = World()
    client = world.client()
    filled, cancelled = buy(client), client.place(orderLinkId="c")
    client.do("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderId=cancelled)
    asked = {"category": "linear", "orderLinkId": "c"}
    world.now_ns += DAY_NS - SECOND_NS
    assert len(client.ask(HISTORY, **asked)["list"]) == 1
    world.now_ns += 2 * SECOND_NS
    assert client.ask(HISTORY, **asked)["list"] == []
    rows = client.ask(HISTORY, category="linear")["list"]
    assert [row["orderId"] for row in rows] == [filled]
    world.now_ns += 100 * DAY_NS
    assert client.ask(HISTORY, category="linear")["list"] == []
    assert client.ask(HISTORY, category="linear", orderId=filled)["list"][0]["orderId"] == filled
    assert client.ask(FILLS, category="linear", orderId=filled)["list"]
    world.now_ns += 700 * DAY_NS
    assert client.ask(HISTORY, category="linear", orderId=filled)["list"] == []
    assert client.ask(FILLS, category="linear", orderId=filled)["list"] == []


def test_windows_of_time() -> None:
    world = World()
    client = world.client()
    buy(client)
    at = world.ms
    world.now_ns += 10 * DAY_NS
    assert client.ask(FILLS, category="linear")["list"] == []
    assert len(client.ask(FILLS, category="linear", startTime=at - 1000)["list"]) == 1
    assert len(client.ask(FILLS, category="linear", endTime=at + 1000)["list"]) == 1
    assert client.ask(FILLS, category="linear", startTime=at + 1)["list"] == []
    wide = {"startTime": at, "endTime": at + 8 * 86_400_000}
    assert client.get(FILLS, category="linear", **wide)["retCode"] == 10001
    assert client.get(FILLS, category="linear", startTime=9, endTime=8)["retCode"] == 10001


def test_realtime_forgets_what_ended_when_the_service_restarts() -> None:
    world = World()
    client = world.client()
    order = buy(client)
    closed = {"category": "linear", "symbol": "BTCUSDT", "openOnly": 1}
    assert client.ask(REALTIME, **closed)["list"][0]["orderId"] == order
    world.fault("service_restart", value="orders")
    assert client.ask(REALTIME, **closed)["list"] == []
    assert client.ask(REALTIME, category="linear", orderId=order)["list"] == []
    assert client.ask(HISTORY, category="linear", orderId=order)["list"][0]["orderStatus"] == "Filled"
    assert client.get(REALTIME, category="linear")["retCode"] == 10001


def test_lookups_lag() -> None:
    world = World()
    client = world.client()
    client.place(orderLinkId="young")
    world.fault("lookup_lag", count=3, delay_ns=2 * SECOND_NS)
    asked = {"category": "linear", "orderLinkId": "young"}
    assert client.ask(REALTIME, **asked)["list"] == []
    world.now_ns += 3 * SECOND_NS
    assert len(client.ask(REALTIME, **asked)["list"]) == 1
    buy(client)
    assert client.ask(FILLS, category="linear")["list"] == []
    assert len(client.ask(FILLS, category="linear")["list"]) == 1


def test_executions_by_order_and_link() -> None:
    world = World()
    client = world.client()
    order = client.place(orderType="Market", price=None, orderLinkId="mine")
    buy(client)
    assert len(client.ask(FILLS, category="linear", orderLinkId="mine")["list"]) == 1
    assert client.ask(FILLS, category="linear", orderId=order, orderLinkId="other")["list"]
    assert client.ask(FILLS, category="linear", orderLinkId="other")["list"] == []
    assert len(client.ask(FILLS, category="linear", baseCoin="BTC")["list"]) == 2
    assert client.ask(FILLS, category="linear", symbol="ETHUSDT")["list"] == []


# ── money ───────────────────────────────────────────────────────────────────────────────────────


def balances(world: World) -> dict[str, Decimal]:
    return {b.asset: b.total for b in world.net.house.exchange.balances("main")}


def test_the_transaction_log_adds_up_to_the_balances() -> None:
    world = World(limits=WIDE)
    client = world.client()
    for number in range(6):
        side = "Buy" if number % 3 else "Sell"
        client.place(orderType="Market", price=None, qty="0.02", side=side)
        client.place("spot", orderType="Market", price=None, qty="0.003", side=side, marketUnit="baseCoin")
        client.place("inverse", orderType="Market", price=None, qty="300", side=side)
        world.price("linear:BTCUSDT", str(60_000 + 37 * number))
        world.price("inverse:BTCUSD", str(60_000 + 41 * number))
    exchange = world.net.house.exchange
    exchange.set_funding("linear:BTCUSDT", Decimal("0.0003"), world.now_ns)
    exchange.fund_now("linear:BTCUSDT", world.now_ns)
    world.tick()
    rows = every(client, "/v5/account/transaction-log", limit=50)
    sums: dict[str, Decimal] = {}
    for row in rows:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + Decimal(row["change"])
    assert sums == balances(world)
    newest = {row["currency"]: row["cashBalance"] for row in reversed(rows)}
    assert {asset: Decimal(text) for asset, text in newest.items()} == balances(world)
    coins = client.ask("/v5/account/wallet-balance", accountType="UNIFIED")["list"][0]["coin"]
    assert {c["coin"]: Decimal(c["walletBalance"]) for c in coins} == balances(world)


def test_positions_are_the_sum_of_executions() -> None:
    world = World(limits=WIDE)
    client = world.client()
    for number, qty in enumerate(("0.05", "0.02", "0.09", "0.01")):
        client.place(orderType="Market", price=None, qty=qty, side="Buy" if number % 2 == 0 else "Sell")
        world.price("linear:BTCUSDT", str(60_000 + 53 * number))
    rows = client.ask(FILLS, category="linear")["list"]
    net = sum(Decimal(r["execQty"]) * (1 if r["side"] == "Buy" else -1) for r in rows)
    row = client.position()
    assert Decimal(row["size"]) == net
    (held,) = world.net.house.exchange.positions("main")
    assert Decimal(row["avgPrice"]) == held.price.quantize(Decimal("1e-8"), "ROUND_DOWN")
    closed = client.ask("/v5/position/closed-pnl", category="linear")["list"]
    assert sum(Decimal(r["closedSize"]) for r in closed) == Decimal("0.03")


# ── the account's settings ──────────────────────────────────────────────────────────────────────


def test_leverage() -> None:
    client = World(limits=WIDE).client()
    path, which = "/v5/position/set-leverage", {"category": "linear", "symbol": "BTCUSDT"}
    client.do(path, **which, buyLeverage="5", sellLeverage="5")
    assert client.position()["leverage"] == "5"
    assert client.post(path, **which, buyLeverage="5", sellLeverage="5")["retCode"] == 110043
    assert client.post(path, **which, buyLeverage="5", sellLeverage="6")["retCode"] == 10001
    assert client.post(path, **which, buyLeverage="101", sellLeverage="101")["retCode"] == 10001
    assert client.post(path, category="spot", symbol="BTCUSDT", buyLeverage="5")["retCode"] == 10001


def test_modes_there_are_and_are_not() -> None:
    client = World(limits=WIDE).client()
    switch = "/v5/position/switch-mode"
    assert client.post(switch, category="linear", symbol="BTCUSDT", mode=0)["retCode"] == 110025
    assert client.post(switch, category="linear", symbol="BTCUSDT", mode=3)["retCode"] == 110029
    assert client.post(switch, category="linear", coin="USDT", mode=0)["retCode"] == 0
    isolated = {"category": "linear", "symbol": "BTCUSDT", "tradeMode": 1}
    assert client.post("/v5/position/switch-isolated", **isolated)["retCode"] == 100028
    margin = "/v5/account/set-margin-mode"
    assert client.do(margin, setMarginMode="REGULAR_MARGIN") == {"reasons": []}
    assert client.ask("/v5/account/info")["marginMode"] == "REGULAR_MARGIN"
    assert client.post(margin, setMarginMode="PORTFOLIO_MARGIN")["retCode"] == 3400045
    assert client.do(margin, setMarginMode="ISOLATED_MARGIN") == {"reasons": []}
    assert client.ask("/v5/account/info")["marginMode"] == "ISOLATED_MARGIN", "kept and shown"


@pytest.mark.parametrize("category", ["linear", "inverse", "spot"])
def test_fees_and_instruments(category: str) -> None:
    client = World(limits=WIDE).client()
    fees = client.ask("/v5/account/fee-rate", category=category)["list"]
    listed = client.ask("/v5/market/instruments-info", category=category)["list"]
    assert [row["symbol"] for row in fees] == [row["symbol"] for row in listed]
    assert all(Decimal(row["takerFeeRate"]) > 0 for row in fees)
    symbol = listed[0]["symbol"]
    (one,) = client.ask("/v5/market/instruments-info", category=category, symbol=symbol)["list"]
    assert one == listed[0]
    assert client.get("/v5/market/instruments-info", category=category, symbol="NO")["retCode"] == 10001


def test_positions_by_symbol_and_by_coin() -> None:
    client = World(limits=WIDE).client()
    assert client.position()["size"] == "0"
    path = "/v5/position/list"
    assert client.ask(path, category="linear", settleCoin="USDT")["list"] == []
    buy(client)
    assert [r["symbol"] for r in client.ask(path, category="linear", settleCoin="USDT")["list"]] == [
        "BTCUSDT"
    ]
    assert client.get(path, category="linear")["retCode"] == 10001


def test_funding_rates_of_the_past_and_of_now() -> None:
    world = World()
    client = world.client()
    path, which = "/v5/market/funding/history", {"category": "linear", "symbol": "BTCUSDT"}
    before = client.ask(path, **which)["list"]
    assert len(before) == 6
    world.advance(9 * 3600 * SECOND_NS)
    after = client.ask(path, **which)["list"]
    assert after[1:] == before
    assert int(after[0]["fundingRateTimestamp"]) % (8 * 3_600_000) == 0


@pytest.mark.parametrize(("category", "kind"), [("linear", "Delivery"), ("inverse", "Settle")])
def test_a_dated_future_ends(category: str, kind: str) -> None:
    world = World(limits=WIDE)
    client = world.client()
    listed = client.ask("/v5/market/instruments-info", category=category)["list"]
    (dated,) = [one for one in listed if one["contractType"].endswith("Futures")]
    symbol = dated["symbol"]
    qty = "0.01" if category == "linear" else "100"
    client.place(category, symbol=symbol, orderType="Market", price=None, qty=qty)
    touch = client.ask("/v5/market/orderbook", category=category, symbol=symbol)["b"][0][0]
    resting = client.place(category, symbol=symbol, price=touch, qty=qty)
    world.now_ns = int(dated["deliveryTime"]) * 1_000_000 + SECOND_NS
    world.tick()
    assert client.position(symbol, category)["size"] == "0"
    rows = client.ask(FILLS, category=category, symbol=symbol)["list"]
    assert rows[0]["execType"] == kind
    assert rows[0]["orderLinkId"] == ""
    assert client.order(resting, category)["cancelType"] == "CancelBySettle"
    closed = client.ask("/v5/market/instruments-info", category=category, symbol=symbol)["list"]
    assert closed[0]["status"] == "Closed"
    assert client.create(category, symbol=symbol)["retCode"] == 110074


# ── the power is cut ────────────────────────────────────────────────────────────────────────────


def picture(client: Client) -> Body:
    """All that a client can look up of its own, but for what the documents say a restart forgets."""
    found: Body = {}
    for category in ("linear", "spot", "inverse"):
        which = {"category": category, "limit": 50}
        wide = {"settleCoin": "USDT"} if category == "linear" else {}
        found[category] = [
            every(client, REALTIME, **which, **wide),
            every(client, HISTORY, **which),
            every(client, FILLS, **which),
        ]
    for category in ("linear", "inverse"):
        found[f"{category} positions"] = [
            {k: v for k, v in row.items() if k in ("symbol", "side", "size", "avgPrice", "leverage")}
            for row in client.ask("/v5/position/list", category=category, settleCoin="USDT")["list"]
        ]
    found["log"] = every(client, "/v5/account/transaction-log", limit=50)
    found["key"] = client.ask("/v5/user/query-api")["userID"]
    return found


STEPS = st.lists(
    st.sampled_from(
        ["rest", "take", "spot", "stop", "amend", "cancel", "leverage", "price", "close", "tpsl"]
    ),
    min_size=1,
    max_size=12,
)


def step(client: Client, name: str, number: int) -> None:
    """One deed; refusals are as good as deeds."""
    link = f"n{number}"
    if name == "rest":
        client.create(orderLinkId=link, price="59990")
    elif name == "take":
        client.create(orderType="Market", price=None, orderLinkId=link)
    elif name == "spot":
        client.create("spot", orderType="Market", price=None, qty="30", orderLinkId=link)
    elif name == "stop":
        client.create(triggerPrice="60200", triggerDirection=1, orderLinkId=link)
    elif name == "amend":
        client.post("/v5/order/amend", category="linear", symbol="BTCUSDT", orderLinkId="n0", price="59980")
    elif name == "cancel":
        client.post("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="n1")
    elif name == "leverage":
        which = {"category": "linear", "symbol": "BTCUSDT"}
        leverage = str(2 + number)
        client.post("/v5/position/set-leverage", **which, buyLeverage=leverage, sellLeverage=leverage)
    elif name == "price":
        client.world.price("linear:BTCUSDT", str(59_950 + 31 * (number % 9)))
    elif name == "close":
        close = {"side": "Sell", "orderType": "Market", "price": None, "qty": "0"}
        client.create(**close, reduceOnly=True, closeOnTrigger=True)
    else:
        stop = {"category": "linear", "symbol": "BTCUSDT", "tpslMode": "Full"}
        client.post("/v5/position/trading-stop", **stop, takeProfit="61000", stopLoss="59000")


def agrees(world: World) -> None:
    """The venue's rows say what the exchange beneath them says."""
    exchange, tables = world.net.house.exchange, world.net.tables
    assert exchange.faults() == []
    live = {row.engine: row for row in tables.open_of("main") if row.status != "Untriggered"}
    truth = {order.venue_id: order for order in exchange.open_orders("main")}
    assert {number: (row.cum_qty, row.price) for number, row in live.items()} == {
        number: (order.cum_qty, order.price) for number, order in truth.items()
    }
    assert tables.account("main", 0).cash == balances(world)
    held = {row.symbol: row.qty for row in tables.positions.values() if row.qty}
    assert held == {position.symbol: position.qty for position in exchange.positions("main")}


@settings(max_examples=25)
@given(steps=STEPS)
def test_a_kill_after_any_deed_loses_nothing_that_was_said(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path: Path = tmp_path_factory.mktemp("state") / "sim.sqlite"
    world = World(path, limits=WIDE)
    for number, name in enumerate(steps):
        step(world.client(), name, number)
        before = picture(world.client())
        world.restart(after_ns=0)
        assert picture(world.client()) == before, f"after {steps[: number + 1]}"
        agrees(world)
    world.kill()


def test_used_ids_and_keys_outlive_the_venue(tmp_path: Path) -> None:
    world = World(tmp_path / "sim.sqlite")
    world.key("second", ips=("10.0.0.1",))
    world.client().place(orderLinkId="used")
    world.client().do("/v5/order/cancel", category="linear", symbol="BTCUSDT", orderLinkId="used")
    world.restart()
    assert world.client().create(orderLinkId="used")["retCode"] == 110072
    second = Client(world, "second", "secret of second", "10.0.0.1")
    assert second.ask("/v5/user/query-api")["ips"] == ["10.0.0.1"]


def test_a_late_order_arrives_although_the_power_was_cut(tmp_path: Path) -> None:
    world = World(tmp_path / "sim.sqlite")
    world.fault("late_match", delay_ns=5 * SECOND_NS)
    order = world.client().place()
    world.restart(after_ns=SECOND_NS)
    assert world.client().ask(REALTIME, category="linear", orderId=order)["list"] == []
    world.advance(5 * SECOND_NS)
    assert world.client().order(order)["orderStatus"] == "New"


def test_the_dead_man_switch_outlives_the_venue(tmp_path: Path) -> None:
    world = World(tmp_path / "sim.sqlite")
    client = world.client()
    client.do("/v5/order/disconnected-cancel-all", product="DERIVATIVES", timeWindow=5)
    client.private("dcp.future")
    order = client.place()
    world.restart(after_ns=60 * SECOND_NS)
    world.advance(4 * SECOND_NS)
    assert world.client().order(order)["orderStatus"] == "New"
    world.advance(2 * SECOND_NS)
    assert (
        world.client().ask(HISTORY, category="linear", orderId=order)["list"][0]["cancelType"]
        == "CancelByDCP"
    )


def test_a_market_that_joins_through_resting_orders_is_told(tmp_path: Path) -> None:
    """At a restart the synthetic traders come back, and may take what a client left standing."""
    world = World(tmp_path / "sim.sqlite", limits=WIDE)
    client = world.client()
    order = client.place(price="60000.0", qty="0.01")
    sell = client.place(side="Sell", price="60000.1", qty="0.01")
    world.price("linear:BTCUSDT", "60000.5")
    world.restart()
    client = world.client()
    rows = every(client, FILLS, category="linear")
    fills = world.net.house.exchange.fills("main").items
    assert len(rows) == len(fills)
    for one in (order, sell):
        found = client.ask(REALTIME, category="linear", orderId=one)["list"]
        found += client.ask(HISTORY, category="linear", orderId=one)["list"]
        assert [row["orderStatus"] for row in found] in (["New"], ["Filled"])
