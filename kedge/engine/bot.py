"""The bot protocol: a pure function from what is to what is wanted.

    class Config(Struct): ...          typed parameters: form, flags, schema and docs come from it
    class State(Struct): ...           the little it must remember; durable
    class MyBot(Bot[Config, State]):
        kind = "mine"
        def markets(self, config): ...        the markets it watches
        def decide(self, view): ...           no await, no clock, no randomness: only `view`

`decide` is level-triggered: it is called again after anything it watches has changed, and after a crash
the same state gives the same wants. There is no half-done script to resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from msgspec import Raw, Struct

from kedge.engine.wants import Want
from kedge.model.instrument import Instrument, Market
from kedge.model.numbers import ZERO
from kedge.model.order import Side, State
from kedge.model.records import NoteLevel, Phase
from kedge.model.venue import Bar, FeedKind, Level, Trade

C = TypeVar("C", bound=Struct)
S = TypeVar("S", bound=Struct)


class Message(Struct, frozen=True):
    number: int
    sender: str
    text: str
    args: Raw = Raw(b"{}")


class Note(Struct, frozen=True):
    text: str
    level: NoteLevel = "info"


class Send(Struct, frozen=True):
    """A message for another bot."""

    bot: str
    text: str
    args: Raw = Raw(b"{}")


class MarketView(Struct, frozen=True):
    """One market as the bot may see it. `fresh` is False for a stale, crossed or missing book: closed."""

    market: Market
    instrument: Instrument
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    age_ns: int
    fresh: bool
    open: bool
    mark: Decimal = ZERO
    index: Decimal = ZERO
    last: Decimal = ZERO
    # A fraction per funding period; positive is paid by who is long.
    funding_rate: Decimal = ZERO
    # Of its calendar: when it next opens, and when the session of now ends; 0 where nobody says.
    opens_ns: int = 0
    closes_ns: int = 0
    # Why it is not fresh, in one sentence: a gap, a cut line, a key the venue refuses; "" when it is.
    why: str = ""

    @property
    def bid(self) -> Decimal:
        return self.bids[0].price

    @property
    def ask(self) -> Decimal:
        return self.asks[0].price

    @property
    def ready(self) -> bool:
        """Fresh, in session, and both sides have a price."""
        return self.fresh and self.open and bool(self.bids) and bool(self.asks)

    def touch(self, side: Side) -> Decimal:
        """The price an aggressive order of this side would meet."""
        return self.ask if side == "buy" else self.bid

    def near(self, side: Side) -> Decimal:
        """The price a passive order of this side would join."""
        return self.bid if side == "buy" else self.ask


class MarketFeed(Struct, frozen=True):
    """What a bot wants to hear of a market it watches, beside book and mark."""

    market: Market
    kind: FeedKind
    interval_ns: int = 0  # of bars


class OrderView(Struct, frozen=True):
    client_id: str
    side: Side
    price: Decimal
    qty: Decimal
    filled: Decimal
    state: State
    since_ns: int
    # When its price was last asked for: a book older than that may still show the price before.
    priced_ns: int = 0


class SlotView(Struct, frozen=True):
    """One slot's own ledger and what it has at the venue."""

    bought: Decimal = ZERO
    sold: Decimal = ZERO
    net: Decimal = ZERO  # bought - sold, of all time
    bought_avg: Decimal = ZERO
    sold_avg: Decimal = ZERO
    fees: Mapping[str, Decimal] = {}
    order: OrderView | None = None
    # True while the venue may know of fills that we do not, or an order's fate is unknown.
    unsettled: bool = False
    # How often in a row the venue has refused an order of this slot.
    rejects: int = 0
    # Why nothing is being sent for this slot, where something is wanted ("" when nothing stands in the way).
    held: str = ""

    def traded(self, side: Side) -> Decimal:
        return self.bought if side == "buy" else self.sold


class Known(Protocol):
    """What is known of the world when somebody asks for a bot."""

    now_ns: int

    def market(self, market: Market) -> MarketView | None:
        """None while the instrument is not known yet."""

    def free(self, account: str, asset: str) -> Decimal | None:
        """What the account may spend of it, as the venue said last; None where it has not said."""

    def position(self, market: Market) -> Decimal:
        """What the account holds of it, signed: all bots' and others' together."""
        ...


class View(Protocol[C, S]):
    """All a bot may know. Every value is frozen; nothing here can act."""

    now_ns: int
    name: str
    config: C
    state: S
    phase: Phase
    messages: tuple[Message, ...]

    def market(self, market: Market) -> MarketView | None:
        """None while the instrument is not known yet."""

    def free(self, account: str, asset: str) -> Decimal | None:
        """What the account may spend of it, as the venue said last; None where it has not said."""

    def position(self, market: Market) -> Decimal:
        """What the account holds of it, signed: all bots' and others' together."""
        ...

    def slot(self, slot: str) -> SlotView: ...

    def bars(self, market: Market, interval_ns: int) -> tuple[Bar, ...]:
        """Closed bars, oldest first, as far as they are kept; none before the first connection."""

    def trades(self, market: Market) -> tuple[Trade, ...]:
        """The latest trades of others, oldest first."""


class Decision(Struct, Generic[S], frozen=True):
    state: S
    wants: tuple[Want, ...] = ()
    # Be asked again at this time at the latest, whatever happens or does not; 0 = no need.
    wake_ns: int = 0
    notes: tuple[Note, ...] = ()
    messages: tuple[Send, ...] = ()
    # A sentence ends the bot: its work is done. Refused while it has orders or unsettled slots.
    done: str = ""
    # Only the watermark moved: may be journalled at most once a second.
    soft: bool = False


class Bot(Generic[C, S]):
    """Derive from this, set the class variables, write `decide`."""

    kind: ClassVar[str]
    # One sentence for lists and forms.
    summary: ClassVar[str]
    Config: ClassVar[type[Struct]]
    State: ClassVar[type[Struct]]
    state_version: ClassVar[int] = 1
    # False: it is not asked again at every change of a book, only by its orders, clock and people.
    hears_books: ClassVar[bool] = True
    # Words it understands by `tell`, each with one sentence.
    words: ClassVar[Mapping[str, str]] = {}

    def check(self, config: C) -> str:
        """What is wrong with these parameters, in one sentence; "" when nothing is."""
        return ""

    def check_amend(self, old: C, new: C) -> str:
        """Why a running bot may not change from `old` to `new`; "" when it may."""
        return ""

    def suits(self, config: C, known: Known) -> str:
        """What speaks against beginning with these parameters now, in one sentence; "" when nothing does.
        What is not known yet speaks against nothing: the bot waits for it."""
        return ""

    def claim(self, config: C) -> str:
        """What only one living bot at a time may hold, in words like `preorder 1234`; "" where nothing."""
        return ""

    def markets(self, config: C) -> tuple[Market, ...]:
        raise AssertionError(f"{type(self).__name__} must say which markets it watches")

    def feeds(self, config: C) -> tuple[MarketFeed, ...]:
        """Trades and bars it wants to hear, of markets it watches."""
        return ()

    def migrate(self, version: int, state: dict[str, Any]) -> dict[str, Any]:
        """Bring an older State (as plain data) up to `state_version`, one version at a time."""
        return state

    def decide(self, view: View[C, S]) -> Decision[S]:
        raise AssertionError(f"{type(self).__name__} must decide")
