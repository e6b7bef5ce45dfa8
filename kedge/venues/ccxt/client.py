"""Any exchange of ccxt's as the engine's shell sees it: `Venue`, with REST as the one source of truth.

    library   ccxt is loaded beside the loop, once a process
    knock     markets, the account's balances, the rehearsal that shows what can be proven (`proof`)
    looks     every market in use is looked at again and again: open orders, what ended, fills (`questions`)
    bells     a private stream, where ccxt has one, only says that it is time to look
    public    books, marks, trades and bars

The link is up while looks succeed. A stream that breaks costs speed, not truth: looks become more frequent
until it rings again. Where at most one order per intention cannot be kept, real money is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from importlib.util import find_spec

from kedge.model.events import (
    Answered,
    BalanceNews,
    CashNews,
    FillNews,
    InstrumentSeen,
    LookedUp,
    OrderNews,
    Request,
)
from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Ask, Balance, Bar, Feed, PlaceOrder, Quote, Rules
from kedge.venues.ccxt import library as ccxt
from kedge.venues.ccxt.bells import Bells
from kedge.venues.ccxt.chores import Chores
from kedge.venues.ccxt.deeds import NO_AMEND, Deeds
from kedge.venues.ccxt.entry import Entry, Never, knock
from kedge.venues.ccxt.names import Names
from kedge.venues.ccxt.public import Public
from kedge.venues.ccxt.questions import Look, Matter
from kedge.venues.ccxt.quotes import Quotes
from kedge.venues.ccxt.rules import CCXT_RULES, SECOND_NS, Options
from kedge.venues.ccxt.wire import Listing
from kedge.venues.life import Life
from kedge.venues.silence import Refused, Silence, unanswered
from kedge.venues.stream import Backoff
from kedge.venues.timing import Patience
from kedge.venues.venue import Clock, Condition, Emit, Setup
from kedge.venues.wires import Wires

if find_spec("ccxt") is None:
    raise ModuleNotFoundError("ccxt is not installed", name="ccxt")

PART = "account"
PREFIX = "ccxt-"
# Fills are asked for from so long before the last look: what an exchange shows late is then seen.
LOOK_OVERLAP_NS = 60 * SECOND_NS
SEEN_MOST = 50_000


class CcxtVenue:
    """`wires` is not used: ccxt has a net of its own. `load` is how ccxt is had."""

    def __init__(
        self,
        setup: Setup,
        wires: Wires | None,
        clock: Clock,
        options: Options | None = None,
        load: ccxt.Load = ccxt.load,
    ) -> None:
        self.account = setup.account
        self.options = options or Options()
        self.exchange = exchange_of(setup)
        self.rules: Rules = CCXT_RULES
        self._setup = setup
        self._clock = clock
        self._load = load
        self._life = Life(setup.account, self.rules, (PART,), self._greet)
        self._names = Names(self.options.names_max)
        self._public = Public(setup.account, clock, self.options, self._life.say)
        self._bells = Bells(setup.account, clock, self.options)
        self._chores = Chores(setup.account)
        self._patience = Patience()
        self._retry = asyncio.Event()
        self._entry: Entry | None = None
        self._library: ccxt.Library | None = None
        self._told: dict[str, Instrument] = {}
        # Markets of ours, the ones used last at the end.
        self._in_use: dict[str, None] = {}
        self._looked_ns: dict[str, int] = {}
        self._seen: dict[str, None] = {}
        self._balances: tuple[Balance, ...] = ()

    @property
    def trouble(self) -> str:
        """Why there is no link, or what is odd about it; "" when nothing is."""
        return self._life.trouble

    @property
    def condition(self) -> Condition:
        """ccxt keeps its own count of requests, and nobody else's clock."""
        return Condition()

    # ── the protocol ────────────────────────────────────────────────────────────────────────────

    async def open(self, emit: Emit) -> None:
        self._life.open(emit)
        self._chores.start("life", self._live)

    async def close(self) -> None:
        self._life.close()
        await self._chores.close()
        await self._bells.close()
        await self._public.close()
        await self._leave()

    def retry(self) -> None:
        self._life.begin_again()
        self._patience.reset()
        if self._entry is not None:
            self._entry.talk.allowance.lift()
        self._retry.set()

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        for symbol in symbols:
            self._use(symbol)
        self._public.watch(symbols, feeds)

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        entry = self._entry
        if entry is None or not self._life.up:
            return f"not connected: {self.trouble}"
        listing = entry.listings.get(symbol)
        if listing is None:
            return f"{self.exchange} lists no {symbol!r}"
        return await entry.past.bars(listing, interval_ns, since_ns, until_ns)

    async def place(self, order: PlaceOrder) -> Answered:
        ready = self._ready(order.symbol, order.valid_until_ns)
        if isinstance(ready, str):
            return self._unsent("place", order.client_id, ready)
        deeds, listing = ready
        answered = await deeds.place(order, listing)
        self._bells.ring(order.symbol)
        return answered

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        return unanswered(self.account, "amend", client_id, Silence(NO_AMEND, unsent=True))

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        ready = self._ready(symbol, valid_until_ns)
        if isinstance(ready, str):
            return self._unsent("cancel", client_id, ready)
        deeds, listing = ready
        answered = await deeds.cancel(client_id, listing, valid_until_ns)
        self._bells.ring(symbol)
        return answered

    async def cancel_all(self, symbol: str | None) -> str:
        """In the markets that this desk uses: an exchange may have thousands, each asked for by itself."""
        entry = self._entry
        if entry is None or not self._life.up:
            return f"not connected: {self.trouble}"
        said = []
        for one in [symbol] if symbol is not None else list(self._in_use):
            listing = entry.listings.get(one)
            why = f"{self.exchange} lists no {one!r}" if listing is None else ""
            said.append(why if listing is None else await entry.deeds.cancel_all(listing))
            self._bells.ring(one)
        return "; ".join(one for one in said if one)

    async def lookup(self, ask: Ask) -> LookedUp:
        asked_ns = self._clock()
        entry = self._entry
        if entry is None or not self._life.up:
            return LookedUp(self.account, ask.client_id, asked_ns, error=f"not connected: {self.trouble}")
        return await entry.questions.order(ask.client_id, ask.symbol)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        entry = self._entry
        if entry is None or not self._life.up:
            return f"not connected: {self.trouble}"
        why = await entry.refresh()
        self._tell_instruments(entry)
        return why or tuple(one.instrument for one in entry.listings.values())

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        entry = self._entry
        if entry is None or not self._life.up:
            return f"not connected: {self.trouble}"
        known = entry.listings
        wanted = known if symbols is None else symbols
        return await Quotes(entry.talk, self.exchange).ask([known[one] for one in wanted if one in known])

    async def report(self, cursor: str) -> AccountReport | str:
        entry = self._entry
        if entry is None or not self._life.up:
            return f"not connected: {self.trouble}"
        report = await entry.questions.report(cursor, self.rules)
        if isinstance(report, AccountReport):
            for fill in report.fills:
                self._note_seen(fill.exec_id)
            for order in report.open_orders:
                self._names.heard(order, report.asked_ns)
        return report

    # ── deeds ───────────────────────────────────────────────────────────────────────────────────

    def _ready(self, symbol: str, valid_until_ns: int) -> tuple[Deeds, Listing] | str:
        """What a deed needs, or why it is not sent."""
        entry = self._entry
        if valid_until_ns and self._clock() > valid_until_ns:
            return "its last moment has passed"
        if entry is None or not self._life.up:
            return f"not connected: {self.trouble}"
        listing = entry.listings.get(symbol)
        if listing is None:
            return f"{self.exchange} lists no {symbol!r} (pairs are BASE/QUOTE, perpetuals BASE/QUOTE:SETTLE)"
        self._use(symbol)
        return entry.deeds, listing

    def _unsent(self, request: Request, client_id: str, why: str) -> Answered:
        return unanswered(self.account, request, client_id, Silence(f"not sent: {why}", unsent=True))

    # ── the link's life ─────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        backoff = Backoff(self.options.backoff_first_s, self.options.backoff_max_s)
        while True:
            fault = await self._enter()
            if fault is None:
                backoff.reset()
                self._patience.reset()
                why = await self._looks()
                self._down(why, refused=False, stopped=False)
            elif isinstance(fault, Refused):
                wait_s = None if isinstance(fault, Never) else self._patience.next_s()
                self._down(fault.why, refused=True, stopped=wait_s is None)
                await self._wait(wait_s)
                continue
            else:
                self._down(fault.why, refused=False, stopped=False)
            await self._wait(backoff.next_s())

    async def _enter(self) -> Silence | Refused | None:
        if self._library is None:
            self._library = await self._load()
        await self._leave()
        entered = await knock(
            self._library, self.exchange, self._setup, self._clock, self._names, self.options, self
        )
        if not isinstance(entered, Entry):
            return entered
        self._entry = entered
        self.rules = self._life.rules = entered.rules
        self._told.clear()
        self._life.part_up(PART, entered.oddity)
        return None

    def _down(self, why: str, *, refused: bool, stopped: bool) -> None:
        self._bells.end()
        self._public.end(why)
        self._life.part_down(PART, why, refused=refused, stopped=stopped)

    async def _wait(self, wait_s: float | None) -> None:
        """So long, or until a person says that it is mended."""
        self._retry.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._retry.wait()
        except TimeoutError:
            return

    async def _leave(self) -> None:
        entry, self._entry = self._entry, None
        if entry is not None:
            await entry.close()

    def _greet(self) -> None:
        """Right after each LinkUp."""
        entry = self._entry
        assert entry is not None, "a link has an entry"
        self._tell_instruments(entry)
        self._bells.begin(entry.talk)
        for symbol in self._in_use:
            self._bells.hang(symbol)
        self._public.begin(entry.talk, entry.streams, entry.past, entry.listings)

    def _tell_instruments(self, entry: Entry) -> None:
        for symbol, listing in entry.listings.items():
            if self._told.get(symbol) != listing.instrument:
                self._told[symbol] = listing.instrument
                self._life.say(InstrumentSeen(self.account, listing.instrument))

    # ── looks ───────────────────────────────────────────────────────────────────────────────────

    async def _looks(self) -> str:
        """Look at every market when it rings or its time has come; returns why no look succeeds any more."""
        entry = self._entry
        assert entry is not None, "looks need an entry"
        failures, alive_ns, listed_ns = 0, 0, self._clock()
        while True:
            now_ns = self._clock()
            said: list[str] = []
            if now_ns - alive_ns > self.options.idle_s * SECOND_NS or failures:
                alive_ns = now_ns
                said.append(await self._sign_of_life(entry))
            for symbol in [one for one in self._in_use if self._is_due(one)]:
                said.append(await self._look(entry, symbol))
            if now_ns - listed_ns > self.options.refresh_s * SECOND_NS:
                listed_ns = now_ns
                said.append(await entry.refresh())
                self._tell_instruments(entry)
            why = next((one for one in said if one), "")
            failures = failures + 1 if why else 0
            if failures >= self.options.failures_max:
                return why
            self._life.trouble = entry.oddity or self._bells.trouble
            await self._bells.wait(self.options.backoff_first_s if failures else self.options.look_s)

    def _is_due(self, symbol: str) -> bool:
        since_ns = self._clock() - self._looked_ns.get(symbol, 0)
        if since_ns < self.options.apart_s * SECOND_NS:
            return False
        if self._bells.rang(symbol):
            return True
        live = bool(self._names.live(symbol))
        heard = self._bells.hears(symbol)
        period_s = self.options.idle_s
        if live:
            period_s = self.options.look_rung_s if heard else self.options.look_s
        return since_ns >= period_s * SECOND_NS

    async def _look(self, entry: Entry, symbol: str) -> str:
        """Look at one market, and tell what is new of it; returns what failed."""
        now_ns = self._clock()
        self._bells.answered(symbol)
        # What is older than the first look is the report's to tell.
        before_ns = self._looked_ns.get(symbol, now_ns)
        found = await entry.questions.look(symbol, before_ns - LOOK_OVERLAP_NS)
        self._tell(found)
        if not found.failed:
            self._looked_ns[symbol] = now_ns
        return found.failed

    def _tell(self, found: Look) -> None:
        """Fills before the orders that they filled."""
        for fill in sorted(found.fills, key=lambda one: one.venue_ns):
            if self._note_seen(fill.exec_id):
                self._life.say(FillNews(self.account, fill))
        for cash in found.cash:
            if self._note_seen(cash.cash_id):
                self._life.say(CashNews(self.account, cash))
        for order in found.orders:
            if self._names.heard(order, self._clock()):
                self._life.say(OrderNews(self.account, order))

    async def _sign_of_life(self, entry: Entry) -> str:
        balances = await entry.questions.balances()
        if isinstance(balances, str):
            return balances
        if balances != self._balances:
            self._balances = balances
            self._life.say(BalanceNews(self.account, balances))
        return await entry.keep_alive(self._setup)

    # ── what the parts ask ──────────────────────────────────────────────────────────────────────

    def matter(self) -> Matter:
        """The markets in use, for the questions."""
        entry = self._entry
        listings = entry.listings if entry is not None else {}
        return Matter(tuple(one for one in self._in_use if one in listings), listings)

    def use(self, symbol: str) -> None:
        self._use(symbol)

    def _use(self, symbol: str) -> None:
        self._in_use.pop(symbol, None)
        self._in_use[symbol] = None
        if len(self._in_use) > self.options.symbols_max:
            idle = next((one for one in self._in_use if not self._names.live(one)), symbol)
            del self._in_use[idle]
        self._bells.hang(symbol)

    def _note_seen(self, name: str) -> bool:
        """Whether this fill is new to this life; the engine knows those of earlier ones."""
        if name in self._seen:
            return False
        self._seen[name] = None
        if len(self._seen) > SEEN_MOST:
            del self._seen[next(iter(self._seen))]
        return True


def exchange_of(setup: Setup) -> str:
    """ "ccxt-kraken" -> kraken; by the account's own name where nobody said which venue it is at."""
    return (setup.venue or setup.account.partition("/")[0]).removeprefix(PREFIX)
