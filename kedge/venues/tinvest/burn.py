"""The end of doubt: using up the key of an order that nobody can find.

T-Invest carries out one request per key at most, and remembers keys for a month. It refuses no request for
being late. So an order that was sent and cannot be found may still come to be, at any time. Whoever must
know places something else under the very same key, which cannot live (`orders.burn`). If the key was used
before, the answer shows the order that it was used for, or says that it is a duplicate (30057). If not, it
is used up now, and the first request can never take effect any more.

Only an answer that shows what the key was used for decides. Everything else leaves the doubt as it was.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO, floor_to
from kedge.model.venue import Ask, PlaceOrder
from kedge.protos.tinvest import marketdata_pb2 as md
from kedge.protos.tinvest import orders_pb2 as pb
from kedge.protos.tinvest import stoporders_pb2 as stops
from kedge.venues.tinvest import orders
from kedge.venues.tinvest import rules as limits
from kedge.venues.tinvest.account import Stop
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.errors import Fault
from kedge.venues.tinvest.questions import Found, Questions
from kedge.venues.tinvest.rules import SECOND_NS
from kedge.venues.tinvest.ties import Ties
from kedge.venues.tinvest.wire import client_id_of, number

# Where the venue names no lowest price: this part of the best price there is.
FAR: Decimal = Decimal("0.8")
# Orders of ours that look the same, and may have been given each other's stop orders.
ALIKE_MOST = 4
NOT_SHOWN = "its key was used before, and the order is not shown yet"


class Burner:
    def __init__(self, asks: Asks, ties: Ties, questions: Questions) -> None:
        self._asks = asks
        self._ties = ties
        self._questions = questions

    async def burn(self, ask: Ask) -> Found | str:
        """After it was looked for and not found; a string says why the doubt remains."""
        placed = ask.placed
        instrument = self._ties.listing.all.get(ask.symbol)
        if placed is None or instrument is None:
            return "its key cannot be used up: what it was is not known"
        price = await self._lowest(ask.symbol, instrument)
        if isinstance(price, str):
            return f"its key cannot be used up yet: {price}"
        if orders.is_stop(placed):
            return await self._stop(ask, placed, instrument, price)
        return await self._plain(ask, placed, instrument, price)

    async def _plain(
        self, ask: Ask, placed: PlaceOrder, instrument: Instrument, price: Decimal
    ) -> Found | str:
        uid = self._ties.listing.uid_of(ask.symbol)
        request = orders.burn(placed, instrument, uid, self._ties.number, price)
        said = await self._asks.do(limits.POST, request, pb.PostOrderResponse)
        if isinstance(said, Fault) and said.meaning == "duplicate":
            return NOT_SHOWN
        if not isinstance(said, pb.PostOrderResponse):
            return f"its key could not be used up: {said.why}"
        if client_id_of(said.order_request_id) not in ("", ask.client_id):
            return f"the answer is about another order: {said.order_request_id!r}"
        if said.lots_requested != orders.burn_lots(placed, instrument) or said.lots_executed > 0:
            # The first request was here before us. Its whole state is a question of its own.
            found = await self._questions.order(ask)
            is_shown = isinstance(found, str) or found.told is not None or found.burnt
            return found if is_shown else NOT_SHOWN
        return Found(burnt=True)

    async def _stop(
        self, ask: Ask, placed: PlaceOrder, instrument: Instrument, price: Decimal
    ) -> Found | str:
        """A stop order that is found by its fields may have been given to another order of ours that looks
        the same. Then it is that one's key that has to be used up: one order for each key that was used."""
        keys, tried = [ask.client_id], 0
        while tried < len(keys) and tried < ALIKE_MOST:
            key, tried = keys[tried], tried + 1
            meant = replace(placed, client_id=key)
            shown = await self._use_up(meant, instrument, price)
            listed = await self._questions.ended_stops()
            if isinstance(listed, str):
                return listed
            if isinstance(shown, str):
                return shown
            burns = [one for one in listed.values() if orders.is_burn_stop(one, meant, instrument)]
            if shown is None and burns:
                for one in burns:
                    await self._take_away(one)
                return Found(burnt=True)
            if shown is None:
                owners = [self._questions.owner_of(ask, one) for one in self._questions.alike(ask, listed)]
                keys += [owner for owner in owners if owner and owner not in keys]
                continue
            stop = listed.get(shown.stop_order_id)
            if stop is None:
                return "its key is used up, but the stop order that it belongs to is not shown yet"
            if stop in burns:
                await self._take_away(stop)
                return Found(burnt=True)
            owner = self._questions.owner_of(ask, stop)
            if owner in ("", ask.client_id):
                self._ties.owns(stop.stop_id, ask.client_id)
                return await self._questions.became(stop)
            if owner not in keys:
                keys.append(owner)
        return "its key was used before, and the stop order is not shown yet"

    async def _use_up(
        self, placed: PlaceOrder, instrument: Instrument, price: Decimal
    ) -> stops.PostStopOrderResponse | str | None:
        """What the key of this stop order is used for; None: it was used before, and nobody says for what."""
        uid = self._ties.listing.uid_of(placed.symbol)
        until_ns = self._asks.now_ns() + round(self._ties.options.burn_s * SECOND_NS)
        request = orders.burn_stop(placed, instrument, uid, self._ties.number, price, until_ns)
        said = await self._asks.do(limits.POST_STOP, request, stops.PostStopOrderResponse)
        if isinstance(said, Fault) and said.meaning == "duplicate":
            return None
        if not isinstance(said, stops.PostStopOrderResponse):
            return f"its key could not be used up: {said.why}"
        return said

    async def _take_away(self, stop: Stop) -> None:
        """What burnt the key has done its work; where this fails it ends by itself in a few minutes."""
        if stop.is_waiting:
            request = stops.CancelStopOrderRequest(account_id=self._ties.number, stop_order_id=stop.stop_id)
            await self._asks.do(limits.CANCEL_STOP, request, stops.CancelStopOrderResponse)

    async def _lowest(self, symbol: str, instrument: Instrument) -> Decimal | str:
        """The lowest price that is taken today."""
        request = md.GetOrderBookRequest(instrument_id=self._ties.listing.uid_of(symbol), depth=1)
        said = await self._asks.ask(limits.BOOK, request, md.GetOrderBookResponse)
        if not isinstance(said, md.GetOrderBookResponse):
            return said.why
        bounds = [number(one) for one in (said.limit_down, said.limit_up)]
        lowest = min((bound for bound in bounds if bound > 0), default=ZERO)
        if lowest > 0 and len([bound for bound in bounds if bound > 0]) == 2:
            return instrument.price_at_least(lowest)
        prices = [number(one.price) for one in (*said.bids, *said.asks)]
        prices += [number(one) for one in (said.last_price, said.close_price)]
        known = [price for price in prices if price > 0]
        if not known:
            return f"no price of {symbol} is known"
        return floor_to(min(known) * FAR, instrument.tick)
