"""Order lists: one-cancels-the-other. Two orders on one side, of which at most one ever trades.

The stop leg waits in the exchange without money behind it; when it fires, the other leg goes first and
leaves it what it held. What happens to the other leg (a fill, a trigger, an end) takes the stop away in the
same settling.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from kedge.sim.binance.common import Params, Refused
from kedge.sim.binance.spot.clerk import Clerk
from kedge.sim.binance.spot.desk import CANCEL_REJECTED, NEW_REJECTED, UNKNOWN, Desk, Named
from kedge.sim.binance.spot.orders import Ticket
from kedge.sim.binance.spot.questions import Ask, page, read_limit, read_span
from kedge.sim.binance.spot.rules import BNB_DISCOUNT
from kedge.sim.binance.spot.shapes import MS_UNIT, Body, Event, Shapes
from kedge.sim.binance.spot.wishes import CLIENT_ID, Wish, either_id, manner_of, read_wish
from kedge.sim.testnet.listings import wallet

STOPS = ("STOP_LOSS", "STOP_LOSS_LIMIT")
OTHERS = ("LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
LEG_PARTS = (
    "Type",
    "ClientOrderId",
    "IcebergQty",
    "Price",
    "StopPrice",
    "TrailingDelta",
    "TimeInForce",
    "StrategyId",
    "StrategyType",
    "PegPriceType",
    "PegOffsetType",
    "PegOffsetValue",
)
SHARED = ("symbol", "side", "quantity", "newOrderRespType", "selfTradePreventionMode")
RENAMED = {"ClientOrderId": "newClientOrderId"}


class OrderList(Struct):
    """`stop` and `other` are the numbers of the two orders."""

    number: int
    account: str
    symbol: str
    client_id: str
    stop: int
    other: int
    created_ns: int
    updated_ns: int
    done: bool = False


class Lists:
    def __init__(self, desk: Desk, clerk: Clerk) -> None:
        self._desk = desk
        self._house = desk.house
        self._clerk = clerk
        self._orders = clerk.orders
        self._lists = desk.house.keeper.drawer("spot.lists", OrderList)
        clerk.follow = self.follow

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    def place(self, ask: Ask) -> Body:
        above, below = read_leg(ask.params, "above"), read_leg(ask.params, "below")
        client_id = ask.params.matching("listClientOrderId", CLIENT_ID)
        response = above.response if ask.params.has("newOrderRespType") else "RESULT"
        ask.params.all_read()
        stop, other = self._sort(above, below)
        self._check_prices(stop, other)
        for wish in (stop, other):
            self._desk.check(ask.account, wish)
        client_id = client_id or self._clerk.numbers.word()
        if any(one.client_id == client_id for one in self._mine(ask.account) if not one.done):
            raise Refused(NEW_REJECTED, "Duplicate order sent.")
        counts = self._clerk.counts_of(ask.account)
        counts.take(ask.now_ns)
        counts.take(ask.now_ns)
        try:
            row = self._enter(ask, client_id, stop, other)
        except Refused:
            counts.give_back(ask.now_ns, 2)
            raise
        finally:
            self._house.settle()
        reports = [
            ask.shapes.placed(ticket, list(self._orders.deals_of(ticket)), response, ticket.created_ns)
            for ticket in self._tickets(row)
        ]
        return {**self._body(row, ask.shapes, "EXEC_STARTED", "EXECUTING"), "orderReports": reports}

    def cancel(self, ask: Ask) -> Body:
        symbol = ask.params.need("symbol")
        number, client_id = either_id(ask.params, "orderListId", "listClientOrderId")
        cancel_id = ask.params.matching("newClientOrderId", CLIENT_ID) or self._clerk.numbers.word()
        ask.params.all_read()
        row = self._find(ask.account, number, client_id)
        if row is None or row.done or row.symbol != symbol:
            raise Refused(CANCEL_REJECTED, UNKNOWN)
        live = next(ticket for ticket in self._tickets(row) if ticket.live)
        self._desk.cancel(ask.account, Named(symbol, live.number, ""), cancel_id)
        return self.ended(row.number, ask.shapes)

    def ended(self, number: int, shapes: Shapes) -> Body:
        """A list that was cancelled, with its orders."""
        row = self._lists[str(number)]
        reports = [shapes.cancelled(ticket, ticket.updated_ns) for ticket in self._tickets(row)]
        return {**self._body(row, shapes, "ALL_DONE", "ALL_DONE"), "orderReports": reports}

    def follow(self, ticket: Ticket) -> None:
        """An order of a list has changed: the other one goes, where that is due."""
        row = self._lists.get(str(ticket.list_id))
        if row is None or row.done:
            return
        sibling = self._orders.get(row.other if ticket.number == row.stop else row.stop)
        if sibling is None:
            return  # The list is being opened: its second order follows.
        began = bool(ticket.cum_qty) or (ticket.algo and ticket.working_ns > 0)
        if sibling.live and (began or not ticket.live):
            if ticket.status == "CANCELED":
                sibling.cancel_id = ticket.cancel_id
            else:
                sibling.expiry = "OCO_TRIGGER"
            self._orders.put(sibling)
            name = wallet(ticket.account, "spot")
            now_ns = self._house.exchange.now_ns
            self._house.exchange.cancel(name, "", now_ns, venue_id=str(sibling.number))
        elif not sibling.live and not ticket.live:
            row.done = True
            row.updated_ns = ticket.updated_ns
            self._lists.put(str(row.number), row)
            self._tell(row, "ALL_DONE", "ALL_DONE")

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def status(self, ask: Ask) -> Body:
        number, client_id = either_id(ask.params, "orderListId", "origClientOrderId")
        ask.params.all_read()
        row = self._find(ask.account, number, client_id)
        if row is None:
            raise Refused(-2013, "Order does not exist.")
        return self._stands(row, ask.shapes)

    def open(self, ask: Ask) -> list[Body]:
        ask.params.all_read()
        return [self._stands(row, ask.shapes) for row in self._mine(ask.account) if not row.done]

    def all(self, ask: Ask) -> list[Body]:
        since = ask.params.integer("fromId") if ask.params.has("fromId") else None
        start_ns, end_ns = read_span(ask.params)
        limit = read_limit(ask.params)
        ask.params.all_read()
        rows = [
            row
            for row in self._mine(ask.account)
            if (since is None or row.number >= since)
            and (start_ns is None or row.created_ns >= start_ns)
            and (end_ns is None or row.created_ns <= end_ns)
        ]
        first = since is not None or start_ns is not None
        return [self._stands(row, ask.shapes) for row in page(rows, limit, first)]

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _sort(self, above: Wish, below: Wish) -> tuple[Wish, Wish]:
        """(stop leg, other leg), each on its side of the market."""
        selling = above.side == "SELL"
        stop, other = (below, above) if selling else (above, below)
        if stop.type in OTHERS and other.type in STOPS:
            wrong = (
                "A stop loss order in a sell OCO must be below."
                if selling
                else ("A stop loss order in a buy OCO must be above.")
            )
            raise Refused(-1197 if selling else -1196, wrong)
        if stop.type not in STOPS or other.type not in OTHERS:
            raise Refused(-1158, "Order type not supported in OCO.")
        return stop, other

    def _check_prices(self, stop: Wish, other: Wish) -> None:
        report = self._house.exchange.market(self._desk.listed(stop.symbol).symbol)
        last = report.last or report.mark
        target = other.stop_price if other.type == "TAKE_PROFIT" else other.price or other.stop_price
        low, high = (stop.stop_price, target) if stop.side == "SELL" else (target, stop.stop_price)
        if last and not low < last < high:
            text = "The relationship of the prices for the orders is not correct."
            raise Refused(NEW_REJECTED, text)

    def _enter(self, ask: Ask, client_id: str, stop: Wish, other: Wish) -> OrderList:
        """The stop first, for it needs no money: a refusal of the other one leaves nothing behind."""
        numbers, exchange = self._clerk.numbers, self._house.exchange
        other_id = other.client_id or numbers.word()
        pays = (self._desk.bnb_price(ask.account), BNB_DISCOUNT)
        usual = manner_of(other, *pays)
        manner = replace(manner_of(stop, *pays), holds_early=False, instead_of=other_id)
        first = self._desk.send(ask.account, stop, stop.client_id or numbers.word(), ask.until_ns, manner)
        try:
            second = self._desk.send(ask.account, other, other_id, ask.until_ns, usual)
        except Refused:
            assert first.order is not None
            name = wallet(ask.account, "spot")
            exchange.cancel(name, "", exchange.now_ns, venue_id=first.order.venue_id)
            raise
        assert first.order is not None
        assert second.order is not None
        now_ns, number = exchange.now_ns, numbers.next("list")
        row = OrderList(
            number,
            ask.account,
            stop.symbol,
            client_id,
            int(first.order.venue_id),
            int(second.order.venue_id),
            now_ns,
            now_ns,
        )
        self._lists.put(str(number), row)
        self._tell(row, "EXEC_STARTED", "EXECUTING", (first.order.client_id, second.order.client_id))
        for wish, reply in ((stop, first), (other, second)):
            assert reply.order is not None
            self._desk.open_ticket(ask.account, wish, reply.order.client_id, wish.qty, reply, number)
        return row

    def _find(self, account: str, number: int | None, client_id: str) -> OrderList | None:
        rows = [row for row in self._mine(account) if number is None or row.number == number]
        rows = [row for row in rows if not client_id or row.client_id == client_id]
        return rows[-1] if rows else None

    def _mine(self, account: str) -> Sequence[OrderList]:
        return [row for row in self._lists.values() if row.account == account]

    def _tickets(self, row: OrderList) -> list[Ticket]:
        found = (self._orders.get(number) for number in (row.stop, row.other))
        return [ticket for ticket in found if ticket is not None]

    def _stands(self, row: OrderList, shapes: Shapes) -> Body:
        words = ("ALL_DONE", "ALL_DONE") if row.done else ("EXEC_STARTED", "EXECUTING")
        return self._body(row, shapes, *words)

    def _body(self, row: OrderList, shapes: Shapes, kind: str, status: str) -> Body:
        return {
            "orderListId": row.number,
            "contingencyType": "OCO",
            "listStatusType": kind,
            "listOrderStatus": status,
            "listClientOrderId": row.client_id,
            "transactionTime": shapes.at(row.updated_ns),
            "symbol": row.symbol,
            "orders": [
                {"symbol": row.symbol, "orderId": ticket.number, "clientOrderId": ticket.client_id}
                for ticket in self._tickets(row)
            ],
        }

    def _tell(self, row: OrderList, kind: str, status: str, ids: tuple[str, str] | None = None) -> None:
        names = ids or tuple(ticket.client_id for ticket in self._tickets(row))
        ms = row.updated_ns // MS_UNIT
        orders = [
            {"s": row.symbol, "i": number, "c": name}
            for number, name in zip((row.stop, row.other), names, strict=False)
        ]
        body = {
            "e": "listStatus",
            "E": ms,
            "s": row.symbol,
            "g": row.number,
            "c": "OCO",
            "l": kind,
            "L": status,
            "r": "NONE",
            "C": row.client_id,
            "T": ms,
            "O": orders,
        }
        self._clerk.events.append(Event(row.account, body))


def read_leg(params: Params, which: str) -> Wish:
    """One leg's parameters, as those of an order of its own."""
    values = {name: params.values[name] for name in SHARED if params.has(name)}
    for part in LEG_PARTS:
        if params.has(f"{which}{part}"):
            name = RENAMED.get(part, part[0].lower() + part[1:])
            values[name] = params.values[f"{which}{part}"]
    for name in ("symbol", "side", "quantity"):
        params.need(name)
    params.need(f"{which}Type")
    if values["type"] not in STOPS + OTHERS:
        raise Refused(-1158, "Order type not supported in OCO.")
    return read_wish(Params(values))
