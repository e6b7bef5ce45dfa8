"""Bybit as the engine's shell sees it: `Venue`, and what Bybit can do beyond it.

The account is linked while its private line is up; before each connection of that line the clock, the key,
the instruments and the settings are looked at. Orders go by a line of their own, or by HTTP while it is down.
Each category that is watched has a public line, which lives on when the private one is cut.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from kedge.model.events import Answered, BookLost, Event, InstrumentSeen, LookedUp
from kedge.model.instrument import Instrument, market_of
from kedge.model.venue import AccountReport, Ask, Bar, Feed, PlaceOrder, Quote, Rules
from kedge.venues.allowance import Allowance
from kedge.venues.bars import History
from kedge.venues.bybit import errors
from kedge.venues.bybit.admission import Admission
from kedge.venues.bybit.asks import WINDOWS, Asks, manners
from kedge.venues.bybit.deeds import Deeds
from kedge.venues.bybit.feeds import history
from kedge.venues.bybit.market import Market
from kedge.venues.bybit.private import Private
from kedge.venues.bybit.questions import Questions
from kedge.venues.bybit.quotes import quotes
from kedge.venues.bybit.rules import BARS_PAGE, BYBIT_RULES, INTERVALS, Options
from kedge.venues.bybit.tail import Tail
from kedge.venues.bybit.ties import Ties
from kedge.venues.bybit.trade import Trade
from kedge.venues.bybit.wire import CATEGORIES, Category
from kedge.venues.life import Life
from kedge.venues.rest import Rest, Waits
from kedge.venues.silence import Refused, Silence, sentence, unanswered
from kedge.venues.skew import Skew
from kedge.venues.timing import Every
from kedge.venues.venue import Clock, Condition, Emit, Setup
from kedge.venues.wires import Wires

SECOND_NS = 1_000_000_000
PRIVATE = "private"
# Codes after which the key itself is looked at again, whatever the request was.
KEY_IS_GONE = (10003, 10004, 10007, 10010, 33004, -2015)


class BybitVenue:
    def __init__(self, setup: Setup, wires: Wires, clock: Clock, options: Options | None = None) -> None:
        self.account = setup.account
        self.rules: Rules = BYBIT_RULES
        self.options = options or Options()
        self._clock = clock
        self._wires = wires
        ties = self._ties = Ties(setup, wires, clock, self.options)
        ties.odd = self.odd
        waits = Waits(deed_s=self.options.request_s, question_s=self.options.question_s)
        rest = Rest(
            wires,
            ties.hosts.rest,
            clock,
            manners(setup.key, setup.secret),
            Allowance(WINDOWS),
            Skew(self.rules.skew_ns),
            waits,
        )
        self._asks = Asks(rest, clock, self.options.pages_max)
        self._life = Life(setup.account, self.rules, (PRIVATE,), self._greet)
        self._admission = Admission(ties, self._asks)
        self._tail = Tail(ties, self._asks)
        self._private = Private(ties, self, self._tail)
        self._trade = Trade(ties, self._trade_says)
        self._deeds = Deeds(setup.account, self._asks, self._trade, ties, self._shut, self._key_refused)
        self._questions = Questions(self._asks, ties, self.rules)
        self._markets: dict[Category, Market] = {}
        # What the engine was told of instruments; what changed meanwhile is told with the next link.
        self._told: dict[str, Instrument] = {}
        self._watched: tuple[tuple[str, ...], tuple[Feed, ...]] = ((), ())
        # One after another: two at once would ask for the same topics twice, and the older one could win.
        self._watch_turn = asyncio.Lock()
        self._upkeep = Every(60.0, self._keep_up)
        self._relisting: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    # ── the protocol ────────────────────────────────────────────────────────────────────────────

    async def open(self, emit: Emit) -> None:
        self._life.open(emit)
        self._private.line.open()
        self._upkeep.start()

    async def close(self) -> None:
        self._life.close()
        self._upkeep.stop()
        for task in (self._relisting, self._looking, self._watching):
            if task is not None:
                task.cancel()
        for market in self._markets.values():
            await market.close()
        await self._trade.close()
        await self._private.line.close()

    def retry(self) -> None:
        if self._life.up:  # what is odd may be mended: everything is looked at anew
            self._private.line.cut("connecting anew, as a person asked")
        self._life.begin_again()
        self._admission.begin_again()
        self._asks.rest.allowance.lift()
        self._private.line.retry()
        self._trade.retry()

    @property
    def trouble(self) -> str:
        """Why there is no link, or what is odd about it; "" when nothing is."""
        return self._asks.rest.waits_for_room or self._life.trouble

    @property
    def condition(self) -> Condition:
        return replace(self._asks.rest.condition, private_age_ns=self._private.line.quiet_ns)

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        self._watched = (tuple(dict.fromkeys(symbols)), tuple(dict.fromkeys(feeds)))
        if self._life.up and any(self._is_unknown(symbol) for symbol in self._named()):
            await self._list_soon()
        await self._watch_what_is_listed()

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        if interval_ns not in INTERVALS:
            return f"Bybit has no bars of {interval_ns // SECOND_NS} s: {_lengths()}"
        if self._is_unknown(symbol):
            return f"Bybit lists no {symbol!r}"
        first_ns = -(-since_ns // interval_ns) * interval_ns
        last_ns = min(until_ns, self._clock())
        if first_ns >= last_ns:
            return ()
        paging = History(interval_ns, first_ns, last_ns, BARS_PAGE)
        return await history(self._asks, self._ties.listing.category_of(symbol), symbol, paging)

    async def place(self, order: PlaceOrder) -> Answered:
        if not self._life.up:
            return unanswered(self.account, "place", order.client_id, self._not_connected())
        if self._is_unknown(order.symbol):
            self.met(order.symbol)
        return await self._deeds.place(order)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        if not self._life.up:
            return unanswered(self.account, "amend", client_id, self._not_connected())
        return await self._deeds.amend(client_id, symbol, price, qty, valid_until_ns)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        if not self._life.up:
            return unanswered(self.account, "cancel", client_id, self._not_connected())
        return await self._deeds.cancel(client_id, symbol, valid_until_ns)

    async def cancel_all(self, symbol: str | None) -> str:
        return await self._deeds.cancel_all(symbol or "") if self._life.up else self._not_connected().why

    async def lookup(self, ask: Ask) -> LookedUp:
        asked_ns = self._clock()
        if not self._life.up:
            return LookedUp(self.account, ask.client_id, asked_ns, error=self._not_connected().why)
        found = await self._questions.order(ask.client_id, ask.symbol)
        if isinstance(found, str):
            return LookedUp(self.account, ask.client_id, asked_ns, error=sentence(found))
        return LookedUp(self.account, ask.client_id, asked_ns, order=found)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        if not self._life.up:
            return self._not_connected().why
        news = await self._admission.list_instruments()
        if not isinstance(news, list):
            return news.why
        self._tell_instruments()
        return tuple(self._ties.listing.all.values())

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        if not self._life.up:
            return self._not_connected().why
        return await quotes(self._asks, self._ties.listing, symbols)

    async def report(self, cursor: str) -> AccountReport | str:
        if not self._life.up:
            return self._not_connected().why
        report = await self._questions.report(cursor)
        if isinstance(report, str):
            return sentence(report)
        if report.complete:
            self._private.learn(report)
        failed = self._questions.failed
        self._admission.oddities["report"] = f"the account's report is not whole: {failed}" if failed else ""
        self._show_oddity()
        if self._questions.oddity:
            self.odd(self._questions.oddity)
        return report

    # ── beyond the protocol ─────────────────────────────────────────────────────────────────────

    async def place_batch(self, orders: Sequence[PlaceOrder]) -> tuple[Answered, ...]:
        """Several at once, each with its own answer: some may be taken while others are refused."""
        if not self._life.up:
            gone = self._not_connected()
            return tuple(unanswered(self.account, "place", order.client_id, gone) for order in orders)
        return await self._deeds.place_batch(orders)

    async def cancel_batch(
        self, orders: Sequence[tuple[str, str]], valid_until_ns: int = 0
    ) -> tuple[Answered, ...]:
        """Several at once, each named by client id and symbol."""
        if not self._life.up:
            gone = self._not_connected()
            return tuple(unanswered(self.account, "cancel", client_id, gone) for client_id, _ in orders)
        return await self._deeds.cancel_batch(orders, valid_until_ns)

    # ── the home of the private line ────────────────────────────────────────────────────────────

    async def admit(self) -> Silence | Refused | None:
        return await self._admission.admit()

    @property
    def dead_man(self) -> bool:
        return self._admission.dead_man

    def let_in(self) -> None:
        self._life.part_up(PRIVATE, self._admission.oddity)

    def cut_off(self, why: str, refused: bool, stopped: bool) -> None:
        self._life.part_down(PRIVATE, why, refused=refused, stopped=stopped)

    def say(self, event: Event) -> None:
        self._life.say(event)

    def odd(self, why: str) -> None:
        self._admission.oddities["news"] = why
        self._show_oddity()

    def met(self, symbol: str) -> None:
        if self._is_unknown(symbol):
            self._relist()

    # ── what the parts say ──────────────────────────────────────────────────────────────────────

    def _greet(self) -> None:
        """Right after each `LinkUp`."""
        self._tell_instruments()
        self._trade.open()
        for market in self._markets.values():
            market.retell()
        # What was wished for before there was a list to find it in.
        self._watching = _start(self._watch_what_is_listed(), "bybit watch")

    def _trade_says(self, trouble: str) -> None:
        self._admission.oddities["orders"] = trouble
        self._show_oddity()

    def _show_oddity(self) -> None:
        if self._life.up:
            self._life.trouble = self._admission.oddity

    def _shut(self, category: Category) -> str:
        return self._admission.rights.closed.get(category, "")

    def _key_refused(self, code: int, why: str) -> None:
        """The key went bad in the middle, or the list is old: have it looked at, and say what is wrong."""
        if code in KEY_IS_GONE:
            self._private.line.cut(why)
        elif code in errors.STALE:
            self._relist()

    def _not_connected(self) -> Silence:
        return Silence(f"not connected: {self._life.trouble}", unsent=True)

    # ── instruments ─────────────────────────────────────────────────────────────────────────────

    def _is_unknown(self, symbol: str) -> bool:
        return symbol not in self._ties.listing.all

    def _is_shut(self, symbol: str) -> bool:
        """Halted, or not listed: a market that is halted may be left out of the list until it opens."""
        instrument = self._ties.listing.all.get(symbol)
        return instrument is None or instrument.status != "trading"

    def _keep_up(self) -> None:
        """Once a minute: the clocks and the private stream's word; once an hour the list, and sooner while
        something that is wanted cannot be traded."""
        if not self._life.up:
            return
        if self._looking is None or self._looking.done():
            self._looking = _start(self._look_around(), "bybit upkeep")
        is_old = self._clock() - self._admission.listed_ns() >= self.options.instruments_s * SECOND_NS
        if is_old or any(self._is_shut(symbol) for symbol in self._named()):
            self._relist()

    async def _look_around(self) -> None:
        """An answer that does not come proves nothing: the lines say whether the venue is there."""
        await self._admission.check_clock()
        skew = self._asks.rest.skew
        why = skew.fault if skew.known else ""
        why = why or await self._tail.check()
        if why and self._life.up:
            self._private.line.cut(why)
        else:
            self._show_oddity()

    def _relist(self) -> None:
        """Read the list again, unless that is being done, or was done just now."""
        age_ns = self._clock() - self._admission.listed_ns()
        busy = self._relisting is not None and not self._relisting.done()
        if not busy and age_ns >= self.options.unknown_s * SECOND_NS:
            self._relisting = _start(self._list_again(), "bybit instruments")

    async def _list_again(self) -> None:
        await self._list_soon(forced=True)
        await self._watch_what_is_listed()

    async def _list_soon(self, forced: bool = False) -> None:
        age_ns = self._clock() - self._admission.listed_ns()
        if not forced and age_ns < self.options.unknown_s * SECOND_NS:
            return
        news = await self._admission.list_instruments()
        if isinstance(news, list):
            self._tell_instruments()
        else:
            self.odd(f"instruments were not refreshed: {news.why}")

    def _tell_instruments(self) -> None:
        if not self._life.up:
            return
        for symbol, instrument in self._ties.listing.all.items():
            if self._told.get(symbol) != instrument:
                self._told[symbol] = instrument
                self._life.say(InstrumentSeen(self.account, instrument))

    # ── watching ────────────────────────────────────────────────────────────────────────────────

    def _named(self) -> tuple[str, ...]:
        symbols, feeds = self._watched
        return (*symbols, *(feed.symbol for feed in feeds))

    async def _watch_what_is_listed(self) -> None:
        async with self._watch_turn:
            await self._watch_now(*self._watched)

    async def _watch_now(self, symbols: tuple[str, ...], feeds: tuple[Feed, ...]) -> None:
        known = [symbol for symbol in symbols if not self._is_unknown(symbol)]
        heard = [feed for feed in feeds if not self._is_unknown(feed.symbol) and _is_served(feed)]
        for category in CATEGORIES:
            mine = [s for s in known if self._ties.listing.category_of(s) == category]
            fed = [feed for feed in heard if self._ties.listing.category_of(feed.symbol) == category]
            if (mine or fed) and category not in self._markets:
                linked = self._is_linked
                self._markets[category] = Market(self._ties, self._asks, category, self._life.say, linked)
            market = self._markets.get(category)
            if market is not None:
                await market.watch(mine, fed)
        for symbol in symbols:
            if self._is_unknown(symbol):
                self._life.say(BookLost(market_of(self.account, symbol), f"Bybit lists no {symbol!r}"))

    def _is_linked(self) -> bool:
        return self._life.up


def _start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(_report_end)
    return task


def _report_end(task: asyncio.Task[None]) -> None:
    """Nobody awaits it, so our own mistake in it is said here."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        context = {"message": f"{task.get_name()} died", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)


def _is_served(feed: Feed) -> bool:
    return feed.kind == "trades" or feed.interval_ns in INTERVALS


def _lengths() -> str:
    minutes = ", ".join(f"{length // (60 * SECOND_NS)}" for length in INTERVALS)
    return f"it has bars of {minutes} minutes"
