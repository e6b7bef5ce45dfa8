"""Deeds through ccxt: place and cancel. One attempt each, one answer each, written exactly or not at all.

ccxt rounds what it is given to an exchange's steps, silently. So its rounding is asked first, and an order
that it would change is not sent: what leaves is what the journal holds.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final

from kedge.model.events import Answered, Request
from kedge.model.numbers import BadNumber, text
from kedge.model.order import TAKES, State
from kedge.model.venue import Answer, PlaceOrder
from kedge.venues.ccxt import wire
from kedge.venues.ccxt.errors import Failure, answer_of
from kedge.venues.ccxt.names import Known, Names
from kedge.venues.ccxt.proof import Proof, id_params, read_id
from kedge.venues.ccxt.rules import Options
from kedge.venues.ccxt.talk import ODD, Talk
from kedge.venues.ccxt.wire import Listing, Said, Unreadable
from kedge.venues.silence import Silence, sentence, unanswered
from kedge.venues.venue import Clock

NO_AMEND: Final = (
    "not sent: whether ccxt changes an order in place or replaces it depends on the exchange; cancel it and"
    " place the rest"
)
STOPS: Final = ("stop", "stop_limit")
TIFS: Final = {"ioc": "IOC", "fok": "FOK"}


class Deeds:
    """`find` has an order of ours looked for when its number is not known."""

    def __init__(
        self,
        account: str,
        talk: Talk,
        clock: Clock,
        names: Names,
        options: Options,
        find: Callable[[str, str], Any],
    ) -> None:
        self.account = account
        self.proof: Proof | None = None
        self._talk = talk
        self._clock = clock
        self._names = names
        self._options = options
        self._find = find

    # ── place ───────────────────────────────────────────────────────────────────────────────────

    async def place(self, order: PlaceOrder, listing: Listing) -> Answered:
        no = wire.impossible(listing, order) or self._unable(order, listing)
        if no:
            return self._unsent("place", order.client_id, no)
        exchange = self._talk.exchange
        kind = "market" if order.kind in ("market", "stop") else "limit"
        amount = wire.amount_of(listing, order.qty)
        price = None if kind == "market" else text(order.price)
        changed = self._rounded(order.symbol, amount, price)
        if changed:
            return self._unsent("place", order.client_id, changed)
        params = self._params(order, listing)
        self._names.placed(order.client_id, order.symbol, order.kind, self._clock())
        said = await self._talk.do(
            lambda: exchange.create_order(order.symbol, kind, order.side, amount, price, params),
            order.valid_until_ns,
            self._options.deed_s,
        )
        if isinstance(said, Failure):
            answered = self._failed("place", order.client_id, said)
            if answered.answer is Answer.REJECTED:
                self._names.ended(order.client_id)
            return answered
        return self._placed(order, listing, said)

    def _placed(self, order: PlaceOrder, listing: Listing, said: Any) -> Answered:
        number = str(said.get("id") or "") if isinstance(said, dict) else ""
        if not number:
            return self._said("place", order.client_id, Answer.UNKNOWN, "the answer names no order")
        shown = read_id(str(self._talk.exchange.id), said.get("clientOrderId"))
        if shown and shown != order.client_id:
            why = f"the exchange calls the order {shown!r} instead of what it was told"
            return self._said("place", order.client_id, Answer.UNKNOWN, why)
        self._names.learn(order.symbol, number, order.client_id)
        if said.get("status") is None:
            return self._said("place", order.client_id, Answer.ACCEPTED)
        report = wire.order_of({"side": order.side, **_known(said)}, listing, order.client_id)
        if isinstance(report, Unreadable) or report.qty != order.qty:
            # Taken, for it has a number; what it has come to is asked.
            return self._said("place", order.client_id, Answer.ACCEPTED)
        if report.state is State.REJECTED:
            self._names.ended(order.client_id)
            why = "the exchange took the order and refused it"
            return self._said("place", order.client_id, Answer.REJECTED, why)
        if report.state is not State.OPEN:
            # Its fills are told first, by the next look.
            return self._said("place", order.client_id, Answer.ACCEPTED)
        self._names.heard(report, self._clock())
        return Answered(self.account, "place", order.client_id, Answer.DONE, order=report)

    def _unable(self, order: PlaceOrder, listing: Listing) -> str:
        """What ccxt says this exchange cannot do; "" where it can, or does not say."""

        def lacks(name: str) -> bool:
            return self._talk.feature(order.symbol, "createOrder", name) is False

        if order.kind in TAKES:
            return f"{order.symbol}: ccxt has no word for orders that fire as the price comes ({order.kind})"
        spot = listing.type == "spot"
        if order.kind == "market" and spot and order.side == "buy":
            if self._buys_for_money(order.symbol):
                return (
                    f"{order.symbol} is bought at market for an amount of {listing.instrument.quote} there,"
                    " not for a quantity; use a limit order that is filled at once or cancelled (ioc)"
                )
        elif order.kind in STOPS and lacks("triggerPrice"):
            return f"{order.symbol} takes no orders with a trigger through ccxt"
        if order.kind in STOPS and order.trigger_by != "last" and not self._triggers_by(order):
            return f"{order.symbol} takes no trigger by the {order.trigger_by} price through ccxt"
        limits = self._talk.feature(order.symbol, "createOrder", "timeInForce")
        name = "PO" if order.tif == "post_only" else TIFS.get(order.tif, "")
        if name and order.kind != "market" and isinstance(limits, dict) and limits.get(name) is False:
            return f"{order.symbol} takes no {order.tif} orders through ccxt"
        return ""

    def _buys_for_money(self, symbol: str) -> bool:
        options = getattr(self._talk.exchange, "options", None) or {}
        asks = options.get("createMarketBuyOrderRequiresPrice")
        return bool(asks or self._talk.feature(symbol, "createOrder", "marketBuyRequiresPrice"))

    def _triggers_by(self, order: PlaceOrder) -> bool:
        kinds = self._talk.feature(order.symbol, "createOrder", "triggerPriceType")
        return isinstance(kinds, dict) and bool(kinds.get(order.trigger_by))

    def _params(self, order: PlaceOrder, listing: Listing) -> dict[str, Any]:
        params: dict[str, Any] = id_params(str(self._talk.exchange.id), order.client_id)
        if order.tif == "post_only":
            params["postOnly"] = True
        elif order.tif in TIFS and order.kind not in ("market", "stop"):
            params["timeInForce"] = TIFS[order.tif]
        if order.reduce_only and listing.type != "spot":
            params["reduceOnly"] = True
        if order.kind in STOPS:
            params["triggerPrice"] = text(order.trigger_price)
            if self._talk.feature(order.symbol, "createOrder", "triggerDirection"):
                params["triggerDirection"] = "ascending" if order.side == "buy" else "descending"
            if self._triggers_by(order):
                params["triggerPriceType"] = order.trigger_by
        return params

    def _rounded(self, symbol: str, amount: str, price: str | None) -> str:
        """What ccxt would make of these numbers, if that is something else; "" if it leaves them alone."""
        exchange = self._talk.exchange
        try:
            wrote = exchange.amount_to_precision(symbol, amount)
            wrote_price = price if price is None else exchange.price_to_precision(symbol, price)
            same = wire.number(wrote) == Decimal(amount)
            same = same and (price is None or wire.number(wrote_price) == Decimal(price))
        except (BadNumber, self._talk.error, *ODD) as error:
            return f"ccxt cannot write {amount} at {price} for {symbol}: {error}"
        return "" if same else f"ccxt would make {wrote} at {wrote_price} of {amount} at {price}"

    # ── cancel ──────────────────────────────────────────────────────────────────────────────────

    async def cancel(self, client_id: str, listing: Listing, valid_until_ns: int) -> Answered:
        symbol, exchange = listing.symbol, self._talk.exchange
        known = self._names.known(client_id)
        number = known.venue_id if known is not None else ""
        params: dict[str, Any] = self._trigger_params(listing, known)
        if not number and self.proof is not None and self.proof.cancels_by_id:
            params.update(id_params(str(exchange.id), client_id))
        elif not number:
            found = await self._find(client_id, symbol)
            if isinstance(found, str):
                return self._unsent("cancel", client_id, found or f"{exchange.id} shows no such order")
            number = found.venue_id
        said = await self._talk.do(
            lambda: exchange.cancel_order(number, symbol, params), valid_until_ns, self._options.deed_s
        )
        if isinstance(said, Failure):
            return self._failed("cancel", client_id, said)
        # What the order had come to before is asked: many exchanges only say "yes" here.
        return self._said("cancel", client_id, Answer.ACCEPTED)

    async def cancel_all(self, listing: Listing) -> str:
        """Plain orders and waiting ones, where the exchange lists those apart; "" when it agreed to all."""
        exchange, symbol = self._talk.exchange, listing.symbol
        if not self._talk.has("cancelAllOrders"):
            return f"{exchange.id} has no request that cancels all orders of {symbol}"
        apart = self._talk.feature(symbol, "fetchOpenOrders", "trigger")
        failed = []
        for params in ({}, {"trigger": True}) if apart else ({},):
            said = await self._talk.do(
                partial(exchange.cancel_all_orders, symbol, params), 0, self._options.deed_s
            )
            if isinstance(said, Failure) and said.kind != "missing":  # there was none
                failed.append(sentence(said.why))
        return f"{symbol}: {'; '.join(failed)}" if failed else ""

    def _trigger_params(self, listing: Listing, known: Known | None) -> dict[str, Any]:
        waits = known is not None and known.kind in STOPS
        listed = waits and self._talk.feature(listing.symbol, "fetchOpenOrders", "trigger")
        return {"trigger": True} if listed else {}

    # ── answers ─────────────────────────────────────────────────────────────────────────────────

    def _failed(self, request: Request, client_id: str, failure: Failure) -> Answered:
        return Answered(
            self.account,
            request,
            client_id,
            answer_of(request, failure),
            sentence(failure.why),
            unsent=not failure.left,
            retry_ns=failure.retry_ns,
        )

    def _said(self, request: Request, client_id: str, answer: Answer, why: str = "") -> Answered:
        return Answered(self.account, request, client_id, answer, sentence(why))

    def _unsent(self, request: Request, client_id: str, why: str) -> Answered:
        return unanswered(self.account, request, client_id, Silence(f"not sent: {why}", unsent=True))


def _known(said: Said) -> dict[str, Any]:
    """The members of an answer that say something."""
    return {name: value for name, value in said.items() if value is not None}
