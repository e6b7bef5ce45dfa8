"""The futures side's own words for no: codes and texts as its error list has them. Pure.

The exchange's reasons are translated here too, in one table; what it would refuse is mostly caught before
it is asked, because the venue's checks come in the venue's order.
"""

from __future__ import annotations

from kedge.sim.binance.common import Refused, missing
from kedge.sim.exchange import Reply

TEXTS: dict[int, str] = {
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. "
    "Please try again.",
    -1015: "Too many new orders.",
    -1023: "Start time is greater than end time.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1122: "Invalid symbol status.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1136: "Invalid newOrderRespType.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2019: "Margin is insufficient.",
    -2020: "Unable to fill.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -2025: "Reach max open order limit.",
    -2027: "Exceeded the maximum allowable position at current leverage.",
    -2028: "Leverage is smaller than permitted: insufficient margin balance.",
    -4001: "Price less than 0.",
    -4002: "Price greater than max price.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4006: "Stop price less than zero.",
    -4007: "Stop price greater than max price.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4023: "Qty not increased by step size.",
    -4028: "Leverage {leverage} is not valid",
    -4031: "Invalid parameter working type.",
    -4032: "Exceed maximum cancel order size.",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4056: "Invalid api key type.",
    -4059: "No need to change position side.",
    -4060: "Invalid position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4082: "Invalid number of batch place orders.",
    -4084: "Method is not allowed currently. Upcoming soon.",
    -4104: "Invalid contract type.",
    -4116: "ClientOrderId is duplicated.",
    -4117: "Stop order is triggering.",
    -4118: "ReduceOnly Order Failed. Please check your existing position and open orders.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4135: "Invalid activation price.",
    -4136: "Target strategy invalid for orderType {kind}, closePosition true.",
    -4137: "Quantity must be zero with closePosition equals true.",
    -4140: "Invalid symbol status for opening position.",
    -4141: "Symbol is closed.",
    -4144: "Invalid pair.",
    -4164: "Order's notional must be no smaller than {least} (unless you choose reduce only).",
    -4165: "Invalid time interval. Maximum time interval is 7 days.",
    -4167: "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode.",
    -4168: "Unable to adjust to isolated-margin mode under the Multi-Assets mode.",
    -4170: "Unable to adjust Multi-Assets Mode with open orders in USDⓈ-M Futures.",
    -4171: "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history",
    -5024: "Symbol is not in trading status. Order amendment is not permitted.",
    -5025: "Only limit order is supported.",
    -5026: "Exceed maximum modify order limit.",
    -5027: "No need to modify the order.",
    -5028: "Timestamp for this request is outside of the ME recvWindow.",
    -5029: "Order's notional must be no smaller than {least}",
    -5037: "Invalid price match",
    -5038: "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT",
    -5039: "Invalid self trade prevention mode",
    -5040: "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller "
    "than 253402300799000 (UTC 9999-12-31 23:59:59)",
    -5041: "No depth matches this BBO order",
}

# What the exchange says no with. Reasons that cannot come up here have no entry.
OF_EXCHANGE: dict[str, int] = {
    "expired": -5028,
    "halted": -4140,
    "closed": -4141,
    "delivered": -4141,
    "unknown_symbol": -1121,
    "not_found": -2011,
    "not_open": -2011,
    "id_open": -4116,
    "id_used": -4116,
    "tick": -4014,
    "step": -4023,
    "min_qty": -4004,
    "max_qty": -4005,
    "min_notional": -4164,
    "post_only": -5022,
    "reduce_only": -2022,
    "too_many_orders": -2025,
    "margin": -2019,
    "funds": -2019,
    "leverage": -4028,
}


def no(code: int, **values: object) -> Refused:
    return Refused(code, TEXTS[code].format(**values) if values else TEXTS[code])


def unsent(one: str, other: str) -> Refused:
    text = f"Param '{one.lower()}' or '{other.lower()}' must be sent, but both were empty/null!"
    return Refused(-1102, text)


def unwanted(name: str) -> Refused:
    return Refused(-1106, f"Parameter '{name.lower()}' sent when not required.")


def malformed(name: str) -> Refused:
    return missing(name.lower())


def invalid(name: str) -> Refused:
    return Refused(-1130, f"Data sent for parameter '{name.lower()}' is not valid.")


def of_exchange(reply: Reply) -> Refused:
    """The exchange's refusal in the venue's words."""
    code = OF_EXCHANGE.get(reply.code)
    if code is None:
        return Refused(-2010, reply.sentence)
    text = TEXTS[code]
    return Refused(code, reply.sentence if "{" in text else text)
