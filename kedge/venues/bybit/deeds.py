"""Deeds at Bybit: place, amend, cancel, batches, cancel everything. One attempt each, one answer each.

By WebSocket where the line for orders is up; by HTTP where a request certainly did not leave that way. An
acknowledgement says only that the venue took the request: its result comes on the order stream, and so does a
refusal by the matching engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec import Raw, Struct

from kedge.model.events import Answered, Request
from kedge.model.numbers import text
from kedge.model.order import TRIGGERED, fires_rising
from kedge.model.venue import Answer, PlaceOrder
from kedge.venues.allowance import Cost
from kedge.venues.bybit import errors, frames, orders
from kedge.venues.bybit.asks import PUBLIC, Asks, deed_cost
from kedge.venues.bybit.instruments import native_of
from kedge.venues.bybit.public import read_last_price
from kedge.venues.bybit.rules import BATCH_MOST
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.trade import CROWDED, Trade, crowded
from kedge.venues.bybit.wire import Category, Envelope, Unreadable, Word, json_of, read_as, read_envelope
from kedge.venues.rest import Call
from kedge.venues.silence import Refused, Silence, sentence, unanswered
from kedge.venues.wires import HttpSaid


class Deed(Struct, frozen=True):
    """One request in both of its forms."""

    request: Request
    path: str
    op: str
    kind: str


PLACE: Final = Deed("place", "/v5/order/create", "order.create", "create")
AMEND: Final = Deed("amend", "/v5/order/amend", "order.amend", "amend")
CANCEL: Final = Deed("cancel", "/v5/order/cancel", "order.cancel", "cancel")
PLACE_BATCH: Final = Deed("place", "/v5/order/create-batch", "order.create-batch", "batch create")
CANCEL_BATCH: Final = Deed("cancel", "/v5/order/cancel-batch", "order.cancel-batch", "batch cancel")
CANCEL_ALL: Final = "/v5/order/cancel-all"
TICKERS: Final = "/v5/market/tickers"


class Reply(Struct, frozen=True):
    """What came back, by whichever way: the same to those who read it."""

    code: int
    words: str
    data: Raw
    more: Raw
    retry_ns: int = 0


class _Ids(Struct, frozen=True, rename="camel"):
    order_link_id: Word = ""


class _Item(Struct, frozen=True):
    code: int
    msg: str = ""


class _Items(Struct, frozen=True):
    list: tuple[_Item, ...] = ()


class Deeds:
    """`closed(category)` says why orders of a category are refused before they are sent; "" where not.
    `locked(code, why)` is told when a reply says that the key is no longer good, or our list is old."""

    def __init__(
        self,
        account: str,
        asks: Asks,
        trade: Trade,
        ties: Ties,
        closed: Callable[[Category], str],
        locked: Callable[[int, str], None],
    ) -> None:
        self.account = account
        self._asks = asks
        self._trade = trade
        self._ties = ties
        self._listing = ties.listing
        self._clock = ties.clock
        self._closed = closed
        self._locked = locked

    async def place(self, order: PlaceOrder) -> Answered:
        category = self._listing.category_of(order.symbol)
        no = self._no(category) or orders.impossible(category, order) or self._unlisted(order.symbol)
        if no:
            return self._unsent(PLACE.request, order.client_id, no)
        if _is_spot_stop(order):
            passed = await self._passed(order)
            if passed:
                return self._unsent(PLACE.request, order.client_id, passed)
            self._ties.expect(order.client_id, True)
        params = orders.place(category, order)
        return await self._one(PLACE, order.client_id, category, params, order.valid_until_ns)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        category = self._listing.category_of(symbol)
        no = self._no(category)
        if no:
            return self._unsent(AMEND.request, client_id, no)
        params = orders.amend(category, client_id, symbol, price, qty)
        return await self._one(AMEND, client_id, category, params, valid_until_ns)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int) -> Answered:
        category = self._listing.category_of(symbol)
        no = self._no(category)
        if no:
            return self._unsent(CANCEL.request, client_id, no)
        waits = self._ties.stops.get(client_id)
        params = orders.cancel(category, client_id, symbol, waiting=bool(waits))
        answered = await self._one(CANCEL, client_id, category, params, valid_until_ns)
        if waits is None or answered.answer is not Answer.REJECTED or answered.unsent:
            return answered
        # A stop in spot is looked for in one drawer only, and this was the wrong one, or it has ended.
        params = orders.cancel(category, client_id, symbol, waiting=not waits)
        return await self._one(CANCEL, client_id, category, params, valid_until_ns)

    async def place_batch(self, batch: Sequence[PlaceOrder]) -> tuple[Answered, ...]:
        """One answer for each, in their order; some may be taken and others refused."""
        answers: dict[str, Answered] = {}
        ready: dict[Category, list[tuple[str, orders.Params, int]]] = {}
        for order in batch:
            category = self._listing.category_of(order.symbol)
            no = self._no(category) or orders.impossible(category, order) or self._unlisted(order.symbol)
            if no:
                answers[order.client_id] = self._unsent("place", order.client_id, no)
            elif _is_spot_stop(order):
                answers[order.client_id] = await self.place(order)
            else:
                item = (order.client_id, orders.place(category, order), order.valid_until_ns)
                ready.setdefault(category, []).append(item)
        await self._batches(PLACE_BATCH, ready, answers)
        return tuple(answers[order.client_id] for order in batch)

    async def cancel_batch(
        self, batch: Sequence[tuple[str, str]], valid_until_ns: int = 0
    ) -> tuple[Answered, ...]:
        """`batch` holds pairs of client id and symbol."""
        answers: dict[str, Answered] = {}
        ready: dict[Category, list[tuple[str, orders.Params, int]]] = {}
        for client_id, symbol in batch:
            category = self._listing.category_of(symbol)
            no = self._no(category)
            if no:
                answers[client_id] = self._unsent("cancel", client_id, no)
            elif client_id in self._ties.stops:
                # Batches have no word for their drawer.
                answers[client_id] = await self.cancel(client_id, symbol, valid_until_ns)
            else:
                item = (client_id, orders.cancel(category, client_id, symbol), valid_until_ns)
                ready.setdefault(category, []).append(item)
        await self._batches(CANCEL_BATCH, ready, answers)
        return tuple(answers[client_id] for client_id, _ in batch)

    async def cancel_all(self, symbol: str = "") -> str:
        """Everything of a symbol, or of the account; "" when the venue took all of it, else what it did not.

        The venue takes about 500 contracts' orders at a time and does not say which: the order stream and the
        next report tell what is left.
        """
        failed = []
        for category, coin, order_filter in self._everything(symbol):
            params = orders.cancel_all(category, symbol, coin, order_filter)
            call = Call(
                "POST", CANCEL_ALL, body=json_of(params), cost=deed_cost("cancel", category), deed=True
            )
            reply = self._read(await self._asks.rest.ask(call), call.cost)
            why = reply.why if isinstance(reply, Silence) else errors.reason_of(reply.code, reply.words)
            if why:
                failed.append(f"{category} {coin}".strip() + f": {why}")
        return sentence("; ".join(failed))

    # ── one request ─────────────────────────────────────────────────────────────────────────────

    async def _one(
        self, deed: Deed, client_id: str, category: Category, params: orders.Params, valid_until_ns: int
    ) -> Answered:
        reply = await self._send(deed, deed_cost(deed.kind, category), params, valid_until_ns)
        if isinstance(reply, Silence):
            return unanswered(self.account, deed.request, client_id, reply)
        if reply.code == 0:
            ids = read_as(reply.data, _Ids)
            if isinstance(ids, Unreadable):
                return self._said(deed, client_id, Answer.UNKNOWN, ids.why)
            if ids.order_link_id and ids.order_link_id != client_id:
                why = f"the answer is about another order: {ids.order_link_id!r}"
                return self._said(deed, client_id, Answer.UNKNOWN, why)
        return self._answered(deed, client_id, reply.code, reply.words, reply.retry_ns)

    async def _send(self, deed: Deed, cost: Cost, args: object, valid_until_ns: int) -> Reply | Silence:
        now_ns = self._clock()
        if valid_until_ns and now_ns > valid_until_ns:
            return Silence("not sent: its last moment has passed", unsent=True)
        if self._trade.usable:
            allowance = self._asks.rest.allowance
            wait_ns = allowance.wait_ns(cost, True, now_ns)
            if wait_ns:
                why = f"not sent: {allowance.excuse(wait_ns, now_ns)}"
                return Silence(why, unsent=True, retry_ns=wait_ns)
            allowance.take(cost, now_ns)
            answer = await self._trade.ask(deed.op, args, now_ns, valid_until_ns)
            if not isinstance(answer, Silence):
                return self._heard(answer, cost)
            if not answer.unsent:
                return answer
        call = Call(
            "POST",
            deed.path,
            body=json_of(args),
            cost=(("address", 1), *cost),
            deed=True,
            valid_until_ns=valid_until_ns,
        )
        return self._read(await self._asks.rest.ask(call), cost)

    def _heard(self, answer: frames.Answer, cost: Cost) -> Reply:
        wait_ns = self._asks.learn_limits(answer.ret_code, frames.headers_of(answer), cost)
        if answer.ret_code == CROWDED:
            return Reply(errors.TURNED_AWAY, crowded(answer), answer.data, answer.ret_ext_info)
        return Reply(answer.ret_code, answer.ret_msg or "", answer.data, answer.ret_ext_info, wait_ns)

    def _read(self, said: HttpSaid | Silence, cost: Cost) -> Reply | Silence:
        if isinstance(said, Silence):
            return said
        if said.status != 200:
            reason = errors.status_reason(said.status)
            heed = errors.heed_of(said)
            # Not everything has to wait where there is another door.
            wait_ns = 0 if heed.only and self._ties.hosts.trade else heed.wait_ns
            if errors.is_definite(said.status):
                # The gateway turned it away: as certain as a code that says so.
                return Reply(errors.TURNED_AWAY, reason, Raw(b"{}"), Raw(b"{}"), wait_ns)
            return Silence(reason)
        envelope = read_envelope(said.body)
        if isinstance(envelope, Unreadable):
            return Silence(envelope.why)
        wait_ns = self._asks.learn_limits(envelope.ret_code, said.headers, cost)
        return Reply(envelope.ret_code, envelope.ret_msg, envelope.result, envelope.ret_ext_info, wait_ns)

    # ── several at once ─────────────────────────────────────────────────────────────────────────

    async def _batches(
        self,
        deed: Deed,
        ready: Mapping[Category, list[tuple[str, orders.Params, int]]],
        answers: dict[str, Answered],
    ) -> None:
        for category, items in ready.items():
            for at in range(0, len(items), BATCH_MOST):
                chunk = items[at : at + BATCH_MOST]
                moments = [until_ns for _, _, until_ns in chunk if until_ns]
                args = orders.batch(category, [params for _, params, _ in chunk])
                cost = deed_cost(deed.kind, category, len(chunk))
                reply = await self._send(deed, cost, args, min(moments, default=0))
                for place, (client_id, _, _) in enumerate(chunk):
                    answers[client_id] = self._item(deed, client_id, reply, place, len(chunk))

    def _item(self, deed: Deed, client_id: str, reply: Reply | Silence, place: int, of: int) -> Answered:
        """The answer to one of a batch: the outer code only says that the batch was read."""
        if isinstance(reply, Silence):
            return unanswered(self.account, deed.request, client_id, reply)
        if reply.code != 0:
            return self._answered(deed, client_id, reply.code, reply.words, reply.retry_ns)
        items = read_as(reply.more, _Items)
        if isinstance(items, Unreadable) or len(items.list) != of:
            return self._said(
                deed, client_id, Answer.UNKNOWN, "the batch's answer does not tell its orders apart"
            )
        item = items.list[place]
        return self._answered(deed, client_id, item.code, item.msg, reply.retry_ns)

    async def _passed(self, order: PlaceOrder) -> str:
        """Why this stop in spot must not be sent; "" when it may.

        The venue is not told for which way a stop in spot waits: it takes the one from the last price to the
        trigger. A stop whose price has passed would wait for the way back, and so do the opposite.
        """
        params = {"category": "spot", "symbol": native_of(order.symbol)}
        said = await self._asks.get(TICKERS, params, PUBLIC, signed=False)
        last = read_last_price(said) if isinstance(said, Envelope) else said
        if isinstance(last, (Silence, Refused, Unreadable)):
            return f"whether the stop's price has passed is not known: {last.why}"
        rises = fires_rising(order.kind, order.side)
        if last >= order.trigger_price if rises else last <= order.trigger_price:
            return f"the stop's price {text(order.trigger_price)} has passed: the last price is {text(last)}"
        return ""

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _answered(self, deed: Deed, client_id: str, code: int, words: str, retry_ns: int) -> Answered:
        answer = Answer.REJECTED if code == errors.TURNED_AWAY else errors.answer_of(deed.request, code)
        reason = words if code == errors.TURNED_AWAY else errors.reason_of(code, words)
        if errors.meaning_of(code) == "locked" or code in errors.STALE:
            self._locked(code, reason)
        return Answered(self.account, deed.request, client_id, answer, sentence(reason), retry_ns=retry_ns)

    def _said(self, deed: Deed, client_id: str, answer: Answer, why: str) -> Answered:
        return Answered(self.account, deed.request, client_id, answer, sentence(why))

    def _unsent(self, request: Request, client_id: str, why: str) -> Answered:
        return unanswered(self.account, request, client_id, Silence(f"not sent: {why}", unsent=True))

    def _no(self, category: Category) -> str:
        return self._closed(category)

    def _unlisted(self, symbol: str) -> str:
        known = self._listing.all.get(symbol)
        if known is None:
            return f"Bybit lists no {symbol!r} (spot pairs are written BASE/QUOTE, like BTC/USDT)"
        return f"{symbol} is closed at Bybit" if known.status == "closed" else ""

    def _everything(self, symbol: str) -> list[tuple[Category, str, str]]:
        """What has to be cancelled one by one: category, coin of settlement, filter."""
        # Without a filter spot cancels plain orders only.
        spot_filters = ("Order", "StopOrder", "tpslOrder")
        if symbol:
            category = self._listing.category_of(symbol)
            return [(category, "", f) for f in spot_filters] if category == "spot" else [(category, "", "")]
        coins = dict.fromkeys(("USDT", "USDC", *self._listing.settle_coins("linear")))
        inverse = dict.fromkeys(self._listing.settle_coins("inverse"))
        parts: list[tuple[Category, str, str]] = [("linear", coin, "") for coin in coins]
        parts += [("inverse", coin, "") for coin in inverse]
        return parts + [("spot", "", f) for f in spot_filters]


def _is_spot_stop(order: PlaceOrder) -> bool:
    return "/" in order.symbol and order.kind in TRIGGERED
