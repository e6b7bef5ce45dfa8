"""What the refusals of Binance USDⓈ-M mean, beyond what all of Binance shares. Pure.

"Overloaded" (-1008) and "Service Unavailable." are documented here as certain failures, while the third kind
of 503 ("Unknown error, …") is the opposite: the deed may be done. A code that is not listed is told in the
venue's own words; its class is by its range alone, and doubt is UNKNOWN.
"""

from __future__ import annotations

from kedge.model.venue import Answer
from kedge.venues.binance.errors import MENDS, Failure, answer_of, sentence_of

NO_CHANGE_OF_MARGIN = -4046
NO_CHANGE_OF_MODE = -4059
BAD_LISTEN_KEY = -1125
NO_ORDER = -2013
NO_LIVE_ORDER = -2011
ENGINE_TOO_LATE = -5028
# What settings answer when they stand already as we want them.
UNCHANGED = (NO_CHANGE_OF_MARGIN, NO_CHANGE_OF_MODE)
# Why a mode cannot be changed now: something is open.
IN_THE_WAY = (-4047, -4048, -4067, -4068, -4531)

# Our list of contracts may be out of date: what is listed, whether it trades, its steps and minimums.
STALE = (-1111, -1121, -1122, -4004, -4005, -4014, -4023, -4140, -4141, -4164)

_STEPS = "the contract's steps may have changed, so they are asked for again"
_REDUCE = "only orders that reduce the position are taken"

USDM_MENDS: dict[int, str] = {
    **MENDS,
    -1008: "the venue is overloaded and has not taken the order; what reduces a position still goes through",
    -1015: "too many orders placed in a short time; the limit is the account's",
    -1111: f"more digits than the contract allows; {_STEPS}",
    -1121: "the venue has no such contract; it is spelled like BTCUSDT or BTCUSDT_261225",
    -1122: "the contract is not trading now",
    -1125: "the listen key has expired; a new one is made",
    -2017: "the venue has locked the keys of this account; see its web site",
    -2018: "there is not enough money in the futures wallet: transfer some, or make the order smaller",
    -2019: "there is not enough margin: add money, lower the size, or raise the leverage",
    -2020: "the order cannot be filled",
    -2021: "the market has already passed the trigger price",
    -2022: "a reduce-only order would not reduce the position, or open orders already reduce it",
    -2023: "the account is being liquidated",
    -2024: "the position is smaller than this order",
    -2025: "too many open orders: 200 on a contract; cancel some",
    -2026: "this kind of order cannot be reduce-only",
    -2027: "the position would be larger than the leverage allows: lower the leverage or the size",
    -2028: "the margin does not allow a leverage so small",
    -4003: "the quantity must be above zero",
    -4004: "the quantity is below the contract's minimum",
    -4005: "the quantity is above the contract's maximum: split the order",
    -4014: f"the price is off the tick; {_STEPS}",
    -4015: "the client id is longer than 36 characters",
    -4016: "the price is too far above the mark price",
    -4023: f"the quantity is off the step; {_STEPS}",
    -4024: "the price is too far below the mark price",
    -4028: "the contract does not allow this leverage: lower it in the settings",
    -4045: "too many stops wait: 200 over all contracts; cancel some",
    -4047: "the margin type cannot change while orders are open: cancel them, or set margin to what it is",
    -4048: "the margin type cannot change while a position is open: close it, or set margin to what it is",
    -4061: "the account is in hedge mode; the desk trades in one-way mode: change it at the venue",
    -4062: "reduce-only does not go with this order",
    -4067: "hedge mode cannot be left while orders are open: cancel them at the venue",
    -4068: "hedge mode cannot be left while a position is open: close it at the venue",
    -4087: _REDUCE,
    -4088: "the account may not place orders now; see the venue's web site",
    -4105: f"the contract is under risk control: {_REDUCE}",
    -4109: "the futures account is not active: transfer something into it once",
    -4116: "an open order has this id already",
    -4117: "the stop is triggering at this moment",
    -4118: "a reduce-only order together with the open ones would turn the position",
    -4120: "this kind of order goes by the algo endpoints",
    -4131: "the best price of the other side is too far away for a market order",
    -4140: "the contract does not take new positions now",
    -4141: "the contract is closed",
    -4161: "leverage cannot be lowered in isolated margin while a position is open",
    -4164: "the order is worth too little; what reduces a position may be smaller if it is reduce-only",
    -4168: "isolated margin does not go with multi-assets mode: change either at the venue",
    -4189: f"the account is restricted: {_REDUCE}",
    -4192: "the account is in a cooling-off period",
    -4400: f"the venue's rules against misuse were broken: {_REDUCE}",
    -4531: "the position mode is shared with COIN-M: close positions and orders there first",
    -5021: "the order could not be filled as a whole at once",
    -5022: "a post-only order at this price would have traded at once",
    -5024: "the contract is not trading, so orders on it cannot be amended",
    -5025: "only limit orders can be amended",
    -5026: "the order was amended 10,000 times: cancel it, and place another",
    -5027: "the order stands like this already",
    -5028: "the matching engine got the order after its last moment, and has not taken it",
    -5029: "the order would be worth too little",
    -5043: "another amend of this order is on its way",
}


def class_of(failure: Failure) -> Answer:
    """The class of a refusal of something that changes an order."""
    return answer_of(failure, busy_is_no=True)


def sentence(failure: Failure) -> str:
    return sentence_of(failure, USDM_MENDS)
