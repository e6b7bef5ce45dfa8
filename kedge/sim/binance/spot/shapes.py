"""The venue's JSON: orders, trades, reports and balances as spot words them. Pure.

Times are milliseconds, or microseconds for who asks so (`X-MBX-TIME-UNIT`, `timeUnit`); numbers are text with
eight decimals. The order of the members is the documents' own.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import Struct

from kedge.model.numbers import MONEY, ZERO
from kedge.sim.binance.spot.orders import Amendment, Deal, Ticket
from kedge.sim.binance.spot.rules import fixed

Body = dict[str, Any]
MS_UNIT = 1_000_000
US_UNIT = 1_000


class Shapes(Struct, frozen=True):
    """`unit`: how many nanoseconds one of the reader's time stamps counts."""

    unit: int = MS_UNIT

    def at(self, at_ns: int) -> int:
        return at_ns // self.unit

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def placed(self, ticket: Ticket, deals: list[Deal], response: str, at_ns: int) -> Body:
        """The answer to a placing: ACK, RESULT or FULL."""
        body: Body = {
            "symbol": ticket.symbol,
            "orderId": ticket.number,
            "orderListId": ticket.list_id,
            "clientOrderId": ticket.client_id,
            "transactTime": self.at(at_ns),
        }
        if response == "ACK":
            return body
        body |= self._numbers(ticket)
        body["workingTime"] = self.at(ticket.working_ns) if ticket.working_ns else -1
        if response == "FULL":
            body["fills"] = [_fill(deal) for deal in deals]
        return body | self._conditional(ticket)

    def cancelled(self, ticket: Ticket, at_ns: int) -> Body:
        body: Body = {
            "symbol": ticket.symbol,
            "origClientOrderId": ticket.client_id,
            "orderId": ticket.number,
            "orderListId": ticket.list_id,
            "clientOrderId": ticket.cancel_id,
            "transactTime": self.at(at_ns),
        }
        return body | self._numbers(ticket) | self._conditional(ticket)

    def order(self, ticket: Ticket) -> Body:
        """An order as lookups and lists tell it."""
        return {
            "symbol": ticket.symbol,
            "orderId": ticket.number,
            "orderListId": ticket.list_id,
            "clientOrderId": ticket.client_id,
            "price": fixed(ticket.price),
            "origQty": fixed(ticket.qty),
            "executedQty": fixed(ticket.cum_qty),
            "cummulativeQuoteQty": fixed(ticket.cum_quote),
            "status": ticket.status,
            "timeInForce": ticket.tif,
            "type": ticket.type,
            "side": ticket.side,
            "stopPrice": fixed(ticket.stop_price),
            "icebergQty": fixed(ZERO),
            "time": self.at(ticket.created_ns),
            "updateTime": self.at(ticket.updated_ns),
            "isWorking": bool(ticket.working_ns),
            "workingTime": self.at(ticket.working_ns) if ticket.working_ns else -1,
            "origQuoteOrderQty": fixed(ticket.quote_qty),
            "selfTradePreventionMode": ticket.stp,
        } | self._conditional(ticket, stop=False)

    def amended(self, ticket: Ticket, before_id: str, execution: int, at_ns: int) -> Body:
        return {
            "transactTime": self.at(at_ns),
            "executionId": execution,
            "amendedOrder": {
                "symbol": ticket.symbol,
                "orderId": ticket.number,
                "orderListId": ticket.list_id,
                "origClientOrderId": before_id,
                "clientOrderId": ticket.client_id,
                "price": fixed(ticket.price),
                "qty": fixed(ticket.qty),
                "executedQty": fixed(ticket.cum_qty),
                "preventedQty": fixed(ticket.prevented_qty),
                "quoteOrderQty": fixed(ticket.quote_qty),
                "cumulativeQuoteQty": fixed(ticket.cum_quote),
                "status": ticket.status,
                "timeInForce": ticket.tif,
                "type": ticket.type,
                "side": ticket.side,
                "workingTime": self.at(ticket.working_ns) if ticket.working_ns else -1,
                "selfTradePreventionMode": ticket.stp,
            },
        }

    def amendment(self, one: Amendment) -> Body:
        return {
            "symbol": one.symbol,
            "orderId": one.number,
            "executionId": one.execution,
            "origClientOrderId": one.before_id,
            "newClientOrderId": one.after_id,
            "origQty": fixed(one.before_qty),
            "newQty": fixed(one.after_qty),
            "time": self.at(one.at_ns),
        }

    def _numbers(self, ticket: Ticket) -> Body:
        return {
            "price": fixed(ticket.price),
            "origQty": fixed(ticket.qty),
            "executedQty": fixed(ticket.cum_qty),
            "origQuoteOrderQty": fixed(ticket.quote_qty),
            "cummulativeQuoteQty": fixed(ticket.cum_quote),
            "status": ticket.status,
            "timeInForce": ticket.tif,
            "type": ticket.type,
            "side": ticket.side,
            "selfTradePreventionMode": ticket.stp,
        }

    def _conditional(self, ticket: Ticket, *, stop: bool = True) -> Body:
        body: Body = {}
        if stop and ticket.algo:
            body["stopPrice"] = fixed(ticket.stop_price)
        if ticket.prevented_id >= 0:
            body["preventedMatchId"] = ticket.prevented_id
            body["preventedQuantity"] = fixed(ticket.prevented_qty)
        if ticket.strategy_id is not None:
            body["strategyId"] = ticket.strategy_id
        if ticket.strategy_type is not None:
            body["strategyType"] = ticket.strategy_type
        if ticket.expiry:
            body["expiryReason"] = ticket.expiry
        return body

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    def deal(self, deal: Deal) -> Body:
        return {
            "symbol": deal.symbol,
            "id": deal.trade_id,
            "orderId": deal.number,
            "orderListId": deal.list_id,
            "price": fixed(deal.price),
            "qty": fixed(deal.qty),
            "quoteQty": fixed(MONEY.multiply(deal.price, deal.qty)),
            "commission": fixed(deal.fee),
            "commissionAsset": deal.fee_asset,
            "time": self.at(deal.at_ns),
            "isBuyer": deal.buyer,
            "isMaker": deal.maker,
            "isBestMatch": True,
        }


def _fill(deal: Deal) -> Body:
    return {
        "price": fixed(deal.price),
        "qty": fixed(deal.qty),
        "commission": fixed(deal.fee),
        "commissionAsset": deal.fee_asset,
        "tradeId": deal.trade_id,
    }


# ── the user stream ─────────────────────────────────────────────────────────────────────────────


class Event(Struct, frozen=True):
    """One report on an order: what has happened (`x`) and how the order stands after it.

    The ticket changes on; so the report is worded when it happens.
    """

    account: str
    body: Body


def report(ticket: Ticket, happened: str, execution: int, at_ns: int, **more: Any) -> Event:
    """An executionReport in milliseconds. `more` overrides members by their letters."""
    ms = at_ns // MS_UNIT
    cancelled = happened == "CANCELED"
    body: Body = {
        "e": "executionReport",
        "E": ms,
        "s": ticket.symbol,
        "c": ticket.cancel_id if cancelled else ticket.client_id,
        "S": ticket.side,
        "o": ticket.type,
        "f": ticket.tif,
        "q": fixed(ticket.qty),
        "p": fixed(ticket.price),
        "P": fixed(ticket.stop_price),
        "F": fixed(ZERO),
        "g": ticket.list_id,
        "C": ticket.client_id if cancelled else "",
        "x": happened,
        "X": ticket.status,
        "r": "NONE",
        "i": ticket.number,
        "l": fixed(ZERO),
        "z": fixed(ticket.cum_qty),
        "L": fixed(ZERO),
        "n": "0",
        "N": None,
        "T": ms,
        "t": -1,
        "I": execution,
        "w": bool(ticket.working_ns) and ticket.live,
        "m": False,
        "M": False,
        "O": ticket.created_ns // MS_UNIT,
        "Z": fixed(ticket.cum_quote),
        "Y": fixed(ZERO),
        "Q": fixed(ticket.quote_qty),
        "V": ticket.stp,
    }
    if ticket.working_ns:
        body["W"] = ticket.working_ns // MS_UNIT
    if ticket.strategy_id is not None:
        body["j"] = ticket.strategy_id
    if ticket.strategy_type is not None:
        body["J"] = ticket.strategy_type
    if ticket.expiry and happened == "EXPIRED":
        body["eR"] = ticket.expiry
    return Event(ticket.account, body | more)


def trade_members(deal: Deal) -> Body:
    """The members of a report that are about one trade."""
    return {
        "l": fixed(deal.qty),
        "L": fixed(deal.price),
        "n": fixed(deal.fee),
        "N": deal.fee_asset,
        "t": deal.trade_id,
        "m": deal.maker,
        "M": True,
        "Y": fixed(MONEY.multiply(deal.price, deal.qty)),
    }


def position_event(account: str, balances: list[tuple[str, Decimal, Decimal]], at_ns: int) -> Event:
    ms = at_ns // MS_UNIT
    rows = [{"a": asset, "f": fixed(free), "l": fixed(locked)} for asset, free, locked in balances]
    return Event(account, {"e": "outboundAccountPosition", "E": ms, "u": ms, "B": rows})


def balance_event(account: str, asset: str, delta: Decimal, at_ns: int) -> Event:
    ms = at_ns // MS_UNIT
    return Event(account, {"e": "balanceUpdate", "E": ms, "a": asset, "d": fixed(delta), "T": ms})
