"""What a bot sees: frozen pictures of its own slots and the markets it watches, made when it asks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kedge.engine.bot import MarketView, Message, OrderView, SlotView
from kedge.engine.engine import Engine
from kedge.engine.senses import BotNow, Link, MarketNow
from kedge.engine.state import BotRow, Slot
from kedge.model.instrument import Instrument, Market, account_of
from kedge.model.numbers import ZERO, moment
from kedge.model.records import Phase
from kedge.model.venue import Bar, Trade

_NOTHING = SlotView()


class BotView:
    """The `View` of the protocol in `engine/bot.py`, over the engine of this step."""

    __slots__ = ("_engine", "_row", "_senses", "config", "messages", "name", "now_ns", "phase", "state")

    def __init__(self, engine: Engine, row: BotRow, senses: BotNow) -> None:
        self._engine = engine
        self._row = row
        self._senses = senses
        self.now_ns = engine.now_ns
        self.name = row.name
        self.config: Any = senses.config
        self.state: Any = senses.state
        self.phase: Phase = row.phase
        self.messages = tuple(Message(m.number, m.sender, m.text, m.args) for m in row.inbox)

    def market(self, market: Market) -> MarketView | None:
        return market_view(self._engine, market)

    def free(self, account: str, asset: str) -> Decimal | None:
        return free_of(self._engine, account, asset)

    def position(self, market: Market) -> Decimal:
        return self._engine.desk.net(market)

    def slot(self, slot: str) -> SlotView:
        found = self._row.slots.get(slot)
        if found is None:
            held = self._senses.held.get(slot, "")
            return SlotView(held=held) if held else _NOTHING
        return slot_view(self._engine, found, self._senses.held.get(slot, ""))

    def bars(self, market: Market, interval_ns: int) -> tuple[Bar, ...]:
        return tuple(self._engine.market(market).bars.get(interval_ns, ()))

    def trades(self, market: Market) -> tuple[Trade, ...]:
        return tuple(self._engine.market(market).trades)


class Seen:
    """The `Known` of the protocol in `engine/bot.py`."""

    __slots__ = ("_engine", "now_ns")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.now_ns = engine.now_ns

    def market(self, market: Market) -> MarketView | None:
        return market_view(self._engine, market)

    def free(self, account: str, asset: str) -> Decimal | None:
        return free_of(self._engine, account, asset)

    def position(self, market: Market) -> Decimal:
        return self._engine.desk.net(market)


def market_view(e: Engine, market: Market) -> MarketView | None:
    instrument = e.desk.instrument(market)
    if instrument is None:
        return None
    now = e.market(market)
    link = e.links.get(account_of(market))
    fresh = e.fresh(now) and link is not None and link.ready
    return MarketView(
        market=market,
        instrument=instrument,
        bids=now.bids,
        asks=now.asks,
        age_ns=e.now_ns - now.heard_ns,
        fresh=fresh,
        open=instrument.is_open(e.now_ns),
        opens_ns=instrument.opens_ns(e.now_ns),
        closes_ns=instrument.closes_ns(e.now_ns),
        mark=now.mark,
        index=now.index,
        last=now.last,
        funding_rate=now.funding_rate,
        why="" if fresh else _why_not(now, link),
    )


def free_of(e: Engine, account: str, asset: str) -> Decimal | None:
    """None where the venue has not said what the account has; nothing of an asset that it does not list."""
    link = e.links.get(account)
    balances = link.balances if link is not None and link.ready else ()
    if not balances:
        return None
    return next((one.free for one in balances if one.asset == asset), ZERO)


def _why_not(market: MarketNow, link: Link | None) -> str:
    if link is None:
        return "there is no such account"
    return link.why or market.lost or ("its book is too old" if market.heard_ns else "its book is awaited")


def why_closed(instrument: Instrument, now_ns: int) -> str:
    """Why a market takes no orders now, as the end of a sentence; "" when it is open."""
    if instrument.expires_ns and now_ns >= instrument.expires_ns:
        return "has expired"
    if not instrument.listed:
        return "is no longer listed"
    if instrument.rests(now_ns):
        return f"is not in session; it opens at {moment(instrument.opens_ns(now_ns))}"
    if instrument.status != "trading":
        return "is halted by the venue" if instrument.status == "halted" else "is closed at the venue"
    return "" if instrument.is_open(now_ns) else "is not in session"


def why_idle(e: Engine, market: Market) -> str:
    """Why nothing can be risked in a market now, in one sentence; "" when it can."""
    link = e.links.get(account_of(market))
    if link is None or not link.ready:
        return f"{account_of(market)}: {link.why if link else 'there is no such account'}"
    instrument = e.desk.instrument(market)
    if instrument is None:
        return f"{market} is not listed"
    closed = why_closed(instrument, e.now_ns)
    if closed:
        return f"{market} {closed}"
    now = e.market(market)
    return "" if e.fresh(now) else f"{market}: {_why_not(now, link)}"


def slot_view(e: Engine, slot: Slot, held: str) -> SlotView:
    tally = slot.tally
    instrument = e.desk.instrument(slot.market)
    assert instrument is not None, "a slot trades only what is known"
    shown: OrderView | None = None
    unsettled = False
    for client_id in slot.orders:
        order = e.desk.order(client_id)
        if order is None:
            continue
        unsettled = unsettled or order.told > order.filled or order.state == "unknown"
        if order.live:
            shown = OrderView(
                client_id,
                order.side,
                order.price,
                order.qty,
                order.filled,
                order.state,
                order.intent_ns,
                order.priced_ns,
            )
    return SlotView(
        bought=tally.bought,
        sold=tally.sold,
        net=tally.net,
        bought_avg=tally.bought_average(instrument),
        sold_avg=tally.sold_average(instrument),
        fees=dict(slot.position.fees),
        order=shown,
        unsettled=unsettled,
        rejects=slot.rejects,
        held=held,
    )
