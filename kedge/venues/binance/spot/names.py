"""What must be remembered of orders here: trades carry the venue's number of an order, not the client id.

`Names` holds the newest orders by their numbers, so that a fill finds its order though a cancel by somebody
else has renamed it. `Cursor` is what a report leaves for the next one, as text in the journal: where each
symbol's trades go on, and the names of the orders that were open then. Pure.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from kedge.venues.binance.spot.wire import Id, Millis, Unreadable, Word

NAMES_MAX = 20_000
# Names in a cursor: of the newest open orders.
CARRIED_MAX = 200
# Each costs a question after every reconnect. One that is not named is asked about from its first order of
# this life on, again and again.
SYMBOLS_MAX = 500


class Names:
    """Order numbers, unique per symbol, to client ids."""

    def __init__(self, most: int = NAMES_MAX) -> None:
        self._most = most
        self._names: dict[tuple[str, str], str] = {}

    def learn(self, symbol: str, venue_id: str, client_id: str) -> None:
        """The first name is the one the order was placed with: a later one is a cancel's."""
        key = (symbol, venue_id)
        if not client_id or key in self._names:
            return
        self._names[key] = client_id
        if len(self._names) > self._most:
            del self._names[next(iter(self._names))]

    def find(self, symbol: str, venue_id: str) -> str | None:
        return self._names.get((symbol, venue_id))

    def number(self, symbol: str, client_id: str) -> str | None:
        """The order's number, by its client id; looked for among the newest first."""
        for (named, venue_id), name in reversed(self._names.items()):
            if name == client_id and named == symbol:
                return venue_id
        return None


class Cursor(Struct, frozen=True):
    """`since`: the venue's time, in ms, up to which every symbol not named in `trades` has been asked for."""

    since: Millis = 0
    trades: dict[Word, Id] = {}
    names: Annotated[dict[Word, Word], Meta(max_length=10 * CARRIED_MAX)] = {}


_decode = msgspec.json.Decoder(Cursor).decode
_encode = msgspec.json.Encoder(order="deterministic").encode


def read_cursor(text: str) -> Cursor | Unreadable:
    if not text:
        return Cursor()
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return Unreadable(f"the cursor of the last report is not one of Binance spot ({error})")


def write_cursor(cursor: Cursor) -> str:
    return _encode(cursor).decode()


def name_key(symbol: str, venue_id: str) -> str:
    return f"{symbol}:{venue_id}"
