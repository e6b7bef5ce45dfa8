"""What people ask of markets: prices now, and scans over them. Asked of the gate, reckoned here.

The engine is asked for what accounts list, and the venues, through it, for prices of what a scan needs. What
an account does not tell is one sentence beside the others' result. Where two accounts are at one venue, its
markets are looked at once, through the first of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from kedge.client import Refused
from kedge.desk.scan.dividends import INTEREST_PCT, LINES, THRESHOLD_PCT, Dividend, dividends
from kedge.desk.scan.lines import LINES_MOST, rate_from
from kedge.desk.scan.quotes import FUNDING_S, Quoted
from kedge.desk.scan.yields import RATE, Yield, basis, scan
from kedge.model.instrument import Instrument, Market, account_of, symbol_of
from kedge.model.looks import ListedLook, QuoteLook
from kedge.model.numbers import ZERO, BadNumber, moment
from kedge.model.ratio import ticker_of

# Rows by name and filters: `Desk.read`, of the gate or by REST.
Read = Callable[..., Awaitable[Any]]

PAGE = 2_000
PAGES_MOST = 50
# Less than any pair can yield.
ANY_PCT = Decimal(-1_000)


class Prices(Struct, frozen=True):
    """The table that scans read, and what people should know of it."""

    table: tuple[Quoted, ...]
    now_ns: int = 0
    age_ns: int = 0  # of the oldest price
    said: tuple[str, ...] = ()


class Scanned(Struct, frozen=True):
    """`rows` are the best first, `found` how many there are of them, `pairs` how many were looked at, and
    `best` is the best of these, whatever it yields."""

    rate_pct: Decimal
    rows: tuple[Yield, ...]
    found: int
    pairs: int
    best: Yield | None
    left_out: dict[str, int]  # why pairs could not be reckoned, and how many
    now_ns: int
    age_ns: int
    said: tuple[str, ...] = ()


class Implied(Struct, frozen=True):
    """Dividends that futures imply, the highest yield first."""

    interest_pct: Decimal
    threshold_pct: Decimal
    rows: tuple[Dividend, ...]
    found: int
    now_ns: int
    age_ns: int
    said: tuple[str, ...] = ()


class BasisPoint(Struct, frozen=True):
    """One future of the chart: how far it is above what it is of."""

    market: Market
    expires_ns: int
    over: Decimal  # for one unit of the asset
    over_pct: float


async def quoted(read: Read, account: str, symbols: str = "") -> tuple[QuoteLook, ...]:
    """The prices of an account's markets now, of all or of some. Raises `Refused`, `DeskAway`."""
    return msgspec.convert(await read("quotes", account=account, symbols=symbols), tuple[QuoteLook, ...])


async def scanned(
    read: Read, rate: str = str(RATE), asset: str = "", account: str = "", limit: int = LINES_MOST
) -> Scanned:
    """What pairs yield more than this a year. Raises `Refused`, `DeskAway`."""
    rate_pct = _number(rate, "rate")
    now = await prices(read, asset, account)
    made = await asyncio.to_thread(scan, now.table, now.now_ns, ANY_PCT)
    good = [row for row in made.rows if row.yearly_pct > float(rate_pct)]
    return Scanned(
        rate_pct=rate_pct,
        rows=tuple(good[:limit]),
        found=len(good),
        pairs=made.pairs,
        best=made.rows[0] if made.rows else None,
        left_out=made.left_out,
        now_ns=now.now_ns,
        age_ns=now.age_ns,
        said=now.said,
    )


async def implied(
    read: Read,
    rate: str = str(INTEREST_PCT),
    threshold: str = str(THRESHOLD_PCT),
    asset: str = "",
    account: str = "",
    limit: int = LINES,
) -> Implied:
    """What dividends futures imply at this interest rate. Raises `Refused`, `DeskAway`."""
    interest, least = _number(rate, "rate"), _number(threshold, "threshold")
    now = await prices(read, asset, account)
    rows = await asyncio.to_thread(dividends, now.table, now.now_ns, interest, least)
    return Implied(interest, least, rows[:limit], len(rows), now.now_ns, now.age_ns, now.said)


async def assets(read: Read) -> tuple[str, ...]:
    """What there are dated futures on, for a choice."""
    found = {_asset(one.instrument): None for one in await listed(read) if _is_dated(one.instrument)}
    return tuple(sorted(found))


async def basis_of(read: Read, asset: str, account: str = "") -> tuple[BasisPoint, ...]:
    """For a chart: each future on this asset, by expiry. Raises `Refused`, `DeskAway`."""
    now = await prices(read, asset, account)
    dated = {one.instrument.expires_ns: one.market for one in now.table if one.dated}
    points = basis(now.table, asset, now.now_ns)
    return tuple(BasisPoint(dated[at_ns], at_ns, over, over_pct) for at_ns, over, over_pct in points)


# ── the table ───────────────────────────────────────────────────────────────────────────────────


async def prices(read: Read, asset: str = "", account: str = "") -> Prices:
    """Everything that has dated futures, and those, with their prices now. Raises `DeskAway`, and `Refused`
    where there is nothing of the kind."""
    needed = relevant([one for one in await listed(read, account) if not asset or _is_of(one, asset)])
    if not needed:
        what = f" on {asset}" if asset else ""
        where = account or "any account"
        raise Refused(f"there are no dated futures{what} at {where}: there is nothing to scan")
    by_account: dict[str, dict[str, Instrument]] = {}
    for one in needed:
        by_account.setdefault(account_of(one.market), {})[symbol_of(one.market)] = one.instrument
    told = await asyncio.gather(*(_told(read, name, of) for name, of in by_account.items()))
    table = [_quoted(look, by_account) for looks in told if not isinstance(looks, str) for look in looks]
    looks = [look for looks in told if not isinstance(looks, str) for look in looks]
    said = [one for one in told if isinstance(one, str)]
    for name in by_account:
        said += _remarks(name, [look for look in looks if account_of(look.market) == name])
    if not looks:
        raise Refused("; ".join(said) or "no venue has told a price")
    now_ns = max(look.now_ns for look in looks)
    return Prices(tuple(table), now_ns, max(look.age_ns for look in looks), tuple(said))


async def listed(read: Read, account: str = "") -> list[ListedLook]:
    """Every instrument that the accounts list, each venue's once."""
    found: list[ListedLook] = []
    after = ""
    for _ in range(PAGES_MOST):
        page = await read("listed", account=account, after=after, limit=PAGE)
        found += msgspec.convert(page, list[ListedLook])
        if len(page) < PAGE:
            break
        after = found[-1].market
    seen: dict[tuple[str, str], str] = {}
    for one in found:
        seen.setdefault((_venue(one.market), symbol_of(one.market)), one.market)
    return [one for one in found if seen[_venue(one.market), symbol_of(one.market)] == one.market]


def relevant(known: Sequence[ListedLook]) -> list[ListedLook]:
    """What a scan needs prices of: dated futures, and what they are of."""
    of = {_asset(one.instrument): None for one in known if _is_dated(one.instrument)}
    return [one for one in known if _is_dated(one.instrument) or (_is_live(one) and _names_one(one, of))]


async def _told(read: Read, account: str, of: Mapping[str, Instrument]) -> tuple[QuoteLook, ...] | str:
    try:
        return await quoted(read, account, ",".join(of))
    except Refused as refused:
        return str(refused)


def _quoted(look: QuoteLook, by_account: Mapping[str, Mapping[str, Instrument]]) -> Quoted:
    """Out of session the book is what was left of it: the last price says more."""
    last = look.last or look.mark
    shut = not look.open and last > ZERO
    return Quoted(
        market=look.market,
        instrument=by_account[account_of(look.market)][symbol_of(look.market)],
        bid=ZERO if shut else look.bid,
        ask=ZERO if shut else look.ask,
        last=last,
        funding_rate=look.funding_rate,
        funding_s=look.funding_s or FUNDING_S,
    )


def _remarks(account: str, looks: Sequence[QuoteLook]) -> Iterable[str]:
    """What stands behind these prices, where it is not what could be traded at now."""
    shut = [look for look in looks if not look.open]
    if shut:
        opens = min((look.opens_ns for look in shut if look.opens_ns), default=0)
        when = f"; the next session begins {moment(opens)}" if opens else ""
        yield f"{account}: {_of(shut, looks)} out of session, taken at last prices{when}"
    thin = [look for look in looks if look.open and not (look.bid and look.ask)]
    if thin:
        yield f"{account}: {_of(thin, looks)} without a bid or an ask: the last price stands in for it"


def _of(some: Sequence[QuoteLook], looks: Sequence[QuoteLook]) -> str:
    if len(some) <= 3:
        return ", ".join(symbol_of(look.market) for look in some)
    return f"{len(some)} of {len(looks)} markets"


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _asset(it: Instrument) -> str:
    return it.asset or it.base


def _is_dated(it: Instrument) -> bool:
    return it.expires_ns > 0 and it.listed and it.status != "closed"


def _is_live(one: ListedLook) -> bool:
    it = one.instrument
    of = it.kind in ("spot", "linear") and it.sector in ("", "share")
    return of and it.listed and it.status != "closed" and not it.expires_ns


def _names_one(one: ListedLook, of: Mapping[str, None]) -> bool:
    it = one.instrument
    return it.symbol in of or ticker_of(it) in of or it.base in of


def _is_of(one: ListedLook, asset: str) -> bool:
    it = one.instrument
    wanted = asset.upper()
    return any(wanted == name.upper() for name in (it.asset, it.symbol, ticker_of(it), it.base))


def _venue(market: Market) -> str:
    return account_of(market).partition("/")[0]


def _number(written: str, name: str) -> Decimal:
    try:
        return rate_from(written)
    except BadNumber as wrong:
        raise Refused(f"`{name}`: {wrong}", "usage") from None


def shown_legs(rows: Sequence[Yield] | Sequence[Dividend]) -> list[tuple[str, str]]:
    """The legs as people read them: with their accounts where there is more than one."""
    legs = [(row.near, row.far) if isinstance(row, Yield) else (row.sell, row.buy) for row in rows]
    if len({account_of(leg): None for pair in legs for leg in pair}) > 1:
        return legs
    return [(symbol_of(first), symbol_of(second)) for first, second in legs]


Answer = tuple[QuoteLook, ...] | Scanned | Implied
ANSWERS: dict[str, Callable[..., Awaitable[Answer]]] = {
    "quotes": quoted,
    "scan": scanned,
    "dscan": implied,
}


async def answer(what: str, read: Read, args: Mapping[str, Any]) -> Answer:
    """One of these questions, with the arguments of its deed."""
    return await ANSWERS[what](read, **args)
