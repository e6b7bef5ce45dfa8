"""One order made and signed, as it would be given to the socket: ours beside ccxt's, for the same order.

Theirs begins with the numbers of the order and ends with method, address, headers and body of the HTTP
request, because that is what its `create_order` sends. Ours goes by WebSocket, which Bybit has signed once
per connection and Binance with every message; our own HTTP, the way out while that line is down, stands
beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from bench import theirs
from bench.flow import SYMBOL
from bench.kit import Budget, Part, Size, Table, in_turns, middle, noise, ratio, us
from kedge.model.ids import mint
from kedge.model.venue import PlaceOrder
from kedge.venues.binance.sign import Hmac, ws_signature
from kedge.venues.binance.sign import window as binance_window
from kedge.venues.binance.usdm import asking as usdm_asking
from kedge.venues.binance.usdm import asks as usdm
from kedge.venues.binance.usdm.rules import Options as UsdmOptions
from kedge.venues.binance.usdm.rules import hosts_of
from kedge.venues.bybit import orders as bybit
from kedge.venues.bybit.sign import sign, window_ms
from kedge.venues.bybit.wire import json_of
from kedge.venues.net import Net
from kedge.venues.rest import Call
from kedge.venues.skew import Skew
from kedge.venues.venue import Setup

NAME, TITLE = "sign", "One order, made and signed"
TIMES = 15
KEY, SECRET = "bench", "bench-secret"
SECOND_NS = 1_000_000_000

Make = Callable[[PlaceOrder, int], object]


def measure(size: Size) -> Part:
    rounds, count = size.of(15, 2), size.of(400, 5)
    makes: dict[str, Make] = {
        "bybit": _bybit,
        "bybit socket": _bybit_socket,
        "usdm": _usdm(),
        "usdm socket": _usdm_socket(),
        "ccxt bybit": _ccxt_bybit(),
        "ccxt usdm": _ccxt_usdm(),
    }
    takes = {name: (lambda make=make: _time(make, count)) for name, make in makes.items()}
    return _part(in_turns(rounds, takes))


def _time(make: Make, count: int) -> Sequence[float]:
    took = []
    for number in range(1, count + 1):
        now_ns = time.time_ns()
        order = PlaceOrder(
            client_id=mint(77, 1, 9, number),
            symbol=SYMBOL,
            side="buy",
            qty=Decimal("0.010"),
            price=Decimal("60000.0") + number,
            tif="post_only",
            valid_until_ns=now_ns + 5 * SECOND_NS,
        )
        began = time.perf_counter_ns()
        make(order, now_ns)
        took.append(float(time.perf_counter_ns() - began))
    return took


# ── ours ────────────────────────────────────────────────────────────────────────────────────────


def _bybit(order: PlaceOrder, now_ns: int) -> object:
    body = json_of(bybit.place("linear", order))
    call = Call("POST", "/v5/order/create", body=body, deed=True, valid_until_ns=order.valid_until_ns)
    return sign(call, KEY, SECRET, now_ns)


def _bybit_socket(order: PlaceOrder, now_ns: int) -> object:
    stamp_ms, window = window_ms(now_ns, order.valid_until_ns)
    return bybit.frame("order.create", "18a9c1f0-1f", stamp_ms, window, bybit.place("linear", order))


def _usdm() -> Make:
    setup = Setup("binance-usdm/main", KEY, SECRET)
    options, skew = UsdmOptions(), Skew(SECOND_NS)
    asking = usdm_asking.Asking(setup, hosts_of(setup), Net(), time.time_ns, skew, options)

    def make(order: PlaceOrder, now_ns: int) -> object:
        ask = usdm.place(order)
        assert not isinstance(ask, str)
        call = usdm_asking._call(ask, deed=True, valid_until_ns=order.valid_until_ns)
        return asking._sign(call, now_ns)  # as `Rest` would have it done

    return make


def _usdm_socket() -> Make:
    signer = Hmac(SECRET)

    def make(order: PlaceOrder, now_ns: int) -> object:
        ask = usdm.place(order)
        moment = binance_window(now_ns, order.valid_until_ns, 0)
        assert not isinstance(ask, str)
        assert moment is not None
        timed: dict[str, Any] = {**ask.params, "apiKey": KEY, "timestamp": moment[0], "recvWindow": moment[1]}
        timed["signature"] = ws_signature(timed, signer)
        return usdm_asking.frame_of(1, ask.ws, timed)

    return make


# ── theirs ──────────────────────────────────────────────────────────────────────────────────────


def _ccxt_bybit() -> Make:
    made = theirs.exchange("bybit")
    return _ccxt(made, "v5/order/create", "private")


def _ccxt_usdm() -> Make:
    made = theirs.exchange("binanceusdm")
    return _ccxt(made, "order", "fapiPrivate")


def _ccxt(made: Any, path: str, api: str) -> Make:
    """What its `create_order` does between being called and calling the net."""
    account = (True,) if made.id == "bybit" else ()

    def make(order: PlaceOrder, now_ns: int) -> object:
        params = {"postOnly": True, "clientOrderId": order.client_id}
        numbers = (float(order.qty), float(order.price))
        request = made.create_order_request(theirs.UNIFIED, "limit", "buy", *numbers, params, *account)
        return made.sign(path, [api], "POST", request)

    return make


# ── what it came to ─────────────────────────────────────────────────────────────────────────────

ROWS = (
    ("bybit", "Bybit, HTTP", "ccxt bybit"),
    ("bybit socket", "Bybit, WebSocket", "ccxt bybit"),
    ("ccxt bybit", "ccxt bybit, HTTP", "ccxt bybit"),
    ("usdm", "Binance USDⓈ-M, HTTP", "ccxt usdm"),
    ("usdm socket", "Binance USDⓈ-M, WS API", "ccxt usdm"),
    ("ccxt usdm", "ccxt binanceusdm, HTTP", "ccxt usdm"),
)


def _part(turns: dict[str, Any]) -> Part:
    part = Part(TITLE)
    for ours, what, other in (ROWS[1], ROWS[4]):
        times = ratio(turns[other], turns[ours])
        part.budgets.append(
            Budget(f"order made and signed, {what}: ccxt's HTTP ÷ ours", times, TIMES, at_most=False)
        )
    rows = []
    for name, what, other in ROWS:
        found = turns[name]
        beside = f"{ratio(turns[other], found):.1f}"
        rows.append((what, us(middle(found).p50), us(middle(found).p99), noise(found), beside))
    part.tables = [Table(("µs", "p50", "p99", "p50, best–worst round", "ccxt ÷ this"), rows)]
    part.says = [
        "From the order's numbers to the request as the net gets it. Theirs is `create_order_request` and"
        " `sign`, without what surrounds them (the throttle, the retries, aiohttp)."
    ]
    return part
