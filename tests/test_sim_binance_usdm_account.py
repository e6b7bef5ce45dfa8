"""Accounts on the futures testnet: settings, both position modes, money, funding, liquidation, countdowns."""

from __future__ import annotations

from decimal import Decimal

from usdm_kit import BTC, HOUR_NS, MS, SECOND_NS, World

INNER = f"usdm:{BTC}"


def wallet_of(world: World) -> Decimal:
    return Decimal(world.get("v2/balance")[0]["balance"])


def cash_of(world: World, account: str = "main") -> Decimal:
    return world.house.exchange.truth().accounts[f"{account}:usdm"].cash["USDT"]


def positions(world: World) -> dict[str, str]:
    return {p["positionSide"]: p["positionAmt"] for p in world.get("v3/positionRisk", symbol=BTC)}


# ── settings ────────────────────────────────────────────────────────────────────────────────────


def test_leverage() -> None:
    world = World()
    ears = world.listen()
    said = world.ask("POST", "v1/leverage", symbol=BTC, leverage=50)
    assert said == {"symbol": BTC, "leverage": 50, "maxNotionalValue": "12000000"}
    world.ask("POST", "v1/leverage", symbol=BTC, leverage=50)
    told = ears.events("ACCOUNT_CONFIG_UPDATE")
    assert [frame["ac"] for frame in told] == [{"s": BTC, "l": 50}]
    for leverage in (0, 126, -1):
        assert world.ask("POST", "v1/leverage", symbol=BTC, leverage=leverage)["code"] == -4028
    assert world.ask("POST", "v1/leverage", symbol=BTC, leverage="x")["code"] == -1102
    assert world.get("v1/symbolConfig", symbol=BTC)[0]["leverage"] == 50
    bracket = world.get("v1/leverageBracket", symbol=BTC)["brackets"][0]
    assert (bracket["initialLeverage"], bracket["notionalCap"]) == (125, 300_000)
    assert len(world.get("v1/leverageBracket")) == 4


def test_a_position_is_no_larger_than_its_bracket_allows() -> None:
    world = World()
    world.ask("POST", "v1/leverage", symbol=BTC, leverage=125)
    assert world.place(quantity="6")["code"] == -2027
    world.place(quantity="5", price="59000")
    assert world.place(quantity="1", price="59000")["code"] == -2027


def test_leverage_is_not_lowered_below_what_a_position_needs() -> None:
    world = World()
    world.market("BUY", "6")
    assert world.ask("POST", "v1/leverage", symbol=BTC, leverage=1)["code"] == -2028
    world.ask("POST", "v1/leverage", symbol=BTC, leverage=20)
    assert world.ask("POST", "v1/leverage", symbol=BTC, leverage=125)["code"] == -2027


def test_margin_type() -> None:
    world = World()
    assert world.ask("POST", "v1/marginType", symbol=BTC, marginType="CROSSED")["code"] == -4046
    order = world.place()
    assert world.ask("POST", "v1/marginType", symbol=BTC, marginType="ISOLATED")["code"] == -4047
    world.ask("DELETE", "v1/order", symbol=BTC, orderId=order["orderId"])
    world.market("BUY", "0.010")
    assert world.ask("POST", "v1/marginType", symbol=BTC, marginType="ISOLATED")["code"] == -4048
    world.market("SELL", "0.010")
    ears = world.listen()
    assert world.ask("POST", "v1/marginType", symbol=BTC, marginType="ISOLATED")["code"] == 200
    assert ears.events("ACCOUNT_UPDATE")[0]["a"]["m"] == "MARGIN_TYPE_CHANGE"
    assert world.get("v2/positionRisk", symbol=BTC)[0]["marginType"] == "isolated"
    assert world.ask("POST", "v1/marginType", symbol=BTC, marginType="SIDEWAYS")["code"] == -1130
    assert world.ask("POST", "v1/multiAssetsMargin", multiAssetsMargin="true")["code"] == -4167


def test_multi_assets_mode() -> None:
    world = World()
    ears = world.listen()
    assert world.ask("POST", "v1/multiAssetsMargin", multiAssetsMargin="false")["code"] == -4171
    assert world.ask("POST", "v1/multiAssetsMargin", multiAssetsMargin="true")["code"] == 200
    assert world.get("v1/multiAssetsMargin") == {"multiAssetsMargin": True}
    assert ears.events("ACCOUNT_CONFIG_UPDATE")[0]["ai"] == {"j": True}
    assert world.ask("POST", "v1/marginType", symbol=BTC, marginType="ISOLATED")["code"] == -4168


def test_position_mode_changes_only_on_an_empty_account() -> None:
    world = World()
    assert world.ask("POST", "v1/positionSide/dual", dualSidePosition="false")["code"] == -4059
    order = world.place()
    assert world.ask("POST", "v1/positionSide/dual", dualSidePosition="true")["code"] == -4067
    world.ask("DELETE", "v1/order", symbol=BTC, orderId=order["orderId"])
    world.market("BUY", "0.010")
    assert world.ask("POST", "v1/positionSide/dual", dualSidePosition="true")["code"] == -4068
    world.market("SELL", "0.010")
    assert world.ask("POST", "v1/positionSide/dual", dualSidePosition="true")["code"] == 200
    assert world.get("v1/positionSide/dual") == {"dualSidePosition": True}


# ── two legs ────────────────────────────────────────────────────────────────────────────────────


def hedger() -> World:
    world = World()
    world.ask("POST", "v1/positionSide/dual", dualSidePosition="true")
    return world


def test_two_legs_live_side_by_side() -> None:
    world = hedger()
    assert world.market("BUY", "0.010")["code"] == -4061
    world.market("BUY", "0.030", positionSide="LONG")
    world.market("SELL", "0.010", positionSide="SHORT")
    assert positions(world) == {"LONG": "0.030", "SHORT": "-0.010"}
    assert world.market("SELL", "0.050", positionSide="LONG")["code"] == -2022
    assert world.market("BUY", "0.010", positionSide="SHORT", reduceOnly="true")["code"] == -1106
    world.move(BTC, "61000")
    closed = world.market("BUY", "0.010", positionSide="SHORT")
    row = world.get("v1/userTrades", symbol=BTC, orderId=closed["orderId"])[0]
    assert (row["positionSide"], row["realizedPnl"]) == ("SHORT", "-10.00200000")
    assert positions(world) == {"LONG": "0.030", "SHORT": "0.000"}


def test_the_wallet_is_what_it_would_be_with_legs_held_apart() -> None:
    """Money on the exchange is netted; what is shown differs by exactly what the legs have not realised."""
    world = hedger()
    world.market("BUY", "0.030", positionSide="LONG")
    world.move(BTC, "61000")
    world.market("SELL", "0.020", positionSide="SHORT")
    world.move(BTC, "60500")
    account = world.get("v3/account")
    exchange = world.house.exchange
    truth = exchange.truth().accounts["main:usdm"]
    equity = truth.cash["USDT"] - truth.entered["USDT"] + Decimal("0.010") * 60500
    assert Decimal(account["totalMarginBalance"]) == equity
    fees = sum(Decimal(fill["commission"]) for fill in world.get("v1/userTrades", symbol=BTC))
    assert wallet_of(world) == 100_000 - fees, "nothing has been realised"


def test_closing_orders_of_a_leg_go_with_it() -> None:
    world = hedger()
    world.market("BUY", "0.010", positionSide="LONG")
    first = world.place(side="SELL", price="62000", quantity="0.006", positionSide="LONG")
    second = world.place(side="SELL", price="62100", quantity="0.004", positionSide="LONG")
    assert world.place(side="SELL", price="62200", quantity="0.004", positionSide="LONG")["code"] == -2022
    world.ask("DELETE", "v1/order", symbol=BTC, orderId=second["orderId"])
    world.market("SELL", "0.004", positionSide="LONG")
    assert world.get("v1/order", symbol=BTC, orderId=first["orderId"])["status"] == "NEW"
    assert positions(world)["LONG"] == "0.006"


# ── money ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_shown_is_what_the_exchange_has() -> None:
    world = World()
    for side, qty in (("BUY", "0.030"), ("SELL", "0.050"), ("BUY", "0.007")):
        world.market(side, qty)
        world.move(BTC, str(60_000 + int(Decimal(qty) * 10_000)))
    assert wallet_of(world) == cash_of(world)
    income = world.get("v1/income", limit=1000)
    assert sum(Decimal(row["income"]) for row in income) == cash_of(world)
    fills = world.get("v1/userTrades", symbol=BTC)
    assert len({row["id"] for row in fills}) == len(fills)
    pnl = sum(Decimal(row["realizedPnl"]) - Decimal(row["commission"]) for row in fills)
    assert wallet_of(world) == 100_000 + pnl
    # Two rows of one kind never have the same number.
    for kind in ("COMMISSION", "REALIZED_PNL"):
        numbers = [row["tranId"] for row in world.get("v1/income", incomeType=kind)]
        assert len(dict.fromkeys(numbers)) == len(numbers) > 0


def test_funding_is_paid_and_told() -> None:
    world = World()
    world.market("BUY", "0.100")
    now_ns = world.house.now_ns()
    world.house.exchange.set_funding(INNER, Decimal("0.0001"), now_ns)
    world.net.tick()
    due_ns = world.house.exchange.market(INNER).funding_ns
    world.pass_time(due_ns - world.real_ns - SECOND_NS)
    ears = world.listen()
    world.pass_time(2 * SECOND_NS)
    told = [frame["a"] for frame in ears.events("ACCOUNT_UPDATE")]
    assert [(a["m"], a["B"][0]["bc"], a["P"]) for a in told] == [("FUNDING_FEE", "-0.60000000", [])]
    row = world.get("v1/income", incomeType="FUNDING_FEE")[0]
    assert (row["income"], row["symbol"]) == ("-0.60000000", BTC)
    world.move(BTC, "60010")
    rates = world.public("v1/fundingRate", symbol=BTC)
    assert [(r["fundingRate"], r["fundingTime"]) for r in rates] == [("0.00010000", due_ns // MS)]
    assert world.public("v1/premiumIndex", symbol=BTC)["nextFundingTime"] == (due_ns + 8 * HOUR_NS) // MS


def test_transfers() -> None:
    world = World()
    ears = world.listen()
    world.house.exchange.transfer("main:usdm", "USDT", Decimal(-500), world.house.now_ns())
    world.house.settle()
    update = ears.events("ACCOUNT_UPDATE")[0]["a"]
    assert (update["m"], update["B"][0]["bc"]) == ("WITHDRAW", "-500.00000000")
    assert wallet_of(world) == 99_500
    assert world.get("v1/income", incomeType="TRANSFER")[-1]["income"] == "-500.00000000"


def test_what_is_free_and_what_is_bound() -> None:
    world = World()
    world.market("BUY", "1")
    world.place(quantity="1", price="59000")
    account = world.get("v3/account")
    assert account["totalPositionInitialMargin"] == "3000.00000000"
    assert account["totalOpenOrderInitialMargin"] == "2950.00000000"
    bound = Decimal(account["totalInitialMargin"])
    assert Decimal(account["availableBalance"]) == Decimal(account["totalMarginBalance"]) - bound
    assert world.get("v2/account")["positions"][0]["leverage"] == "20"
    assert len(world.get("v2/account")["positions"]) == 4
    assert len(account["positions"]) == 1


# ── the end of money ────────────────────────────────────────────────────────────────────────────


def ruined(world: World) -> None:
    """A position of eight coins with a hundred thousand, and a market that falls."""
    for _ in range(4):
        world.market("BUY", "2")
        world.pass_time(SECOND_NS)
    for price in ("58000", "56000", "54000", "52000", "50000", "48000", "47500", "47000"):
        world.move(BTC, price)


def test_liquidation() -> None:
    world = World()
    ears, public = world.listen(), world.open("/market/ws/btcusdt@forceOrder")
    resting = world.place(price="40000", quantity="0.010")
    world.market("BUY", "0.010")
    ruined(world)
    world.pass_time(2 * SECOND_NS, 4)
    assert "MARGIN_CALL" in ears.kinds()
    orders = [frame["o"] for frame in ears.events("ORDER_TRADE_UPDATE")]
    forced = [o for o in orders if o["c"].startswith("autoclose-")]
    assert {o["x"] for o in forced} == {"NEW", "CALCULATED"}
    assert forced[0]["o"] == "LIQUIDATION"
    assert forced[-1]["X"] == "FILLED"
    ended = next(o for o in orders if o["i"] == resting["orderId"] and o["X"] == "EXPIRED")
    assert ended["er"] == "5"
    assert world.get("v3/positionRisk") == []
    shown = world.get("v1/forceOrders", symbol=BTC)
    assert shown[0]["clientOrderId"].startswith("autoclose-")
    seen = public.events("forceOrder")
    assert seen
    assert seen[0]["o"]["S"] == "SELL"
    assert wallet_of(world) == cash_of(world)
    assert world.house.exchange.faults() == []


def test_the_liquidation_price_is_where_it_happens() -> None:
    world = World()
    for _ in range(4):
        world.market("BUY", "2")
        world.pass_time(SECOND_NS)
    said = Decimal(world.get("v3/positionRisk")[0]["liquidationPrice"])
    exchange, now_ns = world.house.exchange, world.house.now_ns()
    exchange.feed(INNER, now_ns, mark=said + 1)
    assert exchange.positions("main:usdm")
    exchange.feed(INNER, now_ns, mark=said - 1)
    assert not exchange.positions("main:usdm")


def test_deleveraging_has_a_name_of_its_own() -> None:
    """What neither the book nor the fund can take is taken from those on the other side."""
    world = World()
    world.add_key("rival", "rival")
    exchange = world.house.exchange
    world.place(side="SELL", price="60000.0", quantity="8")
    world.key = "rival"
    world.place(side="BUY", price="60000.0", quantity="8")
    world.key = "paper"
    ears = world.listen()
    exchange.cancel_all("_still", world.house.now_ns(), INNER)
    exchange._floor.memory.accounts["~insurance"].cash["USDT"] = Decimal(0)
    exchange.feed(INNER, world.house.now_ns(), mark=Decimal(40_000))
    world.house.settle()
    taken = [f["o"] for f in ears.events("ORDER_TRADE_UPDATE")]
    assert [(o["c"], o["x"], o["X"]) for o in taken] == [
        ("adl_autoclose", "NEW", "NEW"),
        ("adl_autoclose", "CALCULATED", "FILLED"),
    ]
    assert world.get("v3/positionRisk") == []
    assert world.get("v1/forceOrders", autoCloseType="ADL")[0]["clientOrderId"] == "adl_autoclose"
    assert Decimal(world.get("v1/userTrades", symbol=BTC)[-1]["realizedPnl"]) > 0


def test_delivery() -> None:
    world = World()
    dated = next(name for name in world.usdm.listings.all if "_" in name)
    world.market("BUY", "0.010", symbol=dated)
    expires_ns = world.usdm.listings[dated].instrument.expires_ns
    world.pass_time(expires_ns - world.real_ns - SECOND_NS)
    ears = world.listen()
    world.pass_time(2 * SECOND_NS)
    settled = ears.events("ORDER_TRADE_UPDATE")[-1]["o"]
    assert settled["c"].startswith("settlement_autoclose-")
    assert (settled["s"], settled["X"]) == (dated, "FILLED")
    assert world.market("BUY", "0.010", symbol=dated)["code"] == -4141
    info = world.public("v1/exchangeInfo")["symbols"]
    assert next(s["status"] for s in info if s["symbol"] == dated) == "SETTLING"
    assert len([s for s in info if s["contractType"] == "CURRENT_QUARTER" and s["status"] == "TRADING"]) == 1


# ── the dead-man switch ─────────────────────────────────────────────────────────────────────────


def test_a_countdown_that_is_not_renewed() -> None:
    world = World()
    order, other = world.place(), world.place(symbol="ETHUSDT", price="2900", quantity="0.1")
    algo = world.algo()
    said = world.ask("POST", "v1/countdownCancelAll", symbol=BTC, countdownTime=5000)
    assert said == {"symbol": BTC, "countdownTime": "5000"}
    world.pass_time(4 * SECOND_NS)
    world.ask("POST", "v1/countdownCancelAll", symbol=BTC, countdownTime=5000)
    world.pass_time(4 * SECOND_NS)
    assert world.get("v1/openOrder", symbol=BTC, orderId=order["orderId"])["status"] == "NEW"
    ears = world.listen()
    world.pass_time(SECOND_NS)
    assert [f["o"]["X"] for f in ears.events("ORDER_TRADE_UPDATE")] == ["CANCELED"]
    assert [o["orderId"] for o in world.get("v1/openOrders")] == [other["orderId"]]
    assert world.get("v1/algoOrder", algoId=algo["algoId"])["algoStatus"] == "NEW", "conditionals stay"


def test_a_countdown_ends_between_two_ticks_and_over_a_restart() -> None:
    world = World()
    order = world.place()
    world.ask("POST", "v1/countdownCancelAll", symbol=BTC, countdownTime=5000)
    world.begin()
    world.real_ns += 6 * SECOND_NS
    assert world.get("v1/order", symbol=BTC, orderId=order["orderId"])["status"] == "CANCELED"


def test_a_countdown_is_taken_off() -> None:
    world = World()
    world.place()
    world.ask("POST", "v1/countdownCancelAll", symbol=BTC, countdownTime=5000)
    world.ask("POST", "v1/countdownCancelAll", symbol=BTC, countdownTime=0)
    world.pass_time(10 * SECOND_NS)
    assert len(world.get("v1/openOrders")) == 1
    for wrong, code in (("-1", -1130), (None, -1102), ("x", -1102)):
        said = world.ask("POST", "v1/countdownCancelAll", symbol=BTC, countdownTime=wrong)
        assert said["code"] == code
