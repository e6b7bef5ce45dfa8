"""Questions about one account: a look at one market, one order by our id, or everything it has.

Fills are told by REST alone, by the exchange's number of the trade, so that none is booked twice under two
names; a private stream only says that it is time to look. A trade names its order by the exchange's number:
whose order that is is known, or asked for, before the trade is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from kedge.model.events import LookedUp
from kedge.model.venue import AccountReport, Balance, Cash, Fill, OrderReport, Rules, VenuePosition
from kedge.venues.ccxt import wire
from kedge.venues.ccxt.errors import Failure
from kedge.venues.ccxt.names import Known, Names
from kedge.venues.ccxt.past import METHODS, Past
from kedge.venues.ccxt.proof import CLOSED_LISTS, Proof, id_params, read_id
from kedge.venues.ccxt.rules import DAY_NS, NS_PER_MS, Options
from kedge.venues.ccxt.talk import Talk
from kedge.venues.ccxt.wire import Listing, Said, Unreadable
from kedge.venues.silence import sentence
from kedge.venues.venue import Clock

# From so many unknown orders on, one list is asked for instead of each of them.
MANY: Final = 4
# An order of ours that is in no list so often is no longer looked for in every look.
MISSES_MOST: Final = 5
# Where ccxt does not say how long a page is, a list of a multiple of this may have been cut.
ROUND: Final = 50
# An order is in the lists from the moment it was placed; their clock may be behind ours.
BEFORE_NS: Final = 60_000_000_000


class Cursor(Struct, frozen=True):
    """Where the next report begins, and in which markets this account has traded."""

    since_ms: int
    symbols: tuple[str, ...] = ()


class Look(Struct):
    """One market of ours, seen now: open orders, those that have ended since, fills."""

    orders: list[OrderReport]
    fills: list[Fill]
    cash: list[Cash]
    failed: str = ""
    clipped: bool = False


class Matter(Struct, frozen=True):
    """What the questions are about: the markets in use, by name."""

    symbols: tuple[str, ...]
    listings: Mapping[str, Listing]


class Questions:
    """`matter` says which markets are in use, `use` adds one."""

    def __init__(
        self,
        account: str,
        talk: Talk,
        clock: Clock,
        names: Names,
        past: Past,
        options: Options,
        matter: Callable[[], Matter],
        use: Callable[[str], None],
    ) -> None:
        self.account = account
        self.proof: Proof | None = None
        self._talk = talk
        self._clock = clock
        self._names = names
        self._past = past
        self._options = options
        self._matter = matter
        self._use = use

    # ── one market ──────────────────────────────────────────────────────────────────────────────

    async def look(self, symbol: str, since_ns: int) -> Look:
        """Open orders first, so that what they say has traded is among the fills."""
        found = Look([], [], [])
        listing = self._matter().listings.get(symbol)
        if listing is None:
            return found
        asked_ns = self._clock()
        opened = await self._open_orders(listing)
        if isinstance(opened, str):
            found.failed = opened
            return found
        found.orders = opened
        await self._ended(found, listing, asked_ns)
        if not found.failed:
            await self._fills(found, listing, since_ns)
        return found

    async def _ended(self, found: Look, listing: Listing, asked_ns: int) -> None:
        """Orders of ours that were live and are no longer listed: what became of each."""
        shown = {order.client_id: None for order in found.orders}
        for known in self._names.live(listing.symbol):
            if known.client_id in shown or known.asked_ns >= asked_ns or not known.venue_id:
                continue
            order = await self._by_number(listing, known)
            if order == "":
                order = await self._among_closed(listing, known.client_id, known)
            if isinstance(order, OrderReport):
                found.orders.append(order)
            elif order:
                found.failed = order
                return
            else:
                known.misses += 1
                if known.misses >= MISSES_MOST:
                    # It has ended without a last word: the engine will ask in a report of its own.
                    self._names.ended(known.client_id)

    async def _fills(self, found: Look, listing: Listing, since_ns: int) -> None:
        page = await self._past.fills(listing.symbol, since_ns)
        found.failed, found.clipped = page.failed, page.clipped
        await self._learn_many(listing, page.rows.values(), since_ns)
        for row in page.rows.values():
            number = str(row.get("order") or "")
            name = self._names.name_of(listing.symbol, number)
            if name is None:
                name = await self._name(listing, number)
            if name is None:
                found.failed = found.failed or f"{listing.symbol}: whose order {number} is is not known yet"
                return
            read = wire.fill_of(row, listing, name)
            if isinstance(read, Unreadable):
                found.failed = found.failed or read.why
                continue
            found.fills.append(read[0])
            found.cash.extend(read[1])

    async def _learn_many(self, listing: Listing, trades: Iterable[Said], since_ns: int) -> None:
        """Many orders that nobody here knows are learnt from one list rather than one by one."""
        numbers = dict.fromkeys(str(row.get("order") or "") for row in trades)
        unknown = [one for one in numbers if self._names.name_of(listing.symbol, one) is None]
        if len(unknown) < MANY:
            return
        closed = await self._closed_orders(listing, since_ns - DAY_NS)
        for one in closed if isinstance(closed, list) else ():
            self._learnt(listing, one, str(one.get("id") or ""))

    async def _name(self, listing: Listing, number: str) -> str | None:
        """Whose order this number is: ours, "" for a stranger's, None where it could not be asked."""
        if self._talk.has("fetchOrder"):
            exchange = self._talk.exchange
            said = await self._talk.ask(lambda: exchange.fetch_order(number, listing.symbol))
            if not isinstance(said, Failure):
                return self._learnt(listing, said, number)
            if said.kind not in ("missing", "unsupported", "refused"):
                return None
        since_ns = self._clock() - DAY_NS
        closed = await self._closed_orders(listing, since_ns)
        if isinstance(closed, str):
            return None
        for one in closed:
            self._learnt(listing, one, str(one.get("id") or ""))
        known = self._names.name_of(listing.symbol, number)
        if known is None:
            # It is nowhere any more: an order of this desk would be in its journal under this number.
            self._names.learn(listing.symbol, number, "")
        return known or ""

    def _learnt(self, listing: Listing, said: Said, number: str) -> str:
        name = self._id_in(said)
        if not self._names.name_of(listing.symbol, number):
            self._names.learn(listing.symbol, number, name)
        return self._names.name_of(listing.symbol, number) or ""

    # ── one order ───────────────────────────────────────────────────────────────────────────────

    async def order(self, client_id: str, symbol: str) -> LookedUp:
        """By our id where the exchange takes it, else among everything it lists."""
        asked_ns = self._clock()
        self._use(symbol)
        found = await self.find(client_id, symbol)
        if isinstance(found, OrderReport):
            self._names.heard(found, asked_ns)
            return LookedUp(self.account, client_id, asked_ns, order=found)
        return LookedUp(self.account, client_id, asked_ns, error=sentence(found) if found else "")

    async def find(self, client_id: str, symbol: str) -> OrderReport | str:
        """The order, "" where it is nowhere, or why that cannot be said."""
        listing = self._matter().listings.get(symbol)
        if listing is None:
            return f"{self._talk.exchange.id} lists no {symbol!r}"
        known = self._names.known(client_id)
        for ask in (self._by_known_number, self._by_id, self._among_open, self._among_closed):
            found = await ask(listing, client_id, known)
            if found:
                return found
        proof = self.proof
        if proof is not None and not proof.findable:
            # Not to be found is then no finding.
            return f"{proof.exchange} cannot be asked for an order by our id: look on the exchange's own page"
        return ""

    async def _by_known_number(
        self, listing: Listing, client_id: str, known: Known | None
    ) -> OrderReport | str:
        return await self._by_number(listing, known) if known is not None and known.venue_id else ""

    async def _by_number(self, listing: Listing, known: Known) -> OrderReport | str:
        if not self._talk.has("fetchOrder"):
            return ""
        exchange, params = self._talk.exchange, self._stop_params(listing, known)
        said = await self._talk.ask(lambda: exchange.fetch_order(known.venue_id, listing.symbol, params))
        return self._read(listing, said, known.client_id)

    async def _by_id(self, listing: Listing, client_id: str, known: Known | None) -> OrderReport | str:
        if self.proof is None or not self.proof.finds_by_id:
            return ""
        exchange = self._talk.exchange
        params = {**self._stop_params(listing, known), **id_params(str(exchange.id), client_id)}
        said = await self._talk.ask(lambda: exchange.fetch_order("", listing.symbol, params))
        if not isinstance(said, Failure):
            shown = self._id_in(said)
            if shown != client_id and (shown or self.proof.shows_id):
                return f"the answer is about another order: {shown!r}"
        return self._read(listing, said, client_id)

    async def _among_open(self, listing: Listing, client_id: str, known: Known | None) -> OrderReport | str:
        opened = await self._open_orders(listing)
        if isinstance(opened, str):
            return opened
        return next((order for order in opened if order.client_id == client_id), "")

    async def _among_closed(self, listing: Listing, client_id: str, known: Known | None) -> OrderReport | str:
        since_ns = known.asked_ns - BEFORE_NS if known is not None else self._clock() - DAY_NS
        closed = await self._closed_orders(listing, since_ns)
        if isinstance(closed, str):
            return closed
        mine = next((one for one in closed if self._id_in(one) == client_id), None)
        return "" if mine is None else self._read(listing, mine, client_id)

    def _read(self, listing: Listing, said: Any, client_id: str) -> OrderReport | str:
        if isinstance(said, Failure):
            return "" if said.kind in ("missing", "unsupported") else said.why
        order = wire.order_of(said, listing, client_id)
        return order.why if isinstance(order, Unreadable) else order

    # ── lists ───────────────────────────────────────────────────────────────────────────────────

    async def _open_orders(self, listing: Listing) -> list[OrderReport] | str:
        if not self._talk.has("fetchOpenOrders"):
            return f"{self._talk.exchange.id} lists no open orders"
        found: dict[str, OrderReport] = {}
        for params in self._kinds_of_lists(listing):
            rows = await self._open_rows(listing, params)
            if isinstance(rows, str):
                return rows
            for row in rows:
                order = wire.order_of(row, listing, self._name_of(listing, row))
                if isinstance(order, Unreadable):
                    return order.why
                found[order.venue_id or order.client_id] = order
        return list(found.values())

    async def _closed_orders(self, listing: Listing, since_ns: int) -> list[Said] | str:
        """What is no longer open, by whichever list the exchange has: the one of all, or both halves."""
        methods = [name for name in CLOSED_LISTS if self._talk.has(name)][:1]
        if methods == ["fetchClosedOrders"] and self._talk.has("fetchCanceledOrders"):
            methods.append("fetchCanceledOrders")
        found: list[Said] = []
        for method in methods:
            page = await self._past.rows(method, listing.symbol, since_ns)
            if page.failed:
                return page.failed
            found.extend(page.rows.values())
        return found

    async def _open_rows(self, listing: Listing, params: dict[str, Any]) -> list[Said] | str:
        exchange, method = self._talk.exchange, "fetchOpenOrders"
        limit = self._talk.feature(listing.symbol, method, "limit")
        ask = getattr(exchange, METHODS[method])
        rows, count = await self._talk.ask_counting(lambda: ask(listing.symbol, None, limit, params))
        if isinstance(rows, Failure):
            return rows.why
        count = max(count, len(rows))
        if count >= limit if limit else count and count % ROUND == 0:
            return f"{listing.symbol} has {count} open orders, and perhaps more, which ccxt does not list"
        return list(rows)

    def _kinds_of_lists(self, listing: Listing) -> list[dict[str, Any]]:
        """Orders that wait for a trigger stand in a list of their own on many exchanges."""
        stops = any(one.kind in ("stop", "stop_limit") for one in self._names.live(listing.symbol))
        if stops and self._talk.feature(listing.symbol, "fetchOpenOrders", "trigger"):
            return [{}, {"trigger": True}]
        return [{}]

    def _stop_params(self, listing: Listing, known: Known | None) -> dict[str, Any]:
        if known is None or known.kind not in ("stop", "stop_limit"):
            return {}
        return {"trigger": True} if self._talk.feature(listing.symbol, "fetchOpenOrders", "trigger") else {}

    # ── everything ──────────────────────────────────────────────────────────────────────────────

    async def report(self, cursor: str, rules: Rules) -> AccountReport | str:
        asked_ns = self._clock()
        began = read_cursor(cursor)
        if isinstance(began, str):
            return began
        since_ns = began.since_ms * NS_PER_MS if began.since_ms else asked_ns - DAY_NS
        for symbol in began.symbols:
            self._use(symbol)
        symbols = self._matter().symbols
        looks = [await self.look(symbol, since_ns) for symbol in symbols]
        cash = await self._funding(since_ns)
        positions = await self._positions()
        balances = await self.balances()
        last = await self._orders_again(symbols)
        failures = [look.failed for look in looks if look.failed]
        failures += [one for one in (cash, positions, balances, last) if isinstance(one, str)]
        if isinstance(balances, str) and all(look.failed for look in looks):
            return sentence(failures[0])
        next_ms = (asked_ns - rules.fills_overlap_ns) // NS_PER_MS
        further = Cursor(max(began.since_ms, next_ms), symbols[-self._options.symbols_max :])
        return AccountReport(
            asked_ns=asked_ns,
            open_orders=() if isinstance(last, str) else last,
            fills=tuple(fill for look in looks for fill in look.fills),
            cash=(*(one for look in looks for one in look.cash), *(() if isinstance(cash, str) else cash)),
            positions=() if isinstance(positions, str) else positions,
            balances=() if isinstance(balances, str) else balances,
            instruments=tuple(one.instrument for one in self._matter().listings.values()),
            # Where something is missing the next report begins where this one did.
            cursor=cursor if failures else msgspec.json.encode(further).decode(),
            complete=not failures,
            clipped=any(look.clipped for look in looks),
        )

    async def balances(self) -> tuple[Balance, ...] | str:
        exchange = self._talk.exchange
        said = await self._talk.ask(lambda: exchange.fetch_balance())
        return said.why if isinstance(said, Failure) else wire.balances_of(said)

    async def _orders_again(self, symbols: Iterable[str]) -> tuple[OrderReport, ...] | str:
        found: list[OrderReport] = []
        for symbol in symbols:
            listing = self._matter().listings.get(symbol)
            opened = await self._open_orders(listing) if listing is not None else []
            if isinstance(opened, str):
                return opened
            found.extend(opened)
        return tuple(found)

    async def _positions(self) -> tuple[VenuePosition, ...] | str:
        """By groups of markets that can be asked for together."""
        matter = self._matter()
        groups: dict[tuple[str, str, str], list[str]] = {}
        for symbol in matter.symbols:
            listing = matter.listings.get(symbol)
            if listing is not None and listing.type != "spot":
                one = listing.instrument
                groups.setdefault((listing.type, one.kind, one.settle), []).append(symbol)
        rows: list[Said] = []
        for symbols in groups.values():
            exchange = self._talk.exchange
            if not self._talk.has("fetchPositions"):
                return f"{exchange.id} lists no positions"
            said = await self._talk.ask(partial(exchange.fetch_positions, symbols))
            if isinstance(said, Failure):
                return said.why
            rows.extend(said)
        return wire.positions_of(rows, matter.listings)

    async def _funding(self, since_ns: int) -> tuple[Cash, ...] | str:
        """Payments of funding, where the exchange lists them."""
        matter, exchange = self._matter(), self._talk.exchange
        if not self._talk.has("fetchFundingHistory"):
            return ()
        found: list[Cash] = []
        for symbol in matter.symbols:
            listing = matter.listings.get(symbol)
            if listing is None or listing.type != "swap":
                continue
            said = await self._talk.ask(
                partial(exchange.fetch_funding_history, symbol, since_ns // NS_PER_MS)
            )
            if isinstance(said, Failure):
                if said.kind == "unsupported":
                    return tuple(found)
                return said.why
            paid = [wire.funding_of(row) for row in said]
            found.extend(one for one in paid if isinstance(one, Cash))
        return tuple(found)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _id_in(self, said: Said) -> str:
        return read_id(str(self._talk.exchange.id), said.get("clientOrderId"))

    def _name_of(self, listing: Listing, said: Said) -> str:
        """What an order is called here: by what is known of its number, else by the id that it shows."""
        number = str(said.get("id") or "")
        known = self._names.name_of(listing.symbol, number)
        if known:
            return known
        shown = self._id_in(said)
        self._names.learn(listing.symbol, number, shown)
        return shown


def read_cursor(cursor: str) -> Cursor | str:
    if not cursor:
        return Cursor(0)
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.DecodeError:
        return "the place where this desk stopped reading is not one of this venue's: begin with a new home"
