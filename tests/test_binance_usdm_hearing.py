"""What is made of the user stream: one fill once, with its fee and its owner, whatever comes first."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from kedge.model.events import BalanceNews, FillNews, OrderNews, Outgrown
from kedge.model.order import State
from kedge.model.venue import PlaceOrder
from kedge.venues.binance.usdm import wire
from kedge.venues.binance.usdm.hearing import Heard, Hearing, Want
from kedge.venues.binance.usdm.memory import OWNERS_MOST, Memory

EXAMPLES = json.loads((Path(__file__).parent / "data/binance/usdm/examples.json").read_text())
OURS = "00000001" + "000002" + "00000003" + "0000000004"
STOP = "00000001" + "000002" + "00000003" + "0000000005"
SECOND = 1_000_000_000
NUMBER = 8886774


def made() -> tuple[Hearing, Memory]:
    memory = Memory()
    memory.walk_done("BTCUSDT")
    return Hearing("usdm/main", memory, {"BTCUSDT": 20}), memory


def say(hearing: Hearing, event: dict[str, Any], now_ns: int = 0) -> Heard:
    return hearing.hear(msgspec.json.encode(event), now_ns)


def order(**members: Any) -> dict[str, Any]:
    event = EXAMPLES["push_order"][0]
    plain = {"o": "LIMIT", "ot": "LIMIT", "ps": "BOTH", "c": OURS, "i": NUMBER, "p": "100", "q": "1"}
    return event | {"o": event["o"] | plain | members}


def fill(**members: Any) -> dict[str, Any]:
    traded = {"x": "TRADE", "X": "FILLED", "l": "1", "z": "1", "L": "100", "t": 77, "n": "0.04", "N": "USDT"}
    return order(**(traded | members))


def lite(**members: Any) -> dict[str, Any]:
    told = {"s": "BTCUSDT", "c": OURS, "S": "SELL", "L": "100", "l": "1", "t": 77, "i": NUMBER}
    return EXAMPLES["push_trade_lite"][0] | told | members


def algo(status: str, **members: Any) -> dict[str, Any]:
    event = EXAMPLES["push_algo"][0]
    plain = {
        "caid": STOP,
        "s": "BTCUSDT",
        "S": "SELL",
        "q": "1",
        "X": status,
        "o": "STOP_MARKET",
        "p": "0",
        "rm": "",
    }
    return event | {"o": event["o"] | plain | members}


def fills(heard: Heard) -> list[tuple[str, str, Decimal]]:
    found = [e.fill for e in heard.events if isinstance(e, FillNews)]
    return [(f.exec_id, f.client_id, f.fee) for f in found]


def states(heard: Heard) -> list[tuple[str, State]]:
    found = [e.order for e in heard.events if isinstance(e, OrderNews)]
    return [(o.client_id, o.state) for o in found]


# ── fills ───────────────────────────────────────────────────────────────────────────────────────


def test_a_fill_is_told_before_the_end_of_its_order() -> None:
    hearing, _ = made()
    heard = say(hearing, fill())
    assert [type(e) for e in heard.events] == [FillNews, OrderNews]
    assert fills(heard) == [("BTCUSDT-77-s", OURS, Decimal("0.04"))]
    assert states(heard) == [(OURS, State.FILLED)]


def test_a_fill_told_twice_is_told_once_and_with_its_fee() -> None:
    hearing, _ = made()
    assert say(hearing, lite()).events == []
    assert fills(say(hearing, fill())) == [("BTCUSDT-77-s", OURS, Decimal("0.04"))]
    assert say(hearing, lite()).events == []
    assert fills(say(hearing, fill())) == []
    assert hearing.overdue(3_600 * SECOND, SECOND) == ()


def test_a_fill_that_was_announced_and_never_told_is_asked_for() -> None:
    hearing, _ = made()
    say(hearing, lite(), now_ns=5 * SECOND)
    assert hearing.overdue(6 * SECOND, 3 * SECOND) == ()
    assert hearing.overdue(9 * SECOND, 3 * SECOND) == (Want("trades", "BTCUSDT", NUMBER),)
    assert hearing.awaits("BTCUSDT", NUMBER)
    hearing.fills_told(["BTCUSDT-77-s"])
    assert hearing.overdue(9 * SECOND, 3 * SECOND) == ()
    assert fills(say(hearing, fill())) == []


def test_a_fill_without_a_number_is_asked_for() -> None:
    hearing, _ = made()
    heard = say(hearing, fill(x="CALCULATED", c="autoclose-17", t=0))
    assert heard.wants == [Want("trades", "BTCUSDT", NUMBER)]
    assert fills(heard) == []


def test_the_venues_own_orders_are_never_dropped() -> None:
    hearing, memory = made()
    memory.placing(stop())
    for at, (name, kind) in enumerate(
        [("autoclose-17", "liquidation"), ("adl_autoclose", "adl"), ("settlement_autoclose-1", "delivery")]
    ):
        heard = say(hearing, fill(c=name, i=100 + at, t=500 + at))
        (news,) = [e for e in heard.events if isinstance(e, FillNews)]
        assert (news.fill.client_id, news.fill.kind) == (name, kind)


# ── conditional orders ──────────────────────────────────────────────────────────────────────────


def stop() -> PlaceOrder:
    return PlaceOrder(STOP, "BTCUSDT", "sell", Decimal(1), Decimal(0), "stop", trigger_price=Decimal(90))


def test_a_triggered_stop_is_told_under_its_own_id() -> None:
    hearing, memory = made()
    memory.placing(stop())
    assert states(say(hearing, algo("NEW"))) == [(STOP, State.OPEN)]
    assert states(say(hearing, algo("TRIGGERED", ai=str(NUMBER)))) == [(STOP, State.OPEN)]
    heard = say(hearing, fill(c="anything-else", o="MARKET", ot="STOP_MARKET"))
    assert fills(heard) == [("BTCUSDT-77-s", STOP, Decimal("0.04"))]
    assert states(heard) == [(STOP, State.FILLED)]
    (news,) = [e.order for e in heard.events if isinstance(e, OrderNews)]
    assert (news.kind, news.venue_id) == ("stop", str(NUMBER))
    # What is only a repetition by the algo service is not told as an order that lives.
    assert states(say(hearing, algo("TRIGGERED", ai=str(NUMBER)))) == []


def test_what_came_before_the_link_waits_for_it() -> None:
    hearing, memory = made()
    memory.placing(stop())
    heard = say(hearing, order(c="strange", x="NEW", X="NEW"))
    assert (heard.events, heard.wants) == ([], [Want("links", "BTCUSDT")])
    assert say(hearing, fill(c="strange")).events == []
    heard = say(hearing, algo("TRIGGERED", ai=NUMBER))
    assert fills(heard) == [("BTCUSDT-77-s", STOP, Decimal("0.04"))]
    assert states(heard) == [(STOP, State.OPEN), (STOP, State.OPEN), (STOP, State.FILLED)]
    assert hearing.held_symbols == ()


def test_a_regular_order_that_kept_the_stops_id_needs_no_link() -> None:
    hearing, memory = made()
    memory.placing(stop())
    assert fills(say(hearing, fill(c=STOP))) == [("BTCUSDT-77-s", STOP, Decimal("0.04"))]


def test_after_a_restart_nobody_is_called_a_stranger_unasked() -> None:
    memory = Memory()
    hearing = Hearing("usdm/main", memory, {})
    assert say(hearing, fill(c="hand-made")).wants == [Want("links", "BTCUSDT")]
    memory.walk_done("BTCUSDT")
    assert fills(hearing.links_known("BTCUSDT", 9_000_000_000_000)) == [
        ("BTCUSDT-77-s", "hand-made", Decimal("0.04"))
    ]
    # From now on the number is known.
    assert fills(say(hearing, fill(c="hand-made", t=78))) == [("BTCUSDT-78-s", "hand-made", Decimal("0.04"))]


def test_orders_of_the_other_side_do_not_wait() -> None:
    hearing, memory = made()
    memory.placing(stop())
    assert fills(say(hearing, fill(c="hand-made", S="BUY"))) == [
        ("BTCUSDT-77-b", "hand-made", Decimal("0.04"))
    ]


def test_the_ends_of_a_stop() -> None:
    for status, state in [
        ("CANCELED", State.CANCELLED),
        ("EXPIRED", State.EXPIRED),
        ("REJECTED", State.REJECTED),
    ]:
        hearing, memory = made()
        memory.placing(stop())
        heard = say(hearing, algo(status, rm="Reduce Only reject"))
        assert states(heard) == [(STOP, state)]
        assert memory.waiting("BTCUSDT") == ()
        (news,) = [e.order for e in heard.events if isinstance(e, OrderNews)]
        assert news.reason == "Reduce Only reject"


def test_finished_is_told_by_the_regular_order() -> None:
    hearing, memory = made()
    memory.placing(stop())
    say(hearing, algo("TRIGGERED", ai=NUMBER))
    # Filled or cancelled: only the whole quantity says which.
    assert states(say(hearing, algo("FINISHED", ai=NUMBER, aq="0"))) == []
    assert states(say(hearing, algo("FINISHED", ai=NUMBER, aq="1.000"))) == [(STOP, State.FILLED)]
    assert states(say(hearing, algo("CANCELED", ai=NUMBER))) == []
    # Its fill, if it comes only now, is still a fill.
    assert fills(say(hearing, fill(c="strange"))) == [("BTCUSDT-77-s", STOP, Decimal("0.04"))]


def test_an_expiry_that_only_makes_room_is_no_end() -> None:
    hearing, _ = made()
    assert states(say(hearing, order(x="EXPIRED", X="EXPIRED", er="8"))) == []
    heard = say(hearing, order(x="EXPIRED", X="EXPIRED", er="2"))
    assert states(heard) == [(OURS, State.EXPIRED)]
    (news,) = [e.order for e in heard.events if isinstance(e, OrderNews)]
    assert "given back" in news.reason


def test_a_refused_trigger_is_told_of_ours_and_said_of_others() -> None:
    hearing, memory = made()
    memory.placing(stop())
    say(hearing, algo("TRIGGERED", ai=NUMBER))
    event = {"e": "CONDITIONAL_ORDER_TRIGGER_REJECT", "or": {"s": "BTCUSDT", "i": NUMBER, "r": "no margin"}}
    assert states(say(hearing, event)) == [(STOP, State.REJECTED)]
    event["or"] = {"s": "BTCUSDT", "i": 5, "r": "no margin"}
    (said,) = say(hearing, event).events
    assert isinstance(said, Outgrown)


# ── the account ─────────────────────────────────────────────────────────────────────────────────


def test_moved_money_leads_to_a_question_and_a_trade_does_not() -> None:
    hearing, _ = made()
    update = EXAMPLES["push_account"][0]
    update["a"]["P"] = [one for one in update["a"]["P"] if one["ps"] == "BOTH"]
    heard = say(hearing, update)
    assert heard.wants == []
    (news,) = heard.events
    assert isinstance(news, BalanceNews)
    assert news.balances[0].total == Decimal("122624.12345678")
    update["a"]["m"] = "FUNDING_FEE"
    assert say(hearing, update).wants == [Want("income")]


def test_hedge_mode_is_looked_into() -> None:
    hearing, _ = made()
    assert Want("mode") in say(hearing, order(ps="LONG", x="NEW")).wants
    held = {"s": "BTCUSDT", "pa": "1", "ps": "SHORT"}
    update = {"e": "ACCOUNT_UPDATE", "T": 1, "a": {"m": "ORDER", "P": [held]}}
    assert say(hearing, update).wants == [Want("mode")]


def test_what_somebody_else_changed_is_said() -> None:
    hearing, _ = made()
    config = EXAMPLES["push_config"]
    (said,) = say(hearing, config[0]).events
    assert isinstance(said, Outgrown)
    assert "leverage of BTCUSDT to 25" in said.why
    ours = config[0] | {"ac": {"s": "BTCUSDT", "l": 20}}
    assert say(hearing, ours).events == []
    (said,) = say(hearing, config[1]).events
    assert isinstance(said, Outgrown)
    assert "multi-assets" in said.why
    (said,) = say(hearing, EXAMPLES["push_margin_call"][0]).events
    assert isinstance(said, Outgrown)
    assert "ETHUSDT" in said.why


def test_what_ends_the_stream() -> None:
    hearing, _ = made()
    assert "listen key" in say(hearing, EXAMPLES["push_key_expired"][0]).broken
    assert hearing.hear(b"{", 0).broken
    assert "ORDER_TRADE_UPDATE" in say(hearing, order(q="NaN")).broken
    assert "SLEEPING" in say(hearing, order(X="SLEEPING")).broken
    assert say(hearing, EXAMPLES["push_grid"][0]).broken == ""
    assert hearing.foreign == 1
    assert say(hearing, {"result": ["x"], "id": 3}).echo


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def test_open_symbols_are_those_with_regular_orders_that_live() -> None:
    _, memory = made()
    memory.placing(stop())
    assert memory.open_symbols() == ()
    memory.placing(PlaceOrder(OURS, "ETHUSDT", "buy", Decimal(1), Decimal(5)))
    assert memory.open_symbols() == ("ETHUSDT",)
    memory.ended(OURS)
    assert memory.open_symbols() == ()
    row = EXAMPLES["query_algo"][0] | {"clientAlgoId": STOP, "symbol": "BTCUSDT", "actualOrderId": NUMBER}
    learnt = wire.read(msgspec.json.encode(row | {"algoStatus": "TRIGGERED"}), wire.Algo)
    assert isinstance(learnt, wire.Algo)
    memory.learn_algo(learnt)
    assert memory.open_symbols() == ("BTCUSDT",)
    assert memory.owner("BTCUSDT", NUMBER) == STOP


def test_memory_is_bounded() -> None:
    _, memory = made()
    for number in range(OWNERS_MOST + 10):
        memory.is_stranger("BTCUSDT", number, "x")
    assert memory.owner("BTCUSDT", 9) is None
    assert memory.owner("BTCUSDT", 10) == "x"
