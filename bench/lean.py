"""A Bybit with nothing behind it: answers at once, keeps no books of account, and costs a microsecond.

The testnet in `kedge/sim/bybit` judges every request as the venue does, and that takes its time. Here the
time of others is measured, so this one only says what clients wait for: instruments, a book,
acknowledgements, the news of an order. Pure; who calls it brings sockets (`lean_server.py`) or none
(`share.py`).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from bench.flow import SYMBOL, Flow

KEY, SECRET = "bench", "bench-secret"

_encode = msgspec.json.encode


def instrument(symbol: str) -> dict[str, Any]:
    """One row of /v5/market/instruments-info, as the documents show it."""
    base = symbol.removesuffix("USDT")
    return {
        "symbol": symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": base,
        "quoteCoin": "USDT",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": {
            "maxOrderQty": "1190.000",
            "minOrderQty": "0.001",
            "qtyStep": "0.001",
            "postOnlyMaxOrderQty": "1190.000",
            "maxMktOrderQty": "119.000",
            "minNotionalValue": "5",
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": "USDT",
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
    }


def coin(name: str) -> dict[str, Any]:
    """One row of /v5/asset/coin/query-info."""
    chain = {"chain": name, "chainType": name, "confirmation": "6", "depositMin": "0", "withdrawMin": "0"}
    chain |= {"withdrawFee": "0", "chainDeposit": "1", "chainWithdraw": "1", "minAccuracy": "8"}
    chain |= {"withdrawPercentageFee": "0", "contractAddress": "", "safeConfirmNumber": "6"}
    return {"name": name, "coin": name, "remainAmount": "1000000", "chains": [chain]}


class Lean:
    """What a client hears from it. `now_ms` is the venue's clock."""

    def __init__(self, now_ms: Any, symbols: tuple[str, ...] = (SYMBOL,)) -> None:
        self.flows = {symbol: Flow(symbol) for symbol in symbols}
        self._now_ms = now_ms
        self._orders = 0
        self._ids: dict[str, str] = {}  # of the venue, by the client's

    # ── HTTP ────────────────────────────────────────────────────────────────────────────────────

    def http(self, path: str, query: str) -> bytes:
        """Any question has an answer; most of them: there is nothing."""
        result: Any = {"list": [], "nextPageCursor": "", "category": "linear"}
        if path == "/v5/market/time":
            now_ms = self._now_ms()
            result = {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}
        elif path == "/v5/user/query-api":
            rights = {"ContractTrade": ["Order", "Position"], "Spot": ["SpotTrade"], "Wallet": []}
            result = {"readOnly": 0, "permissions": rights, "ips": ["*"], "uta": 1, "deadlineDay": -1}
        elif path == "/v5/market/instruments-info" and "category=linear" in query:
            result["list"] = [instrument(symbol) for symbol in self.flows]
        elif path == "/v5/account/info":
            result = {"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 6, "dcpStatus": "OFF"}
        elif path == "/v5/account/wallet-balance":
            result["list"] = [WALLET]
        elif path == "/v5/account/fee-rate":
            rate = {"symbol": SYMBOL, "takerFeeRate": "0.0006", "makerFeeRate": "0.0001"}
            result["list"] = [rate]
        elif path == "/v5/asset/coin/query-info":
            result = {"rows": [coin("BTC"), coin("USDT")]}
        return self._reply(result)

    def taken_by_http(self, body: bytes) -> bytes:
        """The answer to an order or a cancel by POST."""
        asked = json.loads(body) if body else {}
        return self._reply(self._named(str(asked.get("orderLinkId", "")), str(asked.get("orderId", ""))))

    def _reply(self, result: Any) -> bytes:
        said = {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": self._now_ms()}
        return _encode(said)

    # ── WebSockets ──────────────────────────────────────────────────────────────────────────────

    def heard(self, line: str, frame: bytes) -> list[bytes]:
        """What is answered on the line itself: "public", "private" or "trade"; orders are not for here."""
        said = json.loads(frame)
        op, id = said.get("op"), said.get("req_id", said.get("reqId", ""))
        if op == "ping":
            return [_encode({"success": True, "ret_msg": "pong", "conn_id": "c", "req_id": id, "op": "ping"})]
        if line == "trade":
            return [_encode({"reqId": id, "retCode": 0, "retMsg": "OK", "op": op, "connId": "c"})]
        done = [_encode({"success": True, "ret_msg": "", "conn_id": "c", "req_id": id, "op": op})]
        if line == "public" and op == "subscribe":
            for topic in said["args"]:
                if topic.startswith("orderbook.") and not topic.startswith("orderbook.1."):
                    done.append(self.flows[topic.rpartition(".")[2]].snapshot(topic))
        return done

    def taken(self, frame: bytes) -> tuple[bytes, bytes]:
        """The acknowledgement of an order or a cancel, and the news of it on the private line."""
        said = json.loads(frame)
        asked = said["args"][0]
        named = self._named(asked.get("orderLinkId", ""), asked.get("orderId", ""))
        now_ms = self._now_ms()
        ack = {
            "reqId": said.get("reqId", ""),
            "retCode": 0,
            "retMsg": "OK",
            "op": said["op"],
            "data": named,
            "retExtInfo": {},
            "header": {"Traceid": "t", "Timenow": str(now_ms)},
            "connId": "c",
        }
        placed = said["op"] == "order.create"
        row = self._row(asked, named, "New" if placed else "Cancelled", now_ms)
        news = {"id": "n", "topic": "order", "creationTime": now_ms, "data": [row]}
        return _encode(ack), _encode(news)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _named(self, client_id: str, venue_id: str) -> dict[str, str]:
        venue_id = venue_id or self._ids.pop(client_id, "")
        if not venue_id:
            self._orders += 1
            venue_id = f"1f0a9c5e-0000-4000-8000-{self._orders:012d}"
            if client_id:
                self._ids[client_id] = venue_id
        return {"orderId": venue_id, "orderLinkId": client_id}

    def _row(self, asked: dict[str, Any], named: dict[str, str], status: str, now_ms: int) -> dict[str, Any]:
        ended = status == "Cancelled"
        qty = asked.get("qty", "0.010")
        return {
            **named,
            "category": "linear",
            "symbol": asked.get("symbol", SYMBOL),
            "side": asked.get("side", "Buy"),
            "orderType": "Limit",
            "price": asked.get("price", "60000"),
            "qty": qty,
            "timeInForce": "PostOnly",
            "orderStatus": status,
            "cancelType": "CancelByUser" if ended else "UNKNOWN",
            "rejectReason": "EC_PerCancelRequest" if ended else "EC_NoError",
            "leavesQty": "0" if ended else qty,
            "cumExecQty": "0",
            "cumExecValue": "0",
            "cumExecFee": "0",
            "avgPrice": "",
            "positionIdx": 0,
            "reduceOnly": False,
            "createdTime": str(now_ms),
            "updatedTime": str(now_ms),
            **REST_OF_ROW,
        }


# What nobody here has any use for, and some clients insist on.
REST_OF_ROW = {
    "orderIv": "",
    "lastPriceOnCreated": "",
    "leavesValue": "0",
    "blockTradeId": "",
    "triggerPrice": "",
    "takeProfit": "",
    "stopLoss": "",
    "tpTriggerBy": "",
    "slTriggerBy": "",
    "tpLimitPrice": "0",
    "slLimitPrice": "0",
    "closeOnTrigger": False,
    "placeType": "",
    "smpType": "None",
    "smpGroup": 0,
    "smpOrderId": "",
    "feeCurrency": "",
    "triggerBy": "",
    "stopOrderType": "",
    "triggerDirection": 0,
    "tpslMode": "",
    "createType": "CreateByUser",
}

WALLET = {
    "accountType": "UNIFIED",
    "totalEquity": "1000000",
    "totalWalletBalance": "1000000",
    "totalMarginBalance": "1000000",
    "totalAvailableBalance": "1000000",
    "totalPerpUPL": "0",
    "totalInitialMargin": "0",
    "totalMaintenanceMargin": "0",
    "accountIMRate": "0",
    "accountMMRate": "0",
    "accountLTV": "0",
    "coin": [
        {
            "coin": "USDT",
            "equity": "1000000",
            "usdValue": "1000000",
            "walletBalance": "1000000",
            "free": "1000000",
            "locked": "0",
            "availableToWithdraw": "1000000",
            "availableToBorrow": "0",
            "borrowAmount": "0",
            "accruedInterest": "0",
            "spotHedgingQty": "0",
            "totalOrderIM": "0",
            "totalPositionIM": "0",
            "totalPositionMM": "0",
            "unrealisedPnl": "0",
            "cumRealisedPnl": "0",
            "bonus": "0",
            "collateralSwitch": True,
            "marginCollateral": True,
        }
    ],
}
