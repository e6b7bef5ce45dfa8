"""Every answer that is not yes: Bybit's code and its words, and which of them says what the exchange said.

The exchange refuses in its own words (`kedge.sim.exchange.refusals`); Bybit has two tongues for them, one for
derivatives and one for spot. As of the venue's documents of 2026-07-24.
"""

from __future__ import annotations

from msgspec import Struct

# What this testnet trades. Options are known to exist and have no instruments.
CATEGORIES = ("linear", "inverse", "spot")
Category = str


class No(Struct, frozen=True):
    """A refusal as the client reads it. `http` is 200 for everything that business refuses."""

    code: int
    text: str
    http: int = 200


OK_TEXT = "OK"
SERVER_TIMEOUT = No(10000, "Server Timeout")
KEY_INVALID = No(10003, "API key is invalid.")
SIGN_WRONG = No(10004, "Error sign, please check your signature generation algorithm.")
DENIED = No(10005, "Permission denied, please check your API key permissions.")
TOO_MANY = No(10006, "Too many visits. Exceeded the API Rate Limit.")
IP_UNMATCHED = No(10010, "Unmatched IP, please check your API key's bound IP addresses.")
SERVER_ERROR = No(10016, "Server error.")
KEY_EXPIRED = No(33004, "Your api key has expired.")
NO_AUTH = No(10003, "API key is invalid.", 401)
NO_PATH = No(10017, "Route not found.", 404)
TOO_FREQUENT = No(10018, "access too frequent", 403)
DUPLICATE_ID = No(110072, "OrderLinkedID is duplicate")
DUPLICATE_ID_SPOT = No(170141, "Duplicate clientOrderId.")
NOT_MODIFIED = No(34040, "not modified")
LEVERAGE_SAME = No(110043, "leverage not modified")
MODE_SAME = No(110025, "Position mode is not modified")
HEDGE_NEVER = No(110029, "Hedge mode is not supported for this symbol.")
PROCESSING = No(110079, "The order is processing and can not be operated, please try again later")
UNIFIED_FORBIDDEN = No(100028, "unified account is forbidden")
TOO_MANY_ACTIVE = No(110020, "Not allowed to have more than 500 active orders.")
TOO_MANY_STOPS = No(110009, "The number of stop orders exceeds the maximum allowable limit")
TOO_MANY_SPOT = No(170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders.")
NO_POSITION = No(10001, "can not set tp/sl/ts for zero position")
BELOW_VALUE = No(110094, "Order does not meet minimum order value")


def bad(text: str) -> No:
    """A request that cannot be read: 10001 with what is wrong with it."""
    return No(10001, f"params error: {text}")


# WebSocket order entry
OP_UNKNOWN = No(10404, "op type is not found")
CATEGORY_UNKNOWN = No(10404, "category is not correct")
REPEATED_AUTH = No(20001, "Repeat auth")
SESSION_FREQUENT = No(20003, "Too frequent requests under the same session")
REQ_ID_DUPLICATE = No(20006, "Duplicate reqId")
RESTARTING = No(10019, "ws trade service is restarting, do not accept new request")
IP_FREQUENT = No(10403, "Exceeded the IP rate limit")

# The exchange's code to what a client of derivatives is told ({sentence}: the exchange's own), then of spot.
_DERIVATIVES: dict[str, tuple[int, str]] = {
    "unknown_account": (10003, "API key is invalid."),
    "unknown_symbol": (10001, "params error: symbol invalid"),
    "expired": (10002, "{sentence}"),
    "halted": (110066, "Trading is currently not allowed."),
    "closed": (110074, "This contract is not live"),
    "delivered": (110074, "This contract is not live"),
    "id_open": (110072, "OrderLinkedID is duplicate"),
    "id_used": (110072, "OrderLinkedID is duplicate"),
    "bad_order": (10001, "params error: {sentence}"),
    "tick": (10001, "params error: price invalid. {sentence}"),
    "step": (10001, "params error: Qty invalid. {sentence}"),
    "min_qty": (10001, "The number of contracts exceeds minimum limit allowed"),
    "max_qty": (10001, "The number of contracts exceeds maximum limit allowed: too large"),
    "min_notional": (110094, "Order does not meet minimum order value. {sentence}"),
    "price_band": (110003, "Order price is out of permissible range. {sentence}"),
    "reduce_only": (110017, "current position is zero, cannot fix reduce-only order qty"),
    "too_many_orders": (110020, TOO_MANY_ACTIVE.text),
    "funds": (110007, "ab not enough for new order"),
    "margin": (110007, "ab not enough for new order"),
    "leverage": (10001, "params error: leverage invalid. {sentence}"),
    "not_found": (110001, "order not exists or too late to cancel"),
    "not_open": (110001, "order not exists or too late to cancel"),
    "qty_filled": (
        110064,
        "The modified contract quantity cannot be less than or equal to the filled quantity.",
    ),
}
_SPOT: dict[str, tuple[int, str]] = {
    "unknown_symbol": (170121, "Invalid symbol."),
    "halted": (170151, "The trading pair is not open yet"),
    "closed": (170151, "The trading pair is not open yet"),
    "delivered": (170157, "The trading pair is not available for api trading"),
    "id_open": (170141, "Duplicate clientOrderId."),
    "id_used": (170141, "Duplicate clientOrderId."),
    "bad_order": (170130, "Data sent for paramter '{sentence}' is not valid."),
    "tick": (170134, "Order price has too many decimals."),
    "step": (170137, "Order quantity has too many decimals."),
    "min_qty": (170136, "Order quantity exceeded lower limit."),
    "max_qty": (170124, "Order amount too large."),
    "min_notional": (170140, "Order value exceeded lower limit."),
    "price_band": (170193, "Buy order price cannot be higher than the price limitation. {sentence}"),
    "too_many_orders": (170810, TOO_MANY_SPOT.text),
    "funds": (170131, "Insufficient balance."),
    "not_found": (170213, "Order does not exist."),
    "not_open": (170213, "Order does not exist."),
    "qty_filled": (170313, "The modified contract quantity cannot be less than to the filled quantity"),
}


def of_refusal(category: Category, code: str, sentence: str) -> No:
    """What Bybit says where the exchange refuses."""
    found = _SPOT.get(code) if category == "spot" else None
    found = found or _DERIVATIVES.get(code)
    number, words = found or (10001, "params error: {sentence}")
    return No(number, words.format(sentence=sentence))


def gone(category: Category, status: str, deed: str = "cancel") -> No:
    """A cancel or amend of an order that is not there any more, or never was (`status` is "")."""
    if category == "spot":
        if status == "Filled":
            return No(170139, "Order has been filled.")
        if status in ("Cancelled", "PartiallyFilledCanceled", "Deactivated", "Rejected"):
            return No(170142, "Order has been canceled.")
        return No(170213, "Order does not exist.")
    if status == "Filled":
        return No(110008, "The order has been completed or cancelled.")
    if status in ("Cancelled", "Deactivated", "Rejected"):
        return No(110010, "The order has been cancelled")
    late = "replace" if deed == "amend" else "cancel"
    return No(110001, f"order not exists or too late to {late}")


# Why the exchange ended an order that had been accepted: (cancelType, rejectReason).
ENDS: dict[str, tuple[str, str]] = {
    "post_only": ("UNKNOWN", "EC_PostOnlyWillTakeLiquidity"),
    "ioc": ("UNKNOWN", "EC_NoImmediateQtyToFill"),
    "fok": ("UNKNOWN", "EC_CancelForNoFullFill"),
    "no_liquidity": ("UNKNOWN", "EC_NoImmediateQtyToFill"),
    "self_trade": ("CancelBySmp", "EC_BySelfMatch"),
    "cancelled": ("CancelByUser", "EC_PerCancelRequest"),
    "dead_man": ("CancelByDCP", "EC_PerCancelRequest"),
    "liquidation": ("CancelAllBeforeLiq", "EC_PerCancelRequest"),
    "delivery": ("CancelBySettle", "EC_PerCancelRequest"),
    "reduce_only": ("CancelByReduceOnly", "EC_PerCancelRequest"),
    "position_closed": ("CancelByTpSlTsClear", "EC_PerCancelRequest"),
    "tp_by_sl": ("CancelByOCOTpCanceledBySlTriggered", "EC_PerCancelRequest"),
    "sl_by_tp": ("CancelByOCOSlCanceledByTpTriggered", "EC_PerCancelRequest"),
}
