"""What an account may ask about itself: orders, trades, balances, counts, rights.

A lookup lag (`lookup_lag`) is a view of some moments ago: what is younger is not there yet.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from msgspec import Struct

from kedge.model.numbers import MONEY, ZERO
from kedge.sim.binance.common import Params, Refused
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.desk import Account, Desk
from kedge.sim.binance.spot.orders import Deal, Ticket, archived
from kedge.sim.binance.spot.rules import (
    BNB_DISCOUNT,
    LIMIT_DEFAULT,
    LIMIT_MAX,
    RETENTION_NS,
    SPAN_MAX_NS,
    filter_bodies,
    fixed,
)
from kedge.sim.binance.spot.shapes import Body, Shapes
from kedge.sim.binance.spot.wishes import either_id
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.listings import Listed, wallet

DISCOUNT_ASSET = "BNB"

T = TypeVar("T")


class Ask(Struct, frozen=True):
    """One request whose sender is known: what is asked, by whom, when, until when it is valid."""

    params: Params
    now_ns: int
    peer: str
    shapes: Shapes = Shapes()
    key: ApiKey | None = None
    until_ns: int = 0

    @property
    def account(self) -> str:
        assert self.key is not None, "a request without a key has no account"
        return self.key.account


class Questions:
    def __init__(self, desk: Desk, clerk: Clerk) -> None:
        self._desk = desk
        self._house = desk.house
        self._clerk = clerk
        self._orders = clerk.orders

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def order(self, ask: Ask) -> Body:
        symbol = self._symbol(ask)
        number, client_id = either_id(ask.params, "orderId", "origClientOrderId")
        ask.params.all_read()
        ticket = self._orders.find(ask.account, symbol, number, client_id)
        if ticket is None or ticket.created_ns > self._seen_ns(ask, symbol, client_id):
            raise Refused(-2013, "Order does not exist.")
        if client_id and ticket.client_id != client_id:
            raise Refused(-2039, "Client order ID is not correct for this order ID.")
        if archived(ticket, ask.now_ns, self._retention_ns()):
            text = (
                "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
            )
            raise Refused(-2026, text)
        return ask.shapes.order(ticket)

    def open_orders(self, ask: Ask) -> list[Body]:
        symbol = self._symbol(ask) if ask.params.has("symbol") else ""
        ask.params.all_read()
        seen_ns = self._seen_ns(ask, symbol)
        tickets = self._orders.live(ask.account, symbol)
        return [ask.shapes.order(ticket) for ticket in tickets if ticket.created_ns <= seen_ns]

    def all_orders(self, ask: Ask) -> list[Body]:
        symbol = self._symbol(ask)
        number = ask.params.integer("orderId") if ask.params.has("orderId") else None
        start_ns, end_ns = read_span(ask.params)
        limit = read_limit(ask.params)
        ask.params.all_read()
        seen_ns = self._seen_ns(ask, symbol)
        tickets = [
            ticket
            for ticket in self._orders.since(ask.account, symbol, number or 0)
            if ticket.created_ns <= seen_ns and not archived(ticket, ask.now_ns, self._retention_ns())
        ]
        if number is None:
            tickets = within(tickets, start_ns, end_ns)
        first = number is not None or start_ns is not None
        return [ask.shapes.order(ticket) for ticket in page(tickets, limit, first)]

    def amendments(self, ask: Ask) -> list[Body]:
        symbol, number = self._symbol(ask), ask.params.need_integer("orderId")
        since = ask.params.integer("fromExecutionId")
        limit = read_limit(ask.params)
        ask.params.all_read()
        if self._orders.find(ask.account, symbol, number, "") is None:
            raise Refused(-2013, "Order does not exist.")
        rows = [one for one in self._orders.amendments(number) if one.execution >= since]
        return [ask.shapes.amendment(one) for one in rows[:limit]]

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    def trades(self, ask: Ask) -> list[Body]:
        params, symbol = ask.params, self._symbol(ask)
        number = params.integer("orderId") if params.has("orderId") else None
        since = params.integer("fromId") if params.has("fromId") else None
        start_ns, end_ns = read_span(params)
        if since is not None and (start_ns is not None or end_ns is not None):
            raise Refused(-1128, "Combination of optional parameters invalid.")
        if number is not None and (start_ns is not None or end_ns is not None):
            raise Refused(-1128, "Combination of optional parameters invalid.")
        limit = read_limit(params)
        params.all_read()
        seen_ns = self._seen_ns(ask, symbol)
        deals: list[Deal] = [
            deal for deal in self._orders.deals(ask.account, symbol) if deal.at_ns <= seen_ns
        ]
        if number is not None:
            deals = [deal for deal in deals if deal.number == number]
        if since is not None:
            deals = [deal for deal in deals if deal.trade_id >= since]
        deals = [
            deal
            for deal in deals
            if (start_ns is None or deal.at_ns >= start_ns) and (end_ns is None or deal.at_ns <= end_ns)
        ]
        first = since is not None or start_ns is not None
        return [ask.shapes.deal(deal) for deal in page(deals, limit, first)]

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    def status(self, ask: Ask) -> Body:
        omit = ask.params.flag("omitZeroBalances")
        ask.params.all_read()
        maker, taker = self._rates(None)
        exchange = self._house.exchange
        balances = [
            {"asset": b.asset, "free": fixed(b.free), "locked": fixed(MONEY.subtract(b.total, b.free))}
            for b in exchange.balances(wallet(ask.account, "spot"))
            if b.total or not omit
        ]
        updated = max((ticket.updated_ns for ticket in self._orders.live(ask.account)), default=ask.now_ns)
        return {
            "makerCommission": int(maker * 10_000),
            "takerCommission": int(taker * 10_000),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": fixed(maker),
                "taker": fixed(taker),
                "buyer": fixed(ZERO),
                "seller": fixed(ZERO),
            },
            # Of the account; what the key may do is another question.
            "canTrade": True,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": ask.shapes.at(updated),
            "accountType": "SPOT",
            "balances": balances,
            "permissions": ["SPOT"],
            "uid": zlib.crc32(ask.account.encode()),
        }

    def commission(self, ask: Ask) -> Body:
        symbol = self._symbol(ask)
        ask.params.all_read()
        maker, taker = self._rates(self._desk.listed(symbol))
        none = {"maker": fixed(ZERO), "taker": fixed(ZERO), "buyer": fixed(ZERO), "seller": fixed(ZERO)}
        return {
            "symbol": symbol,
            "standardCommission": none | {"maker": fixed(maker), "taker": fixed(taker)},
            "specialCommission": none,
            "taxCommission": none,
            "discount": self.discount(ask.account),
        }

    def discount(self, account: str) -> Body:
        chosen = self._desk.accounts.get(account) or Account()
        return {
            "enabledForAccount": chosen.burns_bnb,
            "enabledForSymbol": True,
            "discountAsset": DISCOUNT_ASSET,
            "discount": fixed(BNB_DISCOUNT),
        }

    def test_rates(self, symbol: str, account: str) -> Body:
        """What order/test says with `computeCommissionRates`."""
        maker, taker = self._rates(self._desk.listed(symbol))
        none = {"maker": fixed(ZERO), "taker": fixed(ZERO)}
        return {
            "standardCommissionForOrder": {"maker": fixed(maker), "taker": fixed(taker)},
            "specialCommissionForOrder": none,
            "taxCommissionForOrder": none,
            "discount": self.discount(account),
        }

    def order_counts(self, ask: Ask) -> list[dict[str, object]]:
        ask.params.all_read()
        return self._clerk.counts_of(ask.account).rows(ask.now_ns)

    def filters(self, ask: Ask) -> Body:
        symbol = self._symbol(ask)
        ask.params.all_read()
        return {
            "exchangeFilters": [],
            "symbolFilters": filter_bodies(self._desk.filters(symbol)),
            "assetFilters": [],
        }

    # ── /sapi ───────────────────────────────────────────────────────────────────────────────────

    def restrictions(self, ask: Ask) -> Body:
        """What the key may do, as far as it is told to itself."""
        ask.params.all_read()
        key = ask.key
        assert key is not None
        return {
            "ipRestrict": bool(key.ips),
            "createTime": ask.shapes.at(self._house.keeper.own.began_ns),
            "enableReading": key.reads,
            "enableWithdrawals": key.withdraws,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": key.trades,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": key.trades,
            "enablePortfolioMarginTrading": False,
        }

    def burn(self, ask: Ask) -> Body:
        ask.params.all_read()
        chosen = self._desk.accounts.get(ask.account) or Account()
        return {"spotBNBBurn": chosen.burns_bnb, "interestBNBBurn": False}

    def set_burn(self, ask: Ask) -> Body:
        burns = ask.params.flag("spotBNBBurn")
        ask.params.flag("interestBNBBurn")
        ask.params.all_read()
        self._desk.accounts.put(ask.account, Account(burns))
        self._house.settle()
        return {"spotBNBBurn": burns, "interestBNBBurn": False}

    def trade_fees(self, ask: Ask) -> list[Body]:
        """Of one symbol, or of all."""
        chosen = self._symbol(ask) if ask.params.has("symbol") else ""
        ask.params.all_read()
        return [
            {
                "symbol": one.name,
                "makerCommission": str(one.terms.maker_fee),
                "takerCommission": str(one.terms.taker_fee),
            }
            for one in self._house.listed()
            if one.category == "spot" and chosen in ("", one.name)
        ]

    def margin_pairs(self, ask: Ask) -> list[Body]:
        """None: there is no margin here. Clients ask all the same before they trade spot."""
        ask.params.all_read()
        return []

    def coins(self, ask: Ask) -> list[Body]:
        """All coins, with what the account has of each; nothing can be paid in or out by chain here."""
        ask.params.all_read()
        return [
            {
                "coin": b.asset,
                "name": b.asset,
                "free": fixed(b.free),
                "locked": fixed(MONEY.subtract(b.total, b.free)),
                "freeze": "0",
                "withdrawing": "0",
                "ipoing": "0",
                "ipoable": "0",
                "storage": "0",
                "isLegalMoney": False,
                "trading": True,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "networkList": [],
            }
            for b in self._house.exchange.balances(wallet(ask.account, "spot"))
        ]

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _symbol(self, ask: Ask) -> str:
        symbol = ask.params.need("symbol")
        self._desk.listed(symbol)
        return symbol

    def _rates(self, one: Listed | None) -> tuple[Decimal, Decimal]:
        listed = one or next(one for one in self._house.listed() if one.category == "spot")
        return listed.terms.maker_fee, listed.terms.taker_fee

    def _seen_ns(self, ask: Ask, symbol: str, client_id: str = "") -> int:
        """Until when things are seen: now, unless lookups lag."""
        lag = self._house.faults.strikes(
            "lookup_lag", account=ask.account, symbol=symbol, client_id=client_id
        )
        return ask.now_ns - lag.delay_ns if lag else ask.now_ns

    def _retention_ns(self) -> int:
        shorter = self._house.faults.strikes("retention")
        return shorter.delay_ns if shorter else RETENTION_NS


def read_limit(params: Params, default: int = LIMIT_DEFAULT, most: int = LIMIT_MAX) -> int:
    """`limit`, cut to the largest; below one it is -1130."""
    limit = params.integer("limit", default)
    if limit < 1:
        raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(limit, most)


def read_span(params: Params, most_ns: int = SPAN_MAX_NS) -> tuple[int | None, int | None]:
    """(startTime, endTime); -1127 where they are further apart than a day."""
    start_ns, end_ns = params.time_ns("startTime"), params.time_ns("endTime")
    if start_ns is not None and end_ns is not None and end_ns - start_ns > most_ns:
        hours = most_ns // (3600 * 10**9)
        raise Refused(-1127, f"More than {hours} hours between startTime and endTime.")
    return start_ns, end_ns


def within(tickets: Sequence[Ticket], start_ns: int | None, end_ns: int | None) -> list[Ticket]:
    return [
        ticket
        for ticket in tickets
        if (start_ns is None or ticket.created_ns >= start_ns)
        and (end_ns is None or ticket.created_ns <= end_ns)
    ]


def page(rows: Sequence[T], limit: int, first: bool) -> Sequence[T]:
    """The first so many, or the last."""
    return rows[:limit] if first else rows[max(len(rows) - limit, 0) :]
