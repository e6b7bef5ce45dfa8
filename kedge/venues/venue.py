"""How the engine's shell speaks to any venue: one protocol, one object per account.

An implementation is three files beside this one: `wire.py` (pure: bytes to model and back, signing, the
error table), `rules.py` (limits and bounds as data with a date) and `client.py` (the I/O, this protocol).

The contract, to the last edge:

* No method raises for what a venue or a network can do. Requests answer with an `Answered` of one of the
  four classes; questions (`lookup`, `report`) return a value that says what failed.
* Exactly one attempt per call. Whether to ask again is the engine's decision, never the adapter's.
* `place` refuses to send after `valid_until_ns`, and the request carries that moment to the venue.
* `emit` is called from the loop, in the order the venue spoke, from `open` until `close`. After a
  `LinkDown` nothing is emitted until the next `LinkUp`; reconnecting with back-off is the adapter's work.
* What waiting cannot mend (a wrong key, a missing right, an address that is not allowed) is tried a few times
  with growing waits, then not again: `LinkDown(stopped=True)` with the sentence that says how to mend it.
  `retry` tries once more.
* A gap in a book is a `BookLost`, then a fresh snapshot; a gap in private streams is a `LinkDown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Literal, Protocol

from msgspec import Struct

from kedge.model.events import Answered, Event, LookedUp
from kedge.model.instrument import Instrument
from kedge.model.venue import AccountReport, Ask, Bar, Feed, PlaceOrder, Quote, Rules

Emit = Callable[[Event], None]
# Nanoseconds since 1970, by the desk's steady clock.
Clock = Callable[[], int]


class Setup(Struct, frozen=True):
    """What an adapter needs to know to drive one account: what a person set, secrets in the clear.

    It is never printed: whoever holds it keeps `key` and `secret` out of every log, error and event.
    """

    account: str
    key: str = ""
    secret: str = ""
    # Real money. False: the venue's test network, or its demo, or `url`.
    live: bool = False
    demo: bool = False
    # A simulator's address, like "http://127.0.0.1:8001", instead of all of the venue's own.
    url: str = ""
    # Symbol to leverage; what is not named is left as it is.
    leverage: Mapping[str, Decimal] = {}
    margin: Literal["", "cross", "isolated"] = ""
    dead_man_ns: int = 0
    # A key that may withdraw is refused for real money, unless this says that it is meant.
    may_withdraw: bool = False
    # What the settings call the venue, where one adapter drives several of them: "ccxt-kraken".
    venue: str = ""
    # The account's number at the venue, where one key opens several; "": the only one.
    number: str = ""

    def __repr__(self) -> str:
        return f"Setup({self.account!r})"


class Condition(Struct, frozen=True):
    """How an adapter is, for people; 0 where it cannot tell."""

    requests_used: int = 0  # of the allowance that is nearest to its end
    requests_max: int = 0
    skew_ns: int = 0  # the venue's clock less ours
    private_age_ns: int = 0  # since the account's stream was heard


class Venue(Protocol):
    @property
    def account(self) -> str: ...

    @property
    def rules(self) -> Rules: ...

    @property
    def trouble(self) -> str:
        """What keeps the account from working, or is odd about it, in one sentence; "" when nothing."""

    @property
    def condition(self) -> Condition: ...

    async def open(self, emit: Emit) -> None:
        """Start connecting; returns at once. `LinkUp` follows when streams are on."""

    async def close(self) -> None: ...

    def retry(self) -> None:
        """A person says that what kept the venue from letting us in is mended: try now."""

    async def watch(self, symbols: Sequence[str], feeds: Sequence[Feed] = ()) -> None:
        """Have books and marks of exactly these symbols streamed, and these feeds (the set replaces the
        earlier one). Bars begin with the last few hundred, as one `BarsSeen`."""

    async def bars(
        self, symbol: str, interval_ns: int, since_ns: int, until_ns: int
    ) -> tuple[Bar, ...] | str:
        """History: closed bars that start in [since, until), oldest first, empty intervals flat."""

    async def place(self, order: PlaceOrder) -> Answered: ...

    async def amend(
        self, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        """Change price and total quantity of a live order in place."""

    async def cancel(
        self, client_id: str, symbol: str, valid_until_ns: int, venue_id: str = ""
    ) -> Answered: ...

    async def cancel_all(self, symbol: str | None) -> str:
        """Cancel every open order there, stops included, whoever placed it; `None`: of the whole account.

        "" when the venue has agreed, for every symbol asked; else one sentence with what it did not agree to.
        What is left afterwards is for `report` to tell.
        """

    async def lookup(self, ask: Ask) -> LookedUp:
        """The order, from open ones, history and fills. `ask.burn` comes only where `Rules.burns`."""

    async def instruments(self) -> tuple[Instrument, ...] | str:
        """Everything that the venue lists for this account, asked anew and told whole; or why not."""

    async def quotes(self, symbols: Sequence[str] | None = None) -> tuple[Quote, ...] | str:
        """The best prices now of these symbols, or of all it lists, in as few requests as the venue has for
        that; or why not. What it does not list is left out. Nothing is subscribed, and it is never urgent."""

    async def report(self, cursor: str) -> AccountReport | str:
        """The account's truth with fills and cash since `cursor` ("" = of the last day: what was before a
        desk's first life is not its own).

        A string is the one-sentence reason why it could not be had.
        """
