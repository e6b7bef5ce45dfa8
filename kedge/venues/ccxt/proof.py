"""What can be proven of an exchange behind ccxt, found out before a single order is sent.

Whether an order can be told from all others, and found again after a crash, decides whether "at most one live
order per intention" can be kept. ccxt's table of abilities does not say it, so the calls are rehearsed: made
with an id of our own and everything else as in earnest, but stopped before the net (`witness`). If our id
stands in the request that would have left, and ccxt's own code means that parameter, the exchange is told it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import CodeType
from typing import Any, Final

from msgspec import Struct

from kedge.model.numbers import ONE, text
from kedge.venues.ccxt.errors import Failure
from kedge.venues.ccxt.rules import ID_PARAMS, ID_PREFIXES
from kedge.venues.ccxt.talk import Talk
from kedge.venues.ccxt.wire import Listing, amount_of
from kedge.venues.ccxt.witness import Exchange

UNIFIED: Final = "clientOrderId"
# An id of nobody's, in the form of ours.
REHEARSAL_ID: Final = "0123456789abcdef0123456789abcdef"
_NO_ID: Final = re.compile(r"""['"]clientOrderId['"]: None\b""")
_NO_TRADE_ID: Final = re.compile(r"""['"]id['"]: None\b""")
_NO_TRADE_ORDER: Final = re.compile(r"""['"]order['"]: None\b""")


class Rehearsal(Struct, frozen=True):
    """Whether our id is in the requests; `why` says why it is not in the one that places an order."""

    place: bool = False
    fetch: bool = False
    cancel: bool = False
    # Orders are not placed by GET, so a GET that was lost has changed nothing.
    by_post: bool = False
    why: str = ""


class Proof(Struct, frozen=True):
    """What can be proven of one exchange, in the words of its page."""

    exchange: str
    carries_id: bool  # an order goes out under our id
    shows_id: bool  # orders come back under it
    finds_by_id: bool  # one question by our id
    cancels_by_id: bool
    lists_open: bool
    lists_closed: bool
    finds_by_number: bool  # one question by the exchange's own number
    fills: bool  # trades of ours, numbered, each with its order
    says_why: str = ""

    @property
    def findable(self) -> bool:
        """An order whose answer was lost can be found by our id, whatever has become of it."""
        return self.finds_by_id or (self.shows_id and self.lists_open and self.lists_closed)

    @property
    def at_most_once(self) -> bool:
        return self.carries_id and self.findable and self.fills

    @property
    def refusal(self) -> str:
        """Why no real money is risked there, in one sentence; "" where it may be."""
        if self.at_most_once:
            return ""
        lacks = self._lacks()
        return (
            f"{self.exchange} is not traded with real money through ccxt: {lacks}, so nobody could tell"
            " whether an order whose answer was lost is live; use a venue with an adapter of its own"
        )

    def _lacks(self) -> str:
        if not self.carries_id:
            return "orders cannot be given our own id" + (f" ({self.says_why})" if self.says_why else "")
        if not self.findable:
            return "an order cannot be found again by our id"
        return "its trades cannot be told apart, or not by their orders"


def provable(exchange: Exchange, rehearsal: Rehearsal | None = None) -> Proof:
    """What ccxt's own table and code say, and what the rehearsal showed. Without one, no id is proven."""
    seen = rehearsal or Rehearsal(why="it was not rehearsed")
    has: Mapping[str, Any] = exchange.has
    return Proof(
        exchange=str(exchange.id),
        carries_id=seen.place,
        shows_id=not _NO_ID.search(_source(exchange, "parse_order")),
        finds_by_id=seen.fetch and bool(has.get("fetchOrder")),
        cancels_by_id=seen.cancel and bool(has.get("cancelOrder")),
        lists_open=bool(has.get("fetchOpenOrders")),
        lists_closed=any(bool(has.get(name)) for name in CLOSED_LISTS),
        finds_by_number=bool(has.get("fetchOrder")),
        fills=bool(has.get("fetchMyTrades")) and _trades_are_named(exchange),
        says_why=seen.why,
    )


# Any of these lists what became of orders that are no longer open.
CLOSED_LISTS: Final = ("fetchCanceledAndClosedOrders", "fetchOrders", "fetchClosedOrders")


async def rehearse(talk: Talk, listing: Listing) -> Rehearsal:
    """Play placing, looking up and cancelling one order of this market, up to the net and no further."""
    exchange, symbol = talk.exchange, listing.symbol
    named = id_params(str(exchange.id), REHEARSAL_ID)
    sent = written(str(exchange.id), REHEARSAL_ID)
    amount, price = _smallest(listing)
    placed = await talk.rehearse(
        lambda: exchange.create_order(symbol, "limit", "buy", amount, price, dict(named)), sent
    )
    why = placed.why if isinstance(placed, Failure) else "" if placed else "ccxt leaves it out"
    place = _is_told(exchange, "create_order", placed)
    if not why and not place:
        why = "ccxt does not know what it means there"
    fetched = await talk.rehearse(lambda: exchange.fetch_order("", symbol, dict(named)), sent)
    cancelled = await talk.rehearse(lambda: exchange.cancel_order("", symbol, dict(named)), sent)
    return Rehearsal(
        place=place,
        fetch=_is_told(exchange, "fetch_order", fetched),
        cancel=_is_told(exchange, "cancel_order", cancelled),
        by_post=isinstance(placed, str) and not placed.startswith("GET "),
        why=why,
    )


def id_params(exchange: str, client_id: str) -> dict[str, str]:
    """How this exchange is told our id."""
    return {ID_PARAMS.get(exchange, UNIFIED): written(exchange, client_id)}


def written(exchange: str, client_id: str) -> str:
    return ID_PREFIXES.get(exchange, "") + client_id


def read_id(exchange: str, shown: object) -> str:
    """What an exchange shows as an order's id, in our own spelling; "" where it shows none."""
    prefix = ID_PREFIXES.get(exchange, "")
    return str(shown or "").removeprefix(prefix)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────

# Classes above every exchange, which know of ids in general.
_COMMON: Final = ("Exchange", "BaseExchange", "object")


def _is_told(exchange: Exchange, method: str, request: str | Failure) -> bool:
    """Whether the exchange is told our id in a word of its own.

    ccxt hands on, unread, what it does not know; the exchange may then ignore it. So either the id stands in
    the request under another name than ccxt's own, or the very method speaks of that name.
    """
    if isinstance(request, Failure) or not request:
        return False
    if str(exchange.id) in ID_PARAMS:
        # The exchange's own word, by its documents, for placing. Elsewhere ccxt hands it on unread.
        return method == "create_order"
    if UNIFIED not in request:
        return True  # by ccxt's translation
    own = [one for one in type(exchange).__mro__ if one.__name__ not in _COMMON]
    return any(
        UNIFIED in _constants(code)
        for kind in own
        for known, code in _codes(kind)
        if known in (method, f"{method}_request")
    )


def _codes(kind: type[Any]) -> Iterator[tuple[str, CodeType]]:
    for name, value in vars(kind).items():
        code = getattr(value, "__code__", None)
        if isinstance(code, CodeType):
            yield name, code


def _constants(code: CodeType) -> Iterator[object]:
    for value in code.co_consts:
        if isinstance(value, tuple):
            yield from value
        else:
            yield value


def _trades_are_named(exchange: Exchange) -> bool:
    source = _source(exchange, "parse_trade")
    return not (_NO_TRADE_ID.search(source) or _NO_TRADE_ORDER.search(source))


def _source(exchange: Exchange, method: str) -> str:
    """The text of one method; "" where there is none to read."""
    found = getattr(type(exchange), method, None)
    try:
        return inspect.getsource(found) if found is not None else ""
    except (OSError, TypeError):
        return ""


def _smallest(listing: Listing) -> tuple[str, str]:
    """A quantity and a price that the market would take."""
    instrument = listing.instrument
    qty = max(instrument.min_qty, instrument.qty_step)
    steps = -(-qty // instrument.qty_step)
    price = instrument.tick * Decimal(max(ONE, Decimal(1_000)))
    return amount_of(listing, steps * instrument.qty_step), text(price)
