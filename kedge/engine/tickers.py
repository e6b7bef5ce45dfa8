"""From what people call a market to the market: SBER, sber, SBER@TQBR, tinvest/main:SBER."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from kedge.engine.engine import Engine
from kedge.engine.state import Account
from kedge.model.instrument import Instrument, Market, market_of
from kedge.model.sentences import nearest, unknown_name

SHOWN_MOST = 6
QUOTE_MOST = 40


class Called(Struct, frozen=True):
    """One market; or why it is not clear which, in one sentence."""

    market: Market = ""
    wrong: str = ""


def market_called(e: Engine, given: str) -> Called:
    account, colon, symbol = given.strip().partition(":")
    if colon:
        return _in_account(e, account, symbol)
    wanted = given.strip().upper()
    if not wanted:
        return Called(wrong="say which ticker")
    fitting = [
        (market_of(name, one.symbol), one.listed)
        for name in e.links
        if (known := e.desk.accounts.get(name)) is not None
        for one in _fitting(known, wanted)
    ]
    # What is listed no longer is meant only where nothing else can be.
    listed = [market for market, there in fitting if there] or [market for market, _ in fitting]
    if len(listed) == 1:
        return Called(listed[0])
    if listed:
        more = ", ..." if len(listed) > SHOWN_MOST else ""
        return Called(
            wrong=f"{wanted} is listed at several: {', '.join(listed[:SHOWN_MOST])}{more}; say which"
        )
    return Called(wrong=_nobody(e, given.strip()[:QUOTE_MOST]))


def _fitting(account: Account, wanted: str) -> Iterator[Instrument]:
    """By the whole symbol; where there is none, by its part before the board: SBER for SBER@TQBR."""
    exact = account.instruments.get(wanted)
    if exact is not None:
        yield exact
        return
    whole = [one for one in account.instruments.values() if one.symbol.upper() == wanted]
    board = f"{wanted}@"
    yield from whole or [one for one in account.instruments.values() if one.symbol.upper().startswith(board)]


def _in_account(e: Engine, account: str, symbol: str) -> Called:
    if account not in e.links:
        return Called(wrong=unknown_name(account, e.links, "account"))
    known = e.desk.accounts.get(account)
    found = list(_fitting(known, symbol.upper())) if known is not None else []
    if len(found) == 1:
        return Called(market_of(account, found[0].symbol))
    if found:
        some = ", ".join(market_of(account, one.symbol) for one in found[:SHOWN_MOST])
        return Called(wrong=f"{symbol} is listed at several: {some}; say which")
    if known is None or not known.instruments:
        return Called(
            wrong=f"{account} has not said yet what it lists: {e.links[account].why or 'it is asked'}"
        )
    near = nearest(symbol, [name for name in known.instruments if name[:1].upper() == symbol[:1].upper()])
    hint = f"; did you mean {near}?" if near else ""
    return Called(wrong=f"{account} does not list {symbol[:QUOTE_MOST]}{hint}")


def _nobody(e: Engine, given: str) -> str:
    near = nearest(given, [name for name in _symbols(e) if name[:1].upper() == given[:1].upper()])
    if near:
        return f"no account lists {given}; did you mean {near}?"
    silent = [
        name for name in e.links if name not in e.desk.accounts or not e.desk.accounts[name].instruments
    ]
    if silent:
        return f"no account lists {given}; {', '.join(silent)} has not said yet what it lists"
    return f"no account lists {given}"


def _symbols(e: Engine) -> Iterator[str]:
    for account in e.desk.accounts.values():
        yield from account.instruments
