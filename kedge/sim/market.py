"""A synthetic market: coins whose prices wander, and house accounts that trade them in a real book.

Every instrument has a maker, who keeps a ladder of orders around its fair price, and a taker, who hits
it. Both place real orders, so depth, trades, partial fills and queues are the exchange's own, other
people's orders stand among theirs, and money is conserved.

    coin     a price that wanders; regimes (calm, trend, jump) say how; coins move together by `beta`
    listing  an instrument of a coin: spot, a perpetual whose premium is pulled back by funding, or a
             dated future whose basis runs out with its time

The wandering is a signal and uses floats, with sums and products only, so that a seed gives the same
market on every machine. Every price and quantity that becomes an order is a whole number of steps.
"""

from __future__ import annotations

import math
from decimal import Decimal
from random import Random  # storm-ok: seeded generator passed in

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO
from kedge.model.order import Side
from kedge.model.venue import OrderReport, PlaceOrder
from kedge.sim.exchange import Exchange, ExchangeConfig
from kedge.sim.exchange.liquidity import Maker

SECOND = 10**9
YEAR_S = 365 * 24 * 3600.0
DEPOSIT = Decimal(10**9)
# A process that slept catches up in one stride, but not by more than this.
STRIDE_MAX_S = 60.0


class Regime(Struct, frozen=True):
    """How a coin wanders for a while."""

    name: str
    volatility: float  # a fraction of the price, per square root of a second
    drift: float = 0.0  # a fraction per second, up or down by the toss of a coin
    jump: float = 0.0  # the largest sudden move at its beginning
    spread: float = 1.0  # times the listing's spread
    trades: float = 1.0  # times the listing's trades
    lasts_s: float = 300.0  # on average
    weight: int = 1


CALM = Regime("calm", 0.00005, lasts_s=600.0, weight=6)
TREND = Regime("trend", 0.0001, drift=0.00002, trades=1.6, lasts_s=240.0, weight=3)
JUMP = Regime("jump", 0.0003, jump=0.01, spread=3.0, trades=2.5, lasts_s=45.0, weight=1)


class Coin(Struct, frozen=True):
    name: str
    price: Decimal
    # What it takes of the leader's moves (the first coin leads); the rest is its own.
    beta: float = 0.0
    regimes: tuple[Regime, ...] = (CALM, TREND, JUMP)


class Listing(Struct, frozen=True):
    """How one instrument is quoted and traded."""

    symbol: str
    coin: str
    size: Decimal  # a typical quantity at the touch, in units of the instrument
    spread_ticks: int = 1
    gap_ticks: int = 20  # between the levels behind the touch
    levels: int = 8  # on each side
    every_ns: int = 200_000_000  # between two updates
    trades: float = 0.3  # per update
    premium: float = 0.0  # how far a perpetual strays from spot: standard deviation, a fraction
    basis: float = 0.0  # what a dated future stands above spot, a fraction per year


class MarketConfig(Struct, frozen=True):
    exchange: ExchangeConfig
    coins: tuple[Coin, ...]
    listings: tuple[Listing, ...]


class _Walk:
    """One coin on its way."""

    def __init__(self, coin: Coin, price: float) -> None:
        self.coin = coin
        self.price = price
        self.regime = coin.regimes[0]
        self.drift = 0.0
        self.left_s = self.regime.lasts_s
        self.move = 0.0  # the last return: takers follow it


class _Desk:
    """One listing's maker and taker."""

    def __init__(self, exchange: Exchange, listing: Listing, instrument: Instrument) -> None:
        self.listing = listing
        self.instrument = instrument
        self.maker = Maker(exchange, f"_maker-{listing.symbol}", listing.symbol)
        self.taker = f"_taker-{listing.symbol}"
        exchange.open_account(self.taker, house=True)
        self.tick = float(instrument.tick)
        self.premium = 0.0
        self.due_ns = 0
        self.least = instrument.min_qty

    def see_price(self, price: Decimal) -> None:
        """The smallest order is a matter of money too, with room for the price to halve."""
        instrument = self.instrument
        worth = instrument.notional(instrument.qty_step, price)
        steps = int(2 * instrument.min_notional / worth) + 1
        self.least = max(instrument.min_qty, steps * instrument.qty_step)


class Market:
    """`step` brings the market up to now with a bounded amount of work: one update per instrument."""

    def __init__(self, exchange: Exchange, config: MarketConfig, generator: Random, now_ns: int) -> None:
        self._exchange = exchange
        self._random = generator
        self._now_ns = now_ns
        self._walks: dict[str, _Walk] = {}
        self._desks: dict[str, _Desk] = {}
        for coin in config.coins:
            self._walks[coin.name] = _Walk(coin, float(self._start_price(coin, config.listings)))
        for listing in config.listings:
            self.join(listing, now_ns)

    def join(self, listing: Listing, now_ns: int) -> None:
        """Make a market in one more instrument; the exchange must have it."""
        assert listing.coin in self._walks, f"{listing.symbol}: no coin {listing.coin}"
        desk = _Desk(self._exchange, listing, self._exchange.instrument(listing.symbol))
        self._desks[listing.symbol] = desk
        self._endow(desk, now_ns)

    def _start_price(self, coin: Coin, listings: tuple[Listing, ...]) -> Decimal:
        """Where a loaded exchange left off, else where the configuration begins."""
        for listing in listings:
            if listing.coin == coin.name:
                index = self._exchange.market(listing.symbol).index
                if index:
                    return index
        return coin.price

    def _endow(self, desk: _Desk, now_ns: int) -> None:
        instrument = desk.instrument
        owned = instrument.kind in ("spot", "bond")
        for account in (desk.maker.account, desk.taker):
            if self._exchange.balances(account):
                continue
            for asset in (instrument.base, instrument.quote) if owned else (instrument.settle,):
                self._exchange.transfer(account, asset, DEPOSIT, now_ns)

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def step(self, now_ns: int) -> None:
        """Move the coins, then update each instrument that is due."""
        self._exchange.advance(now_ns)
        seconds = min((now_ns - self._now_ns) / SECOND, STRIDE_MAX_S)
        if seconds > 0:
            self._now_ns = now_ns
            self._wander(seconds)
        for desk in self._desks.values():
            if desk.due_ns <= now_ns:
                desk.due_ns = now_ns + desk.listing.every_ns
                self._update(desk, now_ns)

    def next_ns(self) -> int:
        """When the next update is due."""
        return min(desk.due_ns for desk in self._desks.values())

    def move(self, symbol: str, price: Decimal, now_ns: int = 0) -> None:
        """Push the coin so that this instrument's fair price is this one; the market follows at once."""
        assert price > 0
        now_ns = max(now_ns, self._exchange.now_ns)
        desk = self._desks[symbol]
        self._walks[desk.listing.coin].price *= float(price) / self._fair(desk, now_ns)
        for other in self._desks.values():
            if other.listing.coin == desk.listing.coin:
                other.due_ns = now_ns + other.listing.every_ns
                self._update(other, now_ns)
                # A print at the new price: stops that watch the last trade see it too.
                self._take(other, "buy", self._quantity(other, ZERO, 0.0), now_ns)

    def set_regime(self, coin: str, name: str, lasts_s: float = 0.0) -> None:
        """Begin a regime now, for its usual time or the one given."""
        walk = self._walks[coin]
        regime = next(regime for regime in walk.coin.regimes if regime.name == name)
        self._begin(walk, regime)
        walk.left_s = lasts_s or regime.lasts_s

    def regime(self, coin: str) -> str:
        return self._walks[coin].regime.name

    def price(self, coin: str) -> float:
        return self._walks[coin].price

    # ── coins ───────────────────────────────────────────────────────────────────────────────────

    def _noise(self) -> float:
        """Near enough to a normal draw, by sums alone (no library whose last digit may differ)."""
        draw = self._random.random
        return draw() + draw() + draw() + draw() + draw() + draw() + draw() + draw() - 4.0

    def _wander(self, seconds: float) -> None:
        root = math.sqrt(seconds) * 1.2247448713915890  # eight uniform draws have a variance of 2/3
        leader = 0.0
        for number, walk in enumerate(self._walks.values()):
            walk.left_s -= seconds
            if walk.left_s <= 0:
                self._next_regime(walk)
            own = walk.regime.volatility * root * self._noise() + walk.drift * seconds
            walk.move = own + walk.coin.beta * leader
            walk.price *= max(1.0 + walk.move, 0.5)
            if number == 0:
                leader = walk.move
        for desk in self._desks.values():
            self._stray(desk, seconds, root)

    def _stray(self, desk: _Desk, seconds: float, root: float) -> None:
        """A perpetual's premium: pushed by chance, pulled by those who collect funding against it.

        The pull takes it half-way home in about ten minutes; the push is what balances that at the
        deviation wished for.
        """
        deviation = desk.listing.premium
        if not deviation:
            return
        pull = 0.00115
        desk.premium -= desk.premium * min(pull * seconds, 1.0)
        desk.premium += deviation * math.sqrt(2.0 * pull) * root * self._noise()

    def _next_regime(self, walk: _Walk) -> None:
        total = sum(regime.weight for regime in walk.coin.regimes)
        pick = self._random.randrange(total)
        for regime in walk.coin.regimes:
            pick -= regime.weight
            if pick < 0:
                return self._begin(walk, regime)
        raise AssertionError("weights do not add up")

    def _begin(self, walk: _Walk, regime: Regime) -> None:
        draw = self._random.random
        walk.regime = regime
        walk.left_s = regime.lasts_s * (0.5 + draw())
        walk.drift = regime.drift if draw() < 0.5 else -regime.drift
        if regime.jump:
            walk.price *= 1.0 + regime.jump * (2.0 * draw() - 1.0)

    def _fair(self, desk: _Desk, now_ns: int) -> float:
        price = self._walks[desk.listing.coin].price
        expires = desk.instrument.expires_ns
        if expires:
            years = max(expires - now_ns, 0) / SECOND / YEAR_S
            return price * (1.0 + desk.listing.basis * years)
        return price * (1.0 + desk.premium)

    # ── one update of one instrument ────────────────────────────────────────────────────────────

    def _update(self, desk: _Desk, now_ns: int) -> None:
        walk = self._walks[desk.listing.coin]
        fair = self._fair(desk, now_ns)
        tick = desk.instrument.tick
        index = max(round(walk.price / desk.tick), 1) * tick
        mark = max(round(fair / desk.tick), 1) * tick
        desk.see_price(mark)
        report = self._exchange.market(desk.listing.symbol)
        if report.status == "closed":
            return
        if (mark, index) != (report.mark, report.index):
            self._exchange.feed(desk.listing.symbol, now_ns, mark=mark, index=index)
        if report.status != "trading":
            return
        # Takers come before the maker has moved: it is he who is late, and the book is whole afterwards.
        self._trade(desk, walk, now_ns)
        self._quote(desk, walk.regime, fair, now_ns)

    def _quote(self, desk: _Desk, regime: Regime, fair: float, now_ns: int) -> None:
        half = desk.listing.spread_ticks * regime.spread / 2.0
        ticks = fair / desk.tick
        bid = max(math.floor(ticks - half), 1)
        ask = max(math.ceil(ticks + half), bid + 1)
        standing = desk.maker.levels()
        wanted: dict[Side, list[int]] = {
            "buy": self._ladder(desk, bid, -1),
            "sell": self._ladder(desk, ask, 1),
        }
        for side, rungs in wanted.items():
            keep = {rung * desk.instrument.tick: None for rung in rungs}
            for price, orders in standing[side].items():
                if price not in keep:
                    desk.maker.cancel(orders, now_ns)
        for side, rungs in wanted.items():
            for number, rung in enumerate(rungs):
                price = rung * desk.instrument.tick
                self._fill_up(desk, side, price, number, standing[side].get(price, []), now_ns)

    def _ladder(self, desk: _Desk, touch: int, away: int) -> list[int]:
        """The touch, then whole multiples of the gap behind it: they stand still while the touch moves."""
        gap = desk.listing.gap_ticks
        first = touch // gap + (1 if away > 0 else 0 if touch % gap else -1)
        rungs = [touch]
        for number in range(desk.listing.levels - 1):
            rung = (first + away * number) * gap
            if rung <= 0:
                break
            rungs.append(rung)
        return rungs

    def _fill_up(
        self, desk: _Desk, side: Side, price: Decimal, number: int, orders: list[OrderReport], now_ns: int
    ) -> None:
        """A new level gets a quantity by chance; one that was eaten to a third is filled again."""
        left = sum((order.qty - order.cum_qty for order in orders), ZERO)
        typical = desk.listing.size * (1 + number)
        if left * 3 > typical:
            return
        qty = self._quantity(desk, typical, 0.5 + self._random.random())
        if qty > left:
            desk.maker.set(side, price, qty, now_ns, orders)

    def _quantity(self, desk: _Desk, typical: Decimal, factor: float) -> Decimal:
        step = desk.instrument.qty_step
        steps = int(typical / step * round(factor * 1000) / 1000)
        return min(max(steps * step, desk.least), desk.instrument.max_qty)

    def _trade(self, desk: _Desk, walk: _Walk, now_ns: int) -> None:
        """Takers come by chance, more of them on the side the price moves to."""
        chance = self._random.random()
        size = self._random.random()
        lean = self._random.random()
        if chance >= desk.listing.trades * walk.regime.trades:
            return
        bias = 0.5 + max(-0.3, min(0.3, walk.move * 2000.0))
        side: Side = "buy" if lean < bias else "sell"
        qty = self._quantity(desk, desk.listing.size, 3.0 * size * size * size)
        self._take(desk, side, qty, now_ns)

    def _take(self, desk: _Desk, side: Side, qty: Decimal, now_ns: int) -> None:
        want = PlaceOrder("", desk.listing.symbol, side, qty, ZERO, "market", "ioc")
        self._exchange.place(desk.taker, want, now_ns)
