"""What the desk asks Binance spot by REST: one order, or everything an account has.

An order is looked for where it may be, most certain first, and "not found" is only said when every place has
answered. A report asks open orders, trades by symbol, balances, open orders again; a page that is missing
makes it incomplete, and an incomplete one moves no cursor past what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Balance, Fill, OrderReport
from kedge.venues.binance.errors import Failure
from kedge.venues.binance.sign import Params
from kedge.venues.binance.spot import rules, wire
from kedge.venues.binance.spot.asking import ALL_ORDERS_PATH, OPEN_ORDERS_PATH, Asking
from kedge.venues.binance.spot.asks import cancel_id
from kedge.venues.binance.spot.names import (
    CARRIED_MAX,
    SYMBOLS_MAX,
    Cursor,
    Names,
    name_key,
    read_cursor,
    write_cursor,
)
from kedge.venues.binance.spot.trades import DAY_MS, Trades, failing, next_number
from kedge.venues.binance.spot.wire import NS_PER_MS, AccountSaid, Unreadable
from kedge.venues.silence import Silence
from kedge.venues.venue import Clock

ACCOUNT_PATH = "/api/v3/account"


class Matter(Struct, frozen=True):
    """Whose trades a report asks for: symbols in use always, the others once a connection.

    A symbol in use comes with the time of the first order of ours there, in ms: a symbol that no cursor names
    was perhaps never asked for, however late the last report was.
    """

    in_use: dict[str, int]
    others: tuple[str, ...] = ()
    # Whether everything that is listed is told again, or only what the report is about.
    all_listed: bool = True


class Questions:
    """`matter`: the symbols whose trades matter. `instruments`: what is listed now."""

    def __init__(
        self,
        asking: Asking,
        names: Names,
        clock: Clock,
        matter: Callable[[], Matter],
        instruments: Callable[[], tuple[Instrument, ...]],
    ) -> None:
        self._asking = asking
        self._names = names
        self._clock = clock
        self._matter = matter
        self._instruments = instruments
        self._trades = Trades(asking, names)

    # ── one order ───────────────────────────────────────────────────────────────────────────────

    async def order(self, client_id: str, symbol: str) -> OrderReport | str | None:
        """The order with this id, None when no place knows it, or why the question failed."""
        for params in self._by_name(client_id, symbol):
            found = await self._asking.order(params)
            if isinstance(found, (Failure, Unreadable, Silence)):
                return failing(found)
            if found is not None:
                return self._as_ours(found, client_id, symbol)
        lists: tuple[tuple[str, Params, int], ...] = (
            (OPEN_ORDERS_PATH, {"symbol": symbol}, rules.W_OPEN_ORDERS),
            (ALL_ORDERS_PATH, {"symbol": symbol, "limit": rules.PAGE_MOST}, rules.W_ALL_ORDERS),
        )
        for path, params, weight in lists:
            listed = await self._asking.orders(path, params, weight)
            if not isinstance(listed, list):
                return failing(listed)
            named = [one for one in listed if one.client_id == client_id]
            if named:
                # An id may be used again once its order has ended: the newest is meant.
                newest = max(named, key=lambda one: int(one.venue_id))
                return self._as_ours(newest, client_id, symbol)
        return None

    def _by_name(self, client_id: str, symbol: str) -> list[Params]:
        """By its own id, by the name our cancel gave it, and by its number where that is known."""
        ways: list[Params] = [{"symbol": symbol, "origClientOrderId": client_id}]
        if cancel_id(client_id) != client_id:
            ways.append({"symbol": symbol, "origClientOrderId": cancel_id(client_id)})
        number = self._names.number(symbol, client_id)
        if number is not None:
            ways.append({"symbol": symbol, "orderId": number})
        return ways

    def _as_ours(self, found: OrderReport, client_id: str, symbol: str) -> OrderReport | str:
        """The order under the id it was asked for, if it is that order: by name, or by number."""
        ours = found.client_id == client_id or self._names.find(symbol, found.venue_id) == client_id
        if not ours or found.symbol != symbol:
            return f"the answer is about another order: {found.client_id!r}"
        self._names.learn(symbol, found.venue_id, client_id)
        return _renamed(found, client_id)

    # ── everything ──────────────────────────────────────────────────────────────────────────────

    async def balances(self) -> AccountSaid | Failure | Unreadable | Silence:
        params: Params = {"omitZeroBalances": True}
        return await self._asking.get(ACCOUNT_PATH, params, rules.W_ACCOUNT, AccountSaid)

    async def report(self, text: str) -> AccountReport | str:
        asked_ns = self._clock()
        now_ms = self._asking.us.venue_ns() // NS_PER_MS
        before = read_cursor(text)
        if isinstance(before, Unreadable):
            return before.why
        self._remember(before)
        first = await self._open()
        if isinstance(first, str):
            return first
        matter = self._matter()
        read = _Read(before, now_ms, matter.in_use)
        for symbol in _symbols(matter, before, first):
            await self._one_symbol(symbol, read)
        account = await self.balances()
        balances: tuple[Balance, ...] = ()
        if isinstance(account, AccountSaid):
            balances = tuple(wire.balance_of(one) for one in account.balances)
        else:
            read.failures.append(failing(account))
        # The second list is the one that counts: what ended in between is looked up by whoever misses it.
        last = await self._open()
        orders = first if isinstance(last, str) else last
        if isinstance(last, str):
            read.failures.append(last)
        return AccountReport(
            asked_ns=asked_ns,
            open_orders=tuple(orders),
            fills=tuple(sorted(read.fills, key=lambda fill: fill.venue_ns)),
            cash=(),
            positions=(),
            balances=balances,
            instruments=self._listed(matter, read.fills, orders),
            cursor=write_cursor(self._cursor(read, orders)),
            complete=not read.failures,
            clipped=read.clipped,
        )

    async def _one_symbol(self, symbol: str, read: _Read) -> None:
        from_id = read.before.trades.get(symbol)
        # A desk that has asked for nothing yet asks for a day: what was before is not its own.
        since_ms = read.before.since or read.now_ms - DAY_MS
        since_ms = min(since_ms, read.in_use.get(symbol, since_ms))
        pages = await self._trades.since(symbol, from_id, since_ms, read.now_ms)
        fills, failed = await self._trades.fills(symbol, pages.rows)
        read.fills.extend(fills)
        read.clipped = read.clipped or pages.clipped
        failed = pages.failed or failed
        if failed:
            read.failures.append(failed)
            return
        number = next_number(pages.rows, None if pages.clipped else from_id, read.now_ms)
        read.trades.pop(symbol, None)
        if number is not None:
            read.trades[symbol] = number

    async def symbols_with_orders(self) -> list[str] | str:
        """Where anything is open, ours or not; the sentence why nobody knows."""
        found = await self._open()
        return found if isinstance(found, str) else list(dict.fromkeys(order.symbol for order in found))

    async def _open(self) -> list[OrderReport] | str:
        said = await self._asking.orders(OPEN_ORDERS_PATH, {}, rules.W_OPEN_ORDERS_ALL)
        if not isinstance(said, list):
            return failing(said)
        named = []
        for order in said:
            self._names.learn(order.symbol, order.venue_id, order.client_id)
            named.append(_renamed(order, self._names.find(order.symbol, order.venue_id) or order.client_id))
        return named

    def _listed(
        self, matter: Matter, fills: Sequence[Fill], orders: Sequence[OrderReport]
    ) -> tuple[Instrument, ...]:
        """There are thousands, and a report may be asked for every few seconds."""
        if matter.all_listed:
            return self._instruments()
        named = dict.fromkeys([*(fill.symbol for fill in fills), *(order.symbol for order in orders)])
        return tuple(one for one in self._instruments() if one.symbol in named)

    def _remember(self, before: Cursor) -> None:
        for key, client_id in before.names.items():
            symbol, _, venue_id = key.rpartition(":")
            self._names.learn(symbol, venue_id, client_id)

    def _cursor(self, read: _Read, orders: Sequence[OrderReport]) -> Cursor:
        newest = sorted(orders, key=lambda order: order.venue_ns)[-CARRIED_MAX:]
        names = {name_key(one.symbol, one.venue_id): one.client_id for one in newest if one.client_id}
        trades = dict(list(read.trades.items())[-SYMBOLS_MAX:])
        since = read.before.since if read.failures else read.now_ms
        return Cursor(since, trades, names)


class _Read:
    """A report while it is being asked for."""

    def __init__(self, before: Cursor, now_ms: int, in_use: dict[str, int]) -> None:
        self.before = before
        self.now_ms = now_ms
        self.in_use = in_use
        self.trades: dict[str, int] = dict(before.trades)
        self.fills: list[Fill] = []
        self.failures: list[str] = []
        self.clipped = False


def _symbols(matter: Matter, before: Cursor, orders: Sequence[OrderReport]) -> list[str]:
    found = dict.fromkeys((*matter.in_use, *(order.symbol for order in orders)))
    if matter.others:
        found.update(dict.fromkeys((*matter.others, *before.trades)))
    return list(found)


def _renamed(order: OrderReport, client_id: str) -> OrderReport:
    """Under the id it was placed with, whatever a cancel has called it since."""
    return order if order.client_id == client_id else replace(order, client_id=client_id)
