"""Everything of a testnet that is not its dialect: clock, memory, market, weather, keys, charts.

class Bybit:                                         a venue is a `Hosted`
    def __init__(self, setup: Setup) -> None:
        self.house = House(setup, listings.bybit, Own)
        self.house.faults.teach("lookup_lag", "orders younger than delay_ns are not found")
        self.extras = self.house.keeper.drawer("extras", Extra)
        self.house.learners.append(self._learn)      what follows from news, written with them

    def http(self, request: Request) -> Reply:
        now_ns = self.house.now_ns()
        reply = self.house.exchange.place(account, order, now_ns)
        self.extras.put(reply.order.venue_id, ...)   a drawer: written in the same moment
        self._tell(self.house.settle())              durable; then the streams
        return ...                                   then the answer

    def tick(self) -> None:
        self.house.step()                            the market moves
        self._tell(self.house.settle())

def make(setup: Setup) -> Hosted:                    what `kedge sim bybit` calls
    return Bybit(setup)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random  # storm-ok: seeded generators passed in
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.sim.exchange import Exchange, Happening, Terms, TradePrinted
from kedge.sim.market import MarketConfig
from kedge.sim.newcomer import listing_for
from kedge.sim.testnet.bars import DAY_NS, KEPT, Bars, Minute, Origin
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.faults import Faults, read_faults
from kedge.sim.testnet.keeper import Facts, Keeper, Learn
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.listings import Listed, Listings, outside, wallet
from kedge.sim.testnet.markets import Market, join_market
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.prints import Prints
from kedge.sim.testnet.store import Store
from kedge.sim.testnet.web import Request, Testnet

MAIN = "main"
KEYS_MAX = 1_000
SYMBOLS_MAX = 1_000

F = TypeVar("F", bound=Facts)


class Setup(Struct, frozen=True):
    """What a testnet is made from. `dice` gives the seeded generator of a label.

    `store` instead of the file of `options.state`: so a storm kills a venue and keeps its memory.
    """

    options: Options
    clock: VenueClock
    dice: Callable[[str], Random]
    store: Store | None = None


class Hosted(Testnet, Protocol):
    """A testnet with what the server, the control door and storms need of it."""

    @property
    def house(self) -> House[Any]: ...

    def stats(self) -> dict[str, Any]:
        """Plain data for the control door: `refused` and `bans` at least, and whatever else it counts."""

    def close(self) -> None:
        """Say goodbye on every line. The memory is closed by whoever made the testnet."""


# What a venue's package offers under the name `make`.
Maker = Callable[[Setup], Hosted]


class House(Generic[F]):
    def __init__(
        self,
        setup: Setup,
        lists: Callable[[int], Listings],
        own: type[F],
        *,
        key_header: str = "",
        absent_bars: bool = False,
        bars_kept: int = KEPT,
    ) -> None:
        """`key_header`: the header (small letters) that carries an API key, if one does.

        `bars_kept`: so many minutes of each symbol.
        """
        self.setup = setup
        self.clock = setup.clock
        self.key_header = key_header
        self._lists = lists
        listings = lists(self.clock.now_ns())
        self.venue = listings.venue
        store = setup.store or Store(setup.options.state)
        self.keeper: Keeper[F] = Keeper(store, listings.exchange, own, self.clock.now_ns())
        self.clock.catch_up(self.keeper.exchange.now_ns)
        now_ns = self.clock.now_ns()
        # A restart goes on with other numbers: the market must not repeat its first day.
        self.life = f":{now_ns}" if self.keeper.restored else ""
        self.faults = Faults(setup.dice(f"faults{self.life}"))
        # Shown what has happened before it is written: what they put into drawers then is written with it.
        self.learners: list[Learn] = []
        self.keys = self.keeper.drawer("keys", ApiKey, most=KEYS_MAX)
        self.prints = Prints()
        minutes = self.keeper.drawer("minutes", Minute, most=bars_kept * SYMBOLS_MAX, soft=True)
        origins = self.keeper.drawer("origins", Origin, most=SYMBOLS_MAX)
        self.bars = Bars(
            setup.dice,
            minutes,
            origins,
            absent=absent_bars,
            empty_past=setup.options.market == "none",
            kept=bars_kept,
        )
        self._listed: dict[str, Listed] = {}
        self._join(listings, now_ns)
        if setup.options.key:
            self.add_key(ApiKey(setup.options.key, setup.options.secret, MAIN))
        self.settle()

    # ── what everybody asks ─────────────────────────────────────────────────────────────────────

    @property
    def exchange(self) -> Exchange:
        return self.keeper.exchange

    @property
    def own(self) -> F:
        """The venue's own facts; `touch` after changing them."""
        return self.keeper.own

    def touch(self) -> None:
        self.keeper.touch()

    def now_ns(self) -> int:
        return self.clock.now_ns()

    def dice(self, label: str) -> Random:
        """A generator of the venue's own, another one in each life."""
        return self.setup.dice(f"{label}{self.life}")

    # ── instruments ─────────────────────────────────────────────────────────────────────────────

    def listed(self) -> tuple[Listed, ...]:
        """Every instrument there is or was, in the order they were listed."""
        return tuple(self._listed.values())

    def of(self, symbol: str) -> Listed:
        return self._listed[symbol]

    def find(self, category: str, name: str) -> Listed | None:
        """The instrument that the venue calls so."""
        return self._listed.get(f"{category}:{name}")

    # ── accounts ────────────────────────────────────────────────────────────────────────────────

    def add_key(self, key: ApiKey) -> None:
        """Let a key in, and open its account's wallets with a newcomer's money."""
        if self.keys.get(key.name) != key:
            self.keys.put(key.name, key)
        self.welcome(key.account)

    def welcome(self, account: str) -> None:
        now_ns = self.now_ns()
        for name, money in self._wallets.items():
            self.keeper.welcome(wallet(account, name), money, now_ns)

    def account_of(self, request: Request) -> str:
        """Whose key the request names; "" where it names none that is known."""
        key = self.keys.get(request.headers.get(self.key_header, "")) if self.key_header else None
        return key.account if key else ""

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> None:
        """Time has passed: the market moves, what is due happens. `settle` tells what."""
        now_ns = self.now_ns()
        if now_ns >= self._renew_ns:
            self._renew(now_ns)
        self.keeper.step(now_ns)

    def settle(self) -> list[Happening]:
        """What has happened since the last time, in order; it is on disk when this returns."""
        news = self.keeper.settle(self._learn)
        self.chart(news)
        return news

    def chart(self, news: Sequence[Happening]) -> None:
        """Put trades on the tape and into bars; `settle` does it."""
        for happening in news:
            if isinstance(happening, TradePrinted):
                self.prints.add(happening)
                trade = happening
                self.bars.trade(trade.symbol, trade.side, trade.price, trade.qty, trade.venue_ns)

    def arm_file(self) -> None:
        """Arm the faults of the file, once the venue has taught its own. Raises `BadFault`, `OSError`."""
        if self.setup.options.faults:
            for fault in read_faults(Path(self.setup.options.faults).read_bytes()):
                self.faults.arm(fault)

    def close(self) -> None:
        """Fold the memory into one dump."""
        self.keeper.close()

    # ── beginnings ──────────────────────────────────────────────────────────────────────────────

    def _join(self, listings: Listings, now_ns: int) -> None:
        self._wallets = listings.wallets
        self._note(listings)
        config = listings.market()
        generator = self.dice("market")
        self.keeper.join(lambda exchange: self.make_market(exchange, config, generator, now_ns))
        for terms in self.exchange.config.terms:
            if terms.instrument.symbol not in self._listed:
                # A quarter that has ended: its orders and fills are still asked for.
                self._listed[terms.instrument.symbol] = _ended(terms)
        for one in self.listed():
            self._chart(one.instrument, config, now_ns)
        self._renew_ns = now_ns - now_ns % DAY_NS + DAY_NS

    def make_market(
        self,
        exchange: Exchange,
        config: MarketConfig,
        generator: Random,  # storm-ok: seeded generator passed in
        now_ns: int,
    ) -> Market:
        """What moves the prices; a venue with a market of its own makes it here."""
        return join_market(self.setup.options.market, exchange, config, generator, now_ns)

    def _learn(self, news: Sequence[Happening]) -> None:
        for learn in self.learners:
            learn(news)

    def _note(self, listings: Listings) -> None:
        for one in listings.listed:
            self._listed[one.symbol] = one

    def _chart(self, instrument: Instrument, config: MarketConfig, now_ns: int) -> None:
        report = self.exchange.market(instrument.symbol)
        coins = {coin.name: coin.price for coin in config.coins}
        price = report.last or report.mark or report.index or coins[instrument.base]
        self.bars.join(instrument, price, now_ns)

    def _renew(self, now_ns: int) -> None:
        """Once a day: list what the venue lists by now (the next quarter, when one is about to end)."""
        self._renew_ns = now_ns - now_ns % DAY_NS + DAY_NS
        listings = self._lists(now_ns)
        fresh = [one for one in listings.listed if one.symbol not in self._listed]
        self._note(listings)
        for one in fresh:
            self.exchange.list_instrument(one.terms, now_ns)
            self.keeper.market.join(listing_for(one.terms), now_ns)
            self._chart(one.instrument, listings.market(), now_ns)


def _ended(terms: Terms) -> Listed:
    category, name = outside(terms.instrument.symbol)
    return Listed(category, name, "quarter", terms)  # type: ignore[arg-type]
