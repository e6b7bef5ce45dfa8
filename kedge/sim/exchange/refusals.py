"""Every reason the exchange has for saying no, or for ending an order itself: a code and a sentence.

Servers translate the codes into a venue's own numbers; people read the sentences.
"""

from __future__ import annotations

from msgspec import Struct

SENTENCES: dict[str, str] = {
    # who and what
    "unknown_account": "There is no account {account}.",
    "unknown_symbol": "There is no instrument {symbol}.",
    "not_found": "No order {id} is known.",
    "not_open": "Order {id} is finished ({state}).",
    # when
    "expired": "The request was valid until {until} and it is {now}.",
    "halted": "Trading in {symbol} is halted.",
    "closed": "{symbol} is outside its trading session.",
    "delivered": "{symbol} has expired and was settled.",
    # ids
    "id_open": "An open order has the client id {id} already.",
    "id_used": "The client id {id} was used before.",
    # the order itself
    "bad_order": "{why}",
    "tick": "Price {price} is not a positive multiple of the tick {tick}.",
    "step": "Quantity {qty} is not a multiple of the step {step}.",
    "min_qty": "Quantity {qty} is below the smallest, {least}.",
    "max_qty": "Quantity {qty} is above the largest, {most}.",
    "min_notional": "A notional of {notional} is below the smallest, {least}.",
    "price_band": "Price {price} is further than {band} from the mark {mark}.",
    "post_only": "A post-only order would have taken liquidity.",
    "reduce_only": "A reduce-only order would not reduce the position.",
    "would_trigger": "The trigger {trigger} has been reached already, at {price}.",
    "too_many_orders": "The account has {most} open orders, the most there may be.",
    # money
    "funds": "It needs {need} {asset} and {free} is free.",
    "margin": "It needs a margin of {need} {asset} and the account has {equity}.",
    "leverage": "Leverage must be from 1 to {most}.",
    "amount": "The amount must be a number other than zero.",
    # amends
    "amend_none": "This venue has no amend: cancel, and place anew.",
    "qty_filled": "{filled} has been filled already, so the quantity cannot become {qty}.",
    # ends of orders that were accepted
    "ioc": "Immediate-or-cancel: the rest found no match.",
    "fok": "Fill-or-kill: the whole could not be filled.",
    "no_liquidity": "There was nothing left to trade with.",
    "self_trade": "It would have traded with the account's own order.",
    "cancelled": "Cancelled on request.",
    "dead_man": "Cancelled by the dead-man switch.",
    "session": "The trading day has ended.",
    "its_time": "The time that it was given is over.",
    "oco": "The other order of the pair was triggered.",
    "replaced": "Amended: order {id} stands in its place.",
    "liquidation": "Cancelled because the account is being liquidated.",
    "delivery": "Cancelled because the instrument has expired.",
}


class Refusal(Struct, frozen=True):
    code: str
    sentence: str


def refusal(code: str, **values: object) -> Refusal:
    return Refusal(code, SENTENCES[code].format(**values))
