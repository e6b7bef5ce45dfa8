"""What the venue answers: a request and the exchange in, one reply message out.

Ids and cursors carry the venue's birth, so that a venue which begins without its state file never gives a
number twice, and a cursor of its former life is recognised instead of being taken for its own.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from kedge.model.venue import Cash, Fill, OrderReport, PlaceOrder
from kedge.sim.exchange import AmendOrder, CashPage, FillPage, Reply
from kedge.sim.paper import wire
from kedge.sim.paper.keeper import PaperKeeper
from kedge.sim.paper.wire import Deed, Message, Question

# When the youngest orders were placed, for `lookup_lag`; older ones are visible under any lag.
PLACED_MAX = 10_000


class Answers:
    def __init__(self, keeper: PaperKeeper) -> None:
        self._keeper = keeper
        self._exchange = keeper.exchange
        self._placed: dict[tuple[str, str], int] = {}

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    def deed(self, account: str, deed: Deed, now_ns: int) -> Message:
        """Do it now, if it is still time."""
        exchange = self._exchange
        if isinstance(deed, wire.CancelAll):
            return self._cancel_all(account, deed, now_ns)
        if isinstance(deed, wire.Place):
            self._note_placed(account, deed.client_id, now_ns)
            reply = exchange.place(account, _order(deed), now_ns)
        elif isinstance(deed, wire.Amend):
            price, qty = Decimal(deed.price), Decimal(deed.qty)
            change = AmendOrder(deed.client_id, price, qty, valid_until_ns=deed.valid_until_ns)
            reply = exchange.amend(account, change, now_ns)
        elif isinstance(deed, wire.Cancel):
            until_ns = deed.valid_until_ns
            reply = exchange.cancel(account, deed.client_id, now_ns, valid_until_ns=until_ns)
        else:
            if _late(deed.valid_until_ns, now_ns):
                return _expired(deed.id, deed.valid_until_ns, now_ns)
            reply = exchange.set_leverage(account, deed.symbol, Decimal(deed.leverage), now_ns)
        return self._reply(deed.id, reply, now_ns)

    def dead_man(self, account: str, ask: wire.DeadMan, now_ns: int) -> Message:
        if 0 < ask.after_ns < 1_000_000_000:
            return wire.refused(ask.id, now_ns, "bad_request", "The switch waits for a second at least.")
        self._keeper.arm(account, ask.after_ns, now_ns)
        return wire.done(ask.id, now_ns, {})

    def _cancel_all(self, account: str, deed: wire.CancelAll, now_ns: int) -> Message:
        if _late(deed.valid_until_ns, now_ns):
            return _expired(deed.id, deed.valid_until_ns, now_ns)
        cancelled = self._exchange.cancel_all(account, now_ns, deed.symbol)
        return wire.done(deed.id, now_ns, {"cancelled": len(cancelled)})

    def _reply(self, id: int, reply: Reply, now_ns: int) -> Message:
        body: Message = {}
        # The report of a refused placing is no order: it has no number.
        if reply.order is not None and reply.order.venue_id:
            body = {"order": self.order_body(reply.order)}
        if reply.ok:
            return wire.done(id, now_ns, body)
        return wire.refused(id, now_ns, wire.code_of(reply.code), reply.sentence, body=body)

    def _note_placed(self, account: str, client_id: str, now_ns: int) -> None:
        self._placed.setdefault((account, client_id), now_ns)
        if len(self._placed) > PLACED_MAX:
            del self._placed[next(iter(self._placed))]

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def question(self, account: str, ask: Question, now_ns: int, lag_ns: int) -> Message:
        """What is so; or, with a lag, what was so a while ago."""
        exchange, seen_ns = self._exchange, now_ns - lag_ns
        body: Message | None
        if isinstance(ask, wire.OneOrder):
            order = exchange.order(account, ask.client_id)
            shown = order is not None and self._visible(account, order, seen_ns)
            body = {"order": self.order_body(order) if order is not None and shown else None}
        elif isinstance(ask, wire.OpenOrders):
            body = self._open_orders(account, ask, seen_ns)
        elif isinstance(ask, wire.Fills):
            body = self._fills(account, ask, seen_ns)
        elif isinstance(ask, wire.CashMoves):
            body = self._cash(account, ask, seen_ns)
        elif isinstance(ask, wire.Positions):
            body = {"positions": [wire.position_body(p) for p in exchange.positions(account)]}
        elif isinstance(ask, wire.Balances):
            body = {"balances": [wire.balance_body(b) for b in exchange.balances(account)]}
        elif isinstance(ask, wire.Quotes):
            body = {"quotes": self._quotes(ask.symbols)}
        elif isinstance(ask, wire.Instruments):
            body = {"instruments": [wire.instrument_body(i) for i in exchange.instruments()]}
        else:
            body = {}
        if body is None:
            return wire.refused(ask.id, now_ns, "bad_cursor", "That is not a cursor of this venue.")
        return wire.done(ask.id, now_ns, body)

    def _visible(self, account: str, order: OrderReport, seen_ns: int) -> bool:
        return self._placed.get((account, order.client_id), 0) <= seen_ns

    def _open_orders(self, account: str, ask: wire.OpenOrders, seen_ns: int) -> Message | None:
        after = self._number(ask.after)
        if after is None:
            return None
        orders = [o for o in self._exchange.open_orders(account) if int(o.venue_id) > after]
        shown = [o for o in orders if self._visible(account, o, seen_ns)]
        page = shown[: ask.limit]
        last = page[-1].venue_id if page else str(after)
        bodies = [self.order_body(o) for o in page]
        return {"orders": bodies, "next": self._mark(last), "more": len(shown) > len(page)}

    def _fills(self, account: str, ask: wire.Fills, seen_ns: int) -> Message | None:
        start = self._number(ask.cursor)
        if start is None or (start and not self._exchange.fills(account, str(start - 1), 1).items):
            return None
        page = self._exchange.fills(account, str(start), ask.limit)
        visible = sum(f.venue_ns <= seen_ns for f in page.items)
        fills = [self.fill_body(f) for f in page.items[:visible]]
        return {"fills": fills, **self._rest(page, visible, start)}

    def _cash(self, account: str, ask: wire.CashMoves, seen_ns: int) -> Message | None:
        start = self._number(ask.cursor)
        if start is None or (start and not self._exchange.cash(account, str(start - 1), 1).items):
            return None
        page = self._exchange.cash(account, str(start), ask.limit)
        visible = sum(c.venue_ns <= seen_ns for c in page.items)
        cash = [self.cash_body(c) for c in page.items[:visible]]
        return {"cash": cash, **self._rest(page, visible, start)}

    def _rest(self, page: FillPage | CashPage, visible: int, start: int) -> Message:
        """Where to go on: a cursor never passes what was not shown."""
        hidden = len(page.items) - visible
        end = max(int(page.cursor) - hidden, start)
        return {
            "next": self._mark(str(end)),
            "more": page.more and not hidden,
            "clipped": page.clipped and start > 0,
        }

    def _quotes(self, symbols: tuple[str, ...]) -> list[Message]:
        """Of these, or of everything listed; what is not listed is left out."""
        wanted = dict.fromkeys(symbols)
        listed = self._exchange.config.terms
        shown = [one for one in listed if not wanted or one.instrument.symbol in wanted]
        return [self._quote(one.instrument.symbol, one.funding_interval_ns) for one in shown]

    def _quote(self, symbol: str, funding_interval_ns: int) -> Message:
        exchange = self._exchange
        return wire.quote_body(exchange.book(symbol, 1), exchange.market(symbol), funding_interval_ns)

    # ── the exchange's nouns with the venue's birth ─────────────────────────────────────────────

    def order_body(self, order: OrderReport) -> Message:
        reason = order.reason
        return wire.order_body(replace(order, venue_id=self._mark(order.venue_id), reason=reason))

    def fill_body(self, fill: Fill) -> Message:
        venue_id = self._mark(fill.venue_id) if fill.venue_id else ""
        return wire.fill_body(replace(fill, exec_id=self._mark(fill.exec_id), venue_id=venue_id))

    def cash_body(self, cash: Cash) -> Message:
        return wire.cash_body(replace(cash, cash_id=self._mark(cash.cash_id)))

    def instrument(self, symbol: str) -> Message:
        found = next(i for i in self._exchange.instruments() if i.symbol == symbol)
        return wire.instrument_body(found)

    def _mark(self, number: str) -> str:
        return f"{self._keeper.birth}-{number}"

    def _number(self, cursor: str) -> int | None:
        """The number in a cursor of ours; None when it is of another life."""
        if not cursor:
            return 0
        birth, _, number = cursor.rpartition("-")
        return int(number) if birth == self._keeper.birth else None


def _order(place: wire.Place) -> PlaceOrder:
    return PlaceOrder(
        client_id=place.client_id,
        symbol=place.symbol,
        side=place.side,
        qty=Decimal(place.qty),
        price=Decimal(place.price),
        kind=place.kind,
        tif=place.tif,
        reduce_only=place.reduce_only,
        trigger_price=Decimal(place.trigger_price),
        trigger_by=place.trigger_by,
        valid_until_ns=place.valid_until_ns,
        expires_ns=place.expires_ns,
    )


def _late(valid_until_ns: int, now_ns: int) -> bool:
    return valid_until_ns != 0 and now_ns > valid_until_ns


def _expired(id: int, valid_until_ns: int, now_ns: int) -> Message:
    text = f"The request was valid until {valid_until_ns} and it is {now_ns}."
    return wire.refused(id, now_ns, "expired", text)
