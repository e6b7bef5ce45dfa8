"""What a card is played on: one venue with its testnet on a virtual clock, and a desk that hears it.

    desk = await rig.up()                      an adapter, opened, linked
    order = rig.order("buy", price=rig.below(3))
    await desk.rest(order)                     placed, and told as open
    rig.counter("sell", order.qty, order.price)
    fill = (await desk.until(FillNews)).fill
    assert rig.truth(order) ...                what the exchange itself knows, by the desk's names

`Rig` is what every venue has; `wire_rig.py` and `paper_rig.py` join the real ones. After each card the laws
hold that need no card of their own to be broken: nothing is told between two links, no secret is said, books
are never crossed, nobody was banned, no money came from nowhere.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from kedge.model.instrument import Instrument
from kedge.model.numbers import HUNDRED
from kedge.model.order import LIVE, Side
from kedge.model.venue import Fill, OrderReport, PlaceOrder, Rules
from kedge.sim.loop import StormLoop
from kedge.storm.window import View, Window
from tests.contract.desk import SECOND, START_NS, Desk
from tests.contract.laws import check_books, check_links, check_words

# What cards need and `Rules` may deny.
BY_RULES = ("amend", "no_amend", "reduce_only", "post_only", "stops", "takes", "bounded", "ids_forever")


class Rig(ABC):
    """One venue as the cards see it. A subclass says what it is and how it is joined."""

    name: ClassVar[str]  # in the ids of tests
    venue: ClassVar[str]  # in the registry
    symbol: ClassVar[str]  # as the desk writes it
    other: ClassVar[str]  # another market of the same account
    strange: ClassVar[str] = "NOSUCHUSDT"
    inside: ClassVar[str]  # the symbol inside the exchange
    inside_other: ClassVar[str]
    lot: ClassVar[Decimal] = Decimal("0.01")  # a usual quantity
    # Halts are told of markets that are watched alone.
    halts_watched: ClassVar[bool] = False
    # A venue's clock that is so far ahead of ours is spoken of.
    ahead_ns: ClassVar[int] = 2 * SECOND
    # What this venue, or this market of it, has not got; beside what its `Rules` say.
    declared: ClassVar[Mapping[str, str]] = {}

    def __init__(self, loop: StormLoop) -> None:
        self.loop = loop
        self.mid = Decimal(60_000)
        self.skew_ns = 0
        self.by_http = False
        self.desks: list[Desk] = []
        # Ids of plain orders that reached the exchange, one entry for each arrival.
        self.arrived: list[str] = []
        self._made = 0

    # ── what it is ──────────────────────────────────────────────────────────────────────────────

    @classmethod
    @abstractmethod
    def rules(cls) -> Rules: ...

    @classmethod
    def lacks(cls) -> dict[str, str]:
        """Need to the reason why cards that have it are left out here."""
        rules, found = cls.rules(), {}
        if rules.amend == "in_place":
            found["no_amend"] = "the venue amends in place (`Rules.amend`)"
        else:
            found["amend"] = "the venue has no amend in place (`Rules.amend`)"
        if not rules.reduce_only:
            found["reduce_only"] = "the venue has no reduce-only orders (`Rules.reduce_only`)"
        if not rules.post_only:
            found["post_only"] = "the venue has no post-only orders (`Rules.post_only`)"
        if not rules.stops:
            found["stops"] = "the venue has no stop orders (`Rules.stops`)"
        if not rules.takes:
            found["takes"] = "the venue has no stops that fire from the other side (`Rules.takes`)"
        if rules.ends != "all":
            found["ends"] = "the venue does not end orders by itself at a time (`Rules.ends`)"
        if not rules.bounded:
            found["bounded"] = "the venue promises no bound on late effects (`Rules.bounded`)"
        if not rules.burns:
            found["burns"] = "its doubts end by themselves; no key has to be used up (`Rules.burns`)"
        if not rules.day_orders:
            found["day_orders"] = "the venue does not end orders with its day (`Rules.day_orders`)"
        if rules.venue != "tinvest":
            found["moex"] = "the card is about the Moscow Exchange by T-Invest"
        if rules.id_scope != "forever":
            found["ids_forever"] = "an id may be used again once its order has ended (`Rules.id_scope`)"
        return {**found, **cls.declared}

    # ── its life ────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    async def join(self, *, linked: bool = True, hurry: bool = False, **setup: Any) -> Desk:
        """An adapter of the main account, opened. `setup` goes to the adapter: key, secret, leverage …;
        `account` is the desk's name of it. `hurry`: what is looked at once an hour is looked at each minute.
        """

    async def up(self, **setup: Any) -> Desk:
        desk = await self.join(**setup)
        # The line for orders follows the link.
        await asyncio.sleep(2)
        return desk

    async def down(self) -> None:
        for desk in self.desks:
            if desk.closed_at is None:
                await desk.close()
        await self.end()

    @abstractmethod
    async def end(self) -> None:
        """The venue goes."""

    @abstractmethod
    async def restart(self) -> None:
        """The venue dies and comes back with what it had on disk; all lines break."""

    @abstractmethod
    def tempo(self, tick_s: float) -> None:
        """How often the venue's time is looked at: long waits need no more than a second."""

    async def idle(self, seconds: float) -> None:
        """Let this pass, in long strides."""
        self.tempo(1.0)
        await asyncio.sleep(seconds)
        self.tempo(0.1)

    @abstractmethod
    def away(self, on: bool) -> None:
        """The venue is not there: connections are refused, and those that were there break."""

    @abstractmethod
    async def mute(self, desk: Desk) -> None:
        """The desk's machine has lost its power: nothing of it reaches the venue any more."""

    def ruinous(self) -> PlaceOrder:
        """A market order that takes about all that the account can carry."""
        return self.order("buy", qty=self.lot * 800)

    @abstractmethod
    async def second(self) -> Desk:
        """An adapter of another account at the same venue."""

    # ── weather ─────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def fault(self, name: str, order: PlaceOrder | None = None) -> None:
        """What befalls the next deed that names this order: request_lost, request_slow, reply_lost,
        reply_late, cut, busy (5xx, not done), failed (5xx, done), too_many, garbled.
        """

    @abstractmethod
    def unused(self) -> list[object]:
        """Faults that were asked for and have befallen nobody."""

    @abstractmethod
    def lag(self, on: bool) -> None:
        """Lookups do not show what is younger than two seconds."""

    @abstractmethod
    def gap(self) -> None:
        """One change of the symbol's book is never told."""

    @abstractmethod
    def slow(self, delay_ms: int) -> None:
        """The net takes so long each way from now on."""

    @abstractmethod
    def cut(self) -> None:
        """Every line of the main account breaks, and both ends learn of it."""

    @abstractmethod
    def babble(self, part: str) -> None:
        """The venue says half a message on the line of the account ("private") or of markets ("public")."""

    @abstractmethod
    def half_open(self, part: str = "") -> None:
        """Lines fall silent (`part`: "" all, "public" those of markets); nobody is told."""

    @abstractmethod
    def traffic(self) -> int:
        """How often the venue was spoken to: requests, frames, connections, tries that found nobody."""

    @abstractmethod
    def bans(self) -> int: ...

    # ── the market ──────────────────────────────────────────────────────────────────────────────

    @property
    @abstractmethod
    def window(self) -> Window: ...

    @abstractmethod
    def control(self, do: str, **members: Any) -> dict[str, Any]:
        """An order at the control door, which must be obeyed."""

    @property
    def view(self) -> View:
        return self.window.view

    def now_ns(self) -> int:
        return START_NS + self.loop.now_ns

    def venue_ns(self) -> int:
        return self.now_ns() + self.skew_ns

    def terms(self) -> Instrument:
        """The instrument as the exchange has it."""
        return self.window.instruments()[0]

    def listed(self) -> tuple[Instrument, ...]:
        """All instruments of this account's side of the venue, as the exchange has them."""
        return self.window.inner.instruments()

    def move(self, price: Decimal | str) -> None:
        self.mid = Decimal(price)
        self.control("price", symbol=self.inside, price=str(price))

    def counter(self, side: Side, qty: Decimal, price: Decimal) -> None:
        """Somebody else trades up to this price; what does not trade at once goes."""
        self.control("counter", symbol=self.inside, side=side, qty=str(qty), price=str(price))

    def enrich(self) -> None:
        """Give the main account money for large orders."""
        terms = self.terms()
        for asset in dict.fromkeys((terms.base, terms.settle)):
            amount = "10" if asset == terms.base else "1000000"
            self.control("deposit", account=self.view.account, asset=asset, amount=amount)

    def halt(self, on: bool) -> None:
        self.control("halt" if on else "resume", symbol=self.inside)

    def below(self, percent: int | str) -> Decimal:
        return self.terms().price_at_most(self.mid * (1 - Decimal(percent) / HUNDRED))

    def above(self, percent: int | str) -> Decimal:
        return self.terms().price_at_least(self.mid * (1 + Decimal(percent) / HUNDRED))

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def order(
        self, side: Side, *, qty: Decimal | None = None, price: Decimal | None = None, **more: Any
    ) -> PlaceOrder:
        """A limit order (a market order without a price), with an id of its own and five seconds to live."""
        self._made += 1
        usual: dict[str, Any] = {
            "client_id": f"{0xC0DE:08x}{self._made:024x}",
            "symbol": self.symbol,
            "side": side,
            "qty": self.lot if qty is None else qty,
            "price": Decimal(0) if price is None else price,
            "kind": "market" if price is None else "limit",
            "tif": "ioc" if price is None else "gtc",
            "valid_until_ns": self.now_ns() + 5 * SECOND,
        }
        return PlaceOrder(**{**usual, **more})

    def stop(self, side: Side, trigger: Decimal, **more: Any) -> PlaceOrder:
        """A market order that waits for its price; with a `price`, a limit order that does."""
        kind = "stop_limit" if "price" in more else "stop"
        usual: dict[str, Any] = {"kind": kind, "tif": "gtc", "trigger_price": trigger}
        return self.order(side, **{**usual, **more})

    def take(self, side: Side, trigger: Decimal, **more: Any) -> PlaceOrder:
        """The same from the other side: a buy waits for the price to fall, a sell for it to rise."""
        kind = "take_limit" if "price" in more else "take"
        return self.stop(side, trigger, **{"kind": kind, **more})

    def truth(self, order: PlaceOrder) -> OrderReport | None:
        """The order as the exchange knows it."""
        return self.window.order("", order.client_id)

    def is_live(self, order: PlaceOrder) -> bool:
        found = self.truth(order)
        return found is not None and found.state in LIVE

    def true_fills(self, order: PlaceOrder | None = None) -> list[Fill]:
        fills = self.window.fills("").items
        return [fill for fill in fills if order is None or fill.client_id == order.client_id]

    def true_balances(self) -> dict[str, Decimal]:
        """All of each asset that the account has."""
        found = self.window.inner.balances(self.view.account)
        return {one.asset: one.total for one in found if one.total}

    def stranger_id(self, number: int) -> str:
        """How another program on the account calls its order."""
        return f"web-{number}"

    def position(self) -> Decimal:
        return next((one.qty for one in self.window.positions("")), Decimal(0))

    def note(self, order: PlaceOrder, _reply: object) -> None:
        self.arrived.append(order.client_id)

    # ── what always holds ───────────────────────────────────────────────────────────────────────

    def check_laws(self) -> None:
        for desk in self.desks:
            check_links(desk)
            check_words(desk)
            check_books(desk)
        assert self.window.inner.faults() == []
        assert self.unused() == [], "a fault was asked for, and befell nobody"
        assert self.bans() == 0, "the venue banned us"
