"""Which rig plays which venue. A new venue: its class here, beside its line in `kedge/venues/registry.py`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from kedge.model.instrument import Instrument
from kedge.sim.binance import make as binance
from kedge.sim.bybit import make as bybit
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Hosted, Setup
from kedge.sim.testnet.web import Reply
from kedge.venues.binance.spot.rules import Options as SpotOptions
from kedge.venues.binance.usdm.rules import Options as UsdmOptions
from kedge.venues.bybit.rules import Options as BybitOptions
from tests.contract.paper_rig import PaperRig
from tests.contract.rig import Rig
from tests.contract.tinvest_rig import TinvestRig
from tests.contract.wire_rig import WireRig, request_of

SPOT = {
    "contracts": "a spot market has no positions, no leverage and no funding",
    "stop_mark": "stops of a spot market are triggered by the last price alone",
    "index": "a spot market has no index and no funding rate",
}
_encode = msgspec.json.encode


class BybitRig(WireRig):
    name = "bybit-linear"
    venue = "bybit"
    wallet = "main"
    symbol, other = "BTCUSDT", "ETHUSDT"
    inside, inside_other = "linear:BTCUSDT", "linear:ETHUSDT"
    path = "/v5/trade"
    public = ("/v5/public/",)
    private = "/v5/private"
    ending = Fault("service_restart", value="private")
    gap_of_book = Fault("book_gap", path="orderbook.50.")

    @staticmethod
    def testnet(setup: Setup) -> Hosted:
        return bybit(setup)

    def is_answer(self, frame: bytes) -> bool:
        return b'"op":"order.' in frame

    def refusal(self, name: str, frame: bytes) -> bytes:
        codes = {
            "busy": (10016, "Server error."),
            "failed": (10000, "Server Timeout"),
            "too_many": (10006, "Too many visits. Exceeded the API Rate Limit."),
        }
        code, words = codes[name]
        asked = request_of(frame)
        said = {"reqId": asked["reqId"], "retCode": code, "retMsg": words, "op": asked["op"], "data": {}}
        return _encode({**said, "retExtInfo": {}, "header": {}, "connId": "c"})

    def novelty(self, part: str) -> bytes:
        return b'{"topic":"novelty.BTCUSDT","type":"snapshot","ts":1,"creationTime":1,"data":[{"a":"1"}]}'

    def too_many(self) -> Reply:
        said = {"retCode": 10006, "retMsg": "Too many visits. Exceeded the API Rate Limit.", "result": {}}
        return Reply(200, _encode({**said, "retExtInfo": {}, "time": self.venue_ns() // 1_000_000}))

    def hurried(self) -> Any:
        return BybitOptions(instruments_s=60)


class BybitSpotRig(BybitRig):
    name = "bybit-spot"
    symbol, other, strange = "BTC/USDT", "ETH/USDT", "NOSUCH/USDT"
    inside, inside_other = "spot:BTCUSDT", "spot:ETHUSDT"
    declared: ClassVar[Mapping[str, str]] = {
        **SPOT,
        "reduce_only": "a spot market has no reduce-only orders",
        "stop_passed": "the venue takes a trigger's direction from the price of the moment at which it comes",
    }


class BybitInverseRig(BybitRig):
    name = "bybit-inverse"
    symbol, other, strange = "BTCUSD", "ETHUSD", "NOSUCHUSD"
    inside, inside_other = "inverse:BTCUSD", "inverse:ETHUSD"
    lot = Decimal(100)


class BinanceRig(WireRig):
    """What spot and futures share."""

    @staticmethod
    def testnet(setup: Setup) -> Hosted:
        return binance(setup)

    def is_answer(self, frame: bytes) -> bool:
        return b'"event":{' not in frame

    def refusal(self, name: str, frame: bytes) -> bytes:
        late = (
            "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
        )
        much = (
            "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use"
            " WebSocket Streams for live updates to avoid polling the API."
        )
        said = {
            "busy": (500, -1001, "Internal error; unable to process your request. Please try again."),
            "failed": (504, -1007, late),
            "too_many": (429, -1003, much),
        }
        status, code, words = said[name]
        error = {"code": code, "msg": words}
        return _encode({"id": request_of(frame)["id"], "status": status, "error": error, "rateLimits": []})

    def too_many(self) -> Reply:
        said = {"code": -1003, "msg": "Too many requests; current limit is 2400 requests per minute."}
        return Reply(429, _encode(said), {"Retry-After": "3"})


def _of(rig: Rig, category: str) -> tuple[Instrument, ...]:
    listed = rig.window.inner.instruments()
    return tuple(one for one in listed if one.symbol.startswith(f"{category}:"))


class BinanceSpotRig(BinanceRig):
    name = "binance"
    venue = "binance"
    wallet = "main:spot"
    symbol, other = "BTCUSDT", "ETHUSDT"
    inside, inside_other = "spot:BTCUSDT", "spot:ETHUSDT"
    path = "/ws-api/v3"
    public = ("/stream",)
    private = "/ws-api/v3"
    ending = Fault("terminate_user_stream")
    declared: ClassVar[Mapping[str, str]] = {
        **SPOT,
        "batch": "the venue takes no batches of orders",
        "dead_man": "the venue has no dead-man switch",
    }

    def hurried(self) -> Any:
        return SpotOptions(refresh_instruments_s=60)

    def novelty(self, part: str) -> bytes:
        if part == "public":
            return b'{"stream":"btcusdt@novelty","data":{"e":"novelty","E":1,"s":"BTCUSDT"}}'
        return b'{"subscriptionId":0,"event":{"e":"novelty","E":1}}'

    def listed(self) -> tuple[Instrument, ...]:
        return _of(self, "spot")

    def _shut_orders(self) -> None:
        """The account's own line goes to the same address, and comes first."""
        opened: list[str] = []

        def shut(url: str) -> bool:
            opened.append(url)
            return self.order_path in url and sum(self.order_path in one for one in opened) > 1

        self.script.shut = shut


class BinanceUsdmRig(BinanceRig):
    name = "binance-usdm"
    venue = "binance-usdm"
    wallet = "main:usdm"
    symbol, other = "BTCUSDT", "ETHUSDT"
    inside, inside_other = "usdm:BTCUSDT", "usdm:ETHUSDT"
    path = "/ws-fapi/v1"
    public = ("/public/", "/market/")
    private = "/private/"
    ending = Fault("usdm_expire_keys", account="all")

    def hurried(self) -> Any:
        return UsdmOptions(instruments_every_s=60)

    def novelty(self, part: str) -> bytes:
        if part == "public":
            return b'{"stream":"btcusdt@novelty","data":{"e":"novelty","E":1,"s":"BTCUSDT"}}'
        return b'{"e":"NOVELTY","E":1,"T":1}'

    def listed(self) -> tuple[Instrument, ...]:
        return _of(self, "usdm")


RIGS: tuple[type[Rig], ...] = (
    PaperRig,
    BybitRig,
    BybitSpotRig,
    BybitInverseRig,
    BinanceSpotRig,
    BinanceUsdmRig,
    TinvestRig,
)
