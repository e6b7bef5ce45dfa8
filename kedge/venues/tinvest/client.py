"""T-Invest as the engine's shell sees it: `Venue`.

The account is linked while its stream of orders is up; before each connection of that stream the token, the
account and the instruments with their hours are looked at. Markets come by streams of their own, which live
on when the account's is cut. Once a minute everything of today is asked for, and what no stream has told is
told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from kedge.model.events import Answered, BookLost, BookUpdate, InstrumentSeen, LookedUp
from kedge.model.instrument import Instrument, market_of
from kedge.model.venue import AccountReport, Ask, Bar, Feed, PlaceOrder, Quote, Rules
from kedge.venues.bars import History
from kedge.venues.calls import Calls
from kedge.venues.life import Life
from kedge.venues.silence import Refused, Silence, sentence, unanswered
from kedge.venues.timing import Every
from kedge.venues.tinvest import orders
from kedge.venues.tinvest.account import STOP, Told
from kedge.venues.tinvest.admission import Admission
from kedge.venues.tinvest.asks import Asks
from kedge.venues.tinvest.burn import Burner
from kedge.venues.tinvest.deeds import Deeds
from kedge.venues.tinvest.feeds import history
from kedge.venues.tinvest.hearing import Hearing
from kedge.venues.tinvest.market import MarketStream
from kedge.venues.tinvest.private import BalanceStream, OrderNewsStream, Row
from kedge.venues.tinvest.questions import Found, Questions
from kedge.venues.tinvest.quotes import Quotes
from kedge.venues.tinvest.rules import (
    INTERVALS,
    SECOND_NS,
    STREAMS_MOST,
    SUBSCRIPTIONS_MOST,
    TINVEST_RULES,
    Options,
)
from kedge.venues.tinvest.streams import report_end
from kedge.venues.tinvest.ties import Ties
from kedge.venues.venue import Clock, Condition, Emit, Setup

ORDERS = "orders"
UPKEEP_S = 60.0
# A clock that is further off makes the sessions begin and end at the wrong moment.
CLOCK_OFF_NS = 3 * SECOND_NS


class TInvestVenue:
    def __init__(self, setup: Setup, calls: Calls, clock: Clock, options: Options | None = None) -> None:
        self.account = setup.account
        self.rules: Rules = TINVEST_RULES
        self.options = options or Options()
        self._clock = clock
        ties = self._ties = Ties(setup, calls, clock, self.options)
        self._asks = Asks(ties)
        self._life = Life(setup.account, self.rules, (ORDERS,), self._greet)
        ties.say, ties.odd = self._life.say, self._odd
        self._admission = Admission(ties, self._asks)
        self._questions = Questions(self._asks, ties, self._tell)
        self._hearing = Hearing(ties, self._questions)
        self._burner = Burner(self._asks, ties, self._questions)
        self._deeds = Deeds(self._asks, ties, self._questions, self._shut, self._token_refused)
        self._news = OrderNewsStream(ties, self)
        self._money = BalanceStream(ties)
        self._markets: list[MarketStream] = []
        self._quotes = Quotes(self._asks, ties, self._streamed)
        self._watched: tuple[tuple[str, ...], tuple[Feed, ...]] = ((), ())
        # What the engine was told of instruments; what changed meanwhile is told with the next link.
        self._told: dict[str, Instrument] = {}
        self._heard_since_ns = 0
        self._skew_ns = 0
        self._upkeep = Every(UPKEEP_S, self._keep_up)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    # ── the protocol ────────────────────────────────────────────────────────────────────────────

    async def open(self, emit: Emit) -> None:
        self._life.open(emit)
        self._news.stream.open()
        self._upkeep.start()

    async def close(self) -> None:
        self._life.close()
        self._upkeep.stop()
        for task in list(self._tasks.values()):
            task.cancel()
        await self._hearing.close()
        for market in self._markets:
            await market.close()
        await self._money.stream.close()
        await self._news.stream.close()

    def retry(self) -> None:
        if self._life.up:  # what is odd may be mended: everything is looked at anew
            self._news.stream.cut("connecting anew, as a person asked")
        self._life.begin_again()
        self._asks.allowance.lift()
        self._news.stream.retry()
        self._money.stream.retry()

    @property
    def trouble(self) -> str:
        """Why there is no link, or what is odd about it; "" when nothing is."""
        return self._asks.turns.waits_for_room or self._life.trouble

    @property
    def condition(self) -> Condition:
        quiet_ns = self._news.stream.quiet_ns
        return replace(self._asks.condition, skew_ns=self._skew_ns, private_age_ns=quiet_ns)

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        self._watched = (tuple(dict.fromkeys(symbols)), tuple(dict.fromkeys(feeds)))
        if self._life.up:
            if any(symbol not in self._ties.listing.all for symbol in self._named()):
                self._relist()
            self._watch_now()

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        interval = INTERVALS.get(interval_ns)
        if interval is None:
            minutes = ", ".join(f"{length // (60 * SECOND_NS)}" for length in INTERVALS)
            return f"T-Invest has no bars of {interval_ns // SECOND_NS} s: it has those of {minutes} minutes"
        if symbol not in self._ties.listing.all:
            return f"T-Invest lists no {symbol!r}"
        first_ns = -(-since_ns // interval_ns) * interval_ns
        last_ns = min(until_ns, self._clock())
        if first_ns >= last_ns:
            return ()
        paging = History(interval_ns, first_ns, last_ns, interval.page)
        return await history(self._asks, self._ties, symbol, paging)

    async def place(self, order: PlaceOrder) -> Answered:
        if not self._life.up:
            return unanswered(self.account, "place", order.client_id, self._not_connected())
        if order.symbol not in self._ties.listing.all:
            self._relist()
        return await self._deeds.place(order)

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        """Never asked for, by the rules: replacing is not atomic there."""
        why = "not sent: T-Invest changes no order in place; cancel it and place another"
        silence = Silence(why, unsent=True)
        return unanswered(self.account, "amend", client_id, silence)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        if not self._life.up:
            return unanswered(self.account, "cancel", client_id, self._not_connected())
        return await self._deeds.cancel(client_id, valid_until_ns, venue_id)

    async def cancel_all(self, symbol: str | None) -> str:
        return await self._deeds.cancel_all(symbol or "") if self._life.up else self._not_connected().why

    async def lookup(self, ask: Ask) -> LookedUp:
        asked_ns = self._clock()
        if not self._life.up:
            return LookedUp(self.account, ask.client_id, asked_ns, error=self._not_connected().why)
        found = await self._looked_for(ask)
        if isinstance(found, str):
            return LookedUp(self.account, ask.client_id, asked_ns, error=sentence(found))
        if found.told is None:
            return LookedUp(self.account, ask.client_id, asked_ns, burnt=found.burnt)
        # What was a stop order, or was found by its number, has no key of ours at the venue.
        order = replace(found.told.order, client_id=ask.client_id)
        return LookedUp(self.account, ask.client_id, asked_ns, order=order)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        if not self._life.up:
            return self._not_connected().why
        barred = await self._admission.list_instruments()
        self._show_oddity()
        if barred is not None:
            return sentence(f"instruments were not refreshed: {barred.why}")
        self._tell_instruments()
        return tuple(one for one in self._ties.listing.all.values() if one.listed)

    async def report(self, cursor: str) -> AccountReport | str:
        if not self._life.up:
            return self._not_connected().why
        report = await self._questions.report(cursor, self._heard_since_ns)
        if isinstance(report, str):
            return sentence(report)
        if report.complete:
            self._money.learn(report.balances)
        return report

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        return await self._quotes.ask(symbols) if self._life.up else self._not_connected().why

    # ── the home of the stream of orders ────────────────────────────────────────────────────────

    async def admit(self) -> Silence | Refused | None:
        return await self._admission.admit()

    def let_in(self) -> None:
        self._heard_since_ns = self._clock()
        self._hearing.begin()
        self._life.part_up(ORDERS, self._admission.oddity)
        self._money.begin()

    def cut_off(self, why: str, refused: bool, stopped: bool) -> None:
        self._heard_since_ns = 0
        self._life.part_down(ORDERS, why, refused=refused, stopped=stopped)

    def order_heard(self, row: Row) -> None:
        self._hearing.heard(row)

    def pinged(self, venue_ns: int) -> None:
        if venue_ns <= 0:
            return
        self._skew_ns = venue_ns - self._clock()
        off = abs(self._skew_ns) > CLOCK_OFF_NS
        way = "ahead of" if self._skew_ns > 0 else "behind"
        about = (
            f"the venue's clock is {abs(self._skew_ns) // SECOND_NS} s {way} ours: set this machine's clock"
        )
        self._odd("clock", f"{about} by a time server, or sessions begin at the wrong moment" if off else "")

    # ── what the parts say ──────────────────────────────────────────────────────────────────────

    def _greet(self) -> None:
        """Right after each `LinkUp`."""
        self._tell_instruments()
        self._watch_now()
        for market in self._markets:
            market.retell()

    def _tell(self, told: Told) -> None:
        """What a lookup brought beside the order: its trades and its costs."""
        self._hearing.tell(told, order_too=False)

    def _odd(self, about: str, why: str) -> None:
        if self._admission.oddities.get(about, "") != why:
            self._admission.oddities[about] = why
            self._show_oddity()

    def _show_oddity(self) -> None:
        if self._life.up:
            self._life.trouble = self._admission.oddity

    def _shut(self) -> str:
        return self._admission.shut

    def _token_refused(self, why: str) -> None:
        """The token went bad in the middle: have it looked at, and say what is wrong."""
        self._news.stream.cut(why)

    def _not_connected(self) -> Silence:
        return Silence(f"not connected: {self._life.trouble}", unsent=True)

    # ── lookups ─────────────────────────────────────────────────────────────────────────────────

    async def _looked_for(self, ask: Ask) -> Found | str:
        is_stop = ask.venue_id.startswith(STOP) or (ask.placed is not None and orders.is_stop(ask.placed))
        found = await (self._questions.stop(ask) if is_stop else self._questions.order(ask))
        if isinstance(found, str) or found.told is not None or found.burnt or not ask.burn:
            return found
        no = self._shut()
        return f"its key cannot be used up: {no}" if no else await self._burner.burn(ask)

    # ── upkeep ──────────────────────────────────────────────────────────────────────────────────

    def _keep_up(self) -> None:
        """Once a minute: what nobody has told, halts, and every few hours the lists."""
        if not self._life.up:
            return
        self._start("sweep", self._hearing.sweep)
        self._ties.listing.refresh(self._clock())
        self._tell_instruments()
        age_ns = self._clock() - self._admission.listed_ns()
        if age_ns >= self.options.instruments_s * SECOND_NS:
            self._relist()

    def _relist(self) -> None:
        """Read the lists again, unless that is being done, or was done just now."""
        age_ns = self._clock() - self._admission.listed_ns()
        if age_ns >= self.options.unknown_s * SECOND_NS:
            self._start("instruments", self._list_again)

    async def _list_again(self) -> None:
        barred = await self._admission.list_instruments()
        self._odd("lists", f"instruments were not refreshed: {barred.why}" if barred is not None else "")
        self._tell_instruments()
        self._watch_now()

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

    def _watch_now(self) -> None:
        """Divide what is watched among streams, as many of it as each may carry."""
        symbols, feeds = self._watched
        known = [symbol for symbol in symbols if self._ties.listing.is_listed(symbol)]
        fed = [feed for feed in feeds if self._ties.listing.is_listed(feed.symbol) and _is_served(feed)]
        parts = shares(known, fed)
        while len(self._markets) < len(parts):
            self._markets.append(MarketStream(self._ties, self._asks, self._life.say, self._is_linked))
        parts += [((), ())] * (len(self._markets) - len(parts))
        for market, (mine, my_feeds) in zip(self._markets, parts, strict=True):
            market.watch(mine, my_feeds)
        for symbol in symbols:
            if not self._ties.listing.is_listed(symbol):
                self._life.say(BookLost(market_of(self.account, symbol), f"T-Invest lists no {symbol!r}"))
        carried = sum(len(mine) for mine, _ in parts)
        lacking = len(known) - carried
        self._odd("streams", f"{lacking} markets are not streamed: watch fewer" if lacking else "")

    def _streamed(self, symbol: str) -> BookUpdate | None:
        return next((book for market in self._markets if (book := market.book(symbol))), None)

    def _is_linked(self) -> bool:
        return self._life.up

    def _start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """One of a name at a time."""
        if name in self._tasks:
            return
        task = asyncio.get_running_loop().create_task(work(), name=f"tinvest {name}")
        self._tasks[name] = task
        task.add_done_callback(report_end)
        task.add_done_callback(lambda _: self._tasks.pop(name, None))


Share = tuple[tuple[str, ...], tuple[Feed, ...]]


def shares(symbols: Sequence[str], feeds: Sequence[Feed]) -> list[Share]:
    """Books first, then what else is fed, in portions that one stream may carry; what is beyond all of them
    is left out."""
    items: list[str | Feed] = [*symbols, *feeds]
    found: list[Share] = []
    for at in range(0, min(len(items), STREAMS_MOST * SUBSCRIPTIONS_MOST), SUBSCRIPTIONS_MOST):
        portion = items[at : at + SUBSCRIPTIONS_MOST]
        mine = tuple(one for one in portion if isinstance(one, str))
        found.append((mine, tuple(one for one in portion if isinstance(one, Feed))))
    return found


def _is_served(feed: Feed) -> bool:
    return feed.kind == "trades" or feed.interval_ns in INTERVALS
