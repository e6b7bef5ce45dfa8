"""The Binance USDⓈ-M account as the engine's shell sees it: `Venue`, over any `Wires`.

The link hangs by the user stream alone. Each time it begins: clock, key and modes are settled, the listen key
fetched, the stream connected, and while its events wait, the account's open conditional orders are learnt, so
that a stop that triggers is known for what it is. Then `LinkUp`, and the engine asks for its report. The line
of deeds and the market lines come and go beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from kedge.model.events import Answered, Event, InstrumentSeen, LookedUp
from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Ask, Bar, Feed, PlaceOrder, Quote, Rules
from kedge.venues.binance.errors import Failure
from kedge.venues.binance.usdm import asks, mends
from kedge.venues.binance.usdm.asking import Asking, Failed
from kedge.venues.binance.usdm.chores import Chore, Chores
from kedge.venues.binance.usdm.common import Common
from kedge.venues.binance.usdm.deadman import DeadMan
from kedge.venues.binance.usdm.deeds import Deeds
from kedge.venues.binance.usdm.entry import Entry
from kedge.venues.binance.usdm.errands import Errands
from kedge.venues.binance.usdm.hearing import Heard, Hearing, Want
from kedge.venues.binance.usdm.lines import UserStream, WsApi
from kedge.venues.binance.usdm.links import Links
from kedge.venues.binance.usdm.markets import Markets
from kedge.venues.binance.usdm.memory import Memory
from kedge.venues.binance.usdm.questions import Questions
from kedge.venues.binance.usdm.quotes import Quotes
from kedge.venues.binance.usdm.rules import BINANCE_USDM_RULES, Options, hosts_of
from kedge.venues.binance.usdm.wire import Algo
from kedge.venues.life import Life
from kedge.venues.silence import Refused, Silence
from kedge.venues.skew import Skew
from kedge.venues.timing import Every
from kedge.venues.venue import Clock, Condition, Emit, Setup
from kedge.venues.wires import Wires

PART = "account"


class BinanceUsdmVenue:
    def __init__(
        self,
        setup: Setup,
        wires: Wires,
        clock: Clock,
        *,
        rules: Rules = BINANCE_USDM_RULES,
        options: Options | None = None,
    ) -> None:
        self.account = setup.account
        self.rules = rules
        self.options = o = options or Options()
        hosts = hosts_of(setup)
        self._wires = wires
        self._life = Life(setup.account, rules, [PART], self._greet)
        self._chores = Chores(setup.account)
        self._asking = Asking(setup, hosts, wires, clock, Skew(rules.skew_ns), o)
        common = Common(setup.account, self._asking, wires, hosts, clock, self._chores, o)
        self._memory = Memory()
        self._links = Links(self._asking, self._memory)
        self._entry = Entry(setup, self._asking)
        self._hearing = Hearing(setup.account, self._memory, _whole(setup))
        self._questions = Questions(common, self._memory, self._links)
        self._deeds = Deeds(common, self._memory, self._why_down, self._look_into)
        self._errands = Errands(common, self, self._hearing, self._links, self._questions)
        self._markets = Markets(common, self, rules.book_age_max_ns)
        self._quotes = Quotes(self._asking)
        self._ws_api = WsApi(common)
        self._asking.line = self._ws_api
        self._stream = UserStream(common, self, self._hearing)
        self._dead_man = DeadMan(setup.dead_man_ns, common, self._memory)
        self._told: dict[str, Instrument] = {}
        self._clocks = (
            Every(o.heartbeat_s, self._check),
            Every(o.clock_every_s, lambda: self._start("clock", self._check_clock)),
            Every(o.instruments_every_s, self.contracts_changed),
            Every(o.halted_every_s, self._ask_what_opened),
            Every(o.mode_every_s, self._check_mode),
        )

    @property
    def trouble(self) -> str:
        """Why there is no link, or what is odd about it; "" when nothing is."""
        return self._asking.rest.waits_for_room or self._life.trouble

    @property
    def condition(self) -> Condition:
        return replace(self._asking.rest.condition, private_age_ns=self._stream.line.quiet_ns)

    @property
    def is_up(self) -> bool:
        return self._life.up

    # ── the protocol ────────────────────────────────────────────────────────────────────────────

    async def open(self, emit: Emit) -> None:
        self._life.open(emit)
        self._chores.open()
        self._stream.line.open()
        if not self._asking.no_signer:
            self._ws_api.line.open()
        for every in self._clocks:
            every.start()

    async def close(self) -> None:
        for every in self._clocks:
            every.stop()
        self._life.close()
        await self._stream.close()
        await self._ws_api.line.close()
        await self._markets.close()
        await self._chores.close()
        await self._wires.close()

    def retry(self) -> None:
        if self._life.up:  # what is odd may be mended: everything is looked at anew
            self._stream.line.cut("connecting anew, as a person asked")
        self._life.begin_again()
        self._asking.allowance.lift()
        self._stream.line.retry()
        self._ws_api.line.retry()

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        watched = tuple(dict.fromkeys(symbols))
        self._questions.watched = watched
        self._markets.watch(watched, feeds)
        if self._life.up:
            self._start("settings", self._settle)

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        return await self._markets.bars.history(symbol, interval_ns, since_ns, until_ns)

    async def place(self, order: PlaceOrder) -> Answered:
        answer = await self._deeds.place(order)
        self._dead_man.check()
        return answer

    async def place_batch(self, orders: Sequence[PlaceOrder]) -> tuple[Answered, ...]:
        """Several at once, five to a request; each has its own answer."""
        answers = await self._deeds.place_batch(orders)
        self._dead_man.check()
        return answers

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        return await self._deeds.amend(client_id, symbol, price, qty, valid_until_ns)

    async def cancel(self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = "") -> Answered:
        return await self._deeds.cancel(client_id, symbol, valid_until_ns)

    async def cancel_all(self, symbol: str | None) -> str:
        """The venue knows no such request for an account: its symbols with orders are asked for first."""
        why = self._why_down()
        if why:
            return f"not sent: not connected: {why}"
        symbols = [symbol] if symbol is not None else await self._questions.symbols_with_orders()
        if isinstance(symbols, str):
            return f"nobody knows which orders are open: {symbols}"
        until_ns = self._asking.now_ns + self.rules.request_window_ns
        said = [await self._deeds.cancel_all(one, until_ns) for one in symbols]
        return "; ".join(one for one in said if one)

    async def lookup(self, ask: Ask) -> LookedUp:
        asked_ns = self._asking.now_ns
        why = self._why_down()
        if why:
            return LookedUp(self.account, ask.client_id, asked_ns, error=f"not connected: {why}")
        found = await self._questions.order(ask.client_id, ask.symbol)
        if isinstance(found, Failed):
            return LookedUp(self.account, ask.client_id, asked_ns, error=found.why)
        return LookedUp(self.account, ask.client_id, asked_ns, order=found)

    async def instruments(self) -> tuple[Instrument, ...] | str:
        why = self._why_down()
        if why:
            return f"not connected: {why}"
        failed = await self._entry.refresh()
        if failed is not None:
            return failed.why
        self._tell_instruments()
        return self._entry.instruments

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        why = self._why_down()
        if why:
            return f"not connected: {why}"
        known = {one.symbol: None for one in self._entry.instruments}
        wanted = known if symbols is None else symbols
        return await self._quotes.ask([one for one in wanted if one in known])

    async def report(self, cursor: str) -> AccountReport | str:
        why = self._why_down()
        if why:
            return f"not connected: {why}"
        report = await self._questions.report(cursor)
        if isinstance(report, AccountReport):
            self._hearing.wallets_are(report.balances)
        return report

    # ── the stream's owner ──────────────────────────────────────────────────────────────────────

    async def enter(self) -> Silence | Refused | None:
        self._deeds.forbidden = ""
        barred = await self._entry.enter(self._markets.symbols)
        if barred is None:
            self._questions.instruments = self._entry.instruments
        return barred

    async def ready(self) -> Silence | Refused | None:
        """Learn which conditional orders wait; those that triggered before now are found by the report."""
        algos = await self._asking.read(asks.open_algos(), list[Algo])
        if isinstance(algos, Failed):
            return Silence(f"no list of stops: {algos.why}", retry_ns=algos.retry_ns)
        for algo in algos:
            self._memory.learn_algo(algo)
        return None

    def told(self, heard: Heard) -> None:
        for event in heard.events:
            self._life.say(event)
        for want in heard.wants:
            self._errands.go(want)

    def went_up(self) -> None:
        self._errands.begin()
        self._life.part_up(PART)
        self._tell_oddities()
        self._dead_man.check()

    def went_down(self, why: str, refused: bool, stopped: bool) -> None:
        self._errands.begin()
        self._questions.link_down()
        self._life.part_down(PART, why, refused=refused, stopped=stopped)

    def say(self, event: Event) -> None:
        self._life.say(event)

    def give_up(self, why: str) -> None:
        self._stream.line.cut(why)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _greet(self) -> None:
        """Right after `LinkUp`."""
        self._tell_instruments()
        self._markets.retell()

    def _why_down(self) -> str:
        """A line that was cut this moment is down already, though the engine is only told so next."""
        if self._life.up and self._stream.line.is_up:
            return ""
        return self._stream.line.why or self.trouble or "the user stream is down"

    def _check(self) -> None:
        self._markets.check()
        if self._life.up:
            self._errands.check()
            if self._asking.clock_doubted:
                self._start("clock", self._check_clock)
            self._dead_man.check()

    def _check_mode(self) -> None:
        if self._life.up:
            self._errands.go(Want("mode"))

    async def _check_clock(self) -> None:
        if not self._life.up:
            return
        wrong = await self._asking.check_clock()
        if wrong and self._asking.skew.fault:
            self.give_up(wrong)
        else:
            self._tell_oddities()

    async def _settle(self) -> None:
        await self._entry.settle(self._markets.symbols)
        self._tell_oddities()

    def _tell_oddities(self) -> None:
        """What people should know though the link is up; nothing while it is not."""
        if self._life.up:
            odd = (self._deeds.forbidden, self._asking.skew.oddity, *self._entry.oddities)
            self._life.trouble = "; ".join(said for said in odd if said)

    def _look_into(self, failure: Failure) -> None:
        """What a refusal says of us: a key that may not trade, a list of contracts that is old."""
        if failure.for_a_person:
            self._tell_oddities()
        elif failure.code in mends.STALE:
            self.contracts_changed()

    def contracts_changed(self) -> None:
        if self._life.up:
            self._start("instruments", self._fetch_instruments)

    def _ask_what_opened(self) -> None:
        """That a halt is over may have been told while nobody listened."""
        open_now = {one.symbol: None for one in self._entry.instruments if one.status == "trading"}
        if any(symbol not in open_now for symbol in self._markets.symbols):
            self.contracts_changed()

    async def _fetch_instruments(self) -> None:
        if await self._entry.refresh() is None:  # else the next hour asks again
            self._tell_instruments()

    def _tell_instruments(self) -> None:
        """Those that have changed since they were told."""
        self._questions.instruments = self._entry.instruments
        for instrument in self._entry.instruments:
            if self._told.get(instrument.symbol) != instrument:
                self.say(InstrumentSeen(self.account, instrument))
        self._told = {one.symbol: one for one in self._entry.instruments}

    def _start(self, name: str, chore: Chore) -> None:
        self._chores.start(name, chore)


def _whole(setup: Setup) -> dict[str, int]:
    """The leverages we ask for ourselves, so that their echo is not somebody else's doing."""
    return {symbol: int(times) for symbol, times in setup.leverage.items()}
