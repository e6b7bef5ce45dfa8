"""Prices for people, asked of venues when somebody wants them: one question at a time for each account, and
its answer is shared by all who ask within some seconds.

Nothing here reaches the engine: bots see the books that they watch. What is told says when it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from kedge.model.instrument import Instrument, market_of
from kedge.model.looks import ListedLook, QuoteLook
from kedge.model.sentences import mistake, unknown_name
from kedge.model.venue import Quote
from kedge.runtime.shell import Shell

SECOND_NS = 1_000_000_000
# An answer is good for so long, and so is a refusal.
SHARED_NS = 3 * SECOND_NS
# Questions to one venue are so far apart: what is wanted meanwhile is asked for with the next one.
APART_NS = SECOND_NS // 2
PATIENCE_S = 20.0
SYMBOLS_MOST = 5_000
LISTED_MOST = 2_000

Said = tuple[Quote, ...] | str
Listings = Mapping[str, Mapping[str, Instrument]]


class QuotesAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """`symbols`: of these, in a list or with commas between; none named: of all."""

    account: str
    symbols: list[str] | str = ""


class ListedAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """`after`: behind this market, by name."""

    account: str = ""
    after: str = ""
    limit: int = LISTED_MOST


class _Kept(Struct):
    """What one account's venue has told. `None`: it was asked for a symbol, and told nothing."""

    told: dict[str, tuple[Quote | None, int]]
    wanted: dict[str, None]
    under_way: asyncio.Future[Said] | None = None
    asked_ns: int = -APART_NS
    failed: str = ""
    failed_ns: int = -SHARED_NS


class Quotes:
    """`listings` are the engine's instruments by account, `shells` the ways to the venues."""

    def __init__(
        self, listings: Callable[[], Listings], shells: Mapping[str, Shell], clock: Callable[[], int]
    ) -> None:
        self._listings = listings
        self._shells = shells
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    async def read(self, args: Mapping[str, object]) -> tuple[QuoteLook, ...]:
        """Raises ValueError with one sentence."""
        ask = _asked("quotes", args, QuotesAsk)
        known = self._known(ask.account)
        symbols = _symbols(ask.symbols)
        for symbol in symbols:
            if symbol not in known:
                raise ValueError(unknown_name(symbol, known, "market", ask.account))
        wanted = symbols or [name for name, one in known.items() if one.listed]
        await self._have(ask.account, wanted)
        told, now_ns = self._kept[ask.account].told, self._clock()
        found = [(told[symbol], known[symbol]) for symbol in wanted if symbol in told]
        return tuple(
            _look(ask.account, quote, asked_ns, now_ns, it) for (quote, asked_ns), it in found if quote
        )

    def listed(self, args: Mapping[str, object]) -> tuple[ListedLook, ...]:
        """Every instrument with all that is known of it, by the names of markets, in pages."""
        ask = _asked("listed", args, ListedAsk)
        if not 1 <= ask.limit <= LISTED_MOST:
            raise ValueError(f"listed: `limit` is from 1 to {LISTED_MOST}")
        if ask.account:
            self._known(ask.account)
        found = {
            market_of(account, symbol): one
            for account, known in self._listings().items()
            if ask.account in ("", account)
            for symbol, one in known.items()
        }
        names = [name for name in sorted(found) if name > ask.after]
        return tuple(ListedLook(name, found[name]) for name in names[: ask.limit])

    # ── asking ──────────────────────────────────────────────────────────────────────────────────

    def _known(self, account: str) -> Mapping[str, Instrument]:
        listings = self._listings()
        if account not in self._shells or account not in listings:
            raise ValueError(unknown_name(account, self._shells, "account"))
        return listings[account]

    async def _have(self, account: str, wanted: Sequence[str]) -> None:
        """Everything that is wanted is known and young; asked for where it is not."""
        kept = self._kept.setdefault(account, _Kept({}, {}))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while missing := self._missing(kept, wanted):
                    if self._clock() - kept.failed_ns < SHARED_NS:
                        raise ValueError(f"{account}: {kept.failed}")
                    kept.wanted |= dict.fromkeys(missing)
                    wait_ns = kept.asked_ns + APART_NS - self._clock()
                    if kept.under_way is None and wait_ns > 0:
                        await asyncio.sleep(wait_ns / SECOND_NS)
                        continue
                    if kept.under_way is None:
                        self._ask(account, kept)
                    assert kept.under_way is not None
                    await asyncio.shield(kept.under_way)
        except TimeoutError:
            raise ValueError(
                f"{account}: the venue has not told its prices within {PATIENCE_S:g} s; ask again"
            ) from None

    def _missing(self, kept: _Kept, wanted: Sequence[str]) -> list[str]:
        oldest_ns = self._clock() - SHARED_NS
        return [one for one in wanted if one not in kept.told or kept.told[one][1] < oldest_ns]

    def _ask(self, account: str, kept: _Kept) -> None:
        """For all that anybody wants. What is young enough is kept; what was told before is forgotten."""
        asked_ns = kept.asked_ns = self._clock()
        symbols = list(kept.wanted)
        kept.wanted = {}
        kept.under_way = self._shells[account].quotes(symbols)

        def answered(future: asyncio.Future[Said]) -> None:
            kept.under_way = None
            said = future.result()
            if isinstance(said, str):
                kept.failed, kept.failed_ns = said, self._clock()
                return
            young = {name: one for name, one in kept.told.items() if asked_ns - one[1] < SHARED_NS}
            told = {quote.symbol: quote for quote in said}
            # Counted from its answer: who waited long for it must not find it old at once.
            now_ns = self._clock()
            kept.told = {**young, **{symbol: (told.get(symbol), now_ns) for symbol in symbols}}

        kept.under_way.add_done_callback(answered)


def _look(account: str, quote: Quote, asked_ns: int, now_ns: int, it: Instrument) -> QuoteLook:
    return QuoteLook(
        market=market_of(account, quote.symbol),
        bid=quote.bid,
        bid_qty=quote.bid_qty,
        ask=quote.ask,
        ask_qty=quote.ask_qty,
        last=quote.last,
        mark=quote.mark,
        funding_rate=quote.funding_rate,
        funding_ns=quote.funding_ns,
        funding_s=quote.funding_s,
        venue_ns=quote.venue_ns,
        now_ns=now_ns,
        age_ns=max(0, now_ns - asked_ns),
        open=it.is_open(now_ns),
        opens_ns=it.opens_ns(now_ns),
    )


def _symbols(given: list[str] | str) -> list[str]:
    named = given.replace(",", " ").split() if isinstance(given, str) else given
    if len(named) > SYMBOLS_MOST:
        raise ValueError(f"quotes: at most {SYMBOLS_MOST} symbols at once")
    return list(dict.fromkeys(named))


def _asked(what: str, args: Mapping[str, object], shape: type[Any]) -> Any:
    try:
        return msgspec.convert(dict(args), shape, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(mistake(error, shape, what)) from None
