"""The engine: durable desk, volatile senses, and the two things a step may do: `write` and `act`.

Every handler in this room takes the engine and works through these two. `write` folds a record at once and
keeps it for the journal; `act` keeps an effect for the shell. Nothing else in the room touches the world.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, field

from kedge.engine.apply import fold
from kedge.engine.bot import Bot, MarketFeed
from kedge.engine.effects import Effect, Watch
from kedge.engine.senses import BotNow, Care, Link, MarketNow, TimerKey, Timers
from kedge.engine.state import BotRow, Desk, Order
from kedge.model import records as r
from kedge.model.ids import mint
from kedge.model.instrument import Market, account_of, symbol_of
from kedge.model.limits import NO_LIMITS, Limits
from kedge.model.numbers import PLAIN
from kedge.model.order import Side
from kedge.model.venue import Feed, Rules

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
AUDIT_EVERY_NS = 3600 * SECOND_NS
# Orders of the last minute are remembered, for orders per minute; of more than these the older half goes.
SENT_MOST = 20_000
# From so many orders on one side of a market, those that ended are looked for.
RESTING_LOOKED = 128
# The records after which a bot's position may be another.
_MOVE_POSITIONS = (r.Filled, r.BotRemoved)
T = TypeVar("T")


class RiskBook(Struct, frozen=True):
    """The limits in force: for the desk, per account, for every bot, and per named bot."""

    desk: Limits = NO_LIMITS
    accounts: dict[str, Limits] = {}
    bot: Limits = NO_LIMITS
    bots: dict[str, Limits] = {}


class Out(Struct):
    """What one step came to."""

    records: list[r.Record] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


class Engine:
    """One cell at work. Made from a replayed `Desk`; driven by `step`; never asks what time it is."""

    def __init__(
        self,
        desk: Desk,
        kinds: Mapping[str, Bot[Any, Any]],
        rules: Mapping[str, Rules],
        limits: RiskBook | None = None,
        version: str = "0",
    ) -> None:
        self.desk = desk
        self.kinds = kinds
        self.limits = limits or RiskBook()
        self.version = version
        self.now_ns = 0
        self.out = Out()
        self.timers = Timers()
        self.markets: dict[Market, MarketNow] = {}
        self.links = {name: Link(name, rules[name]) for name in rules}
        self.bots: dict[str, BotNow] = {}
        self.cares: dict[str, Care] = {}
        self.dirty: dict[str, None] = {}
        self.counts: dict[str, int] = {}
        self.alarms: list[tuple[int, str, str]] = []  # when, about which bot or account, what
        self.sent_ns: list[int] = []  # when orders left, for orders per minute; also per link and per bot
        self.counter = 0  # of client ids, in this life
        self._watched: dict[str, tuple[Market, ...]] = {}  # by bot
        self._fed: dict[str, tuple[MarketFeed, ...]] = {}  # by bot
        # Live orders by market and side, for orders of ours that could meet; pruned when read.
        self._resting: dict[tuple[Market, Side], dict[str, None]] = {}
        # Kept by `worth.py`, so that limits need not walk the whole desk for every order.
        self.worths: dict[Market, Any] = {}
        self.held: dict[Market, tuple[Decimal, Decimal]] | None = None

    # ── the two things a step may do ────────────────────────────────────────────────────────────

    def write(self, record: r.Record) -> None:
        fold(self.desk, record, self.now_ns)
        self.out.records.append(record)
        if type(record) in _MOVE_POSITIONS:
            self.held = None

    def act(self, effect: Effect) -> None:
        self.out.effects.append(effect)

    # ── small helpers every room uses ───────────────────────────────────────────────────────────

    def note(self, level: r.NoteLevel, text: str, bot: str = "", account: str = "") -> None:
        self.write(r.Noted(level=level, text=text, bot=bot, account=account))
        if level == "alarm":
            self.alarms.append((self.now_ns, bot or account, text))
            del self.alarms[:-50]

    def calm(self, about: str) -> None:
        """What alarmed about this bot or account is over: it traded, was changed, has ended; is connected."""
        if self.alarms:
            self.alarms = [alarm for alarm in self.alarms if alarm[1] != about]

    def count(self, what: str, by: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + by

    def mint(self, bot_number: int) -> str:
        """The next client order id of this life."""
        self.counter += 1
        return mint(self.desk.desk, bot_number, self.desk.life, self.counter)

    def touch(self, bot: str) -> None:
        """Have the bot decide again at the end of this step."""
        if bot in self.desk.bots:
            self.dirty[bot] = None

    def touch_hearers(self, market: MarketNow) -> None:
        """Have those decide again that hear this market's book."""
        for bot in market.watchers:
            if bot not in market.deaf:
                self.touch(bot)

    def market(self, market: Market) -> MarketNow:
        known = self.markets.get(market)
        if known is None:
            known = self.markets[market] = MarketNow(market)
        return known

    def link(self, account: str) -> Link | None:
        return self.links.get(account)

    def count_sent(self, account: str, bot: str, at_ns: int) -> None:
        """Count an order towards orders per minute, of the desk, its account and its bot."""
        link, now = self.links.get(account), self.bots.get(bot)
        for sent_ns in (self.sent_ns, link.sent_ns if link else [], now.sent_ns if now else []):
            if sent_ns and sent_ns[0] <= at_ns - MINUTE_NS:
                del sent_ns[: bisect_right(sent_ns, at_ns - MINUTE_NS)]
            sent_ns.append(at_ns)
            if len(sent_ns) > SENT_MOST:
                del sent_ns[: SENT_MOST // 2]

    def care(self, order: Order, in_ns: int) -> None:
        """Look after an order whose fate or fills are not settled, at the latest in so long."""
        self.cares.setdefault(order.client_id, Care())
        self.timers.sooner(order_key(order), self.now_ns + in_ns)

    def note_order(self, order: r.Intent | Order) -> None:
        """Remember that it stands or may stand."""
        standing = self._resting.setdefault((order.market, order.side), {})
        standing[order.client_id] = None
        count = len(standing)
        if count >= RESTING_LOOKED and count & (count - 1) == 0:
            # Nobody may have asked for long: at each doubling those that ended are let go.
            self.crossable(order.market, order.side)

    def crossable(self, market: Market, side: Side) -> list[str]:
        """Client ids of our live orders on one side of a market."""
        standing = self._resting.get((market, side))
        if not standing:
            return []
        orders = self.desk.accounts[account_of(market)].orders
        gone = [i for i in standing if i not in orders or not orders[i].live]
        for client_id in gone:
            del standing[client_id]
        return list(standing)

    def fresh(self, market: MarketNow) -> bool:
        """Whether the book may be traded on: whole, heard recently, over a living link."""
        link = self.links.get(account_of(market.market))
        if market.lost or link is None or not link.up:
            return False
        return self.now_ns - market.heard_ns <= link.rules.book_age_max_ns

    # ── bots as objects ─────────────────────────────────────────────────────────────────────────

    def embody(self, row: BotRow) -> str:
        """Decode a bot's config and state into its own types; a sentence says why it cannot be."""
        kind = self.kinds.get(row.kind)
        if kind is None:
            self.bots[row.name] = BotNow(None, None, None)
            return self.no_kind(row.kind) or f"the kind {row.kind!r} is not installed"
        found, failed = supervised(lambda: _decoded(kind, row))
        if found is None:
            self.bots[row.name] = BotNow(None, None, None)
            return f"its parameters or memory cannot be read: {failed}"
        config, state, markets, feeds = found
        self.bots[row.name] = BotNow(kind, config, state)
        self.watch(row.name, markets, feeds)
        return ""

    def no_kind(self, kind: str) -> str:
        """Why a kind is missing, where the shell tried to import it and failed; "" where nothing is known."""
        failed: Mapping[str, str] = getattr(self.kinds, "failed", {})
        return failed.get(kind, "")

    def watch(self, bot: str, markets: tuple[Market, ...], feeds: tuple[MarketFeed, ...] = ()) -> None:
        """Have the bot watch exactly these markets, and hear these feeds; none when it is gone."""
        self._fed.pop(bot, None)
        if feeds:
            self._fed[bot] = feeds
        for name in self._watched.pop(bot, ()):
            if name not in markets:
                self.market(name).watchers.pop(bot, None)
                self.market(name).deaf.pop(bot, None)
        kind = self.bots[bot].bot if bot in self.bots else None
        for name in markets:
            self.market(name).watchers[bot] = None
            if kind is not None and not kind.hears_books:
                self.market(name).deaf[bot] = None
        if markets:
            self._watched[bot] = markets
        self.resubscribe()

    def watched(self, bot: str) -> tuple[Market, ...]:
        return self._watched.get(bot, ())

    def resubscribe(self) -> None:
        """Tell each account which books are needed, where that has changed."""
        if not any(link.up for link in self.links.values()):
            return  # a start embodies a thousand bots before anyone can be told
        needed: dict[str, list[str]] = {}
        for name, market in self.markets.items():
            if market.watchers:
                needed.setdefault(account_of(name), []).append(symbol_of(name))
        fed = self._feeds_needed()
        for account, link in self.links.items():
            symbols, feeds = tuple(sorted(needed.get(account, ()))), tuple(fed.get(account, ()))
            if link.up and (symbols != link.watched or feeds != link.fed):
                link.watched, link.fed = symbols, feeds
                self.act(Watch(account, symbols, feeds))

    def _feeds_needed(self) -> dict[str, list[Feed]]:
        """By account, each feed once, in an order that does not depend on who asked first."""
        asked = {one: None for feeds in self._fed.values() for one in feeds}
        needed: dict[str, list[Feed]] = {}
        for one in sorted(asked, key=lambda one: (one.market, one.kind, one.interval_ns)):
            feed = Feed(symbol_of(one.market), one.kind, one.interval_ns)
            needed.setdefault(account_of(one.market), []).append(feed)
        return needed


def park(e: Engine, row: BotRow, why: str) -> None:
    """Stop asking a bot, pull its orders, and say why: a person must mend something."""
    e.write(r.BotPhased(bot=row.name, phase="parked", why=why))
    e.note("alarm", f"parked: {why}", row.name)
    e.count("bots parked")


def order_key(order: Order) -> TimerKey:
    return ("order", order.client_id)


def supervised(work: Callable[[], T]) -> tuple[T | None, str]:
    """Run a bot's own code, which may be anybody's: its result, or what it raised in one line.

    The supervisor of bots, and the one place in the pure rooms that catches everything.
    """
    try:
        with localcontext(PLAIN):
            return work(), ""
    except Exception as error:  # noqa: BLE001  # the supervisor of bots
        return None, f"{type(error).__name__}: {error}"


Decoded = tuple[Any, Any, tuple[Market, ...], tuple[MarketFeed, ...]]


def _decoded(kind: Bot[Any, Any], row: BotRow) -> Decoded:
    config = msgspec.json.decode(row.config, type=kind.Config)
    return config, decode_state(kind, row), kind.markets(config), kind.feeds(config)


def decode_state(kind: Bot[Any, Any], row: BotRow) -> Any:
    """The bot's memory in today's shape: migrated one version at a time where it is older."""
    if row.state_version == kind.state_version:
        return msgspec.json.decode(row.state, type=kind.State)
    data = msgspec.json.decode(row.state)
    for version in range(row.state_version, kind.state_version):
        data = kind.migrate(version, data)
    return msgspec.convert(data, type=kind.State, strict=False)
